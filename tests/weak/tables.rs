//! Weak tables: what keeps what, in tables of every size and age.

use super::*;

/// Makes `count` nodes with the ids from 0 on in the array of register `to`.
fn put_keys(h: &mut Heap<Lab>, to: usize, count: usize) {
    put_array(h, to, count);
    for i in 0..count {
        put_node(h, 200, i as u64, 201);
        array(h, to).tail_set(h, i, reg(h, 200));
    }
    clear(h, 200);
}

fn insert<W: Weakness>(h: &Heap<Lab>, at: usize, key: usize, value: usize) {
    table::<W>(h, at).insert(h, reg(h, key), reg(h, value)).expect("room");
}

/// Runs `test` with the registers made old or not, under policies that promote at once, later, or never.
fn each(test: impl Fn(&mut Heap<Lab>, bool)) {
    for policy in ["v8", "all", "never"] {
        for compact in ["never", "slide", "evacuate"] {
            for old in [false, true] {
                let config = with(with(small(), "promotion", policy), "compact", compact).stress_compaction(true);
                isolate(config).enter(|h| test(h, old));
            }
        }
    }
}

fn age(h: &mut Heap<Lab>, old: bool) {
    if old {
        h.collect();
    } else {
        h.collect_minor();
    }
    check(h);
}

#[test]
fn a_pair_whose_key_is_its_value_or_is_referred_to_by_it_dies() {
    each(|h, old| {
        put_table::<WeakKeys>(h, 0);
        put_node(h, 1, 1, 201);
        insert::<WeakKeys>(h, 0, 1, 1);
        put_node(h, 2, 2, 201);
        put_node(h, 3, 3, 2);
        insert::<WeakKeys>(h, 0, 2, 3);
        // A table that is its own key and value.
        insert::<WeakKeys>(h, 0, 0, 0);
        // Two that keep each other.
        put_node(h, 4, 4, 201);
        put_node(h, 5, 5, 201);
        insert::<WeakKeys>(h, 0, 4, 5);
        insert::<WeakKeys>(h, 0, 5, 4);
        assert_eq!(keys(h, 0).count(), 5);
        age(h, old);
        assert_eq!(keys(h, 0).count(), 5);
        clear(h, 3);
        clear(h, 5);
        age(h, old);
        assert_eq!(keys(h, 0).count(), 5);
        let value = keys(h, 0).find(h, reg(h, 2)).expect("kept by its key");
        assert_eq!(id_of(value), Some(3));
        assert_eq!(node(value).any(), reg(h, 2));
        for index in [1, 2, 4] {
            clear(h, index);
        }
        h.collect();
        check(h);
        assert_eq!(keys(h, 0).count(), 1);
        assert_eq!(keys(h, 0).find(h, reg(h, 0)), Some(reg(h, 0)));
        assert_eq!(keys(h, 0).entries(h).count(), 1);
    });
}

#[test]
fn a_table_that_is_only_the_value_of_a_pair_keeps_what_it_keeps() {
    each(|h, old| {
        put_table::<WeakKeys>(h, 0);
        put_node(h, 1, 1, 201);
        put_table::<WeakKeys>(h, 2);
        put_table::<WeakValues>(h, 3);
        put_node(h, 4, 4, 201);
        put_node(h, 5, 5, 201);
        put_node(h, 6, 6, 201);
        // 0: 1 -> table 2; 2: 1 -> table 3, which keeps its key 4 as long as 5 is alive; 2: 4 -> 6.
        insert::<WeakKeys>(h, 0, 1, 2);
        insert::<WeakKeys>(h, 2, 1, 3);
        insert::<WeakValues>(h, 3, 4, 5);
        insert::<WeakKeys>(h, 2, 4, 6);
        for index in [2, 3, 4, 6] {
            clear(h, index);
        }
        let follow = |h: &Heap<Lab>| {
            let second = keys(h, 0).find(h, reg(h, 1)).expect("the second table");
            let second = second.cast::<WeakTable<Lab, WeakKeys>>().expect("a table");
            let third = second.find(h, reg(h, 1)).expect("the third table");
            let third = third.cast::<WeakTable<Lab, WeakValues>>().expect("a table");
            let (_, key, value) = third.entry_from(h, 0)?;
            assert_eq!((id_of(key), id_of(value)), (Some(4), Some(5)));
            id_of(second.find(h, key).expect("the last value"))
        };
        for _ in 0..3 {
            age(h, old);
            assert_eq!(follow(h), Some(6));
        }
        clear(h, 5);
        h.collect();
        assert_eq!(follow(h), None);
        h.collect();
        let second = keys(h, 0).find(h, reg(h, 1)).expect("the second table");
        assert_eq!(second.cast::<WeakTable<Lab, WeakKeys>>().expect("a table").count(), 1);
        clear(h, 1);
        h.collect();
        check(h);
        assert_eq!(keys(h, 0).count(), 0);
    });
}

#[test]
fn tables_of_values_and_of_both_lose_pairs_for_either_reason() {
    each(|h, old| {
        put_table::<WeakValues>(h, 0);
        put_table::<WeakBoth>(h, 1);
        put_keys(h, 2, 20);
        put_keys(h, 3, 20);
        for i in 0..20 {
            let (key, value) = (array(h, 2).tail_get(i), array(h, 3).tail_get(i));
            table::<WeakValues>(h, 0).insert(h, key, value).expect("room");
            table::<WeakBoth>(h, 1).insert(h, key, value).expect("room");
        }
        // Immediate keys and values never die.
        table::<WeakValues>(h, 0)
            .insert(h, Value::int(1), Value::int(2))
            .expect("room");
        table::<WeakBoth>(h, 1)
            .insert(h, Value::int(1), Value::int(2))
            .expect("room");
        age(h, old);
        // 0 to 4 lose their value, 5 to 9 their key, 10 to 14 both.
        for i in 0..15 {
            if !(5..10).contains(&i) {
                array(h, 3).tail_set(h, i, Value::nil());
            }
            if i >= 5 {
                array(h, 2).tail_set(h, i, Value::nil());
            }
        }
        h.collect();
        check(h);
        let ids = |mut entries: Vec<(Option<u64>, Option<u64>)>| {
            entries.retain(|entry| entry.0.is_some());
            entries
        };
        let values = ids(table::<WeakValues>(h, 0)
            .entries(h)
            .map(|(key, value)| (id_of(key), id_of(value)))
            .collect());
        let expected: Vec<_> = (5..10).chain(15..20).map(|i| (Some(i), Some(i))).collect();
        assert_eq!(values, expected, "keys are kept");
        let both = ids(table::<WeakBoth>(h, 1)
            .entries(h)
            .map(|(key, value)| (id_of(key), id_of(value)))
            .collect());
        assert_eq!(both, expected, "the other table keeps the keys");
        assert_eq!(table::<WeakValues>(h, 0).count(), 11);
        clear(h, 0);
        h.collect();
        let both: Vec<_> = table::<WeakBoth>(h, 1).entries(h).map(|(key, _)| id_of(key)).collect();
        assert_eq!(both.len(), 6);
        assert_eq!(table::<WeakBoth>(h, 1).find(h, Value::int(1)), Some(Value::int(2)));
    });
}

/// Fills the table of register 0 with as many pairs as there are keys in the array of register 1: key `i` has the value
/// `i`, boxed every third time. Then lets keys die, and inserts others.
fn fill_and_thin(h: &mut Heap<Lab>, count: usize) {
    put_table::<WeakKeys>(h, 0);
    put_keys(h, 1, count);
    for i in 0..count {
        put_node(h, 2, i as u64, 201);
        let value = if i % 3 == 0 { reg(h, 2) } else { Value::int(i as i64) };
        keys(h, 0).insert(h, array(h, 1).tail_get(i), value).expect("room");
    }
    clear(h, 2);
}

#[track_caller]
fn check_values(h: &Heap<Lab>, which: impl Fn(usize) -> bool) {
    let count = array(h, 1).tail_len();
    for i in (0..count).filter(|i| which(*i)) {
        let value = keys(h, 0).find(h, array(h, 1).tail_get(i)).expect("a pair");
        assert_eq!(id_of(value).or(value.as_int().map(|i| i as u64)), Some(i as u64));
    }
    let mut next = 0;
    let entries = keys(h, 0).entries(h).inspect(|(key, _)| {
        let id = id_of(*key).expect("a key");
        assert!(id >= next, "in the order of insertion");
        next = id;
    });
    assert_eq!(entries.count(), (0..count).filter(|i| which(*i)).count());
    assert_eq!(keys(h, 0).count(), (0..count).filter(|i| which(*i)).count());
}

#[test]
fn tables_with_cards_and_large_ones_lose_what_dies_and_nothing_else() {
    for policy in ["v8", "never"] {
        // Up to 64 pairs without cards, then with, from 8192 on large.
        for count in [60, 64, 65, 400, 5000, 8200, 20_000] {
            let config = with(small(), "promotion", policy)
                .semi_space_bytes(1 << 20)
                .verify_heap(count < 5000);
            isolate(config).enter(|h| {
                fill_and_thin(h, count);
                check(h);
                check_values(h, |_| true);
                h.collect_minor();
                check(h);
                check_values(h, |_| true);
                h.collect();
                check_values(h, |_| true);
                // Young values into an old table, some cards apart, then young keys.
                for i in (0..count).step_by(37) {
                    put_node(h, 2, i as u64, 201);
                    keys(h, 0).insert(h, array(h, 1).tail_get(i), reg(h, 2)).expect("room");
                }
                clear(h, 2);
                for _ in 0..3 {
                    h.collect_minor();
                    churn(h);
                    check(h);
                    check_values(h, |_| true);
                }
                for i in 0..count {
                    if i % 5 != 0 {
                        array(h, 1).tail_set(h, i, Value::nil());
                    }
                }
                h.collect();
                check(h);
                check_values(h, |i| i % 5 == 0);
                // New keys in the places of the dead, which die young.
                for i in (0..count).step_by(3) {
                    put_node(h, 2, count as u64 + i as u64, 201);
                    keys(h, 0).insert(h, reg(h, 2), reg(h, 2)).expect("room");
                }
                clear(h, 2);
                h.collect();
                check(h);
                check_values(h, |i| i % 5 == 0);
                for i in (0..count).step_by(10) {
                    assert!(keys(h, 0).remove(h, array(h, 1).tail_get(i)).is_some());
                }
                check_values(h, |i| i % 10 == 5);
                h.collect();
                check_values(h, |i| i % 10 == 5);
                keys(h, 0).clear(h);
                check_values(h, |_| false);
                assert!(keys(h, 0).find(h, array(h, 1).tail_get(0)).is_none());
            });
        }
    }
}

#[test]
fn a_young_large_table_dies_with_its_pairs_or_lives_with_them() {
    for lives in [false, true] {
        isolate(small().semi_space_bytes(1 << 20).max_spill_bytes(4 << 20)).enter(|h| {
            put_node(h, 3, 1, 201);
            h.collect();
            put_table::<WeakKeys>(h, 0);
            put_watcher(h, 1, 1, 0);
            let region = &*h;
            for i in 0..9000 {
                let key = region.alloc::<Leaf>(LeafInit { id: i });
                set_reg(region, 2, key.to_value());
                if i % 2 == 0 {
                    region.push(key.to_value()).expect("room");
                }
                let value = region.alloc::<Leaf>(LeafInit { id: i + 100_000 });
                keys(region, 0)
                    .insert(region, key.to_value(), value.to_value())
                    .expect("room");
            }
            clear(h, 2);
            if !lives {
                clear(h, 0);
            }
            h.collect_minor();
            check(h);
            churn(h);
            assert_eq!(watcher(h, 1).weak().is_cleared(), !lives);
            if lives {
                assert_eq!(keys(h, 0).count(), 4500);
                for i in 0..4500 {
                    let key = h.peek(i);
                    let id = id_of(key).expect("a key");
                    let value = keys(h, 0).find(h, key).expect("its value");
                    assert_eq!(id_of(value), Some(id + 100_000));
                }
            }
        });
    }
}

#[test]
fn places_of_iteration_stay_while_pairs_die_and_are_removed() {
    isolate(small()).enter(|h| {
        fill_and_thin(h, 100);
        let mut seen = Vec::new();
        let mut place = 0;
        while let Some((next, key, _)) = keys(h, 0).entry_from(h, place) {
            let id = id_of(key).expect("a key");
            seen.push(id);
            if id % 10 == 3 {
                // The next ones die, the present one is removed.
                for i in 1..4 {
                    array(h, 1).tail_set(h, id as usize + i, Value::nil());
                }
                let key = array(h, 1).tail_get(id as usize);
                assert!(keys(h, 0).remove(h, key).is_some());
            }
            if id % 10 == 3 {
                h.collect();
            }
            place = next;
        }
        let expected: Vec<u64> = (0..100).filter(|id| !(4..7).contains(&(id % 10))).collect();
        assert_eq!(seen, expected);
        assert_eq!(keys(h, 0).count(), 60);
    });
}

#[test]
fn keys_are_found_wherever_they_move() {
    for compact in ["slide", "evacuate"] {
        let config = with(small(), "compact", compact)
            .stress_compaction(true)
            .verify_heap(false);
        isolate(config).enter(|h| {
            fill_and_thin(h, 3000);
            for _ in 0..3 {
                put_keys(h, 5, 500);
                h.collect();
                check(h);
                check_values(h, |_| true);
            }
            h.compact();
            check_values(h, |_| true);
        });
    }
}

#[test]
fn a_table_that_cannot_grow_is_as_before() {
    isolate(small().max_old_bytes(2 << 20).max_spill_bytes(0).verify_heap(false)).enter(|h| {
        put_table::<WeakKeys>(h, 0);
        let mut inserted = 0;
        let refused = loop {
            let key = Value::int(inserted);
            match keys(h, 0).insert(h, key, Value::int(-inserted)) {
                Ok(before) => assert!(before.is_none()),
                Err(error) => break error.to_string(),
            }
            inserted += 1;
            assert!(inserted < 1_000_000);
        };
        assert!(refused.contains("limit") || refused.contains("memory"), "{refused}");
        assert_eq!(keys(h, 0).count() as i64, inserted);
        for i in (0..inserted).step_by(101) {
            assert_eq!(keys(h, 0).find(h, Value::int(i)), Some(Value::int(-i)));
        }
        check(h);
        assert!(keys(h, 0).remove(h, Value::int(3)).is_some());
        h.collect();
        assert_eq!(keys(h, 0).count() as i64, inserted - 1);
        let error = keys(h, 0)
            .insert(h, Value::nil(), Value::int(1))
            .expect_err("nil is no key");
        assert!(error.to_string().contains("nil"), "{error}");
    });
}
