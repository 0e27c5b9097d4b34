//! The colors of objects, in the side bitmap.
//!
//! Reading or writing a color touches one word of the bitmap, or two when an object's first word is the last of 64.
//!
//! Invariant (MARK-STRONG): when marking has ended, no black object refers to a white one, but to young ones that it was
//! told to leave out.
//! Invariant (MARK-LISTED): a black object whose slots are not all visited yet is on the mark stack, in the prefetch
//! FIFO or among the cursors of long arrays; a gray one lies in a block that is noted for rescanning.

use tenure_memory::SideBitmap;

/// The color of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Not reached: bits 00.
    White,
    /// Reached, but on no list: bits 10. Found by rescanning its block.
    Gray,
    /// Reached, and scanned or listed to be scanned: bits 11.
    Black,
}

/// The colors of all objects, by the bit of their first word.
#[derive(Clone, Copy, Debug)]
pub struct Colors {
    bitmap: SideBitmap,
}

impl Colors {
    /// Wraps the color bitmap.
    #[must_use]
    pub fn new(bitmap: SideBitmap) -> Colors {
        Colors { bitmap }
    }

    /// Returns the color of the object whose first word has bit `bit`.
    ///
    /// # Panics
    ///
    /// In debug builds, when the bits are 01, which no object has.
    #[must_use]
    #[inline]
    pub fn get(&self, bit: usize) -> Color {
        match (self.bitmap.get(bit), self.bitmap.get(bit + 1)) {
            (true, true) => Color::Black,
            (true, false) => Color::Gray,
            (false, second) => {
                debug_assert!(!second, "the color bits 01 are no color");
                Color::White
            }
        }
    }

    /// Returns whether the object whose first word has bit `bit` is gray or black.
    #[must_use]
    #[inline(always)]
    pub fn is_marked(&self, bit: usize) -> bool {
        self.bitmap.get(bit)
    }

    /// Makes a white object black. Returns whether it was white.
    #[inline(always)]
    pub fn blacken_if_white(&self, bit: usize) -> bool {
        let index = bit >> 6;
        let shift = bit & 63;
        let word = self.bitmap.word(index);
        if word >> shift & 1 != 0 {
            return false;
        }
        self.bitmap.set_word(index, word | 3 << shift);
        if shift == 63 {
            self.bitmap.set(bit + 1);
        }
        true
    }

    /// Makes a gray object black.
    #[inline]
    pub fn blacken(&self, bit: usize) {
        self.bitmap.set(bit + 1);
    }

    /// Makes a black object gray again.
    #[inline]
    pub fn gray(&self, bit: usize) {
        self.bitmap.clear(bit + 1);
    }

    /// Returns the gray objects among the starts `starts` of word `index` of the bitmap: those with bits 10.
    #[must_use]
    #[inline]
    pub fn gray_starts(&self, index: usize, starts: u64) -> u64 {
        let word = self.bitmap.word(index);
        let first = starts & word;
        if first == 0 {
            return 0;
        }
        let next = if first >> 63 != 0 {
            self.bitmap.word(index + 1)
        } else {
            0
        };
        first & !(word >> 1 | next << 63)
    }

    /// Returns the address of the bitmap's word that holds `bit`.
    #[must_use]
    #[inline(always)]
    pub fn word_address(&self, bit: usize) -> *const u64 {
        self.bitmap.base().wrapping_add(bit >> 6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn colors_do_not_disturb_neighbors(objects in proptest::collection::vec((2usize..9, 0u8..3), 1..60)) {
            let words: usize = objects.iter().map(|o| o.0).sum::<usize>() + 64;
            let mut bits = vec![0u64; words.div_ceil(64) + 1];
            let mut start_bits = bits.clone();
            // SAFETY: MEM-OWNED, the vector outlives the bitmap and holds a bit for each word.
            let colors = Colors::new(unsafe { SideBitmap::new(bits.as_mut_ptr() as usize, bits.len() * 64) });
            let mut at = 0;
            let mut expected = Vec::new();
            for (words, color) in objects {
                start_bits[at / 64] |= 1 << (at % 64);
                let color = [Color::White, Color::Gray, Color::Black][color as usize];
                if color != Color::White {
                    prop_assert!(colors.blacken_if_white(at));
                    prop_assert!(!colors.blacken_if_white(at));
                }
                if color == Color::Gray {
                    colors.gray(at);
                }
                expected.push((at, color));
                at += words;
            }
            let mut gray = Vec::new();
            for (index, starts) in start_bits.iter().enumerate().take(words.div_ceil(64)) {
                let mut found = colors.gray_starts(index, *starts);
                while found != 0 {
                    gray.push(index * 64 + found.trailing_zeros() as usize);
                    found &= found - 1;
                }
            }
            prop_assert_eq!(gray, expected.iter().filter(|e| e.1 == Color::Gray).map(|e| e.0).collect::<Vec<_>>());
            for (at, color) in expected {
                prop_assert_eq!(colors.get(at), color);
            }
        }
    }
}
