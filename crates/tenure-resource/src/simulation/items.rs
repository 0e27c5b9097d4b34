//! What an item does for its image, under each strategy: ask for it when built, hold it, and let go when disposed of.
//!
//! The naive strategy decodes into a stream of its own for each item, and lets garbage lie until a collection. The others
//! request through a deferred loader into a cache, from a context that knows the scroll position or does not. Building
//! and disposing cost a request each; a collection is linear in the garbage.

use crate::deferred::{DeferredLoader, DeferredStatistics, DisposableContext, RequestId, ScrollPosition, Viewport};
use crate::image_cache::{
    CacheLimits, DecodeLimits, DecodeQueue, DecodeStatistics, ExternalLedger, Image, ImageCache, ImageCacheStatistics,
    ImageStream,
};

use super::Strategy;
use super::corpus::Corpus;

/// An item that is built.
pub(super) enum Item {
    Naive(ImageStream),
    Requested { context: DisposableContext, id: RequestId },
}

impl Item {
    pub(super) fn image(&self) -> Option<Image> {
        match self {
            Item::Naive(stream) => stream.image(),
            Item::Requested { context, id } => context.image(*id),
        }
    }
}

/// Builds and disposes of items.
pub(super) struct Items {
    corpus: Corpus,
    queue: DecodeQueue,
    ledger: ExternalLedger,
    scroll: ScrollPosition,
    loading: Loading,
}

enum Loading {
    Naive(Garbage),
    Requested {
        loader: DeferredLoader<usize>,
        is_deferred: bool,
    },
}

/// What items held that are gone, until it is collected.
struct Garbage {
    streams: Vec<ImageStream>,
    collect_after_bytes: Option<usize>,
    /// Bytes that were left by the last collection.
    low_bytes: usize,
    collections: u64,
}

impl Items {
    pub(super) fn new(strategy: Strategy, corpus: Corpus, viewport: Viewport, limits: CacheLimits) -> Items {
        let (ledger, loading) = match strategy {
            Strategy::Naive { collect_after_bytes } => {
                let garbage = Garbage {
                    streams: Vec::new(),
                    collect_after_bytes,
                    low_bytes: 0,
                    collections: 0,
                };
                (ExternalLedger::new(), Loading::Naive(garbage))
            }
            Strategy::Cached | Strategy::Deferred => {
                let cache = ImageCache::with_limits(limits);
                let ledger = cache.ledger().clone();
                let loading = Loading::Requested {
                    loader: DeferredLoader::new(&cache),
                    is_deferred: strategy == Strategy::Deferred,
                };
                (ledger, loading)
            }
        };
        Items {
            corpus,
            queue: DecodeQueue::stepped(DecodeLimits::default(), &ledger),
            ledger,
            scroll: ScrollPosition::new(viewport),
            loading,
        }
    }

    /// Begins a frame: those who wait for a slower list are asked again.
    pub(super) fn begin_frame(&mut self, velocity_px_s: f64, now_ns: u64) {
        self.scroll.moving_at(velocity_px_s, now_ns);
        if let Loading::Requested { loader, .. } = &self.loading {
            loader.on_frame(now_ns);
        }
    }

    pub(super) fn build(&mut self, index: usize) -> Item {
        let source = self.corpus.of_item(index);
        match &self.loading {
            Loading::Naive(_) => {
                let (stream, completer) = ImageStream::new();
                self.queue.submit(source, completer);
                Item::Naive(stream)
            }
            Loading::Requested { loader, is_deferred } => {
                let context = match is_deferred {
                    true => DisposableContext::inside(&self.scroll),
                    false => DisposableContext::new(),
                };
                let queue = self.queue.clone();
                let load = move |completer| queue.submit(source, completer);
                let (id, _) = loader.request(context.weak(), index, load, drop);
                Item::Requested { context, id }
            }
        }
    }

    pub(super) fn dispose(&mut self, item: Item) {
        match (&mut self.loading, item) {
            (Loading::Naive(garbage), Item::Naive(stream)) => garbage.streams.push(stream),
            (_, item) => drop(item),
        }
    }

    /// Ends a frame: some images are decoded, and what has become garbage may be collected.
    pub(super) fn end_frame(&mut self, decodes: usize) {
        self.queue.poll(decodes);
        let held_bytes = self.ledger.held_bytes();
        if let Loading::Naive(garbage) = &self.loading
            && (garbage.collect_after_bytes).is_some_and(|bytes| held_bytes.saturating_sub(garbage.low_bytes) > bytes)
        {
            self.collect();
        }
    }

    pub(super) fn collect(&mut self) {
        if let Loading::Naive(garbage) = &mut self.loading {
            garbage.streams.clear();
            garbage.low_bytes = self.ledger.held_bytes();
            garbage.collections += 1;
        }
    }

    pub(super) fn is_fast(&self, now_ns: u64) -> bool {
        self.scroll.recommends_deferral(now_ns)
    }

    pub(super) fn ledger(&self) -> &ExternalLedger {
        &self.ledger
    }

    pub(super) fn decodes(&self) -> DecodeStatistics {
        self.queue.statistics()
    }

    pub(super) fn collections(&self) -> u64 {
        match &self.loading {
            Loading::Naive(garbage) => garbage.collections,
            Loading::Requested { .. } => 0,
        }
    }

    pub(super) fn statistics(&self) -> Option<(ImageCacheStatistics, DeferredStatistics)> {
        match &self.loading {
            Loading::Naive(_) => None,
            Loading::Requested { loader, .. } => Some((loader.cache().statistics(), loader.statistics())),
        }
    }
}
