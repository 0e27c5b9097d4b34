//! Reading and writing fields, with `__index` and `__newindex`.
//!
//! Tables are looked up without a call; a chain of tables is walked here, and a function at its end is handed back to be called. Constant
//! work for each link of the chain.

use super::collection::follow_mode;
use super::fetched::Fetched;
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

/// Links that are walked without looking for a loop: more classes above one another are rare.
const CLASSES_MAX: usize = 8;

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
#[cold]
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
#[cold]
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
fn set_hint(word: Option<&Cell<u64>>, hint: u32) {
    if let Some(word) = word {
        word.set(word.get() & 0xffff_ffff | u64::from(hint) << 32);
    }
}

/// Reads a table, unless there may be a metamethod for what is not there.
#[inline(never)]
pub(crate) fn find<'h>(h: &'h Heap<Objects>, table: Gc<'h, Table>, key: Val<'h>) -> Option<Val<'h>> {
    let value = if let Some(int) = key.as_int() {
        table.get_int(int)
    } else if let Some(name) = key.cast::<Str>() {
        table.get_str(name)
    } else {
        table.get_raw(h, key)
    };
    (!value.is_nil() || table.meta().is_none()).then_some(value)
}

/// Replaces what is not in the array part, if it is not nil and the key an integer in the word or a string. Returns whether it did.
#[inline(never)]
pub(crate) fn replace<'h>(h: &'h Heap<Objects>, table: Gc<'h, Table>, key: Val<'h>, value: Val<'h>) -> bool {
    if let Some(int) = key.as_int() {
        table.nodes().replace_int(h, int, value)
    } else {
        key.cast::<Str>().is_some_and(|name| table.replace_str(h, name, value))
    }
}

/// Reads a field that is in the object, its class or a class above, and notes in the instruction where. Nothing if that is
/// not all there is to do.
#[inline(never)]
pub(crate) fn find_field<'h>(
    h: &'h Heap<Objects>,
    object: Val<'h>,
    key: Val<'h>,
    code: &[Cell<u64>],
    pc: usize,
) -> Option<Val<'h>> {
    let word = code.get(pc.wrapping_sub(1));
    let name = key.cast::<Str>()?;
    let mut meta = match object.cast::<Table>() {
        Some(table) => {
            let nodes = table.nodes();
            if let Some(place) = nodes.locate(name)
                && let Some(value) = nodes.value_of(place)
            {
                set_hint(word, place);
                return Some(value);
            }
            match table.meta() {
                // A weak table has other places to look.
                Some(_) if table.weak().is_some() => return None,
                Some(meta) => meta,
                None => return Some(Value::nil()),
            }
        }
        None => metatable(h, object)?,
    };
    // The key is not in the object itself: most often it is one of its class.
    for link in 0..CLASSES_MAX {
        let Some(method) = in_metatable(h, meta, Metamethod::Index) else {
            // Only a table has fields without one.
            return (link > 0 || object.is::<Table>()).then_some(Value::nil());
        };
        let class = method.cast::<Table>()?;
        let nodes = class.nodes();
        if let Some(value) = nodes.get_hinted(word.map_or(0, |word| Fetched(word.get()).hint()), key)
            && !value.is_nil()
        {
            return Some(value);
        }
        if let Some(place) = nodes.locate(name)
            && let Some(value) = nodes.value_of(place)
        {
            set_hint(word, place);
            return Some(value);
        }
        match class.meta() {
            Some(_) if class.weak().is_some() => return None,
            Some(above) => meta = above,
            None => return Some(Value::nil()),
        }
    }
    None
}

/// Assigns to a field if that needs neither a metamethod nor memory, and notes in the instruction where it is. Returns whether it did.
#[inline(never)]
pub(crate) fn assign_field<'h>(
    h: &'h Heap<Objects>,
    object: Val<'h>,
    key: Val<'h>,
    value: Val<'h>,
    code: &[Cell<u64>],
    pc: usize,
) -> bool {
    let word = code.get(pc.wrapping_sub(1));
    let (Some(table), Some(name)) = (object.cast::<Table>(), key.cast::<Str>()) else {
        return false;
    };
    let nodes = table.nodes();
    if table.meta().is_some() {
        if let Some(place) = nodes.locate(name)
            && nodes.replace_hinted(h, place, key, value)
        {
            set_hint(word, place);
            return true;
        }
        return false;
    }
    match table.assign_plain(h, name, value) {
        Some(place) => {
            if let Some(place) = place {
                set_hint(word, place);
            }
            true
        }
        None => false,
    }
}
