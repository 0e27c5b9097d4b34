//! A generator whose numbers depend on the seed alone.
//!
//! Xorshift with 64 bits of state: a few instructions a number, and good enough to scatter references. Not for anything
//! that must not be predicted.

/// The state: never 0.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Starts a sequence.
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Returns a number below `count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // The high bits are the random ones.
        ((u128::from(self.0) * count as u128) >> 64) as usize
    }
}
