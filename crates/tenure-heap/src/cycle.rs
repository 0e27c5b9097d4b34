//! The incremental cycle: start, slices, last pause, sweeping.
//!
//! A cycle starts when the old generation nears its limit. Its slices run at allocations, a stretch of mutator work
//! apart; `tenure_policy::pacing` says how far apart and how long, from what is left to mark and the room that is left.
//! The first slice shades the roots. Slices skip the nursery. Promoted objects, and those allocated old, are born black
//! and listed. What the program stores into old objects meanwhile, and what the last pause has to look at for it, is the
//! business of the barrier (`marking_barrier.rs`). If the last pause takes longer than a slice may, it stops, and is
//! tried again after more slices.
//!
//! Sweeping follows in slices of some blocks, and when an allocation looks for a hole; then dead large objects and empty
//! blocks go back to the system, some at a time.
//!
//! A cycle does not look at the clock but to record its slices, unless there is a pause goal.

use tenure_events::{Cause, CollectionKind, CollectionRecord, Decision, IncrementalSteps, Phase};
use tenure_marking::OBJECT_WORK_WORDS;
use tenure_memory::{BLOCK_WORDS, CHUNK_BYTES};
use tenure_policy::pacing::{Pace, PaceInput, PaceReason, Window, WindowInput, last_start_bytes, pace, window};

use crate::core::{AbortOnPanic, Core, Inner};

/// Words that a slice scans at most without a pause goal: about a tenth of a millisecond.
const DEFAULT_SLICE_WORDS: usize = 2048 * OBJECT_WORK_WORDS;

/// Words between two looks at the clock.
const BITE_WORDS: usize = 256 * OBJECT_WORK_WORDS;

/// The fewest words from which a speed is learned.
const MEASURED_WORDS: u64 = 512;

/// The speed taken for granted, in words for each nanosecond: a slice also looks at the clock.
const LEAST_WORDS_PER_NS: f64 = 0.03;

/// The speed before any was measured.
const UNMEASURED_WORDS_PER_NS: f64 = 0.1;

/// Blocks that a slice sweeps without a pause goal: 2 MiB for every 64 KiB allocated.
const SLICE_BLOCKS: usize = 8;

/// Blocks that a slice gives back to the system without a pause goal.
const SLICE_RELEASED_BLOCKS: usize = 2;

/// The shortest distance between slices.
const MIN_STEP_BYTES: usize = 4096;

/// The share of a pause goal that a slice takes: two may meet, and the machine is not always as fast.
pub(crate) const SLICE_SHARE: u64 = 4;

/// Entries of the remembered set above which a minor collection comes before the last pause, which would have to look
/// through all of them.
const LAST_PAUSE_ENTRIES: usize = 4096;

/// How often that is done in one cycle.
const MAX_PUT_OFF: u32 = 8;

/// What a slice may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) words: usize,
    pub(crate) blocks: usize,
    pub(crate) released_blocks: usize,
    /// When to stop, on the heap's clock.
    pub(crate) deadline_ns: u64,
}

impl Budget {
    /// Everything there is to do.
    pub(crate) const ALL: Budget = Budget {
        words: usize::MAX,
        blocks: usize::MAX,
        released_blocks: usize::MAX,
        deadline_ns: u64::MAX,
    };
}

/// A cycle in progress.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cycle {
    start_ns: u64,
    start_old_bytes: usize,
    start_allocated_bytes: u64,
    /// Large objects allocated since.
    pub(crate) large_bytes: usize,
    expected_words: usize,
    work_words: u64,
    /// The first slice has been: marking is under way.
    pub(crate) roots_shaded: bool,
    /// Nothing was left to mark when this many minor collections had been: the last pause can be tried after the next.
    ripe_at: Option<u64>,
    attempts: u32,
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
    fn add_to(&self, record: &mut CollectionRecord) {
        record.marked_objects += self.marked_objects;
        record.mark_stack_overflows += self.mark_stack_overflows;
        record.rescans += self.rescans;
        record.rescanned_blocks += self.rescanned_blocks;
    }

    /// Adds what one slice did.
    fn count(&mut self, record: &CollectionRecord, slice_ns: u64) {
        self.slices += 1;
        self.total_ns += slice_ns;
        self.longest_ns = self.longest_ns.max(slice_ns);
        self.marked_objects += record.marked_objects;
        self.mark_stack_overflows += record.mark_stack_overflows;
        self.rescans += record.rescans;
        self.rescanned_blocks += record.rescanned_blocks;
    }
}

/// What paces the slices, between cycles too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacer {
    /// Allocated bytes when the last slice ended.
    last_slice_allocated_bytes: u64,
    pub(crate) pace: Pace,
    /// Words marked in a nanosecond lately; 0 before the first measurement.
    words_per_ns: f64,
    /// Growth of the old generation for each byte allocated, in the last cycle.
    growth_per_allocated: f64,
    /// What is left of the blocks that are to go back to the system.
    pub(crate) release_blocks: usize,
    /// Sweeping has not been followed by its decisions yet.
    sweeping: bool,
}

impl Pacer {
    pub(crate) fn new() -> Pacer {
        Pacer {
            last_slice_allocated_bytes: 0,
            pace: Pace {
                step_bytes: MIN_STEP_BYTES,
                slice_words: DEFAULT_SLICE_WORDS,
                reason: PaceReason::OnSchedule,
            },
            words_per_ns: 0.0,
            growth_per_allocated: 1.0,
            release_blocks: 0,
            sweeping: false,
        }
    }
}

impl Core {
    /// Starts a cycle if one is due. Its work is done by later slices.
    pub(crate) fn start_cycle_if_due(&mut self) {
        let inner = self.inner();
        let settings = &inner.config.settings;
        if !settings.incremental_marking || inner.cycle.is_some() {
            return;
        }
        let external = inner.external_growth_bytes() > tenure_policy::trigger::EXTERNAL_SOFT_BYTES;
        let by_interval = std::mem::take(&mut inner.cycle_requested);
        let due = inner.old_bytes() >= inner.cycle_window().start_bytes || external || by_interval;
        // Blocks that are not swept yet are swept first, by slices.
        let urgent = inner.old_bytes() >= inner.cycle_window().deadline_bytes;
        if due && (!inner.pacer.sweeping || urgent) || settings.stress_incremental {
            self.start_cycle(false);
        }
    }

    /// Starts a cycle; one that is to reduce memory evacuates all blocks that are worth it.
    pub(crate) fn start_cycle(&mut self, reducing: bool) {
        self.finish_sweeping();
        let allocated = self.allocated_bytes();
        let inner = self.inner();
        let start_ns = inner.clock.now_ns();
        inner.cycle = Some(Cycle {
            start_ns,
            start_old_bytes: inner.old_bytes(),
            start_allocated_bytes: allocated,
            expected_words: (inner.pointer.used_bytes() + inner.large.used_bytes()) / 8,
            ..Cycle::default()
        });
        inner.marker.set_skip_nursery(true);
        inner.watched.cursor = crate::weak::PairCursor::default();
        inner.choose_candidates(None, reducing);
        self.set_pace();
    }

    /// Runs one slice of whatever there is to do, at an allocation.
    pub(crate) fn advance_cycle(&mut self) {
        if !self.has_slices() {
            return;
        }
        let budget = self.slice_budget();
        self.slice(&budget);
        if self.inner().config.settings.stress_incremental {
            // Back to back cycles: the last pause does not wait for a minor collection.
            if self.inner().cycle.is_some_and(|cycle| cycle.ripe_at.is_some()) {
                self.finish_marking(&Budget::ALL, Cause::AllocationLimit);
            }
        }
    }

    /// Returns what a slice at an allocation may do.
    fn slice_budget(&self) -> Budget {
        let inner = self.inner();
        let settings = &inner.config.settings;
        if settings.stress_incremental {
            return Budget {
                words: 1,
                blocks: 1,
                released_blocks: 1,
                deadline_ns: u64::MAX,
            };
        }
        let goal_ns = settings.pause_goal_ns;
        Budget {
            words: inner.pacer.pace.slice_words,
            blocks: if goal_ns > 0 { usize::MAX } else { SLICE_BLOCKS },
            released_blocks: if goal_ns > 0 { usize::MAX } else { SLICE_RELEASED_BLOCKS },
            deadline_ns: if goal_ns > 0 {
                inner.clock.now_ns() + goal_ns / SLICE_SHARE
            } else {
                u64::MAX
            },
        }
    }

    /// Returns whether slices at allocations have work now.
    pub(crate) fn has_slices(&self) -> bool {
        let inner = self.inner();
        match inner.cycle {
            Some(Cycle { ripe_at: Some(at), .. }) => inner.totals.minor_collections > at,
            Some(_) => true,
            None => self.has_sweep_work(),
        }
    }

    /// Returns whether blocks are left to be swept, or memory to be given back.
    pub(crate) fn has_sweep_work(&self) -> bool {
        let inner = self.inner();
        inner.pacer.sweeping || inner.pacer.release_blocks > 0 || inner.large.has_doomed()
    }

    /// Returns how many bytes the program can allocate before the next slice.
    pub(crate) fn step_bytes(&self) -> usize {
        let since = self
            .allocated_bytes()
            .saturating_sub(self.inner().pacer.last_slice_allocated_bytes) as usize;
        let inner = self.inner();
        let least = MIN_STEP_BYTES.min(inner.nursery.capacity_bytes() / 4);
        inner.pacer.pace.step_bytes.saturating_sub(since).max(least)
    }

    /// Returns the bytes allocated since the heap was made.
    pub(crate) fn allocated_bytes(&self) -> u64 {
        let inner = self.inner();
        let used = self.window.top.get() - inner.nursery.active(&inner.cage).start;
        let retained = inner.previous_minor.map_or(0, |minor| minor.retained_bytes);
        inner.totals.allocated_bytes + used.saturating_sub(retained) as u64
    }

    /// Runs one slice: of marking, of the last pause, of sweeping, or of giving memory back.
    pub(crate) fn slice(&mut self, budget: &Budget) {
        match self.inner().cycle {
            Some(Cycle { ripe_at: Some(_), .. }) => self.last_pause(budget),
            Some(_) => self.mark_slice(budget),
            None if self.inner().candidates.is_due() => self.evacuation_slice(budget),
            None => self.sweep_slice(budget),
        }
    }

    /// Tries to end the marking of a cycle, within twice what another slice may take.
    fn last_pause(&mut self, budget: &Budget) {
        let attempts = match &mut self.inner().cycle {
            Some(cycle) => {
                cycle.attempts += 1;
                cycle.attempts
            }
            None => return,
        };
        let remembered = &self.inner().remembered;
        let entries = remembered.owners().len() + remembered.cards().len();
        if attempts <= MAX_PUT_OFF && entries > LAST_PAUSE_ENTRIES {
            self.minor(Cause::AllocationFailure, None);
            if let Some(cycle) = &mut self.inner().cycle {
                cycle.ripe_at = None;
            }
            return;
        }
        let inner = self.inner();
        let mut budget = *budget;
        if !inner.config.settings.stress_phases && !inner.config.settings.stress_incremental {
            budget.words = budget.words.max(2 * DEFAULT_SLICE_WORDS);
            if budget.deadline_ns < u64::MAX {
                budget.words = usize::MAX;
                let more_ns = inner.config.settings.pause_goal_ns / SLICE_SHARE;
                budget.deadline_ns = budget.deadline_ns.saturating_add(more_ns);
            }
        }
        if attempts > MAX_PUT_OFF {
            // Each attempt lists what is remembered again: steps too short to scan it would never come to an end.
            budget = Budget::ALL;
        }
        self.finish_marking(&budget, Cause::AllocationLimit);
    }

    /// Begins a slice's record.
    fn begin_slice(&mut self, cause: Cause) -> CollectionRecord {
        self.begin(CollectionKind::Slice, cause)
    }

    /// Ends a slice: what comes next is paced by what is left now.
    pub(crate) fn end_slice(&mut self, mut record: CollectionRecord) {
        let now = self.inner().clock.now_ns();
        let slice_ns = now.saturating_sub(record.start_ns);
        if let Some(cycle) = &mut self.inner().cycle {
            cycle.count(&record, slice_ns);
        }
        self.set_pace();
        let pace = self.inner().pacer.pace;
        if self.inner().cycle.is_some() {
            record.decisions.push(Decision {
                subject: "next slice",
                value: pace.step_bytes as u64,
                unit: "bytes",
                reason: pace.reason.as_str(),
            });
        }
        let allocated = self.allocated_bytes();
        self.inner().pacer.last_slice_allocated_bytes = allocated;
        self.inner().external_since_slice_bytes = 0;
        self.finish(record);
        self.window.limit.set(self.step_limit());
    }

    /// Marks for one slice. The first of a cycle shades the roots.
    fn mark_slice(&mut self, budget: &Budget) {
        let _guard = AbortOnPanic::new();
        let mut record = self.begin_slice(Cause::AllocationLimit);
        let mut since = record.start_ns;
        let mut only_roots = false;
        if self.inner().cycle.is_some_and(|cycle| !cycle.roots_shaded) {
            self.shade_roots();
            self.begin_barrier();
            since = self.lap(&mut record, Phase::Roots, since);
            only_roots = self.inner().config.settings.stress_phases;
            if let Some(cycle) = &mut self.inner().cycle {
                cycle.roots_shaded = true;
            }
        }
        if !only_roots {
            let done = self.mark_until(budget);
            since = self.measure_marking(&mut record, since);
            let ripe = done && self.pass_slice(budget);
            if done {
                self.lap(&mut record, Phase::Weak, since);
            }
            if ripe {
                let inner = self.inner();
                let minors = inner.totals.minor_collections;
                if let Some(cycle) = &mut inner.cycle {
                    cycle.ripe_at = Some(minors);
                }
            }
        }
        let (_, _, large, mut pages) = self.inner().spaces();
        large.free_next(CHUNK_BYTES, &mut pages);
        self.end_slice(record);
    }

    /// Marks what is listed until nothing is or the budget is used up. Returns whether nothing is.
    pub(crate) fn mark_until(&mut self, budget: &Budget) -> bool {
        let inner = self.inner();
        let mut left = budget.words.max(1);
        loop {
            let bite = if budget.deadline_ns == u64::MAX {
                left
            } else {
                left.min(BITE_WORDS)
            };
            // SAFETY: MARK-LISTED, only objects of the old generation are listed, and they do not move meanwhile.
            if unsafe { inner.marker.slice(&inner.cage, &inner.kinds, bite) } {
                return true;
            }
            left -= bite;
            if left == 0 || (budget.deadline_ns < u64::MAX && inner.clock.now_ns() >= budget.deadline_ns) {
                return false;
            }
        }
    }

    /// Adds what was marked since `since` to the record, and learns the speed. Returns the time now.
    fn measure_marking(&mut self, record: &mut CollectionRecord, since: u64) -> u64 {
        let now = self.lap(record, Phase::Mark, since);
        let inner = self.inner();
        let counts = inner.marker.take_counts();
        record.marked_objects += counts.marked_objects;
        record.mark_stack_overflows += counts.overflows;
        record.rescans += counts.rescans;
        record.rescanned_blocks += counts.rescanned_blocks;
        if let Some(cycle) = &mut inner.cycle {
            cycle.work_words += counts.work_words;
        }
        let elapsed_ns = now.saturating_sub(since);
        if counts.work_words >= MEASURED_WORDS && elapsed_ns > 0 {
            let speed = counts.work_words as f64 / elapsed_ns as f64;
            let known = &mut inner.pacer.words_per_ns;
            *known = if *known == 0.0 {
                speed
            } else {
                *known * 0.8 + speed * 0.2
            };
        }
        now
    }

    /// Decides how far away the next slice is and how much it does.
    fn set_pace(&mut self) {
        let allocated_bytes = self.allocated_bytes();
        let inner = self.inner();
        let settings = &inner.config.settings;
        let max_step_bytes = settings.mark_step_bytes;
        let cap_words = if settings.slice_words > 0 {
            settings.slice_words
        } else if settings.pause_goal_ns > 0 {
            let speed = if inner.pacer.words_per_ns > 0.0 {
                inner.pacer.words_per_ns.max(LEAST_WORDS_PER_NS)
            } else {
                UNMEASURED_WORDS_PER_NS
            };
            (speed * (settings.pause_goal_ns / SLICE_SHARE) as f64) as usize
        } else {
            DEFAULT_SLICE_WORDS
        };
        let Some(cycle) = inner.cycle else {
            inner.pacer.pace = Pace {
                step_bytes: max_step_bytes,
                slice_words: cap_words,
                reason: PaceReason::OnSchedule,
            };
            return;
        };
        let allocated = allocated_bytes.saturating_sub(cycle.start_allocated_bytes);
        let grown = inner.old_bytes().saturating_sub(cycle.start_old_bytes);
        if allocated > 2 * inner.nursery.capacity_bytes() as u64 {
            inner.pacer.growth_per_allocated = grown as f64 / allocated as f64;
        }
        inner.pacer.pace = pace(&PaceInput {
            expected_words: cycle.expected_words,
            marked_words: cycle.work_words as usize,
            old_bytes: inner.old_bytes(),
            window: inner.cycle_window(),
            growth_per_allocated: inner.pacer.growth_per_allocated,
            cap_words,
            max_step_bytes,
            min_step_bytes: MIN_STEP_BYTES,
        });
    }

    /// Tries to end the marking of the cycle: looks at everything that may hide white objects, and drains. When the
    /// budget is used up before nothing is listed, marking goes on in slices. Returns whether marking has ended.
    pub(crate) fn finish_marking(&mut self, budget: &Budget, cause: Cause) -> bool {
        let _guard = AbortOnPanic::new();
        let mut record = self.begin_slice(cause);
        self.shade_last(&mut record);
        let start = self.now_ns();
        let marked = self.mark_until(budget);
        let now = self.measure_marking(&mut record, start);
        let done = marked && self.pass_all(budget) && self.finish_watched(budget);
        let counts = self.inner().marker.take_counts();
        record.marked_objects += counts.marked_objects;
        record.mark_stack_overflows += counts.overflows;
        record.rescans += counts.rescans;
        record.rescanned_blocks += counts.rescanned_blocks;
        let now = self.lap(&mut record, Phase::Weak, now);
        if !done {
            if let Some(cycle) = &mut self.inner().cycle {
                cycle.ripe_at = None;
            }
            record.decisions.push(Decision {
                subject: "last pause",
                value: record.marked_objects,
                unit: "objects marked",
                reason: "put off: there was more to mark than a slice may",
            });
            self.end_slice(record);
            return false;
        }
        self.verify_marked();
        let start = if self.inner().config.settings.verify_heap {
            self.now_ns()
        } else {
            now
        };
        self.clear_watched();
        self.lap(&mut record, Phase::Weak, start);
        record.kind = CollectionKind::Major;
        record.sequence = self.inner().totals.minor_collections + self.inner().totals.major_collections;
        self.begin_sweeping(&mut record, cause);
        true
    }

    /// Ends the cycle: from here on, what is not marked is dead.
    fn begin_sweeping(&mut self, record: &mut CollectionRecord, cause: Cause) {
        let inner = self.inner();
        let Some(cycle) = inner.cycle.take() else { return };
        cycle.add_to(record);
        inner.last_steps = Some(cycle.steps(inner.clock.now_ns()));
        inner.marker.set_skip_nursery(false);
        inner.end_barrier();
        let start = inner.clock.now_ns();
        inner.begin_sweep();
        inner.candidates_marked();
        inner.pacer.sweeping = true;
        self.lap(record, Phase::Sweep, start);
        self.set_old_limit(record);
        self.inner().totals.major_collections += 1;
        let record = std::mem::take(record);
        self.end_slice(record);
        self.major_ended(cause);
    }

    /// Sweeps, frees and gives back as much as the budget permits. When nothing is left to sweep, what is live is known:
    /// the limit is set by it.
    fn sweep_slice(&mut self, budget: &Budget) {
        let _guard = AbortOnPanic::new();
        let mut record = self.begin_slice(Cause::AllocationLimit);
        let start = record.start_ns;
        let inner = self.inner();
        let in_time = |inner: &Inner| budget.deadline_ns == u64::MAX || inner.clock.now_ns() < budget.deadline_ns;
        let mut left = budget.blocks;
        while left > 0 && inner.sweep_block() {
            record.swept_blocks += 1;
            left -= 1;
            if !in_time(inner) {
                break;
            }
        }
        let swept = inner.unswept_blocks() == 0;
        let mut freed = true;
        if swept {
            let (_, _, large, mut pages) = inner.spaces();
            let most = if budget.deadline_ns == u64::MAX && budget.blocks == usize::MAX {
                usize::MAX
            } else {
                CHUNK_BYTES
            };
            freed = large.free_next(most, &mut pages);
            while !freed && left > 0 && in_time(inner) {
                let (_, _, large, mut pages) = inner.spaces();
                freed = large.free_next(most, &mut pages);
                left = left.saturating_sub(1);
            }
        }
        let now = self.lap(&mut record, Phase::Sweep, start);
        let inner = self.inner();
        if swept && freed && inner.pacer.sweeping {
            inner.pacer.sweeping = false;
            inner.idle.swept_ns = inner.clock.now_ns();
            inner.old_bytes_after_major = inner.old_bytes();
            self.set_old_limit(&mut record);
            self.inner().plan_release();
        } else if swept && freed {
            let mut left = budget.released_blocks.min(inner.pacer.release_blocks);
            while left > 0 {
                inner.release_block();
                left -= 1;
                if !in_time(inner) {
                    break;
                }
            }
        }
        self.lap(&mut record, Phase::Resize, now);
        self.end_slice(record);
    }

    /// Sweeps whatever a cycle has left to be swept.
    pub(crate) fn finish_sweeping(&mut self) {
        while self.inner().candidates.is_due() {
            self.evacuation_slice(&Budget::ALL);
        }
        while self.inner().pacer.sweeping {
            self.sweep_slice(&Budget::ALL);
        }
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
        inner.end_candidates();
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
    /// Returns the growth during which a cycle is to mark: the one that runs, or the next.
    pub(crate) fn cycle_window(&self) -> Window {
        self.window_with(0)
    }

    /// The same once `bytes` more have come as large objects.
    fn window_with(&self, bytes: usize) -> Window {
        let input = self.window_input();
        let window = window(&input);
        match &self.cycle {
            Some(cycle) => window.moved(&input, cycle.start_old_bytes, cycle.large_bytes + bytes),
            None => window,
        }
    }

    fn window_input(&self) -> WindowInput {
        WindowInput {
            live_bytes: self.old_bytes_after_major,
            limit_bytes: self.old_limit_bytes,
            max_bytes: self.budget.max_bytes,
            nursery_bytes: self.nursery.capacity_bytes(),
        }
    }

    /// Returns the size at which everything is collected in one pause, once `large_bytes` more have come as a large
    /// object: the limit, or the end of the time that a cycle has; if none runs, the size up to which one can start.
    pub(crate) fn stop_bytes(&self, large_bytes: usize) -> usize {
        if !self.config.settings.incremental_marking {
            self.old_limit_bytes
        } else if self.cycle.is_some() || self.external_growth_bytes() > tenure_policy::trigger::EXTERNAL_SOFT_BYTES {
            // Growth outside of the heap is not limited by its maximum: it gets no more time than the window.
            self.window_with(large_bytes).deadline_bytes
        } else {
            last_start_bytes(&self.window_input())
        }
    }

    /// Returns how many blocks are left to be swept.
    pub(crate) fn unswept_blocks(&self) -> usize {
        self.pointer.unswept_blocks() + self.data.unswept_blocks()
    }

    /// Sweeps one block. Returns whether there was one.
    pub(crate) fn sweep_block(&mut self) -> bool {
        self.pointer.sweep_next(&self.cage) || self.data.sweep_next(&self.cage)
    }

    /// Makes everything that is not marked dead, to be swept and freed later.
    pub(crate) fn begin_sweep(&mut self) {
        let (color, heap_start) = (self.cage.color(), self.cage.heap().start);
        let (large, space) = (self.cage.large(), &self.large);
        self.remembered.retain(&self.cage, |object| {
            color.get((object.address() - heap_start) / 8)
                || (large.contains(object.address()) && space.is_young(object.address()))
        });
        let poison = self.config.settings.poison;
        let (pointer, data, large, pages) = self.spaces();
        // SAFETY: MARK-STRONG, marking has finished.
        unsafe { pointer.begin_sweep(pages.cage, poison) };
        // SAFETY: MARK-STRONG, as above.
        unsafe { data.begin_sweep(pages.cage, poison) };
        // SAFETY: MARK-STRONG, as above.
        unsafe { large.begin_sweep(pages.cage) };
    }

    /// Decides how many empty blocks go back to the system: those that the heap will not fill before it is collected
    /// again. Pages from the system cost more to touch for the first time than to fill.
    pub(crate) fn plan_release(&mut self) {
        self.pointer.sort_empty();
        self.data.sort_empty();
        let empty = self.pointer.empty_blocks() + self.data.empty_blocks();
        self.pacer.release_blocks = empty.saturating_sub(self.kept_blocks());
    }

    /// Gives one empty block back to the system.
    pub(crate) fn release_block(&mut self) {
        self.pacer.release_blocks = self.pacer.release_blocks.saturating_sub(1);
        let (pointer, data, _, mut pages) = self.spaces();
        if pointer.empty_blocks() > data.empty_blocks() {
            pointer.release_highest(&mut pages);
        } else {
            data.release_highest(&mut pages);
        }
    }
}
