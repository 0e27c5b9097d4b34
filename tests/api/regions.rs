//! What an interpreter needs whose loop runs in one region: all frames at once, frames put into objects, strings made of
//! pieces, and how it learns that it must leave the region.

use tenure::prelude::*;

use super::*;

fn pair_of(h: &Heap<Lox>, number: i64) -> Gc<'_, Pair> {
    h.alloc::<Pair>(PairInit {
        car: Value::int(number),
        cdr: Value::nil(),
    })
}

#[test]
fn all_frames_are_in_view_and_survive_below_the_end_of_the_window() {
    isolate().enter(|h| {
        h.push_frame(500).unwrap();
        let all = h.register_area();
        assert_eq!(all.len(), 756);
        for (i, register) in all.iter().enumerate() {
            register.set(pair_of(h, i as i64).into());
        }
        // A frame that was popped stays in view until the next collection.
        h.pop_frame(400);
        assert_eq!(h.register_area().len(), 756);
        assert!(all[700].get() == h.register_area()[700].get());
        h.collect_minor();
        h.collect();
        let all = h.register_area();
        assert_eq!(all.len(), 356);
        for (i, register) in all.iter().enumerate() {
            let pair = register.get().cast::<Pair>().expect("a pair");
            assert_eq!(pair.car().as_int(), Some(i as i64));
        }
        // What comes into view again is nil, not what stood there before it was cleared.
        h.push_frame(400).unwrap();
        let all = h.register_area();
        assert_eq!(all.len(), 756);
        assert!(all[356..].iter().all(|register| register.get().is_nil()));
    });
}

#[test]
fn frames_are_put_into_objects_old_and_young_and_taken_out_again() {
    isolate().enter(|h| {
        for old in [false, true] {
            let (region, saved) = h.alloc_tail_zeroed_with::<Array>(40, |_| ArrayInit { id: 0 });
            region.regs()[255].set(saved.into());
            if old {
                h.collect();
                h.collect();
            }
            let region = &*h;
            let registers = &region.register_area()[..30];
            for (i, register) in registers.iter().enumerate() {
                register.set(pair_of(region, i as i64).into());
            }
            let saved = region.regs()[255].get().cast::<Array>().expect("the array");
            saved.tail_copy_from_registers(region, 5, registers);
            for register in registers {
                register.set(Value::nil());
            }
            h.collect_minor();
            h.verify().unwrap();
            let saved = h.regs()[255].get().cast::<Array>().expect("the array");
            saved.tail_copy_to_registers(5, &h.register_area()[100..130]);
            for (i, register) in h.register_area()[100..130].iter().enumerate() {
                let pair = register.get().cast::<Pair>().expect("a pair");
                assert_eq!(pair.car().as_int(), Some(i as i64));
            }
            assert!(saved.tail_get(4).is_nil() && saved.tail_get(35).is_nil());
        }
        let (region, saved) = h.alloc_tail_zeroed_with::<Array>(4, |_| ArrayInit { id: 0 });
        let text = panics(|| saved.tail_copy_from_registers(region, 1, &region.regs()[..4]));
        assert!(text.contains("range"), "{text}");
        let text = panics(|| saved.tail_copy_to_registers(1, &region.regs()[..4]));
        assert!(text.contains("range"), "{text}");
    });
}

#[test]
fn strings_are_made_of_pieces() {
    isolate().enter(|h| {
        let h = &*h;
        let none = h.try_alloc_pieces::<Text>(TextInit { hash: 1 }, &[]).unwrap();
        assert!(none.is_empty() && none.hash() == 1);
        let half = h
            .try_alloc_pieces::<Text>(TextInit { hash: 2 }, &[b"", b"ab", b"", b"c"])
            .unwrap();
        let whole = h
            .try_alloc_pieces::<Text>(TextInit { hash: 3 }, &[half.tail(), half.tail()])
            .unwrap();
        assert_eq!(whole.tail(), b"abcabc");
        let long = vec![b'x'; 200_000];
        let long = h
            .try_alloc_pieces::<Text>(TextInit { hash: 4 }, &[&long, whole.tail()])
            .unwrap();
        assert_eq!((long.len(), &long.tail()[199_999..]), (200_006, &b"xabcabc"[..]));
        let too_long = vec![long.tail(); 30_000];
        let error = h.try_alloc_pieces::<Text>(TextInit { hash: 5 }, &too_long).unwrap_err();
        assert_eq!(error.into_value().hash, 5);
    });
}

#[test]
fn a_region_learns_that_a_safepoint_is_due_and_a_reservation_makes_room() {
    isolate().enter(|h| {
        h.collect();
        assert!(!h.safepoint_due());
        let mut pairs = 0;
        while !h.safepoint_due() {
            let _ = pair_of(h, pairs);
            pairs += 1;
        }
        assert!(pairs > 1000);
        h.safepoint();
        assert!(!h.safepoint_due());
    });
    let config = config().max_old_bytes(4 << 20).max_spill_bytes(0);
    isolate_with(config).enter(|h| {
        // Garbage that only a collection gives back.
        let long = vec![b'x'; 1 << 20];
        let mut made = 0;
        while h.try_alloc_slice::<Text>(TextInit { hash: 0 }, &long).is_ok() {
            made += 1;
            assert!(made < 100);
        }
        h.try_reserve((1 << 20) + 64).unwrap();
        h.try_alloc_slice::<Text>(TextInit { hash: 0 }, &long)
            .expect("there is room now");
        let error = h.try_reserve(5 << 20).unwrap_err();
        assert!(error.to_string().contains("limit"), "{error}");
        h.try_reserve(16).unwrap();
    });
}
