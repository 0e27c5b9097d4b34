//! Random programs of operations against a model of the three lists in plain vectors, which is slow and obvious.
//!
//! After each operation everything that can be seen of the cache is compared with the model. Indices into what is held
//! or loading are taken modulo its number, so each shrunk program is valid.

use std::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::*;
use tenure_resource::image_cache::{
    CacheLimits, Completer, Image, ImageCache, ImageStatus, ImageStream, LoadError, Pressure,
};

use crate::image;

const KEYS: u32 = 8;

#[derive(Debug, Clone)]
enum Op {
    /// Request a key, and hold the stream or not.
    Put {
        key: u32,
        hold: bool,
    },
    /// Request a key whose loader ends at once with so many bytes.
    PutNow {
        key: u32,
        bytes: usize,
        hold: bool,
    },
    Get {
        key: u32,
        hold: bool,
    },
    Precache {
        key: u32,
    },
    /// End a load with so many bytes.
    Complete {
        at: usize,
        bytes: usize,
    },
    Fail {
        at: usize,
    },
    /// Let go of a stream.
    Release {
        at: usize,
    },
    /// Hold the image of a stream instead of the stream.
    KeepImage {
        at: usize,
    },
    ReleaseImage {
        at: usize,
    },
    Evict {
        key: u32,
        include_live: bool,
    },
    Clear,
    ClearLive,
    SetLimits {
        max_entries: usize,
        max_bytes: usize,
    },
    Pressure {
        is_critical: bool,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let key = 0..KEYS;
    let bytes = (0usize..=30).prop_map(|words| words * 4);
    prop_oneof![
        6 => (key.clone(), any::<bool>()).prop_map(|(key, hold)| Op::Put { key, hold }),
        4 => (key.clone(), bytes.clone(), any::<bool>()).prop_map(|(key, bytes, hold)| Op::PutNow { key, bytes, hold }),
        2 => (key.clone(), any::<bool>()).prop_map(|(key, hold)| Op::Get { key, hold }),
        1 => key.clone().prop_map(|key| Op::Precache { key }),
        6 => (any::<usize>(), bytes).prop_map(|(at, bytes)| Op::Complete { at, bytes }),
        1 => any::<usize>().prop_map(|at| Op::Fail { at }),
        4 => any::<usize>().prop_map(|at| Op::Release { at }),
        2 => any::<usize>().prop_map(|at| Op::KeepImage { at }),
        2 => any::<usize>().prop_map(|at| Op::ReleaseImage { at }),
        2 => (key, any::<bool>()).prop_map(|(key, include_live)| Op::Evict { key, include_live }),
        1 => Just(Op::Clear),
        1 => Just(Op::ClearLive),
        1 => (0usize..6, (0usize..=60).prop_map(|words| words * 4))
            .prop_map(|(max_entries, max_bytes)| Op::SetLimits { max_entries, max_bytes }),
        1 => any::<bool>().prop_map(|is_critical| Op::Pressure { is_critical }),
    ]
}

/// A load, by number, as the model sees it.
#[derive(Debug, Clone, PartialEq)]
enum Load {
    Loading,
    /// Ended with an image of so many bytes.
    Done(usize),
    Failed,
}

#[derive(Default)]
struct Model {
    limits: CacheLimits,
    loads: Vec<Load>,
    /// Holders of each load: streams, or images once there are any.
    holders: Vec<usize>,
    pending: Vec<(u32, usize)>,
    /// Least recently used first.
    kept: Vec<(u32, usize)>,
    /// Which load the live list leads to, whether or not it is held.
    live: Vec<(u32, usize)>,
}

fn find(list: &[(u32, usize)], key: u32) -> Option<usize> {
    list.iter().find(|entry| entry.0 == key).map(|entry| entry.1)
}

fn remove(list: &mut Vec<(u32, usize)>, key: u32) -> Option<usize> {
    let at = list.iter().position(|entry| entry.0 == key)?;
    Some(list.remove(at).1)
}

impl Model {
    fn live_load(&self, key: u32) -> Option<usize> {
        find(&self.live, key).filter(|&load| self.holders[load] > 0)
    }

    fn status(&self, key: u32) -> ImageStatus {
        ImageStatus {
            is_pending: find(&self.pending, key).is_some(),
            is_kept: find(&self.kept, key).is_some(),
            is_live: self.live_load(key).is_some(),
        }
    }

    fn bytes(&self, load: usize) -> usize {
        match self.loads[load] {
            Load::Done(bytes) => bytes,
            _ => 0,
        }
    }

    fn kept_bytes(&self) -> usize {
        self.kept.iter().map(|&(_, load)| self.bytes(load)).sum()
    }

    fn is_enabled(&self) -> bool {
        self.limits.max_entries > 0 && self.limits.max_bytes > 0
    }

    fn set_live(&mut self, key: u32, load: usize) {
        remove(&mut self.live, key);
        self.live.push((key, load));
    }

    fn keep(&mut self, key: u32, load: usize) {
        if self.is_enabled() && self.bytes(load) <= self.limits.max_bytes {
            remove(&mut self.kept, key);
            self.kept.push((key, load));
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        while self.kept_bytes() > self.limits.max_bytes || self.kept.len() > self.limits.max_entries {
            self.kept.remove(0);
        }
    }

    /// The load that a request finds.
    fn find(&mut self, key: u32) -> Option<usize> {
        if let Some(load) = find(&self.pending, key) {
            self.set_live(key, load);
            return Some(load);
        }
        if let Some(load) = remove(&mut self.kept, key) {
            self.kept.push((key, load));
            self.set_live(key, load);
            return Some(load);
        }
        let load = self.live_load(key)?;
        match self.loads[load] {
            Load::Loading if self.is_enabled() => self.pending.push((key, load)),
            Load::Loading => {}
            _ => self.keep(key, load),
        }
        Some(load)
    }

    fn put(&mut self, key: u32) -> (usize, bool) {
        if let Some(load) = self.find(key) {
            return (load, false);
        }
        let load = self.loads.len();
        self.loads.push(Load::Loading);
        self.holders.push(0);
        self.set_live(key, load);
        if self.is_enabled() {
            self.pending.push((key, load));
        }
        (load, true)
    }

    fn end(&mut self, key: u32, load: usize, result: Load) {
        self.loads[load] = result;
        let was_pending = find(&self.pending, key) == Some(load);
        let was_live = find(&self.live, key) == Some(load);
        if was_pending {
            remove(&mut self.pending, key);
        }
        match self.loads[load] {
            Load::Done(_) => {
                if was_pending || was_live {
                    self.set_live(key, load);
                }
                if was_pending {
                    self.keep(key, load);
                }
            }
            _ if was_live => _ = remove(&mut self.live, key),
            _ => {}
        }
    }

    fn evict(&mut self, key: u32, include_live: bool) -> bool {
        let status = self.status(key);
        if include_live {
            remove(&mut self.live, key);
        }
        remove(&mut self.pending, key);
        remove(&mut self.kept, key);
        status.is_pending || status.is_kept || (include_live && status.is_live)
    }

    fn relieve(&mut self, is_critical: bool) -> usize {
        let idle: Vec<(u32, usize)> = (self.kept.iter().copied())
            .filter(|&(_, load)| self.holders[load] == 0)
            .collect();
        let idle_bytes: usize = idle.iter().map(|&(_, load)| self.bytes(load)).sum();
        let mut freed = 0;
        for (key, load) in idle {
            if is_critical || freed * 2 < idle_bytes {
                freed += self.bytes(load);
                remove(&mut self.kept, key);
            }
        }
        freed
    }

    /// Bytes of all images that are kept or held.
    fn held_bytes(&self) -> usize {
        (0..self.loads.len())
            .filter(|&load| self.holders[load] > 0 || self.kept.iter().any(|entry| entry.1 == load))
            .map(|load| self.bytes(load))
            .sum()
    }
}

struct Loading {
    key: u32,
    load: usize,
    completer: Completer,
}

/// The cache and the model side by side, with what the program holds.
struct Twins {
    cache: ImageCache<u32>,
    model: Model,
    loading: Vec<Loading>,
    streams: Vec<(usize, ImageStream)>,
    images: Vec<(usize, Image)>,
    /// Results of precaching that were announced, and those that are due.
    announced: Rc<RefCell<usize>>,
    due: usize,
    precaching: Vec<usize>,
}

impl Twins {
    fn new(limits: CacheLimits) -> Twins {
        Twins {
            cache: ImageCache::with_limits(limits),
            model: Model {
                limits,
                ..Model::default()
            },
            loading: Vec::new(),
            streams: Vec::new(),
            images: Vec::new(),
            announced: Rc::default(),
            due: 0,
            precaching: Vec::new(),
        }
    }

    /// A request on both sides; `now` are the bytes with which a new load ends at once.
    fn put(&mut self, key: u32, now: Option<usize>) -> (usize, ImageStream) {
        let mut started = None;
        let stream = self.cache.put_if_absent(key, |completer| started = Some(completer));
        let (load, is_new) = self.model.put(key);
        assert_eq!(started.is_some(), is_new, "whether a load starts");
        self.model.holders[load] += 1;
        if let Some(completer) = started {
            match now {
                Some(bytes) => {
                    completer.complete(image(bytes, self.cache.ledger()));
                    self.end(key, load, Load::Done(bytes));
                }
                None => self.loading.push(Loading { key, load, completer }),
            }
        }
        assert_eq!(stream.is_loading(), self.model.loads[load] == Load::Loading);
        (load, stream)
    }

    fn hold(&mut self, load: usize, stream: ImageStream, hold: bool) {
        if hold {
            self.streams.push((load, stream));
        } else {
            drop(stream);
            self.model.holders[load] -= 1;
        }
    }

    fn end(&mut self, key: u32, load: usize, result: Load) {
        self.model.end(key, load, result);
        let before = self.precaching.len();
        self.precaching.retain(|&other| other != load);
        self.due += before - self.precaching.len();
    }

    fn run(&mut self, op: &Op) {
        match *op {
            Op::Put { key, hold } => {
                let (load, stream) = self.put(key, None);
                self.hold(load, stream, hold);
            }
            Op::PutNow { key, bytes, hold } => {
                let (load, stream) = self.put(key, Some(bytes));
                self.hold(load, stream, hold);
            }
            Op::Get { key, hold } => {
                let stream = self.cache.get(&key);
                let load = self.model.find(key);
                assert_eq!(stream.is_some(), load.is_some());
                if let (Some(stream), Some(load)) = (stream, load) {
                    self.model.holders[load] += 1;
                    self.hold(load, stream, hold);
                }
            }
            Op::Precache { key } => {
                let mut started = None;
                let announced = Rc::clone(&self.announced);
                (self.cache).precache(
                    key,
                    |completer| started = Some(completer),
                    move |_| *announced.borrow_mut() += 1,
                );
                let (load, _) = self.model.put(key);
                match self.model.loads[load] {
                    Load::Loading => self.precaching.push(load),
                    _ => self.due += 1,
                }
                self.loading
                    .extend(started.map(|completer| Loading { key, load, completer }));
            }
            Op::Complete { at, bytes } => {
                if let Some(Loading { key, load, completer }) = take(&mut self.loading, at) {
                    completer.complete(image(bytes, self.cache.ledger()));
                    self.end(key, load, Load::Done(bytes));
                }
            }
            Op::Fail { at } => {
                if let Some(Loading { key, load, completer }) = take(&mut self.loading, at) {
                    completer.fail(LoadError::UnsupportedFormat);
                    self.end(key, load, Load::Failed);
                }
            }
            Op::Release { at } => {
                if let Some((load, stream)) = take(&mut self.streams, at) {
                    drop(stream);
                    self.model.holders[load] -= 1;
                }
            }
            Op::KeepImage { at } => {
                if let Some((load, stream)) = take(&mut self.streams, at) {
                    match stream.image() {
                        Some(image) => self.images.push((load, image)),
                        None => self.model.holders[load] -= 1,
                    }
                }
            }
            Op::ReleaseImage { at } => {
                if let Some((load, image)) = take(&mut self.images, at) {
                    drop(image);
                    self.model.holders[load] -= 1;
                }
            }
            Op::Evict { key, include_live } => {
                assert_eq!(
                    self.cache.evict(&key, include_live),
                    self.model.evict(key, include_live)
                );
            }
            Op::Clear => {
                self.cache.clear();
                self.model.pending.clear();
                self.model.kept.clear();
            }
            Op::ClearLive => {
                self.cache.clear_live();
                self.model.live.clear();
            }
            Op::SetLimits { max_entries, max_bytes } => {
                let limits = CacheLimits { max_entries, max_bytes };
                self.cache.set_limits(limits);
                self.model.limits = limits;
                if self.model.is_enabled() {
                    self.model.shrink();
                } else {
                    self.model.pending.clear();
                    self.model.kept.clear();
                }
            }
            Op::Pressure { is_critical } => {
                let level = if is_critical {
                    Pressure::Critical
                } else {
                    Pressure::Moderate
                };
                assert_eq!(self.cache.on_pressure(level), self.model.relieve(is_critical));
            }
        }
    }

    fn compare(&self) {
        let (cache, model) = (&self.cache, &self.model);
        for key in 0..KEYS {
            assert_eq!(cache.status(&key), model.status(key), "key {key}");
        }
        let statistics = cache.statistics();
        assert_eq!(statistics.pending_count, model.pending.len());
        assert_eq!(statistics.kept_count, model.kept.len());
        assert_eq!(statistics.kept_bytes, model.kept_bytes());
        assert_eq!(statistics.held_bytes, model.held_bytes());
        assert!(statistics.kept_bytes <= model.limits.max_bytes && statistics.kept_count <= model.limits.max_entries);
        let live = (0..KEYS).filter(|&key| model.live_load(key).is_some()).count();
        assert_eq!(cache.live_count(), live);
        assert_eq!(*self.announced.borrow(), self.due);
        for (load, stream) in &self.streams {
            assert_eq!(
                stream.image().map(|image| image.size_bytes()),
                match model.loads[*load] {
                    Load::Done(bytes) => Some(bytes),
                    _ => None,
                }
            );
        }
    }

    /// Evicts one by one to see the order of the kept list.
    fn compare_order(mut self) {
        while !self.model.kept.is_empty() {
            let max_entries = self.model.kept.len() - 1;
            self.run(&Op::SetLimits {
                max_entries,
                max_bytes: self.model.limits.max_bytes,
            });
            if max_entries > 0 {
                self.compare();
            }
        }
        let ledger = self.cache.ledger().clone();
        drop(self);
        assert_eq!(ledger.held_bytes(), 0, "nothing leaks");
        assert_eq!(ledger.unreported_bytes(), 0);
    }
}

fn take<T>(list: &mut Vec<T>, at: usize) -> Option<T> {
    (!list.is_empty()).then(|| list.remove(at % list.len()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_cache_behaves_like_three_plain_lists(
        max_entries in 0usize..6,
        max_words in 0usize..=60,
        program in prop::collection::vec(op(), 1..120),
    ) {
        let mut twins = Twins::new(CacheLimits { max_entries, max_bytes: 4 * max_words });
        for op in &program {
            twins.run(op);
            twins.compare();
        }
        twins.compare_order();
    }
}
