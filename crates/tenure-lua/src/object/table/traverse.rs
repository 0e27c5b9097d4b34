//! Traversal: the entry behind a key.
//!
//! The array part comes first, then the nodes as they lie. A key that is there, even with the value nil, is found again by a look-up, so
//! a traversal keeps no state and may clear and assign entries as it goes.

use super::{
    Array, HashedKey, NodesMethods, Objects, Place, Table, TableFields, TableMethods, Val, WeakPartMethods, place,
};
use tenure::prelude::*;

/// The key given to `next` is not one of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidKey;

/// Returns the entry behind `key`, the first one behind nil, none behind the last.
pub(crate) fn next<'h>(
    table: Gc<'h, Table>,
    h: &'h Heap<Objects>,
    key: Val<'h>,
) -> Result<Option<(Val<'h>, Val<'h>)>, InvalidKey> {
    if let Some(weak) = table.weak() {
        return weak.next(h, key);
    }
    let array: Gc<'h, Array> = table.array();
    let length = array.tail_len();
    let position = match place(h, key) {
        Place::Nil => 0,
        Place::Int(int @ 1..) if int as u64 <= length as u64 => int as usize,
        Place::Int(int) => {
            let key = HashedKey {
                key: Value::int(int),
                hash: super::hash_integer(int),
            };
            length + 1 + table.nodes().find(key).ok_or(InvalidKey)? as usize
        }
        Place::Hash(key) => length + 1 + table.nodes().find(key).ok_or(InvalidKey)? as usize,
        Place::Nan => return Err(InvalidKey),
    };
    Ok(entry_from(table, position))
}

/// Returns the first entry at a position or behind it: positions count the array part, then the nodes.
fn entry_from(table: Gc<'_, Table>, position: usize) -> Option<(Val<'_>, Val<'_>)> {
    let array = table.array().tail();
    for (index, slot) in array.iter().enumerate().skip(position) {
        let value = slot.get();
        if !value.is_nil() {
            return Some((Value::int(index as i64 + 1), value));
        }
    }
    let mut index = position.saturating_sub(array.len()) as u32;
    while let Some((key, value)) = table.nodes().entry(index) {
        if !value.is_nil() {
            return Some((key, value));
        }
        index += 1;
    }
    None
}
