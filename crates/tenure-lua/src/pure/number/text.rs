//! What a number looks like as a string: `tostring`, concatenation, `io.write`.
//!
//! Floats have 14 significant digits as C's `%.14g` prints them, and `.0` at the end where they would look like integers. NaN has a
//! sign. A text fits in 24 bytes on the stack, so nothing is allocated. Other formats are in [`printf`](crate::pure::printf).

use super::Number;
use std::fmt::{self, Write};
use std::ops::Deref;

/// Significant digits of a float's text.
const DIGITS: i32 = 14;

/// The text of a number.
#[derive(Clone, Copy)]
pub struct NumberText {
    bytes: [u8; NumberText::CAPACITY],
    length: u8,
}

impl NumberText {
    /// The longest texts have a sign, 14 digits, a point and four zeros after it (`-0.00012345678901234`); or a sign and 19 digits.
    const CAPACITY: usize = 24;

    const fn new() -> Self {
        Self {
            bytes: [0; Self::CAPACITY],
            length: 0,
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let start = usize::from(self.length);
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len() as u8;
    }
}

impl Deref for NumberText {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl Write for NumberText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

impl fmt::Debug for NumberText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self))
    }
}

/// `tostring` of a number.
///
/// ```
/// use tenure_lua::pure::number::{Number, number_text};
/// assert_eq!(&*number_text(Number::Float(1e15)), b"1e+15");
/// assert_eq!(&*number_text(Number::Float(3.0)), b"3.0");
/// assert_eq!(&*number_text(Number::Integer(3)), b"3");
/// ```
#[must_use]
pub fn number_text(number: Number) -> NumberText {
    match number {
        Number::Integer(value) => integer_text(value),
        Number::Float(value) => float_text(value),
    }
}

/// `tostring` of an integer.
#[must_use]
pub fn integer_text(value: i64) -> NumberText {
    let mut text = NumberText::new();
    let mut reversed = [0; 20];
    let mut first = reversed.len();
    let mut magnitude = value.unsigned_abs();
    loop {
        first -= 1;
        reversed[first] = b'0' + (magnitude % 10) as u8;
        magnitude /= 10;
        if magnitude == 0 {
            break;
        }
    }
    if value < 0 {
        text.push(b"-");
    }
    text.push(&reversed[first..]);
    text
}

/// `tostring` of a float.
#[must_use]
pub fn float_text(value: f64) -> NumberText {
    let mut text = float_text_g14(value);
    if text.iter().all(|&byte| byte == b'-' || byte.is_ascii_digit()) {
        text.push(b".0");
    }
    text
}

/// A float as C's `%.14g`, which may look like an integer: what `io.write` writes.
#[must_use]
pub fn float_text_g14(value: f64) -> NumberText {
    let mut text = NumberText::new();
    if value.is_sign_negative() {
        text.push(b"-");
    }
    if value.is_nan() {
        text.push(b"nan");
    } else if value.is_infinite() {
        text.push(b"inf");
    } else {
        push_finite(&mut text, value.abs());
    }
    text
}

fn push_finite(text: &mut NumberText, value: f64) {
    if value < 1e14 && value.trunc() == value {
        return text.push(&integer_text(value as i64));
    }
    // "d.ddddddddddddde-xxx", where the first digit and the 13 after the point are rounded as they shall be.
    let mut scientific = NumberText::new();
    // Infallible: the text of a double fits.
    let _ = write!(scientific, "{value:.*e}", DIGITS as usize - 1);
    let mut digits = [0; DIGITS as usize];
    digits[0] = scientific[0];
    digits[1..].copy_from_slice(&scientific[2..=DIGITS as usize]);
    let exponent = exponent_of(&scientific[DIGITS as usize + 2..]);
    let significant = digits
        .iter()
        .rposition(|&digit| digit != b'0')
        .map_or(1, |last| last + 1);
    let digits = &digits[..significant];
    if !(-4..DIGITS).contains(&exponent) {
        text.push(&digits[..1]);
        push_fraction(text, &digits[1..]);
        text.push(if exponent < 0 { b"e-" } else { b"e+" });
        if exponent.abs() < 10 {
            text.push(b"0");
        }
        text.push(&integer_text(exponent.abs().into()));
    } else if exponent < 0 {
        text.push(&b"0.000"[..1 + exponent.unsigned_abs() as usize]);
        text.push(digits);
    } else {
        let integral = exponent as usize + 1;
        // Only 14 digits at 10^13 and fewer below it: zeros that were cut off come back.
        for position in 0..integral {
            text.push(&[digits.get(position).copied().unwrap_or(b'0')]);
        }
        push_fraction(text, digits.get(integral..).unwrap_or_default());
    }
}

fn push_fraction(text: &mut NumberText, digits: &[u8]) {
    if !digits.is_empty() {
        text.push(b".");
        text.push(digits);
    }
}

/// The value of an optional minus and digits, as Rust prints exponents.
fn exponent_of(text: &[u8]) -> i32 {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        _ => (false, text),
    };
    let magnitude = digits
        .iter()
        .fold(0, |value, digit| value * 10 + i32::from(digit - b'0'));
    if negative { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::super::parse_number;
    use super::*;
    use proptest::prelude::*;

    fn text(value: f64) -> String {
        String::from_utf8(float_text(value).to_vec()).unwrap()
    }

    #[test]
    fn integers() {
        for value in [0, 1, -1, 10, i64::MAX, i64::MIN, 1234567890] {
            assert_eq!(*integer_text(value), *value.to_string().as_bytes());
        }
    }

    #[test]
    fn floats() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (1.0 / 3.0, "0.33333333333333"),
            (2.0 / 3.0, "0.66666666666667"),
            (100.0, "100.0"),
            (1e14, "1e+14"),
            (99999999999999.0, "99999999999999.0"),
            (99999999999999.5, "1e+14"),
            (12345678901234.5, "12345678901234.0"),
            (123456789012345.0, "1.2345678901234e+14"),
            (1e15, "1e+15"),
            (1e100, "1e+100"),
            (-1e-100, "-1e-100"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (0.000123456789012356, "0.00012345678901236"),
            (-0.000123456789012345, "-0.00012345678901234"),
            (std::f64::consts::PI, "3.1415926535898"),
            (9007199254740992.0, "9.007199254741e+15"),
            (5e-324, "4.9406564584125e-324"),
            (f64::MAX, "1.7976931348623e+308"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (-f64::NAN, "-nan"),
            (10.5, "10.5"),
            (1200000.25, "1200000.25"),
        ] {
            assert_eq!(text(value), expected);
        }
        assert_eq!(&*float_text_g14(1.0), b"1");
        assert_eq!(&*float_text_g14(-0.0), b"-0");
    }

    proptest! {
        #[test]
        fn texts_of_floats_are_floats_again(bits: u64) {
            let value = f64::from_bits(bits);
            let text = float_text(value);
            match parse_number(&text) {
                // The last of 14 digits is half a unit away at most.
                Some(Number::Float(back)) => prop_assert!(back == value || ((back - value) / value).abs() <= 5.1e-14 ),
                Some(Number::Integer(_)) => prop_assert!(false, "{:?} looks like an integer", text),
                None => prop_assert!(!value.is_finite()),
            }
        }
    }
}
