//! Limits, and systems without pages.

use std::cell::Cell;
use std::rc::Rc;

use super::*;

/// Garbage of every sort, and a list that lives.
fn busy(h: &mut Heap<Lab>, rounds: u64) -> Result<u64, u64> {
    let mut made = 0;
    let mut refused = 0;
    for round in 0..rounds {
        // Each refusal costs several collections.
        if refused > 20 {
            break;
        }
        let result = h.try_alloc_with::<Node, _>(|h| NodeInit {
            id: made,
            any: reg(h, 0),
        });
        match result {
            Ok((h, new)) => {
                h.regs()[0].set(new.to_value());
                made += 1;
            }
            Err(e) => {
                let init = e.into_value();
                let given_back = init(h);
                assert_eq!((given_back.id, given_back.any), (made, reg(h, 0)));
                refused += 1;
            }
        }
        let length = if round % 50 == 0 { 150_000 } else { 300 };
        if let Ok((h, bytes)) = h.try_alloc_tail_with::<Bytes, _, _>(length, |_| BytesInit { id: 1 }, |_, i| i as u8) {
            h.regs()[1].set(bytes.to_value());
            check_bytes(reg(h, 1), 1, length);
        } else {
            refused += 1;
        }
        if round % 40 == 0 {
            let pinned = h.try_alloc_with::<Pinned, _>(|h| PinnedInit { id: 3, any: reg(h, 0) });
            match pinned {
                Ok((h, pinned)) => h.regs()[2].set(pinned.to_value()),
                Err(_) => refused += 1,
            }
        }
        if round % 30 == 0 {
            let region = &*h;
            for _ in 0..100 {
                let list = reg(region, 0);
                match region.try_alloc::<Node>(NodeInit { id: made, any: list }) {
                    Ok(new) => {
                        region.regs()[0].set(new.to_value());
                        made += 1;
                    }
                    Err(e) => {
                        let given_back = e.into_value();
                        assert_eq!((given_back.id, given_back.any), (made, list));
                        refused += 1;
                    }
                }
            }
        }
    }
    let mut at = reg(h, 0);
    for id in (0..made).rev() {
        assert_eq!(node(at).id(), id);
        at = node(at).any();
    }
    check(h);
    if refused == 0 { Ok(made) } else { Err(refused) }
}

#[test]
fn pages_that_fail_at_any_request_end_in_an_error_and_no_worse() {
    let mut heaps = 0;
    let mut unharmed = 0;
    for policy in ["v8", "all", "never"] {
        for persistent in [true, false] {
            for k in 1..80 {
                let config = with(HeapConfig::new(), "promotion", policy)
                    .semi_space_bytes(4096)
                    .max_semi_space_bytes(64 << 10)
                    .max_spill_bytes(64 << 10)
                    .max_old_bytes(8 << 20)
                    .page_source(tenure::FailingPages::new(k, persistent));
                let Ok(mut isolate) = Isolate::<Lab>::new(config, NoRootsInit {}) else {
                    continue;
                };
                heaps += 1;
                isolate.enter(|h| {
                    unharmed += u64::from(busy(h, 400).is_ok());
                    h.collect_minor();
                    check(h);
                    h.collect();
                    check(h);
                    // Everything dies: the next program finds the pages that there are.
                    for i in 0..3 {
                        clear(h, i);
                    }
                    h.collect();
                    check(h);
                    let again = h.try_alloc_with::<Node, _>(|_| NodeInit {
                        id: 1,
                        any: Value::nil(),
                    });
                    assert!(
                        again.is_ok(),
                        "{policy}: request {k} failed, and an empty heap has no room: {again:?}"
                    );
                });
            }
        }
    }
    assert!(
        heaps > 300 && unharmed > 50 && unharmed < heaps,
        "{unharmed} of {heaps} heaps came through unharmed"
    );
}

#[test]
fn a_raised_limit_is_used_and_asked_for_once() {
    let calls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&calls);
    isolate(small().max_old_bytes(1 << 20)).enter(|h| {
        h.set_near_limit_callback(move |near| {
            counted.set(counted.get() + 1);
            assert_eq!(near.initial_limit_bytes, 1 << 20);
            if counted.get() < 5 {
                near.limit_bytes + (1 << 20)
            } else {
                near.limit_bytes
            }
        });
        let mut made = 0;
        loop {
            match h.try_alloc_with::<Node, _>(|h| NodeInit {
                id: made,
                any: reg(h, 0),
            }) {
                Ok((h, new)) => h.regs()[0].set(new.to_value()),
                Err(e) => {
                    assert!(e.to_string().contains("limit"), "{e}");
                    break;
                }
            }
            made += 1;
        }
        check(h);
        assert_eq!(h.statistics().max_old_bytes, 5 << 20);
        assert!(made * 24 > 4 << 20, "{made} nodes in 5 MiB");
        let mut at = reg(h, 0);
        for id in (0..made).rev() {
            assert_eq!(node(at).id(), id);
            at = node(at).any();
        }
        clear(h, 0);
        put_node(h, 0, 1, 9);
        h.collect();
        check(h);
    });
    assert!(calls.get() >= 5, "{} calls", calls.get());
}

#[test]
fn pinned_objects_find_room_when_everything_else_is_garbage() {
    // Live large objects leave less than a block of the limit; the blocks are full of garbage.
    for live_bytes in [1, 60_000, 140_000, 200_000, 250_000] {
        isolate(small().max_old_bytes(1 << 20).max_spill_bytes(0)).enter(|h| {
            put_bytes(h, 0, 1, 131_072 + live_bytes);
            let region = &*h;
            let mut garbage = 0;
            while region
                .try_alloc::<Pinned>(PinnedInit {
                    id: garbage,
                    any: Value::nil(),
                })
                .is_ok()
            {
                garbage += 1;
            }
            assert!(garbage > 1000);
            let made = h.try_alloc_with::<Pinned, _>(|_| PinnedInit {
                id: 7,
                any: Value::nil(),
            });
            assert_eq!(
                made.map(|(_, p)| p.id()).ok(),
                Some(7),
                "{live_bytes} bytes live, {garbage} objects dead"
            );
            check(h);
        });
    }
}

#[test]
fn large_objects_find_room_when_blocks_are_garbage() {
    isolate(small().max_old_bytes(1 << 20).max_spill_bytes(0)).enter(|h| {
        for round in 0..20 {
            let region = &*h;
            let mut garbage = 0;
            while region
                .try_alloc::<Node>(NodeInit {
                    id: garbage,
                    any: Value::nil(),
                })
                .is_ok()
            {
                garbage += 1;
            }
            for i in 0..3 {
                put_bytes(h, i, round, 250_000);
            }
            check(h);
            for i in 0..3 {
                check_bytes(reg(h, i), round, 250_000);
                clear(h, i);
            }
        }
    });
}

#[test]
fn a_full_heap_refuses_collects_and_goes_on() {
    for policy in ["v8", "all", "never", "adaptive"] {
        for traversal in ["depth-first", "prefetch"] {
            let config = with(with(small(), "promotion", policy), "traversal", traversal);
            isolate(config.max_old_bytes(1 << 20).mark_stack_entries(3)).enter(|h| {
                for _ in 0..3 {
                    assert!(busy(h, 12_000).is_err(), "{policy}");
                    for _ in 0..3 {
                        h.collect();
                        check(h);
                        h.collect_minor();
                        check(h);
                    }
                    for i in 0..3 {
                        clear(h, i);
                    }
                    h.collect();
                    check(h);
                    assert!(h.statistics().sizes.old_used_bytes < 100_000, "{policy}");
                    assert!(busy(h, 500).is_ok(), "{policy}");
                    for i in 0..3 {
                        clear(h, i);
                    }
                }
            });
        }
    }
}
