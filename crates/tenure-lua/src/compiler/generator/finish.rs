//! The second look at a function's code, when it is complete.
//!
//! Only now is it known whether returning must close upvalues; whether variable arguments must be removed is told to each return too. And
//! a jump to a jump goes to where that one leads, up to a hundred steps, since a loop can be a circle of jumps. Linear in the code.

use super::super::state::{Compiler, Result};
use crate::bytecode::Opcode;

/// Jumps that are followed to find where a jump ends. More would help code that nobody writes.
const FOLLOWED_JUMPS_MAX: usize = 100;

impl Compiler<'_> {
    /// Completes the code of the current function.
    pub(crate) fn finish_code(&mut self) -> Result {
        let needs_close = self.function.needs_close;
        let is_vararg = self.function.proto.is_vararg;
        let parameters = self.function.proto.parameter_count;
        for pc in 0..self.function.pc() {
            let instruction = &mut self.function.proto.code[pc];
            if matches!(instruction.opcode(), Opcode::Return0 | Opcode::Return1) && (needs_close || is_vararg) {
                *instruction = instruction.with_opcode(Opcode::Return);
            }
            match instruction.opcode() {
                Opcode::Return | Opcode::TailCall => {
                    if needs_close {
                        *instruction = instruction.with_k(true);
                    }
                    if is_vararg {
                        *instruction = instruction.with_c(parameters + 1);
                    }
                }
                Opcode::Jmp => {
                    let target = self.final_target(pc);
                    self.fix_jump(pc, target)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn final_target(&self, jump: usize) -> usize {
        let code = &self.function.proto.code;
        let mut pc = jump;
        for _ in 0..FOLLOWED_JUMPS_MAX {
            match code.get(pc) {
                Some(instruction) if instruction.opcode() == Opcode::Jmp => {
                    pc = (pc + 1).saturating_add_signed(instruction.sj() as isize);
                }
                _ => break,
            }
        }
        pc
    }
}
