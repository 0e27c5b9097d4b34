//! The state of a counted cache, which its handles and tickets reach weakly.
//!
//! Three ordered maps: all entries by key, pending ones by urgency, unused ones by when they became unused. Every operation
//! takes logarithmic time in their sizes. Sizes and counters are kept as things change, so asking for them takes none.
//!
//! The embedder's code never runs while the state is borrowed, but for the comparison of keys: what leaves the maps is
//! carried out of the borrow and dropped there. Times are read first; so a clock that panics leaves everything as it was.
//! What is released is in `settle.rs`.

use std::borrow::Borrow;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use crate::counted_cache::config::CacheConfig;
use crate::counted_cache::entry::{Entry, LoadState, Phase, Unused};
use crate::counted_cache::holder::Holder;
use crate::counted_cache::queue::{LoadQueue, Place, Priority};
use crate::counted_cache::statistics::CacheStatistics;
use crate::counted_cache::ticket::{Loaded, Refused, RefusedReason};

pub(crate) type Resource<K, V, E> = Rc<Entry<K, V, E>>;

/// What has left the maps, with its key there: to be dropped while nothing is borrowed.
pub(crate) type Gone<K, V, E> = (Option<K>, Resource<K, V, E>);

pub(crate) struct State<K, V, E> {
    entries: BTreeMap<K, Resource<K, V, E>>,
    pub(crate) queue: LoadQueue<Resource<K, V, E>>,
    pub(crate) unused: BTreeMap<u64, Resource<K, V, E>>,
    next_serial: u64,
    /// The latest time that was read.
    pub(crate) now_ns: u64,
    is_closed: bool,
    /// Sums of sizes that the embedder states, wide enough for any of them.
    pub(crate) resident_bytes: u128,
    pub(crate) unused_bytes: u128,
    /// What [`Shared::take_resident_delta_bytes`] has told so far.
    told_bytes: u128,
    /// Lengths of the maps and sums of sizes are filled in when somebody asks; everything else is kept here.
    pub(crate) counts: CacheStatistics,
}

pub(crate) struct Shared<K: Ord, V, E> {
    pub(crate) config: CacheConfig<K>,
    pub(crate) state: RefCell<State<K, V, E>>,
    /// While something is being released further up the stack: only what was born before this number may follow.
    pub(crate) horizon: Cell<Option<u64>>,
    /// Whether something became unused meanwhile.
    pub(crate) is_unsettled: Cell<bool>,
    pub(crate) leaving: RefCell<VecDeque<Gone<K, V, E>>>,
}

/// A sum of sizes as far as a `usize` can say it.
pub(crate) fn clamped(bytes: u128) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

impl<K: Ord, V, E> State<K, V, E> {
    pub(crate) fn serial(&mut self) -> u64 {
        self.next_serial += 1;
        self.next_serial
    }

    fn hold(&mut self, entry: &Resource<K, V, E>, holder: &Holder) {
        if let Some(unused) = entry.unused.take() {
            self.unused.remove(&unused.serial);
            self.unused_bytes -= entry.bytes.get() as u128;
        }
        entry.count_up(holder);
        entry.last_use_ns.set(self.now_ns);
    }

    fn set_unused(&mut self, entry: &Resource<K, V, E>) {
        let unused = Unused {
            serial: self.serial(),
            since_ns: self.now_ns,
        };
        entry.unused.set(Some(unused));
        self.unused.insert(unused.serial, Rc::clone(entry));
        self.unused_bytes += entry.bytes.get() as u128;
    }

    /// Takes an entry out of the map.
    pub(crate) fn forget(&mut self, entry: &Resource<K, V, E>) -> Option<Gone<K, V, E>> {
        let is_own = self.entries.get(&entry.key).is_some_and(|own| Rc::ptr_eq(own, entry));
        let (key, entry) = is_own.then(|| self.entries.remove_entry(&entry.key))??;
        Some((Some(key), entry))
    }

    /// Gives a waiting entry another priority; it keeps its number.
    fn move_to(&mut self, entry: &Resource<K, V, E>, priority: Priority) -> Option<Priority> {
        let place = entry.place()?;
        if place.priority != priority
            && let Some(entry) = self.queue.remove(place)
        {
            let place = Place { priority, ..place };
            entry.phase.replace(Phase::Queued(place));
            self.queue.push(place, entry);
        }
        Some(place.priority)
    }

    /// Hands an entry out for loading. Returns the number of the ticket, and what the entry was before.
    fn start(&mut self, entry: &Resource<K, V, E>) -> (u64, Phase<E>) {
        let ticket = self.serial();
        entry.attempts.set(entry.attempts.get().saturating_add(1));
        self.counts.started += 1;
        self.counts.loading += 1;
        (ticket, entry.phase.replace(Phase::Loading(ticket)))
    }

    /// Ends a load that waits or is under way, without a result. Returns the entry if nobody holds it.
    fn cancel(&mut self, entry: &Resource<K, V, E>) -> Option<Gone<K, V, E>> {
        match entry.place() {
            Some(place) => drop(self.queue.remove(place)),
            None => self.counts.loading -= 1,
        }
        // Neither phase of a pending load owns anything of the embedder's.
        entry.phase.replace(Phase::Canceled);
        entry.is_prefetch.set(false);
        (entry.count.get() == 0).then(|| self.forget(entry))?
    }

    fn note_peaks(&mut self) {
        let counts = &mut self.counts;
        counts.peak_entries = counts.peak_entries.max(self.entries.len());
        counts.peak_resident_bytes = counts.peak_resident_bytes.max(clamped(self.resident_bytes));
    }
}

impl<K: Ord, V, E> Shared<K, V, E> {
    pub(crate) fn new(config: CacheConfig<K>) -> Self {
        let counts = CacheStatistics {
            budget_bytes: config.budget_bytes,
            ..CacheStatistics::default()
        };
        Self {
            config,
            state: RefCell::new(State {
                entries: BTreeMap::new(),
                queue: LoadQueue::new(),
                unused: BTreeMap::new(),
                next_serial: 0,
                now_ns: 0,
                is_closed: false,
                resident_bytes: 0,
                unused_bytes: 0,
                told_bytes: 0,
                counts,
            }),
            horizon: Cell::new(None),
            is_unsettled: Cell::new(false),
            leaving: RefCell::default(),
        }
    }

    /// Reads the clock. Times never run backward here, whatever the clock does.
    pub(crate) fn now(&self) -> u64 {
        let now_ns = self.config.clock.now_ns();
        let mut state = self.state.borrow_mut();
        state.now_ns = state.now_ns.max(now_ns);
        state.now_ns
    }

    pub(crate) fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Option<Resource<K, V, E>>
    where
        K: Borrow<Q>,
    {
        self.state.borrow().entries.get(key).cloned()
    }

    /// All entries, in the order of their keys.
    pub(crate) fn all(&self) -> Vec<Resource<K, V, E>> {
        self.state.borrow().entries.values().cloned().collect()
    }

    /// Counts a resource up if it is ready.
    pub(crate) fn look_up<Q: Ord + ?Sized>(&self, key: &Q, holder: &Holder) -> Option<Resource<K, V, E>>
    where
        K: Borrow<Q>,
    {
        self.now();
        let mut state = self.state.borrow_mut();
        let ready = state.entries.get(key).filter(|entry| entry.state() == LoadState::Ready);
        let Some(entry) = ready.cloned() else {
            state.counts.missed += 1;
            return None;
        };
        state.counts.hits += 1;
        state.hold(&entry, holder);
        Some(entry)
    }

    /// Finds a resource or queues its load, and counts it up for `holder`; without one it is a prefetch.
    pub(crate) fn demand(&self, key: K, priority: Priority, holder: Option<&Holder>) -> Resource<K, V, E>
    where
        K: Clone,
    {
        let now_ns = self.now();
        if let Some(entry) = self.join(&key, priority, holder) {
            return entry;
        }
        let copy = key.clone();
        // Copying runs the embedder's code: the key may be here by now.
        if let Some(entry) = self.join(&copy, priority, holder) {
            return entry;
        }
        let mut state = self.state.borrow_mut();
        let place = Place {
            priority,
            serial: state.serial(),
        };
        let entry = Rc::new(Entry::new(key, place, now_ns));
        match holder {
            Some(holder) => entry.count_up(holder),
            None => entry.is_prefetch.set(true),
        }
        state.counts.missed += 1;
        state.queue.push(place, Rc::clone(&entry));
        state.entries.insert(copy, Rc::clone(&entry));
        state.note_peaks();
        entry
    }

    fn join(&self, key: &K, priority: Priority, holder: Option<&Holder>) -> Option<Resource<K, V, E>> {
        let mut state = self.state.borrow_mut();
        let entry = Rc::clone(state.entries.get(key)?);
        let now = entry.state();
        match now {
            LoadState::Ready => state.counts.hits += 1,
            LoadState::Failed | LoadState::Canceled => state.counts.refused += 1,
            LoadState::Loading => state.counts.coalesced += 1,
            LoadState::Queued { priority: own } => {
                state.counts.coalesced += 1;
                state.move_to(&entry, own.max(priority));
            }
        }
        match holder {
            Some(holder) => state.hold(&entry, holder),
            None if now.is_pending() => entry.is_prefetch.set(true),
            None => {}
        }
        Some(entry)
    }

    /// Follows a count that went down, and takes over the reference of the handle that is gone.
    ///
    /// That reference may be the last one. Dropped up the stack, after this has returned, it would make a chain of
    /// resources that hold each other a recursion.
    pub(crate) fn counted_down(&self, entry: Resource<K, V, E>) {
        let is_unused = entry.count.get() == 0;
        let serial = if is_unused { self.fell_to_zero(&entry) } else { None };
        let now_ns = self.now();
        entry.last_use_ns.set(now_ns);
        if let Some(unused) = entry.unused.get()
            && Some(unused.serial) == serial
        {
            entry.unused.set(Some(Unused {
                since_ns: now_ns,
                ..unused
            }));
        }
        if is_unused {
            self.leaving.borrow_mut().push_back((None, entry));
            self.settle();
        }
    }

    /// Nobody holds the entry any longer. Returns its number among the unused, if it became one of them.
    fn fell_to_zero(&self, entry: &Resource<K, V, E>) -> Option<u64> {
        let mut state = self.state.borrow_mut();
        if state.is_closed {
            return None;
        }
        let gone = match entry.state() {
            LoadState::Ready => {
                state.set_unused(entry);
                return entry.unused.get().map(|unused| unused.serial);
            }
            LoadState::Queued { .. } if !entry.is_prefetch.get() => {
                state.counts.canceled += 1;
                state.cancel(entry)
            }
            LoadState::Failed | LoadState::Canceled => state.forget(entry),
            // Wanted by the cache itself, or too late to be stopped.
            LoadState::Queued { .. } | LoadState::Loading => None,
        };
        self.leaving.borrow_mut().extend(gone);
        None
    }

    /// The most urgent load that waits.
    pub(crate) fn first(&self) -> Option<Resource<K, V, E>> {
        self.state.borrow().queue.first().cloned()
    }

    /// Hands out the load of one entry, out of turn; `None` if it is ready or somebody is loading it.
    pub(crate) fn start(&self, entry: &Resource<K, V, E>) -> Option<u64> {
        let mut state = self.state.borrow_mut();
        match entry.state() {
            LoadState::Ready | LoadState::Loading => return None,
            LoadState::Queued { .. } => {
                let waiting = entry.place().and_then(|place| state.queue.remove(place));
                debug_assert!(waiting.is_some(), "a queued entry stands in the queue");
            }
            LoadState::Failed | LoadState::Canceled => state.counts.retried += 1,
        }
        let (ticket, former) = state.start(entry);
        drop(state);
        drop(former);
        Some(ticket)
    }

    fn refusal(state: &State<K, V, E>, entry: &Entry<K, V, E>, ticket: u64) -> Option<RefusedReason> {
        if state.is_closed {
            Some(RefusedReason::CacheGone)
        } else if !entry.is_loading_for(ticket) {
            Some(RefusedReason::Canceled)
        } else {
            None
        }
    }

    /// Takes the result of a load, and the reference of the ticket, as [`counted_down`](Self::counted_down) does.
    pub(crate) fn deliver(&self, entry: Resource<K, V, E>, ticket: u64, loaded: Loaded<V>) -> Result<(), Refused<V>> {
        self.now();
        let Loaded { value, bytes } = loaded;
        let mut state = self.state.borrow_mut();
        if let Some(reason) = Self::refusal(&state, &entry, ticket) {
            return Err(Refused { value, reason });
        }
        // A ready entry is never loaded again, so there is room for the value.
        if let Err(value) = entry.value.set(value) {
            let reason = RefusedReason::Canceled;
            return Err(Refused { value, reason });
        }
        entry.phase.replace(Phase::Ready);
        entry.is_prefetch.set(false);
        entry.bytes.set(bytes);
        state.counts.loading -= 1;
        state.counts.loaded += 1;
        state.counts.resident += 1;
        state.resident_bytes += bytes as u128;
        state.note_peaks();
        if entry.count.get() == 0 {
            state.set_unused(&entry);
        }
        drop(state);
        self.leaving.borrow_mut().push_back((None, entry));
        self.settle();
        Ok(())
    }

    /// Takes the failure of a load.
    pub(crate) fn fail(&self, entry: Resource<K, V, E>, ticket: u64, error: E) -> Result<Rc<E>, Refused<E>> {
        let mut state = self.state.borrow_mut();
        if let Some(reason) = Self::refusal(&state, &entry, ticket) {
            return Err(Refused { value: error, reason });
        }
        let error = Rc::new(error);
        entry.phase.replace(Phase::Failed(Rc::clone(&error)));
        entry.is_prefetch.set(false);
        state.counts.loading -= 1;
        state.counts.failed += 1;
        let gone = (entry.count.get() == 0).then(|| state.forget(&entry)).flatten();
        drop(state);
        self.discard(gone);
        Ok(error)
    }

    /// A ticket went away without a result.
    pub(crate) fn abandon(&self, entry: Resource<K, V, E>, ticket: u64) {
        let mut state = self.state.borrow_mut();
        if Self::refusal(&state, &entry, ticket).is_none() {
            state.counts.abandoned += 1;
            let gone = state.cancel(&entry);
            drop(state);
            self.discard(gone);
        }
    }

    /// Cancels a pending load; `false` if there is none.
    pub(crate) fn cancel(&self, entry: &Resource<K, V, E>) -> bool {
        let mut state = self.state.borrow_mut();
        if state.is_closed || !entry.state().is_pending() {
            return false;
        }
        state.counts.canceled += 1;
        let gone = state.cancel(entry);
        drop(state);
        self.discard(gone);
        true
    }

    /// Cancels waiting loads that nobody but the cache itself wants.
    pub(crate) fn cancel_prefetches(&self) -> usize {
        let prefetches: Vec<_> = {
            let state = self.state.borrow();
            let unheld = state.queue.iter().filter(|entry| entry.count.get() == 0);
            unheld.cloned().collect()
        };
        prefetches.iter().filter(|entry| self.cancel(entry)).count()
    }

    /// Changes the priority of a waiting load. Returns the former one; `None` if it does not wait.
    pub(crate) fn prioritize(
        &self,
        entry: &Resource<K, V, E>,
        priority: impl FnOnce(Priority) -> Priority,
    ) -> Option<Priority> {
        let mut state = self.state.borrow_mut();
        let own = entry.place()?.priority;
        state.move_to(entry, priority(own))
    }

    /// Queues a failed or canceled load again; `false` if it is neither.
    pub(crate) fn retry(&self, entry: &Resource<K, V, E>, priority: Priority) -> bool {
        let mut state = self.state.borrow_mut();
        if state.is_closed || !matches!(entry.state(), LoadState::Failed | LoadState::Canceled) {
            return false;
        }
        state.counts.retried += 1;
        let place = Place {
            priority,
            serial: state.serial(),
        };
        let former = entry.phase.replace(Phase::Queued(place));
        state.queue.push(place, Rc::clone(entry));
        drop(state);
        drop(former);
        true
    }

    /// Corrects the size of a resource that is ready; `false` if it is not, or the cache is gone.
    pub(crate) fn resize(&self, entry: &Resource<K, V, E>, bytes: usize) -> bool {
        let mut state = self.state.borrow_mut();
        if state.is_closed || entry.state() != LoadState::Ready {
            return false;
        }
        let former = entry.bytes.replace(bytes);
        state.resident_bytes = state.resident_bytes - former as u128 + bytes as u128;
        state.note_peaks();
        drop(state);
        self.settle();
        true
    }

    pub(crate) fn set_budget_bytes(&self, budget_bytes: usize) {
        self.state.borrow_mut().counts.budget_bytes = budget_bytes;
        self.settle();
    }

    pub(crate) fn take_resident_delta_bytes(&self) -> isize {
        let mut state = self.state.borrow_mut();
        let delta = state.resident_bytes.cast_signed() - state.told_bytes.cast_signed();
        let told = isize::try_from(delta).unwrap_or(if delta < 0 { isize::MIN } else { isize::MAX });
        state.told_bytes = state.told_bytes.saturating_add_signed(told as i128);
        told
    }

    pub(crate) fn statistics(&self) -> CacheStatistics {
        let state = self.state.borrow();
        CacheStatistics {
            entries: state.entries.len(),
            unused: state.unused.len(),
            queued: state.queue.len(),
            resident_bytes: clamped(state.resident_bytes),
            unused_bytes: clamped(state.unused_bytes),
            ..state.counts
        }
    }

    /// The cache is gone: what is pending is canceled, and what nobody holds is dropped.
    pub(crate) fn close(&self) {
        let mut state = self.state.borrow_mut();
        state.is_closed = true;
        state.unused.clear();
        state.queue = LoadQueue::new();
        let entries = std::mem::take(&mut state.entries);
        state.counts.released.closed += state.counts.resident as u64;
        state.counts.resident = 0;
        state.resident_bytes = 0;
        state.unused_bytes = 0;
        state.counts.loading = 0;
        for entry in entries.values() {
            entry.unused.take();
            if entry.state().is_pending() {
                entry.phase.replace(Phase::Canceled);
            }
        }
        drop(state);
        self.discard(entries.into_iter().map(|(key, entry)| (Some(key), entry)));
    }
}
