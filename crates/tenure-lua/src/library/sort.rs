//! `table.sort`.
//!
//! Numbers without NaN, and strings, are sorted by Rust's sort: their order is total, so the result is the same. Everything else goes by
//! the reference implementation's quicksort, comparison by comparison, so that an order function sees the same calls and an invalid one
//! is found out in the same cases. O(n log n) comparisons on average.

use super::table::{CHANGE, plain_table, too_big};
use crate::native::{Call, Reentrant, Reply, Throw};
use crate::object::{LuaValue, Table, TableFields, Type, Val, border};
use crate::pure::number::{Number, compare_numbers};
use std::cmp::Ordering;
use tenure::prelude::*;

/// Arguments: the table, the order function, and places for elements at work.
const TABLE: usize = 1;
const ORDER: usize = 2;
const FIRST: usize = 3;
const SECOND: usize = 4;
const PIVOT: usize = 5;

/// Intervals longer than this choose their pivot at random after a partition that was far from even.
const RANDOM_LIMIT: u32 = 100;

pub(super) fn sort(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let table = plain_table(call, TABLE, CHANGE)?;
    let length = table.map_or(0, border);
    if let (Some(table), true) = (table, call.argument(ORDER).is_nil() && length > 1) {
        if length >= i64::from(i32::MAX) {
            return Err(too_big(call));
        }
        if sort_in_region(call, table, length as usize) {
            return call.reply_none();
        }
    }
    Ok(Reply::reentrant())
}

/// Sorts an array part of numbers or of strings; returns whether it was one.
fn sort_in_region<'h>(call: &mut Call<'_, 'h>, table: Gc<'h, Table>, length: usize) -> bool {
    let array = table.array();
    let Some(slots) = array.tail().get(..length) else {
        return false;
    };
    let h = call.heap;
    if slots.iter().all(|slot| slot.get().type_of() == Type::Number) {
        let mut numbers: Vec<(Number, Val<'h>)> = Vec::with_capacity(length);
        for slot in slots {
            let value = slot.get();
            match value.number() {
                Some(Number::Float(float)) if float.is_nan() => return false,
                Some(number) => numbers.push((number, value)),
                None => return false,
            }
        }
        numbers.sort_unstable_by(|a, b| compare_numbers(a.0, b.0).unwrap_or(Ordering::Equal));
        for (index, (_, value)) in numbers.into_iter().enumerate() {
            array.tail_set(h, index, value);
        }
        return true;
    }
    let mut strings: Vec<(&[u8], Val<'h>)> = Vec::with_capacity(length);
    for slot in slots {
        match slot.get().bytes() {
            Some(bytes) => strings.push((bytes, slot.get())),
            None => return false,
        }
    }
    strings.sort_unstable_by(|a, b| a.0.cmp(b.0));
    for (index, (_, value)) in strings.into_iter().enumerate() {
        array.tail_set(h, index, value);
    }
    true
}

pub(super) fn sort_with_calls(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let length = native.length(TABLE)?;
    if length > 1 {
        let mut call = native.region();
        if length >= i64::from(i32::MAX) {
            return Err(too_big(&mut call));
        }
        if !call.argument(ORDER).is_nil() {
            call.check_type(ORDER, Type::Function)?;
        }
        native.set_count(PIVOT)?;
        quicksort(native, 1, length as u32, 0)?;
    }
    native.region().reply_none()
}

/// Returns whether one element at work comes before another.
fn precedes(native: &mut Reentrant<'_>, a: usize, b: usize) -> Result<bool, Throw> {
    if native.region().argument(ORDER).is_nil() {
        return native.less_than(a, b);
    }
    native.call(
        |call| call.push_call(call.argument(ORDER), &[call.argument(a), call.argument(b)]),
        |call| !call.result(1).is_falsy(),
    )
}

/// Assigns two elements.
fn set_two(native: &mut Reentrant<'_>, i: u32, from: usize, j: u32, from_j: usize) -> Result<(), Throw> {
    native.set(TABLE, i64::from(i), from)?;
    native.set(TABLE, i64::from(j), from_j)
}

fn invalid_order(native: &mut Reentrant<'_>) -> Throw {
    native.region().error(b"invalid order function for sorting")
}

/// Sorts the elements from `low` to `up`.
fn quicksort(native: &mut Reentrant<'_>, mut low: u32, mut up: u32, mut random: u32) -> Result<(), Throw> {
    while low < up {
        native.get(TABLE, i64::from(low), FIRST)?;
        native.get(TABLE, i64::from(up), SECOND)?;
        if precedes(native, SECOND, FIRST)? {
            set_two(native, low, SECOND, up, FIRST)?;
        }
        if up - low == 1 {
            return Ok(());
        }
        let middle = if up - low < RANDOM_LIMIT || random == 0 {
            low + (up - low) / 2
        } else {
            let quarter = (up - low) / 4;
            random % (quarter * 2) + (low + quarter)
        };
        native.get(TABLE, i64::from(middle), FIRST)?;
        native.get(TABLE, i64::from(low), SECOND)?;
        if precedes(native, FIRST, SECOND)? {
            set_two(native, middle, SECOND, low, FIRST)?;
        } else {
            native.get(TABLE, i64::from(up), SECOND)?;
            if precedes(native, SECOND, FIRST)? {
                set_two(native, middle, SECOND, up, FIRST)?;
            }
        }
        if up - low == 2 {
            return Ok(());
        }
        native.get(TABLE, i64::from(middle), PIVOT)?;
        native.get(TABLE, i64::from(up - 1), SECOND)?;
        set_two(native, middle, SECOND, up - 1, PIVOT)?;
        let place = partition(native, low, up)?;
        let shorter;
        if place - low < up - place {
            quicksort_below(native, low, place - 1, random)?;
            shorter = place - low;
            low = place + 1;
        } else {
            quicksort_below(native, place + 1, up, random)?;
            shorter = up - place;
            up = place - 1;
        }
        if up.wrapping_sub(low) / 128 > shorter {
            let services = &mut native.vm.services;
            random = (services.seeds)() as u32;
        }
    }
    Ok(())
}

/// Sorts the shorter side of a partition: log n levels at most. The pivot at work is no longer needed.
fn quicksort_below(native: &mut Reentrant<'_>, low: u32, up: u32, random: u32) -> Result<(), Throw> {
    quicksort(native, low, up, random)
}

/// Partitions the elements from `low` to `up` around the pivot, which stands at `up - 1` too. Returns the pivot's place.
fn partition(native: &mut Reentrant<'_>, low: u32, up: u32) -> Result<u32, Throw> {
    let (mut i, mut j) = (low, up - 1);
    loop {
        loop {
            i += 1;
            native.get(TABLE, i64::from(i), FIRST)?;
            if !precedes(native, FIRST, PIVOT)? {
                break;
            }
            if i == up - 1 {
                return Err(invalid_order(native));
            }
        }
        loop {
            j -= 1;
            native.get(TABLE, i64::from(j), SECOND)?;
            if !precedes(native, PIVOT, SECOND)? {
                break;
            }
            if j < i {
                return Err(invalid_order(native));
            }
        }
        if j < i {
            native.get(TABLE, i64::from(up - 1), SECOND)?;
            set_two(native, up - 1, FIRST, i, SECOND)?;
            return Ok(i);
        }
        set_two(native, i, SECOND, j, FIRST)?;
    }
}
