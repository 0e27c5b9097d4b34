//! What an object is, bit by bit.
//!
//! An object is a header word followed by its payload; references are addresses of payloads. [`KindLayout`] says which
//! payload words are slots, [`Header`] carries enough of it that fixed-size kinds are scanned without looking at the
//! kind. This crate reads and writes single objects; it does not know in which space an object lies.

mod header;
mod kind;
mod object;
mod space;

pub use header::{
    CARDED_SLOTS_MIN, FLAG_CARDED, FLAG_LARGE, FLAG_LIVE, FLAG_PINNED, FLAG_REMEMBERED, FLAG_UNLOGGED, HashState,
    Header, LayoutClass,
};
pub use kind::{FIRST_BUILT_IN, KindLayout, KindTable, PairMode, TailLayout, header_with_length};
pub use object::{ObjectRef, Reference, ReferenceRange};
pub use space::PromotionTarget;
