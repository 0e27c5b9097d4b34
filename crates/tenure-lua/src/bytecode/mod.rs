//! Register bytecode of Lua 5.4: 32-bit instructions and the prototypes that hold them.
//!
//! The instruction set is that of the reference implementation, opcode by opcode, so that what is written about it holds here: the
//! compiler makes the same code, binary chunks are interchangeable, and variable names in error messages are found by reading code.
//! Decoding a field is a shift and a mask. Nothing here runs code.

mod instruction;
mod line_info;
mod listing;
mod metamethod;
mod opcode;
mod proto;

pub use instruction::{Instruction, MAX_A, MAX_AX, MAX_B, MAX_BX, MAX_C, MAX_SJ, OFFSET_SBX, OFFSET_SC, OFFSET_SJ};
pub use line_info::{AbsoluteLine, LineInfo};
pub use listing::Listing;
pub use metamethod::Metamethod;
pub(crate) use opcode::unused_numbers;
pub use opcode::{Format, Opcode, number};
pub use proto::{Bytes, Constant, LocalVariable, Proto, UpvalueDesc, VariableKind};
