//! Positions in strings, and the functions of `string` that need no more than them.
//!
//! Positions count from 1, negative ones from the end. A start is moved up to 1, an end down to the length; everything else follows. All
//! functions are linear in what they return. Case is that of ASCII, as in the locale "C".

use super::LibraryError;
use super::error::reserve;
use std::ops::Range;

/// The largest result of `string.rep`, and the largest size that `string.pack` counts to: what fits in a C `int`.
pub const MAX_SIZE_BYTES: usize = i32::MAX as usize;

/// The offset that a starting position means: at least 0, and beyond the length if the position is.
///
/// ```
/// use tenure_lua::pure::slice::start_offset;
/// assert_eq!(start_offset(2, 5), 1);
/// assert_eq!(start_offset(-2, 5), 3);
/// assert_eq!(start_offset(-9, 5), 0);
/// assert_eq!(start_offset(0, 5), 0);
/// ```
#[must_use]
pub const fn start_offset(position: i64, length: usize) -> usize {
    if position > 0 {
        position as usize - 1
    } else if position == 0 || position < -(length as i64) {
        0
    } else {
        length - position.unsigned_abs() as usize
    }
}

/// The offset behind the byte that an ending position means: from 0 to the length.
#[must_use]
pub const fn end_offset(position: i64, length: usize) -> usize {
    if position > length as i64 {
        length
    } else if position >= 0 {
        position as usize
    } else if position < -(length as i64) {
        0
    } else {
        length - position.unsigned_abs() as usize + 1
    }
}

/// The bytes that `string.sub(s, start, end)` returns.
///
/// ```
/// use tenure_lua::pure::slice::sub_range;
/// assert_eq!(sub_range(2, -2, 5), 1..4);
/// assert!(sub_range(4, 2, 5).is_empty());
/// ```
#[must_use]
pub const fn sub_range(start: i64, end: i64, length: usize) -> Range<usize> {
    let (start, end) = (start_offset(start, length), end_offset(end, length));
    if start < end { start..end } else { 0..0 }
}

/// The bytes that `string.byte(s, start, end)` returns; a missing `end` is `start`.
///
/// # Errors
/// `string slice too long`.
pub const fn byte_range(start: i64, end: i64, length: usize) -> Result<Range<usize>, LibraryError> {
    let range = sub_range(start, end, length);
    if range.end - range.start > MAX_SIZE_BYTES {
        return Err(LibraryError::new("string slice too long"));
    }
    Ok(range)
}

/// The byte that argument `number` of `string.char` means.
///
/// # Errors
/// The argument's `value out of range`.
pub fn char_byte(value: i64, number: usize) -> Result<u8, LibraryError> {
    u8::try_from(value).map_err(|_| LibraryError::argument(number, "value out of range"))
}

/// `string.rep`.
///
/// ```
/// use tenure_lua::pure::slice::repeat;
/// assert_eq!(repeat(b"ab", 3, b",").unwrap(), b"ab,ab,ab");
/// ```
///
/// # Errors
/// `resulting string too large` above [`MAX_SIZE_BYTES`]; `not enough memory`.
pub fn repeat(bytes: &[u8], count: i64, separator: &[u8]) -> Result<Vec<u8>, LibraryError> {
    let mut out = Vec::new();
    if count <= 0 {
        return Ok(out);
    }
    // The limit is checked as the reference does it, as if a separator followed each copy.
    let limit = MAX_SIZE_BYTES as u64 / count as u64;
    if bytes
        .len()
        .checked_add(separator.len())
        .is_none_or(|unit| unit as u64 > limit)
    {
        return Err(LibraryError::new("resulting string too large"));
    }
    if bytes.is_empty() && separator.is_empty() {
        return Ok(out);
    }
    let count = count as usize;
    reserve(&mut out, count * bytes.len() + (count - 1) * separator.len())?;
    for _ in 1..count {
        out.extend_from_slice(bytes);
        out.extend_from_slice(separator);
    }
    out.extend_from_slice(bytes);
    Ok(out)
}

/// `string.reverse`.
#[must_use]
pub fn reverse(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().rev().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sub(bytes: &[u8], start: i64, end: i64) -> &[u8] {
        &bytes[sub_range(start, end, bytes.len())]
    }

    #[test]
    fn substrings() {
        let digits = b"123456789";
        for (start, end, expected) in [
            (2, 4, "234"),
            (7, -1, "789"),
            (7, 6, ""),
            (7, 7, "7"),
            (0, 0, ""),
            (-10, 10, "123456789"),
            (1, 9, "123456789"),
            (-10, -20, ""),
            (-1, -1, "9"),
            (-4, -1, "6789"),
            (-6, -4, "456"),
            (i64::MIN, -4, "123456"),
            (i64::MIN, i64::MAX, "123456789"),
            (i64::MIN, i64::MIN, ""),
            (i64::MAX, i64::MAX, ""),
            (10, -1, ""),
        ] {
            assert_eq!(sub(digits, start, end), expected.as_bytes(), "{start}, {end}");
        }
        assert_eq!(sub(b"", 1, -1), b"");
    }

    #[test]
    fn limits_of_repetition() {
        assert_eq!(repeat(b"", i64::MAX, b"").unwrap(), b"");
        assert_eq!(repeat(b"x", 0, b"y").unwrap(), b"");
        assert_eq!(repeat(b"x", i64::MIN, b"y").unwrap(), b"");
        assert_eq!(repeat(b"x", 1, b"yy").unwrap(), b"x");
        assert_eq!(repeat(b"", 3, b".").unwrap(), b"..");
        for (bytes, count, separator) in [
            (&b"x"[..], 1 << 31, &b""[..]),
            (b"abc", i64::MAX, b""),
            (b"", 1 << 31, b","),
        ] {
            assert_eq!(
                repeat(bytes, count, separator).unwrap_err().message(),
                b"resulting string too large"
            );
        }
    }

    #[test]
    fn bytes_and_characters() {
        assert_eq!(byte_range(1, 1, 3).unwrap(), 0..1);
        assert_eq!(byte_range(10, 10, 3).unwrap(), 0..0);
        assert_eq!(char_byte(255, 1), Ok(255));
        for value in [-1, 256, i64::MIN] {
            let error = char_byte(value, 2).unwrap_err();
            assert_eq!(
                error.describe(b"char", false),
                b"bad argument #2 to 'char' (value out of range)"
            );
        }
        assert_eq!(reverse(b"abc"), b"cba");
    }

    proptest! {
        #[test]
        fn substrings_are_slices(bytes: Vec<u8>, start: i64, end: i64, near in -20i64..20) {
            prop_assert!(sub(&bytes, start, end).len() <= bytes.len());
            let near_range = sub_range(near, -1, bytes.len());
            prop_assert_eq!(near_range.end - near_range.start, bytes.len() - start_offset(near, bytes.len()).min(bytes.len()));
        }
    }
}
