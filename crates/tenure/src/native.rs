//! Rust values that belong to objects: files, buffers, anything with `Drop`.
//!
//! The value lies outside of the moving heap and never moves; the object holds its number. When a collection has found
//! the object dead, the value is released at a later safepoint, never during a collection: a piece at a time if it is
//! large. Its code cannot reach the heap. Reading costs a load, a look into a slab and a type test. Objects with natives
//! are listed when they are allocated.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;

use crate::field::Field;
use crate::heap::Heap;
use crate::layout::{FieldIn, ObjectModel, SlotMap};
use tenure_heap::Native as HeapNative;

/// A type whose values can belong to objects.
///
/// The value is dropped after the collection that finds its object dead, and with the isolate at the latest.
///
/// ```
/// struct Connection;
/// impl tenure::NativeResource for Connection {}
/// impl Drop for Connection {
///     fn drop(&mut self) { /* close it */ }
/// }
/// ```
pub trait NativeResource: 'static {
    /// Gives back about `bytes` bytes of what the value holds, for values that hold much memory: it is then given back in
    /// pieces, between which the program runs. Returns whether dropping the value is all that is left to do. The value is
    /// not used for anything else any more.
    fn release_some(&mut self, bytes: usize) -> bool {
        let _ = bytes;
        true
    }
}

/// The value as the heap holds it.
struct Holder<T>(T);

impl<T: NativeResource> HeapNative for Holder<T> {
    fn release_some(&mut self, bytes: usize) -> bool {
        self.0.release_some(bytes)
    }
}

/// A field that owns a Rust value of type `T`, in a kind of the model `M`.
///
/// ```
/// use tenure::prelude::*;
/// use std::rc::Rc;
/// use std::cell::Cell;
///
/// struct Ticket(Rc<Cell<u32>>);
/// impl NativeResource for Ticket {}
/// impl Drop for Ticket {
///     fn drop(&mut self) { self.0.set(self.0.get() + 1) }
/// }
///
/// #[derive(Kind)]
/// struct Guest { ticket: Native<Party, Ticket> }
/// object_model! { model Party { kinds: [Guest] } }
///
/// let returned = Rc::new(Cell::new(0));
/// let mut isolate = Isolate::<Party>::new(HeapConfig::new(), NoRootsInit {})?;
/// isolate.enter(|h| {
///     for _ in 0..10 {
///         let (h, guest) = h.alloc_with::<Guest>(|h| GuestInit { ticket: h.adopt(Ticket(returned.clone()), 0) });
///         assert_eq!(guest.ticket().get(h).0.get(), 0);
///     }
///     h.collect();
///     assert_eq!(returned.get(), 10);
/// });
/// # Ok::<(), HeapError>(())
/// ```
#[repr(transparent)]
pub struct Native<M, T>(u64, PhantomData<(*mut T, M)>);

/// A Rust value that the heap has taken in and no object owns yet. Dropping it releases the value.
pub struct Adopted<'h, M: ObjectModel, T> {
    number: u64,
    heap: &'h Heap<M>,
    value: PhantomData<*mut T>,
}

impl<M: ObjectModel, T> Drop for Adopted<'_, M, T> {
    fn drop(&mut self) {
        self.heap.core().native_drop(self.number);
    }
}

impl<M: ObjectModel, T> fmt::Debug for Adopted<'_, M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Adopted({})", self.number)
    }
}

impl<M, T> fmt::Debug for Native<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Native({})", self.0)
    }
}

impl<M: ObjectModel> Heap<M> {
    /// Takes a Rust value in, for a [`Native`] field of an object that is allocated next. It counts as `bytes` bytes of
    /// external memory until it is released.
    #[must_use = "dropping it releases the value"]
    pub fn adopt<T: NativeResource>(&self, value: T, bytes: usize) -> Adopted<'_, M, T> {
        Adopted {
            number: self.core().native_new(Box::new(Holder(value)), bytes),
            heap: self,
            value: PhantomData,
        }
    }

    /// Calls `change` with the value of the native field that `select` chooses, to be changed.
    ///
    /// References into native values end with the region, so none is alive here: what `change` frees or moves was
    /// borrowed by nobody.
    pub fn with_native_mut<T: NativeResource, R>(
        &mut self,
        select: impl for<'a> FnOnce(&'a Heap<M>) -> &'a Native<M, T>,
        change: impl FnOnce(&mut T) -> R,
    ) -> R {
        let number = select(self).0;
        let native: &mut dyn Any = self.core.native_mut(number);
        match native.downcast_mut::<Holder<T>>() {
            Some(holder) => change(&mut holder.0),
            None => wrong_type::<T>(number),
        }
    }

    /// Releases the values of dead objects now instead of piece by piece at later safepoints. Takes as long as dropping
    /// them does.
    pub fn release_natives(&mut self) {
        while self.core.release_natives(usize::MAX) {}
    }
}

#[cold]
fn wrong_type<T>(number: u64) -> ! {
    panic!(
        "KIND-LAYOUT: native {number} is no {}: was its object allocated without the initializer?",
        std::any::type_name::<T>()
    )
}

impl<M: ObjectModel, T: NativeResource> Native<M, T> {
    /// Returns the value.
    #[must_use]
    #[inline]
    pub fn get<'h>(&self, heap: &'h Heap<M>) -> &'h T {
        let native: &dyn Any = heap.core().native(self.0);
        match native.downcast_ref::<Holder<T>>() {
            Some(holder) => &holder.0,
            None => wrong_type::<T>(self.0),
        }
    }

    /// Says how many bytes of external memory the value counts as from now on. Growth can start a collection at the next
    /// safepoint.
    pub fn set_bytes(&self, heap: &Heap<M>, bytes: usize) {
        heap.core().native_set_bytes(self.0, bytes);
    }
}

// SAFETY: KIND-LAYOUT: one word, the number of a native resource.
unsafe impl<M: ObjectModel, T: NativeResource> Field for Native<M, T> {
    type Init<'a> = Adopted<'a, M, T>;
    type Get<'h> = &'h Native<M, T>;
    const SLOTS: SlotMap = SlotMap::NONE;
    const NATIVES: SlotMap = SlotMap::ONE;
    const HAS_ROOTS: bool = false;
    #[inline(always)]
    unsafe fn write(destination: *mut Self, init: Adopted<'_, M, T>) {
        let number = init.number;
        std::mem::forget(init);
        // SAFETY: KIND-LAYOUT: the caller gives a place that no one else sees.
        unsafe { destination.cast::<u64>().write(number) }
    }
    #[inline(always)]
    fn read(&self) -> &Native<M, T> {
        self
    }
}
// SAFETY: HEAP-BRAND: the number is one of a heap of `M`.
unsafe impl<M: ObjectModel, T: NativeResource> FieldIn<M> for Native<M, T> {}
