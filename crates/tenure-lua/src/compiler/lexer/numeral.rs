//! Numerals: first everything that looks like one, then its conversion.
//!
//! What is taken is generous (`3x`, `0x1p`, `1..2`), so that a malformed numeral is one token in the message and not two that happen to
//! be neighbors. A sign is taken only behind an exponent's mark: `0xe+1` is a sum. Integers too large for 64 bits become floats in
//! decimal and wrap around in hexadecimal.

use super::super::error::SyntaxError;
use super::super::token::Token;
use super::scan::is_name_byte;
use super::{Lexer, Near};
use crate::pure::number::{Number, parse_number};

impl Lexer<'_> {
    /// Reads a numeral, at a digit; the text may already hold a dot.
    pub(super) fn read_numeral(&mut self) -> Result<Token, SyntaxError> {
        let is_zero = self.current() == Some(b'0');
        self.keep();
        let is_hexadecimal = is_zero && self.keep_any(b"xX");
        let exponent_marks = if is_hexadecimal { b"pP" } else { b"eE" };
        loop {
            if self.keep_any(exponent_marks) {
                self.keep_any(b"+-");
            } else if self
                .current()
                .is_some_and(|byte| byte.is_ascii_hexdigit() || byte == b'.')
            {
                self.keep();
            } else {
                break;
            }
        }
        if self.current().is_some_and(is_name_byte) {
            self.keep();
        }
        match parse_number(&self.text) {
            Some(Number::Integer(value)) => Ok(Token::Integer(value)),
            Some(Number::Float(value)) => Ok(Token::Float(value)),
            None => Err(self.error("malformed number", Near::Text)),
        }
    }

    /// Keeps the current byte if it is one of two.
    fn keep_any(&mut self, bytes: &[u8; 2]) -> bool {
        let matches = self.current().is_some_and(|byte| bytes.contains(&byte));
        if matches {
            self.keep();
        }
        matches
    }
}
