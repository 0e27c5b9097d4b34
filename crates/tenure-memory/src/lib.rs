//! Raw memory for a garbage-collected heap.
//!
//! Page sources hand out address space and pages, [`Cage`] divides one reservation into the ranges of a heap and the
//! side tables that describe them, [`SideBitmap`] is one bit per word of the cage. Nothing here knows what an object
//! is.

mod bitmap;
mod cage;
mod fill;
mod page_source;
mod prefetch;
mod scratch;
mod units;

pub use bitmap::{SetBits, SideBitmap};
pub use cage::{Cage, CageLayout, Range};
pub use fill::Fill;
pub use page_source::{Access, FailingPages, PageError, PageSource, SystemPages};
pub use prefetch::prefetch;
pub use scratch::Scratch;
pub use units::{
    BLOCK_BYTES, BLOCK_WORDS, CARD_BYTES, CARD_WORDS, CHUNK_BYTES, PAGE_BYTES, WORD_BYTES, round_down, round_up,
};
