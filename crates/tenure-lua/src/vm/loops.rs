//! Numeric loops.
//!
//! A loop of integers counts its iterations beforehand, so that it ends without overflow; the count takes the limit's place, and its
//! complement where the numbers do not fit into words to the end. The loop's four registers are index, count or limit, step, and the
//! variable that the program sees. Constant work for each iteration.

use super::{Vm, message};
use crate::native::{Throw, to_number};
use crate::object::{LuaValue, NoRoom, Objects, Val, new_integer};
use crate::pure::number::{Number, float_to_integer_ceil, float_to_integer_floor};
use tenure::prelude::*;

/// Returns the number of iterations after the first, or nothing inside if there is not even one, of an ascending loop whose numbers
/// are integers in the word.
#[inline(always)]
pub(crate) fn count<'h>(initial: Val<'h>, limit: Val<'h>, step: Val<'h>) -> Option<Option<Val<'h>>> {
    let (initial, limit, step) = (initial.as_int()?, limit.as_int()?, step.as_int()?);
    if step <= 0 {
        return None;
    }
    if initial > limit {
        return Some(None);
    }
    Value::try_int((limit - initial) / step).map(Some)
}

/// Prepares the loop whose registers begin at `at`. Returns whether it is to be skipped.
#[inline(never)]
pub(crate) fn prepare(vm: &Vm, h: &Heap<Objects>, at: usize) -> Result<bool, Throw> {
    let Some(registers) = h.register_area().get(at..at + 4) else {
        return Err(message::corrupt(vm, h));
    };
    let (initial, limit, step) = (registers[0].get(), registers[1].get(), registers[2].get());
    if let (Some(initial), Some(step)) = (initial.integer(), step.integer()) {
        if step == 0 {
            return Err(message::raise(vm, h, b"'for' step is zero"));
        }
        let Some(limit) = integer_limit(vm, h, initial, limit, step)? else {
            return Ok(true);
        };
        let distance = if step > 0 {
            (limit as u64).wrapping_sub(initial as u64)
        } else {
            (initial as u64).wrapping_sub(limit as u64)
        };
        registers[1].set(count_left(h, initial, distance / step.unsigned_abs(), step)?);
        registers[3].set(registers[0].get());
        return Ok(false);
    }
    let Some(end) = to_number(limit).map(Number::to_float) else {
        return Err(message::for_error(vm, h, "limit", limit));
    };
    let Some(stride) = to_number(step).map(Number::to_float) else {
        return Err(message::for_error(vm, h, "step", step));
    };
    let Some(start) = to_number(initial).map(Number::to_float) else {
        return Err(message::for_error(vm, h, "initial value", initial));
    };
    if stride == 0.0 {
        return Err(message::raise(vm, h, b"'for' step is zero"));
    }
    if if stride > 0.0 { end < start } else { start < end } {
        return Ok(true);
    }
    registers[0].set(Value::float(start));
    registers[1].set(Value::float(end));
    registers[2].set(Value::float(stride));
    registers[3].set(Value::float(start));
    Ok(false)
}

/// Returns what stands in the limit's place when `count` iterations follow that of `index`: the count, or, if the index will not fit into
/// a word to the end, its complement, which is below 0 and keeps the interpreter's loop from adding in the word.
fn count_left<'h>(h: &'h Heap<Objects>, index: i64, count: u64, step: i64) -> Result<Val<'h>, NoRoom> {
    // More iterations take centuries.
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let last = index.wrapping_add(count.wrapping_mul(step));
    match Val::try_int(count) {
        Some(_) if Val::try_int(last).is_none() => Ok(Value::int(!count)),
        Some(word) => Ok(word),
        None => new_integer(h, count),
    }
}

/// Returns the limit of a loop of integers, or nothing when it does not run.
fn integer_limit<'h>(
    vm: &Vm,
    h: &'h Heap<Objects>,
    initial: i64,
    limit: Val<'h>,
    step: i64,
) -> Result<Option<i64>, Throw> {
    let end = match to_number(limit) {
        Some(Number::Integer(end)) => end,
        Some(Number::Float(end)) => {
            let rounded = if step < 0 {
                float_to_integer_ceil(end)
            } else {
                float_to_integer_floor(end)
            };
            match rounded {
                Some(end) => end,
                // Beyond all integers.
                None if end > 0.0 && step > 0 => i64::MAX,
                None if end > 0.0 => return Ok(None),
                None if step > 0 => return Ok(None),
                None if end.is_nan() => return Ok(None),
                None => i64::MIN,
            }
        }
        None => return Err(message::for_error(vm, h, "limit", limit)),
    };
    let runs = if step > 0 { initial <= end } else { initial >= end };
    Ok(runs.then_some(end))
}

/// Begins the next iteration of the loop whose registers begin at `at`. Returns whether there is one.
#[cold]
#[inline(never)]
pub(crate) fn next_iteration(h: &Heap<Objects>, at: usize) -> Result<bool, NoRoom> {
    let Some(registers) = h.register_area().get(at..at + 4) else {
        return Ok(false);
    };
    let (index, limit, step) = (registers[0].get(), registers[1].get(), registers[2].get());
    if let (Some(index), Some(step)) = (index.integer(), step.integer()) {
        let count = match limit.as_int() {
            Some(count) if count < 0 => !count as u64,
            _ => limit.integer().unwrap_or(0) as u64,
        };
        if count == 0 {
            return Ok(false);
        }
        let index = index.wrapping_add(step);
        let next = new_integer(h, index)?;
        registers[1].set(count_left(h, index, count - 1, step)?);
        registers[0].set(next);
        registers[3].set(next);
        return Ok(true);
    }
    let (Some(index), Some(limit), Some(step)) = (index.as_float(), limit.as_float(), step.as_float()) else {
        return Ok(false);
    };
    let next = index + step;
    if if step > 0.0 { next <= limit } else { limit <= next } {
        registers[0].set(Value::float(next));
        registers[3].set(Value::float(next));
        return Ok(true);
    }
    Ok(false)
}
