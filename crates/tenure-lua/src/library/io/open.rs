//! Opening and closing: `open`, `popen`, `tmpfile`, `input`, `output`, `close`.
//!
//! A value for the file is made before the file is opened, and gets its number afterwards, which needs no memory.

use super::handle::{self, DefaultFile};
use super::{reply_ending, reply_outcome};
use crate::native::{Call, Reentrant, Reply, Throw};
use crate::object::LuaValue;
use crate::system::{Ending, FileId, LuaFile, OpenMode, error_text};
use std::io;
use tenure::prelude::*;

/// Puts a value for a file that is to be opened into argument `number`, behind all others.
fn prepare(native: &mut Reentrant<'_>, number: usize) -> Result<(), Throw> {
    native.set_count(number)?;
    native.allocate(|call| {
        let meta = handle::metatable(call.heap)?;
        let handle = handle::new_handle(call.heap, meta, None)?;
        call.set_argument(number, handle.into());
        Ok(())
    })
}

/// Opens a file. When the process has no more descriptors, those of files that nobody has any more are closed first.
fn with_collection(native: &mut Reentrant<'_>, open: impl Fn() -> io::Result<LuaFile>) -> io::Result<LuaFile> {
    /// `EMFILE` and `ENFILE`, the same numbers wherever there are such.
    const TOO_MANY_OPEN: [i32; 2] = [24, 23];
    match open() {
        Err(error) if error.raw_os_error().is_some_and(|code| TOO_MANY_OPEN.contains(&code)) => {
            native.vm.collect(native.heap);
            open()
        }
        result => result,
    }
}

/// Gives the value in argument `number` its file.
fn attach(native: &mut Reentrant<'_>, number: usize, file: LuaFile) {
    let id = native.services().files.add(file);
    let call = native.region();
    if let Some(handle) = handle::cast(call.argument(number)) {
        handle::set_id(handle, Some(id));
    }
}

/// Returns a file that was opened, or the error.
fn reply_opened(native: &mut Reentrant<'_>, file: io::Result<LuaFile>, name: Option<&[u8]>) -> Result<Reply, Throw> {
    const HANDLE: usize = 3;
    match file {
        Ok(file) => {
            attach(native, HANDLE, file);
            let mut call = native.region();
            let handle = call.argument(HANDLE);
            call.reply(handle)
        }
        Err(error) => native.allocate(|call| reply_outcome(call, &Err(&error), name)),
    }
}

/// Name and mode, the mode being `r` if there is none.
fn name_and_mode(native: &mut Reentrant<'_>) -> Result<(Vec<u8>, Vec<u8>), Throw> {
    let names = native.allocate(|call| Ok((call.check_bytes(1)?.to_vec(), call.optional_bytes(2, b"r")?.to_vec())))?;
    native.set_count(2)?;
    prepare(native, 3)?;
    Ok(names)
}

pub(super) fn open(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let (name, mode) = name_and_mode(native)?;
    let Some(mode) = OpenMode::parse(&mode) else {
        return Err(native.region().argument_error(2, "invalid mode"));
    };
    let file = with_collection(native, || LuaFile::open(&name, mode));
    reply_opened(native, file, Some(&name))
}

pub(super) fn popen(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let (command, mode) = name_and_mode(native)?;
    let for_writing = match &mode[..] {
        b"r" => false,
        b"w" => true,
        _ => return Err(native.region().argument_error(2, "invalid mode")),
    };
    // What was written comes before what the command writes.
    let _ = native.services().files.flush_all();
    let file = with_collection(native, || LuaFile::pipe(&command, for_writing));
    reply_opened(native, file, Some(&command))
}

pub(super) fn tmpfile(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    native.set_count(2)?;
    prepare(native, 3)?;
    let file = with_collection(native, LuaFile::temporary);
    reply_opened(native, file, None)
}

/// Opens the file that argument `name` names, and puts it into argument `into`, behind all others.
pub(super) fn open_or_raise(native: &mut Reentrant<'_>, name: usize, into: usize, mode: OpenMode) -> Result<(), Throw> {
    let name = native.allocate(|call| call.check_bytes(name).map(<[u8]>::to_vec))?;
    prepare(native, into)?;
    match with_collection(native, || LuaFile::open(&name, mode)) {
        Ok(file) => {
            attach(native, into, file);
            Ok(())
        }
        Err(error) => {
            let message = [
                b"cannot open file '",
                &name[..],
                b"' (",
                error_text(&error).as_bytes(),
                b")",
            ]
            .concat();
            Err(native.region().error(&message))
        }
    }
}

pub(super) fn input(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    default_file(native, handle::INPUT, OpenMode::READ)
}

pub(super) fn output(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    default_file(native, handle::OUTPUT, OpenMode::WRITE)
}

/// Sets a default file if there is an argument, and returns it.
fn default_file(native: &mut Reentrant<'_>, which: DefaultFile, mode: OpenMode) -> Result<Reply, Throw> {
    let mut call = native.region();
    let value = call.argument(1);
    if !value.is_nil() {
        let mut from = 1;
        if value.bytes().is_some() || value.number().is_some() {
            native.set_count(1)?;
            open_or_raise(native, 1, 2, mode)?;
            from = 2;
        } else {
            handle::check_open(&mut call, 1)?;
        }
        native.allocate(|call| {
            let handle = call.argument(from);
            handle::set_default(call, which, handle)
        })?;
    }
    native.allocate(|call| {
        let handle = handle::default(call, which)?;
        call.reply(handle)
    })
}

pub(super) fn close_default(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    if native.region().count() == 0 {
        native.set_count(1)?;
        native.allocate(|call| {
            let handle = handle::default(call, handle::OUTPUT)?;
            call.set_argument(1, handle);
            Ok(())
        })?;
    }
    close(native)
}

pub(super) fn close(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let id = handle::check_open(&mut native.region(), 1)?;
    match close_file(native, id) {
        Closed::Standard => native.allocate(|call| {
            let message = call.string(b"cannot close standard file")?;
            call.reply_all(&[Value::nil(), message])
        }),
        Closed::Pipe(ending) => native.allocate(|call| reply_ending(call, ending)),
        Closed::File(outcome) => native.allocate(|call| reply_outcome(call, &outcome.as_ref().map(|&()| ()), None)),
    }
}

/// `__close` and `__gc`: a file that is closed already is none to be closed.
pub(super) fn close_if_open(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let mut call = native.region();
    if let Some(id) = handle::id(handle::check(&mut call, 1)?) {
        close_file(native, id);
    }
    native.region().reply_none()
}

/// What became of a file that was to be closed.
pub(super) enum Closed {
    /// Standard files stay open.
    Standard,
    Pipe(Ending),
    File(io::Result<()>),
}

/// Closes the open file of argument 1.
pub(super) fn close_file(native: &mut Reentrant<'_>, id: FileId) -> Closed {
    if [FileId::INPUT, FileId::OUTPUT, FileId::ERROR].contains(&id) {
        return Closed::Standard;
    }
    let call: Call<'_, '_> = native.region();
    if let Some(handle) = handle::cast(call.argument(1)) {
        handle::set_id(handle, None);
    }
    match native.services().files.take(id).map(LuaFile::close) {
        Some(Ok(Some(ending))) => Closed::Pipe(ending),
        Some(Err(error)) => Closed::File(Err(error)),
        Some(Ok(None)) | None => Closed::File(Ok(())),
    }
}
