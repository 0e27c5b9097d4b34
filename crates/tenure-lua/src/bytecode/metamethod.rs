//! The events that metatables answer, numbered as in the operand `C` of `MMBIN` instructions.
//!
//! The order is the reference implementation's, because binary chunks hold the numbers. Looking up a name is one load; finding the
//! metamethod in a metatable is the interpreter's affair.

macro_rules! metamethods {
    ($($name:ident = $text:literal,)*) => {
        /// An event that a metatable can answer.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Metamethod {
            $(#[doc = concat!("`", $text, "`")] $name,)*
        }

        impl Metamethod {
            /// All events, in the order of their numbers.
            pub const ALL: [Metamethod; 25] = [$(Metamethod::$name,)*];
            const NAMES: [&'static str; 25] = [$($text,)*];
        }
    };
}

metamethods! {
    Index = "__index",
    NewIndex = "__newindex",
    Gc = "__gc",
    Mode = "__mode",
    Len = "__len",
    Eq = "__eq",
    Add = "__add",
    Sub = "__sub",
    Mul = "__mul",
    Mod = "__mod",
    Pow = "__pow",
    Div = "__div",
    IDiv = "__idiv",
    BAnd = "__band",
    BOr = "__bor",
    BXor = "__bxor",
    Shl = "__shl",
    Shr = "__shr",
    Unm = "__unm",
    BNot = "__bnot",
    Lt = "__lt",
    Le = "__le",
    Concat = "__concat",
    Call = "__call",
    Close = "__close",
}

impl Metamethod {
    /// The key in a metatable: `__add`.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The number that stands in an instruction.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The event with a number, if there is one.
    pub const fn from_number(number: u8) -> Option<Metamethod> {
        if (number as usize) < Self::ALL.len() {
            Some(Self::ALL[number as usize])
        } else {
            None
        }
    }
}
