//! The write barrier's slow path: what a store into an old object must record.
//!
//! The fast path is the embedder's: test the owner's unlogged bit, then store. The first store into an old object since
//! it was last clean comes here and puts the object into the remembered set; later ones cost nothing more. Long arrays
//! keep their unlogged bit and are logged by card, so that a minor collection rescans 64 slots and not a million. One
//! minor collection costs time proportional to what was logged. The set does not look at the stored value: a cycle's
//! barrier does, which `tenure-heap` calls from the same slow path.

mod remembered_set;

pub use remembered_set::{CardEntry, RememberedSet};
