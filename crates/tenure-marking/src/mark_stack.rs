//! The mark stack: a fixed number of entries, allocated when the heap is created.
//!
//! Push and pop take constant time and never allocate. A push onto a full stack is refused; what happens to the object
//! then is the marker's business.

/// A bounded stack of objects, by the bit of their first word. The default has no room at all: what a marker is left
/// with while a loop holds its stack.
#[derive(Debug, Default)]
pub struct MarkStack {
    entries: Box<[u64]>,
    length: usize,
    peak: usize,
}

impl MarkStack {
    /// Makes a stack for `capacity` entries, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> MarkStack {
        MarkStack {
            entries: vec![0; capacity.max(1)].into_boxed_slice(),
            length: 0,
            peak: 0,
        }
    }

    /// Pushes an entry. Returns false, and does nothing, when the stack is full.
    #[must_use]
    #[inline(always)]
    pub fn push(&mut self, entry: u64) -> bool {
        match self.entries.get_mut(self.length) {
            Some(place) => {
                *place = entry;
                self.length += 1;
                true
            }
            None => false,
        }
    }

    /// Pops the newest entry.
    #[inline(always)]
    pub fn pop(&mut self) -> Option<u64> {
        let length = self.length.checked_sub(1)?;
        let entry = *self.entries.get(length)?;
        self.length = length;
        Some(entry)
    }

    /// Returns the entries, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[u64] {
        &self.entries[..self.length]
    }

    /// Returns how many entries there are.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Returns whether there are none.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Returns how many entries fit.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.entries.len()
    }

    /// Notes the present length for [`MarkStack::peak`].
    #[inline]
    pub fn sample(&mut self) {
        self.peak = self.peak.max(self.length);
    }

    /// Returns the greatest length that was sampled.
    #[must_use]
    pub fn peak(&self) -> usize {
        self.peak
    }
}
