//! The sizes everything is counted in.
//!
//! One word is 8 bytes, one page is what the system protects, one block is what the old generation sweeps, one chunk is
//! what is committed at once. Rounding is by powers of two only.

/// Bytes in one word: a slot, a header, the unit of the side bitmaps.
pub const WORD_BYTES: usize = 8;

/// Bytes in one page of the system.
pub const PAGE_BYTES: usize = 4096;

/// Bytes in one block of the old generation: the page size of V8 since 2017. One page of each side bitmap describes it.
pub const BLOCK_BYTES: usize = 256 * 1024;

/// Words in one block.
pub const BLOCK_WORDS: usize = BLOCK_BYTES / WORD_BYTES;

/// Bytes committed at once: a huge page of x86-64, so that the system can back a chunk with one. Its side tables are
/// whole pages too.
pub const CHUNK_BYTES: usize = 2 * 1024 * 1024;

/// Bytes of an object covered by one card: 64 slots, one word of a bitmap.
pub const CARD_BYTES: usize = 512;

/// Words covered by one card.
pub const CARD_WORDS: usize = CARD_BYTES / WORD_BYTES;

const _: () = {
    assert!(
        BLOCK_WORDS / 8 == PAGE_BYTES,
        "one page of a bitmap describes one block"
    );
    assert!(
        (CHUNK_BYTES / CARD_BYTES).is_multiple_of(PAGE_BYTES),
        "the cards of a chunk fill whole pages"
    );
};

/// Returns `value` rounded up to a multiple of `unit`, a power of two.
#[must_use]
#[inline]
pub const fn round_up(value: usize, unit: usize) -> usize {
    debug_assert!(unit.is_power_of_two());
    (value + unit - 1) & !(unit - 1)
}

/// Returns `value` rounded down to a multiple of `unit`, a power of two.
#[must_use]
#[inline]
pub const fn round_down(value: usize, unit: usize) -> usize {
    debug_assert!(unit.is_power_of_two());
    value & !(unit - 1)
}
