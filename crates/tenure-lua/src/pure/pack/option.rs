//! The options of a format: their sizes, their alignment, and the settings between them.
//!
//! A zero byte ends a format, as in the reference. Sizes of integers go from 1 to 16 bytes; alignment follows the size, up to the
//! maximum that `!` sets, and must be a power of 2.

use crate::pure::LibraryError;
use crate::pure::slice::MAX_SIZE_BYTES;

/// The largest size of an integer.
const MAX_INTEGER_BYTES: usize = 16;

/// The alignment that a `!` without number means: that of a double.
const NATIVE_ALIGNMENT: usize = 8;

/// What an option packs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackKind {
    /// A signed integer.
    Signed,
    /// An unsigned integer.
    Unsigned,
    /// A float of 4 bytes.
    Float,
    /// A float of 8 bytes.
    Double,
    /// A string of a fixed length.
    Fixed,
    /// A string with its length before it.
    Counted,
    /// A string with a zero byte behind it.
    ZeroTerminated,
    /// A byte of padding.
    Padding,
    /// Only the alignment of the option that follows.
    Alignment,
    /// Nothing: a setting, or a space.
    Nothing,
}

/// An option of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackItem {
    /// What it packs.
    pub kind: PackKind,
    /// Its size in bytes; of a counted string that of the length.
    pub size: usize,
    /// The bytes of padding before it.
    pub padding: usize,
    /// Whether the least significant byte comes first.
    pub little_endian: bool,
}

impl PackItem {
    /// Whether there is a value for it.
    #[must_use]
    pub const fn has_value(&self) -> bool {
        !matches!(self.kind, PackKind::Padding | PackKind::Alignment | PackKind::Nothing)
    }
}

/// A place in a format, and the settings there.
#[derive(Clone, Copy, Debug)]
pub struct PackFormat {
    position: usize,
    little_endian: bool,
    max_alignment: usize,
}

impl Default for PackFormat {
    fn default() -> Self {
        Self {
            position: 0,
            little_endian: cfg!(target_endian = "little"),
            max_alignment: 1,
        }
    }
}

impl PackFormat {
    /// The next option, if its value is to start at `offset` or behind it. The format must be the same each time.
    ///
    /// # Errors
    /// The option is unknown, or its size or alignment is not possible.
    pub fn next_item(&mut self, format: &[u8], offset: usize) -> Result<Option<PackItem>, LibraryError> {
        if self.peek(format).is_none() {
            return Ok(None);
        }
        let (kind, size) = self.option(format)?;
        let mut alignment = size;
        if kind == PackKind::Alignment {
            alignment = match self.peek(format) {
                None => 0,
                Some(_) => match self.option(format)? {
                    (PackKind::Fixed, _) => 0,
                    (_, size) => size,
                },
            };
            if alignment == 0 {
                return Err(LibraryError::argument(1, "invalid next option for option 'X'"));
            }
        }
        let padding = if kind == PackKind::Fixed {
            0
        } else {
            self.padding(alignment, offset)?
        };
        Ok(Some(PackItem {
            kind,
            size,
            padding,
            little_endian: self.little_endian,
        }))
    }

    fn padding(&self, alignment: usize, offset: usize) -> Result<usize, LibraryError> {
        if alignment <= 1 {
            return Ok(0);
        }
        let alignment = alignment.min(self.max_alignment);
        if !alignment.is_power_of_two() {
            return Err(LibraryError::argument(1, "format asks for alignment not power of 2"));
        }
        Ok(offset.wrapping_neg() & (alignment - 1))
    }

    fn peek(&self, format: &[u8]) -> Option<u8> {
        format.get(self.position).copied().filter(|&byte| byte != 0)
    }

    /// Reads an option with its size, and does what it sets.
    fn option(&mut self, format: &[u8]) -> Result<(PackKind, usize), LibraryError> {
        let Some(letter) = self.peek(format) else {
            return Ok((PackKind::Nothing, 0));
        };
        self.position += 1;
        Ok(match letter {
            b'b' => (PackKind::Signed, 1),
            b'B' => (PackKind::Unsigned, 1),
            b'h' => (PackKind::Signed, 2),
            b'H' => (PackKind::Unsigned, 2),
            b'l' | b'j' => (PackKind::Signed, 8),
            b'L' | b'J' | b'T' => (PackKind::Unsigned, 8),
            b'f' => (PackKind::Float, 4),
            b'n' | b'd' => (PackKind::Double, 8),
            b'i' => (PackKind::Signed, self.integer_size(format, 4)?),
            b'I' => (PackKind::Unsigned, self.integer_size(format, 4)?),
            b's' => (PackKind::Counted, self.integer_size(format, 8)?),
            b'c' => match self.number(format) {
                Some(size) => (PackKind::Fixed, size),
                None => return Err(LibraryError::new("missing size for format option 'c'")),
            },
            b'z' => (PackKind::ZeroTerminated, 0),
            b'x' => (PackKind::Padding, 1),
            b'X' => (PackKind::Alignment, 0),
            b' ' => (PackKind::Nothing, 0),
            b'<' | b'>' | b'=' => {
                self.little_endian = letter == b'<' || (letter == b'=' && cfg!(target_endian = "little"));
                (PackKind::Nothing, 0)
            }
            b'!' => {
                self.max_alignment = self.integer_size(format, NATIVE_ALIGNMENT)?;
                (PackKind::Nothing, 0)
            }
            _ => {
                return Err(LibraryError::owned(
                    [b"invalid format option '", &[letter][..], b"'"].concat(),
                ));
            }
        })
    }

    /// Reads a number, or stops reading before it would exceed the largest size.
    fn number(&mut self, format: &[u8]) -> Option<usize> {
        let mut value = None;
        while let Some(digit @ b'0'..=b'9') = self.peek(format)
            && value.is_none_or(|value| value <= (MAX_SIZE_BYTES - 9) / 10)
        {
            self.position += 1;
            value = Some(value.unwrap_or(0) * 10 + usize::from(digit - b'0'));
        }
        value
    }

    fn integer_size(&mut self, format: &[u8], default: usize) -> Result<usize, LibraryError> {
        let size = self.number(format).unwrap_or(default);
        if size == 0 || size > MAX_INTEGER_BYTES {
            let message = format!("integral size ({size}) out of limits [1,{MAX_INTEGER_BYTES}]");
            return Err(LibraryError::owned(message));
        }
        Ok(size)
    }
}
