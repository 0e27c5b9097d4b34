//! The major collection, step by step.
//!
//! Evacuate the nursery into the old generation as far as there is room, or leave it in place at the end of an
//! incremental cycle; mark from the roots, through what is young too; drop dead entries of the remembered set; sweep; set the next limit. The pause is proportional to the live
//! objects with slots plus the bitmaps of all blocks. A major collection moves no old object.

use tenure_events::{Cause, CollectionKind, CollectionRecord, Decision, Event, Phase};
use tenure_memory::BLOCK_BYTES;
use tenure_policy::promotion::{NEVER_BY_FILL, PromotionRule};
use tenure_policy::sizing::{GrowthMode, OldLimitInput, old_limit};
use tenure_policy::trigger::MajorOutcome;

use crate::core::{AbortOnPanic, Core, Inner};

/// The rule that promotes every survivor.
pub(crate) const PROMOTE_ALL: PromotionRule = PromotionRule::Threshold {
    age_collections: 0,
    fill_bytes: NEVER_BY_FILL,
};

impl Core {
    /// Collects both generations. Pauses for time proportional to what is live, or, at the end of an incremental cycle,
    /// to what its slices left over. A collection that was asked for finds all garbage: it marks anew.
    pub fn collect_major(&mut self, cause: Cause) {
        let _guard = AbortOnPanic::new();
        if matches!(cause, Cause::Requested | Cause::Testing | Cause::LastResort) {
            self.abandon_cycle();
        }
        self.finish_sweeping();
        // The end of a cycle leaves its sweeping to later slices; a collection in one pause does all of it.
        let lazily = self.inner().cycle.is_some();
        let allocated_bytes = self.inner().totals.allocated_bytes;
        let mut record = self.begin(CollectionKind::Major, cause);
        if let Some(cycle) = self.inner().cycle.take() {
            // What is young is marked where it is, if at all: copying it would take most of this pause.
            let inner = self.inner();
            cycle.add_to(&mut record);
            inner.last_steps = Some(cycle.steps(inner.clock.now_ns()));
            let relist_start = inner.clock.now_ns();
            inner.begin_last_pause();
            self.lap(&mut record, Phase::Remembered, relist_start);
        } else {
            self.evacuate_nursery(&mut record, Some(PROMOTE_ALL));
        }
        self.mark(&mut record);
        self.sweep(&mut record, lazily);
        self.set_old_limit(&mut record);
        if !lazily {
            self.release_memory(&mut record);
        }
        self.resize_nursery(&mut record);
        self.reset_window();
        self.protect_reserve();
        self.inner().totals.major_collections += 1;
        self.finish(record);
        let inner = self.inner();
        if matches!(
            cause,
            Cause::AllocationLimit | Cause::LargeAllocation | Cause::PromotionRoom
        ) {
            let mutator_utilization = inner.mutator_utilization(allocated_bytes);
            let (old_bytes, max_bytes) = (inner.old_bytes(), inner.budget.max_bytes);
            inner.gave_up = inner.ineffective.record(&MajorOutcome {
                old_bytes,
                max_bytes,
                mutator_utilization,
            });
        }
        inner.last_major_end_ns = inner.clock.now_ns();
        inner.old_bytes_after_major = inner.old_bytes();
        inner.allocated_at_major = inner.totals.allocated_bytes;
        inner.external_low_bytes = inner.external_bytes;
    }

    fn mark(&mut self, record: &mut CollectionRecord) {
        let start = self.inner().clock.now_ns();
        // The deletion barrier keeps what the roots referred to when the cycle started: MARK-SNAPSHOT.
        if !self.inner().marker.skips_nursery() {
            self.shade_roots();
        }
        let roots = self.lap(record, Phase::Roots, start);
        let inner = self.inner();
        // SAFETY: MARK-LISTED, only roots have been shaded and nothing moves until the sweep is over.
        unsafe { inner.marker.drain(&inner.cage, &inner.kinds) };
        let marked = self.lap(record, Phase::Mark, roots);
        let inner = self.inner();
        if inner.marker.has_gray() {
            // SAFETY: MARK-LISTED, as above.
            unsafe { inner.marker.rescan(&inner.cage, &inner.kinds) };
            self.lap(record, Phase::Rescan, marked);
        }
        let counts = inner.marker.take_counts();
        record.marked_objects += counts.marked_objects;
        record.mark_stack_overflows += counts.overflows;
        record.rescans += counts.rescans;
        record.rescanned_blocks += counts.rescanned_blocks;
        if inner.config.settings.verify_heap
            && let Err(e) = self.verify_marking()
        {
            eprintln!("tenure: {e}");
            std::process::abort();
        }
        self.inner().marker.set_skip_nursery(false);
    }

    fn sweep(&mut self, record: &mut CollectionRecord, lazily: bool) {
        let start = self.inner().clock.now_ns();
        let top = self.window.top.get();
        let inner = self.inner();
        let (color, heap_start) = (inner.cage.color(), inner.cage.heap().start);
        inner
            .remembered
            .retain(&inner.cage, |object| color.get((object.address() - heap_start) / 8));
        let poison = inner.config.settings.poison;
        let (pointer, data, large, mut pages) = inner.spaces();
        // SAFETY: MARK-STRONG, marking has finished.
        unsafe { pointer.begin_sweep(pages.cage, poison) };
        // SAFETY: MARK-STRONG, as above.
        unsafe { data.begin_sweep(pages.cage, poison) };
        // SAFETY: MARK-STRONG, as above.
        unsafe { large.sweep(&mut pages) };
        if !lazily {
            inner.sweep_blocks(usize::MAX);
        }
        // What was retained has colors, and start bits if the mark stack overflowed.
        let active = inner.nursery.active(&inner.cage);
        let (from, to) = (inner.cage.bit(active.start), inner.cage.bit(top));
        inner.cage.color().clear_range(from, to);
        inner.cage.starts().clear_range(from, to);
        self.lap(record, Phase::Sweep, start);
    }

    pub(crate) fn set_old_limit(&mut self, record: &mut CollectionRecord) {
        let inner = self.inner();
        let live_bytes = inner.old_bytes();
        let elapsed_ns = record.start_ns.saturating_sub(inner.last_major_end_ns);
        let (gc, mutator) = if inner.config.settings.measured_speeds && elapsed_ns > 0 {
            let mark_ns = (record.phases.get(Phase::Mark) + record.phases.get(Phase::Rescan)).max(1);
            let grown = record.before.old_used_bytes.saturating_sub(inner.old_bytes_after_major);
            (
                Some(live_bytes as f64 * 1e6 / mark_ns as f64),
                Some(grown as f64 * 1e6 / elapsed_ns as f64),
            )
        } else {
            (None, None)
        };
        let decision = old_limit(&OldLimitInput {
            live_bytes,
            max_bytes: inner.budget.max_bytes,
            nursery_capacity_bytes: inner.nursery.capacity_bytes(),
            initial_limit_bytes: inner
                .config
                .settings
                .initial_old_limit_bytes
                .min(inner.config.settings.max_old_bytes),
            gc_bytes_per_ms: gc,
            mutator_bytes_per_ms: mutator,
            mode: GrowthMode::Normal,
            growing_percent: inner.config.settings.growing_percent,
        });
        let from_bytes = std::mem::replace(&mut inner.old_limit_bytes, decision.limit_bytes);
        let reason = decision.reason.as_str();
        let value = decision.limit_bytes as u64;
        record.decisions.push(Decision {
            subject: "old limit",
            value,
            unit: "bytes",
            reason,
        });
        if from_bytes != decision.limit_bytes {
            inner.emit(&Event::OldLimitChanged {
                from_bytes,
                to_bytes: decision.limit_bytes,
                reason,
            });
        }
    }

    /// Gives empty blocks back to the system, but for those that the heap may fill before it is collected again: pages
    /// from the system cost more to touch for the first time than to fill.
    pub(crate) fn release_memory(&mut self, record: &mut CollectionRecord) {
        let inner = self.inner();
        let start = inner.clock.now_ns();
        let live_bytes = inner.old_bytes();
        let kept_bytes = if inner.config.settings.poison {
            0
        } else {
            inner.old_limit_bytes.saturating_sub(live_bytes)
        };
        let (pointer, data, _, mut pages) = inner.spaces();
        let kept = kept_bytes / BLOCK_BYTES;
        let empty = (pointer.empty_blocks() + data.empty_blocks()).max(1);
        let share = kept * pointer.empty_blocks() / empty;
        pointer.release_empty(share, &mut pages);
        data.release_empty(kept - share, &mut pages);
        self.lap(record, Phase::Resize, start);
    }

    /// Collects like a heap that has nothing left: gives every empty block back too.
    pub(crate) fn collect_last_resort(&mut self) {
        self.collect_major(Cause::LastResort);
        let inner = self.inner();
        let (pointer, data, _, mut pages) = inner.spaces();
        pointer.release_empty(0, &mut pages);
        data.release_empty(0, &mut pages);
    }
}

/// What copying or marking a byte is taken to cost less than allocating one costs the program, when speeds may not be
/// measured.
const ALLOCATION_WEIGHT: f64 = 4.0;

impl Inner {
    /// Returns the share of work that the mutator had since the last major collection: measured if the settings allow
    /// it, or else estimated from the bytes it allocated and those that are live, which depends on the program alone.
    fn mutator_utilization(&self, allocated_bytes: u64) -> f64 {
        if self.config.settings.measured_speeds {
            return self.trace.average_mutator_utilization();
        }
        let allocated = ALLOCATION_WEIGHT * allocated_bytes.saturating_sub(self.allocated_at_major) as f64;
        allocated / (allocated + self.old_bytes() as f64).max(1.0)
    }
}
