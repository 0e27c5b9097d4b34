//! One bit per word of the cage, in a table of its own.
//!
//! Bit `i` belongs to the word at `cage.start + 8 i`; the bits of one block are one page, those of neighboring blocks
//! are neighbors, so that the caches see one dense table and not the same few sets again and again. Single bits cost a
//! load and a store; ranges are searched 64 words at a time. The bitmap does not know which of its pages are committed.

/// A side bitmap: one bit per word.
///
/// Invariant (BITMAP-COMMITTED): whoever calls a method has committed the bitmap's pages for the words it names.
#[derive(Debug, Clone, Copy)]
pub struct SideBitmap {
    words: *mut u64,
    bits: usize,
}

impl SideBitmap {
    /// Wraps the table at `base` with `bits` bits.
    ///
    /// # Safety
    ///
    /// `[base, base + bits / 8)` must be a word-aligned reservation that outlives all use (MEM-OWNED), and each method
    /// may be called only for bits whose pages are committed (BITMAP-COMMITTED).
    #[must_use]
    pub const unsafe fn new(base: usize, bits: usize) -> SideBitmap {
        SideBitmap {
            words: base as *mut u64,
            bits,
        }
    }

    /// Returns the address of the first word of the table.
    #[must_use]
    #[inline]
    pub fn base(&self) -> *mut u64 {
        self.words
    }

    /// Returns word `index` of the table: the bits of words `64 index ..`.
    #[must_use]
    #[inline]
    pub fn word(&self, index: usize) -> u64 {
        debug_assert!(index < self.bits / 64, "BITMAP-COMMITTED");
        // SAFETY: BITMAP-COMMITTED, the index is within the table and its page is committed.
        unsafe { *self.words.add(index) }
    }

    /// Sets word `index` of the table.
    #[inline]
    pub fn set_word(&self, index: usize, bits: u64) {
        debug_assert!(index < self.bits / 64, "BITMAP-COMMITTED");
        // SAFETY: BITMAP-COMMITTED, the index is within the table and its page is committed.
        unsafe { *self.words.add(index) = bits }
    }

    /// Returns bit `bit`.
    #[must_use]
    #[inline]
    pub fn get(&self, bit: usize) -> bool {
        self.word(bit >> 6) >> (bit & 63) & 1 != 0
    }

    /// Sets bit `bit`.
    #[inline]
    pub fn set(&self, bit: usize) {
        self.set_word(bit >> 6, self.word(bit >> 6) | 1 << (bit & 63));
    }

    /// Clears bit `bit`.
    #[inline]
    pub fn clear(&self, bit: usize) {
        self.set_word(bit >> 6, self.word(bit >> 6) & !(1 << (bit & 63)));
    }

    /// Clears bits `[from, to)`.
    pub fn clear_range(&self, from: usize, to: usize) {
        debug_assert!(from <= to && to <= self.bits);
        let mut bit = from;
        while bit < to && bit & 63 != 0 {
            self.clear(bit);
            bit += 1;
        }
        while bit + 64 <= to {
            self.set_word(bit >> 6, 0);
            bit += 64;
        }
        while bit < to {
            self.clear(bit);
            bit += 1;
        }
    }

    /// Returns the last set bit in `[from, to)`, searching downward.
    #[must_use]
    pub fn last_set(&self, from: usize, to: usize) -> Option<usize> {
        let mut end = to;
        while end > from {
            let index = (end - 1) >> 6;
            let low = index << 6;
            let mut word = self.word(index);
            if end - low < 64 {
                word &= (1 << (end - low)) - 1;
            }
            if word != 0 {
                let bit = low + 63 - word.leading_zeros() as usize;
                return (bit >= from).then_some(bit);
            }
            end = low;
        }
        None
    }

    /// Iterates over the set bits in `[from, to)`, upward.
    #[must_use]
    pub fn set_bits(&self, from: usize, to: usize) -> SetBits {
        let mut bits = SetBits {
            bitmap: *self,
            word: 0,
            index: from >> 6,
            to,
        };
        if from < to {
            bits.word = self.word(from >> 6) & (!0 << (from & 63));
        }
        bits
    }

    /// Counts the set bits in `[from, to)`.
    #[must_use]
    pub fn count(&self, from: usize, to: usize) -> usize {
        self.set_bits(from, to).count()
    }
}

/// Iterator over set bits.
#[derive(Debug)]
pub struct SetBits {
    bitmap: SideBitmap,
    word: u64,
    index: usize,
    to: usize,
}

impl Iterator for SetBits {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        loop {
            if self.word != 0 {
                let bit = (self.index << 6) + self.word.trailing_zeros() as usize;
                self.word &= self.word - 1;
                return (bit < self.to).then_some(bit);
            }
            if (self.index + 1) << 6 >= self.to {
                return None;
            }
            self.index += 1;
            self.word = self.bitmap.word(self.index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitvec::prelude::{BitSlice, Lsb0};
    use proptest::prelude::*;

    /// The words of a table that lives as long as the test.
    struct Table(Vec<u64>);

    impl Table {
        fn bitmap(&mut self) -> SideBitmap {
            // SAFETY: MEM-OWNED and BITMAP-COMMITTED, the vector holds all bits and outlives the bitmap.
            unsafe { SideBitmap::new(self.0.as_mut_ptr() as usize, self.0.len() * 64) }
        }
        fn oracle(&self) -> &BitSlice<u64, Lsb0> {
            BitSlice::from_slice(&self.0)
        }
    }

    proptest! {
        #[test]
        fn agrees_with_bitvec(words in proptest::collection::vec(any::<u64>() , 1..20),
                              sparse in any::<u64>(), a in 0usize..1280, b in 0usize..1280) {
            let mut table = Table(words.iter().map(|w| w & sparse).collect());
            let bits = table.0.len() * 64;
            let (from, to) = (a.min(b) % (bits + 1), a.max(b) % (bits + 1));
            let (from, to) = (from.min(to), from.max(to));
            let bitmap = table.bitmap();
            let expected: Vec<usize> = table.oracle()[from..to].iter_ones().map(|i| i + from).collect();
            prop_assert_eq!(bitmap.set_bits(from, to).collect::<Vec<_>>(), expected.clone());
            prop_assert_eq!(bitmap.last_set(from, to), expected.last().copied());
            prop_assert_eq!(bitmap.count(from, to), expected.len());
            if from < bits {
                prop_assert_eq!(bitmap.get(from), table.oracle()[from]);
            }
            let mut cleared = table.oracle().to_bitvec();
            cleared[from..to].fill(false);
            bitmap.clear_range(from, to);
            prop_assert_eq!(table.oracle(), cleared.as_bitslice());
        }

        #[test]
        fn set_and_clear_touch_one_bit(words in proptest::collection::vec(any::<u64>(), 1..6), bit in 0usize..384) {
            let mut table = Table(words);
            let bit = bit % (table.0.len() * 64);
            let mut oracle = table.oracle().to_bitvec();
            table.bitmap().set(bit);
            oracle.set(bit, true);
            prop_assert_eq!(table.oracle(), oracle.as_bitslice());
            table.bitmap().clear(bit);
            oracle.set(bit, false);
            prop_assert_eq!(table.oracle(), oracle.as_bitslice());
        }
    }
}
