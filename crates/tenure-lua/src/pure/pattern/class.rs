//! What a single byte is matched against: classes such as `%a`, and sets such as `[%a_-]`.
//!
//! Classes are those of the locale "C". A set is read from the pattern each time; linear in its length.

use super::PatternError;

/// The byte that starts an escape.
pub(super) const ESCAPE: u8 = b'%';

/// Whether a byte belongs to the class that a letter names; an upper-case letter names the complement, any other byte itself.
#[inline(always)]
pub(super) const fn in_class(byte: u8, class: u8) -> bool {
    let bit = CLASS_BITS[class.to_ascii_lowercase() as usize];
    if bit == 0 {
        return byte == class;
    }
    (BYTE_CLASSES[byte as usize] & bit != 0) != class.is_ascii_uppercase()
}

/// The classes, in the order of their bits.
const CLASSES: &[u8] = b"acdglpsuwxz";

/// The bit of the class that a lower-case letter names, or 0.
static CLASS_BITS: [u16; 256] = {
    let mut bits = [0; 256];
    let mut index = 0;
    while index < CLASSES.len() {
        bits[CLASSES[index] as usize] = 1 << index;
        index += 1;
    }
    bits
};

/// The classes that a byte belongs to.
static BYTE_CLASSES: [u16; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < classes.len() {
        let mut index = 0;
        while index < CLASSES.len() {
            classes[byte] |= (belongs(byte as u8, CLASSES[index]) as u16) << index;
            index += 1;
        }
        byte += 1;
    }
    classes
};

/// Whether a byte belongs to one of the classes.
const fn belongs(byte: u8, class: u8) -> bool {
    match class {
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
        _ => byte == 0,
    }
}

/// Whether a byte belongs to a set: what stands between its `[` and `]`.
#[inline]
pub(super) fn in_set(byte: u8, set: &[u8]) -> bool {
    let (mut rest, complement) = match set {
        [b'^', rest @ ..] => (rest, true),
        _ => (set, false),
    };
    loop {
        let belongs;
        (belongs, rest) = match rest {
            [ESCAPE, class, rest @ ..] => (in_class(byte, *class), rest),
            [first, b'-', last, rest @ ..] => ((*first..=*last).contains(&byte), rest),
            [member, rest @ ..] => (byte == *member, rest),
            [] => return complement,
        };
        if belongs {
            return !complement;
        }
    }
}

/// The offset behind the single-byte class that starts at `start`: a byte, an escape, or a set.
#[inline]
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
