//! How large the nursery and the old generation's limit become after a collection.
//!
//! The nursery grows when more survived since its last growth than it holds, and shrinks when little is allocated or
//! memory is wanted back (V8's rules). The old generation's limit, at which the next major collection begins, is the
//! live size times a factor derived from two speeds, so that the mutator keeps 97 % of the time if both speeds stay.
//! Both are a few arithmetic operations; neither allocates.
//!
//! Nothing here commits memory: whether the system grants the size is the caller's affair, and so are measuring the
//! speeds and resetting the growth counter when the answer is [`ResizeReason::Grow`].

const MIB: usize = 1024 * 1024;

/// The unit that nursery capacities are rounded up to.
pub const PAGE_BYTES: usize = 4096;

/// Allocation speed below which the nursery shrinks.
pub const LOW_ALLOCATION_BYTES_PER_MS: f64 = 1000.0;

/// What is known about the nursery after a collection.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct NurseryInput {
    /// Bytes that one half holds now.
    pub capacity_bytes: usize,
    /// The configured initial capacity: shrinking stops there.
    pub initial_bytes: usize,
    /// The configured maximum: growing stops there.
    pub max_bytes: usize,
    /// Bytes that survived minor collections, retained or promoted, since the nursery last grew.
    pub survived_since_growth_bytes: usize,
    /// Bytes in the nursery now, after the collection.
    pub live_bytes: usize,
    /// Factor of one growth; values below 2 count as 2.
    pub growth_factor: usize,
    /// Measured allocation speed; `None` or 0 when there is no measurement.
    pub allocation_bytes_per_ms: Option<f64>,
    /// Whether the collection was asked to give memory back.
    pub reduce_memory: bool,
    /// Whether shrinking is allowed at all (V8's `--predictable` forbids it, as it depends on the clock).
    pub may_shrink: bool,
}

/// Why the nursery has the capacity it has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResizeReason {
    /// More survived since the last growth than the nursery holds.
    Grow,
    /// Little is allocated.
    ShrinkLowThroughput,
    /// The collection was asked to give memory back.
    ShrinkReduceMemory,
    /// Nothing called for a change, or the change is impossible.
    #[default]
    Keep,
    /// Growing and shrinking were both called for, so neither is done.
    Conflict,
}

impl ResizeReason {
    /// The reason in words, for logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Grow => "survived more than the capacity since the last growth",
            Self::ShrinkLowThroughput => "low allocation throughput",
            Self::ShrinkReduceMemory => "memory reduction requested",
            Self::Keep => "no reason to resize",
            Self::Conflict => "both growing and shrinking called for",
        }
    }
}

/// The nursery's new capacity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NurseryDecision {
    /// Bytes that one half shall hold.
    pub capacity_bytes: usize,
    /// Why.
    pub reason: ResizeReason,
}

/// Chooses the nursery's capacity after a collection.
///
/// Growing multiplies by the growth factor, up to the maximum; shrinking goes to the larger of the initial capacity and
/// twice the live bytes, and happens only if that is smaller than the present capacity. A changed capacity is rounded
/// up to [`PAGE_BYTES`], except where the maximum is not a multiple of it.
pub fn nursery_capacity(input: &NurseryInput) -> NurseryDecision {
    let capacity_bytes = input.capacity_bytes;
    let keep = |reason| NurseryDecision { capacity_bytes, reason };
    let grow = capacity_bytes < input.max_bytes && input.survived_since_growth_bytes > capacity_bytes;
    let low_throughput = input
        .allocation_bytes_per_ms
        .is_some_and(|speed| speed > 0.0 && speed < LOW_ALLOCATION_BYTES_PER_MS);
    let shrink = input.may_shrink && (low_throughput || input.reduce_memory);
    match (grow, shrink) {
        (true, true) => keep(ResizeReason::Conflict),
        (false, false) => keep(ResizeReason::Keep),
        (true, false) => {
            let wanted_bytes = round_up_to_page(capacity_bytes.saturating_mul(input.growth_factor.max(2)));
            NurseryDecision {
                capacity_bytes: wanted_bytes.min(input.max_bytes),
                reason: ResizeReason::Grow,
            }
        }
        (false, true) => {
            let wanted_bytes = round_up_to_page(input.initial_bytes.max(input.live_bytes.saturating_mul(2)));
            if wanted_bytes >= capacity_bytes {
                return keep(ResizeReason::Keep);
            }
            let reason = if input.reduce_memory {
                ResizeReason::ShrinkReduceMemory
            } else {
                ResizeReason::ShrinkLowThroughput
            };
            NurseryDecision {
                capacity_bytes: wanted_bytes,
                reason,
            }
        }
    }
}

fn round_up_to_page(bytes: usize) -> usize {
    bytes
        .checked_next_multiple_of(PAGE_BYTES)
        .unwrap_or(usize::MAX & !(PAGE_BYTES - 1))
}

/// The share of time that the growing factor aims to leave to the mutator.
pub const TARGET_MUTATOR_UTILIZATION: f64 = 0.97;

/// The smallest growing factor.
pub const MIN_GROWING_FACTOR: f64 = 1.1;

/// The largest growing factor of the conservative mode.
pub const CONSERVATIVE_GROWING_FACTOR: f64 = 1.3;

/// The largest growing factor of heaps of at least [`LARGE_HEAP_BYTES`].
pub const LARGE_HEAP_GROWING_FACTOR: f64 = 4.0;

/// Maximum heap size from which [`LARGE_HEAP_GROWING_FACTOR`] applies: 1024 MiB times V8's pointer multiplier of 2.
pub const LARGE_HEAP_BYTES: usize = 2048 * MIB;

/// Maximum heap size up to which the largest factor is 1.3: 128 MiB times V8's pointer multiplier of 2.
pub const SMALL_HEAP_BYTES: usize = 256 * MIB;

/// How far the limit may move away from the live size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GrowthMode {
    /// By the measured speeds.
    #[default]
    Normal,
    /// At most by 1.3, and in steps of 2 MiB: memory counts more than time.
    Conservative,
    /// By 1.1: the collection was asked to give memory back.
    Minimal,
}

/// What is known about the old generation after a major collection.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct OldLimitInput {
    /// Bytes live in the old generation now.
    pub live_bytes: usize,
    /// The configured maximum size of the old generation.
    pub max_bytes: usize,
    /// Bytes that one half of the nursery holds: a minor collection may promote that much at once.
    pub nursery_capacity_bytes: usize,
    /// The configured initial limit, below which no limit falls; 0 for none.
    pub initial_limit_bytes: usize,
    /// Measured speed of major collections; `None` or 0 when there is no measurement.
    pub gc_bytes_per_ms: Option<f64>,
    /// Measured speed at which the mutator fills the old generation; `None` or 0 when there is no measurement.
    pub mutator_bytes_per_ms: Option<f64>,
    /// How far the limit may move away from the live size.
    pub mode: GrowthMode,
    /// A fixed growth in percent instead of the computed factor (`--heap-growing-percent`); `None` or 0 for none.
    pub growing_percent: Option<u32>,
}

/// What the limit follows from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LimitReason {
    /// The live size times the factor, plus the nursery.
    #[default]
    Factor,
    /// The live size plus the smallest step, plus the nursery.
    Step,
    /// The configured initial limit, which is higher than the computed one.
    InitialLimit,
    /// Half of the way from the live size to the maximum.
    HalfwayToMax,
    /// The maximum: the live size is at or above it.
    Max,
}

impl LimitReason {
    /// The reason in words, for logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Factor => "live size times the growing factor",
            Self::Step => "live size plus the smallest step",
            Self::InitialLimit => "configured initial limit",
            Self::HalfwayToMax => "halfway to the maximum",
            Self::Max => "live size reached the maximum",
        }
    }
}

/// The old generation's new limit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct OldLimitDecision {
    /// The size at which the next major collection begins.
    pub limit_bytes: usize,
    /// The growing factor, whether or not it decided the limit.
    pub factor: f64,
    /// What the limit follows from.
    pub reason: LimitReason,
}

/// The largest growing factor for a maximum heap size: 1.3 up to [`SMALL_HEAP_BYTES`], from there linearly towards 2.0,
/// and 4.0 from [`LARGE_HEAP_BYTES`].
pub fn max_growing_factor(max_bytes: usize) -> f64 {
    if max_bytes >= LARGE_HEAP_BYTES {
        return LARGE_HEAP_GROWING_FACTOR;
    }
    let above_small = max_bytes.saturating_sub(SMALL_HEAP_BYTES) as f64;
    1.3 + 0.7 * above_small / (LARGE_HEAP_BYTES - SMALL_HEAP_BYTES) as f64
}

/// The factor between the live size and the next limit.
///
/// With R = gc speed / mutator speed and the target utilization u, the factor is R(1 - u) / (R(1 - u) - u): if the
/// mutator fills the difference and the collector then traverses the live size, the mutator had u of the time. Without
/// both speeds, and where no factor reaches the target, it is the largest factor of the heap size.
pub fn growing_factor(input: &OldLimitInput) -> f64 {
    if let Some(percent) = input.growing_percent.filter(|&percent| percent > 0) {
        return 1.0 + f64::from(percent) / 100.0;
    }
    let max_factor = max_growing_factor(input.max_bytes);
    let measured = |speed: Option<f64>| speed.filter(|speed| speed.is_finite() && *speed > 0.0);
    let factor = match (measured(input.gc_bytes_per_ms), measured(input.mutator_bytes_per_ms)) {
        (Some(gc), Some(mutator)) => {
            // Capped so that no product below overflows; the factor is at its minimum long before.
            let ratio = (gc / mutator).min(1e12);
            let numerator = ratio * (1.0 - TARGET_MUTATOR_UTILIZATION);
            let denominator = numerator - TARGET_MUTATOR_UTILIZATION;
            // Compared before dividing: the denominator may be 0 or negative.
            if numerator < denominator * max_factor {
                numerator / denominator
            } else {
                max_factor
            }
        }
        _ => max_factor,
    };
    let factor = factor.clamp(MIN_GROWING_FACTOR, max_factor);
    match input.mode {
        GrowthMode::Normal => factor,
        GrowthMode::Conservative => factor.min(CONSERVATIVE_GROWING_FACTOR),
        GrowthMode::Minimal => MIN_GROWING_FACTOR,
    }
}

/// Chooses the old generation's limit after a major collection.
///
/// The limit is the larger of live size times factor and live size plus 8 MiB (2 MiB in the conservative mode), plus
/// the nursery's capacity; at least the initial limit; at most halfway from the live size to the maximum.
pub fn old_limit(input: &OldLimitInput) -> OldLimitDecision {
    let factor = growing_factor(input);
    let live_bytes = input.live_bytes;
    let decision = |limit_bytes, reason| OldLimitDecision {
        limit_bytes,
        factor,
        reason,
    };
    if live_bytes >= input.max_bytes {
        return decision(input.max_bytes, LimitReason::Max);
    }
    let step_bytes = if input.mode == GrowthMode::Conservative {
        2 * MIB
    } else {
        8 * MIB
    };
    let by_factor_bytes = (live_bytes as f64 * factor) as usize;
    let by_step_bytes = live_bytes.saturating_add(step_bytes);
    let (mut limit_bytes, mut reason) = if by_factor_bytes >= by_step_bytes {
        (by_factor_bytes, LimitReason::Factor)
    } else {
        (by_step_bytes, LimitReason::Step)
    };
    limit_bytes = limit_bytes.saturating_add(input.nursery_capacity_bytes);
    if limit_bytes < input.initial_limit_bytes {
        (limit_bytes, reason) = (input.initial_limit_bytes, LimitReason::InitialLimit);
    }
    let halfway_bytes = live_bytes + (input.max_bytes - live_bytes) / 2;
    if limit_bytes > halfway_bytes {
        (limit_bytes, reason) = (halfway_bytes, LimitReason::HalfwayToMax);
    }
    decision(limit_bytes, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KIB: usize = 1024;

    fn nursery() -> NurseryInput {
        NurseryInput {
            capacity_bytes: 4 * MIB,
            initial_bytes: MIB,
            max_bytes: 16 * MIB,
            growth_factor: 2,
            may_shrink: true,
            ..NurseryInput::default()
        }
    }

    fn decide(input: NurseryInput) -> (usize, ResizeReason) {
        let decision = nursery_capacity(&input);
        (decision.capacity_bytes, decision.reason)
    }

    #[test]
    fn the_nursery_grows_when_more_survived_than_it_holds() {
        let survived = |bytes| NurseryInput {
            survived_since_growth_bytes: bytes,
            ..nursery()
        };
        assert_eq!(decide(survived(4 * MIB)), (4 * MIB, ResizeReason::Keep));
        assert_eq!(decide(survived(4 * MIB + 1)), (8 * MIB, ResizeReason::Grow));
        assert_eq!(
            decide(NurseryInput {
                growth_factor: 0,
                ..survived(5 * MIB)
            }),
            (8 * MIB, ResizeReason::Grow)
        );
        assert_eq!(
            decide(NurseryInput {
                growth_factor: 5,
                ..survived(5 * MIB)
            }),
            (16 * MIB, ResizeReason::Grow)
        );
        let full = NurseryInput {
            capacity_bytes: 16 * MIB,
            ..survived(99 * MIB)
        };
        assert_eq!(decide(full), (16 * MIB, ResizeReason::Keep));
    }

    #[test]
    fn the_nursery_shrinks_to_twice_the_live_size() {
        let slow = |speed| NurseryInput {
            allocation_bytes_per_ms: Some(speed),
            live_bytes: MIB - 100,
            ..nursery()
        };
        // 2 MiB - 200 rounds up to a page.
        assert_eq!(decide(slow(999.9)), (2 * MIB, ResizeReason::ShrinkLowThroughput));
        assert_eq!(decide(slow(1000.0)), (4 * MIB, ResizeReason::Keep));
        assert_eq!(decide(slow(0.0)), (4 * MIB, ResizeReason::Keep));
        assert_eq!(
            decide(NurseryInput {
                live_bytes: 0,
                ..slow(1.0)
            }),
            (MIB, ResizeReason::ShrinkLowThroughput)
        );
        assert_eq!(
            decide(NurseryInput {
                live_bytes: 2 * MIB,
                ..slow(1.0)
            }),
            (4 * MIB, ResizeReason::Keep)
        );
        assert_eq!(
            decide(NurseryInput {
                may_shrink: false,
                ..slow(1.0)
            }),
            (4 * MIB, ResizeReason::Keep)
        );
        let reduce = NurseryInput {
            reduce_memory: true,
            ..nursery()
        };
        assert_eq!(decide(reduce), (MIB, ResizeReason::ShrinkReduceMemory));
        let both = NurseryInput {
            survived_since_growth_bytes: 5 * MIB,
            ..reduce
        };
        assert_eq!(decide(both), (4 * MIB, ResizeReason::Conflict));
    }

    /// Node's configuration: 4096 MiB for the old generation.
    fn node(live_bytes: usize, nursery_capacity_bytes: usize) -> OldLimitInput {
        OldLimitInput {
            live_bytes,
            nursery_capacity_bytes,
            max_bytes: 4096 * MIB,
            ..OldLimitInput::default()
        }
    }

    #[test]
    fn the_limit_that_node_printed() {
        // "factor 4.0 based on mu=0.970, speed_ratio=1 (gc=459823, mutator=546879)" and
        // "Limit: old size: 26534 KB, new limit: 122245 KB (4.0)": the sizes are printed without their fractions.
        let input = OldLimitInput {
            gc_bytes_per_ms: Some(459_823.0),
            mutator_bytes_per_ms: Some(546_879.0),
            ..node(26_534 * KIB + 512, 16_107 * KIB)
        };
        let decision = old_limit(&input);
        assert_eq!(decision.limit_bytes / KIB, 122_245);
        assert_eq!((decision.factor, decision.reason), (4.0, LimitReason::Factor));
    }

    #[test]
    fn what_decides_the_limit() {
        let of = |input: OldLimitInput| {
            let decision = old_limit(&input);
            (decision.limit_bytes, decision.reason)
        };
        assert_eq!(of(node(MIB, MIB)), (10 * MIB, LimitReason::Step));
        let conservative = OldLimitInput {
            mode: GrowthMode::Conservative,
            ..node(MIB, MIB)
        };
        assert_eq!(of(conservative), (4 * MIB, LimitReason::Step));
        let initial = OldLimitInput {
            initial_limit_bytes: 512 * MIB,
            ..node(MIB, MIB)
        };
        assert_eq!(of(initial), (512 * MIB, LimitReason::InitialLimit));
        assert_eq!(of(node(2048 * MIB, MIB)), (3072 * MIB, LimitReason::HalfwayToMax));
        let initial_above_max = OldLimitInput {
            initial_limit_bytes: usize::MAX,
            ..node(MIB, MIB)
        };
        assert_eq!(of(initial_above_max), (2048 * MIB + MIB / 2, LimitReason::HalfwayToMax));
        assert_eq!(of(node(4096 * MIB, MIB)), (4096 * MIB, LimitReason::Max));
        assert_eq!(of(node(5000 * MIB, MIB)), (4096 * MIB, LimitReason::Max));
        let minimal = OldLimitInput {
            mode: GrowthMode::Minimal,
            ..node(1000 * MIB, 0)
        };
        assert_eq!(of(minimal), (1100 * MIB, LimitReason::Factor));
        let percent = OldLimitInput {
            growing_percent: Some(50),
            ..minimal
        };
        assert_eq!(of(percent), (1500 * MIB, LimitReason::Factor));
        assert_eq!(
            of(OldLimitInput {
                growing_percent: Some(0),
                ..minimal
            }),
            of(minimal)
        );
    }

    #[test]
    fn the_largest_factor_follows_the_heap_size() {
        assert_eq!(max_growing_factor(0), 1.3);
        assert_eq!(max_growing_factor(256 * MIB), 1.3);
        assert!((max_growing_factor(1152 * MIB) - 1.65).abs() < 1e-12);
        assert!((max_growing_factor(2048 * MIB - 1) - 2.0).abs() < 1e-6);
        assert_eq!(max_growing_factor(2048 * MIB), 4.0);
    }

    #[test]
    fn the_factor_of_known_speeds() {
        let factor = |ratio: f64| {
            let speeds = (Some(1000.0 * ratio), Some(1000.0));
            growing_factor(&OldLimitInput {
                gc_bytes_per_ms: speeds.0,
                mutator_bytes_per_ms: speeds.1,
                ..node(MIB, 0)
            })
        };
        // R(1 - u) = 3 and 3 / (3 - 0.97).
        assert!((factor(100.0) - 3.0 / 2.03).abs() < 1e-9);
        assert_eq!(factor(1.0), 4.0);
        // The denominator is about 0 at a ratio of 0.97 / 0.03.
        assert_eq!(factor(0.97 / 0.03), 4.0);
        assert_eq!(factor(1e6), MIN_GROWING_FACTOR);
        assert_eq!(factor(1e300), MIN_GROWING_FACTOR);
        assert_eq!(factor(0.0), 4.0);
        assert_eq!(factor(f64::NAN), 4.0);
    }

    fn bytes() -> impl Strategy<Value = usize> {
        prop_oneof![Just(0), 1..10 * MIB, 0..8192 * MIB, any::<usize>()]
    }

    fn speed() -> impl Strategy<Value = Option<f64>> {
        prop_oneof![
            Just(None),
            Just(Some(0.0)),
            (0.0..1e7f64).prop_map(Some),
            any::<f64>().prop_map(Some)
        ]
    }

    fn old_inputs() -> impl Strategy<Value = OldLimitInput> {
        let mode = prop_oneof![
            Just(GrowthMode::Normal),
            Just(GrowthMode::Conservative),
            Just(GrowthMode::Minimal)
        ];
        let percent = prop_oneof![4 => Just(None), 1 => any::<u32>().prop_map(Some)];
        (bytes(), bytes(), bytes(), bytes(), speed(), speed(), mode, percent).prop_map(
            |(
                live_bytes,
                max_bytes,
                nursery_capacity_bytes,
                initial_limit_bytes,
                gc,
                mutator,
                mode,
                growing_percent,
            )| {
                OldLimitInput {
                    live_bytes,
                    max_bytes,
                    nursery_capacity_bytes,
                    initial_limit_bytes,
                    gc_bytes_per_ms: gc,
                    mutator_bytes_per_ms: mutator,
                    mode,
                    growing_percent,
                }
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn nursery_stays_within_its_bounds(
            capacity_pages in 1..5000usize,
            initial_pages in 1..5000usize,
            max_pages in 1..5000usize,
            survived_since_growth_bytes in bytes(),
            live in 0.0..=1.0f64,
            growth_factor in prop_oneof![0..10usize, any::<usize>()],
            allocation_bytes_per_ms in prop_oneof![Just(None), (0.0..3000.0f64).prop_map(Some), speed()],
            (reduce_memory, may_shrink) in any::<(bool, bool)>(),
        ) {
            let capacity_bytes = capacity_pages * PAGE_BYTES;
            let (initial_bytes, max_bytes) = (initial_pages * PAGE_BYTES, max_pages * PAGE_BYTES);
            let live_bytes = (capacity_bytes as f64 * live) as usize;
            let input = NurseryInput {
                capacity_bytes,
                initial_bytes,
                max_bytes,
                survived_since_growth_bytes,
                live_bytes,
                growth_factor,
                allocation_bytes_per_ms,
                reduce_memory,
                may_shrink,
            };
            let NurseryDecision { capacity_bytes: chosen_bytes, reason } = nursery_capacity(&input);
            prop_assert_eq!(chosen_bytes % PAGE_BYTES, 0);
            prop_assert!(chosen_bytes >= live_bytes);
            match reason {
                ResizeReason::Grow => {
                    prop_assert!(chosen_bytes > capacity_bytes && chosen_bytes <= max_bytes);
                    prop_assert!(chosen_bytes >= (2 * capacity_bytes).min(max_bytes));
                    prop_assert!(survived_since_growth_bytes > capacity_bytes);
                }
                ResizeReason::ShrinkLowThroughput | ResizeReason::ShrinkReduceMemory => {
                    prop_assert!(may_shrink && chosen_bytes < capacity_bytes);
                    prop_assert!(chosen_bytes >= initial_bytes && chosen_bytes >= 2 * live_bytes);
                    prop_assert_eq!(reason == ResizeReason::ShrinkReduceMemory, reduce_memory);
                }
                ResizeReason::Keep | ResizeReason::Conflict => prop_assert_eq!(chosen_bytes, capacity_bytes),
            }
        }

        #[test]
        fn factor_stays_within_its_mode(input in old_inputs()) {
            let factor = growing_factor(&input);
            if let Some(percent) = input.growing_percent.filter(|&percent| percent > 0) {
                prop_assert_eq!(factor, 1.0 + f64::from(percent) / 100.0);
            } else {
                let largest = match input.mode {
                    GrowthMode::Normal => max_growing_factor(input.max_bytes),
                    GrowthMode::Conservative => 1.3,
                    GrowthMode::Minimal => 1.1,
                };
                prop_assert!((1.1..=largest).contains(&factor), "{}", factor);
            }
        }

        #[test]
        fn factor_falls_as_the_collector_gets_faster(
            gc in 1.0..1e6f64,
            faster in 1.0..100.0f64,
            mutator in 1.0..1e5f64,
        ) {
            let with = |gc| OldLimitInput {
                gc_bytes_per_ms: Some(gc),
                mutator_bytes_per_ms: Some(mutator),
                ..node(MIB, 0)
            };
            prop_assert!(growing_factor(&with(gc * faster)) <= growing_factor(&with(gc)) + 1e-9);
        }

        #[test]
        fn an_unclamped_factor_meets_the_target(ratio in 40.0..350.0f64) {
            // Filling (F - 1) times the live size, then collecting F times it: the mutator's share is 0.97.
            let input = OldLimitInput {
                gc_bytes_per_ms: Some(ratio),
                mutator_bytes_per_ms: Some(1.0),
                ..node(MIB, 0)
            };
            let factor = growing_factor(&input);
            if factor > MIN_GROWING_FACTOR && factor < LARGE_HEAP_GROWING_FACTOR {
                let (mutator_ms, gc_ms) = (factor - 1.0, factor / ratio);
                let share = mutator_ms / (mutator_ms + gc_ms);
                prop_assert!((share - TARGET_MUTATOR_UTILIZATION).abs() < 1e-9, "{}", share);
            }
        }

        #[test]
        fn limit_lies_between_the_live_size_and_halfway(input in old_inputs()) {
            let decision = old_limit(&input);
            let (live_bytes, max_bytes) = (input.live_bytes, input.max_bytes);
            prop_assert!(decision.limit_bytes <= max_bytes);
            if live_bytes < max_bytes {
                prop_assert!(decision.limit_bytes >= live_bytes);
                let halfway_bytes = ((live_bytes as u128 + max_bytes as u128) / 2) as usize;
                prop_assert!(decision.limit_bytes <= halfway_bytes);
                prop_assert!(decision.limit_bytes >= input.initial_limit_bytes.min(halfway_bytes));
                let room_bytes = input.nursery_capacity_bytes.saturating_add(2 * MIB);
                prop_assert!(decision.limit_bytes >= live_bytes.saturating_add(room_bytes).min(halfway_bytes));
            } else {
                prop_assert_eq!(decision.reason, LimitReason::Max);
            }
        }
    }
}
