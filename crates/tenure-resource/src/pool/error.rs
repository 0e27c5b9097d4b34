//! Why a pool gives no object, and what became of one that was returned.
//!
//! Errors carry the manager's own error where it is the cause. Nothing here costs anything on the way that succeeds. A
//! returned object never comes back to the caller: what the pool does not keep is dropped.

use std::error::Error;
use std::fmt;

/// Why [`Pool::get`](crate::pool::Pool::get) gave no object. The pool is as it was before the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GetError<E> {
    /// As many objects exist as the pool's limit allows, and none is idle.
    Exhausted {
        /// The limit.
        limit: usize,
    },
    /// The manager could not make an object.
    Create(E),
    /// Making an object asked the same pool for another one, and so on.
    TooDeep {
        /// How many creations may be under way inside each other.
        depth_max: usize,
    },
}

impl<E> GetError<E> {
    /// Whether the same call can succeed once objects have been returned, without any other change.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Exhausted { .. })
    }
}

impl<E: fmt::Display> fmt::Display for GetError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exhausted { limit } => write!(
                f,
                "all {limit} objects that the pool may have are in use: return one, or raise PoolConfig::limit"
            ),
            Self::Create(error) => write!(f, "the pool's manager made no object: {error}"),
            Self::TooDeep { depth_max } => write!(
                f,
                "making an object asked the pool for an object more than {depth_max} times inside each other: \
                 let Manager::create make what it needs itself, or prefill the pool"
            ),
        }
    }
}

/// The message ends with the manager's error, so that is no source again; and it need not be an `Error` by itself.
impl<E: fmt::Debug + fmt::Display> Error for GetError<E> {}

/// Why [`Pool::prefill`](crate::pool::Pool::prefill) stopped early. The objects made until then are idle in the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrefillError<E> {
    /// How many objects were made.
    pub made: usize,
    /// What kept the next one from being made.
    pub error: GetError<E>,
}

impl<E: fmt::Display> fmt::Display for PrefillError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "prefilling stopped after {} objects: {}", self.made, self.error)
    }
}

impl<E: fmt::Debug + fmt::Display> Error for PrefillError<E> {}

/// What became of an object that was returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "only this says why an object was not kept"]
pub enum Put<E> {
    /// It is idle and will be used again.
    Kept,
    /// It was dropped: the pool holds as many idle objects as its capacity.
    Full,
    /// It was dropped: the reset hook refused it.
    ResetFailed(E),
    /// It was dropped: the thread is unwinding from a panic, and the object may be half changed.
    Unwinding,
    /// It was dropped: the pool is gone.
    Closed,
}

impl<E> Put<E> {
    /// Whether the object will be used again.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        matches!(self, Self::Kept)
    }
}
