//! What can go wrong, as types with questions one can ask.

use std::fmt;

use tenure_memory::PageError;

/// Why an allocation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AllocErrorKind {
    /// The heap's limit leaves no room, even after a last-resort collection.
    HeapLimit {
        /// The limit of the old generation.
        limit_bytes: usize,
        /// What is used of it.
        used_bytes: usize,
    },
    /// The system has no pages.
    PageSource(PageError),
    /// No heap of this configuration could hold the object.
    TooLarge {
        /// The largest object accepted.
        accepted_bytes: usize,
    },
}

/// An allocation that failed. The heap is as it was, apart from the collections that were tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllocError {
    requested_bytes: usize,
    kind: AllocErrorKind,
}

impl AllocError {
    pub(crate) fn new(requested_bytes: usize, kind: AllocErrorKind) -> AllocError {
        AllocError { requested_bytes, kind }
    }

    /// Returns the bytes that were asked for, header included.
    #[must_use]
    pub fn requested_bytes(&self) -> usize {
        self.requested_bytes
    }

    /// Returns why there was no room.
    #[must_use]
    pub fn kind(&self) -> &AllocErrorKind {
        &self.kind
    }

    /// Returns whether the same request could succeed after memory was freed or the limit raised.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        !matches!(self.kind, AllocErrorKind::TooLarge { .. })
    }
}

impl fmt::Display for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "out of memory: {} bytes were asked for, ", self.requested_bytes)?;
        match &self.kind {
            AllocErrorKind::HeapLimit {
                limit_bytes,
                used_bytes,
            } => write!(
                f,
                "the old generation holds {used_bytes} of at most {limit_bytes} bytes after a full collection; \
                 raise the limit (--max-old-space-size) or drop references"
            ),
            AllocErrorKind::PageSource(e) => write!(f, "and {e}"),
            AllocErrorKind::TooLarge { accepted_bytes } => {
                write!(f, "but no object may be larger than {accepted_bytes} bytes")
            }
        }
    }
}

impl std::error::Error for AllocError {}

/// A configuration value that is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    name: String,
    given: String,
    accepted: String,
}

impl ConfigError {
    pub(crate) fn new(name: &str, given: impl fmt::Display, accepted: impl Into<String>) -> ConfigError {
        ConfigError {
            name: name.to_string(),
            given: given.to_string(),
            accepted: accepted.into(),
        }
    }

    /// Returns the name of the option.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the value that was given.
    #[must_use]
    pub fn given(&self) -> &str {
        &self.given
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--{} does not accept '{}': {}", self.name, self.given, self.accepted)
    }
}

impl std::error::Error for ConfigError {}

/// Why a heap could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeapError {
    /// The configuration contradicts itself.
    Config(ConfigError),
    /// The system has no address space or pages.
    PageSource(PageError),
}

impl fmt::Display for HeapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeapError::Config(e) => e.fmt(f),
            HeapError::PageSource(e) => write!(f, "the heap could not be made: {e}"),
        }
    }
}

impl std::error::Error for HeapError {}

impl From<PageError> for HeapError {
    fn from(e: PageError) -> HeapError {
        HeapError::PageSource(e)
    }
}

impl From<ConfigError> for HeapError {
    fn from(e: ConfigError) -> HeapError {
        HeapError::Config(e)
    }
}
