//! Large objects: each in pages of its own, found by block number, never moved.
//!
//! An object starts at a block boundary, so that the block number leads to it from any address inside. Young large
//! objects that a minor collection reaches become old where they are; the rest is doomed at its end. Doomed pages are used
//! again, cleared, by an allocation that fits them, or else given back piece by piece. Allocation of new pages is next fit
//! over block numbers; address space may fragment, memory does not.

use tenure_memory::{BLOCK_BYTES, Cage, PAGE_BYTES, Range, round_up};
use tenure_object::ObjectRef;

use crate::block_space::Pages;

/// The largest object whose pages are used again: clearing them takes up to a millisecond.
const REUSED_BYTES_MAX: usize = 8 << 20;
/// How many doomed objects an allocation looks at.
const REUSE_CANDIDATES: usize = 16;

#[derive(Clone, Copy, Debug)]
struct LargeObject {
    address: usize,
    bytes: usize,
    young: bool,
    reached: bool,
    /// Dead, and to be freed piece by piece: only the pages before `address + bytes` are still held.
    doomed: bool,
}

/// The space of large objects.
///
/// Invariant (LARGE-MAPPED): `owner[b]` is the object that block `b` belongs to, plus one, or 0; an object has a start
/// bit exactly if it is old, which is how a marker tells the young ones that it must leave to minor collections.
#[derive(Debug)]
pub struct LargeSpace {
    range: Range,
    owner: Vec<u32>,
    search: usize,
    objects: Vec<Option<LargeObject>>,
    vacant: Vec<u32>,
    /// Dead objects whose pages are still held.
    doomed: Vec<u32>,
    young: Vec<u32>,
    unscanned: Vec<u32>,
    used_bytes: usize,
    young_bytes: usize,
    committed_bytes: usize,
}

impl LargeSpace {
    /// Makes an empty space.
    #[must_use]
    pub fn new(range: Range) -> LargeSpace {
        LargeSpace {
            range,
            owner: Vec::new(),
            search: 0,
            objects: Vec::new(),
            vacant: Vec::new(),
            doomed: Vec::new(),
            young: Vec::new(),
            unscanned: Vec::new(),
            used_bytes: 0,
            young_bytes: 0,
            committed_bytes: 0,
        }
    }

    /// Returns the bytes in objects, young ones included.
    #[must_use]
    pub fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    /// Returns the bytes in young objects.
    #[must_use]
    pub fn young_bytes(&self) -> usize {
        self.young_bytes
    }

    /// Returns the bytes of pages held.
    #[must_use]
    pub fn committed_bytes(&self) -> usize {
        self.committed_bytes
    }

    /// Returns how many objects have survived no collection yet.
    #[must_use]
    pub fn young_count(&self) -> usize {
        self.young.len()
    }

    /// Returns one of those.
    #[must_use]
    pub fn young_object(&self, index: usize) -> Option<ObjectRef> {
        let id = *self.young.get(index)?;
        self.objects[id as usize].map(|o| ObjectRef::from_address(o.address))
    }

    /// Returns the live objects.
    pub fn objects(&self) -> impl Iterator<Item = (ObjectRef, usize, bool)> + '_ {
        self.objects
            .iter()
            .flatten()
            .filter(|o| !o.doomed)
            .map(|o| (ObjectRef::from_address(o.address), o.bytes, o.young))
    }

    /// Finds `blocks` free block numbers in a row.
    fn find_run(&mut self, blocks: usize) -> Option<usize> {
        let total = self.range.bytes() / BLOCK_BYTES;
        for (from, to) in [(self.search, total), (0, self.search.saturating_add(blocks).min(total))] {
            let mut start = from;
            while start + blocks <= to {
                let taken = (start..start + blocks)
                    .rev()
                    .find(|b| self.owner.get(*b).is_some_and(|o| *o != 0));
                match taken {
                    Some(block) => start = block + 1,
                    None => return Some(start),
                }
            }
        }
        None
    }

    /// Returns zeroed pages for an object of `bytes` bytes, or nothing when the budget or the system have none.
    pub fn allocate(&mut self, bytes: usize, young: bool, pages: &mut Pages<'_>) -> Option<ObjectRef> {
        if let Some(object) = self.reuse(bytes, young, pages) {
            return Some(object);
        }
        let committed = round_up(bytes, PAGE_BYTES);
        let blocks = bytes.div_ceil(BLOCK_BYTES);
        let first = self.find_run(blocks)?;
        if !pages.budget.take(committed) {
            return None;
        }
        let address = self.range.start + first * BLOCK_BYTES;
        if let Err(e) = pages.cage.commit(address, address + committed) {
            pages.budget.give_back(committed);
            *pages.refused = Some(e);
            return None;
        }
        self.search = first + blocks;
        let object = LargeObject {
            address,
            bytes,
            young,
            reached: false,
            doomed: false,
        };
        let id = match self.vacant.pop() {
            Some(id) => {
                self.objects[id as usize] = Some(object);
                id
            }
            None => {
                self.objects.push(Some(object));
                self.objects.len() as u32 - 1
            }
        };
        if self.owner.len() < first + blocks {
            self.owner.resize(first + blocks, 0);
        }
        self.owner[first..first + blocks].fill(id + 1);
        self.committed_bytes += committed;
        Some(self.count_in(id, object, pages.cage))
    }

    /// Counts an object that has its pages.
    fn count_in(&mut self, id: u32, object: LargeObject, cage: &Cage) -> ObjectRef {
        self.used_bytes += object.bytes;
        if object.young {
            self.young.push(id);
            self.young_bytes += object.bytes;
        } else {
            cage.starts().set(cage.bit(object.address));
        }
        ObjectRef::from_address(object.address)
    }

    /// Gives the pages of a doomed object to a new one of `bytes` bytes, cleared: of the smallest of the last ones that is large
    /// enough, and at most twice as large. What is left over goes back to the system.
    fn reuse(&mut self, bytes: usize, young: bool, pages: &mut Pages<'_>) -> Option<ObjectRef> {
        let committed = round_up(bytes, PAGE_BYTES);
        if committed > REUSED_BYTES_MAX {
            return None;
        }
        let last = self.doomed.len().saturating_sub(REUSE_CANDIDATES)..self.doomed.len();
        let (_, place) = last
            .filter_map(|place| {
                let held = self.objects[self.doomed[place] as usize]?.bytes;
                (committed..=2 * committed).contains(&held).then_some((held, place))
            })
            .min()?;
        let id = self.doomed.remove(place);
        self.truncate(id, committed, pages);
        let object = LargeObject {
            bytes,
            young,
            reached: false,
            doomed: false,
            ..self.objects[id as usize]?
        };
        // SAFETY: LARGE-MAPPED, these are the pages of an object that nothing refers to any more.
        unsafe { std::ptr::write_bytes(object.address as *mut u8, 0, committed) };
        self.objects[id as usize] = Some(object);
        Some(self.count_in(id, object, pages.cage))
    }

    /// Gives the pages of a doomed object behind its first `left` bytes back, whole blocks' numbers with them.
    fn truncate(&mut self, id: u32, left: usize, pages: &mut Pages<'_>) {
        let Some(object) = &mut self.objects[id as usize] else {
            return;
        };
        if object.bytes == left {
            return;
        }
        let (address, end) = (object.address, object.address + object.bytes);
        pages.cage.decommit(address + left, end);
        pages.budget.give_back(object.bytes - left);
        self.committed_bytes -= object.bytes - left;
        let first = (address + left - self.range.start).div_ceil(BLOCK_BYTES);
        let last = (end - self.range.start).div_ceil(BLOCK_BYTES);
        object.bytes = left;
        self.owner[first..last].fill(0);
        self.search = self.search.min(first);
    }

    /// Returns the object that `address` lies in.
    #[must_use]
    pub fn find(&self, address: usize) -> Option<ObjectRef> {
        self.id(address)
            .and_then(|id| self.objects[id])
            .map(|o| ObjectRef::from_address(o.address))
    }

    fn id(&self, address: usize) -> Option<usize> {
        let block = (address - self.range.start) / BLOCK_BYTES;
        self.owner.get(block).filter(|o| **o != 0).map(|o| *o as usize - 1)
    }

    /// Returns whether the object at `address` has not survived a collection yet.
    #[must_use]
    pub fn is_young(&self, address: usize) -> bool {
        self.id(address)
            .and_then(|id| self.objects[id])
            .is_some_and(|o| o.young)
    }

    /// Returns whether `object` is a large object that has not survived a collection yet.
    #[must_use]
    pub fn is_young_object(&self, cage: &Cage, object: ObjectRef) -> bool {
        cage.large().contains(object.address()) && self.is_young(object.address())
    }

    /// Notes that a minor collection reached `object`.
    pub fn reach(&mut self, object: ObjectRef) {
        let Some(id) = self.id(object.address()) else { return };
        if let Some(o) = &mut self.objects[id]
            && o.young
            && !o.reached
        {
            o.reached = true;
            self.unscanned.push(id as u32);
        }
    }

    /// Returns whether `object` is young and the minor collection in progress has not reached it.
    #[must_use]
    pub fn is_unreached(&self, object: ObjectRef) -> bool {
        self.id(object.address())
            .and_then(|id| self.objects[id])
            .is_some_and(|o| o.young && !o.reached)
    }

    /// Returns a reached young object once, to have its slots forwarded.
    pub fn next_unscanned(&mut self) -> Option<ObjectRef> {
        let id = self.unscanned.pop()?;
        self.objects[id as usize].map(|o| ObjectRef::from_address(o.address))
    }

    /// Ends a minor collection: reached young objects are old, the others are doomed. Returns the bytes and count of
    /// those promoted and the bytes doomed.
    pub fn finish_minor(&mut self, cage: &Cage) -> (usize, usize, usize) {
        assert!(
            self.unscanned.is_empty(),
            "NUR-SCAN: a reached large object was not scanned"
        );
        let (mut promoted_bytes, mut promoted, mut doomed_bytes) = (0, 0, 0);
        let mut young = std::mem::take(&mut self.young);
        for id in young.drain(..) {
            let Some(object) = &mut self.objects[id as usize] else {
                continue;
            };
            if object.reached {
                (object.young, object.reached) = (false, false);
                cage.starts().set(cage.bit(object.address));
                promoted_bytes += object.bytes;
                promoted += 1;
            } else {
                doomed_bytes += object.bytes;
                self.doom(id, cage);
            }
        }
        self.young = young;
        self.young_bytes = 0;
        (promoted_bytes, promoted, doomed_bytes)
    }

    /// Makes an object dead. Its pages are held until [`LargeSpace::free_next`] gives them back.
    fn doom(&mut self, id: u32, cage: &Cage) {
        let Some(object) = &mut self.objects[id as usize] else {
            return;
        };
        let bit = cage.bit(object.address);
        cage.starts().clear(bit);
        cage.color().clear_range(bit, bit + 2);
        (object.doomed, object.young) = (true, false);
        self.used_bytes -= object.bytes;
        object.bytes = round_up(object.bytes, PAGE_BYTES);
        self.doomed.push(id);
    }

    /// Returns whether dead objects hold pages.
    #[must_use]
    pub fn has_doomed(&self) -> bool {
        !self.doomed.is_empty()
    }

    /// Gives back up to `most_bytes` of the pages of one dead object, from its end. Returns whether none is left that
    /// holds any.
    pub fn free_next(&mut self, most_bytes: usize, pages: &mut Pages<'_>) -> bool {
        let Some(id) = self.doomed.last().copied() else {
            return true;
        };
        let Some(object) = self.objects[id as usize] else {
            return true;
        };
        let freed = object.bytes.min(round_up(most_bytes.clamp(1, 1 << 40), BLOCK_BYTES));
        // Pieces end at block boundaries, so that block numbers can be given up with the pages.
        let left = tenure_memory::round_down(object.bytes - freed, BLOCK_BYTES);
        self.truncate(id, left, pages);
        if left == 0 {
            self.objects[id as usize] = None;
            self.vacant.push(id);
            self.doomed.pop();
        }
        self.doomed.is_empty()
    }

    /// Dooms the objects that are not marked and clears the colors of the rest. Young objects are kept: a minor
    /// collection decides about them.
    ///
    /// # Safety
    ///
    /// Marking must be complete (MARK-STRONG).
    pub unsafe fn begin_sweep(&mut self, cage: &Cage) {
        for id in 0..self.objects.len() {
            let Some(object) = self.objects[id].filter(|o| !o.doomed) else {
                continue;
            };
            let bit = cage.bit(object.address);
            if object.young || cage.color().get(bit) {
                cage.color().clear_range(bit, bit + 2);
                if object.young {
                    cage.starts().clear(bit);
                }
            } else {
                self.doom(id as u32, cage);
            }
        }
    }

    /// Checks the block numbers against the objects, and the byte counts.
    ///
    /// # Errors
    ///
    /// With the invariant's name.
    pub fn check_integrity(&self, cage: &Cage) -> Result<(), String> {
        let mut blocks = 0;
        let (mut used, mut committed, mut young) = (0, 0, 0);
        for (id, object) in self.objects.iter().enumerate() {
            let Some(object) = object else { continue };
            let first = (object.address - self.range.start) / BLOCK_BYTES;
            let count = object.bytes.div_ceil(BLOCK_BYTES);
            if self.owner[first..first + count].iter().any(|o| *o as usize != id + 1) {
                return Err(format!(
                    "LARGE-MAPPED: a block of {:#x} belongs to another object",
                    object.address
                ));
            }
            if cage.starts().get(cage.bit(object.address)) == (object.young || object.doomed) {
                return Err(format!("LARGE-MAPPED: the start bit of {:#x} is wrong", object.address));
            }
            blocks += count;
            used += if object.doomed { 0 } else { object.bytes };
            committed += round_up(object.bytes, PAGE_BYTES);
            young += if object.young { object.bytes } else { 0 };
        }
        if blocks != self.owner.iter().filter(|o| **o != 0).count() {
            return Err("LARGE-MAPPED: a block belongs to an object that is gone".to_string());
        }
        if (used, committed, young) != (self.used_bytes, self.committed_bytes, self.young_bytes) {
            return Err(format!(
                "byte accounting: large objects hold {used}/{committed}/{young} bytes, counted {}/{}/{}",
                self.used_bytes, self.committed_bytes, self.young_bytes
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Budget;
    use proptest::prelude::*;
    use tenure_memory::{CageLayout, SystemPages};

    const BUDGET_BYTES: usize = 6 << 20;

    struct Fixture {
        cage: Cage,
        budget: Budget,
        large: LargeSpace,
    }

    impl Fixture {
        fn new() -> Fixture {
            let layout = CageLayout {
                nursery_half_bytes: 1 << 20,
                large_bytes: 8 << 20,
                data_bytes: 1 << 22,
                pointer_bytes: 1 << 22,
            };
            let cage = Cage::reserve(Box::new(SystemPages), &layout).expect("a few MiB of address space");
            let large = LargeSpace::new(cage.large());
            let budget = Budget {
                committed_bytes: 0,
                max_bytes: BUDGET_BYTES,
            };
            Fixture { cage, budget, large }
        }

        fn with_pages<R>(&mut self, run: impl FnOnce(&mut LargeSpace, &mut Pages<'_>) -> R) -> R {
            let mut pages = Pages {
                cage: &mut self.cage,
                budget: &mut self.budget,
                refused: &mut None,
            };
            run(&mut self.large, &mut pages)
        }

        /// Allocates, checks that the pages are zero, and leaves them otherwise.
        fn allocate(&mut self, bytes: usize, young: bool) -> Option<ObjectRef> {
            let object = self.with_pages(|large, pages| large.allocate(bytes, young, pages))?;
            let committed = round_up(bytes, PAGE_BYTES);
            // SAFETY: LARGE-MAPPED, the space just handed the pages out.
            let pages = unsafe { std::slice::from_raw_parts_mut(object.address() as *mut u8, committed) };
            assert!(
                pages.iter().all(|byte| *byte == 0),
                "pages of a dead object as they were"
            );
            pages.fill(0xa5);
            Some(object)
        }

        /// Lets `live` survive a minor collection and dooms all other young objects.
        fn collect(&mut self, live: &[ObjectRef]) {
            live.iter().for_each(|object| self.large.reach(*object));
            while self.large.next_unscanned().is_some() {}
            self.large.finish_minor(&self.cage);
        }

        fn check(&self) {
            assert_eq!(self.large.check_integrity(&self.cage), Ok(()));
            assert_eq!(self.large.committed_bytes(), self.budget.committed_bytes, "OLD-BUDGET");
        }
    }

    #[test]
    fn pages_of_a_doomed_object_are_used_again_and_the_rest_given_back() {
        let mut f = Fixture::new();
        let first = f.allocate(1_000_000, true).expect("room");
        f.collect(&[]);
        let held = f.large.committed_bytes();
        let second = f.allocate(600_000, true).expect("room");
        f.check();
        assert_eq!((second, held), (first, round_up(1_000_000, PAGE_BYTES)));
        assert_eq!(f.large.committed_bytes(), round_up(600_000, PAGE_BYTES));
        assert!(!f.large.has_doomed());
        let behind = f.allocate(300_000, true).expect("room");
        assert_eq!(
            behind.address(),
            first.address() + 3 * BLOCK_BYTES,
            "the blocks behind are free"
        );
        f.check();
    }

    #[test]
    fn what_is_far_larger_stays_doomed() {
        let mut f = Fixture::new();
        let first = f.allocate(2_000_000, true).expect("room");
        f.collect(&[]);
        let second = f.allocate(300_000, false).expect("room");
        assert_ne!(second, first);
        assert!(f.large.has_doomed() && !f.large.is_young(second.address()));
        f.check();
    }

    proptest! {
        #[test]
        fn pages_are_zero_and_nobody_elses(steps in proptest::collection::vec((0usize..4, 1usize..1_500_000, any::<u64>()), 1..60)) {
            let mut f = Fixture::new();
            let mut live: Vec<(ObjectRef, usize)> = Vec::new();
            for (what, bytes, choice) in steps {
                match what {
                    0 | 1 => if let Some(object) = f.allocate(bytes, what == 0) {
                        let end = object.address() + bytes;
                        let apart = |other: &(ObjectRef, usize)| end <= other.0.address() || other.0.address() + other.1 <= object.address();
                        prop_assert!(live.iter().all(apart));
                        live.push((object, bytes));
                    },
                    2 => {
                        let kept = |n: usize| choice >> (n % 64) & 1 == 1;
                        let mut n = 0;
                        live.retain(|(object, _)| {
                            n += 1;
                            kept(n) || !f.large.is_young(object.address())
                        });
                        let objects: Vec<ObjectRef> = live.iter().map(|(object, _)| *object).collect();
                        f.collect(&objects);
                    }
                    _ => {
                        f.with_pages(|large, pages| large.free_next(bytes, pages));
                    }
                }
                f.check();
                for (object, bytes) in &live {
                    prop_assert_eq!(f.large.find(object.address() + bytes - 1), Some(*object));
                    // SAFETY: LARGE-MAPPED, a live object.
                    prop_assert_eq!(unsafe { *((object.address() + bytes - 1) as *const u8) }, 0xa5);
                }
            }
        }
    }
}
