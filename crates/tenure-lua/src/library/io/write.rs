//! Writing: `io.write` and `file:write`.
//!
//! Strings and numbers are written in one region; what is neither raises an error after what stands before it was written, which is done
//! at a safepoint, so that nothing is written twice when there is no memory for the message.

use super::super::OrThrow;
use super::{handle, reply_outcome};
use crate::native::{Call, Reentrant, Reply, Throw};
use crate::object::{LuaValue, Val};
use crate::pure::LibraryError;
use crate::pure::number::{Number, NumberText, float_text_g14, integer_text};
use crate::system::FileId;
use std::io;

/// Calls `f` with the text of a string or number; returns whether the value is one.
fn with_text(value: Val<'_>, f: impl FnOnce(&[u8])) -> bool {
    let text: NumberText = match (value.bytes(), value.number()) {
        (Some(bytes), _) => {
            f(bytes);
            return true;
        }
        // Without the ".0" of floats that look like integers.
        (None, Some(Number::Float(float))) => float_text_g14(float),
        (None, Some(Number::Integer(int))) => integer_text(int),
        (None, None) => return false,
    };
    f(&text);
    true
}

/// Writes the arguments from `first` on, up to one that is no text; returns its number, if there is one.
fn write_arguments(call: &mut Call<'_, '_>, id: FileId, first: usize) -> (io::Result<()>, Option<usize>) {
    let mut outcome = Ok(());
    for number in first..=call.count() {
        let value = call.argument(number);
        let services = &mut call.vm.services;
        let is_text = with_text(value, |text| {
            let written = services.write(id, text);
            if outcome.is_ok() {
                outcome = written;
            }
        });
        if !is_text {
            return (outcome, Some(number));
        }
    }
    (outcome, None)
}

/// Writes and returns the file, which `handle` gives.
fn write_and_reply<'h>(
    call: &mut Call<'_, 'h>,
    id: FileId,
    first: usize,
    handle: impl Fn(&mut Call<'_, 'h>) -> Result<Val<'h>, Throw>,
) -> Result<Reply, Throw> {
    let are_texts = (first..=call.count()).all(|number| with_text(call.argument(number), |_| ()));
    if !are_texts {
        return Ok(Reply::reentrant());
    }
    let handle = handle(call)?;
    match write_arguments(call, id, first).0 {
        Ok(()) => call.reply(handle),
        Err(error) => reply_outcome(call, &Err(&error), None),
    }
}

pub(super) fn write(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let id = handle::check_open(call, 1)?;
    write_and_reply(call, id, 2, |call| Ok(call.argument(1)))
}

pub(super) fn write_default(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let id = handle::default_open(call, handle::OUTPUT)?;
    write_and_reply(call, id, 1, |call| handle::default(call, handle::OUTPUT))
}

pub(super) fn write_at_safepoint(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let id = handle::check_open(&mut native.region(), 1)?;
    write_and_raise(native, id, 2)
}

pub(super) fn write_default_at_safepoint(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let id = native.allocate(|call| handle::default_open(call, handle::OUTPUT))?;
    write_and_raise(native, id, 1)
}

/// Writes up to the argument that is no text, and raises an error about it.
fn write_and_raise(native: &mut Reentrant<'_>, id: FileId, first: usize) -> Result<Reply, Throw> {
    let (_, wrong) = write_arguments(&mut native.region(), id, first);
    native.allocate(|call| match wrong {
        Some(number) => Err(call.type_error(number, "string")),
        None => Err(LibraryError::new("nothing to write")).or_throw(call),
    })
}
