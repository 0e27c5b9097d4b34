//! Pauses as the program's user meets them: those close together as one, and each judged against the pause goal.
//!
//! The idea: two slices with a few microseconds of program between them are one wait for whoever waits, so pauses closer than a
//! gap are merged, and both figures are shown. A pause above the goal is a miss, with its cause, its longest phase, what the
//! heap said of it, and whether the machine was busy with something else meanwhile. Sorting the pauses is all it costs, after the
//! run. It does not say that a hiccup made a pause long, only that both happened at once.

use crate::analysis::quantile;
use crate::cycle::Work;
use crate::hiccup;
use crate::log::LogLine;
use crate::study::RunReport;
use tenure_events::{CollectionRecord, Interval, Phase};

/// Pauses with less than this between them count as one. In five microseconds a program gets nothing done that shows, and a
/// slice that the next one follows so soon was not worth ending.
pub const MERGE_GAP_NS: u64 = 5_000;

/// What a run without a goal is judged by.
pub const REFERENCE_GOAL_NS: u64 = 1_000_000;

/// A collection's pause.
pub fn interval(record: &CollectionRecord) -> Interval {
    Interval {
        start_ns: record.start_ns,
        length_ns: record.pause_ns,
    }
}

/// Pauses in order, with those that overlap or have less than `gap_ns` between them as one, gap included.
pub fn merge_close(pauses: impl IntoIterator<Item = Interval>, gap_ns: u64) -> Vec<Interval> {
    let mut sorted: Vec<Interval> = pauses.into_iter().collect();
    sorted.sort_unstable();
    let mut merged: Vec<Interval> = Vec::new();
    for pause in sorted {
        match merged.last_mut() {
            Some(last) if pause.start_ns < last.end_ns().saturating_add(gap_ns) => {
                last.length_ns = pause.end_ns().max(last.end_ns()) - last.start_ns;
            }
            _ => merged.push(pause),
        }
    }
    merged
}

/// Pauses against a goal.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Judged {
    /// Pauses.
    pub count: u64,
    /// Those longer than the goal.
    pub above: u64,
    /// 99.9 % of them are at most this long.
    pub p999_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

impl Judged {
    /// Judges pauses in any order.
    pub fn new(pauses_ns: impl IntoIterator<Item = u64>, goal_ns: u64) -> Self {
        let mut sorted: Vec<u64> = pauses_ns.into_iter().collect();
        sorted.sort_unstable();
        Judged {
            count: sorted.len() as u64,
            above: (sorted.len() - sorted.partition_point(|&pause_ns| pause_ns <= goal_ns)) as u64,
            p999_ns: quantile(&sorted, 0.999),
            max_ns: sorted.last().copied().unwrap_or(0),
        }
    }

    /// The share of pauses within the goal; all of none.
    pub fn share_within(&self) -> f64 {
        if self.count == 0 {
            1.0
        } else {
            1.0 - self.above as f64 / self.count as f64
        }
    }
}

/// A pause above the goal.
#[derive(Debug, Clone, PartialEq)]
pub struct Miss {
    /// When it began, from the start of the run.
    pub at_ns: u64,
    /// How long it was.
    pub pause_ns: u64,
    /// What it did.
    pub work: Work,
    /// The collection's cause.
    pub cause: &'static str,
    /// The phase that took longest.
    pub phase: &'static str,
    /// What the heap said of it, if it said anything.
    pub reason: Option<String>,
    /// How much of it lies in hiccups of the machine.
    pub hiccup_ns: u64,
}

impl Miss {
    /// Whether it would have kept the goal without the hiccups in it.
    pub fn is_by_hiccup(&self, goal_ns: u64) -> bool {
        self.hiccup_ns > 0 && self.pause_ns.saturating_sub(self.hiccup_ns) <= goal_ns
    }
}

/// Misses that hiccups of the machine do not explain.
pub fn own_misses(misses: &[Miss], goal_ns: u64) -> u64 {
    misses.iter().filter(|miss| !miss.is_by_hiccup(goal_ns)).count() as u64
}

/// The phase that took longest; `None` if none took any time.
pub fn longest_phase(record: &CollectionRecord) -> Option<Phase> {
    let (phase, ns) = record.phases.iter().max_by_key(|&(_, ns)| ns)?;
    (ns > 0).then_some(phase)
}

/// The pauses of a run above a goal, in order.
pub fn misses(run: &RunReport, goal_ns: u64) -> Vec<Miss> {
    let hiccups = run.hiccups.as_ref().map_or(&[][..], |hiccups| &hiccups.intervals);
    let mut misses = Vec::new();
    for (index, record) in run.records.iter().enumerate() {
        if record.pause_ns <= goal_ns || !run.span.contains(record) {
            continue;
        }
        misses.push(Miss {
            at_ns: record.start_ns.saturating_sub(run.span.started_ns),
            pause_ns: record.pause_ns,
            work: Work::of(record),
            cause: record.cause.name(),
            phase: longest_phase(record).map_or("unknown", Phase::name),
            reason: reason(&run.others, index, record),
            hiccup_ns: hiccup::overlap_ns(interval(record), hiccups),
        });
    }
    misses
}

/// What the heap said of a missed goal: just before or just after it reported the collection.
fn reason(others: &[(usize, LogLine)], index: usize, record: &CollectionRecord) -> Option<String> {
    let first = others.partition_point(|&(before, _)| before < index);
    others[first..]
        .iter()
        .take_while(|&&(before, _)| before <= index + 1)
        .find_map(|(_, line)| match line {
            LogLine::PauseGoalMissed {
                pause_ns, kind, reason, ..
            } if *pause_ns == record.pause_ns && kind == record.kind.name() => Some(reason.to_string()),
            _ => None,
        })
}

/// Misses of one kind, counted.
#[derive(Debug, Clone, PartialEq)]
pub struct MissGroup {
    /// What the pauses did.
    pub work: Work,
    /// Why they began.
    pub cause: &'static str,
    /// The phase that took longest in them.
    pub phase: &'static str,
    /// What the heap said of them.
    pub reason: Option<String>,
    /// How many there are.
    pub count: u64,
    /// The longest.
    pub max_ns: u64,
    /// How many overlap a hiccup of the machine.
    pub in_hiccup: u64,
}

/// Counts misses by what they did, why, and where the time went; most frequent first.
pub fn group_misses(misses: &[Miss]) -> Vec<MissGroup> {
    let mut groups: Vec<MissGroup> = Vec::new();
    for miss in misses {
        let place = groups.iter().position(|group| {
            (group.work, group.cause, group.phase) == (miss.work, miss.cause, miss.phase) && group.reason == miss.reason
        });
        let place = place.unwrap_or_else(|| {
            groups.push(MissGroup {
                work: miss.work,
                cause: miss.cause,
                phase: miss.phase,
                reason: miss.reason.clone(),
                count: 0,
                max_ns: 0,
                in_hiccup: 0,
            });
            groups.len() - 1
        });
        let group = &mut groups[place];
        group.count += 1;
        group.max_ns = group.max_ns.max(miss.pause_ns);
        group.in_hiccup += u64::from(miss.hiccup_ns > 0);
    }
    groups.sort_by_key(|group| std::cmp::Reverse((group.count, group.max_ns)));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hiccup::Hiccups;
    use crate::study::tests::sample_run;

    fn pause(start_ns: u64, length_ns: u64) -> Interval {
        Interval { start_ns, length_ns }
    }

    #[test]
    fn pauses_closer_than_the_gap_are_one_with_the_gap_in_it() {
        let apart = [pause(0, 10), pause(20, 10), pause(100, 10)];
        assert_eq!(merge_close(apart, 10), apart);
        assert_eq!(merge_close(apart, 11), [pause(0, 30), pause(100, 10)]);
        assert_eq!(merge_close(apart, 1000), [pause(0, 110)]);
        assert_eq!(merge_close([], 5), []);
    }

    #[test]
    fn overlapping_pauses_are_one_in_any_order_and_without_a_gap() {
        assert_eq!(merge_close([pause(30, 5), pause(0, 50)], 0), [pause(0, 50)]);
        assert_eq!(merge_close([pause(0, 5), pause(5, 5)], 0), [pause(0, 5), pause(5, 5)]);
        let last = pause(u64::MAX - 1, 1);
        assert_eq!(merge_close([pause(0, 1), last], u64::MAX), [pause(0, u64::MAX)]);
    }

    #[test]
    fn merging_keeps_the_time_in_pauses() {
        let pauses: Vec<_> = (0..1000).map(|i| pause(i * 997 % 5000, i * 31 % 40)).collect();
        let mut busy = vec![false; 6000];
        for pause in &pauses {
            busy[pause.start_ns as usize..pause.end_ns() as usize].fill(true);
        }
        let merged = merge_close(pauses, 0);
        let total_ns: u64 = merged.iter().map(|pause| pause.length_ns).sum();
        assert_eq!(total_ns as usize, busy.iter().filter(|&&busy| busy).count());
        assert!(merged.windows(2).all(|pair| pair[0].end_ns() <= pair[1].start_ns));
    }

    #[test]
    fn a_pause_as_long_as_the_goal_keeps_it() {
        let judged = Judged::new([1, 2, 3, 4], 3);
        assert_eq!((judged.count, judged.above, judged.max_ns), (4, 1, 4));
        assert_eq!(judged.share_within(), 0.75);
        assert_eq!(Judged::new([], 3).share_within(), 1.0);
        let many = Judged::new(1..=2000, 1000);
        assert_eq!((many.p999_ns, many.above), (1998, 1000));
    }

    #[test]
    fn a_miss_says_where_its_time_went_and_what_fell_into_it() {
        let mut run = sample_run("x", "y");
        let goal_ns = 1_200_000;
        let first = run.records.iter().position(|record| record.pause_ns > goal_ns).unwrap();
        let record = &mut run.records[first];
        record.phases.add(Phase::Evacuate, 900_000);
        record.phases.add(Phase::Roots, 500_000);
        let line = LogLine::PauseGoalMissed {
            run: 0,
            goal_ns,
            pause_ns: record.pause_ns,
            kind: record.kind.name().into(),
            phase: "evacuate".into(),
            reason: "more survived than planned".into(),
        };
        let hit = interval(record);
        run.others.push((first + 1, line));
        run.hiccups = Some(Hiccups {
            intervals: vec![pause(hit.start_ns + 100, 400_000)],
            ..Hiccups::default()
        });
        let misses = misses(&run, goal_ns);
        let above = run.records.iter().filter(|record| record.pause_ns > goal_ns).count();
        assert_eq!(misses.len(), above);
        let miss = &misses[0];
        assert_eq!((miss.phase, miss.cause), ("evacuate", "allocation-failure"));
        assert_eq!(miss.reason.as_deref(), Some("more survived than planned"));
        assert_eq!(miss.hiccup_ns, 400_000);
        assert!(miss.is_by_hiccup(goal_ns) && !miss.is_by_hiccup(goal_ns - 200_000));
        assert!(
            misses[1..]
                .iter()
                .all(|miss| miss.hiccup_ns == 0 && miss.reason.is_none())
        );

        assert_eq!(own_misses(&misses, goal_ns) as usize, above - 1);

        let groups = group_misses(&misses);
        assert_eq!(groups.iter().map(|group| group.count).sum::<u64>() as usize, above);
        assert!(groups.is_sorted_by(|a, b| a.count >= b.count));
        let own = groups.iter().find(|group| group.reason.is_some()).unwrap();
        assert_eq!((own.count, own.in_hiccup, own.max_ns), (1, 1, hit.length_ns));
    }
}
