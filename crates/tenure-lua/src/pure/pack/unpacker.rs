//! `string.unpack`.
//!
//! Sizes beyond 8 bytes must hold nothing but the sign there. Strings are given as offsets of the data.

use super::{PackFormat, PackItem, PackKind};
use crate::pure::LibraryError;
use crate::pure::slice::start_offset;
use std::ops::Range;

/// A value that was packed.
#[derive(Clone, Debug, PartialEq)]
pub enum Unpacked {
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f64),
    /// The string at these offsets of the data.
    Bytes(Range<usize>),
}

/// Unpacks one value after the other.
///
/// ```
/// use tenure_lua::pure::pack::{Unpacked, Unpacker};
/// let (format, data) = (b"<i2 s1", b"\xfe\xff\x02hi");
/// let mut unpacker = Unpacker::new(1, data.len()).unwrap();
/// assert_eq!(unpacker.next_value(format, data).unwrap(), Some(Unpacked::Integer(-2)));
/// assert_eq!(unpacker.next_value(format, data).unwrap(), Some(Unpacked::Bytes(3..5)));
/// assert_eq!(unpacker.next_value(format, data).unwrap(), None);
/// assert_eq!(unpacker.next_position(), 6);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Unpacker {
    format: PackFormat,
    offset: usize,
}

impl Unpacker {
    /// Starts at a position of data that has so many bytes.
    ///
    /// # Errors
    /// The position is outside.
    pub fn new(position: i64, length: usize) -> Result<Self, LibraryError> {
        let offset = start_offset(position, length);
        if offset > length {
            return Err(LibraryError::argument(3, "initial position out of string"));
        }
        Ok(Self {
            format: PackFormat::default(),
            offset,
        })
    }

    /// The next value. The format and the data must be the same each time.
    ///
    /// # Errors
    /// Those of [`PackFormat::next_item`]; also if the data ends too early, or an integer does not fit.
    pub fn next_value(&mut self, format: &[u8], data: &[u8]) -> Result<Option<Unpacked>, LibraryError> {
        while let Some(item) = self.format.next_item(format, self.offset)? {
            if item.padding + item.size > data.len() - self.offset {
                return Err(too_short());
            }
            let start = self.offset + item.padding;
            let (raw, rest) = data[start..].split_at(item.size);
            self.offset = start + item.size;
            return Ok(Some(match item.kind {
                PackKind::Signed | PackKind::Unsigned => Unpacked::Integer(integer(item, raw)?),
                PackKind::Float => Unpacked::Float(f32::from_bits(ordered(item, raw) as u32).into()),
                PackKind::Double => Unpacked::Float(f64::from_bits(ordered(item, raw))),
                PackKind::Fixed => Unpacked::Bytes(start..self.offset),
                PackKind::Counted => {
                    let length = integer(item, raw)? as usize;
                    if length > rest.len() {
                        return Err(too_short());
                    }
                    let text = self.offset;
                    self.offset += length;
                    Unpacked::Bytes(text..self.offset)
                }
                PackKind::ZeroTerminated => {
                    let length =
                        memchr::memchr(0, rest).ok_or(LibraryError::argument(2, "unfinished string for format 'z'"))?;
                    self.offset = start + length + 1;
                    Unpacked::Bytes(start..start + length)
                }
                PackKind::Padding | PackKind::Alignment | PackKind::Nothing => continue,
            }));
        }
        Ok(None)
    }

    /// The position behind the last value.
    #[must_use]
    pub const fn next_position(&self) -> i64 {
        self.offset as i64 + 1
    }
}

const fn too_short() -> LibraryError {
    LibraryError::argument(2, "data string too short")
}

/// The lower 8 bytes of a number.
fn ordered(item: PackItem, raw: &[u8]) -> u64 {
    let byte_at = |index: usize| {
        raw[if item.little_endian {
            index
        } else {
            raw.len() - 1 - index
        }]
    };
    (0..raw.len().min(8))
        .rev()
        .fold(0, |value, index| value << 8 | u64::from(byte_at(index)))
}

fn integer(item: PackItem, raw: &[u8]) -> Result<i64, LibraryError> {
    let signed = item.kind == PackKind::Signed;
    let value = ordered(item, raw) as i64;
    if raw.len() < 8 {
        let unused_bits = 64 - 8 * raw.len() as u32;
        return Ok(if signed {
            value << unused_bits >> unused_bits
        } else {
            value
        });
    }
    let sign_byte = if signed && value < 0 { 0xff } else { 0 };
    let upper = if item.little_endian {
        &raw[8..]
    } else {
        &raw[..raw.len() - 8]
    };
    if upper.iter().any(|&byte| byte != sign_byte) {
        return Err(LibraryError::owned(format!(
            "{}-byte integer does not fit into Lua Integer",
            raw.len()
        )));
    }
    Ok(value)
}
