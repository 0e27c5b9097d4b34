//! Minimum mutator utilization: the smallest share of time that the mutator had in any window of a given length.
//!
//! A window that begins outside a pause holds no less pause time when it slides right to the next pause: what it leaves
//! behind is mutator time. One that begins inside a pause holds no less when it slides left to that pause's start: what
//! it takes in is pause time. So the worst window begins with a pause or lies at an end of the range, and looking at
//! those n + 2 windows is exact, not a sample; with prefix sums each costs two binary searches, O(n log n) together,
//! after sorting and merging the pauses.
//!
//! It treats a pause as all the mutator loses: slower code between the pauses (barriers, cold caches) is not in it.

/// A stretch of time in which the mutator stood still.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Interval {
    /// When it began.
    pub start_ns: u64,
    /// How long it was.
    pub length_ns: u64,
}

impl Interval {
    /// When it ended.
    pub fn end_ns(&self) -> u64 {
        self.start_ns.saturating_add(self.length_ns)
    }
}

/// Disjoint pauses in order, with the pause time before each.
struct Timeline {
    starts_ns: Vec<u64>,
    ends_ns: Vec<u64>,
    before_ns: Vec<u64>,
}

impl Timeline {
    fn new(pauses: impl IntoIterator<Item = Interval>) -> Self {
        let mut sorted: Vec<Interval> = pauses.into_iter().filter(|pause| pause.length_ns > 0).collect();
        sorted.sort_unstable();
        let (mut starts_ns, mut ends_ns, mut before_ns) = (Vec::<u64>::new(), Vec::<u64>::new(), Vec::new());
        let mut total_ns = 0;
        for pause in sorted {
            match (starts_ns.last(), ends_ns.last_mut()) {
                (Some(_), Some(end_ns)) if pause.start_ns <= *end_ns => {
                    let merged_ns = pause.end_ns().max(*end_ns);
                    total_ns += merged_ns - *end_ns;
                    *end_ns = merged_ns;
                }
                _ => {
                    starts_ns.push(pause.start_ns);
                    before_ns.push(total_ns);
                    ends_ns.push(pause.end_ns());
                    total_ns += pause.end_ns() - pause.start_ns;
                }
            }
        }
        Self {
            starts_ns,
            ends_ns,
            before_ns,
        }
    }

    /// Pause time before `at_ns`.
    fn paused_before_ns(&self, at_ns: u64) -> u64 {
        let begun = self.starts_ns.partition_point(|&start_ns| start_ns < at_ns);
        match begun.checked_sub(1) {
            None => 0,
            Some(last) => self.before_ns[last] + (at_ns.min(self.ends_ns[last]) - self.starts_ns[last]),
        }
    }

    fn paused_ns(&self, from_ns: u64, to_ns: u64) -> u64 {
        self.paused_before_ns(to_ns) - self.paused_before_ns(from_ns)
    }
}

fn share(paused_ns: u64, of_ns: u64) -> f64 {
    (of_ns - paused_ns) as f64 / of_ns as f64
}

/// The mutator's share of the time between `from_ns` and `to_ns`; `None` if there is no time between them. Pauses may
/// overlap and come in any order; those outside do not count.
pub fn utilization(pauses: impl IntoIterator<Item = Interval>, from_ns: u64, to_ns: u64) -> Option<f64> {
    (from_ns < to_ns).then(|| share(Timeline::new(pauses).paused_ns(from_ns, to_ns), to_ns - from_ns))
}

/// The mutator's smallest share of any window of `window_ns` that lies between `from_ns` and `to_ns`; `None` if there
/// is no such window, or its length is 0. Pauses may overlap and come in any order; those outside do not count.
pub fn minimum_mutator_utilization(
    pauses: impl IntoIterator<Item = Interval>,
    window_ns: u64,
    from_ns: u64,
    to_ns: u64,
) -> Option<f64> {
    if window_ns == 0 || to_ns.checked_sub(from_ns)? < window_ns {
        return None;
    }
    let timeline = Timeline::new(pauses);
    let last_ns = to_ns - window_ns;
    let at_starts = timeline.starts_ns.iter().copied();
    let worst_ns = at_starts
        .filter(|window_start_ns| (from_ns..=last_ns).contains(window_start_ns))
        .chain([from_ns, last_ns])
        .map(|window_start_ns| timeline.paused_ns(window_start_ns, window_start_ns + window_ns))
        .max()?;
    Some(share(worst_ns, window_ns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::Random;

    /// Every window, one nanosecond at a time.
    fn brute_force(pauses: &[Interval], window_ns: u64, from_ns: u64, to_ns: u64) -> Option<f64> {
        let paused = |at_ns: u64| {
            pauses
                .iter()
                .any(|pause| pause.start_ns <= at_ns && at_ns < pause.end_ns())
        };
        let busy: Vec<bool> = (0..to_ns).map(paused).collect();
        if window_ns == 0 {
            return None;
        }
        (from_ns..(to_ns + 1).saturating_sub(window_ns))
            .map(|start_ns| {
                let window = &busy[start_ns as usize..(start_ns + window_ns) as usize];
                window.iter().filter(|&&busy| !busy).count() as f64 / window_ns as f64
            })
            .min_by(f64::total_cmp)
    }

    #[test]
    fn equals_brute_force_over_all_windows() {
        let mut random = Random(3);
        let mut below_one = 0;
        for round in 0..2000 {
            let pauses: Vec<Interval> = (0..random.below(9))
                .map(|_| Interval {
                    start_ns: random.below(90),
                    length_ns: random.below(15),
                })
                .collect();
            let from_ns = random.below(60);
            let to_ns = from_ns + random.below(60);
            let window_ns = random.below(40);
            let given = minimum_mutator_utilization(pauses.iter().copied(), window_ns, from_ns, to_ns);
            let expected = brute_force(&pauses, window_ns, from_ns, to_ns);
            assert_eq!(
                given, expected,
                "round {round}: {pauses:?} window {window_ns} in {from_ns}..{to_ns}"
            );
            below_one += usize::from(expected.is_some_and(|share| share < 1.0));
            let whole =
                (from_ns < to_ns).then(|| brute_force(&pauses, to_ns - from_ns, from_ns, to_ns).expect("one window"));
            assert_eq!(
                utilization(pauses.iter().copied(), from_ns, to_ns),
                whole,
                "round {round}: {pauses:?}"
            );
        }
        assert!(below_one > 500, "only {below_one} rounds had a pause in a window");
    }

    #[test]
    fn textbook_example() {
        let pauses = [
            Interval {
                start_ns: 10,
                length_ns: 5,
            },
            Interval {
                start_ns: 20,
                length_ns: 5,
            },
        ];
        let mmu = |window_ns| minimum_mutator_utilization(pauses, window_ns, 0, 100);
        assert_eq!(mmu(5), Some(0.0));
        assert_eq!(mmu(10), Some(0.5));
        assert_eq!(mmu(15), Some(5.0 / 15.0));
        assert_eq!(mmu(100), Some(0.9));
        assert_eq!(mmu(101), None);
        assert_eq!(mmu(0), None);
        assert_eq!(utilization(pauses, 12, 22), Some(0.5));
        assert_eq!(utilization(pauses, 5, 5), None);
        assert_eq!(minimum_mutator_utilization(pauses, 1, 9, 3), None);
    }

    #[test]
    fn the_end_of_time_does_not_overflow() {
        let pauses = [
            Interval {
                start_ns: u64::MAX - 3,
                length_ns: 100,
            },
            Interval {
                start_ns: 1,
                length_ns: 1,
            },
        ];
        assert_eq!(minimum_mutator_utilization(pauses, 4, 0, u64::MAX), Some(0.25));
        assert_eq!(minimum_mutator_utilization(pauses, 3, 0, u64::MAX), Some(0.0));
    }
}
