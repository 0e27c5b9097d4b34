//! `goto`, `break` and labels.
//!
//! A jump back finds its label among those in scope. A jump forward waits in a list; when its label comes in the same or an outer block,
//! it is patched. `break` is a jump to a label that each loop has behind it. A jump out of the scope of a variable that a nested function
//! keeps must close it, which the label does for all jumps that lead to it. Linear in the labels or the waiting jumps of the function.

use super::super::error::SyntaxError;
use super::super::expression::JumpList;
use super::super::state::{Block, Compiler, Goto, Label, Result};
use super::super::symbols::Symbol;
use super::super::token::Token;
use crate::bytecode::Opcode;

/// Labels in scope, and waiting jumps.
const LABELS_MAX: usize = 32767;

impl Compiler<'_> {
    fn find_label(&self, name: Symbol) -> Option<Label> {
        self.labels[self.function.first_label..]
            .iter()
            .find(|label| label.name == name)
            .copied()
    }

    /// Adds jumps that wait for their label.
    pub(super) fn add_goto(&mut self, name: Symbol, line: u32, jumps: JumpList) -> Result {
        if self.gotos.len() >= LABELS_MAX {
            return Err(too_many_labels());
        }
        let active_variables = self.function.active_variables;
        self.gotos.push(Goto {
            name,
            line,
            jumps,
            active_variables,
            needs_close: false,
        });
        Ok(())
    }

    /// Adds a label here, and patches the jumps that wait for it. Returns whether it closes variables.
    ///
    /// If nothing follows the label in its block, the block's variables already count as out of scope.
    pub(super) fn create_label(&mut self, name: Symbol, line: u32, is_last: bool) -> Result<bool> {
        let pc = self.mark_target();
        if self.labels.len() >= LABELS_MAX {
            return Err(too_many_labels());
        }
        let outside = self.function.blocks.last().map_or(0, |block| block.active_variables);
        let active_variables = if is_last {
            outside
        } else {
            self.function.active_variables
        };
        let label = Label {
            name,
            line,
            pc,
            active_variables,
        };
        self.labels.push(label);
        let needs_close = self.resolve_gotos(&label)?;
        if needs_close {
            let level = self.variable_registers();
            self.emit_abc(Opcode::Close, level, 0, 0);
        }
        Ok(needs_close)
    }

    /// Patches the jumps of the innermost block that wait for `label`. Returns whether one of them leaves the scope of an upvalue.
    fn resolve_gotos(&mut self, label: &Label) -> Result<bool> {
        let first = self.function.blocks.last().map_or(0, |block| block.first_goto);
        let mut needs_close = false;
        let mut waiting = first;
        for index in first..self.gotos.len() {
            let goto = self.gotos[index];
            if goto.name != label.name {
                self.gotos[waiting] = goto;
                waiting += 1;
                continue;
            }
            if goto.active_variables < label.active_variables {
                return Err(self.jump_into_scope(&goto));
            }
            needs_close |= goto.needs_close;
            self.patch_jumps(goto.jumps, label.pc)?;
        }
        self.gotos.truncate(waiting);
        Ok(needs_close)
    }

    #[cold]
    fn jump_into_scope(&mut self, goto: &Goto) -> SyntaxError {
        let variable = self.variable(goto.active_variables).name;
        let (label, variable) = (self.lexer.symbols.name(goto.name), self.lexer.symbols.name(variable));
        let line = goto.line;
        let message = format!("<goto {label}> at line {line} jumps into the scope of local '{variable}'");
        self.lexer.semantic_error(&message)
    }

    /// Lets the jumps out of a block wait in the block around it.
    pub(super) fn move_gotos_out(&mut self, block: &Block) {
        let outside = self.register_level(block.active_variables);
        for index in block.first_goto..self.gotos.len() {
            let inside = self.register_level(self.gotos[index].active_variables);
            let goto = &mut self.gotos[index];
            goto.needs_close |= inside > outside && block.has_upvalue;
            goto.active_variables = block.active_variables;
        }
    }

    /// Refuses jumps whose label does not exist, at the end of a function.
    pub(super) fn check_no_gotos(&self, first: usize) -> Result {
        let Some(goto) = self.gotos.get(first) else {
            return Ok(());
        };
        let line = goto.line;
        let message = if goto.name == Symbol::BREAK {
            format!("break outside loop at line {line}")
        } else {
            format!(
                "no visible label '{}' for <goto> at line {line}",
                self.lexer.symbols.name(goto.name)
            )
        };
        Err(self.lexer.semantic_error(&message))
    }

    /// stat -> GOTO NAME
    pub(super) fn goto_statement(&mut self) -> Result {
        self.next()?;
        let line = self.lexer.line;
        let name = self.skip_name()?;
        let Some(label) = self.find_label(name) else {
            let jump = self.emit_jump();
            return self.add_goto(name, line, Some(jump as u32));
        };
        let level = self.register_level(label.active_variables);
        if self.variable_registers() > level {
            self.emit_abc(Opcode::Close, level, 0, 0);
        }
        let jump = self.emit_jump();
        self.patch_jump(jump, label.pc)
    }

    /// stat -> BREAK
    pub(super) fn break_statement(&mut self) -> Result {
        let line = self.lexer.line;
        self.next()?;
        let jump = self.emit_jump();
        self.add_goto(Symbol::BREAK, line, Some(jump as u32))
    }

    /// stat -> '::' NAME '::'
    pub(super) fn label_statement(&mut self, line: u32) -> Result {
        self.next()?;
        let name = self.skip_name()?;
        self.skip(Token::DoubleColon)?;
        while matches!(self.token(), Token::Byte(b';') | Token::DoubleColon) {
            self.statement()?;
        }
        if let Some(other) = self.find_label(name) {
            let (name, line) = (self.lexer.symbols.name(name), other.line);
            return Err(self
                .lexer
                .semantic_error(&format!("label '{name}' already defined on line {line}")));
        }
        let is_last = self.at_block_end(false);
        self.create_label(name, line, is_last)?;
        Ok(())
    }
}

#[cold]
fn too_many_labels() -> SyntaxError {
    SyntaxError::new(format!("too many labels/gotos (limit is {LABELS_MAX})"))
}
