//! The raw event log: one JSON object per line, everything that the heap reported during the runs of a study.
//!
//! The idea: a `run` line opens each run and a `summary` line closes it; the lines between are its events in the order in
//! which they happened, so a reader needs no state but the run number that each line carries. Sizes are bytes, times are
//! nanoseconds of the heap's own clock. Writing is linear in the events and happens after the runs.

use crate::analysis::{KindSummary, Summary};
use crate::study::RunReport;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::rc::Rc;
use tenure_events::{CollectionRecord, Event, HeapSizes, Listener};

/// A text that is static when written and owned when read back.
type Text = Cow<'static, str>;

/// Sizes of the heap's parts, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are those of HeapSizes, documented there")]
pub struct SizesLine {
    pub nursery_used_bytes: usize,
    pub nursery_committed_bytes: usize,
    pub old_used_bytes: usize,
    pub old_committed_bytes: usize,
    pub large_used_bytes: usize,
    pub large_committed_bytes: usize,
    pub bookkeeping_bytes: usize,
    pub external_bytes: usize,
}

impl From<&HeapSizes> for SizesLine {
    fn from(sizes: &HeapSizes) -> Self {
        SizesLine {
            nursery_used_bytes: sizes.nursery_used_bytes,
            nursery_committed_bytes: sizes.nursery_committed_bytes,
            old_used_bytes: sizes.old_used_bytes,
            old_committed_bytes: sizes.old_committed_bytes,
            large_used_bytes: sizes.large_used_bytes,
            large_committed_bytes: sizes.large_committed_bytes,
            bookkeeping_bytes: sizes.bookkeeping_bytes,
            external_bytes: sizes.external_bytes,
        }
    }
}

/// One decision with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionLine {
    /// What was decided.
    pub subject: Text,
    /// The value chosen.
    pub value: u64,
    /// The unit of the value.
    pub unit: Text,
    /// Why.
    pub reason: Text,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(missing_docs, reason = "the fields are those of the events, documented there")]
pub enum LogLine {
    /// A run begins.
    Run {
        run: usize,
        input: String,
        preset: String,
        policy: String,
        is_incremental: bool,
        goal_ns: u64,
        started_ns: u64,
        finished_ns: u64,
    },
    /// A collection ended.
    Collection {
        run: usize,
        sequence: u64,
        kind: Text,
        cause: Text,
        start_ns: u64,
        pause_ns: u64,
        before: SizesLine,
        after: SizesLine,
        phases_ns: BTreeMap<Text, u64>,
        retained_bytes: u64,
        promoted_bytes: u64,
        retained_objects: u64,
        promoted_objects: u64,
        remembered_owners: u64,
        marked_objects: u64,
        mark_stack_overflows: u64,
        rescans: u64,
        rescanned_blocks: u64,
        swept_blocks: u64,
        moved_objects: u64,
        moved_bytes: u64,
        freed_bytes: u64,
        missed_goal_ns: Option<u64>,
        decisions: Vec<DecisionLine>,
    },
    /// The nursery changed its capacity.
    NurseryResized {
        run: usize,
        from_bytes: usize,
        to_bytes: usize,
        reason: Text,
    },
    /// The limit that starts major collections changed.
    OldLimitChanged {
        run: usize,
        from_bytes: usize,
        to_bytes: usize,
        reason: Text,
    },
    /// The hard limit was near.
    NearLimit {
        run: usize,
        limit_bytes: usize,
        used_bytes: usize,
        raised_to_bytes: Option<usize>,
    },
    /// An allocation was refused.
    OutOfMemory {
        run: usize,
        requested_bytes: usize,
        limit_bytes: usize,
        reason: Text,
    },
    /// A pause was longer than the goal.
    PauseGoalMissed {
        run: usize,
        goal_ns: u64,
        pause_ns: u64,
        kind: Text,
        phase: Text,
        reason: Text,
    },
    /// The system gave no memory.
    PageSourceFailed { run: usize, bytes: usize },
    /// The machine kept an idle thread waiting; these follow the events, for they are known after the run.
    Hiccup { run: usize, start_ns: u64, length_ns: u64 },
    /// The figures of a run that ended.
    Summary {
        run: usize,
        check: Vec<String>,
        total_ns: u64,
        paused_ns: u64,
        mutator_fraction: f64,
        minors: u64,
        majors: u64,
        slices: u64,
        cpu_ns: u64,
        pause_p50_ns: u64,
        pause_p99_ns: u64,
        pause_p999_ns: u64,
        pause_max_ns: u64,
        minor_pause_max_ns: u64,
        major_pause_max_ns: u64,
        old_pause_max_ns: u64,
        merged_pauses: u64,
        merged_pause_p999_ns: u64,
        merged_pause_max_ns: u64,
        pauses_above_goal: Option<u64>,
        hiccups_watched: bool,
        mmu_1_ms: f64,
        mmu_10_ms: f64,
        mmu_100_ms: f64,
        promoted_bytes: u64,
        retained_bytes: u64,
        peak_heap_bytes: u64,
        operations: u64,
        op_p50_ns: u64,
        op_p99_ns: u64,
        op_p999_ns: u64,
        op_p9999_ns: u64,
        op_max_ns: u64,
    },
}

impl LogLine {
    /// The line of a collection.
    pub fn collection(run: usize, record: &CollectionRecord) -> Self {
        LogLine::Collection {
            run,
            sequence: record.sequence,
            kind: record.kind.name().into(),
            cause: record.cause.name().into(),
            start_ns: record.start_ns,
            pause_ns: record.pause_ns,
            before: (&record.before).into(),
            after: (&record.after).into(),
            phases_ns: record
                .phases
                .iter()
                .map(|(phase, ns)| (phase.name().into(), ns))
                .collect(),
            retained_bytes: record.retained_bytes,
            promoted_bytes: record.promoted_bytes,
            retained_objects: record.retained_objects,
            promoted_objects: record.promoted_objects,
            remembered_owners: record.remembered_owners,
            marked_objects: record.marked_objects,
            mark_stack_overflows: record.mark_stack_overflows,
            rescans: record.rescans,
            rescanned_blocks: record.rescanned_blocks,
            swept_blocks: record.swept_blocks,
            moved_objects: record.moved_objects,
            moved_bytes: record.moved_bytes,
            freed_bytes: record.freed_bytes,
            missed_goal_ns: record.missed_goal_ns,
            decisions: record
                .decisions
                .iter()
                .map(|decision| DecisionLine {
                    subject: decision.subject.into(),
                    value: decision.value,
                    unit: decision.unit.into(),
                    reason: decision.reason.into(),
                })
                .collect(),
        }
    }

    fn summary(run: usize, report: &RunReport) -> Self {
        let Summary { minor, major, .. } = &report.summary;
        let KindSummary {
            max_ns: minor_pause_max_ns,
            ..
        } = *minor;
        let op = |quantile| report.laps.as_ref().map_or(0, |laps| laps.quantile_ns(quantile));
        LogLine::Summary {
            run,
            check: report.check.clone(),
            total_ns: report.summary.total_ns,
            paused_ns: report.summary.paused_ns,
            mutator_fraction: report.summary.mutator_fraction,
            minors: minor.count,
            majors: major.count,
            slices: report.summary.slice.count,
            cpu_ns: report.span.cpu_ns,
            pause_p50_ns: report.summary.pause_p50_ns,
            pause_p99_ns: report.summary.pause_p99_ns,
            pause_p999_ns: report.summary.pause_p999_ns,
            pause_max_ns: report.summary.pause_max_ns,
            minor_pause_max_ns,
            major_pause_max_ns: major.max_ns,
            old_pause_max_ns: report.summary.old.max_ns,
            merged_pauses: report.summary.merged.count,
            merged_pause_p999_ns: report.summary.merged.p999_ns,
            merged_pause_max_ns: report.summary.merged.max_ns,
            pauses_above_goal: report.misses().map(|(_, misses)| misses.len() as u64),
            hiccups_watched: report.hiccups.is_some(),
            mmu_1_ms: report.summary.mmu[0],
            mmu_10_ms: report.summary.mmu[1],
            mmu_100_ms: report.summary.mmu[2],
            promoted_bytes: report.summary.promoted_bytes,
            retained_bytes: report.summary.retained_bytes,
            peak_heap_bytes: report.summary.peak_heap_bytes,
            operations: report.laps.as_ref().map_or(0, |laps| laps.count()),
            op_p50_ns: op(0.5),
            op_p99_ns: op(0.99),
            op_p999_ns: op(0.999),
            op_p9999_ns: op(0.9999),
            op_max_ns: report.laps.as_ref().map_or(0, |laps| laps.max_ns()),
        }
    }

    fn with_run(mut self, number: usize) -> Self {
        match &mut self {
            LogLine::Run { run, .. }
            | LogLine::Collection { run, .. }
            | LogLine::NurseryResized { run, .. }
            | LogLine::OldLimitChanged { run, .. }
            | LogLine::NearLimit { run, .. }
            | LogLine::OutOfMemory { run, .. }
            | LogLine::PauseGoalMissed { run, .. }
            | LogLine::PageSourceFailed { run, .. }
            | LogLine::Hiccup { run, .. }
            | LogLine::Summary { run, .. } => *run = number,
        }
        self
    }
}

/// What a heap reported: its collections, and between them everything else.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// The collections in order.
    pub records: Vec<CollectionRecord>,
    /// Other events, each with the number of records before it. Their run number is not yet known.
    pub others: Vec<(usize, LogLine)>,
}

/// A listener that keeps everything; its clones share what it kept.
#[derive(Debug, Clone, Default)]
pub struct Recorder(Rc<RefCell<Recorded>>);

impl Recorder {
    /// Takes what was recorded so far, leaving nothing.
    pub fn take(&self) -> Recorded {
        self.0.take()
    }
}

impl Listener for Recorder {
    fn on_event(&mut self, event: &Event<'_>) {
        let mut recorded = self.0.borrow_mut();
        let run = 0;
        let line = match *event {
            Event::CollectionBegin { .. } => return,
            Event::CollectionEnd(record) => return recorded.records.push(record.clone()),
            Event::NurseryResized {
                from_bytes,
                to_bytes,
                reason,
            } => LogLine::NurseryResized {
                run,
                from_bytes,
                to_bytes,
                reason: reason.into(),
            },
            Event::OldLimitChanged {
                from_bytes,
                to_bytes,
                reason,
            } => LogLine::OldLimitChanged {
                run,
                from_bytes,
                to_bytes,
                reason: reason.into(),
            },
            Event::NearLimit {
                limit_bytes,
                used_bytes,
                raised_to_bytes,
            } => LogLine::NearLimit {
                run,
                limit_bytes,
                used_bytes,
                raised_to_bytes,
            },
            Event::OutOfMemory {
                requested_bytes,
                limit_bytes,
                reason,
            } => LogLine::OutOfMemory {
                run,
                requested_bytes,
                limit_bytes,
                reason: reason.into(),
            },
            Event::PauseGoalMissed {
                goal_ns,
                record,
                phase,
                reason,
            } => LogLine::PauseGoalMissed {
                run,
                goal_ns,
                pause_ns: record.pause_ns,
                kind: record.kind.name().into(),
                phase: phase.name().into(),
                reason: reason.into(),
            },
            Event::PageSourceFailed { bytes } => LogLine::PageSourceFailed { run, bytes },
        };
        let position = recorded.records.len();
        recorded.others.push((position, line));
    }
}

/// Writes the log of all runs.
pub fn write(runs: &[RunReport], out: &mut dyn Write) -> io::Result<()> {
    let mut line = |line: &LogLine| -> io::Result<()> {
        serde_json::to_writer(&mut *out, line)?;
        out.write_all(b"\n")
    };
    for (number, report) in runs.iter().enumerate() {
        line(&LogLine::Run {
            run: number,
            input: report.input.clone(),
            preset: report.preset.clone(),
            policy: report.policy.clone(),
            is_incremental: report.is_incremental,
            goal_ns: report.goal_ns,
            started_ns: report.span.started_ns,
            finished_ns: report.span.finished_ns,
        })?;
        let mut others = report.others.iter().peekable();
        for position in 0..=report.records.len() {
            while let Some((_, other)) = others.next_if(|(before, _)| *before <= position) {
                line(&other.clone().with_run(number))?;
            }
            if let Some(record) = report.records.get(position) {
                line(&LogLine::collection(number, record))?;
            }
        }
        for hiccup in report.hiccups.iter().flat_map(|hiccups| &hiccups.intervals) {
            line(&LogLine::Hiccup {
                run: number,
                start_ns: hiccup.start_ns,
                length_ns: hiccup.length_ns,
            })?;
        }
        line(&LogLine::summary(number, report))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hiccup::Hiccups;
    use crate::study::tests::sample_run;
    use tenure_events::Interval;

    #[test]
    fn every_line_parses_back_to_what_was_written() {
        let mut runs = vec![sample_run("W1:10", "v8-2012"), sample_run("W3:20", "v8-modern")];
        runs[0].others.push((
            1,
            LogLine::NurseryResized {
                run: 0,
                from_bytes: 1,
                to_bytes: 2,
                reason: "grow".into(),
            },
        ));
        runs[1].others.push((
            0,
            LogLine::NearLimit {
                run: 0,
                limit_bytes: 9,
                used_bytes: 8,
                raised_to_bytes: Some(12),
            },
        ));
        runs[1].records[3].swept_blocks = 77;
        runs[1].records[3].missed_goal_ns = Some(1_000_000);
        runs[1].hiccups = Some(Hiccups {
            intervals: vec![Interval {
                start_ns: 5,
                length_ns: 600_000,
            }],
            ..Hiccups::default()
        });
        let mut text = Vec::new();
        write(&runs, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<LogLine> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            lines.len(),
            2 * 2 + 2 + 1 + runs[0].records.len() + runs[1].records.len()
        );

        let of_run = |wanted| {
            lines
                .iter()
                .filter(move |line| (*line).clone().with_run(wanted) == **line)
        };
        let records: Vec<_> = of_run(0)
            .filter(|line| matches!(line, LogLine::Collection { .. }))
            .cloned()
            .collect();
        let expected: Vec<_> = runs[0]
            .records
            .iter()
            .map(|record| LogLine::collection(0, record))
            .collect();
        assert_eq!(records, expected);
        assert!(matches!(
            of_run(0).nth(2),
            Some(LogLine::NurseryResized {
                from_bytes: 1,
                to_bytes: 2,
                ..
            })
        ));
        assert!(matches!(
            of_run(1).nth(1),
            Some(LogLine::NearLimit {
                raised_to_bytes: Some(12),
                ..
            })
        ));
        assert!(of_run(1).any(|line| matches!(
            line,
            LogLine::Collection {
                swept_blocks: 77,
                missed_goal_ns: Some(1_000_000),
                ..
            }
        )));
        assert!(of_run(1).any(|line| matches!(line, LogLine::Hiccup { length_ns: 600_000, .. })));
        assert!(matches!(of_run(1).next_back(), Some(LogLine::Summary { run: 1, .. })));
        assert!(
            text.contains(r#""type":"collection""#) && text.contains(r#""phases_ns":{"#),
            "{text}"
        );
    }

    #[test]
    fn the_recorder_keeps_order_and_shares_with_its_clones() {
        let recorder = Recorder::default();
        let mut listener = recorder.clone();
        let record = CollectionRecord::default();
        listener.on_event(&Event::PageSourceFailed { bytes: 4096 });
        listener.on_event(&Event::CollectionEnd(&record));
        listener.on_event(&Event::OldLimitChanged {
            from_bytes: 1,
            to_bytes: 2,
            reason: "grown",
        });
        let recorded = recorder.take();
        assert_eq!(recorded.records.len(), 1);
        assert_eq!(
            recorded
                .others
                .iter()
                .map(|(position, _)| *position)
                .collect::<Vec<_>>(),
            [0, 1]
        );
        assert!(recorder.take().records.is_empty());
    }
}
