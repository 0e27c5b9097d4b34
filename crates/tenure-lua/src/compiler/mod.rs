//! From source text to bytecode, in one pass.
//!
//! The parser is recursive descent. It builds no tree: as it recognizes a construct it asks the generator for code. What makes one pass
//! enough is that an expression's code is *delayed* (see `expression`): the parser hands around descriptions of operands, and only
//! when their use is known does the generator decide for a register, an immediate operand or a jump. Jumps to places not yet reached are
//! threaded through the jump instructions themselves and filled in later.
//!
//! Time and memory are proportional to the source's length. Nesting is bounded, and so is the native stack.
//!
//! The order to read in: `expression` for the central idea, `parser` from the top down, `generator` from the bottom up.

mod chunk_id;
mod error;
mod expression;
mod generator;
mod lexer;
mod parser;
mod state;
mod symbols;
mod token;

pub use chunk_id::{CHUNK_ID_BYTES_MAX, chunk_id};
pub use error::SyntaxError;
pub(crate) use generator::LineRecorder;

use crate::bytecode::Proto;

/// The levels of nested constructs that are accepted, less one. Each takes some native stack, all of them together less than 1 MiB even
/// without optimization.
pub const MAX_LEVELS: usize = 200;
/// The longest source. Positions in code and line numbers then need no checks: no byte of a source makes more than two instructions.
pub const MAX_SOURCE_BYTES: usize = 1 << 30;

/// Compiles a chunk of source text into the prototype of its main function.
///
/// `chunk_name` is what messages call the chunk: behind an `@` the name of a file, behind an `=` a name of the user's, and otherwise the
/// source itself, of which [`chunk_id`] makes something short; it ends at its first zero byte. A first line that begins with `#` must be
/// skipped by the caller, as it belongs to files and not to the language.
///
/// # Errors
/// A message in the words of the reference implementation: what is wrong, where, and near which token.
///
/// ```
/// use tenure_lua::bytecode::Opcode;
/// use tenure_lua::compiler::compile;
///
/// let proto = compile(b"return 1 + 2 * x", b"=example").unwrap();
/// assert!(proto.code.iter().any(|instruction| instruction.opcode() == Opcode::MulK || instruction.opcode() == Opcode::Mul));
///
/// let error = compile(b"return = 1", b"=example").unwrap_err();
/// assert_eq!(error.message(), b"example:1: unexpected symbol near '='");
/// ```
pub fn compile(source: &[u8], chunk_name: &[u8]) -> Result<Proto, SyntaxError> {
    if source.len() > MAX_SOURCE_BYTES {
        return Err(SyntaxError::new(format!(
            "chunk has too many bytes (limit is {MAX_SOURCE_BYTES})"
        )));
    }
    let end = chunk_name
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(chunk_name.len());
    state::Compiler::new(source, &chunk_name[..end]).main_function()
}
