//! The standard libraries.
//!
//! Each file is one library: a list of names and native functions. What the functions compute is in [`crate::pure`] as far as it needs no
//! values.

mod base;
mod collect;
mod coroutine;
mod debug;
mod io;
mod load;
mod math;
mod os;
mod package;
mod protected;
mod sort;
mod string;
mod table;
mod text;
mod utf8;

pub(crate) use protected::xpcall;
pub(crate) use text::{display_text, to_string};

use crate::native::{Call, NativeFunction, Throw};
use crate::object::{Native, NativeInit, NoRoom, Objects, Table, TableMethods, Val, new_table, symbol};
use crate::pure::LibraryError;
use crate::vm::message;
use tenure::prelude::*;

/// A library: names and functions.
type Functions = [(&'static str, NativeFunction)];

/// Raises what an algorithm refuses.
trait OrThrow<T> {
    /// The result, or the error of the running function.
    fn or_throw(self, call: &mut Call<'_, '_>) -> Result<T, Throw>;
}

impl<T, E: Into<LibraryError>> OrThrow<T> for Result<T, E> {
    #[inline(always)]
    fn or_throw(self, call: &mut Call<'_, '_>) -> Result<T, Throw> {
        self.map_err(|error| match error.into() {
            error if error == LibraryError::not_enough_memory() => message::not_enough_memory(call.heap),
            error => call.library_error(&error),
        })
    }
}

/// Makes a native function.
pub(crate) fn new_native<'h>(
    h: &'h Heap<Objects>,
    function: NativeFunction,
    upvalues: &[Val<'h>],
) -> Result<Val<'h>, Throw> {
    let native = h.try_alloc_tail::<Native, _>(upvalues.len(), NativeInit { function }, |i| upvalues[i]);
    match native {
        Ok(native) => Ok(native.into()),
        Err(_) => Err(NoRoom {
            bytes: 32 + 8 * upvalues.len(),
        }
        .into()),
    }
}

/// Assigns a field of a table of a library.
pub(crate) fn set_field<'h>(
    h: &'h Heap<Objects>,
    table: Gc<'h, Table>,
    name: &str,
    value: Val<'h>,
) -> Result<(), Throw> {
    let name = symbol(h, name.as_bytes())?;
    table.set_str(h, name, value).map_err(Throw::of_set)
}

fn set_functions<'h>(h: &'h Heap<Objects>, table: Gc<'h, Table>, functions: &Functions) -> Result<(), Throw> {
    for (name, function) in functions {
        set_field(h, table, name, new_native(h, *function, &[])?)?;
    }
    Ok(())
}

/// Makes the global table with all libraries. When memory is short, it is made again from the beginning.
pub(crate) fn open(call: &mut Call<'_, '_>) -> Result<(), Throw> {
    let h = call.heap();
    let globals = new_table(h, 0, 64).map_err(Throw::of_set)?;
    let registry = new_table(h, 0, 8).map_err(Throw::of_set)?;
    let loaded = new_table(h, 0, 16).map_err(Throw::of_set)?;
    set_field(h, registry, "_LOADED", loaded.into())?;
    h.roots().registry.set(Some(registry));
    set_functions(h, globals, base::FUNCTIONS)?;
    set_functions(h, globals, collect::FUNCTIONS)?;
    set_functions(h, globals, load::FUNCTIONS)?;
    set_functions(h, globals, protected::FUNCTIONS)?;
    set_functions(h, globals, text::FUNCTIONS)?;
    base::open(h, globals)?;
    set_field(h, loaded, "_G", globals.into())?;
    let libraries: [(&str, &Functions); 8] = [
        ("coroutine", coroutine::FUNCTIONS),
        ("debug", debug::FUNCTIONS),
        ("table", table::FUNCTIONS),
        ("io", io::FUNCTIONS),
        ("math", math::FUNCTIONS),
        ("os", os::FUNCTIONS),
        ("string", string::FUNCTIONS),
        ("utf8", utf8::FUNCTIONS),
    ];
    for (name, functions) in libraries {
        let library = new_table(h, 0, functions.len()).map_err(Throw::of_set)?;
        set_functions(h, library, functions)?;
        match name {
            "io" => io::open(h, library)?,
            "math" => math::open(h, library)?,
            "string" => string::open(h, library)?,
            "utf8" => utf8::open(h, library)?,
            _ => {}
        }
        set_field(h, globals, name, library.into())?;
        set_field(h, loaded, name, library.into())?;
    }
    package::open(call, globals, loaded)?;
    h.roots().globals.set(Some(globals));
    Ok(())
}
