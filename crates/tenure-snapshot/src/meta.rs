//! The head of a snapshot: which columns nodes and edges have, and what their types are called.
//!
//! Columns are found by name, so their number and order are free. Lists and counters that the reader does not use are
//! skipped; the counters it uses may be missing.

use crate::error::{ErrorKind, SnapshotError};
use crate::format::{self, EdgeType};
use crate::lexer::Lexer;

type Result<T> = std::result::Result<T, SnapshotError>;

/// More names than any writer has; a longer list is damage.
const LIST_LIMIT: usize = 256;

#[derive(Debug)]
pub(crate) struct NodeColumns {
    pub(crate) kind: usize,
    pub(crate) name: usize,
    pub(crate) id: usize,
    pub(crate) self_size: usize,
    pub(crate) edge_count: usize,
    pub(crate) detachedness: Option<usize>,
}

#[derive(Debug)]
pub(crate) struct EdgeColumns {
    pub(crate) kind: usize,
    pub(crate) name_or_index: usize,
    pub(crate) to_node: usize,
}

#[derive(Debug)]
pub(crate) struct Meta {
    pub(crate) node_fields: Vec<String>,
    pub(crate) edge_fields: Vec<String>,
    pub(crate) node_columns: NodeColumns,
    pub(crate) edge_columns: EdgeColumns,
    pub(crate) node_types: Vec<String>,
    pub(crate) edge_types: Vec<String>,
    pub(crate) node_count: Option<u64>,
    pub(crate) edge_count: Option<u64>,
}

/// The lists of `meta` as they stand in the file.
#[derive(Debug, Default)]
struct Lists {
    node_fields: Vec<String>,
    node_types: Vec<Vec<String>>,
    edge_fields: Vec<String>,
    edge_types: Vec<Vec<String>>,
}

impl Meta {
    /// Reads the value of `snapshot`.
    pub(crate) fn read(lexer: &mut Lexer<'_>) -> Result<Self> {
        let mut lists = None;
        let (mut node_count, mut edge_count) = (None, None);
        lexer.expect(b'{', "`{`")?;
        let mut first = true;
        while let Some(key) = lexer.next_key(first)? {
            first = false;
            match key.as_str() {
                "meta" => lists = Some(Lists::read(lexer)?),
                "node_count" => node_count = Some(lexer.integer()?),
                "edge_count" => edge_count = Some(lexer.integer()?),
                _ => lexer.skip_value()?,
            }
        }
        let Some(lists) = lists else {
            return Err(SnapshotError::new(
                ErrorKind::MissingSection { name: "snapshot.meta" },
                lexer.offset(),
            ));
        };
        lists
            .resolve(node_count, edge_count)
            .map_err(|kind| SnapshotError::new(kind, lexer.offset()))
    }

    /// For each edge type, whether its edges are labeled by a plain number.
    pub(crate) fn labeled_by_index(&self) -> Vec<bool> {
        self.edge_types
            .iter()
            .map(|name| format::labeled_by_index(name))
            .collect()
    }

    pub(crate) fn weak_edge_type(&self) -> Option<u8> {
        let place = self.edge_types.iter().position(|name| name == EdgeType::Weak.name())?;
        u8::try_from(place).ok()
    }
}

impl Lists {
    fn read(lexer: &mut Lexer<'_>) -> Result<Self> {
        let mut lists = Self::default();
        lexer.expect(b'{', "`{`")?;
        let mut first = true;
        while let Some(key) = lexer.next_key(first)? {
            first = false;
            match key.as_str() {
                "node_fields" => lists.node_fields = names(lexer)?,
                "edge_fields" => lists.edge_fields = names(lexer)?,
                "node_types" => lists.node_types = types(lexer)?,
                "edge_types" => lists.edge_types = types(lexer)?,
                _ => lexer.skip_value()?,
            }
        }
        Ok(lists)
    }

    fn resolve(self, node_count: Option<u64>, edge_count: Option<u64>) -> std::result::Result<Meta, ErrorKind> {
        let node = |name| column("node_fields", &self.node_fields, name);
        let edge = |name| column("edge_fields", &self.edge_fields, name);
        let node_columns = NodeColumns {
            kind: node("type")?,
            name: node("name")?,
            id: node("id")?,
            self_size: node("self_size")?,
            edge_count: node("edge_count")?,
            detachedness: node("detachedness").ok(),
        };
        let edge_columns = EdgeColumns {
            kind: edge("type")?,
            name_or_index: edge("name_or_index")?,
            to_node: edge("to_node")?,
        };
        let node_types = type_names("node_types", self.node_types, node_columns.kind)?;
        let edge_types = type_names("edge_types", self.edge_types, edge_columns.kind)?;
        let (node_fields, edge_fields) = (self.node_fields, self.edge_fields);
        Ok(Meta {
            node_fields,
            edge_fields,
            node_columns,
            edge_columns,
            node_types,
            edge_types,
            node_count,
            edge_count,
        })
    }
}

fn column(list: &'static str, names: &[String], field: &'static str) -> std::result::Result<usize, ErrorKind> {
    let place = names.iter().position(|name| name == field);
    place.ok_or_else(|| ErrorKind::MissingField {
        list,
        field,
        found: names.to_vec(),
    })
}

fn type_names(
    list: &'static str,
    mut types: Vec<Vec<String>>,
    column: usize,
) -> std::result::Result<Vec<String>, ErrorKind> {
    if column >= types.len() || types[column].is_empty() {
        let problem = "has no list of type names at the place of the field \"type\"";
        return Err(ErrorKind::BadTypes { list, problem });
    }
    Ok(types.swap_remove(column))
}

/// An array of strings.
fn names(lexer: &mut Lexer<'_>) -> Result<Vec<String>> {
    lexer.expect(b'[', "`[` and a list of names")?;
    let mut names = Vec::new();
    while lexer.next_element(names.is_empty())? {
        if names.len() == LIST_LIMIT {
            return Err(lexer.unexpected("a list of at most 256 names"));
        }
        names.push(lexer.name()?);
    }
    Ok(names)
}

/// An array that has, per column, a list of names or the word for a plain type; the latter becomes an empty list.
fn types(lexer: &mut Lexer<'_>) -> Result<Vec<Vec<String>>> {
    lexer.expect(b'[', "`[` and a list of types")?;
    let mut types = Vec::new();
    while lexer.next_element(types.is_empty())? {
        if types.len() == LIST_LIMIT {
            return Err(lexer.unexpected("a list of at most 256 types"));
        }
        types.push(match lexer.peek()? {
            Some(b'[') => names(lexer)?,
            _ => {
                lexer.skip_value()?;
                Vec::new()
            }
        });
    }
    Ok(types)
}
