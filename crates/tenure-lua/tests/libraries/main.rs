//! The libraries by programs that check themselves, beside this file.
//!
//! Each runs in heaps that collect now and then, at every few allocations, at each one, and hardly ever; and in the reference implementation, if
//! `TENURE_LUA_REFERENCE` names it or `lua5.4` is on the path, which checks what the programs take for granted.
#![forbid(unsafe_code)]

#[path = "../support/mod.rs"]
mod support;

use std::process::{Command, Stdio};
use support::Shown;
use tenure::prelude::*;
use tenure_lua::{Lua, Owned, Services};

const PRELUDE: &str = include_str!("prelude.lua");

/// Flags of heaps.
const HEAPS: [&[(&str, &str)]; 4] = [
    &[],
    &[
        ("gc-interval", "7"),
        ("verify-heap", "true"),
        ("max-new-space-size", "256"),
    ],
    &[
        ("stress-scavenge", "50"),
        ("stress-compaction", "true"),
        ("max-new-space-size", "64"),
    ],
    // With a nursery of a page.
    &[("gc-interval", "1"), ("mark-stack-entries", "1")],
];

fn run(name: &str, program: &str) {
    for flags in HEAPS {
        let mut config = HeapConfig::new();
        for (flag, value) in flags {
            config.set_flag(flag, value).expect("a flag");
        }
        if flags.contains(&("gc-interval", "1")) {
            config = config.semi_space_bytes(4096);
        }
        let mut lua = Lua::new(config, Services::new(std::io::sink(), std::io::sink(), 1)).expect("a state");
        let source = format!("{PRELUDE}\n{program}");
        if let Err(error) = lua.execute(source.as_bytes(), format!("@{name}").as_bytes()) {
            panic!("{name} with {flags:?}, lines counted with those of the prelude: {error}");
        }
    }
    compare(name, program);
}

/// Runs a program in the reference implementation.
fn compare(name: &str, program: &str) {
    let command = std::env::var("TENURE_LUA_REFERENCE").unwrap_or_else(|_| "lua5.4".into());
    let version = Command::new(&command).arg("-v").stdin(Stdio::null()).output();
    if !version.is_ok_and(|version| version.status.success()) {
        return eprintln!(
            "{name} is skipped in the reference: no lua5.4 on the path, and TENURE_LUA_REFERENCE names none"
        );
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join(name);
    std::fs::write(&path, format!("{PRELUDE}\n{program}")).expect("a file");
    let output = Command::new(&command)
        .arg(&path)
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .output()
        .expect("the reference runs");
    assert!(
        output.status.success(),
        "{name} in the reference: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

macro_rules! programs {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            run(concat!(stringify!($name), ".lua"), include_str!(concat!(stringify!($name), ".lua")));
        })*
    };
}

programs! { numbers strings patterns formats unicode system files modules hooks errors }

fn state(services: Services) -> Lua {
    Lua::new(HeapConfig::new(), services).expect("a state")
}

#[test]
fn print_and_standard_output_are_one_file() {
    let shown = Shown::default();
    let mut lua = state(Services::new(shown.clone(), std::io::sink(), 1));
    lua.execute(b"io.write('a') print('b') io.stdout:write('c', 1, '\\n') print(setmetatable({}, {__tostring = function() return 'd' end}))", b"=test")
        .unwrap();
    drop(lua);
    assert_eq!(shown.text(), "ab\nc1\nd\n");
}

#[test]
fn standard_input_is_the_embedders() {
    let services = Services::new(std::io::sink(), std::io::sink(), 1).with_input(&b"12 rest\nline\n"[..]);
    let results = state(services)
        .execute(b"return io.read('n', 'L', 'l', 'l')", b"=test")
        .unwrap();
    let text = |bytes: &[u8]| Owned::String(bytes.to_vec());
    assert_eq!(
        results,
        [Owned::Integer(12), text(b" rest\n"), text(b"line"), Owned::Nil]
    );
}

#[test]
fn time_and_exit_are_the_embedders() {
    let status = std::rc::Rc::new(std::cell::Cell::new(0));
    let seen = status.clone();
    let services = Services::new(std::io::sink(), std::io::sink(), 1)
        .with_clock(|| 1_000_000_000, tenure_lua::pure::date::Zone::named("JST-9").unwrap())
        .with_exit(move |status| seen.set(status));
    let mut lua = state(services);
    let results = lua
        .execute(b"return os.time(), os.date('%H %Z'), os.date('!%H')", b"=test")
        .unwrap();
    let text = |text: &str| Owned::String(text.into());
    assert_eq!(results, [Owned::Integer(1_000_000_000), text("10 JST"), text("01")]);
    for (program, expected) in [("os.exit(7)", 7), ("os.exit(false)", 1), ("os.exit(true, true)", 0)] {
        let error = lua.execute(program.as_bytes(), b"=test").unwrap_err();
        assert_eq!(error.to_string(), "test:1: the program cannot end its process");
        assert_eq!(status.get(), expected);
    }
}

#[test]
fn exit_closes_the_variables_of_the_main_thread() {
    let shown = Shown::default();
    let mut lua = state(Services::new(shown.clone(), std::io::sink(), 1).with_exit(|_| ()));
    let program = b"
        local function closing(name, message)
            return setmetatable({}, {__close = function(_, error)
                print(name, error)
                if message then error(message, 0) end
            end})
        end
        local kept = setmetatable({}, {__gc = function() print('finalizer') end})
        local first <close> = closing('first')
        local none <close> = nil
        local function f()
            local second <close> = closing('second')
            local third <close> = setmetatable({}, {__close = function() print('third') error('broken', 0) end})
            coroutine.wrap(function()
                local inside <close> = closing('inside')
                pcall(os.exit, true, true)
                print('still here')
            end)()
            print(kept ~= nil)
        end
        f()
        print('end')";
    lua.execute(program, b"=test").unwrap();
    let expected = "third\nsecond\tbroken\nfirst\tbroken\nfinalizer\nstill here\ninside\tnil\ntrue\nend\n";
    assert_eq!(String::from_utf8_lossy(&shown.0.borrow()), expected);
}

#[test]
fn a_finalizer_that_cannot_be_called_is_named() {
    let shown = Shown::default();
    let mut lua = state(Services::new(std::io::sink(), shown.clone(), 1));
    lua.execute(b"warn('@on') setmetatable({}, {__gc = {}}) collectgarbage()", b"=test")
        .unwrap();
    drop(lua);
    let expected = "Lua warning: error in __gc (attempt to call a table value (metamethod '__gc'))\n";
    assert_eq!(String::from_utf8_lossy(&shown.0.borrow()), expected);
}
