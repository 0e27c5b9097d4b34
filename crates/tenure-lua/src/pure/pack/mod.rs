//! `string.pack`, `string.unpack`, `string.packsize`: values as bytes in a layout of C.
//!
//! [`PackFormat`] reads one option after the other from a format; [`Packer`] and [`Unpacker`] pair them with values. The format and the
//! data are lent for each step. Linear in format and data. Sizes are those of 64-bit Linux: `int` 4, `long` and `size_t` 8 bytes.

mod option;
mod packer;
mod unpacker;

pub use option::{PackFormat, PackItem, PackKind};
pub use packer::{Packer, packed_size};
pub use unpacker::{Unpacked, Unpacker};

#[cfg(test)]
mod tests;
