//! Runs a Lua program: `cargo run --example run -- [--heap-flag=value …] program.lua`.
#![forbid(unsafe_code)]

use std::error::Error;
use std::process::ExitCode;
use tenure::prelude::*;
use tenure_lua::{Lua, Services};

fn run() -> Result<(), Box<dyn Error>> {
    let mut config = HeapConfig::new();
    let mut file = None;
    for argument in std::env::args().skip(1) {
        if let Some(flag) = argument.strip_prefix("--") {
            let (name, value) = flag.split_once('=').unwrap_or((flag, "true"));
            config.set_flag(name, value)?;
        } else {
            file = Some(argument);
        }
    }
    let file = file.ok_or("the name of a program is expected")?;
    let source = std::fs::read(&file)?;
    let mut lua = Lua::new(config, Services::standard())?;
    lua.execute(&source, format!("@{file}").as_bytes())?;
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lua: {error}");
            ExitCode::FAILURE
        }
    }
}
