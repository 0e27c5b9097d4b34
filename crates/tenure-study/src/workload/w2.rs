//! W2, GCBench by Ellis, Kovac and Boehm: trees filled from the top (stores into existing nodes) and built from the bottom
//! (initialising stores only), beside a long-lived tree and a large array of doubles.
//!
//! As in W1, small trees are made in one region and larger ones keep their open nodes on the operand stack.

use super::{Bench, Outcome, RunError};
use tenure::prelude::*;

const STRETCH_DEPTH: u32 = 18;
const LONG_DEPTH: u32 = 16;
const DOUBLES: usize = 500_000;
const REGION_DEPTH: u32 = 10;

#[derive(Kind)]
struct Node {
    left: Slot<Opt<Node>>,
    right: Slot<Opt<Node>>,
    i: Cell<i32>,
    j: Cell<i32>,
}

#[derive(Kind)]
#[tail(f64)]
struct Doubles {}

#[derive(Roots)]
struct Roots {
    long_lived: Root<Opt<Node>>,
    array: Root<Opt<Doubles>>,
}

object_model! { model Bench2 { roots: Roots, kinds: [Node, Doubles] } }

const OUT_OF_MEMORY: RunError = RunError::OutOfMemory {
    doing: "building a tree",
};

fn empty<'a>() -> NodeInit<'a> {
    NodeInit {
        left: None,
        right: None,
        i: 0,
        j: 0,
    }
}

fn region_tree<'h>(h: &'h Heap<Bench2>, depth: u32) -> Option<Gc<'h, Node>> {
    let (left, right) = match depth.checked_sub(1) {
        None => (None, None),
        Some(depth) => (Some(region_tree(h, depth)?), Some(region_tree(h, depth)?)),
    };
    h.try_alloc::<Node>(NodeInit {
        left,
        right,
        i: 0,
        j: 0,
    })
    .ok()
}

fn region_populate<'h>(h: &'h Heap<Bench2>, depth: u32, node: Gc<'h, Node>) -> Option<()> {
    let Some(depth) = depth.checked_sub(1) else {
        return Some(());
    };
    let left = h.try_alloc::<Node>(empty()).ok()?;
    node.set_left(h, Some(left));
    let right = h.try_alloc::<Node>(empty()).ok()?;
    node.set_right(h, Some(right));
    region_populate(h, depth, left)?;
    region_populate(h, depth, right)
}

/// Leaves a tree built from the bottom on top of the operand stack.
fn push_tree(h: &mut Heap<Bench2>, depth: u32) -> Result<(), RunError> {
    if depth <= REGION_DEPTH {
        h.safepoint();
        let tree = region_tree(h, depth).ok_or(OUT_OF_MEMORY)?;
        return h.push(tree.into()).map_err(|_| OUT_OF_MEMORY);
    }
    push_tree(h, depth - 1)?;
    push_tree(h, depth - 1)?;
    let (h, node) = h
        .try_alloc_with::<Node, _>(|h| NodeInit {
            left: h.peek(1).cast::<Node>(),
            right: h.peek(0).cast::<Node>(),
            i: 0,
            j: 0,
        })
        .map_err(|_| OUT_OF_MEMORY)?;
    h.pop();
    h.poke(0, node.into());
    Ok(())
}

fn top(h: &Heap<Bench2>) -> Gc<'_, Node> {
    h.peek(0).cast::<Node>().expect("only nodes are on the operand stack")
}

/// Fills the node on top of the operand stack from the top; it stays there.
fn populate(h: &mut Heap<Bench2>, depth: u32) -> Result<(), RunError> {
    if depth <= REGION_DEPTH {
        h.safepoint();
        return region_populate(h, depth, top(h)).ok_or(OUT_OF_MEMORY);
    }
    let (region, left) = h.try_alloc_with::<Node, _>(|_| empty()).map_err(|_| OUT_OF_MEMORY)?;
    top(region).set_left(region, Some(left));
    let (region, right) = h.try_alloc_with::<Node, _>(|_| empty()).map_err(|_| OUT_OF_MEMORY)?;
    top(region).set_right(region, Some(right));
    for is_right in [false, true] {
        let parent = top(h);
        let node = if is_right { parent.right() } else { parent.left() };
        h.push(node.into()).map_err(|_| OUT_OF_MEMORY)?;
        populate(h, depth - 1)?;
        h.pop();
    }
    Ok(())
}

/// Length of the leftmost path: a cheap proof that the tree was built.
fn spine(mut next: Option<Gc<'_, Node>>) -> u64 {
    let mut length = 0;
    while let Some(node) = next {
        length += 1 + (node.i() + node.j()) as u64;
        next = node.left();
    }
    length
}

fn count(tree: Option<Gc<'_, Node>>) -> u64 {
    tree.map_or(0, |node| 1 + count(node.left()) + count(node.right()))
}

fn from_the_top(h: &mut Heap<Bench2>, depth: u32) -> Result<(), RunError> {
    let (h1, node) = h.try_alloc_with::<Node, _>(|_| empty()).map_err(|_| OUT_OF_MEMORY)?;
    h1.push(node.into()).map_err(|_| OUT_OF_MEMORY)?;
    populate(h, depth)
}

fn pop_node(h: &Heap<Bench2>) -> Option<Gc<'_, Node>> {
    h.pop().cast::<Node>()
}

/// Nodes of a full tree.
fn tree_size(depth: u32) -> u64 {
    (1 << (depth + 1)) - 1
}

#[derive(Default)]
struct Sums {
    spines: u64,
    long: u64,
    arrays: u64,
    objects: u64,
}

fn once(h: &mut Heap<Bench2>, sums: &mut Sums) -> Result<(), RunError> {
    push_tree(h, STRETCH_DEPTH)?;
    sums.spines += spine(pop_node(h));
    from_the_top(h, LONG_DEPTH)?;
    h.roots().long_lived.set(pop_node(h));
    let (region, array) = h
        .try_alloc_tail_zeroed_with::<Doubles, _>(DOUBLES, |_| DoublesInit {})
        .map_err(|_| RunError::OutOfMemory {
            doing: "allocating the array of doubles",
        })?;
    for index in 1..DOUBLES / 2 {
        array.tail()[index].set(1.0 / index as f64);
    }
    region.roots().array.set(Some(array));
    sums.objects += tree_size(STRETCH_DEPTH) + tree_size(LONG_DEPTH) + 1;
    for depth in (4..=16).step_by(2) {
        let times = 2 * tree_size(STRETCH_DEPTH) / tree_size(depth);
        for _ in 0..times {
            from_the_top(h, depth)?;
            sums.spines += spine(pop_node(h));
        }
        for _ in 0..times {
            push_tree(h, depth)?;
            sums.spines += spine(pop_node(h));
        }
        sums.objects += 2 * times * tree_size(depth);
    }
    sums.long += count(h.roots().long_lived.get());
    let array = h.roots().array.get();
    sums.arrays += u64::from(array.is_some_and(|array| array.tail()[1000].get() == 1.0 / 1000.0));
    Ok(())
}

pub(super) fn run(sizes: &[u64], bench: &mut Bench) -> Result<Outcome, RunError> {
    let repetitions = sizes[0];
    let mut isolate = Isolate::<Bench2>::new(
        bench.config(),
        RootsInit {
            long_lived: None,
            array: None,
        },
    )?;
    isolate.enter(|h| {
        let watch = bench.start();
        let mut sums = Sums::default();
        for _ in 0..repetitions {
            once(h, &mut sums)?;
        }
        let span = watch.stop(h, 0);
        let Sums {
            spines,
            long,
            arrays,
            objects,
        } = sums;
        let check = format!("W2 reps={repetitions} spines={spines} long={long} array={arrays}");
        Ok(Outcome {
            check: vec![check],
            span,
            objects: Some(objects),
            ..Outcome::default()
        })
    })
}
