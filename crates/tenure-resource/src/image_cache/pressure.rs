//! An image cache among the members that give memory back together.
//!
//! Takes time proportional to what the cache keeps. It does not measure memory: the level is told.

use std::hash::Hash;

use super::ImageCache;
use crate::pressure::{PressureLevel, Relieve, Relieved};

/// A member of a [`PressureGroup`](crate::pressure::PressureGroup), beside pools and counted caches.
impl<K: Hash + Eq + 'static> Relieve for ImageCache<K> {
    fn relieve(&self, level: PressureLevel) -> Relieved {
        let evictions = || self.statistics().pressure_evictions;
        let before = evictions();
        let bytes = self.on_pressure(level);
        Relieved {
            count: usize::try_from(evictions() - before).unwrap_or(usize::MAX),
            bytes,
        }
    }
}
