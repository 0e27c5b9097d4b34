//! What stands at the beginning of a binary chunk, and the marks in it.
//!
//! The numbers at the end of the header tell a reader whether it agrees with the writer on how numbers are stored. Lengths and lines are
//! stored seven bits per byte, the highest first, with the last byte marked.

/// What a binary chunk begins with. No source text does.
pub const SIGNATURE: &[u8; 4] = b"\x1bLua";
/// Lua 5.4.
pub(super) const VERSION: u8 = 0x54;
/// The official format.
pub(super) const FORMAT: u8 = 0;
/// Bytes that get damaged when a file is transferred as text.
pub(super) const DAMAGE_CHECK: &[u8; 6] = b"\x19\x93\r\n\x1a\n";
/// Sizes of an instruction, an integer and a float, with what the reference implementation calls them.
pub(super) const SIZES_BYTES: [(u8, &str); 3] = [(4, "Instruction"), (8, "lua_Integer"), (8, "lua_Number")];
/// An integer in a known place.
pub(super) const INTEGER_CHECK: i64 = 0x5678;
/// A float in a known place.
pub(super) const FLOAT_CHECK: f64 = 370.5;

pub(super) const NIL: u8 = 0x00;
pub(super) const FALSE: u8 = 0x01;
pub(super) const TRUE: u8 = 0x11;
pub(super) const INTEGER: u8 = 0x03;
pub(super) const FLOAT: u8 = 0x13;
pub(super) const SHORT_STRING: u8 = 0x04;
pub(super) const LONG_STRING: u8 = 0x14;

/// The longest short string.
pub(super) const SHORT_STRING_BYTES_MAX: usize = 40;
/// Marks the last byte of a number of variable length.
pub(super) const LAST_BYTE: u8 = 0x80;
