//! Operators, and the choice of their instructions.
//!
//! A binary operator is met twice: before its second operand is read, when the first must be brought to where the second cannot disturb
//! it, and after, when the instruction is chosen. Numerals are kept back at first: they may be folded or become immediate operands.
//! Commutative operators exchange their operands to have the constant second; `a - 1` becomes `a + -1`; `a > b` becomes `b < a`. An
//! arithmetic instruction is followed by one that calls the metamethod, with the operands as they were written. Constant work.

use super::super::expression::{Expr, ExprKind};
use super::super::state::{Compiler, Result};
use super::folding::{fold_binary, fold_unary};
use super::operand::{integer, signed_integer_operand, signed_number_operand, signed_operand};
use crate::bytecode::{Instruction, Metamethod, Opcode};
use crate::pure::number::Number;
use std::mem;

/// Operators with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BinaryOperator {
    Add,
    Subtract,
    Multiply,
    Modulo,
    Power,
    Divide,
    FloorDivide,
    BitAnd,
    BitOr,
    BitXor,
    ShiftLeft,
    ShiftRight,
    Concat,
    Equal,
    Less,
    LessEqual,
    NotEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
}

/// Operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnaryOperator {
    Minus,
    BitNot,
    Not,
    Length,
}

/// Instructions of an arithmetic or bitwise operator: for two registers, for a register and a constant, and the metamethod.
struct Arithmetic {
    registers: Opcode,
    constant: Option<Opcode>,
    event: Metamethod,
}

impl BinaryOperator {
    fn arithmetic(self) -> Option<Arithmetic> {
        use Metamethod as Event;
        use Opcode as Op;
        let (registers, constant, event) = match self {
            Self::Add => (Op::Add, Some(Op::AddK), Event::Add),
            Self::Subtract => (Op::Sub, Some(Op::SubK), Event::Sub),
            Self::Multiply => (Op::Mul, Some(Op::MulK), Event::Mul),
            Self::Modulo => (Op::Mod, Some(Op::ModK), Event::Mod),
            Self::Power => (Op::Pow, Some(Op::PowK), Event::Pow),
            Self::Divide => (Op::Div, Some(Op::DivK), Event::Div),
            Self::FloorDivide => (Op::IDiv, Some(Op::IDivK), Event::IDiv),
            Self::BitAnd => (Op::BAnd, Some(Op::BAndK), Event::BAnd),
            Self::BitOr => (Op::BOr, Some(Op::BOrK), Event::BOr),
            Self::BitXor => (Op::BXor, Some(Op::BXorK), Event::BXor),
            Self::ShiftLeft => (Op::Shl, None, Event::Shl),
            Self::ShiftRight => (Op::Shr, None, Event::Shr),
            _ => return None,
        };
        Some(Arithmetic {
            registers,
            constant,
            event,
        })
    }
}

impl Compiler<'_> {
    /// Applies a prefix operator.
    pub(crate) fn prefix(&mut self, operator: UnaryOperator, e: &mut Expr, line: u32) -> Result {
        self.discharge_variable(e);
        let opcode = match operator {
            UnaryOperator::Not => return self.negate(e),
            UnaryOperator::Minus => Opcode::Unm,
            UnaryOperator::BitNot => Opcode::BNot,
            UnaryOperator::Length => Opcode::Len,
        };
        if let Some(result) = e.numeral().and_then(|value| fold_unary(operator, value)) {
            e.kind = numeral(result);
            return Ok(());
        }
        let register = self.put_in_any_register(e)?;
        self.free_expr(e);
        e.kind = ExprKind::Relocatable(self.emit_abc(opcode, 0, register, 0));
        self.fix_line(line);
        Ok(())
    }

    /// Prepares the first operand, before the second is read.
    pub(crate) fn infix(&mut self, operator: BinaryOperator, e: &mut Expr) -> Result {
        use BinaryOperator as Op;
        self.discharge_variable(e);
        match operator {
            Op::And => self.go_if_true(e)?,
            Op::Or => self.go_if_false(e)?,
            Op::Concat => self.put_in_next_register(e)?,
            Op::Equal | Op::NotEqual => {
                if e.numeral().is_none() {
                    self.make_operand(e)?;
                }
            }
            Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual => {
                if signed_number_operand(e, &mut false).is_none() {
                    self.put_in_any_register(e)?;
                }
            }
            _ => {
                if e.numeral().is_none() {
                    self.put_in_any_register(e)?;
                }
            }
        }
        Ok(())
    }

    /// Applies a binary operator, after the second operand was read. The result is in `first`.
    pub(crate) fn postfix(
        &mut self,
        operator: BinaryOperator,
        first: &mut Expr,
        mut second: Expr,
        line: u32,
    ) -> Result {
        use BinaryOperator as Op;
        self.discharge_variable(&mut second);
        if let (Some(a), Some(b)) = (first.numeral(), second.numeral())
            && let Some(result) = fold_binary(operator, a, b)
        {
            first.kind = numeral(result);
            return Ok(());
        }
        match operator {
            Op::And => {
                self.join_jumps(&mut second.if_false, first.if_false)?;
                *first = second;
                Ok(())
            }
            Op::Or => {
                self.join_jumps(&mut second.if_true, first.if_true)?;
                *first = second;
                Ok(())
            }
            Op::Concat => {
                self.put_in_next_register(&mut second)?;
                self.concat(first, &second, line);
                Ok(())
            }
            Op::Equal | Op::NotEqual => self.compare_equal(operator == Op::Equal, first, second),
            Op::Less => self.compare_order([Opcode::Lt, Opcode::LtI, Opcode::GtI], first, second),
            Op::LessEqual => self.compare_order([Opcode::Le, Opcode::LeI, Opcode::GeI], first, second),
            Op::Greater => {
                mem::swap(first, &mut second);
                self.compare_order([Opcode::Lt, Opcode::LtI, Opcode::GtI], first, second)
            }
            Op::GreaterEqual => {
                mem::swap(first, &mut second);
                self.compare_order([Opcode::Le, Opcode::LeI, Opcode::GeI], first, second)
            }
            _ => match operator.arithmetic() {
                Some(arithmetic) => self.arithmetic(operator, &arithmetic, first, second, line),
                None => Ok(()),
            },
        }
    }

    fn arithmetic(
        &mut self,
        operator: BinaryOperator,
        arithmetic: &Arithmetic,
        first: &mut Expr,
        mut second: Expr,
        line: u32,
    ) -> Result {
        use BinaryOperator as Op;
        let event = arithmetic.event;
        // Whether the operands were exchanged to have the constant second.
        let is_flipped = match operator {
            Op::Add | Op::Multiply => first.numeral().is_some(),
            Op::BitAnd | Op::BitOr | Op::BitXor => matches!(first.kind, ExprKind::Integer(_)),
            _ => false,
        };
        if is_flipped {
            mem::swap(first, &mut second);
        }
        match operator {
            Op::Add if let Some(immediate) = signed_integer_operand(&second) => {
                let metamethod = (Opcode::MmBinI, immediate);
                return self.arithmetic_with(
                    Opcode::AddI,
                    immediate,
                    metamethod,
                    event,
                    is_flipped,
                    first,
                    &second,
                    line,
                );
            }
            Op::Subtract if let Some((immediate, negated)) = negatable_operand(&second) => {
                let metamethod = (Opcode::MmBinI, immediate);
                return self.arithmetic_with(Opcode::AddI, negated, metamethod, event, false, first, &second, line);
            }
            Op::ShiftLeft if let Some(immediate) = signed_integer_operand(first) => {
                mem::swap(first, &mut second);
                let metamethod = (Opcode::MmBinI, immediate);
                return self.arithmetic_with(Opcode::ShlI, immediate, metamethod, event, true, first, &second, line);
            }
            Op::ShiftLeft if let Some((immediate, negated)) = negatable_operand(&second) => {
                let metamethod = (Opcode::MmBinI, immediate);
                return self.arithmetic_with(Opcode::ShrI, negated, metamethod, event, false, first, &second, line);
            }
            Op::ShiftRight if let Some(immediate) = signed_integer_operand(&second) => {
                let metamethod = (Opcode::MmBinI, immediate);
                return self.arithmetic_with(Opcode::ShrI, immediate, metamethod, event, false, first, &second, line);
            }
            _ => {}
        }
        let takes_constant = match operator {
            Op::BitAnd | Op::BitOr | Op::BitXor => matches!(second.kind, ExprKind::Integer(_)),
            _ => second.numeral().is_some(),
        };
        if let Some(opcode) = arithmetic.constant
            && takes_constant
            && let Some(constant) = self.make_constant_operand(&mut second)?
        {
            let metamethod = (Opcode::MmBinK, constant);
            return self.arithmetic_with(opcode, constant, metamethod, event, is_flipped, first, &second, line);
        }
        if is_flipped {
            mem::swap(first, &mut second);
        }
        let register = self.put_in_any_register(&mut second)?;
        let metamethod = (Opcode::MmBin, register);
        self.arithmetic_with(
            arithmetic.registers,
            register,
            metamethod,
            event,
            false,
            first,
            &second,
            line,
        )
    }

    /// Emits an arithmetic instruction with operand `C`, and the one that calls the metamethod with operand `B`.
    #[expect(clippy::too_many_arguments, reason = "two instructions have that many operands")]
    fn arithmetic_with(
        &mut self,
        opcode: Opcode,
        c: u8,
        (metamethod_opcode, b): (Opcode, u8),
        event: Metamethod,
        is_flipped: bool,
        first: &mut Expr,
        second: &Expr,
        line: u32,
    ) -> Result {
        let register = self.put_in_any_register(first)?;
        let pc = self.emit_abc(opcode, 0, register, c);
        self.free_exprs(first, second);
        first.kind = ExprKind::Relocatable(pc);
        self.fix_line(line);
        self.emit(Instruction::abck(
            metamethod_opcode,
            register,
            b,
            event.number(),
            is_flipped,
        ));
        self.fix_line(line);
        Ok(())
    }

    /// `first .. second`, in neighboring registers. `a .. (b .. c)` becomes one instruction.
    fn concat(&mut self, first: &Expr, second: &Expr, line: u32) {
        let ExprKind::Register(register) = first.kind else {
            return;
        };
        if let Some(previous) = self
            .previous_instruction()
            .filter(|previous| previous.opcode() == Opcode::Concat)
        {
            *previous = previous.with_a(register).with_b(previous.b() + 1);
            self.free_expr(second);
        } else {
            self.emit_abc(Opcode::Concat, register, 2, 0);
            self.free_expr(second);
            self.fix_line(line);
        }
    }

    /// Compares by order. The instructions: for two registers, for a number second, and for a number first, which exchanges the operands.
    fn compare_order(&mut self, opcodes: [Opcode; 3], first: &mut Expr, mut second: Expr) -> Result {
        let mut is_float = false;
        let (opcode, a, b) = if let Some(immediate) = signed_number_operand(&second, &mut is_float) {
            (opcodes[1], self.put_in_any_register(first)?, immediate)
        } else if let Some(immediate) = signed_number_operand(first, &mut is_float) {
            (opcodes[2], self.put_in_any_register(&mut second)?, immediate)
        } else {
            let a = self.put_in_any_register(first)?;
            (opcodes[0], a, self.put_in_any_register(&mut second)?)
        };
        self.free_exprs(first, &second);
        first.kind = ExprKind::Jump(self.emit_test(opcode, a, b, u8::from(is_float), true));
        Ok(())
    }

    fn compare_equal(&mut self, condition: bool, first: &mut Expr, mut second: Expr) -> Result {
        if !matches!(first.kind, ExprKind::Register(_)) {
            mem::swap(first, &mut second);
        }
        let a = self.put_in_any_register(first)?;
        let mut is_float = false;
        let (opcode, b) = if let Some(immediate) = signed_number_operand(&second, &mut is_float) {
            (Opcode::EqI, immediate)
        } else if let Some(constant) = self.make_constant_operand(&mut second)? {
            (Opcode::EqK, constant)
        } else {
            (Opcode::Eq, self.put_in_any_register(&mut second)?)
        };
        self.free_exprs(first, &second);
        first.kind = ExprKind::Jump(self.emit_test(opcode, a, b, u8::from(is_float), condition));
        Ok(())
    }
}

fn numeral(value: Number) -> ExprKind {
    match value {
        Number::Integer(value) => ExprKind::Integer(value),
        Number::Float(value) => ExprKind::Float(value),
    }
}

/// An integer numeral that fits as signed operand, and its negation, which must fit too.
fn negatable_operand(e: &Expr) -> Option<(u8, u8)> {
    let value = integer(e)?;
    Some((signed_operand(value)?, signed_operand(value.checked_neg()?)?))
}
