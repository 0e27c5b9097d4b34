//! `%q`: values as literals that Lua reads back.
//!
//! Floats are hexadecimal, which is exact. Booleans and nil are their names, which is left to the caller.

use crate::pure::LibraryError;
use crate::pure::number::integer_text;
use crate::pure::printf::{Conversion, Notation};
use std::io::Write;

/// Appends a string in double quotes, with escapes for what could not stand there.
///
/// ```
/// use tenure_lua::pure::format::quote_string;
/// let mut out = Vec::new();
/// quote_string(b"a\"\n\0\x019\r", &mut out);
/// assert_eq!(out, b"\"a\\\"\\\n\\0\\0019\\13\"");
/// ```
pub fn quote_string(value: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for (index, &byte) in value.iter().enumerate() {
        match byte {
            b'"' | b'\\' | b'\n' => out.extend_from_slice(&[b'\\', byte]),
            _ if byte.is_ascii_control() => {
                // Three digits, so that a digit that follows is not taken for one of the escape.
                let width = if value.get(index + 1).is_some_and(u8::is_ascii_digit) {
                    3
                } else {
                    1
                };
                // Infallible: a vector takes what is written.
                let _ = write!(out, "\\{byte:0width$}");
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Appends an integer; the least one in hexadecimal, as its decimal numeral would be read as a negated float.
pub fn quote_integer(value: i64, out: &mut Vec<u8>) {
    match value {
        i64::MIN => out.extend_from_slice(b"0x8000000000000000"),
        _ => out.extend_from_slice(&integer_text(value)),
    }
}

/// Appends a float; infinities and NaN as expressions that give them.
pub fn quote_float(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        Conversion::default().float(value, Notation::Hexadecimal, false, out);
    } else if value.is_nan() {
        out.extend_from_slice(b"(0/0)");
    } else {
        out.extend_from_slice(if value > 0.0 { b"1e9999" } else { b"-1e9999" });
    }
}

/// The error for a value that `%q` cannot write.
#[must_use]
pub const fn value_has_no_literal(argument: usize) -> LibraryError {
    LibraryError::argument(argument, "value has no literal form")
}
