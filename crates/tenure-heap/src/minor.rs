//! The minor collection, step by step.
//!
//! Flip; forward the roots and what the remembered set names; scan to the end; settle large objects; resize. The pause
//! is proportional to the survivors, the roots and the remembered set. A minor collection frees nothing in the old
//! generation.

use std::io::Write as _;

use tenure_barrier::CardEntry;
use tenure_events::{Cause, CollectionKind, CollectionRecord, Decision, Event, Phase, TraceDetails};
use tenure_memory::{Range, prefetch};
use tenure_nursery::{Evacuation, EvacuationCounts, Promotion};
use tenure_object::{FLAG_CARDED, FLAG_LARGE, FLAG_UNLOGGED, ObjectRef, PromotionTarget};
use tenure_old::{BlockSpace, LargeSpace, Pages};
use tenure_policy::pacing::{GoalInput, nursery_for_goal};
use tenure_policy::promotion::{MinorInput, MinorOutcome, PromotionRule};
use tenure_policy::sizing::{NurseryInput, nursery_capacity};

use crate::core::{AbortOnPanic, Core, Inner};

/// The old generation as the nursery sees it.
#[derive(Debug)]
struct Promotions<'a> {
    pointer: &'a mut BlockSpace,
    data: &'a mut BlockSpace,
    large: &'a mut LargeSpace,
    pages: Pages<'a>,
    remembered: &'a mut tenure_barrier::RememberedSet,
    /// While a cycle is in progress: what is promoted is born black.
    marker: Option<&'a mut tenure_marking::Marker>,
    /// While blocks are to be evacuated, after marking: what records the slots that refer into them.
    recorder: Option<&'a mut tenure_marking::Marker>,
    kinds: tenure_object::KindTable,
    /// Where stores into young large objects were logged, by object.
    young_cards: &'a [CardEntry],
    parts: Parts,
}

impl Promotions<'_> {
    /// Records the slots of an object that has become old, or those in a part of it.
    fn record(&mut self, object: ObjectRef, part: Option<Range>) {
        let Some(recorder) = &mut self.recorder else { return };
        let cage = &*self.pages.cage;
        // SAFETY: OBJ-HEADER, an object that survived.
        let header = unsafe { object.header() };
        let part = part.unwrap_or(cage.heap());
        // SAFETY: OBJ-HEADER and KIND-LAYOUT; SLOT-TYPED for each slot.
        unsafe {
            object.visit_references_in(header, &self.kinds, part, |slot| {
                recorder.record_slot(cage, slot, *slot);
            });
        }
    }
}

/// The entries of one large object among those of all.
#[derive(Clone, Copy, Debug, Default)]
struct Parts {
    next: usize,
    end: usize,
}

impl Parts {
    fn begin(&mut self, cards: &[CardEntry], owner: ObjectRef) {
        self.next = cards.partition_point(|entry| entry.owner < owner);
        self.end = self.next + cards[self.next..].partition_point(|entry| entry.owner == owner);
    }

    fn next_of_current(&mut self, cards: &[CardEntry]) -> Option<CardEntry> {
        let entry = cards[..self.end].get(self.next).copied();
        self.next += usize::from(entry.is_some());
        entry
    }
}

impl PromotionTarget for Promotions<'_> {
    #[inline]
    fn allocate(&mut self, words: usize, has_slots: bool) -> Option<ObjectRef> {
        let space = if has_slots { &mut *self.pointer } else { &mut *self.data };
        let object = space.allocate(words, &mut self.pages)?;
        if let Some(marker) = &mut self.marker {
            marker.list_new(self.pages.cage, &self.kinds, object, has_slots);
        }
        Some(object)
    }

    fn visit_large(&mut self, object: ObjectRef) {
        self.large.reach(object);
    }

    fn is_unreached(&self, object: ObjectRef) -> bool {
        self.large.is_unreached(object)
    }

    fn next_large(&mut self) -> Option<(ObjectRef, Option<Range>)> {
        loop {
            if let Some(entry) = self.parts.next_of_current(self.young_cards) {
                self.record(entry.owner, Some(entry.slots()));
                return Some((entry.owner, Some(entry.slots())));
            }
            let object = self.large.next_unscanned()?;
            // SAFETY: OBJ-HEADER, a large object.
            let header = unsafe { object.header() };
            let has_slots = ObjectRef::has_slots(header, &self.kinds);
            // SAFETY: OBJ-HEADER, it is old from here on.
            unsafe { object.set_header(header.ageless().with(FLAG_UNLOGGED | FLAG_LARGE)) };
            if let Some(marker) = &mut self.marker {
                marker.list_new(self.pages.cage, &self.kinds, object, has_slots);
            }
            if header.has(FLAG_CARDED) {
                self.parts.begin(self.young_cards, object);
            } else {
                self.record(object, None);
                return Some((object, None));
            }
        }
    }

    #[inline]
    fn promoted(&mut self, object: ObjectRef) {
        if self.recorder.is_some() {
            self.record(object, None);
        }
    }

    fn remember(&mut self, object: ObjectRef) {
        // SAFETY: OBJ-HEADER and REM-UNIQUE, the evacuation calls once for an old object.
        unsafe { self.remembered.remember(object) };
    }

    fn remember_card(&mut self, owner: ObjectRef, slot: *mut u64) {
        // SAFETY: OBJ-HEADER, the evacuation passes a slot of `owner`.
        unsafe { self.remembered.remember_card(self.pages.cage, owner, slot) };
    }
}

impl Core {
    /// Collects the nursery.
    pub fn collect_minor(&mut self, cause: Cause) {
        self.minor(cause, None);
    }

    /// Collects the nursery, with the rule that the policy gives or `forced`, and reports it.
    pub(crate) fn minor(&mut self, cause: Cause, forced: Option<PromotionRule>) {
        let _guard = AbortOnPanic::new();
        let mut record = self.begin(CollectionKind::Minor, cause);
        self.evacuate_nursery(&mut record, forced);
        self.inner().totals.minor_collections += 1;
        self.measure_minor(&record);
        self.resize_nursery(&mut record);
        self.reset_window();
        self.protect_reserve();
        self.finish(record);
    }

    /// Starts a collection's record.
    pub(crate) fn begin(&mut self, kind: CollectionKind, cause: Cause) -> CollectionRecord {
        let before = self.sizes();
        let inner = self.inner();
        inner.watched.begin_batch();
        let start_ns = inner.clock.now_ns();
        inner.emit(&Event::CollectionBegin { kind, cause, start_ns });
        inner.totals.peak_used_bytes = inner.totals.peak_used_bytes.max(before.used_bytes());
        inner.totals.peak_committed_bytes = inner.totals.peak_committed_bytes.max(before.committed_bytes());
        CollectionRecord {
            sequence: inner.totals.minor_collections + inner.totals.major_collections,
            kind,
            cause,
            start_ns,
            before,
            remembered_owners: (inner.remembered.owners().len() + inner.remembered.cards().len()) as u64,
            decisions: Vec::with_capacity(4),
            ..CollectionRecord::default()
        }
    }

    /// Ends a collection: verifies if asked to, measures the pause, reports.
    pub(crate) fn finish(&mut self, mut record: CollectionRecord) {
        self.registers.clear_unused();
        record.after = self.sizes();
        record.freed_bytes = record.before.used_bytes().saturating_sub(record.after.used_bytes()) as u64;
        let inner = self.inner();
        let end_ns = inner.clock.now_ns();
        record.pause_ns = end_ns.saturating_sub(record.start_ns);
        record
            .phases
            .add(Phase::Finish, record.pause_ns.saturating_sub(record.phases.total_ns()));
        let goal_ns = inner.config.settings.pause_goal_ns;
        record.missed_goal_ns = (goal_ns > 0 && record.pause_ns > goal_ns).then_some(goal_ns);
        inner.pauses.record_collection(&record);
        inner.totals.collection_ns += record.pause_ns;
        inner.totals.longest_pause_ns = inner.totals.longest_pause_ns.max(record.pause_ns);
        inner.totals.peak_committed_bytes = inner.totals.peak_committed_bytes.max(record.after.committed_bytes());
        inner.totals.mark_stack_overflows += record.mark_stack_overflows;
        inner.totals.rescans += record.rescans;
        if record.kind != CollectionKind::Slice {
            inner.print_trace(&record);
        }
        inner.emit(&Event::CollectionEnd(&record));
        if let Some(goal_ns) = record.missed_goal_ns {
            let (phase, reason) = why_missed(&record, inner.config.settings.incremental_marking);
            inner.emit(&Event::PauseGoalMissed {
                goal_ns,
                record: &record,
                phase,
                reason,
            });
        }
        if inner.config.settings.verify_heap
            && let Err(e) = self.verify()
        {
            eprintln!("tenure: {e}");
            std::process::abort();
        }
    }

    /// Learns what a minor collection costs.
    fn measure_minor(&mut self, record: &CollectionRecord) {
        let inner = self.inner();
        let pause_ns = inner.clock.now_ns().saturating_sub(record.start_ns) as f64;
        let condemned = record.before.nursery_used_bytes;
        if condemned >= inner.nursery.capacity_bytes() / 2 {
            inner.minor_ns_per_byte.add(pause_ns / condemned as f64);
        }
        // Large objects do not move: they are no part of the outcome.
        if let Some(outcome) = inner.previous_minor {
            let copying_ns = record.phases.get(Phase::Evacuate) + record.phases.get(Phase::Remembered);
            inner
                .survivor_price
                .add(copying_ns, outcome.retained_bytes, outcome.promoted_bytes);
        }
    }

    /// Adds the time since `since` to a phase and returns the time now.
    pub(crate) fn lap(&self, record: &mut CollectionRecord, phase: Phase, since: u64) -> u64 {
        let now = self.inner().clock.now_ns();
        record.phases.add(phase, now.saturating_sub(since));
        now
    }

    /// Evacuates the nursery. The window's top is behind the survivors afterwards, its limits are not yet set.
    pub(crate) fn evacuate_nursery(&mut self, record: &mut CollectionRecord, forced: Option<PromotionRule>) {
        self.unprotect_reserve();
        let inner = self.inner();
        let mut time = inner.clock.now_ns();
        let from = inner.nursery.active(&inner.cage);
        let condemned_bytes = self.window.top.get() - from.start;
        let capacity_bytes = inner.nursery.capacity_bytes();
        let input = MinorInput {
            collection: inner.totals.minor_collections,
            to_space_capacity_bytes: capacity_bytes,
            condemned_bytes,
            previous: inner.previous_minor,
        };
        let rule = forced.unwrap_or_else(|| inner.policy.rule(&input));
        record.decisions.push(describe(rule, forced.is_some()));
        inner.remembered.reserve(condemned_bytes / 16);
        inner.minor_requested = false;
        let (owners, mut cards) = inner.remembered.take(&inner.cage);
        inner.watched.reserve_remembered(owners.len() + cards.len());
        let young_cards = inner.take_young_cards(&mut cards);
        // Sweeping on the way is for when there is no goal that it could take the time of.
        let allowance = if inner.config.settings.pause_goal_ns > 0 {
            1
        } else {
            usize::MAX
        };
        inner.pointer.set_sweep_allowance(allowance);
        inner.data.set_sweep_allowance(allowance);
        inner.nursery.check_room(condemned_bytes);
        let hash_salt = inner.nursery.hash_salt();
        inner.nursery.flip();
        let to = inner.nursery.active(&inner.cage);
        let to = Range {
            start: to.start,
            end: to.start + inner.nursery.committed_half_bytes(),
        };
        let large = inner.cage.large();
        let (kinds, spill) = (
            inner.kinds,
            Range {
                start: from.start,
                end: self.window.top.get().max(from.start),
            },
        );
        let (marking, evacuating) = (inner.cycle.is_some(), inner.candidates.is_due());
        let (marker, recorder) = match (marking, evacuating) {
            (true, _) => (Some(&mut inner.marker), None),
            (false, true) => (None, Some(&mut inner.marker)),
            (false, false) => (None, None),
        };
        let mut target = Promotions {
            pointer: &mut inner.pointer,
            data: &mut inner.data,
            large: &mut inner.large,
            pages: Pages {
                cage: &mut inner.cage,
                budget: &mut inner.budget,
                refused: &mut inner.refused,
            },
            remembered: &mut inner.remembered,
            marker,
            recorder,
            kinds,
            young_cards: &young_cards,
            parts: Parts::default(),
        };
        let promotion = Promotion {
            policy: &mut *inner.policy,
            rule,
        };
        // SAFETY: NUR-EMPTY and NUR-ROOM hold between collections, and this is a safepoint.
        let mut evacuation = unsafe {
            Evacuation::begin(
                spill,
                to,
                large,
                capacity_bytes,
                kinds,
                promotion,
                hash_salt,
                &mut target,
            )
        };
        record
            .phases
            .add(Phase::Prepare, inner.clock.now_ns().saturating_sub(time));
        time = inner.clock.now_ns();
        let mut forward = |slot: *mut u64| {
            // SAFETY: ROOT-EXACT, a root word.
            unsafe { evacuation.forward(slot) };
        };
        self.registers.visit(&mut forward);
        self.operands.visit(&mut forward);
        self.handles.visit(&mut forward);
        inner.roots.visit(&mut forward);
        for word in inner.globals.words_mut() {
            forward(word);
        }
        inner.watched.visit_roots(&mut forward);
        let now = inner.clock.now_ns();
        record.phases.add(Phase::Roots, now.saturating_sub(time));
        time = now;
        for (i, owner) in owners.iter().enumerate() {
            if let Some(next) = owners.get(i + PREFETCH_DISTANCE) {
                prefetch(next.address());
            }
            // SAFETY: OBJ-HEADER and REM-UNIQUE, the entries were just taken out of the set.
            unsafe { evacuation.scan_old(*owner) };
        }
        for (i, entry) in cards.iter().enumerate() {
            if let Some(next) = cards.get(i + PREFETCH_DISTANCE) {
                prefetch(next.slots().start);
            }
            // SAFETY: OBJ-HEADER, as above.
            unsafe { evacuation.scan_card(entry.owner, entry.slots()) };
        }
        let now = inner.clock.now_ns();
        record.phases.add(Phase::Remembered, now.saturating_sub(time));
        time = now;
        // SAFETY: ROOT-EXACT, all roots have been forwarded.
        unsafe { evacuation.trace_closure() };
        let weak_words_keep = inner.config.settings.minor_weak_strong;
        let full = record.kind == CollectionKind::Major;
        // SAFETY: NUR-SCAN, the closure is traced; the entries were just taken out of the set.
        unsafe {
            inner
                .watched
                .finish_minor(&mut evacuation, &kinds, &owners, &cards, weak_words_keep, full);
        };
        let (top, counts) = evacuation.finish();
        let (large_bytes, large_objects, large_freed_bytes) = target.large.finish_minor(target.pages.cage);
        if !inner.config.settings.incremental_marking {
            inner.free_dead_large();
        }
        inner.relist_taken(&owners, &cards);
        inner.record_taken(&owners, &cards);
        inner.remembered.give_back(owners, cards);
        record
            .phases
            .add(Phase::Evacuate, inner.clock.now_ns().saturating_sub(time));
        self.window.top.set(top);
        inner.end_spill(top - to.start);
        inner.totals.allocated_bytes += large_freed_bytes as u64;
        self.account(record, condemned_bytes, &counts, large_bytes, large_objects);
    }

    fn account(
        &self,
        record: &mut CollectionRecord,
        condemned_bytes: usize,
        counts: &EvacuationCounts,
        large_bytes: usize,
        large_objects: usize,
    ) {
        let inner = self.inner();
        let before = inner.previous_minor.map_or(0, |p| p.retained_bytes);
        inner.totals.allocated_bytes += (condemned_bytes.saturating_sub(before) + large_bytes) as u64;
        inner.totals.promoted_bytes += counts.promoted_bytes + large_bytes as u64;
        inner.survived_since_growth_bytes += (counts.retained_bytes + counts.promoted_bytes) as usize;
        inner.previous_minor = Some(MinorOutcome {
            condemned_bytes,
            retained_bytes: counts.retained_bytes as usize,
            promoted_bytes: counts.promoted_bytes as usize,
        });
        record.retained_bytes = counts.retained_bytes;
        record.retained_objects = counts.retained_objects;
        record.promoted_bytes = counts.promoted_bytes + large_bytes as u64;
        record.promoted_objects = counts.promoted_objects + large_objects as u64;
        if counts.promotion_failures > 0 {
            record.decisions.push(Decision {
                subject: "promotion",
                value: counts.promotion_failures,
                unit: "objects retained",
                reason: "the old generation had no room for them",
            });
        }
    }

    /// Grows or shrinks the nursery by the policy.
    pub(crate) fn resize_nursery(&mut self, record: &mut CollectionRecord) {
        let inner = self.inner();
        let time = inner.clock.now_ns();
        let start = inner.nursery.active(&inner.cage).start;
        let used_bytes = self.window.top.get() - start;
        let elapsed_ms = record
            .start_ns
            .saturating_sub(inner.pauses.pauses().last().map_or(0, |p| p.end_ns())) as f64;
        let speed = (inner.config.settings.measured_speeds && elapsed_ms > 0.0)
            .then(|| record.before.nursery_used_bytes as f64 / (elapsed_ms / 1e6));
        let capacity_bytes = inner.nursery.capacity_bytes();
        if inner.config.settings.pause_goal_ns > 0 {
            let to_bytes = nursery_for_goal(&GoalInput {
                goal_ns: inner.config.settings.pause_goal_ns,
                pause_ns_per_byte: inner.minor_ns_per_byte.get(),
                survivor_ns_per_byte: inner.survivor_price.ns_per_byte(),
                capacity_bytes,
                max_bytes: inner.config.settings.max_semi_space_bytes,
                min_bytes: GOAL_NURSERY_MIN_BYTES,
            });
            self.set_nursery(record, to_bytes, used_bytes, "the pause goal, at the speeds measured");
            self.lap(record, Phase::Resize, time);
            return;
        }
        let decision = nursery_capacity(&NurseryInput {
            capacity_bytes,
            initial_bytes: inner.config.settings.initial_semi_space_bytes,
            max_bytes: inner.config.settings.max_semi_space_bytes,
            survived_since_growth_bytes: inner.survived_since_growth_bytes,
            live_bytes: used_bytes,
            growth_factor: inner.config.settings.semi_space_growth_factor,
            allocation_bytes_per_ms: speed,
            reduce_memory: false,
            may_shrink: inner.config.settings.measured_speeds,
        });
        self.set_nursery(record, decision.capacity_bytes, used_bytes, decision.reason.as_str());
        self.lap(record, Phase::Resize, time);
    }

    /// Changes the capacity of the nursery, if the system has the pages.
    fn set_nursery(&mut self, record: &mut CollectionRecord, to_bytes: usize, used_bytes: usize, reason: &'static str) {
        let inner = self.inner();
        let from_bytes = inner.nursery.capacity_bytes();
        if to_bytes == from_bytes {
            return;
        }
        let to_bytes = tenure_memory::round_up(to_bytes, tenure_memory::PAGE_BYTES);
        let keep_pages = inner.config.settings.pause_goal_ns > 0;
        if let Err(e) = inner
            .nursery
            .set_capacity(&mut inner.cage, to_bytes, used_bytes, keep_pages)
        {
            inner.emit(&Event::PageSourceFailed {
                bytes: e.requested_bytes(),
            });
            inner.refused = Some(e);
            return;
        }
        if to_bytes > from_bytes {
            inner.survived_since_growth_bytes = 0;
        }
        inner.remembered.reserve(to_bytes / 16);
        inner.end_spill(used_bytes);
        inner.emit(&Event::NurseryResized {
            from_bytes,
            to_bytes,
            reason,
        });
        record.decisions.push(Decision {
            subject: "nursery size",
            value: to_bytes as u64,
            unit: "bytes",
            reason,
        });
    }
}

/// Entries of the remembered set whose memory is on its way while one is looked at.
const PREFETCH_DISTANCE: usize = 8;

/// The smallest half of a nursery that a pause goal leads to.
pub(crate) const GOAL_NURSERY_MIN_BYTES: usize = 64 << 10;

/// Returns the phase that took longest, and why a pause may be longer than planned for.
fn why_missed(record: &CollectionRecord, incremental: bool) -> (Phase, &'static str) {
    let (phase, _) = record
        .phases
        .iter()
        .max_by_key(|(_, ns)| *ns)
        .unwrap_or((Phase::Finish, 0));
    let reason = match (record.kind, phase) {
        (CollectionKind::Major, _) if !incremental => "incremental marking is switched off",
        (_, Phase::Roots) => "the roots took longer than planned",
        (CollectionKind::Minor, Phase::Remembered) => "the remembered set was larger than planned",
        (CollectionKind::Minor, Phase::Evacuate) => "copying was slower, or more survived, than planned",
        (CollectionKind::Major, _) => match record.cause {
            Cause::Requested | Cause::Testing | Cause::Stress => "a collection in one pause was asked for",
            Cause::LastResort | Cause::PromotionRoom => "memory ran out, and everything was collected in one pause",
            _ => "the last pause of a cycle had more left to do than planned",
        },
        (_, Phase::Mark | Phase::Rescan) => "marking was slower than measured before",
        (_, Phase::Sweep | Phase::Resize) => "the system took longer to take memory back, or sweeping was slower",
        _ => "the machine was slower than measured before",
    };
    (phase, reason)
}

fn describe(rule: PromotionRule, forced: bool) -> Decision {
    let (value, unit, reason) = match rule {
        PromotionRule::Threshold { age_collections: 0, .. } if forced => {
            (0, "collections", "make room for the mutator")
        }
        PromotionRule::Threshold {
            age_collections: 255,
            fill_bytes,
        } => (
            fill_bytes as u64,
            "bytes of to-space",
            "promote what does not fit below",
        ),
        PromotionRule::Threshold { age_collections, .. } => (
            u64::from(age_collections),
            "collections",
            "promote what survived as many",
        ),
        PromotionRule::PerObject => (0, "rule", "the policy decides for each object"),
    };
    Decision {
        subject: "promotion",
        value,
        unit,
        reason,
    }
}

impl Inner {
    /// Takes the entries of young large objects out of `cards`, ordered by object. They count only if the object
    /// survives.
    fn take_young_cards(&self, cards: &mut Vec<CardEntry>) -> Vec<CardEntry> {
        let mut young = Vec::new();
        if self.large.young_count() > 0 {
            cards.retain(|entry| {
                let is_young = self.large.is_young_object(&self.cage, entry.owner);
                if is_young {
                    young.push(*entry);
                }
                !is_young
            });
            young.sort_unstable_by_key(|entry| entry.owner);
        }
        young
    }

    /// Gives the pages of all dead large objects back.
    pub(crate) fn free_dead_large(&mut self) {
        let (_, _, large, mut pages) = self.spaces();
        while !large.free_next(usize::MAX, &mut pages) {}
    }

    /// Prints the lines that the settings ask for. A closed pipe must not end a collection: what cannot be written is
    /// not.
    fn print_trace(&mut self, record: &CollectionRecord) {
        let details = TraceDetails {
            incremental: self.last_steps.take(),
            ..TraceDetails::default()
        };
        self.trace.observe(record, &details);
        if self.config.settings.trace_gc {
            let _ = writeln!(std::io::stdout(), "{}", self.trace.line(record, &details));
        }
        if self.config.settings.trace_gc_nvp {
            let _ = writeln!(std::io::stdout(), "{}", self.trace.nvp_line(record, &details));
        }
    }
}
