//! Statements.
//!
//! After each statement all temporary registers are free again. `return` must be the last statement of its block.

use super::super::expression::{Expr, ExprKind, JumpList};
use super::super::state::{Compiler, Result};
use super::super::symbols::Symbol;
use super::super::token::Token;
use crate::bytecode::{Opcode, VariableKind};

impl Compiler<'_> {
    /// statements -> { stat [';'] }
    pub(super) fn statements(&mut self) -> Result {
        while !self.at_block_end(true) {
            let is_return = self.token() == Token::Return;
            self.statement()?;
            if is_return {
                break;
            }
        }
        Ok(())
    }

    /// stat -> ';' | ifstat | whilestat | DO block END | forstat | repeatstat | FUNCTION ... | LOCAL ... | label | RETURN ... | BREAK
    /// | GOTO NAME | assignment | functioncall
    pub(super) fn statement(&mut self) -> Result {
        let line = self.lexer.line;
        self.enter_level()?;
        match self.token() {
            Token::Byte(b';') => self.next()?,
            Token::If => self.if_statement(line)?,
            Token::While => self.while_statement(line)?,
            Token::Do => {
                self.next()?;
                self.block()?;
                self.skip_closing(Token::End, Token::Do, line)?;
            }
            Token::For => self.for_statement(line)?,
            Token::Repeat => self.repeat_statement(line)?,
            Token::Function => self.function_statement(line)?,
            Token::Local => {
                self.next()?;
                if self.skip_if(Token::Function)? {
                    self.local_function()?;
                } else {
                    self.local_statement()?;
                }
            }
            Token::DoubleColon => self.label_statement(line)?,
            Token::Return => self.return_statement()?,
            Token::Break => self.break_statement()?,
            Token::Goto => self.goto_statement()?,
            _ => self.expression_statement()?,
        }
        self.function.free_register = self.variable_registers();
        self.leave_level();
        Ok(())
    }

    /// ifstat -> IF cond THEN block { ELSEIF cond THEN block } [ ELSE block ] END
    fn if_statement(&mut self, line: u32) -> Result {
        let mut exits = None;
        self.test_then_block(&mut exits)?;
        while self.token() == Token::ElseIf {
            self.test_then_block(&mut exits)?;
        }
        if self.skip_if(Token::Else)? {
            self.block()?;
        }
        self.skip_closing(Token::End, Token::If, line)?;
        self.patch_to_here(exits)
    }

    /// [IF | ELSEIF] cond THEN block
    fn test_then_block(&mut self, exits: &mut JumpList) -> Result {
        self.next()?;
        let mut e = self.expression()?;
        self.skip(Token::Then)?;
        let to_next = if self.token() == Token::Break {
            // `if x then break` needs no jump around the jump.
            let line = self.lexer.line;
            self.go_if_false(&mut e)?;
            self.next()?;
            self.enter_block(false);
            self.add_goto(Symbol::BREAK, line, e.if_true)?;
            while self.skip_if(Token::Byte(b';'))? {}
            if self.at_block_end(false) {
                return self.leave_block();
            }
            Some(self.emit_jump() as u32)
        } else {
            self.go_if_true(&mut e)?;
            self.enter_block(false);
            e.if_false
        };
        self.statements()?;
        self.leave_block()?;
        if matches!(self.token(), Token::Else | Token::ElseIf) {
            let exit = self.emit_jump();
            self.add_jump(exits, exit)?;
        }
        self.patch_to_here(to_next)
    }

    /// stat -> LOCAL FUNCTION NAME body
    fn local_function(&mut self) -> Result {
        let number = self.function.active_variables;
        let name = self.skip_name()?;
        self.declare_variable(name)?;
        self.activate_variables(1)?;
        self.function_body(false, self.lexer.line)?;
        // For a debugger the variable exists from here on; the function itself already sees it.
        self.restart_scope(number);
        Ok(())
    }

    /// stat -> LOCAL NAME attrib { ',' NAME attrib } [ '=' explist ]
    fn local_statement(&mut self) -> Result {
        let mut to_be_closed = None;
        let mut count = 0;
        let (mut last, mut last_kind);
        loop {
            let name = self.skip_name()?;
            last = self.declare_variable(name)?;
            last_kind = self.attribute()?;
            self.variable(last).kind = last_kind;
            if last_kind == VariableKind::ToBeClosed {
                if to_be_closed.is_some() {
                    return Err(self
                        .lexer
                        .semantic_error("multiple to-be-closed variables in local list"));
                }
                to_be_closed = Some(self.function.active_variables + count);
            }
            count += 1;
            if !self.skip_if(Token::Byte(b','))? {
                break;
            }
        }
        let (mut e, value_count) = if self.skip_if(Token::Byte(b'='))? {
            self.expression_list()?
        } else {
            (Expr::new(ExprKind::Void), 0)
        };
        let known = self
            .known_value(&e)
            .filter(|_| count == value_count && last_kind == VariableKind::Const);
        if let Some(value) = known {
            // The last variable becomes a name for its value, without a register.
            let variable = self.variable(last);
            variable.kind = VariableKind::CompileTimeConstant;
            variable.value = value;
            self.activate_variables(count - 1)?;
            self.function.active_variables += 1;
        } else {
            self.adjust_values(count, value_count, &mut e)?;
            self.activate_variables(count)?;
        }
        if let Some(number) = to_be_closed {
            self.mark_to_be_closed();
            let register = self.register_level(number);
            self.emit_abc(Opcode::Tbc, register, 0, 0);
        }
        Ok(())
    }

    /// attrib -> [ '<' NAME '>' ]
    fn attribute(&mut self) -> Result<VariableKind> {
        if !self.skip_if(Token::Byte(b'<'))? {
            return Ok(VariableKind::Regular);
        }
        let name = self.skip_name()?;
        self.skip(Token::Byte(b'>'))?;
        match self.lexer.symbols.name(name).as_str() {
            "const" => Ok(VariableKind::Const),
            "close" => Ok(VariableKind::ToBeClosed),
            other => Err(self.lexer.semantic_error(&format!("unknown attribute '{other}'"))),
        }
    }

    /// stat -> FUNCTION NAME { '.' NAME } [ ':' NAME ] body
    fn function_statement(&mut self, line: u32) -> Result {
        self.next()?;
        let mut target = self.named_variable()?;
        while self.token() == Token::Byte(b'.') {
            self.field(&mut target)?;
        }
        let is_method = self.token() == Token::Byte(b':');
        if is_method {
            self.field(&mut target)?;
        }
        let mut e = self.function_body(is_method, line)?;
        self.check_assignable(&target)?;
        self.store(&target, &mut e)?;
        // The definition happens in its first line.
        self.fix_line(line);
        Ok(())
    }

    /// stat -> RETURN [ explist ] [ ';' ]
    fn return_statement(&mut self) -> Result {
        self.next()?;
        let mut first = self.variable_registers();
        let mut count = Some(0);
        if !self.at_block_end(true) && self.token() != Token::Byte(b';') {
            let (mut e, value_count) = self.expression_list()?;
            if e.is_multiple() {
                self.set_all_results(&e)?;
                let may_tail_call = !self
                    .function
                    .blocks
                    .last()
                    .is_some_and(|block| block.inside_to_be_closed);
                if let ExprKind::Call(pc) = e.kind
                    && value_count == 1
                    && may_tail_call
                {
                    let call = &mut self.function.proto.code[pc];
                    *call = call.with_opcode(Opcode::TailCall);
                }
                count = None;
            } else if value_count == 1 {
                first = self.put_in_any_register(&mut e)?;
                count = Some(1);
            } else {
                self.put_in_next_register(&mut e)?;
                count = Some(value_count as u8);
            }
        }
        self.emit_return(first, count);
        self.skip_if(Token::Byte(b';'))?;
        Ok(())
    }
}
