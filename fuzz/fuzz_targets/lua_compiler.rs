//! Any bytes as source text: a message, or code that is valid, that can be listed, and that survives being written and read.
//!
//! `cargo +nightly fuzz run lua_compiler` in the directory above.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tenure_lua::bytecode::Listing;
use tenure_lua::chunk::{dump, undump, verify};
use tenure_lua::compiler::compile;

fuzz_target!(|data: &[u8]| {
    let Ok(proto) = compile(data, b"=input") else { return };
    verify(&proto).expect("the compiler makes valid code");
    let _ = Listing(&proto).to_string();
    assert_eq!(
        undump(&dump(&proto, false), b"=input").expect("what was written is read"),
        proto
    );
    undump(&dump(&proto, true), b"=input").expect("code without debug information is read");
});
