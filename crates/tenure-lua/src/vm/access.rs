//! Reading and writing fields, with `__index` and `__newindex`.
//!
//! Tables are looked up without a call; a chain of tables is walked here, and a function at its end is handed back to be called. Constant
//! work for each link of the chain.

use super::collection::follow_mode;
use super::metamethod::{in_metatable, metatable, of_value};
use super::{Vm, message};
use crate::bytecode::Metamethod;
use crate::native::Throw;
use crate::object::{
    LuaValue, NodesMethods, Objects, SetError, Str, Table, TableFields, TableMethods, Val, WeakPartMethods,
};
use tenure::prelude::*;

/// Links of a chain of `__index` or `__newindex` after which it is taken for a loop.
const CHAIN_MAX: usize = 2000;

/// What an access found.
#[derive(Debug)]
pub(crate) enum Found<'h> {
    /// The value, or that the assignment is done.
    Done(Val<'h>),
    /// The metamethod to call, and the object to give to it.
    Call(Val<'h>, Val<'h>),
}

/// Where an operand stands, for the name in an error message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operand {
    Register(u8),
    Upvalue(u8),
    Unknown,
}

/// Reads `object[key]`.
///
/// # Errors
///
/// `attempt to index a … value`; a chain that is too long.
#[inline(never)]
pub(crate) fn index<'h>(
    vm: &mut Vm,
    h: &'h Heap<Objects>,
    object: Val<'h>,
    key: Val<'h>,
    operand: Operand,
) -> Result<Found<'h>, Throw> {
    let mut current = object;
    for link in 0..CHAIN_MAX {
        let method = if let Some(table) = current.cast::<Table>() {
            let value = match key.cast::<Str>() {
                Some(name) => table.get_str(name),
                None => table.get_raw(h, key),
            };
            if !value.is_nil() {
                return Ok(Found::Done(value));
            }
            if let Some(weak) = table.weak() {
                let value = weak.get_value(h, key);
                if !value.is_nil() {
                    return Ok(Found::Done(value));
                }
            }
            let method = table.meta().and_then(|meta| in_metatable(h, meta, Metamethod::Index));
            let Some(method) = method else {
                return Ok(Found::Done(Value::nil()));
            };
            method
        } else {
            match of_value(h, current, Metamethod::Index) {
                Some(method) => method,
                None => {
                    let operand = if link == 0 { operand } else { Operand::Unknown };
                    return Err(message::operand_error(vm, h, "index", current, operand));
                }
            }
        };
        if method.is_function() {
            return Ok(Found::Call(method, current));
        }
        current = method;
    }
    Err(message::raise(vm, h, b"'__index' chain too long; possible loop"))
}

/// Assigns `object[key] = value`.
///
/// # Errors
///
/// `attempt to index a … value`; a key that is nil or NaN; a chain that is too long; no memory.
#[inline(never)]
pub(crate) fn set_index<'h>(
    vm: &mut Vm,
    h: &'h Heap<Objects>,
    object: Val<'h>,
    key: Val<'h>,
    value: Val<'h>,
    operand: Operand,
) -> Result<Found<'h>, Throw> {
    let mut current = object;
    for link in 0..CHAIN_MAX {
        let method = if let Some(table) = current.cast::<Table>() {
            if table.replace_raw(h, key, value) {
                return Ok(Found::Done(Value::nil()));
            }
            let meta = table.meta();
            if let Some(meta) = meta {
                match follow_mode(h, table, meta) {
                    Ok(true) if !table.get_raw(h, key).is_nil() => {
                        let set = table.set_raw(h, key, value);
                        return set
                            .map(|()| Found::Done(Value::nil()))
                            .map_err(|error| set_error(vm, h, error));
                    }
                    Ok(_) => {}
                    Err(error) => return Err(set_error(vm, h, error)),
                }
            }
            let Some(method) = meta.and_then(|meta| in_metatable(h, meta, Metamethod::NewIndex)) else {
                return match table.set_raw(h, key, value) {
                    Ok(()) => Ok(Found::Done(Value::nil())),
                    Err(error) => Err(set_error(vm, h, error)),
                };
            };
            method
        } else {
            match of_value(h, current, Metamethod::NewIndex) {
                Some(method) => method,
                None => {
                    let operand = if link == 0 { operand } else { Operand::Unknown };
                    return Err(message::operand_error(vm, h, "index", current, operand));
                }
            }
        };
        if method.is_function() {
            return Ok(Found::Call(method, current));
        }
        current = method;
    }
    Err(message::raise(vm, h, b"'__newindex' chain too long; possible loop"))
}

/// Raises the error of a raw assignment.
#[cold]
pub(crate) fn set_error(vm: &mut Vm, h: &Heap<Objects>, error: SetError) -> Throw {
    match error {
        SetError::NoRoom(no_room) => no_room.into(),
        SetError::NilKey => message::raise(vm, h, b"table index is nil"),
        SetError::NanKey => message::raise(vm, h, b"table index is NaN"),
        SetError::Overflow => message::raise(vm, h, b"table overflow"),
    }
}

/// Stores in the high half of a word of code where its instruction found a key.
#[inline(always)]
fn set_hint(word: &Cell<u64>, hint: u32) {
    word.set(word.get() & 0xffff_ffff | u64::from(hint) << 32);
}

/// Returns the hint in a word of code.
#[inline(always)]
pub(crate) fn hint(word: u64) -> u32 {
    (word >> 32) as u32
}

/// Reads `object[key]`, and notes in the instruction where the key was.
///
/// # Errors
///
/// As [`index`].
#[inline(never)]
pub(crate) fn read_field<'h>(
    vm: &mut Vm,
    h: &'h Heap<Objects>,
    object: Val<'h>,
    key: Gc<'h, Str>,
    operand: Operand,
    word: &Cell<u64>,
) -> Result<Found<'h>, Throw> {
    let meta = match object.cast::<Table>() {
        Some(table) => {
            let nodes = table.nodes();
            if let Some(place) = nodes.locate(key)
                && let Some(value) = nodes.value_of(place)
            {
                set_hint(word, place);
                return Ok(Found::Done(value));
            }
            match table.meta() {
                Some(_) if table.weak().is_some() => return index(vm, h, object, key.into(), operand),
                Some(meta) => meta,
                None => return Ok(Found::Done(Value::nil())),
            }
        }
        None => match metatable(h, object) {
            Some(meta) => meta,
            None => return index(vm, h, object, key.into(), operand),
        },
    };
    // The key is not in the object itself: most often it is one of its class.
    if let Some(class) = in_metatable(h, meta, Metamethod::Index).and_then(|method| method.cast::<Table>()) {
        let nodes = class.nodes();
        if let Some(value) = nodes.get_hinted(hint(word.get()), key.into())
            && !value.is_nil()
        {
            return Ok(Found::Done(value));
        }
        if let Some(place) = nodes.locate(key)
            && let Some(value) = nodes.value_of(place)
        {
            set_hint(word, place);
            return Ok(Found::Done(value));
        }
    }
    index(vm, h, object, key.into(), operand)
}

/// Assigns `object[key] = value`, and notes in the instruction where the key was.
///
/// # Errors
///
/// As [`set_index`].
#[inline(never)]
pub(crate) fn write_field<'h>(
    vm: &mut Vm,
    h: &'h Heap<Objects>,
    object: Val<'h>,
    key: Gc<'h, Str>,
    value: Val<'h>,
    operand: Operand,
    word: &Cell<u64>,
) -> Result<Found<'h>, Throw> {
    let Some(table) = object.cast::<Table>() else {
        return set_index(vm, h, object, key.into(), value, operand);
    };
    if table.meta().is_none() {
        return match table.assign_plain(h, key, value) {
            Ok(place) => {
                if let Some(place) = place {
                    set_hint(word, place);
                }
                Ok(Found::Done(Value::nil()))
            }
            Err(error) => Err(set_error(vm, h, error)),
        };
    }
    if let Some(place) = table.nodes().locate(key)
        && table.nodes().replace_hinted(h, place, key.into(), value)
    {
        set_hint(word, place);
        return Ok(Found::Done(Value::nil()));
    }
    set_index(vm, h, object, key.into(), value, operand)
}
