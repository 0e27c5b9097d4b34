//! The name of a chunk in messages, at most 59 bytes long.
//!
//! A file's name keeps its end, where the interesting part is; a user's name and a source text keep their beginning, the latter no more
//! than its first line. Linear in the name. It does not escape anything.

/// The longest result.
pub const CHUNK_ID_BYTES_MAX: usize = 59;

const ELLIPSIS: &[u8] = b"...";
const BEFORE_SOURCE: &[u8] = b"[string \"";
const BEHIND_SOURCE: &[u8] = b"\"]";

/// Shortens the name of a chunk for a message.
///
/// ```
/// use tenure_lua::compiler::chunk_id;
///
/// assert_eq!(chunk_id(b"@init.lua"), b"init.lua");
/// assert_eq!(chunk_id(b"=stdin"), b"stdin");
/// assert_eq!(chunk_id(b"x = 1\ny = 2"), b"[string \"x = 1...\"]");
/// ```
pub fn chunk_id(name: &[u8]) -> Vec<u8> {
    match name {
        [b'=', rest @ ..] => rest[..rest.len().min(CHUNK_ID_BYTES_MAX)].to_vec(),
        [b'@', rest @ ..] if rest.len() <= CHUNK_ID_BYTES_MAX => rest.to_vec(),
        [b'@', rest @ ..] => [ELLIPSIS, &rest[rest.len() - (CHUNK_ID_BYTES_MAX - ELLIPSIS.len())..]].concat(),
        source => {
            let room = CHUNK_ID_BYTES_MAX - BEFORE_SOURCE.len() - ELLIPSIS.len() - BEHIND_SOURCE.len();
            match source.iter().position(|&byte| byte == b'\n') {
                None if source.len() < room => [BEFORE_SOURCE, source, BEHIND_SOURCE].concat(),
                line_end => {
                    let kept = line_end.unwrap_or(source.len()).min(room);
                    [BEFORE_SOURCE, &source[..kept], ELLIPSIS, BEHIND_SOURCE].concat()
                }
            }
        }
    }
}
