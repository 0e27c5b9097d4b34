//! Reads the sections of a file into the tables of a snapshot, and checks all that the tables rely on.
//!
//! One pass in file order. The sections may come in any order as long as `snapshot` is before `nodes` and `edges`;
//! what depends on a section still to come (string indices, targets of edges that stand before the nodes) is judged at
//! the end by the largest number seen. Unknown sections are skipped.

use crate::error::{ErrorKind, SnapshotError};
use crate::format::Detachedness;
use crate::input::Input;
use crate::lexer::Lexer;
use crate::meta::Meta;
use crate::rows::{Mark, Rows};
use crate::snapshot::{EdgeTable, ID_LIMIT, NodeRecord, ReadOptions, Snapshot};
use crate::strings::StringTable;
use std::io::Read;

type Result<T> = std::result::Result<T, SnapshotError>;

/// Room is reserved ahead for at most this many records: the counters of a damaged file must not exhaust memory.
const RESERVE_LIMIT: u64 = 1 << 20;

struct Nodes {
    records: Vec<NodeRecord>,
    edge_sum: u64,
    total_self_size: u64,
    largest_name: Option<Mark>,
}

struct Edges {
    table: EdgeTable,
    largest_name: Option<Mark>,
    largest_target: Option<Mark>,
    end: u64,
}

#[derive(Default)]
struct Loader {
    meta: Option<Meta>,
    nodes: Option<Nodes>,
    edges: Option<Edges>,
    strings: Option<(StringTable, u64)>,
    other_keys: Vec<String>,
}

/// Reads a whole snapshot.
pub(crate) fn load<'a>(
    reader: Box<dyn Read + 'a>,
    options: &ReadOptions,
    progress: &'a mut dyn FnMut(u64),
) -> Result<Snapshot> {
    let mut lexer = Lexer::new(Input::new(reader)?, progress);
    lexer.skip_byte_order_mark()?;
    match lexer.peek()? {
        Some(b'{') => lexer.take(),
        other => {
            let found = if other.is_none() {
                "an empty input".to_owned()
            } else {
                lexer.preview()
            };
            return Err(SnapshotError::new(ErrorKind::NotASnapshot { found }, lexer.offset()));
        }
    }
    let mut loader = Loader::default();
    let mut first = true;
    while let Some(key) = lexer.next_key(first)? {
        first = false;
        loader
            .section(&mut lexer, &key, options)
            .map_err(|error| error.in_section(&key))?;
    }
    let end = lexer.offset();
    if lexer.peek()?.is_some() {
        let kind = ErrorKind::TrailingData { found: lexer.preview() };
        return Err(SnapshotError::new(kind, lexer.offset()));
    }
    loader.finish(end, options)
}

impl Loader {
    fn section(&mut self, lexer: &mut Lexer<'_>, key: &str, options: &ReadOptions) -> Result<()> {
        let duplicate = |name| Err(SnapshotError::new(ErrorKind::DuplicateSection { name }, lexer.offset()));
        match key {
            "snapshot" if self.meta.is_some() => return duplicate("snapshot"),
            "nodes" if self.nodes.is_some() => return duplicate("nodes"),
            "edges" if self.edges.is_some() => return duplicate("edges"),
            "strings" if self.strings.is_some() => return duplicate("strings"),
            "snapshot" => self.meta = Some(Meta::read(lexer)?),
            "nodes" => {
                let meta = self.meta_before("nodes", lexer)?;
                self.nodes = Some(read_nodes(lexer, meta)?);
            }
            "edges" => {
                let meta = self.meta_before("edges", lexer)?;
                self.edges = Some(read_edges(lexer, meta, self.nodes.as_ref())?);
            }
            "strings" => self.strings = Some(read_strings(lexer, options.keeps_strings())?),
            _ => {
                if self.other_keys.len() < 4 {
                    self.other_keys.push(key.to_owned());
                }
                lexer.skip_value()?;
            }
        }
        Ok(())
    }

    fn meta_before(&self, name: &'static str, lexer: &Lexer<'_>) -> Result<&Meta> {
        let late = || SnapshotError::new(ErrorKind::SectionBeforeMeta { name }, lexer.offset());
        self.meta.as_ref().ok_or_else(late)
    }

    fn finish(self, end: u64, options: &ReadOptions) -> Result<Snapshot> {
        if self.meta.is_none() && self.strings.is_none() {
            let keys = self.other_keys.join(", ");
            let found = if keys.is_empty() {
                "an empty JSON object".into()
            } else {
                format!("a JSON object of {keys}")
            };
            return Err(SnapshotError::new(ErrorKind::NotASnapshot { found }, 0));
        }
        let missing = |name| SnapshotError::new(ErrorKind::MissingSection { name }, end);
        let meta = self.meta.ok_or_else(|| missing("snapshot"))?;
        let nodes = self.nodes.ok_or_else(|| missing("nodes"))?;
        let mut edges = self.edges.ok_or_else(|| missing("edges"))?;
        let (strings, string_count) = self.strings.ok_or_else(|| missing("strings"))?;

        let node_count = nodes.records.len() as u64;
        let edge_count = edges.table.len() as u64;
        if nodes.edge_sum != edge_count {
            let kind = ErrorKind::EdgeCountSum {
                sum: nodes.edge_sum,
                edges: edge_count,
            };
            return Err(SnapshotError::new(kind, edges.end).in_section("edges"));
        }
        let out_of = |mark: Option<Mark>, limit| mark.filter(|mark| mark.value >= limit);
        if let Some(mark) = out_of(edges.largest_target, node_count) {
            let stride = meta.node_fields.len() as u64;
            let kind = target_out_of_range(mark.value * stride, node_count, stride);
            return Err(mark.fail(kind, "edges", meta.edge_columns.to_node, &meta.edge_fields));
        }
        if let Some(mark) = out_of(nodes.largest_name, string_count) {
            let kind = name_out_of_range(mark.value, string_count);
            return Err(mark.fail(kind, "nodes", meta.node_columns.name, &meta.node_fields));
        }
        if let Some(mark) = out_of(edges.largest_name, string_count) {
            let kind = name_out_of_range(mark.value, string_count);
            return Err(mark.fail(kind, "edges", meta.edge_columns.name_or_index, &meta.edge_fields));
        }
        let mut records = nodes.records;
        records.shrink_to_fit();
        edges.table.shrink();
        let strings = options.keeps_strings().then_some(strings);
        Ok(Snapshot::from_tables(
            meta,
            records,
            edges.table,
            strings,
            nodes.total_self_size,
        ))
    }
}

fn read_nodes(lexer: &mut Lexer<'_>, meta: &Meta) -> Result<Nodes> {
    let columns = &meta.node_columns;
    let mut used = vec![
        columns.kind,
        columns.name,
        columns.id,
        columns.self_size,
        columns.edge_count,
    ];
    used.extend(columns.detachedness);
    let mut rows = Rows::begin(lexer, "nodes", &meta.node_fields, &used)?;
    let reserve = meta.node_count.unwrap_or(0).min(RESERVE_LIMIT) as usize;
    let mut nodes = Nodes {
        records: Vec::with_capacity(reserve),
        edge_sum: 0,
        total_self_size: 0,
        largest_name: None,
    };
    while rows.next(lexer)? {
        let kind = type_index(&rows, columns.kind, &meta.node_types)?;
        let id = rows.get(columns.id);
        if id >= ID_LIMIT {
            let expected = "an id below 2^53".to_owned();
            return Err(rows.fail(columns.id, ErrorKind::OutOfRange { value: id, expected }));
        }
        let name = string_index(&rows, columns.name, &mut nodes.largest_name)?;
        let self_size = rows.get(columns.self_size);
        let Some(total) = nodes.total_self_size.checked_add(self_size) else {
            let expected = "self sizes that add up to less than 2^64".to_owned();
            return Err(rows.fail(
                columns.self_size,
                ErrorKind::OutOfRange {
                    value: self_size,
                    expected,
                },
            ));
        };
        nodes.total_self_size = total;
        let detachedness = columns.detachedness.map_or(0, |column| rows.get(column));
        let first_edge = nodes.edge_sum as u32;
        nodes.records.push(NodeRecord::new(
            id,
            kind,
            Detachedness::from_number(detachedness),
            self_size,
            name,
            first_edge,
        ));
        let edge_count = rows.get(columns.edge_count);
        // The sum stays below 2^32, so `first_edge` above never loses bits.
        nodes.edge_sum = match nodes
            .edge_sum
            .checked_add(edge_count)
            .filter(|&sum| sum < u64::from(u32::MAX))
        {
            Some(sum) => sum,
            None => {
                let expected = "edge counts that add up to less than 2^32 - 1".to_owned();
                return Err(rows.fail(
                    columns.edge_count,
                    ErrorKind::OutOfRange {
                        value: edge_count,
                        expected,
                    },
                ));
            }
        };
        if rows.count() >= u64::from(u32::MAX) {
            return Err(rows.fail(columns.id, ErrorKind::TooLarge { what: "nodes" }));
        }
    }
    if rows.count() == 0 {
        return Err(SnapshotError::new(ErrorKind::NoNodes, lexer.offset()));
    }
    check_count("node_count", meta.node_count, rows.count(), lexer)?;
    Ok(nodes)
}

fn read_edges(lexer: &mut Lexer<'_>, meta: &Meta, nodes: Option<&Nodes>) -> Result<Edges> {
    let columns = &meta.edge_columns;
    let used = [columns.kind, columns.name_or_index, columns.to_node];
    let mut rows = Rows::begin(lexer, "edges", &meta.edge_fields, &used)?;
    let labeled_by_index = meta.labeled_by_index();
    let stride = meta.node_fields.len() as u64;
    // Targets are judged at once where the nodes are known, and by the largest one where the nodes come later.
    let node_count = nodes.map_or(u64::from(u32::MAX), |nodes| nodes.records.len() as u64);
    let mut table = EdgeTable::with_capacity(meta.edge_count.unwrap_or(0).min(RESERVE_LIMIT) as usize);
    let (mut largest_name, mut largest_target) = (None, None);
    while rows.next(lexer)? {
        let kind = type_index(&rows, columns.kind, &meta.edge_types)?;
        let name_or_index = if labeled_by_index[usize::from(kind)] {
            let value = rows.get(columns.name_or_index);
            u32::try_from(value).map_err(|_| {
                let expected = "an index below 2^32".to_owned();
                rows.fail(columns.name_or_index, ErrorKind::OutOfRange { value, expected })
            })?
        } else {
            string_index(&rows, columns.name_or_index, &mut largest_name)?
        };
        let value = rows.get(columns.to_node);
        let target = value / stride;
        if target * stride != value {
            let kind = ErrorKind::MisalignedTarget {
                value,
                node_fields: meta.node_fields.len(),
            };
            return Err(rows.fail(columns.to_node, kind));
        }
        if target >= node_count {
            return Err(rows.fail(columns.to_node, target_out_of_range(value, node_count, stride)));
        }
        if nodes.is_none() {
            rows.mark_max(columns.to_node, target, &mut largest_target);
        }
        table.push(kind, target as u32, name_or_index);
        if rows.count() >= u64::from(u32::MAX) {
            return Err(rows.fail(columns.kind, ErrorKind::TooLarge { what: "edges" }));
        }
    }
    check_count("edge_count", meta.edge_count, rows.count(), lexer)?;
    Ok(Edges {
        table,
        largest_name,
        largest_target,
        end: lexer.offset(),
    })
}

fn read_strings(lexer: &mut Lexer<'_>, keep: bool) -> Result<(StringTable, u64)> {
    lexer.expect(b'[', "`[` and strings")?;
    let mut table = StringTable::default();
    let mut count = 0;
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let read = match lexer.next_element(count == 0) {
            Ok(true) => lexer.string(&mut bytes, usize::MAX),
            Ok(false) => break,
            Err(error) => Err(error),
        };
        read.map_err(|error| error.at_element(count))?;
        if keep {
            table.push(&bytes);
        }
        count += 1;
    }
    table.shrink();
    Ok((table, count))
}

#[inline]
fn type_index(rows: &Rows<'_>, column: usize, types: &[String]) -> Result<u8> {
    let value = rows.get(column);
    if value < types.len() as u64 {
        // A list of types has at most 256 names.
        return Ok(value as u8);
    }
    let expected = format!("the index of one of {} types", types.len());
    Err(rows.fail(column, ErrorKind::OutOfRange { value, expected }))
}

/// The index of a string; whether the string exists is known only after the last section.
#[inline]
fn string_index(rows: &Rows<'_>, column: usize, largest: &mut Option<Mark>) -> Result<u32> {
    let value = rows.get(column);
    rows.mark_max(column, value, largest);
    u32::try_from(value).map_err(|_| {
        let expected = "the index of a string, below 2^32".to_owned();
        rows.fail(column, ErrorKind::OutOfRange { value, expected })
    })
}

fn name_out_of_range(value: u64, string_count: u64) -> ErrorKind {
    ErrorKind::OutOfRange {
        value,
        expected: format!("the index of one of {string_count} strings"),
    }
}

fn target_out_of_range(value: u64, node_count: u64, stride: u64) -> ErrorKind {
    let expected = format!("the place of one of {node_count} nodes, below {}", node_count * stride);
    ErrorKind::OutOfRange { value, expected }
}

fn check_count(counter: &'static str, declared: Option<u64>, found: u64, lexer: &Lexer<'_>) -> Result<()> {
    match declared {
        Some(declared) if declared != found => {
            let kind = ErrorKind::CountMismatch {
                counter,
                declared,
                found,
            };
            Err(SnapshotError::new(kind, lexer.offset()))
        }
        _ => Ok(()),
    }
}
