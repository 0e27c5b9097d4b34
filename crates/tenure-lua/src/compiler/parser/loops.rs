//! Loops.
//!
//! A loop is a block, behind which its `break`s lead. `for` loops keep their state in registers that hidden variables own: three and the
//! control variable for numbers, four and the declared variables for iterators, the fourth to be closed.

use super::super::expression::{ExprKind, JumpList};
use super::super::state::{Compiler, Result};
use super::super::symbols::Symbol;
use super::super::token::Token;
use crate::bytecode::{MAX_BX, Opcode};

/// Registers that the call of an iterator takes, beside the loop's own.
const ITERATOR_CALL_REGISTERS: usize = 3;

impl Compiler<'_> {
    /// cond -> expr
    ///
    /// Returns the jumps that are taken if it is false.
    fn condition(&mut self) -> Result<JumpList> {
        let mut e = self.expression()?;
        if e.kind == ExprKind::Nil {
            e.kind = ExprKind::False;
        }
        self.go_if_true(&mut e)?;
        Ok(e.if_false)
    }

    /// stat -> WHILE cond DO block END
    pub(super) fn while_statement(&mut self, line: u32) -> Result {
        self.next()?;
        let start = self.mark_target();
        let exits = self.condition()?;
        self.enter_block(true);
        self.skip(Token::Do)?;
        self.block()?;
        let back = self.emit_jump();
        self.patch_jump(back, start)?;
        self.skip_closing(Token::End, Token::While, line)?;
        self.leave_block()?;
        self.patch_to_here(exits)
    }

    /// stat -> REPEAT block UNTIL cond
    pub(super) fn repeat_statement(&mut self, line: u32) -> Result {
        let start = self.mark_target();
        self.enter_block(true);
        self.enter_block(false);
        self.next()?;
        self.statements()?;
        self.skip_closing(Token::Until, Token::Repeat, line)?;
        // The condition sees the variables of the block.
        let mut repeats = self.condition()?;
        let scope = self.function.blocks.last().copied();
        self.leave_block()?;
        if let Some(scope) = scope.filter(|scope| scope.has_upvalue) {
            // Both ways out of the block close its variables.
            let exit = self.emit_jump();
            self.patch_to_here(repeats)?;
            let level = self.register_level(scope.active_variables);
            self.emit_abc(Opcode::Close, level, 0, 0);
            repeats = Some(self.emit_jump() as u32);
            self.patch_to_here(Some(exit as u32))?;
        }
        self.patch_jumps(repeats, start)?;
        self.leave_block()
    }

    /// stat -> FOR (fornum | forlist) END
    pub(super) fn for_statement(&mut self, line: u32) -> Result {
        self.enter_block(true);
        self.next()?;
        let name = self.skip_name()?;
        match self.token() {
            Token::Byte(b'=') => self.numeric_for(name, line)?,
            Token::Byte(b',') | Token::In => self.generic_for(name)?,
            _ => return Err(self.lexer.syntax_error("'=' or 'in' expected")),
        }
        self.skip_closing(Token::End, Token::For, line)?;
        self.leave_block()
    }

    /// fornum -> NAME '=' expr ',' expr [ ',' expr ] forbody
    fn numeric_for(&mut self, name: Symbol, line: u32) -> Result {
        let base = self.function.free_register;
        for hidden in [Symbol::FOR_STATE, Symbol::FOR_STATE, Symbol::FOR_STATE, name] {
            self.declare_variable(hidden)?;
        }
        self.skip(Token::Byte(b'='))?;
        self.expression_in_next_register()?;
        self.skip(Token::Byte(b','))?;
        self.expression_in_next_register()?;
        if self.skip_if(Token::Byte(b','))? {
            self.expression_in_next_register()?;
        } else {
            self.emit_integer(self.function.free_register, 1)?;
            self.reserve_registers(1)?;
        }
        self.activate_variables(3)?;
        self.for_body(Opcode::ForPrep, Opcode::ForLoop, base, line, 1)
    }

    /// forlist -> NAME { ',' NAME } IN explist forbody
    fn generic_for(&mut self, name: Symbol) -> Result {
        let base = self.function.free_register;
        for hidden in [Symbol::FOR_STATE; 4] {
            self.declare_variable(hidden)?;
        }
        self.declare_variable(name)?;
        let mut declared = 1;
        while self.skip_if(Token::Byte(b','))? {
            let name = self.skip_name()?;
            self.declare_variable(name)?;
            declared += 1;
        }
        self.skip(Token::In)?;
        let line = self.lexer.line;
        let (mut e, count) = self.expression_list()?;
        self.adjust_values(4, count, &mut e)?;
        self.activate_variables(4)?;
        self.mark_to_be_closed();
        self.check_registers(ITERATOR_CALL_REGISTERS)?;
        self.for_body(Opcode::TForPrep, Opcode::TForLoop, base, line, declared)
    }

    /// forbody -> DO block
    fn for_body(&mut self, prepare: Opcode, repeat: Opcode, base: u8, line: u32, declared: usize) -> Result {
        self.skip(Token::Do)?;
        let prepared = self.emit_abx(prepare, base, 0);
        self.enter_block(false);
        self.activate_variables(declared)?;
        self.reserve_registers(declared)?;
        self.block()?;
        self.leave_block()?;
        let end = self.mark_target();
        self.fix_for_jump(prepared, end - (prepared + 1))?;
        if repeat == Opcode::TForLoop {
            self.emit_abc(Opcode::TForCall, base, 0, declared as u8);
            self.fix_line(line);
        }
        let repeated = self.emit_abx(repeat, base, 0);
        self.fix_for_jump(repeated, repeated + 1 - (prepared + 1))?;
        self.fix_line(line);
        Ok(())
    }

    /// Sets the distance that a loop's instruction jumps, forwards or backwards.
    fn fix_for_jump(&mut self, pc: usize, distance: usize) -> Result {
        if distance > MAX_BX as usize {
            return Err(self.lexer.syntax_error("control structure too long"));
        }
        let instruction = &mut self.function.proto.code[pc];
        *instruction = instruction.with_bx(distance as u32);
        Ok(())
    }

    fn expression_in_next_register(&mut self) -> Result {
        let mut e = self.expression()?;
        self.put_in_next_register(&mut e)
    }
}
