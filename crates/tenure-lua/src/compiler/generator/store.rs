//! Assignments, fields and methods.
//!
//! A field is described by the register or upvalue of its table and a key, which is a short string constant, a small integer or a
//! register; the store or the load comes later. Constant work.

use super::super::expression::{Expr, ExprKind};
use super::super::state::{Compiler, Result};
use super::operand::integer_operand;
use crate::bytecode::Opcode;

impl Compiler<'_> {
    /// Stores the value of `e` into a variable or field.
    pub(crate) fn store(&mut self, variable: &Expr, e: &mut Expr) -> Result {
        match variable.kind {
            ExprKind::Local { register, .. } => {
                self.free_expr(e);
                return self.put_in_register(e, register);
            }
            ExprKind::Upvalue(index) => {
                let register = self.put_in_any_register(e)?;
                self.emit_abc(Opcode::SetUpval, register, index, 0);
            }
            ExprKind::IndexedUpvalue { upvalue, key } => self.emit_with_operand(Opcode::SetTabUp, upvalue, key, e)?,
            ExprKind::IndexedInteger { table, key } => self.emit_with_operand(Opcode::SetI, table, key, e)?,
            ExprKind::IndexedString { table, key } => self.emit_with_operand(Opcode::SetField, table, key, e)?,
            ExprKind::Indexed { table, key } => self.emit_with_operand(Opcode::SetTable, table, key, e)?,
            _ => {}
        }
        self.free_expr(e);
        Ok(())
    }

    /// Makes `e` the field `e[key]`. The table is in a register or an upvalue.
    pub(crate) fn index(&mut self, e: &mut Expr, mut key: Expr) -> Result {
        if let ExprKind::String(symbol) = key.kind {
            key.kind = ExprKind::Constant(self.string_constant(symbol)?);
        }
        let name = self.short_string_constant(&key);
        let table = match (e.kind, name) {
            (ExprKind::Upvalue(upvalue), Some(key)) => {
                e.kind = ExprKind::IndexedUpvalue { upvalue, key };
                return Ok(());
            }
            (ExprKind::Local { register, .. } | ExprKind::Register(register), _) => register,
            // Only short strings are looked up in an upvalue directly.
            _ => self.put_in_any_register(e)?,
        };
        e.kind = if let Some(key) = name {
            ExprKind::IndexedString { table, key }
        } else if let Some(key) = integer_operand(&key) {
            ExprKind::IndexedInteger { table, key }
        } else {
            ExprKind::Indexed {
                table,
                key: self.put_in_any_register(&mut key)?,
            }
        };
        Ok(())
    }

    /// Makes `e` the method `e:key`, with the receiver in the register behind it.
    pub(crate) fn index_method(&mut self, e: &mut Expr, mut key: Expr) -> Result {
        let receiver = self.put_in_any_register(e)?;
        self.free_expr(e);
        let base = self.function.free_register;
        e.kind = ExprKind::Register(base);
        self.reserve_registers(2)?;
        self.emit_with_operand(Opcode::SelfOp, base, receiver, &mut key)?;
        self.free_expr(&key);
        Ok(())
    }
}
