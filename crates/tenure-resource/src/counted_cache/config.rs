//! What a counted cache is told when it is made.
//!
//! A policy, a clock and a budget. Nothing here costs anything until a cache is made of it; how resources are loaded is not
//! part of it, but of the calls that load.

use std::fmt;
use std::rc::Rc;

use tenure::events::{Clock, ManualClock};

use crate::counted_cache::policy::ReleasePolicy;

/// How a [`CountedCache`](crate::counted_cache::CountedCache) behaves.
///
/// ```
/// use std::rc::Rc;
/// use tenure::events::ManualClock;
/// use tenure_resource::counted_cache::{AfterDelay, CacheConfig, CountedCache};
///
/// let frame_clock = Rc::new(ManualClock::new()); // moved once per frame
/// let config = CacheConfig::new(AfterDelay::seconds(10))
///     .clock(Rc::clone(&frame_clock))
///     .budget_bytes(256 << 20)
///     .moderate_keep_percent(25);
/// let cache: CountedCache<String, Vec<u8>> = CountedCache::new(config);
/// assert!(cache.is_empty());
/// ```
pub struct CacheConfig<K> {
    pub(crate) policy: Box<dyn ReleasePolicy<K>>,
    pub(crate) clock: Rc<dyn Clock>,
    pub(crate) budget_bytes: usize,
    pub(crate) moderate_keep_percent: u32,
}

impl<K> CacheConfig<K> {
    /// A cache that releases unused resources by `policy`, without a budget, on a clock that stands still.
    #[must_use]
    pub fn new(policy: impl ReleasePolicy<K> + 'static) -> Self {
        Self {
            policy: Box::new(policy),
            clock: Rc::new(ManualClock::new()),
            budget_bytes: usize::MAX,
            moderate_keep_percent: 50,
        }
    }

    /// Where the cache reads when resources are asked for, used and let go: once per counting. The default stands still, so
    /// that delays never pass and ages are zero. A `ManualClock` that the embedder moves once per frame costs a load.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Rc::new(clock);
        self
    }

    /// How many bytes all resources together should have. Above it unused resources are released whatever the policy
    /// says, the longest unused first; resources in use are never touched, so the budget may still be exceeded. There is
    /// none by default.
    #[must_use]
    pub fn budget_bytes(mut self, budget_bytes: usize) -> Self {
        self.budget_bytes = budget_bytes;
        self
    }

    /// Which share of the bytes of unused resources stays under moderate memory pressure, in percent. The default is 50;
    /// above 100 means 100. Critical pressure leaves none.
    #[must_use]
    pub fn moderate_keep_percent(mut self, percent: u32) -> Self {
        self.moderate_keep_percent = percent.min(100);
        self
    }
}

impl<K> fmt::Debug for CacheConfig<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheConfig")
            .field("budget_bytes", &self.budget_bytes)
            .field("moderate_keep_percent", &self.moderate_keep_percent)
            .finish_non_exhaustive()
    }
}
