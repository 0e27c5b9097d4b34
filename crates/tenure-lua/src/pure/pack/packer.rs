//! `string.pack` and `string.packsize`.
//!
//! An integer must fit in its size; sizes beyond 8 bytes are filled up with its sign.

use super::{PackFormat, PackItem, PackKind};
use crate::pure::LibraryError;
use crate::pure::error::reserve;
use crate::pure::slice::MAX_SIZE_BYTES;

/// Packs one value after the other.
///
/// ```
/// use tenure_lua::pure::pack::Packer;
/// let format = b">i2 z";
/// let mut packer = Packer::default();
/// let item = packer.next_item(format).unwrap().unwrap();
/// packer.integer(item, -2).unwrap();
/// let item = packer.next_item(format).unwrap().unwrap();
/// packer.bytes(item, b"hi").unwrap();
/// assert!(packer.next_item(format).unwrap().is_none());
/// assert_eq!(packer.finish(), b"\xff\xfehi\0");
/// ```
#[derive(Clone, Debug)]
pub struct Packer {
    format: PackFormat,
    argument: usize,
    out: Vec<u8>,
}

impl Default for Packer {
    fn default() -> Self {
        Self {
            format: PackFormat::default(),
            argument: 1,
            out: Vec::new(),
        }
    }
}

impl Packer {
    /// The next option that has a value. What lies before it has been packed. The format must be the same each time.
    ///
    /// # Errors
    /// Those of [`PackFormat::next_item`].
    pub fn next_item(&mut self, format: &[u8]) -> Result<Option<PackItem>, LibraryError> {
        while let Some(item) = self.format.next_item(format, self.out.len())? {
            let filled = item.padding + if item.kind == PackKind::Padding { item.size } else { 0 };
            self.out.resize(self.out.len() + filled, 0);
            if item.has_value() {
                self.argument += 1;
                return Ok(Some(item));
            }
        }
        Ok(None)
    }

    /// The number of the argument that the last option is for; the format is argument 1.
    #[must_use]
    pub const fn argument(&self) -> usize {
        self.argument
    }

    /// Packs an integer, for [`PackKind::Signed`] and [`PackKind::Unsigned`].
    ///
    /// # Errors
    /// It does not fit in its size.
    pub fn integer(&mut self, item: PackItem, value: i64) -> Result<(), LibraryError> {
        if item.size < size_of::<i64>() {
            let bits = item.size as u32 * 8;
            match item.kind {
                PackKind::Signed if !(-(1 << (bits - 1))..1 << (bits - 1)).contains(&value) => {
                    return Err(LibraryError::argument(self.argument, "integer overflow"));
                }
                PackKind::Unsigned if value as u64 >= 1 << bits => {
                    return Err(LibraryError::argument(self.argument, "unsigned overflow"));
                }
                _ => {}
            }
        }
        let negative = item.kind == PackKind::Signed && value < 0;
        self.push_integer(item, value as u64, negative);
        Ok(())
    }

    fn push_integer(&mut self, item: PackItem, value: u64, negative: bool) {
        let mut bytes = i128::from(value);
        if negative {
            bytes |= -1 << 64;
        }
        self.push_ordered(&bytes.to_le_bytes()[..item.size], item.little_endian);
    }

    /// Appends bytes that are given with the least significant one first.
    fn push_ordered(&mut self, bytes: &[u8], little_endian: bool) {
        if little_endian {
            self.out.extend_from_slice(bytes);
        } else {
            self.out.extend(bytes.iter().rev());
        }
    }

    /// Packs a float, for [`PackKind::Float`] and [`PackKind::Double`].
    pub fn float(&mut self, item: PackItem, value: f64) {
        if item.kind == PackKind::Float {
            self.push_ordered(&(value as f32).to_le_bytes(), item.little_endian);
        } else {
            self.push_ordered(&value.to_le_bytes(), item.little_endian);
        }
    }

    /// Packs a string, for [`PackKind::Fixed`], [`PackKind::Counted`] and [`PackKind::ZeroTerminated`].
    ///
    /// # Errors
    /// It does not fit in its size, it has zero bytes, or memory does not suffice.
    pub fn bytes(&mut self, item: PackItem, value: &[u8]) -> Result<(), LibraryError> {
        reserve(&mut self.out, item.size.saturating_add(value.len()).saturating_add(1))?;
        match item.kind {
            PackKind::Fixed => {
                if value.len() > item.size {
                    return Err(LibraryError::argument(self.argument, "string longer than given size"));
                }
                self.out.extend_from_slice(value);
                self.out.resize(self.out.len() + item.size - value.len(), 0);
            }
            PackKind::Counted => {
                if item.size < size_of::<usize>() && value.len() >= 1 << (item.size * 8) {
                    return Err(LibraryError::argument(
                        self.argument,
                        "string length does not fit in given size",
                    ));
                }
                self.push_integer(item, value.len() as u64, false);
                self.out.extend_from_slice(value);
            }
            _ => {
                if value.contains(&0) {
                    return Err(LibraryError::argument(self.argument, "string contains zeros"));
                }
                self.out.extend_from_slice(value);
                self.out.push(0);
            }
        }
        Ok(())
    }

    /// The packed bytes.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.out
    }
}

/// `string.packsize`.
///
/// ```
/// use tenure_lua::pure::pack::packed_size;
/// assert_eq!(packed_size(b"!8 b j"), Ok(16));
/// ```
///
/// # Errors
/// Those of [`PackFormat::next_item`]; also if the size depends on values, or exceeds what fits in a C `int`.
pub fn packed_size(format: &[u8]) -> Result<usize, LibraryError> {
    let (mut options, mut total) = (PackFormat::default(), 0);
    while let Some(item) = options.next_item(format, total)? {
        if matches!(item.kind, PackKind::Counted | PackKind::ZeroTerminated) {
            return Err(LibraryError::argument(1, "variable-length format"));
        }
        total += item.padding + item.size;
        if total > MAX_SIZE_BYTES {
            return Err(LibraryError::argument(1, "format result too large"));
        }
    }
    Ok(total)
}
