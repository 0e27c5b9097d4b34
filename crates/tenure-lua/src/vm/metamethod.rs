//! Finding metamethods.
//!
//! A metatable remembers in a bit that a metamethod is absent, until a key is added to it, so that asking for one that is not there is a
//! load and a test.

use crate::bytecode::Metamethod;
use crate::object::{
    LuaValue, Objects, Str, Table, TableFields, TableMethods, Type, Userdata, UserdataFields, Val, WeakPartMethods,
};
use tenure::prelude::*;

/// Returns the metatable of a value.
#[inline]
pub(crate) fn metatable<'h>(h: &'h Heap<Objects>, value: Val<'h>) -> Option<Gc<'h, Table>> {
    if let Some(table) = value.cast::<Table>() {
        return table.meta();
    }
    if let Some(userdata) = value.cast::<Userdata>() {
        return userdata.meta();
    }
    if value.is::<Str>() {
        return h.roots().string_meta.get();
    }
    h.roots().type_metas[type_index(value.type_of())].get()
}

/// Returns the place of a type among the metatables that all values of a type share.
pub(crate) fn type_index(of: Type) -> usize {
    of as usize
}

/// Returns the metamethod that a metatable has.
#[inline(always)]
pub(crate) fn in_metatable<'h>(h: &'h Heap<Objects>, meta: Gc<'h, Table>, event: Metamethod) -> Option<Val<'h>> {
    if meta.absent.get() & 1 << event.number() != 0 {
        return None;
    }
    look_up(h, meta, event)
}

#[inline(never)]
fn look_up<'h>(h: &'h Heap<Objects>, meta: Gc<'h, Table>, event: Metamethod) -> Option<Val<'h>> {
    let name = h.roots().metamethod_names[usize::from(event.number())].get()?;
    let method = named(h, meta, name);
    if method.is_nil() {
        meta.absent.set(meta.absent.get() | 1 << event.number());
        return None;
    }
    Some(method)
}

/// Returns a field of a metatable, which may be a weak table itself.
#[inline(always)]
fn named<'h>(h: &'h Heap<Objects>, meta: Gc<'h, Table>, name: Gc<'h, Str>) -> Val<'h> {
    let found = meta.get_str(name);
    if !found.is_nil() {
        return found;
    }
    meta.weak().map_or(found, |weak| weak.get_value(h, name.into()))
}

/// Returns the metamethod of a value, if it has one.
#[inline]
pub(crate) fn of_value<'h>(h: &'h Heap<Objects>, value: Val<'h>, event: Metamethod) -> Option<Val<'h>> {
    in_metatable(h, metatable(h, value)?, event)
}

/// Keys of metatables that are no events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Field {
    Name,
    ToString,
    Metatable,
    Pairs,
    Mode,
}

impl Field {
    pub(crate) const ALL: [(Field, &'static str); 5] = [
        (Field::Name, "__name"),
        (Field::ToString, "__tostring"),
        (Field::Metatable, "__metatable"),
        (Field::Pairs, "__pairs"),
        (Field::Mode, "__mode"),
    ];
}

/// Returns a field of a value's metatable, if it has one.
pub(crate) fn field<'h>(h: &'h Heap<Objects>, value: Val<'h>, field: Field) -> Option<Val<'h>> {
    let meta = metatable(h, value)?;
    let name = h.roots().field_names[field as usize].get()?;
    let found = named(h, meta, name);
    (!found.is_nil()).then_some(found)
}
