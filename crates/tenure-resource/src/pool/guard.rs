//! An object in use.
//!
//! A guard owns its object and returns it when it is dropped, which costs the reset hook and a push. It shares the pool's
//! inner state by reference count, so it may outlive the pool: then its object is dropped instead. It does not stop the
//! object from being moved out by `mem::swap` or `mem::take`; what stands in its place is what returns.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use crate::pool::error::Put;
use crate::pool::manager::Manager;
use crate::pool::shared::{Origin, Shared};

/// An object of a pool, in use until this is dropped.
///
/// Functions are called as `Pooled::put(guard)`, so that they never hide one of the object's.
pub struct Pooled<M: Manager> {
    /// `None` only while the guard is being taken apart.
    object: Option<M::Object>,
    shared: Rc<Shared<M>>,
}

impl<M: Manager> Pooled<M> {
    pub(crate) fn new(object: M::Object, shared: Rc<Shared<M>>) -> Self {
        Self {
            object: Some(object),
            shared,
        }
    }

    /// Returns the object as dropping the guard does, and says what became of it.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the reset hook; the object is dropped and the pool stays usable.
    pub fn put(guard: Self) -> Put<M::Error> {
        Self::put_with(guard, M::reset)
    }

    /// Returns the object, made as new by `reset` in place of the manager's hook: for what the hook cannot reach, such
    /// as the heap of an object that is a `Global`.
    ///
    /// ```
    /// # use tenure::prelude::*;
    /// use tenure_resource::pool::{FromFns, Pool, PoolConfig, Pooled, Put};
    ///
    /// #[derive(Kind)]
    /// #[tail(u64)]
    /// struct Buffer { used: Cell<u64> }
    /// object_model! { model M { kinds: [Buffer] } }
    /// # let mut isolate = Isolate::<M>::new(HeapConfig::new(), NoRootsInit {}).unwrap();
    /// isolate.enter(|h| {
    ///     // What is idle is `None`: it cannot be made without the heap.
    ///     let pool = Pool::new(PoolConfig::new(4), FromFns::new(|| None::<Global<Ref<Buffer>>>, |_| ()));
    ///     let mut pooled = pool.get().unwrap();
    ///     let buffer = pooled.get_or_insert_with(|| {
    ///         h.global(h.alloc_tail::<Buffer>(1000, BufferInit { used: 0 }, |_| 0))
    ///     });
    ///     buffer.get(h).set_used(h, 17);
    ///     let put = Pooled::put_with(pooled, |_, buffer| {
    ///         buffer.iter().for_each(|buffer| buffer.get(h).set_used(h, 0));
    ///         Ok(())
    ///     });
    ///     assert_eq!(put, Put::Kept);
    /// });
    /// ```
    ///
    /// # Panics
    ///
    /// Passes on a panic of `reset`; the object is dropped and the pool stays usable.
    pub fn put_with(mut guard: Self, reset: impl FnOnce(&M, &mut M::Object) -> Result<(), M::Error>) -> Put<M::Error> {
        match guard.object.take() {
            Some(object) => guard.shared.give_back(object, Origin::Outstanding, reset),
            None => Put::Closed,
        }
    }

    /// The manager of the pool, which stays as long as a guard does.
    #[must_use]
    pub fn manager(guard: &Self) -> &M {
        &guard.shared.manager
    }

    /// Takes the object out of the pool for good.
    ///
    /// # Panics
    ///
    /// Never: a guard has its object until it is taken apart, which consumes it.
    #[must_use = "the object would be dropped"]
    pub fn detach(mut guard: Self) -> M::Object {
        guard.shared.note_detached();
        guard.object.take().unwrap_or_else(|| no_object())
    }
}

#[cold]
#[inline(never)]
fn no_object() -> ! {
    unreachable!("a guard has its object until it is taken apart, which consumes it")
}

impl<M: Manager> Deref for Pooled<M> {
    type Target = M::Object;

    fn deref(&self) -> &M::Object {
        self.object.as_ref().unwrap_or_else(|| no_object())
    }
}

impl<M: Manager> DerefMut for Pooled<M> {
    fn deref_mut(&mut self) -> &mut M::Object {
        self.object.as_mut().unwrap_or_else(|| no_object())
    }
}

impl<M: Manager> Drop for Pooled<M> {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            // What became of it is counted; nobody is here to be told.
            drop(self.shared.give_back(object, Origin::Outstanding, M::reset));
        }
    }
}

impl<M: Manager> AsRef<M::Object> for Pooled<M> {
    fn as_ref(&self) -> &M::Object {
        self
    }
}

impl<M: Manager> AsMut<M::Object> for Pooled<M> {
    fn as_mut(&mut self) -> &mut M::Object {
        self
    }
}

impl<M: Manager<Object: fmt::Debug>> fmt::Debug for Pooled<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pooled").field(&self.object).finish()
    }
}

impl<M: Manager<Object: fmt::Display>> fmt::Display for Pooled<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}
