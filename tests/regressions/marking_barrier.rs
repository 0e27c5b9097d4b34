//! Stores during a cycle, under each barrier: of white objects into black ones, with the old path deleted.

use super::cycle::{BARRIERS, put_delay, put_old, slices, slicing, start};
use super::*;
use tenure::events::CollectionKind;

/// A register that is scanned before those that delay the scan of register 0.
const BLACK: usize = 50;

/// Checks that `count` nodes with the ids from 0 on are in an array, in order.
fn check_nodes(h: &Heap<Lab>, to: usize, count: usize, what: &str) {
    for i in 0..count {
        assert_eq!(node(array(h, to).tail_get(i)).id(), i as u64, "{what}");
    }
}

#[test]
fn nodes_that_are_copied_in_bulk_are_marked() {
    for barrier in BARRIERS {
        for length in [40, 130, 700] {
            for before in (0..70).step_by(3) {
                isolate(slicing("v8", barrier).verify_heap(length == 130)).enter(|h| {
                    put_old(h, 0, 40);
                    put_array(h, BLACK, 1, length);
                    h.collect();
                    put_delay(h);
                    start(h);
                    slices(h, before);
                    // In two pieces, the second one within the array; into the first card of it and then the last.
                    let at = length - 40;
                    array(h, BLACK).tail_copy_from(h, 0, array(h, 0), 0..40);
                    array(h, 0).tail_fill(h, 0..40, Value::nil());
                    if before % 2 == 0 {
                        // Forgotten by the remembered set, since nothing of it is young.
                        h.collect_minor();
                    }
                    slices(h, 5);
                    array(h, BLACK).tail_copy_within(h, 0..40, at);
                    if at >= 40 {
                        array(h, BLACK).tail_fill(h, 0..40, Value::nil());
                    }
                    check(h);
                    slices(h, 200);
                    check(h);
                    array(h, BLACK).tail_copy_within(h, at..length, 0);
                    check_nodes(h, BLACK, 40, &format!("{barrier}, {length}, after {before} slices"));
                });
            }
        }
    }
}

#[test]
fn nodes_that_are_stored_into_fields_are_marked() {
    for barrier in BARRIERS {
        for by_address in [false, true] {
            for before in (0..100).step_by(3) {
                isolate(slicing("v8", barrier).verify_heap(before % 2 == 0)).enter(|h| {
                    put_old(h, 0, 40);
                    put_old(h, BLACK, 40);
                    put_delay(h);
                    start(h);
                    slices(h, before);
                    for i in 0..40 {
                        // Through the operand stack, across safepoints. Each owner is stored to ten times.
                        h.push(array(h, 0).tail_get(i)).expect("room");
                        array(h, 0).tail_set(h, i, Value::nil());
                        if i % 8 == 0 {
                            slices(h, 1);
                        }
                        let moved = h.pop();
                        let owner = node(array(h, BLACK).tail_get(i % 4));
                        node(moved).set_any(h, owner.any());
                        if by_address {
                            owner.get().any.set(h, moved);
                        } else {
                            owner.set_any(h, moved);
                        }
                    }
                    if before % 2 == 0 {
                        h.collect_minor();
                    }
                    check(h);
                    slices(h, 300);
                    check(h);
                    for i in 0..4 {
                        let mut next = node(array(h, BLACK).tail_get(i)).any();
                        for k in (0..10).rev() {
                            let link = node(next);
                            assert_eq!(link.id(), (k * 4 + i) as u64, "{barrier}, after {before} slices");
                            next = link.any();
                        }
                        assert_eq!(next, Value::nil());
                    }
                });
            }
        }
    }
}

/// Old objects fill the old generation, so that what is stored into them stays young: register 0 holds an array of 40
/// nodes, BLACK an empty one, 3 an old node that refers to a young one, which is also in register 4, and which refers to
/// the node with the id 100, as the only one.
fn crowd(h: &mut Heap<Lab>, young_id: u64) {
    put_old(h, 0, 40);
    put_array(h, BLACK, 1, 40);
    put_node(h, 3, 1, 201);
    put_node(h, 5, 100, 201);
    put_delay(h);
    put_node(h, 4, young_id, 5);
    let region = &*h;
    let mut next = 60;
    for length in [15_000, 2000, 200, 20, 1] {
        while let Ok(pinned) = region.try_alloc_tail_zeroed::<PinnedArray>(length, PinnedArrayInit { id: 0 }) {
            region.regs()[next].set(pinned.to_value());
            next += 1;
        }
    }
    node(reg(h, 3)).set_any(h, reg(h, 4));
    array(h, BLACK).tail_set(h, 0, reg(h, 4));
    clear(h, 5);
}

/// Comes to safepoints until a cycle has started, with one slice.
fn start_crowded(h: &mut Heap<Lab>) {
    let before = h.pauses().count_of(CollectionKind::Slice);
    while h.pauses().count_of(CollectionKind::Slice) == before {
        put_node(h, 200, 0, 201);
    }
    clear(h, 200);
    let nursery_used_bytes = h.statistics().sizes.nursery_used_bytes;
    assert!(nursery_used_bytes > 24, "the young node was promoted");
}

fn crowded(barrier: &str) -> HeapConfig {
    slicing("v8", barrier).max_old_bytes(1 << 20)
}

#[test]
fn objects_that_are_remembered_when_a_cycle_starts_hide_nothing() {
    for barrier in BARRIERS {
        for before in (0..70).step_by(6) {
            // Into a remembered array, and out of one: what the barrier must see of a store that is not the first.
            for (from, to) in [(0, BLACK), (BLACK, 0)] {
                isolate(crowded(barrier)).enter(|h| {
                    crowd(h, 7);
                    for i in 1..40 {
                        let moved = array(h, 0).tail_get(i);
                        array(h, 0).tail_set(h, i, Value::nil());
                        array(h, from).tail_set(h, i, moved);
                    }
                    start_crowded(h);
                    slices(h, before);
                    for i in 1..40 {
                        h.regs()[100 + i].set(array(h, from).tail_get(i));
                        array(h, from).tail_set(h, i, Value::nil());
                    }
                    // In roots alone, now.
                    check(h);
                    slices(h, 30);
                    for i in 1..40 {
                        array(h, to).tail_set(h, i, reg(h, 100 + i));
                        clear(h, 100 + i);
                    }
                    check(h);
                    slices(h, 300);
                    check(h);
                    array(h, to).tail_set(h, 0, array(h, 0).tail_get(0));
                    check_nodes(h, to, 40, &format!("{barrier}, from {from} after {before} slices"));
                    assert_eq!(node(node(reg(h, 3)).any()).id(), 7);
                });
            }
        }
    }
}

#[test]
fn what_a_survivor_refers_to_when_a_cycle_starts_is_not_lost_with_it() {
    for barrier in BARRIERS {
        for before in (0..70).step_by(6) {
            isolate(crowded(barrier)).enter(|h| {
                crowd(h, 7);
                start_crowded(h);
                slices(h, before);
                // From the young node, which has no barrier, to a root, which has none either, to an old node.
                h.regs()[10].set(node(reg(h, 4)).any());
                node(reg(h, 4)).set_any(h, Value::nil());
                check(h);
                slices(h, 3);
                node(array(h, 0).tail_get(3)).set_any(h, reg(h, 10));
                clear(h, 10);
                check(h);
                slices(h, 300);
                check(h);
                let kept = node(node(array(h, 0).tail_get(3)).any());
                assert_eq!(kept.id(), 100, "{barrier}, after {before} slices");
            });
        }
    }
}

#[test]
fn a_young_object_that_only_a_remembered_one_refers_to_is_marked_through() {
    for barrier in BARRIERS {
        for before in (0..70).step_by(6) {
            isolate(crowded(barrier)).enter(|h| {
                crowd(h, 7);
                start_crowded(h);
                clear(h, 4);
                array(h, BLACK).tail_set(h, 0, Value::nil());
                slices(h, before);
                let young = node(node(reg(h, 3)).any());
                young.set_any(h, array(h, 0).tail_get(39));
                array(h, 0).tail_set(h, 39, Value::nil());
                check(h);
                slices(h, 300);
                check(h);
                let kept = node(node(node(reg(h, 3)).any()).any());
                assert_eq!(kept.id(), 39, "{barrier}, after {before} slices");
            });
        }
    }
}

#[test]
fn only_the_deletion_barrier_keeps_what_dies_during_a_cycle() {
    for (barrier, kept) in [("owner", false), ("insertion", false), ("deletion", true)] {
        isolate(slicing("v8", barrier)).enter(|h| {
            put_old(h, 0, 40);
            put_bytes(h, 200, 5, 1 << 20);
            put_node(h, 1, 0, 200);
            clear(h, 200);
            h.collect();
            put_delay(h);
            start(h);
            node(reg(h, 1)).set_any(h, Value::nil());
            let majors = h.statistics().major_collections;
            while h.statistics().major_collections == majors {
                slices(h, 1);
            }
            assert_eq!(h.statistics().sizes.large_used_bytes > 0, kept, "{barrier}");
            h.collect();
            assert_eq!(h.statistics().sizes.large_used_bytes, 0, "{barrier}");
        });
    }
}

#[test]
fn nodes_that_leave_a_long_array_are_marked() {
    for barrier in BARRIERS {
        // Carded; scanned in chunks; a large object.
        for (length, how) in [
            (130, 0),
            (130, 1),
            (130, 2),
            (700, 0),
            (700, 2),
            (17_000, 1),
            (17_000, 2),
            (130, 3),
            (17_000, 3),
        ] {
            for before in (0..70).step_by(4) {
                isolate(slicing("v8", barrier)).enter(|h| {
                    let first = length - 40;
                    put_array(h, 0, 0, length);
                    for i in 0..40 {
                        put_node(h, 200, i as u64, 201);
                        array(h, 0).tail_set(h, first + i, reg(h, 200));
                    }
                    clear(h, 200);
                    put_array(h, BLACK, 1, 40);
                    h.collect();
                    put_delay(h);
                    start(h);
                    slices(h, before);
                    // Into registers, which are not scanned again before the last pause, if then.
                    for i in 0..40 {
                        h.regs()[100 + i].set(array(h, 0).tail_get(first + i));
                    }
                    let region = &*h;
                    match how {
                        0 => (first..length).for_each(|i| array(region, 0).tail_set(region, i, Value::nil())),
                        1 => (first..length).for_each(|i| array(region, 0).tail()[i].set(region, Value::nil())),
                        2 => array(region, 0).tail_fill(region, first..length, Value::nil()),
                        _ => array(region, 0).tail_copy_from(region, first, array(region, BLACK), 0..40),
                    }
                    check(h);
                    slices(h, 3);
                    for i in 0..40 {
                        array(h, BLACK).tail_set(h, i, reg(h, 100 + i));
                        clear(h, 100 + i);
                    }
                    check(h);
                    slices(h, 200);
                    check(h);
                    check_nodes(
                        h,
                        BLACK,
                        40,
                        &format!("{barrier}, {length}, {how}, after {before} slices"),
                    );
                });
            }
        }
    }
}
