//! Embedding: a state of Lua with its own heap.
//!
//! A [`Lua`] owns everything: dropping it frees all memory at once. Values leave it as [`Owned`] copies, since pointers into the heap end
//! with the region that they were read in.

use crate::chunk;
use crate::library;
use crate::native::{Call, NativeFunction, Throw};
use crate::object::{
    LuaRootsInit, LuaValue, Objects, SHORT_STRINGS, Status, Thread, ThreadInit, Type, Val, keep_names, new_array,
    new_string, new_table, symbol,
};
use crate::pure::number::Number;
use crate::services::Services;
use crate::vm::load::load_chunk;
use crate::vm::metamethod::{Field, type_index};
use crate::vm::{Interrupter, Vm, collection, message};
use std::error::Error;
use std::fmt;
use tenure::HeapStatistics;
use tenure::prelude::*;

/// A state of Lua.
///
/// A thread runs one state at a time. While a native function of one runs, calling into another one, or making one, panics. Dropping one
/// there frees its memory, but calls none of its finalizers (`__gc` metamethods), since they would have to run; where they matter, keep it
/// until the call has returned. Otherwise, and unless the thread panics, dropping a state calls all of them first.
///
/// ```
/// use tenure::prelude::*;
/// use tenure_lua::{Lua, Owned, Services};
///
/// let mut lua = Lua::new(HeapConfig::new(), Services::standard())?;
/// let results = lua.execute(b"local t = {} for i = 1, 10 do t[i] = i * i end return #t, t[7]", b"=example")?;
/// assert_eq!(results, [Owned::Integer(10), Owned::Integer(49)]);
/// let error = lua.execute(b"local x; x.y = 1", b"=example").unwrap_err();
/// assert_eq!(error.to_string(), "example:1: attempt to index a nil value (local 'x')");
/// # Ok::<(), tenure_lua::LuaError>(())
/// ```
pub struct Lua {
    isolate: Isolate<Objects>,
    vm: Vm,
}

impl fmt::Debug for Lua {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lua").field("vm", &self.vm).finish_non_exhaustive()
    }
}

/// A copy of a value outside of the heap.
#[derive(Clone, Debug, PartialEq)]
pub enum Owned {
    /// `nil`
    Nil,
    /// A boolean.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f64),
    /// A string.
    String(Vec<u8>),
    /// Anything else: as `tostring` shows it, without metamethods.
    Object(Vec<u8>),
}

impl Owned {
    fn copy_of<'h>(h: &'h Heap<Objects>, value: Val<'h>) -> Owned {
        if value.is_nil() {
            return Owned::Nil;
        }
        if let Some(boolean) = value.as_bool() {
            return Owned::Boolean(boolean);
        }
        if let Some(bytes) = value.bytes() {
            return Owned::String(bytes.to_vec());
        }
        match value.number() {
            Some(Number::Integer(int)) => Owned::Integer(int),
            Some(Number::Float(float)) => Owned::Float(float),
            None => Owned::Object(library::display_text(h, value).into_owned()),
        }
    }
}

/// Why a state could not be made, or a program did not end well.
#[derive(Debug)]
pub enum LuaError {
    /// The heap could not be made.
    Heap(HeapError),
    /// The program is none: the compiler's message.
    Syntax(Vec<u8>),
    /// The program raised an error that nothing caught: its value.
    Runtime(Owned),
}

impl fmt::Display for LuaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LuaError::Heap(error) => error.fmt(f),
            LuaError::Syntax(text) | LuaError::Runtime(Owned::String(text) | Owned::Object(text)) => {
                f.write_str(&String::from_utf8_lossy(text))
            }
            LuaError::Runtime(Owned::Nil) => f.write_str("nil"),
            LuaError::Runtime(Owned::Boolean(value)) => value.fmt(f),
            LuaError::Runtime(Owned::Integer(value)) => value.fmt(f),
            LuaError::Runtime(Owned::Float(value)) => value.fmt(f),
        }
    }
}

impl Error for LuaError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            LuaError::Heap(error) => Some(error),
            LuaError::Syntax(_) | LuaError::Runtime(_) => None,
        }
    }
}

impl From<HeapError> for LuaError {
    fn from(error: HeapError) -> LuaError {
        LuaError::Heap(error)
    }
}

/// Makes the objects that the interpreter itself needs.
fn prepare(call: &mut Call<'_, '_>) -> Result<(), Throw> {
    let h = call.heap();
    let roots = h.roots();
    if roots.empty_array.get().is_none() {
        let none = h.try_alloc_tail_zeroed::<crate::object::Array>(0, crate::object::ArrayInit {});
        roots.empty_array.set(none.ok());
    }
    if roots.empty_nodes.get().is_none() {
        roots.empty_nodes.set(crate::object::empty_nodes(h).ok());
    }
    roots.short_strings.set(new_array(h, SHORT_STRINGS).ok());
    roots.no_memory.set(Some(new_string(h, b"not enough memory")?));
    for event in crate::bytecode::Metamethod::ALL {
        let name = symbol(h, event.name().as_bytes())?;
        roots.metamethod_names[usize::from(event.number())].set(Some(name));
    }
    for (field, name) in Field::ALL {
        roots.field_names[field as usize].set(Some(symbol(h, name.as_bytes())?));
    }
    for of in Type::ALL {
        roots.type_names[type_index(of)].set(Some(symbol(h, of.name().as_bytes())?));
    }
    let registers = new_array(h, 0).map_err(Throw::of_set)?;
    let main = h.try_alloc::<Thread>(ThreadInit {
        status: Status::Running,
        registers,
        register_count: 0,
        frames: None,
        frame_count: 0,
        open_upvalues: None,
        base: 0,
        error: Value::undefined(),
        resumer: None,
        hook: crate::vm::HookState::default(),
        to_close: None,
    });
    roots.main_thread.set(main.ok());
    let guard = library::new_native(h, collection::GUARD, &[])?;
    roots.guard.set(guard.cast());
    let tables = h.weak_table().map_err(|_| crate::object::NoRoom { bytes: 1 << 10 })?;
    roots.mode_tables.set(Some(tables));
    library::open(call)?;
    keep_names(h);
    // The set of names of chunks is made when there is room, not when there is none.
    roots.symbols.set(Some(new_table(h, 0, 64).map_err(Throw::of_set)?));
    Ok(())
}

/// Size of the old generation at which the first major collection begins. The heap's own default of 256 suits servers; programs in
/// Lua mostly keep little alive, and memory that is used again is cheaper than memory that is touched for the first time.
const INITIAL_OLD_LIMIT_BYTES: usize = 32 << 20;

/// Huge pages make tracing faster, but programs that end soon pay the first touch of each.
const HUGE_PAGES_FROM_BYTES: usize = 128 << 20;

/// Returns the configuration of the heap that suits programs in Lua: the default one, with its first major collection at 32 MiB and
/// huge pages only behind the first 128 MiB of each part.
///
/// ```
/// use tenure_lua::{Lua, Services, heap_config};
///
/// let mut lua = Lua::new(heap_config(), Services::standard())?;
/// lua.execute(b"assert(#'abc' == 3)", b"=example")?;
/// # Ok::<(), tenure_lua::LuaError>(())
/// ```
#[must_use]
pub fn heap_config() -> HeapConfig {
    let mut config = HeapConfig::new();
    let settings = config.settings_mut();
    settings.initial_old_limit_bytes = INITIAL_OLD_LIMIT_BYTES;
    settings.huge_pages_from_bytes = HUGE_PAGES_FROM_BYTES;
    config
}

impl Lua {
    /// Makes a state with the standard libraries. Its registers need a register stack of at least 2^20 words, the default.
    ///
    /// # Errors
    ///
    /// When the heap cannot be made, or is too small for the libraries.
    pub fn new(config: HeapConfig, services: Services) -> Result<Lua, LuaError> {
        let isolate = Isolate::new(config, LuaRootsInit::empty())?;
        let mut lua = Lua {
            isolate,
            vm: Vm::new(services),
        };
        let vm = &mut lua.vm;
        lua.isolate.enter(|h| {
            let made = vm.region(h, prepare);
            made.map_err(|_| LuaError::Runtime(Owned::copy_of(h, h.roots().error.get())))
        })?;
        Ok(lua)
    }

    /// Compiles a chunk, text or binary, and runs it. Returns what it returns.
    ///
    /// # Errors
    ///
    /// The message of the compiler, or the error that the program raised.
    pub fn execute(&mut self, source: &[u8], chunk_name: &[u8]) -> Result<Vec<Owned>, LuaError> {
        let proto = chunk::load(source, chunk_name, b"bt").map_err(|error| LuaError::Syntax(error.into_message()))?;
        self.run(|call| {
            let globals = call.heap().roots().globals.get();
            Ok(load_chunk(call.heap(), &proto, globals.into())?.into())
        })
    }

    /// Calls the function that `function` gives in a region, without arguments.
    fn run(
        &mut self,
        mut function: impl for<'h> FnMut(&mut Call<'_, 'h>) -> Result<Val<'h>, Throw>,
    ) -> Result<Vec<Owned>, LuaError> {
        let vm = &mut self.vm;
        self.isolate.enter(|h| {
            let pushed = vm.region(h, |call| {
                let function = function(call)?;
                call.push_call(function, &[])
            });
            let result = pushed.and_then(|(at, count)| vm.call(h, at, count).map(|count| (at, count)));
            match result {
                Ok((at, count)) => {
                    let values = (at..at + count).map(|register| Owned::copy_of(h, vm.register(h, register)));
                    Ok(values.collect())
                }
                Err(_) => Err(LuaError::Runtime(Owned::copy_of(h, h.roots().error.get()))),
            }
        })
    }

    /// Does something in a region between calls; an error is the message.
    pub(crate) fn between<R>(&mut self, f: impl FnMut(&mut Call<'_, '_>) -> Result<R, Throw>) -> Result<R, Vec<u8>> {
        let vm = &mut self.vm;
        self.isolate.enter(|h| {
            vm.region(h, f)
                .map_err(|_| library::display_text(h, h.roots().error.get()).into_owned())
        })
    }

    /// Calls the function in a register with so many arguments; returns where the results are, and how many.
    pub(crate) fn call_registers(&mut self, (at, count): (usize, usize)) -> Result<(usize, usize), Vec<u8>> {
        let vm = &mut self.vm;
        self.isolate.enter(|h| match vm.call(h, at, count) {
            Ok(count) => Ok((at, count)),
            Err(_) => Err(library::display_text(h, h.roots().error.get()).into_owned()),
        })
    }

    /// Makes a native function a global variable.
    ///
    /// # Errors
    ///
    /// `not enough memory`.
    pub fn register(&mut self, name: &str, function: NativeFunction) -> Result<(), LuaError> {
        let vm = &mut self.vm;
        self.isolate.enter(|h| {
            let set = vm.region(h, |call| {
                let h = call.heap();
                let function = library::new_native(h, function, &[])?;
                match h.roots().globals.get() {
                    Some(globals) => library::set_field(h, globals, name, function),
                    None => Err(message::not_enough_memory(h)),
                }
            });
            set.map_err(|_| LuaError::Runtime(Owned::copy_of(h, h.roots().error.get())))
        })
    }

    /// Returns a handle by which another thread or a signal handler interrupts the program that runs.
    #[must_use]
    pub fn interrupter(&self) -> Interrupter {
        self.vm.interrupter.clone()
    }

    /// Returns sizes and counters of the heap.
    #[must_use]
    pub fn statistics(&self) -> HeapStatistics {
        self.isolate.statistics()
    }

    /// Returns what programs reach outside.
    pub fn services(&mut self) -> &mut Services {
        &mut self.vm.services
    }
}

impl Drop for Lua {
    /// Calls the finalizers of all objects that have one, unless the thread panics, or another state runs on it: then none is called, for a
    /// thread has entered at most one heap of a model.
    fn drop(&mut self) {
        if !std::thread::panicking() && !Isolate::<Objects>::is_entered() {
            let vm = &mut self.vm;
            self.isolate.enter(|h| vm.close(h));
        }
    }
}
