//! What holds for all numbers: bounds, and no overflow.

use proptest::prelude::*;

use crate::pacing::{MIN_SLICE_WORDS, PaceInput, PaceReason, Window, WindowInput, pace, window};
use crate::sizing::{OldLimitInput, old_limit};

/// Sizes of every magnitude, with both ends.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        1 => Just(0usize),
        1 => Just(1usize),
        1 => Just(usize::MAX),
        1 => any::<usize>(),
        8 => (0u32..64, any::<usize>()).prop_map(|(shift, value)| value >> shift),
    ]
}

fn growth() -> impl Strategy<Value = f64> {
    prop_oneof![
        1 => Just(0.0),
        1 => Just(f64::MAX),
        1 => Just(f64::MIN_POSITIVE),
        1 => Just(f64::INFINITY),
        4 => 0.0..2.0f64,
    ]
}

proptest! {
    #[test]
    fn a_window_is_ordered_and_ends_below_the_maximum(
        live_bytes in size(), limit_bytes in size(), max_bytes in size(), nursery_bytes in size(),
    ) {
        let w = window(&WindowInput { live_bytes, limit_bytes, max_bytes, nursery_bytes });
        prop_assert!(w.start_bytes <= w.aim_bytes && w.aim_bytes <= w.deadline_bytes && w.deadline_bytes <= max_bytes);
        prop_assert!(w.start_bytes <= limit_bytes);
        if limit_bytes >= live_bytes {
            let lead_bytes = limit_bytes.min(w.deadline_bytes) - w.start_bytes;
            prop_assert!(lead_bytes <= (limit_bytes - live_bytes) / 4);
        }
        prop_assert!(w.deadline_bytes.saturating_sub(limit_bytes) <= (limit_bytes / 8).max(nursery_bytes) / 2);
    }

    #[test]
    fn a_window_lies_around_the_limits_that_heaps_have(
        live_bytes in size(), max_bytes in 1..usize::MAX / 4, nursery_bytes in 0..usize::MAX / 64,
        growing_percent in prop_oneof![Just(None), (1..400u32).prop_map(Some)],
    ) {
        let live_bytes = live_bytes % max_bytes;
        let limit_bytes = old_limit(&OldLimitInput {
            live_bytes,
            max_bytes,
            nursery_capacity_bytes: nursery_bytes,
            growing_percent,
            ..OldLimitInput::default()
        })
        .limit_bytes;
        let w = window(&WindowInput { live_bytes, limit_bytes, max_bytes, nursery_bytes });
        prop_assert!(live_bytes <= w.start_bytes && w.start_bytes <= limit_bytes && limit_bytes <= w.deadline_bytes);
        // Two minor collections promote what is left, or half of the room is.
        let left_bytes = max_bytes - w.deadline_bytes;
        prop_assert!(left_bytes >= (2 * nursery_bytes).min((max_bytes - live_bytes) / 2));
    }

    #[test]
    fn slices_and_steps_are_within_their_bounds(
        expected_words in size(), marked_words in size(), old_bytes in size(),
        start_bytes in size(), aim_bytes in size(), deadline_bytes in size(), lump_bytes in size(),
        growth_per_allocated in growth(), cap_words in size(), max_step_bytes in size(), min_step_bytes in size(),
    ) {
        let input = PaceInput {
            expected_words,
            marked_words,
            old_bytes,
            window: Window { start_bytes, aim_bytes, deadline_bytes, lump_bytes },
            growth_per_allocated,
            cap_words,
            max_step_bytes,
            min_step_bytes,
        };
        let p = pace(&input);
        prop_assert!(p.slice_words <= cap_words.max(1) && p.slice_words >= MIN_SLICE_WORDS.min(cap_words).max(1));
        let (least_step, most_step) = (min_step_bytes.max(1), max_step_bytes.max(min_step_bytes).max(1));
        prop_assert!(p.step_bytes >= least_step && p.step_bytes <= most_step);
        if old_bytes >= aim_bytes {
            prop_assert_eq!(p.reason, PaceReason::Behind);
        }
        if p.reason == PaceReason::Behind {
            prop_assert_eq!((p.step_bytes, p.slice_words), (min_step_bytes.max(1), cap_words.max(1)));
        } else {
            // Going on like this, the aim is reached with nothing left to mark. Half a billionth is for rounding.
            let left_words = expected_words.saturating_sub(marked_words) as f64;
            let left_bytes = (aim_bytes - old_bytes) as f64 / growth_per_allocated.max(1.0 / 16.0);
            let marked = p.slice_words as f64 * (left_bytes / p.step_bytes as f64);
            prop_assert!(marked >= left_words * (1.0 - 1e-9), "{} of {}", marked, left_words);
        }
    }
}

#[test]
fn no_slice_is_planned_behind_the_aim() {
    // A few words are left, and a few bytes: a slice as long as permitted would come much later.
    let p = pace(&PaceInput {
        expected_words: 64_000,
        marked_words: 62_000,
        old_bytes: 990_000,
        window: Window {
            start_bytes: 900_000,
            aim_bytes: 1_000_000,
            deadline_bytes: 1_030_000,
            lump_bytes: 0,
        },
        growth_per_allocated: 1.0,
        cap_words: 16_384,
        max_step_bytes: 65_536,
        min_step_bytes: 4096,
    });
    assert!(p.step_bytes <= 10_000, "{p:?}");
}

#[test]
fn a_heap_with_less_room_than_two_nurseries_is_not_collected_all_the_time() {
    const MIB: usize = 1 << 20;
    // Halfway to the maximum. The deadline was below what lives, so that every minor collection became a major one.
    let w = window(&WindowInput {
        live_bytes: 80 * MIB,
        limit_bytes: 90 * MIB,
        max_bytes: 100 * MIB,
        nursery_bytes: 16 * MIB,
    });
    assert!(w.start_bytes > 87 * MIB && w.deadline_bytes >= 90 * MIB, "{w:?}");
}

/// Runs one cycle of a program that promotes half of each fill of 1 MiB, `quarters` quarters of a lump before the aim,
/// at the least rate that the first inequality permits. Returns the growth left when marking ended, and whether a slice
/// was behind.
fn run_to_aim(quarters: usize, work_words: usize, expected_words: usize) -> (usize, bool) {
    const FILL_BYTES: usize = 1 << 20;
    const MIN_STEP_BYTES: usize = 4096;
    let aim_bytes = (1 << 30) + quarters * FILL_BYTES / 8 + 32_768;
    let mut old_bytes = 1 << 30;
    let cap_words = (expected_words * MIN_STEP_BYTES).div_ceil(aim_bytes - old_bytes);
    let (mut marked_words, mut behind) = (0, false);
    // The first slice comes when the last step before the cycle ends: up to a whole one late.
    let mut used_bytes = 65_536;
    loop {
        let p = pace(&PaceInput {
            expected_words,
            marked_words,
            old_bytes,
            window: Window {
                start_bytes: 1 << 30,
                aim_bytes,
                deadline_bytes: aim_bytes,
                lump_bytes: FILL_BYTES,
            },
            growth_per_allocated: 0.5,
            cap_words,
            max_step_bytes: 65_536,
            min_step_bytes: MIN_STEP_BYTES,
        });
        behind |= p.reason == PaceReason::Behind;
        used_bytes += p.step_bytes;
        while used_bytes >= FILL_BYTES {
            used_bytes -= FILL_BYTES;
            old_bytes += FILL_BYTES / 2;
        }
        marked_words += p.slice_words;
        if marked_words >= work_words {
            return (aim_bytes.saturating_sub(old_bytes), behind);
        }
    }
}

#[test]
fn the_first_inequality_suffices_without_a_reserve() {
    for quarters in 8..200 {
        let expected_words = 8 << 20;
        let (left_bytes, behind) = run_to_aim(quarters, expected_words / 8 * 7, expected_words);
        assert!(left_bytes > 0 && !behind, "{quarters}: {left_bytes}, {behind}");
    }
}
