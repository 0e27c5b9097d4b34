//! Sliding in place of sweeping, step by step.
//!
//! After marking: plan both block spaces; correct the roots, what is young, the remembered set and large objects; then,
//! block by block, correct the slots and move the objects while the block is in the cache; settle large objects. The
//! pause is that of marking, plus one look at every slot of a live object and one copy of what moves. Sliding needs the
//! whole heap marked in one pause: the end of an incremental cycle sweeps.

use tenure_events::{Cause, CollectionRecord, Decision, Phase};
use tenure_memory::BLOCK_BYTES;
use tenure_object::ObjectRef;
use tenure_old::{Forwarding, NoTable, SlidePlan};
use tenure_policy::fragmentation::{FragmentationInput, slide_is_due};

use crate::config::Compaction;
use crate::core::{Core, Inner, WINDOW_OBJECT_MAX_BYTES};

impl Core {
    /// Collects everything and slides the old generation together, unless the settings forbid it. The pause is about
    /// one and a half times that of a collection that sweeps.
    pub fn compact(&mut self) {
        self.inner().compact_requested = true;
        self.collect_major(Cause::Requested);
        self.inner().compact_requested = false;
    }

    /// Collects everything because an allocation of `bytes` bytes found no room in the old generation.
    pub(crate) fn collect_major_for_room(&mut self, bytes: usize) {
        self.inner().wanted_bytes = bytes;
        self.collect_major(Cause::LargeAllocation);
        let inner = self.inner();
        inner.wanted_bytes = 0;
        let (pointer, data, _, mut pages) = inner.spaces();
        if bytes > WINDOW_OBJECT_MAX_BYTES && pages.budget.room_bytes() < bytes {
            // A large object has pages of its own: empty blocks are of no use to it.
            pointer.release_empty(0, &mut pages);
            data.release_empty(0, &mut pages);
        }
    }

    /// Slides the old generation together if that is due. Returns false when it is to be swept instead. Marking must be
    /// complete, and no cycle in progress.
    pub(crate) fn slide(&mut self, record: &mut CollectionRecord) -> bool {
        let inner = self.inner();
        let (due, reason) = inner.compaction_due(record);
        if !due {
            if inner.config.settings.compaction != Compaction::Never {
                record.decisions.push(decision(0, reason));
            }
            return false;
        }
        // Everything moves anyway.
        inner.end_candidates();
        let start = inner.clock.now_ns();
        let (color, heap_start) = (inner.cage.color(), inner.cage.heap().start);
        inner
            .remembered
            .retain(&inner.cage, |object| color.get((object.address() - heap_start) / 8));
        let plans = inner.plan_slide();
        self.lap(record, Phase::Compact, start);
        let Ok((data, pointer)) = plans else {
            record.decisions.push(decision(0, "no memory for the table of a slide"));
            return false;
        };
        self.slide_by(record, &data, &pointer);
        let moved_bytes = data.moved_bytes() + pointer.moved_bytes();
        record.moved_objects += data.moved_objects() + pointer.moved_objects();
        record.moved_bytes += moved_bytes;
        record.decisions.push(decision(moved_bytes, reason));
        true
    }

    fn slide_by(&mut self, record: &mut CollectionRecord, data: &SlidePlan, pointer: &SlidePlan) {
        let inner = self.inner();
        let mut time = inner.clock.now_ns();
        let poison = inner.config.settings.poison;
        // SAFETY: MARK-STRONG, the plans were made of this marking.
        let mut data_move = unsafe { inner.data.begin_move(&inner.cage, data, poison) };
        // SAFETY: MARK-STRONG, as above.
        let mut pointer_move = unsafe { inner.pointer.begin_move(&inner.cage, pointer, poison) };
        let forwarding = Forwarding::new(&inner.cage, inner.kinds, data, pointer);
        time = self.lap(record, Phase::Compact, time);
        self.update_outside(&forwarding);
        time = self.lap(record, Phase::Update, time);
        for index in 0..pointer.blocks() {
            let inner = self.inner();
            let block = inner.cage.pointer().start + index * BLOCK_BYTES;
            if !inner.pointer.is_in_use(index) {
                continue;
            }
            // SAFETY: OLD-COVERED and SLIDE-LIVE, blocks are corrected and moved in ascending order.
            unsafe { forwarding.update_block(block) };
            time = self.lap(record, Phase::Update, time);
            let inner = self.inner();
            // SAFETY: SLIDE-ORDER, the blocks before have been moved.
            unsafe { inner.pointer.move_block(&inner.cage, &mut pointer_move, index) };
            time = self.lap(record, Phase::Compact, time);
        }
        let inner = self.inner();
        for index in 0..data.blocks() {
            // SAFETY: SLIDE-ORDER, in ascending order; OLD-DATA, there are no slots.
            unsafe { inner.data.move_block(&inner.cage, &mut data_move, index) };
        }
        // SAFETY: SLIDE-LIVE, every slot and root was corrected, and every block was moved.
        unsafe { inner.pointer.finish_move(&inner.cage, pointer_move) };
        // SAFETY: SLIDE-LIVE, as above.
        unsafe { inner.data.finish_move(&inner.cage, data_move) };
        time = self.lap(record, Phase::Compact, time);
        let inner = self.inner();
        // SAFETY: MARK-STRONG, marking has finished.
        unsafe { inner.large.begin_sweep(&inner.cage) };
        inner.free_dead_large();
        self.clear_young_colors();
        self.lap(record, Phase::Sweep, time);
    }

    /// Corrects every slot that does not lie in a block, and the remembered set.
    fn update_outside(&self, forwarding: &Forwarding<'_>) {
        self.visit_roots(|slot| {
            // SAFETY: ROOT-EXACT and SLOT-TYPED, a root word.
            unsafe { forwarding.update(slot) };
        });
        let inner = self.inner();
        let color = inner.cage.color();
        let live = |object: ObjectRef| color.get((object.address() - inner.cage.heap().start) / 8);
        // What is dead among the young may refer to what is dead among the old: it is never looked at again.
        let mut address = inner.nursery.active(&inner.cage).start;
        while address < self.window.top.get() {
            let object = ObjectRef::from_address(address);
            // SAFETY: KIND-LAYOUT and NUR-SCAN, what was retained lies without gaps.
            address += unsafe { ObjectRef::words(Inner::header_of(object), &inner.kinds) } * 8;
            if live(object) {
                // SAFETY: OBJ-HEADER, a live object of the nursery.
                unsafe { forwarding.update_object(object) };
            }
        }
        for (object, _, _) in inner.large.objects().filter(|(object, _, _)| live(*object)) {
            // SAFETY: OBJ-HEADER, a live large object.
            unsafe { forwarding.update_object(object) };
        }
        let kinds = inner.kinds;
        inner.remembered.forward(
            &inner.cage,
            |owner| {
                // SAFETY: KIND-LAYOUT, the header is the object's, which has not been moved yet.
                unsafe { ObjectRef::words(Inner::header_of(owner), &kinds) * 8 }
            },
            // SAFETY: SLIDE-LIVE, entries for dead objects were dropped.
            |object| unsafe { forwarding.forward_object(object) },
        );
        inner.watched.forward(
            // SAFETY: SLIDE-LIVE, as above.
            |object| unsafe { forwarding.forward_object(object) },
            // SAFETY: SLOT-TYPED, a weak handle whose object is alive.
            |word| unsafe { forwarding.update(word) },
        );
    }
}

fn decision(value: u64, reason: &'static str) -> Decision {
    Decision {
        subject: "compaction",
        value,
        unit: "bytes moved",
        reason,
    }
}

impl Inner {
    /// Returns whether the collection in progress, in one pause, is to slide, and why.
    fn compaction_due(&self, record: &CollectionRecord) -> (bool, &'static str) {
        let settings = &self.config.settings;
        if settings.compaction == Compaction::Never {
            return (false, "compaction is switched off");
        }
        if self.compact_requested {
            return (true, "the embedder asked for it");
        }
        if settings.compaction == Compaction::Evacuate {
            return (false, "evacuation compacts");
        }
        if settings.stress_compaction {
            return (true, "a stress setting");
        }
        if record.cause == Cause::LastResort {
            return (true, "the last resort");
        }
        let (due, reason) = slide_is_due(&FragmentationInput {
            committed_bytes: self.pointer.committed_bytes() + self.data.committed_bytes(),
            hole_bytes: self.pointer.listed_bytes() + self.data.listed_bytes(),
            // Everything was to be promoted: what was retained found no room.
            wanted_bytes: self.wanted_bytes.max(record.retained_bytes as usize),
            regularly: settings.compaction == Compaction::Slide,
        });
        (due, reason.as_str())
    }

    /// Plans both spaces, data first. Changes nothing that a sweep reads.
    fn plan_slide(&mut self) -> Result<(SlidePlan, SlidePlan), NoTable> {
        if !self.remembered.reserve_forwarding() {
            return Err(NoTable);
        }
        // SAFETY: MARK-STRONG, marking has finished; OLD-SWEPT, sweeping was finished before it began.
        let data = unsafe { self.data.plan_slide(&self.cage) }?;
        // SAFETY: MARK-STRONG and OLD-SWEPT, as above.
        let pointer = unsafe { self.pointer.plan_slide(&self.cage) }?;
        Ok((data, pointer))
    }
}
