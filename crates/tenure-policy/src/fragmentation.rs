//! Whether the old generation is slid together instead of swept.
//!
//! Sliding costs about half a collection more than sweeping does, so a heap slides when that is paid back: when
//! something found no room although holes had enough of it, or when much of the heap is holes that nothing fitted.
//! Holes are counted before the sweep that the decision is about: what is still listed then has outlasted all allocation
//! and promotion since the sweep before, so it is of no use to this program as it lies. Garbage that is about to be freed
//! for the first time does not count. Nothing here knows how holes are distributed.
//!
//! ```
//! use tenure_policy::fragmentation::{FragmentationInput, SlideReason, slide_is_due};
//!
//! let mut heap = FragmentationInput {
//!     committed_bytes: 64 << 20,
//!     hole_bytes: 12 << 20,
//!     wanted_bytes: 0,
//!     regularly: true,
//! };
//! assert_eq!(slide_is_due(&heap), (false, SlideReason::FewHoles));
//! heap.hole_bytes = 16 << 20;
//! assert_eq!(slide_is_due(&heap), (true, SlideReason::Fragmented));
//! ```

/// Holes of this share of the old generation's blocks, in percent, are worth a slide: it then gives back at least a
/// quarter of the memory. Lower, and a heap in a steady state slides at each collection; V8 3.11 took 30 % for a page.
pub const FRAGMENTED_PERCENT: usize = 25;

/// Fewer bytes in holes are not worth a slide by themselves: four blocks.
pub const FRAGMENTED_BYTES_MIN: usize = 1 << 20;

/// What the decision depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentationInput {
    /// Bytes of blocks that the old generation holds, empty ones included.
    pub committed_bytes: usize,
    /// Bytes in the free lists, before the sweep.
    pub hole_bytes: usize,
    /// Bytes for which an allocation or a promotion just found no room, or 0.
    pub wanted_bytes: usize,
    /// Whether to slide for fragmentation as such, and not only for room.
    pub regularly: bool,
}

/// Why a collection slides, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlideReason {
    /// There was no room, but holes have more than enough.
    NoRoomButHoles,
    /// Much of the memory is holes that nothing fitted.
    Fragmented,
    /// There are few holes that nothing fitted.
    FewHoles,
    /// Nothing asked for room, and fragmentation alone is no reason.
    NotNeeded,
}

impl SlideReason {
    /// Returns the reason in words, for the record of the collection.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            SlideReason::NoRoomButHoles => "no room, though holes had enough",
            SlideReason::Fragmented => "a quarter of the blocks was holes that nothing fitted",
            SlideReason::FewHoles => "few holes that nothing fitted",
            SlideReason::NotNeeded => "nothing that found no room",
        }
    }
}

/// Decides whether a collection in one pause slides, and why.
#[must_use]
pub fn slide_is_due(input: &FragmentationInput) -> (bool, SlideReason) {
    if input.wanted_bytes > 0 && input.hole_bytes >= input.wanted_bytes {
        return (true, SlideReason::NoRoomButHoles);
    }
    if !input.regularly {
        return (false, SlideReason::NotNeeded);
    }
    let share = input.hole_bytes as u128 * 100 >= input.committed_bytes as u128 * FRAGMENTED_PERCENT as u128;
    if share && input.hole_bytes >= FRAGMENTED_BYTES_MIN {
        (true, SlideReason::Fragmented)
    } else {
        (false, SlideReason::FewHoles)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: FragmentationInput = FragmentationInput {
        committed_bytes: 8 << 20,
        hole_bytes: 0,
        wanted_bytes: 0,
        regularly: true,
    };

    #[test]
    fn a_quarter_of_holes_and_four_blocks_of_them_are_the_bounds() {
        let at = |committed_bytes, hole_bytes| {
            slide_is_due(&FragmentationInput {
                committed_bytes,
                hole_bytes,
                ..CALM
            })
        };
        assert_eq!(at(8 << 20, 2 << 20), (true, SlideReason::Fragmented));
        assert_eq!(at(8 << 20, (2 << 20) - 1), (false, SlideReason::FewHoles));
        assert_eq!(at(1 << 20, 1 << 20), (true, SlideReason::Fragmented));
        assert_eq!(at(1 << 20, (1 << 20) - 1), (false, SlideReason::FewHoles));
        assert_eq!(at(usize::MAX, usize::MAX / 4), (false, SlideReason::FewHoles));
        assert_eq!(at(usize::MAX, usize::MAX / 4 + 1), (true, SlideReason::Fragmented));
    }

    #[test]
    fn room_is_made_where_holes_have_it() {
        let at = |hole_bytes, wanted_bytes, regularly| {
            slide_is_due(&FragmentationInput {
                hole_bytes,
                wanted_bytes,
                regularly,
                ..CALM
            })
        };
        assert_eq!(at(100, 100, false), (true, SlideReason::NoRoomButHoles));
        assert_eq!(at(99, 100, false), (false, SlideReason::NotNeeded));
        assert_eq!(at(99, 100, true), (false, SlideReason::FewHoles));
        assert_eq!(at(4 << 20, 0, false), (false, SlideReason::NotNeeded));
        assert_eq!(at(4 << 20, 5 << 20, true), (true, SlideReason::Fragmented));
    }
}
