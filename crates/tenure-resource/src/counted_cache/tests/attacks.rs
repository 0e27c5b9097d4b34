//! The embedder's code at the worst moments: destructors, loaders, policies, clocks and keys that use the cache, and panics.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::rc::{Rc, Weak};

use tenure::events::{Clock, ManualClock};

use super::super::{
    AtOnce, CacheConfig, CountedCache, Handle, KeepAll, LoadState, Loaded, Priority, ReleasePolicy, UnusedEntry,
    Verdict,
};
use super::{assert_balanced, panics};

type Shelf = CountedCache<u32, Item, ()>;

/// A value whose destructor does something with the cache.
struct Item {
    cache: Weak<Shelf>,
    on_drop: fn(&Shelf),
    next: RefCell<Option<Handle<u32, Item, ()>>>,
}

impl Drop for Item {
    fn drop(&mut self) {
        if let Some(cache) = self.cache.upgrade() {
            (self.on_drop)(&cache);
        }
    }
}

fn shelf(policy: impl ReleasePolicy<u32> + 'static) -> Rc<Shelf> {
    Rc::new(CountedCache::new(CacheConfig::new(policy)))
}

fn put(cache: &Rc<Shelf>, key: u32, on_drop: fn(&Shelf)) -> Handle<u32, Item, ()> {
    let item = Item {
        cache: Rc::downgrade(cache),
        on_drop,
        next: RefCell::new(None),
    };
    cache.get_or_load(key, "test", |_| Ok(Loaded::new(item, 1))).unwrap()
}

/// Resources in a row, each holding the one before it, and the handle of the last one.
fn chain(cache: &Rc<Shelf>, length: u32) -> Handle<u32, Item, ()> {
    let mut last = put(cache, 0, |_| ());
    for key in 1..length {
        let handle = put(cache, key, |_| ());
        *handle.value().unwrap().next.borrow_mut() = Some(last);
        last = handle;
    }
    last
}

/// Deep enough to overflow any stack if it were a recursion.
const LONG: u32 = 100_000;

#[test]
fn a_chain_of_resources_is_released_in_a_loop() {
    let cache = shelf(AtOnce);
    drop(chain(&cache, LONG));
    assert_eq!((cache.len(), cache.statistics().released.policy), (0, u64::from(LONG)));
    assert_balanced(&cache);
}

#[test]
fn a_chain_is_dropped_in_a_loop_with_its_cache() {
    // In descending order of keys, so that each is dropped while the one that holds it is still to come.
    let cache = shelf(KeepAll);
    drop(chain(&cache, LONG));
    let last = chain(&cache, 10);
    drop(cache);
    assert_eq!(last.state(), LoadState::Ready);
}

#[test]
fn a_chain_is_dropped_in_a_loop_on_request() {
    let cache = shelf(KeepAll);
    drop(chain(&cache, LONG));
    let mut rounds = 0;
    while cache.release_unused().count > 0 {
        rounds += 1;
        if rounds == 10 {
            break;
        }
    }
    assert_balanced(&cache);
    assert_eq!(
        cache.len(),
        LONG as usize - rounds,
        "what becomes unused meanwhile is left to the policy: it keeps"
    );
}

#[test]
fn a_destructor_may_release_load_and_look() {
    let cache = shelf(AtOnce);
    let _kept = put(&cache, 1, |_| ());
    let item = put(&cache, 2, |cache| {
        assert_eq!(cache.count(&1), 1);
        assert_eq!(cache.state(&2), None, "it has left already");
        assert!(cache.get(&1, "destructor").is_some());
        cache.release_unused();
        cache.maintain();
        cache.prefetch(3, Priority::NORMAL);
        assert_eq!(cache.report().rows.len(), 2);
    });
    drop(item);
    assert_eq!(cache.statistics().queued, 1);
    assert!(cache.cancel(&3));
    assert_balanced(&cache);
}

#[test]
fn a_destructor_that_loads_its_value_again_does_not_hang() {
    fn again(cache: &Shelf) {
        let reborn = Item {
            cache: Weak::new(),
            on_drop: |_| (),
            next: RefCell::new(None),
        };
        drop(cache.get_or_load(1, "destructor", |_| Ok(Loaded::new(reborn, 1))));
    }
    /// Comes back with the same destructor, for ever.
    fn for_ever(cache: &Shelf) {
        thread_local!(static DEPTH: Cell<u32> = const { Cell::new(0) });
        DEPTH.set(DEPTH.get() + 1);
        assert!(DEPTH.get() < 20, "released again and again");
        let reborn = Item {
            cache: CACHE.with_borrow(Weak::clone),
            on_drop: for_ever,
            next: RefCell::new(None),
        };
        drop(cache.get_or_load(1, "destructor", |_| Ok(Loaded::new(reborn, 1))));
        cache.release(&1);
        cache.release_unused();
    }
    thread_local!(static CACHE: RefCell<Weak<Shelf>> = const { RefCell::new(Weak::new()) });

    let cache = shelf(AtOnce);
    drop(put(&cache, 1, again));
    assert_eq!(
        (cache.len(), cache.statistics().unused),
        (1, 1),
        "it waits for the next occasion"
    );
    cache.maintain();
    assert!(cache.is_empty());
    CACHE.set(Rc::downgrade(&cache));
    drop(put(&cache, 1, for_ever));
    for _ in 0..5 {
        assert_eq!(cache.len(), 1);
        cache.maintain();
        cache.release_unused();
    }
    assert_balanced(&cache);
    CACHE.set(Weak::new());
}

#[test]
fn a_destructor_may_drop_the_cache() {
    struct Owner(RefCell<Option<CountedCache<u8, Rc<Owner>, ()>>>, Cell<bool>);
    struct Closing(Rc<Owner>);
    impl Drop for Closing {
        fn drop(&mut self) {
            drop(self.0.0.borrow_mut().take());
            self.0.1.set(true);
        }
    }
    // The value owns, through its owner, the cache that it lies in; two others lie beside it.
    type Nested = CountedCache<u8, Option<Closing>, ()>;
    let inner: CountedCache<u8, Rc<Owner>, ()> = CountedCache::new(CacheConfig::new(KeepAll));
    let owner = Rc::new(Owner(RefCell::new(None), Cell::new(false)));
    drop(inner.get_or_load(1, "test", |_| Ok(Loaded::new(Rc::clone(&owner), 1))));
    *owner.0.borrow_mut() = Some(inner);
    let outer: Nested = CountedCache::new(CacheConfig::new(AtOnce));
    drop(outer.get_or_load(1, "test", |_| Ok(Loaded::new(Some(Closing(Rc::clone(&owner))), 1))));
    assert!(owner.1.get() && owner.0.borrow().is_none());
    assert_eq!(Rc::strong_count(&owner), 1);
}

#[test]
fn the_last_handle_may_own_the_cache() {
    // Dropping the value drops the cache that it lies in, from within the handle's drop.
    struct OwnsCache(
        #[expect(dead_code, reason = "for its destructor")] Rc<CountedCache<u8, RefCell<Option<OwnsCache>>, ()>>,
    );
    let cache = Rc::new(CountedCache::new(CacheConfig::new(AtOnce)));
    let load = |_: &u8| Ok(Loaded::new(RefCell::new(None), 1));
    let handle = cache.get_or_load(1, "test", load).unwrap();
    let other = cache.get_or_load(2, "test", load).unwrap();
    let weak = Rc::downgrade(&cache);
    *handle.value().unwrap().borrow_mut() = Some(OwnsCache(cache));
    drop(handle);
    assert!(weak.upgrade().is_none());
    assert_eq!(other.state(), LoadState::Ready);
}

#[test]
fn a_destructor_that_panics_leaves_the_rest_for_later() {
    let cache = shelf(KeepAll);
    for key in 0..4 {
        drop(put(
            &cache,
            key,
            if key == 1 { |_| panic!("destructor") } else { |_| () },
        ));
    }
    panics(|| cache.release_unused());
    assert_eq!(
        (cache.len(), cache.statistics().released.request),
        (0, 4),
        "all have left"
    );
    assert_balanced(&cache);
    drop(put(&cache, 9, |_| ()));
    assert_eq!(cache.release_unused().count, 1, "and the cache goes on");
    // Dropping a handle, delivering and closing pass on a panic too.
    let cache = shelf(AtOnce);
    let handle = put(&cache, 1, |_| panic!("destructor"));
    panics(|| drop(handle));
    assert!(cache.is_empty());
    drop(put(&cache, 1, |_| ()));
    assert!(cache.is_empty(), "still released at once");
    assert_balanced(&cache);
}

#[test]
fn a_policy_may_use_the_cache_or_panic() {
    thread_local!(static CACHE: RefCell<Weak<Shelf>> = const { RefCell::new(Weak::new()) });
    thread_local!(static ASKED: Cell<u32> = const { Cell::new(0) });
    let meddling = |entry: &UnusedEntry<'_, u32>| {
        ASKED.set(ASKED.get() + 1);
        assert!(ASKED.get() < 1000, "asked for ever");
        if let Some(cache) = CACHE.with_borrow(Weak::upgrade) {
            // Used again and unused again, behind all others; and another one released.
            drop(cache.get(entry.key, "policy"));
            cache.release(&(entry.key + 1));
            cache.maintain();
        }
        if *entry.key == 7 {
            panic!("policy");
        }
        Verdict::Release
    };
    let cache = shelf(meddling);
    CACHE.set(Rc::downgrade(&cache));
    for key in 0..4 {
        drop(put(&cache, key, |_| ()));
    }
    assert_balanced(&cache);
    let last = put(&cache, 7, |_| ());
    panics(|| drop(last));
    assert!(cache.is_ready(&7));
    assert_balanced(&cache);
    assert!(cache.release_unused().count > 0);
    assert!(cache.is_empty());
    CACHE.set(Weak::new());
}

#[test]
fn a_policy_may_drop_the_cache_that_asks_it() {
    type Slot = Rc<RefCell<Option<CountedCache<u8, Rc<()>, ()>>>>;
    let slot = Slot::default();
    let policy = {
        let slot = Rc::downgrade(&slot);
        move |_: &UnusedEntry<'_, u8>| {
            drop(slot.upgrade().and_then(|slot| slot.borrow_mut().take()));
            Verdict::Release
        }
    };
    let value = Rc::new(());
    let cache = CountedCache::new(CacheConfig::new(policy));
    let load = |_: &u8| Ok(Loaded::new(Rc::clone(&value), 1));
    let handles = [1, 2].map(|key| cache.get_or_load(key, "test", load).unwrap());
    *slot.borrow_mut() = Some(cache);
    drop(handles);
    assert!(slot.borrow().is_none());
    assert_eq!(Rc::strong_count(&value), 1, "dropped with the cache, and once");
}

/// What a clock does at its next reading.
type Run = Rc<RefCell<Option<Box<dyn Fn()>>>>;

/// Runs a closure when it is read.
struct Hook {
    inner: ManualClock,
    run: Run,
}

impl Clock for Hook {
    fn now_ns(&self) -> u64 {
        let run = self.run.borrow_mut().take();
        if let Some(run) = run {
            run();
        }
        self.inner.now_ns()
    }
}

#[test]
fn a_clock_may_use_the_cache_panic_or_run_backward() {
    let run = Run::default();
    let hook = Hook {
        inner: ManualClock::new(),
        run: Rc::clone(&run),
    };
    let cache: Rc<Shelf> = Rc::new(CountedCache::new(CacheConfig::new(KeepAll).clock(hook)));
    let handle = put(&cache, 1, |_| ());
    let weak = Rc::downgrade(&cache);
    // The resource is taken again while its last handle is being dropped.
    let taken = Rc::new(RefCell::new(None));
    *run.borrow_mut() = Some(Box::new({
        let (taken, weak) = (Rc::clone(&taken), Weak::clone(&weak));
        move || *taken.borrow_mut() = weak.upgrade().and_then(|cache| cache.get(&1, "clock"))
    }));
    drop(handle);
    assert_eq!((cache.count(&1), cache.statistics().unused), (1, 0));
    let handle = taken.take().unwrap();
    *run.borrow_mut() = Some(Box::new(|| panic!("clock")));
    panics(|| drop(handle));
    assert_eq!(
        (cache.count(&1), cache.statistics().unused),
        (0, 1),
        "counted down all the same"
    );
    *run.borrow_mut() = Some(Box::new(|| panic!("clock")));
    panics(|| cache.get(&1, "test"));
    let ticket = {
        let _held = cache.request(2, Priority::NORMAL, "test");
        cache.next_ticket().unwrap()
    };
    *run.borrow_mut() = Some(Box::new(|| panic!("clock")));
    let item = Item {
        cache: Weak::new(),
        on_drop: |_| (),
        next: RefCell::new(None),
    };
    panics(|| ticket.complete(Loaded::new(item, 1)));
    assert_eq!((cache.state(&2), cache.statistics().abandoned), (None, 1));
    assert_balanced(&cache);
}

#[test]
fn time_does_not_run_backward() {
    struct Jumps(Cell<u64>);
    impl Clock for Jumps {
        fn now_ns(&self) -> u64 {
            // 100, 50, 100, 50, ...
            self.0.replace(150 - self.0.get())
        }
    }
    let config = CacheConfig::new(KeepAll).clock(Jumps(Cell::new(100)));
    let cache: CountedCache<u32, (), ()> = CountedCache::new(config);
    for key in 0..5 {
        drop(cache.get_or_load(key, "test", |_| Ok(Loaded::new((), 1))));
    }
    let report = cache.report();
    assert_eq!(report.now_ns, 100);
    assert!(
        report
            .rows
            .iter()
            .all(|row| row.age_ns == 0 && row.unused_ns == Some(0))
    );
}

/// A key whose functions use the cache.
struct Key {
    number: u32,
    cache: Rc<RefCell<Weak<CountedCache<Key, u8, ()>>>>,
    on_clone: Cell<bool>,
    on_compare: Cell<bool>,
}

impl Key {
    fn new(number: u32) -> Self {
        Self {
            number,
            cache: Rc::default(),
            on_clone: Cell::new(false),
            on_compare: Cell::new(false),
        }
    }
}

impl Clone for Key {
    fn clone(&self) -> Self {
        if self.on_clone.get()
            && let Some(cache) = self.cache.borrow().upgrade()
        {
            cache.prefetch(Key::new(self.number), Priority::NORMAL);
        }
        Key::new(self.number)
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        if let Some(cache) = self.cache.borrow().upgrade() {
            assert!(cache.len() < 100);
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Key {}
impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.on_compare.get()
            && let Some(cache) = self.cache.borrow().upgrade()
        {
            cache.prefetch(Key::new(99), Priority::NORMAL);
        }
        self.number.cmp(&other.number)
    }
}

#[test]
fn keys_may_use_the_cache_but_not_while_they_are_compared() {
    let cache: Rc<CountedCache<Key, u8, ()>> = Rc::new(CountedCache::new(CacheConfig::new(KeepAll)));
    let key = Key::new(1);
    *key.cache.borrow_mut() = Rc::downgrade(&cache);
    key.on_clone.set(true);
    let handle = cache.request(key, Priority::HIGH, "test");
    assert_eq!(
        (cache.len(), handle.count()),
        (1, 1),
        "copying the key has asked for the same key: one entry"
    );
    assert_eq!(
        handle.state(),
        LoadState::Queued {
            priority: Priority::HIGH
        }
    );
    let key = Key::new(2);
    *key.cache.borrow_mut() = Rc::downgrade(&cache);
    key.on_compare.set(true);
    panics(|| cache.request(key, Priority::NORMAL, "test"));
    // The cache is as it was, and usable.
    assert_eq!(cache.len(), 1);
    assert!(cache.load_next(|_| Ok(Loaded::new(1, 1))).is_some());
    assert_eq!(handle.value(), Some(&1));
    drop(handle);
    cache.release_unused();
    assert_balanced(&cache);
}
