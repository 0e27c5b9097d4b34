//! Chunks at run time: `load`, `loadfile`, `dofile`.
//!
//! A chunk is compiled outside of the heap, and taken in when it is complete. Linear in its length. When memory runs out meanwhile, `load`
//! and `loadfile` return that message as they return the compiler's. Pieces are not compiled before the last one is there.

use super::Functions;
use crate::chunk;
use crate::native::{Action, Call, NativeFunction, Reply, Throw};
use crate::object::{LuaValue, Table, TableMethods, Type, Val, border, new_table};
use crate::pure::number::number_text;
use crate::vm::load::load_chunk;
use crate::vm::message;
use tenure::prelude::*;

pub(super) const FUNCTIONS: &Functions = &[
    ("dofile", NativeFunction::Region(do_file)),
    ("load", NativeFunction::Region(load)),
    ("loadfile", NativeFunction::Region(load_file)),
];

/// Arguments behind those of `load`, while a function is asked for pieces: the pieces, and whether there was an environment.
const PIECES: usize = 5;
const HAS_ENVIRONMENT: usize = 6;

/// Compiles a chunk and returns its function, or nil and a message.
pub(super) fn compile<'h>(
    call: &mut Call<'_, 'h>,
    bytes: &[u8],
    name: &[u8],
    mode: &[u8],
    environment: Option<Val<'h>>,
) -> Result<Result<Val<'h>, Val<'h>>, Throw> {
    let proto = match chunk::load(bytes, name, mode) {
        Ok(proto) => proto,
        Err(error) => return Ok(Err(call.string(error.message())?)),
    };
    let environment = environment.unwrap_or(call.heap.roots().globals.get().into());
    Ok(Ok(load_chunk(call.heap, &proto, environment)?.into()))
}

fn reply_loaded<'h>(call: &mut Call<'_, 'h>, loaded: Result<Val<'h>, Val<'h>>) -> Result<Reply, Throw> {
    match loaded {
        Ok(function) => call.reply(function),
        Err(message) => call.reply_all(&[Value::nil(), message]),
    }
}

/// Returns the environment given in argument `number`, even if it is nil.
fn environment<'h>(call: &Call<'_, 'h>, number: usize) -> Option<Val<'h>> {
    (call.count() >= number).then(|| call.argument(number))
}

fn load(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    call.optional_bytes(3, b"bt")?;
    if !matches!(call.argument(1).type_of(), Type::String | Type::Number) {
        call.optional_bytes(2, b"")?;
        call.check_type(1, Type::Function)?;
        let pieces = new_table(call.heap, 0, 0).map_err(Throw::of_set)?;
        let has_environment = call.count() >= 4;
        call.set_count(HAS_ENVIRONMENT)?;
        call.set_argument(PIECES, pieces.into());
        call.set_argument(HAS_ENVIRONMENT, Value::bool(has_environment));
        return read_piece(call);
    }
    call.check_bytes(1)?;
    call.optional_bytes(2, b"")?;
    Ok(Reply(Action::GoOn(load_text)))
}

/// Runs the rest of a function, a continuation of it; if that finds no memory, the function returns nil and the message.
fn or_message(call: &mut Call<'_, '_>, rest: fn(&mut Call<'_, '_>) -> Result<Reply, Throw>) -> Result<Reply, Throw> {
    if call.caught {
        return call.reply_all(&[Value::nil(), call.result(1)]);
    }
    call.vm.catch_own();
    let reply = rest(call)?;
    call.vm.pass_own();
    Ok(reply)
}

fn load_text(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    or_message(call, |call| {
        let bytes = call.check_bytes(1)?;
        let name = call.optional_bytes(2, bytes)?;
        let mode = call.optional_bytes(3, b"bt")?;
        let environment = environment(call, 4);
        let loaded = compile(call, bytes, name, mode, environment)?;
        reply_loaded(call, loaded)
    })
}

/// Asks the function for the next piece.
fn read_piece(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (at, count) = call.push_call(call.argument(1), &[])?;
    Ok(Reply(Action::ProtectedCall {
        at,
        count,
        then: take_piece,
        handler: false,
    }))
}

/// Keeps a piece; nothing, or an empty one, is the end.
fn take_piece(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    or_message(call, keep_piece)
}

fn keep_piece(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let piece = call.result(1);
    let piece = match (piece.is_nil(), piece.bytes(), piece.number()) {
        (true, ..) => return load_pieces(call),
        (_, Some(b""), _) => return load_pieces(call),
        (_, Some(_), _) => piece,
        (_, _, Some(number)) => call.string(&number_text(number))?,
        _ => {
            let position = message::position(call.vm, call.heap, 1);
            let message = call.string_of(&[&position, b"reader function must return a string"])?;
            return call.reply_all(&[Value::nil(), message]);
        }
    };
    if let Some(pieces) = call.argument(PIECES).cast::<Table>() {
        pieces
            .set_int(call.heap, border(pieces) + 1, piece)
            .map_err(Throw::of_set)?;
    }
    read_piece(call)
}

fn load_pieces(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let mut bytes = Vec::new();
    if let Some(pieces) = call.argument(PIECES).cast::<Table>() {
        for index in 1..=border(pieces) {
            bytes.extend_from_slice(pieces.get_int(index).bytes().unwrap_or(b""));
        }
    }
    let name = call.optional_bytes(2, b"=(load)")?;
    let mode = call.optional_bytes(3, b"bt")?;
    let has_environment = call.argument(HAS_ENVIRONMENT).as_bool() == Some(true);
    let environment = has_environment.then(|| call.argument(4));
    let loaded = compile(call, &bytes, name, mode, environment)?;
    reply_loaded(call, loaded)
}

/// Compiles the file named by argument 1, or the standard input.
fn compile_file<'h>(
    call: &mut Call<'_, 'h>,
    mode: &[u8],
    environment: Option<Val<'h>>,
) -> Result<Result<Val<'h>, Val<'h>>, Throw> {
    let name = match call.argument(1) {
        nil if nil.is_nil() => None,
        _ => Some(call.check_bytes(1)?),
    };
    match call.vm.services.read_source(name) {
        Ok(bytes) => {
            let chunk_name = name.map_or(b"=stdin".to_vec(), |name| [b"@", name].concat());
            compile(call, &bytes, &chunk_name, mode, environment)
        }
        Err(message) => Ok(Err(call.string(&message)?)),
    }
}

fn load_file(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    if !call.argument(1).is_nil() {
        call.check_bytes(1)?;
    }
    call.optional_bytes(2, b"bt")?;
    Ok(Reply(Action::GoOn(load_named)))
}

fn load_named(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    or_message(call, |call| {
        let mode = call.optional_bytes(2, b"bt")?;
        let environment = environment(call, 3);
        let loaded = compile_file(call, mode, environment)?;
        reply_loaded(call, loaded)
    })
}

fn do_file(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    match compile_file(call, b"bt", None)? {
        Ok(function) => call.call_then(function, &[], |call| call.reply_results()),
        Err(message) => Err(call.throw(message)),
    }
}
