//! Blocks of 256 KiB for one sort of object: with slots, or without.
//!
//! Allocation bumps a cursor through one hole at a time and sets the start bit of each object. A space grows by a block
//! when no hole fits and the budget allows it; blocks without live objects are taken again first, or go back to the
//! system when asked. Objects larger than half a block belong elsewhere.

use std::collections::VecDeque;

use tenure_memory::{BLOCK_BYTES, BLOCK_WORDS, CHUNK_BYTES, Cage, Fill, PageError, Range};
use tenure_object::{Header, ObjectRef};

use crate::budget::Budget;
use crate::free_list::FreeLists;
use crate::sweep::{is_dead, sweep_block};

/// What a space needs to grow or shrink: the cage, the budget, and what to do with dead memory.
#[derive(Debug)]
pub struct Pages<'a> {
    /// Where the memory lies.
    pub cage: &'a mut Cage,
    /// What may be taken.
    pub budget: &'a mut Budget,
    /// The last refusal of the system, if there was one.
    pub refused: &'a mut Option<PageError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockState {
    /// No pages behind it.
    Released,
    /// Pages behind it, nothing in it.
    Empty,
    /// Objects and holes in it.
    InUse,
    /// Objects, dead ones among them, and holes that no list has. Its colors tell them apart.
    Unswept,
    /// Like an unswept one, but its live objects are to be evacuated first.
    Evacuating,
}

/// A space of blocks.
///
/// Invariant (OLD-COVERED): the words of a block in use are covered without gaps by objects, holes and the part
/// `[cursor, limit)` of the one hole being filled, each with its start bit set, and by nothing else.
/// Invariant (EVAC-FORWARDED): an old copy has the new one's address as its header from the copying until all references
/// have been corrected, within one pause; then it is a hole.
/// Invariant (OLD-SWEPT): nothing is allocated in an unswept block, and none is unswept when marking starts.
#[derive(Debug)]
pub struct BlockSpace {
    pub(crate) range: Range,
    pub(crate) blocks: Vec<BlockState>,
    pub(crate) empty: VecDeque<u32>,
    released: Vec<u32>,
    pub(crate) lists: FreeLists,
    cursor: usize,
    limit: usize,
    pub(crate) used_bytes: usize,
    in_use: usize,
    /// Bytes in objects, by block; what was allocated in the hole being filled is not in it yet.
    pub(crate) used_by_block: Vec<u32>,
    /// What moving objects must know of a block, by block: `PINNED_HERE`, `HASHED_HERE`, `CANDIDATE`.
    pub(crate) notes: Vec<u8>,
    /// The block whose pages were populated last, and how many bytes of it are.
    pub(crate) populating: Option<(u32, usize)>,
    /// Blocks still to be swept, the next one last.
    pub(crate) unswept: Vec<u32>,
    hole_start: usize,
    /// Blocks that allocations may sweep before they take new ones instead, until this is set again.
    sweep_allowance: usize,
    /// Bytes in holes of candidates that were taken out of the lists.
    pub(crate) dropped_bytes: usize,
    pub(crate) poison: bool,
    holds_slots: bool,
}

/// A pinned object was allocated in the block since the block was last empty.
pub(crate) const PINNED_HERE: u8 = 1;

/// The identity hash of an object in the block was taken from its address since the block was last empty.
pub(crate) const HASHED_HERE: u8 = 2;

/// The block is to be evacuated: nothing is allocated in it.
pub(crate) const CANDIDATE: u8 = 4;

/// Blocks that an allocation sweeps before it takes a new one instead.
const SWEPT_PER_ALLOCATION: usize = 8;

impl BlockSpace {
    /// Makes a space without blocks.
    #[must_use]
    pub fn new(range: Range, holds_slots: bool) -> BlockSpace {
        BlockSpace {
            range,
            blocks: Vec::new(),
            empty: VecDeque::new(),
            released: Vec::new(),
            lists: FreeLists::default(),
            cursor: 0,
            limit: 0,
            used_bytes: 0,
            in_use: 0,
            used_by_block: Vec::new(),
            notes: Vec::new(),
            populating: None,
            unswept: Vec::new(),
            hole_start: 0,
            sweep_allowance: usize::MAX,
            dropped_bytes: 0,
            poison: false,
            holds_slots,
        }
    }

    /// Returns the bytes in objects.
    #[must_use]
    pub fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    /// Returns the bytes of blocks that have pages.
    #[must_use]
    pub fn committed_bytes(&self) -> usize {
        (self.in_use + self.empty.len()) * BLOCK_BYTES
    }

    /// Returns the bytes in free lists.
    #[must_use]
    pub fn listed_bytes(&self) -> usize {
        self.lists.free_bytes()
    }

    /// Returns how many blocks hold objects.
    #[must_use]
    pub fn blocks_in_use(&self) -> usize {
        self.in_use
    }

    /// Returns whether objects here can hold references.
    #[must_use]
    pub fn holds_slots(&self) -> bool {
        self.holds_slots
    }

    /// Returns the part of the hole being filled that is still free.
    #[must_use]
    pub fn open_hole(&self) -> Range {
        Range {
            start: self.cursor,
            end: self.limit,
        }
    }

    /// Calls `visit` with each listed hole.
    pub fn for_each_hole(&self, visit: impl FnMut(usize, usize)) {
        self.lists.for_each(visit);
    }

    /// Returns the addresses of the blocks that hold objects.
    pub fn blocks(&self) -> impl Iterator<Item = usize> + '_ {
        let start = self.range.start;
        self.blocks
            .iter()
            .enumerate()
            .filter(|(_, state)| matches!(state, BlockState::InUse | BlockState::Unswept | BlockState::Evacuating))
            .map(move |(i, _)| start + i * BLOCK_BYTES)
    }

    /// Returns whether an object of `words` words surely fits without another block.
    #[must_use]
    pub fn can_allocate(&self, words: usize) -> bool {
        words * 8 <= self.limit - self.cursor || !self.empty.is_empty() || self.lists.has(words)
    }

    /// Returns room for an object of `words` words, its start bit set, or nothing when neither holes nor the budget
    /// nor the system have any.
    #[inline]
    pub fn allocate(&mut self, words: usize, pages: &mut Pages<'_>) -> Option<ObjectRef> {
        let bytes = words * 8;
        let address = self.cursor;
        if bytes <= self.limit - address {
            self.cursor = address + bytes;
            self.used_bytes += bytes;
            pages.cage.starts().set(pages.cage.bit(address));
            return Some(ObjectRef::from_address(address));
        }
        self.allocate_slow(words, pages)
    }

    #[cold]
    #[inline(never)]
    fn allocate_slow(&mut self, words: usize, pages: &mut Pages<'_>) -> Option<ObjectRef> {
        assert!(
            words <= BLOCK_WORDS / 2,
            "OLD-COVERED: larger objects have a space of their own"
        );
        let mut hole = self.take_hole(words);
        for _ in 0..SWEPT_PER_ALLOCATION.min(self.sweep_allowance) {
            if hole.is_some() || !self.empty.is_empty() || !self.sweep_next(pages.cage) {
                break;
            }
            self.sweep_allowance -= 1;
            hole = self.take_hole(words);
        }
        let (start, end) = match hole {
            Some((address, found)) => (address, address + found * 8),
            None => {
                let block = self.grow_or_sweep(words, pages)?;
                (block.start, block.end)
            }
        };
        self.close_hole(pages.cage);
        (self.cursor, self.limit, self.hole_start) = (start, end, start);
        self.allocate(words, pages)
    }

    /// Sets how many blocks allocations may sweep from now on to find a hole, before they take a new block instead. When
    /// there are no new blocks, they sweep on.
    pub fn set_sweep_allowance(&mut self, blocks: usize) {
        self.sweep_allowance = blocks;
    }

    /// Takes a hole that does not lie in a candidate. Those that do are dropped: they are listed again when the block is
    /// swept.
    fn take_hole(&mut self, words: usize) -> Option<(usize, usize)> {
        loop {
            let (address, found) = self.lists.take(words)?;
            if self.notes[(address - self.range.start) / BLOCK_BYTES] & CANDIDATE == 0 {
                return Some((address, found));
            }
            self.dropped_bytes += found * 8;
        }
    }

    /// Lists what is left of the hole being filled.
    pub fn close_hole(&mut self, cage: &Cage) {
        if self.cursor < self.limit {
            cage.starts().set(cage.bit(self.cursor));
            // SAFETY: FREE-LISTED, the rest of the hole is dead and in no list.
            unsafe { self.lists.add(self.cursor, (self.limit - self.cursor) / 8) };
        }
        if self.limit > 0 {
            let index = (self.limit - 1 - self.range.start) / BLOCK_BYTES;
            self.used_by_block[index] += (self.cursor - self.hole_start) as u32;
        }
        (self.cursor, self.limit, self.hole_start) = (0, 0, 0);
    }

    /// Takes a block into use, or sweeps on until a hole fits when none is to be had.
    fn grow_or_sweep(&mut self, words: usize, pages: &mut Pages<'_>) -> Option<Range> {
        if let Some(block) = self.grow(pages) {
            return Some(Range {
                start: block,
                end: block + BLOCK_BYTES,
            });
        }
        while self.sweep_next(pages.cage) {
            if let Some((address, found)) = self.take_hole(words) {
                return Some(Range {
                    start: address,
                    end: address + found * 8,
                });
            }
            if !self.empty.is_empty() {
                let block = self.grow(pages)?;
                return Some(Range {
                    start: block,
                    end: block + BLOCK_BYTES,
                });
            }
        }
        None
    }

    /// Takes a block into use. Its pages are there afterwards.
    fn grow(&mut self, pages: &mut Pages<'_>) -> Option<usize> {
        let index = match self.empty.pop_front() {
            Some(index) => index,
            None => self.commit_block(pages)?,
        };
        self.blocks[index as usize] = BlockState::InUse;
        self.in_use += 1;
        Some(self.address(index))
    }

    /// Takes a block out of the budget, with pages behind it and in no list.
    pub(crate) fn commit_block(&mut self, pages: &mut Pages<'_>) -> Option<u32> {
        if !pages.budget.take(BLOCK_BYTES) {
            return None;
        }
        let committed = match self.released.pop() {
            Some(index) => {
                let start = self.address(index);
                match pages.cage.commit(start, start + BLOCK_BYTES) {
                    Ok(()) => Ok(index),
                    Err(e) => {
                        self.released.push(index);
                        Err(e)
                    }
                }
            }
            None => self.append_chunk(pages.cage),
        };
        match committed {
            Ok(index) => Some(index),
            Err(e) => {
                pages.budget.give_back(BLOCK_BYTES);
                *pages.refused = Some(e);
                None
            }
        }
    }

    pub(crate) fn address(&self, index: u32) -> usize {
        self.range.start + index as usize * BLOCK_BYTES
    }

    /// Commits the next chunk at once, so that the system can use a huge page, and returns its first block. The other
    /// blocks count when they are used.
    fn append_chunk(&mut self, cage: &mut Cage) -> Result<u32, PageError> {
        let first = self.blocks.len();
        let start = self.range.start + first * BLOCK_BYTES;
        if start + CHUNK_BYTES > self.range.end {
            return Err(PageError::new(
                BLOCK_BYTES,
                "the address space reserved for the heap is used up",
            ));
        }
        cage.commit(start, start + CHUNK_BYTES)?;
        let count = CHUNK_BYTES / BLOCK_BYTES;
        self.blocks.resize(first + count, BlockState::Released);
        self.used_by_block.resize(first + count, 0);
        self.notes.resize(first + count, 0);
        self.released.extend((first + 1..first + count).rev().map(|i| i as u32));
        Ok(first as u32)
    }

    /// Makes all blocks unswept: what is not marked is dead from here on.
    ///
    /// # Safety
    ///
    /// Marking must be complete: each live object black, nothing gray (MARK-STRONG).
    pub unsafe fn begin_sweep(&mut self, cage: &Cage, poison: bool) {
        debug_assert!(self.unswept.is_empty(), "OLD-SWEPT");
        self.poison = poison;
        self.close_hole(cage);
        self.lists.clear();
        self.dropped_bytes = 0;
        for (index, state) in self.blocks.iter_mut().enumerate().rev() {
            if *state == BlockState::InUse && self.notes[index] & CANDIDATE != 0 {
                *state = BlockState::Evacuating;
            } else if *state == BlockState::InUse {
                *state = BlockState::Unswept;
                self.unswept.push(index as u32);
            }
        }
    }

    /// Sweeps one block: dead objects become holes, a block without live objects becomes empty. Returns whether there
    /// was one.
    pub fn sweep_next(&mut self, cage: &Cage) -> bool {
        let Some(index) = self.unswept.pop() else { return false };
        let index = index as usize;
        let block = self.range.start + index * BLOCK_BYTES;
        self.blocks[index] = BlockState::InUse;
        let used = self.used_by_block[index] as usize;
        let left = if is_dead(cage, block) {
            self.empty_block(index, cage);
            0
        } else {
            // SAFETY: FREE-LISTED and OLD-SWEPT, no list has its holes and `begin_sweep` was called after marking.
            let counts = unsafe { sweep_block(cage, block, &mut self.lists, self.poison) };
            BLOCK_BYTES - counts.free_bytes
        };
        self.used_bytes -= used - left;
        self.used_by_block[index] = left as u32;
        true
    }

    /// Returns whether block `index` holds objects.
    #[must_use]
    pub fn is_in_use(&self, index: usize) -> bool {
        matches!(self.blocks[index], BlockState::InUse | BlockState::Unswept)
    }

    /// Returns how many blocks are still to be swept.
    #[must_use]
    pub fn unswept_blocks(&self) -> usize {
        self.unswept.len()
    }

    /// Returns whether the block at `block` is still to be swept, perhaps after it was evacuated.
    #[must_use]
    pub fn is_unswept(&self, block: usize) -> bool {
        matches!(
            self.blocks[(block - self.range.start) / BLOCK_BYTES],
            BlockState::Unswept | BlockState::Evacuating
        )
    }

    /// Notes that the object at `address` must not be moved.
    pub fn note_pinned(&mut self, address: usize) {
        self.notes[(address - self.range.start) / BLOCK_BYTES] |= PINNED_HERE;
    }

    /// Notes that the object at `address` has an identity hash that depends on its address: moving it appends the hash.
    pub fn note_hashed(&mut self, address: usize) {
        self.notes[(address - self.range.start) / BLOCK_BYTES] |= HASHED_HERE;
    }

    pub(crate) fn empty_block(&mut self, index: usize, cage: &Cage) {
        self.notes[index] = 0;
        let bit = cage.bit(self.range.start + index * BLOCK_BYTES);
        cage.starts().clear_range(bit, bit + BLOCK_WORDS);
        self.in_use -= 1;
        self.blocks[index] = BlockState::Empty;
        self.empty.push_back(index as u32);
    }

    /// Returns how many blocks have pages and nothing in them.
    #[must_use]
    pub fn empty_blocks(&self) -> usize {
        self.empty.len()
    }

    /// Gives empty blocks back to the system until `kept` are left. Returns how many it gave back.
    pub fn release_empty(&mut self, kept: usize, pages: &mut Pages<'_>) -> usize {
        let count = self.empty.len().saturating_sub(kept);
        self.sort_empty();
        for _ in 0..count {
            self.release_highest(pages);
        }
        count
    }

    /// Orders the empty blocks, so that the lowest are used first and the highest are given back first.
    pub fn sort_empty(&mut self) {
        self.empty.make_contiguous().sort_unstable();
    }

    /// Gives one empty block back to the system, the last of their order. Returns whether there was one.
    pub fn release_highest(&mut self, pages: &mut Pages<'_>) -> bool {
        let Some(index) = self.empty.pop_back() else {
            return false;
        };
        let block = self.range.start + index as usize * BLOCK_BYTES;
        pages.cage.decommit(block, block + BLOCK_BYTES);
        pages.budget.give_back(BLOCK_BYTES);
        self.blocks[index as usize] = BlockState::Released;
        self.released.push(index);
        true
    }

    /// Returns the object or hole that covers `address`, found by the start bits.
    #[must_use]
    pub fn find_start(&self, cage: &Cage, address: usize) -> Option<ObjectRef> {
        let index = (address - self.range.start) / BLOCK_BYTES;
        if !matches!(
            self.blocks.get(index),
            Some(BlockState::InUse | BlockState::Unswept | BlockState::Evacuating)
        ) {
            return None;
        }
        let block = self.range.start + index * BLOCK_BYTES;
        cage.starts()
            .last_set(cage.bit(block), cage.bit(address) + 1)
            .map(|bit| ObjectRef::from_address(cage.address(bit)))
    }

    /// Fills every listed hole with poison, headers and links kept.
    pub fn poison_holes(&self) {
        self.lists.for_each(|address, words| {
            if words > 2 {
                // SAFETY: FREE-LISTED, beyond its first two words a hole is dead.
                unsafe { Fill::OldFree.apply(address + 16, address + words * 8) };
            }
        });
    }

    /// Checks that objects and holes cover each block in use without gaps, and that the byte counts agree. Returns the
    /// bytes in objects, or what is wrong. `words_of` gives the size of the object with a header.
    ///
    /// # Errors
    ///
    /// With the invariant's name and the address.
    pub fn check_integrity(&self, cage: &Cage, words_of: impl Fn(Header) -> usize) -> Result<usize, String> {
        let mut used_bytes = 0;
        let mut hole_bytes = 0;
        for block in self.blocks() {
            let end = block + BLOCK_BYTES;
            let mut next = block;
            let open = self.open_hole();
            for bit in cage.starts().set_bits(cage.bit(block), cage.bit(end)) {
                let address = cage.address(bit);
                if open.start < open.end && next == open.start && address >= open.end {
                    next = open.end;
                }
                if open.start < open.end && address >= open.start && address < open.end {
                    if address == open.start {
                        continue;
                    }
                    return Err(format!(
                        "OLD-COVERED: a start at {address:#x} inside the hole being filled"
                    ));
                }
                if address != next {
                    return Err(format!(
                        "OLD-COVERED: a gap or overlap before {address:#x}, expected {next:#x}"
                    ));
                }
                // SAFETY: OLD-COVERED, a start bit stands at a header.
                let header = unsafe { ObjectRef::from_address(address).header() };
                if !header.is_live() {
                    return Err(format!("OBJ-HEADER: no header at {address:#x}: {:#x}", header.bits()));
                }
                let words = words_of(header);
                if header.kind() == 0 {
                    hole_bytes += if words >= 2 && !self.is_unswept(block) {
                        words * 8
                    } else {
                        0
                    };
                } else {
                    used_bytes += words * 8;
                }
                next = address + words * 8;
            }
            if open.start < open.end && next == open.start {
                next = open.end;
            }
            if next != end {
                return Err(format!("OLD-COVERED: block {block:#x} is covered up to {next:#x} only"));
            }
        }
        if hole_bytes != self.lists.free_bytes() + self.dropped_bytes {
            return Err(format!(
                "FREE-LISTED: holes of {hole_bytes} bytes in blocks, {} bytes in lists",
                self.lists.free_bytes()
            ));
        }
        if used_bytes != self.used_bytes {
            return Err(format!(
                "byte accounting: {used_bytes} bytes in objects, {} bytes counted",
                self.used_bytes
            ));
        }
        Ok(used_bytes)
    }
}
