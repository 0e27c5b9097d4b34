//! What happens when memory, registers, operands or handles run out.

use std::cell::Cell;
use std::rc::Rc;

use tenure::AllocErrorKind;
use tenure::prelude::*;

use super::*;

#[test]
fn registers_that_were_popped_are_not_seen_after_a_collection() {
    for gap in [0, 1, 255, 1_000, 1_500, 5_000, 100_000] {
        isolate().enter(|h| {
            h.regs()[0].set(Value::int(1));
            h.push_frame(gap).unwrap();
            h.regs()[0].set(pair(h).into());
            h.regs()[255].set(pair(h).into());
            h.pop_frame(gap);
            // The words above the window are not scanned: this makes them stale, if they are left alone.
            h.collect_minor();
            h.push_frame(gap).unwrap();
            for (i, register) in h.regs().iter().enumerate() {
                let value = register.get();
                // What is within the window below is a root and stays.
                let scanned = gap + i < 256;
                assert!(value.is_nil() || scanned, "gap {gap}, register {i}: {value:?}");
                assert!(!value.is_object() || value.is::<Pair>());
            }
            h.collect();
            h.pop_frame(gap);
            assert_eq!(h.frame_depth(), 0);
        });
    }
}

#[test]
fn registers_and_operands_are_roots() {
    isolate().enter(|h| {
        for depth in 0..100 {
            let (h, node) = h.alloc_with::<Node>(|_| NodeInit { id: depth, next: None });
            h.regs()[9].set(node.into());
            h.push(node.into()).unwrap();
            h.push_frame(10).unwrap();
        }
        promote(h);
        h.collect();
        for depth in (0..100).rev() {
            h.pop_frame(10);
            let (register, operand) = (h.regs()[9].get(), h.pop());
            assert_eq!(register, operand);
            assert_eq!(operand.cast::<Node>().map(|n| n.id()), Some(depth));
        }
        assert_eq!((h.stack_len(), h.frame_depth()), (0, 0));
    });
}

#[test]
fn areas_report_overflow_and_underflow() {
    isolate_with(config().register_words(1_000).operand_words(3)).enter(|h| {
        assert!(h.push_frame(1_000).is_ok());
        assert_eq!(
            h.push_frame(1).unwrap_err().to_string().split(':').next(),
            Some("register window overflow")
        );
        h.regs()[255].set(Value::int(1));
        assert!(h.push_frame(usize::MAX).is_err());
        h.collect();
        assert_eq!(h.regs()[255].get(), Value::int(1));
        let text = panics(|| h.pop_frame(1_001));
        assert!(text.contains("only 1000"), "{text}");
        h.pop_frame(1_000);
        for i in 0..3 {
            h.push(Value::int(i)).unwrap();
        }
        let error = h.push(Value::nil()).unwrap_err();
        assert_eq!(error.capacity_words(), 3);
        assert_eq!((h.peek(0), h.peek(2)), (Value::int(2), Value::int(0)));
        let text = panics(|| _ = h.peek(3));
        assert!(text.contains("holds 3"), "{text}");
        h.poke(1, Value::int(9));
        h.truncate(2);
        h.truncate(5);
        assert_eq!((h.pop(), h.pop(), h.try_pop()), (Value::int(9), Value::int(0), None));
        panics(|| _ = h.pop());
    });
}

fn small() -> HeapConfig {
    HeapConfig::new()
        .semi_space_bytes(64 << 10)
        .max_spill_bytes(64 << 10)
        .max_old_bytes(1 << 20)
}

#[test]
fn region_allocation_gives_the_value_back_and_the_heap_stays_usable() {
    isolate_with(small()).enter(|h| {
        for round in 0..3 {
            let h1 = &*h;
            let (mut list, mut count) = (None, 0);
            let error = loop {
                match h1.try_alloc::<Node>(NodeInit { id: count, next: list }) {
                    Ok(node) => list = Some(node),
                    Err(error) => break error,
                }
                count += 1;
            };
            assert!(count > 1_000, "round {round}: only {count} nodes");
            assert!(error.to_string().contains("Node"), "{error}");
            assert!(
                matches!(error.cause().kind(), AllocErrorKind::HeapLimit { .. }),
                "{error}"
            );
            let value = error.into_value();
            assert_eq!((value.id, value.next), (count, list));
            // Everything is still there, and everything is garbage afterwards.
            let (mut next, mut seen) = (list, 0);
            while let Some(node) = next {
                seen += 1;
                next = node.next();
            }
            assert_eq!(seen, count);
            h.collect();
            h.verify().unwrap();
        }
    });
}

#[test]
fn collecting_allocation_gives_the_initializer_back() {
    isolate_with(small()).enter(|h| {
        let mut count = 0;
        let init = loop {
            let id = count;
            match h.try_alloc_with::<Node, _>(move |h| NodeInit {
                id,
                next: h.roots().node.get(),
            }) {
                Ok((h, node)) => h.roots().node.set(Some(node)),
                Err(error) => break error.into_value(),
            }
            count += 1;
        };
        assert!(count > 10_000, "{count} nodes");
        h.roots().node.set(None);
        let (_, node) = h.try_alloc_with::<Node, _>(init).expect("everything was released");
        assert_eq!((node.id(), node.next()), (count, None));
        h.verify().unwrap();
    });
}

#[test]
fn large_and_impossible_objects_are_refused_and_given_back() {
    isolate_with(small()).enter(|h| {
        let error = h
            .try_alloc_tail_zeroed_with::<Array, _>(1 << 20, |_| ArrayInit { id: 3 })
            .expect_err("too large");
        let init = error.into_value();
        assert_eq!(
            h.try_alloc_tail_zeroed_with::<Array, _>(100, init)
                .map(|(_, a)| a.id())
                .ok(),
            Some(3)
        );
        for length in [1 << 33, usize::MAX / 8, usize::MAX] {
            let error = h
                .try_alloc_tail_zeroed::<Array>(length, ArrayInit { id: 4 })
                .expect_err("impossible");
            assert_eq!(error.into_value().id, 4);
            let error = h.try_alloc_tail_with::<Array, _, _>(length, |_| ArrayInit { id: 5 }, |_, _| Value::nil());
            let error = error.expect_err("impossible");
            assert!(
                matches!(error.cause().kind(), AllocErrorKind::TooLarge { .. }),
                "{error}"
            );
        }
        let text = panics(|| _ = h.alloc_tail_zeroed::<Array>(usize::MAX, ArrayInit { id: 4 }));
        assert!(text.contains("Array") && text.contains("try_"), "{text}");
        let calls = Rc::new(Cell::new(0));
        let counted = Rc::clone(&calls);
        h.set_near_limit_callback(move |near| {
            counted.set(counted.get() + 1);
            near.limit_bytes.max(16 << 20)
        });
        let (h, array) = h.alloc_tail_zeroed_with::<Array>(1 << 20, |_| ArrayInit { id: 6 });
        assert_eq!((array.len(), array.id()), (1 << 20, 6));
        assert_eq!(calls.get(), 1);
        assert!(h.statistics().max_old_bytes >= 16 << 20);
    });
}
