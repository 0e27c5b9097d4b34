//! An instruction as the loop fetches it: the whole word, with the hint in its upper half.
//!
//! Operands are cut out of the word by whoever needs them. A loop that cut the instruction out first would keep it in a machine register
//! of its own beside the word. Constant work.

use crate::bytecode::Instruction;

/// A word of code.
#[derive(Clone, Copy)]
pub(super) struct Fetched(pub(super) u64);

/// The accessors of [`Instruction`] that the loop needs.
macro_rules! operands {
    ($($name:ident: $type:ty),*) => {
        $(
            #[inline(always)]
            pub(super) fn $name(self) -> $type {
                self.instruction().$name()
            }
        )*
    };
}

impl Fetched {
    #[inline(always)]
    pub(super) fn instruction(self) -> Instruction {
        Instruction::from_bits(self.0 as u32)
    }

    /// Returns where the key of a field was found the last time.
    #[inline(always)]
    pub(super) fn hint(self) -> u32 {
        (self.0 >> 32) as u32
    }

    operands! { number: u8, a: u8, b: u8, c: u8, k: bool, sb: i32, sc: i32, bx: u32, sbx: i32, sj: i32 }
}
