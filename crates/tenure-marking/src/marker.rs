//! Shade, scan, drain, rescan.
//!
//! [`Marker::shade`] takes a word from a root or slot; [`Marker::drain`] scans until the stack is empty;
//! [`Marker::finish`] adds rescans until nothing is gray. Objects wait in a short FIFO between pop and scan, so that
//! their memory arrives before it is read; where objects lie close to what refers to them the FIFO costs more than it
//! saves, so the traversal is chosen anew every few thousand objects from how far apart they are. Long arrays are
//! scanned in chunks with a cursor, so that one array does not fill the stack. The marker does not know which
//! spaces there are.

use tenure_memory::{BLOCK_WORDS, Cage};
use tenure_object::{Header, KindTable, ObjectRef, ReferenceRange};

use crate::color::Colors;
use crate::mark_stack::MarkStack;

/// Entries in the prefetch FIFO. 16 to 64 are equally good on the machines measured; fewer hide too little.
const FIFO: usize = 32;

/// Slots of a long array scanned in one go.
const ARRAY_CHUNK_SLOTS: usize = 512;

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
    /// Objects made black.
    pub marked_objects: u64,
    /// Objects that found the stack full and were left gray.
    pub overflows: u64,
    /// Passes over the blocks with gray objects.
    pub rescans: u64,
    /// Blocks searched in those passes.
    pub rescanned_blocks: u64,
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
    traversal: Traversal,
    counts: MarkCounts,
}

/// What a marker needs to know of the heap, copied into locals of the mark loop.
#[derive(Clone, Copy, Debug)]
struct View {
    colors: Colors,
    heap: ReferenceRange,
    data: ReferenceRange,
    start: usize,
    kinds: KindTable,
}

impl View {
    #[inline(always)]
    fn object(&self, bit: u64) -> ObjectRef {
        ObjectRef::from_address(self.start + bit as usize * 8)
    }
}

#[inline(always)]
fn prefetch(address: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and cannot fault; SSE is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address as *const i8);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
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
            traversal,
            counts: MarkCounts::default(),
        }
    }

    /// Returns the bytes that the marker itself holds.
    #[must_use]
    pub fn footprint_bytes(&self) -> usize {
        (self.stack.capacity() + self.gray_blocks.capacity()) * 8 + self.cursors.capacity() * size_of::<ArrayCursor>()
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
        View {
            colors: Colors::new(cage.color()),
            heap: ReferenceRange::new(cage.heap()),
            data: ReferenceRange::new(cage.data()),
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
        // SAFETY: SLOT-TYPED is the caller's obligation.
        unsafe { self.shade_in(&view, cage, word) };
    }

    /// # Safety
    ///
    /// As for `shade`.
    #[inline(always)]
    unsafe fn shade_in(&mut self, view: &View, cage: &Cage, word: u64) {
        let bit = view.heap.index(word);
        if bit >= view.heap.count() || !view.colors.blacken_if_white(bit as usize) {
            return;
        }
        self.counts.marked_objects += 1;
        if view.data.contains(word) {
            return;
        }
        if !self.stack.push(bit) {
            self.overflow(view, cage, bit);
        }
    }

    /// Leaves an object gray, to be found by a rescan of its block.
    #[cold]
    #[inline(never)]
    fn overflow(&mut self, view: &View, cage: &Cage, bit: u64) {
        view.colors.gray(bit as usize);
        // Objects in the nursery have no start bits otherwise; the collection clears them with the colors.
        cage.starts().set(bit as usize);
        let block = bit as usize / BLOCK_WORDS;
        self.gray_blocks[block / 64] |= 1 << (block % 64);
        self.any_gray = true;
        self.counts.overflows += 1;
        self.counts.marked_objects -= 1;
    }

    /// Scans one black object.
    ///
    /// # Safety
    ///
    /// There must be an object at `bit` (OBJ-HEADER, KIND-LAYOUT).
    #[inline(always)]
    unsafe fn scan(&mut self, view: &View, cage: &Cage, bit: u64) {
        let object = view.object(bit);
        // SAFETY: OBJ-HEADER is the caller's obligation.
        let header = unsafe { object.header() };
        debug_assert!(header.is_live() && header.kind() != 0, "OBJ-HEADER");
        // SAFETY: KIND-LAYOUT, and SLOT-TYPED for each slot.
        unsafe {
            object.visit_prefix_slots(header, &view.kinds, |slot| self.shade_in(view, cage, *slot));
        }
        // SAFETY: KIND-LAYOUT.
        let (tail, count) = unsafe { object.tail_slots(header, &view.kinds) };
        if count <= ARRAY_CHUNK_SLOTS {
            for i in 0..count {
                // SAFETY: SLOT-TYPED, the tail has `count` slots.
                unsafe { self.shade_in(view, cage, *tail.add(i)) };
            }
        } else if self.cursors.len() < self.cursors.capacity() {
            self.cursors.push(ArrayCursor { bit, next_slot: 0 });
        } else {
            self.overflow(view, cage, bit);
        }
    }

    /// Scans the next chunk of the newest half-scanned array. Returns whether there was one.
    ///
    /// # Safety
    ///
    /// As for `scan`.
    #[inline(never)]
    unsafe fn scan_chunk(&mut self, view: &View, cage: &Cage) -> bool {
        let Some(cursor) = self.cursors.last().copied() else { return false };
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
            let word = unsafe { *tail.add(i) };
            if i + 8 < end {
                // SAFETY: SLOT-TYPED, within the tail.
                let ahead = view.heap.index(unsafe { *tail.add(i + 8) });
                if ahead < view.heap.count() {
                    prefetch(view.colors.word_address(ahead as usize) as usize);
                }
            }
            // SAFETY: SLOT-TYPED, a slot of a live object.
            unsafe { self.shade_in(view, cage, word) };
        }
        true
    }

    /// Scans until the stack is empty. Gray objects may be left.
    ///
    /// # Safety
    ///
    /// Everything on the stack must be a live object of this cage (MARK-LISTED), and nothing may move meanwhile.
    pub unsafe fn drain(&mut self, cage: &Cage, kinds: &KindTable) {
        let view = self.view(cage, kinds);
        let mut prefetching = self.traversal == Traversal::Prefetch;
        loop {
            self.stack.sample();
            // SAFETY: MARK-LISTED is the caller's obligation.
            let far = unsafe {
                if prefetching { self.drain_prefetching(&view, cage) } else { self.drain_depth_first(&view, cage) }
            };
            if self.traversal == Traversal::Auto {
                // A page or more from the object scanned before: the hardware does not prefetch across pages.
                prefetching = far > SAMPLE_OBJECTS / 4;
            }
            // SAFETY: MARK-LISTED.
            if self.stack.is_empty() && !unsafe { self.scan_chunk(&view, cage) } {
                return;
            }
        }
    }

    /// Scans up to [`SAMPLE_OBJECTS`] objects; returns how many lay far from the one before.
    ///
    /// # Safety
    ///
    /// As for `drain`.
    #[inline(never)]
    unsafe fn drain_depth_first(&mut self, view: &View, cage: &Cage) -> usize {
        let (mut far, mut last) = (0, 0);
        for _ in 0..SAMPLE_OBJECTS {
            let Some(bit) = self.stack.pop() else { break };
            far += usize::from(bit.abs_diff(last) > 512);
            last = bit;
            // SAFETY: MARK-LISTED, a live object.
            unsafe { self.scan(view, cage, bit) };
        }
        far
    }

    /// The same through the FIFO, which is empty before and after.
    ///
    /// # Safety
    ///
    /// As for `drain`.
    #[inline(never)]
    unsafe fn drain_prefetching(&mut self, view: &View, cage: &Cage) -> usize {
        let mut ring = [0u64; FIFO];
        let (mut head, mut tail) = (0usize, 0usize);
        let (mut far, mut last, mut budget) = (0, 0, SAMPLE_OBJECTS);
        loop {
            while head - tail < FIFO && budget > 0 {
                let Some(bit) = self.stack.pop() else { break };
                prefetch(view.object(bit).address());
                ring[head % FIFO] = bit;
                head += 1;
                budget -= 1;
            }
            if head == tail {
                return far;
            }
            let bit = ring[tail % FIFO];
            tail += 1;
            far += usize::from(bit.abs_diff(last) > 512);
            last = bit;
            // SAFETY: MARK-LISTED, a live object.
            unsafe { self.scan(view, cage, bit) };
        }
    }

    /// Drains and rescans until nothing is gray. Returns how long rescanning took by `clock`, in its units.
    ///
    /// # Safety
    ///
    /// As for [`Marker::drain`].
    pub unsafe fn finish(&mut self, cage: &Cage, kinds: &KindTable, clock: &dyn Fn() -> u64) -> u64 {
        // SAFETY: as the caller's.
        unsafe { self.drain(cage, kinds) };
        if !self.any_gray {
            return 0;
        }
        let start = clock();
        while self.any_gray {
            // SAFETY: as the caller's.
            unsafe { self.rescan(cage, kinds) };
        }
        clock() - start
    }

    /// Searches the blocks that hold gray objects, and marks on from each.
    ///
    /// # Safety
    ///
    /// As for [`Marker::drain`]; the stack must be empty.
    unsafe fn rescan(&mut self, cage: &Cage, kinds: &KindTable) {
        debug_assert!(self.stack.is_empty() && self.cursors.is_empty(), "MARK-LISTED");
        let view = self.view(cage, kinds);
        self.any_gray = false;
        self.counts.rescans += 1;
        for index in 0..self.gray_blocks.len() {
            while self.gray_blocks[index] != 0 {
                let low = self.gray_blocks[index].trailing_zeros() as usize;
                self.gray_blocks[index] &= !(1 << low);
                self.counts.rescanned_blocks += 1;
                let first = (index * 64 + low) * (BLOCK_WORDS / 64);
                for word in first..first + BLOCK_WORDS / 64 {
                    loop {
                        let gray = view.colors.gray_starts(word, cage.starts().word(word));
                        if gray == 0 {
                            break;
                        }
                        let bit = word * 64 + gray.trailing_zeros() as usize;
                        view.colors.blacken(bit);
                        self.counts.marked_objects += 1;
                        // SAFETY: MARK-LISTED, a gray object is live; it is black now and scanned here.
                        unsafe { self.scan(&view, cage, bit as u64) };
                        // SAFETY: as the caller's.
                        unsafe { self.drain(cage, kinds) };
                    }
                }
            }
        }
        self.any_gray |= self.gray_blocks.iter().any(|w| *w != 0);
    }
}
