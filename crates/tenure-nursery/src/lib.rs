//! Cheney copying of the nursery.
//!
//! Live young objects are evacuated from the active half into the reserve half, breadth first; the gray objects are
//! exactly those between `scan` and `top`. Promoted objects wait in a queue that grows down from the end of the reserve
//! half: each of them leaves more room there than its entry takes. Time is proportional to the bytes that survive,
//! not to the nursery. This crate never frees or moves an old object, and does not know what promotion means.
//!
//! After C. J. Cheney, A nonrecursive list compacting algorithm (CACM 1970), with the promotion queue of V8 3.11.

mod evacuate;
mod semispace;

pub use evacuate::{Evacuation, EvacuationCounts, Promotion};
pub use semispace::Nursery;
