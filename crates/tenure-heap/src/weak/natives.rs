//! Native resources: values with code that runs when their owner is dead.
//!
//! They lie in a slab outside of the cage and never move; an object owns one by its number. When a collection finds the
//! owner dead, the number goes onto a list, whose room was kept when the resource was taken in. Releasing happens later,
//! at a safepoint, a piece at a time. Adding and finding take constant time.

use std::any::Any;
use std::fmt;

/// A value that the heap keeps for an object.
///
/// The value is dropped after the collection that finds the object dead, never during one.
pub trait Native: Any {
    /// Gives back about `bytes` bytes of what the value holds, for values that are large: 1 GiB is then given back in
    /// pieces. Returns whether there is nothing left to give back but what dropping the value does at once. Called
    /// repeatedly before it is dropped.
    fn release_some(&mut self, bytes: usize) -> bool {
        let _ = bytes;
        true
    }
}

enum Entry {
    Free { next: u64 },
    Held { value: Box<dyn Native>, bytes: usize },
}

/// The slab of native resources; number `n` is at index `n - 1`.
#[derive(Default)]
pub(crate) struct Natives {
    entries: Vec<Entry>,
    /// The first free number, or 0.
    free: u64,
    dead: Vec<u64>,
    /// What those on the list count as.
    dead_bytes: usize,
    /// Taken from the dead and released in part.
    partly: Option<(Box<dyn Native>, usize)>,
    /// By how much those in use have grown since a safepoint released dead ones.
    grown_bytes: usize,
}

/// What a safepoint releases at least, if there is as much: a tenth of a millisecond or so for touched memory.
const SAFEPOINT_BYTES_MIN: usize = 1 << 20;

/// What it releases at most, as long as the dead are few: half a millisecond.
const SAFEPOINT_BYTES_MAX: usize = 8 << 20;

/// The part of the dead that it releases where the program takes in little: 1 GiB is gone after some hundred safepoints.
const SAFEPOINT_PART: usize = 128;

/// From here on the dead are many: what the program takes in between two safepoints, the second one releases, however
/// long that takes. Less would let garbage pile up without bound.
const MANY_DEAD_BYTES: usize = 256 << 20;

/// Returns how much a safepoint releases, given what is dead and what was taken in since the last one.
fn safepoint_bytes(dead_bytes: usize, grown_bytes: usize) -> usize {
    let keep_up_bytes = grown_bytes.max(dead_bytes / SAFEPOINT_PART);
    let usual_bytes = keep_up_bytes.clamp(SAFEPOINT_BYTES_MIN, SAFEPOINT_BYTES_MAX);
    if dead_bytes > MANY_DEAD_BYTES {
        usual_bytes.max(grown_bytes)
    } else {
        usual_bytes
    }
}

impl fmt::Debug for Natives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Natives")
            .field("entries", &self.entries.len())
            .field("dead", &self.dead.len())
            .finish_non_exhaustive()
    }
}

impl Natives {
    pub(crate) fn add(&mut self, value: Box<dyn Native>, bytes: usize) -> u64 {
        let entry = Entry::Held { value, bytes };
        if self.free == 0 {
            self.entries.push(entry);
            let most = self.entries.len();
            self.dead.reserve(most - self.dead.len());
            return self.entries.len() as u64;
        }
        let number = self.free;
        if let Entry::Free { next } = std::mem::replace(&mut self.entries[number as usize - 1], entry) {
            self.free = next;
        }
        number
    }

    pub(crate) fn get(&self, number: u64) -> &dyn Native {
        match self.entries.get((number as usize).wrapping_sub(1)) {
            Some(Entry::Held { value, .. }) => &**value,
            _ => missing(number),
        }
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> &mut dyn Native {
        match self.entries.get_mut((number as usize).wrapping_sub(1)) {
            Some(Entry::Held { value, .. }) => &mut **value,
            _ => missing(number),
        }
    }

    /// Returns the bytes before.
    pub(crate) fn set_bytes(&mut self, number: u64, to: usize) -> usize {
        match self.entries.get_mut((number as usize).wrapping_sub(1)) {
            Some(Entry::Held { bytes, .. }) => std::mem::replace(bytes, to),
            _ => missing(number),
        }
    }

    /// Makes a resource dead whose owner is.
    pub(crate) fn kill(&mut self, number: u64) {
        debug_assert!(self.dead.len() < self.dead.capacity(), "WATCH-LISTED: room for each");
        self.dead.push(number);
        if let Some(Entry::Held { bytes, .. }) = self.entries.get((number as usize).wrapping_sub(1)) {
            self.dead_bytes += bytes;
        }
    }

    /// Returns the bytes of those that are dead and not released yet.
    pub(crate) fn dead_bytes(&self) -> usize {
        self.dead_bytes + self.partly.as_ref().map_or(0, |(_, bytes)| *bytes)
    }

    pub(crate) fn is_held(&self, number: u64) -> bool {
        let entry = self.entries.get((number as usize).wrapping_sub(1));
        matches!(entry, Some(Entry::Held { .. }))
    }

    /// Notes that those in use count as so much more, and returns whether dead ones should be released because of it.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        self.grown_bytes = self.grown_bytes.saturating_add(bytes);
        self.has_dead()
    }

    /// Returns how many bytes of dead ones a safepoint is to release now.
    pub(crate) fn take_safepoint_bytes(&mut self) -> usize {
        safepoint_bytes(self.dead_bytes(), std::mem::take(&mut self.grown_bytes))
    }

    pub(crate) fn has_dead(&self) -> bool {
        !self.dead.is_empty() || self.partly.is_some()
    }

    /// Takes one that is dead, with the bytes that it still counts as.
    pub(crate) fn take_dead(&mut self) -> Option<(Box<dyn Native>, usize)> {
        if let Some(partly) = self.partly.take() {
            return Some(partly);
        }
        let number = self.dead.pop()?;
        let free = Entry::Free { next: self.free };
        match std::mem::replace(&mut self.entries[number as usize - 1], free) {
            Entry::Held { value, bytes } => {
                self.free = number;
                self.dead_bytes -= bytes;
                Some((value, bytes))
            }
            Entry::Free { .. } => missing(number),
        }
    }

    pub(crate) fn put_back(&mut self, value: Box<dyn Native>, bytes: usize) {
        self.partly = Some((value, bytes));
    }

    pub(crate) fn footprint_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.dead.capacity() * 8
    }
}

#[cold]
fn missing(number: u64) -> ! {
    panic!("WATCH-LISTED: there is no native resource {number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safepoints_keep_up_with_what_is_taken_in() {
        const MIB: usize = 1 << 20;
        for (dead, grown, released) in [
            (0, 0, 1),
            (100, 0, 1),
            (1024, 0, 8),
            (10 << 10, 1, 8),
            (100, 5, 5),
            (100, 16, 8),
            (300, 16, 16),
            (300, 0, 2),
        ] {
            let actual = safepoint_bytes(dead * MIB, grown * MIB) / MIB;
            assert_eq!(actual, released, "{dead} MiB dead, {grown} MiB taken in");
        }
    }
}
