//! Every pause with its time: exact percentiles, utilization and minimum mutator utilization.
//!
//! A pause takes 24 bytes. An unbounded log allocates now and then as it grows; a bounded one never allocates after its
//! creation and keeps the newest pauses, counting those it dropped. Percentiles sort a copy, O(n log n).
//!
//! Counts, total and maximum cover every pause ever recorded; percentiles and utilization only those still kept.

use std::collections::VecDeque;

use crate::event::{CollectionKind, CollectionRecord, Event};
use crate::histogram::nearest_rank;
use crate::listener::Listener;
use crate::mmu::{Interval, minimum_mutator_utilization, utilization};

/// One pause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pause {
    /// When it began.
    pub start_ns: u64,
    /// How long it was.
    pub length_ns: u64,
    /// Of which collection.
    pub kind: CollectionKind,
}

impl Pause {
    /// When it ended.
    pub fn end_ns(&self) -> u64 {
        self.start_ns.saturating_add(self.length_ns)
    }

    fn interval(&self) -> Interval {
        Interval {
            start_ns: self.start_ns,
            length_ns: self.length_ns,
        }
    }
}

/// A log of pauses.
#[derive(Debug, Clone, Default)]
pub struct PauseLog {
    pauses: VecDeque<Pause>,
    bound: Option<usize>,
    dropped: u64,
    counts: [u64; 3],
    total_ns: u64,
    max_ns: u64,
}

impl PauseLog {
    /// A log that keeps every pause.
    pub fn new() -> Self {
        Self::default()
    }

    /// A log that keeps the newest `capacity` pauses and never allocates again.
    pub fn bounded(capacity: usize) -> Self {
        Self {
            pauses: VecDeque::with_capacity(capacity),
            bound: Some(capacity),
            ..Self::default()
        }
    }

    /// Adds a pause.
    pub fn record(&mut self, kind: CollectionKind, start_ns: u64, length_ns: u64) {
        self.counts[kind as usize] += 1;
        self.total_ns = self.total_ns.saturating_add(length_ns);
        self.max_ns = self.max_ns.max(length_ns);
        if self.bound.is_some_and(|bound| self.pauses.len() >= bound) {
            self.dropped += 1;
            // A log of capacity 0 has nothing to make room with.
            if self.pauses.pop_front().is_none() {
                return;
            }
        }
        self.pauses.push_back(Pause {
            start_ns,
            length_ns,
            kind,
        });
    }

    /// Adds a collection's pause.
    pub fn record_collection(&mut self, record: &CollectionRecord) {
        self.record(record.kind, record.start_ns, record.pause_ns);
    }

    /// The pauses that are kept, in the order of recording.
    pub fn pauses(&self) -> impl Iterator<Item = &Pause> + '_ {
        self.pauses.iter()
    }

    /// Number of pauses that are kept.
    pub fn len(&self) -> usize {
        self.pauses.len()
    }

    /// Whether no pause is kept.
    pub fn is_empty(&self) -> bool {
        self.pauses.is_empty()
    }

    /// Number of pauses that were dropped because the log is bounded.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Number of pauses recorded, of both kinds.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Number of pauses recorded, of one kind.
    pub fn count_of(&self, kind: CollectionKind) -> u64 {
        self.counts[kind as usize]
    }

    /// Sum of all pauses recorded.
    pub fn total_ns(&self) -> u64 {
        self.total_ns
    }

    /// The longest pause recorded; `None` without any.
    pub fn max_ns(&self) -> Option<u64> {
        (self.count() > 0).then_some(self.max_ns)
    }

    /// The smallest length that at least the share `q` of the kept pauses does not exceed (nearest rank, exactly a
    /// recorded length). Values of `q` outside 0 to 1 count as the nearer end; `None` without any pause or if `q` is
    /// not a number.
    pub fn percentile_ns(&self, q: f64) -> Option<u64> {
        self.percentiles_ns(&[q]).pop()?
    }

    /// Several percentiles for the price of one sort.
    pub fn percentiles_ns(&self, qs: &[f64]) -> Vec<Option<u64>> {
        percentiles(self.pauses.iter().map(|pause| pause.length_ns).collect(), qs)
    }

    /// Percentiles of the pauses of one kind.
    pub fn percentiles_of_ns(&self, kind: CollectionKind, qs: &[f64]) -> Vec<Option<u64>> {
        percentiles(
            self.pauses
                .iter()
                .filter(|pause| pause.kind == kind)
                .map(|pause| pause.length_ns)
                .collect(),
            qs,
        )
    }

    /// The mutator's smallest share of any window of `window_ns` between `from_ns` and `to_ns`, exact over all windows;
    /// `None` if there is no such window.
    pub fn mmu(&self, window_ns: u64, from_ns: u64, to_ns: u64) -> Option<f64> {
        minimum_mutator_utilization(self.pauses.iter().map(Pause::interval), window_ns, from_ns, to_ns)
    }

    /// The mutator's share of the time between `from_ns` and `to_ns`; `None` if there is no time between them.
    pub fn utilization(&self, from_ns: u64, to_ns: u64) -> Option<f64> {
        utilization(self.pauses.iter().map(Pause::interval), from_ns, to_ns)
    }

    /// Forgets everything, keeping the memory and the bound.
    pub fn clear(&mut self) {
        self.pauses.clear();
        (self.dropped, self.counts, self.total_ns, self.max_ns) = (0, [0; 3], 0, 0);
    }
}

fn percentiles(mut lengths_ns: Vec<u64>, qs: &[f64]) -> Vec<Option<u64>> {
    lengths_ns.sort_unstable();
    let at = |&q: &f64| nearest_rank(q, lengths_ns.len() as u64).map(|rank| lengths_ns[rank as usize - 1]);
    qs.iter().map(at).collect()
}

impl Listener for PauseLog {
    fn on_event(&mut self, event: &Event<'_>) {
        if let Event::CollectionEnd(record) = *event {
            self.record_collection(record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::Random;

    fn log_of(lengths_ns: &[u64]) -> PauseLog {
        let mut log = PauseLog::new();
        for (index, &length_ns) in lengths_ns.iter().enumerate() {
            let kind = if index % 2 == 0 {
                CollectionKind::Minor
            } else {
                CollectionKind::Major
            };
            log.record(kind, index as u64 * 1000, length_ns);
        }
        log
    }

    #[test]
    fn percentiles_are_recorded_lengths_at_the_nearest_rank() {
        let log = log_of(&[50, 20, 15, 40, 35]);
        // The textbook's example of the nearest-rank method.
        assert_eq!(
            log.percentiles_ns(&[0.05, 0.3, 0.4, 0.5, 1.0]),
            [Some(15), Some(20), Some(20), Some(35), Some(50)]
        );
        assert_eq!(log.percentile_ns(0.0), Some(15));
        assert_eq!(log.percentile_ns(2.0), Some(50));
        assert_eq!(log.percentile_ns(f64::NAN), None);
        assert_eq!(
            log.percentiles_of_ns(CollectionKind::Major, &[0.5, 1.0]),
            [Some(20), Some(40)]
        );
        assert_eq!(PauseLog::new().percentile_ns(0.5), None);
    }

    #[test]
    fn a_percentile_is_the_smallest_length_that_enough_pauses_do_not_exceed() {
        let mut random = Random(4);
        for _ in 0..200 {
            let lengths_ns: Vec<u64> = (0..1 + random.below(60)).map(|_| random.below(30)).collect();
            let log = log_of(&lengths_ns);
            for step in 1..=100usize {
                let given_ns = log.percentile_ns(step as f64 / 100.0).expect("there are pauses");
                let enough = |limit: u64, strictly: bool| {
                    let covered = lengths_ns
                        .iter()
                        .filter(|&&ns| if strictly { ns < limit } else { ns <= limit })
                        .count();
                    covered * 100 >= lengths_ns.len() * step
                };
                assert!(
                    enough(given_ns, false) && !enough(given_ns, true),
                    "step {step} of {lengths_ns:?}: {given_ns}"
                );
            }
        }
    }

    #[test]
    fn totals_cover_all_pauses_and_a_bounded_log_keeps_the_newest() {
        let mut log = PauseLog::bounded(3);
        for (start_ns, length_ns) in [(0, 9), (10, 1), (20, 2), (30, 3)] {
            log.record(CollectionKind::Minor, start_ns, length_ns);
        }
        log.record(CollectionKind::Major, 40, 4);
        assert_eq!(
            log.pauses().map(|pause| pause.start_ns).collect::<Vec<_>>(),
            [20, 30, 40]
        );
        assert_eq!((log.len(), log.dropped(), log.count()), (3, 2, 5));
        assert_eq!(
            (log.count_of(CollectionKind::Minor), log.count_of(CollectionKind::Major)),
            (4, 1)
        );
        assert_eq!(
            (log.total_ns(), log.max_ns(), log.percentile_ns(1.0)),
            (19, Some(9), Some(4))
        );
        log.clear();
        assert_eq!((log.len(), log.dropped(), log.count(), log.max_ns()), (0, 0, 0, None));
        let mut none = PauseLog::bounded(0);
        none.record(CollectionKind::Minor, 0, 5);
        assert_eq!((none.len(), none.dropped(), none.count()), (0, 1, 1));
    }

    #[test]
    fn a_log_listens_and_answers_for_windows() {
        let mut log = PauseLog::new();
        for start_ns in [10, 20] {
            let record = CollectionRecord {
                start_ns,
                pause_ns: 5,
                ..CollectionRecord::default()
            };
            log.on_event(&Event::CollectionBegin {
                kind: record.kind,
                cause: record.cause,
                start_ns,
            });
            log.on_event(&Event::CollectionEnd(&record));
        }
        assert_eq!(log.count(), 2);
        assert_eq!(log.mmu(10, 0, 100), Some(0.5));
        assert_eq!(log.mmu(10, 16, 26), Some(0.5));
        assert_eq!(log.mmu(10, 30, 60), Some(1.0));
        assert_eq!(log.utilization(0, 100), Some(0.9));
        assert_eq!(log.utilization(0, 0), None);
    }
}
