//! What can go wrong with buffers and views, and what a detached buffer remembers.
//!
//! A view outlives the memory that it was made for in well-understood ways: the buffer was transferred, detached or
//! freed, or the linear memory that it belongs to grew. Each leaves a [`Detachment`], which costs 48 bytes and is what
//! an error repeats: what happened, where in the embedder's source, and at which `at`. That is a number of the
//! embedder's: a time, a count of instructions, a line of the script; it is stored and shown, never interpreted.

use std::error::Error;
use std::fmt;
use std::panic::Location;

use super::element::ElementType;

/// Where something was made: a place in the embedder's source and the `at` that was passed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The number that the embedder passed in.
    pub at: u64,
    /// The caller in the embedder's source.
    pub place: &'static Location<'static>,
}

impl Origin {
    /// Returns the place of the caller, with `at`. In a function that is `#[track_caller]` itself, that is the place of
    /// its caller.
    #[must_use]
    #[track_caller]
    pub fn here(at: u64) -> Origin {
        Origin {
            at,
            place: Location::caller(),
        }
    }
}

/// What operations take to say when and where they happen: a number alone, to which the place of the caller is added, or
/// an [`Origin`].
///
/// A closure is a place of its own. An embedder's function that changes a buffer through a closure and wants to be told
/// by its callers takes [`Origin::here`] outside of it:
///
/// ```
/// use tenure_resource::buffer::{ArrayBuffer, BufferError, Origin};
///
/// #[track_caller]
/// fn free(buffers: &mut [ArrayBuffer], line: u64) -> Result<(), BufferError> {
///     let origin = Origin::here(line);
///     buffers.iter_mut().try_for_each(|buffer| buffer.free(origin))
/// }
/// let mut buffers = [ArrayBuffer::new(1)?];
/// free(&mut buffers, 12)?;
/// let detachment = buffers[0].detached().expect("freed");
/// assert_eq!((detachment.origin.at, detachment.origin.place.line()), (12, line!() - 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait When {
    /// Returns the place and the number.
    #[track_caller]
    fn origin(self) -> Origin;
}

impl When for u64 {
    #[track_caller]
    fn origin(self) -> Origin {
        Origin::here(self)
    }
}

impl When for Origin {
    fn origin(self) -> Origin {
        self
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at {})", self.place, self.at)
    }
}

/// What took the memory away from views.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DetachedBy {
    /// The bytes were transferred to another buffer.
    Transfer,
    /// The buffer was detached explicitly.
    Detach,
    /// The buffer or memory was freed explicitly, or by the death of its object.
    Free,
    /// The linear memory grew; growing by nothing counts too, as in WebAssembly.
    Growth {
        /// The size before, in pages of 64 KiB.
        from_pages: u64,
        /// The size after, in pages of 64 KiB.
        to_pages: u64,
    },
    /// The linear memory grew so often since that the exact growth is forgotten; the [`Detachment`] tells the last
    /// one that it can have been.
    EarlierGrowth {
        /// The size that the memory had at most afterwards, in pages of 64 KiB.
        to_pages: u64,
    },
}

impl fmt::Display for DetachedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DetachedBy::Transfer => f.write_str("transferred to another buffer"),
            DetachedBy::Detach => f.write_str("detached"),
            DetachedBy::Free => f.write_str("freed"),
            DetachedBy::Growth { from_pages, to_pages } => {
                write!(
                    f,
                    "detached by a growth of its linear memory from {from_pages} to {to_pages} pages"
                )
            }
            DetachedBy::EarlierGrowth { to_pages } => {
                write!(
                    f,
                    "detached by a growth of its linear memory to {to_pages} pages or fewer, before the one"
                )
            }
        }
    }
}

/// When and by what a buffer lost its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detachment {
    /// What happened.
    pub by: DetachedBy,
    /// Where and when.
    pub origin: Origin,
}

impl fmt::Display for Detachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.by, self.origin)
    }
}

/// A change of a buffer's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resize {
    /// The length before.
    pub from_bytes: usize,
    /// The length after.
    pub to_bytes: usize,
    /// Where and when.
    pub origin: Origin,
}

impl fmt::Display for Resize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "resized from {} to {} bytes at {}",
            self.from_bytes, self.to_bytes, self.origin
        )
    }
}

/// A range that does not lie within what it selects from, or two lengths that must be the same and are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RangeError {
    /// The first index given; `usize::MAX` also for what does not fit.
    pub start: usize,
    /// The end given, which is the first index beyond the range; `usize::MAX` also for what does not fit.
    pub end: usize,
    /// The length that there is.
    pub len: usize,
}

impl RangeError {
    /// Refuses a slice that is not as long as the elements that it is copied from or to.
    pub(crate) fn check_same(given: usize, len: usize) -> Result<(), RangeError> {
        if given == len {
            Ok(())
        } else {
            Err(RangeError {
                start: 0,
                end: given,
                len,
            })
        }
    }
}

impl fmt::Display for RangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RangeError { start, end, len } = self;
        write!(
            f,
            "the range {start}..{end} does not fit a length of {len}: give a range within it, or a slice as long as the range"
        )
    }
}
impl Error for RangeError {}

/// The system has no memory for a backing store. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoMemory {
    /// How many bytes were asked for.
    pub bytes: usize,
}

impl fmt::Display for NoMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no memory for a backing store of {} bytes: free buffers, or collect, and try again",
            self.bytes
        )
    }
}
impl Error for NoMemory {}

/// Why a view cannot be made, read or written.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum ViewError {
    /// The bytes that the view was made for are gone.
    Detached {
        /// Where the view was made; `None` where a view was to be made.
        view: Option<Origin>,
        /// What happened to the buffer.
        detachment: Detachment,
    },
    /// The buffer is shorter than the view needs, so the view has no elements. It has them again when the buffer is
    /// resized to reach the view's end.
    OutOfBounds {
        /// Where the view was made; `None` where a view was to be made.
        view: Option<Origin>,
        /// The first byte of the view.
        offset_bytes: usize,
        /// The byte beyond its last one; its offset again if the view tracks the buffer's length.
        end_bytes: usize,
        /// The length of the buffer.
        buffer_bytes: usize,
        /// What made the buffer shorter last.
        shrunk: Option<Resize>,
    },
    /// The offset of a typed view is no multiple of the element's size.
    Misaligned {
        /// The offset given.
        offset_bytes: usize,
        /// The type that it is not aligned for.
        element_type: ElementType,
    },
    /// The view has other elements than those asked for.
    ElementType {
        /// The type asked for.
        given: ElementType,
        /// The type of the view.
        accepted: ElementType,
    },
    /// An index or range outside of the view.
    Range(RangeError),
}

impl ViewError {
    /// Returns whether the bytes are gone for good, so that another view or buffer is needed.
    #[must_use]
    pub fn is_detached(&self) -> bool {
        matches!(self, ViewError::Detached { .. })
    }

    /// Returns what took the bytes away, if they are gone.
    #[must_use]
    pub fn detachment(&self) -> Option<&Detachment> {
        match self {
            ViewError::Detached { detachment, .. } => Some(detachment),
            _ => None,
        }
    }
}

impl From<RangeError> for ViewError {
    fn from(error: RangeError) -> ViewError {
        ViewError::Range(error)
    }
}

fn write_made(f: &mut fmt::Formatter<'_>, view: Option<Origin>) -> fmt::Result {
    match view {
        Some(origin) => write!(f, "the view made at {origin}"),
        None => f.write_str("a new view"),
    }
}

impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ViewError::Detached { view, detachment } => {
                write_made(f, view)?;
                write!(
                    f,
                    " has no bytes, since its buffer was {detachment}: make a view of the buffer that has them now, or copy \
                     the bytes (slice) before"
                )
            }
            ViewError::OutOfBounds {
                view,
                offset_bytes,
                end_bytes,
                buffer_bytes,
                shrunk,
            } => {
                write_made(f, view)?;
                write!(
                    f,
                    " covers bytes {offset_bytes}..{end_bytes}, but the buffer has {buffer_bytes}"
                )?;
                match shrunk {
                    Some(resize) => write!(f, " (it was {resize})")?,
                    None => f.write_str("")?,
                }
                f.write_str(": make a view within the buffer, or resize the buffer")
            }
            ViewError::Misaligned {
                offset_bytes,
                element_type,
            } => write!(
                f,
                "a view of {element_type} at byte {offset_bytes}: the offset must be a multiple of {}; a byte view reads at \
                 any offset",
                element_type.size_bytes()
            ),
            ViewError::ElementType { given, accepted } => write!(
                f,
                "elements of type {given} were asked of a view of {accepted}: use {accepted}, or make a view of {given} of the \
                 same buffer"
            ),
            ViewError::Range(error) => error.fmt(f),
        }
    }
}
impl Error for ViewError {}

/// Why an operation on a whole buffer is not possible. The buffer is unchanged.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum BufferError {
    /// The buffer has lost its bytes before.
    Detached(Detachment),
    /// The buffer was made with a fixed length.
    NotResizable {
        /// The length asked for.
        given_bytes: usize,
        /// The length that the buffer has and keeps.
        len_bytes: usize,
    },
    /// The length asked for is more than the buffer's maximum.
    BeyondMaximum {
        /// The length asked for.
        given_bytes: usize,
        /// The longest length that was agreed on when the buffer was made.
        max_bytes: usize,
    },
    /// A range outside of the buffer.
    Range(RangeError),
    /// The view whose bytes were to be copied has none.
    View(ViewError),
    /// The system has no memory.
    NoMemory(NoMemory),
}

impl From<ViewError> for BufferError {
    fn from(error: ViewError) -> BufferError {
        BufferError::View(error)
    }
}

impl From<RangeError> for BufferError {
    fn from(error: RangeError) -> BufferError {
        BufferError::Range(error)
    }
}

impl From<NoMemory> for BufferError {
    fn from(error: NoMemory) -> BufferError {
        BufferError::NoMemory(error)
    }
}

impl fmt::Display for BufferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BufferError::Detached(detachment) => {
                write!(
                    f,
                    "the buffer has no bytes, since it was {detachment}: make another buffer"
                )
            }
            BufferError::NotResizable { given_bytes, len_bytes } => write!(
                f,
                "a length of {given_bytes} bytes was asked of a buffer of {len_bytes} bytes that cannot be resized: make it \
                 with a maximum, or transfer it to a new length"
            ),
            BufferError::BeyondMaximum { given_bytes, max_bytes } => write!(
                f,
                "a length of {given_bytes} bytes was asked of a buffer of at most {max_bytes} bytes: make it with a larger \
                 maximum"
            ),
            BufferError::Range(error) => error.fmt(f),
            BufferError::View(error) => error.fmt(f),
            BufferError::NoMemory(error) => error.fmt(f),
        }
    }
}
impl Error for BufferError {}
