//! Every kind of fault, told with its place.

#![forbid(unsafe_code)]

use std::io::{self, Read, Write};
use tenure_snapshot::{Compression, ErrorKind, Snapshot, SnapshotError};

const GOOD: &str = concat!(
    r#"{"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count"],"#,
    r#""node_types":[["synthetic","object"],"string","number","number","number"],"#,
    r#""edge_fields":["type","name_or_index","to_node"],"#,
    r#""edge_types":[["element","property","weak"],"string_or_number","node"]},"node_count":2,"edge_count":2},"#,
    r#""nodes":[0,0,1,0,1,1,1,3,16,1],"edges":[0,7,5,1,1,0],"samples":[],"strings":["","A"]}"#
);
const NODES: &str = "0,0,1,0,1,1,1,3,16,1";
const EDGES: &str = "0,7,5,1,1,0";

fn fails(text: &str) -> SnapshotError {
    Snapshot::read(text.as_bytes()).expect_err(text)
}

fn changed(from: &str, to: &str) -> String {
    assert_eq!(GOOD.matches(from).count(), 1, "{from}");
    GOOD.replace(from, to)
}

/// Replaces `from` by `to`, and expects an error at the byte where `at` begins within `to`.
#[track_caller]
fn broken(from: &str, to: &str, at: &str) -> SnapshotError {
    let text = changed(from, to);
    let error = fails(&text);
    let offset = text.find(to).unwrap() + to.find(at).unwrap();
    assert_eq!(error.place().offset, Some(offset as u64), "{error}");
    error
}

#[track_caller]
fn in_place(error: &SnapshotError, section: &str, element: Option<u64>) {
    assert_eq!(error.place().section.as_deref(), Some(section), "{error}");
    assert_eq!(error.place().element, element, "{error}");
}

#[track_caller]
fn in_field(error: &SnapshotError, record: u64, field: &str) {
    assert_eq!(
        (error.place().record, error.place().field.as_deref()),
        (Some(record), Some(field)),
        "{error}"
    );
}

#[test]
fn the_text_that_the_tests_break_is_good() {
    let snapshot = Snapshot::read(GOOD.as_bytes()).unwrap();
    assert_eq!(
        (snapshot.node_count(), snapshot.edge_count(), snapshot.total_self_size()),
        (2, 2, 16)
    );
}

#[test]
fn other_files_are_not_snapshots() {
    let html = "<!DOCTYPE html><html></html>";
    let profile = r#"{"head":{"id":1},"samples":[],"startTime":1.5}"#;
    for (text, found) in [
        ("", "empty input"),
        ("  \n", "empty input"),
        (html, "<!DOCTYPE html>"),
        ("[1]", "[1]"),
        ("{}", "empty JSON object"),
        (profile, "head, samples, startTime"),
    ] {
        let error = fails(text);
        assert!(matches!(error.kind(), ErrorKind::NotASnapshot { .. }), "{error}");
        assert!(error.to_string().contains(found), "{error}");
    }
}

#[test]
fn truncation_tells_what_should_follow() {
    let cut = GOOD.find("5,1,1,0]").unwrap();
    let error = fails(&GOOD[..cut]);
    assert!(matches!(error.kind(), ErrorKind::Truncated { .. }), "{error}");
    assert_eq!(error.place().offset, Some(cut as u64));
    in_place(&error, "edges", Some(2));
    in_field(&error, 0, "to_node");
    assert_eq!(
        error.to_string(),
        format!(
            "the heap snapshot is cut off at section \"edges\", element 2 (to_node of edge 0), byte {cut}: the text \
             ends where a non-negative integer should follow; copy the file again or take a new snapshot"
        )
    );
    let error = fails(&GOOD[..GOOD.len() - 3]);
    in_place(&error, "strings", Some(1));
}

#[test]
fn syntax_is_told_to_the_byte() {
    let error = broken(EDGES, "0,7,5,1,x,0", "x");
    assert!(matches!(error.kind(), ErrorKind::Syntax { .. }), "{error}");
    in_place(&error, "edges", Some(4));
    in_field(&error, 1, "name_or_index");
    in_place(&broken(NODES, "0,0,1,0,1,1,1,3,-16,1", "-16"), "nodes", Some(8));
    in_place(&broken(NODES, "0,0,1,0,1,1,1,3,1.5,1", ".5"), "nodes", Some(8));
    in_place(&broken(NODES, "0,0,1,0,1,1,1,3,1e5,1", "e5"), "nodes", Some(8));
    in_place(
        &broken(NODES, "0,0,1,0,1,1,1,3,18446744073709551616,1", "18446744073709551616"),
        "nodes",
        Some(8),
    );
    in_place(&broken(NODES, "0,0,1,0,1,1,1,3 16,1", "16"), "nodes", Some(7));
    in_place(&broken(NODES, "0,0,1,0,1,1,1,3,#,1", "#"), "nodes", Some(8));
    in_place(&broken(r#""A"]"#, r#""A",]"#, "]"), "strings", Some(2));
    in_place(&broken(r#""A"]"#, r#""\q"]"#, "\\q"), "strings", Some(1));
    in_place(&broken(r#""A"]"#, r#""\u00g0"]"#, "g0"), "strings", Some(1));
    in_place(&broken(r#""A"]"#, "\"A\nB\"]", "\n"), "strings", Some(1));
    in_place(&broken(r#""A"]"#, r#"7]"#, "7"), "strings", Some(1));
    in_place(&broken(r#""samples":[]"#, r#""samples":[}"#, "}"), "samples", None);
    in_place(&broken(r#""samples":[]"#, r#""samples":[?]"#, "?"), "samples", None);
    in_place(&broken(r#""samples":[]"#, r#""samples":]"#, "]"), "samples", None);
    in_place(
        &broken(r#""node_count":2"#, r#""node_count":"2""#, "\"2\""),
        "snapshot",
        None,
    );
    in_place(&broken(r#""node_count":2"#, r#""node_count" 2"#, "2"), "snapshot", None);
    broken(r#","samples""#, r#" "samples""#, "\"samples");
    broken(r#"{"snapshot""#, r#"{snapshot""#, "snapshot");
}

#[test]
fn missing_doubled_and_misplaced_sections() {
    for section in ["nodes", "edges", "strings", "snapshot"] {
        let text = GOOD.replace(&format!("\"{section}\":"), "\"other\":");
        let error = fails(&text);
        match error.kind() {
            ErrorKind::MissingSection { name } => assert_eq!(*name, section),
            ErrorKind::SectionBeforeMeta { name } => assert_eq!((*name, section), ("nodes", "snapshot")),
            _ => panic!("{error}"),
        }
    }
    let error = fails(&changed("\"meta\":", "\"other\":"));
    assert!(
        matches!(error.kind(), ErrorKind::MissingSection { name: "snapshot.meta" }),
        "{error}"
    );
    in_place(&error, "snapshot", None);
    for section in ["nodes", "edges", "strings", "snapshot"] {
        let text = changed("\"samples\":[]", &format!("\"{section}\":[]"));
        let error = fails(&text);
        match section {
            // The real one comes later, and is the second.
            "strings" => assert_eq!(error.place().offset, Some(GOOD.find("[\"\",\"A\"").unwrap() as u64)),
            _ => assert_eq!(error.place().offset, Some((text.rfind("[]").unwrap()) as u64)),
        }
        assert!(
            matches!(error.kind(), ErrorKind::DuplicateSection { name } if *name == section),
            "{error}"
        );
    }
    let text = format!("{{\"edges\":[{EDGES}],{}", &GOOD[1..]);
    let error = fails(&text);
    assert!(
        matches!(error.kind(), ErrorKind::SectionBeforeMeta { name: "edges" }),
        "{error}"
    );
    in_place(&error, "edges", None);
}

#[test]
fn missing_fields_and_types() {
    for (list, field) in [
        ("node_fields", "type"),
        ("node_fields", "name"),
        ("node_fields", "id"),
        ("node_fields", "self_size"),
        ("node_fields", "edge_count"),
        ("edge_fields", "type"),
        ("edge_fields", "name_or_index"),
        ("edge_fields", "to_node"),
    ] {
        let start = GOOD.find(list).unwrap();
        let text = format!(
            "{}{}",
            &GOOD[..start],
            GOOD[start..].replacen(&format!("\"{field}\""), "\"_\"", 1)
        );
        let error = fails(&text);
        let ErrorKind::MissingField {
            list: at,
            field: lacks,
            found,
        } = error.kind()
        else {
            panic!("{error}")
        };
        assert_eq!((*at, *lacks), (list, field));
        assert!(found.contains(&"_".to_owned()));
        in_place(&error, "snapshot", None);
    }
    for (from, to) in [
        (r#""node_types":"#, r#""other":"#),
        (r#"["synthetic","object"]"#, r#"[]"#),
        (r#"["element","property","weak"]"#, r#""string""#),
    ] {
        let error = fails(&changed(from, to));
        assert!(matches!(error.kind(), ErrorKind::BadTypes { .. }), "{error}");
    }
    let many = vec!["\"t\""; 257].join(",");
    let error = fails(&changed(r#""synthetic","object""#, &many));
    assert!(matches!(error.kind(), ErrorKind::Syntax { .. }), "{error}");
    let long = "x".repeat(70_000);
    let error = broken(r#""object"]"#, &format!("\"{long}\"]"), "xxx");
    assert!(error.to_string().contains("64 KiB"), "{error}");
}

#[test]
fn partial_records() {
    let error = broken(&format!("{EDGES}]"), "0,7,5,1,1]", "]");
    assert!(
        matches!(error.kind(), ErrorKind::PartialRecord { fields: 3, found: 2 }),
        "{error}"
    );
    in_place(&error, "edges", Some(4));
}

#[test]
fn numbers_out_of_range() {
    let range = |error: &SnapshotError, value| {
        assert!(
            matches!(error.kind(), ErrorKind::OutOfRange { value: v, .. } if *v == value),
            "{error}"
        );
    };
    let error = broken(NODES, "0,0,1,0,1,22,1,3,16,1", "22");
    range(&error, 22);
    in_place(&error, "nodes", Some(5));
    in_field(&error, 1, "type");

    let error = broken(EDGES, "0,7,5,3,1,0", "3,");
    range(&error, 3);
    in_field(&error, 1, "type");

    let error = broken(NODES, "0,0,1,0,1,1,1,9007199254740992,16,1", "9007199254740992");
    range(&error, 1 << 53);
    in_field(&error, 1, "id");

    let error = broken(NODES, "0,0,1,1,1,1,1,3,18446744073709551615,1", "18446744073709551615");
    range(&error, u64::MAX);
    in_field(&error, 1, "self_size");

    let error = broken(NODES, "0,0,1,0,1,1,1,3,16,4294967295", "4294967295");
    range(&error, u64::from(u32::MAX));
    in_field(&error, 1, "edge_count");

    // Names are judged when the strings are known, and still told to the byte.
    let error = broken(NODES, "0,0,1,0,1,1,2,3,16,1", "2,3");
    range(&error, 2);
    in_place(&error, "nodes", Some(6));
    in_field(&error, 1, "name");
    assert!(error.to_string().contains("one of 2 strings"), "{error}");

    let error = broken(NODES, "0,0,1,0,1,1,4294967296,3,16,1", "4294967296");
    range(&error, 1 << 32);
    in_field(&error, 1, "name");

    let error = broken(EDGES, "0,7,5,1,99,0", "99");
    range(&error, 99);
    in_field(&error, 1, "name_or_index");
    let error = broken(EDGES, "0,4294967296,5,1,1,0", "4294967296");
    in_field(&error, 0, "name_or_index");

    let error = broken(EDGES, "0,7,10,1,1,0", "10");
    range(&error, 10);
    in_place(&error, "edges", Some(2));
    in_field(&error, 0, "to_node");
    assert!(error.to_string().contains("below 10"), "{error}");
}

#[test]
fn a_target_out_of_range_is_found_when_the_nodes_come_last() {
    let both = format!("\"nodes\":[{NODES}],\"edges\":[{EDGES}]");
    let text = changed(&both, &format!("\"edges\":[0,7,5,1,1,3000],\"nodes\":[{NODES}]"));
    let error = fails(&text);
    assert!(
        matches!(error.kind(), ErrorKind::OutOfRange { value: 3000, .. }),
        "{error}"
    );
    assert_eq!(error.place().offset, Some(text.find("3000").unwrap() as u64));
    in_place(&error, "edges", Some(5));
    in_field(&error, 1, "to_node");
}

#[test]
fn targets_between_nodes() {
    let error = broken(EDGES, "0,7,5,1,1,4", "4");
    assert!(
        matches!(
            error.kind(),
            ErrorKind::MisalignedTarget {
                value: 4,
                node_fields: 5
            }
        ),
        "{error}"
    );
    in_place(&error, "edges", Some(5));
    in_field(&error, 1, "to_node");
}

#[test]
fn counters_and_sums_that_disagree() {
    let error = fails(&changed("\"node_count\":2", "\"node_count\":3"));
    let wanted = ErrorKind::CountMismatch {
        counter: "node_count",
        declared: 3,
        found: 2,
    };
    assert_eq!(error.kind().to_string(), wanted.to_string());
    in_place(&error, "nodes", None);
    assert_eq!(
        error.place().offset,
        Some((GOOD.find(NODES).unwrap() + NODES.len() + 1) as u64)
    );

    let error = fails(&changed("\"edge_count\":2", "\"edge_count\":1"));
    assert!(matches!(
        error.kind(),
        ErrorKind::CountMismatch {
            counter: "edge_count",
            declared: 1,
            found: 2
        }
    ));
    in_place(&error, "edges", None);

    for (nodes, expected) in [("0,0,1,0,1,1,1,3,16,2", 3), ("0,0,1,0,0,1,1,3,16,1", 1)] {
        let error = fails(&changed(NODES, nodes));
        assert!(
            matches!(error.kind(), ErrorKind::EdgeCountSum { sum, edges: 2 } if *sum == expected),
            "{error}"
        );
        in_place(&error, "edges", None);
        assert_eq!(
            error.place().offset,
            Some((GOOD.find(EDGES).unwrap() + EDGES.len() + 1) as u64)
        );
    }
}

#[test]
fn no_nodes_at_all() {
    let error = fails(&changed(NODES, ""));
    assert!(matches!(error.kind(), ErrorKind::NoNodes), "{error}");
    in_place(&error, "nodes", None);
}

#[test]
fn data_after_the_end() {
    let error = fails(&format!("{GOOD}\n{{}}"));
    assert!(matches!(error.kind(), ErrorKind::TrailingData { .. }), "{error}");
    assert_eq!(error.place().offset, Some(GOOD.len() as u64 + 1));
}

#[test]
fn brackets_nested_without_end() {
    let deep = format!("\"samples\":{}", "[".repeat((1 << 20) + 1));
    let error = fails(&changed("\"samples\":[]", &deep));
    assert!(error.to_string().contains("2^20"), "{error}");
}

#[test]
fn counters_of_a_damaged_file_do_not_exhaust_memory() {
    let error = fails(&changed("\"node_count\":2", "\"node_count\":18446744073709551615"));
    assert!(
        matches!(error.kind(), ErrorKind::CountMismatch { declared: u64::MAX, .. }),
        "{error}"
    );
}

#[test]
fn compressed_streams_that_are_damaged() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(GOOD.as_bytes()).unwrap();
    let gzip = encoder.finish().unwrap();
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(GOOD.as_bytes()).unwrap();
    let zstd = encoder.finish().unwrap();
    for (format, data) in [(Compression::Gzip, gzip), (Compression::Zstd, zstd)] {
        assert!(Snapshot::read(data.as_slice()).is_ok());
        // The last bytes are the checksum, after the whole text.
        let mut wrong_checksum = data.clone();
        *wrong_checksum
            .iter_mut()
            .rev()
            .nth(4 - usize::from(format == Compression::Zstd))
            .unwrap() ^= 1;
        let mut garbage_after = data.clone();
        garbage_after.extend(b"garbage");
        for damaged in [
            &data[..data.len() / 2],
            &data[..data.len() - 1],
            &wrong_checksum,
            &garbage_after,
        ] {
            let error = Snapshot::read(damaged).unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::Decompress { format: f, .. } if *f == format),
                "{error}"
            );
            assert!(error.to_string().contains(&format.to_string()), "{error}");
            assert!(std::error::Error::source(&error).is_some());
        }
    }
}

struct FailsAfter<'a>(&'a [u8]);

impl Read for FailsAfter<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("the cable is out")),
            count => Ok(count),
        }
    }
}

struct Liar;

impl Read for Liar {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(buffer.len() + 1)
    }
}

#[test]
fn a_source_that_fails_is_not_called_damaged() {
    let zstd = zstd::encode_all(GOOD.as_bytes(), 3).unwrap();
    for data in [&GOOD.as_bytes()[..300], &zstd[..zstd.len() / 2]] {
        let error = Snapshot::read(FailsAfter(data)).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Io(_)), "{error}");
        assert!(error.to_string().contains("the cable is out"), "{error}");
    }
    assert!(matches!(Snapshot::read(Liar).unwrap_err().kind(), ErrorKind::Io(_)));
}
