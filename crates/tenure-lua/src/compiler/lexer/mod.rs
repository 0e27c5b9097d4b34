//! From bytes to tokens.
//!
//! The lexer looks at one byte at a time and never goes back; the parser asks for one token at a time, and in one place looks one further.
//! Each byte is read once. While it reads a name, a numeral or a string it keeps the text, which messages quote and which for strings is
//! already free of escapes. It knows no grammar: `x y )` is a fine sequence of tokens.

mod long_bracket;
mod numeral;
mod quoted;
mod scan;

use super::chunk_id::chunk_id;
use super::error::SyntaxError;
use super::symbols::{Symbol, Symbols};
use super::token::Token;

/// What a message says about the place, beside the line.
#[derive(Clone, Copy, Debug)]
enum Near {
    Nothing,
    /// The text read so far.
    Text,
    Token(Token),
}

/// A source text and how far it was read.
#[derive(Debug)]
pub(crate) struct Lexer<'s> {
    source: &'s [u8],
    position: usize,
    /// Text of the name, numeral or string being read or read last.
    text: Vec<u8>,
    /// The name of the chunk, shortened.
    chunk_id: Vec<u8>,
    /// The line that is being read.
    pub(crate) line: u32,
    /// The line of the last token that the parser took.
    pub(crate) last_line: u32,
    /// The token that the parser looks at.
    pub(crate) token: Token,
    ahead: Option<Token>,
    pub(crate) symbols: Symbols,
}

impl<'s> Lexer<'s> {
    pub(crate) fn new(source: &'s [u8], chunk_name: &[u8]) -> Self {
        Self {
            source,
            position: 0,
            text: Vec::new(),
            chunk_id: chunk_id(chunk_name),
            line: 1,
            last_line: 1,
            token: Token::EndOfSource,
            ahead: None,
            symbols: Symbols::new(),
        }
    }

    /// Goes to the next token.
    pub(crate) fn next(&mut self) -> Result<(), SyntaxError> {
        self.last_line = self.line;
        self.token = match self.ahead.take() {
            Some(token) => token,
            None => self.scan()?,
        };
        Ok(())
    }

    /// The token behind the current one.
    pub(crate) fn look_ahead(&mut self) -> Result<Token, SyntaxError> {
        let token = self.scan()?;
        self.ahead = Some(token);
        Ok(token)
    }

    /// An error at the current token.
    #[cold]
    pub(crate) fn syntax_error(&self, message: &str) -> SyntaxError {
        self.error(message, Near::Token(self.token))
    }

    /// An error that has nothing to do with the current token.
    #[cold]
    pub(crate) fn semantic_error(&self, message: &str) -> SyntaxError {
        self.error(message, Near::Nothing)
    }

    #[cold]
    fn error(&self, message: &str, near: Near) -> SyntaxError {
        let mut whole = self.chunk_id.clone();
        whole.extend_from_slice(format!(":{}: {message}", self.line).as_bytes());
        let near = match near {
            // The reference implementation counts tokens from the byte's value on, and takes the token 0 for none.
            Near::Nothing | Near::Token(Token::Byte(0)) => None,
            Near::Text | Near::Token(Token::Name(_) | Token::String(_) | Token::Float(_) | Token::Integer(_)) => {
                let shown = self.text.split(|&byte| byte == 0).next().unwrap_or_default();
                Some([b"'", shown, b"'"].concat())
            }
            Near::Token(token) => Some(token.describe().into_bytes()),
        };
        if let Some(near) = near {
            whole.extend_from_slice(b" near ");
            whole.extend_from_slice(&near);
        }
        SyntaxError::new(whole)
    }

    fn current(&self) -> Option<u8> {
        self.source.get(self.position).copied()
    }

    fn advance(&mut self) {
        self.position += 1;
    }

    /// Keeps the current byte as text, and goes on.
    fn keep(&mut self) {
        self.text.extend(self.current());
        self.advance();
    }

    /// Goes on if the current byte is `byte`.
    fn skip_if(&mut self, byte: u8) -> bool {
        let matches = self.current() == Some(byte);
        self.position += usize::from(matches);
        matches
    }

    fn at_line_end(&self) -> bool {
        matches!(self.current(), Some(b'\n' | b'\r'))
    }

    /// Skips the end of a line, in any of its four spellings.
    fn skip_line_end(&mut self) {
        let first = self.current();
        self.advance();
        if self.at_line_end() && self.current() != first {
            self.advance();
        }
        self.line += 1;
    }

    /// The symbol of the text between `skipped` bytes at its beginning and at its end.
    fn intern_text(&mut self, skipped: usize) -> Symbol {
        let inner = self.text.get(skipped..self.text.len() - skipped).unwrap_or_default();
        self.symbols.intern(inner)
    }
}
