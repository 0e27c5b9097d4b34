//! States as their embedder meets them: interrupting what runs, and dropping.
#![forbid(unsafe_code)]

mod dropping;
mod interruption;
#[path = "../support/mod.rs"]
mod support;

use tenure_lua::{Lua, Services, heap_config};

fn state() -> Lua {
    Lua::new(heap_config(), Services::new(std::io::sink(), std::io::sink(), 1)).expect("a state")
}
