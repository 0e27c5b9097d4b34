//! The move: runs of live words go down, start bits with them, and what is behind them becomes free.
//!
//! Blocks are moved in ascending order, one call each, so that a block can be moved while it lies in the cache after
//! its slots were corrected. A run of live words is one copy; a run that stays is not touched. In blocks with identity
//! hashes objects are copied one by one, because one that moves may grow. Moving corrects no reference.

use tenure_memory::{BLOCK_BYTES, BLOCK_WORDS, Cage, Fill};
use tenure_object::{HashState, ObjectRef};

use super::{BLOCK_GROUPS, SlidePlan, next_start};
use crate::block_space::{BlockSpace, BlockState, HASHED_HERE};
use crate::sweep::sweep_block;

/// Runs of up to this many words are copied in place rather than by a call.
const SHORT_RUN_WORDS: usize = 16;

/// A move in progress.
#[derive(Debug)]
pub struct Move<'a> {
    plan: &'a SlidePlan,
    /// Where the next live word goes, in words from the start of the space.
    cursor: usize,
    /// Start bits of the bitmap word that the cursor is in, below the cursor.
    bits: u64,
    /// Jumps that lie behind.
    jumps: usize,
}

impl BlockSpace {
    /// Begins to move: forgets all holes, and sweeps the blocks that stay, but for the colors of what is live there.
    ///
    /// # Safety
    ///
    /// `plan` must be the plan that was made of this space after the marking that just ended (MARK-STRONG).
    pub unsafe fn begin_move<'a>(&mut self, cage: &Cage, plan: &'a SlidePlan, poison: bool) -> Move<'a> {
        self.poison = poison;
        self.lists.clear();
        self.dropped_bytes = 0;
        for index in 0..plan.blocks() {
            if self.slides(index) || self.blocks[index] != BlockState::InUse {
                continue;
            }
            let block = self.range.start + index * BLOCK_BYTES;
            // SAFETY: FREE-LISTED, the lists were just cleared; the block is in use and its marking complete.
            let counts = unsafe { sweep_block(cage, block, &mut self.lists, poison) };
            self.used_by_block[index] = (BLOCK_BYTES - counts.free_bytes) as u32;
            // The start bits that are left belong to live objects and to holes, which have no slots.
            let first = cage.bit(block) / 64;
            for word in first..first + BLOCK_GROUPS {
                cage.color().set_word(word, cage.starts().word(word));
            }
        }
        Move {
            plan,
            cursor: plan.first_word,
            bits: 0,
            jumps: 0,
        }
    }

    /// Moves the objects of block `index`, if they slide.
    ///
    /// # Safety
    ///
    /// The blocks before it must have been moved, and its slots corrected (SLIDE-ORDER).
    pub unsafe fn move_block(&mut self, cage: &Cage, sliding: &mut Move<'_>, index: usize) {
        if !self.slides(index) {
            return;
        }
        if self.notes[index] & HASHED_HERE != 0 {
            // SAFETY: SLIDE-ORDER is the caller's obligation.
            unsafe { self.move_each(cage, sliding, index) };
        } else {
            // SAFETY: SLIDE-ORDER, as above.
            unsafe { self.move_runs(cage, sliding, index) };
        }
    }

    /// # Safety
    ///
    /// As for [`BlockSpace::move_block`].
    unsafe fn move_runs(&mut self, cage: &Cage, sliding: &mut Move<'_>, index: usize) {
        let base = self.range.start;
        let mut jump = sliding.next_jump();
        for group in index * BLOCK_GROUPS..(index + 1) * BLOCK_GROUPS {
            let at = sliding.plan.first_group + group;
            let mut live = sliding.plan.table[group].live;
            // Not overwritten yet: the cursor is not beyond this group.
            let starts = cage.starts().word(at) & live;
            while live != 0 {
                let low = live.trailing_zeros() as usize;
                let source = group * 64 + low;
                let mut words = (live >> low).trailing_ones() as usize;
                if source + words > jump {
                    if source == jump {
                        self.jump(cage, sliding);
                        jump = sliding.next_jump();
                    }
                    words = words.min(jump - source);
                }
                debug_assert!(sliding.cursor <= source, "SLIDE-ORDER");
                if sliding.cursor != source {
                    // SAFETY: SLIDE-ORDER, everything below the source has been moved, and the destination is below it.
                    unsafe { copy_down(base + source * 8, base + sliding.cursor * 8, words) };
                }
                let mask = !0 >> (64 - words);
                sliding.append(cage, starts >> low & mask, words);
                live &= !(mask << low);
            }
        }
    }

    /// # Safety
    ///
    /// As for [`BlockSpace::move_block`].
    unsafe fn move_each(&mut self, cage: &Cage, sliding: &mut Move<'_>, index: usize) {
        let offset = sliding.plan.first_group * 64;
        let end = offset + (index + 1) * BLOCK_WORDS;
        self.notes[index] &= !HASHED_HERE;
        let mut bit = offset + index * BLOCK_WORDS;
        while bit < end {
            // Not overwritten yet: the cursor is not beyond this bit.
            let next = next_start(cage, bit + 1, end);
            if !cage.color().get(bit) {
                bit = next;
                continue;
            }
            let source = bit - offset;
            if source == sliding.next_jump() {
                self.jump(cage, sliding);
            }
            let mut words = next - bit;
            debug_assert!(sliding.cursor <= source, "SLIDE-ORDER");
            let object = ObjectRef::from_address(self.range.start + source * 8);
            // SAFETY: OLD-COVERED, a live object starts here.
            let header = unsafe { object.header() };
            let hashed = header.hash_state() == HashState::FromAddress;
            if sliding.cursor == source {
                if hashed {
                    self.notes[index] |= HASHED_HERE;
                }
            } else {
                let target = ObjectRef::from_address(self.range.start + sliding.cursor * 8);
                let hash = object.address_hash();
                // SAFETY: SLIDE-ORDER, everything below the source has been moved, and the destination is below it.
                unsafe { copy_down(object.address(), target.address(), words) };
                if hashed {
                    // SAFETY: SLIDE-ORDER, the object moved by a word at least, so its old last word is free.
                    unsafe { *((target.address() + words * 8) as *mut u64) = hash };
                    // SAFETY: OBJ-HEADER, the copy's own header.
                    unsafe { target.set_header(header.with_hash_state(HashState::Appended)) };
                    words += 1;
                }
            }
            sliding.append_object(cage, words);
            bit = next;
        }
    }

    /// Goes on in the next block that receives objects. What is left of the block before is free.
    fn jump(&mut self, cage: &Cage, sliding: &mut Move<'_>) {
        self.close_block(cage, sliding);
        sliding.cursor = sliding.plan.jumps[sliding.jumps].destination as usize;
        sliding.jumps += 1;
    }

    /// Makes what is behind the cursor in its block a hole.
    fn close_block(&mut self, cage: &Cage, sliding: &mut Move<'_>) {
        // The cursor can stand at the end of the block that it filled.
        let index = (sliding.cursor.max(1) - 1) / BLOCK_WORDS;
        let end = (index + 1) * BLOCK_WORDS;
        let starts = cage.starts();
        let mut word = sliding.cursor / 64;
        if !sliding.cursor.is_multiple_of(64) {
            starts.set_word(sliding.plan.first_group + word, sliding.bits);
            word += 1;
        }
        for word in word..end / 64 {
            starts.set_word(sliding.plan.first_group + word, 0);
        }
        sliding.bits = 0;
        self.used_by_block[index] = ((sliding.cursor - index * BLOCK_WORDS) * 8) as u32;
        if sliding.cursor < end {
            let (from, to) = (self.range.start + sliding.cursor * 8, self.range.start + end * 8);
            starts.set(cage.bit(from));
            if self.poison {
                // SAFETY: MEM-OWNED, all live objects of the block lie below, and nothing is to be moved out of it.
                unsafe { Fill::OldFree.apply(from, to) };
            }
            // SAFETY: FREE-LISTED, the words are dead, in no list, and their start bit is set.
            unsafe { self.lists.add(from, end - sliding.cursor) };
        }
    }

    /// Ends the move: blocks beyond the last that received objects are empty, and nothing has a color.
    ///
    /// # Safety
    ///
    /// All blocks of the plan must have been moved, and all references corrected (SLIDE-LIVE ends here).
    pub unsafe fn finish_move(&mut self, cage: &Cage, mut sliding: Move<'_>) {
        let plan = sliding.plan;
        assert!(
            sliding.cursor == plan.end_word && sliding.jumps == plan.jumps.len(),
            "SLIDE-ORDER: what was moved is not what was planned"
        );
        if plan.end_word > plan.first_word {
            self.close_block(cage, &mut sliding);
        }
        self.used_bytes = 0;
        for index in 0..plan.blocks() {
            if self.blocks[index] != BlockState::InUse {
                continue;
            }
            let bit = cage.bit(self.range.start + index * BLOCK_BYTES);
            cage.color().clear_range(bit, bit + BLOCK_WORDS);
            if self.slides(index) && index * BLOCK_WORDS >= plan.end_word {
                self.used_by_block[index] = 0;
                self.empty_block(index, cage);
            }
            self.used_bytes += self.used_by_block[index] as usize;
        }
    }
}

impl Move<'_> {
    /// Returns the source of the next jump, or more than any source.
    fn next_jump(&self) -> usize {
        self.plan
            .jumps
            .get(self.jumps)
            .map_or(usize::MAX, |jump| jump.source as usize)
    }

    /// Moves the cursor over `words` words, at most 64, with their start bits.
    #[inline(always)]
    fn append(&mut self, cage: &Cage, starts: u64, words: usize) {
        let shift = self.cursor % 64;
        self.bits |= starts << shift;
        if shift + words >= 64 {
            cage.starts()
                .set_word(self.plan.first_group + self.cursor / 64, self.bits);
            self.bits = if shift == 0 { 0 } else { starts >> (64 - shift) };
        }
        self.cursor += words;
    }

    /// Moves the cursor over one object.
    fn append_object(&mut self, cage: &Cage, words: usize) {
        let mut start = 1;
        let mut left = words;
        while left > 0 {
            let step = left.min(64);
            self.append(cage, start, step);
            start = 0;
            left -= step;
        }
    }
}

/// Copies words to a lower address.
///
/// # Safety
///
/// Source and destination must be owned, the destination below the source, and nothing that lies between them needed
/// (MEM-OWNED, SLIDE-ORDER).
#[inline(always)]
unsafe fn copy_down(source: usize, destination: usize, words: usize) {
    let (source, destination) = (source as *const u64, destination as *mut u64);
    if words <= SHORT_RUN_WORDS {
        for i in 0..words {
            // SAFETY: SLIDE-ORDER, ascending, so that a word is read before it is overwritten.
            let word = unsafe { *source.add(i) };
            // SAFETY: MEM-OWNED, the caller's obligation.
            unsafe { *destination.add(i) = word };
        }
    } else {
        // SAFETY: MEM-OWNED and SLIDE-ORDER are the caller's obligation; the ranges may overlap.
        unsafe { std::ptr::copy(source, destination, words) };
    }
}
