//! Pairs that keep a value only for a live key: passes, and the index for when passes do not come to an end.
//!
//! A pass looks at every pair of a table whose key is black by then, and marks the value. Marking may blacken more keys,
//! so passes are repeated; a chain in which each value holds the next key can need as many passes as it has links. For
//! that there is [`PairIndex`], a hash table from white keys to the pairs that wait for them: whatever becomes black while
//! [`Marker::resolve_pairs`] drains is looked up, so each pair is looked at twice more and no more. Takes time proportional
//! to the pairs and what is marked, and 12 to 24 bytes for each pair. It does not clear what is dead.
//!
//! The two steps are those of V8 since 9.0 (`MarkCompactCollector::ProcessEphemerons`); the semantics are Hayes',
//! Ephemerons: a new finalization mechanism (OOPSLA 1997).

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

/// Pairs that wait for their keys to become black: key and value, as bits of their objects.
///
/// Each region of the heap has a row of places of its own, one and a half for each of its keys, in which keys stand about
/// where they stand in the region. So keys of neighbors are neighbors, however the heap is filled, and a search that
/// meets other keys ends within one region's.
#[derive(Debug)]
pub struct PairIndex {
    /// For each region where its row begins, in the low half, and how many places it has; while counting, its keys.
    rows: Scratch,
    /// One more than the key, or 0 in places that are free, and the value: one word, or two in large heaps.
    places: Option<Scratch>,
    /// Blocks that have keys.
    blocks: Vec<u32>,
    /// The values of keys that several pairs wait for, and where the one before is, or [`LAST`]. The place of such a key
    /// leads to the newest.
    chained: Vec<(u64, usize)>,
    wide: bool,
    entered: usize,
    /// Entries whose keys have been found, and entries that no key need be found for.
    settled: usize,
}

impl PairIndex {
    /// Makes an index for the heap of a cage, if there is memory. The keys must be counted first.
    #[must_use]
    pub fn new(cage: &mut Cage) -> Option<PairIndex> {
        let heap_words = cage.heap().bytes() / 8;
        let mut blocks = Vec::new();
        blocks.try_reserve_exact(heap_words.div_ceil(BLOCK_WORDS)).ok()?;
        Some(PairIndex {
            // Only those of blocks with keys are touched.
            rows: cage.take_scratch(heap_words.div_ceil(REGION_WORDS) + BLOCK_REGIONS)?,
            places: None,
            blocks,
            chained: Vec::new(),
            // A bit is left to tell chained values.
            wide: heap_words >= 1 << 31,
            entered: 0,
            settled: 0,
        })
    }

    /// Makes room for everything that was counted. Returns whether there is memory for it.
    pub fn make_room(&mut self, cage: &mut Cage) -> bool {
        let mut start = 0;
        // In the order of addresses, so that neighboring rows are neighbors.
        self.blocks.sort_unstable();
        let rows = self.rows.words_mut();
        for block in &self.blocks {
            let first = *block as usize * BLOCK_REGIONS;
            for row in &mut rows[first..first + BLOCK_REGIONS] {
                let keys = *row;
                let places = keys + keys / 2 + u64::from(keys > 0);
                *row = places << 32 | start;
                start += places;
            }
        }
        if u32::try_from(start).is_ok() {
            self.places = cage.take_scratch((start as usize) << u32::from(self.wide));
        }
        self.places.is_some()
    }

    /// Gives the index' memory back.
    pub fn give_back(self, cage: &mut Cage) {
        cage.return_scratch(self.rows);
        if let Some(places) = self.places {
            cage.return_scratch(places);
        }
    }

    /// Returns whether the keys of all pairs that were entered have been found.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.settled == self.entered
    }

    #[inline(always)]
    fn count(&mut self, key: u64) {
        let block = key as usize / BLOCK_WORDS;
        let rows = self.rows.words_mut();
        let row = &mut rows[key as usize / REGION_WORDS];
        *row += 1;
        if *row == 1 && self.blocks.last() != Some(&(block as u32)) {
            self.note_block(block as u32);
        }
    }

    #[cold]
    fn note_block(&mut self, block: u32) {
        let first = block as usize * BLOCK_REGIONS;
        let keys: u64 = self.rows.words()[first..first + BLOCK_REGIONS].iter().sum();
        if keys == 1 {
            self.blocks.push(block);
        }
    }

    /// Returns the places of a key: where its row begins and ends, and where the search begins.
    #[inline(always)]
    fn row(&self, key: u64) -> (usize, usize, usize) {
        let row = self.rows.words()[key as usize / REGION_WORDS];
        let (start, places) = (row as u32 as usize, (row >> 32) as usize);
        let first = start + (key as usize % REGION_WORDS) * places / REGION_WORDS;
        (start, start + places, first)
    }

    /// Asks for the memory that inserting a key will look at.
    #[inline(always)]
    fn prefetch(&self, key: u64) {
        if let Some(places) = &self.places {
            let place = self.row(key).2 << u32::from(self.wide);
            prefetch(places.words().as_ptr().wrapping_add(place) as usize);
        }
    }

    #[inline(always)]
    fn get(places: &[u64], wide: bool, place: usize) -> (u64, u64) {
        if wide {
            (places[2 * place], places[2 * place + 1])
        } else {
            let word = places[place];
            (word >> 32, word & u64::from(u32::MAX))
        }
    }

    #[inline]
    fn insert(&mut self, key: u64, value: u64) {
        let (start, end, mut at) = self.row(key);
        let (wide, flag) = (self.wide, self.chained_flag());
        let Some(places) = self.places.as_mut().map(Scratch::words_mut) else {
            return;
        };
        let mut kept = value;
        loop {
            let (found, before) = Self::get(places, wide, at);
            if found == 0 {
                break;
            }
            if found == key + 1 && self.chained.try_reserve(2).is_ok() {
                let head = if before & flag != 0 {
                    (before & !flag) as usize
                } else {
                    self.chained.push((before, LAST));
                    self.chained.len() - 1
                };
                self.chained.push((value, head));
                kept = (self.chained.len() - 1) as u64 | flag;
                break;
            }
            at = if at + 1 == end { start } else { at + 1 };
        }
        if wide {
            places[2 * at] = key + 1;
            places[2 * at + 1] = kept;
        } else {
            places[at] = (key + 1) << 32 | kept;
        }
        self.entered += 1;
    }

    /// Returns the bit that tells a chained value from one in its place.
    #[inline(always)]
    fn chained_flag(&self) -> u64 {
        if self.wide { 1 << 63 } else { 1 << 31 }
    }

    /// Calls `visit` with the value of each pair that waits for the key.
    #[inline(always)]
    fn each(&self, key: u64, mut visit: impl FnMut(u64)) {
        let (start, end, mut at) = self.row(key);
        let Some(places) = self.places.as_ref().map(Scratch::words) else {
            return;
        };
        if start == end {
            return;
        }
        let flag = self.chained_flag();
        loop {
            let (found, value) = Self::get(places, self.wide, at);
            if found == key + 1 && value & flag == 0 {
                visit(value);
            } else if found == key + 1 {
                let mut next = (value & !flag) as usize;
                while let Some((value, before)) = self.chained.get(next) {
                    visit(*value);
                    next = *before;
                }
            } else if found == 0 {
                return;
            }
            at = if at + 1 == end { start } else { at + 1 };
        }
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

/// Pairs that are inserted together, so that the memory for them is on its way meanwhile.
const BATCH: usize = 32;

/// Words of a region.
const REGION_WORDS: usize = 512;

/// Regions of a block.
const BLOCK_REGIONS: usize = BLOCK_WORDS / REGION_WORDS;

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

    /// Counts the pairs of `table`, which need not be live, that may have to be entered into `index`.
    ///
    /// # Safety
    ///
    /// As for [`Marker::pass_pairs`].
    pub unsafe fn count_pairs(&self, cage: &Cage, kinds: &KindTable, table: ObjectRef, index: &mut PairIndex) {
        let live = self.liveness(cage);
        // SAFETY: OBJ-HEADER is the caller's obligation.
        let header = unsafe { table.header() };
        // SAFETY: KIND-LAYOUT, as above.
        let (first, count, mode) = unsafe { table.pairs(header, kinds) };
        if mode != PairMode::WeakKey {
            return;
        }
        for pair in 0..count {
            // SAFETY: KIND-LAYOUT, the tail has `count` pairs.
            if let Some(key) = live.white(unsafe { *first.add(2 * pair) }) {
                index.count(key);
            }
        }
    }

    /// Enters the pairs of the live object `table` that wait for their keys into `index`, and marks what the others keep.
    ///
    /// # Safety
    ///
    /// As for [`Marker::pass_pairs`]; the pairs must have been counted, twice for a table that may be reached meanwhile.
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
    /// As for [`Marker::drain`]; the pairs of all tables must have been counted.
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

    proptest! {
        #[test]
        fn an_index_finds_each_pair_of_a_key(
            pairs in proptest::collection::vec((0u64..90_000, 0u64..1 << 31), 0..600),
            same in proptest::collection::vec((70u64..73, 0u64..1 << 31), 0..50),
            wide in any::<bool>(),
        ) {
            let pairs: Vec<(u64, u64)> = pairs.into_iter().chain(same).collect();
            let layout = CageLayout {
                nursery_half_bytes: 1 << 20,
                large_bytes: 1 << 22,
                data_bytes: 1 << 22,
                pointer_bytes: 1 << 22,
            };
            let mut cage = Cage::reserve(Box::new(SystemPages), &layout).expect("address space");
            let mut index = PairIndex::new(&mut cage).expect("memory for the rows");
            index.wide = wide;
            for (key, _) in &pairs {
                index.count(*key);
            }
            prop_assert!(index.make_room(&mut cage));
            let mut model: HashMap<u64, Vec<u64>> = HashMap::new();
            // Each once: what was found is taken out of the model.
            let keys: std::collections::BTreeSet<u64> = pairs.iter().map(|pair| pair.0).filter(|key| key % 7 != 0).collect();
            for (bit, value) in pairs {
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
            index.give_back(&mut cage);
        }
    }
}
