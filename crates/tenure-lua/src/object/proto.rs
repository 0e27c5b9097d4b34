//! Prototypes in the heap: what closures of one function share.
//!
//! The hot parts, code and constants, are objects of their own that an interpreter borrows as slices for a whole region; what only error
//! messages and the debug library read is one indirection further away. Prototypes are collected like everything else. They are not
//! compiled here: see [`crate::vm`] for how a compiled chunk is taken into the heap.

use super::{Array, Str};
use crate::bytecode::Instruction;
use tenure::prelude::*;

/// A function's code, constants and nested prototypes.
#[derive(Kind)]
pub(crate) struct Proto {
    pub(crate) code: Slot<Ref<Code>>,
    /// Constants, as values.
    pub(crate) constants: Slot<Ref<Array>>,
    /// Nested prototypes, as values.
    pub(crate) protos: Slot<Ref<Array>>,
    pub(crate) upvalues: Slot<Ref<UpvalueDescs>>,
    pub(crate) debug: Slot<Ref<Debug>>,
    pub(crate) parameter_count: u8,
    pub(crate) max_stack_size: u8,
    pub(crate) is_vararg: bool,
    pub(crate) line_defined: u32,
    pub(crate) last_line_defined: u32,
}

/// Instructions, each in the low half of a word. In the high half is a hint, which the interpreter writes: where the instruction found a
/// key the last time.
#[derive(Kind)]
#[tail(u64)]
pub(crate) struct Code {}

/// Returns the instruction in a word of code.
#[inline(always)]
pub(crate) fn instruction(word: &Cell<u64>) -> Instruction {
    Instruction::from_bits(word.get() as u32)
}

/// Where a closure finds an upvalue when it is made: whether in a register of the enclosing function, and which; and how the variable
/// was declared, as binary chunks have it.
pub(crate) type UpvaluePlace = (bool, u8, u8);

/// Upvalues of a prototype.
#[derive(Kind)]
#[tail(Frozen<UpvaluePlace>)]
pub(crate) struct UpvalueDescs {}

/// What error messages and the debug library read. Lists are empty when the chunk was stripped.
#[derive(Kind)]
pub(crate) struct Debug {
    /// Name of the chunk.
    pub(crate) source: Slot<Opt<Str>>,
    /// The line of each instruction.
    pub(crate) lines: Slot<Ref<Lines>>,
    /// Names of local variables, as values.
    pub(crate) local_names: Slot<Ref<Array>>,
    /// Where they are in scope: the first instruction, and the first one behind.
    pub(crate) local_ranges: Slot<Ref<Ranges>>,
    /// Names of upvalues, as values; nil when stripped.
    pub(crate) upvalue_names: Slot<Ref<Array>>,
}

/// Line numbers.
#[derive(Kind)]
#[tail(Frozen<u32>)]
pub(crate) struct Lines {}

/// Ranges of instructions.
#[derive(Kind)]
#[tail(Frozen<(u32, u32)>)]
pub(crate) struct Ranges {}

/// What the interpreter asks prototypes.
pub(crate) trait ProtoMethods<'h>: Copy {
    /// Returns the line of the instruction at `pc`, if the chunk was not stripped.
    fn line(self, pc: usize) -> Option<u32>;
    /// Returns the name of local variable `number`, from 1, among those in scope at `pc`.
    fn local_name(self, number: usize, pc: usize) -> Option<&'h [u8]>;
    /// Returns the name of an upvalue, if the chunk was not stripped.
    fn upvalue_name(self, index: usize) -> Option<&'h [u8]>;
}

impl<'h> ProtoMethods<'h> for Gc<'h, Proto> {
    fn line(self, pc: usize) -> Option<u32> {
        self.debug().lines().tail().get(pc).copied()
    }

    fn local_name(self, number: usize, pc: usize) -> Option<&'h [u8]> {
        let debug = self.debug();
        let ranges = debug.local_ranges().tail();
        let mut active = (0..ranges.len())
            .take_while(|&i| ranges[i].0 as usize <= pc)
            .filter(|&i| pc < ranges[i].1 as usize);
        let index = active.nth(number.checked_sub(1)?)?;
        let name = debug.local_names().tail().get(index)?.get();
        name.cast::<Str>().map(Gc::tail)
    }

    fn upvalue_name(self, index: usize) -> Option<&'h [u8]> {
        let name = self.debug().upvalue_names().tail().get(index)?.get();
        name.cast::<Str>().map(Gc::tail)
    }
}
