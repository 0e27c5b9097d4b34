//! Lua's patterns: `find`, `match`, `gmatch`, `gsub`.
//!
//! A backtracking matcher that reads the pattern as it goes ([`match_at`]), and on top of it the four functions, which search from
//! left to right ([`Search`]) and, between two matches, hold nothing but offsets: subject and pattern are lent for each step, so a
//! caller can run replacement functions in between, and move the strings. Matching takes at most 200 nested steps, or it is refused as
//! `pattern too complex`; it can take time exponential in the number of repetitions in a pattern, as in the reference. Nothing is
//! allocated but for results, and for captures if there are more than four.

mod class;
mod find;
mod head;
mod matcher;
mod replace;
mod search;

pub use find::{find, first_match, has_specials};
pub use matcher::{Capture, MAX_CAPTURES, Match, match_at};
pub use replace::{Substitution, expand};
pub use search::Search;

use super::LibraryError;
use std::fmt;

/// Why a pattern, or a replacement, cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// The last byte is a `%`.
    EndsWithEscape,
    /// A set is not closed.
    MissingBracket,
    /// `%b` is not followed by two bytes.
    MissingBalanceArguments,
    /// `%f` is not followed by a set.
    MissingFrontierSet,
    /// `%n` refers to no capture, or to one that is still open.
    InvalidCaptureIndex(u8),
    /// A `)` closes nothing.
    InvalidCapture,
    /// A capture that is asked for was not closed.
    UnfinishedCapture,
    /// More than [`MAX_CAPTURES`] captures.
    TooManyCaptures,
    /// Matching takes more than 200 nested steps.
    TooComplex,
    /// A `%` in a replacement is followed by neither a digit nor a `%`.
    InvalidReplacementEscape,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EndsWithEscape => "malformed pattern (ends with '%')",
            Self::MissingBracket => "malformed pattern (missing ']')",
            Self::MissingBalanceArguments => "malformed pattern (missing arguments to '%b')",
            Self::MissingFrontierSet => "missing '[' after '%f' in pattern",
            Self::InvalidCaptureIndex(index) => return write!(f, "invalid capture index %{index}"),
            Self::InvalidCapture => "invalid pattern capture",
            Self::UnfinishedCapture => "unfinished capture",
            Self::TooManyCaptures => "too many captures",
            Self::TooComplex => "pattern too complex",
            Self::InvalidReplacementEscape => "invalid use of '%' in replacement string",
        })
    }
}

impl std::error::Error for PatternError {}

impl From<PatternError> for LibraryError {
    fn from(error: PatternError) -> Self {
        Self::owned(error.to_string())
    }
}

#[cfg(test)]
mod tests;
