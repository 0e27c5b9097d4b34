//! Programs and libraries that people use, unchanged, with what they print in the reference implementation.
//!
//! Each program beside this file has a `.txt` file with what Lua 5.4.7 printed; what it requires is in `libraries`. It runs in heaps that
//! collect now and then, at every few allocations, and with everything moved; and in the reference implementation, if
//! `TENURE_LUA_REFERENCE` names it or `lua5.4` is on the path.
#![forbid(unsafe_code)]

#[path = "../support/mod.rs"]
mod support;

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use support::Shown;
use tenure::prelude::*;
use tenure_lua::{Lua, Services};

/// Flags of heaps.
const HEAPS: [&[(&str, &str)]; 3] = [
    &[],
    &[
        ("gc-interval", "17"),
        ("mark-stack-entries", "1"),
        ("max-new-space-size", "64"),
    ],
    &[
        ("stress-scavenge", "50"),
        ("stress-compaction", "true"),
        ("max-new-space-size", "256"),
    ],
];

const LIBRARIES: [(&str, &str); 5] = [
    ("MessagePack", include_str!("libraries/MessagePack.lua")),
    ("ansicolors", include_str!("libraries/ansicolors.lua")),
    ("binaryheap", include_str!("libraries/binaryheap.lua")),
    ("dkjson", include_str!("libraries/dkjson.lua")),
    ("inspect", include_str!("libraries/inspect.lua")),
];

/// A program that makes `require` find the libraries, under the names that they have as files.
fn require() -> String {
    let modules = LIBRARIES.iter().map(|(name, source)| {
        let bytes: String = source.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
        format!("sources.{name} = \"{bytes}\"\n")
    });
    let modules: String = modules.collect();
    format!(
        "local sources, loaded = {{}}, {{ string = string, table = table, math = math }}\n{modules}
        function require(name)
          if loaded[name] == nil then
            if not sources[name] then error('module ' .. name .. ' not found', 2) end
            loaded[name] = assert(load(sources[name], '@libraries/' .. name .. '.lua'))(name) or true
          end
          return loaded[name]
        end"
    )
}

fn run(name: &str, program: &str, expected: &str) {
    for flags in HEAPS {
        let mut config = HeapConfig::new();
        for (flag, value) in flags {
            config.set_flag(flag, value).expect("a flag");
        }
        let shown = Shown::default();
        let mut lua = Lua::new(config, Services::new(shown.clone(), io::sink(), 1)).expect("a state");
        lua.execute(require().as_bytes(), b"=require")
            .expect("libraries that compile");
        let result = lua.execute(program.as_bytes(), format!("@{name}.lua").as_bytes());
        assert_eq!(shown.text(), expected, "{name} with {flags:?}");
        result.unwrap_or_else(|error| panic!("{name} with {flags:?}: {error}"));
    }
    compare(name, expected);
}

/// Runs a program in the reference implementation.
fn compare(name: &str, expected: &str) {
    let command = std::env::var("TENURE_LUA_REFERENCE").unwrap_or_else(|_| "lua5.4".into());
    let output = Command::new(command)
        .arg(format!("{name}.lua"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs"))
        .env("LUA_PATH", "libraries/?.lua")
        .stdin(Stdio::null())
        .output();
    match output {
        Ok(output) => assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            expected,
            "{name} in the reference"
        ),
        Err(_) => {
            eprintln!("{name} is skipped in the reference: no lua5.4 on the path, and TENURE_LUA_REFERENCE names none")
        }
    }
}

macro_rules! programs {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            run(stringify!($name), include_str!(concat!(stringify!($name), ".lua")), include_str!(concat!(stringify!($name), ".txt")));
        })*
    };
}

programs! { calculator classes colors inspected json messages queues tasks templates }
