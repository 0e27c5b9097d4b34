//! References that keep nothing alive: fields, and handles.
//!
//! A [`WeakSlot`] is one word in an object. Once its object is dead, a collection makes it nil or `None`; until then it
//! gives the object. Storing costs what a store into a [`Slot`](crate::Slot) costs, reading a load, a test and a call;
//! a collection looks at each weak word of a live object once. Objects with weak words are listed when they are allocated,
//! which costs some nanoseconds more than other objects. A weak word does not keep a value for a key: that is what
//! [`WeakTable`](crate::WeakTable) does.

use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::field::{Assign, Field};
use crate::gc::Gc;
use crate::global::Releases;
use crate::heap::Heap;
use crate::layout::{FieldIn, Kind, ObjectModel, SlotMap};
use crate::slot::{Family, Nullable};

/// A field that refers to an object without keeping it alive.
///
/// Immediate values stay as they are. Both minor and major collections clear what is dead;
/// [`HeapConfig::minor_weak_strong`](crate::HeapConfig::minor_weak_strong) lets only major ones. With
/// [`HeapConfig::keep_during_job`](crate::HeapConfig::keep_during_job), what [`WeakSlot::get`] returned stays alive until
/// [`Heap::end_job`], so that two reads in one job give the same.
///
/// ```
/// use tenure::prelude::*;
///
/// #[derive(Kind)]
/// struct Node { name: u64 }
/// #[derive(Kind)]
/// struct Observer { target: WeakSlot<Opt<Node>> }
/// #[derive(Roots)]
/// struct Roots { node: Root<Opt<Node>>, observer: Root<Opt<Observer>> }
/// object_model! { model Demo { roots: Roots, kinds: [Node, Observer] } }
///
/// let mut isolate = Isolate::<Demo>::new(HeapConfig::new(), RootsInit { node: None, observer: None })?;
/// isolate.enter(|h| {
///     let node = h.alloc::<Node>(NodeInit { name: 7 });
///     h.roots().node.set(Some(node));
///     let observer = h.alloc::<Observer>(ObserverInit { target: Some(node) });
///     h.roots().observer.set(Some(observer));
///     h.collect_minor();
///     let target = |h: &Heap<Demo>| h.roots().observer.get().unwrap().target().get(h).map(|node| node.name());
///     assert_eq!(target(h), Some(7));
///     h.roots().node.set(None);
///     h.collect();
///     assert_eq!(target(h), None);
/// });
/// # Ok::<(), HeapError>(())
/// ```
#[repr(transparent)]
pub struct WeakSlot<F: Family>(AtomicU64, PhantomData<(F, *mut ())>);

impl<F: Nullable> WeakSlot<F> {
    /// Returns what the slot refers to, or nil or `None` once that is dead.
    #[must_use]
    #[inline]
    pub fn get<'h>(&self, heap: &'h Heap<F::Model>) -> F::Of<'h> {
        let word = self.0.load(Ordering::Relaxed);
        heap.core().weak_read(word);
        // SAFETY: SLOT-TYPED: only `write` and `assign` put words in, and collections keep them up to date or clear them;
        // NO-COLLECT: `'h` borrows a region.
        unsafe { F::from_word(word) }
    }

    /// Returns whether the slot is empty: it was never set, or what it referred to is dead. Keeps nothing alive.
    #[must_use]
    #[inline]
    pub fn is_cleared(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

impl<F: Family> fmt::Debug for WeakSlot<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakSlot")
    }
}

// SAFETY: KIND-LAYOUT: one word, weak.
unsafe impl<F: Nullable> Field for WeakSlot<F> {
    type Init<'a> = F::Of<'a>;
    type Get<'h> = &'h WeakSlot<F>;
    const SLOTS: SlotMap = SlotMap::NONE;
    const WEAK: SlotMap = SlotMap::ONE;
    const HAS_ROOTS: bool = false;
    #[inline(always)]
    unsafe fn write(destination: *mut Self, init: F::Of<'_>) {
        // SAFETY: KIND-LAYOUT: the caller gives a place for a weak word that no one else sees.
        unsafe { destination.cast::<u64>().write(F::to_word(init)) }
    }
    #[inline(always)]
    fn read(&self) -> &WeakSlot<F> {
        self
    }
}
// SAFETY: HEAP-BRAND: the slot's family is one of `M`.
unsafe impl<M: ObjectModel, F: Family<Model = M>> FieldIn<M> for WeakSlot<F> {}

// SAFETY: REM-COMPLETE: the owner form of the barrier runs before the store, and nothing collects in between.
unsafe impl<M: ObjectModel, F: Nullable<Model = M>> Assign<M> for WeakSlot<F> {
    type Value<'a> = F::Of<'a>;
    #[inline(always)]
    unsafe fn assign<T: Kind>(&self, heap: &Heap<M>, owner: Gc<'_, T>, value: F::Of<'_>) {
        let word = F::to_word(value);
        heap.log_store(owner, self.0.as_ptr(), word);
        self.0.store(word, Ordering::Relaxed);
    }
}

/// A handle that does not keep its object alive: the weak form of [`Global`](crate::Global).
///
/// Reading gives nil or `None` once the object is dead. Costs what a global costs, and minor collections look at those
/// only that refer to young objects.
pub struct WeakGlobal<F: Family> {
    index: u32,
    releases: Rc<Releases>,
    family: PhantomData<F>,
}

impl<M: ObjectModel> Heap<M> {
    /// Makes a weak handle of `value`: `heap.weak_global::<Opt<Pair>>(Some(pair))`.
    #[must_use = "dropping the handle forgets the object"]
    pub fn weak_global<F: Nullable<Model = M>>(&self, value: F::Of<'_>) -> WeakGlobal<F> {
        for index in self.weak_releases.drain() {
            self.core().weak_handle_free(index);
        }
        let index = self.core().weak_handle_new(F::to_word(value));
        WeakGlobal {
            index,
            releases: Rc::clone(&self.weak_releases),
            family: PhantomData,
        }
    }

    /// Keeps `value` alive until [`Heap::end_job`], as if it had been read from a weak slot: for languages in which
    /// making a weak reference does that too.
    pub fn keep_during_job(&self, value: crate::Value<'_, M>) {
        self.core().keep_during_job(value.word());
    }

    /// Ends a job: what it read from weak slots is not kept by that any longer. Only of use with
    /// [`HeapConfig::keep_during_job`](crate::HeapConfig::keep_during_job) or [`Heap::keep_during_job`].
    pub fn end_job(&self) {
        self.core().end_job();
    }
}

impl<F: Nullable> WeakGlobal<F> {
    /// Returns the object, or nil or `None` once it is dead.
    ///
    /// # Panics
    ///
    /// When `heap` is not the heap that made the handle.
    #[must_use]
    pub fn get<'h>(&self, heap: &'h Heap<F::Model>) -> F::Of<'h> {
        self.check(heap);
        // SAFETY: SLOT-TYPED: the word is one of `F`, and was updated or cleared by every collection; NO-COLLECT: `'h`
        // borrows the heap as shared.
        unsafe { F::from_word(heap.core().weak_handle_get(self.index)) }
    }

    /// Refers to another value.
    ///
    /// # Panics
    ///
    /// When `heap` is not the heap that made the handle.
    pub fn set(&self, heap: &Heap<F::Model>, value: F::Of<'_>) {
        self.check(heap);
        heap.core().weak_handle_set(self.index, F::to_word(value));
    }

    fn check(&self, heap: &Heap<F::Model>) {
        assert!(
            Rc::ptr_eq(&self.releases, &heap.weak_releases),
            "a WeakGlobal was used with another heap than the one that made it"
        );
    }
}

impl<F: Family> Drop for WeakGlobal<F> {
    fn drop(&mut self) {
        self.releases.add(self.index);
    }
}

impl<F: Family> fmt::Debug for WeakGlobal<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WeakGlobal({})", self.index)
    }
}
