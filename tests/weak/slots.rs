//! Weak words in objects of every layout and place, and weak handles.

use super::*;
use tenure::WeakGlobal;

/// Registers of an object for each layout that can hold a weak word; each watches what register 0 holds.
const PLACES: [usize; 7] = [10, 11, 12, 13, 14, 15, 16];

fn put_places(h: &mut Heap<Lab>) {
    put_watcher(h, 10, 1, 0);
    let (region, pinned) = h.alloc_with::<PinnedWatcher>(|h| PinnedWatcherInit { id: 2, weak: reg(h, 0) });
    set_reg(region, 11, pinned.to_value());
    // Short, carded, and large.
    for (to, length) in [(12, 3), (13, 300), (14, 20_000)] {
        let (region, observers) =
            h.alloc_tail_zeroed_with::<Observers>(length, |h| ObserversInit { id: 3, weak: reg(h, 0) });
        set_reg(region, to, observers.to_value());
    }
    for (to, length) in [(15, 10), (16, 200_000)] {
        let (region, picture) = h.alloc_tail_zeroed_with::<Picture>(length, |h| PictureInit { id: 4, weak: reg(h, 0) });
        set_reg(region, to, picture.to_value());
    }
}

fn weak_of<'h>(h: &'h Heap<Lab>, value: Value<'h, Lab>) -> Value<'h, Lab> {
    if let Some(watcher) = value.cast::<Watcher>() {
        let typed = watcher.node().get(h).map(Gc::to_value);
        let any = watcher.weak().get(h);
        assert_eq!(typed, any.cast::<Node>().map(Gc::to_value));
        any
    } else if let Some(pinned) = value.cast::<PinnedWatcher>() {
        pinned.weak().get(h)
    } else if let Some(observers) = value.cast::<Observers>() {
        observers.weak().get(h)
    } else {
        value.cast::<Picture>().expect("a picture").weak().get(h)
    }
}

fn set_weak(h: &Heap<Lab>, owner: Value<'_, Lab>, value: Value<'_, Lab>) {
    if let Some(watcher) = owner.cast::<Watcher>() {
        watcher.set_weak(h, value);
        watcher.set_node(h, value.cast());
    } else if let Some(pinned) = owner.cast::<PinnedWatcher>() {
        pinned.set_weak(h, value);
    } else if let Some(observers) = owner.cast::<Observers>() {
        observers.set_weak(h, value);
    } else {
        owner.cast::<Picture>().expect("a picture").set_weak(h, value);
    }
}

fn watched(h: &Heap<Lab>) -> Vec<Option<u64>> {
    PLACES.iter().map(|at| id_of(weak_of(h, reg(h, *at)))).collect()
}

#[test]
fn weak_words_of_every_layout_follow_their_object_and_are_cleared() {
    for policy in ["v8", "all", "never", "age=3"] {
        for compact in ["never", "slide", "evacuate"] {
            let config = with(with(small(), "promotion", policy), "compact", compact).stress_compaction(true);
            isolate(config).enter(|h| {
                put_node(h, 0, 77, 201);
                put_places(h);
                // Young owners and young target; all old; old owners and young target; young after old.
                for round in 0..4 {
                    for minors in 0..3 {
                        assert_eq!(watched(h), [Some(77); 7], "{policy}, round {round}, {minors} minors");
                        h.collect_minor();
                        churn(h);
                    }
                    h.collect();
                    assert_eq!(watched(h), [Some(77); 7], "{policy}, round {round}");
                    put_node(h, 0, 77, 201);
                    for at in PLACES {
                        set_weak(h, reg(h, at), reg(h, 0));
                    }
                }
                // A young object that dies young.
                clear(h, 0);
                h.collect_minor();
                check(h);
                assert_eq!(watched(h), [None; 7], "{policy}, {compact}");
                // An old one.
                put_node(h, 0, 78, 201);
                h.collect();
                for at in PLACES {
                    set_weak(h, reg(h, at), reg(h, 0));
                }
                clear(h, 0);
                h.collect_minor();
                h.collect();
                check(h);
                assert_eq!(watched(h), [None; 7]);
            });
        }
    }
}

#[test]
fn weak_words_that_are_strong_in_minor_collections_are_cleared_by_full_ones() {
    for policy in ["v8", "never"] {
        isolate(with(small(), "promotion", policy).minor_weak_strong(true)).enter(|h| {
            put_node(h, 0, 77, 201);
            put_places(h);
            h.collect();
            put_node(h, 0, 78, 201);
            for at in PLACES {
                set_weak(h, reg(h, at), reg(h, 0));
            }
            let handle: WeakGlobal<Dyn<Lab>> = h.weak_global(reg(h, 0));
            // Watched by a young watcher too, which is watched itself.
            put_watcher(h, 1, 1, 0);
            put_watcher(h, 2, 2, 1);
            for index in 0..2 {
                clear(h, index);
            }
            for _ in 0..3 {
                h.collect_minor();
                check(h);
                churn(h);
                assert_eq!(watched(h), [Some(78); 7]);
                assert_eq!(id_of(handle.get(h)), Some(78));
                let inner = watcher(h, 2)
                    .weak()
                    .get(h)
                    .cast::<Watcher>()
                    .expect("the inner watcher");
                assert_eq!(id_of(inner.weak().get(h)), Some(78));
            }
            h.collect();
            check(h);
            assert_eq!(watched(h), [None; 7]);
            assert!(handle.get(h).is_nil());
            assert!(watcher(h, 2).weak().is_cleared());
        });
    }
}

#[test]
fn immediate_values_stay_in_weak_words() {
    isolate(small()).enter(|h| {
        put_watcher(h, 0, 1, 201);
        watcher(h, 0).set_weak(h, Value::int(-5));
        let handle: WeakGlobal<Dyn<Lab>> = h.weak_global(Value::int(7));
        h.collect_minor();
        h.collect();
        assert_eq!(watcher(h, 0).weak().get(h).as_int(), Some(-5));
        assert_eq!(handle.get(h).as_int(), Some(7));
        watcher(h, 0).set_weak(h, Value::nil());
        assert!(watcher(h, 0).weak().is_cleared());
    });
}

#[test]
fn what_was_read_in_a_job_stays_until_the_job_ends() {
    for policy in ["v8", "all", "never"] {
        isolate(with(small(), "promotion", policy).keep_during_job(true)).enter(|h| {
            put_node(h, 0, 1, 201);
            put_watcher(h, 1, 2, 0);
            put_watcher(h, 2, 3, 1);
            let handle: WeakGlobal<Opt<Node>> = h.weak_global(reg(h, 0).cast());
            for full in [false, true] {
                // Everything is dead but the outer watcher; each is read once, from outside to inside.
                clear(h, 0);
                clear(h, 1);
                if full {
                    let read = watcher(h, 2).weak().get(h).cast::<Watcher>().expect("alive");
                    assert_eq!(id_of(read.weak().get(h)), Some(1));
                } else {
                    assert_eq!(handle.get(h).expect("alive").id(), 1);
                    assert!(watcher(h, 2).weak().get(h).cast::<Watcher>().is_some());
                }
                for _ in 0..2 {
                    if full {
                        h.collect();
                    } else {
                        h.collect_minor();
                    }
                    churn(h);
                    check(h);
                    let read = watcher(h, 2).weak().get(h).cast::<Watcher>().expect("alive");
                    assert_eq!(id_of(read.weak().get(h)), Some(1));
                }
            }
            h.end_job();
            h.collect();
            assert!(watcher(h, 2).weak().is_cleared());
            assert!(handle.get(h).is_none());
            // Kept without being read.
            put_node(h, 0, 4, 201);
            handle.set(h, reg(h, 0).cast());
            h.keep_during_job(reg(h, 0));
            clear(h, 0);
            h.collect();
            assert_eq!(handle.get(h).expect("kept").id(), 4);
            h.end_job();
            h.collect();
            assert!(handle.get(h).is_none());
        });
    }
}

#[test]
fn a_job_that_reads_much_keeps_all_of_it_once() {
    isolate(roomy().keep_during_job(true)).enter(|h| {
        put_array(h, 0, 2000);
        for i in 0..2000 {
            put_node(h, 2, i as u64, 201);
            put_watcher(h, 1, i as u64, 2);
            array(h, 0).tail_set(h, i, reg(h, 1));
        }
        for index in 1..3 {
            clear(h, index);
        }
        let before = h.statistics().list_bytes;
        for round in 0..100 {
            for i in 0..2000 {
                let watcher = array(h, 0).tail_get(i).cast::<Watcher>().expect("a watcher");
                assert_eq!(id_of(watcher.weak().get(h)), Some(i as u64), "round {round}");
            }
        }
        assert!(h.statistics().list_bytes - before < 200_000, "it kept each read");
        h.collect();
        for i in 0..2000 {
            let watcher = array(h, 0).tail_get(i).cast::<Watcher>().expect("a watcher");
            assert_eq!(id_of(watcher.weak().get(h)), Some(i as u64));
        }
    });
}

#[test]
fn a_hundred_thousand_weak_handles_cost_minor_collections_nothing_once_their_objects_are_old() {
    isolate(roomy()).enter(|h| {
        put_array(h, 0, 100_000);
        let mut handles: Vec<WeakGlobal<Opt<Node>>> = Vec::new();
        for i in 0..100_000 {
            put_node(h, 1, i as u64, 201);
            array(h, 0).tail_set(h, i, reg(h, 1));
            handles.push(h.weak_global(reg(h, 1).cast()));
        }
        h.collect();
        h.collect_minor();
        check(h);
        for (i, handle) in handles.iter().enumerate() {
            assert_eq!(handle.get(h).expect("alive").id(), i as u64);
        }
        // Every third dies old; every seventh is dropped, and its place is used again by one that dies young.
        for i in (0..100_000).step_by(3) {
            array(h, 0).tail_set(h, i, Value::nil());
        }
        for i in (0..100_000).step_by(7) {
            put_node(h, 1, 500_000 + i as u64, 201);
            handles[i] = h.weak_global(reg(h, 1).cast());
        }
        clear(h, 1);
        h.collect_minor();
        for (i, handle) in handles.iter().enumerate() {
            // The newest of them were young until now.
            if let Some(node) = handle.get(h) {
                assert!(node.id() == i as u64 || node.id() == 500_000 + i as u64);
            } else {
                assert_eq!(i % 7, 0);
            }
        }
        h.collect();
        check(h);
        for (i, handle) in handles.iter().enumerate() {
            let expected = (i % 3 != 0 && i % 7 != 0).then_some(i as u64);
            assert_eq!(handle.get(h).map(|node| node.id()), expected);
        }
        let bytes = h.statistics().list_bytes;
        for round in 0..200_000 {
            drop(h.weak_global::<Opt<Node>>(None));
            if round % 2 == 0 {
                handles[round % 100_000].set(h, None);
            }
        }
        assert!(
            h.statistics().list_bytes < bytes + (2 << 20),
            "{} bytes",
            h.statistics().list_bytes - bytes
        );
    });
}

#[test]
fn weak_handles_outlive_their_isolate_and_refuse_others() {
    let mut first = isolate(small());
    let handle: WeakGlobal<Opt<Node>> = first.enter(|h| {
        put_node(h, 0, 1, 201);
        h.weak_global(reg(h, 0).cast())
    });
    let mut second = isolate(small());
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        second.enter(|h| handle.get(h).is_some())
    }));
    assert!(refused.is_err(), "another heap read it");
    drop(first);
    drop(handle);
}
