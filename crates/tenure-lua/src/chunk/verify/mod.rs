//! Whether code that somebody else wrote can be run without checking operands.
//!
//! For each function, in this order: every instruction is one, and its operands name registers, constants, upvalues and prototypes that
//! exist and are of the right kind (`operands`); instructions that work in pairs stand together, and control never leaves the code or
//! enters a pair in its middle (`flow`); variables to be closed are opened in the order of their registers (`to_be_closed`); and debug
//! information describes this code (`debug_info`).
//!
//! Time is linear in the code, but for the third check, which is linear for code that a compiler made and otherwise at most 256 times
//! that; memory is linear.
//!
//! What it does *not* promise: types of values. Registers may hold anything when an instruction reads them, as a debugger can write any
//! value into any variable, so an interpreter must take a `FORLOOP` without numbers for an error and not for impossible. Neither does
//! it promise that a program ends, or that registers are written before they are read.

mod debug_info;
mod flow;
mod operands;
mod to_be_closed;

use crate::bytecode::{Opcode, Proto};
use std::fmt;

/// Registers that an interpreter may count on.
const REGISTERS_MIN: u8 = 2;
/// One less than the operands could name: the last number means "no register".
const REGISTERS_MAX: u8 = 254;
/// The sizes of a table are hints. They may be what the constructor's own instructions could store, and no more, so that a few bytes
/// cannot ask for all memory: so many list items an instruction brings at most.
const LIST_ITEMS_PER_INSTRUCTION: usize = 50;

/// Why code was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidCode {
    /// The line where the function is defined; 0 for a main function.
    pub line_defined: u32,
    /// The instruction, unless it is about the function as a whole.
    pub pc: Option<usize>,
    /// What is wrong.
    pub what: &'static str,
}

impl fmt::Display for InvalidCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        if let Some(pc) = self.pc {
            write!(f, " at instruction {}", pc + 1)?;
        }
        match self.line_defined {
            0 => write!(f, " of main function"),
            line => write!(f, " of function at line {line}"),
        }
    }
}

impl std::error::Error for InvalidCode {}

/// What a single check finds.
type Check = Result<(), &'static str>;

/// Checks a function and those nested in it. What the compiler makes always passes.
///
/// # Errors
/// The first thing found that an interpreter could stumble over.
///
/// ```
/// use tenure_lua::bytecode::{Instruction, Opcode, Proto};
/// use tenure_lua::chunk::verify;
///
/// let mut proto = Proto { max_stack_size: 2, ..Proto::default() };
/// proto.code = vec![Instruction::abc(Opcode::Return1, 1, 2, 0)];
/// assert_eq!(verify(&proto), Ok(()));
/// proto.code = vec![Instruction::abc(Opcode::Return1, 2, 2, 0)];
/// assert_eq!(verify(&proto).unwrap_err().to_string(), "no such register at instruction 1 of main function");
/// ```
pub fn verify(proto: &Proto) -> Result<(), InvalidCode> {
    let invalid = |pc: Option<usize>, what| InvalidCode {
        line_defined: proto.line_defined,
        pc,
        what,
    };
    function(proto).map_err(|what| invalid(None, what))?;
    for pc in 0..proto.code.len() {
        operands::check(proto, pc).map_err(|what| invalid(Some(pc), what))?;
    }
    flow::check(proto).map_err(|(pc, what)| invalid(Some(pc), what))?;
    to_be_closed::check(proto).map_err(|(pc, what)| invalid(Some(pc), what))?;
    debug_info::check(proto).map_err(|what| invalid(None, what))?;
    proto.protos.iter().try_for_each(|nested| verify(nested))
}

/// Checks the numbers that belong to the whole function.
fn function(proto: &Proto) -> Check {
    if !(REGISTERS_MIN..=REGISTERS_MAX).contains(&proto.max_stack_size) {
        return Err("invalid number of registers");
    }
    if proto.parameter_count > proto.max_stack_size {
        return Err("more parameters than registers");
    }
    if proto.upvalues.len() > usize::from(u8::MAX) {
        return Err("too many upvalues");
    }
    if proto.is_vararg
        != (proto
            .code
            .first()
            .is_some_and(|first| first.opcode() == Opcode::VarArgPrep))
    {
        return Err("variable arguments not prepared");
    }
    if proto.code.is_empty() || u32::try_from(proto.code.len()).is_err() {
        return Err("invalid number of instructions");
    }
    for upvalue in proto.protos.iter().flat_map(|nested| &nested.upvalues) {
        let limit = if upvalue.in_stack {
            usize::from(proto.max_stack_size)
        } else {
            proto.upvalues.len()
        };
        if usize::from(upvalue.index) >= limit {
            return Err("nested function with an upvalue that does not exist");
        }
    }
    Ok(())
}

/// Whether the function must close something when it returns.
fn needs_close(proto: &Proto) -> bool {
    let has_to_be_closed = proto
        .code
        .iter()
        .any(|i| matches!(i.opcode(), Opcode::Tbc | Opcode::TForPrep));
    has_to_be_closed
        || proto
            .protos
            .iter()
            .flat_map(|nested| &nested.upvalues)
            .any(|upvalue| upvalue.in_stack)
}
