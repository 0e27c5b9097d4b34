//! Which sparse blocks are worth evacuating.
//!
//! A block is a candidate if most of it is free. Candidates are taken sparsest first, which frees the most memory for the
//! least copying, up to a quota of bytes to copy; and in each space only if that frees at least one block more than the
//! copies fill, since a space's objects stay in it.
//! The numbers are V8's: 70 % free, or 20 % when memory is to be reduced; 4 MiB a cycle. Sorting the candidates takes
//! O(n log n) for n sparse blocks. Nothing here knows what refers into a block: a block with too many incoming slots is
//! given up later.
//!
//! ```
//! use tenure_policy::evacuation::{EvacuationInput, EvacuationReason, SparseBlock, choose};
//!
//! let input = EvacuationInput {
//!     block_bytes: 256 << 10,
//!     quota_bytes: 4 << 20,
//!     free_percent: 70,
//! };
//! let block = |index, used_bytes| SparseBlock { space: 0, index, used_bytes };
//! let mut blocks = vec![block(0, 40 << 10), block(1, 200 << 10), block(2, 10 << 10)];
//! assert_eq!(choose(&input, &mut blocks), EvacuationReason::Sparse);
//! assert_eq!(blocks, [block(2, 10 << 10), block(0, 40 << 10)]);
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

/// A block that may be evacuated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SparseBlock {
    /// Which space it belongs to.
    pub space: u8,
    /// Which block of the space it is.
    pub index: u32,
    /// Bytes of objects in it.
    pub used_bytes: u32,
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

/// Reduces `blocks` to those worth evacuating, sparsest first.
pub fn choose(input: &EvacuationInput, blocks: &mut Vec<SparseBlock>) -> EvacuationReason {
    let most_used = u64::from(input.block_bytes) * u64::from(100 - input.free_percent.min(100)) / 100;
    blocks.retain(|block| u64::from(block.used_bytes) <= most_used);
    if blocks.is_empty() {
        return EvacuationReason::NoneSparse;
    }
    blocks.sort_unstable_by_key(|block| (block.used_bytes, block.space, block.index));
    let mut bytes = 0u64;
    let taken = blocks
        .iter()
        .take_while(|block| {
            bytes += u64::from(block.used_bytes);
            bytes <= input.quota_bytes
        })
        .count();
    blocks.truncate(taken);
    let mut spaces: Vec<u8> = blocks.iter().map(|block| block.space).collect();
    spaces.sort_unstable();
    spaces.dedup();
    for space in spaces {
        let of_space = || blocks.iter().filter(|block| block.space == space);
        let bytes: u64 = of_space().map(|block| u64::from(block.used_bytes)).sum();
        // A sixteenth more: copies leave the ends of holes unused, and hashes are appended.
        let filled = (bytes + bytes / 16).div_ceil(u64::from(input.block_bytes).max(1));
        if (of_space().count() as u64) <= filled {
            blocks.retain(|block| block.space != space);
        }
    }
    if blocks.is_empty() {
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

    fn block(space: u8, index: u32, used_bytes: u32) -> SparseBlock {
        SparseBlock {
            space,
            index,
            used_bytes,
        }
    }

    #[test]
    fn the_quota_and_the_share_are_kept_and_the_sparsest_come_first() {
        let mut blocks: Vec<_> = (0..100).map(|i| block(0, i, i * 4 * KB)).collect();
        assert_eq!(choose(&INPUT, &mut blocks), EvacuationReason::Sparse);
        assert!(blocks.iter().all(|b| b.used_bytes <= 256 * KB * 3 / 10), "{blocks:?}");
        assert!(blocks.iter().map(|b| u64::from(b.used_bytes)).sum::<u64>() <= INPUT.quota_bytes);
        assert!(blocks.windows(2).all(|pair| pair[0].used_bytes <= pair[1].used_bytes));
    }

    #[test]
    fn nothing_is_copied_for_nothing() {
        let mut one = vec![block(0, 7, 70 * KB)];
        assert_eq!(choose(&INPUT, &mut one), EvacuationReason::NoGain);
        assert!(one.is_empty());
        let mut full = vec![block(0, 1, 250 * KB), block(0, 2, 256 * KB)];
        assert_eq!(choose(&INPUT, &mut full), EvacuationReason::NoneSparse);
        let mut four: Vec<_> = (0..4).map(|i| block(0, i, 60 * KB)).collect();
        assert_eq!(choose(&INPUT, &mut four), EvacuationReason::Sparse);
        assert_eq!(four.len(), 4);
    }

    #[test]
    fn blocks_of_two_spaces_are_not_filled_together() {
        let mut blocks = vec![block(0, 0, 20 * KB), block(1, 0, 10 * KB)];
        assert_eq!(choose(&INPUT, &mut blocks), EvacuationReason::NoGain);
        let mut blocks = vec![block(0, 0, 20 * KB), block(1, 0, 10 * KB), block(1, 3, 70 * KB)];
        assert_eq!(choose(&INPUT, &mut blocks), EvacuationReason::Sparse);
        assert_eq!(blocks, [block(1, 0, 10 * KB), block(1, 3, 70 * KB)]);
    }
}
