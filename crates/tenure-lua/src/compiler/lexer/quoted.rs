//! Strings in quotes, and their escapes.
//!
//! The text keeps the opening quote, and an escape up to where it turns out to be wrong, because messages show both; a finished escape is
//! replaced by what it means. Strings are bytes: `\u{...}` makes UTF-8 of any number below 2^31, and nothing checks the rest.

use super::super::error::SyntaxError;
use super::super::token::Token;
use super::{Lexer, Near};

impl Lexer<'_> {
    /// Reads a string, at its opening quote.
    pub(super) fn read_quoted(&mut self, quote: u8) -> Result<Token, SyntaxError> {
        self.keep();
        loop {
            match self.current() {
                None => return Err(self.error("unfinished string", Near::Token(Token::EndOfSource))),
                Some(b'\n' | b'\r') => return Err(self.error("unfinished string", Near::Text)),
                Some(b'\\') => self.read_escape()?,
                Some(byte) => {
                    self.keep();
                    if byte == quote {
                        return Ok(Token::String(self.intern_text(1)));
                    }
                }
            }
        }
    }

    /// Reads an escape, at its backslash, and replaces it in the text.
    fn read_escape(&mut self) -> Result<(), SyntaxError> {
        let start = self.text.len();
        self.keep();
        // At the end of the source the caller's loop reports the unfinished string.
        let Some(byte) = self.current() else { return Ok(()) };
        let meaning = match byte {
            b'a' => b'\x07',
            b'b' => b'\x08',
            b'f' => b'\x0c',
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => b'\x0b',
            b'\\' | b'"' | b'\'' => byte,
            b'\n' | b'\r' => {
                self.skip_line_end();
                return self.replace_escape(start, b"\n");
            }
            b'x' => {
                let byte = self.read_hexadecimal_escape()?;
                return self.replace_escape(start, &[byte]);
            }
            b'z' => {
                self.advance();
                self.skip_spaces();
                return self.replace_escape(start, b"");
            }
            b'u' => {
                let character = self.read_unicode_escape()?;
                return self.replace_escape(start, encode_utf8(character, &mut [0; 6]));
            }
            b'0'..=b'9' => {
                let byte = self.read_decimal_escape()?;
                return self.replace_escape(start, &[byte]);
            }
            _ => return Err(self.escape_error("invalid escape sequence")),
        };
        self.advance();
        self.replace_escape(start, &[meaning])
    }

    fn replace_escape(&mut self, start: usize, meaning: &[u8]) -> Result<(), SyntaxError> {
        self.text.truncate(start);
        self.text.extend_from_slice(meaning);
        Ok(())
    }

    /// An error in an escape, shown up to the current byte.
    fn escape_error(&mut self, message: &str) -> SyntaxError {
        self.keep();
        self.error(message, Near::Text)
    }

    fn skip_spaces(&mut self) {
        loop {
            match self.current() {
                Some(b'\n' | b'\r') => self.skip_line_end(),
                Some(b' ' | b'\t' | b'\x0b' | b'\x0c') => self.advance(),
                _ => return,
            }
        }
    }

    /// Goes on to a hexadecimal digit, and gives its value.
    fn next_hexadecimal_digit(&mut self) -> Result<u32, SyntaxError> {
        self.keep();
        match self.current_hexadecimal_digit() {
            Some(value) => Ok(value),
            None => Err(self.escape_error("hexadecimal digit expected")),
        }
    }

    fn current_hexadecimal_digit(&self) -> Option<u32> {
        self.current().and_then(|byte| char::from(byte).to_digit(16))
    }

    /// Reads `xXX`.
    fn read_hexadecimal_escape(&mut self) -> Result<u8, SyntaxError> {
        let high = self.next_hexadecimal_digit()?;
        let low = self.next_hexadecimal_digit()?;
        self.advance();
        Ok((high << 4 | low) as u8)
    }

    /// Reads `u{XXX}`.
    fn read_unicode_escape(&mut self) -> Result<u32, SyntaxError> {
        self.keep();
        if self.current() != Some(b'{') {
            return Err(self.escape_error("missing '{'"));
        }
        let mut character = self.next_hexadecimal_digit()?;
        loop {
            self.keep();
            let Some(digit) = self.current_hexadecimal_digit() else {
                break;
            };
            if character > 0x7fff_ffff >> 4 {
                return Err(self.escape_error("UTF-8 value too large"));
            }
            character = character << 4 | digit;
        }
        if !self.skip_if(b'}') {
            return Err(self.escape_error("missing '}'"));
        }
        Ok(character)
    }

    /// Reads one to three decimal digits.
    fn read_decimal_escape(&mut self) -> Result<u8, SyntaxError> {
        let mut value = 0;
        for _ in 0..3 {
            let Some(digit) = self.current().and_then(|byte| char::from(byte).to_digit(10)) else {
                break;
            };
            value = value * 10 + digit;
            self.keep();
        }
        match u8::try_from(value) {
            Ok(byte) => Ok(byte),
            Err(_) => Err(self.escape_error("decimal escape too large")),
        }
    }
}

/// UTF-8 as first defined, up to six bytes for 31 bits: surrogates and numbers that are no characters have their encoding too.
fn encode_utf8(character: u32, buffer: &mut [u8; 6]) -> &[u8] {
    if character < 0x80 {
        buffer[5] = character as u8;
        return &buffer[5..];
    }
    let mut rest = character;
    let mut first_byte_max = 0x3f;
    let mut at = 5;
    loop {
        buffer[at] = 0x80 | (rest & 0x3f) as u8;
        rest >>= 6;
        first_byte_max >>= 1;
        at -= 1;
        if rest <= first_byte_max {
            break;
        }
    }
    buffer[at] = (!first_byte_max << 1 | rest) as u8;
    &buffer[at..]
}
