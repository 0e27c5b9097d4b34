//! Object pools: objects that are used again instead of being made anew.
//!
//! A [`Pool`] hands out an idle object or has its [`Manager`] make one; the [`Pooled`] guard returns it when it is
//! dropped, made as new by the manager's reset hook. What has come back lies in a deque in the order of its return: reuse
//! takes the newest, release the oldest. Handing out and taking back take constant time, some nanoseconds beside the
//! hook; releasing costs what the drops cost.
//!
//! A pool stays on one thread, as a heap does. It does not decide by itself when to release: the embedder calls
//! [`Pool::release`] when it has time, or adds the pool to a [`PressureGroup`](crate::pressure::PressureGroup).
//!
//! ```
//! use std::rc::Rc;
//! use tenure::events::ManualClock;
//! use tenure_resource::pool::{FromFns, Pool, PoolConfig, Release};
//!
//! let frame_clock = Rc::new(ManualClock::new());
//! let config = PoolConfig::new(16).clock(Rc::clone(&frame_clock));
//! let pool = Pool::new(config, FromFns::new(|| Vec::<f32>::with_capacity(1024), Vec::clear));
//! pool.prefill(4)?;
//!
//! {
//!     let mut samples = pool.get()?;
//!     samples.extend([0.5, 0.25]);
//! } // returned and cleared here
//! assert_eq!((pool.idle(), pool.statistics().reused), (4, 1));
//!
//! // Nobody needed more than one for a minute: what was idle for all of it goes.
//! frame_clock.advance_ns(60_000_000_000);
//! drop(pool.get()?);
//! assert_eq!(pool.release(Release::IdleNs(60_000_000_000)), 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod error;
mod guard;
mod manager;
mod shared;
mod statistics;
#[cfg(test)]
mod tests;

use std::fmt;
use std::rc::Rc;

use crate::pressure::{PressureLevel, Relieve, Relieved};
use shared::{Origin, Shared};

pub use config::{PoolConfig, Release, ReuseOrder};
pub use error::{GetError, PrefillError, Put};
pub use guard::Pooled;
pub use manager::{FromFns, Manager};
pub use statistics::{Dropped, PoolStatistics};

#[cfg(doctest)]
#[doc = include_str!("../../../../docs/pools.md")]
struct Chapter;

/// A pool of objects. Dropping it drops the idle ones; those in use are dropped when they return.
///
/// All functions take `&self`, and the manager's functions, destructors of objects and the clock may call any of them.
pub struct Pool<M: Manager> {
    shared: Rc<Shared<M>>,
}

impl<M: Manager> Pool<M> {
    /// A pool without objects. Makes none until one is asked for.
    #[must_use]
    pub fn new(config: PoolConfig, manager: M) -> Self {
        Self {
            shared: Rc::new(Shared::new(config, manager)),
        }
    }

    /// Hands out an idle object, or one that the manager makes.
    ///
    /// # Errors
    ///
    /// When no object is idle and none can be made: the limit is reached, the manager failed, or its `create` asks this
    /// pool for objects without end.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the manager; the pool is as it was.
    pub fn get(&self) -> Result<Pooled<M>, GetError<M::Error>> {
        self.get_with(M::create)
    }

    /// Hands out an idle object, or one that `create` makes in place of the manager: for what can only be made with
    /// something that the manager does not have, such as the heap.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// Passes on a panic of `create`; the pool is as it was.
    pub fn get_with(
        &self,
        create: impl FnOnce(&M) -> Result<M::Object, M::Error>,
    ) -> Result<Pooled<M>, GetError<M::Error>> {
        let object = match self.shared.reuse() {
            Some(object) => object,
            None => {
                self.shared.note_miss();
                self.shared.create(create)?
            }
        };
        Ok(Pooled::new(object, Rc::clone(&self.shared)))
    }

    /// Hands out an idle object if there is one. It counts as a request.
    pub fn get_idle(&self) -> Option<Pooled<M>> {
        match self.shared.reuse() {
            Some(object) => Some(Pooled::new(object, Rc::clone(&self.shared))),
            None => {
                self.shared.note_miss();
                None
            }
        }
    }

    /// Puts an object from elsewhere into the pool, or one that was detached. It is reset as a returned one is.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the reset hook; the object is dropped and the pool stays usable.
    pub fn put(&self, object: M::Object) -> Put<M::Error> {
        self.shared.give_back(object, Origin::Foreign, M::reset)
    }

    /// Makes objects beforehand until `idle` are idle, or as many as the capacity allows, and returns how many it made.
    ///
    /// ```
    /// use tenure_resource::pool::{FromFns, Pool, PoolConfig};
    ///
    /// let pool = Pool::new(PoolConfig::new(8), FromFns::new(String::new, String::clear));
    /// assert_eq!(pool.prefill(5), Ok(5));
    /// assert_eq!(pool.prefill(100), Ok(3));
    /// assert_eq!(pool.statistics().prefilled, 8);
    /// ```
    ///
    /// # Errors
    ///
    /// When the limit is reached or the manager fails; what was made until then stays.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the manager; what was made until then stays.
    pub fn prefill(&self, idle: usize) -> Result<usize, PrefillError<M::Error>> {
        let missing = idle.min(self.capacity()).saturating_sub(self.idle());
        // Counted, not asked for again: a manager that takes idle objects itself would keep this from ending.
        for made in 0..missing {
            match self.shared.create_idle() {
                Ok(true) => {}
                Ok(false) => return Ok(made),
                Err(error) => return Err(PrefillError { made, error }),
            }
        }
        Ok(missing)
    }

    /// Drops idle objects, those that are idle longest first, and returns how many.
    ///
    /// Objects that come back because others are dropped, such as children of pooled trees, stay for the next call.
    /// Takes the time of the drops; [`Release::Count`] bounds it.
    ///
    /// # Panics
    ///
    /// Passes on a panic of an object's destructor; the objects after it stay.
    pub fn release(&self, release: Release) -> usize {
        self.shared.release(release, |dropped| dropped.released += 1)
    }

    /// Changes how many idle objects are kept, drops those above it, and returns how many these were.
    ///
    /// # Panics
    ///
    /// As [`release`](Self::release).
    pub fn set_capacity(&self, capacity: usize) -> usize {
        self.shared.set_capacity(capacity);
        self.release(Release::KeepCount(capacity))
    }

    /// How many idle objects are kept at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.capacity()
    }

    /// How many objects are idle.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.shared.idle()
    }

    /// How many objects are in use.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.shared.outstanding()
    }

    /// Since when the longest idle object is idle, in nanoseconds of the pool's clock: what is to be released by time can
    /// be released from then on plus that time.
    #[must_use]
    pub fn idle_since_ns(&self) -> Option<u64> {
        self.shared.idle_since_ns()
    }

    /// All counters.
    #[must_use]
    pub fn statistics(&self) -> PoolStatistics {
        self.shared.statistics()
    }

    /// The manager.
    #[must_use]
    pub fn manager(&self) -> &M {
        &self.shared.manager
    }
}

/// Releases what the configuration says for the level: [`PoolConfig::on_pressure`].
impl<M: Manager> Relieve for Pool<M> {
    fn relieve(&self, level: PressureLevel) -> Relieved {
        let release = match level {
            PressureLevel::Moderate => self.shared.config.moderate,
            PressureLevel::Critical => self.shared.config.critical,
        };
        Relieved {
            count: self.shared.release(release, |dropped| dropped.pressure += 1),
            bytes: 0,
        }
    }
}

impl<M: Manager> Drop for Pool<M> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl<M: Manager> fmt::Debug for Pool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("config", &self.shared.config)
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}
