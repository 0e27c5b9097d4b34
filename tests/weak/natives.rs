//! Native resources: each is dropped once, after its object has died, wherever that was.

use super::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

fn counter() -> Rc<Cell<u32>> {
    Rc::default()
}

#[test]
fn resources_of_young_old_and_retained_objects_are_dropped_once() {
    for policy in ["v8", "all", "never"] {
        for compact in ["never", "slide", "evacuate"] {
            let dropped = counter();
            let config = with(with(small(), "promotion", policy), "compact", compact).stress_compaction(true);
            let mut isolate = isolate(config);
            isolate.enter(|h| {
                put_array(h, 0, 30);
                for i in 0..30 {
                    put_file(h, 1, i as u64, &dropped, 100);
                    array(h, 0).tail_set(h, i, reg(h, 1));
                }
                clear(h, 1);
                for i in 0..10 {
                    array(h, 0).tail_set(h, i, Value::nil());
                }
                h.collect_minor();
                assert_eq!(dropped.get(), 10, "young");
                h.collect();
                for i in 10..20 {
                    array(h, 0).tail_set(h, i, Value::nil());
                }
                h.collect_minor();
                h.collect();
                check(h);
                assert_eq!(dropped.get(), 20, "old");
                assert_eq!(h.statistics().sizes.external_bytes, 1000);
                for i in 20..30 {
                    let file = array(h, 0).tail_get(i).cast::<File>().expect("a file");
                    assert_eq!((file.id(), file.ticket().get(h).0.get()), (i as u64, 20));
                }
            });
            drop(isolate);
            assert_eq!(dropped.get(), 30, "the rest goes with the isolate: {policy}, {compact}");
        }
    }
}

#[test]
fn resources_of_young_objects_are_dropped_where_weak_words_are_strong() {
    let dropped = counter();
    isolate(small().minor_weak_strong(true)).enter(|h| {
        put_file(h, 0, 1, &dropped, 0);
        clear(h, 0);
        h.collect_minor();
        assert_eq!(dropped.get(), 1, "it has no weak words");
    });
}

#[test]
fn a_full_old_generation_keeps_no_resource_of_a_dead_object() {
    // Nothing can be promoted: what survives is retained.
    let dropped = counter();
    isolate(with(small(), "promotion", "never").max_old_bytes(1 << 20)).enter(|h| {
        let region = &*h;
        let mut full = 0;
        while let Ok(array) = region.try_alloc_tail_zeroed::<Array>(20_000, ArrayInit { id: 0 }) {
            region.push(array.to_value()).expect("room");
            full += 1;
        }
        assert!(full > 2);
        // A young file that only a dead old array refers to.
        put_file(h, 1, 1, &dropped, 0);
        put_watcher(h, 2, 2, 1);
        h.collect();
        let old = h.peek(0).cast::<Array>().expect("an array");
        old.tail_set(h, 5, reg(h, 1));
        let old = h.peek(1).cast::<Array>().expect("an array");
        old.tail_set(h, 5, reg(h, 2));
        clear(h, 1);
        h.collect();
        assert_eq!(dropped.get(), 0);
        assert_eq!(id_of(watcher(h, 2).weak().get(h)), Some(1));
        h.truncate(1);
        h.collect();
        check(h);
        assert_eq!(dropped.get(), u32::from(full > 1));
        assert!(watcher(h, 2).weak().is_cleared());
        h.collect_minor();
        h.collect();
        assert_eq!(dropped.get(), 1);
    });
}

#[test]
fn a_resource_that_no_object_took_is_dropped() {
    let dropped = counter();
    isolate(small()).enter(|h| {
        drop(h.adopt(Ticket(Rc::clone(&dropped)), 1 << 20));
        h.collect_minor();
        assert_eq!(dropped.get(), 1);
        assert_eq!(h.statistics().sizes.external_bytes, 0);
        let refused = catch_unwind(AssertUnwindSafe(|| {
            h.alloc_with::<File>(|h| {
                let _ticket = h.adopt(Ticket(Rc::clone(&dropped)), 0);
                panic!("the initializer")
            });
        }));
        assert!(refused.is_err());
        h.collect();
        assert_eq!(dropped.get(), 2);
        check(h);
    });
}

/// Panics when it is dropped, or when it is to give back a piece.
struct Bomb {
    in_piece: bool,
    dropped: Rc<Cell<u32>>,
}
impl NativeResource for Bomb {
    fn release_some(&mut self, _: usize) -> bool {
        assert!(!self.in_piece, "the piece");
        true
    }
}
impl Drop for Bomb {
    fn drop(&mut self) {
        self.dropped.set(self.dropped.get() + 1);
        assert!(self.in_piece, "the drop");
    }
}

#[derive(Kind)]
struct Armed {
    id: u64,
    bomb: Native<Mines, Bomb>,
}
#[derive(Kind)]
struct Buffer {
    pages: Native<Mines, Pages>,
}
#[derive(Kind)]
struct Garbage {
    words: [u64; 8],
}
object_model! { model Mines { kinds: [Armed, Buffer, Garbage] } }

#[test]
fn a_panic_of_a_resource_leaves_the_heap_whole_and_the_others_waiting() {
    for in_piece in [false, true] {
        let dropped = counter();
        let config = small().verify_heap(false);
        let mut isolate = Isolate::<Mines>::new(config, NoRootsInit {}).expect("a heap");
        isolate.enter(|h| {
            for id in 0..5 {
                h.alloc_with::<Armed>(|h| ArmedInit {
                    id,
                    bomb: h.adopt(
                        Bomb {
                            in_piece,
                            dropped: Rc::clone(&dropped),
                        },
                        10 << 20,
                    ),
                });
            }
            let mut panics = 0;
            for _ in 0..20 {
                let release = |h: &mut Heap<Mines>| {
                    if !in_piece {
                        return h.collect();
                    }
                    // Pieces are asked for at safepoints only.
                    for _ in 0..10_000 {
                        h.alloc_with::<Garbage>(|_| GarbageInit { words: [0; 8] });
                    }
                };
                panics += u32::from(catch_unwind(AssertUnwindSafe(|| release(h))).is_err());
                assert_eq!(dropped.get(), panics);
            }
            assert_eq!((panics, dropped.get()), (5, 5), "each once");
            assert_eq!(h.statistics().sizes.external_bytes, 0, "in a piece: {in_piece}");
            h.collect();
            h.verify().expect("a whole heap");
        });
    }
}

/// Holds pages that are given back one by one.
struct Pages {
    left: Rc<Cell<usize>>,
    asked: Rc<Cell<u32>>,
}
impl NativeResource for Pages {
    fn release_some(&mut self, bytes: usize) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.left.set(self.left.get().saturating_sub(bytes));
        self.left.get() == 0
    }
}
impl Drop for Pages {
    fn drop(&mut self) {
        self.left.set(0);
    }
}

#[test]
fn a_large_resource_is_given_back_in_pieces_between_which_the_program_runs() {
    let (left, asked) = (Rc::new(Cell::new(100 << 20)), counter());
    let config = small().verify_heap(false).incremental_marking(true);
    let mut isolate = Isolate::<Mines>::new(config, NoRootsInit {}).expect("a heap");
    isolate.enter(|h| {
        h.alloc_with::<Buffer>(|h| BufferInit {
            pages: h.adopt(
                Pages {
                    left: Rc::clone(&left),
                    asked: Rc::clone(&asked),
                },
                100 << 20,
            ),
        });
        assert_eq!(h.statistics().sizes.external_bytes, 100 << 20);
        let mut steps = Vec::new();
        for _ in 0..20_000 {
            h.alloc_with::<Garbage>(|_| GarbageInit { words: [0; 8] });
            if steps.last() != Some(&left.get()) {
                steps.push(left.get());
                assert_eq!(
                    h.statistics().sizes.external_bytes,
                    left.get(),
                    "what is given back counts no more"
                );
            }
        }
        assert_eq!(left.get(), 0);
        assert!(steps.len() > 50, "{} pieces", steps.len());
        assert!(asked.get() > 50, "{} pieces", asked.get());
    });
}

#[test]
fn external_memory_of_resources_starts_collections_that_release_it() {
    for incremental in [false, true] {
        let dropped = counter();
        let config = with(small(), "promotion", "all")
            .verify_heap(false)
            .incremental_marking(incremental);
        isolate(config).enter(|h| {
            let majors = h.statistics().major_collections;
            for i in 0..200 {
                // Old before it dies: only a full collection finds it dead.
                put_file(h, 0, i, &dropped, 8 << 20);
                for _ in 0..10_000 {
                    put_node(h, 1, 0, 201);
                }
            }
            assert!(
                h.statistics().major_collections > majors + 3,
                "incremental: {incremental}"
            );
            let held = h.statistics().sizes.external_bytes;
            assert!(held < 600 << 20, "{held} bytes, incremental: {incremental}");
            assert_eq!(held, (200 - dropped.get() as usize) * (8 << 20));
        });
    }
}

#[test]
fn resources_may_be_changed_and_say_that_they_have_grown() {
    let dropped = counter();
    isolate(small()).enter(|h| {
        put_file(h, 0, 1, &dropped, 10);
        let other = counter();
        h.with_native_mut(
            |h| reg(h, 0).cast::<File>().expect("a file").ticket(),
            |ticket: &mut Ticket| ticket.0 = Rc::clone(&other),
        );
        let file = reg(h, 0).cast::<File>().expect("a file");
        file.ticket().set_bytes(h, 1 << 20);
        assert_eq!(h.statistics().sizes.external_bytes, 1 << 20);
        file.ticket().set_bytes(h, 5);
        assert_eq!(h.statistics().sizes.external_bytes, 5);
        // More than there can be.
        file.ticket().set_bytes(h, usize::MAX);
        file.ticket().set_bytes(h, 7);
        assert_eq!(h.statistics().sizes.external_bytes, 7);
        clear(h, 0);
        h.collect();
        assert_eq!((dropped.get(), other.get()), (0, 1));
        assert_eq!(h.statistics().sizes.external_bytes, 0);
        drop(h.adopt(Ticket(dropped.clone()), usize::MAX));
        h.collect();
        assert_eq!(h.statistics().sizes.external_bytes, 0);
    });
}

#[test]
fn a_resource_lives_as_long_as_its_object_can_come_back() {
    let dropped = counter();
    isolate(small()).enter(|h| {
        put_file(h, 0, 1, &dropped, 0);
        register(h, 0, 0);
        for round in 0..4 {
            clear(h, 0);
            if round == 0 {
                h.collect_minor();
            } else {
                h.collect();
            }
            let file = h
                .next_finalizable()
                .and_then(|value| value.cast::<File>())
                .expect("due");
            assert_eq!(file.ticket().get(h).0.get(), 0);
            set_reg(h, 0, file.to_value());
            register(h, 0, 0);
        }
        h.unregister_finalizer(reg(h, 0).cast::<File>().expect("a file"));
        clear(h, 0);
        h.collect();
        assert_eq!(dropped.get(), 1);
    });
}

#[test]
fn places_of_resources_are_used_again() {
    let dropped = counter();
    isolate(small().verify_heap(false)).enter(|h| {
        put_file(h, 0, 0, &dropped, 0);
        h.collect();
        let bytes = h.statistics().list_bytes;
        for i in 0..20_000 {
            put_file(h, 1, i, &dropped, 1);
            if i % 1000 == 0 {
                h.collect_minor();
                let first = reg(h, 0).cast::<File>().expect("the first");
                assert_eq!(first.ticket().get(h).0.get(), dropped.get());
            }
        }
        clear(h, 1);
        h.collect();
        assert_eq!(dropped.get(), 20_000);
        let grown = h.statistics().list_bytes.saturating_sub(bytes);
        assert!(grown < 300_000, "{grown} bytes");
    });
}
