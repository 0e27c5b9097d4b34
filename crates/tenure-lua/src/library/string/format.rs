//! `format`.
//!
//! One region suffices unless a `%s` finds a `__tostring`; then the format is walked through at safepoints. Linear in the result.

use super::super::OrThrow;
use super::super::text::{display_text, identity, text_with_calls};
use crate::native::{Call, Reentrant, Reply, Throw};
use crate::object::{LuaValue, Objects, Str, Type, Val, hash_bytes};
use crate::pure::format::{
    Directive, FormatCursor, FormatItem, Kind, quote_float, quote_integer, quote_string, value_has_no_literal,
};
use crate::pure::number::Number;
use crate::vm::metamethod::{Field, field};
use tenure::prelude::*;

/// Returns whether a metamethod says how the argument of a directive looks.
fn has_method(call: &Call<'_, '_>, directive: &Directive) -> bool {
    let value = call.argument(directive.argument());
    directive.kind() == Kind::String && field(call.heap, value, Field::ToString).is_some()
}

pub(super) fn format(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let format = call.check_bytes(1)?;
    let (mut cursor, mut out) = (FormatCursor::new(call.count()), Vec::new());
    while let Some(item) = cursor.next_item(format).or_throw(call)? {
        match item {
            FormatItem::Text(range) => out.extend_from_slice(&format[range]),
            FormatItem::Directive(directive) if has_method(call, &directive) => return Ok(Reply::reentrant()),
            FormatItem::Directive(directive) => append(call, &directive, &mut out)?,
        }
    }
    let string = call.string(&out)?;
    call.reply(string)
}

pub(super) fn format_with_calls(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let format = native.allocate(|call| call.check_bytes(1).map(<[u8]>::to_vec))?;
    let (mut cursor, mut out) = (FormatCursor::new(native.region().count()), Vec::new());
    while let Some(item) = cursor.next_item(&format).or_throw(&mut native.region())? {
        match item {
            FormatItem::Text(range) => out.extend_from_slice(&format[range]),
            FormatItem::Directive(directive) if has_method(&native.region(), &directive) => {
                let text = text_with_calls(native, directive.argument())?;
                directive.string(&text, &mut out).or_throw(&mut native.region())?;
            }
            FormatItem::Directive(directive) => append(&mut native.region(), &directive, &mut out)?,
        }
    }
    native.allocate(|call| {
        let string = call.string(&out)?;
        call.reply(string)
    })
}

/// Returns a number that tells strings apart as the reference implementation's addresses do: equal short strings are one string there.
fn string_address<'h>(h: &'h Heap<Objects>, value: Val<'h>) -> u64 {
    const SHORT: usize = 40;
    match value.cast::<Str>() {
        Some(string) if string.tail_len() > SHORT => string.identity_hash(h) & ((1 << 48) - 1),
        Some(string) => hash_bytes(string.tail()).into(),
        None => 0,
    }
}

/// Appends the argument of a directive, without calls.
fn append(call: &mut Call<'_, '_>, directive: &Directive, out: &mut Vec<u8>) -> Result<(), Throw> {
    let number = directive.argument();
    let value = call.argument(number);
    let appended = match directive.kind() {
        Kind::Character => directive.character(call.check_integer(number)?, out),
        Kind::Integer => directive.integer(call.check_integer(number)?, out),
        Kind::Float => directive.float(call.check_float(number)?, out),
        Kind::String => directive.string(&display_text(call.heap, value), out),
        Kind::Address => {
            let address = match value.type_of() {
                Type::Nil | Type::Boolean | Type::Number => 0,
                Type::String => string_address(call.heap, value),
                _ => identity(call.heap, value),
            };
            directive.address(address, out)
        }
        Kind::Quoted => {
            match (value.number(), value.bytes()) {
                (Some(Number::Integer(int)), _) => quote_integer(int, out),
                (Some(Number::Float(float)), _) => quote_float(float, out),
                (None, Some(bytes)) => quote_string(bytes, out),
                (None, None) if matches!(value.type_of(), Type::Nil | Type::Boolean) => {
                    out.extend_from_slice(&display_text(call.heap, value));
                }
                (None, None) => return Err(value_has_no_literal(number)).or_throw(call),
            }
            Ok(())
        }
    };
    appended.or_throw(call)
}
