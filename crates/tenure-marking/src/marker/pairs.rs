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
use crate::marker::{Marker, View};

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

    /// Asks for the memory that tells the color of what `word` refers to.
    #[inline(always)]
    fn prefetch(&self, word: u64) {
        let bit = self.heap.index(word);
        if bit < self.heap.count() {
            prefetch(self.colors.word_address(bit as usize) as usize);
        }
    }

    /// Returns the bit of the object that `word` refers to, if it is one to mark.
    #[inline(always)]
    fn markable(&self, word: u64) -> Option<u64> {
        let bit = self.heap.index(word);
        (bit.wrapping_sub(self.first) < self.span && !self.is_left_out(bit)).then_some(bit)
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

/// Values that wait for their keys to become black: a map from keys to values.
///
/// Each region of the heap in which keys or values lie has a row of cells, one for every two words: so a key's cell is found
/// without a search, and keys of neighbors have neighboring cells. What a cell has of a value is its place among the
/// words that have a row, which fewer bits can tell than where it lies, and which leads to the cell that the value has as a key.
/// Regions are blocks, unless the pairs are few for the heap: then they are small. Takes 2 bytes for each word of regions with
/// keys, which is 6 for each of many small keys, at most 64 for each pair where regions are blocks, and 512 where they are
/// small; never more than a quarter of the heap; twice that where more than 8 GiB are in use. Two keys share a cell if both
/// consist of a header only; then, and if several pairs have the same key, the cell leads to a list.
#[derive(Debug)]
pub struct PairIndex {
    /// For each region what to add to a bit for its place, which wraps around; 0 if the region has no row.
    rows: Scratch,
    /// For each row what to subtract from a place for the bit.
    regions: Vec<u64>,
    /// Two to a word, or one in large heaps.
    cells: Scratch,
    rows_max: usize,
    /// The words of a region, as a power of two.
    region_bits: u32,
    lists: Vec<Listed>,
    wide: bool,
    /// Whether everything that was entered found room.
    whole: bool,
    entered: usize,
    /// Entries whose keys have been found.
    settled: usize,
}

/// An entry of a cell that has several, by places.
#[derive(Clone, Copy, Debug)]
struct Listed {
    key: usize,
    value: usize,
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
        let rows_max = pairs.saturating_mul(2).min((used_words >> region_bits) + SPACES_MAX) + 1;
        let places = rows_max << region_bits;
        // The highest number of a listed entry needs as many bits as a value.
        let wide = places.max(2 * pairs) >= (1 << (32 - CELL_FLAGS)) - 1;
        let rows = cage.take_scratch((heap_words >> region_bits) + 1, false)?;
        let Some(cells) = cage.take_scratch((places / 2) >> u32::from(!wide), true) else {
            cage.return_scratch(rows);
            return None;
        };
        Some(PairIndex {
            rows,
            regions: Vec::new(),
            cells,
            rows_max,
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

    /// Returns the place of the word at `bit`, if its region has a row.
    #[inline(always)]
    fn place(&self, bit: u64) -> Option<usize> {
        let offset = self.rows.words()[bit as usize >> self.region_bits];
        (offset != 0).then(|| bit.wrapping_add(offset) as usize)
    }

    /// Returns the place of the word at `bit`, after its region was given a row, if there is one left.
    #[inline(always)]
    fn make_place(&mut self, bit: u64) -> Option<usize> {
        self.place(bit).or_else(|| self.add_row(bit))
    }

    #[cold]
    fn add_row(&mut self, bit: u64) -> Option<usize> {
        let region = bit >> self.region_bits;
        if self.regions.len() as u64 == region {
            // The offset would be 0: this row is left out.
            self.push_row(0)?;
        }
        let offset = (self.regions.len() as u64).wrapping_sub(region) << self.region_bits;
        self.push_row(offset)?;
        self.rows.words_mut()[region as usize] = offset;
        self.place(bit)
    }

    fn push_row(&mut self, offset: u64) -> Option<()> {
        if self.regions.len() == self.rows_max || self.regions.try_reserve(1).is_err() {
            self.whole = false;
            return None;
        }
        self.regions.push(offset);
        Some(())
    }

    /// Returns the bit of the word at a place.
    #[inline(always)]
    fn bit(&self, place: usize) -> u64 {
        (place as u64).wrapping_sub(self.regions[place >> self.region_bits])
    }

    /// Asks for the memory of a key's cell.
    #[inline(always)]
    fn prefetch(&self, key: usize) {
        prefetch(self.cells.words().as_ptr() as usize + ((key / 2) << (2 + u32::from(self.wide))));
    }

    #[inline(always)]
    fn get(&self, cell: usize) -> u64 {
        if self.wide {
            self.cells.words()[cell]
        } else {
            u64::from(self.cells.halves()[cell])
        }
    }

    #[inline(always)]
    fn set(&mut self, cell: usize, content: u64) {
        if self.wide {
            self.cells.words_mut()[cell] = content;
        } else {
            self.cells.halves_mut()[cell] = content as u32;
        }
    }

    /// Makes the value at a place wait for the key at another.
    #[inline(always)]
    fn insert(&mut self, key: usize, value: usize) {
        match self.get(key / 2) {
            0 => self.set(key / 2, ((value as u64 + 1) << CELL_FLAGS) | ((key as u64 & 1) * ODD)),
            content => self.insert_listed(content, key, value),
        }
    }

    #[cold]
    fn insert_listed(&mut self, content: u64, key: usize, value: usize) {
        if self.lists.try_reserve(2).is_err() {
            self.whole = false;
            return;
        }
        let before = if content & LISTED != 0 {
            (content >> CELL_FLAGS) as usize - 1
        } else {
            self.lists.push(Listed {
                key: key & !1 | usize::from(content & ODD != 0),
                value: (content >> CELL_FLAGS) as usize - 1,
                before: LAST,
            });
            self.lists.len() - 1
        };
        self.lists.push(Listed { key, value, before });
        self.set(key / 2, (self.lists.len() as u64) << CELL_FLAGS | LISTED);
    }

    /// Calls `visit` with the place of each value that waits for the key.
    #[inline(always)]
    fn each(&self, key: usize, mut visit: impl FnMut(usize)) {
        let content = self.get(key / 2);
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
            visit((content >> CELL_FLAGS) as usize - 1);
        }
    }
}

/// A black object that may be a key, with its place in the index, if its region has a row.
#[derive(Clone, Copy)]
struct Found {
    bit: u64,
    place: Option<usize>,
}

impl Found {
    #[inline(always)]
    fn new(bit: u64, index: &PairIndex) -> Found {
        let place = index.place(bit);
        Found { bit, place }
    }
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

/// Pairs that are entered together, so that the memory for them is on its way meanwhile.
const BATCH: usize = 64;

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
        index.entered += count;
        let keeps_first = match mode {
            PairMode::WeakKey => None,
            PairMode::Guard => Some(1),
            PairMode::WeakValue => Some(0),
            PairMode::WeakBoth => return,
        };
        if let Some(word) = keeps_first {
            for pair in 0..count {
                // SAFETY: KIND-LAYOUT, the tail has `count` pairs.
                if let Some(bit) = live.white(unsafe { *first.add(2 * pair + word) }) {
                    self.list_any(&view, cage, stack, bit);
                }
            }
            // What dies of these is seen when they are cleared.
            return;
        }
        for start in (0..count).step_by(BATCH) {
            let pairs = start..count.min(start + BATCH);
            for pair in pairs.clone() {
                prefetch(first.wrapping_add(2 * (pair + BATCH)) as usize);
                // SAFETY: KIND-LAYOUT, the tail has `count` pairs.
                live.prefetch(unsafe { *first.add(2 * pair) });
            }
            let mut batch = [(0, 0); BATCH];
            let mut length = 0;
            for pair in pairs {
                // SAFETY: KIND-LAYOUT, as above.
                let (key, value) = unsafe { (*first.add(2 * pair), *first.add(2 * pair + 1)) };
                let Some(key) = live.white(key) else {
                    index.settled += 1;
                    if let Some(bit) = live.white(value) {
                        self.list_any(&view, cage, stack, bit);
                    }
                    continue;
                };
                // Whether the value is marked is asked when the key is found.
                let Some(value) = live.markable(value) else { continue };
                let (Some(key), Some(value)) = (index.make_place(key), index.make_place(value)) else {
                    continue;
                };
                index.prefetch(key);
                batch[length % BATCH] = (key, value);
                length += 1;
            }
            batch[..length.min(BATCH)]
                .iter()
                .for_each(|(key, value)| index.insert(*key, *value));
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
        let mut top = None;
        loop {
            let visit = |this: &mut Self, stack: &mut MarkStack, slot: *const u64, word: u64| {
                if recording {
                    this.record_slot(cage, slot, word);
                }
                if let Some(bit) = live.white(word) {
                    this.list_any(&view, cage, stack, bit);
                }
            };
            let found = if let Some(found) = top.take() {
                found
            } else if let Some(bit) = stack.pop() {
                Found::new(bit, index)
            // SAFETY: MARK-LISTED, a cursor stands for a live array; SLOT-TYPED for each slot.
            } else if unsafe { self.scan_chunk(&view, |this, slot, word| visit(this, &mut stack, slot, word)) } {
                continue;
            } else if let Some(bit) = self.next_gray(&view, cage) {
                Found::new(bit, index)
            } else {
                break;
            };
            self.counts.marked_objects += 1;
            let mut bit = found.bit;
            if let Some(place) = found.place
                && index.get(place / 2) != 0
            {
                (bit, top) = self.follow(&view, cage, &mut stack, index, found);
            }
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

    /// Marks the values that wait for a key, and goes on with the last of them as long as nothing else is to do for
    /// a key. Returns the last key, and the value to go on with.
    #[inline(never)]
    fn follow(
        &mut self,
        view: &View,
        cage: &Cage,
        stack: &mut MarkStack,
        index: &mut PairIndex,
        found: Found,
    ) -> (u64, Option<Found>) {
        let (mut settled, mut keys) = (0, 0);
        let mut key = found;
        let top = loop {
            let Some(place) = key.place else { break None };
            let mut top: Option<Found> = None;
            index.each(place, |place| {
                settled += 1;
                let bit = index.bit(place);
                let value = Found {
                    bit,
                    place: Some(place),
                };
                if view.colors.blacken_if_white(bit as usize)
                    && let Some(below) = top.replace(value)
                    && !stack.push(below.bit)
                {
                    self.overflow(view, cage, below.bit);
                }
            });
            match top {
                Some(value) if key.bit.wrapping_sub(view.data_first) < view.data_count => key = value,
                top => break top,
            }
            keys += 1;
        };
        index.settled += settled;
        self.counts.marked_objects += keys;
        (key.bit, top)
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

    fn enter(index: &mut PairIndex, key: u64, value: u64) {
        if let (Some(key), Some(value)) = (index.make_place(key), index.make_place(value)) {
            index.insert(key, value);
        }
    }

    fn found(index: &PairIndex, key: u64) -> Vec<u64> {
        let mut found = Vec::new();
        if let Some(key) = index.place(key) {
            index.each(key, |value| found.push(index.bit(value)));
        }
        found.sort_unstable();
        found
    }

    proptest! {
        #[test]
        fn an_index_finds_each_pair_of_a_key(
            pairs in proptest::collection::vec((0u64..90_000, 0u64..90_000), 0..600),
            same in proptest::collection::vec((70u64..73, 0u64..90_000), 0..50),
            wide in any::<bool>(),
            dense in any::<bool>(),
        ) {
            let pairs: Vec<(u64, u64)> = pairs.into_iter().chain(same).collect();
            let mut cage = cage();
            let used_bytes = if dense { 0 } else { cage.heap().bytes() };
            let mut index = PairIndex::new(&mut cage, used_bytes, pairs.len()).expect("memory");
            if wide {
                let cells = index.rows_max << index.region_bits;
                let cells = cage.take_scratch(cells, true).expect("memory");
                cage.return_scratch(std::mem::replace(&mut index.cells, cells));
                index.wide = true;
            }
            let mut model: HashMap<u64, Vec<u64>> = HashMap::new();
            // Each once: what was found is taken out of the model.
            let keys: std::collections::BTreeSet<u64> = pairs.iter().map(|pair| pair.0).filter(|key| key % 7 != 0).collect();
            for (bit, value) in pairs.iter().copied() {
                enter(&mut index, bit, value);
                model.entry(bit).or_default().push(value);
            }
            for bit in (0..90_000).step_by(7).chain(keys) {
                let found = found(&index, bit);
                let mut expected = model.remove(&bit).unwrap_or_default();
                expected.sort_unstable();
                prop_assert_eq!(found, expected);
            }
            let bits = if dense { BLOCK_BITS } else { SPARSE_BITS };
            prop_assert_eq!(index.region_bits, bits);
            prop_assert!(index.is_whole() && index.regions.len() <= 2 * pairs.len());
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
            enter(&mut index, key(region), 100 + region as u64);
        }
        assert!(index.is_whole());
        enter(&mut index, key(SPACES_MAX), 7);
        assert!(!index.is_whole());
        // Rows that are there go on taking keys, but the index stays what it is.
        enter(&mut index, key(3) + 2, 8);
        enter(&mut index, key(3), 9);
        assert!(!index.is_whole());
        let found = |key: u64| found(&index, key);
        assert_eq!(found(key(SPACES_MAX)), []);
        assert_eq!((found(key(3)), found(key(3) + 2)), (vec![9, 103], vec![8]));
        assert_eq!(found(key(SPACES_MAX - 1)), [100 + SPACES_MAX as u64 - 1]);
        index.give_back(&mut cage);
    }
}
