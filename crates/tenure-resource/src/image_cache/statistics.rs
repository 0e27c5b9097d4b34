//! What a cache counts, and the events that it tells an observer.
//!
//! Counters are always on and cost an addition each. Events are made only while somebody observes; they are delivered
//! after the change they speak of, with nothing borrowed. Neither holds an image.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use super::error::LoadError;
use super::pressure::Pressure;

/// Where a key is: an image can be in several lists, or in none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImageStatus {
    /// It is being loaded, and will be kept when it is there.
    pub is_pending: bool,
    /// It is kept by the cache, whether or not anybody holds it.
    pub is_kept: bool,
    /// Somebody holds it or listens to it.
    pub is_live: bool,
}

impl ImageStatus {
    /// Whether it is in any list: a request would not load it.
    #[must_use]
    pub fn is_tracked(&self) -> bool {
        self.is_pending || self.is_kept || self.is_live
    }
}

/// Counts of a cache since it was made, and its sizes now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImageCacheStatistics {
    /// Requests that joined a load under way.
    pub pending_hits: u64,
    /// Requests that found a kept image.
    pub kept_hits: u64,
    /// Requests that found an image, or a load, only because somebody held it.
    pub live_hits: u64,
    /// Requests that started a load.
    pub misses: u64,
    /// Loads of this cache that ended with an image.
    pub loaded: u64,
    /// Loads of this cache that ended with an error.
    pub failed: u64,
    /// Images that were not kept, as they are larger than the cache.
    pub too_large: u64,
    /// Images that were dropped to stay within the limits.
    pub evictions: u64,
    /// Images that were dropped under pressure.
    pub pressure_evictions: u64,
    /// Bytes of all images that were dropped, for whatever reason.
    pub evicted_bytes: u64,
    /// Loads under way that will be kept.
    pub pending_count: usize,
    /// Images kept.
    pub kept_count: usize,
    /// Bytes of the images kept.
    pub kept_bytes: usize,
    /// The most bytes kept at one time.
    pub peak_kept_bytes: usize,
    /// Bytes of all pixels on the cache's ledger: kept, held by others, and decoded but not yet delivered.
    pub held_bytes: usize,
    /// The most bytes on the ledger at one time.
    pub peak_held_bytes: usize,
}

impl ImageCacheStatistics {
    /// Requests that started no load.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.pending_hits + self.kept_hits + self.live_hits
    }
}

/// Why an image is no longer kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EvictionCause {
    /// It was the least recently used one, and another needed room or the limits were lowered.
    Limit,
    /// Memory was needed.
    Pressure(Pressure),
    /// Somebody asked for it.
    Request,
}

/// Something that happened to one key.
pub struct CacheEvent<K> {
    pub(super) key: Rc<K>,
    pub(super) kind: CacheEventKind,
}

/// What happened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum CacheEventKind {
    /// A request found it; the status is the one before.
    Hit(ImageStatus),
    /// A request started a load.
    Miss,
    /// A load ended with an image.
    Loaded {
        /// Bytes of its pixels.
        size_bytes: usize,
    },
    /// A load ended with an error.
    Failed(Arc<LoadError>),
    /// It is larger than the cache and was not kept.
    TooLarge {
        /// Bytes of its pixels.
        size_bytes: usize,
    },
    /// It is no longer kept.
    Evicted {
        /// Bytes of its pixels.
        size_bytes: usize,
        /// Why.
        cause: EvictionCause,
    },
    /// Its load goes on, but will not be kept.
    Forgotten,
}

impl<K> CacheEvent<K> {
    /// The key it happened to.
    #[must_use]
    pub fn key(&self) -> &K {
        &self.key
    }

    /// What happened.
    #[must_use]
    pub fn kind(&self) -> &CacheEventKind {
        &self.kind
    }
}

impl<K: fmt::Debug> fmt::Debug for CacheEvent<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheEvent")
            .field("key", &self.key)
            .field("kind", &self.kind)
            .finish()
    }
}
