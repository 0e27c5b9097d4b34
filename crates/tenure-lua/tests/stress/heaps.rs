//! Runs a program in one of several heaps and tells what came of it.
//!
//! The heaps differ in when they collect and in nothing that a program could see. The first one hardly ever collects; what it says, the
//! others must say too.

#[path = "../support/mod.rs"]
mod support;

use std::io;
use support::Shown;
use tenure::prelude::*;
use tenure_lua::{Lua, LuaError, Services};

/// Flags of the heaps under stress.
pub(crate) const STRESSED: [&[(&str, &str)]; 6] = [
    // A collection at every allocation.
    &[("gc-interval", "1"), ("semi-space", "4096")],
    // Full collections, each with a mark stack of one entry, which overflows at once.
    &[
        ("mark-stack-entries", "1"),
        ("no-incremental", "true"),
        ("gc-interval", "3"),
        ("semi-space", "4096"),
    ],
    // Cycles in slices, with the program running in between.
    &[
        ("stress-incremental-marking", "true"),
        ("gc-interval", "2"),
        ("mark-stack-entries", "1"),
        ("semi-space", "4096"),
    ],
    // Everything moves.
    &[
        ("stress-compaction", "true"),
        ("compact", "slide"),
        ("stress-scavenge", "20"),
        ("semi-space", "4096"),
    ],
    &[
        ("stress-compaction", "true"),
        ("compact", "evacuate"),
        ("gc-interval", "5"),
        ("promotion", "all"),
        ("semi-space", "4096"),
    ],
    // Another barrier, and what is dead is overwritten.
    &[
        ("stress-incremental-marking", "true"),
        ("barrier", "deletion"),
        ("poison", "true"),
        ("gc-interval", "4"),
        ("semi-space", "4096"),
    ],
];

/// The heap of these flags. Small limits end programs that would use up the machine.
fn config(flags: &[(&str, &str)]) -> HeapConfig {
    let mut config = HeapConfig::new().max_old_bytes(128 << 20);
    for (name, value) in flags {
        match (*name, value.parse()) {
            ("semi-space", Ok(bytes)) => config = config.semi_space_bytes(bytes),
            _ => config.set_flag(name, value).expect("a flag of the table"),
        }
    }
    config
}

/// Runs a program in a heap with these flags. Returns what it printed, and behind it the error that it ended with, if there was one.
pub(crate) fn outcome(program: &str, flags: &[(&str, &str)]) -> String {
    let shown = Shown::default();
    let services = Services::new(shown.clone(), io::sink(), 1);
    let mut lua = Lua::new(config(flags), services).expect("a heap that is large enough");
    let result = lua.execute(program.as_bytes(), b"@program");
    if let Err(LuaError::Syntax(message)) = &result {
        panic!(
            "a drawn program compiles: {}\n{program}",
            String::from_utf8_lossy(message)
        );
    }
    let mut text = shown.text();
    if let Err(error) = result {
        text.push_str(&format!("ended by: {error}\n"));
    }
    text
}
