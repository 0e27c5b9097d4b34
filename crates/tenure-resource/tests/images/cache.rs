//! What each operation of the cache promises.

use std::cell::RefCell;
use std::rc::Rc;

use tenure_resource::image_cache::{
    CacheEventKind, CacheLimits, EvictionCause, ImageCache, ImageStatus, LoadError, Pressure,
};

use crate::{Loads, image, load};

fn status(is_pending: bool, is_kept: bool, is_live: bool) -> ImageStatus {
    ImageStatus {
        is_pending,
        is_kept,
        is_live,
    }
}

fn small(max_entries: usize, max_bytes: usize) -> ImageCache<u32> {
    ImageCache::with_limits(CacheLimits { max_entries, max_bytes })
}

#[test]
fn a_key_goes_from_pending_to_kept_and_live_to_kept() {
    let (cache, loads) = (ImageCache::new(), Loads::default());
    assert_eq!(cache.status(&1), status(false, false, false));
    let stream = loads.request(&cache, 1);
    assert_eq!(cache.status(&1), status(true, false, true));
    loads.take(1).complete(image(40, cache.ledger()));
    assert_eq!(cache.status(&1), status(false, true, true));
    drop(stream);
    assert_eq!(cache.status(&1), status(false, true, false));
    assert_eq!((cache.kept_count(), cache.kept_bytes(), cache.live_count()), (1, 40, 0));
}

#[test]
fn equal_requests_share_a_load() {
    let (cache, loads) = (ImageCache::new(), Loads::default());
    let (first, second) = (loads.request(&cache, 1), loads.request(&cache, 1));
    assert!(first.is_same(&second));
    assert_eq!(loads.started(1), 1);
    let statistics = cache.statistics();
    assert_eq!((statistics.misses, statistics.pending_hits), (1, 1));
}

#[test]
fn the_least_recently_used_goes_first() {
    let cache = small(3, 1000);
    for key in 1..=3 {
        load(&cache, key, 40);
    }
    assert!(cache.get(&1).is_some());
    load(&cache, 4, 40);
    assert_eq!([1, 2, 3, 4].map(|key| cache.contains(&key)), [true, false, true, true]);
    assert_eq!(cache.statistics().evictions, 1);
}

#[test]
fn bytes_are_a_limit_of_their_own() {
    let cache = small(10, 100);
    for key in 1..=3 {
        load(&cache, key, 40);
    }
    assert_eq!((cache.contains(&1), cache.kept_bytes()), (false, 80));
    load(&cache, 4, 100);
    assert_eq!(
        (cache.kept_count(), cache.kept_bytes()),
        (1, 100),
        "exactly the maximum fits"
    );
}

#[test]
fn what_is_larger_than_the_cache_is_delivered_and_evicts_nothing() {
    let cache = small(10, 100);
    load(&cache, 1, 40);
    let ledger = cache.ledger().clone();
    let stream = cache.put_if_absent(2, |completer| completer.complete(image(104, &ledger)));
    assert_eq!(stream.image().map(|image| image.size_bytes()), Some(104));
    assert_eq!(
        cache.status(&2),
        status(false, false, true),
        "found as long as it is held"
    );
    assert!(cache.put_if_absent(2, |_| unreachable!("it is live")).is_same(&stream));
    drop(stream);
    assert_eq!(cache.status(&2), status(false, false, false));
    assert!(cache.contains(&1));
    assert_eq!(cache.statistics().too_large, 2, "once loaded, once found again");
}

#[test]
fn an_image_alone_is_enough_to_be_live() {
    let cache = small(10, 100);
    let ledger = cache.ledger().clone();
    let held = cache
        .put_if_absent(1, |completer| completer.complete(image(40, &ledger)))
        .image()
        .unwrap();
    assert_eq!(cache.status(&1), status(false, true, true));
    cache.clear();
    assert_eq!(cache.status(&1), status(false, false, true));
    let again = cache.put_if_absent(1, |_| unreachable!("somebody holds the image"));
    assert!(again.image().unwrap().is_same(&held));
    assert_eq!(cache.status(&1), status(false, true, true), "kept again");
    assert_eq!(cache.statistics().live_hits, 1);
}

#[test]
fn a_failed_load_leaves_nothing_and_is_tried_again() {
    let (cache, loads) = (ImageCache::new(), Loads::default());
    let stream = loads.request(&cache, 1);
    let heard = Rc::new(RefCell::new(Vec::new()));
    let listeners: Vec<_> = (0..2)
        .map(|_| {
            let heard = Rc::clone(&heard);
            stream.listen(move |result| heard.borrow_mut().push(result.unwrap_err()))
        })
        .collect();
    loads.take(1).fail(LoadError::UnsupportedFormat);
    assert_eq!(
        cache.status(&1),
        status(false, false, false),
        "though the stream is still held"
    );
    let heard = heard.take();
    assert!(
        heard.len() == 2
            && heard
                .iter()
                .all(|error| matches!(**error, LoadError::UnsupportedFormat))
    );
    assert!(std::sync::Arc::ptr_eq(&heard[0], &heard[1]), "one error for all");
    let again = loads.request(&cache, 1);
    loads.take(1).complete(image(4, cache.ledger()));
    assert!(again.image().is_some() && stream.image().is_none());
    assert_eq!(cache.statistics().failed, 1);
    drop(listeners);
}

#[test]
fn a_load_may_fail_at_once() {
    let cache = ImageCache::<u32>::new();
    let stream = cache.put_if_absent(1, |completer| completer.fail(LoadError::UnsupportedFormat));
    assert!(stream.result().unwrap().is_err());
    assert!(!cache.status(&1).is_tracked());
    let stream = cache.put_if_absent(1, drop);
    assert!(matches!(*stream.result().unwrap().unwrap_err(), LoadError::Abandoned));
    assert!(!cache.status(&1).is_tracked());
}

#[test]
fn an_evicted_load_reaches_its_listeners_but_not_the_cache() {
    for include_live in [false, true] {
        let (cache, loads) = (ImageCache::new(), Loads::default());
        let stream = loads.request(&cache, 1);
        assert!(cache.evict(&1, include_live));
        assert_eq!(cache.status(&1), status(false, false, !include_live));
        loads.take(1).complete(image(4, cache.ledger()));
        assert!(stream.image().is_some());
        assert_eq!(cache.status(&1), status(false, false, !include_live));
        assert_eq!(cache.kept_bytes(), 0);
    }
}

#[test]
fn an_evicted_load_that_is_held_is_joined_and_then_kept() {
    let (cache, loads) = (ImageCache::new(), Loads::default());
    let stream = loads.request(&cache, 1);
    cache.evict(&1, false);
    assert!(loads.request(&cache, 1).is_same(&stream));
    assert_eq!(loads.started(1), 1);
    assert_eq!(cache.status(&1), status(true, false, true));
    loads.take(1).complete(image(4, cache.ledger()));
    assert_eq!(cache.status(&1), status(false, true, true));
}

#[test]
fn the_result_of_an_evicted_load_does_not_replace_that_of_its_successor() {
    let (cache, loads) = (ImageCache::new(), Loads::default());
    let old = loads.request(&cache, 1);
    cache.evict(&1, true);
    let new = loads.request(&cache, 1);
    let (old_load, new_load) = (loads.take(1), loads.take(1));
    new_load.complete(image(8, cache.ledger()));
    old_load.complete(image(4, cache.ledger()));
    assert_eq!(cache.kept_bytes(), 8);
    assert!(cache.get(&1).unwrap().image().unwrap().is_same(&new.image().unwrap()));
    assert_eq!(old.image().unwrap().size_bytes(), 4);
}

#[test]
fn an_old_load_that_fails_does_not_remove_its_successor() {
    let (cache, loads) = (ImageCache::new(), Loads::default());
    let _old = loads.request(&cache, 1);
    cache.evict(&1, true);
    let _new = loads.request(&cache, 1);
    loads.take(1).fail(LoadError::Abandoned);
    assert_eq!(cache.status(&1), status(true, false, true));
}

#[test]
fn evicting_what_is_kept_leaves_it_live_unless_told_otherwise() {
    let (cache, loads) = (ImageCache::new(), Loads::default());
    let stream = loads.request(&cache, 1);
    loads.take(1).complete(image(4, cache.ledger()));
    assert!(cache.evict(&1, false));
    assert_eq!(cache.status(&1), status(false, false, true));
    assert!(!cache.evict(&1, false));
    assert!(cache.evict(&1, true));
    assert!(!cache.evict(&1, true));
    let again = loads.request(&cache, 1);
    assert!(
        again.is_loading() && !again.is_same(&stream),
        "loaded anew though somebody holds the old one"
    );
}

#[test]
fn clearing_forgets_loads_and_kept_images_but_not_live_ones() {
    let (cache, loads) = (ImageCache::new(), Loads::default());
    load(&cache, 1, 40);
    let held = loads.request(&cache, 2);
    drop(loads.request(&cache, 3));
    cache.clear();
    assert_eq!(cache.status(&1), status(false, false, false));
    assert_eq!(cache.status(&2), status(false, false, true));
    assert_eq!(cache.status(&3), status(false, false, false));
    loads.take(2).complete(image(4, cache.ledger()));
    loads.take(3).complete(image(4, cache.ledger()));
    assert_eq!((cache.kept_count(), cache.ledger().held_bytes()), (0, 4));
    assert!(held.image().is_some());
}

#[test]
fn clearing_what_is_live_lets_loads_be_kept_all_the_same() {
    let (cache, loads) = (ImageCache::new(), Loads::default());
    let stream = loads.request(&cache, 1);
    cache.clear_live();
    assert_eq!(cache.status(&1), status(true, false, false));
    loads.take(1).complete(image(4, cache.ledger()));
    assert_eq!(cache.status(&1), status(false, true, true));
    cache.clear_live();
    assert_eq!(cache.status(&1), status(false, true, false));
    let again = cache.get(&1).unwrap();
    assert!(
        again.image().unwrap().is_same(&stream.image().unwrap()),
        "the same image"
    );
    drop(again);
    assert_eq!(
        cache.status(&1),
        status(false, true, true),
        "found again, the first holder counts again"
    );
}

#[test]
fn with_limits_of_zero_only_what_is_held_is_shared() {
    for limits in [(0, 100), (100, 0), (0, 0)] {
        let (cache, loads) = (small(limits.0, limits.1), Loads::default());
        let stream = loads.request(&cache, 1);
        assert_eq!(cache.status(&1), status(false, false, true));
        assert!(loads.request(&cache, 1).is_same(&stream));
        loads.take(1).complete(image(4, cache.ledger()));
        assert_eq!(cache.status(&1), status(false, false, true));
        drop(stream);
        assert_eq!(cache.status(&1), status(false, false, false));
        assert_eq!(cache.ledger().held_bytes(), 0);
    }
}

#[test]
fn a_load_begun_while_disabled_is_not_kept_after_enabling() {
    let (cache, loads) = (small(0, 0), Loads::default());
    let _stream = loads.request(&cache, 1);
    cache.set_limits(CacheLimits::default());
    loads.take(1).complete(image(4, cache.ledger()));
    assert_eq!(cache.status(&1), status(false, false, true));
}

#[test]
fn lowering_limits_evicts_and_zero_clears() {
    let (cache, loads) = (small(10, 1000), Loads::default());
    for key in 1..=5 {
        load(&cache, key, 40);
    }
    cache.set_max_entries(4);
    assert!(!cache.contains(&1) && cache.contains(&2));
    cache.set_max_bytes(90);
    assert_eq!((cache.kept_count(), cache.kept_bytes()), (2, 80));
    let _pending = loads.request(&cache, 9);
    cache.set_max_bytes(0);
    assert_eq!((cache.kept_count(), cache.pending_count()), (0, 0));
    cache.set_max_bytes(90);
    assert_eq!(
        cache.limits(),
        CacheLimits {
            max_entries: 4,
            max_bytes: 90
        }
    );
    loads.take(9).complete(image(4, cache.ledger()));
    assert_eq!(cache.kept_count(), 0);
}

#[test]
fn limits_lowered_during_a_load_hold_for_its_result() {
    let (cache, loads) = (small(10, 1000), Loads::default());
    drop(loads.request(&cache, 1));
    cache.set_max_bytes(36);
    loads.take(1).complete(image(40, cache.ledger()));
    assert_eq!((cache.kept_bytes(), cache.ledger().held_bytes()), (0, 0));
}

#[test]
fn precaching_holds_nothing_and_reports() {
    let (cache, loads) = (ImageCache::new(), Loads::default());
    let heard = Rc::new(RefCell::new(Vec::new()));
    for key in [1, 2] {
        let heard = Rc::clone(&heard);
        cache.precache(key, loads.loader(key), move |result| {
            heard.borrow_mut().push(result.is_ok())
        });
        assert_eq!(cache.status(&key), status(true, false, false));
    }
    loads.take(1).complete(image(4, cache.ledger()));
    loads.take(2).fail(LoadError::UnsupportedFormat);
    assert_eq!(heard.take(), [true, false]);
    assert_eq!(cache.status(&1), status(false, true, false));
    assert_eq!(cache.status(&2), status(false, false, false));
    cache.precache(
        1,
        |_| unreachable!("kept"),
        move |result| heard.borrow_mut().push(result.is_ok()),
    );
}

#[test]
fn pressure_frees_what_nobody_holds_the_oldest_first() {
    let (cache, loads) = (small(10, 1000), Loads::default());
    let held = loads.request(&cache, 1);
    loads.take(1).complete(image(400, cache.ledger()));
    for key in 2..=5 {
        load(&cache, key, 40);
    }
    assert_eq!(cache.on_pressure(Pressure::Moderate), 80);
    assert_eq!(
        [1, 2, 3, 4, 5].map(|key| cache.contains(&key)),
        [true, false, false, true, true]
    );
    assert_eq!(cache.on_pressure(Pressure::Critical), 80);
    assert_eq!((cache.kept_count(), cache.ledger().held_bytes()), (1, 400));
    assert_eq!(
        cache.on_pressure(Pressure::Critical),
        0,
        "evicting what is held would free nothing"
    );
    drop(held);
    assert_eq!(
        cache.on_pressure(Pressure::Moderate),
        400,
        "half of one image is the image"
    );
    assert_eq!(cache.statistics().pressure_evictions, 5);
}

#[test]
fn the_observer_hears_everything_in_order() {
    let (cache, loads) = (small(1, 100), Loads::default());
    let heard = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&heard);
    cache.set_observer(move |event| {
        let text = match event.kind() {
            CacheEventKind::Hit(status) => format!("hit {}", status.is_live),
            CacheEventKind::Miss => "miss".into(),
            CacheEventKind::Loaded { size_bytes } => format!("loaded {size_bytes}"),
            CacheEventKind::Failed(error) => format!("failed {}", error.is_retryable()),
            CacheEventKind::TooLarge { size_bytes } => format!("too large {size_bytes}"),
            CacheEventKind::Evicted { size_bytes, cause } => {
                format!("evicted {size_bytes} {}", matches!(cause, EvictionCause::Limit))
            }
            CacheEventKind::Forgotten => "forgotten".into(),
            _ => "something new".into(),
        };
        log.borrow_mut().push(format!("{} {text}", event.key()));
    });
    load(&cache, 1, 40);
    drop(cache.get(&1));
    load(&cache, 2, 60);
    load(&cache, 3, 104);
    drop(cache.put_if_absent(4, drop));
    drop(loads.request(&cache, 5));
    cache.clear();
    let expected = "1 miss, 1 loaded 40, 1 hit false, 2 miss, 2 loaded 60, 1 evicted 40 true, 3 miss, 3 loaded 104, \
                    3 too large 104, 4 miss, 4 failed true, 5 miss, 5 forgotten, 2 evicted 60 false";
    assert_eq!(heard.take().join(", "), expected);
    cache.remove_observer();
    load(&cache, 6, 4);
    assert_eq!(heard.take(), Vec::<String>::new());
}

#[test]
fn the_live_list_does_not_grow_with_what_is_gone() {
    let cache = small(2, 1000);
    for key in 0..10_000 {
        load(&cache, key, 4);
    }
    assert_eq!(cache.live_count(), 0);
    let held: Vec<_> = (0..500)
        .map(|key| {
            let ledger = cache.ledger().clone();
            cache.put_if_absent(key, |completer| completer.complete(image(4, &ledger)))
        })
        .collect();
    assert_eq!(cache.live_count(), 500);
    drop(held);
    assert_eq!(cache.live_count(), 0);
}

#[test]
fn a_cache_that_is_gone_does_not_keep_its_loads_from_ending() {
    let (cache, loads) = (ImageCache::new(), Loads::default());
    let stream = loads.request(&cache, 1);
    let (weak, ledger) = (cache.downgrade(), cache.ledger().clone());
    assert!(weak.upgrade().is_some());
    drop(cache);
    assert!(weak.upgrade().is_none());
    loads.take(1).complete(image(4, &ledger));
    assert!(stream.image().is_some());
    drop(stream);
    assert_eq!(ledger.held_bytes(), 0);
}
