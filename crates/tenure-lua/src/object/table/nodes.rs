//! The hash part: coalesced hashing.
//!
//! A node is three slots: key, value, and an integer that holds the number of the next node of the chain and bits of the key's hash. A
//! key stands in the node that its hash says, or, when that one is taken, in a free one that is linked behind it; so a part can be full
//! to the last node, and look-ups still take one or two probes. Chains of different hashes may run together, which costs a probe now and
//! then and spares insertion from moving nodes. A node never moves but at a rehash; a key whose value became nil stays, so that a
//! traversal can go on behind it, until another key takes the node over.

use super::super::value::{Integer, LuaValue};
use super::super::{Objects, Str, StrMethods, Val, hash_bytes};
use super::HashedKey;
use tenure::prelude::*;

/// The hash part of a table. The tail are the nodes, three slots each.
#[derive(Kind)]
#[tail(Slot<Dyn<Objects>>)]
pub(crate) struct Nodes {
    /// Number of nodes, a power of two; 0 in the shared empty part, whose one node is never taken.
    pub(crate) capacity: u32,
    /// Number of nodes less one.
    pub(crate) mask: u32,
    /// All nodes from this one on are taken.
    pub(crate) free: Cell<u32>,
}

/// Slots of a node.
pub(super) const NODE_SLOTS: usize = 3;
/// Bits of a link for the number of the next node plus one; the hash's upper bits stand above.
const NEXT_BITS: u32 = 28;
const NEXT_MASK: i64 = (1 << NEXT_BITS) - 1;
/// Bits of a hash that do not fit into a link. 49 bits of an integer are never negative.
const HASH_SHIFT: u32 = 32 - (49 - NEXT_BITS);
/// The most nodes of a table.
pub(super) const CAPACITY_MAX: usize = 1 << 26;

type Node = [Slot<Dyn<Objects>>; NODE_SLOTS];

/// Returns the hash of an integer. The low bits depend on all bits.
#[inline(always)]
pub(super) fn hash_integer(int: i64) -> u32 {
    ((int as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

/// Returns the hash of a key that is neither a number in the word nor a string.
pub(super) fn hash_other<'h>(h: &'h Heap<Objects>, key: Val<'h>) -> u32 {
    use super::super::{Closure, Native, Table, Thread, UpVal, Userdata};
    if let Some(boxed) = key.cast::<Integer>() {
        return hash_integer(boxed.get().value);
    }
    let identity = if let Some(table) = key.cast::<Table>() {
        table.identity_hash(h)
    } else if let Some(closure) = key.cast::<Closure>() {
        closure.identity_hash(h)
    } else if let Some(native) = key.cast::<Native>() {
        native.identity_hash(h)
    } else if let Some(userdata) = key.cast::<Userdata>() {
        userdata.identity_hash(h)
    } else if let Some(thread) = key.cast::<Thread>() {
        thread.identity_hash(h)
    } else if let Some(upvalue) = key.cast::<UpVal>() {
        upvalue.identity_hash(h)
    } else {
        u64::from(key.as_symbol().unwrap_or(0)) << 1 | u64::from(key.as_bool() == Some(true))
    };
    identity as u32
}

#[inline(always)]
fn link(hash: u32, next: i64) -> Val<'static> {
    Value::int(i64::from(hash >> HASH_SHIFT) << NEXT_BITS | next)
}

#[inline(always)]
fn node_at(slots: &[Slot<Dyn<Objects>>], index: u32) -> Option<&Node> {
    let start = index as usize * NODE_SLOTS;
    slots.get(start..start + NODE_SLOTS)?.first_chunk()
}

/// Writes a whole node.
#[inline(always)]
fn fill(nodes: Gc<'_, Nodes>, h: &Heap<Objects>, index: u32, node: [Val<'_>; NODE_SLOTS]) {
    for (slot, value) in node.into_iter().enumerate() {
        nodes.tail_set(h, index as usize * NODE_SLOTS + slot, value);
    }
}

/// What the hash part does.
pub(crate) trait NodesMethods<'h>: Copy {
    /// Returns the value of a key, or nil.
    fn get_key(self, key: HashedKey<'_>) -> Val<'h>;
    /// Returns the value of an integer key, or nil.
    fn get_int(self, key: i64) -> Val<'h>;
    /// Returns the value of a string key, or nil.
    fn get_str(self, key: Gc<'_, Str>) -> Val<'h>;
    /// Returns the value of the node `hint` if `key` is its key, the very same word.
    fn get_hinted(self, hint: u32, key: Val<'_>) -> Option<Val<'h>>;
    /// Returns the value of a node, unless it is nil.
    fn value_of(self, index: u32) -> Option<Val<'h>>;
    /// Returns the number of the node of a string key that is there.
    fn locate(self, key: Gc<'_, Str>) -> Option<u32>;
    /// Replaces the value of the node `hint` if `key` is its key, the very same word, and its value is not nil.
    fn replace_hinted(self, h: &Heap<Objects>, hint: u32, key: Val<'_>, value: Val<'_>) -> bool;
    /// Replaces a value other than nil.
    fn replace(self, h: &Heap<Objects>, key: HashedKey<'_>, value: Val<'_>) -> bool;
    /// Replaces a value other than nil of an integer key.
    fn replace_int(self, h: &Heap<Objects>, key: i64, value: Val<'_>) -> bool;
    /// Replaces a value other than nil of a string key.
    fn replace_str(self, h: &Heap<Objects>, key: Gc<'_, Str>, value: Val<'_>) -> bool;
    /// Sets the value of a node.
    fn set_value(self, h: &Heap<Objects>, index: u32, value: Val<'_>);
    /// Sets the value of a key that is there, even with the value nil.
    fn assign(self, h: &Heap<Objects>, key: HashedKey<'_>, value: Val<'_>) -> bool;
    /// Adds a string key that is not there because its node is free, as it is in a table that is being made. Returns false when that is
    /// not so.
    fn insert_first(self, h: &Heap<Objects>, key: Gc<'_, Str>, value: Val<'_>) -> bool;
    /// Adds a key that is not there. Returns false when a rehash is due.
    fn insert(self, h: &Heap<Objects>, key: HashedKey<'_>, value: Val<'_>) -> bool;
    /// Replaces the key of a node without a value by what stands for it.
    fn set_dead_key(self, h: &Heap<Objects>, index: u32, key: Val<'_>);
    /// Returns the number of the node of a key that is there.
    fn find(self, key: HashedKey<'_>) -> Option<u32>;
    /// Returns the string with these bytes that is a key, with a value other than nil.
    fn find_bytes(self, bytes: &[u8]) -> Option<Gc<'h, Str>>;
    /// Returns key and value of a node.
    fn entry(self, index: u32) -> Option<(Val<'h>, Val<'h>)>;
}

/// Walks the chain that begins at the hash's node.
#[inline(always)]
fn search<'h>(nodes: Gc<'h, Nodes>, hash: u32, is_key: impl Fn(Val<'h>, bool) -> bool) -> Option<u32> {
    let slots = nodes.tail();
    let mut index = hash & nodes.get().mask;
    loop {
        let [key, _, link] = node_at(slots, index)?;
        // A free node has no link.
        let link = link.get().as_int()?;
        if is_key(key.get(), link >> NEXT_BITS == i64::from(hash >> HASH_SHIFT)) {
            return Some(index);
        }
        index = ((link & NEXT_MASK) as u32).checked_sub(1)?;
    }
}

#[inline(never)]
fn find_str<'h>(nodes: Gc<'h, Nodes>, key: Gc<'_, Str>) -> Option<u32> {
    search(nodes, key.hash(), |other, similar| {
        similar && other.cast::<Str>().is_some_and(|other| other.same_bytes(key))
    })
}

#[inline(always)]
fn find_int(nodes: Gc<'_, Nodes>, key: i64) -> Option<u32> {
    search(nodes, hash_integer(key), |other, similar| match other.as_int() {
        Some(other) => other == key,
        None => similar && other.integer() == Some(key),
    })
}

#[inline(always)]
fn value_slot(index: u32) -> usize {
    index as usize * NODE_SLOTS + 1
}

fn value_at(nodes: Gc<'_, Nodes>, index: Option<u32>) -> Val<'_> {
    match index.and_then(|index| node_at(nodes.tail(), index)) {
        Some([_, value, _]) => value.get(),
        None => Value::nil(),
    }
}

fn replace_at(nodes: Gc<'_, Nodes>, h: &Heap<Objects>, index: Option<u32>, value: Val<'_>) -> bool {
    let Some(index) = index else { return false };
    if value_at(nodes, Some(index)).is_nil() {
        return false;
    }
    nodes.tail_set(h, value_slot(index), value);
    true
}

impl<'h> NodesMethods<'h> for Gc<'h, Nodes> {
    fn get_key(self, key: HashedKey<'_>) -> Val<'h> {
        value_at(self, self.find(key))
    }

    fn get_int(self, key: i64) -> Val<'h> {
        value_at(self, find_int(self, key))
    }

    #[inline(always)]
    fn get_str(self, key: Gc<'_, Str>) -> Val<'h> {
        if let Some([first, value, _]) = node_at(self.tail(), key.hash() & self.get().mask)
            && first.get() == key.to_value()
        {
            return value.get();
        }
        value_at(self, find_str(self, key))
    }

    #[inline(always)]
    fn get_hinted(self, hint: u32, key: Val<'_>) -> Option<Val<'h>> {
        let [found, value, _] = node_at(self.tail(), hint)?;
        if found.get() == key { Some(value.get()) } else { None }
    }

    #[inline]
    fn value_of(self, index: u32) -> Option<Val<'h>> {
        Some(value_at(self, Some(index))).filter(|value| !value.is_nil())
    }

    #[inline]
    fn locate(self, key: Gc<'_, Str>) -> Option<u32> {
        let index = key.hash() & self.get().mask;
        match node_at(self.tail(), index) {
            Some([first, ..]) if first.get() == key.to_value() => Some(index),
            _ => find_str(self, key),
        }
    }

    #[inline(always)]
    fn replace_hinted(self, h: &Heap<Objects>, hint: u32, key: Val<'_>, value: Val<'_>) -> bool {
        if let Some([found, old, _]) = node_at(self.tail(), hint)
            && found.get() == key
            && !old.get().is_nil()
        {
            self.tail_set(h, value_slot(hint), value);
            return true;
        }
        false
    }

    fn replace(self, h: &Heap<Objects>, key: HashedKey<'_>, value: Val<'_>) -> bool {
        replace_at(self, h, self.find(key), value)
    }

    fn replace_int(self, h: &Heap<Objects>, key: i64, value: Val<'_>) -> bool {
        replace_at(self, h, find_int(self, key), value)
    }

    #[inline(always)]
    fn replace_str(self, h: &Heap<Objects>, key: Gc<'_, Str>, value: Val<'_>) -> bool {
        let index = key.hash() & self.get().mask;
        if let Some([first, old, _]) = node_at(self.tail(), index)
            && first.get() == key.to_value()
        {
            if old.get().is_nil() {
                return false;
            }
            self.tail_set(h, value_slot(index), value);
            return true;
        }
        replace_at(self, h, find_str(self, key), value)
    }

    fn set_value(self, h: &Heap<Objects>, index: u32, value: Val<'_>) {
        self.tail_set(h, value_slot(index), value);
    }

    fn assign(self, h: &Heap<Objects>, key: HashedKey<'_>, value: Val<'_>) -> bool {
        match self.find(key) {
            Some(index) => {
                self.tail_set(h, value_slot(index), value);
                true
            }
            None => false,
        }
    }

    #[inline(always)]
    fn insert_first(self, h: &Heap<Objects>, key: Gc<'_, Str>, value: Val<'_>) -> bool {
        let hash = key.hash();
        let main = hash & self.get().mask;
        // The node of tables without a hash part stays free.
        let is_free = matches!(node_at(self.tail(), main), Some([first, ..]) if first.get().is_nil());
        if !is_free || self.get().capacity == 0 || value.is_nil() {
            return false;
        }
        fill(self, h, main, [key.to_value(), value, link(hash, 0)]);
        true
    }

    fn insert(self, h: &Heap<Objects>, HashedKey { key, hash }: HashedKey<'_>, value: Val<'_>) -> bool {
        let main = hash & self.get().mask;
        let slots = self.tail();
        let Some([main_key, main_value, main_link]) = node_at(slots, main) else {
            return false;
        };
        if self.get().capacity == 0 {
            return false;
        }
        let next = main_link.get().as_int().unwrap_or(0) & NEXT_MASK;
        if main_key.get().is_nil() || main_value.get().is_nil() {
            // Free, or its key is dead: the chain it may be part of stays as it is.
            fill(self, h, main, [key, value, link(hash, next)]);
            return true;
        }
        let mut free = self.free.get();
        while free > 0 {
            free -= 1;
            let Some([free_key, ..]) = node_at(slots, free) else {
                break;
            };
            if free_key.get().is_nil() {
                self.free.set(free);
                fill(self, h, free, [key, value, link(hash, next)]);
                let main_bits = main_link.get().as_int().unwrap_or(0) & !NEXT_MASK;
                let main_link = main as usize * NODE_SLOTS + 2;
                self.tail_set(h, main_link, Value::int(main_bits | i64::from(free + 1)));
                return true;
            }
        }
        self.free.set(0);
        false
    }

    fn set_dead_key(self, h: &Heap<Objects>, index: u32, key: Val<'_>) {
        self.tail_set(h, index as usize * NODE_SLOTS, key);
    }

    fn find(self, HashedKey { key, hash }: HashedKey<'_>) -> Option<u32> {
        if let Some(string) = key.cast::<Str>() {
            return find_str(self, string);
        }
        if let Some(int) = key.as_int() {
            return find_int(self, int);
        }
        search(self, hash, |other, similar| similar && other.raw_equals(key))
    }

    fn find_bytes(self, bytes: &[u8]) -> Option<Gc<'h, Str>> {
        let index = search(self, hash_bytes(bytes), |other, similar| {
            similar && other.bytes() == Some(bytes)
        })?;
        let (key, value) = self.entry(index)?;
        if value.is_nil() { None } else { key.cast::<Str>() }
    }

    fn entry(self, index: u32) -> Option<(Val<'h>, Val<'h>)> {
        if index >= self.get().capacity {
            return None;
        }
        let [key, value, _] = node_at(self.tail(), index)?;
        Some((key.get(), value.get()))
    }
}
