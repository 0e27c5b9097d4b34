//! The plan: live words, and where they go.
//!
//! One pass in ascending order. A group whose objects all go behind one another costs about twenty instructions,
//! whatever it holds; the few at a change of the destination's block, and those of blocks with identity hashes, are
//! planned object by object. The plan moves nothing.

use tenure_memory::{BLOCK_BYTES, BLOCK_WORDS, Cage};
use tenure_object::{FLAG_PINNED, HashState, ObjectRef};

use super::{BLOCK_GROUPS, Break, Group, IRREGULAR, NoTable, SlidePlan, next_start};
use crate::block_space::{BlockSpace, BlockState, HASHED_HERE, PINNED_HERE};

impl BlockSpace {
    /// Returns whether the objects of block `index` slide: it holds some, and none of them is pinned.
    pub(super) fn slides(&self, index: usize) -> bool {
        self.blocks[index] == BlockState::InUse && self.notes[index] & PINNED_HERE == 0
    }

    /// Plans to slide the live objects together. Time is proportional to the bitmaps of the blocks in use.
    ///
    /// # Errors
    ///
    /// When there is no memory for the table. Sweep instead.
    ///
    /// # Safety
    ///
    /// Marking must be complete: each live object black, nothing gray (MARK-STRONG), and no block unswept (OLD-SWEPT).
    pub unsafe fn plan_slide(&mut self, cage: &Cage) -> Result<SlidePlan, NoTable> {
        assert!(
            self.unswept.is_empty(),
            "OLD-SWEPT: a block is still to be swept when its objects are to slide"
        );
        self.close_hole(cage);
        let last = self.blocks.iter().rposition(|state| *state == BlockState::InUse);
        let count = last.map_or(0, |last| last + 1);
        let mut plan = SlidePlan {
            first_group: cage.bit(self.range.start) / 64,
            ..SlidePlan::default()
        };
        plan.table
            .try_reserve_exact(count * BLOCK_GROUPS)
            .map_err(|_| NoTable)?;
        plan.jumps.try_reserve_exact(count).map_err(|_| NoTable)?;
        for index in 0..count {
            if self.notes[index] & PINNED_HERE != 0 && !self.holds_pinned(cage, index) {
                self.notes[index] &= !PINNED_HERE;
            }
        }
        let first = (0..count).find(|i| self.slides(*i)).unwrap_or(count);
        plan.first = self.range.start + first * BLOCK_BYTES;
        plan.end = plan.first;
        let mut planner = Planner {
            limit: plan.first + BLOCK_BYTES,
            space: self,
            cage,
            plan,
        };
        for index in 0..count {
            if planner.space.slides(index) {
                planner.block(index)?;
            } else {
                planner.stay(index);
            }
        }
        Ok(planner.plan)
    }

    /// Returns whether a live object of block `index` is pinned.
    fn holds_pinned(&self, cage: &Cage, index: usize) -> bool {
        let bit = cage.bit(self.range.start + index * BLOCK_BYTES);
        let color = cage.color();
        cage.starts()
            .set_bits(bit, bit + BLOCK_WORDS)
            .filter(|bit| color.get(*bit))
            .any(|bit| {
                // SAFETY: OLD-COVERED, a start bit stands at a header.
                unsafe { ObjectRef::from_address(cage.address(bit)).header() }.has(FLAG_PINNED)
            })
    }
}

struct Planner<'a> {
    space: &'a BlockSpace,
    cage: &'a Cage,
    /// `end` is where the next object goes, if it fits below `limit`.
    plan: SlidePlan,
    limit: usize,
}

impl Planner<'_> {
    /// Lets the objects of a block keep their addresses, if it holds any.
    fn stay(&mut self, index: usize) {
        let block = self.space.range.start + index * BLOCK_BYTES;
        for base in (block..block + BLOCK_BYTES).step_by(64 * 8) {
            // There is room for an entry for each group.
            self.plan.table.push(Group { live: !0, base });
        }
    }

    fn block(&mut self, index: usize) -> Result<(), NoTable> {
        let (color, starts) = (self.cage.color(), self.cage.starts());
        let hashed = self.space.notes[index] & HASHED_HERE != 0;
        let first = self.plan.first_group + index * BLOCK_GROUPS;
        let last = first + BLOCK_GROUPS;
        let mut carry = 0;
        for group in first..last {
            let start = starts.word(group);
            let objects = start & color.word(group);
            // Adding a live start's second word to the words without start bits lets a carry run through the object up
            // to the next start; the words that it cleared are live. An object has two words at least.
            let inside = !start;
            let live = objects | inside & !inside.wrapping_add(objects << 1).wrapping_add(carry);
            let tail = if carry != 0 { start.trailing_zeros() as usize } else { 0 };
            carry = live >> 63;
            let mut base = 0;
            if objects != 0 {
                let beyond = if carry != 0 {
                    next_start(self.cage, (group + 1) * 64, last * 64) - (group + 1) * 64
                } else {
                    0
                };
                let words = live.count_ones() as usize - tail + beyond;
                base = if hashed || self.plan.end + words * 8 > self.limit {
                    self.place_each(group, last, objects, live, hashed)?
                } else {
                    let address = self.cage.address(group * 64);
                    self.place_group(address, objects, live, words, beyond) - tail * 8
                };
            }
            // There is room for an entry for each group.
            self.plan.table.push(Group { live, base });
        }
        Ok(())
    }

    /// Places the objects that start in the group at `address` behind one another; they have `words` words, `beyond` of
    /// them in groups that follow. Returns where the first goes.
    #[inline(always)]
    fn place_group(&mut self, address: usize, objects: u64, live: u64, words: usize, beyond: usize) -> usize {
        let first = objects.trailing_zeros() as usize;
        let plan = &mut self.plan;
        let mut moved_words = words;
        let mut moved = objects;
        if plan.end == address + first * 8 {
            // Nothing was free below: the objects stay up to the first free word.
            let stay = (live >> first).trailing_ones() as usize;
            moved = objects.checked_shr((first + stay) as u32).unwrap_or(0);
            moved_words -= stay + if first + stay == 64 { beyond } else { 0 };
        }
        debug_assert!(plan.end <= address + first * 8, "SLIDE-ORDER");
        plan.moved_objects += u64::from(moved.count_ones());
        plan.moved_words += moved_words as u64;
        plan.end += words * 8;
        plan.end - words * 8
    }

    /// Places the objects that start in a group one by one. Returns the group's base.
    fn place_each(
        &mut self,
        group: usize,
        last: usize,
        objects: u64,
        live: u64,
        hashed: bool,
    ) -> Result<usize, NoTable> {
        let below = |low: u32| (live & ((1 << low) - 1)).count_ones() as usize * 8;
        let address = self.cage.address(group * 64);
        let (mut rest, mut base, mut cut) = (objects, None, None);
        while rest != 0 {
            let low = rest.trailing_zeros();
            rest &= rest - 1;
            let bit = group * 64 + low as usize;
            let source = address + low as usize * 8;
            let words = next_start(self.cage, bit + 1, last * 64) - bit;
            let destination = self.place(source, words, hashed);
            let own = destination - below(low);
            if base.is_some_and(|base| base != own) || cut.is_some() {
                if let (None, Some(base)) = (cut, base) {
                    let first = objects.trailing_zeros();
                    cut = Some(self.plan.breaks.len());
                    self.cut(address + first as usize * 8, base + below(first))?;
                }
                self.cut(source, destination)?;
            }
            base = base.or(Some(own));
        }
        Ok(cut.map_or(base.unwrap_or(0), |index| IRREGULAR | index))
    }

    fn cut(&mut self, source: usize, destination: usize) -> Result<(), NoTable> {
        self.plan.breaks.try_reserve(1).map_err(|_| NoTable)?;
        self.plan.breaks.push(Break { source, destination });
        Ok(())
    }

    /// Places one object and returns its destination: behind the one before, or in the next block that receives some.
    fn place(&mut self, source: usize, words: usize, hashed: bool) -> usize {
        let grows = hashed && {
            // SAFETY: OLD-COVERED, a start bit stands at a header.
            unsafe { ObjectRef::from_address(source).header() }.hash_state() == HashState::FromAddress
        };
        let needed = |end: usize| (words + usize::from(grows && end != source)) * 8;
        if self.plan.end + needed(self.plan.end) > self.limit {
            let base = self.space.range.start;
            let mut next = (self.limit - base) / BLOCK_BYTES;
            while !self.space.slides(next) {
                next += 1;
            }
            self.plan.end = base + next * BLOCK_BYTES;
            self.limit = self.plan.end + BLOCK_BYTES;
            // There is room for one jump into each block.
            self.plan.jumps.push(Break {
                source,
                destination: self.plan.end,
            });
        }
        let destination = self.plan.end;
        assert!(destination <= source, "SLIDE-ORDER");
        self.plan.end += needed(destination);
        if destination != source {
            self.plan.moved_objects += 1;
            self.plan.moved_words += words as u64;
        }
        destination
    }
}
