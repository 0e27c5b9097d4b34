//! Runs of a chunk in processes of their own, so that no run inherits a heap from another.
//!
//! The chunk goes in by standard input. What it printed and the seconds come back, with a line about pauses if the process was asked for
//! them. An error of the program, or output without seconds, is an error here.

use crate::pauses::{Pauses, ProcessorClock};
use clap::ValueEnum;
use serde::Serialize;
use std::error::Error;
use std::ffi::OsStr;
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

/// What a run is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Measure {
    /// Seconds of processor time of the program itself.
    Time,
    /// Milliards of instructions of the whole process, counted by Valgrind, which must be installed.
    Instructions,
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// In the unit of the measure.
    pub(crate) cost: f64,
    /// What the program printed.
    pub(crate) check: String,
    pub(crate) pauses: Option<Pauses>,
}

/// Runs a chunk in the reference implementation.
pub(crate) fn reference(command: &str, chunk: &str, measure: Measure) -> Result<Outcome, Box<dyn Error>> {
    outcome(command_under(measure, command.as_ref()), chunk, measure)
}

/// Runs a chunk on tenure, with flags of the heap as `name=value`.
pub(crate) fn tenure(
    chunk: &str,
    heap: &[String],
    pauses: Option<PauseClock>,
    measure: Measure,
) -> Result<Outcome, Box<dyn Error>> {
    let mut command = command_under(measure, std::env::current_exe()?.as_ref());
    command.arg("chunk").args(heap.iter().flat_map(|flag| ["--heap", flag]));
    if let Some(clock) = pauses {
        command.args(["--pauses", clock.name()]);
    }
    outcome(command, chunk, measure)
}

/// Makes the command that runs a program so that it can be measured.
fn command_under(measure: Measure, program: &OsStr) -> Command {
    match measure {
        Measure::Time => Command::new(program),
        Measure::Instructions => {
            let mut command = Command::new("valgrind");
            command
                .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
                .arg(program);
            command
        }
    }
}

fn outcome(mut command: Command, chunk: &str, measure: Measure) -> Result<Outcome, Box<dyn Error>> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    if measure == Measure::Instructions {
        command.stderr(Stdio::piped());
    }
    let spawned = command.spawn();
    let mut child = spawned.map_err(|error| format!("{}: {error}", command.get_program().display()))?;
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
    let cost = match measure {
        Measure::Time => seconds,
        Measure::Instructions => {
            let text = String::from_utf8_lossy(&output.stderr);
            let count = text
                .split("Collected : ")
                .nth(1)
                .and_then(|rest| rest.split_whitespace().next());
            count.ok_or("Valgrind told no count")?.parse::<u64>()? as f64 / 1e9
        }
    };
    let pauses = lines.find_map(|line| line.strip_prefix("pauses "));
    Ok(Outcome {
        cost,
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
