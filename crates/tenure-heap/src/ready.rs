//! Room for promotion, made ready between minor collections.
//!
//! With a pause goal, memory comes in small pages, and the first touch of each is a page fault of a microsecond or more:
//! as much as copying what fits into it costs, and the more irregular half, since the system takes as long as it likes. So
//! both block spaces are to have as much in ready blocks as the nursery holds. When a minor collection has used some of
//! them, slices at allocations take new ones and touch them: each within a quarter of the goal, never in the safepoint of
//! a minor collection. It is the same work as before, but for a sixth that one system call saves, and it is in the
//! record of a slice. Without a goal nothing is made ready, and holes that were swept are not counted: what they hold
//! cannot be told before it is asked for.

use tenure_events::{Cause, CollectionKind, Decision, Phase};
use tenure_memory::BLOCK_BYTES;
use tenure_old::{BlockSpace, Pages};

use crate::core::{Core, Inner};
use crate::cycle::SLICE_SHARE;

/// The distance of the slices that make room ready is such a part of the nursery: there are some before it is full.
pub(crate) const READY_STEP_PART: usize = 8;

impl Core {
    /// Does what there is to do at an allocation before the nursery is full: a slice, and, if that was short, making room
    /// ready.
    pub(crate) fn step_at_allocation(&mut self) {
        if !self.room_is_due() {
            self.advance_cycle();
            return;
        }
        let start_ns = self.now_ns();
        let minor_collections = self.inner().totals.minor_collections;
        self.advance_cycle();
        let most_ns = self.inner().config.settings.pause_goal_ns / SLICE_SHARE * 2;
        let collected = self.inner().totals.minor_collections != minor_collections;
        if !collected && self.now_ns().saturating_sub(start_ns) <= most_ns && self.room_is_due() {
            self.make_room_ready();
        }
    }

    /// Returns whether less room is ready than a minor collection may need, and more is to be had.
    pub(crate) fn room_is_due(&self) -> bool {
        let inner = self.inner();
        inner.config.settings.pause_goal_ns > 0
            && inner.ready_refused_at != Some(inner.totals.minor_collections)
            && inner.budget.room_bytes() > 2 * inner.nursery.capacity_bytes() + BLOCK_BYTES
            && (inner.lacks_room(&inner.pointer) || inner.lacks_room(&inner.data))
    }

    /// Makes room ready for a quarter of the goal, or until there is enough.
    fn make_room_ready(&mut self) {
        let mut record = self.begin(CollectionKind::Slice, Cause::AllocationLimit);
        let inner = self.inner();
        let start_ns = record.start_ns;
        let deadline_ns = start_ns + inner.config.settings.pause_goal_ns / SLICE_SHARE;
        loop {
            let (pointer, data, cage) = (&mut inner.pointer, &mut inner.data, &mut inner.cage);
            let wanted_bytes = inner.nursery.capacity_bytes();
            let space = if pointer.ready_bytes() < wanted_bytes {
                pointer
            } else {
                data
            };
            // A refusal is no allocation's: it must not explain one that fails later.
            let mut refused = None;
            let mut pages = Pages {
                cage,
                budget: &mut inner.budget,
                refused: &mut refused,
            };
            if !space.make_ready(&mut pages) {
                inner.ready_refused_at = Some(inner.totals.minor_collections);
            }
            if !self.room_is_due() || inner.clock.now_ns() >= deadline_ns {
                break;
            }
        }
        record.decisions.push(Decision {
            subject: "room for promotion",
            value: (inner.pointer.ready_bytes() + inner.data.ready_bytes()) as u64,
            unit: "bytes",
            reason: "touched before a minor collection needs them",
        });
        self.lap(&mut record, Phase::Prepare, start_ns);
        self.finish(record);
        self.window.limit.set(self.step_limit());
    }
}

impl Inner {
    fn lacks_room(&self, space: &BlockSpace) -> bool {
        space.ready_bytes() < self.nursery.capacity_bytes()
    }

    /// Returns how many empty blocks a pause goal wants to be kept ready.
    pub(crate) fn ready_blocks(&self) -> usize {
        if self.config.settings.pause_goal_ns == 0 {
            return 0;
        }
        2 * self.nursery.capacity_bytes().div_ceil(BLOCK_BYTES)
    }
}
