//! Sweeping one block by its bitmaps.
//!
//! A start bit that is not marked begins a run of free memory, which ends where the next marked object starts; holes
//! have start bits too, so neighbors merge by themselves. Words of the bitmap without dead starts are passed over with
//! one test. Time is proportional to the block's bitmap plus its dead objects. Sweeping never reads a live object.

use tenure_memory::{BLOCK_WORDS, Cage, Fill};

use crate::free_list::FreeLists;

/// What sweeping found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepCounts {
    /// Bytes in free runs, holes of one word included.
    pub free_bytes: usize,
    /// Bytes in holes too small for a list.
    pub waste_bytes: usize,
}

/// Returns whether no object of the block at `block` is marked.
pub(crate) fn is_dead(cage: &Cage, block: usize) -> bool {
    let first = cage.bit(block) / 64;
    (first..first + BLOCK_WORDS / 64).all(|i| cage.color().word(i) == 0)
}

/// Sweeps the block at `block`: lists its holes, leaves start bits for live objects and holes only, clears all colors.
///
/// # Safety
///
/// The block must be in use, its marking complete (no object gray), and none of its holes listed (FREE-LISTED).
pub(crate) unsafe fn sweep_block(cage: &Cage, block: usize, lists: &mut FreeLists, poison: bool) -> SweepCounts {
    let (color, starts) = (cage.color(), cage.starts());
    let first = cage.bit(block) / 64;
    let last = first + BLOCK_WORDS / 64;
    let mut counts = SweepCounts::default();
    let mut run: Option<usize> = None;
    let mut close = |from_bit: usize, to_bit: usize| {
        let words = to_bit - from_bit;
        let address = cage.address(from_bit);
        if poison {
            // SAFETY: MEM-OWNED, no marked object lies in the run.
            unsafe { Fill::OldFree.apply(address, address + words * 8) };
        }
        // SAFETY: FREE-LISTED, the run is dead and its start bit is kept.
        unsafe { lists.add(address, words) };
        counts.free_bytes += words * 8;
        if words < 2 {
            counts.waste_bytes += words * 8;
        }
    };
    for index in first..last {
        let start = starts.word(index);
        let live = start & color.word(index);
        let mut dead = start & !live;
        if dead == 0 && run.is_none() {
            continue;
        }
        // Start bits of the holes that begin in this word.
        let mut holes = 0;
        let mut rest = live;
        loop {
            if run.is_none() {
                if dead == 0 {
                    break;
                }
                let bit = dead.trailing_zeros();
                run = Some(index * 64 + bit as usize);
                holes |= 1 << bit;
                rest = live & (!0u64).checked_shl(bit).unwrap_or(0);
            }
            if rest == 0 {
                break;
            }
            let bit = rest.trailing_zeros();
            if let Some(from) = run.take() {
                close(from, index * 64 + bit as usize);
            }
            dead &= (!0u64).checked_shl(bit).unwrap_or(0);
        }
        starts.set_word(index, live | holes);
    }
    if let Some(from) = run {
        close(from, last * 64);
    }
    for index in first..last {
        color.set_word(index, 0);
    }
    counts
}
