//! What Lua's libraries compute, as functions of bytes and numbers.
//!
//! Each module is one algorithm of the reference manual: numerals, patterns, `string.format`, `string.pack`, UTF-8, dates, files. They
//! give the results and the messages of the reference implementation of Lua 5.4 in the locale "C". Where Lua code may run in the middle
//! (a replacement function of `gsub`, a `__tostring` for `%s`), the algorithm is a cursor that is asked for its next step and holds
//! nothing but offsets, so that a caller whose heap moves can lend the bytes anew for each step.
//!
//! Nothing here knows values, the heap, or the interpreter.

pub mod date;
pub mod error;
pub mod format;
pub mod number;
pub mod pack;
pub mod pattern;
pub mod printf;
pub mod slice;
pub mod utf8;

pub use error::LibraryError;
