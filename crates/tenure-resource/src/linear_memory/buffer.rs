//! The buffer of a linear memory, which every growth takes away.
//!
//! A language that shows a linear memory as a buffer (`memory.buffer` in JavaScript) has an object for it, and views
//! refer to that object. [`MemoryBuffer`] is what stands in the object, beside a reference to the memory's object: the era that it
//! belongs to. It has the bytes as long as the era lasts, and a new one must be made after each growth. It owns nothing,
//! and it cannot be transferred, resized or detached: that is the memory's to do.

use std::cell::Cell;
use std::ops::RangeBounds;

use super::LinearMemory;
use crate::buffer::{
    ArrayBuffer, BufferError, ByteView, Detachment, ElementType, Origin, View, ViewError, When, resolve,
};

/// The buffer of a linear memory between two growths. Stands in a kind as `Plain<MemoryBuffer>`.
///
/// ```
/// use tenure_resource::buffer::ElementType;
/// use tenure_resource::linear_memory::LinearMemory;
///
/// let mut memory = LinearMemory::new(1, None)?;
/// let buffer = memory.buffer(0)?;
/// let view = buffer.view(&memory, ElementType::U8, 0, None, 0)?;
/// memory.grow(1, 1)?;
/// assert_eq!(buffer.len_bytes(&memory), 0);
/// assert!(view.get::<u8>(&memory, 0).unwrap_err().is_detached());
/// assert!(memory.buffer(2)?.view(&memory, ElementType::U8, 0, None, 2).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct MemoryBuffer {
    pub(super) era: u64,
    pub(super) origin: Origin,
}

impl MemoryBuffer {
    /// Returns what took the bytes away, if they are gone.
    #[must_use]
    pub fn detached(&self, memory: &LinearMemory) -> Option<Detachment> {
        memory.detachment(self.era)
    }

    /// Returns where the buffer was made.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Returns the length: that of the memory, or 0 when the bytes are gone.
    #[must_use]
    pub fn len_bytes(&self, memory: &LinearMemory) -> usize {
        if self.era == memory.era() {
            memory.len_bytes()
        } else {
            0
        }
    }

    /// Returns all bytes.
    ///
    /// # Errors
    ///
    /// When the bytes are gone.
    pub fn bytes<'h>(&self, memory: &'h LinearMemory) -> Result<&'h [Cell<u8>], BufferError> {
        match self.detached(memory) {
            Some(detachment) => Err(BufferError::Detached(detachment)),
            None => Ok(memory.cells()),
        }
    }

    /// Makes a typed view, as [`View::new`] does.
    ///
    /// # Errors
    ///
    /// As [`View::new`].
    #[track_caller]
    pub fn view(
        &self,
        memory: &LinearMemory,
        element_type: ElementType,
        offset_bytes: usize,
        len: Option<usize>,
        at: impl When,
    ) -> Result<View, ViewError> {
        View::new_in(memory, self.era, element_type, offset_bytes, len, at.origin())
    }

    /// Makes a byte view, as [`ByteView::new`] does.
    ///
    /// # Errors
    ///
    /// As [`ByteView::new`].
    #[track_caller]
    pub fn byte_view(
        &self,
        memory: &LinearMemory,
        offset_bytes: usize,
        len_bytes: Option<usize>,
        at: impl When,
    ) -> Result<ByteView, ViewError> {
        ByteView::new_in(memory, self.era, offset_bytes, len_bytes, at.origin())
    }

    /// Copies a range of the bytes into a buffer of their own.
    ///
    /// # Errors
    ///
    /// When the bytes are gone, when the range does not lie within the buffer, or when there is no memory.
    pub fn slice(&self, memory: &LinearMemory, range: impl RangeBounds<usize>) -> Result<ArrayBuffer, BufferError> {
        let bytes = self.bytes(memory)?;
        let (start, len) = resolve(range, bytes.len())?;
        Ok(ArrayBuffer::copy_of(&bytes[start..start + len])?)
    }
}
