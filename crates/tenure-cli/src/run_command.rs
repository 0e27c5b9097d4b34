//! `tenure run`: one input, once, with the lines by which programs are compared.

use crate::output::{print_line, write_file};
use crate::progress::{Progress, reading};
use crate::{Failure, args};
use clap::ArgMatches;
use std::path::Path;
use tenure_study::input::Input;
use tenure_study::measure::{peak_rss_mb, process_cpu_s};
use tenure_study::study::{self, Configuration, RunOptions};
use tenure_study::workload::{Workload, parse_sizes};

/// Replaced objects of a snapshot when nothing else is said.
pub(crate) const DEFAULT_CHURN: u64 = 1_000_000;
const DEFAULT_PRESET: &str = "v8-2012";

pub(crate) fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let input = input(matches)?;
    let flags = args::given_heap_flags(matches, &["preset"]);
    let preset = matches
        .get_one::<String>("preset")
        .map_or(DEFAULT_PRESET, String::as_str);
    let is_shown = !args::prints_collections(&flags);
    let configuration = Configuration {
        preset: preset.to_owned(),
        policy: None,
        flags,
    };
    configuration.heap_config(input.base_config())?;
    let options = RunOptions {
        churn: matches.get_one::<u64>("churn").copied().unwrap_or(DEFAULT_CHURN),
        rng: args::given_rng(matches)?,
        watches_hiccups: args::given_hiccups(matches).unwrap_or(false),
    };

    let open = reading(&input.label(), is_shown, |progress| input.open(progress))?;
    let progress = Progress::new(1, is_shown);
    progress.begin(&input.label());
    let result = study::run(&open, &configuration, &options);
    progress.finish();
    let report = result?;

    for line in &report.check {
        print_line(format_args!("CHECK {line}"))?;
    }
    let (name, size) = open.result_name();
    let mut line = report.outcome.result_line(name, &size, &report.summary);
    let misses = report.misses();
    let goal = misses.as_ref().map(|(goal_ns, misses)| (*goal_ns, misses.as_slice()));
    line.pauses(&report.summary, goal);
    if let Some(hiccups) = &report.hiccups {
        line.hiccups(hiccups, goal);
    }
    // The thread that watched hiccups is no part of what is measured.
    let watcher_s = report
        .hiccups
        .as_ref()
        .map_or(0.0, |hiccups| hiccups.cpu_ns as f64 / 1e9);
    line.number("cpu_s", process_cpu_s() - watcher_s);
    if let Some(mb) = peak_rss_mb() {
        line.number("peak_rss_mb", mb);
    }
    print_line(line)?;
    if let Some(path) = matches.get_one::<String>("events") {
        write_file(Path::new(path), |out| {
            tenure_study::log::write(std::slice::from_ref(&report), out)
        })?;
    }
    Ok(())
}

fn input(matches: &ArgMatches) -> Result<Input, Failure> {
    let input: Input = matches.get_one::<String>("input").map_or("", String::as_str).parse()?;
    let Some(texts) = matches.get_many::<String>("size") else {
        return Ok(input);
    };
    let Input::Workload(workload) = &input else {
        return Err(format!(
            "--size is for workloads; {} has the size it has (--churn sets the operations)",
            input.label()
        )
        .into());
    };
    let mut sizes = Vec::new();
    for text in texts {
        sizes.extend(parse_sizes(text)?);
    }
    Ok(Input::Workload(Workload::new(workload.id(), &sizes)?))
}
