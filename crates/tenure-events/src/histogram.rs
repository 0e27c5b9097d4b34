//! Pause lengths in fixed memory: a log-linear histogram.
//!
//! Lengths below 128 ns have a bucket each; above, every power of two is divided into 128 equal buckets, so a bucket is
//! at most 1/128 of its own lower bound wide. A quantile is the upper end of its bucket, or the exact maximum if that
//! is smaller: never below the true value, and above it by less than 1/128 (0.8 %). Recording costs a few shifts and
//! one increment and never allocates; the 7424 buckets take 58 KiB, made at creation.
//!
//! It does not know when the pauses were, so it cannot answer for a window of time: that is [`crate::PauseLog`].

/// A histogram of pause lengths with a relative error below 1/128.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PauseHistogram {
    counts: Box<[u64]>,
    count: u64,
    total_ns: u128,
    min_ns: u64,
    max_ns: u64,
}

const SUB_BITS: u32 = 7;
const SUB_COUNT: u64 = 1 << SUB_BITS;
const BUCKETS: usize = ((64 - SUB_BITS as usize) + 1) << SUB_BITS;

fn bucket(ns: u64) -> usize {
    if ns < SUB_COUNT {
        return ns as usize;
    }
    let shift = ns.ilog2() - SUB_BITS;
    ((u64::from(shift) << SUB_BITS) + (ns >> shift)) as usize
}

/// The largest length in a bucket.
fn bucket_end(index: usize) -> u64 {
    let index = index as u64;
    if index < SUB_COUNT {
        return index;
    }
    let shift = (index >> SUB_BITS) - 1;
    let sub = (index & (SUB_COUNT - 1)) + SUB_COUNT;
    // The lower bound plus the width, minus one: in this order nothing overflows in the last bucket.
    (sub << shift) + ((1 << shift) - 1)
}

impl PauseHistogram {
    /// The bound of the relative error of [`quantile`](Self::quantile).
    pub const RELATIVE_ERROR: f64 = 1.0 / SUB_COUNT as f64;

    /// An empty histogram.
    pub fn new() -> Self {
        Self {
            counts: vec![0; BUCKETS].into_boxed_slice(),
            count: 0,
            total_ns: 0,
            min_ns: u64::MAX,
            max_ns: 0,
        }
    }

    /// Adds a pause.
    pub fn record(&mut self, pause_ns: u64) {
        self.counts[bucket(pause_ns)] += 1;
        self.count += 1;
        self.total_ns += u128::from(pause_ns);
        self.min_ns = self.min_ns.min(pause_ns);
        self.max_ns = self.max_ns.max(pause_ns);
    }

    /// Adds all pauses of another histogram.
    pub fn merge(&mut self, other: &Self) {
        for (count, added) in self.counts.iter_mut().zip(&other.counts) {
            *count += added;
        }
        self.count += other.count;
        self.total_ns += other.total_ns;
        self.min_ns = self.min_ns.min(other.min_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        (self.count, self.total_ns, self.min_ns, self.max_ns) = (0, 0, u64::MAX, 0);
    }

    /// Number of pauses.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Sum of all pauses, exactly.
    pub fn total_ns(&self) -> u128 {
        self.total_ns
    }

    /// The shortest pause, exactly; `None` without any.
    pub fn min(&self) -> Option<u64> {
        (self.count > 0).then_some(self.min_ns)
    }

    /// The longest pause, exactly; `None` without any.
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max_ns)
    }

    /// The mean, exactly up to rounding; `None` without any pause.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.total_ns as f64 / self.count as f64)
    }

    /// The smallest length that at least the share `q` of all pauses does not exceed, too large by less than 1/128.
    /// Values of `q` outside 0 to 1 count as the nearer end; `None` without any pause or if `q` is not a number.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let rank = nearest_rank(q, self.count)?;
        let mut seen = 0;
        for (index, &count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Some(bucket_end(index).min(self.max_ns));
            }
        }
        Some(self.max_ns)
    }
}

impl Default for PauseHistogram {
    fn default() -> Self {
        Self::new()
    }
}

/// The 1-based rank of quantile `q` among `count` sorted values; `None` if there are none or `q` is not a number.
pub(crate) fn nearest_rank(q: f64, count: u64) -> Option<u64> {
    if count == 0 || q.is_nan() {
        return None;
    }
    // The product is rounded, and may land just above the whole number meant (0.07 of 100): such an error is pulled
    // back.
    let exact = q.clamp(0.0, 1.0) * count as f64;
    let nearest = exact.round();
    let rank = if (exact - nearest).abs() <= nearest * f64::EPSILON * 2.0 {
        nearest
    } else {
        exact.ceil()
    };
    Some((rank as u64).clamp(1, count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::Random;

    #[test]
    fn buckets_are_contiguous_and_hold_their_ends() {
        let mut next_ns = 0u64;
        for index in 0..BUCKETS {
            assert_eq!(bucket(next_ns), index, "{next_ns}");
            let end_ns = bucket_end(index);
            assert_eq!(bucket(end_ns), index, "{end_ns}");
            // The bound that the module states, without rounding: width - 1 < lower bound / 128.
            assert!(
                (u128::from(end_ns) - u128::from(next_ns)) * 128 < u128::from(next_ns).max(1),
                "{next_ns}"
            );
            next_ns = end_ns.wrapping_add(1);
        }
        assert_eq!(next_ns, 0, "the last bucket ends with the largest length");
    }

    #[test]
    fn quantiles_are_within_the_stated_error_of_sorted_data() {
        let mut random = Random(1);
        for round in 0..200 {
            let mut histogram = PauseHistogram::new();
            let mut sorted: Vec<u64> = (0..1 + random.below(400))
                .map(|_| random.next() >> random.below(64))
                .collect();
            for &ns in &sorted {
                histogram.record(ns);
            }
            sorted.sort_unstable();
            for step in 0..=100 {
                // Ranks by integers here, by floats there.
                let rank = (sorted.len() * step).div_ceil(100).max(1);
                let exact_ns = sorted[rank - 1];
                let given_ns = histogram.quantile(step as f64 / 100.0).expect("there are pauses");
                assert!(
                    given_ns >= exact_ns,
                    "round {round} step {step}: {given_ns} below {exact_ns}"
                );
                let over = u128::from(given_ns - exact_ns) * 128;
                assert!(
                    over < u128::from(exact_ns).max(1),
                    "round {round} step {step}: {given_ns} for {exact_ns}"
                );
            }
            assert_eq!(histogram.max(), sorted.last().copied());
            assert_eq!(histogram.min(), sorted.first().copied());
            assert_eq!(histogram.count(), sorted.len() as u64);
            assert_eq!(histogram.total_ns(), sorted.iter().map(|&ns| u128::from(ns)).sum());
            assert_eq!(histogram.quantile(1.0), histogram.max());
        }
    }

    #[test]
    fn merging_is_recording_everything_in_one() {
        let mut random = Random(2);
        let (mut left, mut right, mut both) = (PauseHistogram::new(), PauseHistogram::new(), PauseHistogram::new());
        for _ in 0..1000 {
            let ns = random.next() >> random.below(64);
            if random.below(2) == 0 {
                left.record(ns)
            } else {
                right.record(ns)
            }
            both.record(ns);
        }
        left.merge(&right);
        assert_eq!(left, both);
        left.merge(&PauseHistogram::new());
        assert_eq!(left, both);
        left.clear();
        assert_eq!(left, PauseHistogram::new());
    }

    #[test]
    fn an_empty_histogram_has_no_answers_and_odd_quantiles_are_ends() {
        let mut histogram = PauseHistogram::new();
        assert_eq!(
            (
                histogram.quantile(0.5),
                histogram.min(),
                histogram.max(),
                histogram.mean()
            ),
            (None, None, None, None)
        );
        histogram.record(10);
        histogram.record(100);
        assert_eq!(histogram.quantile(-1.0), Some(10));
        assert_eq!(histogram.quantile(0.5), Some(10));
        assert_eq!(histogram.quantile(0.51), Some(100));
        assert_eq!(histogram.quantile(7.0), Some(100));
        assert_eq!(histogram.quantile(f64::NAN), None);
        assert_eq!(histogram.mean(), Some(55.0));
    }

    #[test]
    fn ranks_that_should_be_whole_are_whole() {
        assert_eq!(nearest_rank(0.07, 100), Some(7));
        assert_eq!(nearest_rank(0.29, 100), Some(29));
        assert_eq!(nearest_rank(0.95, 20), Some(19));
        assert_eq!(nearest_rank(0.951, 20), Some(20));
        assert_eq!(nearest_rank(0.0, 20), Some(1));
        assert_eq!(nearest_rank(1.0, 20), Some(20));
    }
}
