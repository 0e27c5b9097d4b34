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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Budget;
    use tenure_memory::{Cage, CageLayout, PAGE_BYTES, SystemPages};

    const WORDS: usize = 64;

    fn cage() -> Cage {
        let layout = CageLayout {
            nursery_half_bytes: 1 << 20,
            large_bytes: 1 << 22,
            data_bytes: 1 << 22,
            pointer_bytes: 1 << 22,
        };
        Cage::reserve(Box::new(SystemPages), &layout).expect("a few MiB of address space")
    }

    /// Returns how many pages of a range have memory behind them.
    fn present_pages(range: Range) -> usize {
        use std::os::unix::fs::FileExt as _;
        let map = std::fs::File::open("/proc/self/pagemap").expect("a Linux system");
        let is_present = |address: &usize| {
            let mut entry = [0; 8];
            let offset = address / PAGE_BYTES * 8;
            map.read_exact_at(&mut entry, offset as u64)
                .expect("an entry for each page");
            u64::from_ne_bytes(entry) >> 63 == 1
        };
        (range.start..range.end).step_by(PAGE_BYTES).filter(is_present).count()
    }

    #[test]
    fn what_is_ready_is_touched_and_what_is_allocated_there_stays() {
        let mut cage = cage();
        let mut budget = Budget {
            committed_bytes: 0,
            max_bytes: 2 * BLOCK_BYTES,
        };
        let mut refused = None;
        let mut space = BlockSpace::new(cage.data(), false);
        let mut pages = Pages {
            cage: &mut cage,
            budget: &mut budget,
            refused: &mut refused,
        };
        assert_eq!(space.ready_bytes(), 0);
        let block = Range {
            start: pages.cage.data().start,
            end: pages.cage.data().start + BLOCK_BYTES,
        };
        assert_eq!(present_pages(block), 0);
        assert!(space.make_ready(&mut pages) && space.make_ready(&mut pages));
        assert_eq!(space.ready_bytes(), 2 * PIECE_BYTES);
        assert_eq!(present_pages(block), 2 * PIECE_BYTES / PAGE_BYTES);
        assert_eq!(space.committed_bytes(), BLOCK_BYTES);

        // The block is taken into use before it is ready: what is left of it is made ready all the same.
        let object = space.allocate(WORDS, &mut pages).expect("the ready block");
        // SAFETY: MEM-OWNED, the space handed the words out.
        unsafe { std::ptr::write_bytes(object.address() as *mut u64, 0x5a, WORDS) };
        assert_eq!(space.ready_bytes(), 2 * PIECE_BYTES - WORDS * 8);
        for piece in 3..=BLOCK_BYTES / PIECE_BYTES {
            assert!(space.make_ready(&mut pages));
            assert_eq!(space.ready_bytes(), piece * PIECE_BYTES - WORDS * 8);
        }
        assert_eq!(space.committed_bytes(), BLOCK_BYTES, "no other block was needed");
        for i in 0..WORDS {
            // SAFETY: MEM-OWNED, as above.
            let word = unsafe { *(object.address() as *const u64).add(i) };
            assert_eq!(word, 0x5a5a_5a5a_5a5a_5a5a);
        }

        // The next block, and then the budget has none.
        for piece in 1..=BLOCK_BYTES / PIECE_BYTES {
            assert!(space.make_ready(&mut pages));
            assert_eq!(
                space.ready_bytes(),
                BLOCK_BYTES - WORDS * 8 + piece * PIECE_BYTES,
                "a block in use and pieces of an empty one"
            );
        }
        let ready_bytes = space.ready_bytes();
        assert!(!space.make_ready(&mut pages));
        assert_eq!(
            (space.ready_bytes(), space.committed_bytes()),
            (ready_bytes, 2 * BLOCK_BYTES)
        );
        // All of it can be allocated, and no more.
        let count = std::iter::from_fn(|| space.allocate(WORDS, &mut pages)).count();
        assert_eq!(count * WORDS * 8, ready_bytes);
        assert_eq!(space.ready_bytes(), 0);
    }

    #[test]
    fn a_block_that_is_given_back_is_not_ready() {
        let mut cage = cage();
        let mut budget = Budget {
            committed_bytes: 0,
            max_bytes: BLOCK_BYTES,
        };
        let mut refused = None;
        let mut space = BlockSpace::new(cage.pointer(), true);
        let mut pages = Pages {
            cage: &mut cage,
            budget: &mut budget,
            refused: &mut refused,
        };
        assert!(space.make_ready(&mut pages));
        assert!(space.release_highest(&mut pages));
        assert_eq!((space.ready_bytes(), pages.budget.committed_bytes), (0, 0));
        assert!(space.make_ready(&mut pages));
        assert_eq!(space.ready_bytes(), PIECE_BYTES, "from the start again");
    }
}
