//! `table`, but for `sort`.
//!
//! Each function works on tables without a metatable in one region, on the array part where it can; what has metamethods is worked on
//! element by element at safepoints. Linear in the number of elements moved.

use super::{Functions, set_field, sort};
use crate::bytecode::Metamethod;
use crate::native::{Call, NativeFunction, Reentrant, Reply, Throw};
use crate::object::{LuaValue, Objects, SetError, Table, TableFields, TableMethods, Type, Val, border, new_table};
use crate::pure::LibraryError;
use crate::pure::number::number_text;
use crate::vm::access::set_error;
use crate::vm::message;
use crate::vm::metamethod::{in_metatable, metatable};
use tenure::prelude::*;

pub(super) const FUNCTIONS: &Functions = &[
    ("concat", NativeFunction::Both(concat, concat_with_calls)),
    ("insert", NativeFunction::Both(insert, insert_with_calls)),
    ("move", NativeFunction::Both(move_elements, move_with_calls)),
    ("pack", NativeFunction::Region(pack)),
    ("remove", NativeFunction::Both(remove, remove_with_calls)),
    ("sort", NativeFunction::Both(sort::sort, sort::sort_with_calls)),
    ("unpack", NativeFunction::Both(unpack, unpack_with_calls)),
];

/// What a value that is no table must have to pass for one.
const READ: &[Metamethod] = &[Metamethod::Index, Metamethod::Len];
const WRITE: &[Metamethod] = &[Metamethod::NewIndex];
pub(super) const CHANGE: &[Metamethod] = &[Metamethod::Index, Metamethod::NewIndex, Metamethod::Len];

/// Returns a table without a metatable; nothing for a value that has metamethods instead.
pub(super) fn plain_table<'h>(
    call: &mut Call<'_, 'h>,
    number: usize,
    needed: &[Metamethod],
) -> Result<Option<Gc<'h, Table>>, Throw> {
    let value = call.argument(number);
    if let Some(table) = value.cast::<Table>() {
        return Ok(Some(table).filter(|table| table.meta().is_none()));
    }
    match metatable(call.heap, value) {
        Some(meta)
            if needed
                .iter()
                .all(|event| in_metatable(call.heap, meta, *event).is_some()) =>
        {
            Ok(None)
        }
        _ => Err(call.type_error(number, "table")),
    }
}

/// The error of an assignment in the middle of work that cannot be begun again.
fn late_error(call: &mut Call<'_, '_>, error: SetError) -> Throw {
    match error {
        SetError::NoRoom(_) => message::not_enough_memory(call.heap),
        error => set_error(call.vm, call.heap, error),
    }
}

fn out_of_bounds(call: &mut Call<'_, '_>) -> Throw {
    call.argument_error(2, "position out of bounds")
}

fn wrong_count(call: &mut Call<'_, '_>) -> Throw {
    call.error(b"wrong number of arguments to 'insert'")
}

fn insert(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let Some(table) = plain_table(call, 1, CHANGE)? else {
        return Ok(Reply::reentrant());
    };
    let h = call.heap;
    let end = border(table).wrapping_add(1);
    let (position, value) = match call.count() {
        2 => (end, call.argument(2)),
        3 => (call.check_integer(2)?, call.argument(3)),
        _ => return Err(wrong_count(call)),
    };
    if (position as u64).wrapping_sub(1) >= end as u64 {
        return Err(out_of_bounds(call));
    }
    if position == end {
        table
            .set_int(h, end, value)
            .map_err(|error| set_error(call.vm, h, error))?;
        return call.reply_none();
    }
    // The only assignment that needs memory comes first.
    table
        .set_int(h, end, table.get_int(end - 1))
        .map_err(|error| set_error(call.vm, h, error))?;
    let array = table.array();
    if end - 1 <= array.tail_len() as i64 {
        let (first, last) = (position as usize - 1, end as usize - 2);
        array.tail_copy_within(h, first..last, first + 1);
    } else {
        for index in (position + 1..end).rev() {
            let moved = table.set_int(h, index, table.get_int(index - 1));
            moved.map_err(|error| late_error(call, error))?;
        }
    }
    let set = table.set_int(h, position, value);
    set.map_err(|error| late_error(call, error))?;
    call.reply_none()
}

fn insert_with_calls(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let end = native.length(1)?.wrapping_add(1);
    let mut call = native.region();
    let (position, value) = match call.count() {
        2 => (end, 2),
        3 => (call.check_integer(2)?, 3),
        _ => return Err(wrong_count(&mut call)),
    };
    if (position as u64).wrapping_sub(1) >= end as u64 {
        return Err(out_of_bounds(&mut call));
    }
    native.set_count(4)?;
    for index in (position..end).rev() {
        native.get(1, index, 4)?;
        native.set(1, index + 1, 4)?;
    }
    native.set(1, position, value)?;
    native.region().reply_none()
}

fn remove(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let Some(table) = plain_table(call, 1, CHANGE)? else {
        return Ok(Reply::reentrant());
    };
    let h = call.heap;
    let size = border(table);
    let position = call.optional_integer(2, size)?;
    if position != size && (position as u64).wrapping_sub(1) > size as u64 {
        return Err(out_of_bounds(call));
    }
    let removed = table.get_int(position);
    let array = table.array();
    if position >= 1 && size <= array.tail_len() as i64 && position <= size {
        array.tail_copy_within(h, position as usize..size as usize, position as usize - 1);
    } else {
        for index in position..size {
            let moved = table.set_int(h, index, table.get_int(index + 1));
            moved.map_err(|error| late_error(call, error))?;
        }
    }
    let last = position.max(size);
    let set = table.set_int(h, if position > size { position } else { last }, Value::nil());
    set.map_err(|error| late_error(call, error))?;
    call.reply(removed)
}

fn remove_with_calls(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let size = native.length(1)?;
    let mut call = native.region();
    let mut position = call.optional_integer(2, size)?;
    if position != size && (position as u64).wrapping_sub(1) > size as u64 {
        return Err(out_of_bounds(&mut call));
    }
    native.set_count(4)?;
    native.get(1, position, 3)?;
    while position < size {
        native.get(1, position + 1, 4)?;
        native.set(1, position, 4)?;
        position += 1;
    }
    native.region().set_argument(4, Value::nil());
    native.set(1, position, 4)?;
    let mut call = native.region();
    let removed = call.argument(3);
    call.reply(removed)
}

/// Appends an element of `concat` to the text.
fn append<'h>(call: &mut Call<'_, 'h>, text: &mut Vec<u8>, value: Val<'h>, index: i64) -> Result<(), Throw> {
    if let Some(bytes) = value.bytes() {
        text.extend_from_slice(bytes);
    } else if let Some(number) = value.number() {
        text.extend_from_slice(&number_text(number));
    } else {
        let name = value.type_of().name();
        let message = format!("invalid value ({name}) at index {index} in table for 'concat'");
        return Err(call.error(message.as_bytes()));
    }
    Ok(())
}

fn concat(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let Some(table) = plain_table(call, 1, READ)? else {
        return Ok(Reply::reentrant());
    };
    let size = border(table);
    let separator = call.optional_bytes(2, b"")?;
    let (first, last) = (call.optional_integer(3, 1)?, call.optional_integer(4, size)?);
    let mut text = Vec::new();
    let mut index = first;
    while index <= last {
        append(call, &mut text, table.get_int(index), index)?;
        if index == last {
            break;
        }
        text.extend_from_slice(separator);
        index += 1;
    }
    let text = call.string(&text)?;
    call.reply(text)
}

fn concat_with_calls(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let size = native.length(1)?;
    let (separator, first, last) = native.allocate(|call| {
        let separator = call.optional_bytes(2, b"")?.to_vec();
        Ok((separator, call.optional_integer(3, 1)?, call.optional_integer(4, size)?))
    })?;
    native.set_count(5)?;
    let mut text = Vec::new();
    let mut index = first;
    while index <= last {
        native.get(1, index, 5)?;
        let mut call = native.region();
        let value = call.argument(5);
        append(&mut call, &mut text, value, index)?;
        if index == last {
            break;
        }
        text.extend_from_slice(&separator);
        index += 1;
    }
    native.allocate(|call| {
        let text = call.string(&text)?;
        call.reply(text)
    })
}

fn pack(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (h, count) = (call.heap, call.count());
    let table = new_table(h, count, 1).map_err(Throw::of_set)?;
    let registers = h.register_area().get(call.base..call.base + count).unwrap_or(&[]);
    table.array().tail_copy_from_registers(h, 0, registers);
    set_field(h, table, "n", Value::int(count as i64))?;
    call.reply(table.into())
}

/// The range that `unpack` unpacks: its first index and its length.
fn unpack_range(call: &mut Call<'_, '_>, size: i64) -> Result<(i64, usize), Throw> {
    let (first, last) = (call.optional_integer(2, 1)?, call.optional_integer(3, size)?);
    if first > last {
        return Ok((first, 0));
    }
    let count = (last as u64).wrapping_sub(first as u64);
    let fits = count < 1_000_000 && call.vm.reach(call.heap, call.base + count as usize + 2).is_ok();
    if !fits {
        return Err(call.error(b"too many results to unpack"));
    }
    Ok((first, count as usize + 1))
}

fn unpack(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let value = call.argument(1);
    let table = value.cast::<Table>().filter(|table| table.meta().is_none());
    let size = match (table, call.argument(3).is_nil()) {
        (Some(table), true) => border(table),
        // The length is not asked for.
        (_, false) => 0,
        (None, true) => return Ok(Reply::reentrant()),
    };
    let (first, count) = unpack_range(call, size)?;
    let Some(table) = table else {
        return Ok(Reply::reentrant());
    };
    for offset in 0..count {
        call.set_register(call.base - 1 + offset, table.get_int(first.wrapping_add(offset as i64)));
    }
    Ok(Reply::values(count))
}

fn unpack_with_calls(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let size = if native.region().argument(3).is_nil() {
        native.length(1)?
    } else {
        0
    };
    let (first, count) = unpack_range(&mut native.region(), size)?;
    native.set_count(3 + count)?;
    for offset in 0..count {
        native.get(1, first.wrapping_add(offset as i64), 4 + offset)?;
    }
    native.region().reply_arguments(4)
}

/// What `move` moves: first and last index, and where to. Raises errors about them.
fn move_range(call: &mut Call<'_, '_>) -> Result<(i64, i64, i64), Throw> {
    let (first, last, to) = (call.check_integer(2)?, call.check_integer(3)?, call.check_integer(4)?);
    if last >= first {
        if !(first > 0 || last < i64::MAX.wrapping_add(first)) {
            return Err(call.argument_error(3, "too many elements to move"));
        }
        if to > i64::MAX - (last - first + 1) + 1 {
            return Err(call.argument_error(4, "destination wrap around"));
        }
    }
    Ok((first, last, to))
}

/// Returns whether elements are moved from the last to the first: when the places overlap and the first is not the lower one.
fn is_backwards(first: i64, last: i64, to: i64, same_table: bool) -> bool {
    !(to > last || to <= first || !same_table)
}

fn move_elements(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (mut first, mut last, mut to) = move_range(call)?;
    let target_number = if call.argument(5).is_nil() { 1 } else { 5 };
    let source = plain_table(call, 1, &[Metamethod::Index])?;
    let target = plain_table(call, target_number, WRITE)?;
    let (Some(source), Some(target)) = (source, target) else {
        return Ok(Reply::reentrant());
    };
    let h = call.heap;
    let backwards = is_backwards(first, last, to, source.ptr_eq(target));
    while first <= last {
        let (from, at) = if backwards {
            (last, to + (last - first))
        } else {
            (first, to)
        };
        if let Err(error) = target.set_int(h, at, source.get_int(from)) {
            // When memory is short, the function is called again for the rest.
            for (number, int) in [(2, first), (3, last), (4, to)] {
                if let Some(int) = Value::<Objects>::try_int(int) {
                    call.set_argument(number, int);
                }
            }
            return Err(set_error(call.vm, h, error));
        }
        if backwards {
            last -= 1;
        } else if first == last {
            break;
        } else {
            first += 1;
            to += 1;
        }
    }
    call.reply(target.into())
}

fn move_with_calls(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let (first, last, to) = move_range(&mut native.region())?;
    let call = native.region();
    let target = if call.argument(5).is_nil() { 1 } else { 5 };
    let same_table = target == 1 || native.equal(1, target)?;
    let backwards = is_backwards(first, last, to, same_table);
    native.set_count(6)?;
    if last >= first {
        for step in 0..=last - first {
            let offset = if backwards { last - first - step } else { step };
            native.get(1, first + offset, 6)?;
            native.set(target, to + offset, 6)?;
        }
    }
    let mut call = native.region();
    let target: Val<'_> = call.argument(target);
    call.reply(target)
}

/// The error of an array that is too long for the library.
pub(super) fn too_big(call: &mut Call<'_, '_>) -> Throw {
    call.library_error(&LibraryError::argument(1, "array too big"))
}

const _: () = assert!(
    Type::Table as u8 == 5,
    "the order of types is the reference implementation's"
);
