//! The strings of a snapshot in one piece of text with the end of each: 8 bytes per string beside its characters.
//!
//! Looking one up is two loads. It does not find the index of a given text.

/// Strings by index.
#[derive(Clone, Debug, Default)]
pub(crate) struct StringTable {
    text: String,
    ends: Vec<usize>,
}

impl StringTable {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.text.push_str(&String::from_utf8_lossy(bytes));
        self.ends.push(self.text.len());
    }

    pub(crate) fn get(&self, index: u32) -> Option<&str> {
        let index = index as usize;
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        Some(&self.text[start..end])
    }

    pub(crate) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<usize>()
    }
}
