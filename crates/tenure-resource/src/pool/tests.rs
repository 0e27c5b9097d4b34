//! Failures, panics and re-entrancy: whatever the embedder's code does, the counters balance and the pool goes on.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::rc::{Rc, Weak};

use tenure::events::{Clock, ManualClock};

use super::shared::NESTED_CREATIONS_MAX;
use super::{
    Dropped, FromFns, GetError, Manager, Pool, PoolConfig, PoolStatistics, Pooled, PrefillError, Put, Release,
    ReuseOrder,
};
use crate::pressure::{PressureLevel, Relieve};

/// What the functions of a [`Script`] do next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Act {
    #[default]
    Succeed,
    Fail,
    Panic,
}

#[derive(Debug, Default)]
struct Script {
    create: Cell<Act>,
    reset: Cell<Act>,
    made: Cell<u32>,
    live: Rc<Cell<i32>>,
}

/// Counts how many of its kind exist, and can be told to panic when it is dropped.
#[derive(Debug)]
struct Thing {
    id: u32,
    panics: bool,
    live: Rc<Cell<i32>>,
}

impl Drop for Thing {
    fn drop(&mut self) {
        self.live.set(self.live.get() - 1);
        if self.panics {
            panic_any("drop");
        }
    }
}

impl Manager for Script {
    type Object = Thing;
    type Error = &'static str;

    fn create(&self) -> Result<Thing, &'static str> {
        match self.create.get() {
            Act::Succeed => {
                self.made.set(self.made.get() + 1);
                self.live.set(self.live.get() + 1);
                Ok(Thing {
                    id: self.made.get(),
                    panics: false,
                    live: Rc::clone(&self.live),
                })
            }
            Act::Fail => Err("create"),
            Act::Panic => panic_any("create"),
        }
    }

    fn reset(&self, _: &mut Thing) -> Result<(), &'static str> {
        match self.reset.get() {
            Act::Succeed => Ok(()),
            Act::Fail => Err("reset"),
            Act::Panic => panic_any("reset"),
        }
    }
}

fn scripted(capacity: usize) -> Pool<Script> {
    Pool::new(PoolConfig::new(capacity), Script::default())
}

#[track_caller]
fn assert_balanced(s: PoolStatistics) {
    assert_eq!(
        s.created + s.adopted,
        s.alive() as u64 + s.detached + s.dropped.total(),
        "{s:?}"
    );
    assert_eq!(
        s.created - s.prefilled + s.reused,
        s.outstanding as u64 + s.returned + s.detached,
        "{s:?}"
    );
}

/// Runs `f`, which must panic, and returns with what.
#[track_caller]
fn panics<R>(f: impl FnOnce() -> R) -> &'static str {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => payload.downcast_ref::<&str>().copied().unwrap_or("another panic"),
    }
}

#[test]
fn newest_first_or_oldest_first() {
    for (order, expected) in [(ReuseOrder::Lifo, [3, 2, 1]), (ReuseOrder::Fifo, [1, 2, 3])] {
        let pool = Pool::new(PoolConfig::new(8).order(order), Script::default());
        let three: Vec<_> = (0..3).map(|_| pool.get().unwrap()).collect();
        drop(three); // in the order 1, 2, 3
        let again: Vec<_> = (0..3).map(|_| pool.get().unwrap()).collect();
        let ids: Vec<u32> = again.iter().map(|thing| thing.id).collect();
        assert_eq!(ids, expected, "{order:?}");
        drop(again);
        assert_eq!(pool.release(Release::Count(2)), 2);
        let stays = pool.get().unwrap().id;
        assert_eq!(
            stays, expected[2],
            "released are those that were returned first, whatever the order"
        );
    }
}

#[test]
fn a_factory_that_fails_or_panics_leaves_no_trace_but_in_the_counters() {
    let pool = Pool::new(PoolConfig::new(2).limit(1), Script::default());
    pool.manager().create.set(Act::Fail);
    assert_eq!(pool.get().unwrap_err(), GetError::Create("create"));
    pool.manager().create.set(Act::Panic);
    assert_eq!(panics(|| pool.get()), "create");
    assert_eq!(panics(|| pool.prefill(1)), "create");
    pool.manager().create.set(Act::Fail);
    let error = pool.prefill(2).unwrap_err();
    assert_eq!((error.made, error.error), (0, GetError::Create("create")));
    assert_eq!(pool.statistics().create_failed, 4);
    assert_eq!(pool.statistics().alive(), 0);
    // The place of a creation that failed is free again: the limit is one.
    pool.manager().create.set(Act::Succeed);
    let only = pool.get().unwrap();
    let error = pool.get().unwrap_err();
    assert_eq!(error, GetError::Exhausted { limit: 1 });
    assert!(error.is_retryable());
    drop(only);
    assert!(pool.get().is_ok());
    assert_eq!(pool.statistics().refused, 1);
    assert_balanced(pool.statistics());
}

#[test]
fn a_reset_that_fails_or_panics_drops_the_object_and_nothing_else() {
    let pool = scripted(4);
    pool.prefill(1).unwrap();
    let (first, second) = (pool.get().unwrap(), pool.get().unwrap());
    pool.manager().reset.set(Act::Fail);
    assert_eq!(Pooled::put(first), Put::ResetFailed("reset"));
    pool.manager().reset.set(Act::Panic);
    assert_eq!(panics(|| drop(second)), "reset");
    assert_eq!((pool.outstanding(), pool.idle(), pool.manager().live.get()), (0, 0, 0));
    assert_eq!(pool.statistics().dropped.reset_failed, 2);
    let foreign = pool.manager().create().unwrap();
    assert_eq!(panics(|| pool.put(foreign)), "reset");
    pool.manager().reset.set(Act::Succeed);
    assert_eq!(Pooled::put(pool.get().unwrap()), Put::Kept);
    assert_eq!(pool.statistics().adopted, 1);
    assert_balanced(pool.statistics());
}

#[test]
fn an_object_returned_while_unwinding_is_not_used_again() {
    let pool = scripted(4);
    // The hook would panic while unwinding, which would end the process: it must not run.
    pool.manager().reset.set(Act::Panic);
    let message = panics(|| {
        let _half_changed = pool.get().unwrap();
        panic_any("script");
    });
    assert_eq!(message, "script");
    assert_eq!((pool.idle(), pool.statistics().dropped.unwinding), (0, 1));
    assert_balanced(pool.statistics());
}

#[test]
fn guards_outlive_the_pool() {
    let pool = scripted(4);
    let live = Rc::clone(&pool.manager().live);
    pool.prefill(3).unwrap();
    let (one, other) = (pool.get().unwrap(), pool.get().unwrap());
    drop(pool);
    assert_eq!(live.get(), 2, "the idle one went with the pool");
    assert_eq!((one.id, other.id), (3, 2));
    assert_eq!(Pooled::put(one), Put::Closed);
    assert_eq!(live.get(), 1);
    let kept = Pooled::detach(other);
    assert_eq!(live.get(), 1);
    drop(kept);
    assert_eq!(live.get(), 0);
}

#[test]
fn capacity_bounds_what_is_idle_and_skips_the_reset() {
    let pool = scripted(1);
    let (first, second) = (pool.get().unwrap(), pool.get().unwrap());
    assert_eq!(Pooled::put(first), Put::Kept);
    pool.manager().reset.set(Act::Panic);
    assert_eq!(Pooled::put(second), Put::Full, "what is not kept is not reset");
    pool.manager().reset.set(Act::Succeed);
    assert_eq!(pool.prefill(5), Ok(0));
    assert_eq!(pool.set_capacity(3), 0);
    assert_eq!(pool.prefill(5), Ok(2));
    assert_eq!(pool.set_capacity(1), 2);
    assert_eq!(pool.statistics().peak_idle, 3);
    assert_balanced(pool.statistics());
}

#[test]
fn adopted_objects_respect_the_limit() {
    let pool = Pool::new(PoolConfig::new(8).limit(2), Script::default());
    let outside: Vec<Thing> = (0..2).map(|_| pool.manager().create().unwrap()).collect();
    let used = pool.get().unwrap();
    let puts: Vec<_> = outside.into_iter().map(|thing| pool.put(thing)).collect();
    assert_eq!(puts, [Put::Kept, Put::Full]);
    drop(used);
    assert_eq!(pool.idle(), 2);
    assert_balanced(pool.statistics());
}

#[test]
fn idle_time_is_that_of_the_clock_passed_in() {
    let clock = Rc::new(ManualClock::new());
    let pool = Pool::new(PoolConfig::new(8).clock(Rc::clone(&clock)), Script::default());
    assert_eq!(pool.idle_since_ns(), None);
    let mut used: Vec<_> = (0..4).map(|_| pool.get().unwrap()).collect();
    for _ in 0..4 {
        clock.advance_ns(10);
        used.pop();
    }
    assert_eq!(pool.idle_since_ns(), Some(10), "returned at 10, 20, 30 and 40");
    assert_eq!(pool.release(Release::IdleNs(31)), 0);
    assert_eq!(pool.release(Release::IdleNs(30)), 1);
    clock.advance_ns(5);
    assert_eq!(pool.release(Release::IdleNs(15)), 2);
    assert_eq!(pool.release(Release::IdleNs(0)), 1);
}

/// Shows the times that it is given, in order, whether or not they ascend.
struct Times(RefCell<Vec<u64>>);

impl Clock for Times {
    fn now_ns(&self) -> u64 {
        self.0.borrow_mut().pop().expect("a time for each reading")
    }
}

#[test]
fn a_clock_that_runs_backward_or_panics_breaks_nothing() {
    let times = Times(RefCell::new(vec![60, 50, 7, 40])); // read from the back
    let pool = Pool::new(PoolConfig::new(8).clock(times), Script::default());
    let used: Vec<_> = (0..3).map(|_| pool.get().unwrap()).collect();
    drop(used); // at 40, 7 and 50
    assert_eq!(
        pool.release(Release::IdleNs(20)),
        2,
        "at 60: the second counts as returned at 40"
    );
    let used = pool.get().unwrap();
    assert!(panics(|| drop(used)).contains("another panic"), "no time left");
    assert_eq!((pool.outstanding(), pool.manager().live.get()), (0, 0));
    assert_balanced(pool.statistics());
}

#[test]
fn pressure_releases_what_the_configuration_says() {
    let config = PoolConfig::new(10).on_pressure(PressureLevel::Critical, Release::KeepCount(1));
    let pool = Pool::new(config, Script::default());
    pool.prefill(10).unwrap();
    assert_eq!(
        pool.relieve(PressureLevel::Moderate).count,
        5,
        "by default half of the capacity stays"
    );
    assert_eq!(pool.relieve(PressureLevel::Moderate).count, 0);
    assert_eq!(pool.relieve(PressureLevel::Critical).count, 4);
    let dropped = pool.statistics().dropped;
    assert_eq!(
        dropped,
        Dropped {
            pressure: 9,
            ..Dropped::default()
        }
    );
}

#[test]
fn a_destructor_that_panics_is_counted_and_the_rest_stays() {
    let pool = scripted(4);
    pool.prefill(3).unwrap();
    let mut bad = pool.get().unwrap();
    bad.panics = true;
    let others = [pool.get().unwrap(), pool.get().unwrap()];
    drop(bad);
    drop(others);
    assert_eq!(panics(|| pool.release(Release::All)), "drop");
    assert_eq!((pool.idle(), pool.statistics().dropped.released), (2, 1));
    assert_eq!(pool.release(Release::All), 2);
    pool.prefill(3).unwrap();
    let mut bad = pool.get().unwrap();
    bad.panics = true;
    drop(bad);
    let live = Rc::clone(&pool.manager().live);
    assert_balanced(pool.statistics());
    assert_eq!(panics(|| drop(pool)), "drop");
    assert_eq!(live.get(), 0, "one destructor that panics does not keep the others");
}

/// A tree of pooled objects: each holds guards of the same pool.
#[derive(Default)]
struct Node {
    children: Vec<Pooled<Nodes>>,
}

/// Makes nodes with so many children below, from the pool itself.
struct Nodes {
    pool: Weak<Pool<Nodes>>,
    depth: Cell<usize>,
    detaches_children: bool,
}

impl Manager for Nodes {
    type Object = Node;
    type Error = String;

    fn create(&self) -> Result<Node, String> {
        let depth = self.depth.get();
        let mut node = Node::default();
        if depth > 0 {
            self.depth.set(depth - 1);
            let pool = self.pool.upgrade().ok_or("no pool")?;
            let child = pool.get().map_err(|error| error.to_string());
            self.depth.set(depth);
            node.children.push(child?);
        }
        Ok(node)
    }

    fn reset(&self, node: &mut Node) -> Result<(), String> {
        if self.detaches_children {
            node.children.clear();
        }
        Ok(())
    }
}

fn tree_pool(depth: usize, detaches_children: bool) -> Rc<Pool<Nodes>> {
    Rc::new_cyclic(|pool| {
        let manager = Nodes {
            pool: Weak::clone(pool),
            depth: Cell::new(depth),
            detaches_children,
        };
        Pool::new(PoolConfig::new(100).limit(200), manager)
    })
}

#[test]
fn a_factory_may_use_the_pool() {
    let pool = tree_pool(5, true);
    let root = pool.get().unwrap();
    assert_eq!((pool.outstanding(), pool.statistics().missed), (6, 6));
    drop(root);
    assert_eq!(
        (pool.outstanding(), pool.idle()),
        (0, 6),
        "reset returned the children, one inside the other"
    );
    assert_eq!(pool.release(Release::All), 6);
    assert_balanced(pool.statistics());
}

#[test]
fn objects_that_return_while_others_are_dropped_stay_for_the_next_release() {
    let pool = tree_pool(3, false);
    drop(pool.get().unwrap());
    assert_eq!(
        (pool.outstanding(), pool.idle()),
        (3, 1),
        "the root is idle and holds the others"
    );
    let mut rounds = 0;
    while pool.release(Release::All) > 0 {
        rounds += 1;
        assert_balanced(pool.statistics());
    }
    assert_eq!((rounds, pool.statistics().alive()), (4, 0));
}

#[test]
fn dropping_the_pool_drops_trees_in_it() {
    let pool = tree_pool(3, false);
    drop(pool.get().unwrap());
    let outside = pool.get().unwrap();
    assert_eq!(outside.children.len(), 1);
    drop(pool);
    drop(outside);
}

#[test]
fn a_factory_that_never_stops_asking_is_stopped() {
    let pool = tree_pool(usize::MAX, true);
    let error = pool.get().err().unwrap();
    let GetError::Create(message) = &error else {
        panic!("{error}")
    };
    assert!(message.contains("inside each other"), "{message}");
    assert!(error.to_string().contains("made no object"), "{error}");
    let s = pool.statistics();
    assert_eq!(
        (s.create_failed, s.refused, s.alive()),
        (NESTED_CREATIONS_MAX as u64, 1, 0)
    );
    pool.manager().depth.set(NESTED_CREATIONS_MAX - 1);
    assert!(pool.get().is_ok(), "as deep as is allowed");
    assert_balanced(pool.statistics());
}

#[test]
fn a_reset_hook_may_fill_the_pool() {
    struct Greedy(RefCell<Weak<Pool<Greedy>>>);
    impl Manager for Greedy {
        type Object = u32;
        type Error = ();
        fn create(&self) -> Result<u32, ()> {
            Ok(0)
        }
        fn reset(&self, number: &mut u32) -> Result<(), ()> {
            *number += 1;
            if let (1, Some(pool)) = (*number, self.0.borrow().upgrade()) {
                assert!(pool.put(10).is_kept());
            }
            Ok(())
        }
    }
    let pool = Rc::new(Pool::new(PoolConfig::new(1), Greedy(RefCell::new(Weak::new()))));
    *pool.manager().0.borrow_mut() = Rc::downgrade(&pool);
    let used = pool.get().unwrap();
    assert_eq!(Pooled::put(used), Put::Full, "there was room before the hook");
    assert_eq!((pool.idle(), *pool.get().unwrap()), (1, 11));
    assert_balanced(pool.statistics());
}

#[test]
fn a_reset_hook_may_drop_the_pool() {
    struct Closing(RefCell<Option<Pool<Closing>>>);
    impl Manager for Closing {
        type Object = u32;
        type Error = ();
        fn create(&self) -> Result<u32, ()> {
            Ok(0)
        }
        fn reset(&self, _: &mut u32) -> Result<(), ()> {
            drop(self.0.borrow_mut().take());
            Ok(())
        }
    }
    let pool = Pool::new(PoolConfig::new(8), Closing(RefCell::new(None)));
    let used = pool.get().unwrap();
    // The guard keeps the manager, the manager keeps the pool: until the hook drops it.
    *Pooled::manager(&used).0.borrow_mut() = Some(pool);
    assert_eq!(Pooled::put(used), Put::Closed);
}

#[test]
fn the_manager_may_be_hidden_in_a_box() {
    let boxed: Box<dyn Manager<Object = Thing, Error = &'static str>> = Box::new(Script::default());
    let pool = Pool::new(PoolConfig::new(1), boxed);
    drop(pool.get().unwrap());
    assert_eq!((pool.idle(), pool.get().unwrap().id), (1, 1));
}

#[test]
fn errors_say_what_to_do_and_name_their_cause() {
    let exhausted: GetError<&str> = GetError::Exhausted { limit: 3 };
    assert!(exhausted.to_string().contains("all 3 objects"));
    let create = GetError::Create("no file");
    assert!(!create.is_retryable());
    let prefill: Box<dyn Error> = Box::new(PrefillError { made: 2, error: create });
    assert_eq!(
        prefill.to_string(),
        "prefilling stopped after 2 objects: the pool's manager made no object: no file"
    );
}

#[test]
fn statistics_print_in_one_line() {
    let pool = Pool::new(PoolConfig::new(2), FromFns::new(|| 1, |_| ()));
    assert_eq!(
        pool.statistics().to_string(),
        "0 in use (peak 0), 0 idle (peak 0); 0 gets; 0 made, 0 dropped"
    );
    drop(pool.get());
    drop(pool.get());
    assert_eq!(
        pool.statistics().to_string(),
        "0 in use (peak 1), 1 idle (peak 1); 2 gets, 50.0 % reused; 1 made, 0 dropped"
    );
    assert_eq!(pool.statistics().hit_rate(), Some(0.5));
    assert_eq!(pool.get_idle().map(|guard| *guard), Some(1));
    let _one = pool.get().unwrap();
    assert!(pool.get_idle().is_none());
    assert_eq!(pool.statistics().missed, 2);
}
