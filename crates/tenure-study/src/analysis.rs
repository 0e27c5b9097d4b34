//! From the records of a run's collections to its figures: counts, pause quantiles, mutator share, MMU, peak heap.
//!
//! The idea: a run is an interval of the heap's clock and the pauses in it; everything is computed afterwards from the
//! records, so that measuring costs the run nothing. Quantiles sort the pauses once; the exact MMU of one window is linear
//! in them. Time that the machine took away from the process counts as mutator time, or as pause if it fell into one.

use crate::cycle::is_old;
use crate::pauses::{MERGE_GAP_NS, interval, merge_close};
use tenure_events::{CollectionKind, CollectionRecord, HeapSizes, PauseLog};

/// The windows of the table's MMU columns, in nanoseconds.
pub const MMU_WINDOWS_NS: [u64; 3] = [1_000_000, 10_000_000, 100_000_000];

/// Count and pauses of one kind of collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KindSummary {
    /// Collections of the kind.
    pub count: u64,
    /// Median pause.
    pub p50_ns: u64,
    /// 99th percentile of the pauses.
    pub p99_ns: u64,
    /// 99.9th percentile of the pauses.
    pub p999_ns: u64,
    /// Longest pause.
    pub max_ns: u64,
}

impl KindSummary {
    /// The summary of pauses in any order; all zero without any.
    pub fn of(mut pauses_ns: Vec<u64>) -> Self {
        pauses_ns.sort_unstable();
        KindSummary {
            count: pauses_ns.len() as u64,
            p50_ns: quantile(&pauses_ns, 0.5),
            p99_ns: quantile(&pauses_ns, 0.99),
            p999_ns: quantile(&pauses_ns, 0.999),
            max_ns: pauses_ns.last().copied().unwrap_or(0),
        }
    }
}

/// The smallest element that a share `q` of the sorted values does not exceed; zero without values.
pub fn quantile(sorted: &[u64], q: f64) -> u64 {
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(0)
}

/// The figures of one run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    /// Length of the run.
    pub total_ns: u64,
    /// Time in pauses.
    pub paused_ns: u64,
    /// Share of the run outside of pauses.
    pub mutator_fraction: f64,
    /// Minor collections.
    pub minor: KindSummary,
    /// Major collections.
    pub major: KindSummary,
    /// Slices of cycles.
    pub slice: KindSummary,
    /// Pauses that worked on the old generation: major collections and slices.
    pub old: KindSummary,
    /// Pauses as the program's user meets them: those that nothing much lies between are one.
    pub merged: KindSummary,
    /// Median of all pauses.
    pub pause_p50_ns: u64,
    /// 99th percentile of all pauses.
    pub pause_p99_ns: u64,
    /// 99.9th percentile of all pauses.
    pub pause_p999_ns: u64,
    /// Longest pause.
    pub pause_max_ns: u64,
    /// Minimum mutator utilization in each of [`MMU_WINDOWS_NS`].
    pub mmu: [f64; 3],
    /// Bytes moved to the old generation.
    pub promoted_bytes: u64,
    /// Bytes copied within the nursery.
    pub retained_bytes: u64,
    /// Largest amount of memory held from the system.
    pub peak_heap_bytes: u64,
}

/// The part of a run's clock that its figures are about, and what the heap looked like at its end.
#[derive(Debug, Clone, Copy, Default)]
pub struct Span {
    /// First allocation.
    pub started_ns: u64,
    /// End of the last operation.
    pub finished_ns: u64,
    /// Time in between that went into checks, which is not counted.
    pub checking_ns: u64,
    /// Processor time of the program's thread between start and end, collector and checks included.
    pub cpu_ns: u64,
    /// The heap at the end: the only sizes known of a run that never collected.
    pub final_sizes: HeapSizes,
}

impl Span {
    /// From start to end, checks included.
    pub fn length_ns(&self) -> u64 {
        self.finished_ns.saturating_sub(self.started_ns)
    }

    /// Whether a collection began in it.
    pub fn contains(&self, record: &CollectionRecord) -> bool {
        (self.started_ns..self.finished_ns).contains(&record.start_ns)
    }
}

impl Summary {
    /// The figures of the collections that began within the span.
    pub fn new(records: &[CollectionRecord], span: &Span) -> Self {
        let within = || records.iter().filter(|record| span.contains(record));
        let pauses = |kind: Option<CollectionKind>| {
            KindSummary::of(
                within()
                    .filter(|r| kind.is_none_or(|kind| r.kind == kind))
                    .map(|r| r.pause_ns)
                    .collect(),
            )
        };
        let all = pauses(None);
        let total_ns = span.length_ns().saturating_sub(span.checking_ns);
        let paused_ns = within().map(|record| record.pause_ns).sum::<u64>().min(total_ns);
        let peak = within()
            .flat_map(|record| [record.before.committed_bytes(), record.after.committed_bytes()])
            .chain([span.final_sizes.committed_bytes()])
            .max()
            .unwrap_or(0);
        let log = pause_log(records, span);
        let merged = merge_close(within().map(interval), MERGE_GAP_NS);
        Summary {
            total_ns,
            paused_ns,
            mutator_fraction: if total_ns == 0 {
                1.0
            } else {
                1.0 - paused_ns as f64 / total_ns as f64
            },
            minor: pauses(Some(CollectionKind::Minor)),
            major: pauses(Some(CollectionKind::Major)),
            slice: pauses(Some(CollectionKind::Slice)),
            old: KindSummary::of(within().filter(|record| is_old(record)).map(|r| r.pause_ns).collect()),
            merged: KindSummary::of(merged.iter().map(|pause| pause.length_ns).collect()),
            pause_p50_ns: all.p50_ns,
            pause_p99_ns: all.p99_ns,
            pause_p999_ns: all.p999_ns,
            pause_max_ns: all.max_ns,
            mmu: MMU_WINDOWS_NS.map(|window_ns| mmu(&log, window_ns, span)),
            promoted_bytes: within().map(|record| record.promoted_bytes).sum(),
            retained_bytes: within().map(|record| record.retained_bytes).sum(),
            peak_heap_bytes: peak as u64,
        }
    }
}

fn pause_log(records: &[CollectionRecord], span: &Span) -> PauseLog {
    let mut log = PauseLog::new();
    for record in records.iter().filter(|record| span.contains(record)) {
        log.record_collection(record);
    }
    log
}

/// A window longer than the run is the run.
fn mmu(log: &PauseLog, window_ns: u64, span: &Span) -> f64 {
    log.mmu(window_ns.min(span.length_ns()), span.started_ns, span.finished_ns)
        .unwrap_or(1.0)
}

/// Points of the MMU curve, window in nanoseconds and utilization, from 0.1 ms to the length of the run.
pub fn mmu_curve(records: &[CollectionRecord], span: &Span) -> Vec<(u64, f64)> {
    const STEPS_PER_DECADE: i32 = 12;
    let log = pause_log(records, span);
    let total_ns = span.length_ns();
    let mut points = Vec::new();
    for step in 0.. {
        let window_ns = (1e5 * 10f64.powf(f64::from(step) / f64::from(STEPS_PER_DECADE))) as u64;
        if window_ns >= total_ns {
            break;
        }
        points.push((window_ns, mmu(&log, window_ns, span)));
    }
    if total_ns > 0 {
        points.push((total_ns, mmu(&log, total_ns, span)));
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: CollectionKind, start_ns: u64, pause_ns: u64) -> CollectionRecord {
        let sizes = |bytes| HeapSizes {
            old_committed_bytes: bytes,
            ..HeapSizes::default()
        };
        CollectionRecord {
            kind,
            start_ns,
            pause_ns,
            before: sizes(start_ns as usize),
            after: sizes(7),
            promoted_bytes: 5,
            ..CollectionRecord::default()
        }
    }

    #[test]
    fn figures_of_a_run_of_ten_milliseconds_with_two_pauses() {
        let records = [
            record(CollectionKind::Minor, 1_000_000, 500_000),
            record(CollectionKind::Major, 6_000_000, 2_000_000),
            record(CollectionKind::Minor, 11_000_000, 9_000_000),
        ];
        let span = Span {
            started_ns: 0,
            finished_ns: 10_000_000,
            ..Span::default()
        };
        let summary = Summary::new(&records, &span);
        assert_eq!(
            (summary.minor.count, summary.major.count),
            (1, 1),
            "the third began after the end"
        );
        assert_eq!(
            (summary.pause_p50_ns, summary.pause_p99_ns, summary.pause_max_ns),
            (500_000, 2_000_000, 2_000_000)
        );
        assert!((summary.mutator_fraction - 0.75).abs() < 1e-9);
        assert_eq!(summary.promoted_bytes, 10);
        assert_eq!(summary.peak_heap_bytes, 6_000_000);
        assert_eq!(summary.mmu[0], 0.0);
        assert!(
            (summary.mmu[1] - 0.75).abs() < 1e-9,
            "the window is the run: {}",
            summary.mmu[1]
        );
        assert!(
            (summary.mmu[2] - 0.75).abs() < 1e-9,
            "a longer window is cut to the run: {}",
            summary.mmu[2]
        );
    }

    #[test]
    fn old_generation_pauses_are_majors_and_slices_and_neighbors_are_one_for_the_user() {
        let records = [
            record(CollectionKind::Slice, 1_000_000, 300_000),
            record(CollectionKind::Minor, 1_302_000, 600_000),
            record(CollectionKind::Major, 5_000_000, 400_000),
        ];
        let span = Span {
            finished_ns: 10_000_000,
            ..Span::default()
        };
        let summary = Summary::new(&records, &span);
        assert_eq!((summary.old.count, summary.old.max_ns), (2, 400_000));
        assert_eq!((summary.merged.count, summary.merged.max_ns), (2, 902_000));
        assert_eq!((summary.pause_p999_ns, summary.pause_max_ns), (600_000, 600_000));
    }

    #[test]
    fn a_run_without_collections_is_all_mutator() {
        let final_sizes = HeapSizes {
            nursery_committed_bytes: 32,
            ..HeapSizes::default()
        };
        let summary = Summary::new(
            &[],
            &Span {
                started_ns: 5,
                finished_ns: 1_000_005,
                final_sizes,
                ..Span::default()
            },
        );
        assert_eq!(
            (summary.mutator_fraction, summary.mmu, summary.peak_heap_bytes),
            (1.0, [1.0; 3], 32)
        );
        assert_eq!(
            Summary::new(&[], &Span::default()).mutator_fraction,
            1.0,
            "an empty span does not divide by zero"
        );
    }

    #[test]
    fn quantiles_are_elements() {
        assert_eq!(quantile(&[], 0.5), 0);
        assert_eq!(quantile(&[4], 0.99), 4);
        assert_eq!(quantile(&[1, 2, 3, 4], 0.5), 2);
        assert_eq!(quantile(&[1, 2, 3, 4], 0.0), 1);
        assert_eq!(quantile(&[1, 2, 3, 4], 1.0), 4);
    }

    #[test]
    fn the_curve_ends_with_the_whole_run() {
        let span = Span {
            started_ns: 0,
            finished_ns: 20_000_000,
            ..Span::default()
        };
        let curve = mmu_curve(&[record(CollectionKind::Minor, 5_000_000, 5_000_000)], &span);
        assert_eq!(curve.first().map(|point| point.0), Some(100_000));
        let (window_ns, utilization) = *curve.last().expect("a run that long has points");
        assert_eq!(window_ns, 20_000_000);
        assert!((utilization - 0.75).abs() < 1e-9);
        assert!(curve.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
