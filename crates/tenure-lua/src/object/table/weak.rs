//! Weak tables: what stands in the hash part's place when a table's metatable has a `__mode`.
//!
//! A weak table has no parts of its own. Its hash part is a lone node that is never taken, in whose value the [`WeakPart`] stands; so
//! every look-up that knows nothing of weak tables misses, and only the paths behind a miss ask. What no collection can remove, because
//! it has no identity, is kept by an ordinary table; a weak value there stands in a [`WeakBox`]. Keys with identity stand in tables of
//! the heap's own: ephemerons for weak keys, pairs that live as long as their values for weak values alone. An access costs a probe or
//! two more than one of a strong table. Changing the mode takes time proportional to the table.
//!
//! Strings, boxed integers and light userdata are values here and never removed. What is set to nil, or was removed by a collection,
//! stays in place until keys are added, so that a traversal goes on behind it.

use super::nodes::{NODE_SLOTS, Nodes, NodesInit, NodesMethods};
use super::resize::{new_array, new_table};
use super::traverse::{InvalidKey, next};
use super::{SetError, Table, TableFields, TableMethods};
use crate::object::{Closure, LuaValue, Native, NoRoom, Objects, Thread, Userdata, Val};
use tenure::prelude::*;
use tenure::{WeakKeys, WeakValues, Weakness};

/// What of its pairs a table does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mode {
    /// Everything is kept.
    Strong = 0,
    /// `__mode = "k"`
    WeakKeys = 1,
    /// `__mode = "v"`
    WeakValues = 2,
    /// `__mode = "kv"`
    WeakBoth = 3,
}

impl Mode {
    /// Returns the mode that a value of `__mode` asks for.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Mode {
        match (bytes.contains(&b'k'), bytes.contains(&b'v')) {
            (false, false) => Mode::Strong,
            (true, false) => Mode::WeakKeys,
            (false, true) => Mode::WeakValues,
            (true, true) => Mode::WeakBoth,
        }
    }

    fn of_number(number: u8) -> Mode {
        match number {
            1 => Mode::WeakKeys,
            2 => Mode::WeakValues,
            3 => Mode::WeakBoth,
            _ => Mode::Strong,
        }
    }

    fn has_weak_values(self) -> bool {
        self as u8 & Mode::WeakValues as u8 != 0
    }
}

/// The contents of a weak table.
#[derive(Kind)]
pub(crate) struct WeakPart {
    /// Entries whose keys have no identity. With weak values alone also those keys with identity whose values have none; they are
    /// [`KEPT`] in `by_value`, which says the order.
    strong: Slot<Ref<Table>>,
    /// Keys with identity, when keys are weak.
    by_key: Slot<Opt<WeakTable<Objects, WeakKeys>>>,
    /// Keys with identity, when values alone are weak.
    by_value: Slot<Opt<WeakTable<Objects, WeakValues>>>,
    /// The key that a traversal of `by_value` was given last, whose pair may vanish with its value.
    cursor: WeakSlot<Dyn<Objects>>,
    /// The place behind it.
    cursor_place: Cell<u32>,
    /// Keys with identity that may be added before those without a value are looked for.
    budget: Cell<u32>,
    mode: u8,
}

/// A weak value for a key that has no identity.
#[derive(Kind)]
pub(crate) struct WeakBox {
    target: WeakSlot<Dyn<Objects>>,
}

/// Bytes to ask for when a small object found no room.
const SMALL_BYTES: usize = 128;
/// Keys that may be added to a small table before those without a value are looked for.
const BUDGET_MIN: u32 = 16;

/// Stands for a value that the strong part holds.
fn kept() -> Val<'static> {
    Value::bool(true)
}

/// Returns whether a collection can find that nothing refers to the value any more.
fn has_identity(value: Val<'_>) -> bool {
    value.is::<Table>()
        || value.is::<Closure>()
        || value.is::<Userdata>()
        || value.is::<Thread>()
        || value.is::<Native>()
}

/// Returns whether there is no value, or no longer. Keeps nothing alive.
fn is_absent(value: Val<'_>) -> bool {
    value.is_nil()
        || value
            .cast::<WeakBox>()
            .is_some_and(|weak_box| weak_box.target().is_cleared())
}

/// Returns the value itself, or what stands in the box that it is.
fn content<'h>(h: &'h Heap<Objects>, value: Val<'h>) -> Val<'h> {
    value
        .cast::<WeakBox>()
        .map_or(value, |weak_box| weak_box.target().get(h))
}

fn no_room<E>(_: E) -> SetError {
    SetError::NoRoom(NoRoom { bytes: SMALL_BYTES })
}

/// The lone node of a weak table; nothing for hash parts that hold entries, or could.
pub(super) fn weak_part<'h>(nodes: Gc<'h, Nodes>) -> Option<Gc<'h, WeakPart>> {
    if nodes.get().capacity != 0 {
        return None;
    }
    let value: Val<'h> = nodes.tail().get(1)?.get();
    value.cast::<WeakPart>()
}

/// Returns the mode of a table.
pub(crate) fn mode(table: Gc<'_, Table>) -> Mode {
    weak_part(table.nodes()).map_or(Mode::Strong, |part| Mode::of_number(part.mode()))
}

/// Makes the mode of a table another one. Entries stay; the order of a traversal does not.
///
/// # Errors
///
/// When the region has no memory left: the table is as before.
pub(crate) fn set_mode<'h>(h: &'h Heap<Objects>, table: Gc<'h, Table>, new: Mode) -> Result<(), SetError> {
    if mode(table) == new {
        return Ok(());
    }
    convert(h, table, new).map_err(|error| match error {
        SetError::NoRoom(NoRoom { bytes }) => {
            let entries = table.array().tail_len() + table.nodes().get().capacity as usize;
            SetError::NoRoom(NoRoom {
                bytes: bytes.max(entries * SMALL_BYTES),
            })
        }
        error => error,
    })
}

/// Notes that a table's metatable has a `__mode`, which may be replaced.
///
/// # Errors
///
/// When the region has no memory left.
pub(crate) fn remember_mode<'h>(h: &'h Heap<Objects>, table: Gc<'h, Table>) -> Result<(), SetError> {
    if let Some(tables) = h.roots().mode_tables.get() {
        tables.insert(h, table.into(), Value::bool(true)).map_err(no_room)?;
    }
    Ok(())
}

/// Returns the tables whose metatables had a `__mode` when it was looked at.
pub(crate) fn tables_with_mode(h: &Heap<Objects>) -> impl Iterator<Item = Gc<'_, Table>> {
    let tables = h.roots().mode_tables.get();
    let tables = tables.into_iter().flat_map(|tables| tables.entries(h));
    tables.filter_map(|(table, _)| table.cast::<Table>())
}

fn convert<'h>(h: &'h Heap<Objects>, table: Gc<'h, Table>, new: Mode) -> Result<(), SetError> {
    if new == Mode::Strong {
        let target = new_table(h, 0, 0)?;
        copy_entries(h, table, |key, value| target.set_raw(h, key, value))?;
        table.set_array(h, target.array());
        table.set_nodes(h, target.nodes());
        return Ok(());
    }
    remember_mode(h, table)?;
    let part = new_part(h, new)?;
    copy_entries(h, table, |key, value| part.set(h, key, value))?;
    let none = new_array(h, 0)?;
    let init = NodesInit {
        capacity: 0,
        mask: 0,
        free: 0,
    };
    let nodes = h.try_alloc_tail_zeroed::<Nodes>(NODE_SLOTS, init).map_err(no_room)?;
    nodes.tail_set(h, 1, part.into());
    table.set_nodes(h, nodes);
    table.set_array(h, none);
    Ok(())
}

fn copy_entries<'h>(
    h: &'h Heap<Objects>,
    table: Gc<'h, Table>,
    mut put: impl FnMut(Val<'h>, Val<'h>) -> Result<(), SetError>,
) -> Result<(), SetError> {
    let mut last = Value::nil();
    while let Ok(Some((key, value))) = next(table, h, last) {
        put(key, value)?;
        last = key;
    }
    Ok(())
}

fn new_part(h: &Heap<Objects>, mode: Mode) -> Result<Gc<'_, WeakPart>, SetError> {
    let strong = new_table(h, 0, 0)?;
    strong.hold_boxes();
    let (mut by_key, mut by_value) = (None, None);
    if mode == Mode::WeakValues {
        by_value = Some(h.weak_table().map_err(no_room)?);
    } else {
        by_key = Some(h.weak_table().map_err(no_room)?);
    }
    let part = h.try_alloc::<WeakPart>(WeakPartInit {
        strong,
        by_key,
        by_value,
        cursor: Value::nil(),
        cursor_place: 0,
        budget: BUDGET_MIN,
        mode: mode as u8,
    });
    part.map_err(no_room)
}

/// Lets go of keys without identity whose values were set to nil, or found dead by a collection. Returns whether there were any.
///
/// A key stays in its node as the content of a [`WeakBox`], for a traversal that is there. Takes time proportional to all tables with weak
/// values.
pub(crate) fn drop_dead_keys(h: &Heap<Objects>) -> bool {
    let mut dropped = false;
    let parts = tables_with_mode(h).filter_map(TableMethods::weak);
    for part in parts.filter(|part| Mode::of_number(part.mode()).has_weak_values()) {
        let nodes = part.strong().nodes();
        for index in 0..nodes.get().capacity {
            let Some((key, value)) = nodes.entry(index) else {
                continue;
            };
            if key.is_nil() || key.is::<WeakBox>() || !is_absent(value) {
                continue;
            }
            // Without memory the key waits for the next time.
            let Ok(dead) = h.try_alloc::<WeakBox>(WeakBoxInit { target: key }) else {
                return dropped;
            };
            nodes.set_value(h, index, Value::nil());
            nodes.set_dead_key(h, index, dead.into());
            dropped = true;
        }
    }
    dropped
}

/// Returns the number of the node whose dead key this is.
pub(super) fn find_dead_key<'h>(nodes: Gc<'h, Nodes>, h: &'h Heap<Objects>, key: Val<'h>) -> Option<u32> {
    (0..nodes.get().capacity).find(|index| {
        let dead = nodes.entry(*index).and_then(|(dead, _)| dead.cast::<WeakBox>());
        dead.is_some_and(|dead| dead.target().get(h).raw_equals(key))
    })
}

/// Sets the values of an ordinary part whose boxes are empty to nil, so that a rehash leaves them out.
pub(super) fn drop_empty_boxes<'h>(table: Gc<'h, Table>, h: &'h Heap<Objects>) {
    let array = table.array();
    for (index, slot) in array.tail().iter().enumerate() {
        if !slot.get().is_nil() && is_absent(slot.get()) {
            array.tail_set(h, index, Value::nil());
        }
    }
    let nodes = table.nodes();
    for index in 0..nodes.get().capacity {
        if let Some((_, value)) = nodes.entry(index)
            && !value.is_nil()
            && is_absent(value)
        {
            nodes.set_value(h, index, Value::nil());
        }
    }
}

/// Raw access to the contents of a weak table.
pub(crate) trait WeakPartMethods<'h>: Copy {
    /// Returns the value of any key, nil when there is none.
    fn get_value(self, h: &'h Heap<Objects>, key: Val<'h>) -> Val<'h>;
    /// Sets any key but nil and NaN.
    fn set(self, h: &'h Heap<Objects>, key: Val<'h>, value: Val<'h>) -> Result<(), SetError>;
    /// Returns the entry behind `key`, the first one behind nil, none behind the last.
    fn next(self, h: &'h Heap<Objects>, key: Val<'h>) -> Result<Option<(Val<'h>, Val<'h>)>, InvalidKey>;
    /// Calls `visit` with what the table may keep alive: all but weak keys and weak values.
    fn each_kept(self, h: &'h Heap<Objects>, visit: impl FnMut(Val<'h>));
    /// Returns a border.
    fn border(self) -> i64;
}

impl<'h> WeakPartMethods<'h> for Gc<'h, WeakPart> {
    fn get_value(self, h: &'h Heap<Objects>, key: Val<'h>) -> Val<'h> {
        if has_identity(key) {
            if let Some(pairs) = self.by_key() {
                return pairs.find(h, key).map_or(Value::nil(), |value| content(h, value));
            }
            match self.by_value().and_then(|pairs| pairs.find(h, key)) {
                Some(value) if value == kept() => {}
                Some(value) => return value,
                None => return Value::nil(),
            }
        }
        content(h, self.strong().get_raw(h, key))
    }

    fn set(self, h: &'h Heap<Objects>, key: Val<'h>, value: Val<'h>) -> Result<(), SetError> {
        let is_weak = has_identity(value) && Mode::of_number(self.mode()).has_weak_values();
        if let (true, Some(pairs)) = (has_identity(key), self.by_value()) {
            // Whatever needs memory comes before what changes the value that is read.
            if is_weak {
                put(self, h, pairs, key, value)?;
                return self.strong().set_raw(h, key, Value::nil());
            }
            self.strong().set_raw(h, key, value)?;
            let stand_in = if value.is_nil() { value } else { kept() };
            return put(self, h, pairs, key, stand_in);
        }
        let value = if is_weak {
            let made = h.try_alloc::<WeakBox>(WeakBoxInit { target: value });
            made.map_err(no_room)?.into()
        } else {
            value
        };
        match self.by_key() {
            Some(pairs) if has_identity(key) => put(self, h, pairs, key, value),
            _ => self.strong().set_raw(h, key, value),
        }
    }

    fn next(self, h: &'h Heap<Objects>, key: Val<'h>) -> Result<Option<(Val<'h>, Val<'h>)>, InvalidKey> {
        let mut place = 0;
        if has_identity(key) {
            place = self.place_behind(h, key).ok_or(InvalidKey)?;
        } else {
            let mut last = key;
            while let Some((key, value)) = next(self.strong(), h, last)? {
                let value = content(h, value);
                if !value.is_nil() && !has_identity(key) {
                    return Ok(Some((key, value)));
                }
                last = key;
            }
        }
        if let Some(pairs) = self.by_key() {
            return Ok(entry_from(h, pairs, place).map(|(_, key, value)| (key, content(h, value))));
        }
        let found = self.by_value().and_then(|pairs| entry_from(h, pairs, place));
        Ok(found.map(|(behind, key, value)| {
            self.set_cursor(h, key);
            self.cursor_place.set(behind as u32);
            if value == kept() {
                return (key, self.strong().get_raw(h, key));
            }
            (key, value)
        }))
    }

    fn each_kept(self, h: &'h Heap<Objects>, mut visit: impl FnMut(Val<'h>)) {
        let (array, nodes) = (self.strong().array(), self.strong().nodes());
        array.tail().iter().for_each(|slot| visit(slot.get()));
        for (key, value) in (0..).map_while(|index| nodes.entry(index)) {
            visit(key);
            visit(value);
        }
        for (_, value) in self.by_key().into_iter().flat_map(|pairs| pairs.entries(h)) {
            visit(value);
        }
        for (key, _) in self.by_value().into_iter().flat_map(|pairs| pairs.entries(h)) {
            visit(key);
        }
    }

    fn border(self) -> i64 {
        super::length::border_with(self.strong(), is_absent)
    }
}

/// What only this file needs.
trait Private<'h>: Copy {
    /// Returns the place behind a key with identity.
    fn place_behind(self, h: &'h Heap<Objects>, key: Val<'h>) -> Option<usize>;
}

impl<'h> Private<'h> for Gc<'h, WeakPart> {
    fn place_behind(self, h: &'h Heap<Objects>, key: Val<'h>) -> Option<usize> {
        if let Some(pairs) = self.by_key() {
            return pairs.place_behind(h, key);
        }
        let found = self.by_value().and_then(|pairs| pairs.place_behind(h, key));
        found.or_else(|| (self.cursor().get(h) == key).then(|| self.cursor_place.get() as usize))
    }
}

/// Returns the first pair with a value at a place or behind it, and the place behind that.
fn entry_from<'h, W: Weakness>(
    h: &'h Heap<Objects>,
    pairs: Gc<'h, WeakTable<Objects, W>>,
    mut place: usize,
) -> Option<(usize, Val<'h>, Val<'h>)> {
    loop {
        let (behind, key, value) = pairs.entry_from(h, place)?;
        if !is_absent(value) {
            return Some((behind, key, value));
        }
        place = behind;
    }
}

/// Sets the value of a key with identity. A key that is there keeps its place, even with the value nil.
fn put<'h, W: Weakness>(
    part: Gc<'h, WeakPart>,
    h: &'h Heap<Objects>,
    pairs: Gc<'h, WeakTable<Objects, W>>,
    key: Val<'h>,
    value: Val<'h>,
) -> Result<(), SetError> {
    if !pairs.contains(h, key) {
        if value.is_nil() {
            return Ok(());
        }
        let mut budget = part.budget.get();
        if budget == 0 {
            pairs.retain(h, |_, value| !is_absent(value));
            budget = BUDGET_MIN + pairs.count() as u32;
        }
        part.budget.set(budget - 1);
    }
    let bytes = 64 * pairs.capacity().max(2);
    match pairs.insert(h, key, value) {
        Ok(_) => Ok(()),
        Err(_) => Err(SetError::NoRoom(NoRoom { bytes })),
    }
}
