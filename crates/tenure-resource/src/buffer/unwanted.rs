//! Memory that nobody sees any more, given back in pieces.
//!
//! Giving back touched pages costs about 60 µs per MiB with pages of 4 KiB, in whatever way it is done; 1 GiB at once
//! would be a pause of 60 ms. A vector without elements is shrunk from its end instead, piece by piece, which an
//! allocator answers by giving pages back (`mremap` under glibc). An allocator that copies when it shrinks is noticed by the
//! address, and gets the rest at once. Sizes below the allocator's own threshold for pages stay with it; then it
//! decides when the system gets them.

use std::cell::Cell;
use std::fmt;

/// The least that a release gives back, so that repeated calls come to an end.
const RELEASE_MIN_BYTES: usize = 64 << 10;

/// Bytes of a backing.
pub(super) type Bytes = Vec<Cell<u8>>;

/// Memory of buffers that is to be given back; dropping it does that at once.
#[derive(Default)]
pub struct Unwanted(Vec<Bytes>);

impl Unwanted {
    pub(super) fn add(&mut self, mut bytes: Bytes) {
        bytes.clear();
        if bytes.capacity() > 0 {
            self.0.push(bytes);
        }
    }

    /// Returns how much there is.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.0.iter().map(Vec::capacity).sum()
    }

    /// Returns whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives back about `budget_bytes`, at least 64 KiB if there is as much. Returns whether there is nothing left.
    pub fn release(&mut self, budget_bytes: usize) -> bool {
        let mut budget_bytes = budget_bytes.max(RELEASE_MIN_BYTES);
        while let Some(bytes) = self.0.last_mut() {
            let before_bytes = bytes.capacity();
            if before_bytes > budget_bytes {
                let address = bytes.as_ptr();
                bytes.shrink_to(before_bytes - budget_bytes);
                if bytes.as_ptr() != address {
                    // This allocator moves what it shrinks: pieces cost more than all at once.
                    self.0.pop();
                }
                break;
            }
            budget_bytes -= before_bytes;
            self.0.pop();
        }
        self.is_empty()
    }
}

impl fmt::Debug for Unwanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unwanted({} bytes)", self.held_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lengths: &[usize]) -> Unwanted {
        let mut unwanted = Unwanted::default();
        for &len_bytes in lengths {
            unwanted.add(vec![Cell::new(1); len_bytes]);
        }
        unwanted
    }

    #[test]
    fn a_budget_is_kept_and_every_budget_comes_to_an_end() {
        for budget_bytes in [0, 1, 100 << 10, 1 << 20, usize::MAX] {
            let mut unwanted = of(&[5 << 20, 0, 3, 1 << 20, 70 << 10]);
            let mut left_bytes = unwanted.held_bytes();
            while !unwanted.release(budget_bytes) {
                let released_bytes = left_bytes - unwanted.held_bytes();
                assert!(released_bytes > 0 && released_bytes <= budget_bytes.max(RELEASE_MIN_BYTES));
                left_bytes = unwanted.held_bytes();
            }
            assert_eq!(unwanted.held_bytes(), 0);
        }
    }

    #[test]
    fn nothing_is_released_at_once() {
        assert!(of(&[]).release(0) && of(&[0]).is_empty());
    }
}
