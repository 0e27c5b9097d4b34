//! The write barrier: one store into one of 1024 objects, which all lie in the first-level cache or near it.
//!
//! Beside it stands a store of a number into the same objects, which has no barrier: the difference is the barrier's
//! price. `old_unlogged` is the slow path, which an object takes once between two collections. The collections
//! themselves, which later go through what the barrier has remembered, are not in these times.

use criterion::Criterion;
use std::time::{Duration, Instant};
use tenure::prelude::*;

const OBJECTS: usize = 1024;

/// Slots of an array that is remembered by cards.
const ARRAY_SLOTS: usize = 1 << 16;

#[derive(Kind)]
struct Node {
    count: Cell<u64>,
    next: Slot<Opt<Node>>,
}

#[derive(Kind)]
#[tail(Slot<Opt<Node>>)]
struct Array {}

#[derive(Roots)]
struct Roots {
    old: Root<Opt<Array>>,
    long: Root<Opt<Array>>,
}

object_model! { model Graph { roots: Roots, kinds: [Node, Array] } }

/// An isolate with 1024 old nodes and a long old array.
fn isolate() -> Isolate<Graph> {
    let roots = RootsInit { old: None, long: None };
    let mut isolate = Isolate::<Graph>::new(HeapConfig::new(), roots).expect("a heap of the default size");
    isolate.enter(|h| {
        let (region, old) = h.alloc_tail_with::<Array>(
            OBJECTS,
            |_| ArrayInit {},
            |h, _| Some(h.alloc::<Node>(NodeInit { count: 0, next: None })),
        );
        region.roots().old.set(Some(old));
        let (region, long) = h.alloc_tail_zeroed_with::<Array>(ARRAY_SLOTS, |_| ArrayInit {});
        region.roots().long.set(Some(long));
        h.collect();
    });
    isolate
}

type Nodes<'h> = [Gc<'h, Node>; OBJECTS];

fn old(h: &Heap<Graph>) -> Box<Nodes<'_>> {
    let array = h.roots().old.get().expect("set up with the isolate");
    collect(|i| array.tail_get(i).expect("set up with the isolate"))
}

fn young(h: &Heap<Graph>) -> Box<Nodes<'_>> {
    collect(|_| h.alloc::<Node>(NodeInit { count: 0, next: None }))
}

fn collect<'h>(node: impl FnMut(usize) -> Gc<'h, Node>) -> Box<Nodes<'h>> {
    let nodes: Vec<_> = (0..OBJECTS).map(node).collect();
    nodes.try_into().expect("of this length")
}

/// Stores `count` times, one node after the other, and returns the time.
#[inline(always)]
fn repeat<'h>(nodes: &Nodes<'h>, count: u64, store: impl Fn(Gc<'h, Node>, u64)) -> Duration {
    let start = Instant::now();
    for i in 0..count {
        store(nodes[i as usize % OBJECTS], i);
    }
    start.elapsed()
}

pub(crate) fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("barrier");
    let mut isolate = isolate();

    group.bench_function("none_plain_cell", |b| {
        b.iter_custom(|count| isolate.enter(|h| repeat(&old(h), count, |node, i| node.set_count(h, i))));
    });
    group.bench_function("owner_form/young", |b| {
        b.iter_custom(|count| {
            isolate.enter(|h| {
                h.collect_minor();
                let nodes = young(h);
                repeat(&nodes, count, |node, _| node.set_next(h, Some(nodes[0])))
            })
        });
    });
    group.bench_function("owner_form/old_logged", |b| {
        b.iter_custom(|count| {
            isolate.enter(|h| {
                let nodes = old(h);
                repeat(&nodes, OBJECTS as u64, |node, _| node.set_next(h, Some(nodes[0])));
                repeat(&nodes, count, |node, _| node.set_next(h, Some(nodes[0])))
            })
        });
    });
    group.bench_function("owner_form/old_unlogged", |b| {
        b.iter_custom(|count| {
            isolate.enter(|h| {
                let mut time = Duration::ZERO;
                let mut left = count;
                while left > 0 {
                    // Old objects that refer to no young one are forgotten, and so unlogged, in a collection.
                    h.collect_minor();
                    let nodes = old(h);
                    let now = left.min(OBJECTS as u64);
                    time += repeat(&nodes, now, |node, _| node.set_next(h, Some(nodes[0])));
                    left -= now;
                }
                time
            })
        });
    });
    group.bench_function("address_form/young", |b| {
        b.iter_custom(|count| {
            isolate.enter(|h| {
                h.collect_minor();
                let nodes = young(h);
                repeat(&nodes, count, |node, _| node.get().next.set(h, Some(nodes[0])))
            })
        });
    });
    group.bench_function("address_form/old_to_old", |b| {
        b.iter_custom(|count| {
            isolate.enter(|h| {
                let nodes = old(h);
                repeat(&nodes, count, |node, _| node.get().next.set(h, Some(nodes[0])))
            })
        });
    });
    group.bench_function("array/young_into_set_cards", |b| {
        b.iter_custom(|count| {
            isolate.enter(|h| {
                h.collect_minor();
                let (nodes, array) = (young(h), h.roots().long.get().expect("set up with the isolate"));
                repeat(&nodes, ARRAY_SLOTS as u64, |node, i| {
                    array.tail_set(h, i as usize % ARRAY_SLOTS, Some(node));
                });
                repeat(&nodes, count, |node, i| {
                    array.tail_set(h, i as usize % ARRAY_SLOTS, Some(node))
                })
            })
        });
    });
    group.finish();
}
