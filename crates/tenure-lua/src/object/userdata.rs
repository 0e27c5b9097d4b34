//! Userdata: a number that stands for something of the embedder's, with a metatable and values.
//!
//! The embedder keeps the thing itself, a file for example, in a table of its own under that number. Reading it is one load.

use super::{Objects, Table};
use tenure::prelude::*;

/// A full userdata. The tail are its user values.
#[derive(Kind)]
#[tail(Slot<Dyn<Objects>>)]
pub(crate) struct Userdata {
    pub(crate) meta: Slot<Opt<Table>>,
    /// What the number is about: each library has its own.
    pub(crate) class: u32,
    /// Whether it is marked for finalization.
    pub(crate) is_marked: Cell<bool>,
    /// The number.
    pub(crate) payload: Cell<u64>,
}
