//! `string.format`: the directives that Lua accepts of C's, and `%q`.
//!
//! A [`FormatCursor`] walks through the format, which is lent for each step, as `%s` can run a `__tostring`. It gives literal text and
//! [`Directive`]s; a directive appends the argument that the caller fetched for it. Checks come in the reference's order: directives
//! that are checked before their argument is fetched are refused by the cursor, the others when they append. Linear in the result. How a
//! value becomes a string is the caller's to know.

mod directive;
mod quote;

pub use directive::{Directive, Kind};
pub use quote::{quote_float, quote_integer, quote_string, value_has_no_literal};

use super::LibraryError;
use std::ops::Range;

/// A piece of a format.
#[derive(Clone, Debug)]
pub enum FormatItem {
    /// The bytes at these offsets of the format, as they are.
    Text(Range<usize>),
    /// A conversion of an argument.
    Directive(Directive),
}

/// A place in a format.
///
/// ```
/// use tenure_lua::pure::format::{FormatCursor, FormatItem};
/// let format = b"%5.1f%%";
/// let (mut cursor, mut out) = (FormatCursor::new(2), Vec::new());
/// while let Some(item) = cursor.next_item(format).unwrap() {
///     match item {
///         FormatItem::Text(range) => out.extend_from_slice(&format[range]),
///         FormatItem::Directive(directive) => directive.float(99.95, &mut out).unwrap(),
///     }
/// }
/// assert_eq!(out, b"100.0%");
/// ```
#[derive(Clone, Debug)]
pub struct FormatCursor {
    position: usize,
    argument: usize,
    argument_count: usize,
}

impl FormatCursor {
    /// The start of a format, given how many arguments the call has, which includes the format.
    #[must_use]
    pub const fn new(argument_count: usize) -> Self {
        Self {
            position: 0,
            argument: 1,
            argument_count,
        }
    }

    /// The next piece. The format must be the same each time.
    ///
    /// # Errors
    /// There is no argument for a directive, or the directive is refused whatever its argument is.
    pub fn next_item(&mut self, format: &[u8]) -> Result<Option<FormatItem>, LibraryError> {
        let rest = &format[self.position..];
        let start = self.position;
        match memchr::memchr(b'%', rest) {
            None if rest.is_empty() => Ok(None),
            None => {
                self.position = format.len();
                Ok(Some(FormatItem::Text(start..format.len())))
            }
            Some(0) if rest.get(1) == Some(&b'%') => {
                self.position += 2;
                Ok(Some(FormatItem::Text(start + 1..start + 2)))
            }
            Some(0) => {
                self.argument += 1;
                if self.argument > self.argument_count {
                    return Err(LibraryError::argument(self.argument, "no value"));
                }
                let (directive, length) = Directive::read(&rest[1..], self.argument)?;
                self.position += 1 + length;
                Ok(Some(FormatItem::Directive(directive)))
            }
            Some(length) => {
                self.position += length;
                Ok(Some(FormatItem::Text(start..start + length)))
            }
        }
    }
}

#[cfg(test)]
mod tests;
