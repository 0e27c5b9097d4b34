//! Objects of all shapes, through all collections: initializers, layouts, tails, identity, pinning.

use tenure::Layout;
use tenure::prelude::*;

use super::*;

#[test]
fn a_panic_in_an_initializer_leaves_the_heap_usable() {
    isolate().enter(|h| {
        let before = pair(h).to_value();
        h.roots().value.set(before);
        panics(|| _ = h.alloc_with::<Pair>(|_| panic!("fixed")));
        panics(|| _ = h.alloc_with::<Code>(|_| panic!("pinned")));
        panics(|| _ = h.alloc_tail_with::<Array>(10, |_| panic!("tail"), |_, _| Value::nil()));
        panics(|| {
            let fill = |i| if i < 5 { Value::int(i as i64) } else { panic!("fill") };
            h.alloc_tail_with::<Array>(10, |_| ArrayInit { id: 1 }, |_, i| fill(i));
        });
        panics(|| _ = h.alloc_slice_with::<Text>(|_| panic!("slice"), b"text"));
        panics(|| {
            h.alloc_tail::<Array>(200_000, ArrayInit { id: 1 }, |i| {
                if i < 100_000 { Value::int(1) } else { panic!() }
            });
        });
        promote(h);
        h.collect();
        assert!(h.roots().value.get().is::<Pair>());
        for i in 0..10_000 {
            h.alloc_with::<Node>(|_| NodeInit { id: i, next: None });
        }
    });
}

#[test]
fn an_initializer_may_allocate_in_the_region() {
    isolate().enter(|h| {
        for round in 0..50 {
            // Every round fills the nursery from within the initializer, so the outer object is written behind it.
            let (h, outer) = h.alloc_with::<Pair>(|h| {
                let mut list = None;
                for id in 0..2_000 {
                    list = Some(h.alloc::<Node>(NodeInit { id, next: list }));
                }
                PairInit {
                    car: list.into(),
                    cdr: Value::int(round),
                }
            });
            h.roots().value.set(outer.into());
            let (mut next, mut count) = (outer.car().cast::<Node>(), 0);
            while let Some(node) = next {
                count += 1;
                assert_eq!(node.id(), 2_000 - count);
                next = node.next();
            }
            assert_eq!(count, 2_000);
        }
        let (h, array) = h.alloc_tail_with::<Array>(
            100,
            |h| ArrayInit {
                id: h.alloc::<Node>(NodeInit { id: 77, next: None }).id() as u32,
            },
            |h, i| {
                h.alloc::<Node>(NodeInit {
                    id: i as u64,
                    next: None,
                })
                .into()
            },
        );
        assert_eq!((array.id(), array.len()), (77, 100));
        h.roots().value.set(array.into());
        assert!(
            array
                .tail()
                .iter()
                .enumerate()
                .all(|(i, slot)| { slot.get().cast::<Node>().is_some_and(|node| node.id() == i as u64) })
        );
    });
}

#[test]
fn fields_of_every_type_survive() {
    isolate().enter(|h| {
        let h1 = &*h;
        let object = shape(h1);
        object.set_hits(h1, 41);
        object.get().hits.set(object.hits() + 1);
        object.names()[0].set(h1, Some(h1.alloc(NodeInit { id: 8, next: None })));
        h1.roots().value.set(object.into());
        h1.roots().counter.set(5);
        h1.roots().spare[2].set(h1.alloc::<Unit>(UnitInit {}).into());
        promote(h);
        h.collect();
        let object = h.roots().value.get().cast::<Shape>().unwrap();
        assert_eq!((object.kind(), object.hits(), object.extra()), (3, 42, Some(7)));
        for (i, corner) in object.corners().iter().enumerate() {
            assert_eq!((corner.flag, corner.weight), (true, i as f64 + 1.0));
            assert_eq!(corner.owner.get(), Value::int(i as i64 + 1));
        }
        assert_eq!(object.names()[0].get().map(|n| n.id()), Some(8));
        assert_eq!(object.names()[1].get(), None);
        assert_eq!(h.roots().counter.get(), 5);
        assert!(h.roots().spare[2].get().is::<Unit>());
        assert_eq!(format!("{:?}", Shape::SLOTS).matches(',').count() + 1, 5);
    });
}

#[test]
fn wide_kinds_are_scanned_by_their_table() {
    isolate().enter(|h| {
        let h1 = &*h;
        let node = |id| h1.alloc::<Node>(NodeInit { id, next: None });
        let mut middle = [None; 200];
        middle
            .iter_mut()
            .zip(100..)
            .for_each(|(place, id)| *place = Some(node(id)));
        // The gap holds what looks like addresses, which must not be touched.
        let looks_like = std::ptr::from_ref(node(0).get()).addr() as u64;
        let wide = h1.alloc::<Wide>(WideInit {
            first: node(1).into(),
            gap: [looks_like; 40],
            middle,
            last: node(2).into(),
        });
        h1.roots().value.set(wide.into());
        promote(h);
        h.collect();
        let wide = h.roots().value.get().cast::<Wide>().unwrap();
        assert_eq!(wide.first().cast::<Node>().map(|n| n.id()), Some(1));
        assert_eq!(wide.last().cast::<Node>().map(|n| n.id()), Some(2));
        assert_eq!(wide.gap(), &[looks_like; 40]);
        for (i, slot) in wide.middle().iter().enumerate() {
            assert_eq!(slot.get().map(|n| n.id()), Some(100 + i as u64));
        }
    });
}

#[test]
fn plain_tails_are_copied_and_moved() {
    isolate().enter(|h| {
        for length in [0, 1, 3, 4, 5, 1_000, 100_000] {
            let elements: Vec<u16> = (0..length).map(|i| i as u16).collect();
            let (h1, shorts) = h.alloc_slice_with::<Shorts>(|_| ShortsInit {}, &elements);
            h1.roots().value.set(shorts.into());
            promote(h);
            let shorts = h.roots().value.get().cast::<Shorts>().unwrap();
            assert_eq!((shorts.len(), shorts.is_empty()), (length, length == 0));
            assert!(shorts.tail_eq(&elements));
            assert_eq!(shorts.tail_to_vec(), elements);
            if length >= 4 {
                shorts.tail_write(1, &[7, 8]);
                shorts.tail()[3].set(9);
                let mut read = [0; 4];
                shorts.tail_read(0, &mut read);
                assert_eq!(read, [0, 7, 8, 9]);
                shorts.tail_fill_with(0..length, 6);
                assert!(shorts.tail().iter().all(|cell| cell.get() == 6));
                panics(|| shorts.tail_write(length - 1, &[1, 2]));
                panics(|| shorts.tail_read(length, &mut [0]));
                panics(|| shorts.tail_fill_with(0..length + 1, 0));
            }
        }
        let (_, text) = h.alloc_slice_with::<Text>(|_| TextInit { hash: 1 }, "grüß".as_bytes());
        assert_eq!(std::str::from_utf8(text.tail()), Ok("grüß"));
        let (h1, records) = h.alloc_tail_with::<Records>(9, |_| RecordsInit {}, |_, i| (i as u8, i as u32 * 1000));
        h1.roots().value.set(records.into());
        h.collect_minor();
        let records = h.roots().value.get().cast::<Records>().unwrap();
        assert!(
            records
                .tail()
                .iter()
                .enumerate()
                .all(|(i, r)| r.get() == (i as u8, i as u32 * 1000))
        );
        let (h1, blob) = h.alloc_tail_zeroed_with::<Blob>(13, |h| BlobInit {
            owner: Some(h.alloc(NodeInit { id: 6, next: None })),
        });
        blob.tail()[12].set(255);
        h1.roots().value.set(blob.into());
        promote(h);
        h.collect();
        let blob = h.roots().value.get().cast::<Blob>().unwrap();
        assert_eq!(blob.owner().map(|n| n.id()), Some(6));
        assert_eq!(blob.tail_to_vec(), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255]);
    });
}

#[test]
fn indices_beyond_a_tail_panic() {
    isolate().enter(|h| {
        let h = &*h;
        let array = h.alloc_tail_zeroed::<Array>(4, ArrayInit { id: 0 });
        panics(|| _ = array.tail_get(4));
        panics(|| array.tail_set(h, 4, Value::nil()));
        panics(|| array.tail_fill(h, 2..5, Value::nil()));
        panics(|| array.tail_copy_within(h, 0..3, 2));
        panics(|| array.tail_copy_from(h, 0, array, 3..5));
    });
}

#[test]
fn identity_hashes_survive_all_collections() {
    isolate().enter(|h| {
        h.roots()
            .value
            .set(h.alloc_tail_zeroed::<Array>(200, ArrayInit { id: 0 }).into());
        for i in 0..200 {
            let node = h.alloc::<Node>(NodeInit {
                id: i as u64,
                next: None,
            });
            h.roots()
                .value
                .get()
                .cast::<Array>()
                .unwrap()
                .tail_set(h, i, node.into());
        }
        let hashes = |h: &Heap<Lox>| -> Vec<u64> {
            let array = h.roots().value.get().cast::<Array>().unwrap();
            array
                .tail()
                .iter()
                .map(|slot| slot.get().cast::<Node>().unwrap().identity_hash(h))
                .collect()
        };
        let first = hashes(h);
        let mut distinct = first.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert!(distinct.len() > 190, "{} distinct hashes of 200", distinct.len());
        for _ in 0..3 {
            h.collect_minor();
            assert_eq!(hashes(h), first);
            h.collect();
            assert_eq!(hashes(h), first);
        }
        let array = h.roots().value.get().cast::<Array>().unwrap();
        assert!((0..200).all(|i| array.tail_get(i).cast::<Node>().is_some_and(|n| n.id() == i as u64)));
        // Hashed after promotion, too.
        let hash = array.identity_hash(h);
        h.collect();
        assert_eq!(h.roots().value.get().cast::<Array>().unwrap().identity_hash(h), hash);
    });
}

#[test]
fn pinned_objects_stay_and_keep_what_they_refer_to() {
    isolate().enter(|h| {
        let address = |code: Gc<'_, Code>| std::ptr::from_ref(code.get()).addr();
        let (h1, code) = h.alloc_with::<Code>(|h| CodeInit {
            entry: 0xfeed,
            constants: Some(h.alloc_tail::<Array>(3, ArrayInit { id: 1 }, |i| Value::int(i as i64))),
        });
        let place = address(code);
        h1.roots().value.set(code.into());
        let region_made = address(h1.alloc::<Code>(CodeInit {
            entry: 1,
            constants: None,
        }));
        assert_ne!(place, region_made);
        for round in 0..4 {
            h.collect_minor();
            let code = h.roots().value.get().cast::<Code>().unwrap();
            assert_eq!((address(code), code.entry()), (place, 0xfeed));
            assert_eq!(
                code.constants().map(|c| (c.len(), c.tail_get(2))),
                Some((3, Value::int(2 + round)))
            );
            code.constants().unwrap().tail_set(h, 2, Value::int(3 + round));
            h.collect();
        }
    });
}
