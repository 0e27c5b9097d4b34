//! Damage of any sort gives an error or a consistent snapshot, and never a panic.

#![forbid(unsafe_code)]

use proptest::prelude::*;
use std::io::Write;
use tenure_snapshot::dominators::{RootPolicy, dominators};
use tenure_snapshot::synthetic::{JsonLayout, SyntheticSnapshot, Whitespace};
use tenure_snapshot::{EdgePolicy, ErrorKind, Snapshot, reachable};

fn text(whitespace: Whitespace) -> Vec<u8> {
    SyntheticSnapshot::random(3, 12, 2).to_json_with(&JsonLayout {
        whitespace,
        ..JsonLayout::default()
    })
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// Reads, and if the damage went unnoticed, uses all that was read.
fn survives(data: &[u8]) {
    match Snapshot::read(data) {
        Err(error) => {
            assert!(!error.to_string().is_empty());
            let ErrorKind::Io(_) = error.kind() else {
                assert!(error.place().offset.is_some(), "{error}");
                return;
            };
            panic!("reading from memory cannot fail: {error}");
        }
        Ok(snapshot) => {
            let edges: u64 = snapshot.nodes().map(|node| u64::from(node.edge_count)).sum();
            assert_eq!(edges, u64::from(snapshot.edge_count()));
            for node in snapshot.nodes() {
                assert!(snapshot.string(node.name).is_some());
                assert!(snapshot.node_type_name(node.type_index).is_some());
                for edge in snapshot.edges(node.ordinal) {
                    assert!(edge.target < snapshot.node_count());
                    assert!(snapshot.edge_type_name(edge.type_index).is_some());
                }
            }
            let tree = dominators(&snapshot, RootPolicy::SnapshotRoot, EdgePolicy::Strong);
            let alive = reachable(&snapshot, RootPolicy::SnapshotRoot, EdgePolicy::Strong);
            assert_eq!(tree.retained_size(snapshot.root()), alive.totals().self_size);
        }
    }
}

#[test]
fn a_file_cut_anywhere_is_an_error_at_the_cut() {
    for whitespace in [Whitespace::Compact, Whitespace::Lines, Whitespace::Pretty] {
        let text = text(whitespace);
        Snapshot::read(text.as_slice()).unwrap();
        for length in 0..text.len() {
            let error = Snapshot::read(&text[..length]).expect_err("cut");
            match error.kind() {
                ErrorKind::NotASnapshot { .. } => assert_eq!(length, 0),
                ErrorKind::Truncated { .. } => assert_eq!(error.place().offset, Some(length as u64)),
                _ => panic!("cut at {length}: {error}"),
            }
        }
    }
}

#[test]
fn a_compressed_file_cut_anywhere_is_an_error() {
    let text = text(Whitespace::Lines);
    for data in [gzip(&text), zstd::encode_all(text.as_slice(), 3).unwrap()] {
        Snapshot::read(data.as_slice()).unwrap();
        for length in 0..data.len() {
            assert!(
                Snapshot::read(&data[..length]).is_err(),
                "cut at {length} of {}",
                data.len()
            );
        }
    }
}

#[test]
fn every_single_byte_can_be_any_of_the_awkward_ones() {
    let text = text(Whitespace::Lines);
    for place in 0..text.len() {
        for byte in [
            b'"', b'\\', b'[', b']', b'{', b'}', b',', b':', b'-', b'.', b'9', b' ', 0, 0xff,
        ] {
            let mut damaged = text.clone();
            damaged[place] = byte;
            survives(&damaged);
        }
    }
}

#[derive(Clone, Debug)]
enum Damage {
    Set(prop::sample::Index, u8),
    Remove(prop::sample::Index, usize),
    Double(prop::sample::Index, usize),
    Insert(prop::sample::Index, String),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<prop::sample::Index>;
    let fragment = prop_oneof![
        "[0-9]{1,24}",
        Just("\"nodes\":[".to_owned()),
        Just("],\"edges\":[".to_owned()),
        Just("\\ud800".to_owned()),
        Just("-1.5e3".to_owned()),
        "[\\[\\]{},:\"\\\\]{1,4}",
    ];
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (place(), 1..64usize).prop_map(|(at, count)| Damage::Remove(at, count)),
        (place(), 1..64usize).prop_map(|(at, count)| Damage::Double(at, count)),
        (place(), fragment).prop_map(|(at, text)| Damage::Insert(at, text)),
    ]
}

fn apply(data: &mut Vec<u8>, damage: &[Damage]) {
    for one in damage {
        if data.is_empty() {
            return;
        }
        match one {
            Damage::Set(at, byte) => {
                let at = at.index(data.len());
                data[at] = *byte;
            }
            Damage::Remove(at, count) => {
                let at = at.index(data.len());
                data.drain(at..(at + count).min(data.len()));
            }
            Damage::Double(at, count) => {
                let at = at.index(data.len());
                let piece = data[at..(at + count).min(data.len())].to_vec();
                data.splice(at..at, piece);
            }
            Damage::Insert(at, text) => {
                let at = at.index(data.len());
                data.splice(at..at, text.bytes());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_text(changes in prop::collection::vec(damage(), 1..4), pretty: bool) {
        let mut data = text(if pretty { Whitespace::Pretty } else { Whitespace::Lines });
        apply(&mut data, &changes);
        survives(&data);
        survives(&gzip(&data));
    }

    #[test]
    fn damaged_streams(changes in prop::collection::vec(damage(), 1..4), use_gzip: bool) {
        let text = text(Whitespace::Lines);
        let mut data = if use_gzip { gzip(&text) } else { zstd::encode_all(text.as_slice(), 3).unwrap() };
        apply(&mut data, &changes);
        survives(&data);
    }

    #[test]
    fn noise(data in prop::collection::vec(any::<u8>(), 0..200)) {
        survives(&data);
        survives(&[b"{\"snapshot\":".as_slice(), &data].concat());
    }
}
