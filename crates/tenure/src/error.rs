//! What can go wrong: no memory left, or a root area full. Heap creation errors come from the core.

use std::error::Error;
use std::fmt;

use tenure_heap::AllocError;

/// No memory was left for an object, even after a last major collection where one was allowed.
///
/// Gives back what was not allocated: the initializer's value or the initializer itself. The heap stays usable.
pub struct OutOfMemory<V> {
    kind: &'static str,
    error: AllocError,
    value: V,
}

impl<V> OutOfMemory<V> {
    pub(crate) fn new(kind: &'static str, error: AllocError, value: V) -> OutOfMemory<V> {
        OutOfMemory { kind, error, value }
    }

    /// Returns the same error with what `f` makes of the value.
    pub(crate) fn map<W>(self, f: impl FnOnce(V) -> W) -> OutOfMemory<W> {
        OutOfMemory::new(self.kind, self.error, f(self.value))
    }

    /// Returns what was not allocated.
    #[must_use]
    pub fn into_value(self) -> V {
        self.value
    }

    /// Returns the cause, with the sizes in question.
    #[must_use]
    pub fn cause(&self) -> &AllocError {
        &self.error
    }

    /// Returns the name of the kind that was to be allocated.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }
}

impl<V> fmt::Debug for OutOfMemory<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutOfMemory")
            .field("kind", &self.kind)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl<V> fmt::Display for OutOfMemory<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot allocate an object of kind {}: {}", self.kind, self.error)
    }
}

impl<V> Error for OutOfMemory<V> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

#[cold]
#[inline(never)]
pub(crate) fn out_of_memory<V>(error: &OutOfMemory<V>) -> ! {
    panic!("{error}; the try_ form of the call returns this as an error, and the limit is part of HeapConfig")
}

/// A root area has no room: the register window, the operand stack or the handles of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StackOverflow {
    pub(crate) area: &'static str,
    pub(crate) capacity_words: usize,
}

impl StackOverflow {
    /// Returns how many words the area can hold.
    #[must_use]
    pub fn capacity_words(&self) -> usize {
        self.capacity_words
    }
}

impl fmt::Display for StackOverflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} overflow: all {} words are in use; unwind, or give the heap a larger area in HeapConfig",
            self.area, self.capacity_words
        )
    }
}

impl Error for StackOverflow {}
