//! The `tenure` command: runs workloads and programs in Lua, and studies pauses.
//!
//! The idea: a command is arguments, then a plan that is checked before anything runs, then output; figures and check lines
//! go to standard output, progress and errors to standard error. It has no logic of its own beyond that: what it does is
//! in `tenure-study` and `tenure-lua`. Exit codes: 0 done, 1 failed, 2 not understood; `tenure lua` has those of `lua`.
#![forbid(unsafe_code)]

mod args;
mod lua_command;
mod output;
mod progress;
mod run_command;
mod study_command;

use std::error::Error;
use std::process::ExitCode;

/// What a command can fail with.
type Failure = Box<dyn Error>;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    if let Some(first) = lua_command::first_word(&words) {
        return lua_command::run(&words, first);
    }
    let matches = args::command().get_matches_from(words);
    let result = match matches.subcommand() {
        Some(("run", matches)) => run_command::run(matches),
        Some(("study", matches)) => study_command::study(matches),
        // clap refuses everything else.
        _ => Ok(()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
