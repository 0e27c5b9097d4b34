//! Pairs that keep a value only for a live key: passes, and the index for when passes do not come to an end.
//!
//! A pass looks at every pair of a table whose key is black by then, and marks the value. Marking may blacken more keys,
//! so passes are repeated; a chain in which each value holds the next key can need as many passes as it has links. For
//! that there is [`PairIndex`], a hash table from white keys to the pairs that wait for them: whatever becomes black while
//! [`Marker::resolve_pairs`] drains is looked up, so each pair is looked at once more and no more. The hash keeps keys of
//! neighboring objects in neighboring places, since chains are often made in order. Takes time proportional to the pairs
//! and what is marked, and 48 to 80 bytes for each pair. It does not clear what is dead.
//!
//! The two steps are those of V8 since 9.0 (`MarkCompactCollector::ProcessEphemerons`); the semantics are Hayes',
//! Ephemerons: a new finalization mechanism (OOPSLA 1997).

use std::ops::Range;

use tenure_memory::Cage;
use tenure_object::{KindTable, LayoutClass, ObjectRef, PairMode, ReferenceRange};

use crate::color::{Color, Colors};
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
        if bit.wrapping_sub(self.first) >= self.span {
            return true;
        }
        self.colors.get(bit as usize) != Color::White || self.is_left_out(bit)
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

/// Pairs that wait for their keys to become black.
///
/// A key has one place, however many pairs wait for it: the place leads to the newest of them, each pair to the one
/// before.
#[derive(Debug, Default)]
pub struct PairIndex {
    /// One more than the bit of the key, and one more than the number of its newest pair; 0 in places that are free.
    places: Vec<(u64, usize)>,
    /// The value of each pair, and one more than the number of the one before with the same key, or 0.
    pairs: Vec<(u64, usize)>,
}

impl PairIndex {
    /// Makes an index with room for `pairs` pairs, if there is memory.
    #[must_use]
    pub fn with_room(pairs: usize) -> Option<PairIndex> {
        let capacity = (pairs * 2).next_power_of_two().max(2 * GROUP);
        let mut index = PairIndex::default();
        index.places.try_reserve_exact(capacity).ok()?;
        index.pairs.try_reserve_exact(pairs).ok()?;
        index.places.resize(capacity, (0, 0));
        Some(index)
    }

    /// Returns the place of a key, or the free one that it would take. The search begins where that of its neighbors
    /// does: keys of one group of words begin in one group of places.
    #[inline]
    fn place(&self, bit: u64) -> usize {
        let group = (bit / GROUP as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let mut at = (group as usize * GROUP + bit as usize % GROUP) & (self.places.len() - 1);
        while self.places[at].0 != 0 && self.places[at].0 != bit + 1 {
            at = (at + 1) & (self.places.len() - 1);
        }
        at
    }

    fn insert(&mut self, bit: u64, value: u64) {
        debug_assert!(self.pairs.len() < self.pairs.capacity(), "room for each pair");
        let at = self.place(bit);
        self.pairs.push((value, self.places[at].1));
        self.places[at] = (bit + 1, self.pairs.len());
    }

    /// Calls `visit` with the value of each pair that waits for the key.
    #[inline]
    fn each(&self, bit: u64, mut visit: impl FnMut(u64)) {
        let mut next = self.places[self.place(bit)].1;
        while let Some(&(value, before)) = next.checked_sub(1).and_then(|number| self.pairs.get(number)) {
            visit(value);
            next = before;
        }
    }
}

/// Words whose objects' places begin together.
const GROUP: usize = 64;

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

    /// Marks what the pairs `pairs` of the live object `table` keep now. Returns how many pairs wait for their keys, and
    /// whether anything was marked that had not been. With `for_index`, objects without slots are listed too, so that
    /// [`Marker::resolve_pairs`] looks them up: nothing but that may drain then.
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
        for_index: bool,
    ) -> (usize, bool) {
        let view = self.view(cage, kinds);
        let live = self.liveness(cage);
        // SAFETY: OBJ-HEADER is the caller's obligation.
        let header = unsafe { table.header() };
        // SAFETY: KIND-LAYOUT, as above.
        let (first, count, mode) = unsafe { table.pairs(header, kinds) };
        let (mut waiting, mut reached) = (0, false);
        let mut stack = std::mem::take(&mut self.stack);
        for pair in pairs.start..pairs.end.min(count) {
            // SAFETY: KIND-LAYOUT, the tail has `count` pairs.
            let (key, value) = unsafe { (*first.add(2 * pair), *first.add(2 * pair + 1)) };
            let kept = match mode {
                PairMode::WeakKey if !live.keeps(key) => {
                    waiting += 1;
                    continue;
                }
                PairMode::WeakKey | PairMode::Guard => value,
                PairMode::WeakValue => key,
                PairMode::WeakBoth => break,
            };
            if live.keeps(kept) {
                continue;
            }
            reached = true;
            if for_index {
                self.reach_any(&view, cage, &mut stack, &live, kept);
            } else {
                self.reach(&view, cage, &mut stack, live.heap.index(kept));
            }
        }
        self.stack = stack;
        (waiting, reached)
    }

    /// Enters the pairs of the live object `table` that wait for their keys into `index`. Marks nothing.
    ///
    /// # Safety
    ///
    /// As for [`Marker::pass_pairs`]; the index must have room for them.
    pub unsafe fn index_pairs(&self, cage: &Cage, kinds: &KindTable, table: ObjectRef, index: &mut PairIndex) {
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
            let (key, value) = unsafe { (*first.add(2 * pair), *first.add(2 * pair + 1)) };
            // Where the value is alive anyway, nothing depends on the key.
            if let Some(bit) = live.white(key)
                && !live.keeps(value)
            {
                index.insert(bit, value);
            }
        }
    }

    /// The same for a table that was just reached, with what its other pairs keep marked.
    ///
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
        for pair in 0..count {
            // SAFETY: KIND-LAYOUT, the tail has `count` pairs.
            let (key, value) = unsafe { (*first.add(2 * pair), *first.add(2 * pair + 1)) };
            let kept = match mode {
                // Where the value is alive anyway, nothing depends on the key.
                PairMode::WeakKey => match live.white(key) {
                    Some(_) if live.keeps(value) => continue,
                    Some(bit) => {
                        index.insert(bit, value);
                        continue;
                    }
                    None => value,
                },
                PairMode::Guard => value,
                PairMode::WeakValue => key,
                PairMode::WeakBoth => return,
            };
            self.reach_any(&view, cage, stack, &live, kept);
        }
    }

    /// Drains with a look-up of everything that becomes black: marks all values whose keys become black. Tables that are
    /// reached on the way enter their pairs; those that were alive before must have entered theirs, and have been passed
    /// since, for the index. Nothing may have been listed before that.
    ///
    /// # Safety
    ///
    /// As for [`Marker::drain`]; the index must have room for the pairs of all tables.
    pub unsafe fn resolve_pairs(&mut self, cage: &Cage, kinds: &KindTable, index: &mut PairIndex) {
        let (view, live) = (self.view(cage, kinds), self.liveness(cage));
        let recording = self.recorder.is_recording();
        let mut stack = std::mem::take(&mut self.stack);
        self.rescanning = true;
        loop {
            let visit = |this: &mut Self, stack: &mut MarkStack, slot: *const u64, word: u64| {
                if recording {
                    this.record_slot(cage, slot, word);
                }
                this.reach_any(&view, cage, stack, &live, word);
            };
            let bit = match stack.pop() {
                Some(bit) => bit,
                None => {
                    // SAFETY: MARK-LISTED, a cursor stands for a live array; SLOT-TYPED for each slot.
                    if unsafe { self.scan_chunk(&view, |this, slot, word| visit(this, &mut stack, slot, word)) } {
                        continue;
                    }
                    match self.next_gray(&view, cage) {
                        Some(bit) => bit,
                        None => break,
                    }
                }
            };
            self.counts.marked_objects += 1;
            index.each(bit, |value| self.reach_any(&view, cage, &mut stack, &live, value));
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

    /// Marks what `word` refers to and lists it, if it was white: objects without slots too, since they may be keys.
    #[inline(always)]
    fn reach_any(&mut self, view: &View, cage: &Cage, stack: &mut MarkStack, live: &Liveness, word: u64) {
        if let Some(bit) = live.white(word)
            && view.colors.blacken_if_white(bit as usize)
            && !stack.push(bit)
        {
            self.overflow(view, cage, bit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn an_index_finds_each_pair_of_a_key(pairs in proptest::collection::vec((0u64..5000, any::<u64>()), 0..600)) {
            let mut index = PairIndex::with_room(pairs.len()).expect("memory for a few pairs");
            let mut model: HashMap<u64, Vec<u64>> = HashMap::new();
            for (bit, value) in pairs {
                index.insert(bit, value);
                model.entry(bit).or_default().push(value);
            }
            for bit in 0..5000 {
                let mut found = Vec::new();
                index.each(bit, |value| found.push(value));
                let mut expected = model.remove(&bit).unwrap_or_default();
                found.sort_unstable();
                expected.sort_unstable();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
