//! The table of constants of a function.
//!
//! Equal constants share an entry. One hash table for the whole chunk remembers where each was added last; since that may have been in
//! another function's table, the entry is checked. So a nested function can make its parent add a constant twice, and no function needs
//! a hash table of its own. Constant work.

use super::super::error::SyntaxError;
use super::super::expression::Literal;
use super::super::state::{Compiler, Result};
use super::super::symbols::Symbol;
use crate::bytecode::{Constant, MAX_AX};

impl Compiler<'_> {
    /// The index of a constant, which is added if need be.
    pub(crate) fn constant(&mut self, literal: Literal) -> Result<usize> {
        if let Some(&place) = self.constant_places.get(&literal)
            && self.function.constants.get(place) == Some(&literal)
        {
            return Ok(place);
        }
        let place = self.function.constants.len();
        if place >= MAX_AX as usize {
            return Err(SyntaxError::new(format!("too many constants (limit is {MAX_AX})")));
        }
        self.function.constants.push(literal);
        self.constant_places.insert(literal, place);
        Ok(place)
    }

    pub(crate) fn string_constant(&mut self, symbol: Symbol) -> Result<usize> {
        self.constant(Literal::String(symbol))
    }

    pub(crate) fn integer_constant(&mut self, value: i64) -> Result<usize> {
        self.constant(Literal::Integer(value))
    }

    pub(crate) fn float_constant(&mut self, value: f64) -> Result<usize> {
        self.constant(Literal::Float(value.to_bits()))
    }

    /// A literal as the prototype has it.
    pub(crate) fn constant_value(&self, literal: Literal) -> Constant {
        match literal {
            Literal::Nil => Constant::Nil,
            Literal::True => Constant::True,
            Literal::False => Constant::False,
            Literal::Integer(value) => Constant::Integer(value),
            Literal::Float(bits) => Constant::Float(f64::from_bits(bits)),
            Literal::String(symbol) => Constant::String(self.lexer.symbols.bytes(symbol).clone()),
        }
    }
}
