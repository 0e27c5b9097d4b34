//! Blocks made ready before they are needed.
//!
//! The first touch of a page is a page fault, which takes longer than filling the page. A ready block is an empty one
//! whose pages have all been touched, so that promotions into it are copying and nothing else. Swept blocks are ready by
//! themselves; new ones are made so a piece at a time, which takes as long as the faults of the piece. Nothing here says
//! how many blocks should be ready, or when.

use tenure_memory::{BLOCK_BYTES, Range};

use crate::block_space::{BlockSpace, BlockState, Pages};

/// What is populated at once: eight page faults, ten microseconds, or ten times as much where other processes have many.
const PIECE_BYTES: usize = 32 << 10;

const _: () = assert!(BLOCK_BYTES.is_multiple_of(PIECE_BYTES));

impl BlockSpace {
    /// Returns the part of the block being populated that is not touched yet, and where allocation will come: the block is
    /// empty, or the hole being filled lies in it.
    fn untouched(&self) -> Option<Range> {
        let (index, bytes) = self.populating?;
        let (block, hole) = (self.address(index), self.open_hole());
        let end = block + BLOCK_BYTES;
        let start = match self.blocks[index as usize] {
            BlockState::Empty => block + bytes,
            BlockState::InUse if hole.end == end => (block + bytes).max(hole.start / PIECE_BYTES * PIECE_BYTES),
            _ => return None,
        };
        (start < end).then_some(Range { start, end })
    }

    /// Returns how many bytes can be allocated in memory that was touched before, not counting listed holes.
    #[must_use]
    pub fn ready_bytes(&self) -> usize {
        let untouched_bytes = self.untouched().map_or(0, |range| range.bytes());
        (self.empty.len() * BLOCK_BYTES + self.open_hole().bytes()).saturating_sub(untouched_bytes)
    }

    /// Touches a piece of a block, after taking one from the system if there is none that is not ready. Returns whether it
    /// could: if not, the budget or the system has no block.
    #[must_use]
    pub fn make_ready(&mut self, pages: &mut Pages<'_>) -> bool {
        let start = match self.untouched() {
            Some(range) => range.start,
            None => {
                let Some(index) = self.commit_block(pages) else {
                    return false;
                };
                self.blocks[index as usize] = BlockState::Empty;
                self.empty.push_back(index);
                self.populating = Some((index, 0));
                self.address(index)
            }
        };
        let end = start + PIECE_BYTES;
        pages.cage.populate(start, end);
        if let Some((index, _)) = self.populating {
            self.populating = Some((index, end - self.address(index)));
        }
        true
    }
}
