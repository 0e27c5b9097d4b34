//! Iterators over lines: `io.lines` and `file:lines`.
//!
//! An iterator keeps its file, whether it is to close it, and the formats to read by, as its upvalues.

use super::open::{Closed, close_file, open_or_raise};
use super::read::{read_formats, values};
use super::{handle, new_function};
use crate::native::{Call, NativeFunction, Reentrant, Reply, Throw};
use crate::object::{LuaValue, Val};
use crate::pure::LibraryError;
use crate::system::{OpenMode, error_text};
use tenure::prelude::*;

/// The most formats that an iterator keeps.
const FORMATS_MAX: usize = 250;

/// Upvalues of an iterator.
const FILE: usize = 1;
const CLOSES: usize = 2;
const FIRST_FORMAT: usize = 3;

/// Makes the iterator over the file in argument `file`, with the formats in the arguments from 2 up to `last`.
fn new_iterator<'h>(call: &mut Call<'_, 'h>, file: usize, last: usize, closes: bool) -> Result<Val<'h>, Throw> {
    if last.saturating_sub(1) > FORMATS_MAX {
        return Err(call.library_error(&LibraryError::argument(FORMATS_MAX + 2, "too many arguments")));
    }
    let mut upvalues = vec![call.argument(file), Value::bool(closes)];
    upvalues.extend((2..=last).map(|number| call.argument(number)));
    new_function(call, NativeFunction::Reentrant(next_line), &upvalues)
}

pub(super) fn lines(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    handle::check_open(call, 1)?;
    let iterator = new_iterator(call, 1, call.count(), false)?;
    call.reply(iterator)
}

pub(super) fn lines_of_name(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let last = native.region().count().max(1);
    native.set_count(last)?;
    if native.region().argument(1).is_nil() {
        return native.allocate(|call| {
            let file = handle::default(call, handle::INPUT)?;
            call.set_argument(1, file);
            handle::check_open(call, 1)?;
            let iterator = new_iterator(call, 1, last, false)?;
            call.reply(iterator)
        });
    }
    open_or_raise(native, 1, last + 1, OpenMode::READ)?;
    native.allocate(|call| {
        let iterator = new_iterator(call, last + 1, last, true)?;
        let file = call.argument(last + 1);
        call.reply_all(&[iterator, Value::nil(), Value::nil(), file])
    })
}

/// The iterator: its arguments are replaced by the file and the formats.
fn next_line(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let mut call = native.region();
    let format_count = call.upvalue_count() + 1 - FIRST_FORMAT;
    let closes = !call.upvalue(CLOSES).is_falsy();
    call.set_count(0)?;
    native.set_count(1 + format_count)?;
    let mut call = native.region();
    for offset in 0..format_count {
        call.set_argument(2 + offset, call.upvalue(FIRST_FORMAT + offset));
    }
    call.set_argument(1, call.upvalue(FILE));
    let Some(id) = handle::cast(call.argument(1)).and_then(handle::id) else {
        return Err(call.error(b"file is already closed"));
    };
    let pieces = match read_formats(native, id, 2)? {
        Ok(pieces) => pieces,
        Err(error) => return Err(native.region().error(error_text(&error).as_bytes())),
    };
    if pieces.first().is_some_and(Option::is_some) {
        return native.allocate(|call| {
            let values = values(call, &pieces)?;
            call.reply_all(&values)
        });
    }
    if closes && let Closed::File(Err(_)) = close_file(native, id) {
        // Reading left nothing that could fail to be written.
    }
    native.region().reply_none()
}
