//! `utf8`.
//!
//! The algorithms are in [`crate::pure::utf8`]; here are arguments and results.

use super::string::reserve_results;
use super::{Functions, OrThrow, new_native, set_field};
use crate::native::{Call, NativeFunction, Reply, Throw};
use crate::object::{LuaValue, Objects, Table, Val, new_string};
use crate::pure::utf8;
use tenure::prelude::*;

pub(super) const FUNCTIONS: &Functions = &[
    ("char", NativeFunction::Region(char)),
    ("codepoint", NativeFunction::Region(codepoint)),
    ("len", NativeFunction::Region(len)),
    ("offset", NativeFunction::Region(offset)),
];

/// Sets what is more than a function without values.
pub(super) fn open<'h>(h: &'h Heap<Objects>, library: Gc<'h, Table>) -> Result<(), Throw> {
    let strict = new_native(h, NativeFunction::Region(|call| next_code(call, false)), &[])?;
    let lax = new_native(h, NativeFunction::Region(|call| next_code(call, true)), &[])?;
    let codes = new_native(h, NativeFunction::Region(codes), &[strict, lax])?;
    set_field(h, library, "codes", codes)?;
    set_field(h, library, "charpattern", new_string(h, utf8::CHAR_PATTERN)?.into())
}

fn char(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let mut bytes = Vec::new();
    for number in 1..=call.count() {
        let value = call.check_integer(number)?;
        utf8::encode(utf8::char_code(value, number).or_throw(call)?, &mut bytes);
    }
    let string = call.string(&bytes)?;
    call.reply(string)
}

fn codepoint(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let bytes = call.check_bytes(1)?;
    let i = call.optional_integer(2, 1)?;
    let j = call.optional_integer(3, i)?;
    let lax = !call.argument(4).is_falsy();
    let range = utf8::codepoint_range(i, j, bytes.len()).or_throw(call)?;
    reserve_results(call, range.len(), "string slice too long")?;
    let mut values: Vec<Val<'_>> = Vec::new();
    for code in utf8::codepoints(bytes, range, lax) {
        values.push(Value::int(code.or_throw(call)?.into()));
    }
    call.reply_all(&values)
}

fn len(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let bytes = call.check_bytes(1)?;
    let i = call.optional_integer(2, 1)?;
    let j = call.optional_integer(3, -1)?;
    let lax = !call.argument(4).is_falsy();
    match utf8::length(bytes, i, j, lax).or_throw(call)? {
        Ok(count) => call.reply(Value::int(count)),
        Err(position) => call.reply_all(&[Value::nil(), Value::int(position)]),
    }
}

fn offset(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let bytes = call.check_bytes(1)?;
    let n = call.check_integer(2)?;
    let i = if call.argument(3).is_nil() {
        None
    } else {
        Some(call.check_integer(3)?)
    };
    let position = utf8::byte_position(bytes, n, i).or_throw(call)?;
    call.reply(position.map_or(Value::nil(), Value::int))
}

fn codes(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let lax = !call.argument(2).is_falsy();
    let bytes = call.check_bytes(1)?;
    utf8::check_codes(bytes).or_throw(call)?;
    let iterator = call.upvalue(if lax { 2 } else { 1 });
    let string = call.argument(1);
    call.reply_all(&[iterator, string, Value::int(0)])
}

/// The iterator of `codes`.
fn next_code(call: &mut Call<'_, '_>, lax: bool) -> Result<Reply, Throw> {
    let bytes = call.check_bytes(1)?;
    // What is no integer counts as 0, as in the reference implementation.
    let position = call
        .argument(2)
        .number()
        .and_then(|number| number.to_integer())
        .unwrap_or(0);
    match utf8::next_code(bytes, position, lax).or_throw(call)? {
        Some((position, code)) => call.reply_all(&[Value::int(position), Value::int(code.into())]),
        None => call.reply_none(),
    }
}
