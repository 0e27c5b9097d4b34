//! Mark stacks that overflow.

use super::*;

/// An array of `width` arrays of ... of nodes, `depth` deep, into register `depth`. Returns the number of objects.
fn put_tree(h: &mut Heap<Lab>, depth: usize, width: usize) -> usize {
    if depth == 0 {
        put_node(h, 0, 5, 9);
        return 1;
    }
    put_array(h, depth, depth as u64, width);
    let mut count = 1;
    for slot in 0..width {
        count += put_tree(h, depth - 1, width);
        array(h, depth).tail_set(h, slot, reg(h, depth - 1));
    }
    clear(h, depth - 1);
    count
}

fn count(value: Value<'_, Lab>) -> usize {
    match value.cast::<Array>() {
        Some(array) => 1 + (0..array.len()).map(|i| count(array.tail_get(i))).sum::<usize>(),
        None => {
            assert_eq!(node(value).id(), 5);
            1
        }
    }
}

#[test]
fn arrays_of_arrays_of_arrays_are_marked_with_one_entry() {
    for (depth, width) in [(3, 20), (5, 5), (2, 200), (1, 3000), (2, 70)] {
        for entries in [1, 2, 3, 64] {
            for traversal in ["depth-first", "prefetch", "auto"] {
                let config = with(small(), "traversal", traversal).mark_stack_entries(entries);
                isolate(config.max_old_bytes(32 << 20)).enter(|h| {
                    let made = put_tree(h, depth, width);
                    for _ in 0..2 {
                        h.collect();
                        check(h);
                        assert_eq!(
                            count(reg(h, depth)),
                            made,
                            "{depth} deep, {width} wide, {entries} entries"
                        );
                    }
                    let overflows = h.statistics().mark_stack_overflows;
                    assert!(overflows > 0 || entries > 3, "{overflows} overflows");
                });
            }
        }
    }
}

#[test]
fn long_arrays_of_long_arrays_are_marked_to_their_ends() {
    // Longer than a chunk of the marker, some longer than a block; more of them than there are cursors.
    for entries in [1, 2, 100] {
        for traversal in ["depth-first", "prefetch"] {
            isolate(
                with(small(), "traversal", traversal)
                    .mark_stack_entries(entries)
                    .max_old_bytes(64 << 20),
            )
            .enter(|h| {
                let lengths = [511, 512, 513, 1024, 1025, 1536, 20_000];
                put_array(h, 0, 0, 700);
                for slot in 0..700 {
                    put_array(
                        h,
                        1,
                        slot as u64,
                        if slot % 50 == 0 { 20_000 } else { lengths[slot % 6] },
                    );
                    let length = array(h, 1).len();
                    for at in [0, length / 2, length - 1] {
                        put_node(h, 2, at as u64, 9);
                        array(h, 1).tail_set(h, at, reg(h, 2));
                    }
                    array(h, 0).tail_set(h, slot, reg(h, 1));
                }
                clear(h, 1);
                clear(h, 2);
                for _ in 0..2 {
                    h.collect();
                    check(h);
                    churn(h);
                    for slot in 0..700 {
                        let inner = array(h, 0).tail_get(slot).cast::<Array>().expect("an array");
                        assert_eq!(inner.id(), slot as u64);
                        for at in [0, inner.len() / 2, inner.len() - 1] {
                            assert_eq!(node(inner.tail_get(at)).id(), at as u64, "of {}", inner.len());
                        }
                    }
                }
            });
        }
    }
}

#[test]
fn what_stays_in_the_nursery_is_marked_with_one_entry() {
    // The old generation is full: a major collection retains, and overflows on objects of the nursery.
    let config = small().max_old_bytes(1 << 20).max_spill_bytes(0).mark_stack_entries(1);
    isolate(config).enter(|h| {
        put_tree(h, 2, 10);
        let filler = &*h;
        let mut list = Value::nil();
        let mut made = 0;
        while let Ok(new) = filler.try_alloc::<Node>(NodeInit { id: made, any: list }) {
            list = new.to_value();
            made += 1;
        }
        filler.regs()[20].set(list);
        for _ in 0..3 {
            h.collect();
            check(h);
            assert_eq!(count(reg(h, 2)), 111);
            let mut at = reg(h, 20);
            for id in (0..made).rev() {
                assert_eq!(node(at).id(), id);
                at = node(at).any();
            }
        }
        assert!(h.statistics().mark_stack_overflows > 0);
        clear(h, 20);
        h.collect();
        check(h);
        churn(h);
        assert_eq!(count(reg(h, 2)), 111);
    });
}

#[test]
fn what_only_the_nursery_refers_to_is_marked_with_one_entry() {
    for traversal in ["depth-first", "prefetch"] {
        let config = with(retaining(), "traversal", traversal)
            .max_old_bytes(1 << 20)
            .max_spill_bytes(0);
        isolate(config.mark_stack_entries(1)).enter(|h| {
            for i in 0..100 {
                put_node(h, i, i as u64, 201);
            }
            h.collect();
            // Old nodes behind young ones, which are too many for the stack and cannot be promoted.
            put_array(h, 101, 0, 100);
            for i in 0..100 {
                put_node(h, 102, 100, i);
                array(h, 101).tail_set(h, i, reg(h, 102));
                clear(h, i);
            }
            fill_up(h, 102);
            for round in 0..4 {
                h.collect();
                check(h);
                for i in 0..100 {
                    let young = node(array(h, 101).tail_get(i));
                    assert_eq!((young.id(), node(young.any()).id()), (100, i as u64), "round {round}");
                }
                // The survivors move: what the last collection noted about their places is wrong now.
                put_or_refuse(h);
            }
            assert!(h.statistics().mark_stack_overflows >= 300);
        });
    }
}

/// Allocates a little garbage, if there is room.
fn put_or_refuse(h: &mut Heap<Lab>) {
    for id in 0..7 {
        _ = h.try_alloc_with::<Node, _>(|_| NodeInit { id, any: Value::nil() });
    }
}

#[test]
fn what_is_dead_is_freed_and_what_lives_is_counted() {
    isolate(with(small(), "promotion", "all")).enter(|h| {
        put_array(h, 0, 0, 2000);
        for slot in 0..2000 {
            put_node(h, 1, slot, 9);
            array(h, 0).tail_set(h, slot as usize, reg(h, 1));
        }
        clear(h, 1);
        h.collect();
        let full = h.statistics().sizes.old_used_bytes;
        // Every third node dies: holes of one node between two that live.
        for slot in (0..2000).step_by(3) {
            array(h, 0).tail_set(h, slot, Value::nil());
        }
        h.collect();
        check(h);
        let thinned = h.statistics().sizes.old_used_bytes;
        assert_eq!(full - thinned, 667 * 24);
        for slot in (0..2000).filter(|slot| slot % 3 != 0) {
            assert_eq!(node(array(h, 0).tail_get(slot)).id(), slot as u64);
        }
        // The holes are filled again.
        let committed = h.statistics().sizes.old_committed_bytes;
        for slot in (0..2000).step_by(3) {
            put_node(h, 1, slot, 9);
            array(h, 0).tail_set(h, slot as usize, reg(h, 1));
        }
        clear(h, 1);
        h.collect();
        check(h);
        let sizes = h.statistics().sizes;
        assert_eq!((sizes.old_used_bytes, sizes.old_committed_bytes), (full, committed));
        for slot in 0..2000 {
            assert_eq!(node(array(h, 0).tail_get(slot)).id(), slot as u64);
        }
    });
}
