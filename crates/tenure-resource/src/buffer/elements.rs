//! The elements that a typed view sees, borrowed for one region.
//!
//! What a bounds-checked slice is to memory that is one's own, [`Elements`] is to memory that other views see too: a
//! pointer and a length, checked once, for as long as the region lasts. A loop over it compiles to what a loop over a
//! `&[T]` compiles to. It has no `Index`, since there is no `T` in memory that could be borrowed.

use std::cell::Cell;
use std::fmt;
use std::ops::{Bound, RangeBounds};

use super::bytes;
use super::element::Element;
use super::error::RangeError;

/// The elements of a typed view, valid for the region `'h`. A copy of it sees the same memory.
///
/// ```
/// use tenure_resource::buffer::{ArrayBuffer, ElementType, View};
///
/// let buffer = ArrayBuffer::new(32)?;
/// let view = View::new(&buffer, ElementType::F64, 8, Some(3), 0)?;
/// let elements = view.elements::<f64>(&buffer)?;
/// elements.fill(0.5);
/// assert!(elements.set(1, 2.0));
/// assert_eq!(elements.get(1), Some(2.0));
/// assert_eq!(elements.get(3), None);
/// assert_eq!(elements.iter().sum::<f64>(), 3.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Elements<'h, T: Element>(&'h [T::Cells]);

impl<T: Element> Clone for Elements<'_, T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Element> Copy for Elements<'_, T> {}

/// Brings a range to its first index and its length, if it lies within `len`.
pub(crate) fn resolve(range: impl RangeBounds<usize>, len: usize) -> Result<(usize, usize), RangeError> {
    let start = match range.start_bound() {
        Bound::Included(&start) => Some(start),
        Bound::Excluded(&before) => before.checked_add(1),
        Bound::Unbounded => Some(0),
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => last.checked_add(1),
        Bound::Excluded(&end) => Some(end),
        Bound::Unbounded => Some(len),
    };
    match (start, end) {
        (Some(start), Some(end)) if start <= end && end <= len => Ok((start, end - start)),
        _ => Err(RangeError {
            start: start.unwrap_or(usize::MAX),
            end: end.unwrap_or(usize::MAX),
            len,
        }),
    }
}

impl<'h, T: Element> Elements<'h, T> {
    /// Sees `bytes` as elements in the machine's order; bytes at the end that make no whole element are left out.
    #[must_use]
    #[inline(always)]
    pub fn new(bytes: &'h [Cell<u8>]) -> Elements<'h, T> {
        Elements(T::split(bytes))
    }

    /// Returns the number of elements.
    #[must_use]
    #[inline(always)]
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Returns whether there is no element.
    #[must_use]
    #[inline(always)]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Returns element `index`, or `None` at and beyond the length. A compare and a load.
    #[must_use]
    #[inline(always)]
    pub fn get(self, index: usize) -> Option<T> {
        self.0.get(index).map(T::load)
    }

    /// Stores element `index`, and returns whether there is one: nothing is stored at and beyond the length.
    #[inline(always)]
    pub fn set(self, index: usize, value: T) -> bool {
        match self.0.get(index) {
            Some(cells) => {
                T::store(cells, value);
                true
            }
            None => false,
        }
    }

    /// Returns all elements, in order.
    #[inline]
    pub fn iter(self) -> impl DoubleEndedIterator<Item = T> + ExactSizeIterator + 'h {
        self.0.iter().map(T::load)
    }

    /// Returns the bytes of the elements.
    #[must_use]
    #[inline]
    pub fn bytes(self) -> &'h [Cell<u8>] {
        T::join(self.0)
    }

    /// Returns the elements of a range: a view of the same memory, not a copy.
    ///
    /// # Errors
    ///
    /// When the range does not lie within the elements.
    #[inline]
    pub fn range(self, range: impl RangeBounds<usize>) -> Result<Elements<'h, T>, RangeError> {
        let (start, len) = resolve(range, self.len())?;
        Ok(Elements(&self.0[start..start + len]))
    }

    /// Stores `value` into all elements.
    pub fn fill(self, value: T) {
        for cells in self.0 {
            T::store(cells, value);
        }
    }

    /// Copies all elements into `to`.
    ///
    /// # Errors
    ///
    /// When `to` is not as long as the elements are; nothing is copied then.
    pub fn read_into(self, to: &mut [T]) -> Result<(), RangeError> {
        RangeError::check_same(to.len(), self.len())?;
        for (to, cells) in to.iter_mut().zip(self.0) {
            *to = T::load(cells);
        }
        Ok(())
    }

    /// Copies `from` into the elements.
    ///
    /// # Errors
    ///
    /// When `from` is not as long as the elements are; nothing is copied then.
    pub fn write_from(self, from: &[T]) -> Result<(), RangeError> {
        RangeError::check_same(from.len(), self.len())?;
        for (cells, from) in self.0.iter().zip(from) {
            T::store(cells, *from);
        }
        Ok(())
    }

    /// Copies the elements `from` into these, bit for bit; the two may overlap.
    ///
    /// # Errors
    ///
    /// When the lengths differ; nothing is copied then.
    pub fn copy_from(self, from: Elements<'_, T>) -> Result<(), RangeError> {
        RangeError::check_same(from.len(), self.len())?;
        bytes::copy(self.bytes(), from.bytes());
        Ok(())
    }

    /// Copies the elements of `range` to those from `at` on; the two may overlap.
    ///
    /// # Errors
    ///
    /// When the range or its destination does not lie within the elements; nothing is copied then.
    pub fn copy_within(self, range: impl RangeBounds<usize>, at: usize) -> Result<(), RangeError> {
        let from = self.range(range)?;
        let to = self.range(at..at.saturating_add(from.len()))?;
        bytes::copy(to.bytes(), from.bytes());
        Ok(())
    }

    /// Returns a copy of the elements.
    #[must_use]
    pub fn to_vec(self) -> Vec<T> {
        self.iter().collect()
    }
}

impl<T: Element> fmt::Debug for Elements<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(len: usize) -> Vec<Cell<u8>> {
        (0..len).map(|i| Cell::new(i as u8)).collect()
    }

    #[test]
    fn ranges_of_every_form_are_resolved() {
        assert_eq!(resolve(.., 4), Ok((0, 4)));
        assert_eq!(resolve(4.., 4), Ok((4, 0)));
        assert_eq!(resolve(1..=2, 4), Ok((1, 2)));
        assert_eq!(resolve((Bound::Excluded(0), Bound::Unbounded), 4), Ok((1, 3)));
        for range in [
            (Bound::Included(5), Bound::Unbounded),
            (Bound::Included(0), Bound::Excluded(5)),
            (Bound::Included(3), Bound::Excluded(2)),
            (Bound::Included(0), Bound::Included(usize::MAX)),
            (Bound::Excluded(usize::MAX), Bound::Unbounded),
        ] {
            assert!(resolve(range, 4).is_err(), "{range:?}");
        }
    }

    #[test]
    fn writes_are_seen_through_other_types() {
        let bytes = cells(16);
        let (words, halves) = (Elements::<u32>::new(&bytes), Elements::<u16>::new(&bytes[2..]));
        assert_eq!((words.len(), halves.len()), (4, 7));
        assert!(words.set(1, 0x1122_3344));
        assert_eq!(
            halves.get(1).map(u16::to_ne_bytes),
            Some(if cfg!(target_endian = "big") {
                [0x11, 0x22]
            } else {
                [0x44, 0x33]
            })
        );
        assert!(!words.set(4, 1) && !words.set(usize::MAX, 1));
        assert_eq!(words.get(4), None);
    }

    #[test]
    fn bulk_operations_refuse_other_lengths_and_change_nothing() {
        let bytes = cells(8);
        let elements = Elements::<u16>::new(&bytes);
        let before = elements.to_vec();
        assert!(elements.write_from(&[0; 3]).is_err() && elements.read_into(&mut [0; 5]).is_err());
        assert!(elements.copy_within(1..4, 2).is_err() && elements.copy_within(0..2, usize::MAX).is_err());
        assert!(elements.copy_from(elements.range(1..).unwrap()).is_err());
        assert_eq!(elements.to_vec(), before);
        elements.copy_within(0..3, 1).unwrap();
        assert_eq!(elements.to_vec(), [before[0], before[0], before[1], before[2]]);
        assert_eq!(
            elements.iter().rev().collect::<Vec<_>>(),
            [before[2], before[1], before[0], before[0]]
        );
    }
}
