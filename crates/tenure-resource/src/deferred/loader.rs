//! Puts loads off while their holders scroll fast, asks again each frame, and drops what nobody holds any longer.
//!
//! A request whose image the cache has, or is loading, is served at once, however fast it scrolls: that costs no decoding.
//! Otherwise, if its context scrolls fast, it waits; each frame goes through the waiting requests in their order, drops
//! those that are gone, serves those whose image has appeared or whose context has slowed down. The first of equal keys
//! that is served starts the load, the others join it. A frame takes time proportional to what waits.
//!
//! The loader owns no request: contexts do. It puts off the start of loads, and never interrupts one.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::hash::Hash;
use std::rc::Rc;

use super::context::{RequestId, Waiting, WeakContext};
use crate::image_cache::{Completer, ImageCache, LoadResult};

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The load has ended already; the listener was called.
    Served,
    /// The load has started, or was joined.
    Loading,
    /// It waits until its context scrolls slowly.
    Deferred,
    /// Its context is gone, and so is the request.
    Disposed,
}

/// Counts of a loader since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeferredStatistics {
    /// Requests, without those of contexts that were gone already.
    pub requested: u64,
    /// Requests that were served at once, as the cache had the image or was loading it.
    pub found: u64,
    /// Requests that had to wait.
    pub deferred: u64,
    /// Requests that waited and were dropped with their context, or cancelled: loads that were saved.
    pub dropped: u64,
    /// Requests that waited and were served.
    pub served_later: u64,
    /// The most requests that waited at one time.
    pub peak_waiting: usize,
}

/// Puts off loads into an [`ImageCache`] while their holders scroll fast. It is a handle: clones are the same loader.
///
/// ```
/// use tenure_resource::deferred::{DeferredLoader, DisposableContext, Outcome, ScrollPosition, Viewport};
/// use tenure_resource::image_cache::{DecodeLimits, DecodeQueue, ImageCache};
///
/// # let png = tenure_resource::simulation::sample_png();
/// let cache = ImageCache::<u32>::new();
/// let queue = DecodeQueue::stepped(DecodeLimits::default(), cache.ledger());
/// let loader = DeferredLoader::new(&cache);
/// let scroll = ScrollPosition::new(Viewport { width_px: 400.0, height_px: 800.0 });
///
/// // A fling is under way when an item comes into view.
/// scroll.moving_at(5000.0, 0);
/// let item = DisposableContext::inside(&scroll);
/// let decode = { let queue = queue.clone(); move |completer| queue.submit(png, completer) };
/// let (_, outcome) = loader.request(item.weak(), 7, decode, |image| println!("draw {image:?}"));
/// assert_eq!(outcome, Outcome::Deferred);
///
/// // Frames pass; nothing is loaded until the fling has slowed down.
/// assert_eq!(loader.on_frame(16_000_000), 0);
/// scroll.moving_at(300.0, 32_000_000);
/// assert_eq!(loader.on_frame(32_000_000), 1);
/// queue.wait();
/// assert!(cache.status(&7).is_live);
/// drop(item);
/// assert!(!cache.status(&7).is_live);
/// ```
pub struct DeferredLoader<K>(Rc<Shared<K>>);

struct Shared<K> {
    cache: ImageCache<K>,
    waiting: RefCell<VecDeque<Waiter<K>>>,
    /// The length of the queue at which what is gone is removed from it, should no frame come.
    sweep_len: Cell<usize>,
    next_id: Cell<u64>,
    now_ns: Cell<u64>,
    max_wait_ns: Cell<Option<u64>>,
    counts: Cell<DeferredStatistics>,
}

/// The queue is not swept while it is shorter than this.
const SWEEP_LEN: usize = 64;

struct Waiter<K> {
    key: Rc<K>,
    context: WeakContext,
    id: RequestId,
}

impl<K> Waiter<K> {
    fn is_waiting(&self) -> bool {
        self.context.waits_since_ns(self.id).is_some()
    }
}

impl<K: Hash + Eq + 'static> DeferredLoader<K> {
    /// Makes a loader into `cache`.
    #[must_use]
    pub fn new(cache: &ImageCache<K>) -> DeferredLoader<K> {
        DeferredLoader(Rc::new(Shared {
            cache: cache.clone(),
            waiting: RefCell::default(),
            sweep_len: Cell::new(SWEEP_LEN),
            next_id: Cell::new(0),
            now_ns: Cell::new(0),
            max_wait_ns: Cell::new(None),
            counts: Cell::default(),
        }))
    }

    /// The cache that images are loaded into.
    #[must_use]
    pub fn cache(&self) -> &ImageCache<K> {
        &self.0.cache
    }

    /// Asks for the image of `key` on behalf of `context`. `load` starts the load, as for
    /// [`put_if_absent`](ImageCache::put_if_absent); it runs at once, at a later frame, or never. `listener` gets the
    /// result, unless the context is disposed of or the request cancelled before. From then on the context keeps the
    /// image live.
    ///
    /// Whether the context scrolls fast is judged by the time of the last frame.
    ///
    /// A listener must not own its own context, directly or through others: the context owns the listener.
    ///
    /// # Panics
    ///
    /// Continues a panic of `load`, `listener` or the rule of the scroll position. The request is then gone.
    pub fn request(
        &self,
        context: &WeakContext,
        key: K,
        load: impl FnOnce(Completer) + 'static,
        listener: impl FnOnce(LoadResult) + 'static,
    ) -> (RequestId, Outcome) {
        let shared = &*self.0;
        let id = RequestId(shared.next_id.get());
        shared.next_id.set(id.0 + 1);
        let waiting = Waiting {
            load: Box::new(load),
            listener: Box::new(listener),
            since_ns: shared.now_ns.get(),
        };
        if !context.add(id, waiting) {
            return (id, Outcome::Disposed);
        }
        shared.count(|counts| counts.requested += 1);
        let waiter = Waiter {
            key: Rc::new(key),
            context: context.clone(),
            id,
        };
        let is_tracked = shared.cache.status(&waiter.key).is_tracked();
        if is_tracked {
            shared.count(|counts| counts.found += 1);
        } else if shared.is_deferred(&waiter) {
            shared.defer(waiter);
            return (id, Outcome::Deferred);
        }
        (id, shared.serve(&waiter))
    }

    /// Asks all waiting requests again, at the time of this frame. Returns how many it served. Call it once per frame,
    /// after the scroll positions were told their offsets; loads that start are then decoded while the frame is drawn.
    ///
    /// Loaders and listeners run inside and may do anything, also request, dispose, and call this again.
    ///
    /// # Panics
    ///
    /// Continues a panic of a loader, a listener or a rule. What was not yet asked waits for the next frame.
    pub fn on_frame(&self, now_ns: u64) -> usize {
        let shared = &*self.0;
        shared.now_ns.set(now_ns);
        let mut round = Round {
            shared,
            to_ask: shared.waiting.take(),
            kept: VecDeque::new(),
        };
        let mut served = 0;
        while let Some(waiter) = round.to_ask.pop_front() {
            if !waiter.is_waiting() {
                shared.count(|counts| counts.dropped += 1);
            } else if shared.cache.status(&waiter.key).is_tracked() || !shared.is_deferred(&waiter) {
                if shared.serve(&waiter) == Outcome::Disposed {
                    shared.count(|counts| counts.dropped += 1);
                } else {
                    shared.count(|counts| counts.served_later += 1);
                    served += 1;
                }
            } else {
                round.kept.push_back(waiter);
            }
        }
        served
    }

    /// How many requests wait. As long as there are any, frames are needed.
    #[must_use]
    pub fn waiting_count(&self) -> usize {
        self.0
            .waiting
            .borrow()
            .iter()
            .filter(|waiter| waiter.is_waiting())
            .count()
    }

    /// Lets no request wait longer than this, however fast it scrolls, for views that never come to rest. `None`, which is
    /// the default, lets them wait for ever.
    pub fn set_max_wait_ns(&self, max_wait_ns: Option<u64>) {
        self.0.max_wait_ns.set(max_wait_ns);
    }

    /// Counts since the loader was made.
    #[must_use]
    pub fn statistics(&self) -> DeferredStatistics {
        self.0.counts.get()
    }
}

impl<K: Hash + Eq + 'static> Shared<K> {
    fn is_deferred(&self, waiter: &Waiter<K>) -> bool {
        let now_ns = self.now_ns.get();
        let waited_ns = waiter
            .context
            .waits_since_ns(waiter.id)
            .map_or(0, |since_ns| now_ns.saturating_sub(since_ns));
        let has_waited_enough = self.max_wait_ns.get().is_some_and(|max_ns| waited_ns >= max_ns);
        !has_waited_enough && waiter.context.recommends_deferral(now_ns).unwrap_or(false)
    }

    fn defer(&self, waiter: Waiter<K>) {
        let mut waiting = self.waiting.borrow_mut();
        let mut gone = Vec::new();
        if waiting.len() >= self.sweep_len.get() {
            let (kept, removed) = waiting.drain(..).partition::<VecDeque<_>, _>(Waiter::is_waiting);
            *waiting = kept;
            gone.extend(removed);
            self.sweep_len.set(SWEEP_LEN.max(2 * waiting.len()));
        }
        waiting.push_back(waiter);
        let count = waiting.len();
        drop(waiting);
        self.count(|counts| {
            counts.deferred += 1;
            counts.dropped += gone.len() as u64;
            counts.peak_waiting = counts.peak_waiting.max(count);
        });
    }

    /// Starts or joins the load. The loader and the listener may dispose of the context or cancel the request.
    fn serve(&self, waiter: &Waiter<K>) -> Outcome {
        let (context, id) = (&waiter.context, waiter.id);
        let Some(Waiting { load, listener, .. }) = context.take(id) else {
            return Outcome::Disposed;
        };
        let mut joining = Joining {
            context,
            id,
            has_joined: false,
        };
        let stream = self.cache.put_shared_if_absent(Rc::clone(&waiter.key), load);
        if !context.is_joining(id) {
            return Outcome::Disposed;
        }
        let outcome = if stream.is_loading() {
            Outcome::Loading
        } else {
            Outcome::Served
        };
        let subscription = stream.listen(listener);
        context.join(id, subscription);
        joining.has_joined = true;
        outcome
    }
}

impl<K> Shared<K> {
    fn count(&self, add: impl FnOnce(&mut DeferredStatistics)) {
        let mut counts = self.counts.get();
        add(&mut counts);
        self.counts.set(counts);
    }
}

impl<K> Drop for Shared<K> {
    /// Nobody will serve what waits: contexts need not hold it.
    fn drop(&mut self) {
        for waiter in self.waiting.take() {
            waiter.context.forget(waiter.id);
        }
    }
}

/// A request that is being served; if that panics, it is gone.
struct Joining<'a> {
    context: &'a WeakContext,
    id: RequestId,
    has_joined: bool,
}

impl Drop for Joining<'_> {
    fn drop(&mut self) {
        if !self.has_joined {
            self.context.cancel(self.id);
        }
    }
}

/// A frame's walk through the queue. However it ends, what still waits goes back in its order, before what was added
/// meanwhile.
struct Round<'a, K> {
    shared: &'a Shared<K>,
    to_ask: VecDeque<Waiter<K>>,
    kept: VecDeque<Waiter<K>>,
}

impl<K> Drop for Round<'_, K> {
    fn drop(&mut self) {
        let mut waiting = self.shared.waiting.borrow_mut();
        self.kept.append(&mut self.to_ask);
        self.kept.append(&mut waiting);
        *waiting = std::mem::take(&mut self.kept);
    }
}

impl<K> Clone for DeferredLoader<K> {
    fn clone(&self) -> DeferredLoader<K> {
        DeferredLoader(Rc::clone(&self.0))
    }
}

impl<K> fmt::Debug for DeferredLoader<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredLoader")
            .field("statistics", &self.0.counts.get())
            .finish_non_exhaustive()
    }
}
