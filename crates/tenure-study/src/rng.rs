//! The two xorshift generators that every peer program uses, so that check values can be compared byte for byte.
//!
//! The idea: a workload draws indices below a bound and nothing else; the 64-bit generator is xorshift64\*, the 32-bit one
//! is for comparison with languages that have no 64-bit integers. A draw costs three shifts and a division. Neither is
//! fit for anything but reproducible programs.

use std::fmt;
use std::str::FromStr;

/// Which generator a workload draws from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RngKind {
    /// xorshift, 32 bits of state.
    Bits32,
    /// xorshift64\*, 64 bits of state; the default.
    #[default]
    Bits64,
}

impl RngKind {
    /// The width of the state, as check lines print it.
    pub fn bits(self) -> u32 {
        match self {
            RngKind::Bits32 => 32,
            RngKind::Bits64 => 64,
        }
    }
}

impl fmt::Display for RngKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.bits())
    }
}

/// The text given for a generator names none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownRng(String);

impl fmt::Display for UnknownRng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' names no random generator; accepted are 32 and 64", self.0)
    }
}

impl std::error::Error for UnknownRng {}

impl FromStr for RngKind {
    type Err = UnknownRng;

    fn from_str(text: &str) -> Result<Self, UnknownRng> {
        match text {
            "32" => Ok(RngKind::Bits32),
            "64" => Ok(RngKind::Bits64),
            _ => Err(UnknownRng(text.to_owned())),
        }
    }
}

/// A generator with its fixed seed.
#[derive(Debug, Clone)]
pub struct Rng {
    wide: u64,
    narrow: u32,
    kind: RngKind,
}

impl Rng {
    /// The generator at the start of its sequence.
    pub fn new(kind: RngKind) -> Self {
        Rng {
            wide: 88_172_645_463_325_252,
            narrow: 2_463_534_242,
            kind,
        }
    }

    /// An index below `bound`, which must not be zero.
    #[inline]
    pub fn index(&mut self, bound: u64) -> u64 {
        match self.kind {
            RngKind::Bits32 => {
                let mut state = self.narrow;
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                self.narrow = state;
                u64::from(state) % bound
            }
            RngKind::Bits64 => {
                let mut state = self.wide;
                state ^= state >> 12;
                state ^= state << 25;
                state ^= state >> 27;
                self.wide = state;
                (state.wrapping_mul(2_685_821_657_736_338_717) >> 33) % bound
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_draws_are_those_of_the_peers() {
        let draws = |kind| {
            let mut rng = Rng::new(kind);
            [(); 4].map(|()| rng.index(1 << 30))
        };
        assert_eq!(draws(RngKind::Bits32), DRAWS_32);
        assert_eq!(draws(RngKind::Bits64), DRAWS_64);
    }

    const DRAWS_32: [u64; 4] = [723_471_715, 349_883_258, 990_402_976, 934_303_358];
    const DRAWS_64: [u64; 4] = [861_130_997, 329_339_856, 259_442_084, 37_494_802];

    #[test]
    fn an_unknown_width_is_refused_with_the_accepted_ones() {
        let message = "48".parse::<RngKind>().unwrap_err().to_string();
        assert!(message.contains("'48'") && message.contains("32 and 64"), "{message}");
        assert_eq!("32".parse(), Ok(RngKind::Bits32));
    }
}
