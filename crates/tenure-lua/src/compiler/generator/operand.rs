//! Constants as operands of instructions.
//!
//! Many instructions take a constant where others take a register: by its index in the table, if that is small enough, or as a small
//! number in the instruction itself. Constant work.

use super::super::expression::{Expr, ExprKind, Literal};
use super::super::state::{Compiler, Result};
use crate::bytecode::{Instruction, MAX_B, MAX_C, OFFSET_SC, Opcode};
use crate::pure::number::float_to_integer;

/// The longest string that interpreters are expected to intern, which `GETFIELD` and its kind rely on.
const SHORT_STRING_BYTES_MAX: usize = 40;

impl Compiler<'_> {
    /// The value of an expression that the compiler knows.
    pub(crate) fn known_value(&self, e: &Expr) -> Option<Literal> {
        match e.kind {
            _ if e.has_jumps() => None,
            ExprKind::CompileTime(index) => Some(self.variables[index].value),
            kind => kind.literal(),
        }
    }

    /// Makes an operand of a constant: its index in the table, if that fits.
    pub(super) fn make_constant_operand(&mut self, e: &mut Expr) -> Result<Option<u8>> {
        if e.has_jumps() {
            return Ok(None);
        }
        let index = match (e.kind, e.kind.literal()) {
            (ExprKind::Constant(index), _) => index,
            (_, Some(literal)) => self.constant(literal)?,
            _ => return Ok(None),
        };
        let fits = u8::try_from(index).ok();
        if fits.is_some() {
            e.kind = ExprKind::Constant(index);
        }
        Ok(fits)
    }

    /// Makes an operand: `(index, true)` of a constant, or `(register, false)`.
    pub(super) fn make_operand(&mut self, e: &mut Expr) -> Result<(u8, bool)> {
        match self.make_constant_operand(e)? {
            Some(index) => Ok((index, true)),
            None => Ok((self.put_in_any_register(e)?, false)),
        }
    }

    /// Emits an instruction whose operand `C` is a constant or a register.
    pub(super) fn emit_with_operand(&mut self, opcode: Opcode, a: u8, b: u8, c: &mut Expr) -> Result {
        let (operand, k) = self.make_operand(c)?;
        self.emit(Instruction::abck(opcode, a, b, operand, k));
        Ok(())
    }

    /// The index of a short string in the table of constants, if it is one and fits.
    pub(super) fn short_string_constant(&self, e: &Expr) -> Option<u8> {
        let ExprKind::Constant(index) = e.kind else { return None };
        let Some(Literal::String(symbol)) = self.function.constants.get(index) else {
            return None;
        };
        let is_short = self.lexer.symbols.bytes(*symbol).len() <= SHORT_STRING_BYTES_MAX;
        if e.has_jumps() || index > MAX_B as usize || !is_short {
            None
        } else {
            Some(index as u8)
        }
    }
}

/// An integer numeral.
pub(super) fn integer(e: &Expr) -> Option<i64> {
    match e.kind {
        ExprKind::Integer(value) if !e.has_jumps() => Some(value),
        _ => None,
    }
}

/// An integer numeral as operand `C`, if it fits.
pub(super) fn integer_operand(e: &Expr) -> Option<u8> {
    integer(e).and_then(|value| u8::try_from(value).ok())
}

/// An integer as signed operand, if it fits.
pub(super) fn signed_operand(value: i64) -> Option<u8> {
    let range = -i64::from(OFFSET_SC)..=i64::from(MAX_C) - i64::from(OFFSET_SC);
    range.contains(&value).then(|| Instruction::signed_c(value as i32))
}

/// An integer numeral as signed operand, if it fits.
pub(super) fn signed_integer_operand(e: &Expr) -> Option<u8> {
    integer(e).and_then(signed_operand)
}

/// A numeral with an integral value as signed operand, if it fits. `is_float` is set for a float, and also for one that does not fit:
/// metamethods of comparisons are told, and they are never called for two numbers.
pub(super) fn signed_number_operand(e: &Expr, is_float: &mut bool) -> Option<u8> {
    let value = match e.kind {
        ExprKind::Integer(value) => value,
        ExprKind::Float(value) => {
            let value = float_to_integer(value)?;
            *is_float = true;
            value
        }
        _ => return None,
    };
    if e.has_jumps() { None } else { signed_operand(value) }
}
