//! A counted cache: bitmaps, sounds, fonts and other decoded assets, counted by key and by holder.
//!
//! Whoever needs a resource asks for a [`Handle`] by key. If the resource is not there, its load waits in a queue, the most
//! urgent first, until the embedder gives it time; equal keys share one load. Each handle is a count with the name of its
//! holder. A resource that nobody holds is released when a [`ReleasePolicy`] says so, when the budget is exceeded, on
//! request, or under memory pressure; a [`Report`] says who holds what. Every operation takes logarithmic time in the number
//! of entries, and reading through a handle a few loads.
//!
//! A cache stays on one thread, as a heap does; loaders may be elsewhere (see [`LoadTicket`]). It never takes a resource away
//! from who holds it, and it does not load a changed file again: give the key a version.
//!
//! ```
//! use std::rc::Rc;
//! use tenure::events::ManualClock;
//! use tenure_resource::counted_cache::{AfterDelay, CacheConfig, CountedCache, Loaded, Priority};
//!
//! # fn decode(name: &str) -> Result<Vec<u8>, String> { Ok(name.as_bytes().repeat(100)) }
//! let frame_clock = Rc::new(ManualClock::new());
//! let config = CacheConfig::new(AfterDelay::seconds(10)).clock(Rc::clone(&frame_clock));
//! let cache: CountedCache<String, Vec<u8>, String> = CountedCache::new(config);
//!
//! // Two holders, one load; what is on the screen goes before what is not.
//! let hero = cache.request("hero.png".to_owned(), Priority::NORMAL, "scene 1");
//! let same = cache.request("hero.png".to_owned(), Priority::HIGH, "inventory");
//! cache.prefetch("boss.png".to_owned(), Priority::BACKGROUND);
//!
//! // Once per frame: load for as long as there is time.
//! let deadline_ns = 4_000_000;
//! let done = cache.load_until(deadline_ns, |name| {
//!     let pixels = decode(name)?;
//!     let bytes = pixels.len();
//!     Ok(Loaded::new(pixels, bytes))
//! });
//! assert_eq!((done.loaded, done.failed), (2, 0));
//! assert_eq!(hero.value().map(Vec::len), Some(800));
//! assert_eq!(hero.count(), 2);
//!
//! // Nobody holds it any longer; ten seconds later it goes.
//! drop((hero, same));
//! frame_clock.advance_ns(10_000_000_000);
//! cache.maintain();
//! assert!(!cache.is_ready("hero.png"));
//! ```

mod config;
mod entry;
mod handle;
mod holder;
mod policy;
mod queue;
mod report;
mod settle;
mod shared;
mod statistics;
mod table;
#[cfg(test)]
mod tests;
mod ticket;

use std::borrow::Borrow;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use crate::pressure::{PressureLevel, Relieve, Relieved};
use shared::Shared;

pub use config::CacheConfig;
pub use entry::LoadState;
pub use handle::Handle;
pub use holder::{Holder, HolderCount};
pub use policy::{AfterDelay, AtOnce, Either, KeepAll, KeepAtMost, ReleasePolicy, UnusedEntry, Verdict};
pub use queue::Priority;
pub use report::{Growth, GrowthRow, Report, ReportRow};
pub use statistics::{CacheStatistics, Released};
pub use ticket::{LoadTicket, Loaded, Refused, RefusedReason};

#[cfg(doctest)]
#[doc = include_str!("../../../../docs/counted-cache.md")]
struct Chapter;

/// Why [`CountedCache::get_or_load`] gave no resource.
#[derive(Debug)]
pub enum LoadError<E> {
    /// The loader failed.
    Failed(Rc<E>),
    /// Somebody is loading this very resource: a ticket is out, or its own loader asks for it.
    UnderWay,
    /// The loader canceled the load itself.
    Canceled,
}

impl<E: fmt::Display> fmt::Display for LoadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "the resource could not be loaded: {error}"),
            Self::UnderWay => f.write_str(
                "the resource is being loaded already: `request` it and wait, and let no loader ask for its own resource",
            ),
            Self::Canceled => f.write_str("the load was canceled while it ran: cancel loads from outside of their loaders"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> Error for LoadError<E> {}

/// What became of one load.
#[derive(Debug)]
pub enum LoadOutcome<E> {
    /// The resource is ready, or was and was released at once because nobody held it.
    Loaded,
    /// It could not be loaded.
    Failed(Rc<E>),
    /// It was canceled while it ran; its result is dropped.
    Canceled,
}

/// What [`CountedCache::load_until`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LoadSummary {
    /// Loads that succeeded.
    pub loaded: usize,
    /// Loads that failed.
    pub failed: usize,
    /// Loads that were canceled while they ran.
    pub canceled: usize,
    /// Loads that still wait.
    pub waiting: usize,
}

/// A cache of resources `V` by key `K`, whose loads fail with `E`.
///
/// Dropping it drops what nobody holds; the rest lives on with its handles. All functions take `&self`, and loaders,
/// policies, destructors of values and the clock may call any of them. Only comparing keys may not.
pub struct CountedCache<K: Ord, V, E = Box<dyn Error>> {
    shared: Rc<Shared<K, V, E>>,
}

impl<K: Ord, V, E> CountedCache<K, V, E> {
    /// An empty cache.
    #[must_use]
    pub fn new(config: CacheConfig<K>) -> Self {
        Self {
            shared: Rc::new(Shared::new(config)),
        }
    }

    fn handle(&self, entry: shared::Resource<K, V, E>, holder: Holder) -> Handle<K, V, E> {
        Handle::counted(entry, Rc::downgrade(&self.shared), holder)
    }

    /// Looks a resource up and counts it up, if it is ready. Starts no load.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q, holder: impl Into<Holder>) -> Option<Handle<K, V, E>>
    where
        K: Borrow<Q>,
    {
        let holder = holder.into();
        let entry = self.shared.look_up(key, &holder)?;
        Some(self.handle(entry, holder))
    }

    /// Counts a resource up, ready or not. If it is not known its load is queued; if its load waits, it becomes at least as
    /// urgent as `priority`. A load that failed or was canceled is not repeated while somebody holds it: see
    /// [`Handle::retry`].
    ///
    /// A waiting load that nobody holds any longer is canceled.
    #[must_use = "dropping the handle cancels the load"]
    pub fn request(&self, key: K, priority: Priority, holder: impl Into<Holder>) -> Handle<K, V, E>
    where
        K: Clone,
    {
        let holder = holder.into();
        let entry = self.shared.demand(key, priority, Some(&holder));
        self.handle(entry, holder)
    }

    /// Queues a load that nobody holds yet. Needs a policy that keeps unused resources for a while: else the resource is
    /// released as soon as it is there. Does nothing if it is there already, or could not be loaded for who holds it.
    pub fn prefetch(&self, key: K, priority: Priority)
    where
        K: Clone,
    {
        self.shared.demand(key, priority, None);
    }

    /// Counts a resource up and loads it here and now if it is not ready, out of turn. One that failed or was canceled is
    /// tried again.
    ///
    /// The loader may use the cache, for the parts of a composed resource say.
    ///
    /// ```
    /// use tenure_resource::counted_cache::{CacheConfig, CountedCache, KeepAll, LoadError, Loaded};
    ///
    /// let cache: CountedCache<&str, u32, String> = CountedCache::new(CacheConfig::new(KeepAll));
    /// let answer = cache.get_or_load("answer", "test", |_| Ok(Loaded::new(42, 4)))?;
    /// assert_eq!(answer.value(), Some(&42));
    /// let again = cache.get_or_load("answer", "test", |_| unreachable!("it is there"))?;
    /// let error = cache.get_or_load("question", "test", |_| Err("unknown".to_owned())).unwrap_err();
    /// assert_eq!(error.to_string(), "the resource could not be loaded: unknown");
    /// # Ok::<(), LoadError<String>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the loader fails, when somebody else is loading the resource, or when the loader cancels its own load.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the loader; the load counts as abandoned.
    pub fn get_or_load(
        &self,
        key: K,
        holder: impl Into<Holder>,
        load: impl FnOnce(&K) -> Result<Loaded<V>, E>,
    ) -> Result<Handle<K, V, E>, LoadError<E>>
    where
        K: Clone,
    {
        // The least priority raises nobody's.
        let handle = self.request(key, Priority(i32::MIN), holder);
        if handle.value().is_some() {
            return Ok(handle);
        }
        let key = handle.key().clone();
        let ticket = self.ticket(key, handle.entry()).ok_or(LoadError::UnderWay)?;
        match run(ticket, load) {
            LoadOutcome::Loaded => Ok(handle),
            LoadOutcome::Failed(error) => Err(LoadError::Failed(error)),
            LoadOutcome::Canceled => Err(LoadError::Canceled),
        }
    }

    /// Begins the most urgent load. The result is due through the ticket, whenever it is there; several may be out.
    pub fn next_ticket(&self) -> Option<LoadTicket<K, V, E>>
    where
        K: Clone,
    {
        loop {
            let first = self.shared.first()?;
            let key = first.key.clone();
            // Copying the key may have canceled the load, or begun it.
            if first.place().is_some() {
                return self.ticket(key, &first);
            }
        }
    }

    /// Begins the load of an entry, unless it is ready or somebody is loading it.
    fn ticket(&self, key: K, entry: &shared::Resource<K, V, E>) -> Option<LoadTicket<K, V, E>> {
        let serial = self.shared.start(entry)?;
        Some(LoadTicket::new(key, entry, &self.shared, serial))
    }

    /// Loads the most urgent resource here and now, and says which one that was and what became of it.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the loader; the load counts as abandoned.
    pub fn load_next(&self, load: impl FnOnce(&K) -> Result<Loaded<V>, E>) -> Option<(K, LoadOutcome<E>)>
    where
        K: Clone,
    {
        let ticket = self.next_ticket()?;
        let key = ticket.key().clone();
        Some((key, run(ticket, load)))
    }

    /// Loads resources, the most urgent first, until none waits or the cache's clock shows `deadline_ns`.
    ///
    /// The time is looked at before each load, so the last one may take longer. On a clock that stands still this loads
    /// everything, or nothing if the deadline is not in the future.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the loader; the load counts as abandoned, the others still wait.
    pub fn load_until(&self, deadline_ns: u64, mut load: impl FnMut(&K) -> Result<Loaded<V>, E>) -> LoadSummary
    where
        K: Clone,
    {
        let mut summary = LoadSummary::default();
        while self.shared.now() < deadline_ns
            && let Some(ticket) = self.next_ticket()
        {
            match run(ticket, &mut load) {
                LoadOutcome::Loaded => summary.loaded += 1,
                LoadOutcome::Failed(_) => summary.failed += 1,
                LoadOutcome::Canceled => summary.canceled += 1,
            }
        }
        summary.waiting = self.statistics().queued;
        summary
    }

    /// Makes a waiting load at least as urgent as `priority`. Returns whether it waits.
    pub fn raise<Q: Ord + ?Sized>(&self, key: &Q, priority: Priority) -> bool
    where
        K: Borrow<Q>,
    {
        let entry = self.shared.find(key);
        entry.is_some_and(|entry| self.shared.prioritize(&entry, |own| own.max(priority)).is_some())
    }

    /// Gives a waiting load this priority, be it lower than before. Returns the former one, or `None` if it does not wait.
    pub fn set_priority<Q: Ord + ?Sized>(&self, key: &Q, priority: Priority) -> Option<Priority>
    where
        K: Borrow<Q>,
    {
        let entry = self.shared.find(key)?;
        self.shared.prioritize(&entry, |_| priority)
    }

    /// Queues a failed or canceled load again, for those who still hold it. Returns whether there was one.
    pub fn retry<Q: Ord + ?Sized>(&self, key: &Q, priority: Priority) -> bool
    where
        K: Borrow<Q>,
    {
        let entry = self.shared.find(key);
        entry.is_some_and(|entry| self.shared.retry(&entry, priority))
    }

    /// Cancels a pending load, waiting or under way, whoever holds it. Returns whether there was one. The result of a load
    /// under way will be refused.
    pub fn cancel<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        let entry = self.shared.find(key);
        entry.is_some_and(|entry| self.shared.cancel(&entry))
    }

    /// Cancels all waiting loads that nobody holds. Returns how many.
    pub fn cancel_prefetches(&self) -> usize {
        self.shared.cancel_prefetches()
    }

    /// Releases what the policy says, as time goes by: for once per frame or second. The cache does the same by itself
    /// whenever a resource becomes unused.
    pub fn maintain(&self) -> Relieved {
        self.shared.now();
        self.shared.settle()
    }

    /// Releases everything that nobody holds, at once and whatever the policy says: before a heavy scene, say.
    pub fn release_unused(&self) -> Relieved {
        self.shared.release_unused_to(None, |released| &mut released.request)
    }

    /// Releases one resource if nobody holds it, whatever the policy says. Returns whether it did.
    pub fn release<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        let entry = self.shared.find(key);
        entry.is_some_and(|entry| self.shared.release_one(&entry))
    }

    /// Changes the budget, and releases unused resources if it is exceeded now.
    pub fn set_budget_bytes(&self, budget_bytes: usize) {
        self.shared.set_budget_bytes(budget_bytes);
    }

    /// How far a resource is; `None` if nobody has asked for it since it was released.
    #[must_use]
    pub fn state<Q: Ord + ?Sized>(&self, key: &Q) -> Option<LoadState>
    where
        K: Borrow<Q>,
    {
        self.shared.find(key).map(|entry| entry.state())
    }

    /// Whether a resource is there. Does not count as a use.
    #[must_use]
    pub fn is_ready<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.state(key) == Some(LoadState::Ready)
    }

    /// How many handles hold a resource; 0 if it is not known.
    #[must_use]
    pub fn count<Q: Ord + ?Sized>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        self.shared.find(key).map_or(0, |entry| entry.count.get())
    }

    /// How many resources the cache knows of, ready or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.statistics().entries
    }

    /// Whether it knows of none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All counters and sizes.
    #[must_use]
    pub fn statistics(&self) -> CacheStatistics {
        self.shared.statistics()
    }

    /// By how many bytes the ready resources have grown since the last call, for `Heap::adjust_external_bytes`: so a heap
    /// whose objects keep resources alive collects before they fill the memory.
    ///
    /// ```
    /// use tenure_resource::counted_cache::{AtOnce, CacheConfig, CountedCache, LoadError, Loaded};
    ///
    /// let cache: CountedCache<u32, (), String> = CountedCache::new(CacheConfig::new(AtOnce));
    /// let handle = cache.get_or_load(1, "test", |_| Ok(Loaded::new((), 5000)))?;
    /// assert_eq!(cache.take_resident_delta_bytes(), 5000);
    /// drop(handle);
    /// assert_eq!(cache.take_resident_delta_bytes(), -5000);
    /// # Ok::<(), LoadError<String>>(())
    /// ```
    #[must_use = "the next call does not tell it again"]
    pub fn take_resident_delta_bytes(&self) -> isize {
        self.shared.take_resident_delta_bytes()
    }

    /// Every resource with its count, age, size and holders.
    #[must_use]
    pub fn report(&self) -> Report<K, E>
    where
        K: Clone,
    {
        let now_ns = self.shared.now();
        let statistics = self.statistics();
        let entries = self.shared.all();
        Report {
            now_ns,
            rows: entries.iter().map(|entry| ReportRow::of(entry, now_ns)).collect(),
            statistics,
        }
    }
}

/// Runs a loader for a ticket. If it panics, the ticket is dropped, and the load counts as abandoned.
fn run<K: Ord, V, E>(ticket: LoadTicket<K, V, E>, load: impl FnOnce(&K) -> Result<Loaded<V>, E>) -> LoadOutcome<E> {
    match load(ticket.key()) {
        Ok(loaded) => match ticket.complete(loaded) {
            Ok(()) => LoadOutcome::Loaded,
            Err(_refused) => LoadOutcome::Canceled,
        },
        Err(error) => match ticket.fail(error) {
            Ok(error) => LoadOutcome::Failed(error),
            Err(_refused) => LoadOutcome::Canceled,
        },
    }
}

/// Moderate pressure leaves the configured share of the bytes of unused resources, critical pressure leaves none and
/// cancels prefetches.
impl<K: Ord, V, E> Relieve for CountedCache<K, V, E> {
    fn relieve(&self, level: PressureLevel) -> Relieved {
        let keep_bytes = match level {
            PressureLevel::Moderate => Some(self.shared.share_of_unused_bytes()),
            PressureLevel::Critical => {
                self.cancel_prefetches();
                None
            }
        };
        self.shared
            .release_unused_to(keep_bytes, |released| &mut released.pressure)
    }
}

impl<K: Ord, V, E> Drop for CountedCache<K, V, E> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl<K: Ord, V, E> fmt::Debug for CountedCache<K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountedCache")
            .field("config", &self.shared.config)
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}
