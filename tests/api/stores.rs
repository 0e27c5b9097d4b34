//! Attacks on the write barrier: every form of store into old objects, and stores through the wrong object.

use tenure::prelude::*;

use super::*;

#[test]
fn an_old_object_keeps_a_young_one_by_every_form_of_store() {
    type Store = fn(&Heap<Lox>, Value<'_, Lox>, Gc<'_, Node>);
    let stores: [(&str, Store); 9] = [
        ("accessor", |h, owner, node| {
            owner.cast::<Pair>().unwrap().set_cdr(h, node.into())
        }),
        ("slot", |h, owner, node| {
            owner.cast::<Pair>().unwrap().get().cdr.set(h, node.into())
        }),
        ("put", |h, owner, node| {
            owner.cast::<Pair>().unwrap().put(h, |p| &p.cdr, node.into())
        }),
        ("tail_set", |h, owner, node| {
            owner.cast::<Array>().unwrap().tail_set(h, 3, node.into())
        }),
        ("tail slot", |h, owner, node| {
            owner.cast::<Array>().unwrap().tail()[3].set(h, node.into())
        }),
        ("tail_fill", |h, owner, node| {
            owner.cast::<Array>().unwrap().tail_fill(h, 2..5, node.into())
        }),
        ("tail_copy_from", |h, owner, node| {
            let source = h.alloc_tail::<Array>(2, ArrayInit { id: 0 }, |_| node.into());
            owner.cast::<Array>().unwrap().tail_copy_from(h, 3, source, 0..2);
        }),
        ("array of slots", |h, owner, node| {
            owner.cast::<Shape>().unwrap().names()[1].set(h, Some(node))
        }),
        ("nested struct", |h, owner, node| {
            owner.cast::<Shape>().unwrap().corners()[2].owner.set(h, node.into())
        }),
    ];
    let held = |owner: Value<'_, Lox>| -> Option<u64> {
        let value = if let Some(pair) = owner.cast::<Pair>() {
            pair.cdr()
        } else if let Some(array) = owner.cast::<Array>() {
            array.tail_get(3)
        } else {
            let shape = owner.cast::<Shape>()?;
            match shape.names()[1].get() {
                Some(node) => node.into(),
                None => shape.corners()[2].owner.get(),
            }
        };
        value.cast::<Node>().map(|node| node.id())
    };
    // Arrays both short (logged whole), long (logged by card) and large (in a region of their own).
    for length in [10, 1_000, 50_000] {
        for (name, store) in stores {
            isolate().enter(|h| {
                let owner: Value<'_, Lox> = match name {
                    "accessor" | "slot" | "put" => pair(h).into(),
                    "array of slots" | "nested struct" => shape(h).into(),
                    _ => h.alloc_tail_zeroed::<Array>(length, ArrayInit { id: 0 }).into(),
                };
                h.roots().value.set(owner);
                promote(h);
                for id in 0..5 {
                    let node = h.alloc::<Node>(NodeInit { id, next: None });
                    store(h, h.roots().value.get(), node);
                    for _ in 0..=id {
                        h.collect_minor();
                    }
                    assert_eq!(held(h.roots().value.get()), Some(id), "{name}, length {length}");
                }
                h.collect();
                assert_eq!(held(h.roots().value.get()), Some(4), "{name}, length {length}");
            });
        }
    }
}

#[test]
fn long_arrays_keep_every_young_element_of_a_bulk_store() {
    for length in [64, 127, 128, 129, 1_000, 20_000] {
        isolate_with(config().verify_heap(false)).enter(|h| {
            h.roots()
                .value
                .set(h.alloc_tail_zeroed::<Array>(length, ArrayInit { id: 0 }).into());
            promote(h);
            h.collect();
            for (from, to) in [
                (0, length),
                (1, length - 1),
                (length / 3, length / 2),
                (length - 1, length),
                (5, 5),
            ] {
                let source = h.alloc_tail::<Array>(to - from, ArrayInit { id: 1 }, |i| {
                    h.alloc::<Node>(NodeInit {
                        id: (from + i) as u64,
                        next: None,
                    })
                    .into()
                });
                let array = h.roots().value.get().cast::<Array>().unwrap();
                array.tail_copy_from(h, from, source, 0..to - from);
                h.verify().unwrap();
                h.collect_minor();
                h.verify().unwrap();
                let array = h.roots().value.get().cast::<Array>().unwrap();
                for i in from..to {
                    assert_eq!(array.tail_get(i).cast::<Node>().map(|n| n.id()), Some(i as u64));
                }
            }
            // Overlapping copies within one array move as memmove does.
            let array = h.roots().value.get().cast::<Array>().unwrap();
            array.tail_copy_within(h, 0..length - 1, 1);
            h.collect_minor();
            let array = h.roots().value.get().cast::<Array>().unwrap();
            for i in 1..length {
                assert_eq!(array.tail_get(i).cast::<Node>().map(|n| n.id()), Some(i as u64 - 1));
            }
        });
    }
}

#[test]
fn put_through_another_object_panics() {
    isolate().enter(|h| {
        let h = &*h;
        let (other, second) = (pair(h), h.alloc::<Node>(NodeInit { id: 2, next: None }));
        let first = h.alloc::<Node>(NodeInit {
            id: 1,
            next: Some(second),
        });
        let text = panics(|| first.put(h, |n| &n.next.get().unwrap().get().next, None));
        assert!(text.contains("left the object"), "{text}");
        assert_eq!(first.next(), Some(second));
        other.put(h, |p| &p.car, first.into());
        assert_eq!(other.car().cast::<Node>(), Some(first));
    });
}

/// A long array stays unlogged, so that each store into it is looked at. One of a number leaves nothing for the next minor
/// collection to look at, whatever else the collector is doing; one of an object does.
#[test]
fn numbers_stored_into_a_long_array_are_not_remembered() {
    use std::cell::Cell as StdCell;
    use std::rc::Rc;
    use tenure::events::{CollectionKind, Event};
    let remembered = Rc::new(StdCell::new(None));
    let seen = Rc::clone(&remembered);
    let config = config().listener(move |event: &Event<'_>| {
        if let Event::CollectionEnd(record) = event
            && record.kind == CollectionKind::Minor
        {
            seen.set(Some(record.remembered_owners));
        }
    });
    isolate_with(config).enter(|h| {
        let (region, array) = h.alloc_tail_zeroed_with::<Array>(50_000, |_| ArrayInit { id: 1 });
        region.roots().value.set(array.into());
        h.collect();
        h.collect();
        for marking in [false, true] {
            if marking {
                h.start_marking();
            }
            let array = h.roots().value.get().cast::<Array>().expect("the array");
            for index in 0..50_000 {
                array.tail_set(h, index, Value::int(index as i64));
            }
            h.collect_minor();
            assert_eq!(remembered.take(), Some(0), "marking: {marking}");
            let array = h.roots().value.get().cast::<Array>().expect("the array");
            array.tail_set(h, 40_000, pair(h).into());
            h.collect_minor();
            assert!(remembered.take() > Some(0), "marking: {marking}");
            h.collect();
            h.verify().expect("a sound heap");
        }
    });
}
