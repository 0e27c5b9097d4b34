//! Operations on two numerals, computed by the compiler.
//!
//! What could raise an error is left to run time, and so is a result that is NaN or a zero: the table of constants would take 0.0 for
//! -0.0. Constant work.

use super::operators::{BinaryOperator, UnaryOperator};
use crate::pure::number::{
    Number, float_floor_division, float_modulo, integer_floor_division, integer_modulo, power, shift_left, shift_right,
};

/// `a operator b`, if it can be computed.
pub(super) fn fold_binary(operator: BinaryOperator, a: Number, b: Number) -> Option<Number> {
    use BinaryOperator as Op;
    let result = match operator {
        Op::BitAnd | Op::BitOr | Op::BitXor | Op::ShiftLeft | Op::ShiftRight => {
            let (a, b) = (a.to_integer()?, b.to_integer()?);
            Number::Integer(match operator {
                Op::BitAnd => a & b,
                Op::BitOr => a | b,
                Op::BitXor => a ^ b,
                Op::ShiftLeft => shift_left(a, b),
                _ => shift_right(a, b),
            })
        }
        Op::Divide if b.to_float() != 0.0 => Number::Float(a.to_float() / b.to_float()),
        Op::Power => Number::Float(power(a.to_float(), b.to_float())),
        Op::Add | Op::Subtract | Op::Multiply | Op::Modulo | Op::FloorDivide => match (a, b) {
            (Number::Integer(a), Number::Integer(b)) => Number::Integer(fold_integers(operator, a, b)?),
            _ => Number::Float(fold_floats(operator, a.to_float(), b.to_float())?),
        },
        _ => return None,
    };
    accept(result)
}

fn fold_integers(operator: BinaryOperator, a: i64, b: i64) -> Option<i64> {
    match operator {
        BinaryOperator::Add => Some(a.wrapping_add(b)),
        BinaryOperator::Subtract => Some(a.wrapping_sub(b)),
        BinaryOperator::Multiply => Some(a.wrapping_mul(b)),
        BinaryOperator::Modulo => integer_modulo(a, b).ok(),
        _ => integer_floor_division(a, b).ok(),
    }
}

fn fold_floats(operator: BinaryOperator, a: f64, b: f64) -> Option<f64> {
    match operator {
        BinaryOperator::Add => Some(a + b),
        BinaryOperator::Subtract => Some(a - b),
        BinaryOperator::Multiply => Some(a * b),
        _ if b == 0.0 => None,
        BinaryOperator::Modulo => Some(float_modulo(a, b)),
        _ => Some(float_floor_division(a, b)),
    }
}

/// `operator a`, if it can be computed.
pub(super) fn fold_unary(operator: UnaryOperator, a: Number) -> Option<Number> {
    accept(match (operator, a) {
        (UnaryOperator::Minus, Number::Integer(a)) => Number::Integer(a.wrapping_neg()),
        (UnaryOperator::Minus, Number::Float(a)) => Number::Float(-a),
        (UnaryOperator::BitNot, a) => Number::Integer(!a.to_integer()?),
        (UnaryOperator::Not | UnaryOperator::Length, _) => return None,
    })
}

fn accept(result: Number) -> Option<Number> {
    match result {
        Number::Float(value) if value.is_nan() || value == 0.0 => None,
        result => Some(result),
    }
}
