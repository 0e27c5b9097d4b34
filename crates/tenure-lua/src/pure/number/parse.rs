//! Reading numerals as the lexer, `tonumber` and the coercions do.
//!
//! A numeral is an integer if it has neither point nor exponent; a decimal one that does not fit is read as a float, a hexadecimal one
//! wraps around. Floats are rounded to nearest, ties to even, from all of their digits. White space around the numeral is accepted, the
//! names of infinities and NaN are not. Linear in the length of the text, without allocation. Locales with another decimal point are
//! not served.

use super::Number;

/// Reads a numeral that is the whole text but for white space around it.
///
/// ```
/// use tenure_lua::pure::number::{Number, parse_number};
/// assert_eq!(parse_number(b" 10 "), Some(Number::Integer(10)));
/// assert_eq!(parse_number(b"0xA.8p1"), Some(Number::Float(21.0)));
/// assert_eq!(parse_number(b"9223372036854775808"), Some(Number::Float(9223372036854775808.0)));
/// assert_eq!(parse_number(b"0xffffffffffffffff"), Some(Number::Integer(-1)));
/// assert_eq!(parse_number(b"inf"), None);
/// ```
#[must_use]
pub fn parse_number(text: &[u8]) -> Option<Number> {
    match parse_integer(text) {
        Some(integer) => Some(Number::Integer(integer)),
        None => parse_float(text).map(Number::Float),
    }
}

/// White space of the locale "C".
#[must_use]
pub const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// The value of a hexadecimal digit.
#[must_use]
pub const fn hex_digit_value(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Reads an integer numeral; nothing if it is a decimal one that does not fit.
#[must_use]
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = split_sign(trim(text));
    let magnitude = match split_hex_prefix(digits) {
        Some(digits) => wrapping_hex(digits)?,
        None => decimal_magnitude(digits, negative)?,
    };
    Some(if negative { magnitude.wrapping_neg() } else { magnitude } as i64)
}

/// Reads a numeral as a float, even if it is one of an integer.
#[must_use]
pub fn parse_float(text: &[u8]) -> Option<f64> {
    let text = trim(text);
    let (negative, unsigned) = split_sign(text);
    match split_hex_prefix(unsigned) {
        Some(digits) => hex_float(digits).map(|value| if negative { -value } else { value }),
        None if is_decimal_float(unsigned) => std::str::from_utf8(text).ok()?.parse().ok(),
        None => None,
    }
}

fn trim(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|&byte| !is_space(byte)).unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(|&byte| !is_space(byte))
        .map_or(start, |last| last + 1);
    &text[start..end]
}

fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

fn split_hex_prefix(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'0', b'x' | b'X', rest @ ..] => Some(rest),
        _ => None,
    }
}

fn wrapping_hex(digits: &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for &digit in digits {
        value = value << 4 | u64::from(hex_digit_value(digit)?);
    }
    (!digits.is_empty()).then_some(value)
}

fn decimal_magnitude(digits: &[u8], negative: bool) -> Option<u64> {
    let limit = i64::MAX as u64 + u64::from(negative);
    let mut value = 0u64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        if value > limit {
            return None;
        }
    }
    (!digits.is_empty()).then_some(value)
}

/// Takes the digits at the front and says how many there were.
fn skip_digits(text: &mut &[u8]) -> usize {
    let count = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    *text = &text[count..];
    count
}

/// Whether the text is `digits [. digits] [e [sign] digits]` with a digit before the exponent: a float without sign, in decimal.
fn is_decimal_float(mut text: &[u8]) -> bool {
    let mut digits = skip_digits(&mut text);
    if let [b'.', rest @ ..] = text {
        text = rest;
        digits += skip_digits(&mut text);
    }
    if let [b'e' | b'E', rest @ ..] = text {
        text = split_sign(rest).1;
        if skip_digits(&mut text) == 0 {
            return false;
        }
    }
    digits > 0 && text.is_empty()
}

/// The value of `hexdigits [. hexdigits] [p [sign] digits]`.
fn hex_float(mut text: &[u8]) -> Option<f64> {
    let (mut mantissa, mut lost, mut exponent) = (0u64, false, 0i64);
    let (mut digits, mut fraction) = (0usize, false);
    loop {
        match text {
            [b'.', rest @ ..] if !fraction => {
                fraction = true;
                text = rest;
            }
            [byte, rest @ ..] => {
                let Some(digit) = hex_digit_value(*byte) else { break };
                digits += 1;
                if mantissa >> 60 == 0 {
                    mantissa = mantissa << 4 | u64::from(digit);
                } else {
                    lost |= digit != 0;
                    exponent += 4;
                }
                exponent -= if fraction { 4 } else { 0 };
                text = rest;
            }
            [] => break,
        }
    }
    if digits == 0 {
        return None;
    }
    if let [b'p' | b'P', rest @ ..] = text {
        let (negative, rest) = split_sign(rest);
        let scale = saturating_decimal(rest)?;
        exponent = exponent.saturating_add(if negative { -scale } else { scale });
    } else if !text.is_empty() {
        return None;
    }
    Some(scale_rounding(mantissa, lost, exponent))
}

fn saturating_decimal(digits: &[u8]) -> Option<i64> {
    let mut value = 0i64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
    }
    (!digits.is_empty()).then_some(value)
}

/// `mantissa * 2^exponent`, rounded to nearest, ties to even. `lost` says that the mantissa is a little more than given.
fn scale_rounding(mantissa: u64, lost: bool, exponent: i64) -> f64 {
    const DIGITS: i64 = f64::MANTISSA_DIGITS as i64;
    const MIN_EXPONENT: i64 = f64::MIN_EXP as i64 - 1;
    if mantissa == 0 {
        return 0.0;
    }
    let normalized = mantissa << mantissa.leading_zeros();
    // The value is 1.xxx * 2^exponent from here on.
    let exponent = exponent.saturating_add(63 - i64::from(mantissa.leading_zeros()));
    if exponent >= f64::MAX_EXP.into() {
        return f64::INFINITY;
    }
    // Below the least normal exponent, precision shrinks until nothing is left.
    let kept_bits = DIGITS - (MIN_EXPONENT.saturating_sub(exponent)).max(0);
    if kept_bits < 0 {
        return 0.0;
    }
    let dropped_bits = 64 - kept_bits;
    let wide = u128::from(normalized);
    let (kept, rest, half) = (
        (wide >> dropped_bits) as u64,
        wide & ((1 << dropped_bits) - 1),
        1 << (dropped_bits - 1),
    );
    let round_up = rest > half || (rest == half && (lost || kept & 1 == 1));
    // The bit above the fraction of a normal number adds one to the exponent field, and so does a carry out of the fraction.
    let exponent_field = (exponent - MIN_EXPONENT).max(0) as u64;
    f64::from_bits((exponent_field << (DIGITS - 1)) + kept + u64::from(round_up))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn integer(value: i64) -> Option<Number> {
        Some(Number::Integer(value))
    }

    fn float(value: f64) -> Option<Number> {
        Some(Number::Float(value))
    }

    #[test]
    fn integers() {
        assert_eq!(parse_number(b"0"), integer(0));
        assert_eq!(parse_number(b"-0"), integer(0));
        assert_eq!(parse_number(b"+7"), integer(7));
        assert_eq!(parse_number(b"\t\n\x0b\x0c\r 12 \r"), integer(12));
        assert_eq!(parse_number(b"9223372036854775807"), integer(i64::MAX));
        assert_eq!(parse_number(b"-9223372036854775808"), integer(i64::MIN));
        assert_eq!(parse_number(b"-9223372036854775809"), float(-9223372036854775809.0));
        assert_eq!(parse_number(b"0x1ffffffffffffffff"), integer(-1));
        assert_eq!(parse_number(b"-0xA"), integer(-10));
        assert_eq!(parse_number(b"-0x8000000000000000"), integer(i64::MIN));
        assert_eq!(parse_number(b"00000000000000000000000000012"), integer(12));
    }

    #[test]
    fn floats() {
        for (text, value) in [
            ("1.", 1.0),
            (".5", 0.5),
            ("1e1", 10.0),
            ("-1.5E-2", -0.015),
            ("5.e+1", 50.0),
            ("1e400", f64::INFINITY),
            ("1e-400", 0.0),
            ("1e99999999999999999999", f64::INFINITY),
            ("0x.8", 0.5),
            ("0x1.", 1.0),
            ("0xA.8p1", 21.0),
            ("-0x1P-2", -0.25),
            ("0x1p99999999999999999999", f64::INFINITY),
            ("0x1p-99999999999999999999", 0.0),
            ("0x0p99999999999999999999", 0.0),
            ("0x1p-1074", 5e-324),
            ("0x1p-1075", 0.0),
            ("0x1.8p-1075", 5e-324),
            ("0x1.00000000000008p-1075", 5e-324),
            ("0x3p-1075", 1e-323),
            ("0x1.fffffffffffff8p1023", f64::INFINITY),
            ("0x1.fffffffffffff7p1023", f64::MAX),
            ("0x0.fffffffffffffp-1022", 2.225_073_858_507_201e-308),
            ("0x0.fffffffffffff8p-1022", f64::MIN_POSITIVE),
            ("0x1.00000000000008", 1.0),
            ("0x1.000000000000080000000000000001", 1.0 + f64::EPSILON),
            ("0x1.00000000000018", 1.0 + 2.0 * f64::EPSILON),
            ("0x.0000000000000000000000000000000000001p148", 1.0),
        ] {
            assert_eq!(parse_number(text.as_bytes()), float(value), "{text}");
        }
        let wide = format!("0x1{}.p-400", "0".repeat(100));
        assert_eq!(parse_number(wide.as_bytes()), float(1.0));
        let Some(Number::Float(zero)) = parse_number(b"-0.0") else {
            panic!()
        };
        assert!(zero.is_sign_negative());
    }

    #[test]
    fn what_is_no_numeral() {
        for text in [
            "", " ", "-", "+", "0x", "-0x", "0xg", "1 2", "1e", "1e+", ".", "-.", ".e1", "0x.", "0x.p1", "0x1p",
            "0x1p+", "0x1.2.3", "1.2.3", "inf", "-inf", "nan", "NaN", "infinity", "1n", "--1", "- 1", "+-1", "1_000",
            "0b1", "1f", "1\0", "\x001", "e1", "0x1p1.5", "1e1.5", "\u{a0}1", "0x 1",
        ] {
            assert_eq!(parse_number(text.as_bytes()), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*|[-+0-9a-fxpe. ]{0,30}") {
            let _ = parse_number(text.as_bytes());
        }

        #[test]
        fn integers_come_back(value: i64) {
            prop_assert_eq!(parse_number(value.to_string().as_bytes()), integer(value));
            prop_assert_eq!(parse_number(format!("0x{value:x}").as_bytes()), integer(value));
        }

        #[test]
        fn hex_floats_are_exact(mantissa in 0u64..1 << 53, exponent in -1074i32..970) {
            // Two steps, as the power of two alone can be too small for a double; the first is exact.
            let value = mantissa as f64 * 2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2);
            prop_assert_eq!(parse_float(format!("0x{mantissa:x}p{exponent}").as_bytes()), Some(value));
        }

        #[test]
        fn long_hex_floats_round_as_wide_integers_do(value: u128) {
            prop_assert_eq!(parse_float(format!("0x{value:x}.0").as_bytes()), Some(value as f64));
        }
    }
}
