//! What can go wrong with a linear memory: its limits, memory of the system, accesses beyond its end.

use std::error::Error;
use std::fmt;

use crate::buffer::{Detachment, NoMemory};

/// Why a linear memory cannot be made or grown. It is unchanged.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum MemoryError {
    /// More pages than the memory may have: by its own maximum, or by [`MAX_PAGES`](super::MAX_PAGES).
    BeyondMaximum {
        /// The pages that the memory would have; `u64::MAX` also for what does not fit.
        given_pages: u64,
        /// The pages that it may have.
        max_pages: u64,
    },
    /// The memory was freed.
    Freed(Detachment),
    /// The system has no memory.
    NoMemory(NoMemory),
}

impl MemoryError {
    /// Returns whether the same call can succeed later, when memory was freed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, MemoryError::NoMemory(_))
    }
}

impl From<NoMemory> for MemoryError {
    fn from(error: NoMemory) -> MemoryError {
        MemoryError::NoMemory(error)
    }
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MemoryError::BeyondMaximum { given_pages, max_pages } => write!(
                f,
                "a linear memory of {given_pages} pages was asked for, and it may have {max_pages}: give fewer, or a larger \
                 maximum when it is made"
            ),
            MemoryError::Freed(detachment) => write!(f, "the linear memory was {detachment}: make another one"),
            MemoryError::NoMemory(error) => error.fmt(f),
        }
    }
}
impl Error for MemoryError {}

/// An access beyond the end of a linear memory: what WebAssembly calls a trap. Nothing was read or written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AccessError {
    /// The first byte of the access.
    pub address: u64,
    /// Its length in bytes.
    pub len_bytes: u64,
    /// How many bytes the memory has.
    pub memory_bytes: usize,
    /// What freed the memory, if it was freed.
    pub freed: Option<Detachment>,
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AccessError {
            address,
            len_bytes,
            memory_bytes,
            freed,
        } = self;
        write!(
            f,
            "an access of {len_bytes} bytes at address {address} of a linear memory "
        )?;
        match freed {
            Some(detachment) => write!(f, "that was {detachment}: use a memory that is not freed"),
            None => write!(f, "of {memory_bytes} bytes: stay within it, or grow it before"),
        }
    }
}
impl Error for AccessError {}
