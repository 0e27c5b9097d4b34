//! Memory that a collection needs for a short time.
//!
//! Words from the page source of a cage, zero, backed by huge pages where there are some and that is asked for: a table
//! that is written in random order costs a fraction of what it does on small ones. Taking and returning are a few system
//! calls. Too costly for less than some hundred kilobytes.

use crate::cage::Cage;
use crate::page_source::PageSource;
use crate::units::{CHUNK_BYTES, round_up};

/// Words that were taken from a cage's source, to be returned to it.
#[derive(Debug)]
#[must_use = "scratch memory that is not returned is lost until the process ends"]
pub struct Scratch {
    base: usize,
    bytes: usize,
    words: usize,
}

impl Scratch {
    /// Returns the words.
    #[must_use]
    #[inline(always)]
    pub fn words(&self) -> &[u64] {
        // SAFETY: MEM-OWNED, a reservation of its own, committed, zeroed by the system.
        unsafe { std::slice::from_raw_parts(std::ptr::with_exposed_provenance(self.base), self.words) }
    }

    /// Returns the words, to be written.
    #[must_use]
    #[inline(always)]
    pub fn words_mut(&mut self) -> &mut [u64] {
        // SAFETY: MEM-OWNED, as above.
        unsafe { std::slice::from_raw_parts_mut(std::ptr::with_exposed_provenance_mut(self.base), self.words) }
    }

    /// Returns the halves of the words, each word's low half first on machines that store it first.
    #[must_use]
    #[inline(always)]
    pub fn halves(&self) -> &[u32] {
        // SAFETY: MEM-OWNED, as above; any bits are a number.
        unsafe { std::slice::from_raw_parts(std::ptr::with_exposed_provenance(self.base), self.words * 2) }
    }

    /// Returns the halves, to be written.
    #[must_use]
    #[inline(always)]
    pub fn halves_mut(&mut self) -> &mut [u32] {
        // SAFETY: MEM-OWNED, as above.
        unsafe { std::slice::from_raw_parts_mut(std::ptr::with_exposed_provenance_mut(self.base), self.words * 2) }
    }
}

impl Cage {
    /// Takes `words` zero words, if the source has as many; on huge pages, where there are some, if most of them will be
    /// written.
    pub fn take_scratch(&mut self, words: usize, huge: bool) -> Option<Scratch> {
        let bytes = round_up(words.checked_mul(8)?.max(1), CHUNK_BYTES);
        let source: &mut dyn PageSource = self.source();
        let base = source.reserve(bytes, CHUNK_BYTES).ok()?;
        // SAFETY: MEM-OWNED, the whole of a reservation.
        unsafe { source.prefer_huge_pages(base, bytes, huge) };
        // SAFETY: MEM-OWNED, as above.
        if unsafe { source.commit(base, bytes) }.is_err() {
            // SAFETY: MEM-OWNED, as above; nobody has seen it.
            unsafe { source.release(base, bytes) };
            return None;
        }
        Some(Scratch { base, bytes, words })
    }

    /// Gives scratch memory back.
    pub fn return_scratch(&mut self, scratch: Scratch) {
        let source: &mut dyn PageSource = self.source();
        // SAFETY: MEM-OWNED, a whole reservation of this source, which nobody refers to any more.
        unsafe { source.release(scratch.base, scratch.bytes) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CageLayout, FailingPages, SystemPages};

    fn cage(source: impl PageSource + 'static) -> Cage {
        let layout = CageLayout {
            nursery_half_bytes: 1 << 20,
            large_bytes: 1 << 22,
            data_bytes: 1 << 22,
            pointer_bytes: 1 << 22,
        };
        Cage::reserve(Box::new(source), &layout).expect("address space")
    }

    #[test]
    fn scratch_is_zero_writable_and_given_back() {
        let mut cage = cage(SystemPages);
        for words in [1, 1000, 300_000] {
            let mut scratch = cage.take_scratch(words, true).expect("pages");
            assert!(scratch.words().len() == words && scratch.words().iter().all(|word| *word == 0));
            scratch.words_mut().fill(7);
            assert_eq!(scratch.words().iter().sum::<u64>(), 7 * words as u64);
            cage.return_scratch(scratch);
        }
        assert!(cage.take_scratch(usize::MAX / 4, true).is_none());
    }

    #[test]
    fn a_source_without_pages_gives_none() {
        let mut cage = cage(FailingPages::new(1, true));
        assert!(cage.take_scratch(1000, false).is_none());
    }
}
