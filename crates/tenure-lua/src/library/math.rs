//! `math`.
//!
//! The algorithms are in [`crate::pure::number`]; here are arguments and results. Constant work each, but for `max` and `min`.

use super::{Functions, set_field};
use crate::native::{Call, NativeFunction, Reentrant, Reply, Throw, Thrown, to_number};
use crate::object::{LuaValue, Objects, Table, Type, Val, new_integer, symbol};
use crate::pure::number::{
    Number, Random, integer_remainder, integral_to_number, logarithm, split_float, to_degrees, to_radians,
    unsigned_less_than,
};
use crate::vm::compare::raw_compare;
use tenure::prelude::*;

pub(super) const FUNCTIONS: &Functions = &[
    ("abs", NativeFunction::Region(abs)),
    ("acos", NativeFunction::Region(|call| float_function(call, f64::acos))),
    ("asin", NativeFunction::Region(|call| float_function(call, f64::asin))),
    ("atan", NativeFunction::Region(atan)),
    ("ceil", NativeFunction::Region(|call| round(call, f64::ceil))),
    ("cos", NativeFunction::Region(|call| float_function(call, f64::cos))),
    ("deg", NativeFunction::Region(|call| float_function(call, to_degrees))),
    ("exp", NativeFunction::Region(|call| float_function(call, f64::exp))),
    ("floor", NativeFunction::Region(|call| round(call, f64::floor))),
    ("fmod", NativeFunction::Region(fmod)),
    ("log", NativeFunction::Region(log)),
    (
        "max",
        NativeFunction::Both(|call| extreme(call, true), |native| extreme_with_calls(native, true)),
    ),
    (
        "min",
        NativeFunction::Both(|call| extreme(call, false), |native| extreme_with_calls(native, false)),
    ),
    ("modf", NativeFunction::Region(modf)),
    ("rad", NativeFunction::Region(|call| float_function(call, to_radians))),
    ("random", NativeFunction::Region(random)),
    ("randomseed", NativeFunction::Region(random_seed)),
    ("sin", NativeFunction::Region(|call| float_function(call, f64::sin))),
    ("sqrt", NativeFunction::Region(|call| float_function(call, f64::sqrt))),
    ("tan", NativeFunction::Region(|call| float_function(call, f64::tan))),
    ("tointeger", NativeFunction::Region(to_integer)),
    ("type", NativeFunction::Region(number_type)),
    ("ult", NativeFunction::Region(ult)),
];

/// Sets the constants.
pub(super) fn open<'h>(h: &'h Heap<Objects>, library: Gc<'h, Table>) -> Result<(), Throw> {
    set_field(h, library, "pi", Value::float(std::f64::consts::PI))?;
    set_field(h, library, "huge", Value::float(f64::INFINITY))?;
    set_field(h, library, "maxinteger", new_integer(h, i64::MAX)?)?;
    set_field(h, library, "mininteger", new_integer(h, i64::MIN)?)
}

fn float_function(call: &mut Call<'_, '_>, function: fn(f64) -> f64) -> Result<Reply, Throw> {
    let x = call.check_float(1)?;
    call.reply(Value::float(function(x)))
}

fn abs(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let result = match call.argument(1).integer() {
        Some(int) => call.integer(int.wrapping_abs())?,
        None => Value::float(call.check_float(1)?.abs()),
    };
    call.reply(result)
}

fn atan(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let y = call.check_float(1)?;
    let x = if call.argument(2).is_nil() {
        1.0
    } else {
        call.check_float(2)?
    };
    call.reply(Value::float(y.atan2(x)))
}

fn round(call: &mut Call<'_, '_>, rounded: fn(f64) -> f64) -> Result<Reply, Throw> {
    let value = call.argument(1);
    if value.integer().is_some() {
        return call.reply(value);
    }
    let float = call.check_float(1)?;
    let result = call.number(integral_to_number(rounded(float)))?;
    call.reply(result)
}

fn fmod(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    if let (Some(m), Some(n)) = (call.argument(1).integer(), call.argument(2).integer()) {
        let remainder = match integer_remainder(m, n) {
            Ok(remainder) => call.integer(remainder)?,
            Err(error) => return Err(call.library_error(&error)),
        };
        return call.reply(remainder);
    }
    let (x, y) = (call.check_float(1)?, call.check_float(2)?);
    call.reply(Value::float(x % y))
}

fn log(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let x = call.check_float(1)?;
    let base = if call.argument(2).is_nil() {
        None
    } else {
        Some(call.check_float(2)?)
    };
    call.reply(Value::float(logarithm(x, base)))
}

fn modf(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let value = call.argument(1);
    if value.integer().is_some() {
        return call.reply_all(&[value, Value::float(0.0)]);
    }
    let (integral, fraction) = split_float(call.check_float(1)?);
    let integral = call.number(integral)?;
    call.reply_all(&[integral, Value::float(fraction)])
}

fn to_integer(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let value = call.check_any(1)?;
    let int = match to_number(value).and_then(Number::to_integer) {
        Some(int) => call.integer(int)?,
        None => Value::nil(),
    };
    call.reply(int)
}

fn number_type(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let name: &[u8] = match call.check_any(1)?.number() {
        Some(Number::Integer(_)) => b"integer",
        Some(Number::Float(_)) => b"float",
        None => return call.reply(Value::nil()),
    };
    let name = symbol(call.heap, name)?;
    call.reply(name.into())
}

fn ult(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (a, b) = (call.check_integer(1)?, call.check_integer(2)?);
    call.reply(Value::bool(unsigned_less_than(a, b)))
}

/// `max` or `min` of values that need no metamethods.
fn extreme(call: &mut Call<'_, '_>, greatest: bool) -> Result<Reply, Throw> {
    let mut best: Val<'_> = call.check_any(1)?;
    for number in 2..=call.count() {
        let value = call.argument(number);
        let (x, y) = if greatest { (best, value) } else { (value, best) };
        match raw_compare(x, y, false) {
            Some(true) => best = value,
            Some(false) => {}
            None => return Ok(Reply::reentrant()),
        }
    }
    call.reply(best)
}

fn extreme_with_calls(native: &mut Reentrant<'_>, greatest: bool) -> Result<Reply, Throw> {
    let mut best = 1;
    for number in 2..=native.region().count() {
        let (x, y) = if greatest { (best, number) } else { (number, best) };
        if native.less_than(x, y)? {
            best = number;
        }
    }
    let mut call = native.region();
    let value = call.argument(best);
    call.reply(value)
}

fn random(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    // The number is drawn in a copy, so that drawing it again after a collection gives the same. One is drawn even for arguments that
    // are refused, as in the reference implementation.
    let mut random = call.vm.services.random.clone();
    let result = draw(call, &mut random);
    if !matches!(result, Err(Throw(Thrown::Room(_)))) {
        call.vm.services.random = random;
    }
    call.reply(result?)
}

fn draw<'h>(call: &mut Call<'_, 'h>, random: &mut Random) -> Result<Val<'h>, Throw> {
    let bits = random.next_bits();
    let (low, up) = match call.count() {
        0 => return Ok(Value::float(Random::float_of(bits))),
        1 => match call.check_integer(1)? {
            0 => return call.integer(bits as i64),
            up => (1, up),
        },
        2 => (call.check_integer(1)?, call.check_integer(2)?),
        _ => return Err(call.error(b"wrong number of arguments")),
    };
    match random.between(bits, low, up) {
        Some(int) => call.integer(int),
        None => Err(call.argument_error(1, "interval is empty")),
    }
}

fn random_seed(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (n1, n2) = if call.count() == 0 {
        let services = &mut call.vm.services;
        ((services.seeds)() as i64, (services.seeds)() as i64)
    } else {
        let n1 = call.check_integer(1)?;
        (n1, call.optional_integer(2, 0)?)
    };
    let (first, second) = (call.integer(n1)?, call.integer(n2)?);
    call.vm.services.random = Random::new(n1, n2);
    call.reply_all(&[first, second])
}

const _: () = assert!(
    Type::Number as u8 == 3,
    "the order of types is the reference implementation's"
);
