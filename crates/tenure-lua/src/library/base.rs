//! The basic functions: types, raw access, metatables, iteration.
//!
//! Constant work each, but for `select`, which moves its arguments.

use super::{Functions, new_native, set_field};
use crate::native::{Call, NativeFunction, Reply, Throw};
use crate::object::{LuaValue, Objects, Table, TableMethods, Type, Val, border, next, symbol};
use crate::pure::number::{is_space, parse_number};
use crate::vm::access::{Found, Operand, index, set_error};
use crate::vm::metamethod::{Field, field, metatable, type_index};
use crate::vm::{collection, message};
use tenure::prelude::*;

pub(super) const FUNCTIONS: &Functions = &[
    ("assert", NativeFunction::Region(assert)),
    ("error", NativeFunction::Region(error)),
    ("getmetatable", NativeFunction::Region(get_metatable)),
    ("rawequal", NativeFunction::Region(raw_equal)),
    ("rawget", NativeFunction::Region(raw_get)),
    ("rawlen", NativeFunction::Region(raw_length)),
    ("rawset", NativeFunction::Region(raw_set)),
    ("select", NativeFunction::Region(select)),
    ("setmetatable", NativeFunction::Region(set_metatable)),
    ("tonumber", NativeFunction::Region(to_number)),
    ("type", NativeFunction::Region(type_name)),
];

/// Sets what is more than a function without values.
pub(super) fn open<'h>(h: &'h Heap<Objects>, globals: Gc<'h, Table>) -> Result<(), Throw> {
    let next = new_native(h, NativeFunction::Region(next_entry), &[])?;
    let step = new_native(h, NativeFunction::Region(next_index), &[])?;
    set_field(h, globals, "next", next)?;
    set_field(
        h,
        globals,
        "pairs",
        new_native(h, NativeFunction::Region(pairs), &[next])?,
    )?;
    set_field(
        h,
        globals,
        "ipairs",
        new_native(h, NativeFunction::Region(ipairs), &[step])?,
    )?;
    set_field(h, globals, "_G", globals.into())?;
    set_field(h, globals, "_VERSION", symbol(h, b"Lua 5.4")?.into())
}

fn assert(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    if !call.check_any(1)?.is_falsy() {
        return call.reply_arguments(1);
    }
    let error = if call.count() < 2 {
        call.string(b"assertion failed!")?
    } else {
        call.argument(2)
    };
    throw_at(call, error, 1)
}

fn error(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let level = call.optional_integer(2, 1)?;
    let error = call.argument(1);
    throw_at(call, error, level)
}

/// Raises a value; before a string stands the position of the function `level` levels below.
fn throw_at<'h>(call: &mut Call<'_, 'h>, error: Val<'h>, level: i64) -> Result<Reply, Throw> {
    let Some(text) = error.bytes().filter(|_| level > 0) else {
        return Err(call.throw(error));
    };
    let position = message::position(call.vm, call.heap, usize::try_from(level).unwrap_or(usize::MAX));
    let error = call.string_of(&[&position, text])?;
    Err(call.throw(error))
}

fn get_metatable(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let value = call.check_any(1)?;
    let meta = metatable(call.heap, value);
    let result = field(call.heap, value, Field::Metatable).unwrap_or(meta.into());
    call.reply(result)
}

fn set_metatable(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let table = call.check_table(1)?;
    let meta = call.argument(2);
    if call.count() < 2 || !(meta.is_nil() || meta.is::<Table>()) {
        return Err(call.type_error(2, "nil or table"));
    }
    if field(call.heap, table.into(), Field::Metatable).is_some() {
        return Err(call.error(b"cannot change a protected metatable"));
    }
    match collection::set_metatable(call.vm, call.heap, table, meta.cast::<Table>()) {
        Ok(()) => call.reply(table.into()),
        Err(error) => Err(set_error(call.vm, call.heap, error)),
    }
}

fn raw_equal(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (a, b) = (call.check_any(1)?, call.check_any(2)?);
    call.reply(Value::bool(a.raw_equals(b)))
}

fn raw_get(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (table, key) = (call.check_table(1)?, call.check_any(2)?);
    call.reply(table.get_raw(call.heap, key))
}

fn raw_set(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (table, key, value) = (call.check_table(1)?, call.check_any(2)?, call.check_any(3)?);
    let followed = collection::follow_own_mode(call.heap, table);
    match followed.and_then(|()| table.set_raw(call.heap, key, value)) {
        Ok(()) => call.reply(table.into()),
        Err(error) => Err(set_error(call.vm, call.heap, error)),
    }
}

fn raw_length(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let value = call.argument(1);
    if let Some(table) = value.cast::<Table>() {
        return call.reply(Value::int(border(table)));
    }
    match value.bytes() {
        Some(bytes) => call.reply(Value::int(bytes.len() as i64)),
        None => Err(call.type_error(1, "table or string")),
    }
}

fn select(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let count = call.count() as i64;
    if call
        .argument(1)
        .bytes()
        .is_some_and(|bytes| bytes.first() == Some(&b'#'))
    {
        return call.reply(Value::int(count - 1));
    }
    let index = match call.check_integer(1)? {
        index if index < 0 => count + index,
        index => index.min(count),
    };
    if index < 1 {
        return Err(call.argument_error(1, "index out of range"));
    }
    call.reply_arguments(index as usize + 1)
}

fn type_name(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let of = call.check_any(1)?.type_of();
    let name = call.heap.roots().type_names[type_index(of)].get();
    call.reply(name.into())
}

fn to_number(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    if call.argument(2).is_nil() {
        let value = call.check_any(1)?;
        if value.type_of() == Type::Number {
            return call.reply(value);
        }
        let number = match value.bytes().and_then(parse_number) {
            Some(number) => call.number(number)?,
            None => Value::nil(),
        };
        return call.reply(number);
    }
    let base = call.check_integer(2)?;
    let numeral = call.check_type(1, Type::String)?;
    if !(2..=36).contains(&base) {
        return Err(call.argument_error(2, "base out of range"));
    }
    let number = match numeral.bytes().and_then(|bytes| parse_in_base(bytes, base as u64)) {
        Some(int) => call.integer(int)?,
        None => Value::nil(),
    };
    call.reply(number)
}

/// Reads an integer in a base, with a sign and space around it. It wraps around.
fn parse_in_base(bytes: &[u8], base: u64) -> Option<i64> {
    let mut bytes = bytes;
    while let Some((&first, rest)) = bytes.split_first()
        && is_space(first)
    {
        bytes = rest;
    }
    while let Some((&last, rest)) = bytes.split_last()
        && is_space(last)
    {
        bytes = rest;
    }
    let (is_negative, digits) = match bytes.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, bytes),
    };
    if digits.is_empty() {
        return None;
    }
    let mut number = 0_u64;
    for &digit in digits {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            _ if digit.is_ascii_alphabetic() => digit.to_ascii_lowercase() - b'a' + 10,
            _ => return None,
        };
        if u64::from(value) >= base {
            return None;
        }
        number = number.wrapping_mul(base).wrapping_add(u64::from(value));
    }
    let number = number as i64;
    Some(if is_negative { number.wrapping_neg() } else { number })
}

// ---- Iteration.

fn next_entry(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let table = call.check_table(1)?;
    if let Err(error) = collection::follow_own_mode(call.heap, table) {
        return Err(set_error(call.vm, call.heap, error));
    }
    match next(table, call.heap, call.argument(2)) {
        Ok(Some((key, value))) => call.reply_all(&[key, value]),
        Ok(None) => call.reply(Value::nil()),
        Err(_) => Err(message::throw_text(call.heap, b"invalid key to 'next'")),
    }
}

fn pairs(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let value = call.check_any(1)?;
    match field(call.heap, value, Field::Pairs) {
        Some(method) => call.call_then(method, &[value], |call| {
            let results = [call.result(1), call.result(2), call.result(3)];
            call.reply_all(&results)
        }),
        None => {
            let next = call.upvalue(1);
            call.reply_all(&[next, value, Value::nil()])
        }
    }
}

fn ipairs(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (value, step) = (call.check_any(1)?, call.upvalue(1));
    call.reply_all(&[step, value, Value::int(0)])
}

/// The iterator of `ipairs`.
fn next_index(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let int = call.check_integer(2)?.wrapping_add(1);
    let key = call.integer(int)?;
    let object = call.argument(1);
    let found = match object.cast::<Table>().map(|table| table.get_int(int)) {
        Some(value) if !value.is_nil() => Found::Done(value),
        _ => index(call.vm, call.heap, object, key, Operand::Unknown)?,
    };
    match found {
        Found::Done(value) if value.is_nil() => call.reply(value),
        Found::Done(value) => call.reply_all(&[key, value]),
        Found::Call(method, object) => {
            call.set_argument(2, key);
            call.call_then(method, &[object, key], |call| {
                let (key, value) = (call.argument(2), call.result(1));
                if value.is_nil() {
                    call.reply(value)
                } else {
                    call.reply_all(&[key, value])
                }
            })
        }
    }
}
