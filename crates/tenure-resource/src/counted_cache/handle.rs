//! One count of a resource, with the name of who holds it.
//!
//! A handle reads its value through its own reference, without asking the cache: two loads and a test. Making, cloning and
//! dropping one counts at the entry, reads the clock and, at zero, takes logarithmic time in the number of unused
//! resources, plus whatever is released. A handle does not follow a resource that is loaded anew under the same key;
//! values never change.

use std::fmt;
use std::rc::{Rc, Weak};

use crate::counted_cache::entry::LoadState;
use crate::counted_cache::holder::Holder;
use crate::counted_cache::queue::Priority;
use crate::counted_cache::shared::{Resource, Shared};

/// Holds a resource, there or still to come. Dropping it counts down.
///
/// It may outlive the cache; then the value stays as long as a handle does, and what was pending is canceled. Resources
/// that hold each other in a chain are dropped one after the other by the cache, but one inside the other when the cache is
/// gone.
pub struct Handle<K: Ord, V, E> {
    /// `None` only while the handle is being dropped: the cache takes the reference over.
    entry: Option<Resource<K, V, E>>,
    cache: Weak<Shared<K, V, E>>,
    holder: Holder,
}

impl<K: Ord, V, E> Handle<K, V, E> {
    /// For an entry that was counted up already.
    pub(crate) fn counted(entry: Resource<K, V, E>, cache: Weak<Shared<K, V, E>>, holder: Holder) -> Self {
        let entry = Some(entry);
        Self { entry, cache, holder }
    }

    pub(crate) fn entry(&self) -> &Resource<K, V, E> {
        self.entry.as_ref().unwrap_or_else(|| no_entry())
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &K {
        &self.entry().key
    }

    /// The resource, once it is ready.
    #[must_use]
    pub fn value(&self) -> Option<&V> {
        self.entry().value.get()
    }

    /// How far it is.
    #[must_use]
    pub fn state(&self) -> LoadState {
        self.entry().state()
    }

    /// Why it could not be loaded, if it is [`Failed`](LoadState::Failed).
    #[must_use]
    pub fn error(&self) -> Option<Rc<E>> {
        self.entry().error()
    }

    /// Its size as far as it is known; 0 before it is ready.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.entry().bytes.get()
    }

    /// How many handles hold the resource.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entry().count.get()
    }

    /// Who holds this one.
    #[must_use]
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Another handle to the same resource, for another holder. Cloning keeps the holder.
    #[must_use = "dropping the handle counts down again"]
    pub fn hold_as(&self, holder: impl Into<Holder>) -> Self {
        let holder = holder.into();
        self.touch();
        self.entry().count_up(&holder);
        Self {
            entry: Some(Rc::clone(self.entry())),
            cache: Weak::clone(&self.cache),
            holder,
        }
    }

    /// Notes that the resource is used now. Only reports and last-use times care.
    pub fn touch(&self) {
        if let Some(cache) = self.cache.upgrade() {
            self.entry().last_use_ns.set(cache.now());
        }
    }

    /// Makes a waiting load at least as urgent as `priority`. Returns whether it waits.
    pub fn raise(&self, priority: Priority) -> bool {
        let cache = self.cache.upgrade();
        cache.is_some_and(|cache| cache.prioritize(self.entry(), |own| own.max(priority)).is_some())
    }

    /// Queues the load again if it has failed or was canceled. Returns whether it was.
    pub fn retry(&self, priority: Priority) -> bool {
        let cache = self.cache.upgrade();
        cache.is_some_and(|cache| cache.retry(self.entry(), priority))
    }

    /// Corrects the size of a resource that has changed inside, such as a bitmap that went to the graphics card. Returns
    /// whether it is ready and the cache is there.
    pub fn resize(&self, bytes: usize) -> bool {
        let cache = self.cache.upgrade();
        cache.is_some_and(|cache| cache.resize(self.entry(), bytes))
    }
}

#[cold]
#[inline(never)]
fn no_entry() -> ! {
    unreachable!("a handle has its entry until it is dropped")
}

/// Counts up for the same holder.
impl<K: Ord, V, E> Clone for Handle<K, V, E> {
    fn clone(&self) -> Self {
        self.hold_as(&self.holder)
    }
}

impl<K: Ord, V, E> Drop for Handle<K, V, E> {
    fn drop(&mut self) {
        let Some(entry) = self.entry.take() else {
            return;
        };
        entry.count_down(&self.holder);
        if let Some(cache) = self.cache.upgrade() {
            cache.counted_down(entry);
        }
    }
}

impl<K: Ord + fmt::Debug, V, E> fmt::Debug for Handle<K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("key", self.key())
            .field("state", &self.state())
            .field("count", &self.count())
            .field("holder", &self.holder)
            .finish_non_exhaustive()
    }
}
