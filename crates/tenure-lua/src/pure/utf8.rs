//! The library `utf8`: code points in strings, by position.
//!
//! Sequences have up to 6 bytes and code points up to 2^31 - 1; strictly, surrogates and what is beyond Unicode are refused, laxly they are
//! not. Overlong sequences never are accepted. Decoding is constant work, the rest linear in the bytes that it passes. Text is not
//! normalized, and case is not known.

use super::LibraryError;
use super::slice::MAX_SIZE_BYTES;
use std::ops::Range;

/// The largest code point that can be encoded.
pub const MAX_CODE: u32 = 0x7fff_ffff;

/// `utf8.charpattern`: matches one sequence, of a string that is valid.
pub const CHAR_PATTERN: &[u8] = b"[\0-\x7F\xC2-\xFD][\x80-\xBF]*";

const INVALID: &str = "invalid UTF-8 code";

/// Bits of a continuation byte.
const CONTINUATION_BITS: u32 = 6;

/// The least code point of a sequence with so many continuation bytes; less would be overlong.
const LEAST_CODES: [u32; 6] = [0, 0x80, 0x800, 0x1_0000, 0x20_0000, 0x400_0000];

/// Whether a byte continues a sequence.
#[must_use]
pub const fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

fn continues_at(bytes: &[u8], offset: usize) -> bool {
    bytes.get(offset).is_some_and(|&byte| is_continuation(byte))
}

/// Appends a code point. Those above [`MAX_CODE`] are cut off to 31 bits.
///
/// ```
/// use tenure_lua::pure::utf8::encode;
/// let mut out = Vec::new();
/// encode(0x20ac, &mut out);
/// encode(0x7fff_ffff, &mut out);
/// assert_eq!(out, b"\xe2\x82\xac\xfd\xbf\xbf\xbf\xbf\xbf");
/// ```
pub fn encode(code: u32, out: &mut Vec<u8>) {
    let code = code & MAX_CODE;
    if code < 0x80 {
        return out.push(code as u8);
    }
    let continuations = LEAST_CODES.iter().rposition(|&least| code >= least).unwrap_or(0) as u32;
    // One bit for each byte, and a zero behind them.
    let mark = !(u8::MAX >> (continuations + 1));
    out.push(mark | (code >> (continuations * CONTINUATION_BITS)) as u8);
    for index in (0..continuations).rev() {
        out.push(0x80 | (code >> (index * CONTINUATION_BITS)) as u8 & 0x3f);
    }
}

/// The code point that argument `number` of `utf8.char` means.
///
/// # Errors
/// The argument's `value out of range`.
pub fn char_code(value: i64, number: usize) -> Result<u32, LibraryError> {
    u32::try_from(value)
        .ok()
        .filter(|&code| code <= MAX_CODE)
        .ok_or(LibraryError::argument(number, "value out of range"))
}

/// The code point at an offset, and the offset behind it; nothing if there is no valid one.
#[must_use]
pub fn decode(bytes: &[u8], offset: usize, lax: bool) -> Option<(u32, usize)> {
    let first = *bytes.get(offset)?;
    if first < 0x80 {
        return Some((first.into(), offset + 1));
    }
    let continuations = (first.leading_ones() as usize).checked_sub(1)?;
    let least = *LEAST_CODES.get(continuations).filter(|_| continuations > 0)?;
    let mut code = u32::from(first) & (0x3f >> continuations);
    let end = offset + 1 + continuations;
    for &byte in bytes.get(offset + 1..end)? {
        if !is_continuation(byte) {
            return None;
        }
        code = code << CONTINUATION_BITS | u32::from(byte & 0x3f);
    }
    let accepted = code >= least && (lax || char::from_u32(code).is_some());
    accepted.then_some((code, end))
}

/// A position that counts from the end as one that counts from the start; 0 if it is before it.
const fn absolute(position: i64, length: usize) -> i64 {
    if position >= 0 {
        position
    } else if position.unsigned_abs() > length as u64 {
        0
    } else {
        length as i64 + position + 1
    }
}

/// `utf8.len(s, i, j, lax)`: how many code points start in the range, or the position of the first invalid byte.
///
/// ```
/// use tenure_lua::pure::utf8::length;
/// assert_eq!(length("été".as_bytes(), 1, -1, false), Ok(Ok(3)));
/// assert_eq!(length(b"ab\xff", 1, -1, false), Ok(Err(3)));
/// ```
///
/// # Errors
/// A position is out of bounds.
pub fn length(bytes: &[u8], i: i64, j: i64, lax: bool) -> Result<Result<i64, i64>, LibraryError> {
    let start = absolute(i, bytes.len()) - 1;
    let end = absolute(j, bytes.len());
    if start < 0 || start > bytes.len() as i64 {
        return Err(LibraryError::argument(2, "initial position out of bounds"));
    }
    if end > bytes.len() as i64 {
        return Err(LibraryError::argument(3, "final position out of bounds"));
    }
    let (mut offset, mut count) = (start as usize, 0);
    while (offset as i64) < end {
        match decode(bytes, offset, lax) {
            Some((_, next)) => offset = next,
            None => return Ok(Err(offset as i64 + 1)),
        }
        count += 1;
    }
    Ok(Ok(count))
}

/// The offsets at which `utf8.codepoint(s, i, j)` starts and stops; a missing `j` is `i` as it is given.
///
/// # Errors
/// A position is out of bounds, or the range too long.
pub fn codepoint_range(i: i64, j: i64, length: usize) -> Result<Range<usize>, LibraryError> {
    let (start, end) = (absolute(i, length), absolute(j, length));
    if start < 1 {
        return Err(LibraryError::argument(2, "out of bounds"));
    }
    if end > length as i64 {
        return Err(LibraryError::argument(3, "out of bounds"));
    }
    if start > end {
        return Ok(0..0);
    }
    if end - start >= MAX_SIZE_BYTES as i64 {
        return Err(LibraryError::new("string slice too long"));
    }
    Ok(start as usize - 1..end as usize)
}

/// The code points that start in a range of [`codepoint_range`].
///
/// # Errors
/// The iterator's last item is an error if there is an invalid sequence.
pub fn codepoints(bytes: &[u8], range: Range<usize>, lax: bool) -> impl Iterator<Item = Result<u32, LibraryError>> {
    let Range { start: mut offset, end } = range;
    std::iter::from_fn(move || {
        if offset >= end {
            return None;
        }
        let decoded = decode(bytes, offset, lax);
        offset = decoded.map_or(end, |(_, next)| next);
        Some(decoded.map(|(code, _)| code).ok_or(LibraryError::new(INVALID)))
    })
}

/// `utf8.offset(s, n, i)`: the position of the `n`-th code point from `i` on, or of the one that holds `i` if `n` is 0. A missing `i` is
/// 1 if `n` is not negative, and one more than the length otherwise.
///
/// ```
/// use tenure_lua::pure::utf8::byte_position;
/// assert_eq!(byte_position("été".as_bytes(), 3, None), Ok(Some(4)));
/// assert_eq!(byte_position("été".as_bytes(), -1, None), Ok(Some(4)));
/// assert_eq!(byte_position("été".as_bytes(), 5, None), Ok(None));
/// ```
///
/// # Errors
/// `i` is out of bounds, or inside of a sequence.
pub fn byte_position(bytes: &[u8], n: i64, i: Option<i64>) -> Result<Option<i64>, LibraryError> {
    let default = if n >= 0 { 1 } else { bytes.len() as i64 + 1 };
    let start = absolute(i.unwrap_or(default), bytes.len()) - 1;
    if start < 0 || start > bytes.len() as i64 {
        return Err(LibraryError::argument(3, "position out of bounds"));
    }
    let (mut offset, mut left) = (start as usize, n);
    if n == 0 {
        while offset > 0 && continues_at(bytes, offset) {
            offset -= 1;
        }
        return Ok(Some(offset as i64 + 1));
    }
    if continues_at(bytes, offset) {
        return Err(LibraryError::new("initial position is a continuation byte"));
    }
    if n < 0 {
        while left < 0 && offset > 0 {
            offset -= 1;
            while offset > 0 && continues_at(bytes, offset) {
                offset -= 1;
            }
            left += 1;
        }
    } else {
        left -= 1;
        while left > 0 && offset < bytes.len() {
            offset += 1;
            while continues_at(bytes, offset) {
                offset += 1;
            }
            left -= 1;
        }
    }
    Ok((left == 0).then_some(offset as i64 + 1))
}

/// What `utf8.codes` checks before it iterates.
///
/// # Errors
/// The string starts inside of a sequence.
pub fn check_codes(bytes: &[u8]) -> Result<(), LibraryError> {
    if continues_at(bytes, 0) {
        Err(LibraryError::argument(1, INVALID))
    } else {
        Ok(())
    }
}

/// A step of `utf8.codes`: the position and the code point behind the one at a position, which is 0 at first.
///
/// # Errors
/// There is an invalid sequence.
pub fn next_code(bytes: &[u8], position: i64, lax: bool) -> Result<Option<(i64, u32)>, LibraryError> {
    let mut offset = match usize::try_from(position) {
        Ok(offset) if offset < bytes.len() => offset,
        _ => return Ok(None),
    };
    while continues_at(bytes, offset) {
        offset += 1;
    }
    if offset >= bytes.len() {
        return Ok(None);
    }
    match decode(bytes, offset, lax) {
        Some((code, next)) if !continues_at(bytes, next) => Ok(Some((offset as i64 + 1, code))),
        _ => Err(LibraryError::new(INVALID)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn codes(bytes: &[u8], lax: bool) -> Result<Vec<(i64, u32)>, LibraryError> {
        check_codes(bytes)?;
        let (mut codes, mut position) = (Vec::new(), 0);
        while let Some((next, code)) = next_code(bytes, position, lax)? {
            codes.push((next, code));
            position = next;
        }
        Ok(codes)
    }

    #[test]
    fn sequences_of_all_lengths() {
        for (code, length) in [
            (0, 1),
            (0x7f, 1),
            (0x80, 2),
            (0x7ff, 2),
            (0x800, 3),
            (0xffff, 3),
            (0x10000, 4),
            (0x1fffff, 4),
            (0x200000, 5),
            (0x3ffffff, 5),
            (0x4000000, 6),
            (MAX_CODE, 6),
        ] {
            let mut out = Vec::new();
            encode(code, &mut out);
            assert_eq!(out.len(), length, "{code:x}");
            assert_eq!(decode(&out, 0, true), Some((code, length)));
            assert_eq!(decode(&out[..length - 1], 0, true), None);
            assert_eq!(decode(&out, 0, false).is_some(), code <= 0x10_ffff);
        }
    }

    #[test]
    fn invalid_sequences() {
        for bytes in [
            &b"\x80"[..],
            b"\xc0\x80",
            b"\xc1\xbf",
            b"\xe0\x9f\xbf",
            b"\xf0\x8f\xbf\xbf",
            b"\xfe\x80\x80\x80\x80\x80\x80",
            b"\xff",
            b"\xc3A",
            b"\xc3",
        ] {
            assert_eq!(decode(bytes, 0, true), None, "{bytes:x?}");
        }
        assert_eq!(decode(b"\xed\xa0\x80", 0, false), None);
        assert_eq!(decode(b"\xed\xa0\x80", 0, true), Some((0xd800, 3)));
        assert_eq!(decode(b"\xf4\x90\x80\x80", 0, false), None);
    }

    #[test]
    fn lengths() {
        let text = "aé€😀".as_bytes();
        assert_eq!(length(text, 1, -1, false), Ok(Ok(4)));
        assert_eq!(length(text, 2, 4, false), Ok(Ok(2)));
        assert_eq!(length(text, 3, 4, false), Ok(Err(3)));
        assert_eq!(length(text, 11, -1, false), Ok(Ok(0)));
        assert_eq!(length(b"", 1, -1, false), Ok(Ok(0)));
        assert_eq!(length(b"\xed\xa0\x80", 1, -1, true), Ok(Ok(1)));
        assert_eq!(
            length(text, 12, -1, false).unwrap_err().describe(b"len", false),
            b"bad argument #2 to 'len' (initial position out of bounds)"
        );
        assert_eq!(length(text, 0, -1, false).unwrap_err().argument_number(), Some(2));
        assert_eq!(
            length(text, i64::MIN, -1, false).unwrap_err().argument_number(),
            Some(2)
        );
        assert_eq!(
            length(text, 1, 11, false).unwrap_err().describe(b"len", false),
            b"bad argument #3 to 'len' (final position out of bounds)"
        );
        assert_eq!(length(text, 1, i64::MIN, false), Ok(Ok(0)));
    }

    #[test]
    fn code_points() {
        let text = "aé€".as_bytes();
        let list = |i, j| -> Result<Vec<u32>, LibraryError> {
            codepoints(text, codepoint_range(i, j, text.len())?, false).collect()
        };
        assert_eq!(list(1, -1), Ok(vec![0x61, 0xe9, 0x20ac]));
        assert_eq!(list(2, 2), Ok(vec![0xe9]));
        assert_eq!(list(3, 1), Ok(vec![]));
        assert_eq!(list(3, 3).unwrap_err().message(), b"invalid UTF-8 code");
        assert_eq!(
            list(0, 0).unwrap_err().describe(b"codepoint", false),
            b"bad argument #2 to 'codepoint' (out of bounds)"
        );
        assert_eq!(
            list(1, 7).unwrap_err().describe(b"codepoint", false),
            b"bad argument #3 to 'codepoint' (out of bounds)"
        );
        assert_eq!(list(7, 6), Ok(vec![]));
        assert!(list(-7, 1).is_err());
    }

    #[test]
    fn offsets() {
        let text = "aé€".as_bytes();
        for (n, i, expected) in [
            (1, None, Some(1)),
            (2, None, Some(2)),
            (3, None, Some(4)),
            (4, None, Some(7)),
            (5, None, None),
            (-1, None, Some(4)),
            (-3, None, Some(1)),
            (-4, None, None),
            (0, Some(3), Some(2)),
            (0, Some(7), Some(7)),
            (0, None, Some(1)),
            (2, Some(2), Some(4)),
            (-1, Some(4), Some(2)),
            (i64::MIN, None, None),
            (i64::MAX, None, None),
        ] {
            assert_eq!(byte_position(text, n, i), Ok(expected), "{n}, {i:?}");
        }
        assert_eq!(
            byte_position(text, 1, Some(3)).unwrap_err().message(),
            b"initial position is a continuation byte"
        );
        assert_eq!(
            byte_position(text, 1, Some(8)).unwrap_err().describe(b"offset", false),
            b"bad argument #3 to 'offset' (position out of bounds)"
        );
        assert!(byte_position(text, 1, Some(0)).is_err());
    }

    #[test]
    fn iteration() {
        assert_eq!(
            codes("aé€".as_bytes(), false),
            Ok(vec![(1, 0x61), (2, 0xe9), (4, 0x20ac)])
        );
        assert_eq!(codes(b"", false), Ok(vec![]));
        assert_eq!(codes(b"ab\xff", false).unwrap_err().message(), b"invalid UTF-8 code");
        assert_eq!(codes(b"a\x80", false).unwrap_err().message(), b"invalid UTF-8 code");
        assert_eq!(codes(b"\x80a", false).unwrap_err().argument_number(), Some(1));
        assert!(codes(b"\xed\xa0\x80", false).is_err());
        assert_eq!(codes(b"\xed\xa0\x80", true), Ok(vec![(1, 0xd800)]));
        assert_eq!(next_code(b"abc", -1, false), Ok(None));
        assert_eq!(next_code(b"abc", i64::MAX, false), Ok(None));
    }

    #[test]
    fn codes_out_of_range() {
        assert_eq!(char_code(0x7fff_ffff, 1), Ok(MAX_CODE));
        for value in [-1, 0x8000_0000, i64::MAX, i64::MIN] {
            assert_eq!(
                char_code(value, 3).unwrap_err().describe(b"char", false),
                b"bad argument #3 to 'char' (value out of range)"
            );
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_standard_library(text: String) {
            let expected: Vec<u32> = text.chars().map(u32::from).collect();
            let found: Vec<u32> = codes(text.as_bytes(), false).unwrap().into_iter().map(|(_, code)| code).collect();
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(length(text.as_bytes(), 1, -1, false), Ok(Ok(expected.len() as i64)));
            let mut out = Vec::new();
            expected.iter().for_each(|&code| encode(code, &mut out));
            prop_assert_eq!(out, text.into_bytes());
        }

        #[test]
        fn strings_are_refused_as_by_the_standard_library(bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0x80u8..0xc0, 0xe0u8..0xf8], 0..6)) {
            let valid = std::str::from_utf8(&bytes);
            let found = length(&bytes, 1, -1, false).unwrap();
            prop_assert_eq!(found.is_ok(), valid.is_ok());
            if let (Err(position), Err(error)) = (found, valid) {
                prop_assert_eq!(position as usize, error.valid_up_to() + 1);
            }
        }

        #[test]
        fn never_panics(bytes: Vec<u8>, i: i64, j in -9i64..9, n in -9i64..9, lax: bool) {
            let _ = length(&bytes, i, j, lax);
            let _ = length(&bytes, j, n, lax);
            let _ = byte_position(&bytes, n, Some(j));
            let _ = byte_position(&bytes, i, None);
            let _ = codes(&bytes, lax);
            if let Ok(range) = codepoint_range(j, n, bytes.len()) {
                let _ = codepoints(&bytes, range, lax).collect::<Result<Vec<_>, _>>();
            }
        }
    }
}
