//! Completing an instruction whose metamethod has returned.
//!
//! The instruction is the one before the frame's next; what is left of it is to store the result, to test it, or to execute the
//! instruction again. Constant work, but for concatenations, which go on.

use super::concat::concat;
use super::{Pending, Vm, message};
use crate::bytecode::Opcode;
use crate::native::Throw;
use crate::object::{Closure, ClosureFields, LuaValue, Objects, ProtoFields, Val, instruction};
use tenure::prelude::*;

impl Vm {
    /// Completes the current instruction of the top frame with the result of its metamethod.
    pub(crate) fn finish_instruction(&mut self, h: &Heap<Objects>, result: Val<'_>) -> Result<(), Throw> {
        let closure = self.register(h, self.base - 1).cast::<Closure>();
        let Some(closure) = closure else {
            return Err(message::corrupt(self, h));
        };
        let frame = self.frames.top;
        let code = closure.proto().code().tail();
        let pc = frame.pc as usize;
        let at = |pc: usize| code.get(pc).map(instruction);
        let Some(i) = pc.checked_sub(1).and_then(at) else {
            return Err(message::corrupt(self, h));
        };
        let a = self.base + usize::from(i.a());
        match i.opcode() {
            Opcode::MmBin | Opcode::MmBinI | Opcode::MmBinK => {
                let Some(operation) = pc.checked_sub(2).and_then(at) else {
                    return Err(message::corrupt(self, h));
                };
                self.set_register(h, self.base + usize::from(operation.a()), result);
            }
            Opcode::Unm
            | Opcode::BNot
            | Opcode::Len
            | Opcode::GetTabUp
            | Opcode::GetTable
            | Opcode::GetI
            | Opcode::GetField
            | Opcode::SelfOp => self.set_register(h, a, result),
            opcode if opcode.is_test() && result.is_falsy() == i.k() => {
                self.skip(1);
            }
            Opcode::Concat => {
                let count = frame.pending_top as usize;
                self.set_register(h, a + count - 2, result);
                self.continue_concat(h, a, count - 1)?;
            }
            Opcode::Close => self.skip(-1),
            Opcode::Return => {
                self.top = self.base + frame.pending_top as usize;
                self.skip(-1);
            }
            // Assignments have no result.
            _ => {}
        }
        Ok(())
    }

    /// Goes on with a concatenation: what was joined so far stands at the end.
    fn continue_concat(&mut self, h: &Heap<Objects>, first: usize, count: usize) -> Result<(), Throw> {
        match concat(self, h, first, count) {
            Ok(_) => Ok(()),
            Err(throw) => {
                // Without memory, the rest of the instruction is what is executed again.
                self.pending = Pending::Concat { first, count };
                Err(throw)
            }
        }
    }

    /// Moves the program counter of the top frame.
    fn skip(&mut self, instructions: i32) {
        if instructions < 0 {
            self.repeat_instruction();
        }
        let pc = &mut self.frames.top.pc;
        *pc = pc.wrapping_add_signed(i64::from(instructions));
    }

    /// Takes up a concatenation that found no memory.
    pub(crate) fn resume_concat(&mut self, h: &Heap<Objects>, first: usize, count: usize) -> super::step::Step {
        self.pending = Pending::Run;
        self.continue_concat(h, first, count)?;
        Ok(None)
    }
}
