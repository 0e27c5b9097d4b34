//! The way of a resource from its request to its value, its failure, or its cancellation.

use std::cell::Cell;
use std::rc::Rc;

use super::super::{AtOnce, KeepAll, LoadError, LoadOutcome, LoadState, Loaded, Priority, RefusedReason};
use super::{assert_balanced, cache, load, load_all, panics, request};

#[test]
fn equal_keys_share_one_load() {
    let (cache, _) = cache(KeepAll);
    let handles = [request(&cache, "a"), request(&cache, "a"), request(&cache, "b")];
    assert!(handles.iter().all(|handle| handle.value().is_none()));
    assert_eq!(load_all(&cache), ["a", "b"]);
    assert!(handles.iter().all(|handle| handle.value() == Some(&7)));
    assert_eq!((handles[0].count(), handles[2].count()), (2, 1));
    let s = cache.statistics();
    assert_eq!((s.missed, s.coalesced, s.hits, s.loaded), (2, 1, 0, 2));
    let again = request(&cache, "a");
    assert_eq!((again.value(), cache.statistics().hits), (Some(&7), 1));
    assert_eq!(cache.statistics().hit_rate(), Some(0.25));
    assert_balanced(&cache);
}

#[test]
fn the_most_urgent_goes_first_and_may_be_raised() {
    let (cache, _) = cache(KeepAll);
    let _handles = ["a", "b", "c", "d", "e", "f"].map(|key| request(&cache, key));
    let urgent = cache.request("g", Priority::HIGH, "test");
    assert!(cache.raise("d", Priority::HIGH), "asked for before g");
    let _again = cache.request("c", Priority::BLOCKING, "test");
    let _lower = cache.request("c", Priority::BACKGROUND, "test");
    assert_eq!(
        cache.state("c"),
        Some(LoadState::Queued {
            priority: Priority::BLOCKING
        })
    );
    assert_eq!(cache.set_priority("a", Priority::BACKGROUND), Some(Priority::NORMAL));
    assert!(
        urgent.raise(Priority::BACKGROUND),
        "waits, and stays as urgent as it was"
    );
    assert_eq!(load_all(&cache), ["c", "d", "g", "b", "e", "f", "a"]);
    assert!(
        !cache.raise("a", Priority::HIGH) && !urgent.raise(Priority::HIGH),
        "nothing waits any longer"
    );
    assert_eq!(cache.set_priority("a", Priority::HIGH), None);
    assert!(!cache.raise("unknown", Priority::HIGH));
    assert_balanced(&cache);
}

#[test]
fn a_waiting_load_that_nobody_wants_is_canceled() {
    let (cache, _) = cache(KeepAll);
    let (one, other) = (request(&cache, "a"), request(&cache, "a"));
    drop(one);
    assert_eq!(cache.len(), 1);
    drop(other);
    assert_eq!(
        (cache.len(), cache.statistics().canceled, cache.statistics().queued),
        (0, 1, 0)
    );
    assert!(load_all(&cache).is_empty());
    // What is prefetched needs no holder, also if one came and went.
    cache.prefetch("b", Priority::BACKGROUND);
    drop(request(&cache, "b"));
    let held = request(&cache, "c");
    cache.prefetch("c", Priority::BACKGROUND);
    drop(held);
    assert_eq!(load_all(&cache), ["b", "c"]);
    assert!(cache.is_ready("b") && cache.is_ready("c"));
    assert_balanced(&cache);
}

#[test]
fn prefetches_can_be_canceled_together() {
    let (cache, _) = cache(KeepAll);
    for key in ["a", "b", "c"] {
        cache.prefetch(key, Priority::BACKGROUND);
    }
    let held = request(&cache, "b");
    assert_eq!(cache.cancel_prefetches(), 2);
    assert_eq!((cache.len(), cache.statistics().canceled), (1, 2));
    assert_eq!(load_all(&cache), ["b"]);
    assert!(held.value().is_some());
    assert_balanced(&cache);
}

#[test]
fn a_canceled_load_tells_its_holders_and_can_be_retried() {
    let (cache, _) = cache(KeepAll);
    let handle = request(&cache, "a");
    assert!(cache.cancel("a") && !cache.cancel("a") && !cache.cancel("unknown"));
    assert_eq!((handle.state(), cache.statistics().queued), (LoadState::Canceled, 0));
    assert_eq!(
        request(&cache, "a").state(),
        LoadState::Canceled,
        "not repeated by itself"
    );
    assert!(handle.retry(Priority::HIGH) && !handle.retry(Priority::HIGH));
    assert_eq!(load_all(&cache), ["a"]);
    assert!(!cache.cancel("a"), "too late");
    assert_eq!(cache.statistics().retried, 1);
    assert_eq!(cache.statistics().refused, 1);
    assert_balanced(&cache);
}

#[test]
fn a_late_result_of_a_canceled_load_is_refused() {
    let (cache, _) = cache(KeepAll);
    let handle = request(&cache, "a");
    let first = cache.next_ticket().unwrap();
    assert!(first.is_wanted() && cache.next_ticket().is_none());
    assert!(cache.cancel("a") && !first.is_wanted());
    assert!(handle.retry(Priority::NORMAL));
    let second = cache.next_ticket().unwrap();
    assert_eq!((first.attempt(), second.attempt()), (1, 2));
    assert!(first.id() != second.id() && !first.is_wanted() && second.is_wanted());
    let refused = first.complete(Loaded::new(1, 1)).unwrap_err();
    assert_eq!((refused.value, refused.reason), (1, RefusedReason::Canceled));
    assert!(refused.to_string().contains("canceled"));
    assert_eq!(handle.state(), LoadState::Loading, "the second attempt goes on");
    second.complete(Loaded::new(2, 1)).unwrap();
    assert_eq!(handle.value(), Some(&2));
    // Canceled while nobody held it: the entry is gone, and a new one has nothing to do with the old ticket.
    cache.prefetch("b", Priority::NORMAL);
    let old = cache.next_ticket().unwrap();
    cache.cancel("b");
    assert_eq!(cache.state("b"), None);
    let new = request(&cache, "b");
    assert!(old.fail("late").is_err());
    assert!(matches!(new.state(), LoadState::Queued { .. }));
    assert_eq!(cache.statistics().loading, 0);
    assert_balanced(&cache);
}

#[test]
fn a_load_under_way_outlives_its_holders() {
    let (cache, _) = cache(KeepAll);
    drop(request(&cache, "never begun"));
    let handle = request(&cache, "a");
    let ticket = cache.next_ticket().unwrap();
    drop(handle);
    assert!(!ticket.is_wanted(), "so that a loader can stop early");
    assert_eq!(cache.state("a"), Some(LoadState::Loading));
    ticket.complete(Loaded::new(3, 10)).unwrap();
    assert!(cache.is_ready("a"), "what is there is left to the policy");
    assert_eq!(cache.statistics().unused_bytes, 10);
    assert_balanced(&cache);
}

#[test]
fn what_nobody_holds_when_it_comes_is_left_to_the_policy() {
    let (cache, _) = cache(AtOnce);
    cache.prefetch("a", Priority::NORMAL);
    assert_eq!(load_all(&cache), ["a"]);
    assert_eq!((cache.len(), cache.statistics().released.policy), (0, 1));
    assert_balanced(&cache);
}

#[test]
fn a_failure_is_told_to_its_holders_and_repeated_on_demand() {
    let (cache, _) = cache(KeepAll);
    let handle = request(&cache, "a");
    let (key, outcome) = cache.load_next(|_| Err("no file")).unwrap();
    assert_eq!(key, "a");
    assert!(matches!(outcome, LoadOutcome::Failed(error) if *error == "no file"));
    assert_eq!(
        (handle.state(), handle.error().map(|e| *e)),
        (LoadState::Failed, Some("no file"))
    );
    assert_eq!(request(&cache, "a").state(), LoadState::Failed);
    assert!(load_all(&cache).is_empty(), "not repeated by itself");
    assert!(cache.retry("a", Priority::NORMAL) && !cache.retry("a", Priority::NORMAL));
    assert!(handle.error().is_none());
    cache.load_next(|_| Err("still none")).unwrap();
    assert_eq!(handle.error().map(|e| *e), Some("still none"));
    assert!(handle.retry(Priority::NORMAL));
    let ticket = cache.next_ticket().unwrap();
    assert_eq!(ticket.attempt(), 3);
    ticket.complete(Loaded::new(9, 1)).unwrap();
    assert_eq!((handle.value(), handle.retry(Priority::NORMAL)), (Some(&9), false));
    let s = cache.statistics();
    assert_eq!((s.failed, s.retried, s.loaded, s.started), (2, 2, 1, 3));
    assert_balanced(&cache);
}

#[test]
fn a_failure_that_nobody_holds_is_forgotten() {
    let (cache, _) = cache(KeepAll);
    cache.prefetch("a", Priority::NORMAL);
    cache.load_next(|_| Err("no file")).unwrap();
    assert_eq!(cache.state("a"), None);
    let handle = request(&cache, "a");
    cache.load_next(|_| Err("no file")).unwrap();
    assert_eq!(cache.state("a"), Some(LoadState::Failed));
    drop(handle);
    assert_eq!(cache.state("a"), None);
    let handle = request(&cache, "a");
    cache.cancel("a");
    drop(handle);
    assert!(cache.is_empty());
    assert!(
        matches!(request(&cache, "a").state(), LoadState::Queued { .. }),
        "a new demand is a new try"
    );
    assert_balanced(&cache);
}

#[test]
fn a_loader_that_panics_or_goes_away_leaves_nobody_waiting() {
    let (cache, _) = cache(KeepAll);
    let handle = request(&cache, "a");
    panics(|| cache.load_next(|_| -> Result<_, _> { panic!("decoder") }));
    assert_eq!(handle.state(), LoadState::Canceled);
    handle.retry(Priority::NORMAL);
    drop(cache.next_ticket());
    assert_eq!(handle.state(), LoadState::Canceled);
    panics(|| cache.get_or_load("b", "test", |_| -> Result<_, _> { panic!("decoder") }));
    assert_eq!(cache.state("b"), None, "nobody holds it");
    handle.retry(Priority::NORMAL);
    panics(|| cache.load_until(u64::MAX, |_| -> Result<_, _> { panic!("decoder") }));
    let s = cache.statistics();
    assert_eq!((s.abandoned, s.loading, s.started), (4, 0, 4));
    assert_balanced(&cache);
}

#[test]
fn here_and_now_takes_over_what_waits_failed_or_was_canceled() {
    let (cache, _) = cache(KeepAll);
    let waiting = request(&cache, "a");
    let now = load(&cache, "a", 5);
    assert_eq!(
        (waiting.value(), now.bytes(), cache.statistics().queued),
        (Some(&7), 5, 0)
    );
    let handle = request(&cache, "b");
    cache.load_next(|_| Err("no file")).unwrap();
    assert!(matches!(
        cache.get_or_load("b", "test", |_| Err("again")),
        Err(LoadError::Failed(error)) if *error == "again"
    ));
    assert_eq!((handle.error().map(|e| *e), handle.count()), (Some("again"), 1));
    cache.cancel("b");
    assert_eq!(load(&cache, "b", 5).value(), handle.value());
    let ready = cache.get_or_load("b", "test", |_| unreachable!("it is there"));
    assert_eq!(ready.unwrap().value(), Some(&7));
    let _waits = request(&cache, "c");
    let _ticket = cache.next_ticket().unwrap();
    let error = cache.get_or_load("c", "test", |_| Err("not called")).unwrap_err();
    assert!(matches!(error, LoadError::UnderWay) && error.to_string().contains("request"));
    assert_balanced(&cache);
}

#[test]
fn looking_up_finds_only_what_is_ready() {
    let (cache, _) = cache(KeepAll);
    assert!(cache.get("a", "test").is_none());
    let handle = request(&cache, "a");
    assert!(cache.get("a", "test").is_none());
    load_all(&cache);
    assert_eq!(cache.get("a", "test").unwrap().count(), 2);
    assert_eq!((handle.count(), cache.count("a"), cache.count("b")), (1, 1, 0));
    let s = cache.statistics();
    assert_eq!((s.hits, s.missed), (1, 3));
    assert_balanced(&cache);
}

#[test]
fn loading_stops_at_the_deadline() {
    let (cache, clock) = cache(KeepAll);
    let _handles = ["a", "b", "c", "d"].map(|key| request(&cache, key));
    let slow = |key: &&'static str| {
        clock.advance_ns(10);
        if *key == "b" {
            Err("no file")
        } else {
            Ok(Loaded::new(1, 1))
        }
    };
    let done = cache.load_until(25, slow);
    assert_eq!(
        (done.loaded, done.failed, done.waiting),
        (2, 1, 1),
        "the third began at 20"
    );
    assert_eq!(cache.load_until(30, slow).loaded, 0, "it is 30");
    assert_eq!(cache.load_until(u64::MAX, slow).loaded, 1);
    assert_balanced(&cache);
}

#[test]
fn loaders_may_ask_for_parts_and_not_for_themselves() {
    let (cache, _) = cache(KeepAll);
    let depth = Cell::new(0);
    let atlas = cache.get_or_load("atlas", "test", |_| {
        let part = load(&cache, "part", 10);
        let itself = cache.get_or_load("atlas", "test", |_| Err("not called"));
        assert!(matches!(itself, Err(LoadError::UnderWay)));
        depth.set(depth.get() + 1);
        Ok(Loaded::new(part.value().copied().unwrap_or(0) + 1, 1))
    });
    assert_eq!((atlas.unwrap().value(), depth.get()), (Some(&8), 1));
    assert!(cache.is_ready("part"));
    let canceled = cache.get_or_load("c", "test", |_| {
        assert!(cache.cancel("c"));
        Ok(Loaded::new(1, 1))
    });
    assert!(matches!(canceled, Err(LoadError::Canceled)));
    let _waiting = request(&cache, "d");
    let (_, outcome) = cache
        .load_next(|_| {
            cache.cancel("d");
            Err("ignored")
        })
        .unwrap();
    assert!(matches!(outcome, LoadOutcome::Canceled));
    let done = cache.load_until(0, |_| Err("no time"));
    assert_eq!((done.canceled, done.waiting), (0, 0));
    assert_balanced(&cache);
}

#[test]
fn handles_and_tickets_outlive_the_cache() {
    let (cache, _) = cache(KeepAll);
    let ready = load(&cache, "a", 1);
    let waiting = request(&cache, "b");
    let loading = cache.request("c", Priority::HIGH, "test");
    let first = cache.next_ticket().unwrap();
    cache.prefetch("d", Priority::HIGH);
    let second = cache.next_ticket().unwrap();
    assert_eq!((*first.key(), *second.key()), ("c", "d"));
    drop(cache);
    assert_eq!((ready.value(), ready.state()), (Some(&7), LoadState::Ready));
    assert_eq!(
        (waiting.state(), loading.state()),
        (LoadState::Canceled, LoadState::Canceled)
    );
    assert!(!first.is_wanted());
    let refused = first.complete(Loaded::new(5, 1)).unwrap_err();
    assert_eq!((refused.value, refused.reason), (5, RefusedReason::CacheGone));
    assert_eq!(second.fail("late").unwrap_err().value, "late");
    assert!(!waiting.retry(Priority::HIGH) && !waiting.raise(Priority::HIGH) && !ready.resize(5));
    ready.touch();
    let other = ready.hold_as("other");
    assert_eq!((other.count(), other.holder().name()), (2, "other"));
    drop(ready);
    assert_eq!(other.value(), Some(&7));
}

#[test]
fn a_ticket_that_came_too_late_keeps_no_value() {
    let value = Rc::new(());
    let cache: super::super::CountedCache<u8, Rc<()>> =
        super::super::CountedCache::new(super::super::CacheConfig::new(AtOnce));
    let handle = cache.request(1, Priority::NORMAL, "test");
    let _late = cache.next_ticket().unwrap();
    cache.cancel(&1);
    drop(cache.get_or_load(1, "test", |_| Ok(Loaded::new(Rc::clone(&value), 1))));
    assert_eq!(Rc::strong_count(&value), 2);
    drop(handle);
    assert_eq!(
        Rc::strong_count(&value),
        1,
        "the ticket of the canceled load is still there"
    );
}

#[test]
fn values_live_as_long_as_cache_or_handles_need_them() {
    let value = Rc::new(());
    let cache: super::super::CountedCache<u8, Rc<()>> =
        super::super::CountedCache::new(super::super::CacheConfig::new(KeepAll));
    let load = |_: &u8| Ok(Loaded::new(Rc::clone(&value), 1));
    let held = cache.get_or_load(1, "test", load).unwrap();
    drop(cache.get_or_load(2, "test", load).unwrap());
    assert_eq!(Rc::strong_count(&value), 3);
    drop(cache);
    assert_eq!(Rc::strong_count(&value), 2, "the unused one went with the cache");
    drop(held);
    assert_eq!(Rc::strong_count(&value), 1);
}
