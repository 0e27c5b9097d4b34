//! Callbacks that do to the cache what they can: evict, clear, put, replace, drop and panic, at every point where the
//! embedder's code runs.

use std::cell::{Cell, RefCell};
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use tenure_resource::image_cache::{CacheLimits, ImageCache, ImageStream, LoadError, Pressure};

use crate::{Loads, image, load};

/// Everything that a callback can do to the cache at once.
fn rage(cache: &ImageCache<u32>, key: u32) {
    cache.evict(&key, true);
    load(cache, key, 8);
    drop(cache.get(&key));
    cache.on_pressure(Pressure::Moderate);
    cache.set_max_entries(1);
    load(cache, key + 100, 8);
    cache.clear();
    cache.clear_live();
    cache.set_limits(CacheLimits::DISABLED);
    cache.set_limits(CacheLimits::default());
    let _ = (cache.live_count(), cache.statistics(), cache.status(&key));
}

#[test]
fn a_listener_may_do_anything_to_the_cache() {
    let (cache, loads) = (ImageCache::new(), Loads::default());
    let stream = loads.request(&cache, 1);
    let (attacker, calls) = (cache.clone(), Rc::new(Cell::new(0)));
    let count = Rc::clone(&calls);
    let _first = stream.listen(move |result| {
        assert!(result.is_ok());
        rage(&attacker, 1);
        count.set(count.get() + 1);
    });
    let count = Rc::clone(&calls);
    let _second = stream.listen(move |result| {
        assert_eq!(result.unwrap().size_bytes(), 4, "the result is that of the load");
        count.set(count.get() + 1);
    });
    loads.take(1).complete(image(4, cache.ledger()));
    assert_eq!(calls.get(), 2);
    assert_eq!((cache.pending_count(), cache.kept_count()), (0, 0));
    assert_eq!(cache.ledger().held_bytes(), 4);
}

#[test]
fn a_loader_may_do_anything_to_the_cache() {
    let cache = ImageCache::<u32>::new();
    let (attacker, ledger) = (cache.clone(), cache.ledger().clone());
    let stream = cache.put_if_absent(1, |completer| {
        rage(&attacker, 1);
        completer.complete(image(4, &ledger));
    });
    assert_eq!(stream.image().unwrap().size_bytes(), 4);
    assert_eq!(cache.kept_count(), 0, "the load was evicted while it began");
}

#[test]
fn a_loader_that_requests_its_own_key_joins_its_own_load() {
    let (cache, loads) = (ImageCache::new(), Loads::default());
    let inner = RefCell::new(None::<ImageStream>);
    let outer = cache.put_if_absent(1, |completer| {
        *inner.borrow_mut() = Some(cache.put_if_absent(1, |_| unreachable!("it is being loaded")));
        loads.loader(1)(completer);
    });
    assert!(inner.borrow().as_ref().unwrap().is_same(&outer));
    loads.take(1).complete(image(4, cache.ledger()));
    assert_eq!((cache.kept_count(), cache.statistics().misses), (1, 1));
}

#[test]
fn a_loader_that_panics_leaves_nothing() {
    let cache = ImageCache::<u32>::new();
    let joined = RefCell::new(None::<ImageStream>);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        cache.put_if_absent(1, |_completer| {
            *joined.borrow_mut() = cache.get(&1);
            panic!("loader");
        })
    }));
    assert!(panic.is_err());
    assert!(!cache.status(&1).is_tracked());
    let result = joined.borrow().as_ref().unwrap().result().unwrap();
    assert!(matches!(*result.unwrap_err(), LoadError::Abandoned));
    load(&cache, 1, 4);
    assert_eq!(cache.kept_bytes(), 4);
}

#[test]
fn an_observer_may_do_anything_to_the_cache() {
    let cache = ImageCache::<u32>::new();
    let (attacker, depth, calls) = (cache.downgrade(), Cell::new(0), Rc::new(Cell::new(0)));
    let count = Rc::clone(&calls);
    cache.set_observer(move |event| {
        count.set(count.get() + 1);
        if depth.get() < 3 {
            depth.set(depth.get() + 1);
            rage(&attacker.upgrade().unwrap(), *event.key());
        }
    });
    load(&cache, 1, 4);
    assert!(
        calls.get() > 6,
        "events of the observer's own calls are told, too: {}",
        calls.get()
    );
    assert_eq!(cache.ledger().held_bytes(), cache.kept_bytes());
}

#[test]
fn an_observer_may_replace_itself() {
    let cache = ImageCache::<u32>::new();
    let calls = Rc::new(RefCell::new(Vec::new()));
    let (weak, log) = (cache.downgrade(), Rc::clone(&calls));
    cache.set_observer(move |_| {
        log.borrow_mut().push("old");
        let log = Rc::clone(&log);
        weak.upgrade()
            .unwrap()
            .set_observer(move |_| log.borrow_mut().push("new"));
    });
    load(&cache, 1, 4);
    assert_eq!(calls.take(), ["old", "new"]);
    let weak = cache.downgrade();
    cache.set_observer(move |_| weak.upgrade().unwrap().remove_observer());
    load(&cache, 2, 4);
    load(&cache, 3, 4);
    assert_eq!(calls.take(), Vec::<&str>::new());
}

#[test]
fn an_observer_that_panics_stays_and_no_load_is_lost() {
    let cache = ImageCache::<u32>::new();
    let calls = Rc::new(Cell::new(0));
    let count = Rc::clone(&calls);
    cache.set_observer(move |_| {
        count.set(count.get() + 1);
        assert!(count.get() != 1, "the first event");
    });
    let joined = catch_unwind(AssertUnwindSafe(|| load(&cache, 1, 4)));
    assert!(joined.is_err());
    assert!(
        !cache.status(&1).is_tracked(),
        "the load that could not begin has ended"
    );
    load(&cache, 1, 4);
    assert_eq!(cache.kept_bytes(), 4);
    assert!(calls.get() >= 3);
}

#[test]
fn a_listener_that_panics_leaves_the_cache_whole() {
    let (cache, loads) = (ImageCache::new(), Loads::default());
    let stream = loads.request(&cache, 1);
    let _subscription = stream.listen(|_| panic!("listener"));
    let completer = loads.take(1);
    let decoded = image(4, cache.ledger());
    assert!(catch_unwind(AssertUnwindSafe(|| completer.complete(decoded))).is_err());
    assert_eq!(
        (cache.kept_count(), cache.kept_bytes(), cache.pending_count()),
        (1, 4, 0)
    );
}

#[test]
fn a_listener_may_request_its_own_key_after_a_failure() {
    let (cache, loads) = (ImageCache::new(), Loads::default());
    let stream = loads.request(&cache, 1);
    let (retry, retry_loads, second) = (cache.clone(), loads.clone(), Rc::new(RefCell::new(None)));
    let slot = Rc::clone(&second);
    let _subscription = stream.listen(move |_| *slot.borrow_mut() = Some(retry_loads.request(&retry, 1)));
    loads.take(1).fail(LoadError::Abandoned);
    loads.take(1).complete(image(4, cache.ledger()));
    assert!(second.borrow().as_ref().unwrap().image().is_some());
    assert_eq!(cache.kept_count(), 1);
}

#[test]
fn a_listener_may_drop_everything_that_leads_to_it() {
    let (cache, loads) = (ImageCache::new(), Loads::default());
    let stream = loads.request(&cache, 1);
    let everything = Rc::new(RefCell::new(None));
    let slot = Rc::clone(&everything);
    let subscription = stream.listen(move |_| drop(slot.borrow_mut().take()));
    let ledger = cache.ledger().clone();
    *everything.borrow_mut() = Some((cache, stream, subscription));
    loads.take(1).complete(image(4, &ledger));
    assert!(everything.borrow().is_none());
    assert_eq!(ledger.held_bytes(), 0);
}

/// A key whose drop calls the cache, as a key that owns something might.
struct Clinging {
    id: u32,
    cache: Rc<RefCell<Option<ImageCache<Clinging>>>>,
}

impl PartialEq for Clinging {
    fn eq(&self, other: &Clinging) -> bool {
        self.id == other.id
    }
}

impl Eq for Clinging {}

impl Hash for Clinging {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl Drop for Clinging {
    fn drop(&mut self) {
        if let Ok(cache) = self.cache.try_borrow()
            && let Some(cache) = &*cache
        {
            cache.on_pressure(Pressure::Critical);
            let _ = (cache.live_count(), cache.status(self));
        }
    }
}

#[test]
fn the_drop_of_a_key_may_call_the_cache() {
    let shared = Rc::new(RefCell::new(None));
    let cache = ImageCache::with_limits(CacheLimits {
        max_entries: 2,
        max_bytes: 1000,
    });
    *shared.borrow_mut() = Some(cache.clone());
    let key = |id| Clinging {
        id,
        cache: Rc::clone(&shared),
    };
    let ledger = cache.ledger().clone();
    for id in 0..300 {
        drop(cache.put_if_absent(key(id % 7), |completer| match id % 3 {
            0 => drop(completer),
            _ => completer.complete(image(4, &ledger)),
        }));
        if id % 5 == 0 {
            cache.evict(&key(id % 7), true);
        }
    }
    cache.clear_live();
    cache.clear();
    assert_eq!(ledger.held_bytes(), 0);
    // The keys hold the cache that holds the keys: this test ends the circle that it made.
    shared.borrow_mut().take();
}
