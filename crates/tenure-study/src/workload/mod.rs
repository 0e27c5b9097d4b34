//! The workloads: W1 to W8, programs that many collectors run alike, and others with a name for what dies with objects.
//! All are written against the facade as an embedder would.
//!
//! The idea: a workload is a plain function from sizes and a [`Bench`] to an [`Outcome`]. It starts the clock before its first
//! allocation, stops it after its last operation, and only then computes what goes into its check line, except where
//! counting belongs to the workload. Pointers live in regions bounded to a few hundred objects, with a safepoint between
//! two of them, so that memory stays bounded whatever the size. None of them uses threads.

mod buffers;
mod ephemerons;
mod finalizers;
mod image_list;
mod w1;
mod w2;
mod w3;
mod w4;
mod w5;
mod w6;
mod w7;
mod w8;

use crate::analysis::{Span, Summary};
use crate::log::{Recorded, Recorder};
use crate::measure::{Laps, thread_cpu_ns};
use crate::result::ResultLine;
use crate::rng::{Rng, RngKind};
use std::fmt;
use std::str::FromStr;
use tenure::ObjectModel;
use tenure::prelude::*;
use tenure_events::{Clock, HeapSizes, MonotonicClock};

/// Objects that one region allocates at most between two safepoints.
pub(crate) const REGION_OBJECTS: u64 = 256;

/// Why a run did not end as it should.
#[derive(Debug)]
pub enum RunError {
    /// The heap could not be made as configured.
    Heap(HeapError),
    /// The heap ran out of memory.
    OutOfMemory {
        /// What was being done.
        doing: &'static str,
    },
    /// A check found that the heap does not hold what the program put there.
    Wrong(String),
    /// A program failed: its message and where it was.
    Program(String),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Heap(error) => error.fmt(f),
            RunError::OutOfMemory { doing } => write!(
                f,
                "out of memory while {doing}; raise --max-old-space-size or choose a smaller size"
            ),
            RunError::Program(message) => write!(f, "the program failed: {message}"),
            RunError::Wrong(what) => write!(f, "the heap does not hold what was put there: {what}"),
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RunError::Heap(error) => Some(error),
            _ => None,
        }
    }
}

impl From<HeapError> for RunError {
    fn from(error: HeapError) -> Self {
        RunError::Heap(error)
    }
}

/// What a run is given besides its sizes.
#[derive(Debug)]
pub struct Bench {
    config: HeapConfig,
    rng: RngKind,
    clock: MonotonicClock,
    recorder: Recorder,
}

impl Bench {
    /// A bench for one run with this heap configuration and random generator.
    pub fn new(config: HeapConfig, rng: RngKind) -> Self {
        Bench {
            config,
            rng,
            clock: MonotonicClock::new(),
            recorder: Recorder::default(),
        }
    }

    /// The configuration, with this bench's clock and recorder; it can be taken once.
    pub(crate) fn config(&mut self) -> HeapConfig {
        std::mem::take(&mut self.config)
            .clock(self.clock)
            .listener(self.recorder.clone())
    }

    /// The clock of the run and of its heap.
    pub fn clock(&self) -> MonotonicClock {
        self.clock
    }

    pub(crate) fn rng(&self) -> Rng {
        Rng::new(self.rng)
    }

    pub(crate) fn rng_kind(&self) -> RngKind {
        self.rng
    }

    /// Starts the clock of the run.
    pub(crate) fn start(&self) -> Watch<'_> {
        Watch {
            clock: &self.clock,
            started_cpu_ns: thread_cpu_ns(),
            started_ns: self.clock.now_ns(),
        }
    }

    /// Takes what the heap reported.
    pub fn recorded(&self) -> Recorded {
        self.recorder.take()
    }
}

/// The clock of a run.
#[derive(Debug)]
pub(crate) struct Watch<'b> {
    clock: &'b MonotonicClock,
    started_cpu_ns: u64,
    started_ns: u64,
}

impl Watch<'_> {
    /// Time since the start, in nanoseconds.
    pub(crate) fn elapsed_ns(&self) -> u64 {
        self.clock.now_ns() - self.started_ns
    }

    /// Ends the run: what happens in the heap afterwards is not part of its figures. `checking_ns` went into checks meanwhile.
    pub(crate) fn stop<M: ObjectModel>(&self, h: &Heap<M>, checking_ns: u64) -> Span {
        self.stop_at(h.statistics().sizes, checking_ns)
    }

    /// The same with the sizes of the heap at the end.
    pub(crate) fn stop_at(&self, final_sizes: HeapSizes, checking_ns: u64) -> Span {
        Span {
            started_ns: self.started_ns,
            finished_ns: self.clock.now_ns(),
            checking_ns,
            cpu_ns: thread_cpu_ns().saturating_sub(self.started_cpu_ns),
            final_sizes,
        }
    }
}

/// Nanoseconds as seconds.
pub(crate) fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// What a run found, besides the collections that were recorded meanwhile.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Check lines, without the word `CHECK`.
    pub check: Vec<String>,
    /// The run on the heap's clock.
    pub span: Span,
    /// Objects that the run allocates, where that is known beforehand.
    pub objects: Option<u64>,
    /// Figures of the run with a name of their own: parts in seconds, and what the name says.
    pub parts: Vec<(&'static str, f64)>,
    /// Latencies of the operations.
    pub laps: Option<Laps>,
    /// Forced full collections.
    pub full_ns: Vec<u64>,
    /// Live objects at each forced full collection.
    pub full_objects: u64,
}

impl Outcome {
    /// The `RESULT` line of the run, without processor time and resident memory.
    pub fn result_line(&self, name: &str, size: &str, summary: &Summary) -> ResultLine {
        let mut line = ResultLine::new(name);
        if !size.is_empty() {
            line.pair("size", size);
        }
        line.number("total_s", summary.total_ns as f64 / 1e9);
        for (key, seconds) in &self.parts {
            line.number(key, *seconds);
        }
        if let Some(objects) = self.objects {
            line.number("ns_per_object", summary.total_ns as f64 / objects as f64);
        }
        if let Some(laps) = &self.laps {
            line.operations(laps);
        }
        if !self.full_ns.is_empty() {
            let mut sorted = self.full_ns.clone();
            sorted.sort_unstable();
            let median_ns = sorted[sorted.len() / 2] as f64;
            line.number("full_min_ms", sorted[0] as f64 / 1e6);
            line.number("full_median_ms", median_ns / 1e6);
            line.number("mobj_per_s", self.full_objects as f64 * 1e3 / median_ns);
        }
        line.collections(summary);
        line
    }
}

/// One of the workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "WORKLOADS says what each is")]
pub enum WorkloadId {
    W1,
    W2,
    W3,
    W4,
    W5,
    W6,
    W7,
    W8,
    Ephemerons,
    Finalizers,
    ImageList,
    Buffers,
}

/// What is known of a workload without running it.
#[derive(Debug)]
pub struct WorkloadSpec {
    /// Which one.
    pub id: WorkloadId,
    /// Its name on the command line.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Its sizes: name, default, smallest and largest accepted.
    pub sizes: &'static [SizeSpec],
    run: fn(&[u64], &mut Bench) -> Result<Outcome, RunError>,
}

/// One size of a workload.
#[derive(Debug)]
pub struct SizeSpec {
    /// What it counts.
    pub name: &'static str,
    /// The default.
    pub default: u64,
    /// Smallest accepted.
    pub min: u64,
    /// Largest accepted.
    pub max: u64,
}

const fn size(name: &'static str, default: u64, min: u64, max: u64) -> SizeSpec {
    SizeSpec {
        name,
        default,
        min,
        max,
    }
}

/// All workloads.
pub const WORKLOADS: &[WorkloadSpec] = &[
    WorkloadSpec {
        id: WorkloadId::W1,
        name: "W1",
        title: "binary trees: many short-lived trees beside a long-lived one",
        sizes: &[size("depth", 18, 4, 26)],
        run: w1::run,
    },
    WorkloadSpec {
        id: WorkloadId::W2,
        name: "W2",
        title: "GCBench: trees built from the top and from the bottom, a large array of doubles",
        sizes: &[size("repetitions", 5, 1, 1_000_000)],
        run: w2::run,
    },
    WorkloadSpec {
        id: WorkloadId::W3,
        name: "W3",
        title: "splay tree of 8000 nodes with payloads, 80 replaced per iteration",
        sizes: &[size("iterations", 2000, 1, 10_000_000)],
        run: w3::run,
    },
    WorkloadSpec {
        id: WorkloadId::W4,
        name: "W4",
        title: "message window: a ring of buffers of 1 KiB",
        sizes: &[
            size("window", 200_000, 1, 50_000_000),
            size("messages", 2_000_000, 1, 1 << 40),
        ],
        run: w4::run,
    },
    WorkloadSpec {
        id: WorkloadId::W5,
        name: "W5",
        title: "random graph, forced full collections",
        sizes: &[size("objects", 8_000_000, 1, 1 << 31), size("collections", 5, 1, 1000)],
        run: w5::run,
    },
    WorkloadSpec {
        id: WorkloadId::W6,
        name: "W6",
        title: "cache with random eviction",
        sizes: &[
            size("entries", 1_000_000, 1, 1 << 29),
            size("operations", 10_000_000, 1, 1 << 40),
        ],
        run: w6::run,
    },
    WorkloadSpec {
        id: WorkloadId::W7,
        name: "W7",
        title: "allocation of pairs that die at once",
        sizes: &[size("objects", 200_000_000, 1, 1 << 40)],
        run: w7::run,
    },
    WorkloadSpec {
        id: WorkloadId::W8,
        name: "W8",
        title: "functional lists: build, map, filter, reverse",
        sizes: &[size("length", 1_000_000, 1, 1 << 30), size("rounds", 30, 1, 1_000_000)],
        run: w8::run,
    },
    WorkloadSpec {
        id: WorkloadId::Ephemerons,
        name: "ephemerons",
        title: "notes about keys that come and go, in a weak table whose values refer to their keys",
        sizes: &[
            size("keys", 200_000, 1, 1 << 29),
            size("operations", 2_000_000, 1, 1 << 40),
            size("chain", 100_000, 0, 1 << 29),
        ],
        run: ephemerons::run,
    },
    WorkloadSpec {
        id: WorkloadId::Finalizers,
        name: "finalizers",
        title: "files with finalizers and native resources in a window",
        sizes: &[
            size("window", 100_000, 1, 1 << 29),
            size("operations", 2_000_000, 1, 1 << 40),
        ],
        run: finalizers::run,
    },
    WorkloadSpec {
        id: WorkloadId::ImageList,
        name: "image-list",
        title: "a long list of images scrolled fast: naive, cached and deferred loading",
        sizes: &[size("items", 10_000, 1, 10_000_000), size("rests", 8, 1, 100_000)],
        run: image_list::run,
    },
    WorkloadSpec {
        id: WorkloadId::Buffers,
        name: "buffers",
        title: "packets in array buffers, seen through views; a linear memory that grows",
        sizes: &[
            size("window", 20_000, 1, 1 << 24),
            size("operations", 200_000, 1, 1 << 40),
            size("words", 1024, 1, 1 << 28),
        ],
        run: buffers::run,
    },
];

impl WorkloadId {
    /// What is known of it.
    pub fn spec(self) -> &'static WorkloadSpec {
        &WORKLOADS[self as usize]
    }
}

/// A text that names no workload or gives it sizes that it does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadParseError(String);

impl fmt::Display for WorkloadParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WorkloadParseError {}

impl FromStr for WorkloadId {
    type Err = WorkloadParseError;

    fn from_str(text: &str) -> Result<Self, WorkloadParseError> {
        WORKLOADS
            .iter()
            .find(|spec| spec.name.eq_ignore_ascii_case(text))
            .map(|spec| spec.id)
            .ok_or_else(|| {
                let accepted: Vec<_> = WORKLOADS
                    .iter()
                    .map(|spec| format!("  {}  {}", spec.name, spec.title))
                    .collect();
                WorkloadParseError(format!(
                    "no workload is named '{text}'; accepted are\n{}",
                    accepted.join("\n")
                ))
            })
    }
}

/// A workload with its sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    id: WorkloadId,
    sizes: Vec<u64>,
    is_default: bool,
}

impl Workload {
    /// The workload with these sizes; the ones left out have their default.
    pub fn new(id: WorkloadId, given: &[u64]) -> Result<Self, WorkloadParseError> {
        let spec = id.spec();
        if given.len() > spec.sizes.len() {
            let names: Vec<_> = spec.sizes.iter().map(|size| size.name).collect();
            return Err(WorkloadParseError(format!(
                "{} takes at most {} ({}), but {} sizes were given",
                spec.name,
                if spec.sizes.len() == 1 {
                    "1 size".to_owned()
                } else {
                    format!("{} sizes", spec.sizes.len())
                },
                names.join(", "),
                given.len()
            )));
        }
        for (size, value) in spec.sizes.iter().zip(given) {
            if !(size.min..=size.max).contains(value) {
                return Err(WorkloadParseError(format!(
                    "{} of {} is {value}; accepted are {} to {}",
                    size.name, spec.name, size.min, size.max
                )));
            }
        }
        let rest = spec.sizes.iter().skip(given.len()).map(|size| size.default);
        Ok(Workload {
            id,
            sizes: given.iter().copied().chain(rest).collect(),
            is_default: given.is_empty(),
        })
    }

    /// Which workload.
    pub fn id(&self) -> WorkloadId {
        self.id
    }

    /// The sizes as one word: `200000,2000000`.
    pub fn size_text(&self) -> String {
        self.sizes.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
    }

    /// The name with the sizes, unless they are the defaults: `W4:1000,5000`.
    pub fn label(&self) -> String {
        if self.is_default {
            self.id.spec().name.to_owned()
        } else {
            format!("{}:{}", self.id.spec().name, self.size_text())
        }
    }

    /// Runs it.
    pub fn run(&self, bench: &mut Bench) -> Result<Outcome, RunError> {
        (self.id.spec().run)(&self.sizes, bench)
    }
}

/// Reads numbers as in `200_000,2000000`.
pub fn parse_sizes(text: &str) -> Result<Vec<u64>, WorkloadParseError> {
    text.split(',')
        .map(|part| {
            part.replace('_', "").parse().map_err(|_| {
                WorkloadParseError(format!(
                    "'{part}' is no size; accepted are whole numbers, separated by commas: 200000,2000000"
                ))
            })
        })
        .collect()
}

impl FromStr for Workload {
    type Err = WorkloadParseError;

    /// `W1` or `W4:200000,2000000`.
    fn from_str(text: &str) -> Result<Self, WorkloadParseError> {
        match text.split_once(':') {
            None => Workload::new(text.parse()?, &[]),
            Some((name, sizes)) => Workload::new(name.parse()?, &parse_sizes(sizes)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        for (index, spec) in WORKLOADS.iter().enumerate() {
            assert_eq!(spec.id as usize, index);
            if index < 8 {
                assert_eq!(spec.name, format!("W{}", index + 1));
            }
        }
    }

    #[test]
    fn sizes_are_read_and_bounded() {
        let ring: Workload = "w4:1_000,5000".parse().unwrap();
        assert_eq!(
            (ring.label().as_str(), ring.size_text().as_str()),
            ("W4:1000,5000", "1000,5000")
        );
        let part: Workload = "W6:77".parse().unwrap();
        assert_eq!(part.size_text(), "77,10000000");
        assert_eq!("W1".parse::<Workload>().unwrap().label(), "W1");

        let message = |text: &str| text.parse::<Workload>().unwrap_err().to_string();
        assert!(message("W9").contains("'W9'") && message("W9").contains("W1  binary trees"));
        assert!(message("W1:3").contains("depth of W1 is 3; accepted are 4 to 26"));
        assert!(message("W1:5,6").contains("at most 1 size (depth)"));
        assert!(message("W4:x").contains("'x' is no size"));
    }
}
