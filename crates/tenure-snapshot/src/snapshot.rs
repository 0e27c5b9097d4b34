//! A heap snapshot in memory: nodes with their edges as ranges of one table, 24 bytes per node and 9 per edge.
//!
//! Everything is found by ordinal in constant time; ordinals are positions in the file and fit 32 bits. It does not
//! hold retainers (edges backwards) and cannot find a node by its id.

use crate::error::SnapshotError;
use crate::format::{Detachedness, NodeType};
use crate::loader;
use crate::meta::Meta;
use crate::strings::StringTable;
use crate::traverse::{GraphTotals, mix_edge};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Ids are below 2^53, the integers that a JavaScript number holds exactly; the bits above hold type and detachedness.
pub(crate) const ID_LIMIT: u64 = 1 << 53;
const TYPE_SHIFT: u32 = 53;
const DETACHEDNESS_SHIFT: u32 = 61;

/// A node as it is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeRecord {
    /// Id in 53 bits, type in 8, detachedness in 3.
    packed: u64,
    self_size: u64,
    name: u32,
    first_edge: u32,
}

impl NodeRecord {
    pub(crate) fn new(
        id: u64,
        kind: u8,
        detachedness: Detachedness,
        self_size: u64,
        name: u32,
        first_edge: u32,
    ) -> Self {
        let packed = id | u64::from(kind) << TYPE_SHIFT | detachedness.number() << DETACHEDNESS_SHIFT;
        Self {
            packed,
            self_size,
            name,
            first_edge,
        }
    }

    fn id(&self) -> u64 {
        self.packed & (ID_LIMIT - 1)
    }

    fn type_index(&self) -> u8 {
        (self.packed >> TYPE_SHIFT) as u8
    }
}

/// The edges of all nodes, column by column.
#[derive(Clone, Debug, Default)]
pub(crate) struct EdgeTable {
    types: Vec<u8>,
    targets: Vec<u32>,
    names: Vec<u32>,
}

impl EdgeTable {
    pub(crate) fn with_capacity(edges: usize) -> Self {
        Self {
            types: Vec::with_capacity(edges),
            targets: Vec::with_capacity(edges),
            names: Vec::with_capacity(edges),
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, type_index: u8, target: u32, name_or_index: u32) {
        self.types.push(type_index);
        self.targets.push(target);
        self.names.push(name_or_index);
    }

    pub(crate) fn len(&self) -> usize {
        self.targets.len()
    }

    pub(crate) fn shrink(&mut self) {
        self.types.shrink_to_fit();
        self.targets.shrink_to_fit();
        self.names.shrink_to_fit();
    }
}

/// A node: an object of the heap that was captured, or a group of roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Node {
    /// Position in the file, from 0.
    pub ordinal: u32,
    /// Index of the type; [`Snapshot::node_type_name`] names it.
    pub type_index: u8,
    /// V8's id of the object, the same in every snapshot of one process; below 2^53.
    pub id: u64,
    /// Bytes of the object alone.
    pub self_size: u64,
    /// Index of the name; [`Snapshot::string`] has its text.
    pub name: u32,
    /// Number of outgoing edges.
    pub edge_count: u32,
    /// State of a node of the document tree.
    pub detachedness: Detachedness,
}

/// A reference from one node to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Edge {
    /// Index of the type; [`Snapshot::edge_type_name`] names it.
    pub type_index: u8,
    /// Ordinal of the node that the edge leads to.
    pub target: u32,
    /// A plain index for `element` and `hidden` edges, the index of a string for all others.
    pub name_or_index: u32,
}

/// What to keep of a file.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    keep_strings: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { keep_strings: true }
    }
}

impl ReadOptions {
    /// Keeps everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the texts of names are kept. Without them [`Snapshot::string`] gives `None`, and the memory is less.
    pub fn keep_strings(mut self, keep: bool) -> Self {
        self.keep_strings = keep;
        self
    }

    pub(crate) fn keeps_strings(&self) -> bool {
        self.keep_strings
    }
}

/// A heap snapshot.
#[derive(Clone, Debug)]
pub struct Snapshot {
    nodes: Vec<NodeRecord>,
    edges: EdgeTable,
    strings: Option<StringTable>,
    node_types: Vec<String>,
    edge_types: Vec<String>,
    weak_edge_type: Option<u8>,
    total_self_size: u64,
}

impl Snapshot {
    /// Reads a snapshot, plain, gzip or zstd, from a stream.
    ///
    /// # Errors
    ///
    /// When the stream cannot be read or does not hold a whole and consistent snapshot.
    pub fn read(reader: impl Read) -> Result<Self, SnapshotError> {
        Self::read_with(reader, &ReadOptions::default(), &mut |_| {})
    }

    /// Reads a snapshot from a stream; `progress` is told now and then how many bytes of the stream have been taken.
    ///
    /// # Errors
    ///
    /// When the stream cannot be read or does not hold a whole and consistent snapshot.
    pub fn read_with(
        reader: impl Read,
        options: &ReadOptions,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self, SnapshotError> {
        loader::load(Box::new(reader), options, progress)
    }

    /// Reads a snapshot from a file, plain, gzip or zstd whatever its name.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or does not hold a whole and consistent snapshot; the error names the file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SnapshotError> {
        Self::open_with(path, &ReadOptions::default(), &mut |_, _| {})
    }

    /// Reads a snapshot from a file; `progress` is told the bytes of the file taken so far and its size.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or does not hold a whole and consistent snapshot; the error names the file.
    pub fn open_with(
        path: impl AsRef<Path>,
        options: &ReadOptions,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Self, SnapshotError> {
        let path = path.as_ref();
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (total_bytes, file) = opened.map_err(|error| SnapshotError::not_opened(error).in_file(path))?;
        let mut progress = |read_bytes| progress(read_bytes, total_bytes);
        Self::read_with(file, options, &mut progress).map_err(|error| error.in_file(path))
    }

    pub(crate) fn from_tables(
        meta: Meta,
        nodes: Vec<NodeRecord>,
        edges: EdgeTable,
        strings: Option<StringTable>,
        total_self_size: u64,
    ) -> Self {
        let weak_edge_type = meta.weak_edge_type();
        let (node_types, edge_types) = (meta.node_types, meta.edge_types);
        Self {
            nodes,
            edges,
            strings,
            node_types,
            edge_types,
            weak_edge_type,
            total_self_size,
        }
    }

    /// Number of nodes, at least 1.
    pub fn node_count(&self) -> u32 {
        self.nodes.len() as u32
    }

    /// Number of edges.
    pub fn edge_count(&self) -> u32 {
        self.edges.len() as u32
    }

    /// Sum of the sizes of all nodes, reachable or not.
    pub fn total_self_size(&self) -> u64 {
        self.total_self_size
    }

    /// The node at a position.
    ///
    /// # Panics
    ///
    /// When `ordinal` is not below [`node_count`](Self::node_count).
    pub fn node(&self, ordinal: u32) -> Node {
        let record = &self.nodes[ordinal as usize];
        let range = self.edge_range(ordinal);
        Node {
            ordinal,
            type_index: record.type_index(),
            id: record.id(),
            self_size: record.self_size,
            name: record.name,
            edge_count: (range.end - range.start) as u32,
            detachedness: Detachedness::from_number(record.packed >> DETACHEDNESS_SHIFT),
        }
    }

    /// All nodes in file order.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = Node> + '_ {
        (0..self.node_count()).map(|ordinal| self.node(ordinal))
    }

    /// The edges that leave a node, in file order.
    ///
    /// # Panics
    ///
    /// When `ordinal` is not below [`node_count`](Self::node_count).
    pub fn edges(&self, ordinal: u32) -> Edges<'_> {
        Edges {
            table: &self.edges,
            range: self.edge_range(ordinal),
        }
    }

    pub(crate) fn edge_range(&self, ordinal: u32) -> std::ops::Range<usize> {
        let ordinal = ordinal as usize;
        let end = self
            .nodes
            .get(ordinal + 1)
            .map_or(self.edges.len(), |next| next.first_edge as usize);
        self.nodes[ordinal].first_edge as usize..end
    }

    /// Type and target of an edge by its position among all edges.
    #[inline]
    pub(crate) fn edge_at(&self, position: usize) -> (u8, u32) {
        (self.edges.types[position], self.edges.targets[position])
    }

    pub(crate) fn weak_edge_type(&self) -> Option<u8> {
        self.weak_edge_type
    }

    /// Whether an edge does not keep its target alive.
    pub fn is_weak(&self, edge: Edge) -> bool {
        Some(edge.type_index) == self.weak_edge_type
    }

    /// The node from which the heap hangs: the first one, or the last where only that one is synthetic.
    pub fn root(&self) -> u32 {
        let is_synthetic =
            |ordinal: u32| self.node_type_name(self.node(ordinal).type_index) == Some(NodeType::Synthetic.name());
        let last = self.node_count() - 1;
        if !is_synthetic(0) && is_synthetic(last) {
            last
        } else {
            0
        }
    }

    /// What the file calls a type of nodes.
    pub fn node_type_name(&self, type_index: u8) -> Option<&str> {
        self.node_types.get(usize::from(type_index)).map(String::as_str)
    }

    /// What the file calls a type of edges.
    pub fn edge_type_name(&self, type_index: u8) -> Option<&str> {
        self.edge_types.get(usize::from(type_index)).map(String::as_str)
    }

    /// A string by index; `None` when there is no such string or the strings were not kept.
    pub fn string(&self, index: u32) -> Option<&str> {
        self.strings.as_ref()?.get(index)
    }

    /// Counts, bytes and checksum of the whole file; [`reachable`](crate::reachable) has those of its living part.
    pub fn totals(&self) -> GraphTotals {
        GraphTotals {
            nodes: u64::from(self.node_count()),
            edges: u64::from(self.edge_count()),
            self_size: self.total_self_size,
            edge_checksum: self.edge_checksum(),
        }
    }

    /// A sum over all edges of [`mix_edge`] of the ids at both ends: the same for every order of nodes and edges.
    pub fn edge_checksum(&self) -> u64 {
        let mut checksum = 0u64;
        for (ordinal, record) in self.nodes.iter().enumerate() {
            for &target in &self.edges.targets[self.edge_range(ordinal as u32)] {
                checksum = checksum.wrapping_add(mix_edge(record.id(), self.nodes[target as usize].id()));
            }
        }
        checksum
    }

    /// Bytes of memory that the tables take.
    pub fn memory_bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<NodeRecord>()
            + self.edges.types.capacity()
            + self.edges.targets.capacity() * size_of::<u32>()
            + self.edges.names.capacity() * size_of::<u32>()
            + self.strings.as_ref().map_or(0, StringTable::memory_bytes)
    }
}

/// The edges that leave a node.
#[derive(Clone, Debug)]
pub struct Edges<'s> {
    table: &'s EdgeTable,
    range: std::ops::Range<usize>,
}

impl Edges<'_> {
    fn at(&self, position: usize) -> Edge {
        Edge {
            type_index: self.table.types[position],
            target: self.table.targets[position],
            name_or_index: self.table.names[position],
        }
    }
}

impl Iterator for Edges<'_> {
    type Item = Edge;

    fn next(&mut self) -> Option<Edge> {
        let position = self.range.next()?;
        Some(self.at(position))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.range.size_hint()
    }
}

impl DoubleEndedIterator for Edges<'_> {
    fn next_back(&mut self) -> Option<Edge> {
        let position = self.range.next_back()?;
        Some(self.at(position))
    }
}

impl ExactSizeIterator for Edges<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_takes_24_bytes_and_keeps_all_bits() {
        assert_eq!(size_of::<NodeRecord>(), 24);
        let record = NodeRecord::new(
            ID_LIMIT - 1,
            255,
            Detachedness::Detached,
            u64::MAX,
            u32::MAX,
            u32::MAX - 1,
        );
        assert_eq!(record.id(), ID_LIMIT - 1);
        assert_eq!(record.type_index(), 255);
        assert_eq!(record.packed >> DETACHEDNESS_SHIFT, 2);
        let record = NodeRecord::new(0, 0, Detachedness::Unknown, 1, 2, 3);
        assert_eq!((record.id(), record.type_index(), record.packed), (0, 0, 0));
    }
}
