//! Sliding the old generation: what moves keeps its hash, its place in the remembered set and its contents; what is
//! pinned stays; and what only fits when holes are one piece fits.

use tenure::events::{Cause, Phase, RecordingListener};

use super::*;

/// Slides at each full collection, verifies after each, and overwrites what is dead.
fn sliding() -> HeapConfig {
    with(small(), "compact", "slide")
        .stress_compaction(true)
        .verify_heap(true)
        .poison(true)
}

fn address<T: Kind>(object: Gc<'_, T>) -> usize {
    std::ptr::from_ref(object.get()) as usize
}

/// Makes a long array of old nodes at register `to`, with ids from `first` on.
fn put_nodes(h: &mut Heap<Lab>, to: usize, first: u64, count: usize) {
    put_array(h, to, first, count);
    for i in 0..count {
        put_node(h, 250, first + i as u64, 251);
        array(h, to).tail_set(h, i, reg(h, 250));
    }
    clear(h, 250);
}

/// Drops all but every `kept`-th element.
fn thin(h: &Heap<Lab>, at: usize, kept: usize) {
    let array = array(h, at);
    for i in (0..array.len()).filter(|i| i % kept != 0) {
        array.tail_set(h, i, Value::nil());
    }
}

#[test]
fn hashes_survive_slides_and_are_appended_once() {
    isolate(sliding()).enter(|h| {
        put_nodes(h, 0, 0, 9000);
        h.collect();
        thin(h, 0, 3);
        let hash_all = |h: &Heap<Lab>, step: usize| -> Vec<(usize, u64)> {
            (0..9000)
                .step_by(step)
                .map(|i| (i, node(array(h, 0).tail_get(i)).identity_hash(h)))
                .collect()
        };
        // Taken in a block that is about to slide; taken of objects with and without one after that.
        let first = hash_all(h, 6);
        h.collect();
        check(h);
        let second = hash_all(h, 3);
        for round in 0..4 {
            if round == 2 {
                thin(h, 0, 9);
            }
            churn(h);
            h.compact();
            check(h);
            for (i, expected) in first.iter().chain(&second) {
                if round < 2 || i % 9 == 0 {
                    let at = node(array(h, 0).tail_get(*i));
                    assert_eq!(
                        (at.id(), at.identity_hash(h)),
                        (*i as u64, *expected),
                        "node {i}, round {round}"
                    );
                }
            }
        }
    });
}

#[test]
fn pinned_objects_stay_while_their_neighbors_slide() {
    isolate(sliding()).enter(|h| {
        let mut places = Vec::new();
        put_array(h, 1, 0, 12);
        for group in 0..12 {
            put_nodes(h, 0, group * 1000, 4000);
            h.collect_minor();
            let (region, pinned) = h.alloc_with::<Pinned>(|h| PinnedInit {
                id: group,
                any: array(h, 0).tail_get(3),
            });
            array(region, 1).tail_set(region, group as usize, pinned.to_value());
            places.push(address(pinned));
            clear(h, 0);
        }
        h.compact();
        h.compact();
        check(h);
        for (i, place) in places.iter().enumerate() {
            let pinned = array(h, 1).tail_get(i).cast::<Pinned>().expect("a pinned object");
            assert_eq!((address(pinned), pinned.id()), (*place, i as u64));
            assert_eq!(node(pinned.any()).id(), i as u64 * 1000 + 3);
        }
        // Their blocks do not slide, but they are swept.
        assert!(h.statistics().sizes.old_used_bytes < 12 << 10);
        for i in 0..12 {
            array(h, 1).tail_set(h, i, Value::nil());
        }
        h.compact();
        check(h);
        assert!(h.statistics().sizes.old_committed_bytes <= 512 << 10);
    });
}

#[test]
fn cards_of_arrays_move_with_them() {
    // The old generation is full when the slide comes, so that nodes stay young that old arrays refer to.
    let config = sliding().max_old_bytes(2 << 20);
    isolate(with(config, "promotion", "all")).enter(|h| {
        put_array(h, 0, 0, 400);
        for i in 0..400 {
            put_array(h, 5, i, 140 + i as usize % 50);
            array(h, 0).tail_set(h, i as usize, reg(h, 5));
        }
        clear(h, 5);
        h.collect();
        for i in (0..400).filter(|i| i % 3 == 1) {
            array(h, 0).tail_set(h, i, Value::nil());
        }
        fill_up(h, 1);
        let kept: Vec<usize> = (0..400).filter(|i| i % 3 != 1).collect();
        let element = |h: &Heap<Lab>, i: usize| array(h, 0).tail_get(i).cast::<Array>().expect("an array").len() - 1;
        for i in &kept {
            let inner = array(h, 0).tail_get(*i).cast::<Array>().expect("an array");
            // The first and the last slot, which share cards with neighbors, and one between.
            for slot in [0, i % 100, inner.len() - 1] {
                inner.tail_set(h, slot, reg(h, 2));
            }
        }
        let before: Vec<usize> = kept
            .iter()
            .map(|i| address(array(h, 0).tail_get(*i).cast::<Array>().expect("an array")))
            .collect();
        // What fills the heap dies, but for the young end of the list.
        clear(h, 1);
        for _ in 0..3 {
            h.compact();
            check(h);
            for i in &kept {
                let inner = array(h, 0).tail_get(*i).cast::<Array>().expect("an array");
                for slot in [0, i % 100, element(h, *i)] {
                    assert_eq!(node(inner.tail_get(slot)).id(), 500);
                    inner.tail_set(h, slot, reg(h, 2));
                }
            }
            churn(h);
        }
        let moved = kept
            .iter()
            .zip(before)
            .filter(|(i, before)| address(array(h, 0).tail_get(**i).cast::<Array>().expect("an array")) != *before)
            .count();
        assert!(moved > 200, "{moved} arrays moved");
    });
}

/// Fills most of the old generation, lets half of it die piece by piece, and asks for one large object.
fn fragmented_then_large(compaction: &str) -> bool {
    let config = with(HeapConfig::new(), "compact", compaction)
        .semi_space_bytes(64 << 10)
        .max_spill_bytes(0)
        .max_old_bytes(8 << 20);
    isolate(config).enter(|h| {
        put_nodes(h, 0, 0, 220_000);
        thin(h, 0, 2);
        h.collect();
        let made = h.try_alloc_tail_with::<Bytes, _, _>(2 << 20, |_| BytesInit { id: 9 }, |_, i| i as u8);
        let fits = made.is_ok();
        if let Ok((h, bytes)) = made {
            h.regs()[1].set(bytes.to_value());
        }
        h.collect();
        check(h);
        if fits {
            check_bytes(reg(h, 1), 9, 2 << 20);
        }
        for i in (0..220_000).step_by(2) {
            assert_eq!(node(array(h, 0).tail_get(i)).id(), i as u64);
        }
        fits
    })
}

#[test]
fn a_large_object_fits_when_holes_become_one_piece() {
    assert!(!fragmented_then_large("never"), "there is room without a slide");
    assert!(fragmented_then_large("auto"));
    assert!(fragmented_then_large("slide"));
}

#[test]
fn survivors_are_promoted_into_what_a_slide_freed() {
    // Holes of one dead node each; arrays that are all larger.
    let fill = |compaction: &str| {
        let listener = RecordingListener::new();
        let config = with(HeapConfig::new(), "compact", compaction)
            .semi_space_bytes(64 << 10)
            .max_spill_bytes(0)
            .max_old_bytes(4 << 20)
            .listener(listener.clone());
        let made = isolate(config).enter(|h| {
            put_nodes(h, 0, 0, 110_000);
            thin(h, 0, 2);
            h.collect();
            put_array(h, 1, 0, 4000);
            let mut made = 0;
            while made < 4000 {
                let Ok((h, array)) = h.try_alloc_tail_zeroed_with::<Array, _>(30, |_| ArrayInit { id: made as u64 })
                else {
                    break;
                };
                h.regs()[2].set(array.to_value());
                let list = reg(h, 1).cast::<Array>().expect("an array");
                list.tail_set(h, made, reg(h, 2));
                made += 1;
            }
            check(h);
            for i in 0..made {
                assert_eq!(
                    array(h, 1).tail_get(i).cast::<Array>().expect("an array").id(),
                    i as u64
                );
            }
            made
        });
        let desperate = listener
            .records()
            .iter()
            .filter(|r| r.cause == Cause::LastResort)
            .count();
        (made, desperate)
    };
    let ((without, _), (with_slides, desperate)) = (fill("never"), fill("auto"));
    assert_eq!(desperate, 0, "the slide made room, and it was not used");
    assert!(
        with_slides == 4000 && without < 3000,
        "{without} arrays without slides, {with_slides} with them"
    );
}

#[test]
fn a_slide_is_in_the_record_with_its_reason() {
    for (compaction, slides) in [("never", false), ("slide", true), ("evacuate", true), ("auto", true)] {
        let listener = RecordingListener::new();
        let config = with(small(), "compact", compaction).listener(listener.clone());
        isolate(config).enter(|h| {
            put_nodes(h, 0, 0, 30_000);
            h.collect();
            thin(h, 0, 2);
            h.compact();
            let record = listener.last().expect("a collection");
            assert_eq!(record.moved_objects > 10_000, slides, "{compaction}: {record:?}");
            assert_eq!(record.moved_bytes, record.moved_objects * 24);
            assert_eq!(record.phases.get(Phase::Compact) > 0, slides);
            assert_eq!(record.phases.get(Phase::Update) > 0, slides);
            let decision = record.decisions.iter().find(|d| d.subject == "compaction");
            assert_eq!(decision.is_some(), slides);
            if let Some(decision) = decision {
                assert_eq!(decision.value, record.moved_bytes);
                assert_eq!(decision.reason, "the embedder asked for it");
                assert!(h.statistics().fragmented_bytes <= 512 << 10, "{compaction}");
            }
            h.collect();
            let record = listener.last().expect("a collection");
            assert_eq!(record.moved_objects, 0, "nothing is left to be moved");
        });
    }
}

#[test]
fn holes_that_nothing_fits_make_the_next_collection_slide() {
    let listener = RecordingListener::new();
    let config = with(small(), "compact", "slide").listener(listener.clone());
    isolate(config).enter(|h| {
        put_nodes(h, 0, 0, 200_000);
        h.collect();
        thin(h, 0, 2);
        // The first collection makes the holes, the second finds them unused.
        for slides in [false, true, false] {
            h.collect();
            check(h);
            let record = listener.last().expect("a collection");
            assert_eq!(record.moved_objects > 0, slides);
        }
    });
}
