//! Small or large snapshots made from a description in memory, written as Node 20 writes them.
//!
//! Holds the whole graph (some 40 bytes per node, 16 per edge) and writes in a stream. The layout of the text can be
//! varied as far as real writers do. It does not write allocation traces, samples or locations: those sections are empty.

use crate::format::{Detachedness, EDGE_FIELDS, EdgeType, NODE_FIELDS, NodeType, labeled_by_index};
use std::collections::HashMap;
use std::io::{self, Write};

/// What an edge is called.
#[derive(Clone, Copy, Debug)]
pub enum Label<'a> {
    /// A name, for all types but `element` and `hidden`.
    Name(&'a str),
    /// An index, for `element` and `hidden`.
    Index(u32),
}

#[derive(Clone, Debug)]
struct NodeEntry {
    kind: NodeType,
    name: u32,
    id: u64,
    self_size: u64,
    detachedness: Detachedness,
}

#[derive(Clone, Debug)]
struct EdgeEntry {
    source: u32,
    target: u32,
    name_or_index: u32,
    kind: EdgeType,
}

/// How white space is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whitespace {
    /// None at all.
    Compact,
    /// A line per node and edge, as V8 has it.
    Lines,
    /// Every element on an indented line of its own.
    Pretty,
}

/// How a snapshot is laid out as text.
#[derive(Clone, Debug)]
pub struct JsonLayout {
    /// Columns of nodes; those without meaning to this crate are written as 0.
    pub node_fields: Vec<String>,
    /// Columns of edges; those without meaning to this crate are written as 0.
    pub edge_fields: Vec<String>,
    /// Sections in order; those without meaning to this crate are written as empty arrays.
    pub sections: Vec<String>,
    /// White space.
    pub whitespace: Whitespace,
}

impl Default for JsonLayout {
    /// The layout of Node 20.
    fn default() -> Self {
        let own = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            node_fields: own(&NODE_FIELDS),
            edge_fields: own(&EDGE_FIELDS),
            sections: own(&[
                "snapshot",
                "nodes",
                "edges",
                "trace_function_infos",
                "trace_tree",
                "samples",
                "locations",
                "strings",
            ]),
            whitespace: Whitespace::Lines,
        }
    }
}

/// A snapshot under construction. The first node is its root.
#[derive(Clone, Debug)]
pub struct SyntheticSnapshot {
    nodes: Vec<NodeEntry>,
    edges: Vec<EdgeEntry>,
    strings: Vec<String>,
    string_indices: HashMap<String, u32>,
    next_id: u64,
}

impl Default for SyntheticSnapshot {
    fn default() -> Self {
        Self::new()
    }
}

impl SyntheticSnapshot {
    /// An empty one; a file needs at least one node.
    pub fn new() -> Self {
        let mut new = Self {
            nodes: Vec::new(),
            edges: Vec::new(),
            strings: Vec::new(),
            string_indices: HashMap::new(),
            next_id: 1,
        };
        new.intern("<dummy>");
        new
    }

    /// A graph of `objects` objects in which every one is reachable from the root, with `extra_edges` more edges per
    /// object on average, the same for the same `seed`.
    pub fn random(seed: u64, objects: u32, extra_edges: u32) -> Self {
        const NAMES: [&str; 6] = [
            "Object",
            "Array",
            "Account",
            "Map",
            "system / Context",
            "(object elements)",
        ];
        let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
        let mut random = move |limit: u32| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((state >> 32).wrapping_mul(u64::from(limit)) >> 32) as u32
        };
        let mut graph = Self::new();
        let root = graph.node(NodeType::Synthetic, "", 0);
        let gc_roots = graph.node(NodeType::Synthetic, "(GC roots)", 0);
        graph.edge(root, EdgeType::Element, Label::Index(1), gc_roots);
        for index in 0..objects {
            let name = NAMES[random(NAMES.len() as u32) as usize];
            let node = graph.node(NodeType::Object, name, u64::from(8 * (1 + random(16))));
            let parent = 1 + random(index + 1);
            graph.edge(parent, EdgeType::Element, Label::Index(index), node);
        }
        for _ in 0..u64::from(objects) * u64::from(extra_edges) {
            let (source, target) = (2 + random(objects), 2 + random(objects));
            let kind = if random(16) == 0 {
                EdgeType::Weak
            } else {
                EdgeType::Property
            };
            graph.edge(
                source,
                kind,
                Label::Name(NAMES[random(NAMES.len() as u32) as usize]),
                target,
            );
        }
        graph
    }

    /// Adds a node with the next odd id, and gives its ordinal.
    pub fn node(&mut self, kind: NodeType, name: &str, self_size: u64) -> u32 {
        self.node_with_id(kind, name, self_size, self.next_id)
    }

    /// Adds a node with an id of the caller's choice, and gives its ordinal.
    pub fn node_with_id(&mut self, kind: NodeType, name: &str, self_size: u64, id: u64) -> u32 {
        let name = self.intern(name);
        self.next_id = self.next_id.max((id | 1).saturating_add(2));
        self.nodes.push(NodeEntry {
            kind,
            name,
            id,
            self_size,
            detachedness: Detachedness::Unknown,
        });
        (self.nodes.len() - 1) as u32
    }

    /// Says whether a node of the document tree is attached.
    ///
    /// # Panics
    ///
    /// When there is no such node.
    pub fn set_detachedness(&mut self, node: u32, detachedness: Detachedness) {
        self.nodes[node as usize].detachedness = detachedness;
    }

    /// Adds an edge.
    ///
    /// # Panics
    ///
    /// When one of the nodes does not exist, or the label is not of the sort that the type wants.
    pub fn edge(&mut self, source: u32, kind: EdgeType, label: Label<'_>, target: u32) {
        let count = self.nodes.len();
        assert!(
            (source as usize) < count && (target as usize) < count,
            "an edge from node {source} to node {target} where there are {count} nodes"
        );
        let name_or_index = match label {
            Label::Index(index) if labeled_by_index(kind.name()) => index,
            Label::Name(name) if !labeled_by_index(kind.name()) => self.intern(name),
            _ => panic!("an edge of type {kind:?} with the label {label:?}"),
        };
        self.edges.push(EdgeEntry {
            source,
            target,
            name_or_index,
            kind,
        });
    }

    fn intern(&mut self, text: &str) -> u32 {
        if let Some(&index) = self.string_indices.get(text) {
            return index;
        }
        let index = self.strings.len() as u32;
        self.strings.push(text.to_owned());
        self.string_indices.insert(text.to_owned(), index);
        index
    }

    /// The file as Node 20 lays it out.
    pub fn to_json(&self) -> Vec<u8> {
        self.to_json_with(&JsonLayout::default())
    }

    /// The file in a layout of the caller's choice.
    pub fn to_json_with(&self, layout: &JsonLayout) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_json(&mut out, layout)
            .expect("writing to memory does not fail");
        out
    }

    /// Writes the file. `out` should be buffered.
    ///
    /// # Errors
    ///
    /// When `out` cannot be written to.
    pub fn write_json(&self, out: &mut impl Write, layout: &JsonLayout) -> io::Result<()> {
        let pretty = layout.whitespace == Whitespace::Pretty;
        let (colon, line) = if pretty { (": ", "\n  ") } else { (":", "") };
        let between = if layout.whitespace == Whitespace::Compact {
            ","
        } else {
            ",\n"
        };
        out.write_all(b"{")?;
        for (index, section) in layout.sections.iter().enumerate() {
            write!(
                out,
                "{}{line}\"{section}\"{colon}",
                if index == 0 { "" } else { between }
            )?;
            match section.as_str() {
                "snapshot" => self.write_head(out, layout, colon)?,
                "nodes" => self.write_nodes(out, layout)?,
                "edges" => self.write_edges(out, layout)?,
                "strings" => self.write_strings(out, layout)?,
                _ => out.write_all(b"[]")?,
            }
        }
        out.write_all(if layout.whitespace == Whitespace::Compact {
            b"}"
        } else {
            b"\n}"
        })
    }

    fn write_head(&self, out: &mut impl Write, layout: &JsonLayout, colon: &str) -> io::Result<()> {
        let node_types: Vec<&str> = NodeType::ALL.iter().map(|kind| kind.name()).collect();
        let edge_types: Vec<&str> = EdgeType::ALL.iter().map(|kind| kind.name()).collect();
        let types = |fields: &[String], names: &[&str]| {
            let column = |field: &String| match field.as_str() {
                "type" => list(names),
                "name" => "\"string\"".to_owned(),
                "name_or_index" => "\"string_or_number\"".to_owned(),
                "to_node" => "\"node\"".to_owned(),
                _ => "\"number\"".to_owned(),
            };
            format!("[{}]", fields.iter().map(column).collect::<Vec<_>>().join(","))
        };
        let entries = [
            ("node_fields", list(&layout.node_fields)),
            ("node_types", types(&layout.node_fields, &node_types)),
            ("edge_fields", list(&layout.edge_fields)),
            ("edge_types", types(&layout.edge_fields, &edge_types)),
            (
                "trace_function_info_fields",
                list(&["function_id", "name", "script_name", "script_id", "line", "column"]),
            ),
            (
                "trace_node_fields",
                list(&["id", "function_info_index", "count", "size", "children"]),
            ),
            ("sample_fields", list(&["timestamp_us", "last_assigned_id"])),
            (
                "location_fields",
                list(&["object_index", "script_id", "line", "column"]),
            ),
        ];
        write!(out, "{{\"meta\"{colon}{{")?;
        for (index, (key, value)) in entries.iter().enumerate() {
            write!(out, "{}\"{key}\"{colon}{value}", if index == 0 { "" } else { "," })?;
        }
        let (nodes, edges) = (self.nodes.len(), self.edges.len());
        write!(
            out,
            "}},\"node_count\"{colon}{nodes},\"edge_count\"{colon}{edges},\"trace_function_count\"{colon}0}}"
        )
    }

    fn write_nodes(&self, out: &mut impl Write, layout: &JsonLayout) -> io::Result<()> {
        let mut edge_counts = vec![0u64; self.nodes.len()];
        for edge in &self.edges {
            edge_counts[edge.source as usize] += 1;
        }
        let mut array = NumberArray::begin(out, layout.whitespace)?;
        for (node, &edge_count) in self.nodes.iter().zip(&edge_counts) {
            for (column, field) in layout.node_fields.iter().enumerate() {
                let value = match field.as_str() {
                    "type" => node.kind as u64,
                    "name" => u64::from(node.name),
                    "id" => node.id,
                    "self_size" => node.self_size,
                    "edge_count" => edge_count,
                    "detachedness" => node.detachedness.number(),
                    _ => 0,
                };
                array.push(value, column == 0)?;
            }
        }
        array.end()
    }

    fn write_edges(&self, out: &mut impl Write, layout: &JsonLayout) -> io::Result<()> {
        let mut order: Vec<u32> = (0..self.edges.len() as u32).collect();
        order.sort_by_key(|&index| self.edges[index as usize].source);
        let mut array = NumberArray::begin(out, layout.whitespace)?;
        for &index in &order {
            let edge = &self.edges[index as usize];
            for (column, field) in layout.edge_fields.iter().enumerate() {
                let value = match field.as_str() {
                    "type" => edge.kind as u64,
                    "name_or_index" => u64::from(edge.name_or_index),
                    "to_node" => u64::from(edge.target) * layout.node_fields.len() as u64,
                    _ => 0,
                };
                array.push(value, column == 0)?;
            }
        }
        array.end()
    }

    fn write_strings(&self, out: &mut impl Write, layout: &JsonLayout) -> io::Result<()> {
        let between = match layout.whitespace {
            Whitespace::Compact => ",",
            Whitespace::Lines => ",\n",
            Whitespace::Pretty => ",\n    ",
        };
        out.write_all(b"[")?;
        for (index, text) in self.strings.iter().enumerate() {
            out.write_all(if index == 0 { b"" } else { between.as_bytes() })?;
            write_string(out, text)?;
        }
        out.write_all(b"]")
    }
}

struct NumberArray<'w, W: Write> {
    out: &'w mut W,
    whitespace: Whitespace,
    is_empty: bool,
}

impl<'w, W: Write> NumberArray<'w, W> {
    fn begin(out: &'w mut W, whitespace: Whitespace) -> io::Result<Self> {
        out.write_all(b"[")?;
        Ok(Self {
            out,
            whitespace,
            is_empty: true,
        })
    }

    fn push(&mut self, value: u64, starts_row: bool) -> io::Result<()> {
        let before = match (self.whitespace, self.is_empty) {
            (Whitespace::Pretty, true) => "\n    ",
            (Whitespace::Pretty, false) => ",\n    ",
            (_, true) => "",
            (Whitespace::Lines, false) if starts_row => "\n,",
            (_, false) => ",",
        };
        self.is_empty = false;
        write!(self.out, "{before}{value}")
    }

    fn end(self) -> io::Result<()> {
        self.out.write_all(if self.whitespace == Whitespace::Compact {
            b"]"
        } else {
            b"\n]"
        })
    }
}

fn list<T: AsRef<str>>(names: &[T]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{}\"", name.as_ref())).collect();
    format!("[{}]", quoted.join(","))
}

/// A string in V8's escapes: everything outside of ASCII as UTF-16 units.
fn write_string(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(b"\"")?;
    for unit in text.encode_utf16() {
        match unit {
            0x08 => out.write_all(b"\\b")?,
            0x0c => out.write_all(b"\\f")?,
            0x0a => out.write_all(b"\\n")?,
            0x0d => out.write_all(b"\\r")?,
            0x09 => out.write_all(b"\\t")?,
            0x22 => out.write_all(b"\\\"")?,
            0x5c => out.write_all(b"\\\\")?,
            0x20..=0x7e => out.write_all(&[unit as u8])?,
            _ => write!(out, "\\u{unit:04X}")?,
        }
    }
    out.write_all(b"\"")
}
