//! Which collection answers an allocation that found no room, and when collecting has become pointless.
//!
//! [`decide`] is a fixed sequence of comparisons, V8's order with the reasons that V8 prints. [`ineffective`] looks at
//! the last four major collections. Both take constant time and allocate nothing.
//!
//! They do not know whether the collection helped: trying again, the last resort and giving up are the caller's ladder.

/// What is known when an allocation found no room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TriggerInput {
    /// Bytes used in the old generation, large objects included.
    pub old_bytes: usize,
    /// The old generation's limit, from [`crate::sizing::old_limit`].
    pub old_limit_bytes: usize,
    /// The configured maximum size of the old generation.
    pub max_bytes: usize,
    /// Bytes used in the nursery, all of which a minor collection might promote.
    pub nursery_used_bytes: usize,
    /// Bytes that were asked for.
    pub request_bytes: usize,
    /// Whether the request goes to the large-object space instead of the nursery.
    pub request_is_large: bool,
    /// External bytes above the lowest total since the last major collection.
    pub external_growth_bytes: usize,
    /// External growth above which a major collection is due; `usize::MAX` for never.
    pub external_soft_bytes: usize,
    /// External growth above which a major collection is urgent; `usize::MAX` for never.
    pub external_hard_bytes: usize,
}

/// Which collection is due.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Verdict {
    /// None: the allocation may take new memory.
    #[default]
    None,
    /// A minor collection.
    Minor,
    /// A major collection.
    Major(TriggerReason),
}

/// Why a major collection is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerReason {
    /// The old generation and the external growth are above the limit.
    OldLimit,
    /// A large object would take the old generation above the limit.
    LargeAllocation,
    /// The old generation might not hold everything that a minor collection promotes.
    PromotionRoom,
    /// External memory grew by more than the hard limit.
    ExternalHard,
    /// External memory grew by more than the soft limit.
    ExternalSoft,
}

impl TriggerReason {
    /// The reason in words, for logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OldLimit => "old generation limit reached",
            Self::LargeAllocation => "large object would exceed the limit",
            Self::PromotionRoom => "scavenge might not succeed",
            Self::ExternalHard => "external memory above the hard limit",
            Self::ExternalSoft => "external memory above the soft limit",
        }
    }
}

/// Chooses the collection for an allocation that found no room. The first rule that holds decides:
///
/// 1. external growth above the hard limit: major, [`TriggerReason::ExternalHard`];
/// 2. a large request that would take the old generation above its limit or maximum: major,
///    [`TriggerReason::LargeAllocation`];
/// 3. old generation plus external growth above the limit: major, [`TriggerReason::OldLimit`] (external bytes count, as
///    old objects hold them);
/// 4. a request to the nursery while the old generation could not take in the whole nursery: major,
///    [`TriggerReason::PromotionRoom`];
/// 5. external growth above the soft limit: major, [`TriggerReason::ExternalSoft`];
/// 6. a large request: none, as collecting the nursery makes no room for it; otherwise minor.
pub fn decide(input: &TriggerInput) -> Verdict {
    let old_bytes = input.old_bytes;
    if input.external_growth_bytes > input.external_hard_bytes {
        return Verdict::Major(TriggerReason::ExternalHard);
    }
    if input.request_is_large
        && old_bytes.saturating_add(input.request_bytes) > input.old_limit_bytes.min(input.max_bytes)
    {
        return Verdict::Major(TriggerReason::LargeAllocation);
    }
    if old_bytes.saturating_add(input.external_growth_bytes) > input.old_limit_bytes {
        return Verdict::Major(TriggerReason::OldLimit);
    }
    if !input.request_is_large && old_bytes.saturating_add(input.nursery_used_bytes) > input.max_bytes {
        return Verdict::Major(TriggerReason::PromotionRoom);
    }
    if input.external_growth_bytes > input.external_soft_bytes {
        return Verdict::Major(TriggerReason::ExternalSoft);
    }
    if input.request_is_large {
        Verdict::None
    } else {
        Verdict::Minor
    }
}

/// External growth above which a major collection is due, as in V8.
pub const EXTERNAL_SOFT_BYTES: usize = 64 * 1024 * 1024;

/// External growth above which a major collection is urgent, as in V8: half of the old generation's maximum.
pub fn external_hard_bytes(max_bytes: usize) -> usize {
    max_bytes / 2
}

/// Number of ineffective major collections in a row after which collecting is given up.
pub const INEFFECTIVE_COLLECTIONS: usize = 4;

/// Percent of the maximum from which a major collection can be ineffective.
pub const INEFFECTIVE_OLD_PERCENT: usize = 80;

/// Mutator utilization below which a major collection can be ineffective.
pub const INEFFECTIVE_MUTATOR_UTILIZATION: f64 = 0.4;

/// How a major collection ended.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MajorOutcome {
    /// Bytes used in the old generation after the collection.
    pub old_bytes: usize,
    /// The maximum size of the old generation.
    pub max_bytes: usize,
    /// The average share of time that the mutator had.
    pub mutator_utilization: f64,
}

impl MajorOutcome {
    /// Whether it freed too little, too slowly: at least 80 % of the maximum is still used, and the mutator has less
    /// than 0.4 of the time.
    pub fn is_ineffective(&self) -> bool {
        // The percentage is rounded up, computed in two parts so that it cannot overflow.
        let percent = INEFFECTIVE_OLD_PERCENT;
        let threshold_bytes = self.max_bytes / 100 * percent + (self.max_bytes % 100 * percent).div_ceil(100);
        self.old_bytes >= threshold_bytes && self.mutator_utilization < INEFFECTIVE_MUTATOR_UTILIZATION
    }
}

/// Whether the last four of these major collections (oldest first) were all ineffective. The caller starts a new
/// history when the maximum is raised.
pub fn ineffective(history: &[MajorOutcome]) -> bool {
    history.len() >= INEFFECTIVE_COLLECTIONS
        && history
            .iter()
            .rev()
            .take(INEFFECTIVE_COLLECTIONS)
            .all(MajorOutcome::is_ineffective)
}

/// The history that [`ineffective`] needs, as a counter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IneffectiveMajors {
    in_a_row: usize,
}

impl IneffectiveMajors {
    /// Notes a major collection; whether the last four were all ineffective.
    pub fn record(&mut self, outcome: &MajorOutcome) -> bool {
        self.in_a_row = if outcome.is_ineffective() {
            self.in_a_row.saturating_add(1)
        } else {
            0
        };
        self.in_a_row >= INEFFECTIVE_COLLECTIONS
    }

    /// Forgets the history, because the maximum was raised.
    pub fn reset(&mut self) {
        self.in_a_row = 0;
    }
}

/// Mutator utilization above which the allocation rate counts as low.
pub const LOW_ALLOCATION_RATE_UTILIZATION: f64 = 0.993;

/// The share of time that the mutator has when it fills memory at one speed and the collector collects it at another:
/// gc / (mutator + gc). Without a mutator speed it is 0, without a gc speed it is computed with 200 000 bytes per ms,
/// as in V8.
pub fn mutator_utilization(mutator_bytes_per_ms: f64, gc_bytes_per_ms: f64) -> f64 {
    if mutator_bytes_per_ms.is_nan() || mutator_bytes_per_ms <= 0.0 {
        return 0.0;
    }
    let gc_bytes_per_ms = if gc_bytes_per_ms > 0.0 {
        gc_bytes_per_ms
    } else {
        200_000.0
    };
    // Divided by the gc speed: the plain form would overflow to infinity over infinity.
    1.0 / (1.0 + mutator_bytes_per_ms / gc_bytes_per_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A heap with room everywhere.
    fn calm() -> TriggerInput {
        TriggerInput {
            old_bytes: 500,
            old_limit_bytes: 1000,
            max_bytes: 2000,
            nursery_used_bytes: 100,
            request_bytes: 10,
            request_is_large: false,
            external_growth_bytes: 0,
            external_soft_bytes: 300,
            external_hard_bytes: 1000,
        }
    }

    #[test]
    fn each_rule_at_its_boundary() {
        let major = Verdict::Major;
        assert_eq!(decide(&calm()), Verdict::Minor);
        // The old limit.
        assert_eq!(
            decide(&TriggerInput {
                old_bytes: 1000,
                ..calm()
            }),
            Verdict::Minor
        );
        assert_eq!(
            decide(&TriggerInput {
                old_bytes: 1001,
                ..calm()
            }),
            major(TriggerReason::OldLimit)
        );
        let external_counts = TriggerInput {
            old_bytes: 801,
            external_growth_bytes: 200,
            ..calm()
        };
        assert_eq!(decide(&external_counts), major(TriggerReason::OldLimit));
        // Large requests.
        let large = TriggerInput {
            request_is_large: true,
            request_bytes: 500,
            ..calm()
        };
        assert_eq!(decide(&large), Verdict::None);
        assert_eq!(
            decide(&TriggerInput {
                request_bytes: 501,
                ..large
            }),
            major(TriggerReason::LargeAllocation)
        );
        let above_max = TriggerInput {
            old_limit_bytes: 9000,
            max_bytes: 999,
            ..large
        };
        assert_eq!(decide(&above_max), major(TriggerReason::LargeAllocation));
        let huge = TriggerInput {
            request_bytes: usize::MAX,
            ..large
        };
        assert_eq!(decide(&huge), major(TriggerReason::LargeAllocation));
        // Room for promotion; a large request does not promote.
        let tight = TriggerInput {
            max_bytes: 599,
            ..calm()
        };
        assert_eq!(
            decide(&TriggerInput {
                max_bytes: 600,
                ..calm()
            }),
            Verdict::Minor
        );
        assert_eq!(decide(&tight), major(TriggerReason::PromotionRoom));
        assert_eq!(
            decide(&TriggerInput {
                request_is_large: true,
                ..tight
            }),
            Verdict::None
        );
        // External memory.
        let external = |external_growth_bytes| TriggerInput {
            old_bytes: 0,
            external_growth_bytes,
            ..calm()
        };
        assert_eq!(decide(&external(300)), Verdict::Minor);
        assert_eq!(decide(&external(301)), major(TriggerReason::ExternalSoft));
        assert_eq!(decide(&external(1000)), major(TriggerReason::ExternalSoft));
        assert_eq!(decide(&external(1001)), major(TriggerReason::ExternalHard));
        let large_external = TriggerInput {
            request_is_large: true,
            ..external(301)
        };
        assert_eq!(decide(&large_external), major(TriggerReason::ExternalSoft));
    }

    #[test]
    fn earlier_rules_win() {
        let everything = TriggerInput {
            old_bytes: 3000,
            external_growth_bytes: 1001,
            request_is_large: true,
            ..calm()
        };
        assert_eq!(decide(&everything), Verdict::Major(TriggerReason::ExternalHard));
        let not_urgent = TriggerInput {
            external_growth_bytes: 301,
            ..everything
        };
        assert_eq!(decide(&not_urgent), Verdict::Major(TriggerReason::LargeAllocation));
        let small = TriggerInput {
            request_is_large: false,
            ..not_urgent
        };
        assert_eq!(decide(&small), Verdict::Major(TriggerReason::OldLimit));
        let high_limit = TriggerInput {
            old_limit_bytes: usize::MAX,
            ..small
        };
        assert_eq!(decide(&high_limit), Verdict::Major(TriggerReason::PromotionRoom));
        assert_eq!(TriggerReason::PromotionRoom.as_str(), "scavenge might not succeed");
    }

    const BAD: MajorOutcome = MajorOutcome {
        old_bytes: 80,
        max_bytes: 100,
        mutator_utilization: 0.399,
    };

    #[test]
    fn ineffective_takes_four_in_a_row() {
        assert!(BAD.is_ineffective());
        assert!(!MajorOutcome { old_bytes: 79, ..BAD }.is_ineffective());
        assert!(
            !MajorOutcome {
                mutator_utilization: 0.4,
                ..BAD
            }
            .is_ineffective()
        );
        // 80 % of 101 is 80.8.
        assert!(!MajorOutcome { max_bytes: 101, ..BAD }.is_ineffective());
        assert!(
            !MajorOutcome {
                mutator_utilization: f64::NAN,
                ..BAD
            }
            .is_ineffective()
        );
        let good = MajorOutcome { old_bytes: 10, ..BAD };
        assert!(!ineffective(&[]));
        assert!(!ineffective(&[BAD; 3]));
        assert!(ineffective(&[BAD; 4]));
        assert!(ineffective(&[good, BAD, BAD, BAD, BAD]));
        assert!(!ineffective(&[BAD, BAD, BAD, BAD, good]));
        assert!(!ineffective(&[BAD, good, BAD, BAD, BAD]));
    }

    #[test]
    fn the_counter_forgets_when_the_maximum_is_raised() {
        let mut majors = IneffectiveMajors::default();
        let answers: Vec<_> = (0..5).map(|_| majors.record(&BAD)).collect();
        assert_eq!(answers, [false, false, false, true, true]);
        majors.reset();
        assert!(!majors.record(&BAD));
    }

    #[test]
    fn utilization_of_known_speeds() {
        assert_eq!(mutator_utilization(0.0, 100.0), 0.0);
        assert_eq!(mutator_utilization(f64::NAN, 100.0), 0.0);
        assert_eq!(mutator_utilization(100.0, 100.0), 0.5);
        assert_eq!(mutator_utilization(1.0, 3.0), 0.75);
        assert_eq!(mutator_utilization(200_000.0, 0.0), 0.5);
        assert!(mutator_utilization(1000.0, 200_000.0) > LOW_ALLOCATION_RATE_UTILIZATION);
        assert!(mutator_utilization(2000.0, 200_000.0) < LOW_ALLOCATION_RATE_UTILIZATION);
        assert_eq!((EXTERNAL_SOFT_BYTES, external_hard_bytes(1400)), (67_108_864, 700));
    }

    fn bytes() -> impl Strategy<Value = usize> {
        prop_oneof![4 => 0..200usize, 1 => Just(usize::MAX), 1 => any::<usize>()]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn each_verdict_has_its_condition(
            (old_bytes, old_limit_bytes, max_bytes, nursery_used_bytes) in (bytes(), bytes(), bytes(), bytes()),
            (request_bytes, request_is_large) in (bytes(), any::<bool>()),
            (external_growth_bytes, external_soft_bytes, external_hard_bytes) in (bytes(), bytes(), bytes()),
        ) {
            let input = TriggerInput {
                old_bytes, old_limit_bytes, max_bytes, nursery_used_bytes, request_bytes, request_is_large,
                external_growth_bytes, external_soft_bytes, external_hard_bytes,
            };
            // The module saturates; here nothing overflows. The two differ only for an unlimited heap, where the
            // saturated sum is not above `usize::MAX` and the exact one is.
            let above = |left: usize, right: usize, limit: usize| {
                limit != usize::MAX && left as u128 + right as u128 > limit as u128
            };
            let hard = external_growth_bytes > external_hard_bytes;
            let soft = external_growth_bytes > external_soft_bytes;
            let large = request_is_large && above(old_bytes, request_bytes, old_limit_bytes.min(max_bytes));
            let limit = above(old_bytes, external_growth_bytes, old_limit_bytes);
            let room = !request_is_large && above(old_bytes, nursery_used_bytes, max_bytes);
            let verdict = decide(&input);
            let holds = match verdict {
                Verdict::Major(TriggerReason::ExternalHard) => hard,
                Verdict::Major(TriggerReason::LargeAllocation) => large && !hard,
                Verdict::Major(TriggerReason::OldLimit) => limit && !hard && !large,
                Verdict::Major(TriggerReason::PromotionRoom) => room && !hard && !limit,
                Verdict::Major(TriggerReason::ExternalSoft) => soft && !hard && !large && !limit && !room,
                Verdict::Minor => !request_is_large && !hard && !limit && !room && !soft,
                Verdict::None => request_is_large && !hard && !large && !limit && !soft,
            };
            prop_assert!(holds, "{:?} for {:?}", verdict, input);
        }

        #[test]
        fn counter_and_history_agree(outcomes in prop::collection::vec((0..=100usize, 0.0..0.8f64), 0..40)) {
            let mut history = Vec::new();
            let mut majors = IneffectiveMajors::default();
            for (old_bytes, mutator_utilization) in outcomes {
                // Mostly bad, or four in a row would hardly occur.
                let old_bytes = if old_bytes > 10 { 80 + old_bytes / 10 } else { old_bytes };
                let mutator_utilization = mutator_utilization / 1.5;
                let outcome = MajorOutcome { old_bytes, max_bytes: 100, mutator_utilization };
                history.push(outcome);
                prop_assert_eq!(majors.record(&outcome), ineffective(&history));
            }
        }

        #[test]
        fn utilization_is_a_share_and_falls_with_allocation(
            mutator in 0.001..1e300f64,
            more in 1.0..1e6f64,
            gc in 0.001..1e300f64,
        ) {
            let calm = mutator_utilization(mutator, gc);
            let busy = mutator_utilization(mutator * more, gc);
            prop_assert!((0.0..=1.0).contains(&calm) && (0.0..=1.0).contains(&busy));
            prop_assert!(busy <= calm);
        }
    }
}
