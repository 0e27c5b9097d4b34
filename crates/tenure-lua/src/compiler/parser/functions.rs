//! Functions: opening one, its parameters, closing it.
//!
//! The enclosing function waits, as it is, on a stack. A closed function becomes a prototype of the enclosing one, which makes a closure
//! of it. Moving a function on and off the stack is constant work.

use super::super::error::SyntaxError;
use super::super::expression::{Expr, ExprKind};
use super::super::generator::LineRecorder;
use super::super::state::{Compiler, Function, Result};
use super::super::symbols::Symbol;
use super::super::token::Token;
use crate::bytecode::{MAX_BX, Opcode, Proto, UpvalueDesc, VariableKind};
use std::mem;
use std::sync::Arc;

/// Registers that each function has, even if it uses none: interpreters count on them when they call metamethods.
const REGISTERS_MIN: u8 = 2;

impl Compiler<'_> {
    /// Compiles the whole chunk: a function with variable arguments and the upvalue `_ENV`.
    pub(in super::super) fn main_function(mut self) -> Result<Proto> {
        self.function = self.open_function(0);
        self.enter_block(false);
        self.mark_vararg(0);
        let name = self.lexer.symbols.bytes(Symbol::ENV).clone();
        let environment = UpvalueDesc {
            name: Some(name),
            in_stack: true,
            index: 0,
            kind: VariableKind::Regular,
        };
        self.push_upvalue(0, Symbol::ENV, environment)?;
        self.next()?;
        self.statements()?;
        self.expect(Token::EndOfSource)?;
        self.complete_function()?;
        let function = mem::take(&mut self.function);
        Ok(self.build_proto(function))
    }

    fn open_function(&self, line: u32) -> Function {
        Function {
            proto: Proto {
                line_defined: line,
                max_stack_size: REGISTERS_MIN,
                source: Some(Arc::clone(&self.source_name)),
                ..Proto::default()
            },
            lines: LineRecorder::new(line),
            first_variable: self.variables.len(),
            first_label: self.labels.len(),
            ..Function::default()
        }
    }

    fn complete_function(&mut self) -> Result {
        let first = self.variable_registers();
        self.emit_return(first, Some(0));
        self.leave_block()?;
        self.finish_code()
    }

    fn build_proto(&self, function: Function) -> Proto {
        let mut proto = function.proto;
        proto.line_info = function.lines.finish();
        proto.constants = function
            .constants
            .into_iter()
            .map(|literal| self.constant_value(literal))
            .collect();
        proto.code.shrink_to_fit();
        proto.protos.shrink_to_fit();
        proto
    }

    fn mark_vararg(&mut self, parameters: u8) {
        self.function.proto.is_vararg = true;
        self.emit_abc(Opcode::VarArgPrep, parameters, 0, 0);
    }

    /// body -> '(' parlist ')' block END
    pub(super) fn function_body(&mut self, is_method: bool, line: u32) -> Result<Expr> {
        self.enter_function(line)?;
        self.skip(Token::Byte(b'('))?;
        if is_method {
            self.declare_variable(Symbol::SELF)?;
            self.activate_variables(1)?;
        }
        self.parameters()?;
        self.skip(Token::Byte(b')'))?;
        self.statements()?;
        self.function.proto.last_line_defined = self.lexer.line;
        self.skip_closing(Token::End, Token::Function, line)?;
        self.leave_function()
    }

    /// Begins a function inside of the current one. Not inlined, so that what is moved here takes no stack while the body is parsed.
    #[inline(never)]
    fn enter_function(&mut self, line: u32) -> Result {
        if self.function.proto.protos.len() >= MAX_BX as usize {
            return Err(SyntaxError::new(format!("too many functions (limit is {MAX_BX})")));
        }
        let function = self.open_function(line);
        self.enclosing.push(mem::replace(&mut self.function, function));
        self.enter_block(false);
        Ok(())
    }

    /// Ends the current function, and makes a closure of it.
    #[inline(never)]
    fn leave_function(&mut self) -> Result<Expr> {
        self.complete_function()?;
        let enclosing = self.enclosing.pop().unwrap_or_default();
        let function = mem::replace(&mut self.function, enclosing);
        let proto = self.build_proto(function);
        self.closure(proto)
    }

    /// Emits the closure of a prototype, in the last register in use: a collection then knows which registers those are.
    fn closure(&mut self, proto: Proto) -> Result<Expr> {
        let index = self.function.proto.protos.len() as u32;
        self.function.proto.protos.push(Arc::new(proto));
        let pc = self.emit_abx(Opcode::Closure, 0, index);
        let mut e = Expr::new(ExprKind::Relocatable(pc));
        self.put_in_next_register(&mut e)?;
        Ok(e)
    }

    /// parlist -> [ {NAME ','} (NAME | '...') ]
    fn parameters(&mut self) -> Result {
        let mut count = 0;
        let mut is_vararg = false;
        if self.token() != Token::Byte(b')') {
            loop {
                match self.token() {
                    Token::Name(name) => {
                        self.next()?;
                        self.declare_variable(name)?;
                        count += 1;
                    }
                    Token::Dots => {
                        self.next()?;
                        is_vararg = true;
                    }
                    _ => return Err(self.lexer.syntax_error("<name> or '...' expected")),
                }
                if is_vararg || !self.skip_if(Token::Byte(b','))? {
                    break;
                }
            }
        }
        self.activate_variables(count)?;
        let parameters = self.function.active_variables;
        self.function.proto.parameter_count = parameters as u8;
        if is_vararg {
            self.mark_vararg(parameters as u8);
        }
        self.reserve_registers(parameters)
    }
}
