//! `tenure lua`: a program in Lua on a tenure heap, as the reference command `lua` runs one.
//!
//! Options, the table `arg`, `LUA_INIT`, lines typed in, messages and exit codes are those of `lua`; heap flags stand among the options.
//! A link to the command that is named `lua` is this command, so that programs which call the interpreter again by `arg` find it.
//! Ctrl-C interrupts what runs.

mod interruption;
mod options;
mod repl;

use clap::Command;
use interruption::Interruption;
use options::{Action, Options};
use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use tenure_lua::system::{ModulePaths, environment_variable};
use tenure_lua::{Lua, Message, Services, heap_config};

/// What messages begin with.
const NAME: &str = "lua";

const OPTIONS: &str = "  -e stat   execute string 'stat'
  -i        enter interactive mode after executing 'script'
  -l mod    require library 'mod' into global 'mod'
  -l g=mod  require library 'mod' into global 'g'
  -v        show version information
  -E        ignore environment variables
  -W        turn warnings on
  --        stop handling options
  -         stop handling options and execute stdin
";

fn bytes(word: &OsString) -> &[u8] {
    use std::os::unix::ffi::OsStrExt;
    word.as_bytes()
}

/// How the command is described in the help of `tenure`. Its words are read by itself, since a script's arguments may be anything.
pub(crate) fn command() -> Command {
    Command::new("lua")
        .about("Runs a program in Lua 5.4, or lines typed in")
        .override_usage("tenure lua [OPTIONS] [HEAP FLAGS] [SCRIPT [ARGUMENTS]]")
        .disable_help_flag(true)
        .after_help(format!(
            "Options:\n{OPTIONS}\n\
             The heap flags of `tenure run` are accepted before the script.\n{}\n\n\
             Examples:\n  \
             tenure lua program.lua 10\n  \
             tenure lua -e 'print(1 << 40)'\n  \
             tenure lua --trace-gc --max-old-space-size=64 program.lua\n  \
             tenure lua -i",
            crate::args::lua_defaults()
        ))
}

/// Returns the number of the first word that is this command's, if the words are for it.
pub(crate) fn first_word(words: &[OsString]) -> Option<usize> {
    let program = words.first().map(Path::new).and_then(Path::file_name);
    if program == Some(OsStr::new("lua")) {
        return Some(1);
    }
    (words.get(1).map(OsString::as_os_str) == Some(OsStr::new("lua"))).then_some(2)
}

fn report(message: &[u8]) {
    let text = [NAME.as_bytes(), b": ", message, b"\n"].concat();
    // Nobody is left who could be told.
    let _ = std::io::stderr().write_all(&text);
}

/// Runs the command, whose own words begin at number `first`.
pub(crate) fn run(words: &[OsString], first: usize) -> ExitCode {
    let options = match options::parse(words, first) {
        Ok(options) => options,
        Err(message) => {
            report(message.as_bytes());
            eprintln!("usage: tenure lua [options] [heap flags] [script [args]]\nAvailable options are:\n{OPTIONS}");
            eprintln!("'tenure lua --help' and 'tenure run --help' say more.");
            return ExitCode::FAILURE;
        }
    };
    if options.wants_help {
        println!("{}", command().render_help());
        return ExitCode::SUCCESS;
    }
    match execute(words, first, &options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            report(&message);
            ExitCode::FAILURE
        }
    }
}

/// Makes the state and does what the options say.
fn execute(words: &[OsString], first: usize, options: &Options) -> Result<(), Message> {
    let message = |error: &dyn std::error::Error| error.to_string().into_bytes();
    let mut config = heap_config();
    for (name, value) in &options.heap_flags {
        config.set_flag(name, value).map_err(|error| message(&error))?;
    }
    let mut services = Services::standard();
    if options.ignores_environment {
        services = services.with_module_paths(ModulePaths::default());
    }
    let mut lua = Lua::new(config, services).map_err(|error| message(&error))?;
    let interruption = Interruption::handle(&lua).map_err(|error| message(&error))?;
    if options.shows_version {
        print_version(&mut lua);
    }
    let all: Vec<&[u8]> = words.iter().map(bytes).collect();
    // Without a script, the command itself is at index 0.
    lua.set_arguments(&all, options.script.unwrap_or(first - 1))?;
    if !options.ignores_environment {
        interruption.during(|| run_environment(&mut lua))?;
    }
    for action in &options.actions {
        interruption.during(|| match action {
            Action::Execute(code) => lua.run_chunk(code, b"=(command line)", false),
            Action::Require { module, global } => lua.require(module, global),
            Action::Warnings => {
                lua.set_warnings(true);
                Ok(())
            }
        })?;
    }
    if let Some(script) = options.script.and_then(|script| words.get(script)) {
        let name = Some(bytes(script)).filter(|&name| name != b"-" || options.is_after_dashes);
        interruption.during(|| lua.run_file(name, true))?;
    }
    if options.is_interactive {
        repl::run(&mut lua, &interruption);
    } else if options.script.is_none() && !options.has_work() {
        if std::io::stdin().is_terminal() {
            print_version(&mut lua);
            repl::run(&mut lua, &interruption);
        } else {
            interruption.during(|| lua.run_file(None, false))?;
        }
    }
    Ok(())
}

/// Runs what `LUA_INIT_5_4`, or else `LUA_INIT`, says: a chunk, or the name of a file after an at sign.
fn run_environment(lua: &mut Lua) -> Result<(), Message> {
    for name in ["LUA_INIT_5_4", "LUA_INIT"] {
        if let Some(value) = environment_variable(name.as_bytes()) {
            return match value.strip_prefix(b"@") {
                Some(file) => lua.run_file(Some(file), false),
                None => lua.run_chunk(&value, format!("={name}").as_bytes(), false),
            };
        }
    }
    Ok(())
}

fn print_version(lua: &mut Lua) {
    lua.write_output(concat!("Lua 5.4 on tenure ", env!("CARGO_PKG_VERSION"), "\n").as_bytes());
}
