//! Which nodes are reachable, and the totals by which two copies of a graph are compared.
//!
//! One depth-first walk with a stack of its own, linear in nodes and edges. It does not tell distances or paths.

use crate::dominators::RootPolicy;
use crate::snapshot::Snapshot;

/// Which edges count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EdgePolicy {
    /// All but those of type `weak`: what keeps objects alive.
    Strong,
    /// All: for heaps into which weak references are loaded as ordinary slots.
    All,
}

impl EdgePolicy {
    /// The type of edges that are left out.
    pub(crate) fn excluded(self, snapshot: &Snapshot) -> Option<u8> {
        match self {
            Self::Strong => snapshot.weak_edge_type(),
            Self::All => None,
        }
    }
}

/// What two copies of a graph must agree on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GraphTotals {
    /// Number of nodes.
    pub nodes: u64,
    /// Number of edges between them.
    pub edges: u64,
    /// Sum of the sizes of the nodes.
    pub self_size: u64,
    /// Wrapping sum of [`mix_edge`] over the edges.
    pub edge_checksum: u64,
}

/// A number for an edge that is added up into a checksum: different for different pairs of ids, and for the same pair
/// the other way round.
pub fn mix_edge(source_id: u64, target_id: u64) -> u64 {
    finalize(finalize(source_id.wrapping_add(0x9e37_79b9_7f4a_7c15)) ^ target_id)
}

/// The finalizer of SplitMix64, a permutation.
fn finalize(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The reachable part of a snapshot.
#[derive(Clone, Debug)]
pub struct Reachable {
    marked: Vec<bool>,
    totals: GraphTotals,
}

impl Reachable {
    /// Whether a node is reachable.
    ///
    /// # Panics
    ///
    /// When `ordinal` is not that of a node.
    pub fn contains(&self, ordinal: u32) -> bool {
        self.marked[ordinal as usize]
    }

    /// Totals of the reachable nodes and of the edges that were followed from them.
    pub fn totals(&self) -> GraphTotals {
        self.totals
    }
}

/// Finds what is reachable from the roots over the edges that the policy lets count.
///
/// # Panics
///
/// When a root is not the ordinal of a node.
pub fn reachable(snapshot: &Snapshot, roots: RootPolicy<'_>, edges: EdgePolicy) -> Reachable {
    let excluded = edges.excluded(snapshot);
    let mut marked = vec![false; snapshot.node_count() as usize];
    let mut totals = GraphTotals::default();
    let mut stack = Vec::new();
    let mut reach = |node: u32, stack: &mut Vec<u32>| {
        if !std::mem::replace(&mut marked[node as usize], true) {
            stack.push(node);
        }
    };
    for root in roots.ordinals(snapshot) {
        reach(root, &mut stack);
    }
    while let Some(ordinal) = stack.pop() {
        let node = snapshot.node(ordinal);
        totals.nodes += 1;
        totals.self_size += node.self_size;
        for edge in snapshot.edges(ordinal).filter(|edge| Some(edge.type_index) != excluded) {
            totals.edges += 1;
            let mixed = mix_edge(node.id, snapshot.node(edge.target).id);
            totals.edge_checksum = totals.edge_checksum.wrapping_add(mixed);
            reach(edge.target, &mut stack);
        }
    }
    Reachable { marked, totals }
}
