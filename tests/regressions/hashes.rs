//! Identity hashes, which take a word of their own at the object's next move.

use super::*;

fn hash(h: &Heap<Lab>, index: usize) -> u64 {
    let value = reg(h, index);
    if let Some(o) = value.cast::<Node>() {
        o.identity_hash(h)
    } else if let Some(o) = value.cast::<Array>() {
        o.identity_hash(h)
    } else if let Some(o) = value.cast::<Bytes>() {
        o.identity_hash(h)
    } else {
        value.cast::<Pinned>().expect("an object").identity_hash(h)
    }
}

#[test]
fn hashes_survive_every_way_of_moving_and_staying() {
    for policy in ["all", "v8", "never", "age=2"] {
        for when in 0..3 {
            isolate(with(small(), "promotion", policy)).enter(|h| {
                put_node(h, 0, 1, 9);
                put_array(h, 1, 2, 30);
                put_array(h, 2, 3, 200);
                put_array(h, 3, 4, 40_000);
                put_bytes(h, 4, 5, 0);
                put_bytes(h, 5, 6, 1001);
                put_bytes(h, 6, 7, 300_000);
                let (region, pinned) = h.alloc_with::<Pinned>(|h| PinnedInit { id: 8, any: reg(h, 0) });
                region.regs()[7].set(pinned.to_value());
                // Young, retained once, old.
                for _ in 0..when {
                    h.collect_minor();
                }
                let hashes: Vec<u64> = (0..8).map(|i| hash(h, i)).collect();
                for round in 0..6 {
                    if round % 3 == 2 {
                        h.collect()
                    } else {
                        h.collect_minor()
                    }
                    check(h);
                    churn(h);
                    for (i, expected) in hashes.iter().enumerate() {
                        assert_eq!(
                            hash(h, i),
                            *expected,
                            "object {i}, {policy}, taken after {when} collections"
                        );
                    }
                    // The slots of an object with a hash are where they were.
                    put_node(h, 8, 77, 9);
                    node(reg(h, 0)).set_any(h, reg(h, 8));
                    array(h, 1).tail_set(h, 29, reg(h, 8));
                    array(h, 2).tail_set(h, 199, reg(h, 8));
                    array(h, 3).tail_set(h, 39_999, reg(h, 8));
                    clear(h, 8);
                    h.collect_minor();
                    check(h);
                    assert_eq!(node(array(h, 2).tail_get(199)), node(node(reg(h, 0)).any()));
                    assert_eq!(node(array(h, 1).tail_get(29)).id(), 77);
                    check_bytes(reg(h, 5), 6, 1001);
                    check_bytes(reg(h, 6), 7, 300_000);
                }
            });
        }
    }
}

#[test]
fn an_object_of_half_a_block_with_a_hash_can_be_promoted() {
    // 128 KiB is the largest object that is promoted into a block. The hash makes it a word longer on the way.
    for policy in ["all", "never"] {
        for length in (131_072 - 16 - 16)..=(131_072 - 16 + 8) {
            isolate(with(HeapConfig::new(), "promotion", policy)).enter(|h| {
                put_bytes(h, 0, 1, length);
                put_array(h, 1, 2, (length - 7) / 8);
                let hashes = [hash(h, 0), hash(h, 1)];
                h.collect_minor();
                h.collect();
                check(h);
                assert_eq!([hash(h, 0), hash(h, 1)], hashes);
                check_bytes(reg(h, 0), 1, length);
                assert_eq!(array(h, 1).len(), (length - 7) / 8);
            });
        }
    }
}

#[test]
fn hashes_of_a_full_nursery_find_room() {
    // Nothing is promoted and everything lives: each collection copies a full half, and a word more for each hash.
    for (policy, spill_bytes) in [("never", 0), ("never", 1 << 20), ("v8", 0), ("all", 0)] {
        for per_round in [10, 60, 170, 400] {
            let config = with(HeapConfig::new(), "promotion", policy)
                .semi_space_bytes(4096)
                .max_old_bytes(4 << 20);
            isolate(config.max_spill_bytes(spill_bytes)).enter(|h| {
                let mut made = 0;
                let mut hashes = Vec::new();
                for round in 0..30 {
                    let region = &*h;
                    for _ in 0..per_round {
                        let list = reg(region, 0);
                        let Ok(new) = region.try_alloc::<Node>(NodeInit { id: made, any: list }) else {
                            break;
                        };
                        region.regs()[0].set(new.to_value());
                        made += 1;
                    }
                    // The first round hashes nothing, so that all nodes of a full half want a word at once.
                    if round > 0 {
                        hashes = hash_list(region, made, &hashes);
                    }
                    h.collect_minor();
                    check(h);
                }
                hash_list(h, made, &hashes);
                h.collect();
                check(h);
                h.collect_minor();
                hash_list(h, made, &hashes);
            });
        }
    }
}

#[test]
fn hashes_take_no_room_that_a_later_spill_needs() {
    isolate(retaining()).enter(|h| {
        let fill = |h: &Heap<Lab>, first: u64, count: u64| {
            for id in first..first + count {
                let list = reg(h, 0);
                let new = h.try_alloc::<Node>(NodeInit { id, any: list }).expect("room to spill");
                h.regs()[0].set(new.to_value());
            }
        };
        let half = (64 << 10) / 24;
        for round in 0..3 {
            // The spill takes pages, which stay. Then a full half takes hashes, and the same pages are spilled into.
            fill(h, 0, 2 * half - 50);
            clear(h, 0);
            h.collect_minor();
            fill(h, 0, half);
            let hashes = hash_list(h, half, &[]);
            fill(h, half, half - 50);
            for _ in 0..2 {
                h.collect_minor();
                check(h);
                hash_list(h, 2 * half - 50, &hashes);
            }
            clear(h, 0);
            if round == 1 {
                h.collect();
            }
        }
    });
}

/// Takes the hashes of a list whose ids count down to 0; those known must not have changed.
fn hash_list(h: &Heap<Lab>, made: u64, known: &[u64]) -> Vec<u64> {
    let mut hashes = vec![0; made as usize];
    let mut at = reg(h, 0);
    for id in (0..made).rev() {
        assert_eq!(node(at).id(), id);
        hashes[id as usize] = node(at).identity_hash(h);
        at = node(at).any();
    }
    assert!(at.is_nil());
    assert_eq!(&hashes[..known.len()], known);
    hashes
}

#[test]
fn a_hash_taken_when_the_nursery_is_nearly_full_keeps_its_word() {
    isolate(
        with(HeapConfig::new(), "promotion", "never")
            .semi_space_bytes(4096)
            .max_spill_bytes(0),
    )
    .enter(|h| {
        for fill in 0..250 {
            put_node(h, 0, 1, 9);
            let region = &*h;
            for i in 0..fill {
                let Ok(garbage) = region.try_alloc::<Node>(NodeInit {
                    id: i,
                    any: Value::nil(),
                }) else {
                    break;
                };
                region.regs()[1].set(garbage.to_value());
            }
            let hashes = [hash(region, 0), if fill > 0 { hash(region, 1) } else { 0 }];
            h.collect_minor();
            check(h);
            assert_eq!([hash(h, 0), if fill > 0 { hash(h, 1) } else { 0 }], hashes);
            h.collect();
            assert_eq!(hash(h, 0), hashes[0]);
        }
    });
}

/// The nursery's addresses come again after each collection: their hashes must not, or tables of young keys become lists.
#[test]
fn hashes_of_objects_born_at_the_same_address_differ() {
    isolate(HeapConfig::new().semi_space_bytes(4096)).enter(|h| {
        let mut seen = std::collections::HashSet::new();
        let (mut taken, mut collections) = (0, h.statistics().minor_collections);
        for _ in 0..5000 {
            put_node(h, 0, 1, 9);
            seen.insert(hash(h, 0));
            taken += 1;
        }
        collections = h.statistics().minor_collections - collections;
        assert!(collections > 20, "{collections} minor collections");
        assert!(
            seen.len() > taken * 99 / 100,
            "{} hashes of {taken} objects",
            seen.len()
        );
    });
}
