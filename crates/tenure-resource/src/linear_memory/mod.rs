//! Linear memories: bytes in pages of 64 KiB that grow, for interpreters of WebAssembly and programs like it.
//!
//! A [`LinearMemory`] serves two sides. The program that runs in it reads and writes by address, always the current
//! memory ([`LinearMemory::load`], [`LinearMemory::store`] and the bulk operations); an address beyond the end is an
//! [`AccessError`]. The language around it sees a [`MemoryBuffer`] and makes views of that; a growth ends the era, and
//! with it each buffer and view made before, even if no byte moved, so that a program that keeps views fails at its
//! first growth and not at an unlucky one. Growing by `d` bytes touches at most `d` bytes, and no more than the memory had.
//!
//! Addresses are 32 bits wide, so [`MAX_PAGES`] is 4 GiB. Memories are not shared between threads.

mod buffer;
mod error;

use std::ops::Deref;

pub use buffer::MemoryBuffer;
pub use error::{AccessError, MemoryError};
use tenure::NativeResource;

use crate::buffer::{
    Backing, BufferError, DetachedBy, Detachment, Element, Endian, Origin, PIECE_BYTES, Unwanted, When, bytes,
};

/// The size of a page, which WebAssembly fixes.
pub const PAGE_BYTES: usize = 64 << 10;

/// The pages that a memory with 32-bit addresses can have: 4 GiB.
pub const MAX_PAGES: u64 = 65_536;

/// A growing memory in pages of 64 KiB.
///
/// Dereferences to [`Backing`], which is what views are read through.
///
/// ```
/// use tenure_resource::linear_memory::LinearMemory;
///
/// let mut memory = LinearMemory::new(1, Some(2))?;
/// memory.store::<u32>(65_532, 7)?;
/// assert!(memory.store::<u32>(65_533, 7).is_err());
/// assert_eq!(memory.grow(1, 0)?, 1);
/// assert_eq!(memory.load::<u64>(65_532)?, 7);
/// assert!(memory.grow(1, 0).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LinearMemory {
    backing: Backing,
    max_pages: u64,
}

impl Deref for LinearMemory {
    type Target = Backing;
    #[inline(always)]
    fn deref(&self) -> &Backing {
        &self.backing
    }
}

fn bytes_of(pages: u64) -> Result<usize, MemoryError> {
    let len_bytes = usize::try_from(pages)
        .ok()
        .and_then(|pages| pages.checked_mul(PAGE_BYTES));
    // On a machine with 32-bit addresses, 65536 pages do not fit.
    len_bytes.ok_or(MemoryError::NoMemory(crate::buffer::NoMemory { bytes: usize::MAX }))
}

impl LinearMemory {
    /// Makes a memory of `pages` pages of zeros, which can grow to `max_pages`, or to [`MAX_PAGES`] if there is no
    /// maximum. Pages cost nothing until they are used, and the maximum reserves nothing.
    ///
    /// # Errors
    ///
    /// When there are more pages than the maximum or [`MAX_PAGES`], or when there is no memory.
    pub fn new(pages: u64, max_pages: Option<u64>) -> Result<LinearMemory, MemoryError> {
        let max_pages = max_pages.unwrap_or(MAX_PAGES);
        for (given_pages, max_pages) in [(max_pages, MAX_PAGES), (pages, max_pages)] {
            if given_pages > max_pages {
                return Err(MemoryError::BeyondMaximum { given_pages, max_pages });
            }
        }
        Ok(LinearMemory {
            backing: Backing::zeroed(bytes_of(pages)?)?,
            max_pages,
        })
    }

    /// Returns the number of pages; 0 when the memory was freed.
    #[must_use]
    #[inline]
    pub fn pages(&self) -> u64 {
        (self.len_bytes() / PAGE_BYTES) as u64
    }

    /// Returns the number of pages that the memory can have at most.
    #[must_use]
    pub fn max_pages(&self) -> u64 {
        self.max_pages
    }

    /// Returns what freed the memory, if it was freed.
    #[must_use]
    pub fn freed(&self) -> Option<Detachment> {
        self.closed()
    }

    /// Makes the buffer through which the language sees the memory until it grows.
    ///
    /// # Errors
    ///
    /// When the memory was freed.
    #[track_caller]
    pub fn buffer(&self, at: impl When) -> Result<MemoryBuffer, BufferError> {
        match self.closed() {
            Some(detachment) => Err(BufferError::Detached(detachment)),
            None => Ok(MemoryBuffer {
                era: self.era(),
                origin: at.origin(),
            }),
        }
    }

    /// Adds `pages` pages of zeros and returns how many there were. Every buffer and view made before is detached, also
    /// when `pages` is 0.
    ///
    /// `at` is a number of the caller's, which errors of detached views repeat together with the caller's place in the
    /// source.
    ///
    /// # Errors
    ///
    /// When the memory would have more pages than its maximum, when it was freed, or when there is no memory. Nothing is
    /// changed or detached then.
    #[track_caller]
    pub fn grow(&mut self, pages: u64, at: impl When) -> Result<u64, MemoryError> {
        let origin = at.origin();
        if let Some(detachment) = self.closed() {
            return Err(MemoryError::Freed(detachment));
        }
        let from_pages = self.pages();
        let to_pages = from_pages.saturating_add(pages);
        if to_pages > self.max_pages {
            return Err(MemoryError::BeyondMaximum {
                given_pages: to_pages,
                max_pages: self.max_pages,
            });
        }
        let limit_bytes = bytes_of(self.max_pages).unwrap_or(usize::MAX);
        self.backing.extend(bytes_of(to_pages)?, limit_bytes)?;
        self.backing
            .end_era(DetachedBy::Growth { from_pages, to_pages }, origin);
        Ok(from_pages)
    }

    /// Frees the bytes now, before the memory's object dies. Every buffer and view is detached.
    ///
    /// Gives 4 MiB back at once, and the rest by [`Backing::release_unwanted`] or with the memory's death.
    ///
    /// # Errors
    ///
    /// When the memory was freed before.
    #[track_caller]
    pub fn free(&mut self, at: impl When) -> Result<(), MemoryError> {
        let origin = at.origin();
        if let Some(detachment) = self.closed() {
            return Err(MemoryError::Freed(detachment));
        }
        self.backing.discard(DetachedBy::Free, origin);
        self.backing.release_unwanted(PIECE_BYTES);
        Ok(())
    }

    /// Gives back about `budget_bytes` of what is not needed any more. Returns whether nothing is left to give back.
    ///
    /// See [`Backing::release_unwanted`]. This does not free a memory that is in use.
    pub fn release_unwanted(&mut self, budget_bytes: usize) -> bool {
        self.backing.release_unwanted(budget_bytes)
    }

    /// Takes out what is to be given back, for whoever gives it back.
    pub fn take_unwanted(&mut self) -> Option<Unwanted> {
        self.backing.take_unwanted()
    }

    /// Returns all bytes as a plain slice, for code that wants one: the mutable borrow says that no view is read
    /// meanwhile. Empty when the memory was freed.
    #[must_use]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.backing.plain_mut()
    }

    #[cold]
    #[inline(never)]
    fn refused(&self, address: u64, len_bytes: u64) -> AccessError {
        AccessError {
            address,
            len_bytes,
            memory_bytes: self.len_bytes(),
            freed: self.closed(),
        }
    }

    #[inline(always)]
    fn place<T: Element>(&self, address: u64) -> Result<&T::Cells, AccessError> {
        let bytes = usize::try_from(address)
            .ok()
            .and_then(|address| self.cells().get(address..));
        let cells = bytes.and_then(|bytes| T::split(bytes).first());
        cells.ok_or_else(|| self.refused(address, size_of::<T>() as u64))
    }

    /// Reads the number at `address`, in little-endian order, as WebAssembly wants it. Any address, aligned or not.
    ///
    /// # Errors
    ///
    /// When the number does not lie within the memory.
    #[inline(always)]
    pub fn load<T: Element>(&self, address: u64) -> Result<T, AccessError> {
        Ok(T::load_in(self.place::<T>(address)?, Endian::Little))
    }

    /// Stores a number at `address`, in little-endian order. Any address, aligned or not.
    ///
    /// # Errors
    ///
    /// When the number does not lie within the memory.
    #[inline(always)]
    pub fn store<T: Element>(&self, address: u64, value: T) -> Result<(), AccessError> {
        T::store_in(self.place::<T>(address)?, value, Endian::Little);
        Ok(())
    }

    /// Returns the `len_bytes` bytes from `address` on, for a region.
    ///
    /// # Errors
    ///
    /// When they do not lie within the memory.
    pub fn bytes(&self, address: u64, len_bytes: u64) -> Result<&[std::cell::Cell<u8>], AccessError> {
        let within = || {
            let start = usize::try_from(address).ok()?;
            self.cells().get(start..)?.get(..usize::try_from(len_bytes).ok()?)
        };
        within().ok_or_else(|| self.refused(address, len_bytes))
    }

    /// Sets `len_bytes` bytes from `address` on (`memory.fill`).
    ///
    /// # Errors
    ///
    /// When they do not lie within the memory; nothing is written then.
    pub fn fill(&self, address: u64, value: u8, len_bytes: u64) -> Result<(), AccessError> {
        bytes::fill(self.bytes(address, len_bytes)?, value);
        Ok(())
    }

    /// Copies `len_bytes` bytes from `from` to `to`, which may overlap (`memory.copy`).
    ///
    /// # Errors
    ///
    /// When one of the two does not lie within the memory; nothing is written then.
    pub fn copy(&self, to: u64, from: u64, len_bytes: u64) -> Result<(), AccessError> {
        bytes::copy(self.bytes(to, len_bytes)?, self.bytes(from, len_bytes)?);
        Ok(())
    }

    /// Copies `data` to `address` (`memory.init`).
    ///
    /// # Errors
    ///
    /// When it does not fit; nothing is written then.
    pub fn write(&self, address: u64, data: &[u8]) -> Result<(), AccessError> {
        bytes::write(self.bytes(address, data.len() as u64)?, data);
        Ok(())
    }

    /// Copies the bytes from `address` on into `to`.
    ///
    /// # Errors
    ///
    /// When they do not lie within the memory; nothing is read then.
    pub fn read(&self, address: u64, to: &mut [u8]) -> Result<(), AccessError> {
        bytes::read(to, self.bytes(address, to.len() as u64)?);
        Ok(())
    }
}

/// Gives back about `bytes` bytes of a dead memory: what is still in use is freed.
impl NativeResource for LinearMemory {
    fn release_some(&mut self, bytes: usize) -> bool {
        self.backing.release_all(bytes, Origin::here(0))
    }
}
