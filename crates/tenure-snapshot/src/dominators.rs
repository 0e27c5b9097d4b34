//! Dominators and retained sizes: which node must be passed on every way from the roots to another.
//!
//! Lengauer and Tarjan's algorithm with path compression, O(m log n), without recursion. It keeps one predecessor list
//! (4 bytes per edge) and some 32 bytes per node while it runs; the tree itself takes 24 bytes per node. Nodes are laid
//! out in preorder of the tree, so a subtree is a slice. It does not apply the special rules of DevTools for ephemerons,
//! shortcuts and page objects, and it does not follow changes of the graph.

use crate::snapshot::Snapshot;
use crate::traverse::EdgePolicy;

const NONE: u32 = u32::MAX;

/// From which nodes the graph is entered.
#[derive(Clone, Copy, Debug)]
pub enum RootPolicy<'a> {
    /// From [`Snapshot::root`] alone.
    SnapshotRoot,
    /// From these nodes; a node held by several of them has no immediate dominator.
    Nodes(&'a [u32]),
}

impl RootPolicy<'_> {
    pub(crate) fn ordinals(self, snapshot: &Snapshot) -> Vec<u32> {
        match self {
            Self::SnapshotRoot => vec![snapshot.root()],
            Self::Nodes(nodes) => nodes.to_vec(),
        }
    }
}

/// The dominator tree of the reachable part of a snapshot.
#[derive(Clone, Debug)]
pub struct DominatorTree {
    /// Position in preorder by ordinal; `NONE` for unreachable nodes.
    positions: Vec<u32>,
    /// By position: the node, its parent's position, the nodes in its subtree with itself, and their bytes.
    nodes: Vec<u32>,
    parents: Vec<u32>,
    subtree_counts: Vec<u32>,
    retained_sizes: Vec<u64>,
}

impl DominatorTree {
    fn position(&self, ordinal: u32) -> Option<usize> {
        let position = self.positions[ordinal as usize];
        (position != NONE).then_some(position as usize)
    }

    /// Whether a node is reachable; every other method gives nothing for one that is not.
    ///
    /// # Panics
    ///
    /// Like all methods that take an ordinal, when it is not that of a node.
    pub fn is_reachable(&self, ordinal: u32) -> bool {
        self.position(ordinal).is_some()
    }

    /// Number of reachable nodes.
    pub fn reachable_count(&self) -> u32 {
        self.nodes.len() as u32
    }

    /// The nearest node that is on every way to this one; `None` for a root, for what no single node holds, and for
    /// unreachable nodes.
    pub fn immediate_dominator(&self, ordinal: u32) -> Option<u32> {
        let parent = self.parents[self.position(ordinal)?];
        (parent != NONE).then(|| self.nodes[parent as usize])
    }

    /// Whether every way to `node` passes `dominator`; a reachable node dominates itself.
    pub fn dominates(&self, dominator: u32, node: u32) -> bool {
        match (self.position(dominator), self.position(node)) {
            (Some(top), Some(position)) => (top..top + self.subtree_counts[top] as usize).contains(&position),
            _ => false,
        }
    }

    /// Bytes that would be freed with the node: its own and those of all that it dominates. 0 for unreachable nodes.
    pub fn retained_size(&self, ordinal: u32) -> u64 {
        self.position(ordinal)
            .map_or(0, |position| self.retained_sizes[position])
    }

    /// Number of nodes that a node dominates, itself included. 0 for unreachable nodes.
    pub fn subtree_count(&self, ordinal: u32) -> u32 {
        self.position(ordinal)
            .map_or(0, |position| self.subtree_counts[position])
    }

    /// Up to `limit` nodes that a node dominates, itself first and each after its immediate dominator.
    pub fn subtree(&self, ordinal: u32, limit: usize) -> &[u32] {
        let Some(position) = self.position(ordinal) else {
            return &[];
        };
        let count = (self.subtree_counts[position] as usize).min(limit);
        &self.nodes[position..position + count]
    }

    /// The nodes whose immediate dominator is this one.
    pub fn children(&self, ordinal: u32) -> Children<'_> {
        match self.position(ordinal) {
            Some(position) => {
                let end = position + self.subtree_counts[position] as usize;
                Children {
                    tree: self,
                    next: position + 1,
                    end,
                }
            }
            None => Children {
                tree: self,
                next: 0,
                end: 0,
            },
        }
    }

    /// The reachable nodes that have no immediate dominator: roots, and what several roots hold together.
    pub fn tops(&self) -> Children<'_> {
        Children {
            tree: self,
            next: 0,
            end: self.nodes.len(),
        }
    }
}

/// The nodes directly below a node of the tree.
#[derive(Clone, Debug)]
pub struct Children<'t> {
    tree: &'t DominatorTree,
    next: usize,
    end: usize,
}

impl Iterator for Children<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.next >= self.end {
            return None;
        }
        let position = self.next;
        self.next += self.tree.subtree_counts[position] as usize;
        Some(self.tree.nodes[position])
    }
}

/// Computes the dominator tree of what is reachable from the roots over the edges that the policy lets count.
///
/// # Panics
///
/// When a root is not the ordinal of a node.
pub fn dominators(snapshot: &Snapshot, roots: RootPolicy<'_>, edges: EdgePolicy) -> DominatorTree {
    let roots = roots.ordinals(snapshot);
    let walk = Walk::new(snapshot, &roots, edges.excluded(snapshot));
    let immediate = immediate_dominators(&walk, &Predecessors::new(snapshot, &walk, &roots));
    lay_out(snapshot, &walk, &immediate)
}

/// A depth-first walk. Nodes are numbered from 1 in the order in which they are found; 0 is a root above all roots.
struct Walk {
    excluded: Option<u8>,
    /// Number by ordinal, 0 for unreachable nodes.
    numbers: Vec<u32>,
    /// Ordinal by number; entry 0 is unused.
    order: Vec<u32>,
    /// Number of the node from which a node was found, by number.
    parents: Vec<u32>,
}

impl Walk {
    fn new(snapshot: &Snapshot, roots: &[u32], excluded: Option<u8>) -> Self {
        let numbers = vec![0; snapshot.node_count() as usize];
        let mut walk = Self {
            excluded,
            numbers,
            order: vec![NONE],
            parents: vec![0],
        };
        // Per open node: its number and the edges that are still to be looked at.
        let mut stack = Vec::new();
        for &root in roots {
            if walk.enter(root, 0) {
                stack.push((walk.numbers[root as usize], snapshot.edge_range(root)));
            }
            while let Some((number, range)) = stack.last_mut() {
                let number = *number;
                let Some(position) = range.next() else {
                    stack.pop();
                    continue;
                };
                let (type_index, target) = snapshot.edge_at(position);
                if Some(type_index) != excluded && walk.enter(target, number) {
                    stack.push((walk.numbers[target as usize], snapshot.edge_range(target)));
                }
            }
        }
        walk
    }

    fn enter(&mut self, ordinal: u32, parent: u32) -> bool {
        if self.numbers[ordinal as usize] != 0 {
            return false;
        }
        self.numbers[ordinal as usize] = self.order.len() as u32;
        self.order.push(ordinal);
        self.parents.push(parent);
        true
    }

    /// Calls `each` with the numbers at both ends of every edge within the reachable part.
    fn for_each_edge(&self, snapshot: &Snapshot, mut each: impl FnMut(u32, u32)) {
        for (number, &ordinal) in self.order.iter().enumerate().skip(1) {
            for position in snapshot.edge_range(ordinal) {
                let (type_index, target) = snapshot.edge_at(position);
                if Some(type_index) != self.excluded {
                    each(number as u32, self.numbers[target as usize]);
                }
            }
        }
    }
}

/// For each number, the numbers of the nodes that refer to it.
struct Predecessors {
    starts: Vec<usize>,
    sources: Vec<u32>,
}

impl Predecessors {
    fn new(snapshot: &Snapshot, walk: &Walk, roots: &[u32]) -> Self {
        let mut starts = vec![0usize; walk.order.len() + 1];
        for &root in roots {
            starts[walk.numbers[root as usize] as usize] += 1;
        }
        walk.for_each_edge(snapshot, |_, target| starts[target as usize] += 1);
        // Ends first; filling from the end turns them into starts.
        let mut total = 0;
        for start in &mut starts {
            total += *start;
            *start = total;
        }
        let mut sources = vec![0; total];
        let mut fill = |source, target: u32| {
            starts[target as usize] -= 1;
            sources[starts[target as usize]] = source;
        };
        for &root in roots {
            fill(0, walk.numbers[root as usize]);
        }
        walk.for_each_edge(snapshot, fill);
        Self { starts, sources }
    }

    fn of(&self, number: u32) -> &[u32] {
        &self.sources[self.starts[number as usize]..self.starts[number as usize + 1]]
    }
}

/// The forest of Lengauer and Tarjan: for a node, the one of least semidominator on its way up to the forest's root.
struct Forest {
    ancestors: Vec<u32>,
    labels: Vec<u32>,
    semis: Vec<u32>,
    path: Vec<u32>,
}

impl Forest {
    fn new(count: usize) -> Self {
        let own: Vec<u32> = (0..count as u32).collect();
        Self {
            ancestors: vec![NONE; count],
            labels: own.clone(),
            semis: own,
            path: Vec::new(),
        }
    }

    fn evaluate(&mut self, number: u32) -> u32 {
        if self.ancestors[number as usize] == NONE {
            return number;
        }
        let mut at = number;
        while self.ancestors[self.ancestors[at as usize] as usize] != NONE {
            self.path.push(at);
            at = self.ancestors[at as usize];
        }
        while let Some(below) = self.path.pop() {
            let above = self.ancestors[below as usize] as usize;
            let label = self.labels[above];
            if self.semis[label as usize] < self.semis[self.labels[below as usize] as usize] {
                self.labels[below as usize] = label;
            }
            self.ancestors[below as usize] = self.ancestors[above];
        }
        self.labels[number as usize]
    }
}

/// The number of the immediate dominator, by number.
fn immediate_dominators(walk: &Walk, predecessors: &Predecessors) -> Vec<u32> {
    let count = walk.order.len();
    let mut forest = Forest::new(count);
    let mut immediate = vec![0u32; count];
    // The nodes that have a number as semidominator, as linked lists.
    let mut bucket_heads = vec![NONE; count];
    let mut bucket_nexts = vec![NONE; count];
    for number in (1..count as u32).rev() {
        let mut semi = number;
        for &source in predecessors.of(number) {
            let best = forest.evaluate(source);
            semi = semi.min(forest.semis[best as usize]);
        }
        forest.semis[number as usize] = semi;
        bucket_nexts[number as usize] = std::mem::replace(&mut bucket_heads[semi as usize], number);
        let parent = walk.parents[number as usize];
        forest.ancestors[number as usize] = parent;
        let mut waiting = std::mem::replace(&mut bucket_heads[parent as usize], NONE);
        while waiting != NONE {
            let best = forest.evaluate(waiting);
            let is_lower = forest.semis[best as usize] < forest.semis[waiting as usize];
            immediate[waiting as usize] = if is_lower { best } else { parent };
            waiting = bucket_nexts[waiting as usize];
        }
    }
    for number in 1..count {
        if immediate[number] != forest.semis[number] {
            immediate[number] = immediate[immediate[number] as usize];
        }
    }
    immediate
}

/// Lays the tree out in preorder. A dominator has a lower number than what it dominates, so two passes over the numbers
/// do: upwards to add up subtrees, downwards to give each its place.
fn lay_out(snapshot: &Snapshot, walk: &Walk, immediate: &[u32]) -> DominatorTree {
    let count = walk.order.len();
    let mut counts = vec![1u32; count];
    let mut sizes: Vec<u64> = vec![0; count];
    for number in (1..count).rev() {
        sizes[number] += snapshot.node(walk.order[number]).self_size;
        let above = immediate[number] as usize;
        sizes[above] += sizes[number];
        counts[above] += counts[number];
    }
    let reachable = count - 1;
    let mut tree = DominatorTree {
        positions: vec![NONE; snapshot.node_count() as usize],
        nodes: vec![0; reachable],
        parents: vec![NONE; reachable],
        subtree_counts: vec![0; reachable],
        retained_sizes: vec![0; reachable],
    };
    // Where the next child of a node goes, by number.
    let mut free = vec![0u32; count];
    for number in 1..count {
        let above = immediate[number] as usize;
        let position = free[above];
        free[above] += counts[number];
        free[number] = position + 1;
        let ordinal = walk.order[number];
        tree.positions[ordinal as usize] = position;
        let position = position as usize;
        tree.nodes[position] = ordinal;
        tree.subtree_counts[position] = counts[number];
        tree.retained_sizes[position] = sizes[number];
        if above != 0 {
            tree.parents[position] = tree.positions[walk.order[above] as usize];
        }
    }
    tree
}
