//! Synthetic snapshots in every layout that writers use, read back.

#![forbid(unsafe_code)]

use flate2::Compression as Level;
use flate2::write::GzEncoder;
use std::io::{Read, Write};
use tenure_snapshot::synthetic::{JsonLayout, Label, SyntheticSnapshot, Whitespace};
use tenure_snapshot::{Detachedness, EdgeType, NodeType, ReadOptions, Snapshot};

const WILD: &str = "é \u{1F600} \"quoted\" \\ / \u{8}\u{c}\n\r\t\u{1} end";

fn sample() -> SyntheticSnapshot {
    let mut graph = SyntheticSnapshot::new();
    let root = graph.node(NodeType::Synthetic, "", 0);
    let roots = graph.node(NodeType::Synthetic, "(GC roots)", 0);
    let account = graph.node_with_id(NodeType::Object, WILD, 48, (1 << 53) - 1);
    let table = graph.node_with_id(
        NodeType::Native,
        "system / JSArrayBufferData",
        u64::from(u32::MAX) * 9,
        44,
    );
    graph.set_detachedness(table, Detachedness::Detached);
    graph.edge(account, EdgeType::Property, Label::Name("self"), account);
    graph.edge(root, EdgeType::Element, Label::Index(1), roots);
    graph.edge(roots, EdgeType::Internal, Label::Name("1"), account);
    graph.edge(account, EdgeType::Hidden, Label::Index(u32::MAX), table);
    graph.edge(account, EdgeType::Weak, Label::Name("target"), table);
    graph
}

/// Everything in a snapshot that does not depend on the layout.
fn contents(snapshot: &Snapshot) -> Vec<String> {
    let mut lines = Vec::new();
    for node in snapshot.nodes() {
        let (kind, name) = (snapshot.node_type_name(node.type_index), snapshot.string(node.name));
        lines.push(format!(
            "{kind:?} {name:?} {} {} {}",
            node.id, node.self_size, node.edge_count
        ));
        for edge in snapshot.edges(node.ordinal) {
            let kind = snapshot.edge_type_name(edge.type_index);
            lines.push(format!("  {kind:?} {} -> {}", edge.name_or_index, edge.target));
        }
    }
    lines
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn what_is_written_is_read() {
    let snapshot = Snapshot::read(sample().to_json().as_slice()).unwrap();
    assert_eq!((snapshot.node_count(), snapshot.edge_count()), (4, 5));
    assert_eq!(snapshot.total_self_size(), 48 + u64::from(u32::MAX) * 9);
    let account = snapshot.node(2);
    assert_eq!(
        (account.id, account.self_size, account.edge_count),
        ((1 << 53) - 1, 48, 3)
    );
    assert_eq!(snapshot.string(account.name), Some(WILD));
    assert_eq!(snapshot.node_type_name(account.type_index), Some("object"));
    assert_eq!(snapshot.node(3).detachedness, Detachedness::Detached);
    assert_eq!(snapshot.node(2).detachedness, Detachedness::Unknown);
    let edges: Vec<_> = snapshot.edges(2).collect();
    let targets: Vec<_> = edges.iter().map(|edge| edge.target).collect();
    assert_eq!(targets, [2, 3, 3]);
    assert_eq!(edges[1].name_or_index, u32::MAX);
    assert_eq!(snapshot.string(edges[2].name_or_index), Some("target"));
    assert_eq!(
        edges.iter().map(|&edge| snapshot.is_weak(edge)).collect::<Vec<_>>(),
        [false, false, true]
    );
    assert_eq!(
        snapshot.edges(2).rev().map(|edge| edge.target).collect::<Vec<_>>(),
        [3, 3, 2]
    );
    assert_eq!(snapshot.edges(3).len(), 0);
}

#[test]
fn white_space_columns_and_sections_are_free() {
    let expected = contents(&Snapshot::read(sample().to_json().as_slice()).unwrap());
    let node_columns: [&[&str]; 5] = [
        &[
            "type",
            "name",
            "id",
            "self_size",
            "edge_count",
            "trace_node_id",
            "detachedness",
        ],
        &["type", "name", "id", "self_size", "edge_count", "detachedness"],
        &["type", "name", "id", "self_size", "edge_count", "trace_node_id"],
        &["type", "name", "id", "self_size", "edge_count"],
        &[
            "x",
            "edge_count",
            "self_size",
            "y",
            "id",
            "detachedness",
            "name",
            "type",
            "z",
        ],
    ];
    let edge_columns: [&[&str]; 3] = [
        &["type", "name_or_index", "to_node"],
        &["to_node", "type", "name_or_index"],
        &["name_or_index", "to_node", "age", "type"],
    ];
    let sections: [&[&str]; 5] = [
        &[
            "snapshot",
            "nodes",
            "edges",
            "trace_function_infos",
            "trace_tree",
            "samples",
            "locations",
            "strings",
        ],
        &["snapshot", "nodes", "edges", "strings"],
        &["snapshot", "strings", "edges", "nodes", "locations"],
        &["locations", "snapshot", "edges", "unknown", "nodes", "strings", "last"],
        &["strings", "snapshot", "nodes", "edges"],
    ];
    for node_fields in node_columns {
        for edge_fields in edge_columns {
            for sections in sections {
                for whitespace in [Whitespace::Compact, Whitespace::Lines, Whitespace::Pretty] {
                    let layout = JsonLayout {
                        node_fields: owned(node_fields),
                        edge_fields: owned(edge_fields),
                        sections: owned(sections),
                        whitespace,
                    };
                    let text = sample().to_json_with(&layout);
                    serde_json::from_slice::<serde_json::Value>(&text).unwrap();
                    let snapshot = Snapshot::read(text.as_slice()).unwrap_or_else(|error| panic!("{error} {layout:?}"));
                    assert_eq!(contents(&snapshot), expected, "{layout:?}");
                }
            }
        }
    }
}

#[test]
fn unknown_keys_of_any_shape_are_skipped() {
    let text = String::from_utf8(sample().to_json()).unwrap();
    let odd = r#"{"a":[1,-2.5e3,[{"b":"]}\"\\"}],null,true],"c":{}}"#;
    let text = text.replacen('{', &format!("{{\"odd\":{odd},\"n\":-1e5,\"s\":\"\\u0041]\","), 1);
    let text = text.replacen(
        "\"meta\":{",
        &format!("\"extra_native_bytes\":7,\"meta\":{{\"odd\":{odd},"),
        1,
    );
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
    assert_eq!(Snapshot::read(text.as_bytes()).unwrap().node_count(), 4);
}

#[test]
fn columns_that_are_not_used_may_hold_any_number() {
    let text = String::from_utf8(SyntheticSnapshot::random(1, 1, 0).to_json()).unwrap();
    let start = text.find("\"nodes\":[").unwrap() + "\"nodes\":[".len();
    let mut numbers: Vec<&str> = text[start..].split(',').collect();
    numbers[5] = "-12.5e+3";
    let text = format!("{}{}", &text[..start], numbers.join(","));
    assert_eq!(Snapshot::read(text.as_bytes()).unwrap().node_count(), 3);
}

#[test]
fn counters_may_be_missing_and_a_byte_order_mark_present() {
    let text = String::from_utf8(sample().to_json()).unwrap();
    let text = text.replace("\"node_count\":4,\"edge_count\":5,", "");
    assert_eq!(
        Snapshot::read(format!("\u{feff} {text}\n \n").as_bytes())
            .unwrap()
            .edge_count(),
        5
    );
}

#[test]
fn a_root_at_the_end_is_found() {
    let mut graph = SyntheticSnapshot::new();
    let object = graph.node(NodeType::Object, "A", 16);
    let root = graph.node(NodeType::Synthetic, "", 0);
    graph.edge(root, EdgeType::Element, Label::Index(0), object);
    assert_eq!(Snapshot::read(graph.to_json().as_slice()).unwrap().root(), 1);
}

#[test]
fn strings_are_decoded_as_far_as_they_can_be() {
    let cases: [(&[u8], &str); 7] = [
        (b"\\ud83d\\ude00", "\u{1F600}"),
        (b"a\\ud83d", "a\u{fffd}"),
        (b"\\ud83dx\\ude00", "\u{fffd}x\u{fffd}"),
        (b"\\ud83d\\n\\uD83D\\uD83D\\uDE00", "\u{fffd}\n\u{fffd}\u{1F600}"),
        (b"\\/\\b\\f\\r\\t\\\"\\\\", "/\u{8}\u{c}\r\t\"\\"),
        ("é\u{1F600}".as_bytes(), "é\u{1F600}"),
        (b"\xff", "\u{fffd}"),
    ];
    for (escaped, expected) in cases {
        let mut text = sample().to_json();
        let end = text.iter().rposition(|&byte| byte == b']').unwrap();
        let addition = [b",\"", escaped, b"\""].concat();
        text.splice(end..end, addition);
        let snapshot = Snapshot::read(text.as_slice()).unwrap();
        let last = (0..)
            .take_while(|&index| snapshot.string(index).is_some())
            .last()
            .unwrap();
        assert_eq!(snapshot.string(last), Some(expected));
    }
}

struct Chunks<'a> {
    rest: &'a [u8],
    size: usize,
    interrupt: bool,
}

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.interrupt = !self.interrupt;
        if self.interrupt {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let count = self.size.min(self.rest.len()).min(buffer.len());
        buffer[..count].copy_from_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        Ok(count)
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn compression_and_the_size_of_reads_make_no_difference() {
    let text = SyntheticSnapshot::random(7, 400, 3).to_json();
    let expected = Snapshot::read(text.as_slice()).unwrap();
    let (head, tail) = text.split_at(text.len() / 3);
    let inputs = [
        text.clone(),
        gzip(&text),
        [gzip(head), gzip(tail)].concat(),
        zstd::encode_all(text.as_slice(), 3).unwrap(),
        [zstd::encode_all(head, 3).unwrap(), zstd::encode_all(tail, 3).unwrap()].concat(),
    ];
    for (index, input) in inputs.iter().enumerate() {
        for size in [1, 2, 25, 31, 64, 1000, usize::MAX] {
            let reader = Chunks {
                rest: input,
                size,
                interrupt: false,
            };
            let mut taken = 0;
            let read = Snapshot::read_with(reader, &ReadOptions::new(), &mut |bytes| taken = bytes).unwrap();
            assert_eq!(contents(&read), contents(&expected), "input {index}, reads of {size}");
            assert_eq!(read.totals(), expected.totals());
            assert_eq!(taken, input.len() as u64);
        }
    }
}

#[test]
fn the_checksum_ignores_order_and_sees_every_edge() {
    let build = |order: &[(u32, u32)]| {
        let mut graph = SyntheticSnapshot::new();
        for _ in 0..4 {
            graph.node(NodeType::Object, "A", 8);
        }
        for &(source, target) in order {
            graph.edge(source, EdgeType::Element, Label::Index(0), target);
        }
        Snapshot::read(graph.to_json().as_slice()).unwrap().edge_checksum()
    };
    let checksum = build(&[(0, 1), (0, 2), (1, 2), (1, 2), (3, 3)]);
    assert_eq!(checksum, build(&[(1, 2), (0, 2), (3, 3), (0, 1), (1, 2)]));
    assert_ne!(checksum, build(&[(0, 1), (0, 2), (1, 2), (3, 3)]));
    assert_ne!(checksum, build(&[(0, 1), (0, 2), (2, 1), (1, 2), (3, 3)]));
    assert_ne!(checksum, build(&[(0, 1), (0, 2), (1, 2), (1, 3), (3, 2)]));
}
