//! The incremental cycle: start, slices, end.
//!
//! A cycle starts when the old generation nears its limit, with a minor collection that promotes everything. Its slices run at allocations, a stretch of mutator work
//! apart, each long enough that marking ends before the limit is reached; the last pause is a major collection that
//! finds most of its marking done. Slices skip the nursery. Promoted objects, and those allocated old, are born black and
//! listed. What the program stores into old objects meanwhile is the business of the barrier (`marking_barrier.rs`).
//!
//! Sweeping follows in slices of some blocks, and when an allocation looks for a hole.
//!
//! A cycle moves nothing, and does not look at the clock but to record its slices.

use tenure_events::{Cause, CollectionKind, CollectionRecord, IncrementalSteps, Phase};
use tenure_memory::{BLOCK_WORDS, CARD_WORDS};
use tenure_object::ObjectRef;

use crate::core::{AbortOnPanic, Core, Inner};
use crate::major::PROMOTE_ALL;

/// The fewest objects that a slice scans: less would be spent on getting there.
const MIN_SLICE_OBJECTS: usize = 512;

/// Blocks that a slice sweeps: 2 MiB for every 64 KiB allocated.
const SLICE_BLOCKS: usize = 8;

/// Bytes that an object is taken to have before a cycle has counted any.
const TYPICAL_OBJECT_BYTES: usize = 48;

/// A cycle in progress.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cycle {
    start_ns: u64,
    start_old_bytes: usize,
    /// Nothing was left to mark: the cycle can end.
    ripe: bool,
    slices: u64,
    total_ns: u64,
    longest_ns: u64,
    marked_objects: u64,
    mark_stack_overflows: u64,
    rescans: u64,
    rescanned_blocks: u64,
}

impl Cycle {
    /// Returns what `--trace-gc` says of the slices.
    pub(crate) fn steps(&self, now_ns: u64) -> IncrementalSteps {
        IncrementalSteps {
            total_ns: self.total_ns,
            steps: self.slices,
            longest_ns: self.longest_ns,
            since_start_ns: now_ns.saturating_sub(self.start_ns),
        }
    }

    /// Adds what the slices did to the record of the last pause.
    pub(crate) fn add_to(&self, record: &mut CollectionRecord) {
        record.marked_objects += self.marked_objects;
        record.mark_stack_overflows += self.mark_stack_overflows;
        record.rescans += self.rescans;
        record.rescanned_blocks += self.rescanned_blocks;
    }
}

impl Core {
    /// Starts a cycle if one is due: when the old generation has less room to its limit than a quarter of it.
    pub(crate) fn start_cycle_if_due(&mut self) {
        let inner = self.inner();
        let settings = &inner.config.settings;
        if !settings.incremental_marking || inner.cycle.is_some() {
            return;
        }
        let due = inner.old_bytes() + inner.old_limit_bytes / 4 > inner.old_limit_bytes;
        if !due && !settings.stress_incremental {
            return;
        }
        self.finish_sweeping();
        // What is young now would hide from the slices whatever hangs from it alone.
        self.minor(Cause::AllocationLimit, Some(PROMOTE_ALL));
        let inner = self.inner();
        let start_ns = inner.clock.now_ns();
        inner.cycle = Some(Cycle {
            start_ns,
            start_old_bytes: inner.old_bytes(),
            ..Cycle::default()
        });
        inner.marker.set_skip_nursery(true);
        self.slice(|core| {
            core.shade_roots();
            core.begin_barrier();
            false
        });
    }

    /// Runs one slice of marking or sweeping, if there is such work, and ends the cycle when nothing is left to mark.
    pub(crate) fn advance_cycle(&mut self) {
        if self.inner().cycle.is_none() {
            if self.inner().is_sweeping() {
                self.sweep_slice(SLICE_BLOCKS);
            }
            return;
        }
        if !self.has_slices() {
            return;
        }
        let objects = self.slice_objects();
        let done = self.slice(|core| {
            let inner = core.inner();
            // SAFETY: MARK-LISTED, only objects of the old generation are listed, and they do not move.
            unsafe { inner.marker.slice(&inner.cage, &inner.kinds, objects) }
        });
        let stressed = self.inner().config.settings.stress_incremental;
        if let Some(cycle) = &mut self.inner().cycle {
            cycle.ripe |= done;
        }
        if done && stressed {
            self.collect_major(Cause::AllocationLimit);
        }
    }

    /// Ends the cycle if nothing was left to mark. Called right after a minor collection, when little is young and the
    /// remembered set has just been looked at: what the last pause must mark again is least then.
    pub(crate) fn end_ripe_cycle(&mut self) {
        if self.inner().cycle.is_some_and(|cycle| cycle.ripe) {
            self.collect_major(Cause::AllocationLimit);
        }
    }

    /// Returns whether slices have work: marking that is not done, or blocks to sweep.
    pub(crate) fn has_slices(&self) -> bool {
        let inner = self.inner();
        match inner.cycle {
            Some(cycle) => !cycle.ripe,
            None => inner.is_sweeping(),
        }
    }

    /// Sweeps up to `blocks` blocks. When the last one is swept, what is live is known: the limit is set by it.
    fn sweep_slice(&mut self, blocks: usize) {
        let _guard = AbortOnPanic::new();
        let mut record = self.begin(CollectionKind::Slice, Cause::AllocationLimit);
        self.inner().sweep_blocks(blocks);
        let start_ns = record.start_ns;
        self.lap(&mut record, Phase::Sweep, start_ns);
        if !self.inner().is_sweeping() {
            self.set_old_limit(&mut record);
            self.release_memory(&mut record);
        }
        self.finish(record);
        self.window.limit.set(self.step_limit());
    }

    /// Sweeps whatever a cycle has left to be swept.
    pub(crate) fn finish_sweeping(&mut self) {
        if self.inner().is_sweeping() {
            self.sweep_slice(usize::MAX);
        }
    }

    /// Objects that the next slice must scan so that the cycle ends while half of the room to the limit is left.
    fn slice_objects(&self) -> usize {
        let inner = self.inner();
        let settings = &inner.config.settings;
        let Some(cycle) = inner.cycle else { return 0 };
        if settings.stress_incremental {
            return 1;
        }
        let expected = cycle.start_old_bytes / TYPICAL_OBJECT_BYTES;
        let left = expected
            .saturating_sub(cycle.marked_objects as usize)
            .max(expected / 16);
        let room = inner.old_limit_bytes.saturating_sub(inner.old_bytes()) / 2;
        let steps = (room / settings.mark_step_bytes.max(1)).max(1);
        (left / steps).max(MIN_SLICE_OBJECTS)
    }

    /// Runs `work` as a slice: timed, recorded, reported.
    fn slice(&mut self, work: impl FnOnce(&mut Core) -> bool) -> bool {
        let _guard = AbortOnPanic::new();
        let mut record = self.begin(CollectionKind::Slice, Cause::AllocationLimit);
        let done = work(self);
        let inner = self.inner();
        let now = inner.clock.now_ns();
        let slice_ns = now.saturating_sub(record.start_ns);
        record.phases.add(Phase::Mark, slice_ns);
        let counts = inner.marker.take_counts();
        record.marked_objects = counts.marked_objects;
        record.mark_stack_overflows = counts.overflows;
        record.rescans = counts.rescans;
        record.rescanned_blocks = counts.rescanned_blocks;
        if let Some(cycle) = &mut inner.cycle {
            cycle.slices += 1;
            cycle.total_ns += slice_ns;
            cycle.longest_ns = cycle.longest_ns.max(slice_ns);
            cycle.marked_objects += counts.marked_objects;
            cycle.mark_stack_overflows += counts.overflows;
            cycle.rescans += counts.rescans;
            cycle.rescanned_blocks += counts.rescanned_blocks;
        }
        self.finish(record);
        self.window.limit.set(self.step_limit());
        done
    }

    /// Marks what the roots refer to.
    pub(crate) fn shade_roots(&self) {
        self.visit_roots(|slot| {
            let inner = self.inner();
            // SAFETY: ROOT-EXACT and SLOT-TYPED, a root word.
            unsafe { inner.marker.shade(&inner.cage, &inner.kinds, *slot) };
        });
    }

    /// Gives up the cycle in progress, with all colors: for a collection that is to find everything dead that is.
    pub(crate) fn abandon_cycle(&mut self) {
        let inner = self.inner();
        if inner.cycle.take().is_none() {
            return;
        }
        inner.end_barrier();
        inner.marker.reset();
        inner.marker.take_counts();
        let color = inner.cage.color();
        for block in inner.pointer.blocks().chain(inner.data.blocks()) {
            let bit = inner.cage.bit(block);
            color.clear_range(bit, bit + BLOCK_WORDS);
        }
        for (object, _, _) in inner.large.objects() {
            let bit = inner.cage.bit(object.address());
            color.clear_range(bit, bit + 2);
        }
    }
}

impl Inner {
    /// Returns whether blocks are left to be swept.
    pub(crate) fn is_sweeping(&self) -> bool {
        self.pointer.unswept_blocks() + self.data.unswept_blocks() > 0
    }

    /// Sweeps up to `blocks` blocks.
    pub(crate) fn sweep_blocks(&mut self, blocks: usize) {
        for _ in 0..blocks {
            if !self.pointer.sweep_next(&self.cage) && !self.data.sweep_next(&self.cage) {
                return;
            }
        }
    }

    /// Returns how far the old generation may grow beyond its limit before a cycle in progress is ended in one pause:
    /// V8's margin.
    pub(crate) fn overshoot_bytes(&self) -> usize {
        if self.cycle.is_none() {
            return 0;
        }
        let limit = self.old_limit_bytes;
        (limit / 2)
            .max(32 << 20)
            .min(self.budget.max_bytes.saturating_sub(limit) / 2)
    }

    /// Lists again what the remembered set names: its objects and cards count as gray while a cycle is in progress.
    pub(crate) fn relist_remembered(&mut self) {
        for i in 0..self.remembered.owners().len() {
            let owner = self.remembered.owners()[i];
            self.marker.relist(&self.cage, &self.kinds, owner);
        }
        for i in 0..self.remembered.cards().len() {
            let entry = self.remembered.cards()[i];
            self.shade_card(entry.owner, entry.card);
        }
    }

    /// Marks what the slots of one card of a black array refer to.
    pub(crate) fn shade_card(&mut self, owner: ObjectRef, card: usize) {
        if !self.cage.color().get(self.cage.bit(owner.address())) {
            return;
        }
        let header = Inner::header_of(owner);
        let inside = tenure_memory::Range {
            start: card,
            end: card + CARD_WORDS * 8,
        };
        let mut words = [0u64; CARD_WORDS];
        let mut count = 0;
        // SAFETY: OBJ-HEADER and KIND-LAYOUT, an array of the remembered set.
        let (tail, length) = unsafe { owner.tail_slots(header, &self.kinds) };
        // SAFETY: OBJ-HEADER and KIND-LAYOUT, as above.
        unsafe {
            owner.visit_prefix_slots(header, &self.kinds, |slot| {
                if inside.contains(slot as usize) {
                    words[count] = *slot;
                    count += 1;
                }
            });
        }
        let mut slot = inside.start.max(tail as usize);
        while slot < inside.end.min(tail as usize + length * 8) {
            // SAFETY: SLOT-TYPED, a slot of the tail.
            words[count] = unsafe { *(slot as *const u64) };
            count += 1;
            slot += 8;
        }
        for word in &words[..count] {
            // SAFETY: SLOT-TYPED, words of slots of a live object.
            unsafe { self.marker.shade(&self.cage, &self.kinds, *word) };
        }
    }
}
