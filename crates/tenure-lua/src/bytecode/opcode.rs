//! The 83 opcodes of Lua 5.4, with their formats and what the compiler and the verifier must know about each.
//!
//! One table makes the enumeration, the names and the properties, so they cannot disagree. In the documentation of an opcode `R[x]` is a
//! register, `K[x]` a constant, `U[x]` an upvalue, `P[x]` a nested prototype, and `RK(C)` is `K[C]` when `k` is set and `R[C]` otherwise.
//! Looking up a property is one load. What an opcode does to values is the interpreter's affair.

/// How the 25 bits behind an opcode are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `A` (8 bits), `k` (1), `B` (8), `C` (8).
    Abc,
    /// `A` (8), `Bx` (17).
    Abx,
    /// `A` (8), `sBx` (17, signed).
    AsBx,
    /// `Ax` (25).
    Ax,
    /// `sJ` (25, signed).
    Sj,
}

const SETS_A: u8 = 1;
const TEST: u8 = 2;
const USES_TOP: u8 = 4;
const SETS_TOP: u8 = 8;
const METAMETHOD: u8 = 16;

/// The pattern of the numbers below 128 that are no opcode's, one by one: a range would be a compare and not a place in a table.
#[rustfmt::skip]
macro_rules! unused_numbers {
    () => {
        83 | 84 | 85 | 86 | 87 | 88 | 89 | 90 | 91 | 92 | 93 | 94 | 95 | 96 | 97
        | 98 | 99 | 100 | 101 | 102 | 103 | 104 | 105 | 106 | 107 | 108 | 109 | 110 | 111 | 112
        | 113 | 114 | 115 | 116 | 117 | 118 | 119 | 120 | 121 | 122 | 123 | 124 | 125 | 126 | 127
    };
}
pub(crate) use unused_numbers;

macro_rules! opcodes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $format:ident, $flags:expr;)*) => {
        /// An operation of the register machine.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Opcode {
            $($(#[$doc])* $name,)*
        }

        impl Opcode {
            /// All opcodes, in the order of their numbers.
            pub const ALL: [Opcode; 83] = [$(Opcode::$name,)*];
            const NAMES: [&'static str; 83] = [$($text,)*];
            const FORMATS: [Format; 83] = [$(Format::$format,)*];
            const FLAGS: [u8; 83] = [$($flags,)*];

            /// The opcode with a number, if there is one. Constant time, without a table.
            #[inline]
            pub const fn from_number(number: u8) -> Option<Opcode> {
                if number <= Opcode::ExtraArg as u8 { Some(Self::from_number_or_last(number)) } else { None }
            }

            /// The opcode with a number, or the last one. The compiler sees that this is a minimum.
            #[inline]
            pub(super) const fn from_number_or_last(number: u8) -> Opcode {
                match number {
                    $(number::$name => Opcode::$name,)*
                    _ => Opcode::ExtraArg,
                }
            }
        }

        /// The numbers of the opcodes, for a match on [`Instruction::number`](super::Instruction::number).
        #[allow(non_upper_case_globals, missing_docs, reason = "one for each variant, named like it")]
        pub mod number {
            use super::Opcode;
            $(pub const $name: u8 = Opcode::$name as u8;)*
        }
    };
}

opcodes! {
    /// `R[A] := R[B]`.
    Move = "MOVE", Abc, SETS_A;
    /// `R[A] := sBx`, an integer.
    LoadI = "LOADI", AsBx, SETS_A;
    /// `R[A] := sBx`, as a float.
    LoadF = "LOADF", AsBx, SETS_A;
    /// `R[A] := K[Bx]`.
    LoadK = "LOADK", Abx, SETS_A;
    /// `R[A] := K[Ax of the next instruction]`, for constants beyond the reach of `Bx`.
    LoadKX = "LOADKX", Abx, SETS_A;
    /// `R[A] := false`.
    LoadFalse = "LOADFALSE", Abc, SETS_A;
    /// `R[A] := false`, and skip the next instruction: turns a condition into a boolean.
    LFalseSkip = "LFALSESKIP", Abc, SETS_A;
    /// `R[A] := true`.
    LoadTrue = "LOADTRUE", Abc, SETS_A;
    /// `R[A], …, R[A + B] := nil`.
    LoadNil = "LOADNIL", Abc, SETS_A;
    /// `R[A] := U[B]`.
    GetUpval = "GETUPVAL", Abc, SETS_A;
    /// `U[B] := R[A]`.
    SetUpval = "SETUPVAL", Abc, 0;
    /// `R[A] := U[B][K[C]]`, a short string as key: how globals are read.
    GetTabUp = "GETTABUP", Abc, SETS_A;
    /// `R[A] := R[B][R[C]]`.
    GetTable = "GETTABLE", Abc, SETS_A;
    /// `R[A] := R[B][C]`, an integer as key.
    GetI = "GETI", Abc, SETS_A;
    /// `R[A] := R[B][K[C]]`, a short string as key.
    GetField = "GETFIELD", Abc, SETS_A;
    /// `U[A][K[B]] := RK(C)`, a short string as key: how globals are written.
    SetTabUp = "SETTABUP", Abc, 0;
    /// `R[A][R[B]] := RK(C)`.
    SetTable = "SETTABLE", Abc, 0;
    /// `R[A][B] := RK(C)`, an integer as key.
    SetI = "SETI", Abc, 0;
    /// `R[A][K[B]] := RK(C)`, a short string as key.
    SetField = "SETFIELD", Abc, 0;
    /// `R[A] := {}`; `B` is 0 or 1 + log2 of the hash size, `C` the array size, with the next instruction's `Ax` as its high
    /// bits when `k`; an [`ExtraArg`](Opcode::ExtraArg) always follows.
    NewTable = "NEWTABLE", Abc, SETS_A;
    /// `R[A + 1] := R[B]; R[A] := R[B][RK(C)]`, a string as key: a method and its receiver.
    SelfOp = "SELF", Abc, SETS_A;
    /// `R[A] := R[B] + sC`.
    AddI = "ADDI", Abc, SETS_A;
    /// `R[A] := R[B] + K[C]`, a number.
    AddK = "ADDK", Abc, SETS_A;
    /// `R[A] := R[B] - K[C]`, a number.
    SubK = "SUBK", Abc, SETS_A;
    /// `R[A] := R[B] * K[C]`, a number.
    MulK = "MULK", Abc, SETS_A;
    /// `R[A] := R[B] % K[C]`, a number.
    ModK = "MODK", Abc, SETS_A;
    /// `R[A] := R[B] ^ K[C]`, a number.
    PowK = "POWK", Abc, SETS_A;
    /// `R[A] := R[B] / K[C]`, a number.
    DivK = "DIVK", Abc, SETS_A;
    /// `R[A] := R[B] // K[C]`, a number.
    IDivK = "IDIVK", Abc, SETS_A;
    /// `R[A] := R[B] & K[C]`, an integer.
    BAndK = "BANDK", Abc, SETS_A;
    /// `R[A] := R[B] | K[C]`, an integer.
    BOrK = "BORK", Abc, SETS_A;
    /// `R[A] := R[B] ~ K[C]`, an integer.
    BXorK = "BXORK", Abc, SETS_A;
    /// `R[A] := R[B] >> sC`.
    ShrI = "SHRI", Abc, SETS_A;
    /// `R[A] := sC << R[B]`.
    ShlI = "SHLI", Abc, SETS_A;
    /// `R[A] := R[B] + R[C]`.
    Add = "ADD", Abc, SETS_A;
    /// `R[A] := R[B] - R[C]`.
    Sub = "SUB", Abc, SETS_A;
    /// `R[A] := R[B] * R[C]`.
    Mul = "MUL", Abc, SETS_A;
    /// `R[A] := R[B] % R[C]`.
    Mod = "MOD", Abc, SETS_A;
    /// `R[A] := R[B] ^ R[C]`.
    Pow = "POW", Abc, SETS_A;
    /// `R[A] := R[B] / R[C]`.
    Div = "DIV", Abc, SETS_A;
    /// `R[A] := R[B] // R[C]`.
    IDiv = "IDIV", Abc, SETS_A;
    /// `R[A] := R[B] & R[C]`.
    BAnd = "BAND", Abc, SETS_A;
    /// `R[A] := R[B] | R[C]`.
    BOr = "BOR", Abc, SETS_A;
    /// `R[A] := R[B] ~ R[C]`.
    BXor = "BXOR", Abc, SETS_A;
    /// `R[A] := R[B] << R[C]`.
    Shl = "SHL", Abc, SETS_A;
    /// `R[A] := R[B] >> R[C]`.
    Shr = "SHR", Abc, SETS_A;
    /// `R[A of the previous instruction] :=` metamethod `C` of `R[A]` and `R[B]`: follows each arithmetic instruction, which
    /// skips it when it succeeds.
    MmBin = "MMBIN", Abc, METAMETHOD;
    /// like [`MmBin`](Opcode::MmBin), of `R[A]` and the integer `sB`, flipped when `k`.
    MmBinI = "MMBINI", Abc, METAMETHOD;
    /// like [`MmBin`](Opcode::MmBin), of `R[A]` and `K[B]`, flipped when `k`.
    MmBinK = "MMBINK", Abc, METAMETHOD;
    /// `R[A] := -R[B]`.
    Unm = "UNM", Abc, SETS_A;
    /// `R[A] := ~R[B]`.
    BNot = "BNOT", Abc, SETS_A;
    /// `R[A] := not R[B]`.
    Not = "NOT", Abc, SETS_A;
    /// `R[A] := #R[B]`.
    Len = "LEN", Abc, SETS_A;
    /// `R[A] := R[A] .. … .. R[A + B - 1]`.
    Concat = "CONCAT", Abc, SETS_A;
    /// close all upvalues and to-be-closed variables from `R[A]` up.
    Close = "CLOSE", Abc, 0;
    /// mark `R[A]` as to be closed.
    Tbc = "TBC", Abc, 0;
    /// `pc += sJ`.
    Jmp = "JMP", Sj, 0;
    /// `if (R[A] == R[B]) ~= k then pc++`; a jump follows each test.
    Eq = "EQ", Abc, TEST;
    /// `if (R[A] < R[B]) ~= k then pc++`.
    Lt = "LT", Abc, TEST;
    /// `if (R[A] <= R[B]) ~= k then pc++`.
    Le = "LE", Abc, TEST;
    /// `if (R[A] == K[B]) ~= k then pc++`.
    EqK = "EQK", Abc, TEST;
    /// `if (R[A] == sB) ~= k then pc++`.
    EqI = "EQI", Abc, TEST;
    /// `if (R[A] < sB) ~= k then pc++`; `C` tells that the operand was written as a float, here and in the next three.
    LtI = "LTI", Abc, TEST;
    /// `if (R[A] <= sB) ~= k then pc++`.
    LeI = "LEI", Abc, TEST;
    /// `if (R[A] > sB) ~= k then pc++`.
    GtI = "GTI", Abc, TEST;
    /// `if (R[A] >= sB) ~= k then pc++`.
    GeI = "GEI", Abc, TEST;
    /// `if (not R[A]) == k then pc++`.
    Test = "TEST", Abc, TEST;
    /// `if (not R[B]) == k then pc++ else R[A] := R[B]`.
    TestSet = "TESTSET", Abc, SETS_A | TEST;
    /// `R[A], …, R[A + C - 2] := R[A](R[A + 1], …, R[A + B - 1])`; `B` = 0: arguments up to the top; `C` = 0: all results, and
    /// the top follows them.
    Call = "CALL", Abc, SETS_A | USES_TOP | SETS_TOP;
    /// `return R[A](R[A + 1], …, R[A + B - 1])`; `B` as in [`Call`](Opcode::Call), `k` and `C` as in
    /// [`Return`](Opcode::Return).
    TailCall = "TAILCALL", Abc, SETS_A | USES_TOP | SETS_TOP;
    /// `return R[A], …, R[A + B - 2]`; `B` = 0: up to the top; `k`: upvalues or variables to close; `C` > 0: the function has
    /// variable arguments and `C - 1` parameters.
    Return = "RETURN", Abc, USES_TOP;
    /// `return`.
    Return0 = "RETURN0", Abc, 0;
    /// `return R[A]`.
    Return1 = "RETURN1", Abc, 0;
    /// update the counters; if the loop continues, `pc -= Bx`.
    ForLoop = "FORLOOP", Abx, SETS_A;
    /// check values and prepare the counters; if the loop does not run, `pc += Bx + 1`.
    ForPrep = "FORPREP", Abx, SETS_A;
    /// mark `R[A + 3]` as to be closed; `pc += Bx`.
    TForPrep = "TFORPREP", Abx, 0;
    /// `R[A + 4], …, R[A + 3 + C] := R[A](R[A + 1], R[A + 2])`.
    TForCall = "TFORCALL", Abc, 0;
    /// `if R[A + 4] ~= nil then { R[A + 2] := R[A + 4]; pc -= Bx }`.
    TForLoop = "TFORLOOP", Abx, SETS_A;
    /// `R[A][C + i] := R[A + i]` for `1 <= i <= B`; `B` = 0: up to the top; `k`: the next instruction's `Ax` are the high bits
    /// of `C`.
    SetList = "SETLIST", Abc, USES_TOP;
    /// `R[A] := closure(P[Bx])`.
    Closure = "CLOSURE", Abx, SETS_A;
    /// `R[A], …, R[A + C - 2] := ...`; `C` = 0: all, and the top follows them.
    VarArg = "VARARG", Abc, SETS_A | SETS_TOP;
    /// adjust variable arguments, with `A` parameters.
    VarArgPrep = "VARARGPREP", Abc, SETS_A;
    /// `Ax` for the previous instruction.
    ExtraArg = "EXTRAARG", Ax, 0;
}

impl Opcode {
    /// The number that stands in an instruction.
    #[inline]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The name in upper case, as in listings: `GETTABUP`.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// How the bits behind the opcode are divided.
    pub const fn format(self) -> Format {
        Self::FORMATS[self as usize]
    }

    /// Whether the instruction writes register `A`.
    pub const fn sets_a(self) -> bool {
        Self::FLAGS[self as usize] & SETS_A != 0
    }

    /// Whether the instruction is a test, which a jump follows.
    pub const fn is_test(self) -> bool {
        Self::FLAGS[self as usize] & TEST != 0
    }

    /// Whether the instruction reads up to the top of the stack that the previous instruction set, when `B` is 0.
    pub const fn uses_top(self) -> bool {
        Self::FLAGS[self as usize] & USES_TOP != 0
    }

    /// Whether the instruction sets the top of the stack for the next instruction, when `C` is 0.
    pub const fn sets_top(self) -> bool {
        Self::FLAGS[self as usize] & SETS_TOP != 0
    }

    /// Whether the instruction calls the metamethod of the arithmetic instruction before it.
    pub const fn calls_metamethod(self) -> bool {
        Self::FLAGS[self as usize] & METAMETHOD != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_reference() {
        for (number, opcode) in Opcode::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(opcode.number()), number);
            assert_eq!(Opcode::from_number(opcode.number()), Some(opcode));
        }
        assert_eq!(Opcode::from_number(83), None);
        for (opcode, number) in [
            (Opcode::GetTabUp, 11),
            (Opcode::Add, 34),
            (Opcode::Jmp, 56),
            (Opcode::Call, 68),
        ] {
            assert_eq!(opcode.number(), number);
        }
        assert_eq!(Opcode::ExtraArg.number(), 82);
    }
}
