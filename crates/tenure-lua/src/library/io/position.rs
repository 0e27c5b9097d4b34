//! Positions and buffers: `file:seek`, `file:setvbuf`, `file:flush`, `io.flush`.
//!
//! Constant work, but for the output that is written first.

use super::{handle, reply_outcome};
use crate::native::{Reentrant, Reply, Throw};
use crate::system::{Buffering, FileId, LuaFile, Whence};
use std::io;

/// Does something with a file. One that was closed in between does nothing.
fn with_file<R: Default>(
    native: &mut Reentrant<'_>,
    id: FileId,
    f: impl FnOnce(&mut LuaFile) -> io::Result<R>,
) -> io::Result<R> {
    native.services().files.get(id).map_or_else(|| Ok(R::default()), f)
}

fn reply(native: &mut Reentrant<'_>, outcome: &io::Result<()>) -> Result<Reply, Throw> {
    native.allocate(|call| reply_outcome(call, &outcome.as_ref().map(|&()| ()), None))
}

pub(super) fn seek(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    const WHENCES: [Whence; 3] = [Whence::Set, Whence::Current, Whence::End];
    let (id, whence, offset) = native.allocate(|call| {
        let id = handle::check_open(call, 1)?;
        let whence = call.check_option(2, Some("cur"), &["set", "cur", "end"])?;
        Ok((id, WHENCES[whence], call.optional_integer(3, 0)?))
    })?;
    let position = with_file(native, id, |file| file.seek(whence, offset));
    native.allocate(|call| match &position {
        Ok(position) => {
            let position = call.integer(*position)?;
            call.reply(position)
        }
        Err(error) => reply_outcome(call, &Err(error), None),
    })
}

pub(super) fn setvbuf(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    const MODES: [Buffering; 3] = [Buffering::No, Buffering::Full, Buffering::Line];
    let (id, mode) = native.allocate(|call| {
        let id = handle::check_open(call, 1)?;
        let mode = call.check_option(2, None, &["no", "full", "line"])?;
        // The size is for C's library to heed or not, and buffers have a size of their own here.
        call.optional_integer(3, 0)?;
        Ok((id, MODES[mode]))
    })?;
    let outcome = with_file(native, id, |file| file.set_buffering(mode));
    reply(native, &outcome)
}

pub(super) fn flush(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let id = handle::check_open(&mut native.region(), 1)?;
    let outcome = with_file(native, id, LuaFile::flush);
    reply(native, &outcome)
}

pub(super) fn flush_default(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let id = native.allocate(|call| handle::default_open(call, handle::OUTPUT))?;
    let outcome = with_file(native, id, LuaFile::flush);
    reply(native, &outcome)
}
