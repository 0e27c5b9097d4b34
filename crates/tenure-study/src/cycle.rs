//! Cycles among the records of a run: which slices belong together, what each did, and where the collector's time went.
//!
//! The idea: records come in order, so one pass tells cycles apart. A cycle begins with a slice of marking, or with the minor
//! collection that was run for it, ends marking with a major record, and goes on through the slices of sweeping and evacuation
//! after it, until something else begins. What a slice did is the phase that took most of it. A major collection without
//! slices before it is no cycle here.

use std::ops::Range;
use tenure_events::{Cause, CollectionKind, CollectionRecord, Phase, PhaseTimes};

/// What a pause did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Work {
    /// A slice of marking.
    Mark,
    /// A slice of sweeping.
    Sweep,
    /// A slice that moved old objects.
    Evacuate,
    /// A major collection: the last pause of a cycle, or all of it at once.
    Major,
    /// A minor collection.
    Minor,
    /// A slice that made room ready for promotion.
    Prepare,
}

impl Work {
    /// All of them, in the order of legends.
    pub const ALL: [Work; 6] = [
        Work::Mark,
        Work::Sweep,
        Work::Evacuate,
        Work::Major,
        Work::Minor,
        Work::Prepare,
    ];

    /// What a record's pause did.
    pub fn of(record: &CollectionRecord) -> Work {
        match record.kind {
            CollectionKind::Minor => Work::Minor,
            CollectionKind::Major => Work::Major,
            CollectionKind::Slice => {
                let sum = |phases: &[Phase]| phases.iter().map(|&phase| record.phases.get(phase)).sum::<u64>();
                let moving = sum(&[Phase::Evacuate, Phase::Compact, Phase::Update]);
                let sweeping = sum(&[Phase::Sweep, Phase::Resize]);
                let marking = sum(&[Phase::Roots, Phase::Remembered, Phase::Mark, Phase::Rescan]);
                if sum(&[Phase::Prepare]) > moving.max(sweeping).max(marking) {
                    Work::Prepare
                } else if moving > sweeping.max(marking) {
                    Work::Evacuate
                } else if marking > sweeping {
                    Work::Mark
                } else {
                    // One too short for the clock began no cycle.
                    Work::Sweep
                }
            }
        }
    }

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Work::Mark => "slice of marking",
            Work::Sweep => "slice of sweeping",
            Work::Evacuate => "slice of evacuation",
            Work::Major => "major",
            Work::Minor => "minor",
            Work::Prepare => "slice of preparing",
        }
    }
}

/// Whether a record's pause worked on the old generation.
pub fn is_old(record: &CollectionRecord) -> bool {
    record.kind != CollectionKind::Minor
}

/// The cycles among records in order: the indices of each, minor collections between its slices included. The last one may be
/// without its major record.
pub fn cycles(records: &[CollectionRecord]) -> Vec<Range<usize>> {
    let mut cycles: Vec<Range<usize>> = Vec::new();
    // Whether the last cycle is still marking.
    let mut is_marking = false;
    // Whether slices of sweeping and evacuation belong to the last cycle.
    let mut is_open = false;
    for (index, record) in records.iter().enumerate() {
        match Work::of(record) {
            Work::Minor | Work::Prepare => {}
            Work::Major if is_marking => {
                extend(&mut cycles, index);
                is_marking = false;
            }
            Work::Major => is_open = false,
            Work::Mark if !is_marking => {
                cycles.push(start(records, index)..index + 1);
                (is_marking, is_open) = (true, true);
            }
            Work::Mark | Work::Sweep | Work::Evacuate if is_open => extend(&mut cycles, index),
            _ => {}
        }
    }
    cycles
}

fn extend(cycles: &mut [Range<usize>], index: usize) {
    if let Some(cycle) = cycles.last_mut() {
        cycle.end = index + 1;
    }
}

/// The minor collection that was run for a cycle belongs to it.
fn start(records: &[CollectionRecord], first_slice: usize) -> usize {
    match first_slice.checked_sub(1).map(|before| &records[before]) {
        Some(record) if record.kind == CollectionKind::Minor && record.cause == Cause::AllocationLimit => {
            first_slice - 1
        }
        _ => first_slice,
    }
}

/// The cycle to look at: of those with their major record the one with the longest old-generation pause, or of all if none has.
pub fn worst_cycle(records: &[CollectionRecord]) -> Option<Range<usize>> {
    let key = |cycle: &Range<usize>| {
        let records = &records[cycle.clone()];
        let has_end = records.iter().any(|record| record.kind == CollectionKind::Major);
        let longest_ns = records.iter().filter(|record| is_old(record)).map(|r| r.pause_ns).max();
        (has_end, longest_ns)
    };
    cycles(records).into_iter().max_by_key(key)
}

/// The collector's time by phase, and what of the pauses is in no phase.
pub fn cost<'r>(records: impl IntoIterator<Item = &'r CollectionRecord>) -> (PhaseTimes, u64) {
    let (mut phases, mut unaccounted_ns) = (PhaseTimes::default(), 0);
    for record in records {
        for (phase, ns) in record.phases.iter() {
            phases.add(phase, ns);
        }
        unaccounted_ns += record.pause_ns.saturating_sub(record.phases.total_ns());
    }
    (phases, unaccounted_ns)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn record(text: char, start_ns: u64, pause_ns: u64) -> CollectionRecord {
        let (kind, phase) = match text {
            'm' => (CollectionKind::Slice, Phase::Mark),
            's' => (CollectionKind::Slice, Phase::Sweep),
            'e' => (CollectionKind::Slice, Phase::Compact),
            'J' => (CollectionKind::Major, Phase::Mark),
            _ => (CollectionKind::Minor, Phase::Evacuate),
        };
        let mut record = CollectionRecord {
            kind,
            start_ns,
            pause_ns,
            cause: match text {
                'L' => Cause::AllocationLimit,
                _ => Cause::AllocationFailure,
            },
            ..CollectionRecord::default()
        };
        record.phases.add(phase, pause_ns);
        record
    }

    /// One record per letter: m, s, e slices, J major, n minor, L minor at the limit.
    fn records(text: &str) -> Vec<CollectionRecord> {
        let letters = text.chars().enumerate();
        letters
            .map(|(index, letter)| record(letter, index as u64 * 100, 10 + index as u64))
            .collect()
    }

    fn found(text: &str) -> Vec<String> {
        cycles(&records(text))
            .into_iter()
            .map(|cycle| text[cycle].to_owned())
            .collect()
    }

    #[test]
    fn cycles_are_told_apart() {
        assert_eq!(found("nnLmmnmJnsnssnnn"), ["LmmnmJnsnss"]);
        assert_eq!(found("mmJssLmmJess"), ["mmJss", "LmmJess"]);
        assert_eq!(found("mJnnmJ"), ["mJ", "mJ"]);
        assert_eq!(found("nmmn"), ["mm"], "a cycle that the run ends in");
        assert_eq!(found("nJnnJs"), [""; 0], "collections in one pause");
        assert_eq!(
            found("mJsJs"),
            ["mJs"],
            "what is swept after a collection in one pause is none of the cycle's"
        );
        assert_eq!(found("meemJ"), ["meemJ"]);
        assert_eq!(found(""), [""; 0]);
    }

    #[test]
    fn the_worst_cycle_is_whole_if_one_is() {
        assert_eq!(worst_cycle(&records("mJsnmJsnmm")), Some(4..7));
        assert_eq!(worst_cycle(&records("nmm")), Some(1..3));
        assert_eq!(worst_cycle(&records("nJn")), None);
        let mut longer_first = records("mJsnmJs");
        longer_first[1].pause_ns = 1000;
        assert_eq!(worst_cycle(&longer_first), Some(0..3));
    }

    #[test]
    fn a_slice_did_what_took_longest() {
        let mut slice = record('m', 0, 10);
        assert_eq!(Work::of(&slice), Work::Mark);
        slice.phases.add(Phase::Resize, 11);
        assert_eq!(Work::of(&slice), Work::Sweep);
        slice.phases.add(Phase::Update, 12);
        assert_eq!(Work::of(&slice), Work::Evacuate);
        slice.kind = CollectionKind::Major;
        assert_eq!(Work::of(&slice), Work::Major);
        assert_eq!(Work::of(&CollectionRecord::default()), Work::Minor);
        let idle = CollectionRecord {
            kind: CollectionKind::Slice,
            ..CollectionRecord::default()
        };
        assert_eq!(Work::of(&idle), Work::Sweep);
        assert!(cycles(&[idle]).is_empty());
    }

    #[test]
    fn cost_is_phases_and_the_rest() {
        let mut records = records("nmJ");
        records[1].pause_ns += 7;
        let (phases, unaccounted_ns) = cost(&records);
        assert_eq!(phases.get(Phase::Evacuate), 10);
        assert_eq!(phases.get(Phase::Mark), 11 + 12);
        assert_eq!(unaccounted_ns, 7);
    }
}
