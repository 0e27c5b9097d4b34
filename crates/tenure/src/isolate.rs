//! An isolate owns a heap and lets one thread at a time be inside it.
//!
//! Entering sets a flag of the model and thread, and that is the whole run-time cost of keeping heaps apart: while it is
//! set, no other isolate of the model can be entered on the thread, so all pointers of the model belong to one heap
//! (HEAP-BRAND). Isolates of different models can be entered inside each other; their types differ. An isolate stays on the
//! thread that made it.

use std::fmt;
use std::marker::PhantomData;

use tenure_events::PauseLog;
use tenure_heap::{HeapConfig, HeapError, HeapStatistics};

use crate::heap::Heap;
use crate::layout::{Layout, ObjectModel};

/// A heap and its roots, registers and stacks. Dropping it frees all its memory at once.
pub struct Isolate<M: ObjectModel> {
    heap: Box<Heap<M>>,
}

/// Sets the flag of the model while it exists.
struct Entered<M: ObjectModel>(PhantomData<M>);

impl<M: ObjectModel> Entered<M> {
    fn new() -> Entered<M> {
        if M::with_entered(|flag| flag.replace(true)) {
            panic!(
                "an isolate of the model {} is already entered on this thread: leave it first; \
                 only isolates of different models nest",
                std::any::type_name::<M>()
            );
        }
        Entered(PhantomData)
    }
}

impl<M: ObjectModel> Drop for Entered<M> {
    fn drop(&mut self) {
        M::with_entered(|flag| flag.replace(false));
    }
}

impl<M: ObjectModel> Isolate<M> {
    /// Makes a heap with the given roots. Reserves address space and commits the first nursery.
    ///
    /// # Errors
    ///
    /// When the configuration is contradictory or the system gives no memory; the message names the setting.
    pub fn new(config: HeapConfig, roots: <M::Roots as Layout>::Init<'static>) -> Result<Isolate<M>, HeapError> {
        Ok(Isolate {
            heap: Heap::new(config, roots)?,
        })
    }

    /// Runs `f` inside the isolate.
    ///
    /// Roots, registers and the operand stack keep their contents from one call to the next. Pointers cannot leave `f`.
    ///
    /// # Panics
    ///
    /// When an isolate of the same model is entered on this thread already. A panic of `f` leaves the isolate and
    /// passes on; the heap stays usable.
    pub fn enter<R>(&mut self, f: impl FnOnce(&mut Heap<M>) -> R) -> R {
        let _entered = Entered::<M>::new();
        f(&mut self.heap)
    }

    /// Returns whether an isolate of this model is entered on this thread, so that [`enter`](Isolate::enter) would panic: for
    /// destructors, which run wherever their owner is dropped.
    ///
    /// ```
    /// # use tenure::prelude::*;
    /// # #[derive(Kind)] struct Node { name: u64 }
    /// # object_model! { model Demo { kinds: [Node] } }
    /// let mut isolate = Isolate::<Demo>::new(HeapConfig::new(), NoRootsInit {})?;
    /// assert!(!Isolate::<Demo>::is_entered());
    /// isolate.enter(|_| assert!(Isolate::<Demo>::is_entered()));
    /// # Ok::<(), HeapError>(())
    /// ```
    #[must_use]
    pub fn is_entered() -> bool {
        M::with_entered(|flag| flag.get())
    }

    /// Returns sizes and counters as of now.
    #[must_use]
    pub fn statistics(&self) -> HeapStatistics {
        self.heap.statistics()
    }

    /// Returns the log of all pauses so far.
    #[must_use]
    pub fn pauses(&self) -> &PauseLog {
        self.heap.pauses()
    }

    /// Returns the configuration that the heap was made with.
    #[must_use]
    pub fn config(&self) -> &HeapConfig {
        self.heap.config()
    }
}

impl<M: ObjectModel> fmt::Debug for Isolate<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Isolate").field("heap", &self.heap).finish()
    }
}
