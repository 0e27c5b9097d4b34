//! `gsub`: the replaced subject, one match at a time.
//!
//! A [`Substitution`] is asked for the next match, is told what replaces it, and gives the result at the end. It holds the result so far
//! and offsets, neither subject nor pattern, which are lent for each step. What replaces a match is for the caller: [`expand`] makes it
//! from a replacement string; tables and functions it asks itself.

use super::class::ESCAPE;
use super::matcher::Matcher;
use super::{Capture, Match, PatternError, Search};
use crate::pure::number::integer_text;

/// The state of a `gsub`.
///
/// ```
/// use tenure_lua::pure::pattern::{Substitution, expand};
/// let (subject, pattern) = (b"hello world", b"(%w+)");
/// let mut substitution = Substitution::new(pattern, 1);
/// while let Some(found) = substitution.next_match(subject, pattern).unwrap() {
///     expand(b"<%1>", subject, &found, substitution.replacement()).unwrap();
/// }
/// assert_eq!(substitution.finish(subject), (Some(b"<hello> world".to_vec()), 1));
/// ```
#[derive(Clone, Debug)]
pub struct Substitution {
    search: Search,
    out: Vec<u8>,
    /// Up to where the subject is in `out`, or replaced there.
    copied: usize,
    limit: i64,
    count: i64,
    anchored: bool,
    changed: bool,
}

impl Substitution {
    /// A `gsub` that replaces `limit` matches at most. A missing limit is `i64::MAX`.
    #[must_use]
    pub fn new(pattern: &[u8], limit: i64) -> Self {
        let anchored = pattern.first() == Some(&b'^');
        Self {
            search: Search::new(0),
            out: Vec::new(),
            copied: 0,
            limit,
            count: 0,
            anchored,
            changed: false,
        }
    }

    /// The next match to replace. The subject and the pattern must be the same each time.
    ///
    /// # Errors
    /// Those of [`match_at`](super::match_at).
    pub fn next_match(&mut self, subject: &[u8], pattern: &[u8]) -> Result<Option<Match>, PatternError> {
        if self.count >= self.limit || (self.anchored && self.count > 0) {
            return Ok(None);
        }
        let found = match pattern {
            [_, pattern @ ..] if self.anchored => self.search.match_here(&mut Matcher::new(subject, pattern))?,
            _ => self.search.next_match(subject, pattern)?,
        };
        if let Some(found) = &found {
            self.count += 1;
            let start = found.range().start;
            self.out.extend_from_slice(&subject[self.copied..start]);
            self.copied = start;
        }
        Ok(found)
    }

    /// Replaces the last match by what is appended to these bytes. Not to call it keeps the match as it is.
    pub const fn replacement(&mut self) -> &mut Vec<u8> {
        self.copied = self.search.position();
        self.changed = true;
        &mut self.out
    }

    /// The result and the number of matches. There is no result if nothing was replaced: it is the subject then.
    #[must_use]
    pub fn finish(mut self, subject: &[u8]) -> (Option<Vec<u8>>, i64) {
        if !self.changed {
            return (None, self.count);
        }
        self.out.extend_from_slice(&subject[self.copied..]);
        (Some(self.out), self.count)
    }
}

/// Appends what a replacement string means for a match: `%0` to `%9` are captures, `%%` is a percent sign.
///
/// # Errors
/// [`PatternError::InvalidReplacementEscape`], and those of [`Match::capture`].
pub fn expand(replacement: &[u8], subject: &[u8], found: &Match, out: &mut Vec<u8>) -> Result<(), PatternError> {
    let mut rest = replacement;
    while let Some(offset) = memchr::memchr(ESCAPE, rest) {
        out.extend_from_slice(&rest[..offset]);
        match rest.get(offset + 1) {
            Some(&ESCAPE) => out.push(ESCAPE),
            Some(b'0') => out.extend_from_slice(&subject[found.range()]),
            Some(digit @ b'1'..=b'9') => match found.capture(usize::from(digit - b'1'))? {
                Capture::Bytes(start, end) => out.extend_from_slice(&subject[start..end]),
                Capture::Position(position) => out.extend_from_slice(&integer_text(position as i64)),
            },
            _ => return Err(PatternError::InvalidReplacementEscape),
        }
        rest = &rest[offset + 2..];
    }
    out.extend_from_slice(rest);
    Ok(())
}
