//! Persistent handles: root words with an index.
//!
//! Making, reading and freeing take constant time; freed indices are used again. The table does not know who holds an
//! index.

/// The table of persistent handles.
#[derive(Debug, Default)]
pub(crate) struct Globals {
    words: Vec<u64>,
    free: Vec<u32>,
}

impl Globals {
    pub(crate) fn add(&mut self, word: u64) -> u32 {
        match self.free.pop() {
            Some(index) => {
                self.words[index as usize] = word;
                index
            }
            None => {
                self.words.push(word);
                u32::try_from(self.words.len() - 1).expect("fewer than 2^32 persistent handles")
            }
        }
    }

    pub(crate) fn get(&self, index: u32) -> u64 {
        self.words[index as usize]
    }

    pub(crate) fn set(&mut self, index: u32, word: u64) {
        self.words[index as usize] = word;
    }

    pub(crate) fn free(&mut self, index: u32) {
        self.words[index as usize] = 0;
        self.free.push(index);
    }

    pub(crate) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    pub(crate) fn footprint_bytes(&self) -> usize {
        self.words.capacity() * 8 + self.free.capacity() * 4
    }
}
