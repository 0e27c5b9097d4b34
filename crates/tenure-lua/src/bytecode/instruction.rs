//! One instruction: 32 bits, of which the lowest seven are the opcode.
//!
//! ```text
//!  bits   31      24 23      16 15  14       7 6       0
//!  Abc   |   C (8)  |   B (8)  | k |   A (8)  |  opcode |
//!  Abx   |          Bx (17)        |   A (8)  |  opcode |
//!  AsBx  |         sBx (17)        |   A (8)  |  opcode |
//!  Ax    |               Ax (25)              |  opcode |
//!  Sj    |               sJ (25)              |  opcode |
//! ```
//!
//! A signed operand is stored with an offset of half its range. Reading an operand is a shift and a mask; an operand of the wrong format
//! reads as the bits that are there, and only the verifier minds.

use super::opcode::Opcode;
use std::fmt;

/// The largest `A`.
pub const MAX_A: u32 = 0xff;
/// The largest `B`.
pub const MAX_B: u32 = 0xff;
/// The largest `C`.
pub const MAX_C: u32 = 0xff;
/// The largest `Bx`.
pub const MAX_BX: u32 = (1 << 17) - 1;
/// The largest `Ax`.
pub const MAX_AX: u32 = (1 << 25) - 1;
/// The largest stored `sJ`.
pub const MAX_SJ: u32 = (1 << 25) - 1;
/// What is added to `sBx` to store it.
pub const OFFSET_SBX: i32 = (MAX_BX >> 1) as i32;
/// What is added to `sJ` to store it.
pub const OFFSET_SJ: i32 = (MAX_SJ >> 1) as i32;
/// What is added to `sB` and `sC` to store them.
pub const OFFSET_SC: i32 = (MAX_C >> 1) as i32;

const A_AT: u32 = 7;
const K_AT: u32 = 15;
const B_AT: u32 = 16;
const C_AT: u32 = 24;
const OPCODE_MASK: u32 = 0x7f;

/// An encoded instruction.
///
/// ```
/// use tenure_lua::bytecode::{Instruction, Opcode};
///
/// let add = Instruction::abc(Opcode::AddI, 1, 0, Instruction::signed_c(-3));
/// assert_eq!((add.opcode(), add.a(), add.b(), add.sc()), (Opcode::AddI, 1, 0, -3));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Instruction(u32);

impl Instruction {
    /// The instruction with these bits. They may be no valid instruction; see [`opcode_checked`](Self::opcode_checked).
    #[inline]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The bits, as they stand in a binary chunk.
    #[inline]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Encodes `A`, `B` and `C`, with `k` clear.
    #[inline]
    pub const fn abc(opcode: Opcode, a: u8, b: u8, c: u8) -> Self {
        Self::abck(opcode, a, b, c, false)
    }

    /// Encodes `A`, `B`, `C` and `k`.
    #[inline]
    pub const fn abck(opcode: Opcode, a: u8, b: u8, c: u8, k: bool) -> Self {
        Self(opcode as u32 | (a as u32) << A_AT | (k as u32) << K_AT | (b as u32) << B_AT | (c as u32) << C_AT)
    }

    /// Encodes `A` and `Bx`, of which the low 17 bits are taken.
    #[inline]
    pub const fn abx(opcode: Opcode, a: u8, bx: u32) -> Self {
        Self(opcode as u32 | (a as u32) << A_AT | (bx & MAX_BX) << K_AT)
    }

    /// Encodes `A` and `sBx`, which lies in `-65535..=65536`; other values wrap.
    #[inline]
    pub const fn asbx(opcode: Opcode, a: u8, sbx: i32) -> Self {
        Self::abx(opcode, a, sbx.wrapping_add(OFFSET_SBX) as u32)
    }

    /// Encodes `Ax`, of which the low 25 bits are taken.
    #[inline]
    pub const fn from_ax(opcode: Opcode, ax: u32) -> Self {
        Self(opcode as u32 | (ax & MAX_AX) << A_AT)
    }

    /// Encodes `sJ`, which lies in `-16777215..=16777216`; other values wrap.
    #[inline]
    pub const fn from_sj(opcode: Opcode, sj: i32) -> Self {
        Self::from_ax(opcode, sj.wrapping_add(OFFSET_SJ) as u32)
    }

    /// The form in which `value` stands in `C`, or in `B`, as a signed operand: `-127..=128`; other values wrap.
    #[inline]
    pub const fn signed_c(value: i32) -> u8 {
        value.wrapping_add(OFFSET_SC) as u8
    }

    /// The opcode's number, below 128.
    #[inline]
    pub const fn number(self) -> u8 {
        (self.0 & OPCODE_MASK) as u8
    }

    /// The opcode, if the number is one.
    #[inline]
    pub const fn opcode_checked(self) -> Option<Opcode> {
        Opcode::from_number((self.0 & OPCODE_MASK) as u8)
    }

    /// The opcode; [`Opcode::ExtraArg`] for numbers that are none, which neither the compiler nor the verifier lets through.
    #[inline]
    pub const fn opcode(self) -> Opcode {
        Opcode::from_number_or_last((self.0 & OPCODE_MASK) as u8)
    }

    /// Operand `A`.
    #[inline]
    pub const fn a(self) -> u8 {
        (self.0 >> A_AT) as u8
    }

    /// Operand `B`.
    #[inline]
    pub const fn b(self) -> u8 {
        (self.0 >> B_AT) as u8
    }

    /// Operand `C`.
    #[inline]
    pub const fn c(self) -> u8 {
        (self.0 >> C_AT) as u8
    }

    /// Operand `k`.
    #[inline]
    pub const fn k(self) -> bool {
        self.0 & (1 << K_AT) != 0
    }

    /// Operand `B`, signed.
    #[inline]
    pub const fn sb(self) -> i32 {
        self.b() as i32 - OFFSET_SC
    }

    /// Operand `C`, signed.
    #[inline]
    pub const fn sc(self) -> i32 {
        self.c() as i32 - OFFSET_SC
    }

    /// Operand `Bx`.
    #[inline]
    pub const fn bx(self) -> u32 {
        self.0 >> K_AT
    }

    /// Operand `sBx`.
    #[inline]
    pub const fn sbx(self) -> i32 {
        self.bx() as i32 - OFFSET_SBX
    }

    /// Operand `Ax`.
    #[inline]
    pub const fn ax(self) -> u32 {
        self.0 >> A_AT
    }

    /// Operand `sJ`.
    #[inline]
    pub const fn sj(self) -> i32 {
        self.ax() as i32 - OFFSET_SJ
    }

    /// The same instruction with another opcode.
    #[must_use]
    pub const fn with_opcode(self, opcode: Opcode) -> Self {
        Self(self.0 & !OPCODE_MASK | opcode as u32)
    }

    /// The same instruction with another `A`.
    #[must_use]
    pub const fn with_a(self, a: u8) -> Self {
        Self(self.0 & !(MAX_A << A_AT) | (a as u32) << A_AT)
    }

    /// The same instruction with another `B`.
    #[must_use]
    pub const fn with_b(self, b: u8) -> Self {
        Self(self.0 & !(MAX_B << B_AT) | (b as u32) << B_AT)
    }

    /// The same instruction with another `C`.
    #[must_use]
    pub const fn with_c(self, c: u8) -> Self {
        Self(self.0 & !(MAX_C << C_AT) | (c as u32) << C_AT)
    }

    /// The same instruction with another `k`.
    #[must_use]
    pub const fn with_k(self, k: bool) -> Self {
        Self(self.0 & !(1 << K_AT) | (k as u32) << K_AT)
    }

    /// The same instruction with another `Bx`.
    #[must_use]
    pub const fn with_bx(self, bx: u32) -> Self {
        Self(self.0 & !(MAX_BX << K_AT) | (bx & MAX_BX) << K_AT)
    }

    /// The same instruction with another `sJ`.
    #[must_use]
    pub const fn with_sj(self, sj: i32) -> Self {
        Self(self.0 & OPCODE_MASK | (sj.wrapping_add(OFFSET_SJ) as u32 & MAX_SJ) << A_AT)
    }

    /// Whether the instruction leaves the top of the stack for the next one to use.
    pub const fn leaves_top(self) -> bool {
        let opcode = self.opcode();
        opcode.sets_top() && self.c() == 0 || matches!(opcode, Opcode::TailCall)
    }

    /// Whether the instruction needs the top of the stack that the previous one left.
    pub const fn needs_top(self) -> bool {
        self.opcode().uses_top() && self.b() == 0
    }
}

impl fmt::Debug for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.opcode_checked() {
            Some(opcode) => write!(f, "{} {:#010x}", opcode.name(), self.0),
            None => write!(f, "invalid {:#010x}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_are_read_as_they_were_written() {
        let i = Instruction::abck(Opcode::Call, 255, 254, 253, true);
        assert_eq!(
            (i.opcode(), i.a(), i.b(), i.c(), i.k()),
            (Opcode::Call, 255, 254, 253, true)
        );
        let i = i
            .with_a(1)
            .with_b(2)
            .with_c(3)
            .with_k(false)
            .with_opcode(Opcode::TailCall);
        assert_eq!(i, Instruction::abc(Opcode::TailCall, 1, 2, 3));
        for sbx in [-OFFSET_SBX, -1, 0, 1, OFFSET_SBX + 1] {
            assert_eq!(Instruction::asbx(Opcode::LoadI, 7, sbx).sbx(), sbx);
        }
        for sj in [-OFFSET_SJ, -1, 0, 1, OFFSET_SJ + 1] {
            assert_eq!(Instruction::from_sj(Opcode::Jmp, 5).with_sj(sj).sj(), sj);
        }
        for sc in [-127, -1, 0, 1, 128] {
            assert_eq!(Instruction::abc(Opcode::AddI, 0, 0, Instruction::signed_c(sc)).sc(), sc);
        }
        assert_eq!(Instruction::abx(Opcode::Closure, 3, 9).with_bx(MAX_BX).bx(), MAX_BX);
        assert_eq!(Instruction::from_ax(Opcode::ExtraArg, MAX_AX).ax(), MAX_AX);
    }

    #[test]
    fn numbers_beyond_the_opcodes_are_no_opcodes() {
        assert_eq!(Instruction::from_bits(83).opcode_checked(), None);
        assert_eq!(Instruction::from_bits(127).opcode(), Opcode::ExtraArg);
    }
}
