//! `pack`, `packsize`, `unpack`.
//!
//! Linear in format and data.

use super::super::OrThrow;
use super::basic::reserve_results;
use crate::native::{Call, Reply, Throw};
use crate::object::Val;
use crate::pure::pack::{PackKind, Packer, Unpacked, Unpacker, packed_size};
use tenure::prelude::*;

pub(super) fn pack(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let format = call.check_bytes(1)?;
    let mut packer = Packer::default();
    while let Some(item) = packer.next_item(format).or_throw(call)? {
        let number = packer.argument();
        if number > call.count() {
            // A missing argument is nil here, as the reference implementation has put one behind them.
            call.set_count(number)?;
        }
        match item.kind {
            PackKind::Signed | PackKind::Unsigned => {
                let value = call.check_integer(number)?;
                packer.integer(item, value).or_throw(call)?;
            }
            PackKind::Float | PackKind::Double => packer.float(item, call.check_float(number)?),
            _ => {
                let value = call.check_bytes(number)?;
                packer.bytes(item, value).or_throw(call)?;
            }
        }
    }
    let string = call.string(&packer.finish())?;
    call.reply(string)
}

pub(super) fn packsize(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let format = call.check_bytes(1)?;
    let size = packed_size(format).or_throw(call)?;
    call.reply(Value::int(size as i64))
}

pub(super) fn unpack(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let format = call.check_bytes(1)?;
    let data = call.check_bytes(2)?;
    let position = call.optional_integer(3, 1)?;
    let mut unpacker = Unpacker::new(position, data.len()).or_throw(call)?;
    let mut values: Vec<Val<'_>> = Vec::new();
    while let Some(value) = unpacker.next_value(format, data).or_throw(call)? {
        reserve_results(call, values.len() + 2, "too many results")?;
        values.push(match value {
            Unpacked::Integer(int) => call.integer(int)?,
            Unpacked::Float(float) => Value::float(float),
            Unpacked::Bytes(range) => call.string(&data[range])?,
        });
    }
    values.push(call.integer(unpacker.next_position())?);
    call.reply_all(&values)
}
