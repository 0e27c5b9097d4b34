//! Finalizers: order, resurrection, and what their code may do.

use super::*;

/// Allocates `count` nodes with the ids from `first` on, registers each with `priority`, and lets them die.
fn put_dying(h: &mut Heap<Lab>, first: u64, count: u64, priority: u8) {
    for id in first..first + count {
        put_node(h, 199, id, 201);
        register(h, 199, priority);
    }
    clear(h, 199);
}

#[test]
fn the_order_is_by_priority_then_by_collection_then_the_reverse_of_registration() {
    for policy in ["v8", "all", "never"] {
        for full in [false, true] {
            isolate(with(small(), "promotion", policy)).enter(|h| {
                let collect = |h: &mut Heap<Lab>| if full { h.collect() } else { h.collect_minor() };
                put_dying(h, 10, 3, 5);
                put_dying(h, 20, 3, 1);
                collect(h);
                put_dying(h, 30, 2, 1);
                put_dying(h, 40, 2, 0);
                put_dying(h, 50, 2, 5);
                collect(h);
                check(h);
                assert_eq!(h.finalizable_count(), 12);
                assert_eq!(
                    drain(h),
                    [41, 40, 22, 21, 20, 31, 30, 12, 11, 10, 51, 50],
                    "{policy}, {full}"
                );
            });
        }
    }
}

#[test]
fn old_and_young_objects_that_one_collection_finds_are_in_one_order() {
    for policy in ["v8", "all", "never"] {
        isolate(with(small(), "promotion", policy)).enter(|h| {
            // Old and young ones register alternately.
            put_array(h, 0, 10);
            for i in 0..10 {
                put_node(h, 1, i as u64, 201);
                array(h, 0).tail_set(h, i, reg(h, 1));
            }
            h.collect();
            for i in 0..10 {
                if i % 2 == 0 {
                    set_reg(h, 1, array(h, 0).tail_get(i));
                } else {
                    put_node(h, 1, i as u64, 201);
                }
                register(h, 1, 0);
            }
            clear(h, 0);
            clear(h, 1);
            h.collect();
            check(h);
            assert_eq!(drain(h), [9, 8, 7, 6, 5, 4, 3, 2, 1, 0], "{policy}");
        });
    }
}

#[test]
fn a_full_collection_finds_old_objects_that_only_young_dying_ones_refer_to() {
    for policy in ["v8", "all", "never"] {
        isolate(with(small(), "promotion", policy)).enter(|h| {
            put_node(h, 0, 1, 201);
            register(h, 0, 0);
            put_watcher(h, 1, 100, 0);
            h.collect();
            // Young, and refers to the old one: both are dead at the same time.
            put_node(h, 2, 2, 0);
            register(h, 2, 0);
            clear(h, 0);
            clear(h, 2);
            h.collect();
            check(h);
            assert!(watcher(h, 1).weak().is_cleared(), "it was dead: {policy}");
            assert_eq!(drain(h), [2, 1], "{policy}");
        });
    }
}

#[test]
fn weak_words_are_cleared_before_the_finalizer_and_ephemeron_keys_after() {
    for policy in ["v8", "all", "never"] {
        for (old, full) in [(false, false), (false, true), (true, true)] {
            isolate(with(small(), "promotion", policy)).enter(|h| {
                put_node(h, 1, 1, 201);
                put_node(h, 0, 7, 1);
                register(h, 0, 0);
                put_watcher(h, 2, 2, 0);
                // Watches what only the dying object refers to.
                put_watcher(h, 7, 7, 1);
                let handle = h.weak_global::<Dyn<Lab>>(reg(h, 0));
                put_table::<WeakKeys>(h, 3);
                put_table::<WeakValues>(h, 4);
                put_table::<WeakBoth>(h, 5);
                put_table::<WeakBoth>(h, 6);
                put_leaf(h, 8, 8);
                keys(h, 3).insert(h, reg(h, 0), reg(h, 8)).expect("room");
                table::<WeakValues>(h, 4)
                    .insert(h, Value::int(1), reg(h, 0))
                    .expect("room");
                table::<WeakBoth>(h, 5)
                    .insert(h, reg(h, 0), Value::int(1))
                    .expect("room");
                table::<WeakBoth>(h, 6)
                    .insert(h, Value::int(1), reg(h, 0))
                    .expect("room");
                clear(h, 8);
                clear(h, 1);
                if old {
                    h.collect();
                }
                clear(h, 0);
                if full {
                    h.collect();
                } else {
                    h.collect_minor();
                }
                check(h);
                assert_eq!(h.finalizable_count(), 1);
                assert!(handle.get(h).is_nil());
                assert!(watcher(h, 2).weak().is_cleared() && watcher(h, 2).node().is_cleared());
                assert!(watcher(h, 7).weak().is_cleared());
                assert_eq!(keys(h, 3).count(), 1, "the key comes back");
                assert_eq!(table::<WeakValues>(h, 4).count(), 0);
                assert_eq!(table::<WeakBoth>(h, 5).count(), 1, "the key comes back");
                assert_eq!(table::<WeakBoth>(h, 6).count(), 0);
                churn(h);
                let value = h.next_finalizable().expect("it is due");
                assert_eq!((id_of(value), id_of(node(value).any())), (Some(7), Some(1)));
                let noted = keys(h, 3).find(h, value).expect("the pair of the key");
                assert_eq!(id_of(noted), Some(8));
                assert_eq!(table::<WeakBoth>(h, 5).find(h, value), Some(Value::int(1)));
                h.collect();
                check(h);
                assert_eq!((keys(h, 3).count(), table::<WeakBoth>(h, 5).count()), (0, 0));
                assert_eq!(h.finalizable_count(), 0, "once");
            });
        }
    }
}

#[test]
fn what_comes_back_with_an_object_keeps_its_weak_words_to_what_comes_back() {
    for full in [false, true] {
        isolate(small()).enter(|h| {
            // A dying watcher of another dying object, and of one that nothing brings back.
            put_node(h, 0, 1, 201);
            register(h, 0, 0);
            put_watcher(h, 1, 2, 0);
            register(h, 1, 0);
            put_node(h, 2, 3, 201);
            put_watcher(h, 3, 4, 2);
            register(h, 3, 0);
            for index in 0..4 {
                clear(h, index);
            }
            if full {
                h.collect();
            } else {
                h.collect_minor();
            }
            check(h);
            let lost = h
                .next_finalizable()
                .and_then(|value| value.cast::<Watcher>())
                .expect("the last");
            assert_eq!(lost.id(), 4);
            assert!(lost.weak().is_cleared());
            let found = h
                .next_finalizable()
                .and_then(|value| value.cast::<Watcher>())
                .expect("the second");
            assert_eq!((found.id(), id_of(found.weak().get(h))), (2, Some(1)));
            assert_eq!(drain(h), [1]);
        });
    }
}

#[test]
fn objects_that_are_registered_again_come_again() {
    for policy in ["v8", "all", "never"] {
        isolate(with(small(), "promotion", policy)).enter(|h| {
            put_node(h, 0, 1, 201);
            register(h, 0, 0);
            register(h, 0, 3);
            clear(h, 0);
            h.collect_minor();
            assert_eq!(drain(h), [1, 1], "registered twice");
            h.collect();
            assert_eq!(h.finalizable_count(), 0);
            put_node(h, 0, 2, 201);
            register(h, 0, 0);
            for round in 0..6 {
                clear(h, 0);
                if round % 2 == 0 {
                    h.collect_minor();
                    h.collect();
                } else {
                    h.collect();
                }
                check(h);
                churn(h);
                let value = h.next_finalizable().expect("it is due again");
                assert_eq!(id_of(value), Some(2));
                set_reg(h, 0, value);
                assert_eq!(h.finalizable_count(), 0);
                // It is kept for a while before it is registered anew.
                h.collect();
                assert_eq!(h.finalizable_count(), 0);
                register(h, 0, 0);
                h.collect();
                assert_eq!(h.finalizable_count(), 0);
            }
        });
    }
}

#[test]
fn finalizers_that_allocate_collect_and_register_come_to_an_end() {
    for barrier in BARRIERS {
        isolate(slicing(barrier)).enter(|h| {
            put_dying(h, 0, 20, 1);
            put_array(h, 0, 20);
            let mut seen = Vec::new();
            for round in 0..200 {
                h.collect();
                while let Some(value) = h.next_finalizable() {
                    let id = id_of(value).expect("a node");
                    seen.push(id);
                    set_reg(h, 1, value);
                    // Stores itself, lets something else die, and has that finalized as well.
                    array(h, 0).tail_set(h, (id % 20) as usize, reg(h, 1));
                    if id < 100 {
                        put_node(h, 2, id + 20, 1);
                        register(h, 2, (id % 3) as u8);
                        clear(h, 2);
                    }
                    if id.is_multiple_of(4) {
                        h.collect_minor();
                    }
                    if id % 16 == 3 {
                        h.collect();
                    }
                    check(h);
                }
                clear(h, 1);
                if round % 5 == 0 {
                    let array = array(h, 0);
                    array.tail_fill(h, 0..20, Value::nil());
                }
            }
            seen.sort_unstable();
            assert_eq!(seen, (0..120).collect::<Vec<u64>>(), "each exactly once");
        });
    }
}

#[test]
fn registrations_that_are_taken_back_lead_to_nothing() {
    for old in [false, true] {
        isolate(small()).enter(|h| {
            put_node(h, 0, 1, 201);
            put_node(h, 1, 2, 201);
            for _ in 0..3 {
                register(h, 0, 0);
            }
            register(h, 1, 0);
            if old {
                h.collect();
            }
            assert_eq!(h.unregister_finalizer(node(reg(h, 0))), 3);
            assert_eq!(h.unregister_finalizer(node(reg(h, 0))), 0);
            clear(h, 0);
            clear(h, 1);
            h.collect();
            check(h);
            assert_eq!(drain(h), [2]);
        });
    }
}

#[test]
fn registrations_that_are_taken_back_take_no_room() {
    isolate(roomy()).enter(|h| {
        put_node(h, 0, 1, 201);
        h.collect();
        let bytes = h.statistics().list_bytes;
        for round in 0..300 {
            for _ in 0..200 {
                register(h, 0, 0);
                assert_eq!(h.unregister_finalizer(node(reg(h, 0))), 1);
            }
            if round % 50 == 0 {
                h.collect();
            }
        }
        let grown = h.statistics().list_bytes - bytes;
        assert!(grown < 2_000_000, "{grown} bytes");
    });
}

#[test]
fn all_registered_objects_come_at_the_end() {
    for policy in ["v8", "never"] {
        isolate(with(small(), "promotion", policy)).enter(|h| {
            put_array(h, 0, 6);
            for i in 0..6 {
                put_node(h, 1, i as u64, 201);
                register(h, 1, u8::from(i % 2 == 1));
                array(h, 0).tail_set(h, i, reg(h, 1));
                if i == 2 {
                    h.collect();
                }
            }
            // One is dead already, one is taken back.
            array(h, 0).tail_set(h, 5, Value::nil());
            clear(h, 1);
            h.collect();
            assert_eq!(h.finalizable_count(), 1);
            assert_eq!(h.unregister_finalizer(node(array(h, 0).tail_get(0))), 1);
            h.finalize_all();
            h.collect();
            check(h);
            churn(h);
            assert_eq!(drain(h), [4, 2, 5, 3, 1], "{policy}");
            h.finalize_all();
            assert_eq!(h.finalizable_count(), 0);
        });
    }
}

#[test]
fn all_registered_objects_come_at_the_end_of_a_program_in_the_middle_of_a_cycle() {
    for barrier in BARRIERS {
        for before in (0..120).step_by(4) {
            isolate(slicing(barrier).verify_heap(before % 24 == 0)).enter(|h| {
                put_array(h, 0, 40);
                for i in 0..40 {
                    put_leaf(h, 1, 1000 + i as u64);
                    let (region, owner) = h.alloc_with::<Node>(|h| NodeInit {
                        id: i as u64,
                        any: reg(h, 1),
                    });
                    set_reg(region, 1, owner.to_value());
                    register(h, 1, 0);
                    array(h, 0).tail_set(h, i, reg(h, 1));
                }
                clear(h, 1);
                h.collect();
                // They die while a cycle is in progress, or right before it.
                array(h, 0).tail_fill(h, 0..40, Value::nil());
                for id in 0..before {
                    put_node(h, 200, id, 201);
                }
                h.finalize_all();
                for id in 0..400 {
                    put_node(h, 200, id, 201);
                }
                check(h);
                let mut ids = Vec::new();
                while let Some(value) = h.next_finalizable() {
                    let id = id_of(value).expect("a node");
                    assert_eq!(id_of(node(value).any()), Some(1000 + id), "{barrier}, after {before}");
                    ids.push(id);
                }
                assert_eq!(ids.len(), 40);
            });
        }
    }
}
