//! Arguments. The heap flags come from the heap's own table, so a flag that the heap learns is a flag of the command.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::fmt::Write as _;
use tenure::HeapConfig;
use tenure_study::replay::BUNDLED_NAME;
use tenure_study::rng::RngKind;
use tenure_study::workload::WORKLOADS;

/// Flags of the table that `study` takes as lists under names of its own.
const LISTED_BY_STUDY: [&str; 2] = ["preset", "promotion"];

/// The whole command line.
pub(crate) fn command() -> Command {
    Command::new("tenure")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Studies the pauses of a generational garbage-collected heap on workloads and real heap snapshots")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(
            "Examples:\n  \
             tenure study                              a real heap and three workloads, under four presets\n  \
             tenure study my.heapsnapshot              a heap that Node or Chrome wrote\n  \
             tenure run W1                             binary trees, with check and result lines\n  \
             tenure run W4 --size 1000,50000 --trace-gc\n  \
             tenure run W4 --incremental-marking --pause-goal=1ms --hiccups\n  \
             tenure lua program.lua                    a program in Lua; without a program, lines typed in",
        )
        .subcommand(study())
        .subcommand(run())
        .subcommand(crate::lua_command::command())
}

fn inputs_help() -> String {
    let mut text = String::from("Inputs:\n");
    for spec in WORKLOADS {
        let sizes: Vec<_> = spec
            .sizes
            .iter()
            .map(|size| format!("{} {}", size.name, size.default))
            .collect();
        // Writing into a String cannot fail.
        let _ = writeln!(text, "  {}        {} ({})", spec.name, spec.title, sizes.join(", "));
    }
    let _ = writeln!(
        text,
        "  {BUNDLED_NAME}  the bundled heap snapshot: a Node process with a worker thread"
    );
    text.push_str("  FILE      a .heapsnapshot of V8: plain, gzip or zstd\n");
    text.push_str("  FILE.lua  a program in Lua; what it prints is checked and not shown\n");
    let _ = writeln!(text, "\n{}", lua_defaults());
    text
}

/// Where the heap flags of programs in Lua have other defaults than the table of flags says.
pub(crate) fn lua_defaults() -> String {
    format!(
        "Programs in Lua begin with --initial-old-space-size={}, below what presets and flags say.",
        tenure_lua::heap_config().settings().initial_old_limit_bytes >> 20
    )
}

fn study() -> Command {
    let presets: Vec<_> = HeapConfig::presets()
        .iter()
        .map(|(name, what)| format!("  {name:<12} {what}"))
        .collect();
    let command = Command::new("study")
        .about("Runs inputs under presets and promotion policies; prints a table, writes report.html and events.jsonl")
        .long_about(
            "Runs inputs under presets and promotion policies; prints a table, writes report.html and events.jsonl. The first \
             configuration runs twice, its old generation collected in one pause and in slices with a pause goal (1ms if \
             --pause-goal says no other), and the two are compared; --incremental-marking or --no-incremental runs all of \
             them one way.",
        )
        .after_help(format!(
            "{}\nPresets:\n{}\n\nExamples:\n  \
             tenure study --quick\n  \
             tenure study my.heapsnapshot --churn 1000000 --out my-study\n  \
             tenure study W4 --preset v8-2012 --pause-goal=500us\n  \
             tenure study W1:16 W6:100000,1000000 --preset v8-2012,throughput\n  \
             tenure study {BUNDLED_NAME} --preset v8-2012 --policy v8,age-mark,all,adaptive --max-semi-space-size 4",
            inputs_help(),
            presets.join("\n")
        ))
        .arg(
            Arg::new("inputs")
                .value_name("INPUT")
                .num_args(0..)
                .help("Workloads with their sizes (W1:16), heap snapshot files, programs in Lua [default: s-worker, W1, W3, W4]"),
        )
        .arg(
            Arg::new("quick")
                .long("quick")
                .action(ArgAction::SetTrue)
                .help("Smaller default inputs, two presets: some seconds"),
        )
        .arg(hiccups(
            "Watch the machine's own hiccups from an idle thread, and mark the pauses that coincide with one \
             [default: on if there are two cores or more]",
        ))
        .arg(
            Arg::new("out")
                .long("out")
                .value_name("DIR")
                .default_value("tenure-study")
                .help("Folder for report.html and events.jsonl; made if it is not there"),
        )
        .arg(
            Arg::new("presets")
                .long("preset")
                .value_name("NAME")
                .value_delimiter(',')
                .action(ArgAction::Append)
                .value_parser(PossibleValuesParser::new(
                    HeapConfig::presets().iter().map(|(name, _)| *name),
                ))
                .hide_possible_values(true)
                .help("Presets to compare, separated by commas or repeated [default: all]"),
        )
        .arg(
            Arg::new("policies")
                .long("policy")
                .visible_alias("promotion")
                .value_name("POLICY")
                .value_delimiter(',')
                .action(ArgAction::Append)
                .help(format!(
                    "Promotion policies to compare under each preset: {} [default: the preset's own]",
                    policies()
                )),
        )
        .arg(churn())
        .arg(rng());
    heap_flags(
        command,
        &LISTED_BY_STUDY,
        "Heap flags, on top of every preset (defaults are those of v8-2012)",
    )
}

/// The accepted promotion policies, as the heap's table of flags lists them.
fn policies() -> &'static str {
    let help = HeapConfig::flags()
        .iter()
        .find(|flag| flag.name == "promotion")
        .map_or("", |flag| flag.help);
    help.split_once(": ").map_or(help, |(_, names)| names)
}

fn run() -> Command {
    let command = Command::new("run")
        .about("Runs one input once; prints its CHECK lines and one RESULT line")
        .after_help(format!(
            "{}\nExamples:\n  \
             tenure run W1\n  \
             tenure run W6 --size 100000,1000000 --promotion age-mark\n  \
             tenure run my.heapsnapshot --churn 100000 --verify-heap\n  \
             RNG=32 tenure run W3 --events w3.jsonl",
            inputs_help()
        ))
        .arg(
            Arg::new("input")
                .value_name("WORKLOAD")
                .required(true)
                .help("A workload, a heap snapshot file or a program in Lua"),
        )
        .arg(
            Arg::new("size")
                .long("size")
                .value_name("N,..")
                .value_delimiter(',')
                .num_args(1..)
                .action(ArgAction::Append)
                .help("The workload's sizes, in the order in which they are listed below"),
        )
        .arg(
            Arg::new("events")
                .long("events")
                .value_name("FILE")
                .help("Writes every event of the heap as JSON lines"),
        )
        .arg(hiccups(
            "Watch the machine's own hiccups from an idle thread, and count the pauses that coincide with one [default: off]",
        ))
        .arg(churn())
        .arg(rng());
    heap_flags(command, &[], "Heap flags")
}

fn churn() -> Arg {
    Arg::new("churn")
        .long("churn")
        .value_name("N")
        .value_parser(clap::value_parser!(u64))
        .help("Objects of a heap snapshot that are replaced, each with what it dominates [default: 1000000]")
}

fn hiccups(help: &'static str) -> Arg {
    Arg::new("hiccups")
        .long("hiccups")
        .value_name("WHETHER")
        .num_args(0..=1)
        // Without this the input after it would be its value.
        .require_equals(true)
        .default_missing_value("on")
        .value_parser(PossibleValuesParser::new(["on", "off"]))
        .help(help)
}

/// Whether hiccups are to be watched; `None` if it was not said.
pub(crate) fn given_hiccups(matches: &ArgMatches) -> Option<bool> {
    matches.get_one::<String>("hiccups").map(|text| text == "on")
}

fn rng() -> Arg {
    Arg::new("rng")
        .long("rng")
        .value_name("BITS")
        .value_parser(PossibleValuesParser::new(["32", "64"]))
        .help(
            "Random generator, for comparing check lines with other programs [default: RNG of the environment, or 64]",
        )
}

fn heap_flags(command: Command, left_out: &[&str], heading: &'static str) -> Command {
    HeapConfig::flags()
        .iter()
        .filter(|flag| !left_out.contains(&flag.name))
        .fold(command, |command, flag| {
            let arg = Arg::new(flag.name).long(flag.name).help_heading(heading);
            command.arg(if flag.value_name.is_empty() {
                arg.action(ArgAction::SetTrue).help(sentence(flag.help))
            } else {
                arg.value_name(flag.value_name)
                    .help(format!("{} [default: {}]", sentence(flag.help), flag.default))
            })
        })
}

/// With a capital at the start.
fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    rest.next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// The heap flags that were given, in the order of the table.
pub(crate) fn given_heap_flags(matches: &ArgMatches, left_out: &[&str]) -> Vec<(String, String)> {
    let mut given = Vec::new();
    for flag in HeapConfig::flags().iter().filter(|flag| !left_out.contains(&flag.name)) {
        let value = if flag.value_name.is_empty() {
            matches.get_flag(flag.name).then(|| "true".to_owned())
        } else {
            matches.get_one::<String>(flag.name).cloned()
        };
        given.extend(value.map(|value| (flag.name.to_owned(), value)));
    }
    given
}

/// The heap flags of `study`.
pub(crate) fn given_study_flags(matches: &ArgMatches) -> Vec<(String, String)> {
    given_heap_flags(matches, &LISTED_BY_STUDY)
}

/// Whether collections are printed while they happen, so that a progress bar would be in the way.
pub(crate) fn prints_collections(flags: &[(String, String)]) -> bool {
    flags.iter().any(|(name, _)| name.starts_with("trace-gc"))
}

/// The generator: the argument, else the environment's `RNG`, else the default.
pub(crate) fn given_rng(matches: &ArgMatches) -> Result<RngKind, crate::Failure> {
    if let Some(text) = matches.get_one::<String>("rng") {
        return Ok(text.parse()?);
    }
    match std::env::var("RNG") {
        Ok(text) => Ok(text
            .parse()
            .map_err(|error| format!("the environment variable RNG is not accepted: {error}"))?),
        Err(_) => Ok(RngKind::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_accepts_the_definition() {
        command().debug_assert();
    }

    #[test]
    fn every_heap_flag_is_an_argument_and_arrives() {
        let matches = command()
            .try_get_matches_from([
                "tenure",
                "run",
                "W1",
                "--max-old-space-size=64",
                "--trace-gc",
                "--promotion",
                "age=2",
            ])
            .unwrap();
        let (_, matches) = matches.subcommand().unwrap();
        let given = given_heap_flags(matches, &[]);
        let expected = [
            ("max-old-space-size", "64"),
            ("promotion", "age=2"),
            ("trace-gc", "true"),
        ];
        assert_eq!(given, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(prints_collections(&given));
        let help = run().render_long_help().to_string();
        for flag in HeapConfig::flags() {
            assert!(help.contains(&format!("--{}", flag.name)), "{} is missing", flag.name);
        }
    }

    #[test]
    fn hiccups_take_no_value_from_what_follows() {
        let given = |text: &[&str]| {
            let matches = command()
                .try_get_matches_from(["tenure", "run"].iter().chain(text))
                .unwrap();
            let (_, matches) = matches.subcommand().unwrap();
            assert_eq!(matches.get_one::<String>("input").map(String::as_str), Some("W1"));
            given_hiccups(matches)
        };
        assert_eq!(given(&["W1"]), None);
        assert_eq!(given(&["--hiccups", "W1"]), Some(true));
        assert_eq!(given(&["W1", "--hiccups=off"]), Some(false));
        assert!(
            command()
                .try_get_matches_from(["tenure", "run", "W1", "--hiccups=no"])
                .is_err()
        );
    }

    #[test]
    fn lists_are_separated_by_commas_or_repeated() {
        let matches = command()
            .try_get_matches_from([
                "tenure",
                "study",
                "W1",
                "--policy",
                "all,v8",
                "--policy=age=3",
                "--preset",
                "v8-2012",
            ])
            .unwrap();
        let (_, matches) = matches.subcommand().unwrap();
        let policies: Vec<_> = matches.get_many::<String>("policies").unwrap().cloned().collect();
        assert_eq!(policies, ["all", "v8", "age=3"]);
    }
}
