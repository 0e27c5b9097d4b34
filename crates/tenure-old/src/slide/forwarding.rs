//! Where objects go, and correcting the references to them.
//!
//! Looking up a destination loads an entry of the table, far from the one before for a scattered graph: slots are
//! gathered until there are some dozens, with their entries on the way, and then corrected together. Updating touches
//! no object but the one whose slots it corrects.

use tenure_memory::{BLOCK_BYTES, BLOCK_WORDS, Cage, SideBitmap};
use tenure_object::{Header, KindTable, ObjectRef, ReferenceRange};

use super::{Group, IRREGULAR, SlidePlan};

/// Slots whose targets' entries are on their way. 32 to 256 are equally good on the machines measured.
const BATCH: usize = 64;

/// The plans of both spaces, prepared for looking up destinations.
#[derive(Clone, Copy, Debug)]
pub struct Forwarding<'a> {
    heap: ReferenceRange,
    color: SideBitmap,
    starts: SideBitmap,
    heap_start: usize,
    /// The bits of both spaces, which are neighbors, up to the last block in use.
    first: u64,
    count: u64,
    pointer_first: u64,
    /// The tables, as if they began at the first group of the cage.
    data_table: *const Group,
    pointer_table: *const Group,
    data: &'a SlidePlan,
    pointer: &'a SlidePlan,
    kinds: KindTable,
    /// The processor counts bits in one instruction.
    #[cfg(target_arch = "x86_64")]
    counts_bits: bool,
}

#[derive(Debug)]
struct Batch {
    slots: [*mut u64; BATCH],
    bits: [u64; BATCH],
    length: usize,
}

#[inline(always)]
fn prefetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: MEM-OWNED is not needed, a prefetch reads nothing and cannot fault; SSE is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

impl<'a> Forwarding<'a> {
    /// Prepares the plans of the data blocks and the pointer blocks of a cage.
    #[must_use]
    pub fn new(cage: &Cage, kinds: KindTable, data: &'a SlidePlan, pointer: &'a SlidePlan) -> Forwarding<'a> {
        assert!(cage.data().end == cage.pointer().start, "CAGE-RANGES");
        let first = cage.bit(cage.data().start) as u64;
        let pointer_first = cage.bit(cage.pointer().start) as u64;
        Forwarding {
            heap: ReferenceRange::new(cage.heap()),
            color: cage.color(),
            starts: cage.starts(),
            heap_start: cage.heap().start,
            first,
            count: pointer_first - first + (pointer.blocks() * BLOCK_WORDS) as u64,
            pointer_first,
            data_table: data.table.as_ptr().wrapping_sub(data.first_group),
            pointer_table: pointer.table.as_ptr().wrapping_sub(pointer.first_group),
            data,
            pointer,
            kinds,
            #[cfg(target_arch = "x86_64")]
            counts_bits: std::arch::is_x86_feature_detected!("popcnt"),
        }
    }

    /// Returns whether the object at `bit` lies in a block.
    #[inline(always)]
    fn in_block(&self, bit: u64) -> bool {
        bit.wrapping_sub(self.first) < self.count
    }

    /// Returns the address of the table's entry for the object at `bit`.
    #[inline(always)]
    fn group(&self, bit: u64) -> *const Group {
        let table = if bit >= self.pointer_first {
            self.pointer_table
        } else {
            self.data_table
        };
        table.wrapping_add(bit as usize / 64)
    }

    /// Returns the address that the object at `bit` has after the move.
    ///
    /// # Safety
    ///
    /// There must be a live object in a block (SLIDE-LIVE).
    #[inline(always)]
    unsafe fn destination(&self, bit: u64) -> usize {
        // SAFETY: SLIDE-LIVE, the tables cover all blocks that live objects lie in.
        let group = unsafe { *self.group(bit) };
        debug_assert!(
            group.live >> (bit % 64) & 1 != 0,
            "SLIDE-LIVE: a reference to a dead object"
        );
        if group.base & IRREGULAR != 0 {
            return self.destination_slow(bit, group);
        }
        group.base + (group.live & ((1 << (bit % 64)) - 1)).count_ones() as usize * 8
    }

    /// Finds the destination in a group whose objects go to several places: by the last break at or below the object.
    #[cold]
    #[inline(never)]
    fn destination_slow(&self, bit: u64, group: Group) -> usize {
        let plan = if bit >= self.pointer_first {
            self.pointer
        } else {
            self.data
        };
        let source = self.heap_start + bit as usize * 8;
        // The first break of an irregular group is at its first object.
        let breaks = &plan.breaks[group.base & !IRREGULAR..];
        let below = breaks.iter().take_while(|b| b.source <= source).count();
        let nearest = breaks[below.max(1) - 1];
        let from = (nearest.source - self.heap_start) / 8 % 64;
        let between = ((1 << (bit % 64)) - 1) & (!0 << from);
        nearest.destination + (group.live & between).count_ones() as usize * 8
    }

    /// Returns where `object` is after the move. Objects outside of blocks stay where they are.
    ///
    /// # Safety
    ///
    /// It must be live (SLIDE-LIVE).
    #[must_use]
    pub unsafe fn forward_object(&self, object: ObjectRef) -> ObjectRef {
        let bit = self.heap.index(object.reference());
        if self.in_block(bit) {
            // SAFETY: SLIDE-LIVE is the caller's obligation.
            ObjectRef::from_address(unsafe { self.destination(bit) })
        } else {
            object
        }
    }

    /// Corrects one slot.
    ///
    /// # Safety
    ///
    /// `slot` must be a root word or a slot of a live object (SLOT-TYPED) that has not been corrected yet.
    pub unsafe fn update(&self, slot: *mut u64) {
        // SAFETY: SLOT-TYPED is the caller's obligation.
        let bit = self.heap.index(unsafe { *slot });
        if self.in_block(bit) {
            // SAFETY: SLIDE-LIVE, what a root or a live object refers to is live.
            let target = ObjectRef::from_address(unsafe { self.destination(bit) });
            // SAFETY: SLOT-TYPED, as above: the same object by its address after the move.
            unsafe { *slot = target.reference() };
        }
    }

    /// Corrects the slots of a live object that does not lie in a block.
    ///
    /// # Safety
    ///
    /// There must be a live object (OBJ-HEADER) whose slots have not been corrected yet.
    pub unsafe fn update_object(&self, object: ObjectRef) {
        let mut batch = Batch::new();
        // SAFETY: OBJ-HEADER is the caller's obligation.
        unsafe { self.visit(&mut batch, object) };
        // SAFETY: SLOT-TYPED, as above.
        unsafe { self.flush(&mut batch) };
    }

    /// Corrects the slots of the live objects of a block of pointers, before they move.
    ///
    /// # Safety
    ///
    /// `block` must be the address of a block in use that the plan covers and whose slots have not been corrected, and
    /// no object of it or of a higher block may have moved (OLD-COVERED, SLIDE-LIVE).
    pub unsafe fn update_block(&self, block: usize) {
        let mut batch = Batch::new();
        let first = (block - self.heap_start) / 8 / 64;
        for word in first..first + BLOCK_BYTES / 8 / 64 {
            let mut objects = self.starts.word(word) & self.color.word(word);
            while objects != 0 {
                let bit = word * 64 + objects.trailing_zeros() as usize;
                objects &= objects - 1;
                // SAFETY: OLD-COVERED and SLIDE-LIVE, a live object or a hole starts here.
                unsafe { self.visit(&mut batch, ObjectRef::from_address(self.heap_start + bit * 8)) };
            }
        }
        // SAFETY: SLOT-TYPED, slots of live objects.
        unsafe { self.flush(&mut batch) };
    }

    /// # Safety
    ///
    /// As for [`Forwarding::update_object`]; a hole will do as well.
    #[inline(always)]
    unsafe fn visit(&self, batch: &mut Batch, object: ObjectRef) {
        // SAFETY: OBJ-HEADER is the caller's obligation.
        let header: Header = unsafe { object.header() };
        if let Some(mut map) = header.fixed_slot_map()
            && !header.is_watched()
        {
            while map != 0 {
                let slot = (object.payload() as *mut u64).wrapping_add(map.trailing_zeros() as usize);
                map &= map - 1;
                // SAFETY: KIND-LAYOUT and SLOT-TYPED, the bitmap names slots of the payload.
                unsafe { self.gather(batch, slot) };
            }
            return;
        }
        // SAFETY: OBJ-HEADER and KIND-LAYOUT, and SLOT-TYPED for each slot.
        unsafe { object.visit_references(header, &self.kinds, |slot| self.gather(batch, slot)) };
    }

    /// # Safety
    ///
    /// `slot` must be a slot of a live object (SLOT-TYPED).
    #[inline(always)]
    unsafe fn gather(&self, batch: &mut Batch, slot: *mut u64) {
        // SAFETY: SLOT-TYPED is the caller's obligation.
        let bit = self.heap.index(unsafe { *slot });
        if !self.in_block(bit) {
            return;
        }
        prefetch(self.group(bit));
        (batch.slots[batch.length], batch.bits[batch.length]) = (slot, bit);
        batch.length += 1;
        if batch.length == BATCH {
            // SAFETY: SLOT-TYPED, slots of live objects.
            unsafe { self.flush(batch) };
        }
    }

    /// Corrects the slots gathered.
    ///
    /// # Safety
    ///
    /// They must be slots still (SLOT-TYPED).
    #[inline(never)]
    unsafe fn flush(&self, batch: &mut Batch) {
        #[cfg(target_arch = "x86_64")]
        if self.counts_bits {
            // SAFETY: SLOT-TYPED is the caller's obligation; the processor has the instruction.
            return unsafe { self.flush_counting(batch) };
        }
        // SAFETY: SLOT-TYPED is the caller's obligation.
        unsafe { self.flush_each(batch) };
    }

    /// [`Forwarding::flush_each`], compiled for processors that count bits in one instruction instead of twelve.
    ///
    /// # Safety
    ///
    /// As for [`Forwarding::flush`]; the processor must have `popcnt`.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "popcnt")]
    unsafe fn flush_counting(&self, batch: &mut Batch) {
        // SAFETY: SLOT-TYPED is the caller's obligation.
        unsafe { self.flush_each(batch) };
    }

    /// # Safety
    ///
    /// As for [`Forwarding::flush`].
    #[inline(always)]
    unsafe fn flush_each(&self, batch: &mut Batch) {
        for (slot, bit) in batch.slots.iter().zip(batch.bits).take(batch.length) {
            // SAFETY: SLIDE-LIVE, what a live object refers to is live.
            let target = ObjectRef::from_address(unsafe { self.destination(bit) });
            // SAFETY: SLOT-TYPED, the same object by its address after the move.
            unsafe { **slot = target.reference() };
        }
        batch.length = 0;
    }
}

impl Batch {
    fn new() -> Batch {
        Batch {
            slots: [std::ptr::null_mut(); BATCH],
            bits: [0; BATCH],
            length: 0,
        }
    }
}
