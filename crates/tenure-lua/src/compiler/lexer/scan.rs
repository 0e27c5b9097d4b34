//! One token: decided by its first byte, and for some by the next.
//!
//! Spaces and comments lead around the loop, everything else out of it. Names are compared with the reserved words by their symbols.

use super::super::error::SyntaxError;
use super::super::token::{RESERVED_WORDS, Token};
use super::Lexer;
use super::long_bracket::Bracket;

impl Lexer<'_> {
    /// Reads a token.
    pub(super) fn scan(&mut self) -> Result<Token, SyntaxError> {
        self.text.clear();
        loop {
            let Some(byte) = self.current() else {
                return Ok(Token::EndOfSource);
            };
            return match byte {
                b'\n' | b'\r' => {
                    self.skip_line_end();
                    continue;
                }
                b' ' | b'\t' | b'\x0b' | b'\x0c' => {
                    self.advance();
                    continue;
                }
                b'-' => {
                    self.advance();
                    if !self.skip_if(b'-') {
                        return Ok(Token::Byte(b'-'));
                    }
                    self.skip_comment()?;
                    continue;
                }
                b'[' => match self.read_bracket() {
                    Bracket::Long(level) => self.read_long_string(level),
                    Bracket::Single => Ok(Token::Byte(b'[')),
                    Bracket::Malformed => Err(self.error("invalid long string delimiter", super::Near::Text)),
                },
                b'=' => Ok(self.one_or_two(byte, &[(b'=', Token::Equal)])),
                b'<' => Ok(self.one_or_two(byte, &[(b'=', Token::LessEqual), (b'<', Token::ShiftLeft)])),
                b'>' => Ok(self.one_or_two(byte, &[(b'=', Token::GreaterEqual), (b'>', Token::ShiftRight)])),
                b'/' => Ok(self.one_or_two(byte, &[(b'/', Token::FloorDivide)])),
                b'~' => Ok(self.one_or_two(byte, &[(b'=', Token::NotEqual)])),
                b':' => Ok(self.one_or_two(byte, &[(b':', Token::DoubleColon)])),
                b'"' | b'\'' => self.read_quoted(byte),
                b'.' => self.read_dots_or_numeral(),
                b'0'..=b'9' => self.read_numeral(),
                b'A'..=b'Z' | b'a'..=b'z' | b'_' => Ok(self.read_name()),
                other => {
                    self.advance();
                    Ok(Token::Byte(other))
                }
            };
        }
    }

    /// A symbol that another byte may make a longer one.
    fn one_or_two(&mut self, first: u8, longer: &[(u8, Token)]) -> Token {
        self.advance();
        let found = longer.iter().find(|(second, _)| self.current() == Some(*second));
        match found {
            Some(&(_, token)) => {
                self.advance();
                token
            }
            None => Token::Byte(first),
        }
    }

    fn read_dots_or_numeral(&mut self) -> Result<Token, SyntaxError> {
        self.keep();
        if self.skip_if(b'.') {
            Ok(if self.skip_if(b'.') { Token::Dots } else { Token::Concat })
        } else if self.current().is_some_and(|byte| byte.is_ascii_digit()) {
            self.read_numeral()
        } else {
            Ok(Token::Byte(b'.'))
        }
    }

    fn read_name(&mut self) -> Token {
        let rest = &self.source[self.position..];
        let length = rest.iter().position(|&byte| !is_name_byte(byte)).unwrap_or(rest.len());
        self.text.extend_from_slice(&rest[..length]);
        self.position += length;
        let symbol = self.intern_text(0);
        symbol
            .reserved_word()
            .map_or(Token::Name(symbol), |index| RESERVED_WORDS[index].1)
    }

    /// Skips a comment, from behind its two dashes.
    fn skip_comment(&mut self) -> Result<(), SyntaxError> {
        if self.current() == Some(b'[') {
            let bracket = self.read_bracket();
            self.text.clear();
            if let Bracket::Long(level) = bracket {
                self.skip_long_comment(level)?;
                self.text.clear();
                return Ok(());
            }
        }
        while !self.at_line_end() && self.current().is_some() {
            self.advance();
        }
        Ok(())
    }
}

pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
