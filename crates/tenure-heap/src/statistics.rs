//! Numbers about a heap, taken at one moment.

use tenure_events::HeapSizes;

/// What a heap holds and has done. Taking it costs a few additions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapStatistics {
    /// Bytes used and committed, by space, now.
    pub sizes: HeapSizes,
    /// The greatest used bytes seen at the start or end of a collection, or now.
    pub peak_used_bytes: usize,
    /// The greatest committed bytes seen.
    pub peak_committed_bytes: usize,
    /// Bytes that may be used in the old generation before the next major collection.
    pub old_limit_bytes: usize,
    /// The hard limit of the old generation.
    pub max_old_bytes: usize,
    /// Capacity of one half of the nursery.
    pub nursery_capacity_bytes: usize,
    /// Bytes reserved for the mark stack, the remembered set, handles and the root areas. Most are never touched, so
    /// most cost address space only.
    pub list_bytes: usize,
    /// Bytes of blocks in use that hold no object. Empty blocks are not in use.
    pub fragmented_bytes: usize,
    /// Minor collections.
    pub minor_collections: u64,
    /// Major collections.
    pub major_collections: u64,
    /// Bytes allocated in the nursery and as large objects, up to the last collection.
    pub allocated_bytes: u64,
    /// Bytes promoted.
    pub promoted_bytes: u64,
    /// Time spent collecting.
    pub collection_ns: u64,
    /// The longest pause.
    pub longest_pause_ns: u64,
    /// Pushes that the mark stack refused.
    pub mark_stack_overflows: u64,
    /// Passes over blocks with gray objects.
    pub rescans: u64,
}
