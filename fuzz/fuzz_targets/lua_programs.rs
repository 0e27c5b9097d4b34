//! Programs of Lua drawn from bytes, in a heap that collects at every opportunity: they print what they print in one that hardly ever does.
//!
//! The first byte chooses the heap. The programs are those of `crates/tenure-lua/tests/stress`; with `TENURE_PRINT=1`, an input prints its
//! program before it runs. `cargo +nightly fuzz run lua_programs` in the directory above.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/tenure-lua/tests/stress/heaps.rs"]
mod heaps;
#[path = "../../crates/tenure-lua/tests/stress/program.rs"]
mod program;

use heaps::{STRESSED, outcome};
use program::program;

fuzz_target!(|data: &[u8]| {
    let Some((&which, rest)) = data.split_first() else {
        return;
    };
    let program = program(rest);
    if std::env::var_os("TENURE_PRINT").is_some() {
        eprintln!("{program}");
    }
    let flags = STRESSED[usize::from(which) % STRESSED.len()];
    assert_eq!(outcome(&program, flags), outcome(&program, &[]), "{flags:?}\n{program}");
});
