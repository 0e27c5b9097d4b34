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
    /// Where the next live word goes.
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
            cursor: plan.first,
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
        let mut jump = sliding.next_jump();
        for group in index * BLOCK_GROUPS..(index + 1) * BLOCK_GROUPS {
            let at = sliding.plan.first_group + group;
            let mut live = sliding.plan.table[group].live;
            // Not overwritten yet: the cursor is not beyond this group.
            let starts = cage.starts().word(at) & live;
            let address = cage.address(at * 64);
            while live != 0 {
                let low = live.trailing_zeros() as usize;
                let source = address + low * 8;
                let mut words = (live >> low).trailing_ones() as usize;
                if source + words * 8 > jump {
                    if source == jump {
                        self.jump(cage, sliding);
                        jump = sliding.next_jump();
                    }
                    words = words.min((jump - source) / 8);
                }
                debug_assert!(sliding.cursor <= source, "SLIDE-ORDER");
                if sliding.cursor != source {
                    // SAFETY: SLIDE-ORDER, everything below the source has been moved, and the destination is below it.
                    unsafe { copy_down(source, sliding.cursor, words) };
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
        let mut bit = cage.bit(self.range.start + index * BLOCK_BYTES);
        let end = bit + BLOCK_WORDS;
        self.notes[index] &= !HASHED_HERE;
        while bit < end {
            // Not overwritten yet: the cursor is not beyond this bit.
            let next = next_start(cage, bit + 1, end);
            if !cage.color().get(bit) {
                bit = next;
                continue;
            }
            let mut words = next - bit;
            let object = ObjectRef::from_address(cage.address(bit));
            if object.address() == sliding.next_jump() {
                self.jump(cage, sliding);
            }
            let target = ObjectRef::from_address(sliding.cursor);
            debug_assert!(target <= object, "SLIDE-ORDER");
            // SAFETY: OLD-COVERED, a live object starts here.
            let header = unsafe { object.header() };
            let hashed = header.hash_state() == HashState::FromAddress;
            if target == object {
                if hashed {
                    self.notes[index] |= HASHED_HERE;
                }
            } else {
                let hash = object.address_hash(0);
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
        sliding.cursor = sliding.plan.jumps[sliding.jumps].destination;
        sliding.jumps += 1;
    }

    /// Makes what is behind the cursor in its block a hole.
    fn close_block(&mut self, cage: &Cage, sliding: &mut Move<'_>) {
        // The cursor can stand at the end of the block that it filled.
        let index = (sliding.cursor - 8 - self.range.start) / BLOCK_BYTES;
        let block = self.range.start + index * BLOCK_BYTES;
        let end = block + BLOCK_BYTES;
        self.used_by_block[index] = (sliding.cursor - block) as u32;
        if sliding.cursor == end {
            return;
        }
        let starts = cage.starts();
        let bit = cage.bit(sliding.cursor);
        let mut word = bit / 64;
        if !bit.is_multiple_of(64) {
            starts.set_word(word, sliding.bits);
            word += 1;
        }
        for word in word..cage.bit(block) / 64 + BLOCK_GROUPS {
            starts.set_word(word, 0);
        }
        sliding.bits = 0;
        starts.set(bit);
        if self.poison {
            // SAFETY: MEM-OWNED, all live objects of the block lie below, and nothing is to be moved out of it.
            unsafe { Fill::OldFree.apply(sliding.cursor, end) };
        }
        // SAFETY: FREE-LISTED, the words are dead, in no list, and their start bit is set.
        unsafe { self.lists.add(sliding.cursor, (end - sliding.cursor) / 8) };
    }

    /// Ends the move: blocks beyond the last that received objects are empty, and nothing has a color.
    ///
    /// # Safety
    ///
    /// All blocks of the plan must have been moved, and all references corrected (SLIDE-LIVE ends here).
    pub unsafe fn finish_move(&mut self, cage: &Cage, mut sliding: Move<'_>) {
        let plan = sliding.plan;
        assert!(
            sliding.cursor == plan.end && sliding.jumps == plan.jumps.len(),
            "SLIDE-ORDER: what was moved is not what was planned"
        );
        if plan.end > plan.first {
            self.close_block(cage, &mut sliding);
        }
        self.used_bytes = 0;
        for index in 0..plan.blocks() {
            if self.blocks[index] != BlockState::InUse {
                continue;
            }
            let block = self.range.start + index * BLOCK_BYTES;
            let bit = cage.bit(block);
            cage.color().clear_range(bit, bit + BLOCK_WORDS);
            if self.slides(index) && block >= plan.end {
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
        self.plan.jumps.get(self.jumps).map_or(usize::MAX, |jump| jump.source)
    }

    /// Moves the cursor over `words` words, at most 64, with their start bits.
    #[inline(always)]
    fn append(&mut self, cage: &Cage, starts: u64, words: usize) {
        let bit = cage.bit(self.cursor);
        let shift = bit % 64;
        self.bits |= starts << shift;
        if shift + words >= 64 {
            cage.starts().set_word(bit / 64, self.bits);
            self.bits = if shift == 0 { 0 } else { starts >> (64 - shift) };
        }
        self.cursor += words * 8;
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
