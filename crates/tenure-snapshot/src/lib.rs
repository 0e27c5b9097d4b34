//! V8 `.heapsnapshot` files: a streaming reader, dominators with retained sizes, and synthetic snapshots.
//!
//! A snapshot is one JSON object whose weight lies in two flat arrays of numbers (`nodes`, `edges`) and one array of
//! strings. [`Snapshot::open`] reads it once from front to back, plain, gzip or zstd, through one buffer: the cost is
//! a few nanoseconds per number, and the memory is that of the result (24 bytes per node, 9 per edge, and the text of
//! the strings when they are kept). The text of the file and a tree of JSON values never exist in memory.
//!
//! The crate does not compute what DevTools shows beyond dominators and retained sizes (distances, class aggregates,
//! the folding of backing stores into their owners), and it does not check that node ids are unique.
//!
//! ```
//! use tenure_snapshot::dominators::{RootPolicy, dominators};
//! use tenure_snapshot::synthetic::{Label, SyntheticSnapshot};
//! use tenure_snapshot::{EdgePolicy, EdgeType, NodeType, Snapshot};
//!
//! let mut graph = SyntheticSnapshot::new();
//! let root = graph.node(NodeType::Synthetic, "", 0);
//! let account = graph.node(NodeType::Object, "Account", 48);
//! graph.edge(root, EdgeType::Property, Label::Name("account"), account);
//!
//! let snapshot = Snapshot::read(graph.to_json().as_slice())?;
//! assert_eq!((snapshot.node_count(), snapshot.edge_count()), (2, 1));
//! let tree = dominators(&snapshot, RootPolicy::SnapshotRoot, EdgePolicy::Strong);
//! assert_eq!(tree.retained_size(snapshot.root()), 48);
//! # Ok::<(), tenure_snapshot::SnapshotError>(())
//! ```
#![forbid(unsafe_code)]

pub mod dominators;
mod error;
mod format;
mod input;
mod lexer;
mod loader;
mod meta;
mod rows;
mod snapshot;
mod strings;
pub mod synthetic;
mod traverse;

pub use error::{ErrorKind, Place, SnapshotError};
pub use format::{Detachedness, EdgeType, NodeType};
pub use input::Compression;
pub use snapshot::{Edge, Edges, Node, ReadOptions, Snapshot};
pub use traverse::{EdgePolicy, GraphTotals, Reachable, mix_edge, reachable};

/// A real snapshot, packed with zstd: a Node process with a worker thread, 57 000 objects, texts replaced by filler. A program
/// that does not name it does not contain it.
pub const SAMPLE: &[u8] = include_bytes!("../testdata/s-worker.heapsnapshot.zst");
