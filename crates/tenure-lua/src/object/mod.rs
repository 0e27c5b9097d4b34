//! Lua's values as objects of a tenure heap.
//!
//! A value is one word under [`NanBox50`](tenure::NanBox50): nil, booleans, doubles and integers of 50 bits stand in the word itself;
//! strings, tables, functions, coroutines and userdata are objects; an integer that needs more than 50 bits is boxed in an [`Integer`],
//! which no program can tell from others. So arithmetic on everyday numbers never allocates, a register is 8 bytes and not the
//! reference implementation's 16, and the collector tells references by a compare. The price is a shift or two when an integer is
//! read, and 16 bytes of garbage for each result beyond 2^49.
//!
//! Nothing here calls metamethods: that is the interpreter's affair.

mod function;
mod proto;
mod string;
mod symbol;
mod table;
mod thread;
mod userdata;
mod value;

pub(crate) use function::{
    CLOSED, Closure, ClosureFields, ClosureInit, Native, NativeFields, NativeInit, SUSPENDED, UpVal,
};
pub(crate) use function::{UpValFields, UpValInit};
pub(crate) use proto::{
    Code, CodeInit, Debug, DebugFields, DebugInit, Lines, LinesInit, Proto, ProtoFields, ProtoInit, ProtoMethods,
    Ranges, instruction,
};
pub(crate) use proto::{RangesInit, UpvalueDescs, UpvalueDescsInit};
pub(crate) use string::{SHORT_STRINGS, Str, StrMethods, hash_bytes, new_string, new_string_of, short_string};
pub(crate) use symbol::{keep_names, symbol};
pub(crate) use table::{
    Array, ArrayInit, Mode, Nodes, NodesMethods, SetError, Table, TableFields, TableMethods, WeakPartMethods, border,
    drop_dead_keys, empty_nodes, mode, new_array, new_table, next, remember_mode, set_list, set_mode, tables_with_mode,
};
pub(crate) use table::{WeakBox, WeakPart};
pub(crate) use thread::{FrameList, FrameListInit, Status, Thread, ThreadFields, ThreadInit};
pub(crate) use userdata::{Userdata, UserdataFields, UserdataInit};
pub(crate) use value::{Integer, new_integer};
pub use value::{LuaValue, Type};

use crate::bytecode::Metamethod;
use tenure::prelude::*;

/// A value of Lua during one region.
pub type Val<'h> = Value<'h, Objects>;

/// An allocation found no room in the region: with so many bytes free, it would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom {
    pub(crate) bytes: usize,
}

impl std::fmt::Debug for LuaRoots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LuaRoots").finish_non_exhaustive()
    }
}

/// Number of metamethods that have a name of their own in the roots.
const METAMETHODS: usize = Metamethod::ALL.len();

/// The well-known objects.
#[derive(Roots)]
pub struct LuaRoots {
    /// The table `_G`.
    pub(crate) globals: Root<Opt<Table>>,
    /// The registry, which holds `package.loaded` and whatever libraries keep.
    pub(crate) registry: Root<Opt<Table>>,
    /// The value of the error that is being raised.
    pub(crate) error: Root<Dyn<Objects>>,
    /// Open upvalues of the running thread, the one with the highest register first.
    pub(crate) open_upvalues: Root<Opt<UpVal>>,
    /// The running coroutine; none is the main thread.
    pub(crate) thread: Root<Opt<Thread>>,
    /// The main thread, as a value.
    pub(crate) main_thread: Root<Opt<Thread>>,
    /// The array part of tables that have none.
    pub(crate) empty_array: Root<Opt<Array>>,
    /// The hash part of tables that have none: one free node that is never taken.
    pub(crate) empty_nodes: Root<Opt<Nodes>>,
    /// The strings of one byte and the empty one, as far as they were made.
    pub(crate) short_strings: Root<Opt<Array>>,
    /// The names of the types, by [`Type`].
    pub(crate) type_names: [Root<Opt<Str>>; 9],
    /// Metatable of all strings.
    pub(crate) string_meta: Root<Opt<Table>>,
    /// Metatables of the other types that share one, by [`Type`].
    pub(crate) type_metas: [Root<Opt<Table>>; 9],
    /// The names of metamethods: `__index` and so on.
    pub(crate) metamethod_names: [Root<Opt<Str>>; METAMETHODS],
    /// `__name`, `__tostring`, `__metatable`, `__pairs`, `__mode`.
    pub(crate) field_names: [Root<Opt<Str>>; 5],
    /// The text of the error when memory is used up, made beforehand.
    pub(crate) no_memory: Root<Opt<Str>>,
    /// The native function that calls finalizers.
    pub(crate) guard: Root<Opt<Native>>,
    /// Names that libraries and the interpreter itself use: a set, from string to true.
    pub(crate) names: Root<Opt<Table>>,
    /// Names in chunks that were loaded, likewise.
    pub(crate) symbols: Root<Opt<Table>>,
    /// Tables whose metatables had a `__mode` when it was looked at, as keys.
    pub(crate) mode_tables: Root<Opt<WeakTable<Objects, tenure::WeakKeys>>>,
    /// Whether a metatable was given a `__mode` since tables were made to follow theirs.
    pub(crate) has_new_mode: Root<Dyn<Objects>>,
}

impl LuaRootsInit<'_> {
    /// Roots that refer to nothing yet.
    pub(crate) fn empty() -> LuaRootsInit<'static> {
        LuaRootsInit {
            globals: None,
            registry: None,
            error: Value::nil(),
            open_upvalues: None,
            thread: None,
            main_thread: None,
            empty_array: None,
            empty_nodes: None,
            short_strings: None,
            type_names: [None; 9],
            string_meta: None,
            type_metas: [None; 9],
            metamethod_names: [None; METAMETHODS],
            field_names: [None; 5],
            no_memory: None,
            guard: None,
            names: None,
            symbols: None,
            mode_tables: None,
            has_new_mode: Value::bool(false),
        }
    }
}

object_model! {
    /// All objects of Lua.
    pub model Objects {
        values: NanBox50,
        roots: LuaRoots,
        kinds: [
            Table, Str, Closure, Native, Userdata, Thread, Integer, Array, Nodes, UpVal, Proto, Code, UpvalueDescs, Debug, Lines,
            Ranges, FrameList, WeakPart, WeakBox,
        ],
    }
}
