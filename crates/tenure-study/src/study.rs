//! The study: inputs times configurations, one run after the other, each in a heap of its own.
//!
//! The idea: a plan is a list of runs that is known beforehand, so that progress can be shown and a mistake in the last
//! configuration is found before the first run. Runs never overlap, because two heaps on one machine would disturb each
//! other's pauses. It does not repeat runs; for that, the plan names an input twice.

use crate::analysis::{Span, Summary};
use crate::input::OpenInput;
use crate::log::LogLine;
use crate::measure::Laps;
use crate::rng::RngKind;
use crate::workload::{Bench, Outcome, RunError};
use std::fmt;
use tenure::prelude::*;
use tenure_events::CollectionRecord;

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
    /// The heap configuration: the preset, then the flags, then the policy.
    pub fn heap_config(&self) -> Result<HeapConfig, BadConfiguration> {
        let bad = |error| BadConfiguration(Box::new(error));
        let mut config = HeapConfig::preset(&self.preset).map_err(bad)?;
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

/// Everything known about a run that ended.
#[derive(Debug, Clone)]
pub struct RunReport {
    /// The input's label.
    pub input: String,
    /// The preset's name.
    pub preset: String,
    /// The promotion policy.
    pub policy: String,
    /// The check lines.
    pub check: Vec<String>,
    /// The run on the heap's clock.
    pub span: Span,
    /// Every collection.
    pub records: Vec<CollectionRecord>,
    /// Other events, each with the number of records before it.
    pub others: Vec<(usize, LogLine)>,
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

    /// Preset and policy in one text.
    pub fn configuration(&self) -> String {
        format!("{}, promotion {}", self.preset, self.policy)
    }
}

/// A run that did not end well.
#[derive(Debug)]
pub enum StudyError {
    /// Its configuration is not accepted.
    Configuration(BadConfiguration),
    /// It failed.
    Run(Box<FailedRun>),
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
        }
    }
}

impl std::error::Error for StudyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StudyError::Configuration(error) => Some(error),
            StudyError::Run(failed) => Some(&failed.error),
        }
    }
}

/// Runs one input in one configuration.
pub fn run(
    input: &OpenInput,
    configuration: &Configuration,
    churn: u64,
    rng: RngKind,
) -> Result<RunReport, StudyError> {
    let config = configuration.heap_config().map_err(StudyError::Configuration)?;
    let policy = config.settings().promotion.to_string();
    let mut bench = Bench::new(config, rng);
    let result = input.run(churn, &mut bench);
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
        check: outcome.check.clone(),
        span: outcome.span,
        records: recorded.records,
        others: recorded.others,
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
    use tenure_events::{CollectionKind, HeapSizes};

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
            check: vec!["W0 n=1".to_owned()],
            span: Span {
                finished_ns: 1_000_000_000,
                ..Span::default()
            },
            records: (0..200).map(record).collect(),
            others: Vec::new(),
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

    #[test]
    fn configurations_name_what_they_do_not_accept() {
        let bad = |configuration: Configuration| configuration.heap_config().unwrap_err().to_string();
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
        assert_eq!(policy.heap_config().unwrap().settings().promotion.to_string(), "age=3");
    }
}
