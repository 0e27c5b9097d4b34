//! Pseudo-random numbers: xoshiro256**, and its projection to intervals.
//!
//! The generator of `math.random`, with the seeding of the reference, so that a seed gives the same numbers. A projection draws again
//! while the number masked to the interval's bits is outside, twice at most on average. Where a seed comes from is for the caller.

/// A generator of pseudo-random numbers.
///
/// ```
/// use tenure_lua::pure::number::Random;
/// let mut random = Random::new(42, 0);
/// let dice = random.next_in(1, 6).unwrap();
/// assert!((1..=6).contains(&dice));
/// assert_eq!(random.next_in(2, 1), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// Numbers that are thrown away after seeding, so that similar seeds give different ones.
    const DISCARDED: usize = 16;

    /// The generator that `math.randomseed(n1, n2)` makes; a missing `n2` is 0.
    #[must_use]
    pub fn new(n1: i64, n2: i64) -> Self {
        // The second word keeps the state from being all zeros, which the generator would never leave.
        let mut random = Self {
            state: [n1 as u64, 0xff, n2 as u64, 0],
        };
        for _ in 0..Self::DISCARDED {
            random.next_bits();
        }
        random
    }

    /// 64 random bits.
    pub const fn next_bits(&mut self) -> u64 {
        let [s0, s1, s2, s3] = self.state;
        let (s2, s3) = (s2 ^ s0, s3 ^ s1);
        self.state = [s0 ^ s3, s1 ^ s2, s2 ^ (s1 << 17), s3.rotate_left(45)];
        s1.wrapping_mul(5).rotate_left(7).wrapping_mul(9)
    }

    /// `math.random(0)`: an integer with all bits random.
    pub const fn next_integer(&mut self) -> i64 {
        self.next_bits() as i64
    }

    /// `math.random()`: a float from 0 to below 1.
    pub const fn next_float(&mut self) -> f64 {
        Self::float_of(self.next_bits())
    }

    /// The float from 0 to below 1 that random bits make: the 53 upper ones.
    #[must_use]
    pub const fn float_of(bits: u64) -> f64 {
        (bits >> 11) as f64 * (0.5 / (1u64 << 52) as f64)
    }

    /// `math.random(low, up)`: an integer from `low` to `up`, or nothing if that is no interval. Draws a number even then.
    pub fn next_in(&mut self, low: i64, up: i64) -> Option<i64> {
        let bits = self.next_bits();
        self.between(bits, low, up)
    }

    /// The integer from `low` to `up` that random bits make; nothing if that is no interval. Draws more if they do not suffice.
    pub fn between(&mut self, bits: u64, low: i64, up: i64) -> Option<i64> {
        if low > up {
            return None;
        }
        let size = (up as u64).wrapping_sub(low as u64);
        Some(self.project(bits, size).wrapping_add(low as u64) as i64)
    }

    /// Projects random bits to `0..=limit`: uniformly, as those outside of it are drawn again.
    fn project(&mut self, bits: u64, limit: u64) -> u64 {
        let mask = u64::MAX.checked_shr(limit.leading_zeros()).unwrap_or(0);
        let mut candidate = bits & mask;
        while candidate > limit {
            candidate = self.next_bits() & mask;
        }
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the reference draws with the same seeds.
    #[test]
    fn numbers_of_the_reference() {
        let mut random = Random::new(42, 0);
        assert_eq!(random.next_integer() as u64, 0xee49_b4f7_6602_76e5);
        assert_eq!(random.next_integer() as u64, 0x73a8_1c10_9b78_5431);
        assert_eq!(random.next_float(), 0.546_883_112_434_215);
        assert_eq!(random.next_float(), 0.793_589_352_638_272_6);
        let intervals = [
            (1, 10, 6),
            (1, 100, 64),
            (i64::MIN, i64::MAX, 8557396579841723654),
            (-5, 5, -4),
            (7, 7, 7),
        ];
        for (low, up, drawn) in intervals {
            assert_eq!(random.next_in(low, up), Some(drawn));
        }
        let mut random = Random::new(-1, 99);
        assert_eq!(random.next_integer() as u64, 0xd1fa_4c10_eb80_5c82);
        assert_eq!(random.next_in(3, 1_000_000), Some(938_115));
    }

    proptest! {
        #[test]
        fn intervals_hold_what_is_drawn_from_them(seed: i64, a: i64, b: i64) {
            let (low, up) = (a.min(b), a.max(b));
            let drawn = Random::new(seed, 0).next_in(low, up).unwrap();
            prop_assert!((low..=up).contains(&drawn));
        }

        #[test]
        fn floats_are_below_one(seed: i64) {
            let drawn = Random::new(seed, 1).next_float();
            prop_assert!((0.0..1.0).contains(&drawn));
        }
    }
}
