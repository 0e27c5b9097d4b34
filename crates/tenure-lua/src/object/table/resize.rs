//! New tables, and how tables grow.
//!
//! When an insertion finds no free node, all keys are counted: the array part becomes the largest n such that more than n/2 of the keys 1
//! to n are there, the hash part the power of two that holds the rest. Counting takes time proportional to the table, and happens as
//! often as its size doubles. Both new parts are allocated before anything changes.

use super::nodes::{CAPACITY_MAX, NODE_SLOTS, NodesInit, NodesMethods, hash_integer, hash_other};
use super::weak::drop_empty_boxes;
use super::{Array, ArrayInit, BOXES, HashedKey, SetError, Table, TableFields, empty_table};
use crate::object::{NoRoom, Nodes, Objects, Str, StrMethods, Val};
use tenure::prelude::*;

/// Bits of the largest array part.
const MAX_BITS: usize = 31;
/// The longest array part.
const ARRAY_MAX: usize = 1 << 30;

/// Makes a table with room for so many entries of each part.
pub(crate) fn new_table<'h>(
    h: &'h Heap<Objects>,
    array_length: usize,
    node_count: usize,
) -> Result<Gc<'h, Table>, SetError> {
    let array = new_array(h, array_length)?;
    let nodes = new_nodes(h, node_count)?;
    h.try_alloc::<Table>(empty_table(array, nodes))
        .map_err(|_| SetError::NoRoom(NoRoom { bytes: 64 }))
}

/// Makes a sequence of nils.
pub(crate) fn new_array(h: &Heap<Objects>, length: usize) -> Result<Gc<'_, Array>, SetError> {
    if let (0, Some(empty)) = (length, h.roots().empty_array.get()) {
        return Ok(empty);
    }
    if length > ARRAY_MAX {
        return Err(SetError::Overflow);
    }
    let bytes = 8 * length + 16;
    h.try_alloc_tail_zeroed::<Array>(length, ArrayInit {})
        .map_err(|_| SetError::NoRoom(NoRoom { bytes }))
}

/// Makes a hash part for `count` keys.
fn new_nodes(h: &Heap<Objects>, count: usize) -> Result<Gc<'_, Nodes>, SetError> {
    if let (0, Some(empty)) = (count, h.roots().empty_nodes.get()) {
        return Ok(empty);
    }
    if count > CAPACITY_MAX {
        return Err(SetError::Overflow);
    }
    let capacity = count.next_power_of_two();
    let slots = capacity * NODE_SLOTS;
    let init = NodesInit {
        capacity: capacity as u32,
        mask: capacity as u32 - 1,
        free: capacity as u32,
    };
    h.try_alloc_tail_zeroed::<Nodes>(slots, init)
        .map_err(|_| SetError::NoRoom(NoRoom { bytes: 8 * slots + 64 }))
}

/// Makes the hash part that tables without one share.
pub(crate) fn empty_nodes(h: &Heap<Objects>) -> Result<Gc<'_, Nodes>, NoRoom> {
    let init = NodesInit {
        capacity: 0,
        mask: 0,
        free: 0,
    };
    h.try_alloc_tail_zeroed::<Nodes>(NODE_SLOTS, init)
        .map_err(|_| NoRoom { bytes: 64 })
}

/// How many integer keys there are, by the power of two that they lie below.
struct Census {
    /// `slices[i]` is the number of keys k with 2^(i - 1) < k <= 2^i.
    slices: [usize; MAX_BITS + 1],
    integers: usize,
    total: usize,
}

impl Census {
    fn count_key(&mut self, key: Val<'_>) {
        self.total += 1;
        if let Some(int @ 1..) = key.as_int()
            && int <= ARRAY_MAX as i64
        {
            self.slices[ceil_log2(int as usize)] += 1;
            self.integers += 1;
        }
    }

    fn count_array(&mut self, array: Gc<'_, Array>) {
        let slots = array.tail();
        let (mut start, mut end) = (0, 1);
        for slice in &mut self.slices {
            let part = slots.get(start..end.min(slots.len())).unwrap_or(&[]);
            if part.is_empty() {
                break;
            }
            let used = part.iter().filter(|slot| !slot.get().is_nil()).count();
            *slice += used;
            self.integers += used;
            self.total += used;
            (start, end) = (end, 2 * end);
        }
    }

    fn count_nodes(&mut self, nodes: Gc<'_, Nodes>) {
        for index in 0..nodes.get().capacity {
            if let Some((key, value)) = nodes.entry(index)
                && !value.is_nil()
            {
                self.count_key(key);
            }
        }
    }

    /// Returns the best length of the array part, and how many keys go there.
    fn array_length(&self) -> (usize, usize) {
        let (mut below, mut best) = (0, (0, 0));
        let mut length = 1;
        for &slice in &self.slices {
            if self.integers <= length / 2 {
                break;
            }
            below += slice;
            if below > length / 2 {
                best = (length, below);
            }
            length *= 2;
        }
        best
    }
}

fn ceil_log2(number: usize) -> usize {
    number.next_power_of_two().trailing_zeros() as usize
}

/// Makes room for one more key.
pub(super) fn rehash<'h>(table: Gc<'h, Table>, h: &'h Heap<Objects>, key: Val<'h>) -> Result<(), SetError> {
    if table.absent.get() & BOXES != 0 {
        drop_empty_boxes(table, h);
    }
    let mut census = Census {
        slices: [0; MAX_BITS + 1],
        integers: 0,
        total: 0,
    };
    census.count_array(table.array());
    census.count_nodes(table.nodes());
    census.count_key(key);
    let (array_length, in_array) = census.array_length();
    resize(table, h, array_length, census.total - in_array)
}

/// Gives the table an array part of a length and a hash part for so many keys.
pub(crate) fn resize<'h>(
    table: Gc<'h, Table>,
    h: &'h Heap<Objects>,
    array_length: usize,
    node_count: usize,
) -> Result<(), SetError> {
    let (old_array, old_nodes) = (table.array(), table.nodes());
    let nodes = new_nodes(h, node_count)?;
    let kept = old_array.tail_len().min(array_length);
    let array = if array_length == old_array.tail_len() {
        old_array
    } else {
        let array = new_array(h, array_length)?;
        array.tail_copy_from(h, 0, old_array, 0..kept);
        table.set_array(h, array);
        array
    };
    table.set_nodes(h, nodes);
    for (index, slot) in old_array.tail().iter().enumerate().skip(kept) {
        let int = index as i64 + 1;
        move_entry(array, nodes, h, Value::int(int), slot.get());
    }
    // From the last to the first, as the reference implementation does.
    for index in (0..old_nodes.get().capacity).rev() {
        if let Some((key, value)) = old_nodes.entry(index) {
            move_entry(array, nodes, h, key, value);
        }
    }
    Ok(())
}

/// Puts an entry into parts that have room for it.
fn move_entry<'h>(array: Gc<'h, Array>, nodes: Gc<'h, Nodes>, h: &'h Heap<Objects>, key: Val<'h>, value: Val<'h>) {
    if value.is_nil() {
        return;
    }
    let hash = if let Some(int) = key.as_int() {
        let index = int.wrapping_sub(1) as usize;
        if index < array.tail_len() {
            return array.tail_set(h, index, value);
        }
        hash_integer(int)
    } else if let Some(string) = key.cast::<Str>() {
        string.hash()
    } else if let Some(float) = key.as_float() {
        super::hash_float(float)
    } else {
        hash_other(h, key)
    };
    let moved = nodes.insert(h, HashedKey { key, hash }, value);
    debug_assert!(moved, "a resized hash part has room for all its keys");
}

/// Assigns registers to the keys behind `before`, as a constructor does.
pub(crate) fn set_list<'h>(
    h: &'h Heap<Objects>,
    table: Gc<'h, Table>,
    before: usize,
    first_register: usize,
    count: usize,
) -> Result<(), SetError> {
    let end = before + count;
    if table.array().tail_len() < end {
        resize(table, h, end, table.nodes().get().capacity as usize)?;
    }
    if let Some(registers) = h.register_area().get(first_register..first_register + count) {
        table.array().tail_copy_from_registers(h, before, registers);
    }
    Ok(())
}
