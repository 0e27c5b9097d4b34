//! Old objects that refer to young ones.

use super::*;

/// Stores a new node into `slot` of the array in a register.
fn store_young(h: &mut Heap<Lab>, to: usize, slot: usize, id: u64, by_address: bool) {
    let (h, young) = h.alloc_with::<Node>(|_| NodeInit {
        id,
        any: Value::int(id as i64),
    });
    let target = array(h, to);
    if by_address {
        target.tail()[slot].set(h, young.to_value());
    } else {
        target.tail_set(h, slot, young.to_value());
    }
}

fn check_young(h: &Heap<Lab>, to: usize, slot: usize, id: u64) {
    let young = node(array(h, to).tail_get(slot));
    assert_eq!(
        (young.id(), young.any()),
        (id, Value::int(id as i64)),
        "slot {slot} of register {to}"
    );
}

#[test]
fn two_long_arrays_sharing_a_card_are_both_remembered() {
    for by_address in [false, true] {
        for first in [0, 1, 2, 3] {
            isolate(retaining()).enter(|h| {
                // Arrays of 132 words: their ends fall on every place of a card sooner or later.
                for i in 0..40 {
                    put_array(h, i, i as u64, 130);
                }
                h.collect();
                // In each order of the two stores, and with one of them alone.
                for i in 0..39 {
                    if first != 1 {
                        store_young(h, i, 129, 1000 + i as u64, by_address);
                    }
                    if first != 2 {
                        store_young(h, i + 1, 0, 2000 + i as u64, by_address);
                    }
                    if first == 3 {
                        h.collect_minor();
                        check(h);
                    }
                }
                for _ in 0..3 {
                    h.collect_minor();
                    check(h);
                    churn(h);
                    for i in 0..39 {
                        if first != 1 {
                            check_young(h, i, 129, 1000 + i as u64);
                        }
                        if first != 2 {
                            check_young(h, i + 1, 0, 2000 + i as u64);
                        }
                    }
                }
            });
        }
    }
}

#[test]
fn an_array_that_dies_leaves_its_card_to_its_neighbor() {
    // The old generation is full, so that cards are remembered while an array dies.
    isolate(small().max_old_bytes(1 << 20).max_spill_bytes(0)).enter(|h| {
        for i in 0..40 {
            put_array(h, i, i as u64, 130);
        }
        h.collect();
        fill_up(h, 100);
        for i in 0..40 {
            // The nursery is full of live nodes: one of those will do.
            let young = reg(h, 101);
            array(h, i).tail_set(h, 129, young);
            array(h, i).tail_set(h, 0, young);
        }
        for i in (0..40).step_by(2) {
            clear(h, i);
        }
        let id = node(reg(h, 101)).id();
        for round in 0..3 {
            h.collect();
            check(h);
            for i in (1..40).step_by(2) {
                for slot in [0, 129] {
                    assert_eq!(node(array(h, i).tail_get(slot)).id(), id, "round {round}");
                }
            }
            h.collect_minor();
            check(h);
        }
        clear(h, 100);
        h.collect();
        for i in (0..40).step_by(2) {
            put_array(h, i, i as u64, 130);
        }
        h.collect();
        for i in 0..40 {
            store_young(h, i, 129, i as u64, false);
            store_young(h, i, 0, i as u64, true);
        }
        h.collect_minor();
        check(h);
        for i in 0..40 {
            check_young(h, i, 0, i as u64);
            check_young(h, i, 129, i as u64);
        }
    });
}

#[test]
fn an_array_that_dies_leaves_no_card_to_its_successor() {
    // Nothing can be promoted, so the array's card is remembered when it dies; the next one takes its place.
    isolate(retaining().max_old_bytes(1 << 20).max_spill_bytes(0)).enter(|h| {
        // Other large objects leave room for the array, but for no block besides.
        put_bytes(h, 110, 1, 140_000);
        put_bytes(h, 111, 2, 140_000);
        put_array(h, 0, 0, 17_000);
        h.collect_minor();
        fill_up(h, 100);
        let id = node(reg(h, 101)).id();
        for round in 1..4 {
            let place = format!("{:p}", array(h, 0).tail().as_ptr());
            array(h, 0).tail_set(h, 9_000, reg(h, 101));
            clear(h, 0);
            h.collect();
            check(h);
            put_array(h, 0, round, 17_000);
            assert_eq!(format!("{:p}", array(h, 0).tail().as_ptr()), place);
            h.collect_minor();
            array(h, 0).tail_set(h, 9_000, reg(h, 101));
            check(h);
            h.collect_minor();
            check(h);
            assert_eq!(node(array(h, 0).tail_get(9_000)).id(), id);
        }
    });
}

#[test]
fn a_remembered_object_that_dies_is_forgotten_before_it_is_swept() {
    isolate(small().max_old_bytes(1 << 20).max_spill_bytes(0)).enter(|h| {
        fill_up(h, 0);
        // The list's old part refers to its young part, and dies. The collection cannot promote: nothing is swept yet.
        clear(h, 0);
        h.collect();
        check(h);
        for i in 0..3 {
            churn(h);
            h.collect_minor();
            check(h);
            let mut list = reg(h, 1);
            for id in (0..=500).rev() {
                assert_eq!(node(list).id(), id, "round {i}");
                list = node(list).any();
            }
        }
    });
}

#[test]
fn arrays_just_short_and_just_long_enough_for_cards() {
    for length in [1, 63, 64, 126, 127, 128, 129, 192, 1000] {
        isolate(retaining()).enter(|h| {
            put_array(h, 0, 1, length);
            put_array(h, 1, 2, length);
            h.collect();
            for slot in 0..length {
                store_young(h, 0, slot, slot as u64, slot % 2 == 0);
                if slot % 7 == 0 {
                    h.collect_minor();
                }
            }
            h.collect_minor();
            // Copied at once, all cards but one are logged in passing.
            let from = array(h, 0);
            array(h, 1).tail_copy_from(h, 1, from, 0..length - 1);
            check(h);
            for round in 0..3 {
                if round == 2 {
                    h.collect();
                } else {
                    h.collect_minor();
                }
                check(h);
                churn(h);
                for slot in 0..length {
                    check_young(h, 0, slot, slot as u64);
                    if slot > 0 {
                        check_young(h, 1, slot, slot as u64 - 1);
                    }
                }
            }
        });
    }
}

#[test]
fn slots_before_a_long_tail_are_remembered_by_card() {
    isolate(retaining()).enter(|h| {
        for i in 0..8 {
            let (h, frame) = h.alloc_tail_with::<Frame>(
                130 + i,
                |_| FrameInit {
                    id: i as u64,
                    saved: [Value::nil(); 70],
                },
                |_, _| Value::nil(),
            );
            h.regs()[i].set(frame.to_value());
        }
        h.collect();
        for slot in 0..70 {
            for i in 0..8 {
                let (h, young) = h.alloc_with::<Node>(|_| NodeInit {
                    id: slot,
                    any: Value::nil(),
                });
                let frame = reg(h, i).cast::<Frame>().expect("a frame");
                frame.get().saved[slot as usize].set(h, young.to_value());
            }
            h.collect_minor();
        }
        check(h);
        churn(h);
        h.collect_minor();
        for i in 0..8 {
            let frame = reg(h, i).cast::<Frame>().expect("a frame");
            for slot in 0..70 {
                assert_eq!(node(frame.saved()[slot].get()).id(), slot as u64);
            }
        }
    });
}

#[test]
fn an_old_object_is_remembered_for_as_long_as_its_target_is_young() {
    isolate(retaining()).enter(|h| {
        put_node(h, 0, 1, 9);
        h.collect();
        put_node(h, 1, 2, 9);
        node(reg(h, 0)).set_any(h, reg(h, 1));
        clear(h, 1);
        for _ in 0..5 {
            h.collect_minor();
            check(h);
            churn(h);
            assert_eq!(node(node(reg(h, 0)).any()).id(), 2);
        }
        // Stored over: the next one is remembered again, and so is one stored after the target became old.
        for id in 3..6 {
            put_node(h, 1, id, 9);
            node(reg(h, 0)).set_any(h, reg(h, 1));
            clear(h, 1);
            if id == 4 {
                h.collect();
            }
            h.collect_minor();
            check(h);
            churn(h);
            assert_eq!(node(node(reg(h, 0)).any()).id(), id);
        }
    });
}

#[test]
fn an_object_promoted_with_its_target_is_logged_by_the_next_store() {
    for policy in ["all", "age=1", "v8", "never"] {
        isolate(with(small(), "promotion", policy)).enter(|h| {
            put_node(h, 0, 1, 9);
            for id in 2..20 {
                h.collect_minor();
                if id == 15 {
                    h.collect();
                }
                put_node(h, 1, id, 9);
                node(reg(h, 0)).set_any(h, reg(h, 1));
                clear(h, 1);
                h.collect_minor();
                check(h);
                churn(h);
                assert_eq!(node(node(reg(h, 0)).any()).id(), id, "{policy}");
            }
        });
    }
}

#[test]
fn pinned_objects_refer_to_young_ones_and_stay() {
    for policy in ["all", "v8", "never"] {
        isolate(with(small(), "promotion", policy)).enter(|h| {
            let mut places = Vec::new();
            for i in 0..50 {
                put_node(h, 60, 100 + i, 9);
                let (h, pinned) = h.alloc_with::<Pinned>(|h| PinnedInit { id: i, any: reg(h, 60) });
                h.regs()[i as usize].set(pinned.to_value());
                places.push(format!("{:p}", std::ptr::from_ref(pinned.get())));
            }
            clear(h, 60);
            for round in 0..6 {
                if round % 3 == 2 {
                    h.collect()
                } else {
                    h.collect_minor()
                }
                check(h);
                churn(h);
                for (i, place) in places.iter().enumerate() {
                    let pinned = reg(h, i).cast::<Pinned>().expect("a pinned object");
                    assert_eq!(&format!("{:p}", std::ptr::from_ref(pinned.get())), place, "{policy}");
                    assert_eq!(
                        (pinned.id(), node(pinned.any()).id()),
                        (i as u64, 100 + i as u64),
                        "{policy}"
                    );
                }
            }
        });
    }
}

#[test]
fn a_young_large_object_dies_or_becomes_old_with_what_it_refers_to() {
    let length = 40_000;
    for policy in ["all", "v8", "never"] {
        // Both are young at once: that much is not yet a reason to collect.
        isolate(with(small(), "promotion", policy).max_semi_space_bytes(1 << 20)).enter(|h| {
            put_array(h, 0, 1, length);
            put_array(h, 1, 2, length);
            let before = h.statistics().sizes.large_used_bytes;
            // Stored before anything was collected: no barrier is due, the collection visits all of the object.
            for slot in [0, 1, 511, 12_345, length - 1] {
                store_young(h, 0, slot, slot as u64, slot % 2 == 0);
                store_young(h, 1, slot, slot as u64, slot % 2 == 0);
            }
            clear(h, 1);
            h.collect_minor();
            check(h);
            assert_eq!(h.statistics().sizes.large_used_bytes, before / 2, "one of the two died");
            churn(h);
            h.collect_minor();
            for slot in [0, 1, 511, 12_345, length - 1] {
                check_young(h, 0, slot, slot as u64);
            }
            // Stored into the old one.
            for slot in [0, 2, 513, 30_000, length - 1] {
                store_young(h, 0, slot, slot as u64 + 1, slot % 2 == 0);
            }
            for _ in 0..2 {
                h.collect_minor();
                check(h);
                churn(h);
                for slot in [0, 2, 513, 30_000, length - 1] {
                    check_young(h, 0, slot, slot as u64 + 1);
                }
            }
            // Reached only through a slot of another large object.
            put_array(h, 1, 3, length);
            array(h, 0).tail_set(h, 7, reg(h, 1));
            store_young(h, 1, 8, 88, false);
            clear(h, 1);
            h.collect_minor();
            check(h);
            h.regs()[1].set(array(h, 0).tail_get(7));
            check_young(h, 1, 8, 88);
            clear(h, 0);
            clear(h, 1);
            h.collect();
            check(h);
            assert_eq!(h.statistics().sizes.large_used_bytes, 0);
        });
    }
}
