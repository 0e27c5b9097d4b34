//! Operands of single instructions: that what they name exists, and is of the kind that the instruction needs.
//!
//! Constant work per instruction. What an operand means together with other instructions is not checked here.

use super::super::format::SHORT_STRING_BYTES_MAX;
use super::{Check, LIST_ITEMS_PER_INSTRUCTION};
use crate::bytecode::{Constant, Instruction, Metamethod, Opcode, Proto};

/// Checks the operands of the instruction at `pc`.
pub(super) fn check(proto: &Proto, pc: usize) -> Check {
    let i = proto.code[pc];
    let Some(opcode) = i.opcode_checked() else {
        return Err("invalid opcode");
    };
    Operands { proto, pc, i }.check(opcode)
}

struct Operands<'a> {
    proto: &'a Proto,
    pc: usize,
    i: Instruction,
}

impl Operands<'_> {
    fn check(&self, opcode: Opcode) -> Check {
        use Opcode as Op;
        let i = self.i;
        match opcode {
            Op::Move | Op::Unm | Op::BNot | Op::Not | Op::Len | Op::TestSet | Op::Eq | Op::Lt | Op::Le => {
                self.registers([i.a(), i.b()])
            }
            Op::LoadI
            | Op::LoadF
            | Op::LoadFalse
            | Op::LFalseSkip
            | Op::LoadTrue
            | Op::Tbc
            | Op::EqI
            | Op::LtI
            | Op::LeI
            | Op::GtI
            | Op::GeI
            | Op::Test
            | Op::Return1 => self.registers([i.a()]),
            Op::LoadK => self.registers([i.a()]).and(self.constant(i.bx(), any)),
            Op::LoadKX => self.registers([i.a()]).and(self.constant(self.extra(), any)),
            Op::LoadNil => self.range(i.a(), 0, usize::from(i.b()) + 1),
            Op::GetUpval | Op::SetUpval => self.registers([i.a()]).and(self.upvalue(i.b())),
            Op::GetTabUp => self
                .registers([i.a()])
                .and(self.upvalue(i.b()))
                .and(self.constant(i.c(), is_short_string)),
            Op::GetTable => self.registers([i.a(), i.b(), i.c()]),
            Op::GetI => self.registers([i.a(), i.b()]),
            Op::GetField => self
                .registers([i.a(), i.b()])
                .and(self.constant(i.c(), is_short_string)),
            Op::SetTabUp => self
                .upvalue(i.a())
                .and(self.constant(i.b(), is_short_string))
                .and(self.constant_or_register(any)),
            Op::SetTable => self.registers([i.a(), i.b()]).and(self.constant_or_register(any)),
            Op::SetI => self.registers([i.a()]).and(self.constant_or_register(any)),
            Op::SetField => self
                .registers([i.a()])
                .and(self.constant(i.b(), is_short_string))
                .and(self.constant_or_register(any)),
            Op::NewTable => self.registers([i.a()]).and(self.table_sizes()),
            Op::SelfOp => self
                .range(i.a(), 0, 2)
                .and(self.registers([i.b()]))
                .and(self.constant_or_register(is_string)),
            Op::AddI | Op::ShrI | Op::ShlI => self.registers([i.a(), i.b()]),
            Op::AddK | Op::SubK | Op::MulK | Op::ModK | Op::PowK | Op::DivK | Op::IDivK => {
                self.registers([i.a(), i.b()]).and(self.constant(i.c(), is_number))
            }
            Op::BAndK | Op::BOrK | Op::BXorK => self.registers([i.a(), i.b()]).and(self.constant(i.c(), is_integer)),
            Op::Add
            | Op::Sub
            | Op::Mul
            | Op::Mod
            | Op::Pow
            | Op::Div
            | Op::IDiv
            | Op::BAnd
            | Op::BOr
            | Op::BXor
            | Op::Shl
            | Op::Shr => self.registers([i.a(), i.b(), i.c()]),
            Op::MmBin => self.registers([i.a(), i.b()]).and(self.event()),
            Op::MmBinI => self.registers([i.a()]).and(self.event()),
            Op::MmBinK => self
                .registers([i.a()])
                .and(self.constant(i.b(), is_number))
                .and(self.event()),
            Op::Concat => {
                let count = usize::from(i.b());
                if count < 2 {
                    Err("concatenation of less than two values")
                } else {
                    self.range(i.a(), 0, count)
                }
            }
            Op::EqK => self.registers([i.a()]).and(self.constant(i.b(), any)),
            Op::Close | Op::Return0 => self.range(i.a(), 0, 0),
            Op::Call => self
                .called()
                .and(self.range(i.a(), 0, usize::from(i.c()).saturating_sub(1))),
            Op::TailCall => self.called().and(self.returning()),
            Op::Return => self
                .range(i.a(), 0, usize::from(i.b()).saturating_sub(1))
                .and(self.returning()),
            Op::ForLoop | Op::ForPrep | Op::TForPrep => self.range(i.a(), 0, 4),
            Op::TForCall if i.c() == 0 => Err("iteration without values"),
            // The call itself takes three registers, however few values are wanted.
            Op::TForCall => self.range(i.a(), 4, usize::from(i.c()).max(3)),
            Op::TForLoop => self.range(i.a(), 4, 1),
            Op::SetList => self.range(i.a(), 0, usize::from(i.b()) + 1),
            Op::Closure => self.registers([i.a()]).and(self.nested(i.bx())),
            Op::VarArg if !self.proto.is_vararg => Err("variable arguments of a function without any"),
            Op::VarArg => self
                .registers([i.a()])
                .and(self.range(i.a(), 0, usize::from(i.c()).saturating_sub(1))),
            Op::VarArgPrep if self.pc != 0 || i.a() != self.proto.parameter_count => Err("misplaced opcode"),
            Op::VarArgPrep | Op::Jmp | Op::ExtraArg => Ok(()),
        }
    }

    /// Each is a register.
    fn registers<const N: usize>(&self, registers: [u8; N]) -> Check {
        let exist = registers.iter().all(|&register| register < self.proto.max_stack_size);
        if exist { Ok(()) } else { Err("no such register") }
    }

    /// `count` registers, from the one `offset` above `first`. None of them may begin where the registers end.
    fn range(&self, first: u8, offset: usize, count: usize) -> Check {
        let end = usize::from(first) + offset + count;
        if end <= usize::from(self.proto.max_stack_size) {
            Ok(())
        } else {
            Err("no such register")
        }
    }

    fn constant(&self, index: impl Into<u32>, is_right: fn(&Constant) -> bool) -> Check {
        match self.proto.constants.get(index.into() as usize) {
            Some(constant) if is_right(constant) => Ok(()),
            Some(_) => Err("constant of a wrong kind"),
            None => Err("no such constant"),
        }
    }

    /// `RK(C)`
    fn constant_or_register(&self, is_right: fn(&Constant) -> bool) -> Check {
        if self.i.k() {
            self.constant(self.i.c(), is_right)
        } else {
            self.registers([self.i.c()])
        }
    }

    fn upvalue(&self, index: u8) -> Check {
        if usize::from(index) < self.proto.upvalues.len() {
            Ok(())
        } else {
            Err("no such upvalue")
        }
    }

    fn nested(&self, index: u32) -> Check {
        if (index as usize) < self.proto.protos.len() {
            Ok(())
        } else {
            Err("no such nested function")
        }
    }

    /// Operand of the next instruction. That it is an `EXTRAARG` is checked elsewhere.
    fn extra(&self) -> u32 {
        self.proto.code.get(self.pc + 1).map_or(0, |next| next.ax())
    }

    fn table_sizes(&self) -> Check {
        let instructions = self.proto.code.len();
        let high = if self.i.k() { self.extra() as usize } else { 0 };
        let array_count = (high << 8) + usize::from(self.i.c());
        let hash_count = self
            .i
            .b()
            .checked_sub(1)
            .map_or(Some(0), |log| 1_usize.checked_shl(u32::from(log)));
        let fits = array_count <= LIST_ITEMS_PER_INSTRUCTION * instructions
            && hash_count.is_some_and(|count| count <= instructions.next_power_of_two());
        if fits {
            Ok(())
        } else {
            Err("table larger than its constructor")
        }
    }

    fn event(&self) -> Check {
        let range = Metamethod::Add.number()..=Metamethod::Shr.number();
        if range.contains(&self.i.c()) {
            Ok(())
        } else {
            Err("no such metamethod of operators")
        }
    }

    /// A function and its arguments.
    fn called(&self) -> Check {
        self.range(self.i.a(), 0, usize::from(self.i.b()).max(1))
    }

    /// What returns must tell about variable arguments.
    fn returning(&self) -> Check {
        let expected = if self.proto.is_vararg {
            usize::from(self.proto.parameter_count) + 1
        } else {
            0
        };
        if usize::from(self.i.c()) == expected {
            Ok(())
        } else {
            Err("return with a wrong number of parameters")
        }
    }
}

fn any(_: &Constant) -> bool {
    true
}

fn is_number(constant: &Constant) -> bool {
    matches!(constant, Constant::Integer(_) | Constant::Float(_))
}

fn is_integer(constant: &Constant) -> bool {
    matches!(constant, Constant::Integer(_))
}

fn is_string(constant: &Constant) -> bool {
    matches!(constant, Constant::String(_))
}

fn is_short_string(constant: &Constant) -> bool {
    matches!(constant, Constant::String(bytes) if bytes.len() <= SHORT_STRING_BYTES_MAX)
}
