//! What a replay needs to know of a snapshot beside the heap: layouts, edges in both directions, order of birth, and for each
//! node a shortest way from the root.
//!
//! The idea: rebuilding a part of the graph gives a graph of the same shape, so everything that is said in ordinals stays true
//! for the whole run, and no table of addresses is needed that would keep objects alive or have to be moved with them. To
//! reach a node, the program walks from the root along a tree of shortest ways, as programs do. Building is linear in edges.

use super::model::Layout;
use tenure_snapshot::dominators::RootPolicy;
use tenure_snapshot::{EdgePolicy, Snapshot, reachable};

const NONE: u32 = u32::MAX;

/// The static shape of a snapshot's graph.
#[derive(Debug)]
pub(super) struct Shape<'s> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) root: u32,
    /// Reachable nodes in the order of their ids, which grow with allocation.
    pub(super) birth_order: Vec<u32>,
    /// First edge of each node, and the end.
    starts: Vec<u32>,
    targets: Vec<u32>,
    /// First retainer of each node, and the end.
    retainer_starts: Vec<u32>,
    /// Source ordinal and edge index.
    retainers: Vec<(u32, u32)>,
    /// The node before on a shortest way from the root, and the edge to take there.
    way: Vec<(u32, u32)>,
    layouts: Vec<Layout>,
}

impl<'s> Shape<'s> {
    /// The shape of the reachable part, over edges of every type.
    pub(super) fn new(snapshot: &'s Snapshot) -> Self {
        let count = snapshot.node_count();
        let root = snapshot.root();
        let live = reachable(snapshot, RootPolicy::SnapshotRoot, EdgePolicy::All);
        let mut starts = Vec::with_capacity(count as usize + 1);
        let mut targets = Vec::with_capacity(snapshot.edge_count() as usize);
        let mut layouts = Vec::with_capacity(count as usize);
        for ordinal in 0..count {
            starts.push(targets.len() as u32);
            let first = targets.len();
            // What is not reachable is not loaded, so its edges are nobody's retainers.
            if live.contains(ordinal) {
                targets.extend(snapshot.edges(ordinal).map(|edge| edge.target));
            }
            layouts.push(Layout::new(snapshot.node(ordinal).self_size, targets.len() - first));
        }
        starts.push(targets.len() as u32);

        let mut retainer_starts = vec![0u32; count as usize + 1];
        for &target in &targets {
            retainer_starts[target as usize + 1] += 1;
        }
        for ordinal in 0..count as usize {
            retainer_starts[ordinal + 1] += retainer_starts[ordinal];
        }
        let mut free = retainer_starts.clone();
        let mut retainers = vec![(0, 0); targets.len()];
        for source in 0..count {
            for position in starts[source as usize]..starts[source as usize + 1] {
                let place = &mut free[targets[position as usize] as usize];
                retainers[*place as usize] = (source, position - starts[source as usize]);
                *place += 1;
            }
        }

        let mut birth_order: Vec<u32> = (0..count).filter(|&ordinal| live.contains(ordinal)).collect();
        birth_order.sort_by_key(|&ordinal| snapshot.node(ordinal).id);
        let mut shape = Shape {
            snapshot,
            root,
            birth_order,
            starts,
            targets,
            retainer_starts,
            retainers,
            way: vec![(NONE, 0); count as usize],
            layouts,
        };
        shape.find_ways();
        shape
    }

    /// Breadth first.
    fn find_ways(&mut self) {
        let mut queue = vec![self.root];
        self.way[self.root as usize] = (self.root, 0);
        let mut next = 0;
        while let Some(&source) = queue.get(next) {
            next += 1;
            let range = self.starts[source as usize]..self.starts[source as usize + 1];
            for position in range.clone() {
                let target = self.targets[position as usize];
                let way = &mut self.way[target as usize];
                if way.0 == NONE {
                    *way = (source, position - range.start);
                    queue.push(target);
                }
            }
        }
    }

    pub(super) fn edges(&self, ordinal: u32) -> &[u32] {
        &self.targets[self.starts[ordinal as usize] as usize..self.starts[ordinal as usize + 1] as usize]
    }

    /// Sources and edge indices of all edges that lead to the node.
    pub(super) fn retainers(&self, ordinal: u32) -> &[(u32, u32)] {
        let range =
            self.retainer_starts[ordinal as usize] as usize..self.retainer_starts[ordinal as usize + 1] as usize;
        &self.retainers[range]
    }

    pub(super) fn layout(&self, ordinal: u32) -> Layout {
        self.layouts[ordinal as usize]
    }

    pub(super) fn id(&self, ordinal: u32) -> u64 {
        self.snapshot.node(ordinal).id
    }

    /// Puts the edges on the way from the root to the node into `steps`, the last one first.
    pub(super) fn way_to(&self, mut ordinal: u32, steps: &mut Vec<u32>) {
        steps.clear();
        while ordinal != self.root {
            let (before, edge) = self.way[ordinal as usize];
            steps.push(edge);
            ordinal = before;
        }
    }

    /// What the node is called in messages.
    pub(super) fn describe(&self, ordinal: u32) -> String {
        if ordinal >= self.snapshot.node_count() {
            return format!("no node of the snapshot (ordinal {ordinal})");
        }
        let node = self.snapshot.node(ordinal);
        let type_name = self.snapshot.node_type_name(node.type_index).unwrap_or("node");
        format!("{type_name} @{} (ordinal {ordinal})", node.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::tests::diamond;

    #[test]
    fn edges_retainers_and_ways_of_a_diamond() {
        let snapshot = diamond();
        let shape = Shape::new(&snapshot);
        assert_eq!(shape.edges(0), [1, 2]);
        assert_eq!(shape.retainers(3), [(1, 0), (2, 0), (3, 0)]);
        let mut steps = Vec::new();
        shape.way_to(3, &mut steps);
        assert_eq!(steps, [0, 0]);
        shape.way_to(2, &mut steps);
        assert_eq!(steps, [1]);
        shape.way_to(0, &mut steps);
        assert!(steps.is_empty());
        assert!(!shape.birth_order.contains(&4), "what nobody reaches is not loaded");
        let ids: Vec<_> = shape.birth_order.iter().map(|&ordinal| shape.id(ordinal)).collect();
        assert!(ids.is_sorted(), "{ids:?}");
    }
}
