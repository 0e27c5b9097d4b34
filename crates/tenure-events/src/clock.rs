//! Where time comes from.
//!
//! The collector reads time through [`Clock`] only, in nanoseconds since an arbitrary zero, so that tests and replays
//! can pass in a clock that they move themselves. A reading costs what the clock behind it costs. A clock here does not
//! know the time of day.

use std::cell::Cell;
use std::time::Instant;

/// A source of time that never runs backward.
pub trait Clock {
    /// Nanoseconds since the clock's zero.
    fn now_ns(&self) -> u64;
}

impl<C: Clock + ?Sized> Clock for &C {
    fn now_ns(&self) -> u64 {
        (**self).now_ns()
    }
}

impl<C: Clock + ?Sized> Clock for Box<C> {
    fn now_ns(&self) -> u64 {
        (**self).now_ns()
    }
}

impl<C: Clock + ?Sized> Clock for std::rc::Rc<C> {
    fn now_ns(&self) -> u64 {
        (**self).now_ns()
    }
}

/// The system's monotonic clock, zero at its creation.
#[derive(Debug, Clone, Copy)]
pub struct MonotonicClock {
    zero: Instant,
}

impl MonotonicClock {
    /// A clock that starts now.
    pub fn new() -> Self {
        Self { zero: Instant::now() }
    }
}

impl Default for MonotonicClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for MonotonicClock {
    fn now_ns(&self) -> u64 {
        // 64 bits of nanoseconds last 584 years.
        u64::try_from(self.zero.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A clock that moves only when told to.
#[derive(Debug, Clone, Default)]
pub struct ManualClock {
    now_ns: Cell<u64>,
}

impl ManualClock {
    /// A clock at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock forward; it stops at the largest time instead of wrapping.
    pub fn advance_ns(&self, by_ns: u64) {
        self.now_ns.set(self.now_ns.get().saturating_add(by_ns));
    }
}

impl Clock for ManualClock {
    fn now_ns(&self) -> u64 {
        self.now_ns.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;
    use std::time::Duration;

    #[test]
    fn manual_clock_moves_only_when_told_to_and_is_shared_through_rc() {
        let clock = Rc::new(ManualClock::new());
        let seen: Box<dyn Clock> = Box::new(Rc::clone(&clock));
        assert_eq!(seen.now_ns(), 0);
        clock.advance_ns(7);
        clock.advance_ns(5);
        assert_eq!(seen.now_ns(), 12);
        clock.advance_ns(u64::MAX);
        assert_eq!(seen.now_ns(), u64::MAX);
    }

    #[test]
    fn monotonic_clock_starts_near_zero_and_moves() {
        let clock = MonotonicClock::new();
        let first_ns = clock.now_ns();
        std::thread::sleep(Duration::from_millis(2));
        let second_ns = clock.now_ns();
        assert!(second_ns >= first_ns + 2_000_000, "{first_ns} then {second_ns}");
    }
}
