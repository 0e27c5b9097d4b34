//! Types that may stand in a kind: slots, plain data, cells of plain data, arrays, nested structs.
//!
//! [`Field`] gives each type its initializer, its slot bitmap and what an accessor returns. Fields other than slots and
//! cells do not change after allocation. Types that own memory (`Vec`, `Box`, `Rc`) are not fields, since objects die
//! without being visited.

use std::cell::Cell;
use std::fmt;

use tenure_heap::TailLayout;

use crate::gc::Gc;
use crate::heap::Heap;
use crate::layout::{Elements, FieldIn, Kind, ObjectModel, PlainElements, SlotMap, Tail, Zero, ZeroElements};
use crate::slot::{Family, Slot};

/// A type that may be a field of a kind; `#[derive(Field)]` makes one of a struct of fields.
///
/// # Safety
///
/// Invariant KIND-LAYOUT: `SLOTS`, `WEAK` and `NATIVES` name exactly the slots, weak words and natives of `Self`; `write` initializes all of `Self`; `Self` owns
/// nothing and may be copied by its bytes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a kind",
    note = "fields are `Slot<F>`, numbers, `bool`, `char`, `Cell<T: Copy>`, `Plain<T: Copy>`, arrays of fields and `#[derive(Field)]` structs; \
            objects own nothing, because they die without being visited"
)]
pub unsafe trait Field: Sized + 'static {
    /// The field's value in an initializer.
    type Init<'a>;
    /// What the accessor returns.
    type Get<'h>;
    /// Which words are slots.
    const SLOTS: SlotMap;
    /// Which words are weak: [`WeakSlot`](crate::WeakSlot)s.
    const WEAK: SlotMap = SlotMap::NONE;
    /// Which words are numbers of native resources: [`Native`](crate::Native)s.
    const NATIVES: SlotMap = SlotMap::NONE;
    /// Whether there is a [`Root`](crate::Root) inside.
    const HAS_ROOTS: bool;
    /// Initializes the field.
    ///
    /// # Safety
    ///
    /// `destination` is valid for writes, and no reference to it exists.
    unsafe fn write(destination: *mut Self, init: Self::Init<'_>);
    /// Reads the field.
    fn read(&self) -> Self::Get<'_>;
}

/// A field that can be assigned after allocation: [`Slot`] and [`Cell`].
///
/// # Safety
///
/// `assign` runs the write barrier where words of slots change.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` cannot be assigned in a heap of this model",
    note = "only `Slot<F>` and `Cell<T>` fields change after allocation, and a slot only through a heap of its own model"
)]
pub unsafe trait Assign<M: ObjectModel>: Field {
    /// The new value.
    type Value<'a>;
    /// Stores `value` into this field of `owner`.
    ///
    /// # Safety
    ///
    /// The field lies in the prefix or tail of `owner`.
    unsafe fn assign<T: Kind>(&self, heap: &Heap<M>, owner: Gc<'_, T>, value: Self::Value<'_>);
}

// SAFETY: REM-COMPLETE: the owner form of the barrier runs before the store, and nothing collects in between.
unsafe impl<M: ObjectModel, F: Family<Model = M>> Assign<M> for Slot<F> {
    type Value<'a> = F::Of<'a>;
    #[inline(always)]
    unsafe fn assign<T: Kind>(&self, heap: &Heap<M>, owner: Gc<'_, T>, value: F::Of<'_>) {
        let word = F::to_word(value);
        heap.log_store(owner, self.address(), word);
        self.store_word(word);
    }
}

// SAFETY: KIND-LAYOUT: no slots.
unsafe impl<M: ObjectModel, E: Copy + 'static> Assign<M> for Cell<E> {
    type Value<'a> = E;
    #[inline(always)]
    unsafe fn assign<T: Kind>(&self, _: &Heap<M>, _: Gc<'_, T>, value: E) {
        self.set(value);
    }
}

/// A field of any `Copy` type without lifetimes; it does not change after allocation.
///
/// Dereferences to `T`. A `T` cannot contain a pointer into the heap, because those have lifetimes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct Plain<T: Copy + 'static>(pub T);

impl<T: Copy + 'static> std::ops::Deref for Plain<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// Tail of plain data that does not change after allocation and is therefore seen as `&[T]`; for strings and the like.
pub struct Frozen<T: Copy + 'static>(std::marker::PhantomData<T>);

impl<T: Copy + 'static> fmt::Debug for Frozen<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Frozen")
    }
}

const fn plain_tail<T>() -> TailLayout {
    assert!(
        align_of::<T>() <= 8,
        "elements of a tail have an alignment of at most 8"
    );
    assert!(
        size_of::<T>() <= u32::MAX as usize,
        "an element of a tail takes less than 4 GiB: use a longer tail of smaller elements"
    );
    TailLayout::Plain {
        element_bytes: size_of::<T>() as u32,
    }
}

macro_rules! plain_types {
    ($($type:ty),*) => {$(
        // SAFETY: KIND-LAYOUT: no slots, owns nothing.
        unsafe impl Field for $type {
            type Init<'a> = $type;
            type Get<'h> = $type;
            const SLOTS: SlotMap = SlotMap::NONE;
            const HAS_ROOTS: bool = false;
            #[inline(always)]
            unsafe fn write(destination: *mut Self, init: $type) {
                // SAFETY: KIND-LAYOUT: valid for writes, by the caller.
                unsafe { destination.write(init) }
            }
            #[inline(always)]
            fn read(&self) -> $type {
                *self
            }
        }
        // SAFETY: HEAP-BRAND: no slots.
        unsafe impl<M> FieldIn<M> for $type {}
        // SAFETY: KIND-LAYOUT: zero is a value of the type.
        unsafe impl Zero for $type {}
        // SAFETY: KIND-LAYOUT: elements without slots, of the type's size.
        unsafe impl Tail for $type {
            const LAYOUT: TailLayout = plain_tail::<$type>();
        }
        // SAFETY: KIND-LAYOUT: `Cell` has the layout of its contents.
        unsafe impl Elements for $type {
            type Item = Cell<$type>;
            type Init<'a> = $type;
            #[inline(always)]
            unsafe fn write(destination: *mut Cell<$type>, init: $type) {
                // SAFETY: KIND-LAYOUT: valid for writes, by the caller.
                unsafe { destination.cast::<$type>().write(init) }
            }
        }
        // SAFETY: KIND-LAYOUT: zero is a value of the type.
        unsafe impl ZeroElements for $type {}
        // SAFETY: KIND-LAYOUT: `Cell` has the layout of its contents.
        unsafe impl PlainElements for $type {
            type Element = $type;
        }
    )*};
}
plain_types!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize, f32, f64, bool, char);

// SAFETY: KIND-LAYOUT: all elements are valid.
unsafe impl<T: Zero, const N: usize> Zero for [T; N] {}

// SAFETY: KIND-LAYOUT: `T` is `Copy`, so it owns nothing; slots are not `Copy`, so there is none inside.
unsafe impl<T: Copy + 'static> Field for Plain<T> {
    type Init<'a> = T;
    type Get<'h> = T;
    const SLOTS: SlotMap = SlotMap::NONE;
    const HAS_ROOTS: bool = false;
    #[inline(always)]
    unsafe fn write(destination: *mut Self, init: T) {
        // SAFETY: KIND-LAYOUT: valid for writes, by the caller.
        unsafe { destination.cast::<T>().write(init) }
    }
    #[inline(always)]
    fn read(&self) -> T {
        self.0
    }
}
// SAFETY: HEAP-BRAND: no slots.
unsafe impl<M, T: Copy + 'static> FieldIn<M> for Plain<T> {}
// SAFETY: KIND-LAYOUT: elements without slots, of the type's size.
unsafe impl<T: Copy + 'static> Tail for Plain<T> {
    const LAYOUT: TailLayout = plain_tail::<T>();
}
// SAFETY: KIND-LAYOUT: `Cell` has the layout of its contents.
unsafe impl<T: Copy + 'static> Elements for Plain<T> {
    type Item = Cell<T>;
    type Init<'a> = T;
    #[inline(always)]
    unsafe fn write(destination: *mut Cell<T>, init: T) {
        // SAFETY: KIND-LAYOUT: valid for writes, by the caller.
        unsafe { destination.cast::<T>().write(init) }
    }
}
// SAFETY: KIND-LAYOUT: zero is a value of the type.
unsafe impl<T: Zero> ZeroElements for Plain<T> {}
// SAFETY: KIND-LAYOUT: `Cell` has the layout of its contents.
unsafe impl<T: Copy + 'static> PlainElements for Plain<T> {
    type Element = T;
}

// SAFETY: HEAP-BRAND: no slots.
unsafe impl<M, T: Copy + 'static> FieldIn<M> for Frozen<T> {}
// SAFETY: KIND-LAYOUT: elements without slots, of the type's size.
unsafe impl<T: Copy + 'static> Tail for Frozen<T> {
    const LAYOUT: TailLayout = plain_tail::<T>();
}
// SAFETY: KIND-LAYOUT: the element itself.
unsafe impl<T: Copy + 'static> Elements for Frozen<T> {
    type Item = T;
    type Init<'a> = T;
    #[inline(always)]
    unsafe fn write(destination: *mut T, init: T) {
        // SAFETY: KIND-LAYOUT: valid for writes, by the caller.
        unsafe { destination.write(init) }
    }
}
// SAFETY: KIND-LAYOUT: zero is a value of the type.
unsafe impl<T: Zero> ZeroElements for Frozen<T> {}
// SAFETY: KIND-LAYOUT: the element itself.
unsafe impl<T: Copy + 'static> PlainElements for Frozen<T> {
    type Element = T;
}

// SAFETY: KIND-LAYOUT: `T` is `Copy`, so it owns nothing and has no slots.
unsafe impl<T: Copy + 'static> Field for Cell<T> {
    type Init<'a> = T;
    type Get<'h> = T;
    const SLOTS: SlotMap = SlotMap::NONE;
    const HAS_ROOTS: bool = false;
    #[inline(always)]
    unsafe fn write(destination: *mut Self, init: T) {
        // SAFETY: KIND-LAYOUT: valid for writes, by the caller.
        unsafe { destination.cast::<T>().write(init) }
    }
    #[inline(always)]
    fn read(&self) -> T {
        self.get()
    }
}
// SAFETY: HEAP-BRAND: no slots.
unsafe impl<M, T: Copy + 'static> FieldIn<M> for Cell<T> {}

// SAFETY: KIND-LAYOUT: the slots of each element, one element after the other.
unsafe impl<T: Field, const N: usize> Field for [T; N] {
    type Init<'a> = [T::Init<'a>; N];
    type Get<'h> = &'h [T; N];
    const SLOTS: SlotMap = SlotMap::repeated(T::SLOTS, N, size_of::<T>());
    const WEAK: SlotMap = SlotMap::repeated(T::WEAK, N, size_of::<T>());
    const NATIVES: SlotMap = SlotMap::repeated(T::NATIVES, N, size_of::<T>());
    const HAS_ROOTS: bool = T::HAS_ROOTS;
    #[inline(always)]
    unsafe fn write(destination: *mut Self, init: [T::Init<'_>; N]) {
        for (i, element) in init.into_iter().enumerate() {
            // SAFETY: KIND-LAYOUT: within the array, which is valid for writes.
            unsafe { T::write(destination.cast::<T>().add(i), element) }
        }
    }
    #[inline(always)]
    fn read(&self) -> &[T; N] {
        self
    }
}
// SAFETY: HEAP-BRAND: the elements are of `M`.
unsafe impl<M, T: FieldIn<M>, const N: usize> FieldIn<M> for [T; N] {}
