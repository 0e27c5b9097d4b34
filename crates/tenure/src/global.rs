//! Globals: roots with an owner, for objects that the embedder's own structures refer to.
//!
//! A [`Global`] keeps its object alive until it is dropped. Dropping it puts its number on a list that the heap empties
//! before the next collection, so it may happen anywhere: in a region, outside of the isolate, after the isolate is
//! gone. Making one costs a list operation, reading one four loads and two tests. It stays on its thread.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;

use crate::heap::Heap;
use crate::layout::ObjectModel;
use crate::slot::Family;

/// The numbers of dropped globals of one heap. Its address is the heap's identity.
#[derive(Debug, Default)]
pub(crate) struct Releases(RefCell<Vec<u32>>);

impl Releases {
    /// Adds a number.
    pub(crate) fn add(&self, index: u32) {
        self.0.borrow_mut().push(index);
    }

    /// Takes the numbers.
    #[inline]
    pub(crate) fn drain(&self) -> Vec<u32> {
        // An empty vector holds no memory, so nothing is allocated when nothing was released.
        std::mem::take(&mut *self.0.borrow_mut())
    }
}

/// A root that is owned by a Rust value.
pub struct Global<F: Family> {
    index: u32,
    releases: Rc<Releases>,
    family: PhantomData<F>,
}

impl<M: ObjectModel> Heap<M> {
    /// Makes a global that holds `value`: `heap.global::<Ref<Pair>>(pair)`.
    #[must_use = "dropping the global releases the object"]
    pub fn global<F: Family<Model = M>>(&self, value: F::Of<'_>) -> Global<F> {
        for index in self.releases.drain() {
            self.core.global_free(index);
        }
        let index = self.core.global_new(F::to_word(value));
        Global {
            index,
            releases: Rc::clone(&self.releases),
            family: PhantomData,
        }
    }
}

#[cold]
#[inline(never)]
fn foreign_global() -> ! {
    panic!("a Global was used with another heap than the one that made it")
}

impl<F: Family> Global<F> {
    fn check(&self, heap: &Heap<F::Model>) {
        if !Rc::ptr_eq(&self.releases, &heap.releases) {
            foreign_global();
        }
    }

    /// Returns what the global holds, for the region of `heap`.
    ///
    /// # Panics
    ///
    /// When `heap` is not the heap that made the global.
    #[must_use]
    pub fn get<'h>(&self, heap: &'h Heap<F::Model>) -> F::Of<'h> {
        self.check(heap);
        // SAFETY: SLOT-TYPED, ROOT-EXACT: the word is one of `F`, and was updated by every collection; NO-COLLECT:
        // `'h` borrows the heap as shared.
        unsafe { F::from_word(heap.core.global_get(self.index)) }
    }

    /// Stores another value.
    ///
    /// # Panics
    ///
    /// When `heap` is not the heap that made the global.
    pub fn set(&self, heap: &Heap<F::Model>, value: F::Of<'_>) {
        self.check(heap);
        heap.core.global_set(self.index, F::to_word(value));
    }
}

impl<F: Family> Drop for Global<F> {
    fn drop(&mut self) {
        self.releases.0.borrow_mut().push(self.index);
    }
}

impl<F: Family> fmt::Debug for Global<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Global({})", self.index)
    }
}
