//! The major collection, step by step.
//!
//! Evacuate the nursery into the old generation as far as there is room, or leave it in place at the end of an
//! incremental cycle; mark from the roots, through what is young too; drop dead entries of the remembered set; sweep; set the next limit. The pause is proportional to the live
//! objects with slots plus the bitmaps of all blocks. A major collection moves no old object, unless it slides instead of sweeping (`slide`).

use tenure_events::{Cause, CollectionKind, CollectionRecord, Decision, Event, Phase};
use tenure_memory::BLOCK_BYTES;
use tenure_object::ObjectRef;
use tenure_policy::promotion::{NEVER_BY_FILL, PromotionRule};
use tenure_policy::sizing::{GrowthMode, OldLimitInput, old_limit};
use tenure_policy::trigger::MajorOutcome;

use crate::core::{AbortOnPanic, Core, Inner};
use crate::cycle::Budget;

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
        if self.inner().cycle.is_some() {
            self.finish_marking(&Budget::ALL, cause);
            if cause == Cause::PromotionRoom {
                self.finish_sweeping();
                self.minor(cause, Some(PROMOTE_ALL));
            }
            return;
        }
        let mut record = self.begin(CollectionKind::Major, cause);
        self.evacuate_nursery(&mut record, Some(PROMOTE_ALL));
        self.inner().choose_candidates(Some(&mut record), cause == Cause::Idle);
        self.mark(&mut record);
        let slid = self.slide(&mut record);
        if !slid {
            self.sweep(&mut record);
        }
        self.set_old_limit(&mut record);
        self.release_memory(&mut record);
        self.resize_nursery(&mut record);
        self.reset_window();
        self.protect_reserve();
        self.inner().totals.major_collections += 1;
        let retained_bytes = record.retained_bytes;
        self.finish(record);
        self.major_ended(cause);
        if slid && retained_bytes > 0 {
            // What found no room before the slide may find it now.
            self.minor(Cause::PromotionRoom, Some(PROMOTE_ALL));
        }
    }

    /// Notes what the next decisions need of a major collection that ended.
    pub(crate) fn major_ended(&mut self, cause: Cause) {
        let inner = self.inner();
        let allocated_bytes = inner.totals.allocated_bytes;
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
        inner.external_low_bytes = inner.held_external_bytes();
    }

    fn mark(&mut self, record: &mut CollectionRecord) {
        let start = self.inner().clock.now_ns();
        self.shade_roots();
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
        let start = self.now_ns();
        self.pass_all(&Budget::ALL);
        self.finish_watched(&Budget::ALL);
        let counts = self.inner().marker.take_counts();
        record.marked_objects += counts.marked_objects;
        record.mark_stack_overflows += counts.overflows;
        record.rescans += counts.rescans;
        record.rescanned_blocks += counts.rescanned_blocks;
        self.verify_marked();
        self.clear_watched();
        self.lap(record, Phase::Weak, start);
    }

    /// Checks that everything reachable is marked, if settings say so.
    pub(crate) fn verify_marked(&self) {
        if self.inner().config.settings.verify_heap
            && let Err(e) = self.verify_marking()
        {
            eprintln!("tenure: {e}");
            std::process::abort();
        }
    }

    fn sweep(&mut self, record: &mut CollectionRecord) {
        let start = self.inner().clock.now_ns();
        let inner = self.inner();
        inner.begin_sweep();
        while inner.sweep_block() {
            record.swept_blocks += 1;
        }
        inner.free_dead_large();
        self.clear_young_colors();
        self.lap(record, Phase::Sweep, start);
        self.inner().candidates_marked();
        if self.inner().candidates.is_due() {
            while self.evacuate_batch(record, true) {}
            let start = self.now_ns();
            while self.inner().sweep_block() {
                record.swept_blocks += 1;
            }
            self.lap(record, Phase::Sweep, start);
        }
    }

    /// Clears the colors of what was retained, and the start bits that it has if the mark stack overflowed. What is dead
    /// among it gets empty slots: what they refer to is swept, and a cycle may walk the nursery before the next minor
    /// collection.
    pub(crate) fn clear_young_colors(&self) {
        let top = self.window.top.get();
        let inner = self.inner();
        let (cage, kinds) = (&inner.cage, &inner.kinds);
        let start = inner.nursery.active(cage).start;
        let mut address = start;
        while address < top {
            let object = ObjectRef::from_address(address);
            let header = Inner::header_of(object);
            // SAFETY: KIND-LAYOUT and NUR-SCAN, what was retained lies without gaps.
            address += unsafe { ObjectRef::words(header, kinds) } * 8;
            if !cage.color().get(cage.bit(object.address())) {
                // SAFETY: OBJ-HEADER and KIND-LAYOUT; nobody can reach the object, so its slots may be anything that is
                // no reference.
                unsafe { object.visit_references(header, kinds, |slot| *slot = 0) };
            }
        }
        cage.color().clear_range(cage.bit(start), cage.bit(top));
        cage.starts().clear_range(cage.bit(start), cage.bit(top));
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
        if record.cause == Cause::ExternalMemory {
            record.decisions.push(inner.external_decision());
        }
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

    /// Gives empty blocks back to the system, but for those that are kept.
    fn release_memory(&mut self, record: &mut CollectionRecord) {
        let inner = self.inner();
        let start = inner.clock.now_ns();
        inner.plan_release();
        while inner.pacer.release_blocks > 0 {
            inner.release_block();
        }
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
    /// Returns how many empty blocks are kept: what the heap may fill before it is collected again,
    /// and what is to be ready.
    pub(crate) fn kept_blocks(&self) -> usize {
        if self.config.settings.poison {
            0
        } else {
            (self.old_limit_bytes.saturating_sub(self.old_bytes()) / BLOCK_BYTES).max(self.ready_blocks())
        }
    }

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
