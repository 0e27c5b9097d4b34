//! Lua's numbers: 64-bit integers that wrap around, and doubles.
//!
//! The rules of the manual's sections 3.4.1 to 3.4.3 and of the library `math`, one file per family. All are constant work but for the
//! reading of numerals, which is linear in their length. Coercion of strings in arithmetic is not here: it needs values.

mod arithmetic;
mod convert;
mod parse;
mod random;
mod text;

pub use arithmetic::*;
pub use convert::*;
pub use parse::{hex_digit_value, is_space, parse_float, parse_integer, parse_number};
pub use random::Random;
pub use text::{NumberText, float_text, float_text_g14, integer_text, number_text};

/// A number of Lua, of one of its two subtypes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// The subtype `integer`.
    Integer(i64),
    /// The subtype `float`.
    Float(f64),
}

impl Number {
    /// As a float; an integer is rounded to the nearest.
    #[must_use]
    pub const fn to_float(self) -> f64 {
        match self {
            Self::Integer(value) => value as f64,
            Self::Float(value) => value,
        }
    }

    /// As an integer, if it is exactly one.
    #[must_use]
    pub fn to_integer(self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(value),
            Self::Float(value) => float_to_integer(value),
        }
    }
}
