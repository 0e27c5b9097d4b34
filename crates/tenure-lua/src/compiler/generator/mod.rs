//! Code for expressions and jumps.
//!
//! From the bottom up: `emit` appends instructions, `registers` and `constants` hand out operands, `jumps` threads and patches lists of
//! jumps, `discharge` brings an expression into a register, `operand` into a constant, `conditions` into a jump, `store` into a variable;
//! `operators` chooses among instructions for an operation, and `folding` computes those that need none. `finish` is the only second look
//! at code. Each step costs constant time but for lists of jumps, which are walked once when they are patched.
//!
//! There is no optimization beyond the choice of instructions: no common subexpressions, no data flow.

mod conditions;
mod constants;
mod discharge;
mod emit;
mod finish;
mod folding;
mod jumps;
mod line_recorder;
mod operand;
mod operators;
mod registers;
mod store;

pub(super) use emit::LIST_ITEMS_PER_STORE;
pub(crate) use line_recorder::LineRecorder;
pub(super) use operators::{BinaryOperator, UnaryOperator};
