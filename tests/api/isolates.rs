//! Attacks on what keeps heaps apart: isolates, globals and scopes.

use tenure::prelude::*;

use super::*;

#[test]
fn nested_enter_of_a_model_panics_and_restores() {
    let (mut one, mut two) = (isolate(), isolate());
    one.enter(|h| {
        h.roots().value.set(Value::int(7));
        let text = panics(|| two.enter(|_| ()));
        assert!(text.contains("already entered"), "{text}");
        assert_eq!(h.roots().value.get(), Value::int(7));
        // Still refused: the failed attempt has not reset the flag of the outer one.
        panics(|| two.enter(|_| ()));
        h.collect();
    });
    two.enter(|h| h.collect());
    one.enter(|h| assert_eq!(h.roots().value.get(), Value::int(7)));
}

#[test]
fn a_panic_leaves_the_isolate() {
    let mut one = isolate();
    let text = panics(|| {
        one.enter(|h| {
            h.roots().value.set(pair(h).into());
            panic!("out");
        })
    });
    assert_eq!(text, "out");
    one.enter(|h| {
        assert!(h.roots().value.get().is::<Pair>());
        h.collect();
        assert!(h.roots().value.get().is::<Pair>());
    });
}

#[test]
fn isolates_of_different_models_nest() {
    let mut lox = isolate();
    let mut js = Isolate::<Js>::new(HeapConfig::new(), NoRootsInit {}).unwrap();
    lox.enter(|outer| {
        outer.roots().value.set(pair(outer).into());
        js.enter(|inner| {
            inner
                .push(Value::from(inner.alloc::<Boxed>(BoxedInit {
                    value: Value::float(0.5),
                })))
                .unwrap();
            outer.collect();
            inner.collect();
            assert_eq!(inner.pop().cast::<Boxed>().map(|b| b.value()), Some(Value::float(0.5)));
        });
        assert!(outer.roots().value.get().is::<Pair>());
    });
}

#[test]
fn an_isolate_can_be_entered_on_each_thread() {
    let threads: Vec<_> = (0..2)
        .map(|i| {
            std::thread::spawn(move || {
                isolate().enter(|h| {
                    h.roots().value.set(Value::int(i));
                    h.collect();
                    h.roots().value.get().as_int()
                })
            })
        })
        .collect();
    let results: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    assert_eq!(results, [Some(0), Some(1)]);
}

#[test]
fn a_pointer_or_number_in_a_leaf_can_be_sent_within_the_region() {
    isolate().enter(|h| {
        let h = &*h;
        let text = h.alloc_slice::<Text>(TextInit { hash: 5 }, b"over there");
        let (bytes, hash): (&[u8], &u32) = (text.tail(), &text.get().hash);
        let sum = std::thread::scope(|threads| {
            threads
                .spawn(move || bytes.iter().map(|b| u32::from(*b)).sum::<u32>() + *hash)
                .join()
                .unwrap()
        });
        assert_eq!(sum, b"over there".iter().map(|b| u32::from(*b)).sum::<u32>() + 5);
    });
}

#[test]
fn a_global_of_another_heap_panics() {
    let (mut one, mut two) = (isolate(), isolate());
    let global = one.enter(|h| h.global::<Ref<Pair>>(pair(h)));
    two.enter(|h| {
        let text = panics(|| assert!(global.get(h).car().is_nil()));
        assert!(text.contains("another heap"), "{text}");
        panics(|| global.set(h, pair(h)));
    });
    one.enter(|h| assert!(global.get(h).car().is_nil()));
}

#[test]
fn a_global_keeps_its_object_and_dropping_it_does_not() {
    let mut one = isolate();
    let old_bytes = |h: &Heap<Lox>| h.statistics().sizes.used_bytes();
    let (global, base) = one.enter(|h| {
        h.collect();
        let base = old_bytes(h);
        let (h, array) = h.alloc_tail_zeroed_with::<Array>(100_000, |_| ArrayInit { id: 9 });
        (h.global::<Ref<Array>>(array), base)
    });
    one.enter(|h| {
        h.collect();
        assert_eq!(global.get(h).id(), 9);
        assert!(old_bytes(h) >= base + 800_000);
        drop(global);
        h.collect();
        assert!(old_bytes(h) < base + 800_000);
    });
}

#[test]
fn globals_outlive_the_isolate_and_numbers_are_used_again() {
    let mut one = isolate();
    let kept = one.enter(|h| {
        let first = h.global::<Ref<Node>>(h.alloc(NodeInit { id: 1, next: None }));
        let kept = h.global::<Dyn<Lox>>(Value::int(2));
        drop(first);
        let third = h.global::<Opt<Node>>(Some(h.alloc(NodeInit { id: 3, next: None })));
        assert_eq!(format!("{third:?}"), "Global(0)");
        h.collect();
        assert_eq!(third.get(h).map(|n| n.id()), Some(3));
        assert_eq!(kept.get(h).as_int(), Some(2));
        kept
    });
    drop(one);
    drop(kept);
}

#[test]
fn scopes_end_with_a_panic_and_locals_can_be_forgotten() {
    isolate().enter(|h| {
        h.scope(|outer| {
            let kept = outer.local(outer.alloc::<Node>(NodeInit { id: 1, next: None }));
            for _ in 0..300 {
                panics(|| {
                    outer.scope(|inner| {
                        for id in 0..1000 {
                            let local = inner.local(inner.alloc::<Node>(NodeInit { id, next: None }));
                            std::mem::forget(Box::new(local));
                        }
                        panic!("inner");
                    })
                });
            }
            // More locals have come and gone than the area holds.
            let after = outer.empty::<Opt<Node>>();
            outer.collect();
            assert_eq!(kept.get(outer).id(), 1);
            assert!(after.get(outer).is_none());
            after.set(outer, Some(kept.get(outer)));
            promote(outer);
            assert_eq!(after.get(outer), Some(kept.get(outer)));
        });
    });
}

#[test]
fn too_many_locals_panic() {
    isolate_with(config().handle_words(10)).enter(|h| {
        let text = panics(|| {
            h.scope(|s| {
                for _ in 0..11 {
                    s.empty::<Dyn<Lox>>();
                }
            })
        });
        assert!(text.contains("all 10 handles"), "{text}");
        h.scope(|s| (0..10).for_each(|i| _ = s.local_of::<Dyn<Lox>>(Value::int(i))));
    });
}
