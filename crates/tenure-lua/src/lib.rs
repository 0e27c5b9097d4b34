//! Lua 5.4 on tenure, in safe Rust.
//!
//! Built on the facade alone: the language that shows how an interpreter is written on tenure.
#![forbid(unsafe_code)]

pub mod bytecode;
pub mod chunk;
pub mod compiler;
pub mod pure;
