//! The study: inputs times configurations, one run after the other, each in a heap of its own.
//!
//! The idea: a plan is a list of runs that is known beforehand, so that progress can be shown and a mistake in the last
//! configuration is found before the first run. Runs never overlap, because two heaps on one machine would disturb each
//! other's pauses. It does not repeat runs; for that, the plan names an input twice.

use crate::analysis::{Span, Summary};
use crate::hiccup::{Hiccups, Watcher};
use crate::input::OpenInput;
use crate::log::LogLine;
use crate::measure::Laps;
use crate::pauses::{self, Miss, REFERENCE_GOAL_NS};
use crate::rng::RngKind;
use crate::workload::{Bench, Outcome, RunError};
use std::fmt;
use tenure::prelude::*;
use tenure_events::{CollectionRecord, Interval};

/// A preset with single flags on top.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configuration {
    /// Name of the preset.
    pub preset: String,
    /// The promotion policy, if it is not the preset's own.
    pub policy: Option<String>,
    /// Heap flags in the order given.
    pub flags: Vec<(String, String)>,
}

/// A heap flag that is not accepted.
#[derive(Debug)]
pub struct BadConfiguration(Box<dyn std::error::Error + Send + Sync>);

impl fmt::Display for BadConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for BadConfiguration {}

impl Configuration {
    /// The heap configuration: what the input begins with, then the preset, then the flags, then the policy.
    pub fn heap_config(&self, mut config: HeapConfig) -> Result<HeapConfig, BadConfiguration> {
        let bad = |error| BadConfiguration(Box::new(error));
        config.set_flag("preset", &self.preset).map_err(bad)?;
        for (name, value) in &self.flags {
            config.set_flag(name, value).map_err(bad)?;
        }
        if let Some(policy) = &self.policy {
            config.set_flag("promotion", policy).map_err(bad)?;
        }
        config.settings().check().map_err(bad)?;
        Ok(config)
    }
}

/// Heap flags that decide how the old generation is collected: whoever gives one of them wants no comparison of both ways.
const FLAGS_OF_MARKING: [&str; 4] = [
    "incremental-marking",
    "no-incremental",
    "stress-incremental-marking",
    "cycle-interval",
];

/// Puts the first configuration there twice, stopped and incremental, so that a study compares the two; unless its flags say
/// which of them is wanted. The incremental one has a pause goal, [`REFERENCE_GOAL_NS`] if no flag says another, for slices are
/// as long as the goal lets them be.
pub fn with_incremental_twin(configurations: &mut Vec<Configuration>) {
    let Some(first) = configurations.first_mut() else {
        return;
    };
    let has = |configuration: &Configuration, names: &[&str]| {
        let mut flags = configuration.flags.iter();
        flags.any(|(name, _)| names.contains(&name.as_str()))
    };
    if has(first, &FLAGS_OF_MARKING) {
        return;
    }
    let mut twin = first.clone();
    let flag = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    first.flags.push(flag("no-incremental", "true"));
    twin.flags.push(flag("incremental-marking", "true"));
    if !has(&twin, &["pause-goal"]) {
        twin.flags.push(flag("pause-goal", &format!("{REFERENCE_GOAL_NS}ns")));
    }
    configurations.insert(1, twin);
}

/// The order in which configurations run, by their places in the plan, and whether what runs first is to be run once before,
/// unrecorded. The first run of an input touches memory that the system has to find first, at several times the price of memory
/// that a run before it gave back: whatever is to be compared comes last.
pub fn run_order(configurations: &[Configuration]) -> (Vec<usize>, bool) {
    let is_compared = |place: &usize| {
        let flags = &configurations[*place].flags;
        flags.iter().any(|(name, _)| FLAGS_OF_MARKING.contains(&name.as_str()))
    };
    let (compared, others): (Vec<usize>, Vec<usize>) = (0..configurations.len()).partition(is_compared);
    let is_cold = others.is_empty() && compared.len() == 2;
    (others.into_iter().chain(compared).collect(), is_cold)
}

/// What a run is told besides its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunOptions {
    /// Operations on a snapshot.
    pub churn: u64,
    /// The random generator.
    pub rng: RngKind,
    /// Watch the machine's hiccups meanwhile.
    pub watches_hiccups: bool,
}

/// Everything known about a run that ended.
#[derive(Debug, Clone)]
pub struct RunReport {
    /// The input's label.
    pub input: String,
    /// The preset's name.
    pub preset: String,
    /// The promotion policy.
    pub policy: String,
    /// Whether the old generation is collected in slices.
    pub is_incremental: bool,
    /// The pause goal; zero is none.
    pub goal_ns: u64,
    /// The check lines.
    pub check: Vec<String>,
    /// The run on the heap's clock.
    pub span: Span,
    /// Every collection.
    pub records: Vec<CollectionRecord>,
    /// Other events, each with the number of records before it.
    pub others: Vec<(usize, LogLine)>,
    /// The machine's hiccups meanwhile, if they were watched.
    pub hiccups: Option<Hiccups>,
    /// Latencies of operations.
    pub laps: Option<Laps>,
    /// The figures.
    pub summary: Summary,
    /// What the run found.
    pub outcome: Outcome,
}

impl RunReport {
    /// Computes the figures from records and span.
    pub fn summarize(&mut self) {
        self.summary = Summary::new(&self.records, &self.span);
    }

    /// Preset, policy and marking in one text.
    pub fn configuration(&self) -> String {
        let incremental = if self.is_incremental { ", incremental" } else { "" };
        format!("{}, promotion {}{incremental}", self.preset, self.policy)
    }

    /// The records of collections that are part of the run.
    pub fn own_records(&self) -> impl Iterator<Item = &CollectionRecord> {
        self.records.iter().filter(|record| self.span.contains(record))
    }

    /// The goal with the pauses that missed it, if there is a goal.
    pub fn misses(&self) -> Option<(u64, Vec<Miss>)> {
        (self.goal_ns > 0).then(|| (self.goal_ns, pauses::misses(self, self.goal_ns)))
    }
}

/// A run that did not end well.
#[derive(Debug)]
pub enum StudyError {
    /// Its configuration is not accepted.
    Configuration(BadConfiguration),
    /// It failed.
    Run(Box<FailedRun>),
    /// The thread that watches the machine's hiccups could not be started.
    Watcher(std::io::Error),
}

/// Which run failed, and why.
#[derive(Debug)]
pub struct FailedRun {
    /// The input's label.
    pub input: String,
    /// Preset and policy.
    pub configuration: String,
    /// Why.
    pub error: RunError,
    /// What the heap said about it.
    pub detail: Option<String>,
}

impl fmt::Display for StudyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StudyError::Configuration(error) => error.fmt(f),
            StudyError::Run(failed) => {
                write!(f, "{} with {}: {}", failed.input, failed.configuration, failed.error)?;
                match &failed.detail {
                    Some(detail) => write!(f, " ({detail})"),
                    None => Ok(()),
                }
            }
            StudyError::Watcher(error) => write!(
                f,
                "cannot start the thread that watches the machine's hiccups: {error}; --hiccups=off runs without it"
            ),
        }
    }
}

impl std::error::Error for StudyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StudyError::Configuration(error) => Some(error),
            StudyError::Run(failed) => Some(&failed.error),
            StudyError::Watcher(error) => Some(error),
        }
    }
}

/// Runs one input in one configuration.
pub fn run(input: &OpenInput, configuration: &Configuration, options: &RunOptions) -> Result<RunReport, StudyError> {
    let config = configuration
        .heap_config(input.base_config())
        .map_err(StudyError::Configuration)?;
    let policy = config.settings().promotion.to_string();
    let (is_incremental, goal_ns) = (config.settings().incremental_marking, config.settings().pause_goal_ns);
    let mut bench = Bench::new(config, options.rng);
    let watcher = match options.watches_hiccups {
        true => Some(Watcher::start(bench.clock()).map_err(StudyError::Watcher)?),
        false => None,
    };
    let result = input.run(options.churn, &mut bench);
    let hiccups = watcher.map(Watcher::stop);
    let recorded = bench.recorded();
    let outcome = result.map_err(|error| {
        StudyError::Run(Box::new(FailedRun {
            input: input.label().to_owned(),
            configuration: format!("{}, promotion {policy}", configuration.preset),
            error,
            detail: recorded.others.iter().rev().find_map(|(_, line)| refusal(line)),
        }))
    })?;
    let mut report = RunReport {
        input: input.label().to_owned(),
        preset: configuration.preset.clone(),
        policy,
        is_incremental,
        goal_ns,
        check: outcome.check.clone(),
        span: outcome.span,
        records: recorded.records,
        others: recorded.others,
        hiccups: hiccups.map(|hiccups| {
            hiccups.within(Interval {
                start_ns: outcome.span.started_ns,
                length_ns: outcome.span.length_ns(),
            })
        }),
        laps: outcome.laps.clone(),
        summary: Summary::default(),
        outcome,
    };
    report.summarize();
    Ok(report)
}

/// What the heap said when it refused an allocation.
fn refusal(line: &LogLine) -> Option<String> {
    match line {
        LogLine::OutOfMemory {
            requested_bytes,
            limit_bytes,
            reason,
            ..
        } => Some(format!(
            "the heap refused {requested_bytes} bytes: {reason}; its limit is {limit_bytes} bytes"
        )),
        LogLine::PageSourceFailed { bytes, .. } => Some(format!("the system gave no {bytes} bytes")),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use tenure_events::{CollectionKind, HeapSizes, Phase};

    /// A run of one second with 200 collections of one millisecond, every tenth a major one.
    pub(crate) fn sample_run(input: &str, preset: &str) -> RunReport {
        let record = |index: u64| CollectionRecord {
            sequence: index,
            kind: if index % 10 == 9 {
                CollectionKind::Major
            } else {
                CollectionKind::Minor
            },
            start_ns: index * 5_000_000 + 1_000_000,
            pause_ns: 500_000 + index % 3 * 500_000,
            before: HeapSizes {
                nursery_used_bytes: 1 << 20,
                old_used_bytes: (index << 14) as usize,
                ..HeapSizes::default()
            },
            after: HeapSizes {
                old_used_bytes: (index << 14) as usize,
                ..HeapSizes::default()
            },
            promoted_bytes: 1 << 14,
            ..CollectionRecord::default()
        };
        let mut run = RunReport {
            input: input.to_owned(),
            preset: preset.to_owned(),
            policy: "v8".to_owned(),
            is_incremental: false,
            goal_ns: 0,
            check: vec!["W0 n=1".to_owned()],
            span: Span {
                finished_ns: 1_000_000_000,
                ..Span::default()
            },
            records: (0..200).map(record).collect(),
            others: Vec::new(),
            hiccups: None,
            laps: None,
            summary: Summary::default(),
            outcome: Outcome::default(),
        };
        run.summarize();
        run
    }

    #[test]
    fn the_sample_is_what_the_tests_take_it_for() {
        let summary = sample_run("x", "y").summary;
        assert_eq!((summary.minor.count, summary.major.count), (180, 20));
        assert!((summary.mutator_fraction - 0.8).abs() < 0.001);
    }

    /// The same with slices: every major collection is ten slices and a short last pause.
    pub(crate) fn sample_incremental(input: &str, preset: &str) -> RunReport {
        let mut run = sample_run(input, preset);
        run.is_incremental = true;
        run.goal_ns = 1_200_000;
        let mut records = Vec::new();
        for mut record in std::mem::take(&mut run.records) {
            if record.kind == CollectionKind::Major {
                for slice in 0..10 {
                    let start_ns = record.start_ns - 2_200_000 + slice * 200_000;
                    records.push(crate::cycle::tests::record('m', start_ns, 80_000 + slice * 1000));
                }
                record.pause_ns = 90_000;
                record.phases.add(Phase::Mark, 60_000);
                let swept = crate::cycle::tests::record('s', record.start_ns + 500_000, 30_000);
                records.extend([record, swept]);
            } else {
                record.phases.add(Phase::Evacuate, record.pause_ns);
                records.push(record);
            }
        }
        run.records = records;
        run.summarize();
        run
    }

    #[test]
    fn the_first_configuration_is_compared_unless_its_flags_say_how_to_mark() {
        let plain = |preset: &str| Configuration {
            preset: preset.into(),
            ..Configuration::default()
        };
        let mut configurations = vec![plain("v8-2012"), plain("throughput")];
        with_incremental_twin(&mut configurations);
        let settings: Vec<_> = configurations
            .iter()
            .map(|configuration| configuration.heap_config(HeapConfig::new()).unwrap().settings().clone())
            .collect();
        let marking: Vec<_> = settings
            .iter()
            .map(|s| (s.incremental_marking, s.pause_goal_ns))
            .collect();
        assert_eq!(marking, [(false, 0), (true, REFERENCE_GOAL_NS), (true, 0)]);
        assert_eq!(configurations[2], plain("throughput"));

        let with_flag = |name: &str, value: &str| Configuration {
            flags: vec![(name.into(), value.into())],
            ..plain("v8-2012")
        };
        let mut given = vec![with_flag("pause-goal", "500us")];
        with_incremental_twin(&mut given);
        let goals: Vec<_> = given
            .iter()
            .map(|c| c.heap_config(HeapConfig::new()).unwrap().settings().pause_goal_ns)
            .collect();
        assert_eq!(goals, [500_000, 500_000], "a goal that was given is that of both");
        for flag in FLAGS_OF_MARKING {
            let mut one_way = vec![with_flag(flag, "1")];
            with_incremental_twin(&mut one_way);
            assert_eq!(one_way.len(), 1, "{flag}");
            one_way[0]
                .heap_config(HeapConfig::new())
                .expect("the flag is one of the heap's");
        }
        with_incremental_twin(&mut Vec::new());
    }

    #[test]
    fn what_is_compared_runs_last_and_never_first() {
        let plan = |presets: &[&str]| {
            let mut configurations: Vec<_> = presets
                .iter()
                .map(|preset| Configuration {
                    preset: (*preset).into(),
                    ..Configuration::default()
                })
                .collect();
            with_incremental_twin(&mut configurations);
            run_order(&configurations)
        };
        assert_eq!(plan(&["v8-2012", "v8-modern", "throughput"]), (vec![2, 3, 0, 1], false));
        assert_eq!(plan(&["v8-2012"]), (vec![0, 1], true));
        assert_eq!(run_order(&[]), (vec![], false));
    }

    #[test]
    fn configurations_name_what_they_do_not_accept() {
        let bad = |configuration: Configuration| configuration.heap_config(HeapConfig::new()).unwrap_err().to_string();
        let preset = |name: &str| Configuration {
            preset: name.into(),
            ..Configuration::default()
        };
        assert!(bad(preset("fast")).contains("low-latency"));
        let policy = Configuration {
            policy: Some("sometimes".into()),
            ..preset("v8-2012")
        };
        assert!(bad(policy).contains("adaptive"));
        let flag = Configuration {
            flags: vec![("max-old-space-size".into(), "x".into())],
            ..preset("v8-2012")
        };
        assert!(bad(flag).contains("max-old-space-size"));
        let policy = Configuration {
            policy: Some("age=3".into()),
            ..preset("throughput")
        };
        assert_eq!(
            policy
                .heap_config(HeapConfig::new())
                .unwrap()
                .settings()
                .promotion
                .to_string(),
            "age=3"
        );
    }
}
