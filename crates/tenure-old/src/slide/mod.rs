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
const IRREGULAR: u32 = 1 << 31;

/// What is known of a group of 64 words. Both halves in one line of the cache: each slot of the heap asks for both.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    /// The words that belong to live objects; all of them in a block that stays.
    live: u64,
    /// What to add to the count of live words below an object, in words from the start of the space; or [`IRREGULAR`].
    base: u32,
}

const _: () = assert!(
    size_of::<Group>() == 16,
    "a group must not straddle two lines of the cache"
);

/// Where the objects of an irregular group go from `source` on, as words from the start of the space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Break {
    source: u32,
    destination: u32,
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
    /// The first block that receives objects, and the end of what they fill, in words from the start of the space.
    first_word: usize,
    end_word: usize,
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

/// Why a space cannot slide. Nothing has been changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlideRefusal {
    /// There is no memory for the table.
    NoTable,
    /// The space extends over 16 GiB, more than an entry of the table can tell.
    TooLarge,
}

impl SlideRefusal {
    /// Returns the reason in words, for the record of the collection.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            SlideRefusal::NoTable => "no memory for the table of offsets",
            SlideRefusal::TooLarge => "the space extends over more than 16 GiB",
        }
    }
}

/// Returns the first start bit in `[from, to)`, or `to`.
fn next_start(cage: &Cage, from: usize, to: usize) -> usize {
    cage.starts().set_bits(from, to).next().unwrap_or(to)
}
