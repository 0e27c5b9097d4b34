//! Appending instructions.
//!
//! Each takes the line of the token that the parser took last, which `fix_line` corrects afterwards where the line of an operator or a
//! call says more. Constant work.

use super::super::state::{Compiler, Result};
use crate::bytecode::{Instruction, MAX_BX, MAX_C, OFFSET_SBX, Opcode};

/// How many items of a table constructor wait in registers for one `SETLIST`. More would need more registers, fewer more instructions.
pub(crate) const LIST_ITEMS_PER_STORE: usize = 50;

impl Compiler<'_> {
    /// Appends an instruction, and gives its position.
    pub(crate) fn emit(&mut self, instruction: Instruction) -> usize {
        self.function.proto.code.push(instruction);
        self.function.lines.push(self.lexer.last_line);
        self.function.pc() - 1
    }

    pub(crate) fn emit_abc(&mut self, opcode: Opcode, a: u8, b: u8, c: u8) -> usize {
        self.emit(Instruction::abc(opcode, a, b, c))
    }

    pub(crate) fn emit_abx(&mut self, opcode: Opcode, a: u8, bx: u32) -> usize {
        self.emit(Instruction::abx(opcode, a, bx))
    }

    fn emit_extra(&mut self, ax: u32) {
        self.emit(Instruction::from_ax(Opcode::ExtraArg, ax));
    }

    /// Moves the last instruction to another line.
    pub(crate) fn fix_line(&mut self, line: u32) {
        self.function.lines.pop();
        self.function.lines.push(line);
    }

    pub(crate) fn remove_last_instruction(&mut self) {
        self.function.lines.pop();
        self.function.proto.code.pop();
    }

    /// The last instruction, unless a jump may lead to behind it.
    pub(crate) fn previous_instruction(&mut self) -> Option<&mut Instruction> {
        if self.function.pc() > self.function.last_target {
            self.function.proto.code.last_mut()
        } else {
            None
        }
    }

    /// Sets `count` registers from `first` on to nil, if possible by widening the instruction before.
    pub(crate) fn emit_nil(&mut self, first: u8, count: usize) {
        let first = usize::from(first);
        let last = first + count - 1;
        if let Some(previous) = self
            .previous_instruction()
            .filter(|previous| previous.opcode() == Opcode::LoadNil)
        {
            let from = usize::from(previous.a());
            let to = from + usize::from(previous.b());
            if (from <= first && first <= to + 1) || (first <= from && from <= last + 1) {
                let (first, last) = (first.min(from), last.max(to));
                // A range that does not fit ends behind the last register, which the caller's reservation reports.
                *previous = previous.with_a(first as u8).with_b((last - first) as u8);
                return;
            }
        }
        self.emit_abc(Opcode::LoadNil, first as u8, (count - 1) as u8, 0);
    }

    /// Loads a constant of the table.
    pub(crate) fn emit_constant(&mut self, register: u8, constant: usize) {
        let constant = constant as u32;
        if constant <= MAX_BX {
            self.emit_abx(Opcode::LoadK, register, constant);
        } else {
            self.emit_abx(Opcode::LoadKX, register, 0);
            self.emit_extra(constant);
        }
    }

    /// Loads an integer, from the instruction itself if it fits.
    pub(crate) fn emit_integer(&mut self, register: u8, value: i64) -> Result {
        match immediate(value) {
            Some(small) => {
                self.emit(Instruction::asbx(Opcode::LoadI, register, small));
            }
            None => {
                let constant = self.integer_constant(value)?;
                self.emit_constant(register, constant);
            }
        }
        Ok(())
    }

    /// Loads a float, from the instruction itself if it is a small integer.
    pub(crate) fn emit_float(&mut self, register: u8, value: f64) -> Result {
        match crate::pure::number::float_to_integer(value).and_then(immediate) {
            // No numeral is -0.0 and folding makes none, so a zero is the 0.0 that the instruction makes.
            Some(small) => {
                self.emit(Instruction::asbx(Opcode::LoadF, register, small));
            }
            None => {
                let constant = self.float_constant(value)?;
                self.emit_constant(register, constant);
            }
        }
        Ok(())
    }

    /// Returns `count` values from `first` on; `None` for all up to the top.
    pub(crate) fn emit_return(&mut self, first: u8, count: Option<u8>) {
        let opcode = match count {
            Some(0) => Opcode::Return0,
            Some(1) => Opcode::Return1,
            _ => Opcode::Return,
        };
        self.emit_abc(opcode, first, count.map_or(0, |count| count + 1), 0);
    }

    /// Fills in the `NEWTABLE` at `pc`, and the instruction behind it, once the sizes are known.
    pub(crate) fn set_table_size(&mut self, pc: usize, register: u8, array_count: usize, hash_count: usize) {
        let hash = if hash_count == 0 {
            0
        } else {
            hash_count.next_power_of_two().trailing_zeros() as u8 + 1
        };
        let (high, low) = split_operand(array_count);
        let code = &mut self.function.proto.code;
        code[pc] = Instruction::abck(Opcode::NewTable, register, hash, low, high > 0);
        code[pc + 1] = Instruction::from_ax(Opcode::ExtraArg, high);
    }

    /// Stores items behind the `stored` first ones of the table in `table`: `count` of them, or all up to the top.
    pub(crate) fn emit_set_list(&mut self, table: u8, stored: usize, count: Option<u8>) {
        let (high, low) = split_operand(stored);
        self.emit(Instruction::abck(
            Opcode::SetList,
            table,
            count.unwrap_or(0),
            low,
            high > 0,
        ));
        if high > 0 {
            self.emit_extra(high);
        }
        self.function.free_register = table + 1;
    }
}

/// A value as the signed operand of `LOADI` and `LOADF`, if it fits.
fn immediate(value: i64) -> Option<i32> {
    let range = -i64::from(OFFSET_SBX)..=i64::from(MAX_BX) - i64::from(OFFSET_SBX);
    range.contains(&value).then_some(value as i32)
}

/// An operand in two parts: what goes into the extra instruction, and what fits into `C`.
fn split_operand(value: usize) -> (u32, u8) {
    (
        (value / (MAX_C as usize + 1)) as u32,
        (value % (MAX_C as usize + 1)) as u8,
    )
}
