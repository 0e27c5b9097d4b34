//! The searches from left to right of `gmatch` and `gsub`: matches that do not end where the last one did.
//!
//! A [`Search`] is a few offsets; each step is lent subject and pattern. An empty match directly behind another match does not count,
//! which is why `("abc"):gsub("%w*", "x")` replaces once.

use super::head::Head;
use super::matcher::Matcher;
use super::{Match, PatternError};

/// A search for one match after the other.
///
/// ```
/// use tenure_lua::pure::pattern::Search;
/// let (subject, pattern) = (b"one two", b"%a+");
/// let mut search = Search::new(0);
/// let mut words = Vec::new();
/// while let Some(found) = search.next_match(subject, pattern).unwrap() {
///     words.push(&subject[found.range()]);
/// }
/// assert_eq!(words, [b"one", b"two"]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Search {
    position: usize,
    last_end: Option<usize>,
}

impl Search {
    /// A search that starts at an offset of the subject, and finds nothing if that is beyond its end.
    #[must_use]
    pub const fn new(start: usize) -> Self {
        Self {
            position: start,
            last_end: None,
        }
    }

    /// A search that goes on behind a match, if there was one: at its end, which is also where the last one ended.
    #[must_use]
    pub const fn resume(position: usize, last_end: Option<usize>) -> Self {
        Self { position, last_end }
    }

    /// The offset behind the last match.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// The next match. The subject and the pattern must be the same each time; a `^` is no anchor here.
    ///
    /// # Errors
    /// Those of [`match_at`](super::match_at).
    #[inline]
    pub fn next_match(&mut self, subject: &[u8], pattern: &[u8]) -> Result<Option<Match>, PatternError> {
        if self.position > subject.len() {
            return Ok(None);
        }
        let head = Head::of(pattern)?;
        if head.is_all_of(pattern) {
            // A match of one byte from here on does not end where the last one did.
            if let Some(start) = head.candidate(subject, pattern, self.position) {
                self.position = start + 1;
                self.last_end = Some(start + 1);
                return Ok(Some(Match::literal(start, start + 1)));
            }
            self.position = subject.len() + 1;
            return Ok(None);
        }
        let mut matcher = Matcher::new(subject, pattern);
        while let Some(candidate) = head.candidate(subject, pattern, self.position) {
            self.position = candidate;
            if let Some(found) = self.match_here(&mut matcher)? {
                return Ok(Some(found));
            }
            self.position += 1;
        }
        self.position = subject.len() + 1;
        Ok(None)
    }

    /// A match at the current position, which moves behind it.
    #[inline]
    pub(super) fn match_here(&mut self, matcher: &mut Matcher<'_>) -> Result<Option<Match>, PatternError> {
        let Some(found) = matcher.match_at(self.position)? else {
            return Ok(None);
        };
        let end = found.range().end;
        if self.last_end == Some(end) {
            return Ok(None);
        }
        self.position = end;
        self.last_end = Some(end);
        Ok(Some(found))
    }
}
