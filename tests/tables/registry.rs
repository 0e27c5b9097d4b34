//! Finalization registries: what is refused, what is reported and when, tokens, growth, lack of memory.

use tenure::prelude::*;
use tenure::{RegisterError, WeakKeys};

#[derive(Kind)]
pub(crate) struct Node {
    id: u64,
    any: Slot<Dyn<Model>>,
}
#[derive(Kind)]
struct Watcher {
    target: WeakSlot<Opt<Node>>,
}
#[derive(Roots)]
pub(crate) struct Roots {
    registry: Root<Opt<FinalizationRegistry<Model>>>,
    other: Root<Opt<FinalizationRegistry<Model>>>,
    node: Root<Opt<Node>>,
    watcher: Root<Opt<Watcher>>,
    value: Root<Dyn<Model>>,
}
object_model! { pub(crate) model Model { roots: Roots, kinds: [Node, Watcher] } }

type Registry<'h> = Gc<'h, FinalizationRegistry<Model>>;

fn with_heap(config: HeapConfig, run: impl FnOnce(&mut Heap<Model>)) {
    let roots = RootsInit {
        registry: None,
        other: None,
        node: None,
        watcher: None,
        value: Value::nil(),
    };
    let mut isolate = Isolate::<Model>::new(config.verify_heap(true), roots).expect("memory for a heap");
    isolate.enter(|h| {
        h.roots().registry.set(h.finalization_registry().ok());
        h.roots().other.set(h.finalization_registry().ok());
        run(h);
        h.collect();
        h.verify().expect("a sound heap");
    });
}

fn run(test: impl Fn(&mut Heap<Model>)) {
    with_heap(HeapConfig::new(), &test);
    with_heap(HeapConfig::new().semi_space_bytes(4096), &test);
}

fn registry(h: &Heap<Model>) -> Registry<'_> {
    h.roots().registry.get().expect("set at the start")
}

fn other(h: &Heap<Model>) -> Registry<'_> {
    h.roots().other.get().expect("set at the start")
}

fn node(h: &Heap<Model>, id: u64) -> Gc<'_, Node> {
    h.alloc::<Node>(NodeInit { id, any: Value::nil() })
}

/// Registers a new object that nothing refers to.
fn register_dead(h: &Heap<Model>, held: i64) {
    registry(h)
        .register(h, node(h, 0).into(), Value::int(held), None)
        .expect("room for a cell");
}

fn drain(h: &Heap<Model>, registry: Registry<'_>) -> Vec<i64> {
    std::iter::from_fn(|| registry.next_held(h))
        .map(|held| held.as_int().expect("held integers"))
        .collect()
}

#[test]
fn what_cannot_be_reported_is_refused_with_a_reason() {
    run(|h| {
        let h = &*h;
        let target = node(h, 1).to_value();
        let refused = |target, held, token| match registry(h).register(h, target, held, token) {
            Ok(()) => panic!("{target:?} was registered"),
            Err(error) => error,
        };
        for (value, name) in [
            (Value::nil(), "is nil"),
            (Value::undefined(), "is undefined"),
            (Value::int(7), "is an integer"),
            (Value::bool(true), "is a boolean"),
            (Value::char('x'), "is a character"),
            (Value::symbol(3), "is a symbol"),
        ] {
            let error = refused(value, Value::int(1), None);
            assert!(matches!(error, RegisterError::NoObject(_)));
            assert!(error.to_string().contains(name), "{error}");
        }
        let error = refused(target, target, None);
        assert!(matches!(error, RegisterError::HeldIsTarget), "{error}");
        let error = refused(target, Value::int(1), Some(Value::nil()));
        assert!(matches!(error, RegisterError::NilToken), "{error}");
        assert_eq!((registry(h).count(), registry(h).ready_count()), (0, 0));
        assert_eq!(registry(h).unregister(h, target), 0);
        assert_eq!(registry(h).unregister(h, Value::nil()), 0);
        assert!(registry(h).next_held(h).is_none() && h.ready_registry().is_none());
    });
}

#[test]
fn held_values_come_in_the_order_of_registration() {
    run(|h| {
        // Of different ages, and found dead by different collections.
        for id in 0..600 {
            let target = node(h, id);
            if id % 3 == 0 {
                target.set_any(h, h.roots().value.get());
                h.roots().value.set(target.into());
            }
            registry(h)
                .register(h, target.into(), Value::int(id as i64), None)
                .expect("room for a cell");
            if id == 300 {
                h.collect_minor();
                h.collect_minor();
            }
        }
        h.collect_minor();
        h.roots().value.set(Value::nil());
        h.collect();
        assert_eq!((registry(h).count(), registry(h).ready_count()), (0, 600));
        assert_eq!(drain(h, registry(h)), (0..600).collect::<Vec<_>>());
        assert_eq!(registry(h).ready_count(), 0);
    });
}

#[test]
fn what_dies_later_comes_before_what_was_registered_after_it() {
    run(|h| {
        let kept = node(h, 1);
        h.roots().node.set(Some(kept));
        registry(h).register(h, kept.into(), Value::int(1), None).unwrap();
        register_dead(h, 2);
        register_dead(h, 3);
        h.collect();
        assert_eq!(registry(h).next_held(h), Some(Value::int(2)));
        h.roots().node.set(None);
        h.collect();
        assert_eq!(drain(h, registry(h)), [1, 3]);
    });
}

#[test]
fn nil_and_undefined_can_be_held() {
    run(|h| {
        for held in [Value::nil(), Value::undefined(), Value::int(3)] {
            registry(h).register(h, node(h, 0).into(), held, None).unwrap();
        }
        h.collect();
        let h = &*h;
        let held: Vec<_> = std::iter::from_fn(|| registry(h).next_held(h)).collect();
        assert_eq!(held, [Value::nil(), Value::undefined(), Value::int(3)]);
    });
}

#[test]
fn a_target_may_be_registered_twice_and_with_two_registries() {
    run(|h| {
        let target = node(h, 1).to_value();
        registry(h).register(h, target, Value::int(1), Some(target)).unwrap();
        other(h).register(h, target, Value::int(2), Some(target)).unwrap();
        registry(h).register(h, target, Value::int(3), None).unwrap();
        assert_eq!(other(h).unregister(h, target), 1);
        other(h).register(h, target, Value::int(4), None).unwrap();
        h.collect();
        assert_eq!(drain(h, registry(h)), [1, 3]);
        assert_eq!(drain(h, other(h)), [4]);
    });
}

#[test]
fn what_is_held_stays_alive_with_all_that_it_refers_to_and_no_longer_than_it_is_held() {
    run(|h| {
        let held = node(h, 1);
        held.set_any(h, node(h, 2).into());
        h.roots()
            .watcher
            .set(Some(h.alloc::<Watcher>(WatcherInit { target: Some(held) })));
        registry(h).register(h, node(h, 3).into(), held.into(), None).unwrap();
        let is_alive = |h: &Heap<Model>| !h.roots().watcher.get().unwrap().target().is_cleared();
        for _ in 0..3 {
            h.collect();
            assert!(is_alive(h));
            assert_eq!((registry(h).count(), registry(h).ready_count()), (0, 1));
        }
        let held = registry(h).next_held(h).and_then(Value::cast::<Node>).unwrap();
        assert_eq!(held.any().cast::<Node>().map(|node| node.id()), Some(2));
        h.collect();
        assert!(!is_alive(h));
    });
}

#[test]
fn what_is_held_for_a_live_target_is_let_go_by_unregister() {
    run(|h| {
        let (held, target) = (node(h, 1), node(h, 2));
        h.roots().node.set(Some(target));
        h.roots()
            .watcher
            .set(Some(h.alloc::<Watcher>(WatcherInit { target: Some(held) })));
        registry(h)
            .register(h, target.into(), held.into(), Some(Value::symbol(9)))
            .unwrap();
        h.collect();
        assert!(!h.roots().watcher.get().unwrap().target().is_cleared());
        assert_eq!(registry(h).unregister(h, Value::symbol(9)), 1);
        h.collect();
        assert!(h.roots().watcher.get().unwrap().target().is_cleared());
        assert_eq!((registry(h).count(), registry(h).ready_count()), (0, 0));
    });
}

#[test]
fn cycles_through_held_values_do_not_keep_a_registry() {
    run(|h| {
        let target = node(h, 1);
        h.roots().node.set(Some(target));
        let held = node(h, 2);
        held.set_any(h, other(h).into());
        h.roots()
            .watcher
            .set(Some(h.alloc::<Watcher>(WatcherInit { target: Some(held) })));
        other(h)
            .register(h, target.into(), held.into(), Some(target.into()))
            .unwrap();
        // Something to report does not keep it either.
        other(h).register(h, node(h, 3).into(), held.into(), None).unwrap();
        h.collect();
        assert!(h.ready_registry() == h.roots().other.get());
        h.roots().other.set(None);
        h.collect();
        assert!(h.roots().watcher.get().unwrap().target().is_cleared());
        assert!(h.ready_registry().is_none());
    });
}

#[test]
fn a_held_value_that_refers_to_the_target_keeps_it() {
    run(|h| {
        let target = node(h, 1);
        let held = node(h, 2);
        held.set_any(h, target.into());
        registry(h).register(h, target.into(), held.into(), None).unwrap();
        h.collect();
        h.collect();
        assert_eq!((registry(h).count(), registry(h).ready_count()), (1, 0));
    });
}

#[test]
fn a_target_with_a_finalizer_is_reported_once_it_is_really_dead() {
    run(|h| {
        let inner = node(h, 2);
        let outer = node(h, 1);
        outer.set_any(h, inner.into());
        h.register_finalizer(outer, 0);
        registry(h).register(h, outer.into(), Value::int(1), None).unwrap();
        registry(h).register(h, inner.into(), Value::int(2), None).unwrap();
        for _ in 0..3 {
            h.collect();
            // It waits for its finalizer, with all that it refers to.
            assert_eq!((h.finalizable_count(), registry(h).ready_count()), (1, 0));
        }
        let outer = h.next_finalizable().and_then(Value::cast::<Node>).unwrap();
        h.roots().node.set(Some(outer));
        h.collect();
        assert_eq!(registry(h).ready_count(), 0);
        h.roots().node.set(None);
        h.collect();
        assert_eq!(drain(h, registry(h)), [1, 2]);
    });
}

#[test]
fn unregister_takes_all_of_a_token_and_nothing_else() {
    run(|h| {
        let h0 = &*h;
        let (one, two) = (node(h0, 1), node(h0, 2));
        h0.push(one.into()).unwrap();
        h0.push(two.into()).unwrap();
        let tokens = [one.to_value(), two.to_value(), Value::int(5), Value::symbol(5)];
        for i in 0..400 {
            let token = tokens.get(i % 5).copied();
            registry(h0)
                .register(h0, node(h0, 9).into(), Value::int(i as i64), token)
                .unwrap();
        }
        h.collect();
        assert_eq!(registry(h).ready_count(), 400);
        let reported: Vec<_> = (0..10).filter_map(|_| registry(h).next_held(h)?.as_int()).collect();
        assert_eq!(reported, (0..10).collect::<Vec<_>>());
        // Dead and not reported yet: those are taken back, too. Two of each token were reported.
        assert_eq!(registry(h).unregister(h, h.peek(1)), 78);
        assert_eq!(registry(h).unregister(h, h.peek(1)), 0);
        assert_eq!(registry(h).unregister(h, Value::symbol(5)), 78);
        assert_eq!(registry(h).unregister(h, Value::symbol(6)), 0);
        h.collect();
        let expected: Vec<i64> = (10..400).filter(|i| [1, 2, 4].contains(&(i % 5))).collect();
        assert_eq!(registry(h).ready_count(), expected.len());
        assert_eq!(drain(h, registry(h)), expected);
        assert_eq!(registry(h).unregister(h, h.peek(0)), 0);
    });
}

#[test]
fn a_token_is_held_weakly() {
    run(|h| {
        let target = node(h, 1);
        h.roots().node.set(Some(target));
        let token = node(h, 2);
        h.roots()
            .watcher
            .set(Some(h.alloc::<Watcher>(WatcherInit { target: Some(token) })));
        registry(h)
            .register(h, target.into(), Value::int(1), Some(token.into()))
            .unwrap();
        h.collect();
        assert!(h.roots().watcher.get().unwrap().target().is_cleared());
        assert_eq!(registry(h).count(), 1);
        h.roots().node.set(None);
        h.collect();
        assert_eq!(drain(h, registry(h)), [1]);
    });
}

#[test]
fn a_token_that_is_its_target_keeps_nothing() {
    run(|h| {
        for id in 0..100 {
            let target = node(h, id).to_value();
            registry(h)
                .register(h, target, Value::int(id as i64), Some(target))
                .unwrap();
        }
        h.collect();
        assert_eq!(drain(h, registry(h)), (0..100).collect::<Vec<_>>());
    });
}

#[test]
fn tokens_survive_the_move_to_another_row() {
    run(|h| {
        // Token 7 has cells before and after many that are used up, so that its chain is mended over gaps.
        for round in 0..200_i64 {
            for i in 0..40 {
                let kept = i == 20;
                let target = node(h, 0);
                if kept {
                    target.set_any(h, h.roots().value.get());
                    h.roots().value.set(target.into());
                }
                let token = Value::int(if kept { 7 } else { 1000 + i });
                registry(h)
                    .register(h, target.into(), Value::int(round * 100 + i), Some(token))
                    .unwrap();
            }
            for i in (0..40).filter(|i| *i != 20 && i % 2 == 0) {
                assert_eq!(registry(h).unregister(h, Value::int(1000 + i)), 1);
            }
            h.collect_minor();
            if round % 10 == 9 {
                h.collect();
            }
            drain(h, registry(h));
            h.safepoint();
        }
        assert_eq!((registry(h).count(), registry(h).ready_count()), (200, 0));
        // Tokens of which every cell was reported.
        for i in (0..40).filter(|i| i % 2 == 1) {
            assert_eq!(registry(h).unregister(h, Value::int(1000 + i)), 0);
        }
        assert_eq!(registry(h).unregister(h, Value::int(7)), 200);
        assert_eq!(registry(h).count(), 0);
    });
}

#[test]
fn a_row_is_used_again_and_shrinks() {
    run(|h| {
        let footprint = |h: &mut Heap<Model>| {
            h.collect();
            h.statistics().sizes.used_bytes()
        };
        let empty = footprint(h);
        for id in 0..20_000 {
            let target = node(h, id);
            registry(h)
                .register(h, target.into(), Value::nil(), Some(target.into()))
                .unwrap();
            h.safepoint();
        }
        h.collect();
        while registry(h).next_held(h).is_some() {}
        registry(h).shrink_to_fit(h).unwrap();
        let after = footprint(h);
        assert!(after < empty + 2000, "{empty} bytes live, then {after}");
        // In a steady state the row stays short.
        for id in 0..20_000 {
            let target = node(h, id);
            registry(h)
                .register(h, target.into(), Value::nil(), Some(target.into()))
                .unwrap();
            registry(h).unregister(h, target.into());
            h.safepoint();
        }
        let after = footprint(h);
        assert!(after < empty + 2000, "{empty} bytes live, then {after}");
    });
}

#[test]
fn the_queue_names_registries_in_the_order_in_which_they_had_something_to_report() {
    run(|h| {
        let h0 = &*h;
        h0.push(node(h0, 1).into()).unwrap();
        registry(h0).register(h0, h0.peek(0), Value::int(1), None).unwrap();
        other(h0).register(h0, node(h0, 2).into(), Value::int(2), None).unwrap();
        h.collect();
        assert!(h.ready_registry() == h.roots().other.get());
        h.pop();
        h.collect();
        assert!(h.ready_registry() == h.roots().other.get());
        // The row may be another by the time that the queue is asked.
        for i in 0..100 {
            other(h).register(h, registry(h).into(), Value::int(i), None).unwrap();
        }
        other(h).shrink_to_fit(h).unwrap();
        h.collect();
        assert!(h.ready_registry() == h.roots().other.get());
        assert_eq!(drain(h, other(h)), [2]);
        assert!(h.ready_registry() == h.roots().registry.get());
        assert_eq!(drain(h, registry(h)), [1]);
        assert!(h.ready_registry().is_none());
        // It comes again when there is more.
        register_dead(h, 3);
        h.collect_minor();
        h.collect();
        assert!(h.ready_registry() == h.roots().registry.get());
        assert_eq!(drain(h, registry(h)), [3]);
        assert!(h.ready_registry().is_none());
    });
}

#[test]
fn registries_without_number_are_queued_once_each() {
    // Of what spilled out of a tiny nursery, a minor collection knows nothing.
    for (minor, config) in [
        (true, HeapConfig::new()),
        (false, HeapConfig::new()),
        (false, HeapConfig::new().semi_space_bytes(4096)),
    ] {
        with_heap(config, |h| {
            for round in 0..3 {
                for _ in 0..500 {
                    let list = node(h, 0);
                    list.set_any(h, h.roots().value.get());
                    let registry = h.finalization_registry().unwrap();
                    registry.register(h, node(h, 1).into(), Value::int(1), None).unwrap();
                    registry.register(h, node(h, 1).into(), Value::int(1), None).unwrap();
                    // A list of registries: each is held by the next.
                    registry.register(h, registry.into(), list.into(), None).unwrap();
                    h.roots().value.set(registry.into());
                }
                if minor {
                    h.collect_minor();
                    h.collect_minor();
                } else {
                    h.collect();
                }
                let mut reported = 0;
                while let Some(registry) = h.ready_registry() {
                    while let Some(held) = registry.next_held(h) {
                        assert_eq!(held.as_int(), Some(1));
                        reported += 1;
                    }
                }
                assert_eq!(reported, 1000, "in round {round}");
            }
            // They die without a trace, one with something to report among them.
            let last = h.roots().value.get().cast::<FinalizationRegistry<Model>>().unwrap();
            last.register(h, node(h, 1).into(), Value::int(1), None).unwrap();
            h.collect();
            assert!(h.ready_registry().is_some());
            h.roots().value.set(Value::nil());
            h.collect();
            assert!(h.ready_registry().is_none());
        });
    }
}

#[test]
fn without_memory_a_registry_stays_as_it_is() {
    let config = || {
        HeapConfig::new()
            .semi_space_bytes(64 << 10)
            .max_spill_bytes(0)
            .max_old_bytes(1 << 20)
    };
    with_heap(config(), |h| {
        let kept = node(h, 1);
        h.roots().node.set(Some(kept));
        for i in 0..40 {
            registry(h)
                .register(h, kept.into(), Value::int(i), Some(Value::int(i % 4)))
                .unwrap();
        }
        // One that was reported, so that the row would be moved.
        register_dead(h, 100);
        h.collect();
        assert_eq!(drain(h, registry(h)), [100]);
        let h1 = &*h;
        while let Ok(filler) = h1.try_alloc::<Node>(NodeInit {
            id: 0,
            any: h1.roots().value.get(),
        }) {
            h1.roots().value.set(filler.into());
        }
        let register = |i: i64| {
            let target = h1.roots().node.get().into();
            registry(h1).register(h1, target, Value::int(1000 + i), Some(Value::int(i % 4)))
        };
        let error = (0..100)
            .find_map(|i| register(i).err())
            .expect("no memory for a longer row");
        assert!(matches!(error, RegisterError::OutOfMemory(_)), "{error}");
        let added = registry(h1).count() - 40;
        assert!(register(0).is_err() && register(1).is_err());
        assert_eq!(registry(h1).count(), 40 + added);
        h.roots().value.set(Value::nil());
        h.collect();
        assert_eq!(registry(h).count(), 40 + added);
        let taken: usize = (0..4).map(|i| registry(h).unregister(h, Value::int(i))).sum();
        assert_eq!(taken, 40 + added);
    });
}

#[test]
fn a_registry_can_be_a_key_a_target_and_a_token() {
    run(|h| {
        let table = h.weak_table::<WeakKeys>().unwrap();
        h.push(table.into()).unwrap();
        let third = h.finalization_registry().unwrap();
        table.insert(h, third.into(), Value::int(1)).unwrap();
        registry(h)
            .register(h, third.into(), Value::int(3), Some(third.into()))
            .unwrap();
        third
            .register(h, third.into(), Value::int(4), Some(third.into()))
            .unwrap();
        assert!(format!("{third:?}").starts_with("FinalizationRegistry"));
        h.collect();
        assert_eq!(drain(h, registry(h)), [3]);
        let table = h.peek(0).cast::<WeakTable<Model, WeakKeys>>().unwrap();
        assert!(table.is_empty());
    });
}
