//! The compiler and binary chunks, held against the reference implementation, against their limits, and against noise.
//!
//! What is expected was taken from Lua 5.4.9: listings from the binary chunks that it writes, messages as it gives them.

#![forbid(unsafe_code)]

mod binary_chunks;
mod limits;
mod listings;
mod malformed_code;
mod noise;
mod numerals_and_strings;
mod syntax_errors;

use tenure_lua::bytecode::Proto;
use tenure_lua::compiler::compile;

/// Compiles what must compile.
fn compiled(source: &[u8]) -> Proto {
    compile(source, b"=s").unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(source)))
}

/// The message for what must not compile.
fn message(source: &[u8]) -> String {
    match compile(source, b"=s") {
        Ok(_) => panic!("accepted: {}", String::from_utf8_lossy(source)),
        Err(error) => error.to_string(),
    }
}
