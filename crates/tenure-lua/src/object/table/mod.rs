//! Tables: an array part for the keys 1 to n and a hash part for the rest.
//!
//! Both parts are objects of their own; a table without one refers to a shared empty one, so that a look-up never asks whether there is
//! any. A look-up by an integer in the array part is one compare, by a name one probe if the name is the very object that stands in the
//! table. The sizes of both parts follow the reference implementation's rule: at a rehash the array part becomes the largest power of two
//! that is more than half full, so lengths of tables with holes are the reference's too. Order of traversal is not.
//!
//! Nothing here calls metamethods. An error leaves the table as it was.

mod length;
mod nodes;
mod resize;
mod traverse;
mod weak;

pub(crate) use length::border;
pub(crate) use nodes::{Nodes, NodesMethods};
pub(crate) use resize::{empty_nodes, new_array, new_table, set_list};
pub(crate) use traverse::next;
pub(crate) use weak::{
    Mode, WeakBox, WeakPart, WeakPartMethods, drop_dead_keys, mode, remember_mode, set_mode, tables_with_mode,
};

use super::string::StrMethods;
use super::{LuaValue, NoRoom, Objects, Str, Val, new_integer};
use crate::bytecode::Metamethod;
use crate::pure::number::float_to_integer;
use nodes::{hash_integer, hash_other};
use tenure::prelude::*;

/// A table.
#[derive(Kind)]
pub(crate) struct Table {
    /// Values of the keys 1 to the length of the tail.
    pub(crate) array: Slot<Ref<Array>>,
    /// All other keys.
    pub(crate) nodes: Slot<Ref<Nodes>>,
    pub(crate) meta: Slot<Opt<Table>>,
    /// Bit m says that metamethod number m is known to be absent, when the table is a metatable. Flags stand above.
    pub(crate) absent: Cell<u32>,
    /// Where the last search for a border ended.
    pub(crate) border: Cell<u32>,
}

/// In `absent`: the table is marked for finalization.
const MARKED: u32 = 1 << 31;
/// In `absent`: values may be weak boxes.
const BOXES: u32 = 1 << 30;
/// In `absent`: the table has been a table's metatable.
const META: u32 = 1 << 29;
const FLAGS: u32 = MARKED | BOXES | META;

/// A plain sequence of values: the array part of a table, constants, saved registers.
#[derive(Kind)]
#[tail(Slot<Dyn<Objects>>)]
pub(crate) struct Array {}

/// Why a key cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetError {
    /// The region has no memory left.
    NoRoom(NoRoom),
    /// The key is nil.
    NilKey,
    /// The key is NaN.
    NanKey,
    /// The table would be larger than any heap.
    Overflow,
}

impl From<NoRoom> for SetError {
    fn from(error: NoRoom) -> SetError {
        SetError::NoRoom(error)
    }
}

/// A key as the hash part knows it, with its hash.
#[derive(Clone, Copy)]
pub(crate) struct HashedKey<'h> {
    pub(crate) key: Val<'h>,
    pub(crate) hash: u32,
}

/// Raw access: without metamethods. What takes no heap knows nothing of weak tables: it finds nothing there.
pub(crate) trait TableMethods<'h>: Copy {
    /// Forgets which metamethods are absent.
    fn forget_absent(self);
    /// Returns whether the table is marked for finalization, and says whether it is from now on.
    fn replace_marked(self, marked: bool) -> bool;
    /// Says that values may be weak boxes.
    fn hold_boxes(self);
    /// Says that the table is a table's metatable: when a `__mode` is added from now on, that is noted.
    fn become_metatable(self);
    /// Returns what the table holds if it is a weak one.
    fn weak(self) -> Option<Gc<'h, WeakPart>>;
    /// Returns the value of any key, nil when there is none.
    fn get_raw(self, h: &'h Heap<Objects>, key: Val<'h>) -> Val<'h>;
    /// Returns the value of an integer key.
    fn get_int(self, key: i64) -> Val<'h>;
    /// Returns the value of a string key.
    fn get_str(self, key: Gc<'h, Str>) -> Val<'h>;
    /// Sets any key but nil and NaN. The absence of metamethods is no longer known afterwards.
    fn set_raw(self, h: &'h Heap<Objects>, key: Val<'h>, value: Val<'h>) -> Result<(), SetError>;
    /// Sets an integer key.
    fn set_int(self, h: &'h Heap<Objects>, key: i64, value: Val<'h>) -> Result<(), SetError>;
    /// Sets a string key.
    fn set_str(self, h: &'h Heap<Objects>, key: Gc<'h, Str>, value: Val<'h>) -> Result<(), SetError>;
    /// Replaces the value of an integer key that has one other than nil; returns whether it has.
    fn replace_int(self, h: &'h Heap<Objects>, key: i64, value: Val<'_>) -> bool;
    /// Replaces the value of a string key that has one other than nil; returns whether it has.
    fn replace_str(self, h: &'h Heap<Objects>, key: Gc<'_, Str>, value: Val<'_>) -> bool;
    /// Returns the value of an integer key if it belongs to the array part.
    fn element(self, key: i64) -> Option<Val<'h>>;
    /// Assigns to an integer key if it belongs to the array part; returns whether it did, and not when there may be a metamethod.
    fn assign_element(self, h: &'h Heap<Objects>, key: i64, value: Val<'_>) -> Option<bool>;
    /// Assigns to a string key of a table without a metatable, and returns the number of its node if it was there; nothing when a rehash
    /// is due.
    fn assign_plain(self, h: &'h Heap<Objects>, key: Gc<'h, Str>, value: Val<'h>) -> Option<Option<u32>>;
    /// Replaces the value of any key that has one other than nil; returns whether it has.
    fn replace_raw(self, h: &'h Heap<Objects>, key: Val<'h>, value: Val<'_>) -> bool;
}

/// Where a key belongs.
enum Place<'h> {
    /// To the array part, if it is long enough, or as an integer to the hash part.
    Int(i64),
    /// To the hash part.
    Hash(HashedKey<'h>),
    /// Nowhere.
    Nil,
    /// Nowhere.
    Nan,
}

/// Normalizes a key: a float with an integer's value is that integer.
fn place<'h>(h: &'h Heap<Objects>, key: Val<'h>) -> Place<'h> {
    if let Some(int) = key.as_int() {
        Place::Int(int)
    } else if let Some(string) = key.cast::<Str>() {
        let hash = string.hash();
        Place::Hash(HashedKey { key, hash })
    } else if let Some(float) = key.as_float() {
        match float_to_integer(float) {
            Some(int) if Value::<Objects>::try_int(int).is_some() => Place::Int(int),
            None if float.is_nan() => Place::Nan,
            _ => Place::Hash(HashedKey {
                key,
                hash: hash_float(float),
            }),
        }
    } else if key.is_nil() {
        Place::Nil
    } else {
        Place::Hash(HashedKey {
            key,
            hash: hash_other(h, key),
        })
    }
}

/// Returns the hash of a float that is no integer of 50 bits. One that equals a boxed integer has that one's hash.
fn hash_float(float: f64) -> u32 {
    hash_integer(float_to_integer(float).unwrap_or(float.to_bits() as i64))
}

impl<'h> TableMethods<'h> for Gc<'h, Table> {
    #[inline(always)]
    fn forget_absent(self) {
        self.absent.set(self.absent.get() & FLAGS);
    }

    fn replace_marked(self, marked: bool) -> bool {
        let bits = self.absent.get();
        self.absent.set(if marked { bits | MARKED } else { bits & !MARKED });
        bits & MARKED != 0
    }

    fn hold_boxes(self) {
        self.absent.set(self.absent.get() | BOXES);
    }

    fn become_metatable(self) {
        let bits = self.absent.get();
        if bits & META == 0 {
            self.absent.set(bits | META);
        }
    }

    #[inline]
    fn weak(self) -> Option<Gc<'h, WeakPart>> {
        weak::weak_part(self.nodes())
    }

    fn get_raw(self, h: &'h Heap<Objects>, key: Val<'h>) -> Val<'h> {
        let value = match place(h, key) {
            Place::Int(int) => self.get_int(int),
            Place::Hash(hashed) => self.nodes().get_key(hashed),
            Place::Nil | Place::Nan => return Value::nil(),
        };
        match self.weak() {
            Some(weak) if value.is_nil() => weak.get_value(h, key),
            _ => value,
        }
    }

    #[inline(always)]
    fn get_int(self, key: i64) -> Val<'h> {
        match self.array().tail().get(key.wrapping_sub(1) as usize) {
            Some(slot) => slot.get(),
            None => self.nodes().get_int(key),
        }
    }

    #[inline(always)]
    fn get_str(self, key: Gc<'h, Str>) -> Val<'h> {
        self.nodes().get_str(key)
    }

    fn set_raw(self, h: &'h Heap<Objects>, key: Val<'h>, value: Val<'h>) -> Result<(), SetError> {
        match place(h, key) {
            Place::Int(int) => self.set_int(h, int, value),
            Place::Hash(hashed) => set_hashed(self, h, hashed, value),
            Place::Nil => Err(SetError::NilKey),
            Place::Nan => Err(SetError::NanKey),
        }
    }

    fn set_int(self, h: &'h Heap<Objects>, key: i64, value: Val<'h>) -> Result<(), SetError> {
        let (array, index) = (self.array(), key.wrapping_sub(1) as usize);
        if index < array.tail_len() {
            array.tail_set(h, index, value);
            return Ok(());
        }
        let hash = hash_integer(key);
        let key = new_integer(h, key)?;
        set_hashed(self, h, HashedKey { key, hash }, value)
    }

    fn set_str(self, h: &'h Heap<Objects>, key: Gc<'h, Str>, value: Val<'h>) -> Result<(), SetError> {
        let hash = key.hash();
        let key = key.into();
        set_hashed(self, h, HashedKey { key, hash }, value)
    }

    #[inline(always)]
    fn replace_int(self, h: &'h Heap<Objects>, key: i64, value: Val<'_>) -> bool {
        let (array, index) = (self.array(), key.wrapping_sub(1) as usize);
        if array.tail().get(index).is_some_and(|slot| !slot.get().is_nil()) {
            array.tail_set(h, index, value);
            return true;
        }
        index >= array.tail_len() && self.nodes().replace_int(h, key, value)
    }

    #[inline(always)]
    fn element(self, key: i64) -> Option<Val<'h>> {
        self.array().tail().get(key.wrapping_sub(1) as usize).map(Slot::get)
    }

    #[inline(always)]
    fn assign_element(self, h: &'h Heap<Objects>, key: i64, value: Val<'_>) -> Option<bool> {
        let (array, index) = (self.array(), key.wrapping_sub(1) as usize);
        let slot = array.tail().get(index)?;
        let is_free = !slot.get().is_nil() || self.meta().is_none();
        if is_free {
            array.tail_set(h, index, value);
        }
        Some(is_free)
    }

    fn assign_plain(self, h: &'h Heap<Objects>, key: Gc<'h, Str>, value: Val<'h>) -> Option<Option<u32>> {
        let nodes = self.nodes();
        self.forget_absent();
        note_mode(self, h, key.into());
        if nodes.insert_first(h, key, value) {
            return Some(None);
        }
        if let Some(index) = nodes.locate(key) {
            nodes.set_value(h, index, value);
            return Some(Some(index));
        }
        let (hash, key) = (key.hash(), key.into());
        (value.is_nil() || nodes.insert(h, HashedKey { key, hash }, value)).then_some(None)
    }

    #[inline(always)]
    fn replace_str(self, h: &'h Heap<Objects>, key: Gc<'_, Str>, value: Val<'_>) -> bool {
        self.nodes().replace_str(h, key, value)
    }

    fn replace_raw(self, h: &'h Heap<Objects>, key: Val<'h>, value: Val<'_>) -> bool {
        match place(h, key) {
            Place::Int(int) => self.replace_int(h, int, value),
            Place::Hash(hashed) => self.nodes().replace(h, hashed, value),
            Place::Nil | Place::Nan => false,
        }
    }
}

/// Notes that a metatable is given a `__mode`.
#[inline(always)]
fn note_mode<'h>(table: Gc<'h, Table>, h: &'h Heap<Objects>, key: Val<'h>) {
    if table.absent.get() & META != 0 {
        let name = h.roots().metamethod_names[usize::from(Metamethod::Mode.number())].get();
        if name.is_some_and(|name| key.raw_equals(name.into())) {
            h.roots().has_new_mode.set(Value::bool(true));
        }
    }
}

/// Sets a key of the hash part, growing the table if need be.
fn set_hashed<'h>(
    table: Gc<'h, Table>,
    h: &'h Heap<Objects>,
    key: HashedKey<'h>,
    value: Val<'h>,
) -> Result<(), SetError> {
    let nodes = table.nodes();
    table.forget_absent();
    note_mode(table, h, key.key);
    if nodes.assign(h, key, value) {
        return Ok(());
    }
    if nodes.get().capacity == 0
        && let Some(weak) = weak::weak_part(nodes)
    {
        return weak.set(h, key.key, value);
    }
    if value.is_nil() {
        return Ok(());
    }
    if let Some(int) = key.key.as_float().and_then(float_to_integer) {
        // A traversal is to find an integer.
        return table.set_int(h, int, value);
    }
    if nodes.insert(h, key, value) {
        return Ok(());
    }
    resize::rehash(table, h, key.key)?;
    // There is room now, in one part or the other.
    table.set_raw(h, key.key, value)
}

/// The fields of a new table without entries.
pub(crate) fn empty_table<'h>(array: Gc<'h, Array>, nodes: Gc<'h, Nodes>) -> TableInit<'h> {
    TableInit {
        array,
        nodes,
        meta: None,
        absent: 0,
        border: 0,
    }
}
