//! One resource: from the first request on until it is released.
//!
//! Shared by the cache and all handles through a reference count, so that a handle reads its value without asking the
//! cache and keeps it when the cache is gone. A value is set once and never changes afterwards: that is what lets handles
//! give out plain references. The entry does not know the cache.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::rc::Rc;

use crate::counted_cache::holder::{Holder, Holders};
use crate::counted_cache::queue::{Place, Priority};

/// How far a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LoadState {
    /// It waits for its turn.
    Queued {
        /// How urgent it is.
        priority: Priority,
    },
    /// Somebody is loading it.
    Loading,
    /// It is there.
    Ready,
    /// It could not be loaded.
    Failed,
    /// Its load was canceled, the loader went away without a result, or the cache is gone.
    Canceled,
}

impl LoadState {
    /// Whether a result is still to come.
    #[must_use]
    pub fn is_pending(self) -> bool {
        matches!(self, Self::Queued { .. } | Self::Loading)
    }

    /// The state in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Loading => "loading",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }
}

impl fmt::Display for LoadState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A state with what belongs to it.
#[derive(Debug)]
pub(crate) enum Phase<E> {
    Queued(Place),
    /// With the number of the ticket, so that a late result of an earlier attempt is told apart.
    Loading(u64),
    Ready,
    Failed(Rc<E>),
    Canceled,
}

/// Since when nobody holds a resource, and its place among those.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unused {
    pub(crate) serial: u64,
    pub(crate) since_ns: u64,
}

pub(crate) struct Entry<K, V, E> {
    pub(crate) key: K,
    /// Number of the request that made the entry.
    pub(crate) born: u64,
    pub(crate) requested_ns: u64,
    pub(crate) value: OnceCell<V>,
    pub(crate) bytes: Cell<usize>,
    pub(crate) count: Cell<usize>,
    pub(crate) last_use_ns: Cell<u64>,
    pub(crate) unused: Cell<Option<Unused>>,
    /// Whether the load is wanted even if nobody holds the entry.
    pub(crate) is_prefetch: Cell<bool>,
    pub(crate) attempts: Cell<u32>,
    pub(crate) holders: RefCell<Holders>,
    pub(crate) phase: RefCell<Phase<E>>,
}

impl<K, V, E> Entry<K, V, E> {
    pub(crate) fn new(key: K, place: Place, now_ns: u64) -> Self {
        Self {
            key,
            born: place.serial,
            requested_ns: now_ns,
            value: OnceCell::new(),
            bytes: Cell::new(0),
            count: Cell::new(0),
            last_use_ns: Cell::new(now_ns),
            unused: Cell::new(None),
            is_prefetch: Cell::new(false),
            attempts: Cell::new(0),
            holders: RefCell::default(),
            phase: RefCell::new(Phase::Queued(place)),
        }
    }

    pub(crate) fn state(&self) -> LoadState {
        match &*self.phase.borrow() {
            Phase::Queued(place) => LoadState::Queued {
                priority: place.priority,
            },
            Phase::Loading(_) => LoadState::Loading,
            Phase::Ready => LoadState::Ready,
            Phase::Failed(_) => LoadState::Failed,
            Phase::Canceled => LoadState::Canceled,
        }
    }

    pub(crate) fn error(&self) -> Option<Rc<E>> {
        match &*self.phase.borrow() {
            Phase::Failed(error) => Some(Rc::clone(error)),
            _ => None,
        }
    }

    pub(crate) fn place(&self) -> Option<Place> {
        match &*self.phase.borrow() {
            Phase::Queued(place) => Some(*place),
            _ => None,
        }
    }

    pub(crate) fn is_loading_for(&self, ticket: u64) -> bool {
        matches!(*self.phase.borrow(), Phase::Loading(own) if own == ticket)
    }

    pub(crate) fn count_up(&self, holder: &Holder) {
        self.count.set(self.count.get() + 1);
        self.holders.borrow_mut().add(holder);
    }

    pub(crate) fn count_down(&self, holder: &Holder) {
        self.count.set(self.count.get() - 1);
        self.holders.borrow_mut().remove(holder);
    }
}
