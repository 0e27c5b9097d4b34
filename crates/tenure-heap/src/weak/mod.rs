//! What is looked at once a collection knows what is alive: weak words, pairs, natives, finalizers, weak handles.
//!
//! Objects of kinds that hold such words are *watched*: entered into a list when they are allocated, by generation. A
//! minor collection looks at the young entries and at what the remembered set names, a major one at all of them, in this
//! order (`collection.rs`):
//!
//! 1. *pairs* are passed until nothing more is kept (`tenure_marking`'s index when that takes long);
//! 2. weak words, values of pairs and handles whose objects are dead are cleared, where they lie in live objects;
//! 3. dead objects with a finalizer are kept after all, with everything that they refer to, and made ready; pairs are
//!    passed again;
//! 4. keys that are dead now are cleared, and what step 3 brought back is looked at as in step 2;
//! 5. entries of dead objects are dropped, and their native resources with them, to be released later.
//!
//! So a weak word never refers to an object that waits for its finalizer, but from another one that came back with it, and
//! an ephemeron's key may. A collection of both generations leaves steps 3 to 5 to its marking: it collects the nursery
//! first, and what dies young there may be all that refers to something old that has a finalizer too.
//!
//! Nothing here runs code of the embedder's: ready objects and dead resources wait in queues. The lists have their room
//! before a collection begins. Costs time proportional to the entries that are looked at; old ones cost a minor collection
//! nothing.

mod collection;
mod handles;
mod major;
mod minor;
mod natives;

use std::collections::VecDeque;

use tenure_object::{KindTable, ObjectRef, PairMode, TailLayout};

pub(crate) use handles::WeakHandles;
pub(crate) use major::PairCursor;
pub use natives::Native;
pub(crate) use natives::Natives;

use crate::core::{Core, Inner};

/// Entries by generation.
///
/// Invariant (WATCH-LISTED): between collections, every watched object is listed exactly once, as young or as old as it
/// is; an entry of an object that was evacuated from a block is corrected with the references to it. Entries of old
/// objects keep their places while evacuation knows them by these. A table of guards is in the queue of reports exactly if
/// its third word says so, and is if it has emptied pairs.
#[derive(Debug)]
pub(crate) struct Generations<T> {
    pub(crate) young: Vec<T>,
    pub(crate) old: Vec<T>,
}

impl<T> Default for Generations<T> {
    fn default() -> Generations<T> {
        Generations {
            young: Vec::new(),
            old: Vec::new(),
        }
    }
}

impl<T> Generations<T> {
    /// Adds an entry, and keeps room for all young ones among the old.
    fn add(&mut self, entry: T, young: bool) {
        if young {
            self.young.push(entry);
        } else {
            self.old.push(entry);
        }
        self.old.reserve(self.young.len());
    }

    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    fn footprint_bytes(&self) -> usize {
        (self.young.capacity() + self.old.capacity()) * size_of::<T>()
    }
}

/// An object with a finalizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Finalizable {
    pub(crate) object: ObjectRef,
    pub(crate) priority: u8,
    /// Ascends with the registrations.
    number: u64,
}

/// An object whose finalizer is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    pub(crate) word: u64,
    priority: u8,
    /// The collection that found it dead.
    batch: u64,
    number: u64,
}

/// Which list an entry is in that evacuation has to correct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    Objects,
    Tables,
    Finalizable,
    Handles,
}

/// All that is watched.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    /// Objects with weak words or natives.
    pub(crate) objects: Generations<ObjectRef>,
    /// Objects with pairs.
    pub(crate) tables: Generations<ObjectRef>,
    pub(crate) finalizable: Generations<Finalizable>,
    pub(crate) ready: Vec<Ready>,
    ready_sorted: bool,
    /// Tables of guards of which collections emptied pairs, by the time of the first: weak words.
    pub(crate) reports: VecDeque<u64>,
    /// Tables of guards there have been.
    guards: usize,
    registrations: u64,
    batches: u64,
    /// What the program looked at through weak words since the last job ended.
    pub(crate) kept: Vec<u64>,
    kept_sorted_at: usize,
    pub(crate) handles: WeakHandles,
    pub(crate) natives: Natives,
    /// The last pass over all pairs found nothing dead.
    none_waiting: bool,
    /// How far the slices of the cycle in progress have passed the pairs.
    pub(crate) cursor: PairCursor,
    /// Old entries whose objects lie in blocks that are to be evacuated. Those of finalizers that were taken back have
    /// the address 0 as long as there are any.
    at_risk: Vec<(List, u32)>,
    /// What a minor collection finds in the remembered set, for its room.
    remembered: Vec<minor::Remembered>,
}

impl Watched {
    pub(crate) fn footprint_bytes(&self) -> usize {
        self.objects.footprint_bytes()
            + self.tables.footprint_bytes()
            + self.finalizable.footprint_bytes()
            + (self.ready.capacity()) * size_of::<Ready>()
            + self.reports.capacity() * 8
            + self.kept.capacity() * 8
            + self.handles.footprint_bytes()
            + self.natives.footprint_bytes()
            + self.at_risk.capacity() * size_of::<(List, u32)>()
            + self.remembered.capacity() * size_of::<minor::Remembered>()
    }

    /// Returns whether a collection of old objects has anything to look at.
    pub(crate) fn is_empty(&self) -> bool {
        self.objects.len() + self.tables.len() + self.finalizable.len() == 0 && self.handles.is_empty()
    }

    /// Returns whether old watched objects may be in the remembered set.
    pub(crate) fn has_old(&self) -> bool {
        !self.objects.old.is_empty() || !self.tables.old.is_empty()
    }

    /// Calls `visit` with the words that are roots.
    pub(crate) fn visit_roots(&mut self, mut visit: impl FnMut(*mut u64)) {
        for ready in &mut self.ready {
            visit(&raw mut ready.word);
        }
        for word in &mut self.kept {
            visit(word);
        }
    }

    /// Begins a collection: what it finds dead is ready before what later ones do.
    pub(crate) fn begin_batch(&mut self) {
        self.batches += 1;
    }

    /// Makes an object ready whose finalizer is due.
    fn make_ready(&mut self, entry: Finalizable, word: u64) {
        debug_assert!(self.ready.len() < self.ready.capacity(), "WATCH-LISTED: room for each");
        self.ready.push(Ready {
            word,
            priority: entry.priority,
            batch: self.batches,
            number: entry.number,
        });
        self.ready_sorted = false;
    }

    /// Corrects the entries of objects that were evacuated: `forward` returns where an object is now.
    pub(crate) fn correct_at_risk(
        &mut self,
        mut forward: impl FnMut(ObjectRef) -> ObjectRef,
        mut correct: impl FnMut(*mut u64),
    ) {
        for (list, index) in &self.at_risk {
            let index = *index as usize;
            match list {
                List::Objects => self.objects.old[index] = forward(self.objects.old[index]),
                List::Tables => self.tables.old[index] = forward(self.tables.old[index]),
                List::Finalizable => {
                    let entry = &mut self.finalizable.old[index];
                    if entry.object.address() != 0 {
                        entry.object = forward(entry.object);
                    }
                }
                List::Handles => correct(self.handles.word_mut(index)),
            }
        }
        // They are few.
        self.reports.iter_mut().for_each(|word| correct(word));
    }

    /// Forgets which entries evacuation has to correct.
    pub(crate) fn end_evacuation(&mut self) {
        if !self.at_risk.is_empty() {
            self.finalizable.old.retain(|entry| entry.object.address() != 0);
            self.at_risk.clear();
        }
    }

    /// Renames everything that slides.
    pub(crate) fn forward(
        &mut self,
        mut forward: impl FnMut(ObjectRef) -> ObjectRef,
        mut correct: impl FnMut(*mut u64),
    ) {
        for object in self.objects.old.iter_mut().chain(&mut self.tables.old) {
            *object = forward(*object);
        }
        for entry in &mut self.finalizable.old {
            entry.object = forward(entry.object);
        }
        for word in self.handles.words_mut() {
            correct(word);
        }
        self.reports.iter_mut().for_each(|word| correct(word));
    }
}

/// Enters a table of guards that has something to report.
fn push_report(reports: &mut VecDeque<u64>, table: ObjectRef) {
    debug_assert!(reports.len() < reports.capacity(), "WATCH-LISTED: room for each");
    reports.push_back(table.reference());
}

impl Core {
    /// Enters an object of a watched kind that was just allocated.
    ///
    /// # Safety
    ///
    /// `payload` must be a new, initialized object of this heap (OBJ-HEADER, WATCH-LISTED).
    pub unsafe fn watch(&self, payload: *mut u64) {
        let inner = self.inner();
        let object = ObjectRef::from_payload(payload as usize);
        let young = inner.is_young(object);
        // SAFETY: KIND-LAYOUT, the header is the object's.
        if unsafe { is_table(object, &inner.kinds) } {
            inner.watched.tables.add(object, young);
            if inner.kinds.get(Inner::header_of(object).kind()).tail == TailLayout::Pairs(PairMode::Guard) {
                inner.watched.guards += 1;
                let most = inner.watched.guards.min(inner.watched.tables.len());
                let reports = &mut inner.watched.reports;
                reports.reserve(most.saturating_sub(reports.len()));
            }
        } else {
            inner.watched.objects.add(object, young);
        }
    }

    /// Enters an object that was just allocated, if its kind is watched.
    ///
    /// # Safety
    ///
    /// As for [`Core::watch`].
    pub unsafe fn watch_if_needed(&self, payload: *mut u64) {
        if Inner::header_of(ObjectRef::from_payload(payload as usize)).is_watched() {
            // SAFETY: WATCH-LISTED is the caller's obligation.
            unsafe { self.watch(payload) };
        }
    }

    /// Called when the program reads a weak word, before it uses what it found: keeps the object until the job ends, if
    /// the settings say so, and from being lost to a cycle that marks what was reachable when it began.
    pub fn weak_read(&self, word: u64) {
        let inner = self.inner();
        if inner.config.settings.keep_during_job {
            self.keep_during_job(word);
        }
        inner.guard_weak_read(word);
    }

    /// Keeps what `word` refers to until [`Core::end_job`].
    pub fn keep_during_job(&self, word: u64) {
        let watched = &mut self.inner().watched;
        if watched.kept.last() == Some(&word) {
            return;
        }
        watched.kept.push(word);
        if watched.kept.len() >= 64 && watched.kept.len() >= 2 * watched.kept_sorted_at {
            // A job that looks at the same objects over and over does not fill memory with them.
            watched.kept.sort_unstable();
            watched.kept.dedup();
            watched.kept_sorted_at = watched.kept.len();
        }
    }

    /// Lets go what the program looked at since the last call.
    pub fn end_job(&self) {
        let watched = &mut self.inner().watched;
        watched.kept.clear();
        watched.kept_sorted_at = 0;
    }

    /// Registers a finalizer for an object: once it is dead, it is kept for one more time, and comes out of
    /// [`Core::take_ready`]. An object that is registered twice comes out twice.
    ///
    /// # Safety
    ///
    /// `payload` must be an object of this heap (OBJ-HEADER).
    pub unsafe fn register_finalizer(&self, payload: *mut u64, priority: u8) {
        let inner = self.inner();
        let object = ObjectRef::from_payload(payload as usize);
        let young = inner.is_young(object);
        let number = inner.watched.registrations;
        inner.watched.registrations += 1;
        let entry = Finalizable {
            object,
            priority,
            number,
        };
        inner.watched.finalizable.add(entry, young);
        let most = inner.watched.finalizable.len();
        inner.watched.ready.reserve(most);
        if !young {
            let place = inner.watched.finalizable.old.len() - 1;
            inner.note_at_risk(List::Finalizable, place, object.reference());
        }
    }

    /// Takes back all registrations of an object that has not been found dead yet. Returns how many there were. Costs
    /// time proportional to the registrations.
    ///
    /// # Safety
    ///
    /// As for [`Core::register_finalizer`].
    pub unsafe fn unregister_finalizer(&self, payload: *mut u64) -> usize {
        let watched = &mut self.inner().watched;
        let finalizable = &mut watched.finalizable;
        let object = ObjectRef::from_payload(payload as usize);
        let before = finalizable.len();
        finalizable.young.retain(|entry| entry.object != object);
        let mut emptied = 0;
        if watched.at_risk.is_empty() {
            finalizable.old.retain(|entry| entry.object != object);
        } else {
            // Entries that evacuation has to correct are known by their places: an empty one is left there.
            for entry in finalizable.old.iter_mut().filter(|entry| entry.object == object) {
                entry.object = ObjectRef::from_address(0);
                emptied += 1;
            }
        }
        before - finalizable.len() + emptied
    }

    /// Makes every registered object ready, live or not: for the end of the program.
    pub fn finalize_all(&self) {
        let inner = self.inner();
        inner.watched.begin_batch();
        for list in [
            std::mem::take(&mut inner.watched.finalizable.young),
            std::mem::take(&mut inner.watched.finalizable.old),
        ] {
            for entry in list.into_iter().filter(|entry| entry.object.address() != 0) {
                let word = entry.object.reference();
                // It may be dead, and not known to be.
                inner.guard_weak_read(word);
                inner.watched.make_ready(entry, word);
            }
        }
        inner.watched.at_risk.retain(|(list, _)| *list != List::Finalizable);
    }

    /// Returns how many objects wait for [`Core::take_ready`].
    #[must_use]
    pub fn ready_count(&self) -> usize {
        self.inner().watched.ready.len()
    }

    /// Takes the next object whose finalizer is due, as word: of the highest priority (the smallest number), of the
    /// earliest collection, the one that was registered last.
    pub fn take_ready(&self) -> Option<u64> {
        let watched = &mut self.inner().watched;
        if !watched.ready_sorted {
            watched
                .ready
                .sort_unstable_by_key(|ready| (ready.priority, ready.batch, u64::MAX - ready.number));
            watched.ready.reverse();
            watched.ready_sorted = true;
        }
        watched.ready.pop().map(|ready| ready.word)
    }

    /// Returns the table of guards, as word, that waits longest in the queue of those with something to report.
    #[must_use]
    #[inline]
    pub fn first_report(&self) -> Option<u64> {
        self.inner().watched.reports.front().copied()
    }

    /// Takes the table that [`Core::first_report`] returns out of the queue. The caller changes its third word.
    pub fn end_first_report(&self) {
        self.inner().watched.reports.pop_front();
    }

    /// Puts one table of guards into the place of another in the queue. The caller changes the third words.
    pub fn replace_report(&self, before: u64, after: u64) {
        for word in &mut self.inner().watched.reports {
            if *word == before {
                *word = after;
            }
        }
    }

    /// Makes a weak handle.
    pub fn weak_handle_new(&self, word: u64) -> u32 {
        let inner = self.inner();
        let index = inner.watched.handles.add(word);
        inner.note_at_risk(List::Handles, index as usize, word);
        index
    }

    /// Reads a weak handle: 0 once its object is dead.
    #[must_use]
    pub fn weak_handle_get(&self, index: u32) -> u64 {
        let word = self.inner().watched.handles.get(index);
        self.weak_read(word);
        word
    }

    /// Sets a weak handle.
    pub fn weak_handle_set(&self, index: u32, word: u64) {
        let inner = self.inner();
        inner.watched.handles.set(index, word);
        inner.note_at_risk(List::Handles, index as usize, word);
    }

    /// Frees a weak handle.
    pub fn weak_handle_free(&self, index: u32) {
        self.inner().watched.handles.free(index);
    }

    /// Takes a native resource in, and returns its number, which is not 0. It counts as `bytes` bytes of external memory,
    /// at most [`NATIVE_MAX_BYTES`].
    pub fn native_new(&self, value: Box<dyn Native>, bytes: usize) -> u64 {
        let bytes = bytes.min(NATIVE_MAX_BYTES);
        let number = self.inner().watched.natives.add(value, bytes);
        self.grow_natives(bytes as isize);
        number
    }

    /// Returns a native resource.
    ///
    /// # Panics
    ///
    /// When there is none with this number.
    #[must_use]
    pub fn native(&self, number: u64) -> &dyn Native {
        self.inner().watched.natives.get(number)
    }

    /// Returns a native resource, to be changed.
    ///
    /// # Panics
    ///
    /// When there is none with this number.
    #[must_use]
    pub fn native_mut(&mut self, number: u64) -> &mut dyn Native {
        self.inner().watched.natives.get_mut(number)
    }

    /// Says how many bytes of external memory a native resource counts as, at most [`NATIVE_MAX_BYTES`].
    pub fn native_set_bytes(&self, number: u64, bytes: usize) {
        let bytes = bytes.min(NATIVE_MAX_BYTES);
        let before = self.inner().watched.natives.set_bytes(number, bytes);
        self.grow_natives(bytes as isize - before as isize);
    }

    fn grow_natives(&self, delta: isize) {
        self.adjust_external_bytes(delta);
        // Releasing keeps up with what is taken in, also where little is allocated in the heap.
        if delta > 0 && self.inner().watched.natives.grow(delta as usize) {
            self.request_safepoint();
        }
    }

    /// Makes a native resource that no object owns dead.
    pub fn native_drop(&self, number: u64) {
        self.inner().watched.natives.kill(number);
    }

    /// Returns whether native resources of dead objects wait to be released.
    #[must_use]
    #[inline]
    pub fn has_dead_natives(&self) -> bool {
        self.inner().watched.natives.has_dead()
    }

    /// Releases native resources of dead objects, as much as a safepoint may: 1 to 8 MiB, and more only where much is dead
    /// and the program has taken in more since the last safepoint.
    pub fn release_natives_at_safepoint(&mut self) {
        let bytes = self.inner().watched.natives.take_safepoint_bytes();
        self.release_natives(bytes);
    }

    /// Releases native resources of dead objects, about `bytes` bytes of them. Runs their code, which cannot reach the
    /// heap. Returns whether some are left.
    pub fn release_natives(&mut self, bytes: usize) -> bool {
        let mut left = bytes;
        loop {
            // Taken out first: if its code panics, it is not released again, and counts no more.
            let Some((mut value, held)) = self.inner().watched.natives.take_dead() else {
                return false;
            };
            let mut released = Released {
                core: self,
                bytes: held,
            };
            let piece = left.max(1);
            if held > piece && !value.release_some(piece) {
                released.bytes = piece;
                // The rest is dead again before the count changes, so that it is not taken for growth.
                released.core.inner().watched.natives.put_back(value, held - piece);
                drop(released);
                return true;
            }
            drop(value);
            drop(released);
            // Each costs something, however small it is.
            left = left.saturating_sub(held.max(NATIVE_MIN_BYTES));
            if left == 0 {
                return self.has_dead_natives();
            }
        }
    }
}

/// External memory that counts no more when this is dropped, whether a resource panicked or not.
struct Released<'a> {
    core: &'a Core,
    bytes: usize,
}

impl Drop for Released<'_> {
    fn drop(&mut self) {
        self.core.adjust_external_bytes(-(self.bytes as isize));
    }
}

/// The most bytes that a native resource counts as: more than any machine has, and little enough that no sum of a few
/// overflows.
pub const NATIVE_MAX_BYTES: usize = 1 << 56;

/// What releasing a native resource counts as at least, in bytes.
const NATIVE_MIN_BYTES: usize = 4096;

impl Inner {
    /// Returns whether `word` refers into a block that is to be evacuated, or was.
    fn moves(&self, word: u64) -> bool {
        let object = (word as usize).wrapping_sub(8);
        word.is_multiple_of(8)
            && self.cage.heap().contains(object)
            && self.marker.recorded().number(self.cage.bit(object)) != 0
    }

    /// Notes an entry that was made or changed between the end of marking and the last slice of evacuation.
    fn note_at_risk(&mut self, list: List, index: usize, word: u64) {
        if self.candidates.is_due() && self.moves(word) {
            self.watched.at_risk.push((list, index as u32));
        }
    }

    /// Returns whether an object is in the nursery or a large object that survived no collection yet.
    pub(crate) fn is_young(&self, object: ObjectRef) -> bool {
        self.cage.nursery().contains(object.address()) || self.large.is_young_object(&self.cage, object)
    }
}

/// # Safety
///
/// There must be an object, its header not forwarded (OBJ-HEADER).
pub(crate) unsafe fn is_table(object: ObjectRef, kinds: &KindTable) -> bool {
    // SAFETY: OBJ-HEADER is the caller's obligation.
    let kind = unsafe { object.header() }.kind();
    matches!(kinds.get(kind).tail, tenure_object::TailLayout::Pairs(_))
}
