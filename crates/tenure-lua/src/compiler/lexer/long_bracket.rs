//! Long strings and comments, `[==[ ... ]==]` with any number of equals signs.
//!
//! A string's first line end is dropped and every other one becomes `\n`, however it is spelled. Nothing is an escape.

use super::super::error::SyntaxError;
use super::super::token::Token;
use super::{Lexer, Near};

/// What begins, or ends, with a bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bracket {
    /// A long bracket with that many equals signs.
    Long(usize),
    /// One bracket.
    Single,
    /// A bracket and equals signs without a second bracket.
    Malformed,
}

impl Lexer<'_> {
    /// Reads a bracket and equals signs, up to the second bracket.
    pub(super) fn read_bracket(&mut self) -> Bracket {
        let first = self.current();
        self.keep();
        let mut level = 0;
        while self.current() == Some(b'=') {
            self.keep();
            level += 1;
        }
        match level {
            _ if self.current() == first => Bracket::Long(level),
            0 => Bracket::Single,
            _ => Bracket::Malformed,
        }
    }

    /// Reads a long string, from its second bracket.
    pub(super) fn read_long_string(&mut self, level: usize) -> Result<Token, SyntaxError> {
        self.read_to_closing_bracket(level, "string")?;
        Ok(Token::String(self.intern_text(level + 2)))
    }

    /// Skips a long comment, from its second bracket.
    pub(super) fn skip_long_comment(&mut self, level: usize) -> Result<(), SyntaxError> {
        self.read_to_closing_bracket(level, "comment")
    }

    fn read_to_closing_bracket(&mut self, level: usize, what: &str) -> Result<(), SyntaxError> {
        let first_line = self.line;
        self.keep();
        if self.at_line_end() {
            self.skip_line_end();
        }
        loop {
            match self.current() {
                None => {
                    let message = format!("unfinished long {what} (starting at line {first_line})");
                    return Err(self.error(&message, Near::Token(Token::EndOfSource)));
                }
                Some(b']') => {
                    if self.read_bracket() == Bracket::Long(level) {
                        self.keep();
                        return Ok(());
                    }
                }
                Some(b'\n' | b'\r') => {
                    self.text.push(b'\n');
                    self.skip_line_end();
                }
                Some(_) => self.keep(),
            }
        }
    }
}
