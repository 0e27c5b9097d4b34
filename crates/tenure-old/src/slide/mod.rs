//! Sliding the live objects of a space together, by its bitmaps and a table of offsets.
//!
//! After marking, one pass over the bitmaps writes a table with an entry for each bitmap word, a group of 64 heap words:
//! which of them are live, and where they go ([`plan`]). An object's destination is then its group's base plus the count
//! of live words below it in the group: one look into the table and a population count, without a look at the object
//! ([`forwarding`]). Objects and holes cover a block without gaps, so sizes come from the start bits and no header is
//! read either, but in blocks where an identity hash was taken. References are corrected by that, and runs of live words
//! move down in ascending order, their start bits with them ([`relocate`]). This is the Compressor of Kermany and Petrank
//! (PLDI 2006) with the offset vector of Abuaiadh et al. (OOPSLA 2004), in one thread and in place.
//!
//! Cost: the bitmaps twice, each slot of a live object once, each live byte that moves once; 16 bytes of table for 512
//! of heap, allocated before anything is changed. Objects never cross blocks, so a few words at the end of a block may
//! stay free. Blocks with pinned objects are swept where they are. Sliding does not decide when to slide.

mod forwarding;
mod plan;
mod relocate;
#[cfg(test)]
mod tests;

use tenure_memory::{BLOCK_WORDS, Cage};

pub use forwarding::Forwarding;
pub use relocate::Move;

/// Bitmap words, and entries of the table, for a block.
const BLOCK_GROUPS: usize = BLOCK_WORDS / 64;

/// Set in the base of a group whose objects do not go to one run of words: the rest is the index of its first [`Break`].
/// No address has this bit.
const IRREGULAR: usize = 1 << 63;

/// What is known of a group of 64 words. Both halves in one line of the cache: each slot of the heap asks for both.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    /// The words that belong to live objects; all of them in a block that stays.
    live: u64,
    /// Where the first live word of the group goes, were it an object's: the address of an object's destination is this
    /// and a word for each live word below it. Or [`IRREGULAR`].
    base: usize,
}

const _: () = assert!(
    size_of::<Group>() == 16,
    "a group must not straddle two lines of the cache"
);

/// Where the objects of an irregular group go from `source` on, by addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Break {
    source: usize,
    destination: usize,
}

/// Where each live object of a space goes.
///
/// Invariant (SLIDE-ORDER): destinations ascend with the sources and do not overlap; no destination lies above its
/// source, none crosses the end of a block, and an object moves at least a word if it grows by its hash. So copying in
/// ascending order overwrites nothing that is still to be copied.
/// Invariant (SLIDE-LIVE): the plan has a live bit for each word of a live object of the marking that it was made after,
/// and colors and start bits of what was not yet moved are as that marking left them.
#[derive(Debug, Default)]
pub struct SlidePlan {
    /// The bitmap word of the space's first word.
    first_group: usize,
    table: Vec<Group>,
    /// Where irregular groups are cut, by source.
    breaks: Vec<Break>,
    /// Where the destination goes on in another block, by source.
    jumps: Vec<Break>,
    /// The first block that receives objects, and the end of what they fill.
    first: usize,
    end: usize,
    moved_objects: u64,
    moved_words: u64,
}

impl SlidePlan {
    /// Returns how many objects change their address.
    #[must_use]
    pub fn moved_objects(&self) -> u64 {
        self.moved_objects
    }

    /// Returns their bytes.
    #[must_use]
    pub fn moved_bytes(&self) -> u64 {
        self.moved_words * 8
    }

    /// Returns how many blocks the plan covers, free ones among them: those to be updated and moved.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.table.len() / BLOCK_GROUPS
    }
}

/// There is no memory for the table of a plan. Nothing has been changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoTable;

/// Returns the first start bit in `[from, to)`, or `to`.
fn next_start(cage: &Cage, from: usize, to: usize) -> usize {
    cage.starts().set_bits(from, to).next().unwrap_or(to)
}
