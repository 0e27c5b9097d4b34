//! `tenure study`: inputs under configurations, a table, a page, a log.

use crate::output::{print_line, write_file};
use crate::progress::{Progress, reading};
use crate::run_command::DEFAULT_CHURN;
use crate::{Failure, args};
use clap::ArgMatches;
use std::path::Path;
use std::time::Instant;
use tenure::HeapConfig;
use tenure_study::comparison;
use tenure_study::hiccup;
use tenure_study::input::{Input, OpenInput};
use tenure_study::report::{self, Origin};
use tenure_study::study::{self, Configuration, RunOptions, RunReport};
use tenure_study::table;

/// What runs without arguments, each with its sizes: about a minute under all presets on two cores.
const DEFAULT_INPUTS: [&str; 4] = ["s-worker", "W1:19", "W3:1500", "W4"];
/// The same, some seconds under two presets.
const QUICK_INPUTS: [&str; 4] = ["s-worker", "W1:16", "W3:200", "W4:50000,500000"];
const QUICK_PRESETS: [&str; 2] = ["v8-2012", "low-latency"];
const QUICK_CHURN: u64 = 300_000;

const LOG_NAME: &str = "events.jsonl";
const REPORT_NAME: &str = "report.html";

pub(crate) fn study(matches: &ArgMatches) -> Result<(), Failure> {
    let quick = matches.get_flag("quick");
    let inputs = inputs(matches, quick)?;
    let mut configurations = configurations(matches, quick);
    study::with_incremental_twin(&mut configurations);
    // A mistake in any of them is found before the work.
    for (input, configuration) in inputs
        .iter()
        .flat_map(|input| configurations.iter().map(move |it| (input, it)))
    {
        configuration.heap_config(input.base_config())?;
    }
    let default_churn = if quick { QUICK_CHURN } else { DEFAULT_CHURN };
    let options = RunOptions {
        churn: matches.get_one::<u64>("churn").copied().unwrap_or(default_churn),
        rng: args::given_rng(matches)?,
        watches_hiccups: args::given_hiccups(matches).unwrap_or_else(hiccup::has_spare_core),
    };
    let folder = Path::new(matches.get_one::<String>("out").map_or("", String::as_str));
    // A folder that cannot be written is found before the work, not after it.
    std::fs::create_dir_all(folder).map_err(|error| format!("cannot make the folder {}: {error}", folder.display()))?;

    let is_shown = !args::prints_collections(&args::given_study_flags(matches));
    let opened: Vec<OpenInput> = inputs
        .iter()
        .map(|input| reading(&input.label(), is_shown, |progress| input.open(progress)))
        .collect::<Result<_, _>>()?;

    let started = Instant::now();
    let runs = run_all(&opened, &configurations, &options, is_shown)?;

    print_line(table::render(&runs))?;
    let compared = comparison::render(&runs);
    if !compared.is_empty() {
        print_line(format_args!("\n{compared}"))?;
    }
    if !options.watches_hiccups {
        let why = match args::given_hiccups(matches) {
            Some(_) => "as --hiccups=off says",
            None => "for there is only one core, which the program needs; --hiccups watches all the same",
        };
        print_line(format_args!("The machine's hiccups were not watched, {why}."))?;
    }
    let origin = Origin {
        command: command_text(),
        log_name: LOG_NAME.to_owned(),
    };
    let page = report::render(&runs, &origin)?;
    let (page_path, log_path) = (folder.join(REPORT_NAME), folder.join(LOG_NAME));
    write_file(&page_path, |out| out.write_all(page.as_bytes()))?;
    write_file(&log_path, |out| tenure_study::log::write(&runs, out))?;
    print_line(format_args!(
        "{} run{} in {:.1} s. Charts and the meaning of each column: {}; every event: {}",
        runs.len(),
        if runs.len() == 1 { "" } else { "s" },
        started.elapsed().as_secs_f64(),
        page_path.display(),
        log_path.display()
    ))
}

/// Runs every input in every configuration; the reports are in the order of both.
fn run_all(
    inputs: &[OpenInput],
    configurations: &[Configuration],
    options: &RunOptions,
    is_shown: bool,
) -> Result<Vec<RunReport>, Failure> {
    let (order, is_cold) = study::run_order(configurations);
    let warm_up = order.first().copied().filter(|_| is_cold);
    let per_input = order.len() + usize::from(is_cold);
    let progress = Progress::new((inputs.len() * per_input) as u64, is_shown);
    let mut runs = Vec::new();
    for input in inputs {
        let mut reports: Vec<Option<RunReport>> = vec![None; configurations.len()];
        for place in warm_up.into_iter().chain(order.iter().copied()) {
            let configuration = &configurations[place];
            progress.begin(&format!("{}, {}", input.label(), configuration.preset));
            let result = study::run(input, configuration, options);
            if result.is_err() {
                progress.finish();
            }
            // What warmed up is replaced by what follows.
            reports[place] = Some(result?);
            progress.end();
        }
        runs.extend(reports.into_iter().flatten());
    }
    progress.finish();
    Ok(runs)
}

fn inputs(matches: &ArgMatches, quick: bool) -> Result<Vec<Input>, Failure> {
    let given: Vec<&str> = matches
        .get_many::<String>("inputs")
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let names = match (given.is_empty(), quick) {
        (false, _) => given,
        (true, false) => DEFAULT_INPUTS.to_vec(),
        (true, true) => QUICK_INPUTS.to_vec(),
    };
    names.into_iter().map(|name| Ok(name.parse()?)).collect()
}

/// Every preset with every policy.
fn configurations(matches: &ArgMatches, quick: bool) -> Vec<Configuration> {
    let list = |id| -> Vec<String> { matches.get_many::<String>(id).into_iter().flatten().cloned().collect() };
    let mut presets = list("presets");
    if presets.is_empty() {
        presets = match quick {
            true => QUICK_PRESETS.map(str::to_owned).to_vec(),
            false => HeapConfig::presets()
                .iter()
                .map(|(name, _)| (*name).to_owned())
                .collect(),
        };
    }
    let mut policies: Vec<Option<String>> = list("policies").into_iter().map(Some).collect();
    if policies.is_empty() {
        policies.push(None);
    }
    let flags = args::given_study_flags(matches);
    let mut configurations = Vec::new();
    for preset in &presets {
        for policy in &policies {
            let configuration = Configuration {
                preset: preset.clone(),
                policy: policy.clone(),
                flags: flags.clone(),
            };
            configurations.push(configuration);
        }
    }
    configurations
}

/// The command as it was given, without the path of the program.
fn command_text() -> String {
    std::iter::once("tenure".to_owned())
        .chain(std::env::args().skip(1))
        .collect::<Vec<_>>()
        .join(" ")
}
