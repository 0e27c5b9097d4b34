//! Work at times that the embedder chooses: between two events of its loop, or while it has nothing else to do.
//!
//! [`Core::step`] runs slices of what a cycle has to do until a deadline. [`Core::idle_step`] looks for work as well: it
//! starts a cycle when the program has allocated since the last one, or the last one freed much, and afterwards gives
//! empty blocks back to the system. A step overruns its deadline by at most what the smallest piece of work takes: a few
//! hundred objects, a block, or a minor collection, which may come before the last pause of a cycle. Neither runs the
//! embedder's code.

use tenure_events::Cause;

use crate::core::Core;
use crate::cycle::Budget;

/// Bytes allocated that make an idle cycle worthwhile.
const IDLE_ALLOCATED_BYTES: u64 = 64 << 10;

/// A cycle that freed one byte in so many is followed by another: what died while it marked is still there, and only now
/// it is known which blocks are sparse.
const IDLE_FREED_SHARE: usize = 16;

/// The longest that an idle heap goes without a cycle, although nothing was allocated: roots may have been cleared.
const IDLE_INTERVAL_NS: u64 = 8_000_000_000;

/// What a step left over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is nothing to do.
    Done,
    /// The deadline came first.
    More,
    /// There will be something to do at this time of the heap's clock: empty blocks are kept until then.
    Later {
        /// When.
        at_ns: u64,
    },
}

/// What idle steps remember.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Idle {
    /// Allocated bytes when the last cycle started.
    allocated_bytes: u64,
    /// Bytes in the old generation when the last idle cycle started.
    old_bytes: usize,
    /// The cycle in progress was started by an idle step.
    in_cycle: bool,
    /// When the last cycle was over, with its sweeping.
    pub(crate) swept_ns: u64,
    released: bool,
}

impl Core {
    /// Starts a cycle now, unless one is in progress. Costs microseconds, or, right after a cycle, what is left of its
    /// sweeping; the work is done by later slices.
    pub fn start_marking(&mut self) {
        self.start_marking_for(false);
    }

    fn start_marking_for(&mut self, reducing: bool) {
        if self.inner().cycle.is_none() {
            self.start_cycle(reducing);
            self.window.limit.set(self.step_limit());
        }
    }

    /// Works on the cycle until `deadline_ns` of the heap's clock: starts one if it is due, marks, sweeps, gives memory
    /// back.
    pub fn step(&mut self, deadline_ns: u64) -> Progress {
        if !self.inner().config.settings.incremental_marking {
            return Progress::Done;
        }
        self.start_cycle_if_due();
        self.work_until(deadline_ns)
    }

    /// Runs slices until nothing is left or the deadline has come.
    fn work_until(&mut self, deadline_ns: u64) -> Progress {
        let budget = Budget {
            deadline_ns: deadline_ns.min(u64::MAX - 1),
            ..Budget::ALL
        };
        while self.inner().cycle.is_some() || self.has_sweep_work() {
            if self.now_ns() >= deadline_ns {
                return Progress::More;
            }
            self.slice(&budget);
        }
        Progress::Done
    }

    /// Works like [`Core::step`], and besides makes the heap small: starts a cycle if there may be garbage, and gives
    /// empty blocks back when they have been kept for the configured delay.
    pub fn idle_step(&mut self, deadline_ns: u64) -> Progress {
        loop {
            let progress = if self.inner().config.settings.incremental_marking {
                self.work_until(deadline_ns)
            } else {
                Progress::Done
            };
            if progress != Progress::Done {
                return progress;
            }
            if !self.idle_cycle_due() {
                break;
            }
            if self.now_ns() >= deadline_ns {
                return Progress::More;
            }
            // What is young may be garbage that holds old objects, and would have to be looked through.
            if self.minor_fits(deadline_ns) {
                self.minor(Cause::Idle, Some(crate::major::PROMOTE_ALL));
            }
            let allocated_bytes = self.allocated_bytes();
            let inner = self.inner();
            inner.idle.allocated_bytes = allocated_bytes;
            inner.idle.old_bytes = inner.old_bytes();
            inner.idle.in_cycle = true;
            inner.idle.released = false;
            if inner.config.settings.incremental_marking {
                self.start_marking_for(true);
            } else {
                self.collect_major(Cause::Idle);
                self.inner().idle.swept_ns = self.now_ns();
            }
        }
        self.release_idle(deadline_ns)
    }

    /// Returns whether an idle heap should run a cycle: something was allocated, the last one freed much, or it was long
    /// ago.
    fn idle_cycle_due(&self) -> bool {
        let allocated_bytes = self.allocated_bytes();
        let inner = self.inner();
        let now_ns = inner.clock.now_ns();
        let idle = &mut inner.idle;
        let freed_much = std::mem::take(&mut idle.in_cycle)
            && idle
                .old_bytes
                .saturating_sub(inner.pointer.used_bytes() + inner.data.used_bytes() + inner.large.used_bytes())
                > idle.old_bytes / IDLE_FREED_SHARE;
        freed_much
            || allocated_bytes.saturating_sub(idle.allocated_bytes) >= IDLE_ALLOCATED_BYTES
            || now_ns.saturating_sub(idle.swept_ns) >= IDLE_INTERVAL_NS
    }

    /// Returns whether a minor collection is predicted to end before the deadline.
    fn minor_fits(&self, deadline_ns: u64) -> bool {
        let inner = self.inner();
        let used = self.window.top.get() - inner.nursery.active(&inner.cage).start;
        let per_byte = if inner.minor_ns_per_byte.get() > 0.0 {
            inner.minor_ns_per_byte.get()
        } else {
            1.0
        };
        used > 0 && inner.clock.now_ns() + (used as f64 * per_byte) as u64 <= deadline_ns
    }

    /// Gives all empty blocks back when they have been kept long enough.
    fn release_idle(&mut self, deadline_ns: u64) -> Progress {
        let inner = self.inner();
        if inner.idle.released {
            return Progress::Done;
        }
        let at_ns = inner
            .idle
            .swept_ns
            .saturating_add(inner.config.settings.release_delay_ms.saturating_mul(1_000_000));
        if inner.clock.now_ns() < at_ns {
            return Progress::Later { at_ns };
        }
        if inner.pacer.release_blocks == 0 {
            inner.pacer.release_blocks = inner.pointer.empty_blocks() + inner.data.empty_blocks();
        }
        while self.inner().pacer.release_blocks > 0 {
            if self.now_ns() >= deadline_ns {
                return Progress::More;
            }
            let deadline = Budget {
                deadline_ns: deadline_ns.min(u64::MAX - 1),
                ..Budget::ALL
            };
            self.slice(&deadline);
        }
        self.inner().idle.released = true;
        Progress::Done
    }
}
