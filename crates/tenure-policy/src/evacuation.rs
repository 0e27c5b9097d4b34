//! Which sparse blocks are worth evacuating.
//!
//! A block is a candidate if most of it is free. Candidates are taken sparsest first, which frees the most memory for the
//! least copying, up to a quota of bytes to copy; and only if that frees at least one block more than the copies fill.
//! The numbers are V8's: 70 % free, or 20 % when memory is to be reduced; 4 MiB a cycle. Sorting the candidates takes
//! O(n log n) for n sparse blocks. Nothing here knows what refers into a block: a block with too many incoming slots is
//! given up later.
//!
//! ```
//! use tenure_policy::evacuation::{EvacuationInput, EvacuationReason, choose};
//!
//! let input = EvacuationInput {
//!     block_bytes: 256 << 10,
//!     quota_bytes: 4 << 20,
//!     free_percent: 70,
//! };
//! let mut blocks = vec![(0, 40 << 10), (1, 200 << 10), (2, 10 << 10)];
//! assert_eq!(choose(&input, &mut blocks), EvacuationReason::Sparse);
//! assert_eq!(blocks, [(2, 10 << 10), (0, 40 << 10)]);
//! ```

/// How free a block must be, in percent, in an ordinary cycle.
pub const SPARSE_PERCENT: u32 = 70;

/// How free a block must be, in percent, when memory is to be reduced.
pub const SPARSE_PERCENT_REDUCING: u32 = 20;

/// Bytes that an ordinary cycle copies at most.
pub const QUOTA_BYTES: u64 = 4 << 20;

/// What [`choose`] goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvacuationInput {
    /// Bytes of a block.
    pub block_bytes: u32,
    /// Bytes to copy at most.
    pub quota_bytes: u64,
    /// How free a block must be, in percent.
    pub free_percent: u32,
}

/// Why blocks are evacuated, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvacuationReason {
    /// There are sparse blocks, and evacuating them frees memory.
    Sparse,
    /// No block is free enough.
    NoneSparse,
    /// The copies would fill as many blocks as become free.
    NoGain,
}

impl EvacuationReason {
    /// Returns the reason as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sparse => "sparse blocks",
            Self::NoneSparse => "no block is sparse",
            Self::NoGain => "the copies would fill as many blocks",
        }
    }
}

/// Reduces `blocks`, pairs of a number and the bytes used, to those worth evacuating, sparsest first.
pub fn choose(input: &EvacuationInput, blocks: &mut Vec<(u32, u32)>) -> EvacuationReason {
    let most_used = u64::from(input.block_bytes) * u64::from(100 - input.free_percent.min(100)) / 100;
    blocks.retain(|block| u64::from(block.1) <= most_used);
    if blocks.is_empty() {
        return EvacuationReason::NoneSparse;
    }
    blocks.sort_unstable_by_key(|block| (block.1, block.0));
    let mut bytes = 0u64;
    let taken = blocks
        .iter()
        .take_while(|block| {
            bytes += u64::from(block.1);
            bytes <= input.quota_bytes
        })
        .count();
    blocks.truncate(taken);
    let bytes: u64 = blocks.iter().map(|block| u64::from(block.1)).sum();
    // A sixteenth more: copies leave the ends of holes unused, and hashes are appended.
    let filled = (bytes + bytes / 16).div_ceil(u64::from(input.block_bytes).max(1));
    if (blocks.len() as u64) <= filled {
        blocks.clear();
        return EvacuationReason::NoGain;
    }
    EvacuationReason::Sparse
}

#[cfg(test)]
mod tests {
    use super::*;

    const KB: u32 = 1 << 10;
    const INPUT: EvacuationInput = EvacuationInput {
        block_bytes: 256 * KB,
        quota_bytes: 1 << 20,
        free_percent: 70,
    };

    #[test]
    fn the_quota_and_the_share_are_kept_and_the_sparsest_come_first() {
        let mut blocks: Vec<(u32, u32)> = (0..100).map(|i| (i, i * 4 * KB)).collect();
        assert_eq!(choose(&INPUT, &mut blocks), EvacuationReason::Sparse);
        assert!(blocks.iter().all(|b| b.1 <= 256 * KB * 3 / 10), "{blocks:?}");
        assert!(blocks.iter().map(|b| u64::from(b.1)).sum::<u64>() <= INPUT.quota_bytes);
        assert!(blocks.windows(2).all(|pair| pair[0].1 <= pair[1].1));
    }

    #[test]
    fn nothing_is_copied_for_nothing() {
        let mut one = vec![(7, 70 * KB)];
        assert_eq!(choose(&INPUT, &mut one), EvacuationReason::NoGain);
        assert!(one.is_empty());
        let mut full = vec![(1, 250 * KB), (2, 256 * KB)];
        assert_eq!(choose(&INPUT, &mut full), EvacuationReason::NoneSparse);
        let mut four: Vec<(u32, u32)> = (0..4).map(|i| (i, 60 * KB)).collect();
        assert_eq!(choose(&INPUT, &mut four), EvacuationReason::Sparse);
        assert_eq!(four.len(), 4);
    }
}
