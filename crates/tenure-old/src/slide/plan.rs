//! The plan: live words, and the table of offsets.
//!
//! One pass in ascending order. A group whose objects all go behind one another costs about twenty instructions,
//! whatever it holds; the few at a change of the destination's block, and those of blocks with identity hashes, are
//! planned object by object. The plan moves nothing.

use tenure_memory::{BLOCK_BYTES, BLOCK_WORDS, Cage};
use tenure_object::{FLAG_PINNED, HashState, ObjectRef};

use super::{BLOCK_GROUPS, Break, Group, IRREGULAR, SlidePlan, SlideRefusal, next_start};
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
    /// When there is no memory for the table, or the space is too large for it. Sweep instead.
    ///
    /// # Safety
    ///
    /// Marking must be complete: each live object black, nothing gray (MARK-STRONG), and no block unswept (OLD-SWEPT).
    pub unsafe fn plan_slide(&mut self, cage: &Cage) -> Result<SlidePlan, SlideRefusal> {
        assert!(
            self.unswept.is_empty(),
            "OLD-SWEPT: a block is still to be swept when its objects are to slide"
        );
        self.close_hole(cage);
        let last = self.blocks.iter().rposition(|state| *state == BlockState::InUse);
        let count = last.map_or(0, |last| last + 1);
        if count * BLOCK_WORDS > IRREGULAR as usize {
            return Err(SlideRefusal::TooLarge);
        }
        let mut plan = SlidePlan {
            first_group: cage.bit(self.range.start) / 64,
            ..SlidePlan::default()
        };
        let entries = count * BLOCK_GROUPS;
        let reserved = plan.table.try_reserve_exact(entries).is_ok() && plan.jumps.try_reserve_exact(count).is_ok();
        if !reserved {
            return Err(SlideRefusal::NoTable);
        }
        for index in 0..count {
            if self.notes[index] & PINNED_HERE != 0 && !self.holds_pinned(cage, index) {
                self.notes[index] &= !PINNED_HERE;
            }
        }
        let first = (0..count).find(|i| self.slides(*i)).unwrap_or(count) * BLOCK_WORDS;
        (plan.first_word, plan.end_word) = (first, first);
        let mut planner = Planner {
            space: self,
            cage,
            plan,
            limit: first + BLOCK_WORDS,
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
    /// `end_word` is where the next object goes, if it fits below `limit`.
    plan: SlidePlan,
    limit: usize,
}

impl Planner<'_> {
    /// Lets the objects of a block keep their addresses, if it holds any.
    fn stay(&mut self, index: usize) {
        for group in index * BLOCK_GROUPS..(index + 1) * BLOCK_GROUPS {
            // There is room for an entry for each group.
            self.plan.table.push(Group {
                live: !0,
                base: (group * 64) as u32,
            });
        }
    }

    fn block(&mut self, index: usize) -> Result<(), SlideRefusal> {
        let (color, starts) = (self.cage.color(), self.cage.starts());
        let hashed = self.space.notes[index] & HASHED_HERE != 0;
        let first = index * BLOCK_GROUPS;
        let mut carry = 0;
        for group in first..first + BLOCK_GROUPS {
            let at = self.plan.first_group + group;
            let start = starts.word(at);
            let objects = start & color.word(at);
            // Adding a live start's second word to the words without start bits lets a carry run through the object up
            // to the next start; the words that it cleared are live. An object has two words at least.
            let inside = !start;
            let live = objects | inside & !inside.wrapping_add(objects << 1).wrapping_add(carry);
            let tail = if carry != 0 { start.trailing_zeros() as usize } else { 0 };
            carry = live >> 63;
            let mut base = 0;
            if objects != 0 {
                let beyond = if carry != 0 { self.words_beyond(group) } else { 0 };
                let words = live.count_ones() as usize - tail + beyond;
                base = if hashed || self.plan.end_word + words > self.limit {
                    self.place_each(group, objects, live, hashed)?
                } else {
                    self.place_group(group, objects, live, tail, words, beyond)
                };
            }
            // There is room for an entry for each group.
            self.plan.table.push(Group { live, base });
        }
        Ok(())
    }

    /// Returns how far the object in the last word of `group` extends beyond it.
    fn words_beyond(&self, group: usize) -> usize {
        let from = (self.plan.first_group + group + 1) * 64;
        let to = (self.plan.first_group + (group / BLOCK_GROUPS + 1) * BLOCK_GROUPS) * 64;
        next_start(self.cage, from, to) - from
    }

    /// Places the objects that start in a group, `words` words, behind one another. Returns the group's base.
    #[inline(always)]
    fn place_group(&mut self, group: usize, objects: u64, live: u64, tail: usize, words: usize, beyond: usize) -> u32 {
        let first = objects.trailing_zeros() as usize;
        let plan = &mut self.plan;
        let mut moved_words = words;
        let mut moved = objects;
        if plan.end_word == group * 64 + first {
            // Nothing was free below: the objects stay up to the first free word.
            let stay = (live >> first).trailing_ones() as usize;
            moved = objects.checked_shr((first + stay) as u32).unwrap_or(0);
            moved_words -= stay + if first + stay == 64 { beyond } else { 0 };
        }
        debug_assert!(plan.end_word <= group * 64 + first, "SLIDE-ORDER");
        plan.moved_objects += u64::from(moved.count_ones());
        plan.moved_words += moved_words as u64;
        plan.end_word += words;
        (plan.end_word - words - tail) as u32
    }

    /// Places the objects that start in a group one by one. Returns the group's base.
    fn place_each(&mut self, group: usize, objects: u64, live: u64, hashed: bool) -> Result<u32, SlideRefusal> {
        let block_end = (group / BLOCK_GROUPS + 1) * BLOCK_WORDS;
        let offset = self.plan.first_group * 64;
        let (mut rest, mut base, mut cut) = (objects, None, None);
        while rest != 0 {
            let low = rest.trailing_zeros();
            rest &= rest - 1;
            let source = group * 64 + low as usize;
            let words = next_start(self.cage, offset + source + 1, offset + block_end) - offset - source;
            let destination = self.place(source, words, hashed);
            let own = (destination as u32).wrapping_sub((live & ((1 << low) - 1)).count_ones());
            match base {
                None => base = Some(own),
                Some(base) if base != own => {
                    if cut.is_none() {
                        let first = objects.trailing_zeros();
                        cut = Some(self.plan.breaks.len() as u32);
                        let below = (live & ((1 << first) - 1)).count_ones();
                        self.cut((group * 64) as u32 + first, base.wrapping_add(below))?;
                    }
                    self.cut(source as u32, destination as u32)?;
                }
                Some(_) if cut.is_some() => self.cut(source as u32, destination as u32)?,
                Some(_) => {}
            }
        }
        Ok(cut.map_or(base.unwrap_or(0), |index| IRREGULAR | index))
    }

    fn cut(&mut self, source: u32, destination: u32) -> Result<(), SlideRefusal> {
        self.plan.breaks.try_reserve(1).map_err(|_| SlideRefusal::NoTable)?;
        self.plan.breaks.push(Break { source, destination });
        Ok(())
    }

    /// Places one object and returns its destination: behind the one before, or in the next block that receives some.
    fn place(&mut self, source: usize, words: usize, hashed: bool) -> usize {
        let grows = hashed && {
            let object = ObjectRef::from_address(self.space.range.start + source * 8);
            // SAFETY: OLD-COVERED, a start bit stands at a header.
            unsafe { object.header() }.hash_state() == HashState::FromAddress
        };
        let mut needed = words + usize::from(grows && self.plan.end_word != source);
        if self.plan.end_word + needed > self.limit {
            let mut next = self.limit / BLOCK_WORDS;
            while !self.space.slides(next) {
                next += 1;
            }
            self.plan.end_word = next * BLOCK_WORDS;
            self.limit = self.plan.end_word + BLOCK_WORDS;
            needed = words + usize::from(grows && self.plan.end_word != source);
            // There is room for one jump into each block.
            self.plan.jumps.push(Break {
                source: source as u32,
                destination: self.plan.end_word as u32,
            });
        }
        let destination = self.plan.end_word;
        assert!(destination <= source, "SLIDE-ORDER");
        self.plan.end_word += needed;
        if destination != source {
            self.plan.moved_objects += 1;
            self.plan.moved_words += words as u64;
        }
        destination
    }
}
