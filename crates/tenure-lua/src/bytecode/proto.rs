//! Prototypes: what the compiler makes of a function, and closures share.
//!
//! A prototype is plain data that owns its nested prototypes; bytes of names and constants are shared. It is immutable once compiled, and
//! another thread may have compiled it, so an interpreter may copy it into objects of its own heap, or keep it beside the heap. It holds
//! no run-time values.

use super::instruction::Instruction;
use super::line_info::LineInfo;
use std::sync::Arc;

/// The bytes of a name or of a string constant; Lua strings are no text in any encoding.
pub type Bytes = Arc<[u8]>;

/// An entry of a prototype's table of constants.
#[derive(Clone, Debug)]
pub enum Constant {
    /// `nil`
    Nil,
    /// `true`
    True,
    /// `false`
    False,
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f64),
    /// A string.
    String(Bytes),
}

/// Floats are compared by their bits, as identity of constants demands: `0.0` is not `-0.0`.
impl PartialEq for Constant {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nil, Self::Nil) | (Self::True, Self::True) | (Self::False, Self::False) => true,
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::String(a), Self::String(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Constant {}

/// How a local variable was declared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum VariableKind {
    /// `local x`
    #[default]
    Regular,
    /// `local x <const>`
    Const,
    /// `local x <close>`
    ToBeClosed,
    /// `local x <const>` with a value known to the compiler: occupies no register.
    CompileTimeConstant,
}

impl VariableKind {
    /// The kind with a number, as binary chunks have it.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Regular),
            1 => Some(Self::Const),
            2 => Some(Self::ToBeClosed),
            3 => Some(Self::CompileTimeConstant),
            _ => None,
        }
    }
}

/// Where a closure finds one of its upvalues when it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpvalueDesc {
    /// The variable's name; `None` when debug information was stripped.
    pub name: Option<Bytes>,
    /// Whether it is a register of the enclosing function, else one of that function's upvalues.
    pub in_stack: bool,
    /// Index of that register or upvalue.
    pub index: u8,
    /// How the variable was declared.
    pub kind: VariableKind,
}

/// A local variable and the instructions where it is in scope, for debugging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalVariable {
    /// Its name; in parentheses for the hidden ones of loops. `None` only in binary chunks of other compilers.
    pub name: Option<Bytes>,
    /// The first instruction where it is active.
    pub start_pc: u32,
    /// The first instruction where it no longer is.
    pub end_pc: u32,
}

/// A compiled function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proto {
    /// Number of named parameters.
    pub parameter_count: u8,
    /// Whether it takes variable arguments.
    pub is_vararg: bool,
    /// Number of registers that it needs.
    pub max_stack_size: u8,
    /// Line of its `function`; 0 for a main function.
    pub line_defined: u32,
    /// Line of its `end`.
    pub last_line_defined: u32,
    /// Instructions; the last is a `RETURN`.
    pub code: Vec<Instruction>,
    /// Constants.
    pub constants: Vec<Constant>,
    /// Upvalues.
    pub upvalues: Vec<UpvalueDesc>,
    /// Nested functions.
    pub protos: Vec<Arc<Proto>>,
    /// Lines of instructions.
    pub line_info: LineInfo,
    /// Local variables, in the order in which they become active. Empty when debug information was stripped.
    pub local_variables: Vec<LocalVariable>,
    /// Name of the chunk, with its first character (`@`, `=`), shared by all prototypes of a chunk; `None` when stripped.
    pub source: Option<Bytes>,
}

impl Proto {
    /// The line of the instruction at `pc`, or `None` without debug information.
    pub fn line(&self, pc: usize) -> Option<u32> {
        self.line_info.line(pc, self.line_defined)
    }

    /// The name of the local variable number `number` (from 1) that is active at `pc`: the one in register `number - 1`.
    pub fn local_name(&self, number: usize, pc: usize) -> Option<&[u8]> {
        let pc = u32::try_from(pc).ok()?;
        self.local_variables
            .iter()
            .take_while(|variable| variable.start_pc <= pc)
            .filter(|variable| pc < variable.end_pc)
            .nth(number.checked_sub(1)?)?
            .name
            .as_deref()
    }
}
