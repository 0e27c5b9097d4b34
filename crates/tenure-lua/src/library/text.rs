//! `tostring` and `print`: how values look.
//!
//! A value's metatable may say how, by `__tostring` or `__name`; otherwise objects are told apart by a number that stays with them however
//! they move. Linear in the length of the text.

use super::Functions;
use crate::native::{Call, NativeFunction, Reentrant, Reply, Throw};
use crate::object::{Closure, LuaValue, Native, Objects, Table, Thread, Type, UpVal, Userdata, Val};
use crate::pure::number::number_text;
use crate::system::FileId;
use crate::vm::message::type_name;
use crate::vm::metamethod::{Field, field};
use std::borrow::Cow;
use tenure::prelude::*;

pub(super) const FUNCTIONS: &Functions = &[
    ("print", NativeFunction::Both(print, print_with_calls)),
    ("tostring", NativeFunction::Region(to_string)),
    ("warn", NativeFunction::Region(warn)),
];

/// Returns how a value looks without `__tostring`.
pub(crate) fn display_text<'h>(h: &'h Heap<Objects>, value: Val<'h>) -> Cow<'h, [u8]> {
    if let Some(bytes) = value.bytes() {
        return bytes.into();
    }
    if let Some(number) = value.number() {
        return number_text(number).to_vec().into();
    }
    match value.as_bool() {
        Some(true) => return b"true"[..].into(),
        Some(false) => return b"false"[..].into(),
        None if value.is_nil() => return b"nil"[..].into(),
        None => {}
    }
    let name = field(h, value, Field::Name).and_then(|name| name.bytes());
    let name = name.unwrap_or_else(|| match value.is::<Native>() {
        true => b"function: builtin",
        false => type_name(h, value),
    });
    let identity = format!(": {:#016x}", identity(h, value));
    [name, identity.as_bytes()].concat().into()
}

/// Returns a number that stays with an object.
pub(crate) fn identity<'h>(h: &'h Heap<Objects>, value: Val<'h>) -> u64 {
    const MASK: u64 = (1 << 48) - 1;
    let hash = if let Some(table) = value.cast::<Table>() {
        table.identity_hash(h)
    } else if let Some(closure) = value.cast::<Closure>() {
        closure.identity_hash(h)
    } else if let Some(native) = value.cast::<Native>() {
        native.identity_hash(h)
    } else if let Some(userdata) = value.cast::<Userdata>() {
        userdata.identity_hash(h)
    } else if let Some(thread) = value.cast::<Thread>() {
        thread.identity_hash(h)
    } else if let Some(upvalue) = value.cast::<UpVal>() {
        upvalue.identity_hash(h)
    } else {
        u64::from(value.as_symbol().unwrap_or(0))
    };
    hash & MASK
}

fn to_string(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let value = call.check_any(1)?;
    if value.type_of() == Type::String {
        return call.reply(value);
    }
    if let Some(method) = field(call.heap, value, Field::ToString) {
        return call.call_then(method, &[value], |call| match method_text(call) {
            Some(text) => call.reply(text),
            None => Err(call.error(b"'__tostring' must return a string")),
        });
    }
    let text = display_text(call.heap, value);
    let text = call.string(&text)?;
    call.reply(text)
}

fn print(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let has_method = |number| field(call.heap, call.argument(number), Field::ToString).is_some();
    if (1..=call.count()).any(has_method) {
        return Ok(Reply::reentrant());
    }
    let mut line = Vec::new();
    for number in 1..=call.count() {
        if number > 1 {
            line.push(b'\t');
        }
        line.extend_from_slice(&display_text(call.heap, call.argument(number)));
    }
    line.push(b'\n');
    write(call, &line);
    call.reply_none()
}

/// Returns how an argument looks, which its metamethod may say.
pub(super) fn text_with_calls(native: &mut Reentrant<'_>, number: usize) -> Result<Vec<u8>, Throw> {
    let call = native.region();
    let value = call.argument(number);
    if field(call.heap, value, Field::ToString).is_none() {
        return Ok(display_text(call.heap, value).into_owned());
    }
    let text = native.call(
        |call| {
            let value = call.argument(number);
            let method = field(call.heap, value, Field::ToString).unwrap_or(Value::nil());
            call.push_call(method, &[value])
        },
        |call| method_text(call).map(|text| display_text(call.heap, text).into_owned()),
    )?;
    text.ok_or_else(|| native.region().error(b"'__tostring' must return a string"))
}

/// What a `__tostring` returned, if it is a string, or a number, which passes for one.
fn method_text<'h>(call: &Call<'_, 'h>) -> Option<Val<'h>> {
    Some(call.result(1)).filter(|text| matches!(text.type_of(), Type::String | Type::Number))
}

/// The same when a metamethod says how a value looks.
fn print_with_calls(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let count = native.region().count();
    for number in 1..=count {
        let mut text = if number > 1 { b"\t".to_vec() } else { Vec::new() };
        text.extend_from_slice(&text_with_calls(native, number)?);
        write(&mut native.region(), &text);
    }
    let mut call = native.region();
    write(&mut call, b"\n");
    call.reply_none()
}

fn write(call: &mut Call<'_, '_>, bytes: &[u8]) {
    // A failure is not told to the program, as in the reference implementation.
    let _ = call.vm.services.write(FileId::OUTPUT, bytes);
}

fn warn(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    call.check_bytes(1)?;
    let mut text = Vec::new();
    for number in 1..=call.count() {
        text.extend_from_slice(call.check_bytes(number)?);
    }
    let is_control = call.count() == 1 && text.first() == Some(&b'@');
    let services = &mut call.vm.services;
    match &text[..] {
        b"@on" if is_control => services.are_warnings_on = true,
        b"@off" if is_control => services.are_warnings_on = false,
        _ if is_control => {}
        text => services.warn(text),
    }
    call.reply_none()
}
