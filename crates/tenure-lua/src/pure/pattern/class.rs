//! What a single byte is matched against: classes such as `%a`, and sets such as `[%a_-]`.
//!
//! Classes are those of the locale "C". A set is read from the pattern each time; linear in its length.

use super::PatternError;

/// The byte that starts an escape.
pub(super) const ESCAPE: u8 = b'%';

/// Whether a byte belongs to the class that a letter names; an upper-case letter names the complement, any other byte itself.
pub(super) const fn in_class(byte: u8, class: u8) -> bool {
    let belongs = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'g' => byte.is_ascii_graphic(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => crate::pure::number::is_space(byte),
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        // Not in the manual since 5.2, but still accepted.
        b'z' => byte == 0,
        _ => return byte == class,
    };
    belongs != class.is_ascii_uppercase()
}

/// Whether a byte belongs to the set whose `[` and `]` are at the offsets `open` and `close` of the pattern.
pub(super) fn in_set(byte: u8, pattern: &[u8], open: usize, close: usize) -> bool {
    let mut position = open + 1;
    let complement = pattern[position] == b'^';
    position += usize::from(complement);
    while position < close {
        let first = pattern[position];
        let (belongs, length) = if first == ESCAPE {
            (in_class(byte, pattern[position + 1]), 2)
        } else if pattern[position + 1] == b'-' && position + 2 < close {
            ((first..=pattern[position + 2]).contains(&byte), 3)
        } else {
            (byte == first, 1)
        };
        if belongs {
            return !complement;
        }
        position += length;
    }
    complement
}

/// The offset behind the single-byte class that starts at `start`: a byte, an escape, or a set.
pub(super) fn class_end(pattern: &[u8], start: usize) -> Result<usize, PatternError> {
    let position = start + 1;
    match pattern[start] {
        ESCAPE if position == pattern.len() => Err(PatternError::EndsWithEscape),
        ESCAPE => Ok(position + 1),
        b'[' => set_end(pattern, position),
        _ => Ok(position),
    }
}

/// The offset behind the `]` of a set, given the one behind its `[`. A `]` in the first place is a member.
fn set_end(pattern: &[u8], mut position: usize) -> Result<usize, PatternError> {
    if pattern.get(position) == Some(&b'^') {
        position += 1;
    }
    loop {
        let member = *pattern.get(position).ok_or(PatternError::MissingBracket)?;
        position += 1;
        if member == ESCAPE && position < pattern.len() {
            position += 1;
        }
        if pattern.get(position) == Some(&b']') {
            return Ok(position + 1);
        }
    }
}
