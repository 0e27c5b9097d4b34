//! Shade, scan, drain, rescan.
//!
//! [`Marker::shade`] takes a word from a root or slot; [`Marker::drain`] scans until nothing is gray or listed. Its next
//! object comes from the mark stack, or else from a long array that is half scanned, or else from a block that holds
//! gray objects. Two loops do that. One is plain depth first: best where objects lie near what refers to them. In the
//! other, an object waits in a FIFO while its memory is prefetched, and each of its slots waits in a second FIFO while
//! the color bits of what it refers to are: best where the graph is scattered. Which one runs is decided every few
//! thousand objects from how far apart they are. Long arrays are scanned in chunks with a cursor, so that one array does
//! not fill the stack. The marker does not know which spaces there are.

mod pairs;

use tenure_memory::{BLOCK_WORDS, Cage, prefetch};
use tenure_object::{Header, KindTable, LayoutClass, ObjectRef, ReferenceRange};

use crate::color::{Color, Colors};
use crate::mark_stack::MarkStack;
use crate::slot_recorder::SlotRecorder;

pub use pairs::{Liveness, PairIndex, Passed};

/// Objects whose memory is on its way. 16 to 64 are equally good on the machines measured; fewer hide too little.
const OBJECT_FIFO: usize = 32;

/// Slots whose targets' color bits are on their way.
const EDGE_FIFO: usize = 64;

/// An empty place in a FIFO: no object has so high a bit.
const NOTHING: u64 = u64::MAX;

/// Slots of a long array scanned in one go.
const ARRAY_CHUNK_SLOTS: usize = 512;

/// Words of work that an object counts as: a cache line. The slots of a tail count one each besides.
pub const OBJECT_WORK_WORDS: usize = 8;

/// What scanning a chunk of a long array counts as.
const CHUNK_OBJECTS: usize = ARRAY_CHUNK_SLOTS / OBJECT_WORK_WORDS;

/// Long arrays that may be half scanned at a time; more overflow like the stack does.
const CURSORS: usize = 64;

/// Objects scanned between two looks at how far apart they are.
const SAMPLE_OBJECTS: usize = 4096;

/// How the graph is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traversal {
    /// Chosen from the distances seen.
    Auto,
    /// Depth first, reading each object as it is popped.
    DepthFirst,
    /// Depth first through a FIFO that prefetches.
    Prefetch,
}

/// What marking did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MarkCounts {
    /// Objects scanned, and objects without slots marked.
    pub marked_objects: u64,
    /// Objects that found the stack full and were left gray.
    pub overflows: u64,
    /// Passes over the blocks with gray objects.
    pub rescans: u64,
    /// Blocks searched in those passes.
    pub rescanned_blocks: u64,
    /// Words of work done, as slices count them.
    pub work_words: u64,
}

#[derive(Clone, Copy, Debug)]
struct ArrayCursor {
    bit: u64,
    next_slot: usize,
}

/// The state of marking.
#[derive(Debug)]
pub struct Marker {
    stack: MarkStack,
    cursors: Vec<ArrayCursor>,
    gray_blocks: Vec<u64>,
    any_gray: bool,
    rescan: Rescan,
    rescanning: bool,
    skip_nursery: bool,
    prefetching: bool,
    /// Objects scanned since distances were looked at.
    unsampled: usize,
    traversal: Traversal,
    counts: MarkCounts,
    recorder: SlotRecorder,
}

/// How far the search for gray objects has come: `[word, end)` of the bitmap are left of a block; `next_block` is where
/// to look for the next one.
#[derive(Clone, Copy, Debug, Default)]
struct Rescan {
    word: usize,
    end: usize,
    next_block: usize,
}

/// What a marker needs to know of the heap, copied into locals of the mark loop.
#[derive(Clone, Copy, Debug)]
struct View {
    colors: Colors,
    heap: ReferenceRange,
    data_first: u64,
    data_count: u64,
    nursery_count: u64,
    first: u64,
    span: u64,
    start: usize,
    kinds: KindTable,
}

impl View {
    /// Returns whether the object at `bit` is one to mark.
    #[inline(always)]
    fn includes(&self, bit: u64) -> bool {
        bit.wrapping_sub(self.first) < self.span
    }

    #[inline(always)]
    fn object(&self, bit: u64) -> ObjectRef {
        ObjectRef::from_address(self.start + bit as usize * 8)
    }
}

/// Returns whether the objects at two bits lie further apart than a page, within which the hardware prefetches.
#[inline(always)]
fn is_far(a: u64, b: u64) -> bool {
    a.abs_diff(b) > 512
}

impl Marker {
    /// Makes a marker with a stack of `capacity` entries for a heap of `heap_bytes` bytes of address space.
    #[must_use]
    pub fn new(capacity: usize, heap_bytes: usize, traversal: Traversal) -> Marker {
        let blocks = (heap_bytes / 8).div_ceil(BLOCK_WORDS);
        Marker {
            stack: MarkStack::new(capacity),
            cursors: Vec::with_capacity(CURSORS.min(capacity.max(1))),
            gray_blocks: vec![0; blocks.div_ceil(64)],
            any_gray: false,
            rescan: Rescan::default(),
            rescanning: false,
            skip_nursery: false,
            prefetching: traversal == Traversal::Prefetch,
            unsampled: SAMPLE_OBJECTS,
            traversal,
            counts: MarkCounts::default(),
            recorder: SlotRecorder::default(),
        }
    }

    /// Returns what records the slots that refer into candidate blocks.
    pub fn recorder(&mut self) -> &mut SlotRecorder {
        &mut self.recorder
    }

    /// The same, to be looked at only.
    #[must_use]
    pub fn recorded(&self) -> &SlotRecorder {
        &self.recorder
    }

    /// Records `slot` if recording is on and it refers into a candidate.
    #[inline(always)]
    fn note<const RECORD: bool>(&mut self, slot: *const u64, target: u64) {
        if RECORD {
            let number = self.recorder.number(target as usize);
            if number != 0 {
                self.recorder.record(number, slot as usize);
            }
        }
    }

    /// Records an old slot that holds `word`, if it refers into a candidate.
    #[inline]
    pub fn record_slot(&mut self, cage: &Cage, slot: *const u64, word: u64) {
        let heap = ReferenceRange::new(cage.heap());
        let target = heap.index(word);
        if target < heap.count() {
            self.note::<true>(slot, target);
        }
    }

    /// Returns the bytes that the marker itself holds.
    #[must_use]
    pub fn footprint_bytes(&self) -> usize {
        self.recorder.footprint_bytes()
            + (self.stack.capacity() + self.gray_blocks.capacity()) * 8
            + self.cursors.capacity() * size_of::<ArrayCursor>()
    }

    /// Returns the mark stack.
    #[must_use]
    pub fn stack(&self) -> &MarkStack {
        &self.stack
    }

    /// Returns what was done since the last call, and starts counting anew.
    pub fn take_counts(&mut self) -> MarkCounts {
        std::mem::take(&mut self.counts)
    }

    fn view(&self, cage: &Cage, kinds: &KindTable) -> View {
        let heap = ReferenceRange::new(cage.heap());
        let nursery_count = (cage.nursery().bytes() / 8) as u64;
        let first = if self.skip_nursery { nursery_count } else { 0 };
        View {
            first,
            span: heap.count() - first,
            colors: Colors::new(cage.color()),
            heap,
            data_first: cage.bit(cage.data().start) as u64,
            data_count: (cage.data().bytes() / 8) as u64,
            nursery_count,
            start: cage.heap().start,
            kinds: *kinds,
        }
    }

    /// Marks what `word` refers to, if it refers to anything.
    ///
    /// # Safety
    ///
    /// `word` must be from a root or a slot of a live object (SLOT-TYPED).
    #[inline]
    pub unsafe fn shade(&mut self, cage: &Cage, kinds: &KindTable, word: u64) {
        let view = self.view(cage, kinds);
        let bit = view.heap.index(word);
        if view.includes(bit) {
            let mut stack = std::mem::take(&mut self.stack);
            self.reach(&view, cage, &mut stack, bit);
            self.stack = stack;
        }
    }

    /// Makes the object at `bit` black. Returns whether it is to be listed: it was white, and holds slots.
    #[inline(always)]
    fn blacken(&mut self, view: &View, cage: &Cage, bit: u64) -> bool {
        if bit < view.data_first && self.is_young_large(view, cage, bit) {
            return false;
        }
        if !view.colors.blacken_if_white(bit as usize) {
            return false;
        }
        let data = bit.wrapping_sub(view.data_first) < view.data_count;
        if data {
            // The others count when they are scanned.
            self.counts.marked_objects += 1;
        }
        !data
    }

    /// Marks the object at `bit` and lists it, unless that has happened before. The loops hold the stack and the count
    /// in locals, so that they can stay in registers.
    #[inline(always)]
    fn reach(&mut self, view: &View, cage: &Cage, stack: &mut MarkStack, bit: u64) {
        if self.blacken(view, cage, bit) && !stack.push(bit) {
            self.overflow(view, cage, bit);
        }
    }

    /// Returns whether a slice must leave out a large object, because it has survived no collection yet and the next
    /// minor collection may free it.
    #[cold]
    fn is_young_large(&self, view: &View, cage: &Cage, bit: u64) -> bool {
        self.skip_nursery && bit >= view.nursery_count && !cage.starts().get(bit as usize)
    }

    /// Leaves an object gray, to be found by a rescan of its block.
    #[cold]
    #[inline(never)]
    fn overflow(&mut self, view: &View, cage: &Cage, bit: u64) {
        view.colors.gray(bit as usize);
        if bit < view.data_first {
            // Young objects have no start bits otherwise; the collection clears them with the colors.
            cage.starts().set(bit as usize);
        }
        self.counts.overflows += 1;
        let word = bit as usize / 64;
        if (self.rescan.word..self.rescan.end).contains(&word) {
            return;
        }
        let block = bit as usize / BLOCK_WORDS;
        self.gray_blocks[block / 64] |= 1 << (block % 64);
        self.any_gray = true;
    }

    /// Returns the next gray object, black now, from the blocks that hold some.
    #[inline(never)]
    fn next_gray(&mut self, view: &View, cage: &Cage) -> Option<u64> {
        loop {
            while self.rescan.word < self.rescan.end {
                let word = self.rescan.word;
                let gray = view.colors.gray_starts(word, cage.starts().word(word));
                if gray != 0 {
                    let bit = word * 64 + gray.trailing_zeros() as usize;
                    view.colors.blacken(bit);
                    return Some(bit as u64);
                }
                self.rescan.word += 1;
            }
            if !self.any_gray || !self.rescanning {
                return None;
            }
            let block = self.next_gray_block()?;
            self.counts.rescanned_blocks += 1;
            self.rescan.word = block * (BLOCK_WORDS / 64);
            self.rescan.end = self.rescan.word + BLOCK_WORDS / 64;
        }
    }

    /// Takes the next block that holds gray objects, going round; a pass over the blocks is one rescan.
    fn next_gray_block(&mut self) -> Option<usize> {
        for round in 0..2 {
            if self.rescan.next_block == 0 {
                self.counts.rescans += 1;
            }
            for index in self.rescan.next_block / 64..self.gray_blocks.len() {
                let mut blocks = self.gray_blocks[index];
                if index == self.rescan.next_block / 64 {
                    blocks &= !0 << (self.rescan.next_block % 64);
                }
                if blocks != 0 {
                    let low = blocks.trailing_zeros() as usize;
                    self.gray_blocks[index] &= !(1 << low);
                    self.rescan.next_block = index * 64 + low + 1;
                    return Some(index * 64 + low);
                }
            }
            self.rescan.next_block = 0;
            if round == 1 {
                self.any_gray = false;
            }
        }
        None
    }

    /// Calls `visit` with the word of each slot of the black object at `bit`, but for those of a long tail, for which a
    /// cursor is left. Returns how many objects more it counts as, for its tail.
    ///
    /// # Safety
    ///
    /// There must be an object at `bit` (OBJ-HEADER, KIND-LAYOUT).
    #[inline(always)]
    unsafe fn scan(
        &mut self,
        view: &View,
        cage: &Cage,
        bit: u64,
        mut visit: impl FnMut(&mut Self, *const u64, u64),
    ) -> usize {
        let object = view.object(bit);
        // SAFETY: OBJ-HEADER is the caller's obligation.
        let header = unsafe { object.header() };
        debug_assert!(header.is_live() && header.kind() != 0, "OBJ-HEADER");
        // SAFETY: KIND-LAYOUT, and SLOT-TYPED for each slot.
        unsafe {
            object.visit_prefix_slots(header, &view.kinds, |slot| visit(self, slot, *slot));
        }
        if !matches!(
            header.class(),
            LayoutClass::SlotsTail | LayoutClass::OtherTail | LayoutClass::Watched
        ) {
            return 0;
        }
        // SAFETY: KIND-LAYOUT.
        let (tail, count) = unsafe { object.tail_slots(header, &view.kinds) };
        if count <= ARRAY_CHUNK_SLOTS {
            for i in 0..count {
                // SAFETY: SLOT-TYPED, the tail has `count` slots.
                visit(self, tail.wrapping_add(i), unsafe { *tail.add(i) });
            }
            return count / OBJECT_WORK_WORDS;
        }
        if self.cursors.len() < self.cursors.capacity() {
            self.cursors.push(ArrayCursor { bit, next_slot: 0 });
        } else {
            self.overflow(view, cage, bit);
        }
        0
    }

    /// Calls `visit` with the words of the next chunk of the newest half-scanned array. Returns whether there was one.
    ///
    /// # Safety
    ///
    /// As for `scan`.
    #[inline(always)]
    unsafe fn scan_chunk(&mut self, view: &View, mut visit: impl FnMut(&mut Self, *const u64, u64)) -> bool {
        let Some(cursor) = self.cursors.last().copied() else {
            return false;
        };
        let object = view.object(cursor.bit);
        // SAFETY: OBJ-HEADER, a cursor stands for a live array.
        let header: Header = unsafe { object.header() };
        // SAFETY: KIND-LAYOUT.
        let (tail, count) = unsafe { object.tail_slots(header, &view.kinds) };
        let end = count.min(cursor.next_slot + ARRAY_CHUNK_SLOTS);
        if end == count {
            self.cursors.pop();
        } else if let Some(last) = self.cursors.last_mut() {
            last.next_slot = end;
        }
        for i in cursor.next_slot..end {
            // SAFETY: SLOT-TYPED, the tail has `count` slots.
            visit(self, tail.wrapping_add(i), unsafe { *tail.add(i) });
        }
        true
    }

    /// Scans until the stack is empty. Gray objects are left if it overflowed.
    ///
    /// # Safety
    ///
    /// Everything on the stack must be a live object of this cage (MARK-LISTED), and nothing may move meanwhile.
    pub unsafe fn drain(&mut self, cage: &Cage, kinds: &KindTable) {
        // SAFETY: MARK-LISTED, as the caller's.
        unsafe { self.run(cage, kinds, usize::MAX) };
    }

    /// Returns whether there are gray objects: whether [`Marker::rescan`] has work.
    #[must_use]
    pub fn has_gray(&self) -> bool {
        self.any_gray || self.rescan.word < self.rescan.end
    }

    /// Searches the blocks that hold gray objects and scans on from each, until nothing is gray.
    ///
    /// # Safety
    ///
    /// As for [`Marker::drain`].
    pub unsafe fn rescan(&mut self, cage: &Cage, kinds: &KindTable) {
        self.rescanning = true;
        // SAFETY: MARK-LISTED, as the caller's.
        unsafe { self.run(cage, kinds, usize::MAX) };
        self.rescanning = false;
        self.rescan = Rescan::default();
    }

    /// Scans about `words` words, gray objects included, and returns whether nothing is left to scan. An object counts as
    /// [`OBJECT_WORK_WORDS`], a tail as its length. Where a rescan or a long array stops, the next slice goes on.
    ///
    /// # Safety
    ///
    /// As for [`Marker::drain`].
    pub unsafe fn slice(&mut self, cage: &Cage, kinds: &KindTable, words: usize) -> bool {
        self.rescanning = true;
        // SAFETY: MARK-LISTED, as the caller's.
        let done = unsafe { self.run(cage, kinds, (words / OBJECT_WORK_WORDS).max(1)) };
        self.rescanning = false;
        done
    }

    /// Leaves nursery objects out: they are not marked, and what refers to them is not scanned on. For the slices of a
    /// cycle, whose last pause promotes or marks what is young then.
    pub fn set_skip_nursery(&mut self, skip: bool) {
        self.skip_nursery = skip;
    }

    /// Returns whether nursery objects are left out.
    #[must_use]
    pub fn skips_nursery(&self) -> bool {
        self.skip_nursery
    }

    /// Returns the half-scanned arrays: the bit of each, and the first slot of its tail that is still to be visited.
    pub fn half_scanned(&self) -> impl Iterator<Item = (u64, usize)> + '_ {
        self.cursors.iter().map(|cursor| (cursor.bit, cursor.next_slot))
    }

    /// Returns whether a gray object at `bit` would be found: whether its block is noted, or being searched and the
    /// search has not passed it.
    #[must_use]
    pub fn finds_gray(&self, bit: usize) -> bool {
        let block = bit / BLOCK_WORDS;
        (self.rescan.word..self.rescan.end).contains(&(bit / 64))
            || (self.any_gray && self.gray_blocks[block / 64] >> (block % 64) & 1 != 0)
    }

    /// Lists a black object once more, because a slot of it was stored to after it was scanned.
    pub fn relist(&mut self, cage: &Cage, kinds: &KindTable, object: ObjectRef) {
        let view = self.view(cage, kinds);
        let bit = cage.bit(object.address());
        if view.colors.get(bit) == Color::Black && !self.stack.push(bit as u64) {
            self.overflow(&view, cage, bit as u64);
        }
    }

    /// Makes an object that was just allocated or promoted black, and lists it if it holds slots.
    pub fn list_new(&mut self, cage: &Cage, kinds: &KindTable, object: ObjectRef, has_slots: bool) {
        let view = self.view(cage, kinds);
        let bit = cage.bit(object.address());
        if view.colors.blacken_if_white(bit) {
            self.counts.marked_objects += u64::from(!has_slots);
            if has_slots && !self.stack.push(bit as u64) {
                self.overflow(&view, cage, bit as u64);
            }
        }
    }

    /// Forgets everything that is listed. The colors are the caller's to clear.
    pub fn reset(&mut self) {
        while self.stack.pop().is_some() {}
        self.cursors.clear();
        self.gray_blocks.fill(0);
        self.any_gray = false;
        self.rescan = Rescan::default();
        self.skip_nursery = false;
    }

    /// Scans about `budget` objects. Returns whether nothing is left.
    ///
    /// # Safety
    ///
    /// As for `drain`.
    unsafe fn run(&mut self, cage: &Cage, kinds: &KindTable, budget: usize) -> bool {
        let view = self.view(cage, kinds);
        let mut left = budget;
        loop {
            self.stack.sample();
            // Depth first, looking at distances costs too much to do it for each object.
            let sampling = !self.prefetching && self.traversal == Traversal::Auto && self.unsampled >= SAMPLE_OBJECTS;
            let limit = left.min(if sampling { SAMPLE_OBJECTS / 16 } else { SAMPLE_OBJECTS });
            // SAFETY: MARK-LISTED is the caller's obligation.
            let (scanned, far) = unsafe {
                match (self.prefetching, sampling, self.recorder.is_recording()) {
                    (true, _, false) => self.drain_prefetching::<false>(&view, cage, limit),
                    (true, _, true) => self.drain_prefetching::<true>(&view, cage, limit),
                    (false, true, false) => self.drain_depth_first::<true, false>(&view, cage, limit),
                    (false, true, true) => self.drain_depth_first::<true, true>(&view, cage, limit),
                    (false, false, false) => self.drain_depth_first::<false, false>(&view, cage, limit),
                    (false, false, true) => self.drain_depth_first::<false, true>(&view, cage, limit),
                }
            };
            self.counts.work_words += (scanned * OBJECT_WORK_WORDS) as u64;
            if scanned < limit {
                debug_assert!(self.stack.is_empty() && self.cursors.is_empty(), "MARK-LISTED");
                return true;
            }
            if self.traversal == Traversal::Auto && scanned >= SAMPLE_OBJECTS / 16 && (self.prefetching || sampling) {
                // Depth first, an object that is far from the one before it was not prefetched by the hardware; through
                // the FIFOs, an edge. Scattered graphs have several far edges an object.
                self.prefetching = if self.prefetching {
                    far > scanned
                } else {
                    far > scanned / 2
                };
            }
            self.unsampled = if sampling { 0 } else { self.unsampled + scanned };
            left = left.saturating_sub(scanned);
            if left == 0 {
                return false;
            }
        }
    }

    /// Scans up to `limit` objects depth first, a chunk of an array counting as several; returns how many, and how many
    /// of them lay far from the one before. Fewer than `limit` means that nothing is left.
    ///
    /// # Safety
    ///
    /// As for `drain`.
    #[inline(never)]
    unsafe fn drain_depth_first<const SAMPLE: bool, const RECORD: bool>(
        &mut self,
        view: &View,
        cage: &Cage,
        limit: usize,
    ) -> (usize, usize) {
        let mut stack = std::mem::take(&mut self.stack);
        let (mut far, mut scanned, mut last, mut tails) = (0, 0, 0, 0);
        // The top of the stack, so that a list or the last child of a node never goes through memory.
        let mut top = NOTHING;
        while scanned < limit {
            if top == NOTHING && stack.is_empty() {
                let mut visit = |this: &mut Self, slot: *const u64, word: u64| {
                    let target = view.heap.index(word);
                    if view.includes(target) {
                        this.note::<RECORD>(slot, target);
                        this.reach(view, cage, &mut stack, target);
                    }
                };
                // SAFETY: MARK-LISTED, a cursor stands for a live array; SLOT-TYPED for each slot.
                if unsafe { self.scan_chunk(view, &mut visit) } {
                    scanned += CHUNK_OBJECTS;
                    tails += CHUNK_OBJECTS;
                    continue;
                }
                let Some(bit) = self.next_gray(view, cage) else { break };
                top = bit;
            }
            let bit = if top != NOTHING {
                top
            } else {
                stack.pop().unwrap_or(NOTHING)
            };
            top = NOTHING;
            scanned += 1;
            if SAMPLE {
                far += usize::from(is_far(bit, last));
                last = bit;
            }
            let object = view.object(bit);
            // SAFETY: OBJ-HEADER by MARK-LISTED, a live object.
            let header = unsafe { object.header() };
            let Some(mut map) = header.fixed_slot_map() else {
                // SAFETY: MARK-LISTED, as above.
                let tail = unsafe { self.scan_other::<RECORD>(view, cage, &mut stack, bit) };
                scanned += tail;
                tails += tail;
                continue;
            };
            while map != 0 {
                // The bitmap names slots of the payload.
                let slot = (object.payload() as *const u64).wrapping_add(map.trailing_zeros() as usize);
                // SAFETY: KIND-LAYOUT and SLOT-TYPED, a slot of the object.
                let word = unsafe { *slot };
                map &= map - 1;
                let target = view.heap.index(word);
                if RECORD && view.includes(target) {
                    self.note::<RECORD>(slot, target);
                }
                if view.includes(target) && self.blacken(view, cage, target) {
                    let below = std::mem::replace(&mut top, target);
                    if below != NOTHING && !stack.push(below) {
                        self.overflow(view, cage, below);
                    }
                }
            }
        }
        if top != NOTHING && !stack.push(top) {
            self.overflow(view, cage, top);
        }
        self.stack = stack;
        self.counts.marked_objects += (scanned - tails) as u64;
        (scanned, far)
    }

    /// Scans an object whose header does not tell its slots, or that has a tail.
    ///
    /// # Safety
    ///
    /// As for `scan`.
    #[inline(never)]
    unsafe fn scan_other<const RECORD: bool>(
        &mut self,
        view: &View,
        cage: &Cage,
        stack: &mut MarkStack,
        bit: u64,
    ) -> usize {
        // SAFETY: OBJ-HEADER, as the caller's; SLOT-TYPED for each slot.
        unsafe {
            self.scan(view, cage, bit, |this, slot, word| {
                let target = view.heap.index(word);
                if view.includes(target) {
                    this.note::<RECORD>(slot, target);
                    this.reach(view, cage, stack, target);
                }
            })
        }
    }

    /// The same through the two FIFOs, which are empty before and after.
    ///
    /// # Safety
    ///
    /// As for `drain`.
    #[inline(never)]
    unsafe fn drain_prefetching<const RECORD: bool>(
        &mut self,
        view: &View,
        cage: &Cage,
        limit: usize,
    ) -> (usize, usize) {
        let mut stack = std::mem::take(&mut self.stack);
        let mut objects = [NOTHING; OBJECT_FIFO];
        let (mut head, mut tail) = (0usize, 0usize);
        let mut edges = [NOTHING; EDGE_FIFO];
        let mut next_edge = 0usize;
        let (mut far, mut scanned, mut tails) = (0, 0, 0);
        loop {
            while head - tail < OBJECT_FIFO && scanned < limit {
                let bit = match stack.pop() {
                    Some(bit) => bit,
                    // With a half-scanned array about, a gray one might find no cursor and turn gray for ever.
                    None if self.cursors.is_empty() => match self.next_gray(view, cage) {
                        Some(bit) => bit,
                        None => break,
                    },
                    None => break,
                };
                // Most objects have 2 to 8 words, and most of those lie in two cache lines.
                prefetch(view.object(bit).address());
                prefetch(view.object(bit).address() + 40);
                objects[head % OBJECT_FIFO] = bit;
                head += 1;
                scanned += 1;
            }
            let source = if head != tail { objects[tail % OBJECT_FIFO] } else { 0 };
            let mut visit = |this: &mut Self, slot: *const u64, word: u64| {
                let bit = view.heap.index(word);
                if view.includes(bit) {
                    this.note::<RECORD>(slot, bit);
                    far += usize::from(is_far(source, bit));
                    prefetch(view.colors.word_address(bit as usize) as usize);
                    let oldest = std::mem::replace(&mut edges[next_edge % EDGE_FIFO], bit);
                    next_edge += 1;
                    if oldest != NOTHING {
                        this.reach(view, cage, &mut stack, oldest);
                    }
                }
            };
            if head != tail {
                tail += 1;
                // SAFETY: MARK-LISTED, a live object; SLOT-TYPED for each slot.
                let more = unsafe { self.scan(view, cage, source, visit) };
                scanned += more;
                tails += more;
                continue;
            }
            // SAFETY: MARK-LISTED, a cursor stands for a live array; SLOT-TYPED for each slot.
            if scanned < limit && unsafe { self.scan_chunk(view, &mut visit) } {
                scanned += CHUNK_OBJECTS;
                tails += CHUNK_OBJECTS;
                continue;
            }
            if next_edge == 0 {
                self.stack = stack;
                self.counts.marked_objects += (scanned - tails) as u64;
                return (scanned, far);
            }
            for edge in &mut edges {
                let bit = std::mem::replace(edge, NOTHING);
                if bit != NOTHING {
                    self.reach(view, cage, &mut stack, bit);
                }
            }
            next_edge = 0;
        }
    }
}
