//! How urgently memory is needed, and how a heap's numbers say so.
//!
//! A level is what a cache is told ([`ImageCache::on_pressure`](super::ImageCache::on_pressure)); [`Pressure::of`] and
//! [`Pressure::of_heap`] derive one from numbers, in constant time. Nothing here watches memory by itself: the embedder
//! asks at a time of its choosing, such as once per frame, or hears of it from the system or the heap.

use tenure::HeapStatistics;

/// How urgently memory is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pressure {
    /// Memory gets scarce: give back half of what can be given back.
    Moderate,
    /// Memory is about to run out: give back everything that can be given back.
    Critical,
}

/// From this share of the limit on, pressure is moderate.
const MODERATE_PERCENT: u128 = 75;
/// From this share of the limit on, pressure is critical. A heap calls back for its limit later than that.
const CRITICAL_PERCENT: u128 = 90;

impl Pressure {
    /// The pressure when `used_bytes` of `limit_bytes` are used: moderate from 75 %, critical from 90 %.
    ///
    /// ```
    /// use tenure_resource::image_cache::Pressure;
    ///
    /// assert_eq!(Pressure::of(74, 100), None);
    /// assert_eq!(Pressure::of(75, 100), Some(Pressure::Moderate));
    /// assert_eq!(Pressure::of(90, 100), Some(Pressure::Critical));
    /// ```
    #[must_use]
    pub fn of(used_bytes: usize, limit_bytes: usize) -> Option<Pressure> {
        let (used, limit) = (used_bytes as u128 * 100, limit_bytes as u128);
        if used >= limit * CRITICAL_PERCENT {
            Some(Pressure::Critical)
        } else if used >= limit * MODERATE_PERCENT {
            Some(Pressure::Moderate)
        } else {
            None
        }
    }

    /// The pressure in a heap that shares its maximum with what its objects hold outside of it: old generation and
    /// external bytes, against the old generation's hard limit. Dead objects that are not yet collected count, so ask
    /// after a major collection, or take the answer as early.
    #[must_use]
    pub fn of_heap(statistics: &HeapStatistics) -> Option<Pressure> {
        let sizes = &statistics.sizes;
        let used_bytes = (sizes.old_used_bytes)
            .saturating_add(sizes.large_used_bytes)
            .saturating_add(sizes.external_bytes);
        Pressure::of(used_bytes, statistics.max_old_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_at_their_edges_and_without_overflow() {
        assert_eq!(Pressure::of(89, 100), Some(Pressure::Moderate));
        assert_eq!(Pressure::of(usize::MAX, usize::MAX), Some(Pressure::Critical));
        assert_eq!(Pressure::of(0, usize::MAX), None);
        assert_eq!(Pressure::of(0, 0), Some(Pressure::Critical), "no limit left");
    }

    #[test]
    fn external_bytes_count_in_a_heap() {
        let mut statistics = HeapStatistics {
            max_old_bytes: 1000,
            ..HeapStatistics::default()
        };
        statistics.sizes.old_used_bytes = 500;
        assert_eq!(Pressure::of_heap(&statistics), None);
        statistics.sizes.external_bytes = 300;
        assert_eq!(Pressure::of_heap(&statistics), Some(Pressure::Moderate));
        statistics.sizes.large_used_bytes = 100;
        assert_eq!(Pressure::of_heap(&statistics), Some(Pressure::Critical));
    }
}
