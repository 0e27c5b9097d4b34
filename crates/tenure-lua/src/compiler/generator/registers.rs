//! Registers as a stack: variables at the bottom, temporary values above, in the order in which they were made.
//!
//! Values are freed in the opposite order, so all that is kept is the first free register. Constant work, but for finding the last
//! variable that has a register. Nothing is spilled: an expression that needs more registers than there are is refused.

use super::super::expression::{Expr, ExprKind};
use super::super::state::{Compiler, Result};
use crate::bytecode::VariableKind;

/// The registers that a function can have, and one more: the last number says "no register".
const REGISTERS_LIMIT: usize = 255;

impl Compiler<'_> {
    /// Makes sure that `count` more registers exist.
    pub(crate) fn check_registers(&mut self, count: usize) -> Result {
        let needed = usize::from(self.function.free_register) + count;
        if needed > usize::from(self.function.proto.max_stack_size) {
            if needed >= REGISTERS_LIMIT {
                return Err(self
                    .lexer
                    .syntax_error("function or expression needs too many registers"));
            }
            self.function.proto.max_stack_size = needed as u8;
        }
        Ok(())
    }

    /// Takes the next `count` registers.
    pub(crate) fn reserve_registers(&mut self, count: usize) -> Result {
        self.check_registers(count)?;
        self.function.free_register += count as u8;
        Ok(())
    }

    /// The first register above those of the `count` first variables of the function. Compile-time constants have none.
    pub(crate) fn register_level(&self, count: usize) -> u8 {
        let first = self.function.first_variable;
        self.variables[first..first + count]
            .iter()
            .rev()
            .find(|variable| variable.kind != VariableKind::CompileTimeConstant)
            .map_or(0, |variable| variable.register + 1)
    }

    /// The first register above those of the variables in scope.
    pub(crate) fn variable_registers(&self) -> u8 {
        self.register_level(self.function.active_variables)
    }

    /// Frees a register, unless a variable lives there.
    pub(crate) fn free_register(&mut self, register: u8) {
        if register >= self.variable_registers() {
            self.function.free_register -= 1;
            debug_assert_eq!(register, self.function.free_register, "registers are freed in order");
        }
    }

    /// Frees two registers, whichever was taken last first.
    pub(crate) fn free_registers(&mut self, one: u8, other: u8) {
        self.free_register(one.max(other));
        self.free_register(one.min(other));
    }

    /// Frees the register of a temporary value.
    pub(crate) fn free_expr(&mut self, e: &Expr) {
        if let ExprKind::Register(register) = e.kind {
            self.free_register(register);
        }
    }

    pub(crate) fn free_exprs(&mut self, one: &Expr, other: &Expr) {
        match (one.kind, other.kind) {
            (ExprKind::Register(one), ExprKind::Register(other)) => self.free_registers(one, other),
            _ => {
                self.free_expr(one);
                self.free_expr(other);
            }
        }
    }
}
