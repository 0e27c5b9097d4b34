//! Weak handles: words with an index that keep nothing alive.
//!
//! As the strong ones in `globals`, in constant time; besides, the indices of those that may refer to young objects are
//! listed, so that a minor collection need not look at the others.

/// The table of weak handles.
#[derive(Debug, Default)]
pub(crate) struct WeakHandles {
    words: Vec<u64>,
    free: Vec<u32>,
    /// Those set since the last collection, and those that refer to the nursery still.
    pub(super) young: Vec<u32>,
}

impl WeakHandles {
    pub(crate) fn add(&mut self, word: u64) -> u32 {
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.words.push(0);
                u32::try_from(self.words.len() - 1).expect("fewer than 2^32 weak handles")
            }
        };
        self.set(index, word);
        index
    }

    pub(crate) fn get(&self, index: u32) -> u64 {
        self.words[index as usize]
    }

    pub(crate) fn set(&mut self, index: u32, word: u64) {
        self.words[index as usize] = word;
        if self.young.last() != Some(&index) {
            self.young.push(index);
        }
        if self.young.len() > 2 * self.words.len() + 64 {
            self.young.sort_unstable();
            self.young.dedup();
        }
    }

    pub(crate) fn free(&mut self, index: u32) {
        self.words[index as usize] = 0;
        self.free.push(index);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    pub(crate) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    pub(crate) fn word_mut(&mut self, index: usize) -> &mut u64 {
        &mut self.words[index]
    }

    pub(crate) fn footprint_bytes(&self) -> usize {
        self.words.capacity() * 8 + (self.free.capacity() + self.young.capacity()) * 4
    }
}
