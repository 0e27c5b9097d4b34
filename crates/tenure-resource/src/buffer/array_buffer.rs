//! Array buffers: bytes that one object owns, of fixed or changeable length, which can be moved to another owner.
//!
//! What ECMAScript's `ArrayBuffer` is, for any language. Bytes are read and written through shared borrows, and the
//! buffer itself changes (resize, transfer, detach, free) through mutable borrows: on the heap, the former is a region
//! and the latter a safepoint, so nothing that a region has borrowed goes away within it. A buffer belongs to one thread; its
//! bytes go to another one as [`ArrayBuffer::into_vec`], without a copy.

use std::cell::Cell;
use std::ops::{Deref, RangeBounds};

use super::backing::{Backing, PIECE_BYTES};
use super::bytes;
use super::elements::resolve;
use super::error::{BufferError, DetachedBy, Detachment, NoMemory, Origin, When};
use super::unwanted::Unwanted;
use tenure::NativeResource;

/// Bytes outside of the heap that typed views and byte views see.
///
/// Dereferences to [`Backing`], which is what views are made of and read through.
///
/// ```
/// use tenure_resource::buffer::{ArrayBuffer, BufferError, ByteView, Endian};
///
/// let mut buffer = ArrayBuffer::new(1024)?;
/// let view = ByteView::new(&buffer, 0, None, 0)?;
/// view.set::<f32>(&buffer, 3, 0.25, Endian::Big)?;
///
/// // The copy is independent; the transferred buffer has the bytes, and the old one no more.
/// let copy = buffer.slice(3..7)?;
/// let moved = buffer.transfer(None, 1)?;
/// assert_eq!(moved.into_vec()[3..7], *copy.into_vec());
/// assert!(matches!(buffer.slice(..), Err(BufferError::Detached(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ArrayBuffer {
    backing: Backing,
    max_bytes: Option<usize>,
}

impl Deref for ArrayBuffer {
    type Target = Backing;
    #[inline(always)]
    fn deref(&self) -> &Backing {
        &self.backing
    }
}

impl ArrayBuffer {
    /// Makes a buffer of `len_bytes` zeros, whose length does not change. Long ones cost no page until they are used.
    ///
    /// # Errors
    ///
    /// When there is no memory.
    pub fn new(len_bytes: usize) -> Result<ArrayBuffer, NoMemory> {
        Ok(ArrayBuffer {
            backing: Backing::zeroed(len_bytes)?,
            max_bytes: None,
        })
    }

    /// Makes a buffer of `len_bytes` zeros that can be resized up to `max_bytes`. The maximum reserves nothing.
    ///
    /// # Errors
    ///
    /// When the length is beyond the maximum, or when there is no memory.
    pub fn resizable(len_bytes: usize, max_bytes: usize) -> Result<ArrayBuffer, BufferError> {
        if len_bytes > max_bytes {
            return Err(BufferError::BeyondMaximum {
                given_bytes: len_bytes,
                max_bytes,
            });
        }
        Ok(ArrayBuffer {
            backing: Backing::zeroed(len_bytes)?,
            max_bytes: Some(max_bytes),
        })
    }

    /// Makes a buffer of the bytes of `vec`, without copying them elsewhere.
    #[must_use]
    pub fn from_vec(vec: Vec<u8>) -> ArrayBuffer {
        // `collect` reuses the allocation, since cells have the layout of bytes.
        ArrayBuffer {
            backing: Backing::of(vec.into_iter().map(Cell::new).collect()),
            max_bytes: None,
        }
    }

    /// Makes a buffer with a copy of `from`.
    ///
    /// # Errors
    ///
    /// When there is no memory.
    pub fn copy_of(from: &[Cell<u8>]) -> Result<ArrayBuffer, NoMemory> {
        let buffer = ArrayBuffer::new(from.len())?;
        bytes::copy(buffer.cells(), from);
        Ok(buffer)
    }

    /// Returns the bytes, without copying them elsewhere; none of a detached buffer.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.backing.into_bytes().into_iter().map(Cell::into_inner).collect()
    }

    /// Returns whether the length can change.
    #[must_use]
    pub fn is_resizable(&self) -> bool {
        self.max_bytes.is_some()
    }

    /// Returns the length that the buffer can have at most: its length, unless it is resizable; 0 without its bytes.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        match (self.closed(), self.max_bytes) {
            (Some(_), _) => 0,
            (None, Some(max_bytes)) => max_bytes,
            (None, None) => self.len_bytes(),
        }
    }

    /// Returns what took the bytes away, if they are gone: a detached buffer never gets others.
    #[must_use]
    pub fn detached(&self) -> Option<Detachment> {
        self.closed()
    }

    #[inline]
    fn check_attached(&self) -> Result<(), BufferError> {
        match self.closed() {
            Some(detachment) => Err(BufferError::Detached(detachment)),
            None => Ok(()),
        }
    }

    /// Returns all bytes, for a region.
    ///
    /// # Errors
    ///
    /// When the buffer has lost its bytes.
    #[inline]
    pub fn bytes(&self) -> Result<&[Cell<u8>], BufferError> {
        self.check_attached()?;
        Ok(self.cells())
    }

    /// Returns all bytes as a plain slice, for code that wants one: the mutable borrow says that no view is read
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// When the buffer has lost its bytes.
    pub fn bytes_mut(&mut self) -> Result<&mut [u8], BufferError> {
        self.check_attached()?;
        Ok(self.backing.plain_mut())
    }

    /// Copies a range of the bytes into a buffer of their own, of fixed length.
    ///
    /// # Errors
    ///
    /// When the range does not lie within the buffer, when the buffer has lost its bytes, or when there is no memory.
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Result<ArrayBuffer, BufferError> {
        self.check_attached()?;
        let (start, len) = resolve(range, self.len_bytes())?;
        Ok(ArrayBuffer::copy_of(&self.cells()[start..start + len])?)
    }

    /// Changes the length; new bytes are 0. Views that track the length follow, views beyond it have no bytes until it
    /// reaches them again.
    ///
    /// Shrinking gives 4 MiB back at once, and the rest by [`Backing::release_unwanted`].
    ///
    /// # Errors
    ///
    /// When the buffer is not resizable, when the length is beyond its maximum, when it has lost its bytes, or when there
    /// is no memory. The buffer is unchanged then.
    #[track_caller]
    pub fn resize(&mut self, len_bytes: usize, at: impl When) -> Result<(), BufferError> {
        let origin = at.origin();
        self.check_attached()?;
        let Some(max_bytes) = self.max_bytes else {
            return Err(BufferError::NotResizable {
                given_bytes: len_bytes,
                len_bytes: self.len_bytes(),
            });
        };
        if len_bytes > max_bytes {
            return Err(BufferError::BeyondMaximum {
                given_bytes: len_bytes,
                max_bytes,
            });
        }
        if len_bytes < self.len_bytes() {
            self.backing.shrink(len_bytes, origin);
        } else {
            self.backing.extend(len_bytes, max_bytes)?;
        }
        Ok(())
    }

    /// Moves the bytes to a new buffer, of `len_bytes` if given: cut off, or filled up with 0. This buffer is detached.
    /// The new one is resizable, with the same maximum, if this one is.
    ///
    /// Costs nothing that depends on the length, unless the length changes.
    ///
    /// # Errors
    ///
    /// When the buffer has lost its bytes, when the length is beyond the maximum of a resizable one, or when there is no
    /// memory. The buffer is unchanged then.
    #[track_caller]
    pub fn transfer(&mut self, len_bytes: Option<usize>, at: impl When) -> Result<ArrayBuffer, BufferError> {
        self.transfer_as(len_bytes, self.max_bytes, at.origin())
    }

    /// Like [`ArrayBuffer::transfer`]; the new buffer has a fixed length.
    ///
    /// # Errors
    ///
    /// When the buffer has lost its bytes, or when there is no memory. The buffer is unchanged then.
    #[track_caller]
    pub fn transfer_to_fixed(&mut self, len_bytes: Option<usize>, at: impl When) -> Result<ArrayBuffer, BufferError> {
        self.transfer_as(len_bytes, None, at.origin())
    }

    fn transfer_as(
        &mut self,
        len_bytes: Option<usize>,
        max_bytes: Option<usize>,
        origin: Origin,
    ) -> Result<ArrayBuffer, BufferError> {
        self.check_attached()?;
        let old_bytes = self.len_bytes();
        let len_bytes = len_bytes.unwrap_or(old_bytes);
        if let Some(max_bytes) = max_bytes.filter(|&max_bytes| len_bytes > max_bytes) {
            return Err(BufferError::BeyondMaximum {
                given_bytes: len_bytes,
                max_bytes,
            });
        }
        if len_bytes > old_bytes {
            // Before the bytes are moved: when there is no memory, they stay.
            self.backing.extend(len_bytes, len_bytes)?;
        }
        let mut backing = self.backing.take(DetachedBy::Transfer, origin);
        if len_bytes < old_bytes {
            backing.shrink(len_bytes, origin);
        }
        Ok(ArrayBuffer { backing, max_bytes })
    }

    /// Takes the bytes away from all views, as after they were handed to another thread or a device.
    ///
    /// Gives 4 MiB back at once, and the rest by [`Backing::release_unwanted`] or with the buffer's death.
    ///
    /// # Errors
    ///
    /// When the buffer has lost its bytes before.
    #[track_caller]
    pub fn detach(&mut self, at: impl When) -> Result<(), BufferError> {
        self.close(DetachedBy::Detach, at.origin())
    }

    /// Frees the bytes now, before the buffer's object dies.
    ///
    /// Gives 4 MiB back at once, and the rest by [`Backing::release_unwanted`] or with the buffer's death.
    ///
    /// # Errors
    ///
    /// When the buffer has lost its bytes before.
    #[track_caller]
    pub fn free(&mut self, at: impl When) -> Result<(), BufferError> {
        self.close(DetachedBy::Free, at.origin())
    }

    fn close(&mut self, by: DetachedBy, origin: Origin) -> Result<(), BufferError> {
        self.check_attached()?;
        self.backing.discard(by, origin);
        self.backing.release_unwanted(PIECE_BYTES);
        Ok(())
    }

    /// Gives back about `budget_bytes` of what is not needed any more. Returns whether nothing is left to give back.
    ///
    /// See [`Backing::release_unwanted`]. This does not free a buffer that is in use.
    pub fn release_unwanted(&mut self, budget_bytes: usize) -> bool {
        self.backing.release_unwanted(budget_bytes)
    }

    /// Takes out what is to be given back, for whoever gives it back.
    pub fn take_unwanted(&mut self) -> Option<Unwanted> {
        self.backing.take_unwanted()
    }
}

/// Gives back about `bytes` bytes of a dead buffer: what is still in use is freed.
///
/// ```
/// use tenure::NativeResource;
/// use tenure_resource::buffer::ArrayBuffer;
///
/// let mut buffer = ArrayBuffer::new(100 << 20)?;
/// let mut pieces = 1;
/// while !buffer.release_some(8 << 20) {
///     pieces += 1; // between two pieces, the program runs
/// }
/// assert_eq!(pieces, 13);
/// # Ok::<(), tenure_resource::buffer::NoMemory>(())
/// ```
impl NativeResource for ArrayBuffer {
    fn release_some(&mut self, bytes: usize) -> bool {
        self.backing.release_all(bytes, Origin::here(0))
    }
}
