//! `io`, and the methods of its files.
//!
//! Files themselves are in [`crate::system`]; a value of a program is a userdata with the number of one ([`handle`]). Reading, opening
//! and closing run at safepoints, so that nothing is done twice when memory is short. The default input and output stand in the registry.

mod handle;
mod lines;
mod open;
mod position;
mod read;
mod write;

use super::{Functions, new_native, set_field};
use crate::native::{Call, NativeFunction, Reply, Throw};
use crate::object::{Objects, Table, new_table, symbol};
use crate::system::{Ending, Failure, FileId};
use std::io;
use tenure::prelude::*;

pub(super) const FUNCTIONS: &Functions = &[
    ("close", NativeFunction::Reentrant(open::close_default)),
    ("flush", NativeFunction::Reentrant(position::flush_default)),
    ("input", NativeFunction::Reentrant(open::input)),
    ("lines", NativeFunction::Reentrant(lines::lines_of_name)),
    ("open", NativeFunction::Reentrant(open::open)),
    ("output", NativeFunction::Reentrant(open::output)),
    ("popen", NativeFunction::Reentrant(open::popen)),
    ("read", NativeFunction::Reentrant(read::read_default)),
    ("tmpfile", NativeFunction::Reentrant(open::tmpfile)),
    ("type", NativeFunction::Region(handle::file_type)),
    (
        "write",
        NativeFunction::Both(write::write_default, write::write_default_at_safepoint),
    ),
];

const METHODS: &Functions = &[
    ("close", NativeFunction::Reentrant(open::close)),
    ("flush", NativeFunction::Reentrant(position::flush)),
    ("lines", NativeFunction::Region(lines::lines)),
    ("read", NativeFunction::Reentrant(read::read)),
    ("seek", NativeFunction::Reentrant(position::seek)),
    ("setvbuf", NativeFunction::Reentrant(position::setvbuf)),
    ("write", NativeFunction::Both(write::write, write::write_at_safepoint)),
];

const METAMETHODS: &Functions = &[
    ("__close", NativeFunction::Reentrant(open::close_if_open)),
    ("__gc", NativeFunction::Reentrant(open::close_if_open)),
    ("__tostring", NativeFunction::Region(handle::to_string)),
];

/// Makes the metatable of files, and the standard files.
pub(super) fn open<'h>(h: &'h Heap<Objects>, library: Gc<'h, Table>) -> Result<(), Throw> {
    let meta = new_table(h, 0, METAMETHODS.len() + 2).map_err(Throw::of_set)?;
    let methods = new_table(h, 0, METHODS.len()).map_err(Throw::of_set)?;
    super::set_functions(h, meta, METAMETHODS)?;
    super::set_functions(h, methods, METHODS)?;
    set_field(h, meta, "__index", methods.into())?;
    set_field(h, meta, "__name", symbol(h, handle::TYPE_NAME.as_bytes())?.into())?;
    let registry = h.roots().registry.get();
    let standard = [
        (FileId::INPUT, "stdin", Some(handle::INPUT)),
        (FileId::OUTPUT, "stdout", Some(handle::OUTPUT)),
        (FileId::ERROR, "stderr", None),
    ];
    if let Some(registry) = registry {
        set_field(h, registry, handle::TYPE_NAME, meta.into())?;
    }
    for (id, name, default) in standard {
        let file = handle::new_handle(h, Some(meta), Some(id))?;
        set_field(h, library, name, file.into())?;
        if let (Some(registry), Some(default)) = (registry, default) {
            set_field(h, registry, default.key, file.into())?;
        }
    }
    Ok(())
}

/// Returns true, or nil with the message and the number of an error.
pub(super) fn reply_outcome(
    call: &mut Call<'_, '_>,
    outcome: &Result<(), &io::Error>,
    name: Option<&[u8]>,
) -> Result<Reply, Throw> {
    match outcome {
        Ok(()) => call.reply(Value::bool(true)),
        Err(error) => {
            let failure = Failure::of(error, name);
            let message = call.string(&failure.message)?;
            call.reply_all(&[Value::nil(), message, Value::int(failure.code.into())])
        }
    }
}

/// Returns how a command ended: true or nil, in which way, and with which number.
pub(super) fn reply_ending(call: &mut Call<'_, '_>, ending: Ending) -> Result<Reply, Throw> {
    let success = if ending.is_success() {
        Value::bool(true)
    } else {
        Value::nil()
    };
    let (kind, number) = ending.describe();
    let kind = call.string(kind.as_bytes())?;
    call.reply_all(&[success, kind, Value::int(number.into())])
}

/// Makes an iterator or another function with values of its own.
fn new_function<'h>(
    call: &Call<'_, 'h>,
    function: NativeFunction,
    upvalues: &[crate::object::Val<'h>],
) -> Result<crate::object::Val<'h>, Throw> {
    new_native(call.heap, function, upvalues)
}
