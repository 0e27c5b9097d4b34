//! A load that somebody has begun.
//!
//! A ticket stands for the promise of a result: it is completed, failed, or dropped, and then the load counts as abandoned.
//! So a loader that panics leaves no resource waiting for ever. A ticket stays on the cache's thread; what goes to another
//! thread is a copy of the key, and the ticket waits for the answer. It does not stop a loader by itself: a loader asks
//! [`is_wanted`](LoadTicket::is_wanted). It does not hold its resource either: one that was canceled, loaded by somebody else
//! and released is gone, however long the first ticket is kept.

use std::error::Error;
use std::fmt;
use std::rc::{Rc, Weak};

use crate::counted_cache::entry::Entry;
use crate::counted_cache::shared::{Resource, Shared};

/// A value with its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loaded<V> {
    /// The value.
    pub value: V,
    /// How many bytes it keeps occupied, wherever they are.
    pub bytes: usize,
}

impl<V> Loaded<V> {
    /// A value of this size.
    pub const fn new(value: V, bytes: usize) -> Self {
        Self { value, bytes }
    }
}

/// Why the result of a load was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedReason {
    /// The load was canceled meanwhile; it may have been started again.
    Canceled,
    /// The cache was dropped.
    CacheGone,
}

/// A result that came too late, given back.
#[derive(Clone, PartialEq, Eq)]
pub struct Refused<T> {
    /// The value or the error that was to be delivered.
    pub value: T,
    /// Why nobody takes it.
    pub reason: RefusedReason,
}

impl<T> fmt::Debug for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Display for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.reason {
            RefusedReason::Canceled => {
                "the load was canceled before its result came: drop the result, and ask `is_wanted` in long loads"
            }
            RefusedReason::CacheGone => "the cache was dropped before the result of a load came: drop the result",
        })
    }
}

impl<T> Error for Refused<T> {}

/// A load under way: whoever has this owes the cache a result. Dropping it abandons the load.
///
/// ```
/// use std::sync::mpsc;
/// use std::thread;
/// use tenure_resource::counted_cache::{CacheConfig, CountedCache, KeepAll, Loaded, Priority};
///
/// let cache: CountedCache<String, Vec<u8>> = CountedCache::new(CacheConfig::new(KeepAll));
/// let hero = cache.request("hero".to_owned(), Priority::NORMAL, "scene 1");
///
/// // The decoder runs on another thread; the ticket stays here.
/// let ticket = cache.next_ticket().unwrap();
/// let (sender, receiver) = mpsc::channel();
/// let name = ticket.key().clone();
/// thread::spawn(move || sender.send(name.into_bytes()));
///
/// let pixels = receiver.recv()?;
/// let bytes = pixels.len();
/// ticket.complete(Loaded::new(pixels, bytes))?;
/// assert_eq!(hero.value().map(Vec::len), Some(4));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct LoadTicket<K: Ord, V, E> {
    key: K,
    entry: Weak<Entry<K, V, E>>,
    cache: Weak<Shared<K, V, E>>,
    serial: u64,
    attempt: u32,
}

/// Where a result goes.
type Target<K, V, E> = (Rc<Shared<K, V, E>>, Resource<K, V, E>);

impl<K: Ord, V, E> LoadTicket<K, V, E> {
    /// For a load that was started with this number.
    pub(crate) fn new(key: K, entry: &Resource<K, V, E>, cache: &Rc<Shared<K, V, E>>, serial: u64) -> Self {
        Self {
            key,
            entry: Rc::downgrade(entry),
            cache: Rc::downgrade(cache),
            serial,
            attempt: entry.attempts.get(),
        }
    }

    /// What is to be loaded.
    #[must_use]
    pub fn key(&self) -> &K {
        &self.key
    }

    /// A number that no other ticket of the cache has: for the way to another thread and back.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.serial
    }

    /// How often this resource was begun to be loaded, this time included.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Whether somebody still waits for the result: it was not canceled, and it is held or was asked for as a prefetch.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.entry.upgrade().is_some_and(|entry| {
            entry.is_loading_for(self.serial) && (entry.count.get() > 0 || entry.is_prefetch.get())
        })
    }

    /// The cache and the entry, or why the result is refused. An entry that is loading for this ticket is in the cache.
    fn target(&self) -> Result<Target<K, V, E>, RefusedReason> {
        let cache = self.cache.upgrade().ok_or(RefusedReason::CacheGone)?;
        let entry = self.entry.upgrade().ok_or(RefusedReason::Canceled)?;
        Ok((cache, entry))
    }

    /// Delivers the resource. If nobody holds it, the policy decides about it at once.
    ///
    /// # Errors
    ///
    /// When the load was canceled or the cache is gone; the value comes back.
    pub fn complete(self, loaded: Loaded<V>) -> Result<(), Refused<V>> {
        match self.target() {
            Ok((cache, entry)) => cache.deliver(entry, self.serial, loaded),
            Err(reason) => Err(Refused {
                value: loaded.value,
                reason,
            }),
        }
    }

    /// Reports that the resource cannot be loaded. Who holds it sees the error and may retry; if nobody does, the entry is
    /// gone, and the next request starts anew.
    ///
    /// # Errors
    ///
    /// When the load was canceled or the cache is gone; the error comes back.
    pub fn fail(self, error: E) -> Result<Rc<E>, Refused<E>> {
        match self.target() {
            Ok((cache, entry)) => cache.fail(entry, self.serial, error),
            Err(reason) => Err(Refused { value: error, reason }),
        }
    }
}

impl<K: Ord, V, E> Drop for LoadTicket<K, V, E> {
    fn drop(&mut self) {
        // After a result there is nothing left to abandon: the entry is not loading for this ticket.
        if let Ok((cache, entry)) = self.target() {
            cache.abandon(entry, self.serial);
        }
    }
}

impl<K: Ord + fmt::Debug, V, E> fmt::Debug for LoadTicket<K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadTicket")
            .field("key", self.key())
            .field("id", &self.serial)
            .finish_non_exhaustive()
    }
}
