//! Dominators against the definition: a node dominates another when removing it makes the other unreachable.

#![forbid(unsafe_code)]

use proptest::prelude::*;
use tenure_snapshot::dominators::{DominatorTree, RootPolicy, dominators};
use tenure_snapshot::synthetic::{Label, SyntheticSnapshot};
use tenure_snapshot::{EdgePolicy, EdgeType, NodeType, Snapshot, reachable};

/// Builds a graph of nodes 0 to `count - 1`, whose sizes are different powers of two or close to them.
fn graph(count: u32, edges: &[(u32, u32, bool)]) -> Snapshot {
    let mut graph = SyntheticSnapshot::new();
    for ordinal in 0..count {
        let kind = if ordinal == 0 {
            NodeType::Synthetic
        } else {
            NodeType::Object
        };
        graph.node(kind, "A", 1 << (ordinal % 40));
    }
    for &(source, target, weak) in edges {
        let kind = if weak { EdgeType::Weak } else { EdgeType::Property };
        graph.edge(source, kind, Label::Name("a"), target);
    }
    Snapshot::read(graph.to_json().as_slice()).unwrap()
}

/// Reachability that does not enter `removed`, by repeated passes over all edges.
fn reached(snapshot: &Snapshot, roots: &[u32], policy: EdgePolicy, removed: Option<u32>) -> Vec<bool> {
    let mut reached = vec![false; snapshot.node_count() as usize];
    for &root in roots {
        reached[root as usize] = Some(root) != removed;
    }
    loop {
        let mut changed = false;
        for node in snapshot.nodes() {
            for edge in snapshot.edges(node.ordinal) {
                let counts = policy == EdgePolicy::All || !snapshot.is_weak(edge);
                let target = edge.target as usize;
                if counts && reached[node.ordinal as usize] && !reached[target] && Some(edge.target) != removed {
                    reached[target] = true;
                    changed = true;
                }
            }
        }
        if !changed {
            return reached;
        }
    }
}

fn check(snapshot: &Snapshot, roots: &[u32], policy: EdgePolicy, tree: &DominatorTree) {
    let count = snapshot.node_count();
    let alive = reached(snapshot, roots, policy, None);
    assert_eq!(
        tree.reachable_count() as usize,
        alive.iter().filter(|&&alive| alive).count()
    );
    for node in 0..count {
        assert_eq!(tree.is_reachable(node), alive[node as usize]);
        if !alive[node as usize] {
            assert_eq!((tree.retained_size(node), tree.subtree_count(node)), (0, 0));
            assert_eq!(tree.immediate_dominator(node), None);
            assert_eq!((tree.children(node).count(), tree.subtree(node, 9).len()), (0, 0));
            continue;
        }
        let without = reached(snapshot, roots, policy, Some(node));
        let dominated: Vec<u32> = (0..count)
            .filter(|&n| alive[n as usize] && !without[n as usize])
            .collect();
        for other in 0..count {
            assert_eq!(
                tree.dominates(node, other),
                dominated.contains(&other),
                "{node} over {other}"
            );
        }
        let size: u64 = dominated.iter().map(|&n| snapshot.node(n).self_size).sum();
        assert_eq!(tree.retained_size(node), size, "retained by {node}");
        assert_eq!(tree.subtree_count(node) as usize, dominated.len());
        let mut subtree = tree.subtree(node, usize::MAX).to_vec();
        assert_eq!(subtree.first(), Some(&node));
        for (index, below) in subtree.iter().enumerate().skip(1) {
            let above = tree.immediate_dominator(*below).unwrap();
            assert!(subtree[..index].contains(&above), "a node before its dominator");
        }
        assert_eq!(tree.subtree(node, 2), &subtree[..subtree.len().min(2)]);
        subtree.sort_unstable();
        assert_eq!(subtree, dominated);
        // The immediate dominator is the strict one that all other strict ones dominate.
        match tree.immediate_dominator(node) {
            Some(above) => {
                assert!(above != node && tree.dominates(above, node));
                let strict = (0..count).filter(|&n| n != node && tree.dominates(n, node));
                strict.for_each(|other| assert!(tree.dominates(other, above)));
                assert_eq!(tree.children(above).filter(|&child| child == node).count(), 1);
            }
            None => {
                assert!((0..count).all(|n| n == node || !tree.dominates(n, node)));
                assert_eq!(tree.tops().filter(|&top| top == node).count(), 1);
            }
        }
        let children: Vec<u32> = tree.children(node).collect();
        assert!(
            children
                .iter()
                .all(|&child| tree.immediate_dominator(child) == Some(node))
        );
    }
    let sum: u64 = tree.tops().map(|top| tree.retained_size(top)).sum();
    assert_eq!(
        sum,
        reachable(snapshot, RootPolicy::Nodes(roots), policy).totals().self_size
    );
}

#[test]
fn the_graph_of_lengauer_and_tarjan() {
    // R=0 A=1 B=2 C=3 D=4 E=5 F=6 G=7 H=8 I=9 J=10 K=11 L=12, and the tree of the paper.
    let pairs = [
        (0, 1),
        (0, 2),
        (0, 3),
        (1, 4),
        (2, 1),
        (2, 4),
        (2, 5),
        (3, 6),
        (3, 7),
        (4, 12),
        (5, 8),
        (6, 9),
        (7, 9),
        (7, 10),
        (8, 5),
        (8, 11),
        (9, 11),
        (10, 9),
        (11, 0),
        (11, 9),
        (12, 8),
    ];
    let edges: Vec<_> = pairs.iter().map(|&(source, target)| (source, target, false)).collect();
    let snapshot = graph(13, &edges);
    let tree = dominators(&snapshot, RootPolicy::SnapshotRoot, EdgePolicy::Strong);
    let above: Vec<Option<u32>> = (0..13).map(|node| tree.immediate_dominator(node)).collect();
    let wanted = [
        None,
        Some(0),
        Some(0),
        Some(0),
        Some(0),
        Some(0),
        Some(3),
        Some(3),
        Some(0),
        Some(0),
        Some(7),
        Some(0),
        Some(4),
    ];
    assert_eq!(above, wanted);
    assert_eq!(tree.tops().collect::<Vec<_>>(), [0]);
    check(&snapshot, &[0], EdgePolicy::Strong, &tree);
}

#[test]
fn weak_edges_count_only_when_asked() {
    let snapshot = graph(3, &[(0, 1, false), (1, 2, true)]);
    let strong = dominators(&snapshot, RootPolicy::SnapshotRoot, EdgePolicy::Strong);
    assert!(!strong.is_reachable(2));
    assert_eq!(strong.retained_size(0), 3);
    let all = dominators(&snapshot, RootPolicy::SnapshotRoot, EdgePolicy::All);
    assert_eq!(all.immediate_dominator(2), Some(1));
    assert_eq!(all.retained_size(0), 7);
}

#[test]
fn what_two_roots_hold_belongs_to_neither() {
    let snapshot = graph(5, &[(0, 2, false), (1, 2, false), (2, 3, false), (1, 4, false)]);
    let tree = dominators(&snapshot, RootPolicy::Nodes(&[0, 1, 1]), EdgePolicy::Strong);
    assert_eq!(tree.immediate_dominator(2), None);
    assert_eq!(tree.immediate_dominator(3), Some(2));
    let mut tops: Vec<u32> = tree.tops().collect();
    tops.sort_unstable();
    assert_eq!(tops, [0, 1, 2]);
    check(&snapshot, &[0, 1], EdgePolicy::Strong, &tree);
    let none = dominators(&snapshot, RootPolicy::Nodes(&[]), EdgePolicy::Strong);
    assert_eq!((none.reachable_count(), none.tops().count()), (0, 0));
}

#[test]
fn long_chains_need_no_stack_and_no_quadratic_time() {
    // A doubly linked list, and every node also back to the first: deep, and with many predecessors of one node.
    const LENGTH: u32 = 300_000;
    let mut builder = SyntheticSnapshot::new();
    for ordinal in 0..LENGTH {
        builder.node(
            if ordinal == 0 {
                NodeType::Synthetic
            } else {
                NodeType::Object
            },
            "A",
            1,
        );
    }
    for ordinal in 1..LENGTH {
        builder.edge(ordinal - 1, EdgeType::Element, Label::Index(0), ordinal);
        builder.edge(ordinal, EdgeType::Element, Label::Index(1), ordinal - 1);
        builder.edge(ordinal, EdgeType::Element, Label::Index(2), 0);
    }
    let snapshot = Snapshot::read(builder.to_json().as_slice()).unwrap();
    let tree = dominators(&snapshot, RootPolicy::SnapshotRoot, EdgePolicy::Strong);
    assert_eq!(tree.retained_size(0), u64::from(LENGTH));
    assert_eq!(tree.retained_size(LENGTH - 1), 1);
    assert_eq!(tree.immediate_dominator(LENGTH - 1), Some(LENGTH - 2));
    assert_eq!(tree.subtree(LENGTH - 3, 2), [LENGTH - 3, LENGTH - 2]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_graphs(
        (count, edges, roots) in (1u32..16).prop_flat_map(|count| (
            Just(count),
            prop::collection::vec((0..count, 0..count, prop::bool::weighted(0.15)), 0..40),
            prop::collection::vec(0..count, 0..4),
        )),
        all: bool,
    ) {
        let snapshot = graph(count, &edges);
        let policy = if all { EdgePolicy::All } else { EdgePolicy::Strong };
        check(&snapshot, &[0], policy, &dominators(&snapshot, RootPolicy::SnapshotRoot, policy));
        check(&snapshot, &roots, policy, &dominators(&snapshot, RootPolicy::Nodes(&roots), policy));
    }
}
