//! Nurseries that grow, spill, or are smaller than an object.

use super::*;

/// Builds a list of `count` nodes in a region, on what is in a register. Returns how many there was room for.
fn region_list(h: &Heap<Lab>, to: usize, first: u64, count: u64) -> u64 {
    for id in first..first + count {
        let list = reg(h, to);
        match h.try_alloc::<Node>(NodeInit { id, any: list }) {
            Ok(new) => h.regs()[to].set(new.to_value()),
            Err(_) => return id - first,
        }
    }
    count
}

fn check_list(h: &Heap<Lab>, from: usize, count: u64) {
    let mut at = reg(h, from);
    for id in (0..count).rev() {
        assert_eq!(node(at).id(), id);
        at = node(at).any();
    }
    assert!(at.is_nil());
}

#[test]
fn a_region_that_spilled_is_collected_like_any_other() {
    for policy in ["all", "v8", "never", "adaptive"] {
        for semi_space_bytes in [4096, 64 << 10] {
            let config = with(small(), "promotion", policy)
                .semi_space_bytes(semi_space_bytes)
                .poison(true);
            isolate(config.max_spill_bytes(256 << 10).protect(true)).enter(|h| {
                let mut made = 0;
                for round in 0..6 {
                    made += region_list(h, 0, made, 3000);
                    assert_eq!(made, (round + 1) * 3000);
                    check(h);
                    match round % 3 {
                        0 => h.collect_minor(),
                        1 => put_node(h, 1, 7, 9),
                        _ => h.collect(),
                    }
                    check(h);
                    check_list(h, 0, made);
                }
                churn(h);
                check_list(h, 0, made);
            });
        }
    }
}

#[test]
fn without_spill_a_region_continues_in_the_old_generation() {
    for policy in ["all", "v8", "never"] {
        isolate(with(small(), "promotion", policy).max_spill_bytes(0)).enter(|h| {
            let mut made = 0;
            for round in 0..5 {
                let before = h.statistics().sizes.old_used_bytes;
                made += region_list(h, 0, made, 5000);
                assert_eq!(made, (round + 1) * 5000, "{policy}");
                assert!(h.statistics().sizes.old_used_bytes > before, "{policy}");
                check(h);
                // What a region made in the old generation may refer to the nursery, and is stored to like the rest.
                put_node(h, 1, 1, 9);
                let top = reg(h, 0);
                let young = reg(h, 1);
                let kept = node(top).any();
                node(top).set_any(h, young);
                node(young).set_any(h, kept);
                clear(h, 1);
                h.collect_minor();
                check(h);
                churn(h);
                let young = node(reg(h, 0)).any();
                assert_eq!(node(young).id(), 1);
                let kept = node(young).any();
                node(reg(h, 0)).set_any(h, kept);
                check_list(h, 0, made);
                if round == 3 {
                    h.collect();
                    check(h);
                }
            }
        });
    }
}

#[test]
fn survivors_that_spilled_leave_room_for_the_next_collection() {
    // An initializer uses the window up, so that its object lies beyond the hard limit; nothing is promoted.
    for old_bytes in [1 << 20, 16 << 20] {
        let config = with(small(), "promotion", "never")
            .semi_space_bytes(4096)
            .max_old_bytes(old_bytes);
        isolate(config.max_spill_bytes(0)).enter(|h| {
            let mut made = 0;
            for _ in 0..60 {
                h.collect_minor();
                check(h);
                let id = made;
                let result = h.try_alloc_with::<Node, _>(|h| {
                    let mut last = reg(h, 0);
                    for i in 0..200 {
                        let Ok(new) = h.try_alloc::<Node>(NodeInit { id: id + i, any: last }) else {
                            break;
                        };
                        last = new.to_value();
                    }
                    h.regs()[0].set(last);
                    NodeInit {
                        id: if last.is_nil() { 0 } else { node(last).id() + 1 },
                        any: last,
                    }
                });
                let Ok((h, last)) = result else { break };
                h.regs()[0].set(last.to_value());
                made = last.id() + 1;
            }
            h.collect_minor();
            check(h);
            check_list(h, 0, made);
            h.collect();
            check(h);
            check_list(h, 0, made);
        });
    }
}

#[test]
fn a_nursery_grows_with_what_survives_and_keeps_it() {
    for policy in ["v8", "never", "all"] {
        let config = with(HeapConfig::new(), "promotion", policy).semi_space_bytes(4096);
        isolate(config.max_semi_space_bytes(1 << 20).poison(true).protect(true)).enter(|h| {
            let first = h.statistics().nursery_capacity_bytes;
            let mut made = 0;
            for _ in 0..200 {
                made += region_list(h, 0, made, 100);
                put_bytes(h, 1, 3, 1000);
                h.collect_minor();
                check_bytes(reg(h, 1), 3, 1000);
            }
            check(h);
            let grown = h.statistics().nursery_capacity_bytes;
            assert!(grown > first && grown <= 1 << 20, "{policy}: {first} to {grown} bytes");
            check_list(h, 0, made);
            h.collect();
            check(h);
            check_list(h, 0, made);
        });
    }
}

#[test]
fn objects_larger_than_the_nursery_are_allocated_and_survive() {
    for policy in ["v8", "never", "all"] {
        for spill_bytes in [0, 64 << 10, 1 << 20] {
            let config = with(small(), "promotion", policy)
                .semi_space_bytes(4096)
                .max_spill_bytes(spill_bytes);
            isolate(config).enter(|h| {
                let lengths = [4000, 4073, 4080, 4088, 5000, 20_000, 131_000, 131_056, 131_057, 300_000];
                for (i, length) in lengths.into_iter().enumerate() {
                    put_bytes(h, i, i as u64, length);
                    check(h);
                }
                for round in 0..3 {
                    if round == 1 {
                        h.collect()
                    } else {
                        h.collect_minor()
                    }
                    check(h);
                    churn(h);
                    for (i, length) in lengths.into_iter().enumerate() {
                        check_bytes(reg(h, i), i as u64, length);
                    }
                }
            });
        }
    }
}

#[test]
fn collections_at_random_fills_refuse_nothing() {
    isolate(with(small(), "stress-scavenge", "50").semi_space_bytes(4096)).enter(|h| {
        for round in 0..200 {
            // More than half of the nursery, which a random fill may never leave free.
            let made = h.try_alloc_tail_with::<Bytes, _, _>(3000, |_| BytesInit { id: round }, |_, i| i as u8);
            assert!(made.is_ok(), "round {round}: {made:?}");
        }
    });
}

#[test]
fn registers_that_were_popped_keep_nothing_alive_and_are_never_stale() {
    isolate(with(small(), "promotion", "all")).enter(|h| {
        h.push_frame(1000).expect("room");
        put_bytes(h, 0, 1, 1_000_000);
        put_node(h, 255, 2, 9);
        h.pop_frame(1000);
        h.collect();
        check(h);
        assert_eq!(
            h.statistics().sizes.large_used_bytes,
            0,
            "a popped register kept an object"
        );
        churn(h);
        h.push_frame(1000).expect("room");
        for register in h.regs() {
            assert!(register.get().is_nil(), "a popped register is stale");
        }
        check(h);
    });
}

#[test]
fn operands_locals_and_roots_move() {
    isolate(retaining()).enter(|h| {
        for id in 0..500 {
            put_node(h, 0, id, 9);
            let value = reg(h, 0);
            h.push(value).expect("room");
        }
        clear(h, 0);
        for _ in 0..3 {
            h.collect_minor();
            check(h);
            churn(h);
        }
        h.scope(|s| {
            let local = s.local(node(s.peek(0)));
            for round in 0..4 {
                if round == 2 {
                    s.collect()
                } else {
                    s.collect_minor()
                }
                assert_eq!(local.get(s).id(), 499);
                assert_eq!(local.get(s).to_value(), s.peek(0));
            }
        });
        for id in (0..500).rev() {
            assert_eq!(node(h.pop()).id(), id);
        }
    });
}

#[test]
fn large_objects_of_a_region_are_collected_at_the_next_safepoint() {
    isolate(small()).enter(|h| {
        for round in 1..40 {
            {
                let region: &Heap<Lab> = h;
                region.alloc_tail_zeroed::<Array>(40_000, ArrayInit { id: round });
            }
            h.safepoint();
            let statistics = h.statistics();
            assert_eq!(statistics.sizes.large_used_bytes, 0, "round {round}");
            assert_eq!(statistics.minor_collections, round, "and nothing else is");
            check(h);
        }
    });
}
