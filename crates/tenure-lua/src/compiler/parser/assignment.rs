//! Assignments, to one variable or several.
//!
//! All variables on the left are described, then all values computed, then the values are stored from the last to the first. A table or
//! a key that is itself a variable of the list must be read before it is overwritten: it is copied first. The check looks at each earlier
//! variable, so a list costs its square; a list is at most as long as constructs nest deep.

use super::super::expression::{Expr, ExprKind};
use super::super::state::{Compiler, Result};
use super::super::token::Token;
use crate::bytecode::Opcode;

impl Compiler<'_> {
    /// stat -> func | assignment
    pub(super) fn expression_statement(&mut self) -> Result {
        let e = self.suffixed_expression()?;
        if matches!(self.token(), Token::Byte(b'=' | b',')) {
            return self.assignment(e);
        }
        let ExprKind::Call(pc) = e.kind else {
            return Err(self.lexer.syntax_error("syntax error"));
        };
        let call = &mut self.function.proto.code[pc];
        *call = call.with_c(1);
        Ok(())
    }

    /// assignment -> suffixedexp { ',' suffixedexp } '=' explist
    fn assignment(&mut self, first: Expr) -> Result {
        let level = self.level;
        let mut targets = vec![first];
        self.check_target(&first)?;
        while self.skip_if(Token::Byte(b','))? {
            let target = self.suffixed_expression()?;
            if !target.is_indexed() {
                self.protect_tables(&mut targets, &target)?;
            }
            self.enter_level()?;
            self.check_target(&target)?;
            targets.push(target);
        }
        self.skip(Token::Byte(b'='))?;
        let (mut e, count) = self.expression_list()?;
        if count == targets.len() {
            self.set_one_result(&mut e);
            if let Some(last) = targets.pop() {
                self.store(&last, &mut e)?;
            }
        } else {
            self.adjust_values(targets.len(), count, &mut e)?;
        }
        for target in targets.iter().rev() {
            let mut value = Expr::new(ExprKind::Register(self.function.free_register - 1));
            self.store(target, &mut value)?;
        }
        self.level = level;
        Ok(())
    }

    fn check_target(&mut self, e: &Expr) -> Result {
        if !e.is_variable() {
            return Err(self.lexer.syntax_error("syntax error"));
        }
        self.check_assignable(e)
    }

    /// Copies `variable` if an earlier target is a field of it, or has it as key.
    fn protect_tables(&mut self, targets: &mut [Expr], variable: &Expr) -> Result {
        let copy = self.function.free_register;
        let mut is_used = false;
        for target in targets {
            match (&mut target.kind, variable.kind) {
                (&mut ExprKind::IndexedUpvalue { upvalue, key }, ExprKind::Upvalue(assigned))
                    if upvalue == assigned =>
                {
                    target.kind = ExprKind::IndexedString { table: copy, key };
                    is_used = true;
                }
                (
                    ExprKind::IndexedInteger { table, .. } | ExprKind::IndexedString { table, .. },
                    ExprKind::Local { register, .. },
                ) if *table == register => {
                    *table = copy;
                    is_used = true;
                }
                (ExprKind::Indexed { table, key }, ExprKind::Local { register, .. }) => {
                    for operand in [table, key] {
                        if *operand == register {
                            *operand = copy;
                            is_used = true;
                        }
                    }
                }
                _ => {}
            }
        }
        if is_used {
            match variable.kind {
                ExprKind::Local { register, .. } => self.emit_abc(Opcode::Move, copy, register, 0),
                ExprKind::Upvalue(index) => self.emit_abc(Opcode::GetUpval, copy, index, 0),
                _ => return Ok(()),
            };
            self.reserve_registers(1)?;
        }
        Ok(())
    }

    /// Makes `wanted` values of a list of `count` expressions, of which `e` is the last. They end up in registers.
    pub(super) fn adjust_values(&mut self, wanted: usize, count: usize, e: &mut Expr) -> Result {
        let missing = wanted.saturating_sub(count);
        if e.is_multiple() {
            let from_last = (wanted + 1).saturating_sub(count);
            self.set_result_count(e, from_last as u8)?;
        } else {
            if e.kind != ExprKind::Void {
                self.put_in_next_register(e)?;
            }
            if missing > 0 {
                self.emit_nil(self.function.free_register, missing);
            }
        }
        self.reserve_registers(missing)?;
        self.function.free_register -= count.saturating_sub(wanted) as u8;
        Ok(())
    }
}
