//! Runs a program of heap operations against the model heap.
//!
//! The first byte chooses a configuration, each eight after it are one operation. The program is the one of the model
//! tests, so that whatever is found here can be pasted there: with
//! `TENURE_PRINT=1`, an input prints its configuration and operations before it runs.
//!
//! `cargo +nightly fuzz run heap_ops` in the directory above; nightly because of the address sanitizer.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/program/mod.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod program;

use program::{Op, configurations, run};

/// More operations find nothing new, but take longer.
const MAX_OPS: usize = 400;

fuzz_target!(|data: &[u8]| {
    let Some((&which, rest)) = data.split_first() else {
        return;
    };
    let all = configurations();
    let (name, config) = all[which as usize % all.len()];
    let (chunks, _) = rest.as_chunks::<8>();
    let ops: Vec<Op> = chunks.iter().take(MAX_OPS).map(|chunk| Op::decode(*chunk)).collect();
    if std::env::var_os("TENURE_PRINT").is_some() {
        eprintln!("under {name}: {ops:?}");
    }
    run(config(), &ops);
});
