//! The image cache: requests share loads, results are kept in the order of last use, what is held is found again.
//!
//! A request that finds nothing registers a load *before* it runs the loader, so that whatever the loader does, also to
//! the cache, meets a consistent state. The embedder's code (loaders, listeners, the observer, drops of keys) runs with
//! nothing borrowed, and may call the cache. Each operation takes constant time on average, unless it says otherwise.
//!
//! The cache starts no threads and reads no clock: when a load ends is up to the loader, see
//! [`DecodeQueue`](super::DecodeQueue).

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::hash::Hash;
use std::rc::{Rc, Weak};

use super::ledger::{ExternalBytesSink, ExternalLedger};
use super::limits::CacheLimits;
use super::lists::{Lists, Outbox};
use super::pressure::Pressure;
use super::statistics::{CacheEvent, EvictionCause, ImageCacheStatistics, ImageStatus};
use super::stream::{Completer, ImageStream, LoadResult, OnEnd};

type Observer<K> = Box<dyn FnMut(&CacheEvent<K>)>;

/// A cache of decoded images. It is a handle: clones are the same cache.
///
/// `Hash` and `Eq` of the keys must not call the cache.
///
/// ```
/// use tenure_resource::image_cache::{Image, ImageCache};
///
/// let cache = ImageCache::<&str>::new();
/// let stream = cache.put_if_absent("logo", |completer| {
///     completer.complete(Image::from_rgba8(1, 1, vec![0; 4], &completer_ledger()).unwrap());
/// });
/// # fn completer_ledger() -> tenure_resource::image_cache::ExternalLedger { Default::default() }
/// assert!(stream.image().is_some());
/// // The second request loads nothing.
/// let again = cache.put_if_absent("logo", |_| unreachable!());
/// assert!(again.image().unwrap().is_same(&stream.image().unwrap()));
/// assert_eq!((cache.statistics().misses, cache.statistics().hits()), (1, 1));
/// ```
pub struct ImageCache<K>(Rc<Shared<K>>);

/// A handle that does not keep the cache, for callbacks that the cache's owner might never take back.
pub struct WeakImageCache<K>(Weak<Shared<K>>);

struct Shared<K> {
    lists: RefCell<Lists<K>>,
    ledger: ExternalLedger,
    observation: Observation<K>,
}

/// The observer, and what it was not yet told.
struct Observation<K> {
    observer: RefCell<Option<Observer<K>>>,
    is_observed: Cell<bool>,
    /// Counts changes of the observer, so that one that replaces itself is not put back.
    changes: Cell<u64>,
    untold: RefCell<VecDeque<CacheEvent<K>>>,
}

impl<K: Hash + Eq + 'static> ImageCache<K> {
    /// Makes a cache with the default limits: 1000 images, 100 MiB.
    #[must_use]
    pub fn new() -> ImageCache<K> {
        ImageCache::with_limits(CacheLimits::default())
    }

    /// Makes a cache with these limits.
    #[must_use]
    pub fn with_limits(limits: CacheLimits) -> ImageCache<K> {
        ImageCache(Rc::new(Shared {
            lists: RefCell::new(Lists::new(limits)),
            ledger: ExternalLedger::new(),
            observation: Observation {
                observer: RefCell::new(None),
                is_observed: Cell::new(false),
                changes: Cell::new(0),
                untold: RefCell::new(VecDeque::new()),
            },
        }))
    }

    /// Returns the image of `key`, or the load under way; only if there is neither, calls `load` to start one. What is
    /// found becomes the most recently used, and an image that was merely held by somebody is kept again.
    ///
    /// `load` gets the side that delivers. It may end the load at once, or hand it on: to a
    /// [`DecodeQueue`](super::DecodeQueue), or to anything that calls it later on this thread. If the load fails,
    /// listeners get the error, the key is forgotten, and the next request loads again.
    ///
    /// An image that is larger than the cache is delivered, but not kept, and evicts nothing. While the limits are 0,
    /// requests still join a load or an image that somebody holds.
    ///
    /// # Panics
    ///
    /// Continues a panic of `load`. The load has then ended with [`LoadError::Abandoned`](super::LoadError::Abandoned).
    pub fn put_if_absent(&self, key: K, load: impl FnOnce(Completer)) -> ImageStream {
        match self.get(&key) {
            Some(found) => found,
            None => self.start(Rc::new(key), load),
        }
    }

    /// [`put_if_absent`](ImageCache::put_if_absent) of a key that is shared already.
    pub(crate) fn put_shared_if_absent(&self, key: Rc<K>, load: impl FnOnce(Completer)) -> ImageStream {
        match self.get(&key) {
            Some(found) => found,
            None => self.start(key, load),
        }
    }

    fn start(&self, key: Rc<K>, load: impl FnOnce(Completer)) -> ImageStream {
        // The completer exists before anybody is told of the load: whoever panics, it ends.
        let (stream, completer) = self.0.with(|lists, out| {
            let stream = lists.start(&key, out);
            let completer = Completer::new(Rc::clone(&stream.0), Some(self.on_end(key)));
            (stream, completer)
        });
        load(completer);
        stream
    }

    fn on_end(&self, key: Rc<K>) -> OnEnd {
        let cache = Rc::downgrade(&self.0);
        Box::new(move |core, result| {
            if let Some(cache) = cache.upgrade() {
                cache.with(|lists, out| lists.end(&key, core, result, out));
            }
        })
    }

    /// Returns the image of `key`, or the load under way, as [`put_if_absent`](ImageCache::put_if_absent) does, but
    /// starts no load.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<ImageStream> {
        self.0.with(|lists, out| lists.find(key, out))
    }

    /// Loads `key` so that it is there when it is needed, and calls `done` when it is, or has failed. Nobody holds the
    /// image afterwards: it stays as long as the limits allow.
    pub fn precache(&self, key: K, load: impl FnOnce(Completer), done: impl FnOnce(LoadResult) + 'static) {
        self.put_if_absent(key, load).on_end(done);
    }

    /// Removes `key` from the pending and the kept list, and with `include_live` from the live list. Returns whether it
    /// was in one of these.
    ///
    /// A load under way goes on and reaches its listeners, but its result is not kept. With `include_live` the next
    /// request loads anew even if somebody holds the old image: that is for images that have changed or are damaged. To
    /// free memory leave it out, as an image that is held would be there twice.
    pub fn evict(&self, key: &K, include_live: bool) -> bool {
        self.0.with(|lists, out| lists.evict(key, include_live, out))
    }

    /// Removes everything from the pending and the kept list. Takes time proportional to what they hold. Images that are
    /// held remain live.
    pub fn clear(&self) {
        self.0.with(|lists, out| lists.clear(EvictionCause::Request, out));
    }

    /// Forgets what is held by others. That frees nothing; it makes requests load anew what the cache does not keep.
    /// Takes time proportional to what was live.
    pub fn clear_live(&self) {
        self.0.with(|lists, out| lists.clear_live(out));
    }

    /// Whether `key` is being loaded or kept. An image that is only live may be gone at any moment, see
    /// [`status`](ImageCache::status).
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        let status = self.status(key);
        status.is_pending || status.is_kept
    }

    /// In which lists `key` is. Does not count as a use.
    #[must_use]
    pub fn status(&self, key: &K) -> ImageStatus {
        self.0.lists.borrow().status(key)
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> CacheLimits {
        self.0.lists.borrow().limits()
    }

    /// Changes the limits and evicts what is now too much, the least recently used first. Limits of 0 clear the cache:
    /// also loads under way will not be kept then.
    pub fn set_limits(&self, limits: CacheLimits) {
        self.0.with(|lists, out| lists.set_limits(limits, out));
    }

    /// Changes how many images are kept at most.
    pub fn set_max_entries(&self, max_entries: usize) {
        self.set_limits(CacheLimits {
            max_entries,
            ..self.limits()
        });
    }

    /// Changes how many bytes of pixels are kept at most.
    pub fn set_max_bytes(&self, max_bytes: usize) {
        self.set_limits(CacheLimits {
            max_bytes,
            ..self.limits()
        });
    }

    /// Counts of loads under way that will be kept.
    #[must_use]
    pub fn pending_count(&self) -> usize {
        self.0.lists.borrow().counts().pending_count
    }

    /// Counts images that are kept.
    #[must_use]
    pub fn kept_count(&self) -> usize {
        self.0.lists.borrow().counts().kept_count
    }

    /// Bytes of the images that are kept.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.0.lists.borrow().counts().kept_bytes
    }

    /// Counts images and loads that somebody holds. Takes time proportional to their number.
    #[must_use]
    pub fn live_count(&self) -> usize {
        self.0.with(Lists::live_count)
    }

    /// Frees memory: evicts images that are kept but that nobody holds, the least recently used first. Under
    /// [`Pressure::Moderate`] half of their bytes, under [`Pressure::Critical`] all. Returns how many bytes that freed.
    /// Takes time proportional to what is kept. The limits stay as they are.
    ///
    /// It may be called from a heap's near-limit callback: it does not touch the heap, and the heap hears of the bytes at
    /// the next [`sync`](ImageCache::sync).
    pub fn on_pressure(&self, pressure: Pressure) -> usize {
        self.0.with(|lists, out| lists.relieve(pressure, out))
    }

    /// Reports to the heap how many bytes of pixels came and went since the last report, and returns the difference.
    /// Call it where the heap is at hand, such as once per frame.
    pub fn sync(&self, heap: &(impl ExternalBytesSink + ?Sized)) -> isize {
        self.0.ledger.sync(heap)
    }

    /// The ledger on which the pixels of this cache's images are counted. Loaders make their images on it.
    #[must_use]
    pub fn ledger(&self) -> &ExternalLedger {
        &self.0.ledger
    }

    /// Counts since the cache was made, and sizes now.
    #[must_use]
    pub fn statistics(&self) -> ImageCacheStatistics {
        ImageCacheStatistics {
            held_bytes: self.0.ledger.held_bytes(),
            peak_held_bytes: self.0.ledger.peak_bytes(),
            ..self.0.lists.borrow().counts()
        }
    }

    /// Calls `observer` with everything that happens from now on, instead of the observer before. It is called after each
    /// change, in order, and may call the cache: events of such calls follow when it returns.
    pub fn set_observer(&self, observer: impl FnMut(&CacheEvent<K>) + 'static) {
        self.0.observation.change(Some(Box::new(observer)));
    }

    /// Takes the observer away.
    pub fn remove_observer(&self) {
        self.0.observation.change(None);
    }

    /// Makes a handle that does not keep the cache.
    #[must_use]
    pub fn downgrade(&self) -> WeakImageCache<K> {
        WeakImageCache(Rc::downgrade(&self.0))
    }
}

impl<K: Hash + Eq> Shared<K> {
    /// Runs `change` on the lists; afterwards tells the observer and drops what was removed, with nothing borrowed.
    fn with<T>(&self, change: impl FnOnce(&mut Lists<K>, &mut Outbox<K>) -> T) -> T {
        let mut out = Outbox::new(self.observation.is_observed.get());
        let value = change(&mut self.lists.borrow_mut(), &mut out);
        if !out.events.is_empty() {
            self.observation.untold.borrow_mut().extend(out.events.drain(..));
            self.observation.tell();
        }
        value
    }
}

impl<K> Observation<K> {
    fn change(&self, observer: Option<Observer<K>>) {
        self.changes.set(self.changes.get() + 1);
        self.is_observed.set(observer.is_some());
        let untold = std::mem::take(&mut *self.untold.borrow_mut());
        let before = std::mem::replace(&mut *self.observer.borrow_mut(), observer);
        drop((untold, before));
    }

    /// Tells what is untold. Inside the observer it does nothing: the call that runs it goes on afterwards.
    fn tell(&self) {
        loop {
            let Some(observer) = self.observer.borrow_mut().take() else {
                return;
            };
            let mut turn = Turn {
                observation: self,
                observer: Some(observer),
                change: self.changes.get(),
            };
            let next = self.untold.borrow_mut().pop_front();
            let Some(event) = next else { return };
            if let Some(observer) = &mut turn.observer {
                observer(&event);
            }
        }
    }
}

/// The observer while it runs. It is put back at the end, also if it panics, unless it was replaced meanwhile.
struct Turn<'a, K> {
    observation: &'a Observation<K>,
    observer: Option<Observer<K>>,
    change: u64,
}

impl<K> Drop for Turn<'_, K> {
    fn drop(&mut self) {
        if self.observation.changes.get() == self.change {
            *self.observation.observer.borrow_mut() = self.observer.take();
        }
    }
}

impl<K> WeakImageCache<K> {
    /// The cache, if it still exists.
    #[must_use]
    pub fn upgrade(&self) -> Option<ImageCache<K>> {
        self.0.upgrade().map(ImageCache)
    }
}

impl<K> Clone for ImageCache<K> {
    fn clone(&self) -> ImageCache<K> {
        ImageCache(Rc::clone(&self.0))
    }
}

impl<K> Clone for WeakImageCache<K> {
    fn clone(&self) -> WeakImageCache<K> {
        WeakImageCache(Weak::clone(&self.0))
    }
}

impl<K: Hash + Eq + 'static> Default for ImageCache<K> {
    fn default() -> ImageCache<K> {
        ImageCache::new()
    }
}

impl<K> fmt::Debug for ImageCache<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageCache").finish_non_exhaustive()
    }
}

impl<K> fmt::Debug for WeakImageCache<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakImageCache").finish_non_exhaustive()
    }
}
