//! Loads that wait for their turn: the most urgent first, and first come, first served among equals.
//!
//! An ordered map from (priority, number of the request) to what is to be loaded. Adding, taking the first, removing one
//! from the middle and moving one to another priority take logarithmic time. A place keeps its number when its priority
//! changes, so that it stands among its new equals as if it had been asked for at that priority from the start. The
//! queue starts nothing by itself.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

/// How urgent a load is: a greater number goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Priority(pub i32);

impl Priority {
    /// Nobody waits for it: prefetching.
    pub const BACKGROUND: Self = Self(-100);
    /// Will be shown soon. The default.
    pub const NORMAL: Self = Self(0);
    /// Should be shown already.
    pub const HIGH: Self = Self(100);
    /// The program stands still until it is there.
    pub const BLOCKING: Self = Self(1000);
}

impl Default for Priority {
    fn default() -> Self {
        Self::NORMAL
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where something stands in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) priority: Priority,
    /// Ascends with each request.
    pub(crate) serial: u64,
}

impl Place {
    fn rank(self) -> (Reverse<Priority>, u64) {
        (Reverse(self.priority), self.serial)
    }
}

#[derive(Debug)]
pub(crate) struct LoadQueue<T> {
    waiting: BTreeMap<(Reverse<Priority>, u64), T>,
}

impl<T> LoadQueue<T> {
    pub(crate) const fn new() -> Self {
        Self {
            waiting: BTreeMap::new(),
        }
    }

    pub(crate) fn push(&mut self, place: Place, item: T) {
        let former = self.waiting.insert(place.rank(), item);
        debug_assert!(former.is_none(), "a serial is given out once");
    }

    /// The most urgent one.
    pub(crate) fn first(&self) -> Option<&T> {
        self.waiting.values().next()
    }

    pub(crate) fn remove(&mut self, place: Place) -> Option<T> {
        self.waiting.remove(&place.rank())
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.waiting.values()
    }
}

#[cfg(test)]
mod tests {
    use super::{LoadQueue, Place, Priority};

    fn place(priority: i32, serial: u64) -> Place {
        Place {
            priority: Priority(priority),
            serial,
        }
    }

    #[test]
    fn urgent_first_and_first_come_first_served_among_equals() {
        let mut queue = LoadQueue::new();
        for (serial, priority) in [0, 5, 0, -3, 5, i32::MAX, i32::MIN].into_iter().enumerate() {
            queue.push(place(priority, serial as u64), serial);
        }
        assert_eq!(queue.first(), Some(&5));
        assert_eq!(queue.iter().copied().collect::<Vec<_>>(), [5, 1, 4, 0, 2, 3, 6]);
    }

    #[test]
    fn what_is_removed_is_gone_and_what_is_moved_keeps_its_number() {
        let mut queue = LoadQueue::new();
        for serial in 0..4 {
            queue.push(place(if serial == 3 { 9 } else { 0 }, serial), serial);
        }
        assert_eq!(queue.remove(place(0, 1)), Some(1));
        assert_eq!(queue.remove(place(0, 1)), None);
        let raised = queue.remove(place(0, 2)).unwrap();
        queue.push(place(9, 2), raised);
        assert_eq!(queue.len(), 3);
        let order: Vec<u64> = queue.iter().copied().collect();
        assert_eq!(order, [2, 3, 0], "the raised one is older than the other one at 9");
    }
}
