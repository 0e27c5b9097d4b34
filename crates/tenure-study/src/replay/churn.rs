//! Churn: replace parts of the graph by fresh copies, over and over.
//!
//! The idea: pick an object at random; everything that it dominates would die with it. Rebuild that part as fresh objects, swing
//! the edges that lead to the picked object over to its copy, and the old part is garbage: old objects that point to
//! young ones, young objects that point to old ones, and garbage of every age and size that a real program has. An
//! operation is one region after one safepoint; it costs a walk from the root for the object and each of its retainers,
//! and the copying. Objects that dominate too much, or that too many others point to, are never picked.

use super::model::{self, Replay};
use super::shape::Shape;
use crate::measure::Laps;
use crate::rng::Rng;
use crate::workload::RunError;
use tenure::prelude::*;
use tenure_snapshot::EdgePolicy;
use tenure_snapshot::dominators::{DominatorTree, RootPolicy, dominators};

/// Most objects that one operation rebuilds.
const MAX_OBJECTS: u32 = 256;
/// Most bytes that one operation rebuilds.
const MAX_BYTES: u64 = 64 * 1024;
/// Most edges that one operation swings over.
const MAX_RETAINERS: usize = 64;

const UNSEEN: u32 = u32::MAX;

/// What churning needs beside the heap.
#[derive(Debug)]
pub(super) struct Churn<'a> {
    shape: &'a Shape<'a>,
    tree: DominatorTree,
    /// Objects that may be picked.
    candidates: Vec<u32>,
    /// Place of a node among the objects of the current operation, or [`UNSEEN`].
    places: Vec<u32>,
    steps: Vec<u32>,
}

/// What an operation did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rebuilt {
    pub(super) objects: u64,
    pub(super) bytes: u64,
}

impl<'a> Churn<'a> {
    pub(super) fn new(shape: &'a Shape<'a>) -> Self {
        let tree = dominators(shape.snapshot, RootPolicy::SnapshotRoot, EdgePolicy::All);
        let part_bytes = |ordinal| -> u64 {
            tree.subtree(ordinal, MAX_OBJECTS as usize)
                .iter()
                .map(|&node| shape.layout(node).bytes())
                .sum()
        };
        let candidates = (0..shape.snapshot.node_count())
            .filter(|&ordinal| {
                ordinal != shape.root
                    && (1..=MAX_OBJECTS).contains(&tree.subtree_count(ordinal))
                    && shape.retainers(ordinal).len() <= MAX_RETAINERS
                    && part_bytes(ordinal) <= MAX_BYTES
            })
            .collect();
        let places = vec![UNSEEN; shape.snapshot.node_count() as usize];
        Churn {
            shape,
            tree,
            candidates,
            places,
            steps: Vec::new(),
        }
    }

    pub(super) fn candidates(&self) -> usize {
        self.candidates.len()
    }

    /// Does `operations` operations.
    pub(super) fn run(
        &mut self,
        h: &mut Heap<Replay>,
        operations: u64,
        rng: &mut Rng,
        laps: &mut Laps,
    ) -> Result<Rebuilt, RunError> {
        let mut total = Rebuilt::default();
        if self.candidates.is_empty() {
            return Ok(total);
        }
        laps.start();
        for _ in 0..operations {
            let picked = self.candidates[rng.index(self.candidates.len() as u64) as usize];
            h.safepoint();
            let rebuilt = self.replace(h, picked)?;
            total.objects += rebuilt.objects;
            total.bytes += rebuilt.bytes;
            laps.lap();
        }
        Ok(total)
    }

    fn replace(&mut self, h: &Heap<Replay>, picked: u32) -> Result<Rebuilt, RunError> {
        let shape = self.shape;
        let part = self.tree.subtree(picked, MAX_OBJECTS as usize);
        for (place, &node) in part.iter().enumerate() {
            self.places[node as usize] = place as u32;
        }
        let old_top = find(h, shape, &mut self.steps, picked)?;
        let rebuilt = rebuild(h, shape, part, &self.places, old_top);
        let outside: Vec<(u32, u32)> = shape
            .retainers(picked)
            .iter()
            .copied()
            .filter(|&(source, _)| self.places[source as usize] == UNSEEN)
            .collect();
        for &node in part {
            self.places[node as usize] = UNSEEN;
        }
        let (top, rebuilt) = rebuilt?;
        for (source, edge) in outside {
            let source = find(h, shape, &mut self.steps, source)?;
            model::set_edge(h, source, edge as usize, top);
        }
        Ok(rebuilt)
    }
}

/// Walks from the root to the node.
fn find<'h>(
    h: &'h Heap<Replay>,
    shape: &Shape<'_>,
    steps: &mut Vec<u32>,
    ordinal: u32,
) -> Result<Value<'h, Replay>, RunError> {
    shape.way_to(ordinal, steps);
    let mut node = h.roots().top.get();
    for &step in steps.iter().rev() {
        node = match model::slots(node).get(step as usize) {
            Some(slot) => slot.get(),
            None => Value::nil(),
        };
    }
    if model::ordinal(node) == Some(ordinal) {
        return Ok(node);
    }
    Err(RunError::Wrong(format!(
        "the way from the root to {} leads elsewhere",
        shape.describe(ordinal)
    )))
}

/// Copies the part below `old_top`; edges within the part lead to copies, edges out of it to the same objects as before.
///
/// Every node of the part is reachable from its top within the part: a way out of it and back in would be a way around the
/// top, which then would not dominate the node where it comes back.
fn rebuild<'h>(
    h: &'h Heap<Replay>,
    shape: &Shape<'_>,
    part: &[u32],
    places: &[u32],
    old_top: Value<'h, Replay>,
) -> Result<(Value<'h, Replay>, Rebuilt), RunError> {
    let mut old = vec![Value::<Replay>::nil(); part.len()];
    let mut fresh = vec![Value::<Replay>::nil(); part.len()];
    let place_of = |target: u32| {
        let place = places[target as usize];
        (place != UNSEEN).then_some(place as usize)
    };
    let mut rebuilt = Rebuilt::default();
    old[0] = old_top;
    let mut open = vec![0];
    // Edges to copies that are not there yet: node, edge, target.
    let mut later = Vec::new();
    while let Some(place) = open.pop() {
        let node = part[place];
        let targets = shape.edges(node);
        let slots = model::slots(old[place]);
        let layout = shape.layout(node);
        let copy = model::allocate(h, node, layout, |edge| match place_of(targets[edge]) {
            None => slots[edge].get(),
            Some(inner) => {
                if old[inner].is_nil() {
                    old[inner] = slots[edge].get();
                    open.push(inner);
                }
                if fresh[inner].is_nil() {
                    later.push((place, edge, inner));
                }
                fresh[inner]
            }
        });
        fresh[place] = copy.ok_or(RunError::OutOfMemory {
            doing: "rebuilding a part of the graph",
        })?;
        rebuilt.objects += 1;
        rebuilt.bytes += layout.bytes();
    }
    for (place, edge, inner) in later {
        model::set_edge(h, fresh[place], edge, fresh[inner]);
    }
    Ok((fresh[0], rebuilt))
}
