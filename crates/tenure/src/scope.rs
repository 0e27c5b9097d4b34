//! Scopes and locals: roots for native code that keeps several objects over calls that may collect.
//!
//! [`Heap::scope`] runs a closure with a [`Scope`]; each [`Local`] made in it is a root word until the closure ends,
//! also by a panic. A scope dereferences to the heap, so it is passed on like one. Making a local costs a bounds test
//! and a store, reading it one load. Interpreter loops do better with the register window and the operand stack.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use crate::gc::Gc;
use crate::heap::Heap;
use crate::layout::{Kind, ObjectModel};
use crate::slot::{Family, Nullable, Ref};

/// Makes a lifetime invariant, so that scopes cannot be exchanged.
type Invariant<'s> = PhantomData<std::cell::Cell<&'s ()>>;

/// A heap in which locals can be made; see [`Heap::scope`].
pub struct Scope<'s, M: ObjectModel> {
    heap: &'s mut Heap<M>,
    /// The top of the handle area when the scope began.
    start: *mut u64,
    brand: Invariant<'s>,
}

/// A root that lives as long as its scope.
pub struct Local<'s, F: Family> {
    word: *mut u64,
    brand: Invariant<'s>,
    family: PhantomData<F>,
}

impl<F: Family> Clone for Local<'_, F> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}
impl<F: Family> Copy for Local<'_, F> {}

impl<F: Family> fmt::Debug for Local<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Local({:p})", self.word)
    }
}

impl<M: ObjectModel> fmt::Debug for Scope<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("heap", &self.heap).finish()
    }
}

impl<M: ObjectModel> Heap<M> {
    /// Runs `f` with a scope; its locals end with it.
    ///
    /// The result cannot be a pointer: hand one out through a local of an outer scope.
    pub fn scope<R>(&mut self, f: impl for<'s> FnOnce(&mut Scope<'s, M>) -> R) -> R {
        let start = self.core.handles.top.get();
        let mut scope = Scope {
            heap: self,
            start,
            brand: PhantomData,
        };
        f(&mut scope)
    }
}

impl<M: ObjectModel> Drop for Scope<'_, M> {
    fn drop(&mut self) {
        self.heap.core.handles.top.set(self.start);
    }
}

impl<M: ObjectModel> Deref for Scope<'_, M> {
    type Target = Heap<M>;
    #[inline(always)]
    fn deref(&self) -> &Heap<M> {
        self.heap
    }
}

impl<M: ObjectModel> DerefMut for Scope<'_, M> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Heap<M> {
        self.heap
    }
}

#[cold]
#[inline(never)]
fn too_many_locals(capacity: usize) -> ! {
    panic!("too many locals: all {capacity} handles of the heap are in use by open scopes; end scopes earlier")
}

impl<'s, M: ObjectModel> Scope<'s, M> {
    #[inline]
    fn push<F: Family<Model = M>>(&self, word: u64) -> Local<'s, F> {
        let area = &self.heap.core.handles;
        let top = area.top.get();
        if top == area.end {
            too_many_locals((area.end.addr() - area.base.addr()) / 8);
        }
        // SAFETY: ROOT-EXACT: below the end of the area, and scanned from here on.
        unsafe { top.write(word) };
        area.top.set(top.wrapping_add(1));
        Local {
            word: top,
            brand: PhantomData,
            family: PhantomData,
        }
    }

    /// Makes a local that holds `object`.
    ///
    /// # Panics
    ///
    /// When all handles of the heap are in use.
    #[inline]
    pub fn local<T: Kind<Model = M>>(&self, object: Gc<'_, T>) -> Local<'s, Ref<T>> {
        self.push(object.word())
    }

    /// Makes a local of any family: `scope.local_of::<Dyn<M>>(value)`.
    ///
    /// # Panics
    ///
    /// When all handles of the heap are in use.
    #[inline]
    pub fn local_of<F: Family<Model = M>>(&self, value: F::Of<'_>) -> Local<'s, F> {
        self.push(F::to_word(value))
    }

    /// Makes a local that holds nothing yet: declare first, assign later.
    ///
    /// # Panics
    ///
    /// When all handles of the heap are in use.
    #[inline]
    pub fn empty<F: Family<Model = M> + Nullable>(&self) -> Local<'s, F> {
        self.push(0)
    }
}

impl<F: Family> Local<'_, F> {
    /// Returns what the local holds, for the region of `heap`. One load.
    #[must_use]
    #[inline(always)]
    pub fn get<'h>(self, heap: &'h Heap<F::Model>) -> F::Of<'h> {
        let _ = heap;
        // SAFETY: ROOT-EXACT: the scope 's is open, so the word is in the area, and was updated by every collection;
        // HEAP-BRAND: `heap` is the heap of the scope. NO-COLLECT: `'h` borrows it as shared.
        unsafe { F::from_word(self.word.read()) }
    }

    /// Stores another value. One store, no barrier.
    #[inline(always)]
    pub fn set(self, heap: &Heap<F::Model>, value: F::Of<'_>) {
        let _ = heap;
        // SAFETY: ROOT-EXACT: the scope is open, so the word is in the area.
        unsafe { self.word.write(F::to_word(value)) }
    }
}
