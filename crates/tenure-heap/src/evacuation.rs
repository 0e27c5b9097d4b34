//! Evacuating sparse blocks: choice, slices, corrections.
//!
//! Before marking, `tenure_policy::evacuation` chooses sparse blocks; marking records the old slots that refer into them.
//! After marking, each slice copies the live objects of some candidates into other blocks and corrects what refers to
//! them: the recorded slots, the roots, what the remembered set names, and every young object. Until the last candidate
//! is done, minor collections record the slots of what they take from the remembered set and of what they promote
//! (EVAC-RECORDED). Then the emptied blocks are swept like others, which frees them. A slice costs time proportional to
//! the live bytes of its blocks, their incoming slots, the roots, and the nursery. A block that too many slots refer
//! into, or for whose objects there is no room, stays as it is; objects that are pinned or large never move.

use tenure_barrier::CardEntry;
use tenure_events::{Cause, CollectionKind, CollectionRecord, Decision, Phase};
use tenure_memory::BLOCK_BYTES;
use tenure_object::{ObjectRef, ReferenceRange};
use tenure_old::MovedObject;
use tenure_policy::evacuation::{
    EvacuationInput, EvacuationReason, QUOTA_BYTES, SPARSE_PERCENT, SPARSE_PERCENT_REDUCING, choose,
};

use crate::config::Compaction;
use crate::core::{AbortOnPanic, Core, Inner};
use crate::cycle::Budget;

/// Live bytes that a slice evacuates at least, if there are as many: less would be spent on roots and young objects.
const SLICE_BYTES: usize = 64 << 10;

/// What correcting a recorded slot is taken to cost: two cache misses. A block gets half of a pause goal for its slots.
const CORRECTION_NS: u64 = 100;

/// A block to be evacuated.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    /// Its objects hold slots.
    pointer: bool,
    index: u32,
    used_bytes: u32,
}

/// The candidates of a cycle; the one at index `i` has number `i + 1`.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    blocks: Vec<Candidate>,
    /// Those before are done.
    next: usize,
    /// Marking has ended: they can be evacuated.
    marked: bool,
    moved: Vec<MovedObject>,
}

impl Candidates {
    /// Returns whether marking has ended and blocks are left to be evacuated.
    pub(crate) fn is_due(&self) -> bool {
        self.marked
    }

    /// Returns whether the candidate with this number is still to be evacuated.
    pub(crate) fn is_left(&self, number: u16) -> bool {
        usize::from(number) > self.next
    }
}

impl Core {
    /// Evacuates some candidates: as many as the budget permits, and one at least.
    pub(crate) fn evacuation_slice(&mut self, budget: &Budget) {
        let _guard = AbortOnPanic::new();
        let mut record = self.begin(CollectionKind::Slice, Cause::AllocationLimit);
        loop {
            let again = self.evacuate_batch(
                &mut record,
                budget.blocks == usize::MAX && budget.deadline_ns == u64::MAX,
            );
            if !again || budget.deadline_ns == u64::MAX || self.now_ns() >= budget.deadline_ns {
                break;
            }
        }
        self.end_slice(record);
    }

    /// Evacuates the next candidates, or all. Returns whether some are left.
    pub(crate) fn evacuate_batch(&mut self, record: &mut CollectionRecord, all: bool) -> bool {
        let start = self.now_ns();
        let first = self.inner().candidates.next;
        let mut moved = std::mem::take(&mut self.inner().candidates.moved);
        let mut bytes = 0;
        let mut whole = true;
        let inner = self.inner();
        let settings = &inner.config.settings;
        let least_bytes = if settings.stress_phases || settings.stress_incremental {
            1
        } else {
            SLICE_BYTES
        };
        while let Some(candidate) = inner.candidates.blocks.get(inner.candidates.next).copied() {
            if !all && bytes >= least_bytes {
                break;
            }
            inner.candidates.next += 1;
            let number = inner.candidates.next as u16;
            if inner.marker.recorder().is_given_up(number) {
                continue;
            }
            bytes += candidate.used_bytes as usize;
            let mut abort_at = inner.config.settings.abort_evacuation_at;
            let kinds = inner.kinds;
            let (pointer, data, _, mut pages) = inner.spaces();
            let space = if candidate.pointer { pointer } else { data };
            // SAFETY: MARK-STRONG, marking has ended; EVAC-FORWARDED, corrected and settled below.
            whole &= unsafe { space.evacuate(candidate.index, &kinds, &mut moved, &mut abort_at, &mut pages) };
        }
        let last = inner.candidates.next;
        let copied = self.lap(record, Phase::Compact, start);
        if !moved.is_empty() {
            self.correct(first, last, &moved);
            let inner = self.inner();
            for object in &moved {
                let in_data = inner.cage.data().contains(object.from.address());
                let space = if in_data { &mut inner.data } else { &mut inner.pointer };
                // SAFETY: EVAC-FORWARDED, every reference was corrected.
                unsafe { space.settle(&inner.cage, *object) };
            }
        }
        self.lap(record, Phase::Update, copied);
        record.moved_objects += moved.len() as u64;
        record.moved_bytes += moved.iter().map(|object| object.words as u64 * 8).sum::<u64>();
        if !whole {
            record.decisions.push(Decision {
                subject: "evacuation",
                value: moved.len() as u64,
                unit: "objects moved",
                reason: "aborted: no room for the next object",
            });
        }
        moved.clear();
        let inner = self.inner();
        inner.candidates.moved = moved;
        let left = inner.candidates.next < inner.candidates.blocks.len();
        if !left {
            inner.end_candidates();
        }
        left
    }

    /// Corrects every reference to what was moved out of the candidates numbered `first + 1` to `last`.
    fn correct(&mut self, first: usize, last: usize, moved: &[MovedObject]) {
        let inner = self.inner();
        for number in first..last {
            for slot in inner.marker.recorder().take(number as u16 + 1) {
                // SAFETY: EVAC-RECORDED, a slot of a live object or of an old copy, which is memory of the heap still.
                unsafe { inner.correct_slot(slot as *mut u64, false) };
            }
        }
        self.visit_roots(|slot| {
            // SAFETY: ROOT-EXACT and SLOT-TYPED, a root word.
            unsafe { self.inner().correct_slot(slot, false) };
        });
        let top = self.window.top.get();
        let inner = self.inner();
        let mut address = inner.nursery.active(&inner.cage).start;
        while address < top {
            let object = ObjectRef::from_address(address);
            inner.correct_object(object, false);
            // SAFETY: KIND-LAYOUT and NUR-BUMP, objects lie without gaps from the start of the active half to the top.
            address += unsafe { ObjectRef::words(Inner::header_of(object), &inner.kinds) } * 8;
        }
        for index in 0..inner.large.young_count() {
            // The stores into those that are carded are in the remembered set.
            if let Some(object) = inner.large.young_object(index)
                && !Inner::header_of(object).has(tenure_object::FLAG_CARDED)
            {
                inner.correct_object(object, false);
            }
        }
        // The new copies first: what the remembered set names may be among them.
        for object in moved {
            // SAFETY: EVAC-FORWARDED, it is not settled yet.
            let to = unsafe { object.to() };
            inner.correct_object(to, true);
        }
        let forward = |object: ObjectRef| {
            // SAFETY: OBJ-HEADER, an entry of the remembered set, or EVAC-FORWARDED.
            let header = unsafe { object.header() };
            if header.is_live() {
                object
            } else {
                ObjectRef::from_address(header.bits() as usize)
            }
        };
        let kinds = inner.kinds;
        let bytes_of = |object: ObjectRef| {
            let header = Inner::header_of(forward(object));
            // SAFETY: KIND-LAYOUT, the header is the object's.
            unsafe { ObjectRef::words(header, &kinds) * 8 }
        };
        inner.remembered.forward(&inner.cage, bytes_of, forward);
        let mut watched = std::mem::take(&mut inner.watched);
        watched.correct_at_risk(forward, |word| {
            // SAFETY: SLOT-TYPED, a weak handle.
            unsafe { inner.correct_slot(word, false) };
        });
        inner.watched = watched;
        for index in 0..inner.remembered.owners().len() {
            let owner = inner.remembered.owners()[index];
            inner.correct_object(owner, false);
        }
        for index in 0..inner.remembered.cards().len() {
            let entry = inner.remembered.cards()[index];
            let header = Inner::header_of(entry.owner);
            // SAFETY: OBJ-HEADER and KIND-LAYOUT, an entry of the set; SLOT-TYPED for each slot.
            unsafe {
                entry
                    .owner
                    .visit_references_in(header, &kinds, entry.slots(), |slot| inner.correct_slot(slot, false));
            }
        }
    }
}

impl Inner {
    /// Chooses the blocks that are evacuated after the marking that begins. Sweeping has been finished.
    pub(crate) fn choose_candidates(&mut self, record: Option<&mut CollectionRecord>, reducing: bool) {
        let settings = &self.config.settings;
        if !matches!(settings.compaction, Compaction::Evacuate | Compaction::Auto) {
            return;
        }
        let stress = settings.stress_compaction;
        let input = EvacuationInput {
            block_bytes: BLOCK_BYTES as u32,
            quota_bytes: if stress || reducing { u64::MAX } else { QUOTA_BYTES },
            free_percent: if reducing {
                SPARSE_PERCENT_REDUCING
            } else {
                SPARSE_PERCENT
            },
        };
        // Data blocks have the numbers after all pointer blocks in this list.
        const DATA: u32 = 1 << 31;
        let mut blocks = self.pointer.evacuable(&self.cage);
        let data = self.data.evacuable(&self.cage);
        blocks.extend(data.into_iter().map(|(index, used)| (index | DATA, used)));
        let reason = if stress {
            EvacuationReason::Sparse
        } else {
            choose(&input, &mut blocks)
        };
        blocks.truncate(usize::from(u16::MAX) - 1);
        if let Some(record) = record {
            record.decisions.push(Decision {
                subject: "evacuation",
                value: blocks.len() as u64,
                unit: "blocks",
                reason: reason.as_str(),
            });
        }
        let heap_start = self.cage.heap().start;
        let mut numbers = Vec::with_capacity(blocks.len());
        for (index, used_bytes) in blocks {
            let pointer = index & DATA == 0;
            let index = index & !DATA;
            let space = if pointer { &mut self.pointer } else { &mut self.data };
            space.set_candidate(index);
            numbers.push((space.block_address(index) - heap_start) / BLOCK_BYTES);
            self.candidates.blocks.push(Candidate {
                pointer,
                index,
                used_bytes,
            });
        }
        let heap_blocks = self.cage.heap().bytes().div_ceil(BLOCK_BYTES);
        let goal_ns = self.config.settings.pause_goal_ns;
        let slots_max = if goal_ns > 0 {
            usize::try_from(goal_ns / CORRECTION_NS / 2).unwrap_or(usize::MAX)
        } else {
            usize::MAX
        };
        self.marker.recorder().begin(heap_blocks, &numbers, slots_max);
    }

    /// Marking has ended: the candidates can be evacuated.
    pub(crate) fn candidates_marked(&mut self) {
        self.candidates.marked = !self.candidates.blocks.is_empty();
    }

    /// Makes the candidates blocks like any others.
    pub(crate) fn end_candidates(&mut self) {
        for candidate in std::mem::take(&mut self.candidates.blocks) {
            let space = if candidate.pointer {
                &mut self.pointer
            } else {
                &mut self.data
            };
            space.end_evacuation(candidate.index);
        }
        self.candidates.next = 0;
        self.candidates.marked = false;
        self.marker.recorder().end();
        self.watched.end_evacuation();
    }

    /// Returns whether stores between old objects matter: a cycle marks, or candidates are left to be evacuated.
    pub(crate) fn tracks_old_stores(&self) -> bool {
        self.cycle.is_some() || self.candidates.marked
    }

    /// Records the slots that refer into candidates of what a minor collection took from the remembered set. An owner
    /// that is white in the middle of a cycle is either scanned later, which records its slots, or dead: its memory may
    /// be something else before the slots are corrected.
    pub(crate) fn record_taken(&mut self, owners: &[ObjectRef], cards: &[CardEntry]) {
        if self.candidates.blocks.is_empty() {
            return;
        }
        let (kinds, marking, color) = (self.kinds, self.cycle.is_some(), self.cage.color());
        let heap_start = self.cage.heap().start;
        let lasts = |owner: ObjectRef| !marking || color.get((owner.address() - heap_start) / 8);
        for owner in owners.iter().filter(|owner| lasts(**owner)) {
            let (marker, cage) = (&mut self.marker, &self.cage);
            // SAFETY: OBJ-HEADER and KIND-LAYOUT, an entry of the set; SLOT-TYPED for each slot.
            unsafe {
                owner.visit_references(Inner::header_of(*owner), &kinds, |slot| {
                    marker.record_slot(cage, slot, *slot);
                });
            }
        }
        for entry in cards.iter().filter(|entry| lasts(entry.owner)) {
            let (marker, cage) = (&mut self.marker, &self.cage);
            let header = Inner::header_of(entry.owner);
            // SAFETY: OBJ-HEADER and KIND-LAYOUT, as above.
            unsafe {
                entry.owner.visit_references_in(header, &kinds, entry.slots(), |slot| {
                    marker.record_slot(cage, slot, *slot);
                });
            }
        }
    }

    /// Corrects all slots of an object; of a new copy, those that refer into other candidates are recorded.
    fn correct_object(&mut self, object: ObjectRef, new: bool) {
        let (header, kinds) = (Inner::header_of(object), self.kinds);
        // SAFETY: OBJ-HEADER and KIND-LAYOUT, an object between collections; SLOT-TYPED for each slot.
        unsafe { object.visit_references(header, &kinds, |slot| self.correct_slot(slot, new)) };
    }

    /// # Safety
    ///
    /// `slot` must be a slot or root word, or one of an old copy (SLOT-TYPED).
    #[inline]
    unsafe fn correct_slot(&mut self, slot: *mut u64, new: bool) {
        // SAFETY: SLOT-TYPED is the caller's obligation.
        let word = unsafe { *slot };
        let heap = ReferenceRange::new(self.cage.heap());
        let bit = heap.index(word);
        if bit >= heap.count() {
            return;
        }
        let number = self.marker.recorder().number(bit as usize);
        if number == 0 {
            return;
        }
        // SAFETY: OBJ-HEADER or EVAC-FORWARDED, an object of a candidate.
        let header = unsafe { ObjectRef::from_reference(word).header() };
        if !header.is_live() {
            // SAFETY: SLOT-TYPED, the same object by its new address.
            unsafe { *slot = ObjectRef::from_address(header.bits() as usize).reference() };
        } else if new {
            self.marker.recorder().record(number, slot as usize);
        }
    }
}
