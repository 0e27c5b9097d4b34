//! `string`.
//!
//! The algorithms are in [`crate::pure`]; here are arguments and results, and the calls of Lua in between that `gsub` and `format` make.
//! All strings share a metatable, whose `__index` is the library and whose arithmetic converts numerals. Bitwise operations do not.

mod arithmetic;
mod basic;
mod dump;
mod format;
mod matching;
mod pack;
mod substitution;

pub(super) use basic::reserve_results;

use super::{Functions, new_native, set_field};
use crate::native::{NativeFunction, Throw};
use crate::object::{Objects, Table, new_table};
use tenure::prelude::*;

pub(super) const FUNCTIONS: &Functions = &[
    ("byte", NativeFunction::Region(basic::byte)),
    ("char", NativeFunction::Region(basic::char)),
    ("dump", NativeFunction::Region(dump::dump)),
    ("find", NativeFunction::Region(matching::find)),
    (
        "format",
        NativeFunction::Both(format::format, format::format_with_calls),
    ),
    ("gmatch", NativeFunction::Region(matching::gmatch)),
    (
        "gsub",
        NativeFunction::Both(substitution::gsub, substitution::gsub_with_calls),
    ),
    ("len", NativeFunction::Region(basic::len)),
    ("lower", NativeFunction::Region(basic::lower)),
    ("match", NativeFunction::Region(matching::first_match)),
    ("pack", NativeFunction::Region(pack::pack)),
    ("packsize", NativeFunction::Region(pack::packsize)),
    ("rep", NativeFunction::Region(basic::rep)),
    ("reverse", NativeFunction::Region(basic::reverse)),
    ("sub", NativeFunction::Region(basic::sub)),
    ("unpack", NativeFunction::Region(pack::unpack)),
    ("upper", NativeFunction::Region(basic::upper)),
];

/// Gives strings their metatable.
pub(super) fn open<'h>(h: &'h Heap<Objects>, library: Gc<'h, Table>) -> Result<(), Throw> {
    let meta = new_table(h, 0, arithmetic::METAMETHODS.len() + 1).map_err(Throw::of_set)?;
    set_field(h, meta, "__index", library.into())?;
    for (event, function) in arithmetic::METAMETHODS {
        set_field(h, meta, event.name(), new_native(h, *function, &[])?)?;
    }
    h.roots().string_meta.set(Some(meta));
    Ok(())
}
