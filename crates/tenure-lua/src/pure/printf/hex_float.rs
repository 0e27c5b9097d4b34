//! Hexadecimal floats: `%a`.
//!
//! The digit before the point is the hidden bit: 1, and 0 for zero and subnormals, whose exponent is the least. Without a precision the
//! 13 digits of the fraction are exact, and zeros at the end are left out. With one, they are rounded to nearest with ties to even; the
//! digit before the point becomes 2 when that carries.

use super::Conversion;
use std::io::Write;

const FRACTION_BITS: usize = f64::MANTISSA_DIGITS as usize - 1;
const FRACTION_DIGITS: usize = FRACTION_BITS / 4;
const EXPONENT_BIAS: i64 = f64::MAX_EXP as i64 - 1;

/// A finite magnitude as digits and exponent, without sign, `0x` and padding.
pub(super) fn hexadecimal(magnitude: f64, conversion: &Conversion) -> Vec<u8> {
    let bits = magnitude.to_bits();
    let exponent_field = (bits >> FRACTION_BITS) as i64;
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    let hidden_bit = u64::from(exponent_field != 0) << FRACTION_BITS;
    let exponent = if magnitude == 0.0 {
        0
    } else {
        exponent_field.max(1) - EXPONENT_BIAS
    };
    let digit_count = conversion.precision.unwrap_or_else(|| significant_digits(fraction));
    let rounded = round(hidden_bit | fraction, digit_count);

    let mut text = Vec::new();
    // Infallible, here and below: a vector takes what is written.
    let _ = write!(text, "{}", rounded >> FRACTION_BITS);
    if digit_count > 0 || conversion.alternative {
        text.push(b'.');
    }
    let mut digits = Vec::new();
    let _ = write!(digits, "{:0FRACTION_DIGITS$x}", rounded & ((1 << FRACTION_BITS) - 1));
    digits.resize(digit_count, b'0');
    text.extend_from_slice(&digits);
    let _ = write!(text, "p{exponent:+}");
    text
}

fn significant_digits(fraction: u64) -> usize {
    FRACTION_DIGITS - (fraction.trailing_zeros() as usize / 4).min(FRACTION_DIGITS)
}

/// Rounds a mantissa to so many digits of its fraction; those below become zeros or do not matter.
const fn round(mantissa: u64, digit_count: usize) -> u64 {
    if digit_count >= FRACTION_DIGITS {
        return mantissa;
    }
    let dropped_bits = FRACTION_BITS - digit_count * 4;
    let (kept, rest, half) = (
        mantissa >> dropped_bits,
        mantissa & ((1 << dropped_bits) - 1),
        1 << (dropped_bits - 1),
    );
    let up = rest > half || (rest == half && kept & 1 == 1);
    (kept + up as u64) << dropped_bits
}
