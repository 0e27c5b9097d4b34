//! Lua 5.4 on tenure, in safe Rust.
//!
//! Built on the facade alone: the language that shows how an interpreter is written on tenure.
#![forbid(unsafe_code)]

pub mod bytecode;
pub mod chunk;
pub mod compiler;
mod embed;
mod library;
mod native;
mod object;
pub mod pure;
mod services;
mod standalone;
pub mod system;
mod vm;

pub use embed::{Lua, LuaError, Owned, heap_config};
pub use native::{Call, Continuation, NativeFunction, Reentrant, Reply, Throw};
pub use object::{LuaRoots, LuaValue, Objects, Type, Val};
pub use services::Services;
pub use standalone::{Line, Message};
pub use vm::{Interrupter, Vm};
