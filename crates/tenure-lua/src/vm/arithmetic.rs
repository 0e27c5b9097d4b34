//! Arithmetic: fast paths for numbers in the word, then boxed integers, then metamethods.
//!
//! The functions of the first kind are what the loop inlines; they return nothing when an operand is no number in the word or the result
//! is none, and the instruction behind, which names the metamethod, does the rest.

use super::access::Operand;
use super::{Vm, message};
use crate::bytecode::Metamethod;
use crate::native::Throw;
use crate::object::{LuaValue, Objects, Val, new_integer};
use crate::pure::LibraryError;
use crate::pure::number::{
    Number, float_floor_division, float_modulo, integer_floor_division, integer_modulo, power, shift_left, shift_right,
};
use crate::vm::metamethod::of_value;
use tenure::prelude::*;

/// Adds or subtracts numbers in the word.
#[inline(always)]
pub(crate) fn sum<'h>(
    x: Val<'h>,
    y: Val<'h>,
    int: impl FnOnce(Val<'h>, Val<'h>) -> Option<Val<'h>>,
    float: impl FnOnce(f64, f64) -> f64,
) -> Option<Val<'h>> {
    if let Some(sum) = int(x, y) {
        return Some(sum);
    }
    // Two integers whose sum does not fit stay integers.
    match (x.as_float(), y.as_float()) {
        (Some(x), Some(y)) => Some(Value::float(float(x, y))),
        (Some(x), None) => Some(Value::float(float(x, y.as_int()? as f64))),
        (None, Some(y)) => Some(Value::float(float(x.as_int()? as f64, y))),
        (None, None) => None,
    }
}

/// Adds, subtracts or multiplies numbers in the word: `int` must say when its result is not right.
#[inline(always)]
pub(crate) fn fast<'h>(
    x: Val<'h>,
    y: Val<'h>,
    int: impl FnOnce(i64, i64) -> Option<i64>,
    float: impl FnOnce(f64, f64) -> f64,
) -> Option<Val<'h>> {
    if let (Some(x), Some(y)) = (x.as_int(), y.as_int()) {
        return int(x, y).and_then(Value::try_int);
    }
    fast_float(x, y, float)
}

/// Does a float operation on numbers in the word.
#[inline(always)]
pub(crate) fn fast_float<'h>(x: Val<'h>, y: Val<'h>, float: impl FnOnce(f64, f64) -> f64) -> Option<Val<'h>> {
    match (x.as_float(), y.as_float()) {
        (Some(x), Some(y)) => Some(Value::float(float(x, y))),
        _ => Some(Value::float(float(x.as_number()?, y.as_number()?))),
    }
}

/// `x ^ 2`; nothing for another exponent.
#[inline(always)]
pub(crate) fn square<'h>(x: Val<'h>, y: Val<'h>) -> Option<Val<'h>> {
    let (x, y) = (x.as_number()?, y.as_number()?);
    (y == 2.0).then(|| Value::float(x * x))
}

/// Does a bitwise operation on integers in the word.
#[inline(always)]
pub(crate) fn fast_bits<'h>(x: Val<'h>, y: Val<'h>, int: impl FnOnce(i64, i64) -> i64) -> Option<Val<'h>> {
    Value::try_int(int(x.as_int()?, y.as_int()?))
}

/// `x // y` of integers in the word, unless `y` is 0.
#[inline(always)]
pub(crate) fn int_floor_division(x: i64, y: i64) -> Option<i64> {
    if y == 0 {
        return None;
    }
    // Integers of 50 bits do not overflow.
    let quotient = x.wrapping_div(y);
    Some(if x.wrapping_rem(y) != 0 && (x ^ y) < 0 {
        quotient - 1
    } else {
        quotient
    })
}

/// `x % y` of integers in the word, unless `y` is 0.
#[inline(always)]
pub(crate) fn int_modulo(x: i64, y: i64) -> Option<i64> {
    if y == 0 {
        return None;
    }
    let remainder = x.wrapping_rem(y);
    Some(if remainder != 0 && (remainder ^ y) < 0 {
        remainder + y
    } else {
        remainder
    })
}

/// What an operation comes to.
#[derive(Debug)]
pub(crate) enum Outcome<'h> {
    /// A value.
    Value(Val<'h>),
    /// A metamethod to call with both operands.
    Call(Val<'h>),
}

/// Does an operation of any operands.
///
/// # Errors
///
/// `attempt to perform arithmetic on a … value` and its kind; division by zero; no memory for a boxed result.
#[cold]
#[inline(never)]
pub(crate) fn full<'h>(
    vm: &mut Vm,
    h: &'h Heap<Objects>,
    event: Metamethod,
    x: (Val<'h>, Operand),
    y: (Val<'h>, Operand),
) -> Result<Outcome<'h>, Throw> {
    if let (Some(a), Some(b)) = (x.0.number(), y.0.number()) {
        match compute(event, a, b) {
            Ok(Some(Number::Integer(int))) => return Ok(Outcome::Value(new_integer(h, int)?)),
            Ok(Some(Number::Float(float))) => return Ok(Outcome::Value(Value::float(float))),
            Ok(None) => {}
            Err(error) => return Err(message::raise(vm, h, error.message())),
        }
    }
    match of_value(h, x.0, event).or_else(|| of_value(h, y.0, event)) {
        Some(method) => Ok(Outcome::Call(method)),
        None => Err(message::arithmetic_error(vm, h, event, x, y)),
    }
}

/// Does an operation of numbers; none when the numbers are no integers and the operation is bitwise.
pub(crate) fn compute(event: Metamethod, x: Number, y: Number) -> Result<Option<Number>, LibraryError> {
    let float = |result: fn(f64, f64) -> f64| Ok(Some(Number::Float(result(x.to_float(), y.to_float()))));
    match event {
        Metamethod::Pow => return float(power),
        Metamethod::Div => return float(|x, y| x / y),
        Metamethod::BAnd
        | Metamethod::BOr
        | Metamethod::BXor
        | Metamethod::Shl
        | Metamethod::Shr
        | Metamethod::BNot => {
            let (Some(x), Some(y)) = (x.to_integer(), y.to_integer()) else {
                return Ok(None);
            };
            return Ok(Some(Number::Integer(match event {
                Metamethod::BAnd => x & y,
                Metamethod::BOr => x | y,
                Metamethod::BXor => x ^ y,
                Metamethod::Shl => shift_left(x, y),
                Metamethod::Shr => shift_right(x, y),
                _ => !x,
            })));
        }
        _ => {}
    }
    if let (Number::Integer(x), Number::Integer(y)) = (x, y) {
        return Ok(Some(Number::Integer(match event {
            Metamethod::Add => x.wrapping_add(y),
            Metamethod::Sub => x.wrapping_sub(y),
            Metamethod::Mul => x.wrapping_mul(y),
            Metamethod::Mod => integer_modulo(x, y)?,
            Metamethod::IDiv => integer_floor_division(x, y)?,
            _ => x.wrapping_neg(),
        })));
    }
    match event {
        Metamethod::Add => float(|x, y| x + y),
        Metamethod::Sub => float(|x, y| x - y),
        Metamethod::Mul => float(|x, y| x * y),
        Metamethod::Mod => float(float_modulo),
        Metamethod::IDiv => float(float_floor_division),
        _ => float(|x, _| -x),
    }
}
