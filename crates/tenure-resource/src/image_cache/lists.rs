//! The three lists: what is being loaded (*pending*), what is kept in the order of last use (*kept*), and what somebody
//! holds (*live*).
//!
//! A key is in at most one of pending and kept, and in live besides, or in live alone. The kept list is a linked hash map
//! in which a use moves the entry to the back and eviction takes from the front. The live list is weak: it holds neither
//! streams nor images, and entries of what is gone are removed when the list has doubled since it was last looked
//! through. All operations take constant time on average, but for clearing, relieving and looking through.
//!
//! Nothing here calls the embedder: what is to be dropped, and what is to be told, goes into an [`Outbox`] that the cache
//! empties once the lists are no longer borrowed. Only `Hash` and `Eq` of the keys run inside.

use std::collections::HashMap;
use std::hash::Hash;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use hashlink::LinkedHashMap;

use super::decoded::{Image, Pixels, WeakImage};
use super::limits::CacheLimits;
use super::pressure::Pressure;
use super::statistics::{CacheEvent, CacheEventKind, EvictionCause, ImageCacheStatistics, ImageStatus};
use super::stream::{ImageStream, LoadResult, StreamCore};

/// The live list is not looked through while it is shorter than this.
const LIVE_SWEEP_LEN: usize = 64;

/// What is left to do when the lists are no longer borrowed.
pub(super) struct Outbox<K> {
    is_observed: bool,
    pub(super) events: Vec<CacheEvent<K>>,
    /// Dropping a key or a stream may run the embedder's code.
    dropped: Vec<(Rc<K>, Option<Rc<StreamCore>>)>,
}

impl<K> Outbox<K> {
    pub(super) fn new(is_observed: bool) -> Outbox<K> {
        Outbox {
            is_observed,
            events: Vec::new(),
            dropped: Vec::new(),
        }
    }

    fn tell(&mut self, key: &Rc<K>, kind: impl FnOnce() -> CacheEventKind) {
        if self.is_observed {
            self.events.push(CacheEvent {
                key: Rc::clone(key),
                kind: kind(),
            });
        }
    }
}

/// What the cache knows of an image that it need not keep.
struct Live {
    stream: Weak<StreamCore>,
    /// Known once the load has ended.
    image: Option<WeakImage>,
}

impl Live {
    fn is_held(&self) -> bool {
        match &self.image {
            Some(image) => image.is_held(),
            None => self.stream.upgrade().is_some_and(|stream| stream.is_held()),
        }
    }

    fn stream(&self) -> Option<Rc<StreamCore>> {
        match &self.image {
            Some(image) => {
                let image = image.upgrade()?;
                Some(self.stream.upgrade().unwrap_or_else(|| StreamCore::ended_with(image)))
            }
            None => self.stream.upgrade().filter(|stream| stream.is_held()),
        }
    }
}

pub(super) struct Lists<K> {
    pending: LinkedHashMap<Rc<K>, Rc<StreamCore>>,
    /// From the least to the most recently used.
    kept: LinkedHashMap<Rc<K>, Arc<Pixels>>,
    kept_bytes: usize,
    live: HashMap<Rc<K>, Live>,
    /// The length of the live list at which it is looked through next.
    live_sweep_len: usize,
    limits: CacheLimits,
    counts: ImageCacheStatistics,
}

impl<K: Hash + Eq> Lists<K> {
    pub(super) fn new(limits: CacheLimits) -> Lists<K> {
        Lists {
            pending: LinkedHashMap::new(),
            kept: LinkedHashMap::new(),
            kept_bytes: 0,
            live: HashMap::new(),
            live_sweep_len: LIVE_SWEEP_LEN,
            limits,
            counts: ImageCacheStatistics::default(),
        }
    }

    pub(super) fn limits(&self) -> CacheLimits {
        self.limits
    }

    pub(super) fn counts(&self) -> ImageCacheStatistics {
        ImageCacheStatistics {
            pending_count: self.pending.len(),
            kept_count: self.kept.len(),
            kept_bytes: self.kept_bytes,
            ..self.counts
        }
    }

    pub(super) fn status(&self, key: &K) -> ImageStatus {
        ImageStatus {
            is_pending: self.pending.contains_key(key),
            is_kept: self.kept.contains_key(key),
            is_live: self.live.get(key).is_some_and(Live::is_held),
        }
    }

    /// The image or load of `key`, which becomes the most recently used and live; what is only live is kept again.
    pub(super) fn find(&mut self, key: &K, out: &mut Outbox<K>) -> Option<ImageStream> {
        let status = self.status(key);
        if let Some((key, stream)) = self.pending.get_key_value(key) {
            self.counts.pending_hits += 1;
            out.tell(key, || CacheEventKind::Hit(status));
            // The live list may have been cleared since the load began.
            let (key, stream) = (Rc::clone(key), Rc::clone(stream));
            if !status.is_live {
                self.track_live(&key, &stream, None, out);
            }
            return Some(ImageStream::of(&stream));
        }
        if self.kept.to_back(key).is_some()
            && let Some((key, pixels)) = self.kept.back()
        {
            self.counts.kept_hits += 1;
            out.tell(key, || CacheEventKind::Hit(status));
            if let Some(stream) = self.live.get(&**key).and_then(Live::stream) {
                return Some(ImageStream::of(&stream));
            }
            let (key, image) = (Rc::clone(key), Image::of(Arc::clone(pixels)));
            let stream = StreamCore::ended_with(image.clone());
            self.track_live(&key, &stream, Some(&image), out);
            return Some(ImageStream::of(&stream));
        }
        let (key, live) = self.live.get_key_value(key)?;
        let stream = ImageStream::of(&live.stream()?);
        let key = Rc::clone(key);
        self.counts.live_hits += 1;
        out.tell(&key, || CacheEventKind::Hit(status));
        match stream.image() {
            Some(image) => self.keep(&key, image.shared_pixels(), out),
            None if self.limits.is_enabled() => self.track_pending(&key, &stream.0),
            None => {}
        }
        Some(stream)
    }

    /// Registers a new load of `key`, which is in no list. With limits of 0 it is only live.
    pub(super) fn start(&mut self, key: &Rc<K>, out: &mut Outbox<K>) -> ImageStream {
        self.counts.misses += 1;
        out.tell(key, || CacheEventKind::Miss);
        let stream = Rc::new(StreamCore::default());
        let holder = ImageStream::of(&stream);
        self.track_live(key, &stream, None, out);
        if self.limits.is_enabled() {
            self.track_pending(key, &stream);
        }
        holder
    }

    /// Takes the result of a load. What was evicted, or replaced by another load of the key, is not tracked again.
    pub(super) fn end(&mut self, key: &Rc<K>, stream: &Rc<StreamCore>, result: &LoadResult, out: &mut Outbox<K>) {
        let was_pending = self
            .pending
            .get(&**key)
            .is_some_and(|pending| Rc::ptr_eq(pending, stream));
        if was_pending {
            self.remove_pending(key, out);
        }
        let was_live =
            (self.live.get(&**key)).is_some_and(|live| std::ptr::eq(live.stream.as_ptr(), Rc::as_ptr(stream)));
        match result {
            Ok(image) => {
                self.counts.loaded += 1;
                let size_bytes = image.size_bytes();
                out.tell(key, || CacheEventKind::Loaded { size_bytes });
                if was_pending || was_live {
                    self.track_live(key, stream, Some(image), out);
                }
                if was_pending {
                    self.keep(key, image.shared_pixels(), out);
                }
            }
            Err(error) => {
                self.counts.failed += 1;
                out.tell(key, || CacheEventKind::Failed(Arc::clone(error)));
                if was_live {
                    self.remove_live(key, out);
                }
            }
        }
    }

    pub(super) fn evict(&mut self, key: &K, include_live: bool, out: &mut Outbox<K>) -> bool {
        let status = self.status(key);
        if include_live {
            self.remove_live(key, out);
        }
        if let Some(key) = self.remove_pending(key, out) {
            out.tell(&key, || CacheEventKind::Forgotten);
        }
        self.remove_kept(key, EvictionCause::Request, out);
        status.is_pending || status.is_kept || (include_live && status.is_live)
    }

    pub(super) fn clear(&mut self, cause: EvictionCause, out: &mut Outbox<K>) {
        while let Some(key) = self.pending.front().map(|(key, _)| Rc::clone(key)) {
            self.remove_pending(&key, out);
            out.tell(&key, || CacheEventKind::Forgotten);
        }
        while self.evict_oldest(cause, out) {}
    }

    pub(super) fn clear_live(&mut self, out: &mut Outbox<K>) {
        out.dropped.extend(self.live.drain().map(|(key, _)| (key, None)));
        self.live_sweep_len = LIVE_SWEEP_LEN;
    }

    pub(super) fn set_limits(&mut self, limits: CacheLimits, out: &mut Outbox<K>) {
        self.limits = limits;
        if limits.is_enabled() {
            self.shrink_to_limits(out);
        } else {
            self.clear(EvictionCause::Limit, out);
        }
    }

    /// Evicts kept images that nobody holds, the least recently used first: half of their bytes, or all of them. The
    /// others stay, as evicting them would free nothing. Returns the bytes that this frees.
    pub(super) fn relieve(&mut self, pressure: Pressure, out: &mut Outbox<K>) -> usize {
        let mut idle: Vec<Rc<K>> = Vec::new();
        let mut idle_bytes = 0;
        for (key, pixels) in &self.kept {
            if !pixels.is_held() {
                idle.push(Rc::clone(key));
                idle_bytes += pixels.size_bytes();
            }
        }
        let mut freed_bytes = 0;
        for key in idle {
            if pressure == Pressure::Moderate && freed_bytes >= idle_bytes.div_ceil(2) {
                break;
            }
            freed_bytes += self.remove_kept(&key, EvictionCause::Pressure(pressure), out);
        }
        freed_bytes
    }

    /// How many images and loads somebody holds. Looks through the whole list.
    pub(super) fn live_count(&mut self, out: &mut Outbox<K>) -> usize {
        self.sweep_live(out);
        self.live.len()
    }

    fn track_pending(&mut self, key: &Rc<K>, stream: &Rc<StreamCore>) {
        stream.is_pending.set(true);
        self.pending.insert(Rc::clone(key), Rc::clone(stream));
    }

    fn track_live(&mut self, key: &Rc<K>, stream: &Rc<StreamCore>, image: Option<&Image>, out: &mut Outbox<K>) {
        if self.live.len() >= self.live_sweep_len {
            self.sweep_live(out);
            self.live_sweep_len = LIVE_SWEEP_LEN.max(2 * self.live.len());
        }
        let live = Live {
            stream: Rc::downgrade(stream),
            image: image.map(Image::downgrade),
        };
        self.live.insert(Rc::clone(key), live);
    }

    fn sweep_live(&mut self, out: &mut Outbox<K>) {
        let gone: Vec<_> = self.live.extract_if(|_, live| !live.is_held()).collect();
        out.dropped.extend(gone.into_iter().map(|(key, _)| (key, None)));
    }

    /// Keeps an image as the most recently used one, if it is not larger than the cache, and makes room for it.
    fn keep(&mut self, key: &Rc<K>, pixels: &Arc<Pixels>, out: &mut Outbox<K>) {
        if !self.limits.is_enabled() {
            return;
        }
        let size_bytes = pixels.size_bytes();
        if size_bytes > self.limits.max_bytes {
            self.counts.too_large += 1;
            out.tell(key, || CacheEventKind::TooLarge { size_bytes });
            return;
        }
        self.kept_bytes += size_bytes;
        if let Some(replaced) = self.kept.insert(Rc::clone(key), Arc::clone(pixels)) {
            self.kept_bytes -= replaced.size_bytes();
        }
        self.shrink_to_limits(out);
        self.counts.peak_kept_bytes = self.counts.peak_kept_bytes.max(self.kept_bytes);
    }

    fn shrink_to_limits(&mut self, out: &mut Outbox<K>) {
        while self.kept_bytes > self.limits.max_bytes || self.kept.len() > self.limits.max_entries {
            if !self.evict_oldest(EvictionCause::Limit, out) {
                break;
            }
        }
    }

    fn evict_oldest(&mut self, cause: EvictionCause, out: &mut Outbox<K>) -> bool {
        let oldest = self.kept.pop_front();
        oldest.is_some_and(|(key, pixels)| {
            self.note_eviction(key, &pixels, cause, out);
            true
        })
    }

    fn remove_kept(&mut self, key: &K, cause: EvictionCause, out: &mut Outbox<K>) -> usize {
        let removed = self.kept.remove_entry(key);
        removed.map_or(0, |(key, pixels)| self.note_eviction(key, &pixels, cause, out))
    }

    fn note_eviction(&mut self, key: Rc<K>, pixels: &Pixels, cause: EvictionCause, out: &mut Outbox<K>) -> usize {
        let size_bytes = pixels.size_bytes();
        self.kept_bytes -= size_bytes;
        self.counts.evicted_bytes += size_bytes as u64;
        match cause {
            EvictionCause::Limit => self.counts.evictions += 1,
            EvictionCause::Pressure(_) => self.counts.pressure_evictions += 1,
            EvictionCause::Request => {}
        }
        out.tell(&key, || CacheEventKind::Evicted { size_bytes, cause });
        out.dropped.push((key, None));
        size_bytes
    }

    fn remove_pending(&mut self, key: &K, out: &mut Outbox<K>) -> Option<Rc<K>> {
        let (key, stream) = self.pending.remove_entry(key)?;
        stream.is_pending.set(false);
        out.dropped.push((Rc::clone(&key), Some(stream)));
        Some(key)
    }

    fn remove_live(&mut self, key: &K, out: &mut Outbox<K>) {
        if let Some((key, _)) = self.live.remove_entry(key) {
            out.dropped.push((key, None));
        }
    }
}
