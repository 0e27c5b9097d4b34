//! The backtracking matcher: whether a pattern matches at one place, and what it captures.
//!
//! An item that can match in more than one way tries them in order, each by matching the rest of the pattern from there in a nested
//! call; items that match in one way only are loop iterations. So the depth is bounded by the number of captures, optional items and
//! repetitions, and limited to 200. A capture is undone when the rest does not match.

use super::PatternError;
use super::class::{ESCAPE, class_end, in_class, in_set};
use std::ops::Range;

/// The most captures that a pattern can have.
pub const MAX_CAPTURES: usize = 32;

/// The reference's limit of nested steps, which programs can observe; a step takes less than half a kilobyte of stack.
const MAX_DEPTH: u32 = 200;

/// What a capture captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// The bytes between these offsets of the subject.
    Bytes(usize, usize),
    /// `()`: this position, which counts from 1.
    Position(usize),
}

/// A capture during the match.
#[derive(Clone, Copy, Debug)]
struct Group {
    start: usize,
    /// The number of bytes, or one of the two below: no string has so many.
    length: usize,
}

impl Group {
    /// The length of a capture that is not closed.
    const OPEN: usize = usize::MAX;
    /// The length of a position.
    const POSITION: usize = usize::MAX - 1;
    const NONE: Self = Self {
        start: 0,
        length: Self::OPEN,
    };
}

/// Captures that lie in the match itself: few patterns have more.
const NEAR: usize = 4;

/// The captures so far. Those beyond the first few are in an allocation, so that a match is cheap to make and to move.
#[derive(Clone, Debug)]
struct Groups {
    near: [Group; NEAR],
    far: Option<Box<[Group; MAX_CAPTURES - NEAR]>>,
    count: usize,
}

impl Groups {
    const NONE: Self = Self {
        near: [Group::NONE; NEAR],
        far: None,
        count: 0,
    };

    #[inline]
    fn get(&self, index: usize) -> Group {
        match self.near.get(index) {
            Some(group) => *group,
            None => self.far.as_ref().map_or(Group::NONE, |far| far[index - NEAR]),
        }
    }

    #[inline]
    fn get_mut(&mut self, index: usize) -> Option<&mut Group> {
        match index.checked_sub(NEAR) {
            None => self.near.get_mut(index),
            Some(index) => far_mut(&mut self.far, index),
        }
    }
}

#[cold]
fn far_mut(far: &mut Option<Box<[Group; MAX_CAPTURES - NEAR]>>, index: usize) -> Option<&mut Group> {
    let far = far.get_or_insert_with(|| Box::new([Group::NONE; MAX_CAPTURES - NEAR]));
    far.get_mut(index)
}

/// A match: which bytes of the subject, and the captures.
#[derive(Clone, Debug)]
pub struct Match {
    start: usize,
    end: usize,
    groups: Groups,
}

impl Match {
    /// A match of a text as it is.
    #[inline(always)]
    pub(super) const fn literal(start: usize, end: usize) -> Self {
        Self {
            start,
            end,
            groups: Groups::NONE,
        }
    }

    /// The matched bytes of the subject, as offsets.
    #[must_use]
    pub const fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// How many captures the pattern has; `string.find` returns just them.
    #[must_use]
    pub const fn explicit_count(&self) -> usize {
        self.groups.count
    }

    /// How many values a match gives: its captures, or itself if it has none.
    #[must_use]
    pub const fn capture_count(&self) -> usize {
        if self.groups.count == 0 { 1 } else { self.groups.count }
    }

    /// The capture with this index, which counts from 0; without captures, index 0 is the whole match.
    ///
    /// # Errors
    /// [`PatternError::InvalidCaptureIndex`] if there is none, [`PatternError::UnfinishedCapture`] if the pattern does not close it.
    pub fn capture(&self, index: usize) -> Result<Capture, PatternError> {
        if index >= self.groups.count {
            return match index {
                0 => Ok(Capture::Bytes(self.start, self.end)),
                _ => Err(PatternError::InvalidCaptureIndex(index as u8 + 1)),
            };
        }
        let Group { start, length } = self.groups.get(index);
        match length {
            Group::OPEN => Err(PatternError::UnfinishedCapture),
            Group::POSITION => Ok(Capture::Position(start + 1)),
            length => Ok(Capture::Bytes(start, start + length)),
        }
    }

    /// All values of the match, in order.
    ///
    /// # Errors
    /// [`PatternError::UnfinishedCapture`].
    pub fn captures(&self) -> impl Iterator<Item = Result<Capture, PatternError>> {
        (0..self.capture_count()).map(|index| self.capture(index))
    }
}

/// Matches the pattern at the offset `start` of the subject, and nowhere else. A `^` is a byte like others here.
///
/// ```
/// use tenure_lua::pure::pattern::{Capture, match_at};
/// let found = match_at(b"key = value", b"(%w+)%s*=%s*(%w+)", 0).unwrap().unwrap();
/// assert_eq!(found.range(), 0..11);
/// assert_eq!(found.capture(1), Ok(Capture::Bytes(6, 11)));
/// ```
///
/// # Errors
/// The pattern is malformed as far as it was read, or too complex.
pub fn match_at(subject: &[u8], pattern: &[u8], start: usize) -> Result<Option<Match>, PatternError> {
    Matcher::new(subject, pattern).match_at(start)
}

/// Where a match of the rest of the pattern ends, if there is one.
type Outcome = Result<Option<usize>, PatternError>;

/// A subject and a pattern; it can be asked about many places.
#[derive(Debug)]
pub(super) struct Matcher<'a> {
    subject: &'a [u8],
    pattern: &'a [u8],
    depth_left: u32,
    groups: Groups,
}

impl<'a> Matcher<'a> {
    pub(super) const fn new(subject: &'a [u8], pattern: &'a [u8]) -> Self {
        Self {
            subject,
            pattern,
            depth_left: MAX_DEPTH,
            groups: Groups::NONE,
        }
    }

    #[inline]
    pub(super) fn match_at(&mut self, start: usize) -> Result<Option<Match>, PatternError> {
        if start > self.subject.len() {
            return Ok(None);
        }
        self.depth_left = MAX_DEPTH;
        self.groups.count = 0;
        let end = self.rest(start, 0)?;
        Ok(end.map(|end| Match {
            start,
            end,
            groups: std::mem::replace(&mut self.groups, Groups::NONE),
        }))
    }

    /// Matches the rest of the pattern, from offset `p`, at offset `s` of the subject.
    fn rest(&mut self, s: usize, p: usize) -> Outcome {
        self.depth_left = self.depth_left.checked_sub(1).ok_or(PatternError::TooComplex)?;
        let outcome = self.items(s, p);
        self.depth_left += 1;
        outcome
    }

    fn items(&mut self, mut s: usize, mut p: usize) -> Outcome {
        loop {
            let Some(&first) = self.pattern.get(p) else {
                return Ok(Some(s));
            };
            match (first, self.pattern.get(p + 1).copied()) {
                (b'(', Some(b')')) => return self.open(s, p + 2, Group::POSITION),
                (b'(', _) => return self.open(s, p + 1, Group::OPEN),
                (b')', _) => return self.close(s, p + 1),
                (b'$', None) => return Ok((s == self.subject.len()).then_some(s)),
                (ESCAPE, Some(b'b')) => {
                    let Some(end) = self.balance(s, p + 2)? else {
                        return Ok(None);
                    };
                    (s, p) = (end, p + 4);
                }
                (ESCAPE, Some(b'f')) => {
                    let Some(set_end) = self.frontier(s, p + 2)? else {
                        return Ok(None);
                    };
                    p = set_end;
                }
                (ESCAPE, Some(digit @ b'0'..=b'9')) => {
                    let Some(end) = self.back_reference(s, digit)? else {
                        return Ok(None);
                    };
                    (s, p) = (end, p + 2);
                }
                _ => {
                    let class_end = class_end(self.pattern, p)?;
                    let matches = self.single(s, p, class_end);
                    (s, p) = match (self.pattern.get(class_end), matches) {
                        (Some(b'*' | b'?' | b'-'), false) => (s, class_end + 1),
                        (_, false) => return Ok(None),
                        (Some(b'?'), true) => match self.rest(s + 1, class_end + 1)? {
                            Some(end) => return Ok(Some(end)),
                            None => (s, class_end + 1),
                        },
                        (Some(b'+'), true) => return self.longest(s + 1, p, class_end),
                        (Some(b'*'), true) => return self.longest(s, p, class_end),
                        (Some(b'-'), true) => return self.shortest(s, p, class_end),
                        (_, true) => (s + 1, class_end),
                    };
                }
            }
        }
    }

    /// Whether the single-byte class at `p..class_end` matches the byte at `s`.
    #[inline(always)]
    fn single(&self, s: usize, p: usize, class_end: usize) -> bool {
        let Some(&byte) = self.subject.get(s) else { return false };
        match self.pattern[p] {
            b'.' => true,
            ESCAPE => in_class(byte, self.pattern[p + 1]),
            b'[' => in_set(byte, &self.pattern[p + 1..class_end - 1]),
            literal => literal == byte,
        }
    }

    /// `*` and the rest of `+`: as many as possible, then fewer.
    fn longest(&mut self, s: usize, p: usize, class_end: usize) -> Outcome {
        let rest = &self.subject[s..];
        let length = match self.pattern[p] {
            b'.' => Some(rest.len()),
            ESCAPE => rest.iter().position(|&byte| !in_class(byte, self.pattern[p + 1])),
            b'[' => {
                let set = &self.pattern[p + 1..class_end - 1];
                rest.iter().position(|&byte| !in_set(byte, set))
            }
            literal => rest.iter().position(|&byte| byte != literal),
        };
        let mut end = s + length.unwrap_or(rest.len());
        loop {
            let outcome = self.rest(end, class_end + 1)?;
            if outcome.is_some() || end == s {
                return Ok(outcome);
            }
            end -= 1;
        }
    }

    /// `-`: as few as possible, then more.
    fn shortest(&mut self, mut s: usize, p: usize, class_end: usize) -> Outcome {
        loop {
            let outcome = self.rest(s, class_end + 1)?;
            if outcome.is_some() || !self.single(s, p, class_end) {
                return Ok(outcome);
            }
            s += 1;
        }
    }

    fn open(&mut self, s: usize, p: usize, length: usize) -> Outcome {
        let index = self.groups.count;
        *self.groups.get_mut(index).ok_or(PatternError::TooManyCaptures)? = Group { start: s, length };
        self.groups.count += 1;
        let outcome = self.rest(s, p)?;
        if outcome.is_none() {
            self.groups.count -= 1;
        }
        Ok(outcome)
    }

    fn close(&mut self, s: usize, p: usize) -> Outcome {
        let is_open = |index: &usize| self.groups.get(*index).length == Group::OPEN;
        let index = (0..self.groups.count).rfind(is_open);
        let index = index.ok_or(PatternError::InvalidCapture)?;
        if let Some(group) = self.groups.get_mut(index) {
            group.length = s - group.start;
        }
        let outcome = self.rest(s, p)?;
        if let (None, Some(group)) = (outcome, self.groups.get_mut(index)) {
            group.length = Group::OPEN;
        }
        Ok(outcome)
    }

    /// `%bxy`: where the `y` is that balances the `x` at `s`.
    fn balance(&self, s: usize, p: usize) -> Outcome {
        let Some(&[open, close]) = self.pattern[p..].first_chunk() else {
            return Err(PatternError::MissingBalanceArguments);
        };
        if self.subject.get(s) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1usize;
        for (offset, &byte) in self.subject[s + 1..].iter().enumerate() {
            if byte == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(s + offset + 2));
                }
            } else if byte == open {
                depth += 1;
            }
        }
        Ok(None)
    }

    /// `%f[set]`: the end of the set, if a byte that is not in it precedes one that is. Zero bytes surround the subject.
    fn frontier(&self, s: usize, p: usize) -> Outcome {
        if self.pattern.get(p) != Some(&b'[') {
            return Err(PatternError::MissingFrontierSet);
        }
        let set_end = class_end(self.pattern, p)?;
        let byte_at = |offset: Option<usize>| offset.and_then(|offset| self.subject.get(offset)).copied().unwrap_or(0);
        let belongs = |byte| in_set(byte, &self.pattern[p + 1..set_end - 1]);
        let at_frontier = !belongs(byte_at(s.checked_sub(1))) && belongs(byte_at(Some(s)));
        Ok(at_frontier.then_some(set_end))
    }

    /// `%1`: the bytes of a closed capture once more. A position is never matched.
    fn back_reference(&self, s: usize, digit: u8) -> Outcome {
        let number = digit - b'0';
        let group = match usize::from(number).checked_sub(1) {
            Some(index) if index < self.groups.count => self.groups.get(index),
            _ => return Err(PatternError::InvalidCaptureIndex(number)),
        };
        match group.length {
            Group::OPEN => Err(PatternError::InvalidCaptureIndex(number)),
            Group::POSITION => Ok(None),
            length => {
                let captured = &self.subject[group.start..group.start + length];
                Ok(self.subject[s..].starts_with(captured).then_some(s + length))
            }
        }
    }
}
