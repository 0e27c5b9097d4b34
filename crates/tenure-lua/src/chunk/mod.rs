//! Chunks as bytes: source text or compiled code.
//!
//! Compiled code has the format of the reference implementation's binary chunks, in little-endian order, so either can read what the
//! other writes. Unlike the reference, which warns that malicious code can crash it, [`undump`] believes nothing: what it accepts was
//! [verified](fn@verify), and an interpreter can run it without checking operands. It is linear in the bytes, in time and in memory.

mod dump;
mod format;
mod undump;
pub mod verify;

pub use dump::dump;
pub use format::SIGNATURE;
pub use undump::undump;
pub use verify::{InvalidCode, verify};

use crate::bytecode::Proto;
use crate::compiler::{SyntaxError, compile};

/// Compiles source text, or reads compiled code: what `load` does with the bytes it is given.
///
/// `mode` tells which of the two is accepted: `b` for compiled code, `t` for text, `bt` for both.
///
/// # Errors
/// A message in the words of the reference implementation.
///
/// ```
/// use tenure_lua::chunk::{dump, load};
///
/// let proto = load(b"return 6 * 7", b"=example", b"bt").unwrap();
/// let bytes = dump(&proto, false);
/// assert_eq!(load(&bytes, b"=example", b"b").unwrap(), proto);
/// let error = load(&bytes, b"=example", b"t").unwrap_err();
/// assert_eq!(error.message(), b"attempt to load a binary chunk (mode is 't')");
/// ```
pub fn load(bytes: &[u8], chunk_name: &[u8], mode: &[u8]) -> Result<Proto, SyntaxError> {
    let is_binary = bytes.first() == SIGNATURE.first();
    let what = if is_binary { "binary" } else { "text" };
    if !mode.contains(&what.as_bytes()[0]) {
        let message = [
            b"attempt to load a ",
            what.as_bytes(),
            b" chunk (mode is '",
            mode,
            b"')",
        ]
        .concat();
        return Err(SyntaxError::new(message));
    }
    if is_binary {
        undump(bytes, chunk_name)
    } else {
        compile(bytes, chunk_name)
    }
}
