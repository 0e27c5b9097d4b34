//! Decimal floats: `%f`, `%e`, `%g`.
//!
//! The standard library prints exactly at any precision and rounds ties to even; what is left is C's form: two digits of an exponent at
//! least, the point that `#` asks for, and `%g`'s choice of a notation by the exponent after rounding.

use super::{Conversion, Notation};
use std::io::Write;

const DEFAULT_PRECISION: usize = 6;

/// A finite magnitude as digits, without sign and padding.
pub(super) fn decimal(magnitude: f64, notation: Notation, conversion: &Conversion) -> Vec<u8> {
    let precision = conversion.precision.unwrap_or(DEFAULT_PRECISION);
    match notation {
        Notation::Scientific => scientific(magnitude, precision, conversion.alternative),
        Notation::Shorter => shorter(magnitude, precision.max(1), conversion.alternative),
        _ => fixed(magnitude, precision, conversion.alternative),
    }
}

fn fixed(magnitude: f64, precision: usize, point: bool) -> Vec<u8> {
    let mut text = Vec::new();
    // Infallible: a vector takes what is written.
    let _ = write!(text, "{magnitude:.precision$}");
    if precision == 0 && point {
        text.push(b'.');
    }
    text
}

/// The digits with their point, and the exponent.
fn mantissa_and_exponent(magnitude: f64, precision: usize, point: bool) -> (Vec<u8>, i32) {
    let mut text = Vec::new();
    // Infallible, as above.
    let _ = write!(text, "{magnitude:.precision$e}");
    let mark = text.iter().rposition(|&byte| byte == b'e').unwrap_or(text.len());
    let exponent = std::str::from_utf8(&text[mark + 1..])
        .ok()
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0);
    text.truncate(mark);
    if precision == 0 && point {
        text.push(b'.');
    }
    (text, exponent)
}

fn scientific(magnitude: f64, precision: usize, point: bool) -> Vec<u8> {
    let (mut text, exponent) = mantissa_and_exponent(magnitude, precision, point);
    push_exponent(&mut text, exponent);
    text
}

fn push_exponent(text: &mut Vec<u8>, exponent: i32) {
    let sign = if exponent < 0 { '-' } else { '+' };
    // Infallible, as above.
    let _ = write!(text, "e{sign}{:02}", exponent.unsigned_abs());
}

fn shorter(magnitude: f64, significant: usize, keep_zeros: bool) -> Vec<u8> {
    let (mut text, exponent) = mantissa_and_exponent(magnitude, significant - 1, keep_zeros);
    let is_fixed = exponent >= -4 && (exponent < 0 || (exponent as usize) < significant);
    if is_fixed {
        text = fixed(magnitude, (significant as i32 - 1 - exponent) as usize, keep_zeros);
    }
    if !keep_zeros && text.contains(&b'.') {
        let end = text.iter().rposition(|&byte| byte != b'0').map_or(0, |last| last + 1);
        text.truncate(end);
        if text.last() == Some(&b'.') {
            text.pop();
        }
    }
    if !is_fixed {
        push_exponent(&mut text, exponent);
    }
    text
}
