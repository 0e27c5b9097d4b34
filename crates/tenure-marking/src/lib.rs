//! Tri-color marking with a bounded mark stack.
//!
//! Colors are two bits per object in a side bitmap, in the bits of its first two words: white 00, gray 10, black 11. An
//! object that is reached becomes black as it is pushed, or gray if the stack is full; when the stack is empty, the
//! blocks that hold gray objects are searched for them by bitmap and marking goes on from there. So any capacity works,
//! one included. Time is proportional to the live slots, plus one pass over a block's bitmap per rescan. Marking moves
//! nothing and frees nothing.
//!
//! The overflow rule is that of V8 3.11 and 6.2; the FIFO of prefetched objects is after Cher, Hosking and Vitek,
//! Software prefetching for mark-sweep garbage collection (ASPLOS 2004).

mod color;
mod mark_stack;
mod marker;
mod slot_recorder;

pub use color::{Color, Colors};
pub use mark_stack::MarkStack;
pub use marker::{Liveness, MarkCounts, Marker, OBJECT_WORK_WORDS, PairIndex, Passed, Traversal};
pub use slot_recorder::{SLOTS_MAX, SlotRecorder};
