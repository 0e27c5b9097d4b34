//! Bringing expressions into registers.
//!
//! In two steps. First variables and fields become values: either the value is in a register already, or an instruction was emitted that
//! will put it into a register not chosen yet. Then the register is chosen. If the expression has lists of jumps, they are patched to the
//! end of the expression, or to two instructions there that load the booleans that comparisons do not leave anywhere:
//!
//! ```text
//! local x = a < b or c       LT a b; JMP ─┐      c; JMP ─┐     LFALSESKIP x     LOADTRUE x ◄── true      ◄── end
//! ```
//!
//! Linear in the length of the lists. Values that nobody wants are not removed.

use super::super::expression::{Expr, ExprKind};
use super::super::state::{Compiler, Result};
use crate::bytecode::Opcode;

/// Operand `C` of calls and `VARARG` for all results.
const ALL_RESULTS: u8 = 0;
/// Operand `C` of calls and `VARARG` for one result.
const ONE_RESULT: u8 = 2;

impl Compiler<'_> {
    /// Makes a call or `...` give `count` values.
    pub(crate) fn set_result_count(&mut self, e: &Expr, count: u8) -> Result {
        self.set_results(e, count + 1)
    }

    /// Makes a call or `...` give all its values.
    pub(crate) fn set_all_results(&mut self, e: &Expr) -> Result {
        self.set_results(e, ALL_RESULTS)
    }

    fn set_results(&mut self, e: &Expr, c: u8) -> Result {
        let free = self.function.free_register;
        let code = &mut self.function.proto.code;
        match e.kind {
            ExprKind::Call(pc) => code[pc] = code[pc].with_c(c),
            ExprKind::VarArg(pc) => {
                code[pc] = code[pc].with_c(c).with_a(free);
                self.reserve_registers(1)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Makes a call or `...` give one value.
    pub(crate) fn set_one_result(&mut self, e: &mut Expr) {
        let code = &mut self.function.proto.code;
        match e.kind {
            // Calls are emitted with one result, in the register of the function.
            ExprKind::Call(pc) => e.kind = ExprKind::Register(code[pc].a()),
            ExprKind::VarArg(pc) => {
                code[pc] = code[pc].with_c(ONE_RESULT);
                e.kind = ExprKind::Relocatable(pc);
            }
            _ => {}
        }
    }

    /// Makes a value of a variable, a field or a call.
    pub(crate) fn discharge_variable(&mut self, e: &mut Expr) {
        match e.kind {
            ExprKind::CompileTime(index) => e.kind = self.variables[index].value.into(),
            ExprKind::Local { register, .. } => e.kind = ExprKind::Register(register),
            ExprKind::Upvalue(index) => {
                e.kind = ExprKind::Relocatable(self.emit_abc(Opcode::GetUpval, 0, index, 0));
            }
            ExprKind::IndexedUpvalue { upvalue, key } => {
                e.kind = ExprKind::Relocatable(self.emit_abc(Opcode::GetTabUp, 0, upvalue, key));
            }
            ExprKind::IndexedInteger { table, key } => {
                self.free_register(table);
                e.kind = ExprKind::Relocatable(self.emit_abc(Opcode::GetI, 0, table, key));
            }
            ExprKind::IndexedString { table, key } => {
                self.free_register(table);
                e.kind = ExprKind::Relocatable(self.emit_abc(Opcode::GetField, 0, table, key));
            }
            ExprKind::Indexed { table, key } => {
                self.free_registers(table, key);
                e.kind = ExprKind::Relocatable(self.emit_abc(Opcode::GetTable, 0, table, key));
            }
            ExprKind::Call(_) | ExprKind::VarArg(_) => self.set_one_result(e),
            _ => {}
        }
    }

    /// Brings the main value into `register`; comparisons stay jumps, and lists of jumps stay as they are.
    fn discharge_to_register(&mut self, e: &mut Expr, register: u8) -> Result {
        self.discharge_variable(e);
        match e.kind {
            ExprKind::Nil => self.emit_nil(register, 1),
            ExprKind::False => {
                self.emit_abc(Opcode::LoadFalse, register, 0, 0);
            }
            ExprKind::True => {
                self.emit_abc(Opcode::LoadTrue, register, 0, 0);
            }
            ExprKind::String(symbol) => {
                let constant = self.string_constant(symbol)?;
                self.emit_constant(register, constant);
            }
            ExprKind::Constant(constant) => self.emit_constant(register, constant),
            ExprKind::Float(value) => self.emit_float(register, value)?,
            ExprKind::Integer(value) => self.emit_integer(register, value)?,
            ExprKind::Relocatable(pc) => {
                let code = &mut self.function.proto.code;
                code[pc] = code[pc].with_a(register);
            }
            ExprKind::Register(from) => {
                if from != register {
                    self.emit_abc(Opcode::Move, register, from, 0);
                }
            }
            _ => return Ok(()),
        }
        e.kind = ExprKind::Register(register);
        Ok(())
    }

    /// Brings the main value into some register.
    pub(super) fn discharge_to_any_register(&mut self, e: &mut Expr) -> Result {
        if !matches!(e.kind, ExprKind::Register(_)) {
            self.reserve_registers(1)?;
            self.discharge_to_register(e, self.function.free_register - 1)?;
        }
        Ok(())
    }

    /// Brings the value, whichever way it is computed, into `register`.
    pub(super) fn put_in_register(&mut self, e: &mut Expr, register: u8) -> Result {
        self.discharge_to_register(e, register)?;
        let is_jump = if let ExprKind::Jump(jump) = e.kind {
            self.add_jump(&mut e.if_true, jump)?;
            true
        } else {
            false
        };
        if e.has_jumps() {
            self.land_jumps(e, register, is_jump)?;
        }
        *e = Expr::new(ExprKind::Register(register));
        Ok(())
    }

    /// Lets the lists of jumps end here, with their values in `register`.
    fn land_jumps(&mut self, e: &Expr, register: u8, is_jump: bool) -> Result {
        let mut loads = None;
        if self.needs_value(e.if_true) || self.needs_value(e.if_false) {
            let around = if is_jump { None } else { Some(self.emit_jump() as u32) };
            self.mark_target();
            let load_false = self.emit_abc(Opcode::LFalseSkip, register, 0, 0);
            self.mark_target();
            let load_true = self.emit_abc(Opcode::LoadTrue, register, 0, 0);
            self.patch_to_here(around)?;
            loads = Some((load_false, load_true));
        }
        let end = self.mark_target();
        // Without the loads, every jump brings its value along and leads to the end.
        let (load_false, load_true) = loads.unwrap_or((end, end));
        self.patch_with_value(e.if_false, end, Some(register), load_false)?;
        self.patch_with_value(e.if_true, end, Some(register), load_true)
    }

    /// Brings the value into the next free register.
    pub(crate) fn put_in_next_register(&mut self, e: &mut Expr) -> Result {
        self.discharge_variable(e);
        self.free_expr(e);
        self.reserve_registers(1)?;
        self.put_in_register(e, self.function.free_register - 1)
    }

    /// Brings the value into some register, and gives it.
    pub(crate) fn put_in_any_register(&mut self, e: &mut Expr) -> Result<u8> {
        self.discharge_variable(e);
        if let ExprKind::Register(register) = e.kind {
            if !e.has_jumps() {
                return Ok(register);
            }
            // Jumps bring their values into the register, which must not be a variable's.
            if register >= self.variable_registers() {
                self.put_in_register(e, register)?;
                return Ok(register);
            }
        }
        self.put_in_next_register(e)?;
        Ok(self.function.free_register - 1)
    }

    /// Brings the value into some register, unless it is an upvalue.
    pub(crate) fn put_in_register_or_upvalue(&mut self, e: &mut Expr) -> Result {
        if !matches!(e.kind, ExprKind::Upvalue(_)) || e.has_jumps() {
            self.put_in_any_register(e)?;
        }
        Ok(())
    }

    /// Makes a value, in a register or as a constant.
    pub(crate) fn make_value(&mut self, e: &mut Expr) -> Result {
        if matches!(e.kind, ExprKind::Jump(_)) || e.has_jumps() {
            self.put_in_any_register(e)?;
        } else {
            self.discharge_variable(e);
        }
        Ok(())
    }
}
