//! The nursery under a pause goal, alone and together with the prices that it is sized by.

use proptest::prelude::*;

use super::simulator::Random;
use crate::pacing::{GoalInput, WorstLately, nursery_for_goal};

const MIB: usize = 1 << 20;
const MIN_BYTES: usize = 64 << 10;
const GOAL_NS: f64 = 1e6;

/// Steps of a quarter from the least capacity to the greatest, 16 MiB, and one more: a step less than a sixteenth is
/// not made.
const MOST_STEPS: usize = 26;

/// A program whose minor collections cost what they copy, and something besides.
struct Program {
    capacity_bytes: usize,
    price: WorstLately,
    survivor_price: WorstLately,
}

impl Program {
    fn new() -> Program {
        Program {
            capacity_bytes: MIB,
            price: WorstLately::default(),
            survivor_price: WorstLately::default(),
        }
    }

    /// Collects once. Returns the pause.
    fn collect(&mut self, fixed_ns: f64, survival: f64, survivor_ns_per_byte: f64) -> f64 {
        let copied_ns = self.capacity_bytes as f64 * survival * survivor_ns_per_byte;
        let pause_ns = fixed_ns + copied_ns;
        self.price.add(pause_ns / self.capacity_bytes as f64);
        self.survivor_price.add(survivor_ns_per_byte);
        self.capacity_bytes = nursery_for_goal(&GoalInput {
            goal_ns: GOAL_NS as u64,
            pause_ns_per_byte: self.price.get(),
            survivor_ns_per_byte: self.survivor_price.get(),
            capacity_bytes: self.capacity_bytes,
            max_bytes: 16 * MIB,
            min_bytes: MIN_BYTES,
        });
        pause_ns
    }
}

fn price() -> impl Strategy<Value = f64> {
    prop_oneof![1 => Just(0.0), 1 => Just(f64::INFINITY), 1 => Just(f64::MAX), 6 => 1e-4..100.0f64]
}

proptest! {
    #[test]
    fn predicted_pauses_keep_the_goal(
        goal_ns in prop_oneof![Just(0u64), Just(u64::MAX), 1..100_000_000u64],
        pause_ns_per_byte in price(), survivor_ns_per_byte in price(),
        capacity_bytes in prop_oneof![Just(0usize), Just(usize::MAX), 1..1usize << 28],
        max_bytes in prop_oneof![Just(0usize), Just(usize::MAX), 1..1usize << 28],
        min_bytes in prop_oneof![Just(0usize), Just(usize::MAX), 1..1usize << 20],
    ) {
        let to_bytes = nursery_for_goal(&GoalInput {
            goal_ns, pause_ns_per_byte, survivor_ns_per_byte, capacity_bytes, max_bytes, min_bytes,
        });
        prop_assert!(to_bytes <= max_bytes && to_bytes >= min_bytes.min(max_bytes));
        prop_assert!(to_bytes <= capacity_bytes.saturating_add(capacity_bytes / 4).max(min_bytes));
        if to_bytes > min_bytes {
            let (goal, bytes) = (goal_ns as f64 * (1.0 + 1e-9), to_bytes as f64);
            prop_assert!(bytes * pause_ns_per_byte <= goal * 0.5 * 16.0 / 15.0);
            prop_assert!(bytes * survivor_ns_per_byte <= goal * 0.96);
        }
    }

    #[test]
    fn it_settles_from_any_start(start in MIN_BYTES..16 * MIB, survival in 0.001..1.0f64, price in 0.05..20.0f64) {
        let mut program = Program { capacity_bytes: start, ..Program::new() };
        program.collect(0.0, survival, price);
        let shrunk = program.capacity_bytes < start;
        let mut before = program.capacity_bytes;
        for _ in 0..if shrunk { 0 } else { MOST_STEPS } {
            program.collect(0.0, survival, price);
            prop_assert!(program.capacity_bytes >= before);
            before = program.capacity_bytes;
        }
        for _ in 0..50 {
            let pause_ns = program.collect(0.0, survival, price);
            prop_assert_eq!(program.capacity_bytes, before);
            prop_assert!(pause_ns <= GOAL_NS || before == MIN_BYTES);
        }
    }

    #[test]
    fn it_stays_under_noise(seed in any::<u64>(), survival in 0.01..1.0f64, price in 0.05..2.0f64) {
        let mut random = Random(seed);
        let mut program = Program::new();
        for _ in 0..100 {
            program.collect(0.0, survival, price * random.between(0.8, 1.2));
        }
        let mut sizes = vec![program.capacity_bytes];
        let (mut least, mut most) = (usize::MAX, 0);
        for _ in 0..500 {
            let pause_ns = program.collect(0.0, survival, price * random.between(0.8, 1.2));
            prop_assert!(pause_ns <= GOAL_NS * 1.05, "{}", pause_ns);
            if sizes.last() != Some(&program.capacity_bytes) {
                sizes.push(program.capacity_bytes);
            }
            least = least.min(program.capacity_bytes);
            most = most.max(program.capacity_bytes);
        }
        let turns = sizes.windows(3).filter(|s| (s[0] < s[1]) != (s[1] < s[2])).count();
        prop_assert!(turns <= 12 && sizes.len() <= 16, "{:?}", sizes);
        prop_assert!(most as f64 <= least as f64 * 1.3, "{} to {}", least, most);
    }

    #[test]
    fn it_shrinks_at_once_when_more_survives(before in 0.001..0.2f64, after in 0.5..1.0f64, price in 0.05..2.0f64) {
        let mut program = Program::new();
        for _ in 0..60 {
            program.collect(0.0, before, price);
        }
        let settled = program.capacity_bytes;
        for at in 0..20 {
            // Everything surviving is allowed for: not even the first one misses the goal.
            let pause_ns = program.collect(0.0, after, price);
            prop_assert!(pause_ns <= GOAL_NS * 0.96, "{}: {}", at, pause_ns);
        }
        prop_assert!(program.capacity_bytes < settled || settled as f64 * after * price <= GOAL_NS * 0.54);
    }

    #[test]
    fn two_collections_are_too_long_when_the_machine_becomes_slower(factor in 1.0..30.0f64, price in 0.05..2.0f64) {
        let mut program = Program::new();
        for _ in 0..60 {
            program.collect(0.0, 0.1, price);
        }
        let settled = program.capacity_bytes;
        // The first may be an outlier.
        program.collect(0.0, 0.1, price * factor);
        program.collect(0.0, 0.1, price * factor);
        // Below 0.6 ns a byte, memory that was never touched is what counts.
        if factor > 1.5 && price * (1.0 + factor) / 2.0 > 0.65 {
            prop_assert!(program.capacity_bytes < settled);
        }
        for (at, most) in [16.0 / 15.0, 2.0 / 3.0 * 16.0 / 15.0].into_iter().enumerate() {
            let pause_ns = program.collect(0.0, 0.1, price * factor);
            prop_assert!(pause_ns <= GOAL_NS * most, "{}: {}", at, pause_ns);
        }
    }

    #[test]
    fn fixed_costs_below_half_of_the_goal_leave_a_nursery(share in 0.0..0.45f64, price in 0.1..1.0f64) {
        let mut program = Program::new();
        for _ in 0..200 {
            program.collect(GOAL_NS * share, 0.1, price);
        }
        let pause_ns = program.collect(GOAL_NS * share, 0.1, price);
        prop_assert!(pause_ns <= GOAL_NS * 0.55, "{}", pause_ns);
        prop_assert!(program.capacity_bytes >= 4 * MIN_BYTES, "{}", program.capacity_bytes);
    }
}

#[test]
fn fixed_costs_above_half_of_the_goal_lead_to_the_minimum() {
    let mut program = Program::new();
    for _ in 0..200 {
        program.collect(GOAL_NS * 0.6, 0.1, 0.5);
    }
    assert_eq!(program.capacity_bytes, MIN_BYTES);
}

#[test]
fn a_price_forgets_slowly_and_takes_no_nonsense() {
    let mut price = WorstLately::default();
    for value in [f64::NAN, f64::INFINITY, -1.0] {
        price.add(value);
        assert_eq!(price.get(), 0.0);
    }
    price.add(f64::MAX);
    price.add(f64::MAX);
    assert_eq!(price.get(), f64::MAX);
    let mut price = WorstLately::default();
    price.add(2.0);
    price.add(1.0);
    // Half of the difference is forgotten after 69 measurements.
    for _ in 1..69 {
        price.add(1.0);
    }
    assert!(price.get() < 1.5 && price.get() > 1.45, "{price:?}");
}
