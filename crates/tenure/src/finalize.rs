//! Finalizers: objects that come back once before they die.
//!
//! The collector never runs code of the embedder's. An object with a finalizer that is found dead is kept for one more
//! time, with everything that it refers to, and goes to a queue; the embedder takes it out at a time of its choosing and
//! does with it what it likes, including to keep it. In this order: the highest priority first; of one priority, what an
//! earlier collection found first; of one collection, what was registered last first, as Lua demands. Registering costs
//! a list operation, a collection looks at each registered object of the generations that it collects.

use crate::gc::Gc;
use crate::heap::Heap;
use crate::layout::{Kind, ObjectModel};
use crate::value::Value;

impl<M: ObjectModel> Heap<M> {
    /// Registers a finalizer for `object`: once it is dead, it comes out of [`Heap::next_finalizable`]. Small numbers of
    /// `priority` come first. Who registers twice gets the object twice; it can be registered anew when it came out.
    ///
    /// ```
    /// use tenure::prelude::*;
    ///
    /// #[derive(Kind)]
    /// struct File { descriptor: u64 }
    /// object_model! { model Files { kinds: [File] } }
    ///
    /// let mut isolate = Isolate::<Files>::new(HeapConfig::new(), NoRootsInit {})?;
    /// isolate.enter(|h| {
    ///     for descriptor in 3..6 {
    ///         let file = h.alloc::<File>(FileInit { descriptor });
    ///         h.register_finalizer(file, 0);
    ///     }
    ///     h.collect();
    ///     let mut closed = Vec::new();
    ///     while let Some(value) = h.next_finalizable() {
    ///         closed.push(value.cast::<File>().unwrap().descriptor());
    ///     }
    ///     assert_eq!(closed, [5, 4, 3]);
    /// });
    /// # Ok::<(), HeapError>(())
    /// ```
    pub fn register_finalizer<T: Kind<Model = M>>(&self, object: Gc<'_, T>, priority: u8) {
        // SAFETY: HEAP-BRAND: an object of this heap.
        unsafe { self.core().register_finalizer(object.payload(), priority) }
    }

    /// Takes back every registration of `object` that has not led to anything yet, and returns how many there were. Costs
    /// time proportional to all registrations.
    pub fn unregister_finalizer<T: Kind<Model = M>>(&self, object: Gc<'_, T>) -> usize {
        // SAFETY: HEAP-BRAND: an object of this heap.
        unsafe { self.core().unregister_finalizer(object.payload()) }
    }

    /// Takes the next object whose finalizer is due. It is an ordinary object again; nothing else keeps it.
    pub fn next_finalizable(&self) -> Option<Value<'_, M>> {
        let word = self.core().take_ready()?;
        // SAFETY: SLOT-TYPED: the queue's words are roots; NO-COLLECT: `&self` borrows a region.
        Some(unsafe { Value::from_word(word) })
    }

    /// Returns how many objects wait for [`Heap::next_finalizable`]. One load: a loop may ask at each safepoint.
    #[must_use]
    pub fn finalizable_count(&self) -> usize {
        self.core().ready_count()
    }

    /// Makes every registered object due, dead or alive: for the end of the program.
    pub fn finalize_all(&self) {
        self.core().finalize_all();
    }
}
