//! Which slots refer into the blocks that are to be evacuated.
//!
//! A table says for each block of the heap whether it is a candidate; while there are candidates, marking and whoever
//! looks at old slots besides enter those that refer into one. Recording costs one load from a small table for each
//! reference, and nothing while there are no candidates, since the mark loops exist twice. A block with more incoming
//! slots than a pause has time for is given up. Roots and young objects are not recorded: they are visited anyway.

use tenure_memory::BLOCK_WORDS;

/// Incoming slots above which a block is given up in any case: correcting so many takes about 2 ms.
pub const SLOTS_MAX: usize = 16 * 1024;

#[derive(Debug, Default)]
struct Incoming {
    slots: Vec<usize>,
    given_up: bool,
}

/// The slots that refer into candidate blocks.
///
/// Invariant (EVAC-RECORDED): from the end of marking until the last candidate is evacuated, every slot of an old object
/// that refers into a candidate that was not given up is recorded, or lies in a remembered object or card.
#[derive(Debug, Default)]
pub struct SlotRecorder {
    /// The number of the candidate by block of the heap range, or 0.
    numbers: Vec<u16>,
    incoming: Vec<Incoming>,
    slots_max: usize,
}

impl SlotRecorder {
    /// Starts anew with the candidates `blocks`, given as numbers of blocks within the heap range, of which there are
    /// `heap_blocks`. They get the numbers 1, 2, and so on. One with more than `slots_max` incoming slots is given up.
    pub fn begin(&mut self, heap_blocks: usize, blocks: &[usize], slots_max: usize) {
        self.slots_max = slots_max.min(SLOTS_MAX);
        self.numbers.clear();
        self.numbers.resize(if blocks.is_empty() { 0 } else { heap_blocks }, 0);
        self.incoming.clear();
        for block in blocks.iter().take(usize::from(u16::MAX)) {
            self.incoming.push(Incoming::default());
            self.numbers[*block] = self.incoming.len() as u16;
        }
    }

    /// Forgets all candidates and slots.
    pub fn end(&mut self) {
        self.numbers = Vec::new();
        self.incoming = Vec::new();
    }

    /// Returns whether there are candidates.
    #[must_use]
    #[inline]
    pub fn is_recording(&self) -> bool {
        !self.incoming.is_empty()
    }

    /// Returns the number of the candidate that the word of index `bit` of the heap range lies in, or 0.
    #[must_use]
    #[inline(always)]
    pub fn number(&self, bit: usize) -> u16 {
        self.numbers.get(bit / BLOCK_WORDS).copied().unwrap_or(0)
    }

    /// Enters `slot`, which refers into candidate `number`.
    #[inline]
    pub fn record(&mut self, number: u16, slot: usize) {
        let incoming = &mut self.incoming[usize::from(number) - 1];
        if incoming.given_up {
            return;
        }
        if incoming.slots.len() >= self.slots_max {
            self.give_up(number);
            return;
        }
        incoming.slots.push(slot);
    }

    /// Makes a candidate one no more.
    #[cold]
    pub fn give_up(&mut self, number: u16) {
        let incoming = &mut self.incoming[usize::from(number) - 1];
        incoming.given_up = true;
        incoming.slots = Vec::new();
    }

    /// Returns whether a candidate was given up.
    #[must_use]
    pub fn is_given_up(&self, number: u16) -> bool {
        self.incoming[usize::from(number) - 1].given_up
    }

    /// Returns the slots that refer into a candidate, as far as they are recorded.
    #[must_use]
    pub fn slots(&self, number: u16) -> &[usize] {
        &self.incoming[usize::from(number) - 1].slots
    }

    /// Takes the slots that refer into a candidate.
    pub fn take(&mut self, number: u16) -> Vec<usize> {
        std::mem::take(&mut self.incoming[usize::from(number) - 1].slots)
    }

    /// Returns the bytes that the recorder itself holds.
    #[must_use]
    pub fn footprint_bytes(&self) -> usize {
        self.numbers.capacity() * 2 + self.incoming.iter().map(|i| i.slots.capacity() * 8).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_go_to_their_candidate_until_it_has_too_many() {
        let mut recorder = SlotRecorder::default();
        assert!(!recorder.is_recording());
        assert_eq!(recorder.number(5), 0);
        recorder.begin(10, &[3, 7], usize::MAX);
        assert!(recorder.is_recording());
        assert_eq!(recorder.number(3 * BLOCK_WORDS + 1), 1);
        assert_eq!(recorder.number(8 * BLOCK_WORDS - 1), 2);
        assert_eq!(recorder.number(4 * BLOCK_WORDS), 0);
        for slot in 0..=SLOTS_MAX {
            recorder.record(1, slot);
        }
        recorder.record(2, 42);
        assert!(recorder.is_given_up(1) && !recorder.is_given_up(2));
        assert_eq!((recorder.take(1).len(), recorder.take(2)), (0, vec![42]));
        recorder.end();
        assert_eq!(recorder.number(3 * BLOCK_WORDS), 0);
    }
}
