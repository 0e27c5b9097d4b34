//! The command as a user meets it: output, exit codes, messages.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::{Command, Output};

fn tenure(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tenure"))
        .args(arguments)
        .env_remove("RNG")
        .output()
        .expect("the command starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

/// Runs the command, expects it to succeed, returns its standard output.
fn succeed(arguments: &[&str]) -> String {
    let output = tenure(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Runs the command, expects it to fail with the code, returns its standard error.
fn fail(arguments: &[&str], code: i32) -> String {
    let output = tenure(arguments);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{arguments:?}: {}",
        text(&output.stderr)
    );
    text(&output.stderr)
}

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("the folder for test output can be made");
    folder
}

#[test]
fn run_prints_check_and_result_lines() {
    let out = succeed(&["run", "w1", "--size", "10"]);
    let mut lines = out.lines();
    assert_eq!(
        lines.next(),
        Some("CHECK W1 n=10 stretch=4095 d4=31744 d6=32512 d8=32704 d10=32752 long=2047")
    );
    let result = lines.next().expect("a result line follows");
    assert!(
        result.starts_with("RESULT name=W1 peer=tenure size=10 total_s="),
        "{result}"
    );
    for key in [
        "cpu_s",
        "ns_per_object",
        "minors",
        "majors",
        "slices",
        "pause_p999_ms",
        "pause_max_ms",
        "merged_pause_max_ms",
        "promoted_mb",
        "peak_heap_mb",
        "peak_rss_mb",
    ] {
        let value = result
            .split(' ')
            .find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        assert!(
            value.is_some_and(|value| value.parse::<f64>().is_ok_and(f64::is_finite)),
            "{key} in {result}"
        );
    }
    assert_eq!(lines.next(), None);
}

#[test]
fn sizes_are_given_with_commas_or_blanks_and_the_generator_by_flag_or_environment() {
    let out = succeed(&["run", "W6", "--size", "1000,20000", "--rng", "32"]);
    assert!(
        out.contains("CHECK W6 c=1000 ops=20000 rng=32 hits=4981 misses=15019 sum=54748430 size=1000\n"),
        "{out}"
    );
    assert!(out.contains(" op_p9999_us=") && out.contains(" fill_s="), "{out}");
    let output = Command::new(env!("CARGO_BIN_EXE_tenure"))
        .args(["run", "W6", "--size", "1000", "20000"])
        .env("RNG", "32")
        .output()
        .expect("the command starts");
    assert!(
        text(&output.stdout).contains("rng=32 hits=4981"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn heap_flags_reach_the_heap() {
    let out = succeed(&["run", "W1", "--size", "10", "--max-semi-space-size", "1", "--trace-gc"]);
    assert!(out.lines().any(|line| line.contains("Scavenge")), "{out}");
    let message = fail(
        &[
            "run",
            "W4",
            "--size",
            "100000,100000",
            "--max-old-space-size",
            "8",
            "--max-semi-space-size",
            "1",
        ],
        1,
    );
    assert!(
        message.contains("out of memory") && message.contains("--max-old-space-size"),
        "{message}"
    );
}

#[test]
fn mistakes_are_named_with_what_is_accepted() {
    let message = fail(&["run", "W9"], 1);
    assert!(
        message.contains("'W9'") && message.contains("W1  binary trees") && message.contains("W8  functional"),
        "{message}"
    );
    let message = fail(&["run", "no/such.heapsnapshot"], 1);
    assert!(message.contains("no/such.heapsnapshot"), "{message}");
    let message = fail(&["run", "W1", "--size", "99"], 1);
    assert!(message.contains("accepted are 4 to 26"), "{message}");
    let message = fail(&["run", "W1", "--promotion", "sometimes"], 1);
    assert!(
        message.contains("sometimes") && message.contains("adaptive"),
        "{message}"
    );
    let message = fail(&["run", "s-worker", "--size", "5"], 1);
    assert!(message.contains("--churn"), "{message}");
    let message = fail(&["study", "--preset", "fast"], 2);
    assert!(message.contains("low-latency"), "{message}");
    fail(&["run", "W1", "--no-such-flag"], 2);
    fail(&[], 2);
}

#[test]
fn a_broken_snapshot_names_the_place() {
    let path = folder("broken").join("broken.heapsnapshot");
    std::fs::write(&path, br#"{"snapshot":{"meta":{"node_fields":["type"#).expect("the file can be written");
    let message = fail(&["run", path.to_str().expect("the path is UTF-8")], 1);
    assert!(
        message.contains("broken.heapsnapshot") && message.contains("byte "),
        "{message}"
    );
}

#[test]
fn run_writes_its_events() {
    let path = folder("events").join("w3.jsonl");
    let arguments = [
        "run",
        "W3",
        "--size",
        "3",
        "--max-semi-space-size",
        "1",
        "--events",
        path.to_str().expect("UTF-8"),
    ];
    succeed(&arguments);
    let log = std::fs::read_to_string(&path).expect("the log was written");
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let of_type = |name: &str| lines.iter().filter(|line| line["type"] == name).count();
    assert_eq!((of_type("run"), of_type("summary")), (1, 1));
    assert!(of_type("collection") > 3, "{log}");
}

#[test]
fn a_study_gives_table_page_and_log() {
    let folder = folder("study");
    let out = succeed(&[
        "study",
        "s-worker",
        "W1:10",
        "--preset",
        "v8-2012,low-latency",
        "--policy",
        "v8,all",
        "--churn",
        "20000",
        "--out",
        folder.to_str().expect("the path is UTF-8"),
    ]);
    for column in ["mutator", "MMU", "100 ms", "promoted", "peak"] {
        assert!(out.contains(column), "{column} in\n{out}");
    }
    assert_eq!(out.matches("low-latency").count(), 4, "{out}");
    // Two inputs under two presets and two policies, and the first of these configurations incremental.
    assert!(out.contains("10 runs in"), "{out}");
    let page = std::fs::read_to_string(folder.join("report.html")).expect("the page was written");
    assert_eq!(page.matches("<figure>").count(), 2 * (4 + 4));
    assert!(
        page.contains("s-worker after=churn nodes=56653 edges=229792"),
        "the check lines are in the page"
    );
    let log = std::fs::read_to_string(folder.join("events.jsonl")).expect("the log was written");
    assert_eq!(log.matches(r#""type":"summary""#).count(), 10);
}

/// The value of a key in the `RESULT` line of some output.
fn result_value(out: &str, key: &str) -> Option<f64> {
    let line = out.lines().find(|line| line.starts_with("RESULT "))?;
    let value = line
        .split(' ')
        .find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
    value.map(|value| value.parse().unwrap_or_else(|_| panic!("{key}={value}")))
}

/// A ring of messages in a small heap, so that the old generation is collected some times.
const SMALL_RING: [&str; 8] = [
    "W4",
    "--size",
    "10000,60000",
    "--initial-old-space-size",
    "16",
    "--max-semi-space-size",
    "1",
    "--incremental-marking",
];

#[test]
fn a_run_with_a_goal_says_how_it_was_kept() {
    let goal = ["--pause-goal=10us", "--hiccups"];
    let out = succeed(&[&["run"], &SMALL_RING[..], &goal].concat());
    let value = |key| result_value(&out, key).unwrap_or_else(|| panic!("{key} in {out}"));
    let pauses = value("minors") + value("majors") + value("slices");
    assert!(value("majors") > 0.0 && value("slices") > 0.0, "{out}");
    assert_eq!(value("goal_ms"), 0.01, "{out}");
    // Copying a live message or more for every KiB of a nursery of a MiB takes longer than that.
    assert!((1.0..=pauses).contains(&value("pauses_above_goal")), "{out}");
    assert!(value("pause_p999_ms") <= value("pause_max_ms"), "{out}");
    assert!(value("old_pause_max_ms") <= value("pause_max_ms"), "{out}");
    assert!(value("pause_max_ms") <= value("merged_pause_max_ms"), "{out}");
    let (above, in_hiccup) = (value("pauses_above_goal"), value("misses_in_hiccup"));
    assert!(
        in_hiccup <= above && above - in_hiccup <= value("misses_without_hiccups"),
        "{out}"
    );
    for key in [
        "hiccup_max_ms",
        "hiccups_above_500us",
        "op_p999_us",
        "op_p9999_us",
        "op_max_us",
    ] {
        value(key);
    }

    let out = succeed(&["run", "W4", "--size", "100,1000"]);
    for key in [
        "goal_ms",
        "pauses_above_goal",
        "hiccup_max_ms",
        "misses_in_hiccup",
        "old_pause_max_ms",
    ] {
        assert_eq!(result_value(&out, key), None, "{key} does not apply: {out}");
    }
}

#[test]
fn a_study_compares_stopped_with_incremental() {
    let folder = folder("compared");
    let path = folder.to_str().expect("the path is UTF-8");
    let ring = ["study", "W4:10000,60000", "--preset", "v8-2012", "--out", path];
    let small = ["--initial-old-space-size", "16", "--max-semi-space-size", "1"];
    let out = succeed(&[&ring[..], &small, &["--pause-goal=10us", "--hiccups"]].concat());
    assert!(out.contains("Stopped against incremental"), "{out}");
    assert!(out.contains("Longest old-generation pause: "), "{out}");
    assert!(out.contains("above the goal") && out.contains("2 runs in"), "{out}");
    let page = std::fs::read_to_string(folder.join("report.html")).expect("the page was written");
    for text in [
        "One cycle.",
        "What missed the goal",
        "slice of marking",
        "kept an idle thread",
    ] {
        assert!(page.contains(text), "{text}");
    }
    let log = std::fs::read_to_string(folder.join("events.jsonl")).expect("the log was written");
    assert!(log.contains(r#""kind":"slice""#) && log.contains(r#""moved_bytes":"#));
    assert!(log.contains(r#""hiccups_watched":true"#));

    let out = succeed(&[&ring[..], &small, &["--no-incremental", "--hiccups=off"]].concat());
    assert!(out.contains("1 run in") && !out.contains("against"), "{out}");
    assert!(out.contains("hiccups were not watched, as --hiccups=off says"), "{out}");
}

#[test]
fn help_has_examples_and_every_workload() {
    for arguments in [&["-h"][..], &["study", "-h"], &["run", "-h"]] {
        let help = succeed(arguments);
        assert!(help.contains("Examples:"), "{help}");
    }
    let help = succeed(&["run", "-h"]);
    assert!(
        help.contains("W8") && help.contains("--max-old-space-size") && help.contains("s-worker"),
        "{help}"
    );
}
