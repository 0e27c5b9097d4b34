//! What is wrong with a file, and where: one error type with a kind and a place.
//!
//! A place is the byte offset in the decompressed text, the section, the element of its flat array and the name of the
//! field, as far as they are known when the fault is found. An error does not repair anything: reading stops at the
//! first fault, and no partial snapshot is returned.

use crate::input::Compression;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::{error, fmt, io};

/// A snapshot that could not be read: [what](Self::kind) is broken and [where](Self::place).
#[derive(Debug)]
pub struct SnapshotError {
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    place: Place,
}

/// Where a fault lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The file, when it was opened by path.
    pub path: Option<PathBuf>,
    /// Offset in bytes into the decompressed JSON text; `None` when the file could not even be opened.
    pub offset: Option<u64>,
    /// The top-level section, such as `edges`.
    pub section: Option<String>,
    /// Index into the flat array of the section, counted in its own elements (numbers or strings).
    pub element: Option<u64>,
    /// Index of the node or edge that the element belongs to.
    pub record: Option<u64>,
    /// Name of the field that the element is, such as `to_node`.
    pub field: Option<String>,
}

/// What is broken.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The system could not open or read the file.
    Io(io::Error),
    /// The compressed stream is damaged or ends early.
    Decompress {
        /// How the file is compressed.
        format: Compression,
        /// What the decompressor says.
        source: io::Error,
    },
    /// The input is something else altogether.
    NotASnapshot {
        /// What the input looks like.
        found: String,
    },
    /// The text ends in the middle.
    Truncated {
        /// What should have come next.
        expected: &'static str,
    },
    /// The text is not the JSON that is due at this place.
    Syntax {
        /// What should have come.
        expected: &'static str,
        /// What came.
        found: String,
    },
    /// A section that every snapshot has is absent.
    MissingSection {
        /// Its key.
        name: &'static str,
    },
    /// A section is there twice.
    DuplicateSection {
        /// Its key.
        name: &'static str,
    },
    /// An array comes before the section that says how to read it.
    SectionBeforeMeta {
        /// Key of the array.
        name: &'static str,
    },
    /// A list in `meta` lacks a name without which the arrays cannot be understood.
    MissingField {
        /// The list, such as `node_fields`.
        list: &'static str,
        /// The name that it lacks.
        field: &'static str,
        /// The names that it has.
        found: Vec<String>,
    },
    /// `meta` has no list of names for the types of nodes or edges, or one that is too long.
    BadTypes {
        /// The list, such as `node_types`.
        list: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An array ends within a node or edge.
    PartialRecord {
        /// Numbers per record.
        fields: usize,
        /// Numbers present in the last record.
        found: usize,
    },
    /// A number is outside of what its field allows.
    OutOfRange {
        /// The number.
        value: u64,
        /// What the field allows.
        expected: String,
    },
    /// A `to_node` is not the start of a node.
    MisalignedTarget {
        /// The number.
        value: u64,
        /// Numbers per node; targets are multiples of it.
        node_fields: usize,
    },
    /// An array has another length than the head of the file says.
    CountMismatch {
        /// The counter in the head, such as `node_count`.
        counter: &'static str,
        /// Its value.
        declared: u64,
        /// The records that the array has.
        found: u64,
    },
    /// The nodes claim another number of edges than there are.
    EdgeCountSum {
        /// Sum of `edge_count` over all nodes.
        sum: u64,
        /// Edges in the array.
        edges: u64,
    },
    /// There is not even a root.
    NoNodes,
    /// More than this crate can index.
    TooLarge {
        /// What there is too much of.
        what: &'static str,
    },
    /// The file goes on after the end of the snapshot.
    TrailingData {
        /// How the rest begins.
        found: String,
    },
}

impl SnapshotError {
    pub(crate) fn new(kind: ErrorKind, offset: u64) -> Self {
        let place = Place {
            offset: Some(offset),
            ..Place::default()
        };
        Self {
            inner: Box::new(Inner { kind, place }),
        }
    }

    pub(crate) fn not_opened(error: io::Error) -> Self {
        Self {
            inner: Box::new(Inner {
                kind: ErrorKind::Io(error),
                place: Place::default(),
            }),
        }
    }

    /// Adds the section, unless a more precise one is known.
    pub(crate) fn in_section(mut self, section: &str) -> Self {
        self.inner.place.section.get_or_insert_with(|| section.to_owned());
        self
    }

    pub(crate) fn at_element(mut self, element: u64) -> Self {
        self.inner.place.element.get_or_insert(element);
        self
    }

    pub(crate) fn in_record(mut self, record: u64, field: &str) -> Self {
        self.inner.place.record.get_or_insert(record);
        self.inner.place.field.get_or_insert_with(|| field.to_owned());
        self
    }

    pub(crate) fn in_file(mut self, path: &Path) -> Self {
        self.inner.place.path.get_or_insert_with(|| path.to_owned());
        self
    }

    /// What is broken.
    pub fn kind(&self) -> &ErrorKind {
        &self.inner.kind
    }

    /// Where it is broken.
    pub fn place(&self) -> &Place {
        &self.inner.place
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(section) = &self.section {
            write!(f, "section {section:?}")?;
            separator = ", ";
        }
        if let Some(element) = self.element {
            write!(f, "{separator}element {element}")?;
            if let (Some(record), Some(field)) = (self.record, &self.field) {
                let noun = match self.section.as_deref() {
                    Some("nodes") => "node",
                    Some("edges") => "edge",
                    _ => "record",
                };
                write!(f, " ({field} of {noun} {record})")?;
            }
            separator = ", ";
        }
        if let Some(offset) = self.offset {
            write!(f, "{separator}byte {offset}")?;
        }
        Ok(())
    }
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place();
        let file = place
            .path
            .as_deref()
            .map_or(Cow::Borrowed("the heap snapshot"), Path::to_string_lossy);
        match &self.inner.kind {
            ErrorKind::Io(error) => match place.offset {
                None => write!(f, "cannot open {file}: {error}"),
                Some(offset) => write!(f, "cannot read {file} on from byte {offset} of its text: {error}"),
            },
            ErrorKind::NotASnapshot { found } => write!(
                f,
                "{file} is not a V8 heap snapshot: expected a JSON object with \"snapshot\", \"nodes\", \"edges\" and \
                 \"strings\" (plain, gzip or zstd), found {found}; Node writes one with v8.writeHeapSnapshot(), Chrome \
                 in the Memory panel"
            ),
            kind => {
                let state = if matches!(kind, ErrorKind::Truncated { .. }) {
                    "cut off"
                } else {
                    "broken"
                };
                write!(f, "{file} is {state} at {place}: {kind}")
            }
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Decompress { format, source } => {
                write!(
                    f,
                    "the {format} stream is damaged or ends early ({source}); copy or compress the file again"
                )
            }
            Self::NotASnapshot { found } => write!(f, "not a heap snapshot, found {found}"),
            Self::Truncated { expected } => {
                write!(
                    f,
                    "the text ends where {expected} should follow; copy the file again or take a new snapshot"
                )
            }
            Self::Syntax { expected, found } => write!(f, "expected {expected}, found {found}"),
            Self::MissingSection { name } => write!(f, "the section {name:?} is missing"),
            Self::DuplicateSection { name } => write!(f, "the section {name:?} is there for the second time"),
            Self::SectionBeforeMeta { name } => {
                write!(
                    f,
                    "{name:?} comes before \"snapshot\", which names its fields; put \"snapshot\" first"
                )
            }
            Self::MissingField { list, field, found } => {
                write!(f, "meta.{list} must name the field {field:?}; it has {found:?}")
            }
            Self::BadTypes { list, problem } => write!(f, "meta.{list} {problem}"),
            Self::PartialRecord { fields, found } => {
                write!(f, "the array ends after {found} numbers of a record of {fields}")
            }
            Self::OutOfRange { value, expected } => write!(f, "expected {expected}, found {value}"),
            Self::MisalignedTarget { value, node_fields } => {
                write!(
                    f,
                    "expected a multiple of {node_fields} (the numbers per node), found {value}"
                )
            }
            Self::CountMismatch {
                counter,
                declared,
                found,
            } => {
                write!(f, "snapshot.{counter} is {declared}, but the array has {found}")
            }
            Self::EdgeCountSum { sum, edges } => {
                write!(
                    f,
                    "the nodes' edge_count fields add up to {sum}, but there are {edges} edges"
                )
            }
            Self::NoNodes => write!(f, "there are no nodes; a snapshot has at least its root"),
            Self::TooLarge { what } => write!(f, "there are 2^32 {what} or more; this reader counts them in 32 bits"),
            Self::TrailingData { found } => {
                write!(f, "expected the end of the file after the closing brace, found {found}")
            }
        }
    }
}

impl error::Error for SnapshotError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.inner.kind {
            ErrorKind::Io(source) | ErrorKind::Decompress { source, .. } => Some(source),
            _ => None,
        }
    }
}
