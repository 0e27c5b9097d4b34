//! The state of a pool, which its guards share.
//!
//! The idle objects lie in a deque in the order of their return, so the longest idle one is always in front: whatever is
//! released is released from there, and reuse takes the back (LIFO) or the front (FIFO). Each operation is constant
//! time per object.
//!
//! The embedder's code (creation, reset, the clock, drops of objects) never runs while the state is borrowed, and every
//! decision that was taken before it ran is taken again afterwards. What it leaves undone when it panics is settled by
//! drop guards. The state does not know which objects are in use, only how many.

use std::cell::{RefCell, RefMut};
use std::collections::VecDeque;
use std::thread::panicking;

use crate::pool::config::{PoolConfig, Release, ReuseOrder};
use crate::pool::error::{GetError, Put};
use crate::pool::manager::Manager;
use crate::pool::statistics::{Dropped, PoolStatistics};

/// How many creations may be under way inside each other. Objects that hold objects of the same pool nest as deep as
/// their trees; a manager that always asks for another one would otherwise end the process by overflowing its stack.
pub(crate) const NESTED_CREATIONS_MAX: usize = 64;

struct Idle<T> {
    object: T,
    since_ns: u64,
}

struct State<T> {
    idle: VecDeque<Idle<T>>,
    capacity: usize,
    /// Creations under way: they count against the limit before there is an object.
    creating: usize,
    closed: bool,
    /// `outstanding` is kept here; `idle` is filled in when somebody asks.
    counts: PoolStatistics,
}

impl<T> State<T> {
    /// How many objects count against the limit.
    fn existing(&self) -> usize {
        self.counts.outstanding + self.idle.len() + self.creating
    }

    fn push(&mut self, object: T, now_ns: u64) {
        // A clock that runs backward must not put a shorter idle object in front of a longer idle one.
        let since_ns = self.idle.back().map_or(now_ns, |last| last.since_ns.max(now_ns));
        self.idle.push_back(Idle { object, since_ns });
        self.note_peaks();
    }

    fn note_peaks(&mut self) {
        self.counts.idle = self.idle.len();
        self.counts.note_peaks();
    }
}

/// Where an object comes from that is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A guard.
    Outstanding,
    /// Outside of the pool.
    Foreign,
}

pub(crate) struct Shared<M: Manager> {
    pub(crate) manager: M,
    pub(crate) config: PoolConfig,
    state: RefCell<State<M::Object>>,
}

/// A creation under way. Dropped before it is fulfilled, it counts as failed.
struct Creation<'a, M: Manager> {
    shared: &'a Shared<M>,
    is_fulfilled: bool,
}

impl<M: Manager> Creation<'_, M> {
    fn fulfill(mut self) {
        self.is_fulfilled = true;
    }
}

impl<M: Manager> Drop for Creation<'_, M> {
    fn drop(&mut self) {
        let mut state = self.shared.state.borrow_mut();
        state.creating -= 1;
        if self.is_fulfilled {
            state.counts.created += 1;
        } else {
            state.counts.create_failed += 1;
        }
    }
}

/// A return under way. Dropped before it ends, it counts as refused: the reset hook or the clock panicked.
struct Return<'a, M: Manager> {
    shared: &'a Shared<M>,
    origin: Origin,
    is_ended: bool,
}

impl<M: Manager> Return<'_, M> {
    fn keep(mut self, object: M::Object, now_ns: u64) {
        let mut state = self.end();
        state.push(object, now_ns);
    }

    /// Counts the object as dropped, before it is: a panic of its destructor then leaves nothing undone.
    fn refuse(mut self, count: impl FnOnce(&mut Dropped)) {
        count(&mut self.end().counts.dropped);
    }

    fn end(&mut self) -> RefMut<'_, State<M::Object>> {
        self.is_ended = true;
        let mut state = self.shared.state.borrow_mut();
        match self.origin {
            Origin::Outstanding => {
                state.counts.outstanding -= 1;
                state.counts.returned += 1;
            }
            Origin::Foreign => state.counts.adopted += 1,
        }
        state
    }
}

impl<M: Manager> Drop for Return<'_, M> {
    fn drop(&mut self) {
        if !self.is_ended {
            self.end().counts.dropped.reset_failed += 1;
        }
    }
}

impl<M: Manager> Shared<M> {
    pub(crate) fn new(config: PoolConfig, manager: M) -> Self {
        let state = State {
            idle: VecDeque::new(),
            capacity: config.capacity,
            creating: 0,
            closed: false,
            counts: PoolStatistics::default(),
        };
        Self {
            manager,
            config,
            state: RefCell::new(state),
        }
    }

    /// Takes an idle object into use.
    pub(crate) fn reuse(&self) -> Option<M::Object> {
        let mut state = self.state.borrow_mut();
        let idle = match self.config.order {
            ReuseOrder::Lifo => state.idle.pop_back(),
            ReuseOrder::Fifo => state.idle.pop_front(),
        }?;
        state.counts.reused += 1;
        state.counts.outstanding += 1;
        state.note_peaks();
        Some(idle.object)
    }

    /// Notes a request that no idle object could answer.
    pub(crate) fn note_miss(&self) {
        self.state.borrow_mut().counts.missed += 1;
    }

    /// Makes an object, in use.
    pub(crate) fn create(
        &self,
        create: impl FnOnce(&M) -> Result<M::Object, M::Error>,
    ) -> Result<M::Object, GetError<M::Error>> {
        let object = self.make(create)?;
        let mut state = self.state.borrow_mut();
        state.counts.outstanding += 1;
        state.note_peaks();
        Ok(object)
    }

    /// Makes an object and counts it as created, but as neither idle nor in use.
    fn make(&self, create: impl FnOnce(&M) -> Result<M::Object, M::Error>) -> Result<M::Object, GetError<M::Error>> {
        let creation = self.begin_creation()?;
        let object = create(&self.manager).map_err(GetError::Create)?;
        creation.fulfill();
        Ok(object)
    }

    fn begin_creation(&self) -> Result<Creation<'_, M>, GetError<M::Error>> {
        let mut state = self.state.borrow_mut();
        let limit = self.config.limit;
        let refusal = if state.existing() >= limit {
            Some(GetError::Exhausted { limit })
        } else if state.creating >= NESTED_CREATIONS_MAX {
            Some(GetError::TooDeep {
                depth_max: NESTED_CREATIONS_MAX,
            })
        } else {
            None
        };
        match refusal {
            Some(refusal) => {
                state.counts.refused += 1;
                Err(refusal)
            }
            None => {
                state.creating += 1;
                Ok(Creation {
                    shared: self,
                    is_fulfilled: false,
                })
            }
        }
    }

    /// Makes an idle object. Returns whether there was still room for it.
    pub(crate) fn create_idle(&self) -> Result<bool, GetError<M::Error>> {
        let now_ns = self.config.clock.now_ns();
        let object = self.make(M::create)?;
        let mut state = self.state.borrow_mut();
        state.counts.prefilled += 1;
        // The manager may have returned objects meanwhile.
        if state.closed || state.idle.len() >= state.capacity {
            state.counts.dropped.full += 1;
            drop(state);
            drop(object);
            return Ok(false);
        }
        state.push(object, now_ns);
        Ok(true)
    }

    /// Takes an object back: resets it and keeps it, or drops it.
    pub(crate) fn give_back(
        &self,
        mut object: M::Object,
        origin: Origin,
        reset: impl FnOnce(&M, &mut M::Object) -> Result<(), M::Error>,
    ) -> Put<M::Error> {
        let arrival = Return {
            shared: self,
            origin,
            is_ended: false,
        };
        // What is not kept is not reset.
        let refusal = if panicking() {
            Some(Refusal::Unwinding)
        } else {
            self.refusal(origin)
        };
        if let Some(refusal) = refusal {
            arrival.refuse(|dropped| refusal.count(dropped));
            drop(object);
            return refusal.into();
        }
        let now_ns = self.config.clock.now_ns();
        if let Err(error) = reset(&self.manager, &mut object) {
            arrival.refuse(|dropped| dropped.reset_failed += 1);
            drop(object);
            return Put::ResetFailed(error);
        }
        // The hook may have filled or closed the pool.
        if let Some(refusal) = self.refusal(origin) {
            arrival.refuse(|dropped| refusal.count(dropped));
            drop(object);
            return refusal.into();
        }
        arrival.keep(object, now_ns);
        Put::Kept
    }

    fn refusal(&self, origin: Origin) -> Option<Refusal> {
        let state = self.state.borrow();
        if state.closed {
            Some(Refusal::Closed)
        } else if state.idle.len() >= state.capacity
            || origin == Origin::Foreign && state.existing() >= self.config.limit
        {
            Some(Refusal::Full)
        } else {
            None
        }
    }

    pub(crate) fn note_detached(&self) {
        let mut state = self.state.borrow_mut();
        state.counts.outstanding -= 1;
        state.counts.detached += 1;
    }

    /// Releases idle objects, longest idle first, and returns how many.
    ///
    /// Objects that drops return to the pool meanwhile are not released in the same call, so it ends whatever they do.
    pub(crate) fn release(&self, release: Release, count: impl Fn(&mut Dropped)) -> usize {
        let now_ns = match release {
            Release::IdleNs(_) => self.config.clock.now_ns(),
            _ => 0,
        };
        let most = {
            let state = self.state.borrow();
            release
                .count(state.idle.len(), state.capacity)
                .unwrap_or(state.idle.len())
        };
        let mut released = 0;
        while released < most {
            let mut state = self.state.borrow_mut();
            let is_due = match (release, state.idle.front()) {
                (_, None) => false,
                (Release::IdleNs(ns), Some(front)) => now_ns.saturating_sub(front.since_ns) >= ns,
                _ => true,
            };
            if !is_due {
                break;
            }
            let leaving = state.idle.pop_front();
            count(&mut state.counts.dropped);
            drop(state);
            released += 1;
            drop(leaving);
        }
        released
    }

    /// Since when the longest idle object is idle, in nanoseconds of the pool's clock.
    pub(crate) fn idle_since_ns(&self) -> Option<u64> {
        self.state.borrow().idle.front().map(|front| front.since_ns)
    }

    pub(crate) fn capacity(&self) -> usize {
        self.state.borrow().capacity
    }

    pub(crate) fn set_capacity(&self, capacity: usize) {
        self.state.borrow_mut().capacity = capacity;
    }

    pub(crate) fn idle(&self) -> usize {
        self.state.borrow().idle.len()
    }

    pub(crate) fn outstanding(&self) -> usize {
        self.state.borrow().counts.outstanding
    }

    pub(crate) fn statistics(&self) -> PoolStatistics {
        let state = self.state.borrow();
        PoolStatistics {
            idle: state.idle.len(),
            ..state.counts
        }
    }

    /// The pool is gone: idle objects are dropped, and those in use will be when they return.
    pub(crate) fn close(&self) {
        let idle = {
            let mut state = self.state.borrow_mut();
            state.closed = true;
            let idle = std::mem::take(&mut state.idle);
            state.counts.dropped.closed += idle.len() as u64;
            idle
        };
        // Dropped in one piece, so that one object whose destructor panics does not keep the others.
        drop(idle);
    }
}

/// Why an object is not kept.
#[derive(Debug, Clone, Copy)]
enum Refusal {
    Full,
    Unwinding,
    Closed,
}

impl Refusal {
    fn count(self, dropped: &mut Dropped) {
        match self {
            Self::Full => dropped.full += 1,
            Self::Unwinding => dropped.unwinding += 1,
            Self::Closed => dropped.closed += 1,
        }
    }
}

impl<E> From<Refusal> for Put<E> {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Full => Put::Full,
            Refusal::Unwinding => Put::Unwinding,
            Refusal::Closed => Put::Closed,
        }
    }
}
