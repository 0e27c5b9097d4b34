//! The old generation: blocks that are bump-allocated hole by hole and swept by bitmap, and large objects.
//!
//! Objects without slots lie in blocks of their own, so that marking never touches them. Allocation costs a bump and one
//! bit; when a hole is used up, one look into the free lists finds the next. Sweeping a block reads two pages of bitmaps
//! and writes the headers of its holes; live objects are not touched. Nothing here decides when to collect, or marks.

mod block_space;
mod budget;
mod evacuate;
mod free_list;
mod large;
mod ready;
mod slide;
mod sweep;

pub use block_space::{BlockSpace, Pages};
pub use budget::Budget;
pub use evacuate::MovedObject;
pub use free_list::FreeLists;
pub use large::LargeSpace;
pub use slide::{Forwarding, Move, NoTable, SlidePlan};
pub use sweep::SweepCounts;
