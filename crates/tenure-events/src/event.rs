//! The vocabulary: what happened, why, how long each phase took and what it moved.
//!
//! Events are plain numbers and static strings. A record holds one vector, of the decisions taken; a collector that
//! reserves it beforehand fills a record without allocating. An event refers to no object and keeps nothing alive.

use std::fmt;

/// Which collection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CollectionKind {
    /// The nursery only.
    #[default]
    Minor,
    /// The whole heap. After slices of a cycle, the last pause of it.
    Major,
    /// A piece of a cycle, between two stretches of the mutator, or of making room ready for promotion.
    Slice,
}

impl CollectionKind {
    /// The glossary's name: `minor`, `major` or `slice`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minor => "minor",
            Self::Major => "major",
            Self::Slice => "slice",
        }
    }

    /// V8's name in `--trace-gc` lines.
    pub const fn v8_name(self) -> &'static str {
        match self {
            Self::Minor => "Scavenge",
            Self::Major => "Mark-Compact",
            Self::Slice => "Incremental marking step",
        }
    }
}

impl fmt::Display for CollectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a collection began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// An allocation found no room in the nursery.
    #[default]
    AllocationFailure,
    /// The old generation reached its limit.
    AllocationLimit,
    /// A large object would have taken the old generation above its limit.
    LargeAllocation,
    /// Memory outside the heap, held by objects, grew too much.
    ExternalMemory,
    /// The embedder asked for it.
    Requested,
    /// Memory ran out: the last attempt before giving up.
    LastResort,
    /// A stress setting.
    Stress,
    /// A test asked for it.
    Testing,
    /// The old generation might not have held everything that a minor collection promotes.
    PromotionRoom,
    /// The embedder had time to spare.
    Idle,
    /// So many old objects were stored to that looking at them would take longer than the pause goal.
    RememberedSet,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 11] = [
        Self::AllocationFailure,
        Self::AllocationLimit,
        Self::LargeAllocation,
        Self::ExternalMemory,
        Self::Requested,
        Self::LastResort,
        Self::Stress,
        Self::Testing,
        Self::PromotionRoom,
        Self::Idle,
        Self::RememberedSet,
    ];

    /// The cause's own name, for logs and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AllocationFailure => "allocation-failure",
            Self::AllocationLimit => "allocation-limit",
            Self::LargeAllocation => "large-allocation",
            Self::ExternalMemory => "external-memory",
            Self::Requested => "requested",
            Self::LastResort => "last-resort",
            Self::Stress => "stress",
            Self::Testing => "testing",
            Self::PromotionRoom => "promotion-room",
            Self::Idle => "idle",
            Self::RememberedSet => "remembered-set",
        }
    }

    /// What V8 prints before the `;` of a `--trace-gc` line.
    pub const fn v8_reason(self) -> &'static str {
        match self {
            Self::AllocationFailure
            | Self::LargeAllocation
            | Self::Stress
            | Self::PromotionRoom
            | Self::RememberedSet => "allocation failure",
            Self::AllocationLimit => "allocation limit",
            Self::ExternalMemory => "external memory pressure",
            Self::Requested => "low memory notification",
            Self::LastResort => "last resort",
            Self::Testing => "testing",
            Self::Idle => "idle task",
        }
    }

    /// What V8 prints after the `;`, why it chose this collector: empty for a minor collection.
    pub const fn v8_collector_reason(self, kind: CollectionKind) -> &'static str {
        match (kind, self) {
            (CollectionKind::Minor | CollectionKind::Slice, _) => "",
            (CollectionKind::Major, Self::PromotionRoom) => "scavenge might not succeed",
            (CollectionKind::Major, Self::Stress) => "GC in old space forced by flags",
            (CollectionKind::Major, _) => "GC in old space requested",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The sizes of a heap's parts at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeapSizes {
    /// Bytes of objects in the nursery, dead ones included.
    pub nursery_used_bytes: usize,
    /// Bytes that the nursery holds from the system, both halves.
    pub nursery_committed_bytes: usize,
    /// Bytes of objects in the old generation's blocks, dead ones that are not yet swept included.
    pub old_used_bytes: usize,
    /// Bytes that those blocks hold from the system.
    pub old_committed_bytes: usize,
    /// Bytes of large objects.
    pub large_used_bytes: usize,
    /// Bytes that large objects hold from the system.
    pub large_committed_bytes: usize,
    /// Bytes of the collector's own tables.
    pub bookkeeping_bytes: usize,
    /// Bytes outside the heap that its objects hold, as the embedder reported them.
    pub external_bytes: usize,
}

impl HeapSizes {
    /// Bytes of objects, in all spaces.
    pub fn used_bytes(&self) -> usize {
        self.nursery_used_bytes
            .saturating_add(self.old_used_bytes)
            .saturating_add(self.large_used_bytes)
    }

    /// Bytes held from the system, the collector's own tables included; external bytes are not.
    pub fn committed_bytes(&self) -> usize {
        self.nursery_committed_bytes
            .saturating_add(self.old_committed_bytes)
            .saturating_add(self.large_committed_bytes)
            .saturating_add(self.bookkeeping_bytes)
    }
}

/// A part of a pause. Which of them a collection has depends on its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Before the first root: flipping, finishing a sweep, decisions. Of a slice: touching memory that promotions will need.
    Prepare,
    /// Visiting the roots.
    Roots,
    /// Visiting the remembered set.
    Remembered,
    /// Copying survivors.
    Evacuate,
    /// Tracing the old generation.
    Mark,
    /// Looking for gray objects after the mark stack overflowed.
    Rescan,
    /// Weak references, ephemerons and finalizers: passing pairs and clearing what is dead.
    Weak,
    /// Freeing what is unmarked.
    Sweep,
    /// Moving objects of the old generation together, or out of sparse blocks.
    Compact,
    /// Correcting the references to what was moved.
    Update,
    /// Growing, shrinking and giving memory back.
    Resize,
    /// Verifying the heap, when that is switched on.
    Verify,
    /// Statistics and the rest.
    Finish,
}

impl Phase {
    /// Number of phases.
    pub const COUNT: usize = Self::ALL.len();

    /// Every phase, in the order of a pause.
    pub const ALL: [Self; 13] = [
        Self::Prepare,
        Self::Roots,
        Self::Remembered,
        Self::Evacuate,
        Self::Mark,
        Self::Rescan,
        Self::Weak,
        Self::Sweep,
        Self::Compact,
        Self::Update,
        Self::Resize,
        Self::Verify,
        Self::Finish,
    ];

    /// The phase's name, for logs and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Roots => "roots",
            Self::Remembered => "remembered",
            Self::Evacuate => "evacuate",
            Self::Mark => "mark",
            Self::Rescan => "rescan",
            Self::Weak => "weak",
            Self::Sweep => "sweep",
            Self::Compact => "compact",
            Self::Update => "update",
            Self::Resize => "resize",
            Self::Verify => "verify",
            Self::Finish => "finish",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Time spent in each phase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PhaseTimes {
    ns: [u64; Phase::COUNT],
}

impl PhaseTimes {
    /// Adds time to a phase; a phase may be entered more than once.
    pub fn add(&mut self, phase: Phase, ns: u64) {
        let sum = &mut self.ns[phase as usize];
        *sum = sum.saturating_add(ns);
    }

    /// Nanoseconds spent in a phase.
    pub fn get(&self, phase: Phase) -> u64 {
        self.ns[phase as usize]
    }

    /// Each phase with its nanoseconds, in the order of a pause, those without any included.
    pub fn iter(&self) -> impl Iterator<Item = (Phase, u64)> + '_ {
        Phase::ALL.into_iter().map(|phase| (phase, self.get(phase)))
    }

    /// Nanoseconds of all phases together.
    pub fn total_ns(&self) -> u64 {
        self.ns.iter().fold(0, |sum, &ns| sum.saturating_add(ns))
    }
}

/// A decision taken during a collection: `subject` became `value` `unit`, because of `reason`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Decision {
    /// What was decided: `promotion`, `nursery size`, `old limit`, `trigger`.
    pub subject: &'static str,
    /// The number chosen.
    pub value: u64,
    /// The number's unit, such as `bytes` or `collections`.
    pub unit: &'static str,
    /// Why.
    pub reason: &'static str,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {} ({})", self.subject, self.value, self.unit, self.reason)
    }
}

/// Everything about one collection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CollectionRecord {
    /// Number of collections of the heap before this one.
    pub sequence: u64,
    /// Which collection.
    pub kind: CollectionKind,
    /// Why it began.
    pub cause: Cause,
    /// When the pause began, on the heap's clock.
    pub start_ns: u64,
    /// How long the pause was.
    pub pause_ns: u64,
    /// Sizes when the pause began.
    pub before: HeapSizes,
    /// Sizes when it ended.
    pub after: HeapSizes,
    /// Time spent in each phase.
    pub phases: PhaseTimes,
    /// Bytes that survived in the nursery.
    pub retained_bytes: u64,
    /// Bytes that went from the nursery to the old generation.
    pub promoted_bytes: u64,
    /// Objects that survived in the nursery.
    pub retained_objects: u64,
    /// Objects that went from the nursery to the old generation.
    pub promoted_objects: u64,
    /// Objects in the remembered set when the pause began.
    pub remembered_owners: u64,
    /// Objects marked.
    pub marked_objects: u64,
    /// Pushes that the mark stack refused.
    pub mark_stack_overflows: u64,
    /// Passes over overflowed blocks.
    pub rescans: u64,
    /// Blocks looked through in those passes.
    pub rescanned_blocks: u64,
    /// Blocks swept.
    pub swept_blocks: u64,
    /// Objects of the old generation that were moved within it.
    pub moved_objects: u64,
    /// Their bytes.
    pub moved_bytes: u64,
    /// Bytes freed.
    pub freed_bytes: u64,
    /// The pause goal, if there is one and the pause was longer.
    pub missed_goal_ns: Option<u64>,
    /// Decisions taken, in order.
    pub decisions: Vec<Decision>,
}

impl CollectionRecord {
    /// When the pause ended, on the heap's clock.
    pub fn end_ns(&self) -> u64 {
        self.start_ns.saturating_add(self.pause_ns)
    }

    /// Bytes that survived in or out of the nursery.
    pub fn survived_bytes(&self) -> u64 {
        self.retained_bytes.saturating_add(self.promoted_bytes)
    }
}

/// Something that happened to a heap.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A collection begins.
    CollectionBegin {
        /// Which collection.
        kind: CollectionKind,
        /// Why.
        cause: Cause,
        /// When, on the heap's clock.
        start_ns: u64,
    },
    /// A collection ended.
    CollectionEnd(&'a CollectionRecord),
    /// The nursery's capacity changed.
    NurseryResized {
        /// Bytes that one half held.
        from_bytes: usize,
        /// Bytes that it holds now.
        to_bytes: usize,
        /// Why.
        reason: &'static str,
    },
    /// The old generation's limit changed.
    OldLimitChanged {
        /// The limit before.
        from_bytes: usize,
        /// The limit now.
        to_bytes: usize,
        /// Why.
        reason: &'static str,
    },
    /// The heap is about to reach its maximum, and the embedder's callback was asked.
    NearLimit {
        /// The maximum.
        limit_bytes: usize,
        /// Bytes used.
        used_bytes: usize,
        /// The new maximum, if the callback raised it.
        raised_to_bytes: Option<usize>,
    },
    /// An allocation failed for good.
    OutOfMemory {
        /// Bytes that were asked for.
        requested_bytes: usize,
        /// The maximum.
        limit_bytes: usize,
        /// Why nothing more was tried.
        reason: &'static str,
    },
    /// A pause was longer than the pause goal.
    PauseGoalMissed {
        /// The goal.
        goal_ns: u64,
        /// The pause, with the sizes and counts that made it long.
        record: &'a CollectionRecord,
        /// The phase that took longest.
        phase: Phase,
        /// Why the pause was longer than planned.
        reason: &'static str,
    },
    /// The system refused memory.
    PageSourceFailed {
        /// Bytes that were asked for.
        bytes: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_listed_once_in_order_of_their_indices() {
        for (index, phase) in Phase::ALL.into_iter().enumerate() {
            assert_eq!(phase as usize, index);
        }
        let mut names: Vec<_> = Phase::ALL.map(Phase::name).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Phase::COUNT);
    }

    #[test]
    fn phase_times_add_up_and_saturate() {
        let mut times = PhaseTimes::default();
        times.add(Phase::Mark, 5);
        times.add(Phase::Mark, 6);
        times.add(Phase::Finish, 1);
        assert_eq!(times.get(Phase::Mark), 11);
        assert_eq!(times.get(Phase::Sweep), 0);
        assert_eq!(times.total_ns(), 12);
        let spent: Vec<_> = times.iter().filter(|&(_, ns)| ns > 0).collect();
        assert_eq!(spent, [(Phase::Mark, 11), (Phase::Finish, 1)]);
        times.add(Phase::Mark, u64::MAX);
        assert_eq!(times.get(Phase::Mark), u64::MAX);
        assert_eq!(times.total_ns(), u64::MAX);
    }

    #[test]
    fn sizes_leave_external_bytes_out() {
        let sizes = HeapSizes {
            nursery_used_bytes: 1,
            nursery_committed_bytes: 10,
            old_used_bytes: 2,
            old_committed_bytes: 20,
            large_used_bytes: 4,
            large_committed_bytes: 40,
            bookkeeping_bytes: 100,
            external_bytes: 1000,
        };
        assert_eq!(sizes.used_bytes(), 7);
        assert_eq!(sizes.committed_bytes(), 170);
    }

    #[test]
    fn minor_collections_have_no_collector_reason() {
        for cause in Cause::ALL {
            assert_eq!(cause.v8_collector_reason(CollectionKind::Minor), "");
            assert_ne!(cause.v8_collector_reason(CollectionKind::Major), "");
        }
        let mut names: Vec<_> = Cause::ALL.map(Cause::name).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Cause::ALL.len());
    }

    #[test]
    fn a_decision_reads_as_a_sentence() {
        let decision = Decision {
            subject: "nursery size",
            value: 4096,
            unit: "bytes",
            reason: "survival",
        };
        assert_eq!(decision.to_string(), "nursery size: 4096 bytes (survival)");
    }
}
