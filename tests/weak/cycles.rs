//! Between the slices of a cycle: what the program reads from where nothing is kept, and hides elsewhere.

use super::*;
use tenure::WeakGlobal;

/// Comes to `count` safepoints.
fn slices(h: &mut Heap<Lab>, count: usize) {
    for id in 0..count {
        put_node(h, 200, id as u64, 201);
    }
    clear(h, 200);
}

/// Old nodes in registers that the marker scans first, and a cycle that has run for `before` slices.
fn begin(h: &mut Heap<Lab>, before: usize) {
    for i in 0..10 {
        put_node(h, 20 + i, 0, 201);
    }
    h.collect();
    let (region, pinned) = h.alloc_with::<PinnedWatcher>(|_| PinnedWatcherInit {
        id: 0,
        weak: Value::nil(),
    });
    set_reg(region, 202, pinned.to_value());
    slices(h, before);
}

/// Nodes that hide what was read: old, and scanned before others.
const BLACK: usize = 50;

/// Where something is kept that only a weak reference leads to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Hidden {
    Slot,
    Handle,
    /// The value of an ephemeron whose key is alive.
    Value,
    /// The key of a pair that is about to be emptied.
    Key,
    /// The value of a table that keeps none.
    Both,
}

/// Makes 20 old nodes with leaves that are dead but for a weak reference each.
fn hide(h: &mut Heap<Lab>, hidden: Hidden, handles: &mut Vec<WeakGlobal<Dyn<Lab>>>) {
    put_array(h, 0, 20);
    put_array(h, 2, 20);
    put_array(h, BLACK, 20);
    put_table::<WeakKeys>(h, 1);
    put_table::<WeakBoth>(h, 3);
    for i in 0..20 {
        put_leaf(h, 4, 100 + i as u64);
        put_node(h, 4, i as u64, 4);
        put_watcher(h, 5, i as u64, 4);
        put_node(h, 6, 0, 201);
        array(h, 0).tail_set(h, i, reg(h, 5));
        array(h, 2).tail_set(h, i, reg(h, 6));
        match hidden {
            Hidden::Slot => {}
            Hidden::Handle => handles.push(h.weak_global(reg(h, 4))),
            Hidden::Value => {
                keys(h, 1).insert(h, reg(h, 6), reg(h, 4)).expect("room");
            }
            Hidden::Key => {
                keys(h, 1).insert(h, reg(h, 4), Value::int(i as i64)).expect("room");
            }
            Hidden::Both => {
                table::<WeakBoth>(h, 3)
                    .insert(h, Value::int(i as i64), reg(h, 4))
                    .expect("room");
            }
        }
        // Alive until the cycle begins.
        array(h, BLACK).tail_set(h, i, reg(h, 4));
    }
    for index in 4..7 {
        clear(h, index);
    }
}

/// Reads node `i` from where it is hidden, and takes it away from there.
fn find<'h>(h: &'h Heap<Lab>, hidden: Hidden, i: usize, handles: &[WeakGlobal<Dyn<Lab>>]) -> Value<'h, Lab> {
    let key = array(h, 2).tail_get(i);
    match hidden {
        Hidden::Slot => {
            let watcher = array(h, 0).tail_get(i).cast::<Watcher>().expect("a watcher");
            let read = if i.is_multiple_of(2) {
                watcher.weak().get(h)
            } else {
                Value::from(watcher.node().get(h))
            };
            watcher.set_weak(h, Value::nil());
            watcher.set_node(h, None);
            read
        }
        Hidden::Handle => {
            let read = handles[i].get(h);
            handles[i].set(h, Value::nil());
            read
        }
        Hidden::Value => match i % 3 {
            0 => keys(h, 1).remove(h, key).expect("kept by its key"),
            1 => keys(h, 1)
                .insert(h, key, Value::nil())
                .expect("room")
                .expect("kept by its key"),
            _ => {
                let read = keys(h, 1).find(h, key).expect("kept by its key");
                keys(h, 1).remove(h, key);
                read
            }
        },
        Hidden::Key => {
            let found = keys(h, 1).entries(h).find(|(_, value)| *value == Value::int(i as i64));
            let Some((key, _)) = found else { return Value::nil() };
            keys(h, 1).remove(h, key);
            key
        }
        Hidden::Both => table::<WeakBoth>(h, 3)
            .remove(h, Value::int(i as i64))
            .unwrap_or_default(),
    }
}

#[test]
fn what_is_read_from_a_weak_place_during_a_cycle_and_stored_is_not_lost() {
    for barrier in BARRIERS {
        for hidden in [Hidden::Slot, Hidden::Handle, Hidden::Value, Hidden::Key, Hidden::Both] {
            for young in [false, true] {
                for before in (0..120).step_by(5) {
                    let config = slicing(barrier).verify_heap(before == 60);
                    let config = if before % 10 == 0 {
                        config.mark_stack_entries(1)
                    } else {
                        config
                    };
                    isolate(config).enter(|h| {
                        let mut handles = Vec::new();
                        hide(h, hidden, &mut handles);
                        if !young {
                            h.collect();
                        }
                        begin_from(h, young, before);
                        let what = format!("{barrier}, {hidden:?}, young {young}, after {before}");
                        let mut kept = Vec::new();
                        for i in 0..20 {
                            let read = find(h, hidden, i, &handles);
                            if hidden == Hidden::Value {
                                assert_eq!(id_of(read), Some(i as u64), "{what}");
                            }
                            kept.push(!read.is_nil());
                            array(h, BLACK).tail_set(h, i, read);
                            if let Some(read) = read.cast::<Node>() {
                                // Its leaf hangs at an old node from here on.
                                let leaf = read.any();
                                read.set_any(h, Value::nil());
                                node(array(h, 2).tail_get(i)).set_any(h, leaf);
                            }
                            if i % 7 == 3 {
                                slices(h, 1);
                            }
                        }
                        check(h);
                        slices(h, 300);
                        check(h);
                        for (i, kept) in kept.iter().enumerate() {
                            let value = array(h, BLACK).tail_get(i);
                            if *kept {
                                assert_eq!(id_of(value), Some(i as u64), "{what}");
                                let leaf = node(array(h, 2).tail_get(i)).any();
                                assert_eq!(id_of(leaf), Some(100 + i as u64), "{what}");
                            } else {
                                assert!(value.is_nil());
                            }
                        }
                    });
                }
            }
        }
    }
}

/// Lets the nodes die, and starts a cycle.
fn begin_from(h: &mut Heap<Lab>, young: bool, before: usize) {
    if !young {
        for i in 0..10 {
            put_node(h, 20 + i, 0, 201);
        }
        h.collect();
    }
    // Nothing collects from here to the start of the cycle.
    array(h, BLACK).tail_fill(h, 0..20, Value::nil());
    let (region, pinned) = h.alloc_with::<PinnedWatcher>(|_| PinnedWatcherInit {
        id: 0,
        weak: Value::nil(),
    });
    set_reg(region, 202, pinned.to_value());
    slices(h, before);
}

#[test]
fn rows_that_grow_during_a_cycle_lose_no_pair() {
    for barrier in BARRIERS {
        for count in [8, 60, 130, 700] {
            for before in [0, 10, 25, 40] {
                isolate(slicing(barrier).verify_heap(false).semi_space_bytes(1 << 20)).enter(|h| {
                    put_table::<WeakKeys>(h, 0);
                    put_array(h, 1, count);
                    for i in 0..count {
                        put_leaf(h, 2, i as u64);
                        put_node(h, 3, i as u64, 201);
                        array(h, 1).tail_set(h, i, reg(h, 3));
                        keys(h, 0).insert(h, reg(h, 3), reg(h, 2)).expect("room");
                    }
                    clear(h, 2);
                    clear(h, 3);
                    begin(h, before);
                    // Immediate keys make the row grow, twice at least.
                    for i in 0..2 * count {
                        keys(h, 0).insert(h, Value::int(i as i64), Value::int(0)).expect("room");
                        if i % (count / 4) == 0 {
                            slices(h, 1);
                        }
                        if i % (count / 2) == 0 {
                            h.collect_minor();
                        }
                    }
                    check(h);
                    slices(h, 300);
                    check(h);
                    for i in 0..count {
                        let value = keys(h, 0).find(h, array(h, 1).tail_get(i)).expect("the pair");
                        assert_eq!(id_of(value), Some(i as u64), "{barrier}, {count}, after {before}");
                    }
                });
            }
        }
    }
}

#[test]
fn a_table_that_is_stored_to_in_each_cycle_loses_its_dead_keys_nevertheless() {
    for barrier in BARRIERS {
        for count in [20, 200] {
            let config = with(small(), "barrier", barrier).incremental_marking(true);
            isolate(config).enter(|h| {
                put_table::<WeakKeys>(h, 0);
                put_watcher(h, 1, 1, 201);
                put_node(h, 2, 7, 201);
                for i in 0..count {
                    put_node(h, 3, i, 201);
                    keys(h, 0).insert(h, reg(h, 3), Value::int(1)).expect("room");
                }
                watcher(h, 1).set_weak(h, reg(h, 3));
                keys(h, 0).insert(h, reg(h, 2), Value::int(1)).expect("room");
                h.collect();
                clear(h, 3);
                for round in 0..4 {
                    h.start_marking();
                    // The roots are shaded.
                    let now_ns = h.now_ns();
                    h.step(now_ns + 1);
                    keys(h, 0).insert(h, reg(h, 2), Value::int(round)).expect("room");
                    watcher(h, 1).set_any(h, Value::int(round));
                    assert_eq!(h.step(u64::MAX), tenure::Progress::Done);
                    check(h);
                }
                assert_eq!(keys(h, 0).count(), 1, "{barrier}, {count}");
                assert!(watcher(h, 1).weak().is_cleared(), "{barrier}");
            });
        }
    }
}

#[test]
fn a_cycle_clears_what_was_dead_when_it_began() {
    for barrier in BARRIERS {
        for stack in [1, 1 << 19] {
            let config = with(small(), "barrier", barrier)
                .incremental_marking(true)
                .mark_stack_entries(stack);
            isolate(config).enter(|h| {
                let dropped = Rc::new(Cell::new(0));
                put_table::<WeakKeys>(h, 0);
                put_table::<WeakValues>(h, 1);
                put_file(h, 3, 3, &dropped, 0);
                register(h, 3, 0);
                put_file(h, 4, 4, &dropped, 0);
                put_watcher(h, 2, 2, 4);
                keys(h, 0).insert(h, reg(h, 4), reg(h, 4)).expect("room");
                table::<WeakValues>(h, 1)
                    .insert(h, Value::int(1), reg(h, 4))
                    .expect("room");
                let handle: WeakGlobal<Dyn<Lab>> = h.weak_global(reg(h, 4));
                h.collect();
                clear(h, 3);
                clear(h, 4);
                h.start_marking();
                assert_eq!(h.step(u64::MAX), tenure::Progress::Done);
                check(h);
                assert!(watcher(h, 2).weak().is_cleared());
                assert!(handle.get(h).is_nil());
                assert_eq!((keys(h, 0).count(), table::<WeakValues>(h, 1).count()), (0, 0));
                assert_eq!(dropped.get(), 1, "{barrier}");
                assert_eq!(drain(h), [3]);
            });
        }
    }
}

#[test]
fn a_last_pause_that_is_put_off_makes_each_object_ready_once() {
    for barrier in BARRIERS {
        for words in [8, 64, 512] {
            let config = with(small(), "barrier", barrier)
                .incremental_marking(true)
                .stress_phases(true)
                .slice_words(words)
                .mark_step_bytes(64)
                .initial_old_limit_bytes(1 << 16)
                .cycle_interval(50);
            isolate(config).enter(|h| {
                // Each dying object keeps a list, so that marking what comes back takes more than a slice.
                for id in 0..20 {
                    for _ in 0..50 {
                        put_node(h, 1, 1000 + id, 1);
                    }
                    put_node(h, 2, id, 1);
                    register(h, 2, 0);
                    clear(h, 1);
                }
                clear(h, 2);
                put_table::<WeakKeys>(h, 3);
                let mut seen = Vec::new();
                for round in 0..2000 {
                    put_node(h, 200, round, 201);
                    if round % 50 == 0 {
                        keys(h, 3).insert(h, reg(h, 200), reg(h, 200)).expect("room");
                    }
                    if round % 100 == 99 {
                        while let Some(value) = h.next_finalizable() {
                            let mut length = 0;
                            let mut next = node(value).any();
                            while let Some(link) = next.cast::<Node>() {
                                length += 1;
                                next = link.any();
                            }
                            assert_eq!(length, 50);
                            seen.push(id_of(value).expect("a node"));
                        }
                    }
                }
                check(h);
                seen.sort_unstable();
                assert_eq!(seen, (0..20).collect::<Vec<u64>>(), "{barrier}, {words}");
            });
        }
    }
}

#[test]
fn a_cycle_that_is_given_up_leaves_everything_to_the_collection_that_follows() {
    for barrier in BARRIERS {
        for before in (0..120).step_by(5) {
            isolate(slicing(barrier).verify_heap(before % 20 == 0)).enter(|h| {
                let mut handles = Vec::new();
                hide(h, Hidden::Value, &mut handles);
                begin(h, before);
                // All keys but the first five die, and with them what the registers keep no more.
                array(h, BLACK).tail_fill(h, 0..20, Value::nil());
                array(h, 2).tail_fill(h, 5..20, Value::nil());
                h.collect();
                check(h);
                assert_eq!(keys(h, 1).count(), 5, "{barrier}, after {before}");
                for i in 0..20 {
                    let watcher = array(h, 0).tail_get(i).cast::<Watcher>().expect("a watcher");
                    assert_eq!(watcher.weak().is_cleared(), i >= 5, "{barrier}, after {before}");
                }
            });
        }
    }
}
