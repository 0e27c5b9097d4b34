//! Delayed expressions: where a value is, or how it could be made, before it is decided where it goes.
//!
//! Reading `x` in `x + 1` must load a global, in `x = 1` store to it, and `x.y` goes one step further; the parser learns which only after
//! the name. So an expression is a description. The generator *discharges* it when the use is known: into a register that the user chose,
//! into any register, into an operand that is a constant, or into a jump.
//!
//! A description has two lists of jumps beside its main value: jumps that leave when the expression is already known to be true, and
//! when it is known to be false. `and`, `or`, `not` and comparisons only extend and exchange these lists.
//!
//! ```text
//! a < 1 and b        LTI a 1; JMP ──┐ jumps in the false list       main value: b
//! ```
//!
//! A description is a few words, and copying it is free. It does not own the code it refers to.

use super::symbols::Symbol;

/// Jumps that go to the same place, threaded through their own operands: the first one's position.
pub(crate) type JumpList = Option<u32>;

/// Main value of an expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ExprKind {
    /// No expression: the last of an empty list.
    Void,
    Nil,
    True,
    False,
    Integer(i64),
    Float(f64),
    String(Symbol),
    /// A constant of the prototype's table.
    Constant(usize),
    /// A value in a register that it cannot choose.
    Register(u8),
    /// A local variable: its register, and its number among the function's variables.
    Local {
        register: u8,
        variable: usize,
    },
    /// An upvalue.
    Upvalue(u8),
    /// A local variable whose value the compiler knows: its place in the list of all variables.
    CompileTime(usize),
    /// `table[key]`, both in registers.
    Indexed {
        table: u8,
        key: u8,
    },
    /// `upvalue[key]`, the key a constant.
    IndexedUpvalue {
        upvalue: u8,
        key: u8,
    },
    /// `table[key]`, the key a small integer.
    IndexedInteger {
        table: u8,
        key: u8,
    },
    /// `table[key]`, the key a constant short string.
    IndexedString {
        table: u8,
        key: u8,
    },
    /// A comparison: the position of the jump that is taken when it holds.
    Jump(usize),
    /// The instruction at this position makes the value and can put it into any register.
    Relocatable(usize),
    /// A call at this position, whose number of results can still be chosen.
    Call(usize),
    /// Likewise `...`.
    VarArg(usize),
}

/// An expression.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    /// Jumps that leave with a true value.
    pub(crate) if_true: JumpList,
    /// Jumps that leave with a false value.
    pub(crate) if_false: JumpList,
}

const _: () = assert!(
    size_of::<Expr>() <= 32,
    "expressions lie on the stack, in all levels of a nested construct"
);

impl Expr {
    pub(crate) const fn new(kind: ExprKind) -> Self {
        Self {
            kind,
            if_true: None,
            if_false: None,
        }
    }

    pub(crate) fn has_jumps(&self) -> bool {
        self.if_true != self.if_false
    }

    /// Whether the number of values can still be chosen.
    pub(crate) fn is_multiple(&self) -> bool {
        matches!(self.kind, ExprKind::Call(_) | ExprKind::VarArg(_))
    }

    /// Whether it is a place that can be assigned to, as far as grammar goes.
    pub(crate) fn is_variable(&self) -> bool {
        matches!(
            self.kind,
            ExprKind::Local { .. } | ExprKind::Upvalue(_) | ExprKind::CompileTime(_)
        ) || self.is_indexed()
    }

    pub(crate) fn is_indexed(&self) -> bool {
        matches!(
            self.kind,
            ExprKind::Indexed { .. }
                | ExprKind::IndexedUpvalue { .. }
                | ExprKind::IndexedInteger { .. }
                | ExprKind::IndexedString { .. }
        )
    }

    /// The value of a numeral.
    pub(crate) fn numeral(&self) -> Option<crate::pure::number::Number> {
        use crate::pure::number::Number;
        match self.kind {
            _ if self.has_jumps() => None,
            ExprKind::Integer(value) => Some(Number::Integer(value)),
            ExprKind::Float(value) => Some(Number::Float(value)),
            _ => None,
        }
    }
}

/// A value known to the compiler, comparable by identity: floats by their bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Literal {
    Nil,
    True,
    False,
    Integer(i64),
    Float(u64),
    String(Symbol),
}

impl From<Literal> for ExprKind {
    fn from(literal: Literal) -> Self {
        match literal {
            Literal::Nil => Self::Nil,
            Literal::True => Self::True,
            Literal::False => Self::False,
            Literal::Integer(value) => Self::Integer(value),
            Literal::Float(bits) => Self::Float(f64::from_bits(bits)),
            Literal::String(symbol) => Self::String(symbol),
        }
    }
}

impl ExprKind {
    /// The value of a literal; not of a variable with a known value.
    pub(crate) fn literal(self) -> Option<Literal> {
        match self {
            Self::Nil => Some(Literal::Nil),
            Self::True => Some(Literal::True),
            Self::False => Some(Literal::False),
            Self::Integer(value) => Some(Literal::Integer(value)),
            Self::Float(value) => Some(Literal::Float(value.to_bits())),
            Self::String(symbol) => Some(Literal::String(symbol)),
            _ => None,
        }
    }
}
