//! Marking a million live objects: scattered at random, and laid out in the order of traversal.
//!
//! `random` is workload W5: objects of a number and four references to random others, all held by one array. The same
//! kind of object makes up a list and a binary tree; `small_tree` has nodes of two references, as W1. The lists and trees
//! are built depth first and lie as the heap's own promotion put them. `mark` is the time of the phases that mark,
//! `full` that of a whole collection, with its sweep. Nothing dies and nothing is allocated in between.

use crate::phases::PhaseClock;
use crate::random::Random;
use criterion::{Criterion, Throughput};
use std::time::Instant;
use tenure::Traversal;
use tenure::events::Phase;
use tenure::prelude::*;

/// Objects of the random graph and elements of the list.
const OBJECTS: usize = 1_000_000;

/// Levels of a tree of about as many nodes.
const LEVELS: usize = 20;

const TREE_OBJECTS: u64 = (1 << LEVELS) - 1;

/// Objects that are allocated between two safepoints.
const BATCH: usize = 4096;

#[derive(Kind)]
struct Object {
    id: u64,
    a: Slot<Opt<Object>>,
    b: Slot<Opt<Object>>,
    c: Slot<Opt<Object>>,
    d: Slot<Opt<Object>>,
}

#[derive(Kind)]
struct Small {
    left: Slot<Opt<Small>>,
    right: Slot<Opt<Small>>,
}

#[derive(Kind)]
#[tail(Slot<Opt<Object>>)]
struct Array {}

#[derive(Roots)]
struct Roots {
    array: Root<Opt<Array>>,
    list: Root<Opt<Object>>,
}

object_model! { model Graph { roots: Roots, kinds: [Object, Small, Array] } }

fn object<'h>(id: u64, a: Option<Gc<'h, Object>>, b: Option<Gc<'h, Object>>) -> ObjectInit<'h> {
    ObjectInit {
        id,
        a,
        b,
        c: None,
        d: None,
    }
}

fn build_random(h: &mut Heap<Graph>) -> u64 {
    let (region, array) = h.alloc_tail_zeroed_with::<Array>(OBJECTS, |_| ArrayInit {});
    region.roots().array.set(Some(array));
    for first in (0..OBJECTS).step_by(BATCH) {
        h.safepoint();
        let h = &*h;
        let array = h.roots().array.get().expect("stored above");
        for id in first..OBJECTS.min(first + BATCH) {
            array.tail_set(h, id, Some(h.alloc::<Object>(object(id as u64, None, None))));
        }
    }
    let h = &*h;
    let array = h.roots().array.get().expect("stored above");
    let mut random = Random::new(1);
    let mut pick = || array.tail_get(random.below(OBJECTS));
    for from in array.tail().iter().filter_map(Slot::get) {
        from.set_a(h, pick());
        from.set_b(h, pick());
        from.set_c(h, pick());
        from.set_d(h, pick());
    }
    OBJECTS as u64
}

fn build_list(h: &mut Heap<Graph>) -> u64 {
    for id in 0..OBJECTS {
        let (h, object) = h.alloc_with::<Object>(|h| object(id as u64, h.roots().list.get(), None));
        h.roots().list.set(Some(object));
    }
    OBJECTS as u64
}

/// Leaves a tree on the operand stack: built by `leafwards` in one region as long as it is small, joined by `join`.
fn build_tree<T: Kind<Model = Graph>>(
    h: &mut Heap<Graph>,
    levels: usize,
    join: &impl for<'h> Fn(&'h Heap<Graph>, [Option<Gc<'h, T>>; 2]) -> Gc<'h, T>,
) {
    if levels <= BATCH.ilog2() as usize {
        h.safepoint();
        let h = &*h;
        h.push(subtree(h, levels, join).to_value())
            .expect("as deep as the tree");
        return;
    }
    build_tree(h, levels - 1, join);
    build_tree(h, levels - 1, join);
    h.safepoint();
    let h = &*h;
    let (right, left) = (h.pop(), h.pop());
    h.push(join(h, [left.cast::<T>(), right.cast::<T>()]).to_value())
        .expect("as deep as the tree");
}

fn subtree<'h, T: Kind<Model = Graph>>(
    h: &'h Heap<Graph>,
    levels: usize,
    join: &impl for<'a> Fn(&'a Heap<Graph>, [Option<Gc<'a, T>>; 2]) -> Gc<'a, T>,
) -> Gc<'h, T> {
    let children = if levels == 1 {
        [None; 2]
    } else {
        [(); 2].map(|()| Some(subtree(h, levels - 1, join)))
    };
    join(h, children)
}

fn build_wide_tree(h: &mut Heap<Graph>) -> u64 {
    build_tree::<Object>(h, LEVELS, &|h, [a, b]| h.alloc::<Object>(object(0, a, b)));
    TREE_OBJECTS
}

fn build_small_tree(h: &mut Heap<Graph>) -> u64 {
    build_tree::<Small>(h, LEVELS, &|h, [left, right]| {
        h.alloc::<Small>(SmallInit { left, right })
    });
    TREE_OBJECTS
}

/// Takes every field into account, so that a graph that was built wrongly does not pass for a fast one.
fn check(h: &Heap<Graph>, objects: u64) {
    let used_bytes = h.statistics().sizes.used_bytes() as u64;
    assert!(
        used_bytes >= objects * 24,
        "{objects} objects cannot lie in {used_bytes} bytes"
    );
    if let Some(array) = h.roots().array.get() {
        let sum: u64 = array
            .tail()
            .iter()
            .filter_map(Slot::get)
            .map(|object| object.id())
            .sum();
        assert_eq!(sum, objects * (objects - 1) / 2, "the ids of the random graph");
        let all = |o: Gc<'_, Object>| o.a().is_some() && o.b().is_some() && o.c().is_some() && o.d().is_some();
        assert!(
            array.tail().iter().filter_map(Slot::get).all(all),
            "every reference of the random graph is set"
        );
    }
    if let Some(top) = h.roots().list.get() {
        assert_eq!(top.id(), objects - 1, "the top of the list");
    }
    if let Some(tree) = h.try_pop() {
        let left = tree.cast::<Small>().and_then(|small| small.left());
        assert!(
            left.is_some_and(|left| left.right().is_some()) || tree.is::<Object>(),
            "the top of the tree"
        );
        h.push(tree).expect("it was there before");
    }
}

type Build = fn(&mut Heap<Graph>) -> u64;

/// Builds a graph and promotes all of it.
fn set_up(build: Build, clock: &PhaseClock, traversal: Traversal) -> (Isolate<Graph>, u64) {
    let config = clock.listen(HeapConfig::new().traversal(traversal));
    let roots = RootsInit {
        array: None,
        list: None,
    };
    let mut isolate = Isolate::<Graph>::new(config, roots).expect("a heap of the default size");
    let objects = isolate.enter(|h| {
        let objects = build(h);
        h.collect();
        objects
    });
    (isolate, objects)
}

pub(crate) fn bench(c: &mut Criterion) {
    let graphs: [(&str, Build); 4] = [
        ("random", build_random),
        ("list", build_list),
        ("tree", build_wide_tree),
        ("small_tree", build_small_tree),
    ];
    for (name, build) in graphs {
        let mut group = c.benchmark_group(format!("marking_1m/{name}"));
        group.sample_size(10);
        group.throughput(Throughput::Elements(if name.ends_with("tree") {
            TREE_OBJECTS
        } else {
            OBJECTS as u64
        }));
        let traversals = [
            ("mark", Traversal::Auto, false),
            ("mark_depth_first", Traversal::DepthFirst, false),
            ("mark_prefetch", Traversal::Prefetch, false),
            ("full", Traversal::Auto, true),
        ];
        for (what, traversal, full) in traversals {
            let clock = PhaseClock::new(&[Phase::Roots, Phase::Mark, Phase::Rescan]);
            // Built when it is measured, so that a run with a filter does not build the other graphs.
            let mut built = None;
            group.bench_function(what, |b| {
                let (isolate, objects) = built.get_or_insert_with(|| set_up(build, &clock, traversal));
                b.iter_custom(|count| {
                    isolate.enter(|h| {
                        check(h, *objects);
                        clock.take();
                        let start = Instant::now();
                        for _ in 0..count {
                            h.collect();
                        }
                        if full { start.elapsed() } else { clock.take() }
                    })
                });
            });
        }
        group.finish();
    }
}
