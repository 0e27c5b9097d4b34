//! Reading: `io.read` and `file:read`, by formats.
//!
//! Everything is read before values are made of it.

use super::super::OrThrow;
use super::super::os::flush_output;
use super::{handle, reply_outcome};
use crate::native::{Call, Reentrant, Reply, Throw};
use crate::object::{LuaValue, Val};
use crate::pure::LibraryError;
use crate::pure::number::Number;
use crate::system::{FileId, LuaFile};
use std::io;
use tenure::prelude::*;

/// What is to be read.
#[derive(Clone, Copy, Debug)]
enum Format {
    Number,
    Line { keep_end: bool },
    All,
    Bytes(usize),
}

/// What was read.
enum Piece {
    Number(Number),
    Bytes(Vec<u8>),
}

impl Format {
    /// The format that argument `number` is.
    fn check(call: &mut Call<'_, '_>, number: usize) -> Result<Self, Throw> {
        if call.argument(number).number().is_some() {
            let count = call.check_integer(number)?;
            return match usize::try_from(count) {
                Ok(count) => Ok(Self::Bytes(count)),
                Err(_) => Err(LibraryError::not_enough_memory()).or_throw(call),
            };
        }
        let format = call.check_bytes(number)?;
        // An asterisk stood before formats once.
        match format.strip_prefix(b"*").unwrap_or(format).first() {
            Some(b'n') => Ok(Self::Number),
            Some(b'l') => Ok(Self::Line { keep_end: false }),
            Some(b'L') => Ok(Self::Line { keep_end: true }),
            Some(b'a') => Ok(Self::All),
            _ => Err(call.argument_error(number, "invalid format")),
        }
    }

    fn read(self, file: &mut LuaFile) -> io::Result<Option<Piece>> {
        Ok(match self {
            Self::Number => file.read_number()?.map(Piece::Number),
            Self::Line { keep_end } => file.read_line(keep_end)?.map(Piece::Bytes),
            Self::All => Some(Piece::Bytes(file.read_all()?)),
            Self::Bytes(0) => (!file.is_at_end()?).then_some(Piece::Bytes(Vec::new())),
            Self::Bytes(count) => file.read_bytes(count)?.map(Piece::Bytes),
        })
    }
}

/// What reading came to: pieces, the last of which is missing where the file ended or held something else; or an error.
pub(super) type Outcome = io::Result<Vec<Option<PieceValue>>>;

/// A piece, ready to become a value.
pub(super) struct PieceValue(Piece);

/// Reads by the formats in the arguments from `first` on; a line if there are none.
pub(super) fn read_formats(native: &mut Reentrant<'_>, id: FileId, first: usize) -> Result<Outcome, Throw> {
    if id == FileId::INPUT {
        flush_output(native);
    }
    let last = native.region().count();
    let mut pieces = Vec::new();
    let mut number = first;
    loop {
        let format = if number <= last {
            native.allocate(|call| Format::check(call, number))?
        } else if pieces.is_empty() {
            Format::Line { keep_end: false }
        } else {
            break;
        };
        let Some(file) = native.services().files.get(id) else {
            break;
        };
        match format.read(file) {
            Ok(piece) => pieces.push(piece.map(PieceValue)),
            Err(error) => return Ok(Err(error)),
        }
        if pieces.last().is_none_or(Option::is_none) {
            break;
        }
        number += 1;
    }
    Ok(Ok(pieces))
}

/// Makes the values of what was read.
pub(super) fn values<'h>(call: &Call<'_, 'h>, pieces: &[Option<PieceValue>]) -> Result<Vec<Val<'h>>, Throw> {
    let value = |piece: &Option<PieceValue>| match piece {
        Some(PieceValue(Piece::Number(number))) => call.number(*number),
        Some(PieceValue(Piece::Bytes(bytes))) => call.string(bytes),
        None => Ok(Value::nil()),
    };
    pieces.iter().map(value).collect()
}

fn read_and_reply(native: &mut Reentrant<'_>, id: FileId, first: usize) -> Result<Reply, Throw> {
    let outcome = read_formats(native, id, first)?;
    native.allocate(|call| match &outcome {
        Ok(pieces) => {
            let values = values(call, pieces)?;
            call.reply_all(&values)
        }
        Err(error) => reply_outcome(call, &Err(error), None),
    })
}

pub(super) fn read(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let id = handle::check_open(&mut native.region(), 1)?;
    read_and_reply(native, id, 2)
}

pub(super) fn read_default(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let id = native.allocate(|call| handle::default_open(call, handle::INPUT))?;
    read_and_reply(native, id, 1)
}
