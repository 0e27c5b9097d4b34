//! Contiguous root words: register windows, operand stacks, handles.
//!
//! The facade moves `top`; a collection scans every word below it, plus a window above it, and clears the words beyond
//! that were used since the last one, so that pushing and popping need not. An area never grows or moves.

use std::cell::Cell;

/// An area of root words.
///
/// Invariant (ROOT-EXACT): at a safepoint every live reference of the mutator is in a root word, and every word of an
/// area is either a valid slot word or beyond what anybody can read before it is written.
#[derive(Debug)]
pub struct RootArea {
    /// The first word.
    pub base: *mut u64,
    /// The first word beyond those in use.
    pub top: Cell<*mut u64>,
    /// The first word beyond the area; the window above `top` must stay below it.
    pub end: *mut u64,
    /// How many words above `top` can be read and are scanned.
    pub window_words: usize,
    /// The highest `top` since the last collection. Whoever raises `top` of an area with a window raises this too;
    /// areas without one expose no word before it is written, and need not.
    pub high_water: Cell<*mut u64>,
    words: usize,
}

impl RootArea {
    pub(crate) fn new(words: usize, window_words: usize) -> RootArea {
        let words = words + window_words;
        let base = Box::into_raw(vec![0u64; words].into_boxed_slice()).cast::<u64>();
        // SAFETY: MEM-OWNED, one past the end of the allocation.
        let end = unsafe { base.add(words) };
        RootArea {
            base,
            top: Cell::new(base),
            end,
            window_words,
            high_water: Cell::new(base),
            words,
        }
    }

    /// Returns how many words are scanned.
    pub(crate) fn scanned_words(&self) -> usize {
        let used = (self.top.get() as usize - self.base as usize) / 8;
        (used + self.window_words).min(self.words)
    }

    /// Clears the words beyond those scanned that a window has ever exposed.
    pub(crate) fn clear_unused(&self) {
        if self.window_words == 0 {
            return;
        }
        let exposed = (self.high_water.get() as usize - self.base as usize) / 8 + self.window_words;
        for i in self.scanned_words()..exposed.min(self.words) {
            // SAFETY: MEM-OWNED, the index is within the area.
            unsafe { *self.base.add(i) = 0 };
        }
        self.high_water.set(self.top.get());
    }

    pub(crate) fn footprint_bytes(&self) -> usize {
        self.words * 8
    }

    /// Calls `visit` with each word that is scanned.
    pub(crate) fn visit(&self, mut visit: impl FnMut(*mut u64)) {
        for i in 0..self.scanned_words() {
            // SAFETY: MEM-OWNED, the index is within the area.
            visit(unsafe { self.base.add(i) });
        }
    }
}

impl Drop for RootArea {
    fn drop(&mut self) {
        // SAFETY: MEM-OWNED, base and length are those of the box that was leaked in `new`.
        drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(self.base, self.words)) });
    }
}
