//! Values that stand for files.
//!
//! A userdata of the class [`CLASS`] has the number of its file, or [`CLOSED`]. Each number is in one open userdata, so a file is closed
//! once. Methods called on other values raise errors.

use super::super::text::identity;
use crate::native::{Call, Reply, Throw};
use crate::object::{NoRoom, Objects, Table, TableMethods, Userdata, UserdataFields, UserdataInit, Val, symbol};
use crate::system::FileId;
use tenure::prelude::*;

/// What messages call a file, and the name of the metatable in the registry.
pub(super) const TYPE_NAME: &str = "FILE*";

/// The class of userdata that are files.
const CLASS: u32 = 1;

/// The payload of a closed file.
const CLOSED: u64 = u64::MAX;

/// A default file.
#[derive(Clone, Copy, Debug)]
pub(super) struct DefaultFile {
    /// Its key in the registry.
    pub(super) key: &'static str,
    /// What messages call it.
    name: &'static str,
}

pub(super) const INPUT: DefaultFile = DefaultFile {
    key: "_IO_input",
    name: "input",
};
pub(super) const OUTPUT: DefaultFile = DefaultFile {
    key: "_IO_output",
    name: "output",
};

pub(super) type Handle<'h> = Gc<'h, Userdata>;

/// Makes a value for a file, or for one that is to be opened.
pub(super) fn new_handle<'h>(
    h: &'h Heap<Objects>,
    meta: Option<Gc<'h, Table>>,
    id: Option<FileId>,
) -> Result<Handle<'h>, Throw> {
    let payload = id.map_or(CLOSED, |id| id.number().into());
    let handle = h.try_alloc_tail::<Userdata, _>(
        0,
        UserdataInit {
            meta,
            class: CLASS,
            is_marked: id.is_none(),
            payload,
        },
        |_| Value::nil(),
    );
    let handle = handle.map_err(|_| NoRoom { bytes: 64 })?;
    if id.is_none() {
        // Files that programs open are closed when nobody has them any more; the standard ones stay open.
        h.register_finalizer(handle, 0);
    }
    Ok(handle)
}

/// The metatable of files.
pub(super) fn metatable<'h>(h: &'h Heap<Objects>) -> Result<Option<Gc<'h, Table>>, Throw> {
    let name = symbol(h, TYPE_NAME.as_bytes())?;
    Ok(h.roots()
        .registry
        .get()
        .and_then(|registry| registry.get_str(name).cast::<Table>()))
}

/// The file that a value stands for, if it does and the file is open.
pub(super) fn id(handle: Handle<'_>) -> Option<FileId> {
    u32::try_from(handle.payload.get()).ok().map(FileId::of_number)
}

pub(super) fn set_id(handle: Handle<'_>, id: Option<FileId>) {
    handle.payload.set(id.map_or(CLOSED, |id| id.number().into()));
}

/// A value as a file.
pub(super) fn cast(value: Val<'_>) -> Option<Handle<'_>> {
    value.cast::<Userdata>().filter(|userdata| userdata.class() == CLASS)
}

/// Argument `number`, which must be a file, open or closed.
pub(super) fn check<'h>(call: &mut Call<'_, 'h>, number: usize) -> Result<Handle<'h>, Throw> {
    match cast(call.argument(number)) {
        Some(handle) => Ok(handle),
        None => Err(call.type_error(number, TYPE_NAME)),
    }
}

/// The file that argument `number` stands for, which must be open.
pub(super) fn check_open(call: &mut Call<'_, '_>, number: usize) -> Result<FileId, Throw> {
    match id(check(call, number)?) {
        Some(id) => Ok(id),
        None => Err(call.error(b"attempt to use a closed file")),
    }
}

/// The value of a default file.
pub(super) fn default<'h>(call: &mut Call<'_, 'h>, which: DefaultFile) -> Result<Val<'h>, Throw> {
    let key = symbol(call.heap, which.key.as_bytes())?;
    Ok(call
        .heap
        .roots()
        .registry
        .get()
        .map_or(Value::nil(), |registry| registry.get_str(key)))
}

/// A default file, which must be open.
pub(super) fn default_open(call: &mut Call<'_, '_>, which: DefaultFile) -> Result<FileId, Throw> {
    match cast(default(call, which)?).and_then(id) {
        Some(id) => Ok(id),
        None => Err(call.error(format!("default {} file is closed", which.name).as_bytes())),
    }
}

pub(super) fn set_default<'h>(call: &mut Call<'_, 'h>, which: DefaultFile, handle: Val<'h>) -> Result<(), Throw> {
    match call.heap.roots().registry.get() {
        Some(registry) => super::set_field(call.heap, registry, which.key, handle),
        None => Ok(()),
    }
}

pub(super) fn file_type(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let value = call.check_any(1)?;
    let name: &[u8] = match cast(value).map(id) {
        Some(Some(_)) => b"file",
        Some(None) => b"closed file",
        None => return call.reply(Value::nil()),
    };
    let name = symbol(call.heap, name)?;
    call.reply(name.into())
}

pub(super) fn to_string(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let handle = check(call, 1)?;
    let text = match id(handle) {
        Some(_) => format!("file ({:#016x})", identity(call.heap, handle.into())),
        None => "file (closed)".into(),
    };
    let text = call.string(text.as_bytes())?;
    call.reply(text)
}
