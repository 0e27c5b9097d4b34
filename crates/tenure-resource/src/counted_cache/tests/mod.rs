//! Unit tests of the counted cache, by what they are about.
//!
//! Each test checks the balance of the counters at its end; programs of random operations against a model are in
//! `tests/counted_cache_model`.

mod attacks;
mod loading;
mod releasing;
mod reporting;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use tenure::events::ManualClock;

use super::{CacheConfig, CountedCache, Handle, Loaded, Priority, ReleasePolicy};

type Cache = CountedCache<&'static str, u32, &'static str>;

/// A cache of numbers with a clock that the test moves.
fn cache(policy: impl ReleasePolicy<&'static str> + 'static) -> (Cache, Rc<ManualClock>) {
    let clock = Rc::new(ManualClock::new());
    let config = CacheConfig::new(policy).clock(Rc::clone(&clock));
    (CountedCache::new(config), clock)
}

/// Loads a number of that size, here and now.
#[track_caller]
fn load(cache: &Cache, key: &'static str, bytes: usize) -> Handle<&'static str, u32, &'static str> {
    cache
        .get_or_load(key, "test", |_| Ok(Loaded::new(7, bytes)))
        .expect("the loader succeeds")
}

/// Loads everything that waits and says in which order.
fn load_all(cache: &Cache) -> Vec<&'static str> {
    let mut order = Vec::new();
    while let Some((key, _)) = cache.load_next(|_| Ok(Loaded::new(7, 1))) {
        order.push(key);
    }
    order
}

#[track_caller]
fn assert_balanced<K: Ord + Clone, V, E>(cache: &CountedCache<K, V, E>) {
    let s = cache.statistics();
    assert_eq!(s.loaded, s.resident as u64 + s.released.total(), "{s:?}");
    assert!(s.unused <= s.resident && s.unused_bytes <= s.resident_bytes, "{s:?}");
    assert!(
        s.peak_resident_bytes >= s.resident_bytes && s.peak_entries >= s.entries,
        "{s:?}"
    );
    let report = cache.report();
    assert_eq!(report.rows.len(), s.entries);
    for row in &report.rows {
        assert_eq!(row.count, row.holders.iter().map(|own| own.count).sum::<usize>());
        assert!(
            row.count > 0 || row.is_prefetch || row.unused_ns.is_some() || row.state == super::LoadState::Loading,
            "nothing is left behind"
        );
    }
}

/// Runs `f`, which must panic.
#[track_caller]
fn panics<R>(f: impl FnOnce() -> R) {
    assert!(catch_unwind(AssertUnwindSafe(f)).is_err(), "it did not panic");
}

/// A request that is dropped by the caller or kept, at normal priority.
fn request(cache: &Cache, key: &'static str) -> Handle<&'static str, u32, &'static str> {
    cache.request(key, Priority::NORMAL, "test")
}
