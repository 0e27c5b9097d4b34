//! What a workload measures of itself: lap times of its operations, processor time, peak memory of the process.
//!
//! The idea: one clock reading per operation; the time since the previous reading is that operation's latency, so nothing
//! between two operations escapes. Laps go into a log-linear histogram with 128 steps per power of two (relative error
//! below 1/128) and an exact maximum; recording allocates nothing. It cannot tell a collection from a scheduler's
//! preemption: both are latency.

use hdrhistogram::Histogram;
use std::time::Instant;

/// Longest lap the histogram tells apart: one hour. Longer ones count as one hour.
const MAX_LAP_NS: u64 = 3_600_000_000_000;

/// Lap times of the operations of one run.
#[derive(Debug, Clone)]
pub struct Laps {
    histogram: Histogram<u64>,
    max_ns: u64,
    previous: Instant,
}

impl Default for Laps {
    fn default() -> Self {
        Self::new()
    }
}

impl Laps {
    /// No laps yet. The first lap begins with [`Laps::start`], or here.
    pub fn new() -> Self {
        let histogram =
            Histogram::new_with_bounds(1, MAX_LAP_NS, 2).expect("the bounds are constants that the histogram accepts");
        Laps {
            histogram,
            max_ns: 0,
            previous: Instant::now(),
        }
    }

    /// Begins the first lap.
    pub fn start(&mut self) {
        self.previous = Instant::now();
    }

    /// Ends a lap and begins the next.
    #[inline]
    pub fn lap(&mut self) {
        let now = Instant::now();
        let lap_ns = now.duration_since(self.previous).as_nanos() as u64;
        self.previous = now;
        self.histogram.saturating_record(lap_ns);
        self.max_ns = self.max_ns.max(lap_ns);
    }

    /// Adds a lap measured elsewhere.
    pub fn record_ns(&mut self, lap_ns: u64) {
        self.histogram.saturating_record(lap_ns);
        self.max_ns = self.max_ns.max(lap_ns);
    }

    /// How many laps were recorded.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The lap time that a share `quantile` of the laps does not exceed; zero when there are none.
    pub fn quantile_ns(&self, quantile: f64) -> u64 {
        if self.histogram.is_empty() {
            0
        } else {
            self.histogram.value_at_quantile(quantile).min(self.max_ns)
        }
    }

    /// The longest lap, exactly.
    pub fn max_ns(&self) -> u64 {
        self.max_ns
    }
}

/// Processor time of the whole process so far, user and system, in seconds.
pub fn process_cpu_s() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Processor time of the calling thread so far, user and system, in nanoseconds.
pub fn thread_cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    (time.tv_sec as u64)
        .saturating_mul(1_000_000_000)
        .saturating_add(time.tv_nsec as u64)
}

/// The most memory the process ever had resident, in MiB; `None` where the system does not tell.
pub fn peak_rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_one_part_in_128() {
        let mut laps = Laps::new();
        for lap_ns in 1..=100_000 {
            laps.record_ns(lap_ns);
        }
        for (quantile, exact) in [(0.5, 50_000.0), (0.99, 99_000.0), (0.999, 99_900.0)] {
            let error = (laps.quantile_ns(quantile) as f64 - exact).abs() / exact;
            assert!(
                error <= 1.0 / 128.0,
                "q={quantile}: {} is off by {error}",
                laps.quantile_ns(quantile)
            );
        }
        assert_eq!(laps.max_ns(), 100_000);
        assert_eq!(laps.count(), 100_000);
    }

    #[test]
    fn processor_time_grows_with_work() {
        let before = process_cpu_s();
        let mut sum = 0u64;
        while process_cpu_s() - before < 0.005 {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(sum > 0);
    }

    #[test]
    fn peak_memory_is_that_of_a_real_process() {
        assert!(peak_rss_mb().is_none_or(|mb| mb > 0.5));
    }
}
