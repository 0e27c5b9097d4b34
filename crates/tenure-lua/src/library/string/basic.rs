//! Bytes of strings: `byte`, `char`, `sub` and the like.
//!
//! Linear in what they return.

use super::super::OrThrow;
use crate::native::{Call, Reply, Throw};
use crate::object::Val;
use crate::pure::slice;
use tenure::prelude::*;

/// The most results that a function gives, as the stack of the reference implementation is limited.
const RESULTS_MAX: usize = 1_000_000;

pub(super) fn byte(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let bytes = call.check_bytes(1)?;
    let start = call.optional_integer(2, 1)?;
    let end = call.optional_integer(3, start)?;
    let range = slice::byte_range(start, end, bytes.len()).or_throw(call)?;
    if range.len() == 1 {
        return call.reply(Value::int(bytes[range.start].into()));
    }
    reserve_results(call, range.len(), "string slice too long")?;
    let values: Vec<Val<'_>> = bytes[range].iter().map(|&byte| Value::int(byte.into())).collect();
    call.reply_all(&values)
}

/// Makes sure that there is room for results, which is the stack's to refuse.
pub(crate) fn reserve_results(call: &mut Call<'_, '_>, count: usize, what: &str) -> Result<(), Throw> {
    if count < RESULTS_MAX && call.vm.reach(call.heap, call.base + count).is_ok() {
        return Ok(());
    }
    Err(call.error(format!("stack overflow ({what})").as_bytes()))
}

pub(super) fn char(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    if call.count() == 1 {
        let value = call.check_integer(1)?;
        let byte = slice::char_byte(value, 1).or_throw(call)?;
        let string = call.string(&[byte])?;
        return call.reply(string);
    }
    let mut bytes = Vec::with_capacity(call.count());
    for number in 1..=call.count() {
        let value = call.check_integer(number)?;
        bytes.push(slice::char_byte(value, number).or_throw(call)?);
    }
    let string = call.string(&bytes)?;
    call.reply(string)
}

pub(super) fn len(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let length = call.check_bytes(1)?.len();
    call.reply(Value::int(length as i64))
}

pub(super) fn lower(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let string = call.check_bytes(1)?.to_ascii_lowercase();
    let string = call.string(&string)?;
    call.reply(string)
}

pub(super) fn upper(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let string = call.check_bytes(1)?.to_ascii_uppercase();
    let string = call.string(&string)?;
    call.reply(string)
}

pub(super) fn reverse(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let string = slice::reverse(call.check_bytes(1)?);
    let string = call.string(&string)?;
    call.reply(string)
}

pub(super) fn rep(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let bytes = call.check_bytes(1)?;
    let count = call.check_integer(2)?;
    let separator = call.optional_bytes(3, b"")?;
    let string = slice::repeat(bytes, count, separator).or_throw(call)?;
    let string = call.string(&string)?;
    call.reply(string)
}

pub(super) fn sub(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let bytes = call.check_bytes(1)?;
    let start = call.check_integer(2)?;
    let end = call.optional_integer(3, -1)?;
    let range = slice::sub_range(start, end, bytes.len());
    let string = if range.len() == bytes.len() {
        call.argument(1)
    } else {
        call.string(&bytes[range])?
    };
    call.reply(string)
}
