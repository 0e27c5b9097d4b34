//! What is wrong with a source text or a binary chunk: a message, in bytes, because it quotes the source.
//!
//! It knows no positions as numbers: the message has them, as programs expect it to.

use std::fmt;

/// Why a chunk was refused.
///
/// One word, since each step of the compiler has room for it on the stack, and steps are nested.
#[derive(Clone, PartialEq, Eq)]
pub struct SyntaxError(Box<Message>);

#[derive(Clone, PartialEq, Eq)]
struct Message(Vec<u8>);

impl SyntaxError {
    pub(crate) fn new(message: impl Into<Vec<u8>>) -> Self {
        Self(Box::new(Message(message.into())))
    }

    /// The message, as `load` returns it.
    pub fn message(&self) -> &[u8] {
        &self.0.0
    }

    /// Takes the message out.
    pub fn into_message(self) -> Vec<u8> {
        self.0.0
    }

    /// Whether the source was complete up to its end and would have to go on: what an interactive prompt asks for another line.
    pub fn is_incomplete(&self) -> bool {
        self.message().ends_with(b"near <eof>")
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.message()))
    }
}

impl fmt::Debug for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SyntaxError({:?})", String::from_utf8_lossy(self.message()))
    }
}

impl std::error::Error for SyntaxError {}
