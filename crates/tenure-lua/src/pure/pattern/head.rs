//! The first item of a pattern, and where in a subject it can be.
//!
//! A pattern that begins with an item for one byte or more matches only where there is such a byte, so a search looks for that first: by
//! `memchr` where it is one byte or one of up to three, by a bit set where it is one of more, otherwise byte by byte. What may match
//! nothing at all is tried everywhere. Linear in the bytes that are passed over.

use super::PatternError;
use super::class::{ESCAPE, class_end, in_class, in_set};
use memchr::{memchr, memchr2, memchr3};

/// The first item of a pattern.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// The offset behind what says which byte, or 0 if the pattern may match without one.
    end: usize,
}

/// A set of bytes, by their numbers.
struct ByteSet([u64; 4]);

impl ByteSet {
    /// The members of what stands between `[` and `]`, if they are bytes that stand for themselves.
    fn of(members: &[u8]) -> Option<ByteSet> {
        let mut bits = [0; 4];
        for (index, &member) in members.iter().enumerate() {
            let is_range = member == b'-' && index > 0 && index + 1 < members.len();
            if member == ESCAPE || is_range {
                return None;
            }
            bits[usize::from(member >> 6)] |= 1 << (member & 63);
        }
        Some(ByteSet(bits))
    }

    #[inline(always)]
    fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 != 0
    }
}

impl Head {
    /// The first item of a pattern in which `^` is a byte like others.
    ///
    /// # Errors
    /// The item is malformed.
    #[inline]
    pub(super) fn of(pattern: &[u8]) -> Result<Head, PatternError> {
        match *pattern {
            [] | [b'(' | b')', ..] | [b'$'] | [ESCAPE, b'b' | b'f' | b'0'..=b'9', ..] => return Ok(Head { end: 0 }),
            _ => {}
        }
        let end = class_end(pattern, 0)?;
        Ok(match pattern.get(end) {
            Some(b'*' | b'?' | b'-') => Head { end: 0 },
            _ => Head { end },
        })
    }

    /// Whether the pattern consists of the item, which takes one byte: a match is where a candidate is.
    #[inline(always)]
    pub(super) fn is_all_of(self, pattern: &[u8]) -> bool {
        self.end == pattern.len() && self.end > 0
    }

    /// The first offset from `start` on where the pattern may match.
    #[inline]
    pub(super) fn candidate(self, subject: &[u8], pattern: &[u8], start: usize) -> Option<usize> {
        let rest = subject.get(start..)?;
        let item = pattern.get(..self.end)?;
        let offset = match item {
            [] => Some(0),
            [b'.'] => (!rest.is_empty()).then_some(0),
            [literal] => memchr(*literal, rest),
            [ESCAPE, class] => rest.iter().position(|&byte| in_class(byte, *class)),
            // Most often there is nothing to pass over.
            [_, set @ .., _] => match rest.first() {
                Some(first) if in_set(*first, set) => Some(0),
                Some(_) => position_of_member(rest, set),
                None => None,
            },
        };
        offset.map(|offset| start + offset)
    }
}

/// The offset of the first byte that belongs to a set.
#[inline(never)]
fn position_of_member(bytes: &[u8], set: &[u8]) -> Option<usize> {
    let (members, complement) = match set {
        [b'^', members @ ..] => (members, true),
        _ => (set, false),
    };
    let Some(byte_set) = ByteSet::of(members) else {
        return bytes.iter().position(|&byte| in_set(byte, set));
    };
    match *members {
        [a] if !complement => memchr(a, bytes),
        [a, b] if !complement => memchr2(a, b, bytes),
        [a, b, c] if !complement => memchr3(a, b, c, bytes),
        _ => bytes.iter().position(|&byte| byte_set.has(byte) != complement),
    }
}
