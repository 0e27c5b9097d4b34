//! When resources that nobody holds go: by policy, budget, request and pressure.

use std::cell::Cell;
use std::rc::Rc;

use tenure::events::ManualClock;

use super::super::{
    AfterDelay, AtOnce, CacheConfig, CountedCache, Either, KeepAll, KeepAtMost, Priority, UnusedEntry, Verdict,
};
use super::{assert_balanced, cache, load, load_all, request};
use crate::pressure::{PressureLevel, Relieve, Relieved};

const SECOND_NS: u64 = 1_000_000_000;

#[test]
fn at_once_releases_with_the_last_handle() {
    let (cache, _) = cache(AtOnce);
    let handle = load(&cache, "a", 10);
    let other = handle.clone();
    drop(handle);
    assert!(cache.is_ready("a"));
    drop(other);
    assert_eq!((cache.len(), cache.statistics().resident_bytes), (0, 0));
    assert_eq!(cache.statistics().released.policy, 1);
    assert_balanced(&cache);
}

#[test]
fn a_delay_counts_from_the_last_release_and_passes_in_maintenance() {
    let (cache, clock) = cache(AfterDelay::seconds(10));
    drop(load(&cache, "a", 1));
    clock.advance_ns(6 * SECOND_NS);
    drop(cache.get("a", "test"));
    drop(load(&cache, "b", 1));
    clock.advance_ns(9 * SECOND_NS);
    assert_eq!(cache.maintain(), Relieved::default());
    clock.advance_ns(SECOND_NS);
    assert_eq!(cache.maintain(), Relieved { count: 2, bytes: 2 });
    // Another one that becomes unused makes the cache look too.
    drop(load(&cache, "a", 1));
    clock.advance_ns(10 * SECOND_NS);
    drop(load(&cache, "b", 1));
    assert!(!cache.is_ready("a") && cache.is_ready("b"));
    assert_balanced(&cache);
}

#[test]
fn keeping_at_most_releases_the_longest_unused() {
    let (by_count, _) = cache(KeepAtMost::count(2));
    for key in ["a", "b", "c"] {
        drop(load(&by_count, key, 1));
        drop(by_count.get("a", "test"));
    }
    assert!(by_count.is_ready("a") && !by_count.is_ready("b") && by_count.is_ready("c"));
    let (by_bytes, _) = cache(KeepAtMost::bytes(100));
    let used = load(&by_bytes, "used", 1000);
    for (key, bytes) in [("a", 60), ("b", 40), ("c", 50), ("d", 50), ("e", 101)] {
        drop(load(&by_bytes, key, bytes));
        assert!(by_bytes.statistics().unused_bytes <= 100);
    }
    assert_eq!(
        by_bytes.statistics().unused,
        0,
        "the last one is larger than what is kept, and released last"
    );
    assert!(used.value().is_some());
    assert_balanced(&by_count);
    assert_balanced(&by_bytes);
}

#[test]
fn a_policy_may_keep_some_and_release_others() {
    let asked = Rc::new(Cell::new(0));
    let counts = Rc::clone(&asked);
    let (cache, _) = cache(move |entry: &UnusedEntry<'_, &'static str>| {
        counts.set(counts.get() + 1);
        match entry.key.strip_prefix("font") {
            Some(_) => Verdict::Keep,
            None if entry.unused_count > 3 => Verdict::Release,
            None => Verdict::KeepRest,
        }
    });
    for key in ["font a", "a", "b", "font b", "c"] {
        drop(load(&cache, key, 1));
    }
    // a went when font b came, b when c came.
    assert!(!cache.is_ready("a") && !cache.is_ready("b"));
    assert!(cache.is_ready("font a") && cache.is_ready("font b") && cache.is_ready("c"));
    assert!(asked.get() > 0);
    assert_balanced(&cache);
}

#[test]
fn two_policies_release_what_either_does() {
    let (cache, clock) = cache(Either(AfterDelay::seconds(10), KeepAtMost::count(1)));
    drop(load(&cache, "a", 1));
    drop(load(&cache, "b", 1));
    assert!(!cache.is_ready("a") && cache.is_ready("b"));
    clock.advance_ns(10 * SECOND_NS);
    assert_eq!(cache.maintain().count, 1);
    assert_balanced(&cache);
}

#[test]
fn the_budget_goes_before_the_policy_but_not_before_holders() {
    let config = CacheConfig::new(KeepAll).budget_bytes(100);
    let cache: super::Cache = CountedCache::new(config);
    drop(load(&cache, "a", 40));
    drop(load(&cache, "b", 40));
    let held = load(&cache, "c", 40);
    assert!(
        !cache.is_ready("a") && cache.is_ready("b"),
        "the longest unused one went"
    );
    let large = load(&cache, "d", 200);
    assert_eq!(
        (cache.statistics().unused, cache.statistics().over_budget_bytes()),
        (0, 140)
    );
    drop(held);
    assert!(!cache.is_ready("c"), "unused and above the budget");
    assert!(large.resize(50) && cache.statistics().over_budget_bytes() == 0);
    drop(load(&cache, "e", 50));
    assert!(cache.is_ready("e"));
    cache.set_budget_bytes(60);
    assert!(!cache.is_ready("e"));
    assert!(large.resize(70), "held, so it stays");
    assert_eq!(cache.statistics().released.budget, 4);
    assert_eq!(cache.statistics().peak_resident_bytes, 280, "b went after d had come");
    assert_balanced(&cache);
}

#[test]
fn a_heavy_scene_releases_everything_unused_and_nothing_else() {
    let (cache, _) = cache(KeepAll);
    let held = load(&cache, "held", 1);
    let waiting = request(&cache, "waiting");
    for key in ["a", "b", "c"] {
        drop(load(&cache, key, 100));
    }
    assert!(cache.release("b") && !cache.release("b"));
    assert!(!cache.release("held") && !cache.release("waiting") && !cache.release("unknown"));
    assert_eq!(cache.release_unused(), Relieved { count: 2, bytes: 200 });
    assert_eq!(cache.release_unused(), Relieved::default());
    assert_eq!((cache.len(), held.value()), (2, Some(&7)));
    drop(waiting);
    assert_eq!(cache.statistics().released.request, 3);
    assert_balanced(&cache);
}

#[test]
fn pressure_releases_by_its_level() {
    let (cache, _) = cache(KeepAll);
    let _held = load(&cache, "held", 1000);
    for key in ["a", "b", "c", "d"] {
        drop(load(&cache, key, 100));
    }
    cache.prefetch("later", Priority::BACKGROUND);
    let relieved = cache.relieve(PressureLevel::Moderate);
    assert_eq!(relieved, Relieved { count: 2, bytes: 200 });
    assert!(!cache.is_ready("a") && !cache.is_ready("b") && cache.is_ready("c"));
    assert!(cache.state("later").is_some());
    assert_eq!(cache.relieve(PressureLevel::Critical).count, 2);
    assert_eq!((cache.state("later"), cache.len()), (None, 1));
    assert_eq!(cache.statistics().released.pressure, 4);
    let clock = ManualClock::new();
    let keeps_most = CacheConfig::new(KeepAll).moderate_keep_percent(1000).clock(clock);
    let keeps_all: super::Cache = CountedCache::new(keeps_most);
    drop(load(&keeps_all, "a", 3));
    drop(load(&keeps_all, "empty", 0));
    assert_eq!(keeps_all.relieve(PressureLevel::Moderate).count, 0);
    assert_balanced(&cache);
}

#[test]
fn sizes_of_any_magnitude_add_up() {
    let (cache, _) = cache(KeepAll);
    assert_eq!(cache.take_resident_delta_bytes(), 0);
    let handles = ["a", "b", "c"].map(|key| load(&cache, key, usize::MAX));
    assert_eq!(cache.statistics().resident_bytes, usize::MAX);
    assert_eq!(cache.take_resident_delta_bytes(), isize::MAX, "the rest is told later");
    drop(handles);
    assert_eq!(cache.statistics().unused_bytes, usize::MAX);
    assert!(cache.relieve(PressureLevel::Moderate).count >= 1);
    cache.release_unused();
    assert_eq!(cache.statistics().resident_bytes, 0);
    assert_eq!(cache.take_resident_delta_bytes(), -isize::MAX);
    assert_eq!(cache.take_resident_delta_bytes(), 0);
    let handle = load(&cache, "a", 10);
    assert!(handle.resize(3) && handle.bytes() == 3);
    assert_eq!(
        (cache.statistics().resident_bytes, cache.take_resident_delta_bytes()),
        (3, 3)
    );
    let waiting = request(&cache, "w");
    assert!(!waiting.resize(3));
    load_all(&cache);
    assert_balanced(&cache);
}
