//! One reservation, divided into the ranges of a heap, with the side tables that describe every word of it.
//!
//! ```text
//! start                                                                    end
//!   | nursery half 0 | nursery half 1 | large objects | data blocks | pointer blocks |   then: color, starts, cards
//! ```
//!
//! Whether a word refers to an object is one rotate, subtract and compare against the cage; whether the object is young
//! or holds no slots is one compare more, because each kind of memory has a range of its own. A range is reserved once
//! and never grows. Pages are committed by chunks together with their part of the side tables. The cage does not
//! know which part of a range is in use.

use crate::{CARD_BYTES, CHUNK_BYTES, PAGE_BYTES, PageError, PageSource, SideBitmap, WORD_BYTES, round_up};

/// A range of addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// First address.
    pub start: usize,
    /// First address after it.
    pub end: usize,
}

impl Range {
    /// Returns whether `address` lies in the range.
    #[must_use]
    #[inline]
    pub const fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.start) < self.end - self.start
    }

    /// Returns the length in bytes.
    #[must_use]
    #[inline]
    pub const fn bytes(&self) -> usize {
        self.end - self.start
    }
}

/// How much address space each range gets, in bytes; all are rounded up to whole chunks.
#[derive(Clone, Copy, Debug)]
pub struct CageLayout {
    /// One half of the nursery, spill included.
    pub nursery_half_bytes: usize,
    /// Large objects.
    pub large_bytes: usize,
    /// Blocks of objects without slots.
    pub data_bytes: usize,
    /// Blocks of objects with slots.
    pub pointer_bytes: usize,
}

/// The address space of one heap.
///
/// Invariant (CAGE-RANGES): the ranges are disjoint, chunk-aligned and in the order of the module's picture, and the
/// whole reservation belongs to this cage until it is dropped.
#[derive(Debug)]
pub struct Cage {
    source: Box<dyn PageSource>,
    reservation: Range,
    heap: Range,
    halves: [Range; 2],
    large: Range,
    data: Range,
    pointer: Range,
    color: SideBitmap,
    starts: SideBitmap,
    color_base: usize,
    starts_base: usize,
    cards_base: usize,
    chunk_tables: Vec<bool>,
    table_bytes: usize,
}

impl Cage {
    /// Reserves a cage.
    ///
    /// # Errors
    ///
    /// When the source has not so much address space.
    pub fn reserve(mut source: Box<dyn PageSource>, layout: &CageLayout) -> Result<Cage, PageError> {
        let half = round_up(layout.nursery_half_bytes, CHUNK_BYTES);
        let large = round_up(layout.large_bytes, CHUNK_BYTES);
        let data = round_up(layout.data_bytes, CHUNK_BYTES);
        let pointer = round_up(layout.pointer_bytes, CHUNK_BYTES);
        let heap_bytes = 2 * half + large + data + pointer;
        let bitmap_bytes = heap_bytes / WORD_BYTES / 8;
        let card_bytes = heap_bytes / CARD_BYTES;
        let total = heap_bytes + 2 * bitmap_bytes + card_bytes;
        let start = source.reserve(total, CHUNK_BYTES)?;
        let mut cursor = start;
        let mut take = |bytes: usize| {
            cursor += bytes;
            Range {
                start: cursor - bytes,
                end: cursor,
            }
        };
        let halves = [take(half), take(half)];
        let (large, data, pointer) = (take(large), take(data), take(pointer));
        let heap = Range {
            start,
            end: pointer.end,
        };
        let (color, starts, cards) = (take(bitmap_bytes), take(bitmap_bytes), take(card_bytes));
        let bits = heap_bytes / WORD_BYTES;
        Ok(Cage {
            source,
            reservation: Range {
                start,
                end: start + total,
            },
            heap,
            halves,
            large,
            data,
            pointer,
            // SAFETY: MEM-OWNED, the tables are parts of the reservation above; BITMAP-COMMITTED is kept by `commit`.
            color: unsafe { SideBitmap::new(color.start, bits) },
            // SAFETY: MEM-OWNED, as above.
            starts: unsafe { SideBitmap::new(starts.start, bits) },
            color_base: color.start,
            starts_base: starts.start,
            cards_base: cards.start,
            chunk_tables: vec![false; heap_bytes / CHUNK_BYTES],
            table_bytes: 0,
        })
    }

    /// Returns the range that every object lies in.
    #[must_use]
    #[inline]
    pub fn heap(&self) -> Range {
        self.heap
    }

    /// Returns one half of the nursery.
    #[must_use]
    #[inline]
    pub fn half(&self, index: usize) -> Range {
        self.halves[index]
    }

    /// Returns both halves of the nursery as one range.
    #[must_use]
    #[inline]
    pub fn nursery(&self) -> Range {
        Range {
            start: self.halves[0].start,
            end: self.halves[1].end,
        }
    }

    /// Returns the range of large objects.
    #[must_use]
    #[inline]
    pub fn large(&self) -> Range {
        self.large
    }

    /// Returns the range of blocks for objects without slots.
    #[must_use]
    #[inline]
    pub fn data(&self) -> Range {
        self.data
    }

    /// Returns the range of blocks for objects with slots.
    #[must_use]
    #[inline]
    pub fn pointer(&self) -> Range {
        self.pointer
    }

    /// Returns the color bitmap: two bits per object, in the bits of its first two words.
    #[must_use]
    #[inline]
    pub fn color(&self) -> SideBitmap {
        self.color
    }

    /// Returns the allocation bitmap: where objects and holes start.
    #[must_use]
    #[inline]
    pub fn starts(&self) -> SideBitmap {
        self.starts
    }

    /// Returns the card byte of `address`.
    #[must_use]
    #[inline]
    pub fn card(&self, address: usize) -> *mut u8 {
        debug_assert!(self.heap.contains(address), "CAGE-RANGES");
        (self.cards_base + (address - self.heap.start) / CARD_BYTES) as *mut u8
    }

    /// Returns the bit of `address` in the side bitmaps.
    #[must_use]
    #[inline]
    pub fn bit(&self, address: usize) -> usize {
        debug_assert!(self.heap.contains(address), "CAGE-RANGES");
        (address - self.heap.start) / WORD_BYTES
    }

    /// Returns the address of bit `bit`.
    #[must_use]
    #[inline]
    pub fn address(&self, bit: usize) -> usize {
        self.heap.start + bit * WORD_BYTES
    }

    /// Returns how many bytes the committed side tables take.
    #[must_use]
    pub fn table_bytes(&self) -> usize {
        self.table_bytes
    }

    /// Makes `[start, end)` of the heap range readable and writable, with the side tables of its chunks.
    ///
    /// # Errors
    ///
    /// When the source has no pages; the tables that it did give stay, the range does not count as committed.
    pub fn commit(&mut self, start: usize, end: usize) -> Result<(), PageError> {
        debug_assert!(
            self.heap.start <= start && start <= end && end <= self.heap.end,
            "CAGE-RANGES"
        );
        if start == end {
            return Ok(());
        }
        self.commit_tables(start, end)?;
        // SAFETY: MEM-OWNED, the range lies in this cage's reservation (CAGE-RANGES).
        unsafe { self.source.commit(start, end - start) }
    }

    /// Commits the side tables that describe `[start, end)`.
    ///
    /// # Errors
    ///
    /// When the source has no pages.
    pub fn commit_tables(&mut self, start: usize, end: usize) -> Result<(), PageError> {
        let first = (start - self.heap.start) / CHUNK_BYTES;
        let last = (end - 1 - self.heap.start) / CHUNK_BYTES;
        for chunk in first..=last {
            if !self.chunk_tables[chunk] {
                let bitmap = CHUNK_BYTES / WORD_BYTES / 8;
                let cards = CHUNK_BYTES / CARD_BYTES;
                for (base, bytes) in [
                    (self.color_base, bitmap),
                    (self.starts_base, bitmap),
                    (self.cards_base, cards),
                ] {
                    // SAFETY: MEM-OWNED, the tables lie in this cage's reservation (CAGE-RANGES), whole pages each.
                    unsafe { self.source.commit(base + chunk * bytes, bytes) }?;
                }
                // Marking is the first to touch the colors, everywhere at once: page faults are cheaper here.
                for page in
                    (self.color_base + chunk * bitmap..self.color_base + (chunk + 1) * bitmap).step_by(PAGE_BYTES)
                {
                    // SAFETY: MEM-OWNED, the table was committed above, and new pages are zero.
                    unsafe { std::ptr::write_volatile(page as *mut u64, 0) };
                }
                self.chunk_tables[chunk] = true;
                self.table_bytes += 2 * bitmap + cards;
            }
        }
        Ok(())
    }

    /// Has the system put memory behind the committed range `[start, end)` and its start bits now, so that what is
    /// allocated there meets no page faults. The range must be a multiple of 256 KiB or lie in one.
    pub fn populate(&mut self, start: usize, end: usize) {
        debug_assert!(
            self.heap.start <= start && start < end && end <= self.heap.end,
            "CAGE-RANGES"
        );
        let bits = |address: usize| self.starts_base + (address - self.heap.start) / WORD_BYTES / 8;
        let (first, last) = (bits(start) & !(PAGE_BYTES - 1), crate::round_up(bits(end), PAGE_BYTES));
        // SAFETY: MEM-OWNED and BITMAP-COMMITTED, the table lies in this cage's reservation, and nobody holds a
        // reference into it.
        unsafe { self.source.populate(first, last - first) };
        // SAFETY: MEM-OWNED, the range lies in this cage's reservation (CAGE-RANGES) and is committed.
        unsafe { self.source.populate(start, end - start) }
    }

    /// Gives the pages of `[start, end)` back to the system. The side tables stay.
    pub fn decommit(&mut self, start: usize, end: usize) {
        debug_assert!(
            self.heap.start <= start && start <= end && end <= self.heap.end,
            "CAGE-RANGES"
        );
        if start < end {
            // SAFETY: MEM-OWNED, the range lies in this cage's reservation (CAGE-RANGES) and its owner gives it up.
            unsafe { self.source.decommit(start, end - start) }
        }
    }

    /// Sets what may be done with committed pages.
    pub fn protect(&mut self, start: usize, end: usize, access: crate::Access) {
        if start < end {
            // SAFETY: MEM-OWNED, the range lies in this cage's reservation (CAGE-RANGES).
            unsafe { self.source.protect(start, end - start, access) }
        }
    }

    /// Returns where the cage has its pages from.
    pub(crate) fn source(&mut self) -> &mut dyn PageSource {
        &mut *self.source
    }

    /// Asks for huge pages behind what follows the first `from_bytes` of `range`, whose pages are left to the system.
    pub fn prefer_huge_pages(&mut self, range: Range, from_bytes: usize) {
        let start = range.start + from_bytes.min(range.bytes()) / CHUNK_BYTES * CHUNK_BYTES;
        // SAFETY: MEM-OWNED, the range lies in this cage's reservation (CAGE-RANGES).
        unsafe { self.source.prefer_huge_pages(start, range.end - start, true) }
    }

    /// Asks for no huge pages behind `range`.
    pub fn refuse_huge_pages(&mut self, range: Range) {
        // SAFETY: MEM-OWNED, the range lies in this cage's reservation (CAGE-RANGES).
        unsafe { self.source.prefer_huge_pages(range.start, range.bytes(), false) }
    }
}

impl Drop for Cage {
    fn drop(&mut self) {
        // SAFETY: MEM-OWNED, this is the whole reservation, and the borrow checker has ended all use of the cage.
        unsafe { self.source.release(self.reservation.start, self.reservation.bytes()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FailingPages, SystemPages};

    fn layout() -> CageLayout {
        CageLayout {
            nursery_half_bytes: 1 << 20,
            large_bytes: 1 << 22,
            data_bytes: 1 << 22,
            pointer_bytes: 1 << 22,
        }
    }

    #[test]
    fn ranges_are_disjoint_and_committed_memory_is_zero_and_writable() {
        let mut cage = Cage::reserve(Box::new(SystemPages), &layout()).expect("a few MiB of address space");
        let ranges = [cage.half(0), cage.half(1), cage.large(), cage.data(), cage.pointer()];
        for pair in ranges.windows(2) {
            assert_eq!(pair[0].end, pair[1].start);
        }
        let p = cage.pointer();
        cage.commit(p.start, p.start + 4096).expect("one page");
        // SAFETY: MEM-OWNED, the page was committed above.
        unsafe {
            assert_eq!(*(p.start as *const u64), 0);
            *(p.start as *mut u64) = 7;
        }
        cage.color().set(cage.bit(p.start));
        assert!(cage.color().get(cage.bit(p.start)));
        cage.decommit(p.start, p.start + 4096);
        cage.commit(p.start, p.start + 4096).expect("one page");
        // SAFETY: MEM-OWNED, the page was committed again above.
        assert_eq!(unsafe { *(p.start as *const u64) }, 0);
        assert_eq!(cage.address(cage.bit(p.start + 40)), p.start + 40);
        assert_eq!(cage.table_bytes(), 2 * 32 * 1024 + 4096);
    }

    /// Where the system was told to prefer huge pages, and where to refuse them; nothing on a system without any.
    #[cfg(target_os = "linux")]
    fn advised(range: Range) -> Option<(usize, usize)> {
        let maps = std::fs::read_to_string("/proc/self/smaps").ok()?;
        let (mut inside, mut preferred, mut refused) = (0, 0, 0);
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            let first = words.next()?;
            if let Some((start, end)) = first.split_once('-') {
                let of = |hex| usize::from_str_radix(hex, 16).expect("an address");
                inside = of(end).min(range.end).saturating_sub(of(start).max(range.start));
            } else if first == "VmFlags:" {
                let flags: Vec<&str> = words.collect();
                preferred += if flags.contains(&"hg") { inside } else { 0 };
                refused += if flags.contains(&"nh") { inside } else { 0 };
            }
        }
        std::path::Path::new("/sys/kernel/mm/transparent_hugepage")
            .exists()
            .then_some((preferred, refused))
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn huge_pages_follow_the_first_bytes() {
        let mut cage = Cage::reserve(Box::new(SystemPages), &layout()).expect("a few MiB of address space");
        let (data, pointer, large) = (cage.data(), cage.pointer(), cage.large());
        cage.prefer_huge_pages(data, CHUNK_BYTES);
        cage.prefer_huge_pages(pointer, usize::MAX);
        cage.refuse_huge_pages(large);
        let Some(of_data) = advised(data) else {
            eprintln!("skipped: this system has no huge pages");
            return;
        };
        assert_eq!(of_data, (data.bytes() - CHUNK_BYTES, 0));
        let rest = Range {
            start: data.start + CHUNK_BYTES,
            end: data.end,
        };
        assert_eq!(advised(rest), Some((rest.bytes(), 0)));
        assert_eq!(advised(pointer), Some((0, 0)));
        assert_eq!(advised(large), Some((0, large.bytes())));
    }

    #[test]
    fn each_failing_commit_is_an_error() {
        for k in 1..=4 {
            let mut cage = Cage::reserve(Box::new(FailingPages::new(k, false)), &layout()).expect("address space");
            let p = cage.data();
            assert!(cage.commit(p.start, p.start + 4096).is_err(), "commit {k}");
            assert!(cage.commit(p.start, p.start + 4096).is_ok(), "the next one works");
        }
    }
}
