//! Comparisons, with `__eq`, `__lt` and `__le`.
//!
//! Numbers compare by their mathematical values, strings by their bytes (the locale is "C"). Constant work, linear for strings.

use super::arithmetic::Outcome;
use super::metamethod::{in_metatable, of_value};
use super::{Vm, message};
use crate::bytecode::Metamethod;
use crate::native::Throw;
use crate::object::{LuaValue, Objects, Table, TableFields, Userdata, UserdataFields, Val};
use crate::pure::number::compare_numbers;
use std::cmp::Ordering;
use tenure::prelude::*;

/// Returns whether two values are equal, or the metamethod that says so.
#[inline]
pub(crate) fn equals<'h>(h: &'h Heap<Objects>, x: Val<'h>, y: Val<'h>) -> Outcome<'h> {
    if x.raw_equals(y) {
        return Outcome::Value(Value::bool(true));
    }
    match equality_method(h, x, y) {
        Some(method) => Outcome::Call(method),
        None => Outcome::Value(Value::bool(false)),
    }
}

/// Returns the `__eq` of the first of two different tables or userdata, or of the second.
fn equality_method<'h>(h: &'h Heap<Objects>, x: Val<'h>, y: Val<'h>) -> Option<Val<'h>> {
    let (a, b) = if let (Some(x), Some(y)) = (x.cast::<Table>(), y.cast::<Table>()) {
        (x.meta(), y.meta())
    } else {
        (x.cast::<Userdata>()?.meta(), y.cast::<Userdata>()?.meta())
    };
    let method = |meta: Option<Gc<'h, Table>>| meta.and_then(|meta| in_metatable(h, meta, Metamethod::Eq));
    method(a).or_else(|| method(b))
}

/// Returns whether `x < y`, or `x <= y`, of values that need no metamethod; none if they do.
#[inline]
pub(crate) fn raw_compare(x: Val<'_>, y: Val<'_>, or_equal: bool) -> Option<bool> {
    let ordering = match (x.number(), y.number()) {
        (Some(x), Some(y)) => compare_numbers(x, y),
        _ => Some(x.bytes()?.cmp(y.bytes()?)),
    };
    Some(match ordering {
        Some(Ordering::Less) => true,
        Some(Ordering::Equal) => or_equal,
        Some(Ordering::Greater) | None => false,
    })
}

/// Returns whether `x < y`, or `x <= y`, or the metamethod that says so.
///
/// # Errors
///
/// `attempt to compare …`.
#[inline(never)]
pub(crate) fn compare<'h>(
    vm: &mut Vm,
    h: &'h Heap<Objects>,
    x: Val<'h>,
    y: Val<'h>,
    or_equal: bool,
) -> Result<Outcome<'h>, Throw> {
    if let Some(result) = raw_compare(x, y, or_equal) {
        return Ok(Outcome::Value(Value::bool(result)));
    }
    let event = if or_equal { Metamethod::Le } else { Metamethod::Lt };
    match of_value(h, x, event).or_else(|| of_value(h, y, event)) {
        Some(method) => Ok(Outcome::Call(method)),
        None => Err(message::compare_error(vm, h, x, y)),
    }
}
