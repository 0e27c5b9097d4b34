//! Blocks: what ends where a block ends.
//!
//! At its end a block's variables go out of scope and give back their registers, its labels are forgotten, and jumps out of it become
//! the outer block's. Where a nested function keeps one of its variables, or one is to be closed, an instruction closes them. Linear in
//! what the block declared and in the jumps out of it.

use super::super::state::{Block, Compiler, Result};
use super::super::symbols::Symbol;
use crate::bytecode::Opcode;

impl Compiler<'_> {
    pub(super) fn enter_block(&mut self, is_loop: bool) {
        let inside_to_be_closed = self
            .function
            .blocks
            .last()
            .is_some_and(|outer| outer.inside_to_be_closed);
        self.function.blocks.push(Block {
            first_label: self.labels.len(),
            first_goto: self.gotos.len(),
            active_variables: self.function.active_variables,
            has_upvalue: false,
            is_loop,
            inside_to_be_closed,
        });
    }

    /// Leaves the innermost block.
    pub(super) fn leave_block(&mut self) -> Result<()> {
        let Some(block) = self.function.blocks.last().copied() else {
            return Ok(());
        };
        let is_nested = self.function.blocks.len() > 1;
        let outside = self.register_level(block.active_variables);
        self.deactivate_variables(block.active_variables);
        let mut is_closed = false;
        if block.is_loop {
            is_closed = self.create_label(Symbol::BREAK, 0, false)?;
        }
        if !is_closed && is_nested && block.has_upvalue {
            self.emit_abc(Opcode::Close, outside, 0, 0);
        }
        self.function.free_register = outside;
        self.labels.truncate(block.first_label);
        self.function.blocks.pop();
        if is_nested {
            self.move_gotos_out(&block);
        } else {
            self.check_no_gotos(block.first_goto)?;
        }
        // Not before: the registers of these variables tell which jumps leave their scope.
        self.variables
            .truncate(self.function.first_variable + block.active_variables);
        Ok(())
    }

    /// Notes that the innermost block has a variable to be closed.
    pub(super) fn mark_to_be_closed(&mut self) {
        if let Some(block) = self.function.blocks.last_mut() {
            block.has_upvalue = true;
            block.inside_to_be_closed = true;
        }
        self.function.needs_close = true;
    }

    /// block -> statements
    pub(super) fn block(&mut self) -> Result {
        self.enter_block(false);
        self.statements()?;
        self.leave_block()
    }
}
