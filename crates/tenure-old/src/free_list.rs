//! Free holes by size class.
//!
//! Holes of 2 to 32 words have a class for each size, larger ones a class for each power of two. A bitmap of the
//! classes in use makes finding one a shift and a count of zeros. Holes carry a header and, in their second word, the
//! next hole of the class; holes of one word are counted as waste until a neighbor dies. Neighbors are merged by
//! sweeping, never here.

use tenure_object::{Header, ObjectRef};

const EXACT_WORDS_MAX: usize = 32;
const CLASSES: usize = EXACT_WORDS_MAX + 12;

/// Holes of at least this many words are taken first, because they serve many allocations in a row: 2 KiB, where V8's
/// fast path starts too.
const ROOMY_WORDS: usize = 256;

/// How many holes of the one class that may or may not be large enough are looked at.
const FIRST_FIT_LOOKS: usize = 8;

/// The free lists of one space.
///
/// Invariant (FREE-LISTED): each hole of at least two words is in the list of its class exactly once, starts with a free
/// header of its size, and has its start bit set.
#[derive(Debug)]
pub struct FreeLists {
    heads: [usize; CLASSES],
    nonempty: u64,
    free_bytes: usize,
}

impl Default for FreeLists {
    fn default() -> Self {
        FreeLists {
            heads: [0; CLASSES],
            nonempty: 0,
            free_bytes: 0,
        }
    }
}

/// The class of holes of exactly or at least `words`.
const fn class_of(words: usize) -> usize {
    if words <= EXACT_WORDS_MAX {
        words
    } else {
        EXACT_WORDS_MAX + words.ilog2() as usize - 4
    }
}

const _: () = assert!(class_of(33) == EXACT_WORDS_MAX + 1 && class_of(tenure_memory::BLOCK_WORDS) < CLASSES);

impl FreeLists {
    /// Returns the bytes in all lists.
    #[must_use]
    pub fn free_bytes(&self) -> usize {
        self.free_bytes
    }

    /// Forgets all holes, before sweeping finds them anew.
    pub fn clear(&mut self) {
        *self = FreeLists::default();
    }

    /// Adds the hole of `words` words at `address`, writing its header.
    ///
    /// # Safety
    ///
    /// The words must be dead, in no list, and their start bit set by the caller (FREE-LISTED).
    pub unsafe fn add(&mut self, address: usize, words: usize) {
        let hole = ObjectRef::from_address(address);
        // SAFETY: FREE-LISTED, the words are dead.
        unsafe { hole.set_header(Header::free(words)) };
        if words >= 2 {
            let class = class_of(words);
            // SAFETY: FREE-LISTED, the hole has a second word.
            unsafe { *(hole.payload() as *mut usize) = self.heads[class] };
            self.heads[class] = address;
            self.nonempty |= 1 << class;
            self.free_bytes += words * 8;
        }
    }

    /// # Safety
    ///
    /// `address` must be a listed hole (FREE-LISTED).
    unsafe fn read(address: usize) -> (usize, usize) {
        let hole = ObjectRef::from_address(address);
        // SAFETY: FREE-LISTED, a hole has a header.
        let words = unsafe { hole.header() }.high() as usize;
        // SAFETY: FREE-LISTED, and in a list, so it has a second word.
        (words, unsafe { *(hole.payload() as *const usize) })
    }

    fn pop(&mut self, class: usize) -> (usize, usize) {
        let address = self.heads[class];
        // SAFETY: FREE-LISTED, the head of a nonempty class.
        let (words, next) = unsafe { Self::read(address) };
        debug_assert!(class_of(words) == class, "FREE-LISTED");
        self.heads[class] = next;
        if next == 0 {
            self.nonempty &= !(1 << class);
        }
        self.free_bytes -= words * 8;
        (address, words)
    }

    /// Returns whether a hole of at least `words` words is surely there: in exact classes every hole of the class fits,
    /// in the others only those of the next class do.
    #[must_use]
    pub fn has(&self, words: usize) -> bool {
        let sure = class_of(words) + usize::from(words > EXACT_WORDS_MAX);
        self.nonempty.checked_shr(sure as u32).unwrap_or(0) != 0
    }

    /// Takes a hole of at least `words` words, roomy ones first. Returns its address and words.
    pub fn take(&mut self, words: usize) -> Option<(usize, usize)> {
        let roomy = class_of(words.max(ROOMY_WORDS)) + usize::from(words > ROOMY_WORDS);
        let larger = self.nonempty & (!0u64).checked_shl(roomy as u32).unwrap_or(0);
        if larger != 0 {
            return Some(self.pop(larger.trailing_zeros() as usize));
        }
        // In exact classes every hole of the class fits, in the others only those of the next class surely do.
        let sure = class_of(words) + usize::from(words > EXACT_WORDS_MAX);
        let fitting = self.nonempty & (!0u64).checked_shl(sure as u32).unwrap_or(0);
        if fitting != 0 {
            return Some(self.pop(63 - fitting.leading_zeros() as usize));
        }
        if words > EXACT_WORDS_MAX {
            self.first_fit(class_of(words), words)
        } else {
            None
        }
    }

    fn first_fit(&mut self, class: usize, words: usize) -> Option<(usize, usize)> {
        let mut previous = 0;
        let mut address = self.heads[class];
        for _ in 0..FIRST_FIT_LOOKS {
            if address == 0 {
                return None;
            }
            // SAFETY: FREE-LISTED, an element of the class.
            let (found, next) = unsafe { Self::read(address) };
            if found >= words {
                if previous == 0 {
                    return Some(self.pop(class));
                }
                // SAFETY: FREE-LISTED, the element before it has a second word.
                unsafe { *(ObjectRef::from_address(previous).payload() as *mut usize) = next };
                self.free_bytes -= found * 8;
                return Some((address, found));
            }
            previous = address;
            address = next;
        }
        None
    }

    /// Calls `visit` with the address and words of each listed hole.
    pub fn for_each(&self, mut visit: impl FnMut(usize, usize)) {
        for head in self.heads {
            let mut address = head;
            while address != 0 {
                // SAFETY: FREE-LISTED, an element of a list.
                let (words, next) = unsafe { Self::read(address) };
                visit(address, words);
                address = next;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn takes_fitting_holes_and_loses_none(sizes in proptest::collection::vec(1usize..600, 1..40),
                                              requests in proptest::collection::vec(2usize..700, 1..60)) {
            let mut memory = vec![0u64; sizes.iter().sum()];
            let base = memory.as_mut_ptr() as usize;
            let mut lists = FreeLists::default();
            let mut at = base;
            for &size in &sizes {
                // SAFETY: FREE-LISTED, each hole is its own part of the vector.
                unsafe { lists.add(at, size) };
                at += size * 8;
            }
            let mut left: Vec<usize> = sizes.iter().copied().filter(|s| *s >= 2).collect();
            for request in requests {
                if let Some((address, words)) = lists.take(request) {
                    prop_assert!(words >= request && address >= base);
                    let i = left.iter().position(|s| *s == words);
                    prop_assert!(i.is_some(), "a hole was handed out twice");
                    left.swap_remove(i.unwrap_or(0));
                } else if request <= EXACT_WORDS_MAX {
                    prop_assert!(left.iter().all(|s| *s < request));
                } else {
                    prop_assert!(left.iter().all(|s| class_of(*s) <= class_of(request)));
                }
                prop_assert_eq!(lists.free_bytes(), left.iter().sum::<usize>() * 8);
                let mut listed = Vec::new();
                lists.for_each(|_, words| listed.push(words));
                listed.sort_unstable();
                let mut expected = left.clone();
                expected.sort_unstable();
                prop_assert_eq!(listed, expected);
            }
        }
    }
}
