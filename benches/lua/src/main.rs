//! Programs in Lua on tenure and in the reference implementation, in turn, each run in a process of its own.
//!
//! `compare` takes processor times, or counts instructions, and compares their medians with those of the reference implementation in the better
//! of its two modes;
//! `pauses` runs the programs that allocate most beside live data, and takes the longest pause. What a program prints must be the same
//! everywhere. `benches/lua/README.md` says how to run it and what the programs are.
#![forbid(unsafe_code)]

mod child;
mod pauses;
mod programs;
mod report;

use child::{Measure, Outcome, PauseClock};
use clap::{Args, Parser, Subcommand};
use programs::{Group, PROGRAMS, Program};
use report::{Report, Row};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(about = "Lua on tenure and in the reference implementation")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Compares processor times
    Compare {
        /// Runs of each program in each implementation
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Counts instructions with Valgrind instead, in one run of each; takes over half an hour for everything
        #[arg(long, conflicts_with = "rounds")]
        instructions: bool,
        /// Writes the figures here as JSON, too
        #[arg(long)]
        json: Option<PathBuf>,
        #[command(flatten)]
        chosen: Chosen,
    },
    /// Takes the longest pause of the programs that allocate most, beside live data
    Pauses {
        /// How far the heap is filled; most of it stays alive
        #[arg(long, default_value_t = 700)]
        fill_mib: usize,
        /// The pause that the heap is to keep to, such as 1ms
        #[arg(long, default_value = "1ms")]
        pause_goal: String,
        /// Runs of each program
        #[arg(long, default_value_t = 1)]
        rounds: usize,
        /// What pauses are measured in
        #[arg(long, default_value = "wall")]
        clock: PauseClock,
        #[command(flatten)]
        chosen: Chosen,
    },
    /// Runs the chunk on standard input on tenure, in this process
    #[command(hide = true)]
    Chunk {
        #[arg(long)]
        heap: Vec<String>,
        #[arg(long)]
        pauses: Option<PauseClock>,
    },
}

#[derive(Debug, Args)]
struct Chosen {
    /// Programs whose group or name contains one of these words; all without any
    programs: Vec<String>,
    /// Flags of the heap, as name=value
    #[arg(long)]
    heap: Vec<String>,
}

impl Chosen {
    fn programs(&self) -> Result<Vec<&'static Program>, String> {
        let is_chosen = |program: &Program| {
            let matches = |word: &String| program.name.contains(word) || program.group.name().contains(word);
            self.programs.is_empty() || self.programs.iter().any(matches)
        };
        let chosen: Vec<_> = PROGRAMS.iter().filter(|program| is_chosen(program)).collect();
        if chosen.is_empty() {
            let names: Vec<_> = PROGRAMS.iter().map(|program| program.name).collect();
            return Err(format!(
                "no program contains {:?}; there are {}",
                self.programs,
                names.join(", ")
            ));
        }
        Ok(chosen)
    }
}

/// Runs one program in turn, `rounds` times in each implementation.
fn compare(program: &Program, rounds: usize, measure: Measure, heap: &[String]) -> Result<Row, Box<dyn Error>> {
    let mut check: Option<String> = None;
    let mut take = |outcome: Outcome, whose: &str| -> Result<f64, Box<dyn Error>> {
        let expected = check.get_or_insert_with(|| outcome.check.clone());
        if *expected != outcome.check {
            return Err(format!(
                "{} printed {:?} in {whose}, and {expected:?} before",
                program.name, outcome.check
            )
            .into());
        }
        Ok(outcome.cost)
    };
    let (mut tenure, mut incremental, mut generational) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        if let Some(command) = child::REFERENCE {
            for (mode, costs) in [("incremental", &mut incremental), ("generational", &mut generational)] {
                let outcome = child::reference(command, &programs::timed(program, Some(mode)), measure)?;
                costs.push(take(outcome, "the reference implementation")?);
            }
        }
        let outcome = child::tenure(&programs::timed(program, None), heap, None, measure)?;
        tenure.push(take(outcome, "tenure")?);
    }
    Ok(Row::new(program, &tenure, &incremental, &generational))
}

fn pauses(
    fill_mib: usize,
    goal: &str,
    rounds: usize,
    clock: PauseClock,
    chosen: &Chosen,
) -> Result<(), Box<dyn Error>> {
    let mut heap = vec![format!("pause-goal={goal}")];
    heap.extend(chosen.heap.iter().cloned());
    let header = [
        "program",
        "pauses",
        "p99.9\nms",
        "longest\nms",
        "after major\nMiB",
        "at end\nMiB",
        "longest by phases",
    ];
    let mut table = report::table(&header, 1);
    let mut longest_ns = 0;
    for program in chosen
        .programs()?
        .into_iter()
        .filter(|program| program.group == Group::Allocation)
    {
        for _ in 0..rounds {
            eprintln!("{}", program.name);
            let chunk = programs::beside_live_data(program, fill_mib);
            let outcome = child::tenure(&chunk, &heap, Some(clock), Measure::Time)?;
            let pauses = outcome.pauses.ok_or("a run told no pauses")?;
            longest_ns = longest_ns.max(pauses.longest_ns);
            let ms = |ns: u64| format!("{:.2}", ns as f64 / 1e6);
            let mib = |bytes: usize| (bytes >> 20).to_string();
            table.add_row([
                program.name.to_owned(),
                pauses.count.to_string(),
                ms(pauses.p999_ns),
                ms(pauses.longest_ns),
                mib(pauses.after_major_bytes),
                mib(pauses.at_end_bytes),
                pauses.longest,
            ]);
        }
    }
    println!(
        "{table}\n\nlongest pause {:.2} ms (goal {goal})",
        longest_ns as f64 / 1e6
    );
    Ok(())
}

fn run(what: What) -> Result<(), Box<dyn Error>> {
    match what {
        What::Compare {
            rounds,
            instructions,
            json,
            chosen,
        } => {
            let (rounds, measure) = if instructions {
                (1, Measure::Instructions)
            } else {
                (rounds.max(1), Measure::Time)
            };
            if child::REFERENCE.is_none() {
                eprintln!("without `--features reference` there is nothing to compare with");
            }
            let mut rows = Vec::new();
            for program in chosen.programs()? {
                eprintln!("{}", program.name);
                rows.push(compare(program, rounds, measure, &chosen.heap)?);
            }
            let report = Report::new(rounds, measure, rows);
            println!("{}", report.table());
            if let Some(path) = json {
                std::fs::write(path, serde_json::to_string_pretty(&report)?)?;
            }
            Ok(())
        }
        What::Pauses {
            fill_mib,
            pause_goal,
            rounds,
            clock,
            chosen,
        } => pauses(fill_mib, &pause_goal, rounds.max(1), clock, &chosen),
        What::Chunk { heap, pauses } => child::run_chunk(&heap, pauses),
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse().what) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
