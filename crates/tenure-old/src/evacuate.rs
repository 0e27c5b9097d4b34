//! Evacuating the live objects of one sparse block into others.
//!
//! Candidates are chosen before marking: from then on nothing is allocated in them, and the sweep leaves them aside.
//! After marking, [`BlockSpace::evacuate`] copies the live objects of a block elsewhere and leaves each one's new address
//! in place of its header. When every reference has been corrected, [`BlockSpace::settle`] turns the old copies into
//! holes, and after [`BlockSpace::end_evacuation`] the block is swept like any other, which frees it. Copying costs time
//! proportional to the live bytes. An evacuation that finds no room stops where it is: what was not copied stays. It does
//! not know who refers to the objects.

use tenure_memory::{BLOCK_BYTES, BLOCK_WORDS, Cage};
use tenure_object::{HashState, Header, KindTable, ObjectRef};

use crate::block_space::{BlockSpace, BlockState, CANDIDATE, PINNED_HERE, Pages};

/// An object that was copied, with the words of the old copy. Its header is the address of the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MovedObject {
    /// The old copy.
    pub from: ObjectRef,
    /// Its words.
    pub words: usize,
}

impl MovedObject {
    /// Returns the new copy.
    ///
    /// # Safety
    ///
    /// The object must not have been settled yet (EVAC-FORWARDED).
    #[must_use]
    pub unsafe fn to(&self) -> ObjectRef {
        // SAFETY: EVAC-FORWARDED is the caller's obligation: the header is an address.
        let header = unsafe { self.from.header() };
        debug_assert!(!header.is_live(), "EVAC-FORWARDED");
        ObjectRef::from_address(header.bits() as usize)
    }
}

impl BlockSpace {
    /// Returns the blocks that could be evacuated, by index and bytes used: swept ones in use without pinned objects.
    /// The hole being filled is closed for that.
    pub fn evacuable(&mut self, cage: &Cage) -> Vec<(u32, u32)> {
        debug_assert!(self.unswept.is_empty(), "OLD-SWEPT");
        self.close_hole(cage);
        let blocks = self.blocks.iter().zip(&self.notes).zip(&self.used_by_block);
        blocks
            .enumerate()
            .filter(|(_, ((state, notes), _))| **state == BlockState::InUse && **notes & PINNED_HERE == 0)
            .map(|(index, (_, used))| (index as u32, *used))
            .collect()
    }

    /// Returns the address of block `index`.
    #[must_use]
    pub fn block_address(&self, index: u32) -> usize {
        self.range.start + index as usize * BLOCK_BYTES
    }

    /// Makes block `index` a candidate: its holes are not used any more.
    pub fn set_candidate(&mut self, index: u32) {
        self.notes[index as usize] |= CANDIDATE;
    }

    /// Makes a candidate a block like any other, before or after it was evacuated. If marking has ended since, it is to
    /// be swept.
    pub fn end_evacuation(&mut self, index: u32) {
        let index = index as usize;
        self.notes[index] &= !CANDIDATE;
        if self.blocks[index] == BlockState::Evacuating {
            self.blocks[index] = BlockState::Unswept;
            self.unswept.push(index as u32);
        }
    }

    /// Copies the live objects of block `index` into other blocks, and enters them into `moved`. Stops when there is no
    /// room, or before the `abort_at`-th object, counted down. Returns whether all were copied.
    ///
    /// # Safety
    ///
    /// The block must be a candidate since before marking, its marking complete (MARK-STRONG), and `kinds` those of its
    /// objects. Before anybody looks at an object again, every reference to those in `moved` must be corrected, and
    /// [`BlockSpace::settle`] be called for each (EVAC-FORWARDED).
    pub unsafe fn evacuate(
        &mut self,
        index: u32,
        kinds: &KindTable,
        moved: &mut Vec<MovedObject>,
        abort_at: &mut u64,
        pages: &mut Pages<'_>,
    ) -> bool {
        debug_assert!(
            self.blocks[index as usize] == BlockState::Evacuating,
            "EVAC-FORWARDED: not a candidate that was marked"
        );
        let first = pages.cage.bit(self.block_address(index));
        let (starts, color) = (pages.cage.starts(), pages.cage.color());
        for word in first / 64..(first + BLOCK_WORDS) / 64 {
            let mut live = starts.word(word) & color.word(word);
            while live != 0 {
                let bit = word * 64 + live.trailing_zeros() as usize;
                live &= live - 1;
                let from = ObjectRef::from_address(pages.cage.address(bit));
                *abort_at = abort_at.wrapping_sub(1);
                if *abort_at == 0 || moved.try_reserve(1).is_err() {
                    return false;
                }
                // SAFETY: OBJ-HEADER, a live object starts here.
                let header = unsafe { from.header() };
                // SAFETY: KIND-LAYOUT, the header is the object's.
                let words = unsafe { ObjectRef::words(header, kinds) };
                let room = words + usize::from(header.hash_state() == HashState::FromAddress);
                let Some(to) = self.allocate(room, pages) else {
                    return false;
                };
                // SAFETY: MEM-OWNED, `room` words were just handed out, outside of this block.
                unsafe { from.copy_to(to, header, words, 0) };
                // SAFETY: EVAC-FORWARDED, it had a header until now.
                unsafe { from.forward_to(to) };
                moved.push(MovedObject { from, words });
            }
        }
        true
    }

    /// Turns the old copy of an object into a hole. Its block is swept later.
    ///
    /// # Safety
    ///
    /// Nothing may refer to the old copy any more (EVAC-FORWARDED).
    pub unsafe fn settle(&mut self, cage: &Cage, moved: MovedObject) {
        let bit = cage.bit(moved.from.address());
        cage.color().clear_range(bit, bit + 2);
        // SAFETY: EVAC-FORWARDED, the words are dead, and no list has them until the block is swept.
        unsafe { moved.from.set_header(Header::free(moved.words)) };
        let index = (moved.from.address() - self.range.start) / BLOCK_BYTES;
        self.used_by_block[index] -= (moved.words * 8) as u32;
        self.used_bytes -= moved.words * 8;
    }
}
