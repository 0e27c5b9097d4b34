//! Locations in objects and roots that hold references, and what they hold.
//!
//! A [`Slot`] is one word, read and written with relaxed atomics, so that a marker on another thread stays possible; a
//! read compiles to one load. It has no constructor, is not `Copy` and is never handed out as `&mut`: words enter slots
//! only through initializers and through stores that run the write barrier. What a word means is said by a
//! [`Family`]: [`Ref`], [`Opt`] or [`Dyn`]. A slot does not know its owner; the barrier of [`Slot::set`] therefore tests
//! addresses, and the accessors made by the derive are cheaper.

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::field::Field;
use crate::gc::Gc;
use crate::heap::Heap;
use crate::layout::{Elements, FieldIn, Kind, ObjectModel, SlotElements, SlotMap, Tail, ZeroElements};
use crate::value::Value;
use tenure_heap::TailLayout;

/// What a slot, root, local or global holds.
///
/// # Safety
///
/// Invariant SLOT-TYPED: `to_word` gives 0, the address of an object of `Model`, or a word that the collector takes for
/// no reference (an immediate); `from_word` inverts it.
pub unsafe trait Family: 'static {
    /// The model whose objects are referred to.
    type Model: ObjectModel;
    /// The value as the program sees it during one region.
    type Of<'h>: Copy;
    /// Encodes a value.
    fn to_word(value: Self::Of<'_>) -> u64;
    /// Decodes a word.
    ///
    /// # Safety
    ///
    /// `word` came from `to_word` of this family (or is 0 where the family is [`Nullable`]), and was updated by every
    /// collection since, and no collection happens during `'h`.
    unsafe fn from_word<'h>(word: u64) -> Self::Of<'h>;
}

/// Families in which the word 0 means something: `None` or nil.
///
/// # Safety
///
/// `from_word(0)` is sound.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no empty value",
    note = "use `Opt<T>` or `Dyn<M>` where a slot can be empty"
)]
pub unsafe trait Nullable: Family {}

/// A reference to an object of kind `T`: a [`Gc<'h, T>`](Gc). Slots of this family are never empty.
#[derive(Debug)]
pub struct Ref<T>(PhantomData<T>);

/// A reference to an object of kind `T` or nothing: an `Option<Gc<'h, T>>`.
#[derive(Debug)]
pub struct Opt<T>(PhantomData<T>);

/// Any value of the model `M`: a [`Value<'h, M>`](Value).
#[derive(Debug)]
pub struct Dyn<M>(PhantomData<M>);

// SAFETY: SLOT-TYPED: the address of an object of `T::Model`.
unsafe impl<T: Kind> Family for Ref<T> {
    type Model = T::Model;
    type Of<'h> = Gc<'h, T>;
    #[inline(always)]
    fn to_word(value: Gc<'_, T>) -> u64 {
        value.word()
    }
    #[inline(always)]
    unsafe fn from_word<'h>(word: u64) -> Gc<'h, T> {
        // SAFETY: SLOT-TYPED: the word came from `to_word`, hence refers to a `T`; NO-COLLECT by the caller.
        unsafe { Gc::from_word(word) }
    }
}

// SAFETY: SLOT-TYPED: 0 or the address of an object of `T::Model`.
unsafe impl<T: Kind> Family for Opt<T> {
    type Model = T::Model;
    type Of<'h> = Option<Gc<'h, T>>;
    #[inline(always)]
    fn to_word(value: Option<Gc<'_, T>>) -> u64 {
        value.map_or(0, Gc::word)
    }
    #[inline(always)]
    unsafe fn from_word<'h>(word: u64) -> Option<Gc<'h, T>> {
        if word == 0 {
            return None;
        }
        // SAFETY: SLOT-TYPED: a word other than 0 refers to a `T`; NO-COLLECT by the caller.
        Some(unsafe { Gc::from_word(word) })
    }
}
// SAFETY: SLOT-TYPED: 0 is `None`.
unsafe impl<T: Kind> Nullable for Opt<T> {}

// SAFETY: SLOT-TYPED: values are words that the tagging scheme made.
unsafe impl<M: ObjectModel> Family for Dyn<M> {
    type Model = M;
    type Of<'h> = Value<'h, M>;
    #[inline(always)]
    fn to_word(value: Value<'_, M>) -> u64 {
        value.word()
    }
    #[inline(always)]
    unsafe fn from_word<'h>(word: u64) -> Value<'h, M> {
        // SAFETY: SLOT-TYPED, NO-COLLECT: by the caller.
        unsafe { Value::from_word(word) }
    }
}
// SAFETY: SLOT-TYPED: 0 is nil in every scheme.
unsafe impl<M: ObjectModel> Nullable for Dyn<M> {}

/// A field of a kind that holds a reference or value.
///
/// Reading costs one load. `set` needs the heap and runs the address form of the write barrier (a store, a load of the
/// heap's bounds and two compares); the accessors `p.set_field(h, v)` made by the derive and
/// [`Gc::put`] run the owner form (a store, a byte test and a branch not taken).
#[repr(transparent)]
pub struct Slot<F: Family>(AtomicU64, PhantomData<(F, *mut ())>);

impl<F: Family> Slot<F> {
    /// Returns what the slot holds. One load.
    #[must_use]
    #[inline(always)]
    pub fn get(&self) -> F::Of<'_> {
        // SAFETY: SLOT-TYPED: only `write` and the stores below put words into slots; NO-COLLECT: `&self` borrows a
        // region.
        unsafe { F::from_word(self.0.load(Ordering::Relaxed)) }
    }

    /// Stores `value`. The write barrier looks at the slot's address; where the owner is at hand, its accessor
    /// `set_…` is cheaper.
    #[inline]
    pub fn set(&self, heap: &Heap<F::Model>, value: F::Of<'_>) {
        let word = F::to_word(value);
        // SAFETY: HEAP-BRAND: `self` lies in the entered heap of its model, which `heap` is.
        unsafe { heap.core().store_barrier(self.address(), word) };
        self.0.store(word, Ordering::Relaxed);
    }

    #[inline(always)]
    pub(crate) fn store_word(&self, word: u64) {
        self.0.store(word, Ordering::Relaxed);
    }

    #[inline(always)]
    pub(crate) fn address(&self) -> *const u64 {
        self.0.as_ptr()
    }
}

impl<F: Family> fmt::Debug for Slot<F>
where
    for<'h> F::Of<'h>: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

// SAFETY: KIND-LAYOUT: one word, a slot.
unsafe impl<F: Family> Field for Slot<F> {
    type Init<'a> = F::Of<'a>;
    type Get<'h> = F::Of<'h>;
    const SLOTS: SlotMap = SlotMap::ONE;
    const HAS_ROOTS: bool = false;
    #[inline(always)]
    unsafe fn write(destination: *mut Self, init: F::Of<'_>) {
        // SAFETY: KIND-LAYOUT: the caller gives a place for a slot that no one else sees.
        unsafe { destination.cast::<u64>().write(F::to_word(init)) }
    }
    #[inline(always)]
    fn read(&self) -> F::Of<'_> {
        self.get()
    }
}
// SAFETY: HEAP-BRAND: the slot's family is one of `M`.
unsafe impl<M: ObjectModel, F: Family<Model = M>> FieldIn<M> for Slot<F> {}

// SAFETY: KIND-LAYOUT: a tail of slots is described as such.
unsafe impl<F: Family> Tail for Slot<F> {
    const LAYOUT: TailLayout = TailLayout::Slots;
}
// SAFETY: KIND-LAYOUT: `Slot` is one word.
unsafe impl<F: Family> Elements for Slot<F> {
    type Item = Slot<F>;
    type Init<'a> = F::Of<'a>;
    #[inline(always)]
    unsafe fn write(destination: *mut Slot<F>, init: F::Of<'_>) {
        // SAFETY: KIND-LAYOUT: by the caller.
        unsafe { <Slot<F> as Field>::write(destination, init) }
    }
}
// SAFETY: SLOT-TYPED: 0 is valid in nullable families.
unsafe impl<F: Nullable> ZeroElements for Slot<F> {}
impl<F: Family> SlotElements for Slot<F> {
    type Family = F;
}

/// A field of the roots struct: like a [`Slot`], but scanned at every collection and therefore without a barrier.
///
/// Reading and writing cost one load and one store. A kind with a `Root` field is refused at compile time.
#[repr(transparent)]
pub struct Root<F: Family>(AtomicU64, PhantomData<(F, *mut ())>);

impl<F: Family> Root<F> {
    /// Returns what the root holds.
    #[must_use]
    #[inline(always)]
    pub fn get(&self) -> F::Of<'_> {
        // SAFETY: SLOT-TYPED, ROOT-EXACT: every collection updates the roots struct; NO-COLLECT: `&self` borrows a
        // region.
        unsafe { F::from_word(self.0.load(Ordering::Relaxed)) }
    }

    /// Stores `value`.
    #[inline(always)]
    pub fn set(&self, value: F::Of<'_>) {
        self.0.store(F::to_word(value), Ordering::Relaxed);
    }
}

impl<F: Family> fmt::Debug for Root<F>
where
    for<'h> F::Of<'h>: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

// SAFETY: KIND-LAYOUT: one word, a slot.
unsafe impl<F: Family> Field for Root<F> {
    type Init<'a> = F::Of<'a>;
    type Get<'h> = F::Of<'h>;
    const SLOTS: SlotMap = SlotMap::ONE;
    const HAS_ROOTS: bool = true;
    #[inline(always)]
    unsafe fn write(destination: *mut Self, init: F::Of<'_>) {
        // SAFETY: KIND-LAYOUT: the caller gives a place for a root that no one else sees.
        unsafe { destination.cast::<u64>().write(F::to_word(init)) }
    }
    #[inline(always)]
    fn read(&self) -> F::Of<'_> {
        self.get()
    }
}
// SAFETY: HEAP-BRAND: the root's family is one of `M`.
unsafe impl<M: ObjectModel, F: Family<Model = M>> FieldIn<M> for Root<F> {}
