//! Jumps to places that are not known yet.
//!
//! A jump's operand, until it is patched, is the distance to the next jump of the same list; a distance of -1, which would be the jump
//! itself, ends the list. So lists need no memory beside the code. Adding one jump is constant work, joining two lists is linear in the
//! first, and patching a list visits each jump once.
//!
//! A jump whose test is a `TESTSET` can bring the tested value along. Whether it does is decided when the list is patched.

use super::super::expression::JumpList;
use super::super::state::{Compiler, Result};
use crate::bytecode::{Instruction, MAX_SJ, OFFSET_SJ, Opcode};

const END_OF_LIST: i32 = -1;

impl Compiler<'_> {
    /// Emits a jump to nowhere.
    pub(crate) fn emit_jump(&mut self) -> usize {
        self.emit(Instruction::from_sj(Opcode::Jmp, END_OF_LIST))
    }

    /// Emits a test or a comparison and the jump behind it, and gives the jump's position.
    pub(super) fn emit_test(&mut self, opcode: Opcode, a: u8, b: u8, c: u8, k: bool) -> usize {
        self.emit(Instruction::abck(opcode, a, b, c, k));
        self.emit_jump()
    }

    /// Marks the next instruction as a place that a jump may lead to, and gives its position.
    pub(crate) fn mark_target(&mut self) -> usize {
        self.function.last_target = self.function.pc();
        self.function.last_target
    }

    /// The jump behind `jump` in its list.
    fn next_jump(&self, jump: usize) -> JumpList {
        match self.function.proto.code[jump].sj() {
            END_OF_LIST => None,
            distance => (jump as u32 + 1).checked_add_signed(distance),
        }
    }

    /// Lets `jump` lead to `target`.
    pub(super) fn fix_jump(&mut self, jump: usize, target: usize) -> Result {
        let distance = target as i64 - (jump as i64 + 1);
        let range = -i64::from(OFFSET_SJ)..=i64::from(MAX_SJ) - i64::from(OFFSET_SJ);
        if !range.contains(&distance) {
            return Err(self.lexer.syntax_error("control structure too long"));
        }
        let instruction = &mut self.function.proto.code[jump];
        *instruction = instruction.with_sj(distance as i32);
        Ok(())
    }

    /// Adds a jump that is in no list yet.
    pub(crate) fn add_jump(&mut self, list: &mut JumpList, jump: usize) -> Result {
        if let Some(first) = *list {
            self.fix_jump(jump, first as usize)?;
        }
        *list = Some(jump as u32);
        Ok(())
    }

    /// Appends the second list to the first.
    pub(crate) fn join_jumps(&mut self, list: &mut JumpList, rest: JumpList) -> Result {
        let (Some(mut last), Some(rest)) = (*list, rest) else {
            *list = list.or(rest);
            return Ok(());
        };
        while let Some(next) = self.next_jump(last as usize) {
            last = next;
        }
        self.fix_jump(last as usize, rest as usize)
    }

    /// The instruction that decides whether `jump` is taken: the test before it, or itself.
    pub(super) fn jump_control(&mut self, jump: usize) -> &mut Instruction {
        let code = &mut self.function.proto.code;
        let before = jump.checked_sub(1).filter(|&before| code[before].opcode().is_test());
        &mut code[before.unwrap_or(jump)]
    }

    /// Whether some jump of the list does not bring its value along.
    pub(super) fn needs_value(&mut self, mut list: JumpList) -> bool {
        while let Some(jump) = list {
            let jump = jump as usize;
            if self.jump_control(jump).opcode() != Opcode::TestSet {
                return true;
            }
            list = self.next_jump(jump);
        }
        false
    }

    /// Decides where a test leaves its value: in `register`, or nowhere. False if it is no test that has one.
    fn patch_test_register(&mut self, jump: usize, register: Option<u8>) -> bool {
        let test = self.jump_control(jump);
        if test.opcode() != Opcode::TestSet {
            return false;
        }
        *test = match register {
            Some(register) if register != test.b() => test.with_a(register),
            // The value is not wanted, or is already there.
            _ => Instruction::abck(Opcode::Test, test.b(), 0, 0, test.k()),
        };
        true
    }

    /// Decides for all tests of the list that their values are not wanted.
    pub(super) fn remove_values(&mut self, mut list: JumpList) {
        while let Some(jump) = list {
            let jump = jump as usize;
            self.patch_test_register(jump, None);
            list = self.next_jump(jump);
        }
    }

    /// Lets tests that bring a value into `register` lead to `value_target`, and the other jumps to `target`.
    pub(super) fn patch_with_value(
        &mut self,
        mut list: JumpList,
        value_target: usize,
        register: Option<u8>,
        target: usize,
    ) -> Result {
        while let Some(jump) = list {
            let jump = jump as usize;
            list = self.next_jump(jump);
            let has_value = self.patch_test_register(jump, register);
            self.fix_jump(jump, if has_value { value_target } else { target })?;
        }
        Ok(())
    }

    /// Lets all jumps of the list lead to `target`.
    pub(crate) fn patch_jumps(&mut self, list: JumpList, target: usize) -> Result {
        self.patch_with_value(list, target, None, target)
    }

    /// Lets one jump lead to `target`, and where it has a test, brings no value along.
    pub(crate) fn patch_jump(&mut self, jump: usize, target: usize) -> Result {
        self.patch_jumps(Some(jump as u32), target)
    }

    /// Lets all jumps of the list lead to the next instruction.
    pub(crate) fn patch_to_here(&mut self, list: JumpList) -> Result {
        let here = self.mark_target();
        self.patch_jumps(list, here)
    }
}
