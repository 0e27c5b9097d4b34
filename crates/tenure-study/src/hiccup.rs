//! The machine's own hiccups: a thread that does nothing but ask the clock notes when it was kept waiting.
//!
//! The idea: the thread sleeps for a tenth of a millisecond at a time and reads the clock of the run; what the clock moved beyond
//! that, something else took: another process, the hypervisor, an interrupt. It costs a core some percent and the run nothing
//! but shared caches; noting a hiccup allocates nothing. It watches the machine, not the core that the program runs on: a pause that
//! coincides with a hiccup may have been delayed by it, one that does not may have been delayed unseen.

use crate::measure::thread_cpu_ns;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tenure_events::{Clock, Interval, MonotonicClock};

/// How long the thread sleeps: a tenth of the shortest goal that is usual.
pub const INTERVAL_NS: u64 = 100_000;

/// Overshoots from here on are noted. Timers alone are late by some ten microseconds on an idle machine.
pub const NOTED_FROM_NS: u64 = 200_000;

/// A hiccup this long could spoil a goal of a millisecond.
pub const LONG_NS: u64 = 500_000;

/// Hiccups that are kept; the rest is counted. More than this in one run is a machine on which nothing can be measured.
const CAPACITY: usize = 1 << 16;

/// What the thread found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hiccups {
    /// The stretches in which it was kept waiting, in order, on the clock of the run.
    pub intervals: Vec<Interval>,
    /// Those for which there was no room.
    pub dropped: u64,
    /// Processor time that the thread itself used.
    pub cpu_ns: u64,
}

impl Hiccups {
    /// The longest hiccup; zero without any.
    pub fn longest_ns(&self) -> u64 {
        self.intervals.iter().map(|hiccup| hiccup.length_ns).max().unwrap_or(0)
    }

    /// Hiccups longer than this.
    pub fn above(&self, length_ns: u64) -> u64 {
        let longer = self.intervals.iter().filter(|hiccup| hiccup.length_ns > length_ns);
        longer.count() as u64
    }

    /// Only those that reach into the stretch.
    pub fn within(mut self, stretch: Interval) -> Self {
        self.intervals
            .retain(|hiccup| hiccup.start_ns < stretch.end_ns() && hiccup.end_ns() > stretch.start_ns);
        self
    }
}

/// The hiccup between two readings of the clock, one interval apart if nothing came between.
pub fn overshoot(previous_ns: u64, now_ns: u64) -> Option<Interval> {
    let due_ns = previous_ns.saturating_add(INTERVAL_NS);
    let length_ns = now_ns.saturating_sub(due_ns);
    (length_ns >= NOTED_FROM_NS).then_some(Interval {
        start_ns: due_ns,
        length_ns,
    })
}

/// How much of a pause lies in hiccups. Those are in order and do not overlap.
pub fn overlap_ns(pause: Interval, hiccups: &[Interval]) -> u64 {
    let first = hiccups.partition_point(|hiccup| hiccup.end_ns() <= pause.start_ns);
    hiccups[first..]
        .iter()
        .take_while(|hiccup| hiccup.start_ns < pause.end_ns())
        .map(|hiccup| hiccup.end_ns().min(pause.end_ns()) - hiccup.start_ns.max(pause.start_ns))
        .sum()
}

/// The thread, until it is stopped or dropped.
#[derive(Debug)]
pub struct Watcher {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Hiccups>>,
}

impl Watcher {
    /// Starts watching by this clock; an error if the system gives no thread.
    pub fn start(clock: MonotonicClock) -> std::io::Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_over);
        let watch = move || {
            let mut found = Hiccups {
                intervals: Vec::with_capacity(CAPACITY),
                ..Hiccups::default()
            };
            let mut previous_ns = clock.now_ns();
            while !told.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_nanos(INTERVAL_NS));
                let now_ns = clock.now_ns();
                if let Some(hiccup) = overshoot(previous_ns, now_ns) {
                    if found.intervals.len() < CAPACITY {
                        found.intervals.push(hiccup);
                    } else {
                        found.dropped += 1;
                    }
                }
                previous_ns = now_ns;
            }
            found.cpu_ns = thread_cpu_ns();
            found
        };
        let thread = std::thread::Builder::new().name("hiccups".to_owned()).spawn(watch)?;
        Ok(Watcher {
            is_over,
            thread: Some(thread),
        })
    }

    /// Stops watching.
    pub fn stop(mut self) -> Hiccups {
        self.join().unwrap_or_default()
    }

    fn join(&mut self) -> Option<Hiccups> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.take()?.join().ok()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.join();
    }
}

/// Whether the thread would have a core of its own beside the program.
pub fn has_spare_core() -> bool {
    std::thread::available_parallelism().is_ok_and(|cores| cores.get() >= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(start_ns: u64, length_ns: u64) -> Interval {
        Interval { start_ns, length_ns }
    }

    #[test]
    fn a_late_reading_is_a_hiccup_from_when_it_was_due() {
        assert_eq!(overshoot(1000, 1000 + INTERVAL_NS), None);
        assert_eq!(overshoot(1000, 1000 + INTERVAL_NS + NOTED_FROM_NS - 1), None);
        let late = overshoot(1000, 1000 + INTERVAL_NS + NOTED_FROM_NS);
        assert_eq!(late, Some(stretch(1000 + INTERVAL_NS, NOTED_FROM_NS)));
        assert_eq!(overshoot(u64::MAX - 5, u64::MAX), None);
    }

    #[test]
    fn overlap_equals_counting_nanoseconds() {
        let hiccups = [stretch(10, 5), stretch(20, 1), stretch(30, 20), stretch(60, 5)];
        let is_hiccup = |at_ns: u64| hiccups.iter().any(|h| (h.start_ns..h.end_ns()).contains(&at_ns));
        for start_ns in 0..70 {
            for length_ns in 0..70 {
                let pause = stretch(start_ns, length_ns);
                let counted = (start_ns..pause.end_ns()).filter(|&at_ns| is_hiccup(at_ns)).count() as u64;
                assert_eq!(overlap_ns(pause, &hiccups), counted, "{pause:?}");
            }
        }
        assert_eq!(overlap_ns(stretch(0, 100), &[]), 0);
    }

    #[test]
    fn figures_are_of_the_stretch_asked_for() {
        let found = Hiccups {
            intervals: vec![
                stretch(0, 900_000),
                stretch(2_000_000, 500_001),
                stretch(9_000_000, 300_000),
            ],
            ..Hiccups::default()
        };
        assert_eq!((found.longest_ns(), found.above(LONG_NS)), (900_000, 2));
        let found = found.within(stretch(900_000, 2_000_000));
        assert_eq!((found.longest_ns(), found.above(LONG_NS)), (500_001, 1));
        assert_eq!(Hiccups::default().longest_ns(), 0);
    }

    #[test]
    fn the_watcher_stops_when_told_and_notes_only_what_is_long() {
        let clock = MonotonicClock::new();
        let watcher = Watcher::start(clock).expect("a thread can be started");
        std::thread::sleep(Duration::from_millis(20));
        let found = watcher.stop();
        let end_ns = clock.now_ns();
        assert!(found.cpu_ns > 0 && found.dropped == 0);
        assert!(
            found
                .intervals
                .iter()
                .all(|h| h.length_ns >= NOTED_FROM_NS && h.end_ns() <= end_ns)
        );
        assert!(found.intervals.is_sorted_by(|a, b| a.end_ns() <= b.start_ns));
        drop(Watcher::start(clock).expect("a thread can be started"));
    }
}
