//! `require` and `package`: modules.
//!
//! A module's loader is looked for by each searcher in turn, runs once, and what it returns is kept in `package.loaded`. There are no
//! dynamic libraries: a module in C that is found is refused, as the reference implementation does on systems that have none.

use super::load::compile;
use super::{Functions, new_native, set_field, set_functions};
use crate::native::{Call, NativeFunction, Reentrant, Reply, Throw};
use crate::object::{LuaValue, Table, TableMethods, Type, Val, new_table, symbol};
use crate::system::search_path;
use tenure::prelude::*;

const FUNCTIONS: &Functions = &[
    ("loadlib", NativeFunction::Region(load_library)),
    ("searchpath", NativeFunction::Region(search_path_of)),
];

/// In order; each has the table `package` as its value.
const SEARCHERS: [NativeFunction; 4] = [
    NativeFunction::Reentrant(search_preload),
    NativeFunction::Region(search_lua),
    NativeFunction::Region(search_c),
    NativeFunction::Region(search_c_root),
];

/// Between folders, between templates, the mark, the executable's folder (not used), and the mark after which a name is ignored.
const CONFIG: &[u8] = b"/\n;\n?\n!\n-\n";
const NO_LIBRARIES: &[u8] = b"dynamic libraries not enabled; check your Lua installation";
/// Where the registry keeps `package.preload`.
const PRELOAD: &str = "_PRELOAD";

/// Makes the library, and `require`.
pub(super) fn open<'h>(call: &mut Call<'_, 'h>, globals: Gc<'h, Table>, loaded: Gc<'h, Table>) -> Result<(), Throw> {
    let h = call.heap();
    let package = new_table(h, 0, 8).map_err(Throw::of_set)?;
    let preload = new_table(h, 0, 0).map_err(Throw::of_set)?;
    let searchers = new_table(h, SEARCHERS.len(), 0).map_err(Throw::of_set)?;
    set_functions(h, package, FUNCTIONS)?;
    for (index, function) in (1..).zip(SEARCHERS) {
        let function = new_native(h, function, &[package.into()])?;
        searchers.set_int(h, index, function).map_err(Throw::of_set)?;
    }
    let paths = &call.vm.services.module_paths;
    let fields = [
        ("path", call.string(&paths.path)?),
        ("cpath", call.string(&paths.c_path)?),
        ("config", call.string(CONFIG)?),
        ("preload", preload.into()),
        ("searchers", searchers.into()),
        ("loaded", loaded.into()),
    ];
    for (name, value) in fields {
        set_field(h, package, name, value)?;
    }
    if let Some(registry) = h.roots().registry.get() {
        set_field(h, registry, PRELOAD, preload.into())?;
    }
    let require = new_native(h, NativeFunction::Reentrant(require), &[package.into()])?;
    set_field(h, globals, "require", require)?;
    set_field(h, globals, "package", package.into())?;
    set_field(h, loaded, "package", package.into())
}

/// Returns a field of the table `package`, which every function here has as its value.
fn package_field<'h>(call: &Call<'_, 'h>, name: &str) -> Result<Val<'h>, Throw> {
    let name = symbol(call.heap, name.as_bytes())?;
    Ok(call
        .upvalue(1)
        .cast::<Table>()
        .map_or(Value::nil(), |package| package.get_str(name)))
}

fn registry_field<'h>(call: &Call<'_, 'h>, name: &str) -> Result<Val<'h>, Throw> {
    let name = symbol(call.heap, name.as_bytes())?;
    let registry = call.heap.roots().registry.get();
    Ok(registry.map_or(Value::nil(), |registry| registry.get_str(name)))
}

// ---- Requiring.

/// Arguments of `require`, and values that it keeps behind.
const NAME: usize = 1;
const LOADED: usize = 2;
const LIST: usize = 3;
const LOADER: usize = 4;
const DATA: usize = 5;
const RESULT: usize = 6;

fn require(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    native.allocate(|call| call.check_bytes(NAME).map(|_| ()))?;
    native.set_count(RESULT)?;
    native.allocate(|call| {
        let loaded = registry_field(call, "_LOADED")?;
        call.set_argument(LOADED, loaded);
        Ok(())
    })?;
    native.get_named(LOADED, NAME, RESULT)?;
    let mut call = native.region();
    let known = call.argument(RESULT);
    if !known.is_falsy() {
        return call.reply(known);
    }
    find_loader(native)?;
    native.call(
        |call| call.push_call(call.argument(LOADER), &[call.argument(NAME), call.argument(DATA)]),
        |call| {
            let result = call.result(1);
            call.set_argument(RESULT, result);
        },
    )?;
    if !native.region().argument(RESULT).is_nil() {
        native.set_named(LOADED, NAME, RESULT)?;
    }
    native.get_named(LOADED, NAME, RESULT)?;
    if native.region().argument(RESULT).is_nil() {
        native.region().set_argument(RESULT, Value::bool(true));
        native.set_named(LOADED, NAME, RESULT)?;
    }
    let mut call = native.region();
    let results = [call.argument(RESULT), call.argument(DATA)];
    call.reply_all(&results)
}

/// Asks the searchers for a loader, and puts it and what it is to be told into their arguments.
fn find_loader(native: &mut Reentrant<'_>) -> Result<(), Throw> {
    native.allocate(|call| {
        let list = package_field(call, "searchers")?;
        if !list.is::<Table>() {
            return Err(call.error(b"'package.searchers' must be a table"));
        }
        call.set_argument(LIST, list);
        Ok(())
    })?;
    let mut tried = Vec::new();
    for number in 1.. {
        let call = native.region();
        let list = call.argument(LIST).cast::<Table>();
        let searcher = list.map_or(Value::nil(), |list| list.get_int(number));
        if searcher.is_nil() {
            break;
        }
        let message = native.call(
            |call| call.push_call(searcher_of(call, number), &[call.argument(NAME)]),
            |call| {
                let (loader, data) = (call.result(1), call.result(2));
                call.set_argument(LOADER, loader);
                call.set_argument(DATA, data);
                match loader.type_of() {
                    Type::String | Type::Number => Some(super::display_text(call.heap, loader).into_owned()),
                    _ => None,
                }
            },
        )?;
        if native.region().argument(LOADER).is_function() {
            return Ok(());
        }
        if let Some(message) = message {
            tried.extend_from_slice(b"\n\t");
            tried.extend_from_slice(&message);
        }
    }
    native.allocate(|call| {
        let name = call.check_bytes(NAME)?;
        Err(call.error(&[b"module '", name, b"' not found:", &tried].concat()))
    })
}

fn searcher_of<'h>(call: &Call<'_, 'h>, number: i64) -> Val<'h> {
    let list = call.argument(LIST).cast::<Table>();
    list.map_or(Value::nil(), |list| list.get_int(number))
}

// ---- Searchers.

fn search_preload(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    const PRELOADED: usize = 2;
    const FOUND: usize = 3;
    native.allocate(|call| call.check_bytes(NAME).map(|_| ()))?;
    native.set_count(FOUND)?;
    native.allocate(|call| {
        let preloaded = registry_field(call, PRELOAD)?;
        call.set_argument(PRELOADED, preloaded);
        Ok(())
    })?;
    native.get_named(PRELOADED, NAME, FOUND)?;
    native.allocate(|call| {
        let found = call.argument(FOUND);
        if found.is_nil() {
            let name = call.check_bytes(NAME)?;
            let message = call.string_of(&[b"no field package.preload['", name, b"']"])?;
            return call.reply(message);
        }
        let data = call.string(b":preload:")?;
        call.reply_all(&[found, data])
    })
}

/// Looks for a file of a module along a path; the message says which there are not.
fn find_file(call: &mut Call<'_, '_>, name: &[u8], field: &str) -> Result<Result<Vec<u8>, Vec<u8>>, Throw> {
    match package_field(call, field)?.bytes() {
        Some(path) => Ok(search_path(name, path, b".", b"/")),
        None => Err(call.error(format!("'package.{field}' must be a string").as_bytes())),
    }
}

fn loading_error(call: &mut Call<'_, '_>, name: &[u8], file: &[u8], why: &[u8]) -> Throw {
    let text = [b"error loading module '", name, b"' from file '", file, b"':\n\t", why].concat();
    call.error(&text)
}

fn search_lua(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let name = call.check_bytes(NAME)?;
    let file = match find_file(call, name, "path")? {
        Ok(file) => file,
        Err(message) => {
            let message = call.string(&message)?;
            return call.reply(message);
        }
    };
    let source = match call.vm.services.read_source(Some(&file)) {
        Ok(source) => source,
        Err(message) => return Err(loading_error(call, name, &file, &message)),
    };
    match compile(call, &source, &[b"@", &file[..]].concat(), b"bt", None)? {
        Ok(loader) => {
            let data = call.string(&file)?;
            call.reply_all(&[loader, data])
        }
        Err(message) => Err(loading_error(call, name, &file, message.bytes().unwrap_or(b""))),
    }
}

fn search_c(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let name = call.check_bytes(NAME)?;
    refuse_c(call, name, name)
}

/// A module in the library of the whole package.
fn search_c_root(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let name = call.check_bytes(NAME)?;
    match name.iter().position(|&byte| byte == b'.') {
        Some(end) => refuse_c(call, name, &name[..end]),
        None => call.reply_none(),
    }
}

fn refuse_c(call: &mut Call<'_, '_>, name: &[u8], library: &[u8]) -> Result<Reply, Throw> {
    match find_file(call, library, "cpath")? {
        Ok(file) => Err(loading_error(call, name, &file, NO_LIBRARIES)),
        Err(message) => {
            let message = call.string(&message)?;
            call.reply(message)
        }
    }
}

// ---- Other functions.

fn load_library(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    call.check_bytes(1)?;
    call.check_bytes(2)?;
    let results = [Value::nil(), call.string(NO_LIBRARIES)?, call.string(b"absent")?];
    call.reply_all(&results)
}

fn search_path_of(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (name, path) = (call.check_bytes(1)?, call.check_bytes(2)?);
    let separator = call.optional_bytes(3, b".")?;
    let replacement = call.optional_bytes(4, b"/")?;
    match search_path(name, path, separator, replacement) {
        Ok(file) => {
            let file = call.string(&file)?;
            call.reply(file)
        }
        Err(message) => {
            let message = call.string(&message)?;
            call.reply_all(&[Value::nil(), message])
        }
    }
}
