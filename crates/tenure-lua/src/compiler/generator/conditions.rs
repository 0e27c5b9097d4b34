//! Expressions as conditions.
//!
//! "Go on if it is true" emits a jump that is taken if it is false and adds it to the list of such jumps; the jumps taken if it is true
//! lead to here. Comparisons are jumps already and are at most reversed, and so is `not`: it exchanges the two lists. Constants decide
//! themselves. Constant work, but for the lists that are patched.

use super::super::expression::{Expr, ExprKind};
use super::super::state::{Compiler, Result};
use crate::bytecode::Opcode;

/// Operand `A` of a `TESTSET` whose register is not chosen yet.
const NO_REGISTER: u8 = 255;

impl Compiler<'_> {
    /// Goes on if `e` is true, and jumps otherwise.
    pub(crate) fn go_if_true(&mut self, e: &mut Expr) -> Result {
        self.discharge_variable(e);
        let jump = match e.kind {
            ExprKind::Jump(jump) => {
                self.negate_comparison(jump);
                Some(jump)
            }
            ExprKind::Constant(_)
            | ExprKind::Float(_)
            | ExprKind::Integer(_)
            | ExprKind::String(_)
            | ExprKind::True => None,
            _ => Some(self.jump_if(e, false)?),
        };
        if let Some(jump) = jump {
            self.add_jump(&mut e.if_false, jump)?;
        }
        self.patch_to_here(e.if_true.take())
    }

    /// Goes on if `e` is false, and jumps otherwise.
    pub(crate) fn go_if_false(&mut self, e: &mut Expr) -> Result {
        self.discharge_variable(e);
        let jump = match e.kind {
            ExprKind::Jump(jump) => Some(jump),
            ExprKind::Nil | ExprKind::False => None,
            _ => Some(self.jump_if(e, true)?),
        };
        if let Some(jump) = jump {
            self.add_jump(&mut e.if_true, jump)?;
        }
        self.patch_to_here(e.if_false.take())
    }

    /// Emits a jump that is taken if `e` is `condition`, and gives its position.
    fn jump_if(&mut self, e: &mut Expr, condition: bool) -> Result<usize> {
        if let ExprKind::Relocatable(pc) = e.kind {
            let instruction = self.function.proto.code[pc];
            if instruction.opcode() == Opcode::Not {
                self.remove_last_instruction();
                return Ok(self.emit_test(Opcode::Test, instruction.b(), 0, 0, !condition));
            }
        }
        self.discharge_to_any_register(e)?;
        self.free_expr(e);
        let register = if let ExprKind::Register(register) = e.kind {
            register
        } else {
            NO_REGISTER
        };
        Ok(self.emit_test(Opcode::TestSet, NO_REGISTER, register, 0, condition))
    }

    /// Reverses the comparison before a jump.
    fn negate_comparison(&mut self, jump: usize) {
        let test = self.jump_control(jump);
        *test = test.with_k(!test.k());
    }

    /// Makes `e` its negation.
    pub(super) fn negate(&mut self, e: &mut Expr) -> Result {
        match e.kind {
            ExprKind::Nil | ExprKind::False => e.kind = ExprKind::True,
            ExprKind::Constant(_)
            | ExprKind::Float(_)
            | ExprKind::Integer(_)
            | ExprKind::String(_)
            | ExprKind::True => e.kind = ExprKind::False,
            ExprKind::Jump(jump) => self.negate_comparison(jump),
            _ => {
                self.discharge_to_any_register(e)?;
                self.free_expr(e);
                if let ExprKind::Register(register) = e.kind {
                    e.kind = ExprKind::Relocatable(self.emit_abc(Opcode::Not, 0, register, 0));
                }
            }
        }
        std::mem::swap(&mut e.if_true, &mut e.if_false);
        // What is negated is a boolean, whatever was tested.
        self.remove_values(e.if_false);
        self.remove_values(e.if_true);
        Ok(())
    }
}
