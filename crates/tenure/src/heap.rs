//! The heap of one isolate as the embedder sees it: a region when borrowed as shared, a safepoint when borrowed mutably.
//!
//! `&Heap<M>` reads objects and allocates without ever moving one (NO-COLLECT); `&mut Heap<M>` may collect. The borrow
//! checker thereby proves that no direct pointer crosses a collection. All work is done by the non-generic
//! [`tenure_heap::Core`]; this module gives it types. A heap is reached through [`Isolate::enter`](crate::Isolate::enter)
//! only and cannot be moved, swapped or sent to another thread.

use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;

use tenure_events::{Cause, PauseLog};
use tenure_heap::{AllocError, Core, HeapConfig, HeapError, HeapStatistics, NearLimit, Progress, Request, VerifyError};

use crate::error::OutOfMemory;
use crate::gc::Gc;
use crate::global::Releases;
use crate::layout::{Kind, Layout, ObjectModel, Of};
use crate::stack::REGISTERS;
use crate::value::Tagging;

/// External memory that is released between two looks at the clock: a tenth of a millisecond or so.
const RELEASED_BYTES: usize = 1 << 20;

/// The heap of a model, inside [`Isolate::enter`](crate::Isolate::enter).
///
/// Invariant HEAP-BRAND: at most one isolate of a model is entered on a thread, and a `Heap<M>` exists inside an isolate
/// only; so every pointer, value and slot of `M` that the program can reach belongs to this heap.
#[repr(C)]
pub struct Heap<M: ObjectModel> {
    pub(crate) core: Core,
    pub(crate) roots: M::Roots,
    pub(crate) releases: Rc<Releases>,
    pub(crate) weak_releases: Rc<Releases>,
    not_send: PhantomData<*mut ()>,
}

impl<M: ObjectModel> Heap<M> {
    pub(crate) fn new(config: HeapConfig, roots: <M::Roots as Layout>::Init<'static>) -> Result<Box<Self>, HeapError> {
        const { crate::layout::check_roots::<M::Roots>() };
        // SAFETY: NUR-BUMP, ROOT-EXACT, SLOT-TYPED: the core never leaves this crate. The window is moved past finished
        // objects only, and the root areas and handles take words of values of `M`.
        let core = unsafe { Core::new(config, M::KINDS, crate::table::built_in::<M>())? };
        let mut place = std::mem::MaybeUninit::<M::Roots>::zeroed();
        // SAFETY: KIND-LAYOUT: `write` initializes all fields.
        let roots = unsafe {
            M::Roots::write(place.as_mut_ptr(), roots);
            place.assume_init()
        };
        let releases = Rc::new(Releases::default());
        assert!(
            core.registers.window_words >= REGISTERS,
            "ROOT-EXACT: the whole window is scanned"
        );
        let mut heap = Box::new(Heap {
            core,
            roots,
            releases,
            weak_releases: Rc::new(Releases::default()),
            not_send: PhantomData,
        });
        heap.collector();
        Ok(heap)
    }

    /// Returns the core, ready to collect: it knows where the roots struct is and which handles were released.
    #[inline]
    pub(crate) fn collector(&mut self) -> &mut Core {
        for index in self.releases.drain() {
            self.core.global_free(index);
        }
        for index in self.weak_releases.drain() {
            self.core.weak_handle_free(index);
        }
        // SAFETY: ROOT-EXACT: the struct stays where it is, since the heap is boxed and never handed out by value. The
        // pointer is made anew before each use by the collector, so that it derives from this very borrow.
        unsafe {
            self.core
                .set_roots_struct((&raw mut self.roots).cast(), Of::<M::Roots>::SLOT_WORDS)
        };
        &mut self.core
    }

    /// Returns the untyped heap. Its cells and words are the allocator's and the roots' own (NUR-BUMP, ROOT-EXACT), so
    /// it stays within this crate.
    #[inline(always)]
    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// Makes room for an object. A collection may happen.
    #[cold]
    #[inline(never)]
    pub(crate) fn make_room(&mut self, request: &Request) -> Result<(), AllocError> {
        // SAFETY: NO-COLLECT: `&mut self` proves that no pointer is held; ROOT-EXACT: `collector` set the roots.
        let made = unsafe { self.collector().make_room(request) };
        self.release_some();
        made
    }

    /// Releases natives of dead objects, as much as a safepoint may.
    #[inline]
    fn release_some(&mut self) {
        if self.core.has_dead_natives() {
            self.core.release_natives_at_safepoint();
        }
    }

    #[cold]
    #[inline(never)]
    fn safepoint_slow(&mut self) {
        self.collector().safepoint_slow();
        self.release_some();
    }

    /// The owner form of the write barrier, before `word` is stored into `slot` of `owner`.
    #[inline(always)]
    pub(crate) fn log_store<T: Kind>(&self, owner: Gc<'_, T>, slot: *const u64, word: u64) {
        if owner.is_unlogged() {
            // SAFETY: HEAP-BRAND: `owner` is an object of this heap, and `slot` one of its slots; SLOT-TYPED: `word` is
            // of the slot's family.
            unsafe { self.core.log_slow(owner.payload(), slot, word) }
        }
    }

    /// The same for a slot of a tail. Long ones stay unlogged, so that each store into them comes so far: what is no
    /// reference hides no object, and goes no further.
    #[inline(always)]
    pub(crate) fn log_tail_store<T: Kind>(&self, owner: Gc<'_, T>, slot: *const u64, word: u64) {
        if owner.is_unlogged() && (<T::Model as ObjectModel>::Values::is_object(word) || self.core.logs_immediates) {
            // SAFETY: HEAP-BRAND and SLOT-TYPED, as above.
            unsafe { self.core.log_slow(owner.payload(), slot, word) }
        }
    }

    /// Returns the roots struct. Its fields are read with `get` and written with `set`; both cost one instruction.
    #[must_use]
    #[inline(always)]
    pub fn roots(&self) -> &M::Roots {
        &self.roots
    }

    /// Lets the collector work if it has something to do: the nursery is full or a collection was asked for.
    ///
    /// Costs two loads and a compare otherwise. Loops that allocate in regions call it once per iteration.
    #[inline(always)]
    pub fn safepoint(&mut self) {
        if self.core.window.top.get() > self.core.window.limit.get() {
            self.safepoint_slow();
        }
    }

    /// Returns whether the collector has something to do: whether [`Heap::safepoint`] would let it work. Two loads and a
    /// compare.
    ///
    /// For interpreters whose loop runs in one region: it asks after each instruction that allocates, and leaves the
    /// region when the answer is yes.
    #[must_use]
    #[inline(always)]
    pub fn safepoint_due(&self) -> bool {
        self.core.collection_requested()
    }

    /// Makes room, by a collection if need be, for one object of `bytes` bytes that the next region allocates, its header
    /// of 8 bytes included.
    ///
    /// For interpreters whose loop runs in one region: when an allocation failed there, the loop leaves the region, calls
    /// this, and executes the instruction again.
    ///
    /// # Errors
    ///
    /// When no memory is left, after a last major collection.
    pub fn try_reserve(&mut self, bytes: usize) -> Result<(), OutOfMemory<()>> {
        self.make_room(&Request { header: 0, bytes })
            .map_err(|error| OutOfMemory::new("not yet known", error, ()))
    }

    /// Collects the whole heap. The pause is proportional to the live objects and the size of the old generation.
    pub fn collect(&mut self) {
        self.collector().collect_major(Cause::Requested);
        self.release_natives();
    }

    /// Collects the whole heap and slides the objects of the old generation together, so that what is free lies in one
    /// piece: before a phase with other object sizes, or when a program becomes idle and its memory is to go back to the
    /// system. Pinned and large objects stay where they are; the order of the others stays too.
    ///
    /// The pause is about one and a half times that of [`Heap::collect`], and a table of 1/32 of the old generation is allocated
    /// for its time; without memory for that, or when the configuration says `Compaction::Never`, it is a plain
    /// collection. [`HeapStatistics::fragmented_bytes`] says how much there is to gain, in bytes.
    ///
    /// ```
    /// use tenure::prelude::*;
    ///
    /// #[derive(Kind)]
    /// struct Cons { head: Slot<Dyn<Lists>>, rest: Slot<Opt<Cons>> }
    /// #[derive(Roots)]
    /// struct Roots { list: Root<Opt<Cons>> }
    /// object_model! { model Lists { roots: Roots, kinds: [Cons] } }
    ///
    /// let mut isolate = Isolate::<Lists>::new(HeapConfig::new(), RootsInit { list: None })?;
    /// isolate.enter(|h| {
    ///     for i in 0..200_000 {
    ///         let (h, cons) = h.alloc_with::<Cons>(|h| ConsInit { head: Value::int(i), rest: h.roots().list.get() });
    ///         h.roots().list.set(Some(cons));
    ///     }
    ///     h.collect();
    ///     // Every other object dies, and leaves a hole.
    ///     let mut next = h.roots().list.get();
    ///     while let Some(cons) = next {
    ///         next = cons.rest().and_then(|dropped| dropped.rest());
    ///         cons.set_rest(h, next);
    ///     }
    ///     h.collect();
    ///     assert!(h.statistics().fragmented_bytes > 1 << 20);
    ///     h.compact();
    ///     // What is left is the end of the last block.
    ///     assert!(h.statistics().fragmented_bytes < 512 << 10);
    ///     assert_eq!(h.roots().list.get().and_then(|cons| cons.head().as_int()), Some(199_999));
    /// });
    /// # Ok::<(), HeapError>(())
    /// ```
    pub fn compact(&mut self) {
        self.collector().compact();
        self.release_natives();
    }

    /// Collects the nursery. The pause is proportional to its survivors.
    pub fn collect_minor(&mut self) {
        self.collector().collect_minor(Cause::Requested);
        self.release_natives();
    }

    /// Returns the time of the heap's clock in nanoseconds: what deadlines are measured in.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.core.now_ns()
    }

    /// Starts a cycle of incremental marking now, unless one is in progress. Costs microseconds, or, right after a
    /// cycle, what is left of its sweeping. The work is done by slices at allocations and by [`Heap::step`].
    pub fn start_marking(&mut self) {
        self.collector().start_marking();
    }

    /// Works on the cycle of the old generation until `deadline_ns` of the heap's clock: for an event loop with some
    /// time before its next event. Starts a cycle if one is due; does nothing without incremental marking. May overrun
    /// by what the smallest piece of work takes, some tens of microseconds.
    ///
    /// ```
    /// # use tenure::prelude::*;
    /// # #[derive(Kind)] struct Pair { car: Slot<Opt<Pair>> }
    /// # object_model! { model Pairs { roots: tenure::NoRoots, kinds: [Pair] } }
    /// use tenure::Progress;
    /// let mut isolate = Isolate::<Pairs>::new(HeapConfig::new().incremental_marking(true), NoRootsInit {})?;
    /// isolate.enter(|h| {
    ///     h.start_marking();
    ///     while h.step(h.now_ns() + 500_000) == Progress::More {
    ///         // handle an event
    ///     }
    /// });
    /// # Ok::<(), HeapError>(())
    /// ```
    pub fn step(&mut self, deadline_ns: u64) -> Progress {
        let progress = self.collector().step(deadline_ns);
        self.release_until(progress, deadline_ns)
    }

    /// Releases natives of dead objects until the deadline.
    fn release_until(&mut self, progress: Progress, deadline_ns: u64) -> Progress {
        while self.core.has_dead_natives() {
            if self.now_ns() >= deadline_ns {
                return Progress::More;
            }
            self.core.release_natives(RELEASED_BYTES);
        }
        progress
    }

    /// Works until `deadline_ns` of the heap's clock to make the heap small, for when the program has nothing to do:
    /// finishes the cycle in progress, runs another if there may be garbage, and gives empty blocks back to the system
    /// when they have been kept for [`HeapConfig::release_delay_ms`]. Says when to come back. Without incremental
    /// marking the collection is one pause, whatever the deadline.
    pub fn idle_step(&mut self, deadline_ns: u64) -> Progress {
        let progress = self.collector().idle_step(deadline_ns);
        self.release_until(progress, deadline_ns)
    }

    /// Returns the configuration that the heap was made with.
    #[must_use]
    pub fn config(&self) -> &HeapConfig {
        self.core.config()
    }

    /// Returns sizes and counters as of now.
    #[must_use]
    pub fn statistics(&self) -> HeapStatistics {
        self.core.statistics()
    }

    /// Returns the log of all pauses so far.
    #[must_use]
    pub fn pauses(&self) -> &PauseLog {
        self.core.pauses()
    }

    /// Checks every invariant of the heap by an independent trace. Takes time proportional to the heap.
    ///
    /// # Errors
    ///
    /// When an invariant is broken: says which, where, and the path from a root. That is a bug in tenure or in unsafe
    /// code of the embedder's.
    pub fn verify(&mut self) -> Result<(), VerifyError> {
        self.collector().verify()
    }

    /// Sets a function that is asked before an allocation fails for the heap's limit. It returns the new limit in
    /// bytes; a value that is not higher lets the allocation fail.
    pub fn set_near_limit_callback(&mut self, callback: impl FnMut(NearLimit) -> usize + 'static) {
        self.core.set_near_limit_callback(Box::new(callback));
    }

    /// Tells the collector that objects hold `delta` bytes more (or less) outside of the heap. External memory can
    /// trigger major collections.
    pub fn adjust_external_bytes(&self, delta: isize) {
        self.core.adjust_external_bytes(delta);
    }
}

impl<M: ObjectModel> fmt::Debug for Heap<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap")
            .field("id", &self.core.id())
            .finish_non_exhaustive()
    }
}
