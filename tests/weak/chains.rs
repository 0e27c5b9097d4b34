//! Long chains of ephemerons: each value is, or refers to, the key of the next pair.

use super::*;
use std::time::{Duration, Instant};

/// In which order the links of a chain are entered.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    Forward,
    Reverse,
    Shuffled,
}

const ORDERS: [Order; 3] = [Order::Forward, Order::Reverse, Order::Shuffled];

fn order(order: Order, length: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..length).collect();
    match order {
        Order::Forward => {}
        Order::Reverse => all.reverse(),
        Order::Shuffled => {
            let mut x = 88_172_645_463_325_252u64;
            for i in (1..length).rev() {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                all.swap(i, x as usize % (i + 1));
            }
        }
    }
    all
}

/// The number of what a key with slots refers to.
fn load(i: usize) -> u64 {
    1_000_000 + i as u64
}

/// Puts key `i` into the array in register 1: a leaf, or a node with a load that only the key keeps.
fn put_key(h: &mut Heap<Lab>, i: usize, is_leaf: bool) {
    if is_leaf {
        put_leaf(h, 200, i as u64);
    } else {
        put_leaf(h, 201, load(i));
        put_node(h, 200, i as u64, 201);
    }
    array(h, 1).tail_set(h, i, reg(h, 200));
}

/// Makes `length` keys in the array of register 1, and a chain of them through `tables` tables in the array of register 2:
/// link `i` leads from key `i` to key `i + 1`, which is the value, or what the value refers to.
fn build(h: &mut Heap<Lab>, links: &[usize], tables: usize, leaves: bool, boxed: bool) {
    let length = links.len();
    put_array(h, 1, length + 1);
    put_array(h, 2, tables);
    for i in 0..=length {
        put_key(h, i, leaves);
    }
    clear(h, 201);
    for i in 0..tables {
        h.safepoint();
        put_table::<WeakKeys>(h, 200);
        array(h, 2).tail_set(h, i, reg(h, 200));
    }
    for (n, i) in links.iter().enumerate() {
        set_reg(h, 200, array(h, 1).tail_get(i + 1));
        if boxed {
            put_node(h, 200, u64::MAX, 200);
        }
        h.safepoint();
        let table = array(h, 2).tail_get(n % tables).cast::<WeakTable<Lab, WeakKeys>>();
        let key = array(h, 1).tail_get(*i);
        table.expect("a table").insert(h, key, reg(h, 200)).expect("room");
    }
    // The first key is in register 0, and keeps all others.
    set_reg(h, 0, array(h, 1).tail_get(0));
    clear(h, 1);
    clear(h, 200);
}

/// Follows the chain, and returns how many links there are.
fn follow(h: &Heap<Lab>, links: &[usize], tables: usize) -> usize {
    let mut position = vec![0; links.len()];
    for (n, i) in links.iter().enumerate() {
        position[*i] = n;
    }
    let mut key = reg(h, 0);
    for (i, n) in position.iter().enumerate() {
        assert_eq!(id_of(key), Some(i as u64));
        if let Some(node) = key.cast::<Node>() {
            assert_eq!(id_of(node.any()), Some(load(i)));
        }
        let table = array(h, 2).tail_get(n % tables).cast::<WeakTable<Lab, WeakKeys>>();
        let Some(value) = table.expect("a table").find(h, key) else {
            return i;
        };
        key = match value.cast::<Node>() {
            Some(boxed) if boxed.id() == u64::MAX => boxed.any(),
            _ => value,
        };
    }
    links.len()
}

fn pairs(h: &Heap<Lab>) -> usize {
    (0..array(h, 2).tail_len())
        .map(|i| {
            let table = array(h, 2).tail_get(i).cast::<WeakTable<Lab, WeakKeys>>();
            table.expect("a table").count()
        })
        .sum()
}

#[test]
fn chains_of_any_order_are_kept_by_their_first_key_and_die_with_it() {
    for (leaves, boxed) in [(false, false), (true, false), (true, true)] {
        for made in ORDERS {
            for tables in [1, 3, 40] {
                for (stack, collect_first) in [(1, false), (3, true), (1 << 19, false)] {
                    let config = small().mark_stack_entries(stack);
                    isolate(config).enter(|h| {
                        let links = order(made, 400);
                        build(h, &links, tables, leaves, boxed);
                        let what = format!("{made:?}, {tables} tables, leaves {leaves}, boxed {boxed}, stack {stack}");
                        if collect_first {
                            h.collect_minor();
                            assert_eq!(follow(h, &links, tables), 400, "{what}");
                        }
                        h.collect();
                        check(h);
                        assert_eq!((follow(h, &links, tables), pairs(h)), (400, 400), "{what}");
                        h.collect();
                        assert_eq!((follow(h, &links, tables), pairs(h)), (400, 400), "{what}");
                        // Cut in the middle: what comes later dies.
                        let last = links.iter().position(|i| *i == 200).expect("the link");
                        let mut key = reg(h, 0);
                        for i in 0..200 {
                            let n = links.iter().position(|link| *link == i).expect("the link");
                            let table = array(h, 2).tail_get(n % tables).cast::<WeakTable<Lab, WeakKeys>>();
                            key = table.expect("a table").find(h, key).expect("the next");
                            if let Some(node) = key.cast::<Node>()
                                && node.id() == u64::MAX
                            {
                                key = node.any();
                            }
                        }
                        let table = array(h, 2).tail_get(last % tables).cast::<WeakTable<Lab, WeakKeys>>();
                        table.expect("a table").remove(h, key).expect("the link");
                        h.collect();
                        check(h);
                        assert_eq!((follow(h, &links, tables), pairs(h)), (200, 200), "{what}");
                        clear(h, 0);
                        h.collect();
                        check(h);
                        assert_eq!(pairs(h), 0, "{what}");
                    });
                }
            }
        }
    }
}

#[test]
fn chains_are_kept_through_cycles() {
    for barrier in BARRIERS {
        for leaves in [false, true] {
            for made in ORDERS {
                for tables in [1, 7] {
                    for stack in [1, 1 << 19] {
                        let config = with(small(), "barrier", barrier)
                            .verify_heap(false)
                            .incremental_marking(true)
                            .mark_stack_entries(stack)
                            .mark_step_bytes(512);
                        isolate(config).enter(|h| {
                            let links = order(made, 1000);
                            build(h, &links, tables, leaves, false);
                            h.collect();
                            let what = format!("{barrier}, {made:?}, {tables} tables, leaves {leaves}, stack {stack}");
                            for _ in 0..3 {
                                h.start_marking();
                                assert_eq!(h.step(u64::MAX), tenure::Progress::Done);
                                check(h);
                                assert_eq!((follow(h, &links, tables), pairs(h)), (1000, 1000), "{what}");
                            }
                            clear(h, 0);
                            for _ in 0..2 {
                                h.start_marking();
                                assert_eq!(h.step(u64::MAX), tenure::Progress::Done);
                                check(h);
                            }
                            assert_eq!(pairs(h), 0, "{what}");
                        });
                    }
                }
            }
        }
    }
}

#[test]
fn chains_that_are_young_are_kept_by_minor_collections() {
    for policy in ["v8", "all", "never", "age=3"] {
        for made in ORDERS {
            // Shorter and longer than minor collections pass pairs for.
            for length in [5, 60] {
                for tables in [1, 4] {
                    isolate(with(small(), "promotion", policy)).enter(|h| {
                        let links = order(made, length);
                        build(h, &links, tables, true, true);
                        for _ in 0..4 {
                            h.collect_minor();
                            churn(h);
                            assert_eq!(follow(h, &links, tables), length, "{policy} {made:?} {length} {tables}");
                        }
                        clear(h, 0);
                        h.collect();
                        assert_eq!(pairs(h), 0);
                    });
                }
            }
        }
    }
}

/// What a chain of `length` links costs to collect three times.
fn cost(length: usize, made: Order, tables: usize, leaves: bool, incremental: bool) -> Duration {
    let mut spent = Duration::MAX;
    isolate(roomy().incremental_marking(incremental)).enter(|h| {
        let links = order(made, length);
        build(h, &links, tables, leaves, false);
        h.collect();
        for _ in 0..3 {
            let start = Instant::now();
            if incremental {
                h.start_marking();
                assert_eq!(h.step(u64::MAX), tenure::Progress::Done);
            } else {
                h.collect();
            }
            spent = spent.min(start.elapsed());
        }
        assert_eq!((follow(h, &links, tables), pairs(h)), (length, length));
    });
    spent
}

#[test]
fn long_chains_cost_time_in_proportion_to_their_length() {
    for made in ORDERS {
        for (tables, leaves, incremental) in [(1, true, false), (500, false, true), (50_000, true, false)] {
            let spent = cost(100_000, made, tables, leaves, incremental);
            // Passes would look at 10^10 pairs or more, and take a multiple of that.
            assert!(spent < Duration::from_secs(5), "{made:?}, {tables} tables: {spent:?}");
        }
    }
}

fn keys_of_chain(h: &Heap<Lab>) -> Gc<'_, WeakTable<Lab, WeakKeys>> {
    array(h, 2)
        .tail_get(0)
        .cast::<WeakTable<Lab, WeakKeys>>()
        .expect("a table")
}

#[test]
fn a_key_that_is_in_many_tables_costs_time_in_proportion_to_them() {
    const TABLES: usize = 150_000;
    isolate(roomy()).enter(|h| {
        let links = order(Order::Reverse, 1000);
        build(h, &links, 1, false, false);
        put_array(h, 3, TABLES);
        let mut key = reg(h, 0);
        while let Some(next) = keys_of_chain(h).find(h, key) {
            key = next;
        }
        set_reg(h, 4, key);
        for i in 0..TABLES {
            h.safepoint();
            put_table::<WeakKeys>(h, 5);
            put_leaf(h, 6, i as u64);
            keys(h, 5).insert(h, reg(h, 4), reg(h, 6)).expect("room");
            array(h, 3).tail_set(h, i, reg(h, 5));
        }
        for index in 4..7 {
            clear(h, index);
        }
        h.collect();
        let start = Instant::now();
        h.collect();
        let spent = start.elapsed();
        assert!(spent < Duration::from_secs(5), "{spent:?}");
        let mut key = reg(h, 0);
        while let Some(next) = keys_of_chain(h).find(h, key) {
            key = next;
        }
        for i in (0..TABLES).step_by(97) {
            let table = array(h, 3).tail_get(i).cast::<WeakTable<Lab, WeakKeys>>();
            let value = table.expect("a table").find(h, key).expect("the pair");
            assert_eq!(id_of(value), Some(i as u64));
        }
    });
}

/// Keys in many places, each alone in its block, are more than an index of pairs has rows for: passes find what it does not.
#[test]
fn chains_through_large_keys_far_apart_are_kept() {
    const LENGTH: usize = 98_000;
    const LARGE: usize = 140;
    const SLOTS: usize = 17_500;
    isolate(roomy()).enter(|h| {
        put_array(h, 1, LENGTH + 1);
        put_array(h, 3, LARGE);
        for i in 0..LARGE {
            // Those in between leave holes.
            for _ in 0..4 {
                put_array(h, 200, SLOTS);
            }
            array(h, 3).tail_set(h, i, reg(h, 200));
        }
        for i in 0..=LENGTH {
            h.safepoint();
            match i % (LENGTH / LARGE) {
                0 if i < LENGTH => set_reg(h, 200, array(h, 3).tail_get(i / (LENGTH / LARGE))),
                _ => put_leaf(h, 200, i as u64),
            }
            array(h, 1).tail_set(h, i, reg(h, 200));
        }
        put_table::<WeakKeys>(h, 4);
        for i in order(Order::Reverse, LENGTH) {
            h.safepoint();
            let (key, value) = (array(h, 1).tail_get(i), array(h, 1).tail_get(i + 1));
            keys(h, 4).insert(h, key, value).expect("room");
        }
        set_reg(h, 0, array(h, 1).tail_get(0));
        for index in [1, 3, 200] {
            clear(h, index);
        }
        for _ in 0..2 {
            h.collect();
            let (mut key, mut length) = (reg(h, 0), 0);
            while let Some(next) = keys(h, 4).find(h, key) {
                (key, length) = (next, length + 1);
            }
            assert_eq!((length, keys(h, 4).count()), (LENGTH, LENGTH));
        }
        clear(h, 0);
        h.collect();
        assert_eq!(keys(h, 4).count(), 0);
    });
}

/// However many pairs of dead keys there are beside a chain, they are cleared with the collection that finds it.
#[test]
fn dead_pairs_beside_a_chain_are_cleared() {
    const LENGTH: usize = 40;
    for made in ORDERS {
        for dead in 0..=2 * LENGTH + 4 {
            isolate(small()).enter(|h| {
                build(h, &order(made, LENGTH), 1, true, false);
                put_array(h, 3, dead);
                for i in 0..dead {
                    for to in [4, 5] {
                        put_leaf(h, to, i as u64);
                    }
                    array(h, 3).tail_set(h, i, reg(h, 4));
                    keys_of_chain(h).insert(h, reg(h, 4), reg(h, 5)).expect("room");
                }
                for index in [4, 5] {
                    clear(h, index);
                }
                // They are old when they die.
                h.collect();
                h.collect();
                assert_eq!(pairs(h), LENGTH + dead);
                clear(h, 3);
                h.collect();
                check(h);
                assert_eq!(pairs(h), LENGTH, "{made:?}, {dead} dead");
            });
        }
    }
}

/// Each key has two values, which are keys too: what waits for the second finds a mark stack that is full.
#[test]
fn trees_of_pairs_are_kept_by_their_root_and_die_with_it() {
    const KEYS: usize = 2000;
    for leaves in [false, true] {
        for made in ORDERS {
            for stack in [1, 4, 1 << 19] {
                isolate(small().mark_stack_entries(stack)).enter(|h| {
                    put_array(h, 1, KEYS);
                    for i in 0..KEYS {
                        put_key(h, i, leaves);
                    }
                    for index in [2, 3] {
                        put_table::<WeakKeys>(h, index);
                    }
                    for i in order(made, KEYS - 1) {
                        h.safepoint();
                        let (parent, value) = (array(h, 1).tail_get(i / 2), array(h, 1).tail_get(i + 1));
                        keys(h, 2 + i % 2).insert(h, parent, value).expect("room");
                    }
                    set_reg(h, 0, array(h, 1).tail_get(0));
                    for index in [1, 200, 201] {
                        clear(h, index);
                    }
                    let what = format!("{made:?}, leaves {leaves}, stack {stack}");
                    for _ in 0..2 {
                        h.collect();
                        check(h);
                        let (mut level, mut next) = (vec![reg(h, 0)], 0);
                        while let Some(key) = level.get(next).copied() {
                            assert_eq!(id_of(key), Some(next as u64), "{what}");
                            if let Some(node) = key.cast::<Node>() {
                                assert_eq!(id_of(node.any()), Some(load(next)), "{what}");
                            }
                            level.extend([2, 3].iter().filter_map(|table| keys(h, *table).find(h, key)));
                            next += 1;
                        }
                        assert_eq!(next, KEYS, "{what}");
                    }
                    clear(h, 0);
                    h.collect();
                    check(h);
                    assert_eq!((keys(h, 2).count(), keys(h, 3).count()), (0, 0), "{what}");
                });
            }
        }
    }
}

/// A large object that is young stays white in a cycle, whatever keeps it: the next minor collection may free it.
#[test]
fn a_chain_may_end_in_a_young_large_object() {
    for barrier in BARRIERS {
        for made in ORDERS {
            for leaves in [false, true] {
                let config = with(small(), "barrier", barrier)
                    .incremental_marking(true)
                    .mark_step_bytes(512);
                isolate(config).enter(|h| {
                    const LENGTH: usize = 500;
                    build(h, &order(made, LENGTH), 1, leaves, false);
                    h.collect();
                    let last = |h: &mut Heap<Lab>| {
                        set_reg(h, 5, reg(h, 0));
                        for _ in 0..LENGTH {
                            let next = keys_of_chain(h).find(h, reg(h, 5)).expect("the next");
                            set_reg(h, 5, next);
                        }
                    };
                    for dies in [false, true] {
                        last(h);
                        h.start_marking();
                        put_array(h, 6, 40_000);
                        put_leaf(h, 7, 77);
                        array(h, 6).tail_set(h, 39_999, reg(h, 7));
                        keys_of_chain(h).insert(h, reg(h, 5), reg(h, 6)).expect("room");
                        for index in 5..8 {
                            clear(h, index);
                        }
                        assert_eq!(h.step(u64::MAX), tenure::Progress::Done);
                        check(h);
                        if dies {
                            last(h);
                            keys_of_chain(h).remove(h, reg(h, 5)).expect("the last");
                            clear(h, 5);
                        }
                        h.collect_minor();
                        check(h);
                        last(h);
                        let end = keys_of_chain(h).find(h, reg(h, 5));
                        let end = end.map(|end| id_of(end.cast::<Array>().expect("the array").tail_get(39_999)));
                        assert_eq!(end, (!dies).then_some(Some(77)), "{barrier}, {made:?}, leaves {leaves}");
                        // What is allocated where it was is white.
                        put_array(h, 6, 40_000);
                        check(h);
                        clear(h, 6);
                        h.collect();
                        check(h);
                    }
                });
            }
        }
    }
}
