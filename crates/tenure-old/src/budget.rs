//! How much memory the old generation may hold: one number that all of its spaces draw from.
//!
//! Counting is in bytes of whole blocks and of whole pages of large objects. A budget never asks the system.

/// The memory of the old generation.
///
/// Invariant (OLD-BUDGET): `committed_bytes` is the sum over the spaces, and a space grows only within `max_bytes`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Budget {
    /// Bytes held now.
    pub committed_bytes: usize,
    /// The hard limit.
    pub max_bytes: usize,
}

impl Budget {
    /// Takes `bytes` if the limit allows it.
    #[must_use]
    pub fn take(&mut self, bytes: usize) -> bool {
        let fits = self
            .committed_bytes
            .checked_add(bytes)
            .is_some_and(|sum| sum <= self.max_bytes);
        if fits {
            self.committed_bytes += bytes;
        }
        fits
    }

    /// Gives `bytes` back.
    pub fn give_back(&mut self, bytes: usize) {
        debug_assert!(bytes <= self.committed_bytes, "OLD-BUDGET");
        self.committed_bytes -= bytes;
    }

    /// Returns how many bytes may still be taken.
    #[must_use]
    pub fn room_bytes(&self) -> usize {
        self.max_bytes.saturating_sub(self.committed_bytes)
    }
}
