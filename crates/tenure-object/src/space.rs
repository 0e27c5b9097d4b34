//! How the spaces meet without knowing each other.
//!
//! The nursery promotes through [`PromotionTarget`] and never learns what an old generation is.

use tenure_memory::Range;

use crate::object::ObjectRef;

/// The space that promoted objects go to.
pub trait PromotionTarget {
    /// Returns room for `words` words in the old generation, or nothing when there is none: the nursery then retains
    /// the object. The words are owned by the caller and registered as an object's start.
    fn allocate(&mut self, words: usize, has_slots: bool) -> Option<ObjectRef>;

    /// Called with an object in the large-object range that a slot refers to. Young ones survive thereby.
    fn visit_large(&mut self, object: ObjectRef);

    /// Returns whether `object` is a young large object that no slot visited so far refers to.
    fn is_unreached(&self, object: ObjectRef) -> bool;

    /// Returns a large object that has survived and whose slots nobody has forwarded yet; if stores into it were logged,
    /// with a part of it where there was one.
    fn next_large(&mut self) -> Option<(ObjectRef, Option<Range>)>;

    /// Called for each promoted object that holds slots, once they have been forwarded.
    fn promoted(&mut self, object: ObjectRef);

    /// Called for an old object that refers to a retained one, once.
    fn remember(&mut self, object: ObjectRef);

    /// Called for each slot of the carded old object `owner` that refers to a retained one.
    fn remember_card(&mut self, owner: ObjectRef, slot: *mut u64);
}
