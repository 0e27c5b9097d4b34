//! Pairs that keep a value only for a live key: passes, and the index for when passes do not come to an end.
//!
//! A pass looks at every pair of a table whose key is black by then, and marks the value. Marking may blacken more keys,
//! so passes are repeated; a chain in which each value holds the next key can need as many passes as it has links. For
//! that there is [`PairIndex`], a map from white keys to the values that wait for them: whatever becomes black while
//! [`Marker::resolve_pairs`] drains is looked up, so each pair is looked at twice more and no more. Takes time proportional
//! to the pairs and what is marked, and memory as [`PairIndex`] says. It does not clear what is dead.
//!
//! The two steps are those of V8 since 9.0 (`MarkCompactCollector::ProcessEphemerons`), which has a hash table where this
//! has a map by address; the semantics are Hayes', Ephemerons: a new finalization mechanism (OOPSLA 1997).

use std::ops::Range;

use tenure_memory::{BLOCK_WORDS, Cage, Scratch, prefetch};
use tenure_object::{KindTable, LayoutClass, ObjectRef, PairMode, ReferenceRange};

use crate::color::Colors;
use crate::mark_stack::MarkStack;
use crate::marker::{Marker, NOTHING, View};

/// Tells what is alive once marking is done, or so far.
#[derive(Clone, Copy, Debug)]
pub struct Liveness {
    colors: Colors,
    starts: tenure_memory::SideBitmap,
    heap: ReferenceRange,
    first: u64,
    span: u64,
    nursery_count: u64,
    data_first: u64,
}

impl Liveness {
    /// Returns whether `word` refers to no object of the heap, to one that is marked, or to one that marking leaves out
    /// because it is young.
    #[must_use]
    #[inline]
    pub fn keeps(&self, word: u64) -> bool {
        let bit = self.heap.index(word);
        bit.wrapping_sub(self.first) >= self.span || self.colors.is_marked(bit as usize) || self.is_left_out(bit)
    }

    #[inline]
    fn is_left_out(&self, bit: u64) -> bool {
        self.first > 0 && bit < self.data_first && bit >= self.nursery_count && !self.starts.get(bit as usize)
    }

    /// Returns the bit of the white object that `word` refers to, if it does.
    #[inline]
    fn white(&self, word: u64) -> Option<u64> {
        if self.keeps(word) {
            None
        } else {
            Some(self.heap.index(word))
        }
    }
}

/// Values that wait for their keys to become black: a map from the bits of keys to those of values.
///
/// Each region of the heap in which keys wait has a row of cells, one for every two words: so a key's cell is found
/// without a search, and keys of neighbors have neighboring cells. Regions are blocks, unless the pairs are few for the
/// heap: then they are small. Takes 2 bytes for each word of such regions, which is 6 for each of many small keys, at most
/// 64 for each pair where regions are blocks, and 256 where they are small; twice that in large heaps. Two keys share a
/// cell if both consist of a header only; then, and if several pairs have the same key, the cell leads to a list.
#[derive(Debug)]
pub struct PairIndex {
    /// For each region the number of its row, counted from 1, or 0.
    rows: Scratch,
    /// Two to a word, or one in large heaps.
    cells: Scratch,
    rows_used: u32,
    rows_max: u32,
    /// The words of a region, as a power of two.
    region_bits: u32,
    lists: Vec<Listed>,
    wide: bool,
    /// Whether everything that was entered found room.
    whole: bool,
    entered: usize,
    /// Entries whose keys have been found, and entries that no key need be found for.
    settled: usize,
}

/// An entry of a cell that has several.
#[derive(Clone, Copy, Debug)]
struct Listed {
    key: u64,
    value: u64,
    /// Where the one before is, or [`LAST`].
    before: usize,
}

/// Tells a cell that leads to a list, which its other bits number.
const LISTED: u64 = 1;

/// The key of a cell begins at the second of its words.
const ODD: u64 = 2;

/// Bits of a cell beside the value, which is kept plus one.
const CELL_FLAGS: u32 = 2;

impl PairIndex {
    /// Makes an index for the heap of a cage, of which `used_bytes` hold objects, and for `pairs` pairs at most, if there
    /// is memory. What is not entered takes address space only.
    #[must_use]
    pub fn new(cage: &mut Cage, used_bytes: usize, pairs: usize) -> Option<PairIndex> {
        let heap_words = cage.heap().bytes() / 8;
        let used_words = used_bytes / 8;
        let dense = used_words / 2 <= pairs.saturating_mul(DENSE_CELLS);
        let region_bits = if dense { BLOCK_BITS } else { SPARSE_BITS };
        // What is used may begin and end within a region, in each space.
        let rows_max = pairs.min((used_words >> region_bits) + SPACES_MAX);
        // The highest number of a listed entry needs as many bits as a value.
        let wide = heap_words.max(2 * pairs) >= (1 << (32 - CELL_FLAGS)) - 1;
        let rows = cage.take_scratch((heap_words >> region_bits) / 2 + 1)?;
        let cells = (rows_max << region_bits) / 2;
        let Some(cells) = cage.take_scratch(cells >> u32::from(!wide)) else {
            cage.return_scratch(rows);
            return None;
        };
        Some(PairIndex {
            rows,
            cells,
            rows_used: 0,
            rows_max: u32::try_from(rows_max).unwrap_or(u32::MAX),
            region_bits,
            lists: Vec::new(),
            wide,
            whole: true,
            entered: 0,
            settled: 0,
        })
    }

    /// Gives the index' memory back.
    pub fn give_back(self, cage: &mut Cage) {
        cage.return_scratch(self.rows);
        cage.return_scratch(self.cells);
    }

    /// Returns whether the keys of all pairs that were entered have been found.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.settled == self.entered
    }

    /// Returns whether there was room for all pairs: otherwise some may wait that nothing will find.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Returns which cell is the key's, if its region has a row.
    #[inline(always)]
    fn cell(&self, key: u64) -> Option<usize> {
        let region = key as usize >> self.region_bits;
        let row = half(self.rows.words()[region / 2], region) as usize;
        let in_region = key as usize & ((1 << self.region_bits) - 1);
        (row > 0).then(|| (((row - 1) << self.region_bits) + in_region) / 2)
    }

    /// Gives the key's region a row. Returns which cell is the key's.
    #[cold]
    fn add_row(&mut self, key: u64) -> Option<usize> {
        if self.rows_used == self.rows_max {
            return None;
        }
        self.rows_used += 1;
        let region = key as usize >> self.region_bits;
        let word = &mut self.rows.words_mut()[region / 2];
        *word = with_half(*word, region, self.rows_used);
        self.cell(key)
    }

    /// Asks for the memory that inserting a key will look at.
    #[inline(always)]
    fn prefetch(&self, key: u64) {
        if let Some(cell) = self.cell(key) {
            prefetch(self.cells.words().as_ptr().wrapping_add(cell >> u32::from(!self.wide)) as usize);
        }
    }

    #[inline(always)]
    fn get(&self, cell: usize) -> u64 {
        if self.wide {
            self.cells.words()[cell]
        } else {
            u64::from(half(self.cells.words()[cell / 2], cell))
        }
    }

    #[inline(always)]
    fn set(&mut self, cell: usize, content: u64) {
        if self.wide {
            self.cells.words_mut()[cell] = content;
        } else {
            let word = &mut self.cells.words_mut()[cell / 2];
            *word = with_half(*word, cell, content as u32);
        }
    }

    #[inline(always)]
    fn insert(&mut self, key: u64, value: u64) {
        self.entered += 1;
        let Some(cell) = self.cell(key).or_else(|| self.add_row(key)) else {
            self.whole = false;
            return;
        };
        match self.get(cell) {
            0 => self.set(cell, ((value + 1) << CELL_FLAGS) | ((key & 1) * ODD)),
            content => self.insert_listed(cell, content, key, value),
        }
    }

    #[cold]
    fn insert_listed(&mut self, cell: usize, content: u64, key: u64, value: u64) {
        if self.lists.try_reserve(2).is_err() {
            self.whole = false;
            return;
        }
        let before = if content & LISTED != 0 {
            (content >> CELL_FLAGS) as usize - 1
        } else {
            self.lists.push(Listed {
                key: key & !1 | u64::from(content & ODD != 0),
                value: (content >> CELL_FLAGS) - 1,
                before: LAST,
            });
            self.lists.len() - 1
        };
        self.lists.push(Listed { key, value, before });
        self.set(cell, (self.lists.len() as u64) << CELL_FLAGS | LISTED);
    }

    /// Calls `visit` with the value of each pair that waits for the key.
    #[inline(always)]
    fn each(&self, key: u64, mut visit: impl FnMut(u64)) {
        let Some(cell) = self.cell(key) else { return };
        let content = self.get(cell);
        if content == 0 {
            return;
        }
        if content & LISTED != 0 {
            let mut next = (content >> CELL_FLAGS) as usize - 1;
            while let Some(entry) = self.lists.get(next) {
                if entry.key == key {
                    visit(entry.value);
                }
                next = entry.before;
            }
        } else if (content & ODD != 0) == (key & 1 != 0) {
            visit((content >> CELL_FLAGS) - 1);
        }
    }
}

/// Returns the low half of a word for an even index, and the high half for an odd one.
#[inline(always)]
fn half(word: u64, index: usize) -> u32 {
    (word >> (index % 2 * 32)) as u32
}

#[inline(always)]
fn with_half(word: u64, index: usize, half: u32) -> u64 {
    let shift = index % 2 * 32;
    word & !(u64::from(u32::MAX) << shift) | u64::from(half) << shift
}

/// What a pass over pairs found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Pairs of which an object is dead so far that the pair does not keep.
    pub waiting: usize,
    /// Objects that were marked and had not been.
    pub reached: usize,
}

/// The end of a chain of values.
const LAST: usize = usize::MAX;

/// Pairs that are inserted together, so that the memory for them is on its way meanwhile.
const BATCH: usize = 32;

/// Words of a region, as a power of two: those of a block.
const BLOCK_BITS: u32 = BLOCK_WORDS.trailing_zeros();

/// The same where the pairs are few for the heap.
const SPARSE_BITS: u32 = 7;

/// Regions are blocks if that takes no more cells than so many for each pair.
const DENSE_CELLS: usize = 16;

/// Spaces of a heap, each with a region of its own at either end: more than there are.
const SPACES_MAX: usize = 16;

impl Marker {
    /// Returns what tells live objects from dead ones now.
    #[must_use]
    pub fn liveness(&self, cage: &Cage) -> Liveness {
        let heap = ReferenceRange::new(cage.heap());
        let nursery_count = (cage.nursery().bytes() / 8) as u64;
        let first = if self.skip_nursery { nursery_count } else { 0 };
        Liveness {
            colors: Colors::new(cage.color()),
            starts: cage.starts(),
            heap,
            first,
            span: heap.count() - first,
            nursery_count,
            data_first: cage.bit(cage.data().start) as u64,
        }
    }

    /// Marks what the pairs `pairs` of the live object `table` keep now.
    ///
    /// # Safety
    ///
    /// `table` must be a live object with so many pairs (KIND-LAYOUT).
    pub unsafe fn pass_pairs(
        &mut self,
        cage: &Cage,
        kinds: &KindTable,
        table: ObjectRef,
        pairs: Range<usize>,
    ) -> Passed {
        let view = self.view(cage, kinds);
        let live = self.liveness(cage);
        // SAFETY: OBJ-HEADER is the caller's obligation.
        let header = unsafe { table.header() };
        // SAFETY: KIND-LAYOUT, as above.
        let (first, count, mode) = unsafe { table.pairs(header, kinds) };
        let mut passed = Passed::default();
        let mut stack = std::mem::take(&mut self.stack);
        for pair in pairs.start..pairs.end.min(count) {
            // SAFETY: KIND-LAYOUT, the tail has `count` pairs.
            let (key, value) = unsafe { (*first.add(2 * pair), *first.add(2 * pair + 1)) };
            let kept = match mode {
                PairMode::WeakKey if !live.keeps(key) => {
                    passed.waiting += 1;
                    continue;
                }
                PairMode::WeakKey => value,
                PairMode::Guard => {
                    passed.waiting += usize::from(!live.keeps(key));
                    value
                }
                PairMode::WeakValue => {
                    passed.waiting += usize::from(!live.keeps(value));
                    key
                }
                PairMode::WeakBoth => {
                    passed.waiting += usize::from(!live.keeps(key) || !live.keeps(value));
                    continue;
                }
            };
            if !live.keeps(kept) {
                passed.reached += 1;
                self.reach(&view, cage, &mut stack, live.heap.index(kept));
            }
        }
        self.stack = stack;
        passed
    }

    /// Enters the pairs of the live object `table` that wait for their keys into `index`, and marks what the others keep.
    ///
    /// # Safety
    ///
    /// As for [`Marker::pass_pairs`].
    pub unsafe fn index_pairs(&mut self, cage: &Cage, kinds: &KindTable, table: ObjectRef, index: &mut PairIndex) {
        let mut stack = std::mem::take(&mut self.stack);
        // SAFETY: KIND-LAYOUT is the caller's obligation.
        unsafe { self.enter(cage, kinds, table, index, &mut stack) };
        self.stack = stack;
    }

    /// # Safety
    ///
    /// As for [`Marker::index_pairs`].
    unsafe fn enter(
        &mut self,
        cage: &Cage,
        kinds: &KindTable,
        table: ObjectRef,
        index: &mut PairIndex,
        stack: &mut MarkStack,
    ) {
        let (view, live) = (self.view(cage, kinds), self.liveness(cage));
        // SAFETY: OBJ-HEADER is the caller's obligation.
        let header = unsafe { table.header() };
        // SAFETY: KIND-LAYOUT, as above.
        let (first, count, mode) = unsafe { table.pairs(header, kinds) };
        let mut batch = [(0, 0); BATCH];
        let mut length = 0;
        for pair in 0..count {
            // SAFETY: KIND-LAYOUT, the tail has `count` pairs.
            let (key, value) = unsafe { (*first.add(2 * pair), *first.add(2 * pair + 1)) };
            let kept = match mode {
                PairMode::WeakKey => match (live.white(key), live.white(value)) {
                    (Some(key), Some(value)) => {
                        index.prefetch(key);
                        batch[length] = (key, value);
                        length += 1;
                        if length == BATCH {
                            batch.iter().for_each(|(key, value)| index.insert(*key, *value));
                            length = 0;
                        }
                        continue;
                    }
                    // The value is alive anyway; whether the key will be, nobody asks.
                    (Some(_), None) => {
                        index.entered += 1;
                        continue;
                    }
                    (None, _) => value,
                },
                PairMode::Guard => value,
                PairMode::WeakValue => key,
                PairMode::WeakBoth => break,
            };
            if let Some(bit) = live.white(kept) {
                self.list_any(&view, cage, stack, bit);
            }
        }
        batch[..length]
            .iter()
            .for_each(|(key, value)| index.insert(*key, *value));
        if mode != PairMode::WeakKey {
            // What dies of these is seen when they are cleared.
            index.entered += count;
        }
    }

    /// Drains with a look-up of everything that becomes black: marks all values whose keys become black. Tables that are
    /// reached on the way enter their pairs; those that were alive before must have entered theirs.
    ///
    /// # Safety
    ///
    /// As for [`Marker::drain`].
    pub unsafe fn resolve_pairs(&mut self, cage: &Cage, kinds: &KindTable, index: &mut PairIndex) {
        let (view, live) = (self.view(cage, kinds), self.liveness(cage));
        let recording = self.recorder.is_recording();
        let mut stack = std::mem::take(&mut self.stack);
        self.rescanning = true;
        // The value found last, so that a chain never goes through the stack.
        let mut top = NOTHING;
        loop {
            let visit = |this: &mut Self, stack: &mut MarkStack, slot: *const u64, word: u64| {
                if recording {
                    this.record_slot(cage, slot, word);
                }
                if let Some(bit) = live.white(word) {
                    this.list_any(&view, cage, stack, bit);
                }
            };
            let bit = if top != NOTHING {
                std::mem::replace(&mut top, NOTHING)
            } else if let Some(bit) = stack.pop() {
                bit
            // SAFETY: MARK-LISTED, a cursor stands for a live array; SLOT-TYPED for each slot.
            } else if unsafe { self.scan_chunk(&view, |this, slot, word| visit(this, &mut stack, slot, word)) } {
                continue;
            } else if let Some(bit) = self.next_gray(&view, cage) {
                bit
            } else {
                break;
            };
            self.counts.marked_objects += 1;
            let mut settled = 0;
            index.each(bit, |value| {
                settled += 1;
                if view.colors.blacken_if_white(value as usize) {
                    let below = std::mem::replace(&mut top, value);
                    if below != NOTHING && !stack.push(below) {
                        self.overflow(&view, cage, below);
                    }
                }
            });
            index.settled += settled;
            if bit.wrapping_sub(view.data_first) < view.data_count {
                continue;
            }
            let object = view.object(bit);
            // SAFETY: OBJ-HEADER by MARK-LISTED, a live object.
            if unsafe { object.header() }.class() == LayoutClass::Watched {
                // SAFETY: KIND-LAYOUT, as above.
                unsafe { self.enter(cage, kinds, object, index, &mut stack) };
            }
            // SAFETY: MARK-LISTED, a live object; SLOT-TYPED for each slot.
            unsafe { self.scan(&view, cage, bit, |this, slot, word| visit(this, &mut stack, slot, word)) };
        }
        self.rescanning = false;
        self.stack = stack;
    }

    /// Marks the object at `bit` and lists it, if it was white: one without slots too, since it may be a key.
    #[inline(always)]
    fn list_any(&mut self, view: &View, cage: &Cage, stack: &mut MarkStack, bit: u64) {
        if view.colors.blacken_if_white(bit as usize) && !stack.push(bit) {
            self.overflow(view, cage, bit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;
    use tenure_memory::{CageLayout, SystemPages};

    fn cage() -> Cage {
        let layout = CageLayout {
            nursery_half_bytes: 1 << 20,
            large_bytes: 1 << 22,
            data_bytes: 1 << 22,
            pointer_bytes: 1 << 22,
        };
        Cage::reserve(Box::new(SystemPages), &layout).expect("address space")
    }

    proptest! {
        #[test]
        fn an_index_finds_each_pair_of_a_key(
            pairs in proptest::collection::vec((0u64..90_000, 0u64..1 << 29), 0..600),
            same in proptest::collection::vec((70u64..73, 0u64..1 << 29), 0..50),
            wide in any::<bool>(),
            dense in any::<bool>(),
        ) {
            let pairs: Vec<(u64, u64)> = pairs.into_iter().chain(same).collect();
            let mut cage = cage();
            let used_bytes = if dense { 0 } else { cage.heap().bytes() };
            let mut index = PairIndex::new(&mut cage, used_bytes, pairs.len()).expect("memory");
            if wide {
                let cells = (index.rows_max as usize) << index.region_bits;
                let cells = cage.take_scratch(cells).expect("memory");
                cage.return_scratch(std::mem::replace(&mut index.cells, cells));
                index.wide = true;
            }
            let mut model: HashMap<u64, Vec<u64>> = HashMap::new();
            // Each once: what was found is taken out of the model.
            let keys: std::collections::BTreeSet<u64> = pairs.iter().map(|pair| pair.0).filter(|key| key % 7 != 0).collect();
            for (bit, value) in pairs.iter().copied() {
                index.insert(bit, value);
                model.entry(bit).or_default().push(value);
            }
            for bit in (0..90_000).step_by(7).chain(keys) {
                let mut found = Vec::new();
                index.each(bit, |value| found.push(value));
                let mut expected = model.remove(&bit).unwrap_or_default();
                found.sort_unstable();
                expected.sort_unstable();
                prop_assert_eq!(found, expected);
            }
            let bits = if dense { BLOCK_BITS } else { SPARSE_BITS };
            prop_assert_eq!(index.region_bits, bits);
            prop_assert!(index.is_whole() && index.rows_used as usize <= pairs.len());
            index.give_back(&mut cage);
        }
    }

    #[test]
    fn an_index_without_rows_left_says_so_and_keeps_what_it_has() {
        let mut cage = cage();
        // As if nothing were in use: a row for each end of a space, and no more.
        let mut index = PairIndex::new(&mut cage, 0, 1000).expect("memory");
        let key = |region: usize| (region * BLOCK_WORDS + 10) as u64;
        for region in 0..SPACES_MAX {
            index.insert(key(region), 100 + region as u64);
        }
        assert!(index.is_whole());
        index.insert(key(SPACES_MAX), 7);
        assert!(!index.is_whole() && !index.is_settled());
        // Rows that are there go on taking keys, but the index stays what it is.
        index.insert(key(3) + 2, 8);
        index.insert(key(3), 9);
        assert!(!index.is_whole());
        let found = |key: u64| {
            let mut found = Vec::new();
            index.each(key, |value| found.push(value));
            found.sort_unstable();
            found
        };
        assert_eq!(found(key(SPACES_MAX)), []);
        assert_eq!((found(key(3)), found(key(3) + 2)), (vec![9, 103], vec![8]));
        assert_eq!(found(key(SPACES_MAX - 1)), [100 + SPACES_MAX as u64 - 1]);
        index.give_back(&mut cage);
    }
}
