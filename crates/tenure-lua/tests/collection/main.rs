//! Collection as programs see it, by programs that check themselves, beside this file.
//!
//! Each runs in heaps that collect hardly ever and at every allocation, with nurseries of a page and mark stacks of an entry, and must
//! show the same in all of them; and in the reference implementation, if `TENURE_LUA_REFERENCE` names it or `lua5.4` is on the path, which
//! must show the same too.
#![forbid(unsafe_code)]

mod memory;
#[path = "../support/mod.rs"]
mod support;

use std::process::{Command, Stdio};
use support::Shown;
use tenure::prelude::*;
use tenure_lua::{Lua, Services};

const PRELUDE: &str = include_str!("../libraries/prelude.lua");

/// Flags of heaps.
const HEAPS: [&[(&str, &str)]; 6] = [
    &[],
    &[("gc-interval", "1"), ("max-semi-space-size", "1")],
    &[
        ("gc-interval", "13"),
        ("verify-heap", "true"),
        ("mark-stack-entries", "1"),
    ],
    &[("stress-incremental-marking", "true"), ("stress-compaction", "true")],
    &[
        ("incremental-marking", "true"),
        ("stress-scavenge", "30"),
        ("barrier", "deletion"),
    ],
    &[("minor-weak-strong", "true")],
];

/// Runs a program until its state is closed, and returns what it printed and which warnings it caused.
fn output(config: HeapConfig, name: &str, source: &str) -> (String, String) {
    let (output, errors) = (Shown::default(), Shown::default());
    let mut lua = Lua::new(config, Services::new(output.clone(), errors.clone(), 1)).expect("a state");
    if let Err(error) = lua.execute(source.as_bytes(), format!("@{name}").as_bytes()) {
        panic!("{name}, lines counted with those of the prelude: {error}");
    }
    drop(lua);
    (output.text(), errors.text())
}

fn config(flags: &[(&str, &str)]) -> HeapConfig {
    let mut config = HeapConfig::new();
    for (flag, value) in flags {
        config.set_flag(flag, value).expect("a flag");
    }
    config
}

fn run(name: &str, program: &str) {
    let source = format!("{PRELUDE}\n{program}");
    let expected = output(config(HEAPS[0]), name, &source);
    assert!(!expected.0.is_empty(), "{name} says at its end that it got there");
    for flags in &HEAPS[1..] {
        let name = format!("{name} with {flags:?}");
        eprintln!("{name}");
        assert_eq!(output(config(flags), &name, &source).0, expected.0, "{name}");
    }
    let config = config(HEAPS[1]).semi_space_bytes(4096).mark_stack_entries(1);
    assert_eq!(
        output(config, name, &source),
        expected,
        "{name} with 4 KiB and one entry"
    );
    if let Some(reference) = reference(name, &source) {
        assert_eq!(expected, reference, "{name} here and in the reference");
    }
}

/// Runs a program in the reference implementation.
fn reference(name: &str, source: &str) -> Option<(String, String)> {
    let command = std::env::var("TENURE_LUA_REFERENCE").unwrap_or_else(|_| "lua5.4".into());
    let version = Command::new(&command).arg("-v").stdin(Stdio::null()).output();
    if !version.is_ok_and(|version| version.status.success()) {
        eprintln!("{name} is skipped in the reference: no lua5.4 on the path, and TENURE_LUA_REFERENCE names none");
        return None;
    }
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join(name), source).expect("a file");
    let output = Command::new(&command)
        .arg(name)
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .output()
        .expect("the reference runs");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{name} in the reference: {errors}");
    Some((String::from_utf8_lossy(&output.stdout).into_owned(), errors))
}

macro_rules! programs {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            run(concat!(stringify!($name), ".lua"), include_str!(concat!(stringify!($name), ".lua")));
        })*
    };
}

programs! { weak modes finalizers collect }
