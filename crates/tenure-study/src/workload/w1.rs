//! W1, binary trees: the Benchmarks Game program.
//!
//! Trees up to [`REGION_DEPTH`] are built in one region with direct pointers; above that the halves wait on the operand stack
//! while the other half is built, so a safepoint lies between any two regions and each larger node may collect by itself.

use super::{Bench, Outcome, RunError};
use std::fmt::Write as _;
use tenure::prelude::*;

/// 2047 nodes of 24 bytes: what a region may need beyond the nursery's limit.
const REGION_DEPTH: u32 = 10;

#[derive(Kind)]
struct Node {
    left: Slot<Opt<Node>>,
    right: Slot<Opt<Node>>,
}

#[derive(Roots)]
struct Roots {
    long_lived: Root<Opt<Node>>,
}

object_model! { model Trees { roots: Roots, kinds: [Node] } }

#[inline(always)]
fn node<'h>(h: &'h Heap<Trees>, left: Option<Gc<'h, Node>>, right: Option<Gc<'h, Node>>) -> Option<Gc<'h, Node>> {
    h.try_alloc::<Node>(NodeInit { left, right }).ok()
}

/// A tree in the current region, or nothing when memory ran out. Half of all nodes are leaves: they cost no call.
fn region_tree<'h>(h: &'h Heap<Trees>, depth: u32) -> Option<Gc<'h, Node>> {
    let (left, right) = match depth {
        0 => (None, None),
        1 => (Some(node(h, None, None)?), Some(node(h, None, None)?)),
        _ => (Some(region_tree(h, depth - 1)?), Some(region_tree(h, depth - 1)?)),
    };
    node(h, left, right)
}

const OUT_OF_MEMORY: RunError = RunError::OutOfMemory {
    doing: "building a tree",
};

/// Leaves the tree on top of the operand stack.
fn push_tree(h: &mut Heap<Trees>, depth: u32) -> Result<(), RunError> {
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
        })
        .map_err(|_| OUT_OF_MEMORY)?;
    h.pop();
    h.poke(0, node.into());
    Ok(())
}

fn count(tree: Gc<'_, Node>) -> u64 {
    match (tree.left(), tree.right()) {
        (Some(left), Some(right)) => 1 + count(left) + count(right),
        _ => 1,
    }
}

/// Builds a tree, counts its nodes, drops it.
fn build_and_count(h: &mut Heap<Trees>, depth: u32) -> Result<u64, RunError> {
    if depth <= REGION_DEPTH {
        h.safepoint();
        return region_tree(h, depth).map(count).ok_or(OUT_OF_MEMORY);
    }
    push_tree(h, depth)?;
    Ok(h.pop().cast::<Node>().map_or(0, count))
}

pub(super) fn run(sizes: &[u64], bench: &mut Bench) -> Result<Outcome, RunError> {
    let depth = sizes[0] as u32;
    let mut isolate = Isolate::<Trees>::new(bench.config(), RootsInit { long_lived: None })?;
    isolate.enter(|h| {
        let watch = bench.start();
        let stretch = build_and_count(h, depth + 1)?;
        let mut nodes = stretch;
        push_tree(h, depth)?;
        h.roots().long_lived.set(h.pop().cast::<Node>());
        let mut line = format!("W1 n={depth} stretch={stretch}");
        for small in (4..=depth).step_by(2) {
            let mut sum = 0;
            for _ in 0..1u64 << (depth - small + 4) {
                sum += build_and_count(h, small)?;
            }
            nodes += sum;
            // Writing into a String cannot fail.
            let _ = write!(line, " d{small}={sum}");
        }
        let kept = h.roots().long_lived.get().map_or(0, count);
        let span = watch.stop(h, 0);
        Ok(Outcome {
            check: vec![format!("{line} long={kept}")],
            span,
            objects: Some(nodes + kept),
            ..Outcome::default()
        })
    })
}
