//! The language by the chapters of the reference manual, in programs that check themselves.
//!
//! | program | manual |
//! | --- | --- |
//! | `values` | 2.1, 3.4.1 to 3.4.4: types, arithmetic, bitwise operators, conversions, comparisons; strings of bytes, borders of tables |
//! | `messages` | 2.3: error values, levels, handlers, messages with names of variables, names of chunks |
//! | `metamethods` | 2.4: every metamethod, also one that yields |
//! | `coroutines` | 2.6: yields across pcall, metamethods and iterators; closing; limits |
//! | `statements` | 3.1 to 3.3: assignment, loops, closing values, goto, `<const>` and `<close>`, `_ENV` |
//! | `functions` | 3.4.5 to 3.5: precedence, constructors, varargs, closures, tail calls, recursion without end |
//!
//! Each runs in heaps that collect now and then, at every few allocations, and with everything moved; and in the reference implementation,
//! if `TENURE_LUA_REFERENCE` names it or `lua5.4` is on the path, which checks what the programs take for granted.
#![forbid(unsafe_code)]

use std::process::{Command, Stdio};
use tenure::prelude::*;
use tenure_lua::{Lua, Services};

const PRELUDE: &str = include_str!("../libraries/prelude.lua");

/// Flags of heaps that collect at every so many allocations.
fn heaps(interval: &'static str) -> [Vec<(&'static str, &'static str)>; 3] {
    let interval = ("gc-interval", interval);
    [
        vec![],
        vec![interval, ("mark-stack-entries", "1"), ("max-new-space-size", "64")],
        vec![interval, ("stress-compaction", "true"), ("max-new-space-size", "256")],
    ]
}

fn run(name: &str, program: &str, interval: &'static str) {
    let source = format!("{PRELUDE}\n{program}");
    for flags in heaps(interval) {
        let mut config = HeapConfig::new();
        for (flag, value) in &flags {
            config.set_flag(flag, value).expect("a flag");
        }
        let mut lua = Lua::new(config, Services::new(std::io::sink(), std::io::sink(), 1)).expect("a state");
        if let Err(error) = lua.execute(source.as_bytes(), format!("@{name}").as_bytes()) {
            panic!("{name} with {flags:?}, lines counted with those of the prelude: {error}");
        }
    }
    compare(name, &source);
}

/// Runs a program in the reference implementation.
fn compare(name: &str, source: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join(name), source).expect("a file");
    let command = std::env::var("TENURE_LUA_REFERENCE").unwrap_or_else(|_| "lua5.4".into());
    let mut command = Command::new(command);
    match command
        .arg(name)
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .output()
    {
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name} in the reference: {errors}");
        }
        Err(_) => {
            eprintln!("{name} is skipped in the reference: no lua5.4 on the path, and TENURE_LUA_REFERENCE names none")
        }
    }
}

macro_rules! programs {
    ($($name:ident $interval:literal)*) => {
        $(#[test]
        fn $name() {
            let program = include_str!(concat!(stringify!($name), ".lua"));
            run(concat!(stringify!($name), ".lua"), program, stringify!($interval));
        })*
    };
}

// What recurses until the stack is full has a million registers, which each collection looks at.
programs! { coroutines 301 functions 100003 messages 17 metamethods 7 statements 17 values 17 }
