//! Programs that nobody wrote, in heaps that collect at every opportunity: they print what they print in a heap that hardly ever does.
//!
//! And what the reference implementation prints, if `TENURE_LUA_REFERENCE` names it or `lua5.4` is on the path. The same programs run
//! under libFuzzer (`fuzz/fuzz_targets/lua_programs.rs`), which finds its way into more of the interpreter than a random walk.
#![forbid(unsafe_code)]

mod heaps;
mod program;

use heaps::{STRESSED, outcome};
use program::program;
use proptest::prelude::*;
use std::process::{Command, Stdio};

/// What the reference implementation prints, if it is there.
fn reference(program: &str) -> Option<String> {
    let command = std::env::var("TENURE_LUA_REFERENCE").unwrap_or_else(|_| "lua5.4".into());
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("program"), program).expect("a file");
    let output = Command::new(command)
        .arg("program")
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    if let Some((_, message)) = errors.lines().next().unwrap_or_default().split_once(": ") {
        text += &format!("ended by: {message}\n");
    }
    Some(text)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn programs_print_the_same_whenever_the_heap_collects(bytes in prop::collection::vec(any::<u8>(), 40..600)) {
        let program = program(&bytes);
        let expected = outcome(&program, &[]);
        for flags in STRESSED {
            prop_assert_eq!(&outcome(&program, flags), &expected, "{:?}\n{}", flags, program);
        }
    }

    #[test]
    fn programs_print_what_the_reference_prints(bytes in prop::collection::vec(any::<u8>(), 40..600)) {
        let program = program(&bytes);
        let shown = outcome(&program, &[]);
        match reference(&program) {
            Some(expected) => prop_assert_eq!(&shown, &expected, "{}", program),
            None => eprintln!("skipped: no lua5.4 on the path, and TENURE_LUA_REFERENCE names none"),
        }
    }
}
