//! What a counted cache counts.
//!
//! Totals since it was made, and sizes as of now. Each costs an addition where it happens. What is known about a single
//! resource is in the [`Report`](crate::counted_cache::Report) instead.

/// How many resources were released, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Released {
    /// The policy said so.
    pub policy: u64,
    /// All resources together were above the budget.
    pub budget: u64,
    /// The embedder asked for it.
    pub request: u64,
    /// Memory was short.
    pub pressure: u64,
    /// They were there when the cache was dropped. Those that somebody held live on with their handles.
    pub closed: u64,
}

impl Released {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.policy + self.budget + self.request + self.pressure + self.closed
    }
}

/// Counters and sizes of a counted cache.
///
/// `loaded == resident + released.total()` at all times, and `entries == resident + queued + loading + unavailable`, where
/// the last are entries that failed or were canceled and that somebody still holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheStatistics {
    /// Requests that found their resource ready.
    pub hits: u64,
    /// Requests that found nothing.
    pub missed: u64,
    /// Requests that joined a load that was pending already.
    pub coalesced: u64,
    /// Requests that found an entry whose load had failed or was canceled.
    pub refused: u64,
    /// Loads that were started: handed out to whoever loads.
    pub started: u64,
    /// Loads that succeeded.
    pub loaded: u64,
    /// Loads that failed.
    pub failed: u64,
    /// Loads whose loader panicked or went away without a result.
    pub abandoned: u64,
    /// Pending loads that were canceled, or that nobody wanted any longer.
    pub canceled: u64,
    /// Failed or canceled loads that were asked for again.
    pub retried: u64,
    /// Resources that were released.
    pub released: Released,
    /// Everything that the cache knows of now.
    pub entries: usize,
    /// Resources that are ready, used or unused.
    pub resident: usize,
    /// Of these, resources that nobody holds.
    pub unused: usize,
    /// Loads that wait for their turn.
    pub queued: usize,
    /// Loads under way.
    pub loading: usize,
    /// Bytes of the resources that are ready.
    pub resident_bytes: usize,
    /// Of these, bytes of resources that nobody holds.
    pub unused_bytes: usize,
    /// How many bytes there should be at most; `usize::MAX` for no budget.
    pub budget_bytes: usize,
    /// The most entries that there were at a time.
    pub peak_entries: usize,
    /// The most bytes that there were at a time.
    pub peak_resident_bytes: usize,
}

impl CacheStatistics {
    /// Which fraction of the requests found their resource ready, from 0 to 1; `None` before the first request.
    #[must_use]
    pub fn hit_rate(&self) -> Option<f64> {
        let requests = self.hits + self.missed + self.coalesced + self.refused;
        (requests > 0).then(|| self.hits as f64 / requests as f64)
    }

    /// Bytes above the budget: resources in use alone are that large, since unused ones are released first.
    #[must_use]
    pub fn over_budget_bytes(&self) -> usize {
        self.resident_bytes.saturating_sub(self.budget_bytes)
    }
}
