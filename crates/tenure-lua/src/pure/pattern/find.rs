//! `find` and `match`: the first match at or after a position.
//!
//! A pattern without special bytes, or one that is asked to be taken literally, is found by `memchr`'s substring search instead, which
//! is linear. A pattern that starts with `^` is tried at the position only.

use super::head::Head;
use super::matcher::Matcher;
use super::{Match, PatternError};
use memchr::memmem;

/// The bytes that mean something in a pattern.
const SPECIALS: &[u8] = b"^$*+?.([%-";

static IS_SPECIAL: [bool; 256] = {
    let mut is_special = [false; 256];
    let mut index = 0;
    while index < SPECIALS.len() {
        is_special[SPECIALS[index] as usize] = true;
        index += 1;
    }
    is_special
};

/// Whether a pattern has bytes that do not just stand for themselves.
#[must_use]
pub fn has_specials(pattern: &[u8]) -> bool {
    pattern.iter().any(|&byte| IS_SPECIAL[usize::from(byte)])
}

/// What `string.find` finds, with an offset for the position: `plain` takes the pattern literally.
///
/// # Errors
/// Those of [`match_at`](super::match_at), unless the pattern is taken literally.
#[inline]
pub fn find(subject: &[u8], pattern: &[u8], start: usize, plain: bool) -> Result<Option<Match>, PatternError> {
    if plain || !has_specials(pattern) {
        let found = subject.get(start..).and_then(|rest| memmem::find(rest, pattern));
        Ok(found.map(|offset| Match::literal(start + offset, start + offset + pattern.len())))
    } else {
        first_match(subject, pattern, start)
    }
}

/// The first match at one of the candidates.
#[inline(never)]
fn first_candidate(subject: &[u8], pattern: &[u8], head: Head, start: usize) -> Result<Option<Match>, PatternError> {
    let mut matcher = Matcher::new(subject, pattern);
    let mut position = start;
    while let Some(candidate) = head.candidate(subject, pattern, position) {
        if let Some(found) = matcher.match_at(candidate)? {
            return Ok(Some(found));
        }
        position = candidate + 1;
    }
    Ok(None)
}

/// The first match at or after an offset; nothing if that is beyond the end.
///
/// ```
/// use tenure_lua::pure::pattern::first_match;
/// assert_eq!(first_match(b"hello world", b"o w", 0).unwrap().unwrap().range(), 4..7);
/// assert!(first_match(b"hello", b"^l", 0).unwrap().is_none());
/// ```
///
/// # Errors
/// Those of [`match_at`](super::match_at).
#[inline]
pub fn first_match(subject: &[u8], pattern: &[u8], start: usize) -> Result<Option<Match>, PatternError> {
    if let [b'^', pattern @ ..] = pattern {
        return Matcher::new(subject, pattern).match_at(start);
    }
    if start > subject.len() {
        return Ok(None);
    }
    let head = Head::of(pattern)?;
    if head.is_all_of(pattern) {
        let found = head.candidate(subject, pattern, start);
        return Ok(found.map(|offset| Match::literal(offset, offset + 1)));
    }
    first_candidate(subject, pattern, head, start)
}
