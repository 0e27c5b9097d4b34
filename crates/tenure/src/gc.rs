//! Direct pointers to objects, valid during one region.
//!
//! A [`Gc<'h, T>`] is the address of an object and nothing else. Its lifetime borrows the region in which nothing moves
//! (NO-COLLECT); when the heap is used mutably, the borrow checker ends the region and every pointer with it. It does
//! not keep an object alive by itself: what must survive a collection stands in a root, register, local or object.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, Range};
use std::ptr::NonNull;

use tenure_heap::FLAG_UNLOGGED;

use crate::field::Assign;
use crate::heap::Heap;
use crate::layout::{Elements, Kind, ObjectModel, Of, PlainElements, SlotElements};
use crate::slot::{Dyn, Family, Slot};
use crate::stack::RSlot;
use crate::value::Value;

/// The value of a tail element of kind `T`.
pub type TailInit<'a, T> = <<T as crate::Layout>::Tail as Elements>::Init<'a>;
/// A tail element of kind `T` in place.
pub type TailItem<T> = <<T as crate::Layout>::Tail as Elements>::Item;
/// The plain type of the tail of kind `T`.
pub type TailElement<T> = <<T as crate::Layout>::Tail as PlainElements>::Element;
/// What the slots in the tail of kind `T` hold.
type TailFamily<T> = <<T as crate::Layout>::Tail as SlotElements>::Family;

/// A pointer to an object of kind `T`, valid as long as the region `'h`.
///
/// Invariant NO-COLLECT: while a `Gc<'h, T>` exists, `'h` borrows the heap as shared, and collections need it mutably.
/// `==` compares identity. There is no `Hash`, since addresses change: see [`Gc::identity_hash`].
#[repr(transparent)]
pub struct Gc<'h, T>(NonNull<T>, PhantomData<(&'h T, *mut ())>);

impl<T> Clone for Gc<'_, T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Gc<'_, T> {}

impl<T> PartialEq for Gc<'_, T> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Gc<'_, T> {}

impl<T> Deref for Gc<'_, T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        self.get_ref()
    }
}

impl<T: Kind> fmt::Debug for Gc<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{:p}", T::NAME, self.0)
    }
}

impl<'h, T> Gc<'h, T> {
    #[inline(always)]
    fn get_ref(self) -> &'h T {
        // SAFETY: NO-COLLECT: the object stays where it is during 'h, and KIND-LAYOUT: it is an initialized `T`.
        unsafe { self.0.as_ref() }
    }
}

impl<'h, T: Kind> Gc<'h, T> {
    /// Makes a pointer of a slot's word.
    ///
    /// # Safety
    ///
    /// `word` is the address of an object of kind `T` that stays there during `'h`.
    #[inline(always)]
    pub(crate) unsafe fn from_word(word: u64) -> Gc<'h, T> {
        // SAFETY: SLOT-TYPED: an object's address is not 0.
        Gc(
            unsafe { NonNull::new_unchecked(std::ptr::with_exposed_provenance_mut(word as usize)) },
            PhantomData,
        )
    }

    #[inline(always)]
    pub(crate) fn word(self) -> u64 {
        self.0.as_ptr().expose_provenance() as u64
    }

    #[inline(always)]
    pub(crate) fn payload(self) -> *mut u64 {
        self.0.as_ptr().cast()
    }

    /// Returns whether the next store into the object must be logged.
    ///
    /// `--cfg tenure_no_barrier` leaves the test out, to measure what it costs in a program that never collects. Such a
    /// build loses objects as soon as it does.
    #[inline(always)]
    pub(crate) fn is_unlogged(self) -> bool {
        if cfg!(tenure_no_barrier) {
            return false;
        }
        // SAFETY: OBJ-HEADER: the word before the payload is the header, whose first byte holds the flags.
        unsafe { self.payload().cast::<u8>().sub(8).read() & FLAG_UNLOGGED as u8 != 0 }
    }

    /// Returns the object with the lifetime of the region.
    ///
    /// `p.field` by `Deref` lives as long as the local variable `p`; `p.get().field` as long as the region. The
    /// accessors made by the derive have the latter lifetime.
    #[must_use]
    #[inline(always)]
    pub fn get(self) -> &'h T {
        self.get_ref()
    }

    /// Returns whether both are the same object.
    #[must_use]
    #[inline(always)]
    pub fn ptr_eq(self, other: Gc<'_, T>) -> bool {
        self.0 == other.0
    }

    /// Returns the object as a value of its model.
    #[must_use]
    #[inline(always)]
    pub fn to_value(self) -> Value<'h, T::Model> {
        // SAFETY: SLOT-TYPED: the address of an object of the model.
        unsafe { Value::from_word(self.word()) }
    }

    /// Returns a number that stays the same as long as the object lives, wherever it moves.
    ///
    /// The first call on an object marks it, so that it takes its hash along when it moves (one word more). Different
    /// objects usually have different hashes; the low 32 bits are well mixed.
    #[must_use]
    pub fn identity_hash(self, heap: &Heap<T::Model>) -> u64 {
        // SAFETY: HEAP-BRAND: an object of the entered heap of the model, which `heap` is.
        unsafe { heap.core().identity_hash(self.payload()) }
    }

    /// Stores `value` into the field that `field` selects, with the owner form of the write barrier.
    ///
    /// The accessors `p.set_field(h, v)` are made of this. Costs a store, a byte test and a branch not taken.
    ///
    /// # Panics
    ///
    /// When `field` returns a slot of another object. For a real field the check folds to nothing.
    #[inline(always)]
    pub fn put<M: ObjectModel, S: Assign<M>>(
        self,
        heap: &Heap<M>,
        field: impl for<'x> FnOnce(&'x T) -> &'x S,
        value: S::Value<'_>,
    ) {
        let place = field(self.get());
        let offset = std::ptr::from_ref(place).addr().wrapping_sub(self.0.addr().get());
        if size_of::<S>() > size_of::<T>() || offset > size_of::<T>() - size_of::<S>() {
            foreign_field();
        }
        // SAFETY: SLOT-TYPED: the field lies within the object, as just checked.
        unsafe { place.assign(heap, self, value) }
    }

    #[inline(always)]
    fn tail_start(self) -> *mut u8 {
        // SAFETY: KIND-LAYOUT: the tail follows the prefix, in the same object.
        unsafe { self.payload().cast::<u8>().add(Of::<T>::TAIL_OFFSET) }
    }
}

#[cold]
#[inline(never)]
fn foreign_field() -> ! {
    panic!("Gc::put: the projection left the object: it must return a field of its argument, not of another object")
}

impl<'h, T: Kind> Gc<'h, T>
where
    T::Tail: Elements,
{
    #[inline(always)]
    pub(crate) fn items(self) -> *mut TailItem<T> {
        self.tail_start().cast()
    }

    /// Returns the number of elements in the tail. One load.
    #[must_use]
    #[inline(always)]
    pub fn tail_len(self) -> usize {
        // SAFETY: OBJ-HEADER: the high half of the header of a kind with a tail is the tail's length.
        unsafe { self.payload().cast::<u32>().sub(1).read() as usize }
    }

    /// Returns the tail: `&[Slot<F>]`, `&[Cell<E>]` or, for `Frozen<E>`, `&[E]`.
    #[must_use]
    #[inline(always)]
    pub fn tail(self) -> &'h [TailItem<T>] {
        // SAFETY: KIND-LAYOUT: so many initialized elements; NO-COLLECT: they stay there during 'h. Elements that can
        // change are cells or atomic.
        unsafe { std::slice::from_raw_parts(self.items(), self.tail_len()) }
    }
}

impl<'h, T: Kind> Gc<'h, T>
where
    T::Tail: SlotElements,
{
    /// Returns what slot `index` of the tail holds.
    ///
    /// # Panics
    ///
    /// When `index` is not below the length.
    #[must_use]
    #[inline(always)]
    pub fn tail_get(self, index: usize) -> <TailFamily<T> as Family>::Of<'h> {
        self.tail()[index].get()
    }

    /// Stores into slot `index` of the tail, with the owner form of the write barrier.
    ///
    /// # Panics
    ///
    /// When `index` is not below the length.
    #[inline(always)]
    pub fn tail_set(
        self,
        heap: &Heap<<TailFamily<T> as Family>::Model>,
        index: usize,
        value: <TailFamily<T> as Family>::Of<'_>,
    ) {
        let slot = &self.tail()[index];
        let word = TailFamily::<T>::to_word(value);
        heap.log_tail_store(self, slot.address(), word);
        slot.store_word(word);
    }

    /// Stores `value` into the slots of `range`.
    ///
    /// # Panics
    ///
    /// When the range is not within the tail.
    pub fn tail_fill(
        self,
        heap: &Heap<<TailFamily<T> as Family>::Model>,
        range: Range<usize>,
        value: <TailFamily<T> as Family>::Of<'_>,
    ) {
        let slots = &self.tail()[range];
        let word = TailFamily::<T>::to_word(value);
        self.log_range(heap, slots, &[word]);
        for slot in slots {
            slot.store_word(word);
        }
    }

    /// Copies the slots `range` of `source` to those from `at` on. The two may be the same object and overlap.
    ///
    /// # Panics
    ///
    /// When the source range is not within the source's tail, or the destination not within this one.
    pub fn tail_copy_from<U: Kind>(
        self,
        heap: &Heap<<TailFamily<T> as Family>::Model>,
        at: usize,
        source: Gc<'_, U>,
        range: Range<usize>,
    ) where
        U::Tail: SlotElements<Family = TailFamily<T>>,
    {
        let from = &source.tail()[range];
        let to = &self.tail()[at..][..from.len()];
        // SAFETY: KIND-LAYOUT: a slot is one word. Nothing is stored while the barrier looks at the words.
        let words = unsafe { std::slice::from_raw_parts(from.as_ptr().cast::<u64>(), from.len()) };
        self.log_range(heap, to, words);
        // SAFETY: SLOT-TYPED: both are slots of the same family, in bounds. One thread runs the mutator (Slot is
        // !Sync), so plain copying is unobserved; `copy` allows overlap.
        unsafe {
            std::ptr::copy(
                from.as_ptr().cast::<u64>(),
                to.as_ptr().cast_mut().cast::<u64>(),
                from.len(),
            )
        };
    }

    /// Copies the slots of `range` to those from `at` on, within this object; the ranges may overlap.
    ///
    /// # Panics
    ///
    /// When a range is not within the tail.
    pub fn tail_copy_within(self, heap: &Heap<<TailFamily<T> as Family>::Model>, range: Range<usize>, at: usize) {
        self.tail_copy_from(heap, at, self, range);
    }

    /// Copies `registers` to the slots from `at` on: how a frame that is left for a while is put into the heap.
    ///
    /// # Panics
    ///
    /// When the tail has fewer than `at + registers.len()` elements.
    pub fn tail_copy_from_registers(self, heap: &Heap<T::Model>, at: usize, registers: &[RSlot<T::Model>])
    where
        T::Tail: SlotElements<Family = Dyn<T::Model>>,
    {
        let to = &self.tail()[at..][..registers.len()];
        // SAFETY: ROOT-EXACT: a register is one word, a value. Nothing is stored while the barrier looks at the words.
        let words = unsafe { std::slice::from_raw_parts(registers.as_ptr().cast::<u64>(), registers.len()) };
        self.log_range(heap, to, words);
        // SAFETY: SLOT-TYPED: registers and the slots hold values of one model, in bounds. Registers do not lie in objects.
        unsafe {
            std::ptr::copy_nonoverlapping(
                registers.as_ptr().cast::<u64>(),
                to.as_ptr().cast_mut().cast::<u64>(),
                registers.len(),
            )
        };
    }

    /// Copies the slots from `at` on to `registers`.
    ///
    /// # Panics
    ///
    /// When the tail has fewer than `at + registers.len()` elements.
    pub fn tail_copy_to_registers(self, at: usize, registers: &[RSlot<T::Model>])
    where
        T::Tail: SlotElements<Family = Dyn<T::Model>>,
    {
        let from = &self.tail()[at..][..registers.len()];
        for (register, slot) in registers.iter().zip(from) {
            register.set(slot.get());
        }
    }

    /// The write barrier before all of `slots` are overwritten with what is in `words`.
    fn log_range(self, heap: &Heap<<TailFamily<T> as Family>::Model>, slots: &[Slot<TailFamily<T>>], words: &[u64]) {
        if self.is_unlogged() {
            let slots = std::ptr::slice_from_raw_parts(slots.as_ptr().cast::<u64>(), slots.len());
            // SAFETY: HEAP-BRAND: an object of this heap, and its slots; SLOT-TYPED: the words are of their family.
            unsafe { heap.core().log_range_slow(self.payload(), slots, words) }
        }
    }
}

impl<'h, T: Kind, E: Copy + 'static> Gc<'h, T>
where
    T::Tail: PlainElements<Element = E>,
{
    /// Copies elements from `at` on into `buffer`.
    ///
    /// # Panics
    ///
    /// When the tail has fewer than `at + buffer.len()` elements.
    pub fn tail_read(self, at: usize, buffer: &mut [E]) {
        let from = &self.tail()[at..][..buffer.len()];
        // SAFETY: KIND-LAYOUT: items have the layout of elements. The buffer is borrowed mutably, so it does not
        // overlap the tail, which is borrowed as shared.
        unsafe { std::ptr::copy_nonoverlapping(from.as_ptr().cast::<E>(), buffer.as_mut_ptr(), buffer.len()) }
    }

    /// Returns the elements in a new vector.
    #[must_use]
    pub fn tail_to_vec(self) -> Vec<E> {
        let tail = self.tail();
        // SAFETY: KIND-LAYOUT: items have the layout of elements, and no one writes them meanwhile.
        unsafe { std::slice::from_raw_parts(tail.as_ptr().cast::<E>(), tail.len()) }.to_vec()
    }

    /// Returns whether the elements equal those of `other`.
    #[must_use]
    pub fn tail_eq(self, other: &[E]) -> bool
    where
        E: PartialEq,
    {
        let tail = self.tail();
        tail.len() == other.len()
            && tail.iter().zip(other).all(|(item, element)| {
                // SAFETY: KIND-LAYOUT: items have the layout of elements.
                let value = unsafe { std::ptr::from_ref(item).cast::<E>().read() };
                value == *element
            })
    }
}

impl<'h, T: Kind, E: Copy + 'static> Gc<'h, T>
where
    T::Tail: PlainElements<Element = E, Item = Cell<E>>,
{
    /// Stores elements from `at` on. No barrier: plain data holds no references.
    ///
    /// # Panics
    ///
    /// When the tail has fewer than `at + elements.len()` elements.
    pub fn tail_write(self, at: usize, elements: &[E]) {
        let to = &self.tail()[at..][..elements.len()];
        // SAFETY: KIND-LAYOUT: cells have the layout of their contents. `elements` cannot point into this tail, since
        // mutable tails are seen as cells only.
        unsafe {
            std::ptr::copy_nonoverlapping(elements.as_ptr(), to.as_ptr().cast_mut().cast::<E>(), elements.len());
        }
    }

    /// Stores `element` into all places of `range`.
    ///
    /// # Panics
    ///
    /// When the range is not within the tail.
    pub fn tail_fill_with(self, range: Range<usize>, element: E) {
        for cell in &self.tail()[range] {
            cell.set(element);
        }
    }
}
