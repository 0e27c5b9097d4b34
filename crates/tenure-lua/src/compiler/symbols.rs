//! Numbers for the names and strings of a chunk, so that comparing them is comparing numbers.
//!
//! A hash table gives each distinct sequence of bytes one number, in the order of appearance; the reserved words come first. A look-up
//! hashes the bytes once. Nothing is ever removed.

use super::token::RESERVED_WORDS;
use crate::bytecode::Bytes;
use std::collections::HashMap;
use std::sync::Arc;

/// The number of a name or a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Symbol(u32);

/// Names that the compiler itself uses, behind the reserved words.
const OWN_NAMES: [&str; 3] = ["_ENV", "self", "(for state)"];

impl Symbol {
    /// `break`, which is also the name of the label at the end of a loop.
    pub(crate) const BREAK: Symbol = Symbol(1);
    /// `_ENV`, the upvalue that globals are fields of.
    pub(crate) const ENV: Symbol = Symbol(RESERVED_WORDS.len() as u32);
    /// `self`, the hidden parameter of methods.
    pub(crate) const SELF: Symbol = Symbol(RESERVED_WORDS.len() as u32 + 1);
    /// The name of the hidden variables of loops.
    pub(crate) const FOR_STATE: Symbol = Symbol(RESERVED_WORDS.len() as u32 + 2);

    /// The position among the reserved words, if it is one.
    pub(crate) fn reserved_word(self) -> Option<usize> {
        Some(self.0 as usize).filter(|&index| index < RESERVED_WORDS.len())
    }
}

/// All names and strings of a chunk.
#[derive(Debug)]
pub(crate) struct Symbols {
    bytes: Vec<Bytes>,
    numbers: HashMap<Bytes, Symbol>,
}

impl Symbols {
    pub(crate) fn new() -> Self {
        let mut symbols = Self {
            bytes: Vec::new(),
            numbers: HashMap::new(),
        };
        for word in RESERVED_WORDS.iter().map(|(word, _)| *word).chain(OWN_NAMES) {
            symbols.intern(word.as_bytes());
        }
        symbols
    }

    /// The symbol of `bytes`.
    pub(crate) fn intern(&mut self, bytes: &[u8]) -> Symbol {
        if let Some(&symbol) = self.numbers.get(bytes) {
            return symbol;
        }
        let symbol = Symbol(self.bytes.len() as u32);
        let shared: Bytes = Arc::from(bytes);
        self.bytes.push(Arc::clone(&shared));
        self.numbers.insert(shared, symbol);
        symbol
    }

    /// The bytes of `symbol`.
    pub(crate) fn bytes(&self, symbol: Symbol) -> &Bytes {
        &self.bytes[symbol.0 as usize]
    }

    /// The text of a name. Names are ASCII, so nothing is lost.
    pub(crate) fn name(&self, symbol: Symbol) -> String {
        String::from_utf8_lossy(self.bytes(symbol)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_names_have_their_constants() {
        let mut symbols = Symbols::new();
        assert_eq!(symbols.intern(b"break"), Symbol::BREAK);
        assert_eq!(symbols.intern(b"_ENV"), Symbol::ENV);
        assert_eq!(symbols.intern(b"self"), Symbol::SELF);
        assert_eq!(symbols.intern(b"(for state)"), Symbol::FOR_STATE);
        assert_eq!(symbols.intern(b"while").reserved_word(), Some(21));
        assert_eq!(symbols.intern(b"whilst").reserved_word(), None);
    }
}
