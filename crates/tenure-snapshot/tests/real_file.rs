//! A snapshot that Node 20 wrote, against an independent JSON parser.

#![forbid(unsafe_code)]

use serde_json::Value;
use std::path::{Path, PathBuf};
use tenure_snapshot::dominators::{RootPolicy, dominators};
use tenure_snapshot::{EdgePolicy, ReadOptions, Snapshot, mix_edge, reachable};

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/s-worker.heapsnapshot.zst")
}

#[test]
fn totals_are_those_that_node_wrote() {
    let snapshot = Snapshot::open(path()).unwrap();
    assert_eq!(snapshot.node_count(), 56_653);
    assert_eq!(snapshot.edge_count(), 229_792);
    assert_eq!(snapshot.total_self_size(), 4_075_456);
    assert_eq!(snapshot.root(), 0);
    assert_eq!(snapshot.node(0).id, 1);
    assert_eq!(snapshot.string(0), Some("<dummy>"));
    assert_eq!(snapshot.string(u32::MAX), None);
}

#[test]
fn every_node_edge_and_string_is_what_a_json_parser_reads() {
    let snapshot = Snapshot::open(path()).unwrap();
    let text = zstd::decode_all(std::fs::File::open(path()).unwrap()).unwrap();
    let whole: Value = serde_json::from_slice(&text).unwrap();
    let numbers = |key: &str| -> Vec<u64> {
        whole[key]
            .as_array()
            .unwrap()
            .iter()
            .map(|number| number.as_u64().unwrap())
            .collect()
    };
    let (nodes, edges) = (numbers("nodes"), numbers("edges"));
    let strings = whole["strings"].as_array().unwrap();
    let meta = &whole["snapshot"]["meta"];

    let mut next_edge = 0;
    let mut checksum = 0u64;
    for (ordinal, fields) in nodes.chunks_exact(7).enumerate() {
        let node = snapshot.node(ordinal as u32);
        let read = [
            u64::from(node.type_index),
            u64::from(node.name),
            node.id,
            node.self_size,
            u64::from(node.edge_count),
            0,
            node.detachedness as u64,
        ];
        assert_eq!(read, fields, "node {ordinal}");
        assert_eq!(
            snapshot.node_type_name(node.type_index),
            meta["node_types"][0][fields[0] as usize].as_str()
        );
        for edge in snapshot.edges(ordinal as u32) {
            let fields = &edges[next_edge * 3..next_edge * 3 + 3];
            let read = [
                u64::from(edge.type_index),
                u64::from(edge.name_or_index),
                u64::from(edge.target) * 7,
            ];
            assert_eq!(read, fields, "edge {next_edge}");
            let name = meta["edge_types"][0][fields[0] as usize].as_str();
            assert_eq!(snapshot.edge_type_name(edge.type_index), name);
            assert_eq!(snapshot.is_weak(edge), name == Some("weak"));
            checksum = checksum.wrapping_add(mix_edge(node.id, nodes[fields[2] as usize + 2]));
            next_edge += 1;
        }
    }
    assert_eq!(next_edge * 3, edges.len());
    assert_eq!(snapshot.edge_checksum(), checksum);
    for (index, string) in strings.iter().enumerate() {
        assert_eq!(snapshot.string(index as u32), string.as_str());
    }
    assert_eq!(snapshot.string(strings.len() as u32), None);
}

#[test]
fn memory_is_24_bytes_per_node_and_9_per_edge() {
    let options = ReadOptions::new().keep_strings(false);
    let snapshot = Snapshot::open_with(path(), &options, &mut |_, _| {}).unwrap();
    assert_eq!(snapshot.memory_bytes(), 24 * 56_653 + 9 * 229_792);
    assert_eq!(snapshot.string(0), None);
}

#[test]
fn progress_counts_the_bytes_of_the_file() {
    let size = std::fs::metadata(path()).unwrap().len();
    let mut told = Vec::new();
    Snapshot::open_with(path(), &ReadOptions::new(), &mut |read, total| told.push((read, total))).unwrap();
    assert!(told.len() > 3);
    assert!(told.iter().all(|&(_, total)| total == size));
    assert!(told.is_sorted());
    assert_eq!(told.last(), Some(&(size, size)));
}

#[test]
fn the_root_retains_all_that_is_reachable() {
    let snapshot = Snapshot::open(path()).unwrap();
    let tree = dominators(&snapshot, RootPolicy::SnapshotRoot, EdgePolicy::Strong);
    let alive = reachable(&snapshot, RootPolicy::SnapshotRoot, EdgePolicy::Strong);
    let size: u64 = snapshot
        .nodes()
        .filter(|node| alive.contains(node.ordinal))
        .map(|node| node.self_size)
        .sum();
    assert_eq!(tree.retained_size(0), size);
    assert_eq!(alive.totals().self_size, size);
    assert_eq!(u64::from(tree.reachable_count()), alive.totals().nodes);
    assert_eq!(tree.subtree(0, usize::MAX).len(), tree.reachable_count() as usize);
    // DevTools shows the whole self size as retained by the root of a snapshot of Node.
    assert_eq!(size, 4_075_456);

    let all = reachable(&snapshot, RootPolicy::SnapshotRoot, EdgePolicy::All).totals();
    assert_eq!(all, snapshot.totals());
}

#[test]
fn a_missing_file_and_a_directory_are_named() {
    let missing = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/no-such-file");
    let error = Snapshot::open(&missing).unwrap_err();
    assert!(error.to_string().contains("no-such-file"), "{error}");
    assert_eq!(error.place().path.as_deref(), Some(missing.as_path()));
    let error = Snapshot::open(env!("CARGO_MANIFEST_DIR")).unwrap_err();
    assert!(error.to_string().contains("tenure-snapshot"), "{error}");
}
