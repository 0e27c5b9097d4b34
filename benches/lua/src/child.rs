//! Runs of a chunk in processes of their own, so that no run inherits a heap from another.
//!
//! The chunk goes in by standard input. What it printed and the seconds come back, with a line about pauses if the process was asked for
//! them. An error of the program, or output without seconds, is an error here.

use crate::pauses::{Pauses, ProcessorClock};
use clap::ValueEnum;
use std::error::Error;
use std::io::Write;
use std::process::{Command, Stdio};

/// The command of the reference implementation, if it was built.
pub(crate) const REFERENCE: Option<&str> = option_env!("TENURE_REFERENCE_COMMAND");

/// What pauses are measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PauseClock {
    /// Time of day, which others' work lengthens
    Wall,
    /// Time on the processor
    Processor,
}

impl PauseClock {
    const fn name(self) -> &'static str {
        match self {
            PauseClock::Wall => "wall",
            PauseClock::Processor => "processor",
        }
    }
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Processor time.
    pub(crate) seconds: f64,
    /// What the program printed.
    pub(crate) check: String,
    pub(crate) pauses: Option<Pauses>,
}

/// Runs a chunk in the reference implementation.
pub(crate) fn reference(command: &str, chunk: &str) -> Result<Outcome, Box<dyn Error>> {
    outcome(Command::new(command), chunk)
}

/// Runs a chunk on tenure, with flags of the heap as `name=value`.
pub(crate) fn tenure(chunk: &str, heap: &[String], pauses: Option<PauseClock>) -> Result<Outcome, Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("chunk").args(heap.iter().flat_map(|flag| ["--heap", flag]));
    if let Some(clock) = pauses {
        command.args(["--pauses", clock.name()]);
    }
    outcome(command, chunk)
}

fn outcome(mut command: Command, chunk: &str) -> Result<Outcome, Box<dyn Error>> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(chunk.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(format!("a program ended with {}", output.status).into());
    }
    let text = String::from_utf8(output.stdout)?;
    let (check, rest) = text.split_once("seconds ").ok_or("a program printed no time")?;
    let mut lines = rest.lines();
    let seconds = lines.next().ok_or("a program printed no time")?.parse()?;
    let pauses = lines.find_map(|line| line.strip_prefix("pauses "));
    Ok(Outcome {
        seconds,
        check: check.to_owned(),
        pauses: pauses.map(serde_json::from_str).transpose()?,
    })
}

/// Runs the chunk on standard input in this process, which [`tenure`] has started.
pub(crate) fn run_chunk(heap: &[String], pauses: Option<PauseClock>) -> Result<(), Box<dyn Error>> {
    use tenure_lua::{Lua, Services};

    let source = std::io::read_to_string(std::io::stdin())?;
    let mut config = tenure_lua::heap_config();
    for flag in heap {
        let (name, value) = flag.split_once('=').unwrap_or((flag, "true"));
        config.set_flag(name, value)?;
    }
    let recorder = crate::pauses::Recorder::default();
    if let Some(clock) = pauses {
        config = config.listener(recorder.listener());
        if clock == PauseClock::Processor {
            config = config.clock(ProcessorClock);
        }
    }
    let mut lua = Lua::new(config, Services::standard())?;
    lua.execute(source.as_bytes(), b"=chunk")?;
    drop(lua);
    if pauses.is_some() {
        println!("pauses {}", serde_json::to_string(&recorder.pauses())?);
    }
    Ok(())
}
