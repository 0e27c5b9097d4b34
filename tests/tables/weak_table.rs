//! Weak tables, method by method: keys of all sorts, iteration, room, lack of memory.

use tenure::prelude::*;
use tenure::{TableError, WeakBoth, WeakKeys, WeakValues, Weakness};

#[derive(Kind)]
pub(crate) struct Node {
    id: u64,
    next: Slot<Opt<Node>>,
}
#[derive(Roots)]
pub(crate) struct Roots {
    keys: Root<Opt<WeakTable<Model, WeakKeys>>>,
    values: Root<Opt<WeakTable<Model, WeakValues>>>,
    both: Root<Opt<WeakTable<Model, WeakBoth>>>,
    list: Root<Opt<Node>>,
    node: Root<Opt<Node>>,
}
object_model! { pub(crate) model Model { roots: Roots, kinds: [Node] } }

type Table<'h, W> = Gc<'h, WeakTable<Model, W>>;

fn with_heap(config: HeapConfig, run: impl FnOnce(&mut Heap<Model>)) {
    let roots = RootsInit {
        keys: None,
        values: None,
        both: None,
        list: None,
        node: None,
    };
    let mut isolate = Isolate::<Model>::new(config.verify_heap(true), roots).expect("memory for a heap");
    isolate.enter(|h| {
        h.roots().keys.set(h.weak_table().ok());
        h.roots().values.set(h.weak_table().ok());
        h.roots().both.set(h.weak_table().ok());
        run(h);
        h.collect();
        h.verify().expect("a sound heap");
    });
}

fn run(test: impl Fn(&mut Heap<Model>)) {
    with_heap(HeapConfig::new(), &test);
    with_heap(HeapConfig::new().semi_space_bytes(4096), &test);
}

fn keys(h: &Heap<Model>) -> Table<'_, WeakKeys> {
    h.roots().keys.get().expect("set at the start")
}
fn values(h: &Heap<Model>) -> Table<'_, WeakValues> {
    h.roots().values.get().expect("set at the start")
}
fn both(h: &Heap<Model>) -> Table<'_, WeakBoth> {
    h.roots().both.get().expect("set at the start")
}

/// Allocates a node, which the list keeps.
fn kept(h: &Heap<Model>, id: u64) -> Gc<'_, Node> {
    let next = h.roots().list.get();
    let node = h.alloc::<Node>(NodeInit { id, next });
    h.roots().list.set(Some(node));
    node
}

fn dead(h: &Heap<Model>, id: u64) -> Gc<'_, Node> {
    h.alloc::<Node>(NodeInit { id, next: None })
}

fn list(h: &Heap<Model>) -> impl Iterator<Item = Gc<'_, Node>> {
    std::iter::successors(h.roots().list.get(), |node| node.next())
}

fn ints<W: Weakness>(h: &Heap<Model>, table: Table<'_, W>) -> Vec<i64> {
    table.entries(h).filter_map(|(_, value)| value.as_int()).collect()
}

#[test]
fn insert_find_contains_and_remove_agree() {
    fn test<W: Weakness>(h: &Heap<Model>, table: Table<'_, W>) {
        assert!(table.is_empty() && table.count() == 0);
        let (one, two) = (kept(h, 1).to_value(), kept(h, 2).to_value());
        assert!(!table.contains(h, one) && table.find(h, one).is_none() && table.remove(h, one).is_none());
        assert_eq!(table.insert(h, one, Value::int(10)).unwrap(), None);
        assert_eq!(table.insert(h, two, Value::int(20)).unwrap(), None);
        assert_eq!(table.insert(h, one, Value::int(11)).unwrap(), Some(Value::int(10)));
        assert_eq!(table.count(), 2);
        assert!(table.contains(h, one) && !table.is_empty());
        assert_eq!(table.find(h, one), Some(Value::int(11)));
        assert_eq!(table.remove(h, one), Some(Value::int(11)));
        assert_eq!(
            (table.remove(h, one), table.find(h, one), table.count()),
            (None, None, 1)
        );
        assert!(!table.contains(h, one));
        assert_eq!(table.insert(h, one, one).unwrap(), None);
        // It was removed, so it comes after what stayed.
        let order: Vec<_> = table.entries(h).map(|(key, _)| key).collect();
        assert_eq!(order, [two, one]);
        table.clear(h);
        assert!(table.is_empty() && table.entries(h).next().is_none());
        assert_eq!(table.insert(h, two, Value::nil()).unwrap(), None);
        assert_eq!(table.find(h, two), Some(Value::nil()));
    }
    run(|h| {
        test(h, keys(h));
        test(h, values(h));
        test(h, both(h));
    });
}

#[test]
fn nil_is_no_key_and_asks_for_nothing() {
    run(|h| {
        let table = keys(h);
        assert!(matches!(
            table.insert(h, Value::nil(), Value::int(1)),
            Err(TableError::NilKey(_))
        ));
        assert!(matches!(table.add(h, Value::nil()), Err(TableError::NilKey(_))));
        let made = table.find_or_insert_with(h, Value::nil(), |_| panic!("nothing is to be made"));
        let error = made.map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("nil"), "{error}");
        assert!(table.find(h, Value::nil()).is_none() && table.remove(h, Value::nil()).is_none());
        assert!(!table.contains(h, Value::nil()));
        // Nor is the empty pair that a removed key leaves.
        table.insert(h, Value::int(1), Value::int(1)).unwrap();
        table.remove(h, Value::int(1));
        assert!(!table.contains(h, Value::nil()) && table.find(h, Value::nil()).is_none());
    });
}

#[test]
fn each_table_loses_what_its_kind_says() {
    #[derive(Clone, Copy, Debug)]
    enum Part {
        Kept,
        Dead,
        Immediate,
    }
    use Part::{Dead, Immediate, Kept};
    fn part(h: &Heap<Model>, part: Part) -> Value<'_, Model> {
        match part {
            Kept => kept(h, 1).into(),
            Dead => dead(h, 2).into(),
            Immediate => Value::int(3),
        }
    }
    /// Returns whether a pair is left after a collection, in a table of its own.
    fn is_left<W: Weakness>(h: &mut Heap<Model>, key: Part, value: Part) -> bool {
        let h0 = &*h;
        let table = h0.weak_table::<W>().unwrap();
        h0.push(table.into()).unwrap();
        table.insert(h0, part(h0, key), part(h0, value)).unwrap();
        h.collect();
        h.pop().cast::<WeakTable<Model, W>>().unwrap().count() == 1
    }
    run(|h| {
        for (key, value, expected) in [
            (Kept, Kept, [true, true, true]),
            (Kept, Dead, [true, false, false]),
            (Dead, Kept, [false, true, false]),
            (Dead, Dead, [false, false, false]),
            (Dead, Immediate, [false, true, false]),
            (Immediate, Dead, [true, false, false]),
            (Immediate, Immediate, [true, true, true]),
        ] {
            let left = [
                is_left::<WeakKeys>(h, key, value),
                is_left::<WeakValues>(h, key, value),
                is_left::<WeakBoth>(h, key, value),
            ];
            assert_eq!(left, expected, "{key:?}, {value:?}");
        }
    });
}

#[test]
fn a_set_keeps_nothing() {
    run(|h| {
        for id in 0..100 {
            let node = if id % 2 == 0 { kept(h, id) } else { dead(h, id) };
            assert!(keys(h).add(h, node.into()).unwrap());
            assert!(!keys(h).add(h, node.into()).unwrap());
        }
        h.collect();
        assert_eq!(keys(h).count(), 50);
        assert!(list(h).all(|node| keys(h).contains(h, node.into())));
        // A pair that is there stays as it is.
        let first = list(h).next().unwrap().to_value();
        keys(h).insert(h, first, Value::int(7)).unwrap();
        assert!(!keys(h).add(h, first).unwrap());
        assert_eq!(keys(h).find(h, first), Some(Value::int(7)));
    });
}

#[test]
fn find_or_insert_with_makes_a_value_once() {
    run(|h| {
        let key = kept(h, 1).to_value();
        let made = Cell::new(0);
        for _ in 0..3 {
            let value = keys(h)
                .find_or_insert_with(h, key, |h| {
                    made.set(made.get() + 1);
                    dead(h, 77).into()
                })
                .unwrap();
            assert_eq!(value.cast::<Node>().map(|node| node.id()), Some(77));
        }
        assert_eq!(made.get(), 1);
        // What makes the value may use the table, and make it grow.
        let other = kept(h, 2).to_value();
        let value = keys(h)
            .find_or_insert_with(h, other, |h| {
                for i in 0..1000 {
                    keys(h).insert(h, Value::int(i), Value::int(i)).unwrap();
                }
                keys(h).insert(h, other, Value::int(1)).unwrap();
                Value::int(2)
            })
            .unwrap();
        assert_eq!((value, keys(h).find(h, other)), (Value::int(2), Some(Value::int(2))));
        assert_eq!(keys(h).count(), 1002);
        assert!(keys(h).contains(h, key));
    });
}

#[test]
fn retain_keeps_what_it_is_told() {
    run(|h| {
        for id in 0..500 {
            keys(h).insert(h, kept(h, id).into(), Value::int(id as i64)).unwrap();
        }
        keys(h).retain(h, |_, value| value.as_int().unwrap() % 3 == 0);
        let expected: Vec<i64> = (0..500).filter(|i| i % 3 == 0).collect();
        assert_eq!(ints(h, keys(h)), expected);
        assert_eq!(keys(h).count(), expected.len());
        // It may remove others, also those that it was to be asked about.
        let asked = Cell::new(0);
        keys(h).retain(h, |_, value| {
            asked.set(asked.get() + 1);
            let id = value.as_int().unwrap();
            if id % 6 == 0 {
                let other = list(h).find(|node| node.id() as i64 == id + 3);
                other.map(|node| keys(h).remove(h, node.into()));
            }
            true
        });
        let expected: Vec<i64> = (0..500).filter(|i| i % 6 == 0).collect();
        assert_eq!(ints(h, keys(h)), expected);
        assert_eq!(asked.get(), expected.len());
        keys(h).retain(h, |_, _| false);
        assert!(keys(h).is_empty());
    });
}

#[test]
fn pairs_may_be_removed_while_they_are_iterated() {
    run(|h| {
        for id in 0..300 {
            keys(h).insert(h, kept(h, id).into(), Value::int(id as i64)).unwrap();
        }
        let mut seen = Vec::new();
        for (key, value) in keys(h).entries(h) {
            seen.push(value.as_int().unwrap());
            // Itself, and those before: what is still to come stays where it is.
            assert_eq!(keys(h).remove(h, key), Some(value));
        }
        assert_eq!(seen, (0..300).collect::<Vec<_>>());
        assert!(keys(h).is_empty());
    });
}

#[test]
fn an_iteration_by_places_lives_across_collections() {
    run(|h| {
        for id in 0..300 {
            let node = if id % 3 == 0 { kept(h, id) } else { dead(h, id) };
            keys(h).insert(h, node.into(), Value::int(id as i64)).unwrap();
        }
        let (mut place, mut seen) = (0, Vec::new());
        while let Some((next, key, value)) = keys(h).entry_from(h, place) {
            seen.push(value.as_int().unwrap());
            if value.as_int() == Some(150) {
                keys(h).remove(h, key);
            }
            place = next;
            if seen.len() == 20 {
                h.collect();
            } else if seen.len() == 40 {
                h.compact();
            }
        }
        let expected: Vec<i64> = (0..300).filter(|i| *i < 20 || i % 3 == 0).collect();
        assert_eq!(seen, expected);
        assert_eq!(keys(h).count(), 99);
        assert!(keys(h).entry_from(h, usize::MAX).is_none());
    });
}

#[test]
fn pairs_that_a_collection_emptied_leave_their_room() {
    run(|h| {
        // The row is full of dead keys when it is to grow: it stays as short as it is.
        for round in 0..200 {
            for id in 0..16 {
                let node = if id == 0 && round % 50 == 0 {
                    kept(h, round)
                } else {
                    dead(h, id)
                };
                keys(h).insert(h, node.into(), Value::int(id as i64)).unwrap();
                values(h)
                    .insert(h, Value::int((round * 16 + id) as i64), node.into())
                    .unwrap();
                both(h).insert(h, node.into(), node.into()).unwrap();
            }
            h.collect();
        }
        assert_eq!((keys(h).count(), values(h).count(), both(h).count()), (4, 4, 4));
        assert!(keys(h).capacity() <= 64 && values(h).capacity() <= 64 && both(h).capacity() <= 64);
        let ids: Vec<u64> = both(h)
            .entries(h)
            .filter_map(|(key, _)| key.cast::<Node>())
            .map(|node| node.id())
            .collect();
        assert_eq!(ids, [0, 50, 100, 150]);
    });
}

#[test]
fn a_table_that_fills_and_empties_again_and_again_stays_as_long_as_it_must_be() {
    run(|h| {
        // Removed one by one, cleared, and dead.
        for round in 0..30 {
            for i in 0..2000 {
                keys(h).insert(h, Value::int(i), Value::int(i)).unwrap();
            }
            assert_eq!(keys(h).count(), 2000);
            assert!(keys(h).capacity() <= 4096, "{} in round {round}", keys(h).capacity());
            if round % 2 == 0 {
                for i in 0..2000 {
                    assert_eq!(keys(h).remove(h, Value::int(i)), Some(Value::int(i)));
                }
            } else {
                keys(h).clear(h);
            }
            assert!(keys(h).is_empty());
        }
        // A queue: as many are inserted as are removed.
        keys(h).clear(h);
        keys(h).shrink_to_fit(h).unwrap();
        for i in 0..100_000 {
            keys(h).insert(h, Value::int(i), Value::int(i)).unwrap();
            if i >= 20 {
                assert_eq!(keys(h).remove(h, Value::int(i - 20)), Some(Value::int(i - 20)));
            }
            assert!(keys(h).capacity() <= 128, "{} after {i}", keys(h).capacity());
            if i % 64 == 0 {
                h.safepoint();
            }
        }
        assert_eq!(ints(h, keys(h)), (99_980..100_000).collect::<Vec<_>>());
    });
}

#[test]
fn a_long_row_with_few_pairs_left_is_given_up_at_the_next_insertions() {
    run(|h| {
        for i in 0..60_000 {
            keys(h).insert(h, Value::int(i), Value::nil()).unwrap();
            h.safepoint();
        }
        let long = keys(h).capacity();
        keys(h).retain(h, |key, _| key.as_int().unwrap() % 1000 == 0);
        for i in 0..100 {
            keys(h).insert(h, Value::int(-1 - i), Value::nil()).unwrap();
        }
        assert!(keys(h).capacity() <= long / 4, "{} of {long}", keys(h).capacity());
        keys(h).shrink_to_fit(h).unwrap();
        assert_eq!((keys(h).capacity(), keys(h).count()), (256, 160));
        let order: Vec<i64> = keys(h).entries(h).filter_map(|(key, _)| key.as_int()).collect();
        let expected: Vec<i64> = (0..60).map(|i| i * 1000).chain((0..100).map(|i| -1 - i)).collect();
        assert_eq!(order, expected);
    });
}

#[test]
fn without_memory_a_table_stays_as_it_is() {
    let config = HeapConfig::new()
        .semi_space_bytes(64 << 10)
        .max_spill_bytes(0)
        .max_old_bytes(1 << 20);
    with_heap(config, |h| {
        for i in 0..40 {
            keys(h).insert(h, Value::int(i), Value::int(i)).unwrap();
        }
        while h.try_alloc::<Node>(NodeInit { id: 0, next: None }).is_ok() {}
        let error = (40..1000).find_map(|i| {
            let inserted = keys(h).insert(h, Value::int(i), Value::int(i));
            inserted.err().map(|error| (i, error))
        });
        let Some((failed, TableError::OutOfMemory(error))) = error else {
            panic!("memory for a longer row: {error:?}")
        };
        assert!(error.to_string().contains("Pairs"), "{error}");
        assert_eq!(ints(h, keys(h)), (0..failed).collect::<Vec<_>>());
        assert!(!keys(h).contains(h, Value::int(failed)));
        assert!(
            keys(h)
                .find_or_insert_with(h, Value::int(failed), |_| Value::nil())
                .is_err()
        );
        assert!(keys(h).add(h, Value::int(failed)).is_err());
        // What needs no room works.
        assert_eq!(
            keys(h).insert(h, Value::int(3), Value::int(4)).unwrap(),
            Some(Value::int(3))
        );
        assert!(h.weak_table::<WeakKeys>().is_err());
        // So does a table whose long row could be left, but need not be.
        for i in 0..failed {
            keys(h).remove(h, Value::int(i));
        }
        assert!(keys(h).shrink_to_fit(h).is_err());
        h.collect();
        assert!(keys(h).is_empty());
        keys(h).insert(h, Value::int(1), Value::int(2)).unwrap();
        assert_eq!(keys(h).find(h, Value::int(1)), Some(Value::int(2)));
    });
}

#[test]
fn asking_and_iterating_keep_keys_for_the_job_only_if_they_hand_them_out() {
    with_heap(HeapConfig::new().keep_during_job(true), |h| {
        // Inserting returns what was there before, so the keys are new.
        keys(h).insert(h, dead(h, 1).into(), Value::int(1)).unwrap();
        h.collect();
        assert_eq!(keys(h).count(), 0);
        let key = dead(h, 2);
        keys(h).insert(h, key.into(), Value::int(2)).unwrap();
        assert!(keys(h).contains(h, key.into()));
        h.collect();
        assert_eq!(keys(h).count(), 0, "contains hands nothing out");
        keys(h).insert(h, dead(h, 3).into(), Value::int(3)).unwrap();
        assert_eq!(keys(h).entries(h).count(), 1);
        h.collect();
        assert_eq!(keys(h).count(), 1);
        h.end_job();
        h.collect();
        assert_eq!(keys(h).count(), 0);
    });
}

#[test]
fn a_table_can_be_key_and_value_of_itself() {
    run(|h| {
        let table = keys(h);
        table.insert(h, table.into(), table.into()).unwrap();
        values(h).insert(h, Value::int(1), table.into()).unwrap();
        h.collect();
        assert_eq!(keys(h).find(h, keys(h).into()), Some(keys(h).into()));
        assert_eq!(values(h).count(), 1);
        h.roots().keys.set(None);
        h.collect();
        assert_eq!(values(h).count(), 0);
    });
}

/// The same keys under both schemes of values.
macro_rules! keys_of_all_sorts {
    ($name:ident, $values:ident, $Int:ty, [$($float:expr),*]) => {
        mod $name {
            use tenure::prelude::*;
            use tenure::WeakKeys;

            #[derive(Kind)]
            pub(crate) struct Thing {
                id: u64,
            }
            #[derive(Roots)]
            pub(crate) struct Roots {
                table: Root<Opt<WeakTable<Tagged, WeakKeys>>>,
                things: [Root<Opt<Thing>>; 50],
            }
            object_model! {
                pub(crate) model Tagged { roots: Roots, values: $values, kinds: [Thing] }
            }

            fn all(h: &Heap<Tagged>) -> Vec<Value<'_, Tagged>> {
                let mut keys = vec![Value::undefined(), Value::bool(false), Value::bool(true)];
                keys.extend((0..2000).map(Value::symbol));
                keys.extend([u32::MAX, u32::MAX - 1, 1 << 31].map(Value::symbol));
                keys.extend(['\0', 'a', 'b', '\u{10ffff}'].map(Value::char));
                keys.extend((-2000..2000).map(Value::int));
                keys.extend((3..30).map(|bit| Value::int((1 as $Int) << bit << 1 | 1 << 11)));
                $(keys.push(Value::float($float));)*
                keys.extend(h.roots().things.iter().map(|thing| Value::from(thing.get())));
                keys
            }

            #[test]
            fn are_told_apart() {
                let roots = RootsInit {
                    table: None,
                    things: [None; 50],
                };
                let mut isolate = Isolate::<Tagged>::new(HeapConfig::new(), roots).expect("memory for a heap");
                isolate.enter(|h| {
                    h.roots().table.set(h.weak_table().ok());
                    for (id, root) in h.roots().things.iter().enumerate() {
                        root.set(Some(h.alloc::<Thing>(ThingInit { id: id as u64 })));
                    }
                    let fill = |h: &Heap<Tagged>| {
                        let table = h.roots().table.get().expect("set above");
                        for (i, key) in all(h).into_iter().enumerate() {
                            assert_eq!(table.insert(h, key, Value::symbol(i as u32)).expect("room"), None, "{key:?}");
                        }
                    };
                    let check = |h: &Heap<Tagged>| {
                        let table = h.roots().table.get().expect("set above");
                        assert_eq!(table.count(), all(h).len());
                        for (i, key) in all(h).into_iter().enumerate() {
                            assert_eq!(table.find(h, key), Some(Value::symbol(i as u32)), "{key:?}");
                        }
                    };
                    fill(h);
                    check(h);
                    h.collect_minor();
                    check(h);
                    h.compact();
                    check(h);
                    // Each second key away, in an order of its own; the others are still found.
                    let h0 = &*h;
                    let table = h0.roots().table.get().expect("set above");
                    let keys = all(h0);
                    for (i, key) in keys.iter().enumerate().rev().filter(|(i, _)| i % 2 == 1) {
                        assert_eq!(table.remove(h0, *key), Some(Value::symbol(i as u32)));
                    }
                    for (i, key) in keys.iter().enumerate() {
                        assert_eq!(table.contains(h0, *key), i % 2 == 0, "{key:?}");
                    }
                    table.clear(h0);
                    fill(h0);
                    check(h0);
                });
            }
        }
    };
}
keys_of_all_sorts!(low_tag, LowTag, i64, []);
keys_of_all_sorts!(
    nan_box,
    NanBox,
    i32,
    [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        f64::MAX,
        f64::MIN_POSITIVE,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        1e-310
    ]
);

#[test]
fn nothing_is_lost_where_probes_wrap_around_the_index() {
    run(|h| {
        // Many small tables, full to the last pair before they grow: in some of them probes begin near the end.
        for seed in 0..400 {
            let table = h.weak_table::<WeakKeys>().unwrap();
            let key = |i: i64| Value::int(seed * 1000 + i);
            let length = table.capacity() as i64;
            for i in 0..length {
                table.insert(h, key(i), Value::int(i)).unwrap();
            }
            assert_eq!(table.capacity() as i64, length);
            for i in 0..length {
                assert_eq!(table.find(h, key(i)), Some(Value::int(i)));
                assert!(!table.contains(h, key(-1 - i)));
            }
            for i in 0..length {
                assert_eq!(table.remove(h, key(i)), Some(Value::int(i)));
                assert!((0..length).all(|j| table.contains(h, key(j)) == (j > i)));
            }
            h.safepoint();
        }
    });
}
