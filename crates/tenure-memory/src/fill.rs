//! What dead memory is filled with: a different pattern for each reason, so that a crash dump tells which rule broke.
//!
//! No pattern is the header of a live object (bit 0 is clear) and none is an aligned address inside a cage (bit 1 is
//! set). Filling costs one pass over the memory; it is done under the stress settings, never by default.

/// Why memory is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Fill {
    /// The half of the nursery that nothing is allocated in.
    NurseryReserve = 0xdead_0000_5eed_0a0a,
    /// A hole in a swept block.
    OldFree = 0xdead_0000_f4ee_0b0e,
    /// A large object that was freed.
    LargeReleased = 0xdead_0000_1a4e_0c02,
}

impl Fill {
    /// Every pattern.
    pub const ALL: [Fill; 3] = [Fill::NurseryReserve, Fill::OldFree, Fill::LargeReleased];

    /// Returns the pattern as a word.
    #[must_use]
    pub const fn word(self) -> u64 {
        self as u64
    }

    /// Fills `[start, end)` with the pattern.
    ///
    /// # Safety
    ///
    /// The range must be word-aligned, writable and dead (MEM-OWNED).
    pub unsafe fn apply(self, start: usize, end: usize) {
        debug_assert!(start <= end && start.is_multiple_of(8) && end.is_multiple_of(8));
        // SAFETY: MEM-OWNED, the caller owns the range and nothing live lies in it.
        let words = unsafe { std::slice::from_raw_parts_mut(start as *mut u64, (end - start) / 8) };
        words.fill(self.word());
    }
}

const _: () = {
    let mut i = 0;
    while i < Fill::ALL.len() {
        assert!(Fill::ALL[i].word() & 1 == 0, "a live header has bit 0 set");
        assert!(
            Fill::ALL[i].word() & 2 != 0,
            "an address of an object is aligned to 8 bytes"
        );
        i += 1;
    }
};
