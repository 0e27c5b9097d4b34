//! Why a load failed, as one type: what was given, what is accepted, and whether trying again can help.
//!
//! Errors are shared by all listeners of a load, so they travel in an `Arc`. They say nothing about which key failed:
//! who listens knows what it asked for.

use std::error::Error;
use std::fmt;
use std::io;

/// Why an image could not be loaded.
///
/// A failed load leaves nothing in the cache: the next request for its key starts a new one. [`is_retryable`] says
/// whether that can end better with the same input.
///
/// [`is_retryable`]: LoadError::is_retryable
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// The encoded bytes could not be read.
    Source(io::Error),
    /// There are more encoded bytes than accepted.
    EncodedTooLarge {
        /// Encoded bytes that were given.
        given_bytes: usize,
        /// Encoded bytes that are accepted.
        max_bytes: usize,
    },
    /// The bytes begin like no format that is decoded here.
    UnsupportedFormat,
    /// The header announces an image with more pixels than accepted. Nothing was allocated for them.
    ImageTooLarge {
        /// Width that the header announces.
        width_px: u32,
        /// Height that the header announces.
        height_px: u32,
        /// Longest side that is accepted.
        max_side_px: u32,
        /// Decoded bytes that are accepted, at 4 bytes per pixel.
        max_decoded_bytes: usize,
    },
    /// The bytes are damaged, incomplete, or need more memory for decoding than the limits allow.
    Malformed(image::ImageError),
    /// Width and height do not fit the pixels that were given with them.
    WrongLength {
        /// Width that was given.
        width_px: u32,
        /// Height that was given.
        height_px: u32,
        /// Bytes that were given.
        given_bytes: usize,
    },
    /// The source or the decoder panicked. The worker that ran it goes on.
    Panicked(String),
    /// The load was given up: its completer was dropped, or nobody wanted the result any longer.
    Abandoned,
    /// An error of the embedder's own loader.
    Other(Box<dyn Error + Send + Sync>),
}

impl LoadError {
    /// Whether the same request may succeed later: what failed was reading, or the load was given up. Bytes that do
    /// not decode will not decode next time. Errors of the embedder's own count as retryable.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Source(_) | Self::Abandoned | Self::Other(_))
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(_) => f.write_str("the encoded image could not be read"),
            Self::EncodedTooLarge { given_bytes, max_bytes } => write!(
                f,
                "the encoded image has {given_bytes} bytes, at most {max_bytes} are accepted; raise \
                 DecodeLimits::max_encoded_bytes or load a smaller one"
            ),
            Self::UnsupportedFormat => {
                f.write_str("the bytes begin like no accepted format; PNG and JPEG are accepted")
            }
            Self::ImageTooLarge {
                width_px,
                height_px,
                max_side_px,
                max_decoded_bytes,
            } => write!(
                f,
                "the image has {width_px} x {height_px} pixels, accepted are sides of at most {max_side_px} and \
                 {max_decoded_bytes} bytes decoded (4 per pixel); raise DecodeLimits or load a smaller one"
            ),
            Self::Malformed(_) => f.write_str("the encoded image is damaged or needs too much memory"),
            Self::WrongLength {
                width_px,
                height_px,
                given_bytes,
            } => write!(
                f,
                "{given_bytes} bytes were given for {width_px} x {height_px} pixels; give 4 bytes per pixel"
            ),
            Self::Panicked(message) => write!(f, "the loader panicked: {message}"),
            Self::Abandoned => f.write_str("the load was given up before it ended; request the image again"),
            Self::Other(_) => f.write_str("the loader failed"),
        }
    }
}

impl Error for LoadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Source(error) => Some(error),
            Self::Malformed(error) => Some(error),
            Self::Other(error) => Some(&**error),
            _ => None,
        }
    }
}

impl From<io::Error> for LoadError {
    fn from(error: io::Error) -> LoadError {
        LoadError::Source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_change_is_not_tried_again() {
        assert!(LoadError::from(io::Error::from(io::ErrorKind::TimedOut)).is_retryable());
        assert!(LoadError::Abandoned.is_retryable());
        assert!(!LoadError::UnsupportedFormat.is_retryable());
        assert!(!LoadError::Panicked("x".into()).is_retryable());
    }

    #[test]
    fn messages_name_the_given_and_the_accepted() {
        let error = LoadError::ImageTooLarge {
            width_px: 70_000,
            height_px: 3,
            max_side_px: 16_384,
            max_decoded_bytes: 1 << 20,
        };
        let text = error.to_string();
        assert!(
            text.contains("70000 x 3") && text.contains("16384") && text.contains("1048576"),
            "{text}"
        );
    }

    #[test]
    fn causes_are_kept() {
        let error = LoadError::from(io::Error::other("disk on fire"));
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("disk on fire"));
        assert!(LoadError::Abandoned.source().is_none());
    }
}
