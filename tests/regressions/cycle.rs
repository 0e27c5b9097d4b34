//! What the mutator does between the slices of an incremental cycle.

use super::*;

pub(super) const BARRIERS: [&str; 3] = ["owner", "insertion", "deletion"];

/// Slices of one object each, at every allocation.
pub(super) fn slicing(policy: &str, barrier: &str) -> HeapConfig {
    let config = with(with(small(), "promotion", policy), "barrier", barrier);
    with(config, "stress-incremental-marking", "true")
        .mark_step_bytes(8)
        .poison(true)
}

/// Starts a cycle: an allocation in the old generation looks whether one is due.
pub(super) fn start(h: &mut Heap<Lab>) {
    let (h, pinned) = h.alloc_with::<Pinned>(|_| PinnedInit {
        id: 0,
        any: Value::nil(),
    });
    h.regs()[202].set(pinned.to_value());
}

/// Comes to `count` safepoints.
pub(super) fn slices(h: &mut Heap<Lab>, count: usize) {
    for id in 0..count {
        put_node(h, 200, id as u64, 201);
    }
    clear(h, 200);
}

/// Old nodes in registers, which the marker scans before those in lower registers.
pub(super) fn put_delay(h: &mut Heap<Lab>) {
    for i in 0..20 {
        put_node(h, 20 + i, 0, 201);
    }
    h.collect();
}

/// An old array of old nodes.
pub(super) fn put_old(h: &mut Heap<Lab>, to: usize, count: usize) {
    put_array(h, to, 0, count);
    for i in 0..count {
        put_node(h, 200, i as u64, 201);
        array(h, to).tail_set(h, i, reg(h, 200));
    }
    clear(h, 200);
    h.collect();
}

fn each_policy() -> impl Iterator<Item = (&'static str, &'static str)> {
    ["all", "v8", "never"]
        .into_iter()
        .flat_map(|policy| BARRIERS.map(|barrier| (policy, barrier)))
}

#[test]
fn a_young_large_object_that_was_listed_may_die_before_it_is_scanned() {
    for (policy, barrier) in each_policy() {
        for length in [17_000, 40_000] {
            for before in 0..70 {
                isolate(slicing(policy, barrier)).enter(|h| {
                    put_old(h, 0, 40);
                    put_delay(h);
                    start(h);
                    put_array(h, 1, 1, length);
                    array(h, 0).tail_set(h, 0, reg(h, 1));
                    clear(h, 1);
                    slices(h, before);
                    array(h, 0).tail_set(h, 0, Value::nil());
                    h.collect_minor();
                    check(h);
                    slices(h, 100);
                    check(h);
                    for i in 1..40 {
                        assert_eq!(node(array(h, 0).tail_get(i)).id(), i as u64);
                    }
                });
            }
        }
    }
}

#[test]
fn a_young_object_that_was_scanned_hides_nothing_that_is_stored_later() {
    // A list of length 17 000 is a large object, one of 100 a small one.
    for (policy, barrier) in each_policy() {
        for length in [100, 17_000] {
            for before in 0..70 {
                isolate(slicing(policy, barrier)).enter(|h| {
                    put_old(h, 0, 40);
                    put_old(h, 1, 2);
                    put_delay(h);
                    start(h);
                    put_array(h, 2, 1, length);
                    array(h, 1).tail_set(h, 0, reg(h, 2));
                    clear(h, 2);
                    slices(h, before);
                    // From an array that may be white to one that may be black.
                    for i in 0..40 {
                        let moved = array(h, 0).tail_get(i);
                        let young = array(h, 1).tail_get(0).cast::<Array>().expect("an array");
                        young.tail_set(h, i, moved);
                        array(h, 0).tail_set(h, i, Value::nil());
                    }
                    if before % 2 == 0 {
                        h.collect_minor();
                    }
                    slices(h, 200);
                    check(h);
                    let young = array(h, 1).tail_get(0).cast::<Array>().expect("an array");
                    for i in 0..40 {
                        assert_eq!(
                            node(young.tail_get(i)).id(),
                            i as u64,
                            "{policy}, {barrier}, after {before} slices"
                        );
                    }
                });
            }
        }
    }
}

#[test]
fn old_objects_change_places_behind_the_marker() {
    for barrier in BARRIERS {
        for by_address in [false, true] {
            for length in [40, 130, 17_000] {
                for before in 0..70 {
                    isolate(slicing("v8", barrier)).enter(|h| {
                        put_old(h, 0, 40);
                        put_array(h, 1, 1, length);
                        h.collect();
                        put_delay(h);
                        start(h);
                        slices(h, before);
                        for i in 0..40 {
                            let to = if by_address { length - 1 - i } else { i };
                            let moved = array(h, 0).tail_get(i);
                            if by_address {
                                array(h, 1).tail()[to].set(h, moved);
                                array(h, 0).tail()[i].set(h, Value::nil());
                            } else {
                                array(h, 1).tail_set(h, to, moved);
                                array(h, 0).tail_set(h, i, Value::nil());
                            }
                            if i % 10 == 9 {
                                slices(h, 3);
                            }
                        }
                        slices(h, 200);
                        check(h);
                        for i in 0..40 {
                            let to = if by_address { length - 1 - i } else { i };
                            assert_eq!(
                                node(array(h, 1).tail_get(to)).id(),
                                i as u64,
                                "{barrier}, after {before} slices"
                            );
                        }
                        // Into a register, an operand and a handle, from an array that is white still.
                        put_delay(h);
                        start(h);
                        let kept = array(h, 1).tail_get(if by_address { length - 1 } else { 0 });
                        let kept = h.global::<Dyn<Lab>>(kept);
                        clear(h, 1);
                        slices(h, 300);
                        check(h);
                        assert_eq!(node(kept.get(h)).id(), 0);
                    });
                }
            }
        }
    }
}

#[test]
fn what_hangs_from_a_young_object_that_cannot_be_promoted_is_marked() {
    for barrier in BARRIERS {
        for length in [100, 130] {
            for before in 0..10 {
                isolate(slicing("v8", barrier).max_old_bytes(1 << 20).max_spill_bytes(0)).enter(|h| {
                    put_old(h, 0, 40);
                    put_array(h, 60, 1, length);
                    put_delay(h);
                    start(h);
                    slices(h, before);
                    // From an array that is white still to nodes that only an array refers to, which is black already.
                    let region = &*h;
                    for i in 0..40 {
                        let any = array(region, 0).tail_get(i);
                        let young = region
                            .try_alloc::<Node>(NodeInit { id: 1, any })
                            .expect("room in the nursery");
                        array(region, 60).tail_set(region, i, young.to_value());
                        array(region, 0).tail_set(region, i, Value::nil());
                    }
                    fill_up(region, 100);
                    // The last pause of the cycle promotes nothing.
                    let majors = h.statistics().major_collections;
                    _ = h.try_alloc_with::<Node, _>(|_| NodeInit {
                        id: 0,
                        any: Value::nil(),
                    });
                    assert!(h.statistics().major_collections > majors);
                    check(h);
                    for i in 0..40 {
                        let young = node(array(h, 60).tail_get(i));
                        assert_eq!(
                            (young.id(), node(young.any()).id()),
                            (1, i as u64),
                            "{barrier}, after {before} slices"
                        );
                    }
                });
            }
        }
    }
}

#[test]
fn a_requested_collection_finds_everything_dead_that_a_cycle_had_marked() {
    for barrier in BARRIERS {
        for entries in [1, 4, 1000] {
            for before in 0..70 {
                isolate(slicing("all", barrier).mark_stack_entries(entries)).enter(|h| {
                    put_old(h, 0, 40);
                    put_array(h, 1, 1, 17_000);
                    put_node(h, 2, 5, 0);
                    array(h, 1).tail_set(h, 16_999, reg(h, 2));
                    put_delay(h);
                    start(h);
                    slices(h, before);
                    for i in 0..256 {
                        clear(h, i);
                    }
                    h.collect();
                    check(h);
                    let sizes = h.statistics().sizes;
                    assert_eq!(
                        (sizes.old_used_bytes, sizes.large_used_bytes),
                        (0, 0),
                        "{barrier}, {entries} entries, after {before} slices"
                    );
                });
            }
        }
    }
}

/// Memory outside of the heap drives a cycle as memory inside does: a program that allocates little in the heap would
/// otherwise hold what is dead until it had allocated a nursery's worth.
#[test]
fn a_cycle_goes_on_when_only_external_memory_grows() {
    isolate(HeapConfig::new().incremental_marking(true)).enter(|h| {
        let mut counted = 0;
        for _ in 0..600 {
            put_node(h, 0, 1, 9);
            h.adjust_external_bytes(1 << 20);
            counted += 1;
            if h.statistics().major_collections > 0 {
                break;
            }
        }
        assert!(counted < 200, "a cycle had not ended after {counted} MiB");
    });
}
