//! `debug`: what the interpreter knows about functions and calls.
//!
//! Levels count from the function that called into the library, which is level 1; level 0 is the library's. Finding a level takes time
//! proportional to its depth.

use super::{Functions, set_field};
use crate::native::{Call, NativeFunction, Reply, Throw};
use crate::object::{
    Closure, ClosureFields, DebugFields, LuaValue, Native, Objects, Proto, ProtoFields, ProtoMethods, Table,
    TableMethods, Thread, Type, UpVal, Userdata, Val, new_table, symbol,
};
use crate::pure::LibraryError;
use crate::vm::access::set_error;
use crate::vm::collection;
use crate::vm::functions::{set_upvalue, upvalue_value};
use crate::vm::message;
use crate::vm::metamethod::{metatable, type_index};
use crate::vm::stack::{Level, Stack};
use tenure::prelude::*;

pub(super) const FUNCTIONS: &Functions = &[
    ("getinfo", NativeFunction::Region(get_info)),
    ("getlocal", NativeFunction::Region(get_local)),
    ("getmetatable", NativeFunction::Region(get_metatable)),
    ("getregistry", NativeFunction::Region(get_registry)),
    ("getupvalue", NativeFunction::Region(get_upvalue)),
    ("getuservalue", NativeFunction::Region(get_user_value)),
    ("setcstacklimit", NativeFunction::Region(set_c_stack_limit)),
    ("setlocal", NativeFunction::Region(set_local)),
    ("setmetatable", NativeFunction::Region(set_metatable)),
    ("setupvalue", NativeFunction::Region(assign_upvalue)),
    ("setuservalue", NativeFunction::Region(set_user_value)),
    ("traceback", NativeFunction::Region(traceback)),
    ("upvalueid", NativeFunction::Region(upvalue_id)),
    ("upvaluejoin", NativeFunction::Region(upvalue_join)),
];

/// Returns the thread that the first argument names, and how many arguments that takes.
fn thread_argument<'h>(call: &Call<'_, 'h>) -> (Option<Gc<'h, Thread>>, usize) {
    match call.argument(1).cast::<Thread>() {
        Some(thread) => (Some(thread), 1),
        None => (None, 0),
    }
}

fn stack_of<'c, 'h>(call: &'c Call<'_, 'h>, thread: Option<Gc<'h, Thread>>) -> Stack<'c, 'h> {
    match thread {
        Some(thread) => Stack::of_thread(call.vm, call.heap, thread),
        None => Stack::running(call.vm, call.heap),
    }
}

/// Finds the level whose number stands in an argument.
fn find_level<'h>(
    call: &mut Call<'_, 'h>,
    thread: Option<Gc<'h, Thread>>,
    number: usize,
) -> Result<Option<Level>, Throw> {
    let level = call.check_integer(number)?;
    Ok(usize::try_from(level)
        .ok()
        .and_then(|level| stack_of(call, thread).level(level)))
}

fn get_registry(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let registry: Val<'_> = call.heap.roots().registry.get().into();
    call.reply(registry)
}

fn get_metatable(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let value = call.check_any(1)?;
    let meta: Val<'_> = metatable(call.heap, value).into();
    call.reply(meta)
}

fn set_metatable(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (h, value, meta) = (call.heap, call.argument(1), call.argument(2));
    if call.count() < 2 || !(meta.is_nil() || meta.is::<Table>()) {
        return Err(call.type_error(2, "nil or table"));
    }
    let meta = meta.cast::<Table>();
    if let Some(table) = value.cast::<Table>() {
        collection::set_metatable(call.vm, h, table, meta).map_err(|error| set_error(call.vm, h, error))?;
    } else if let Some(userdata) = value.cast::<Userdata>() {
        collection::set_userdata_metatable(call.vm, h, userdata, meta);
    } else if value.type_of() == Type::String {
        h.roots().string_meta.set(meta);
    } else {
        h.roots().type_metas[type_index(value.type_of())].set(meta);
    }
    call.reply(value)
}

fn get_user_value(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let number = call.optional_integer(2, 1)?;
    let userdata = call.argument(1).cast::<Userdata>();
    let slot = userdata.and_then(|userdata| userdata.tail().get(number.wrapping_sub(1) as usize));
    match slot.map(Slot::get) {
        Some(value) => call.reply_all(&[value, Value::bool(true)]),
        None => call.reply(Value::nil()),
    }
}

fn set_user_value(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let number = call.optional_integer(3, 1)?.wrapping_sub(1) as usize;
    let userdata = call.check_type(1, Type::Userdata)?;
    let value = call.check_any(2)?;
    match userdata
        .cast::<Userdata>()
        .filter(|userdata| number < userdata.tail_len())
    {
        Some(object) => {
            object.tail_set(call.heap, number, value);
            call.reply(userdata)
        }
        None => call.reply(Value::nil()),
    }
}

fn set_c_stack_limit(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    call.check_integer(1)?;
    call.reply(Value::int(200))
}

// ---- Upvalues.

/// Returns an upvalue of a function of Lua.
fn find_upvalue<'h>(function: Val<'h>, number: i64) -> Option<Gc<'h, UpVal>> {
    let closure = function.cast::<Closure>()?;
    closure.tail().get(number.wrapping_sub(1) as usize)?.get()
}

/// Returns name and value of an upvalue of any function.
fn upvalue_entry<'h>(h: &'h Heap<Objects>, function: Val<'h>, number: i64) -> Option<(&'h [u8], Val<'h>)> {
    let index = number.wrapping_sub(1) as usize;
    if let Some(native) = function.cast::<Native>() {
        return Some((b"", native.tail().get(index)?.get()));
    }
    let upvalue = find_upvalue(function, number)?;
    let proto = function.cast::<Closure>()?.proto();
    let name = proto.upvalue_name(index).unwrap_or(b"(no name)");
    Some((name, upvalue_value(h, upvalue)))
}

fn get_upvalue(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let number = call.check_integer(2)?;
    let function = call.check_type(1, Type::Function)?;
    match upvalue_entry(call.heap, function, number) {
        Some((name, value)) => {
            let name = symbol(call.heap, name)?;
            call.reply_all(&[name.into(), value])
        }
        None => call.reply_none(),
    }
}

fn assign_upvalue(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let value = call.check_any(3)?;
    let number = call.check_integer(2)?;
    let function = call.check_type(1, Type::Function)?;
    let Some((name, _)) = upvalue_entry(call.heap, function, number) else {
        return call.reply_none();
    };
    let name = symbol(call.heap, name)?;
    match (find_upvalue(function, number), function.cast::<Native>()) {
        (Some(upvalue), _) => set_upvalue(call.heap, upvalue, value),
        (None, Some(native)) => native.tail_set(call.heap, number as usize - 1, value),
        (None, None) => {}
    }
    call.reply(name.into())
}

fn upvalue_id(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let number = call.check_integer(2)?;
    let function = call.check_type(1, Type::Function)?;
    let id = match (
        find_upvalue(function, number),
        upvalue_entry(call.heap, function, number),
    ) {
        (Some(upvalue), _) => upvalue.into(),
        // Values of native functions are not shared.
        (None, Some(_)) => Value::symbol(super::text::identity(call.heap, function) as u32 ^ number as u32),
        (None, None) => Value::nil(),
    };
    call.reply(id)
}

fn upvalue_join(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let mut checked = |function_number: usize| {
        let number = call.check_integer(function_number + 1)?;
        let function = call.check_type(function_number, Type::Function)?;
        if upvalue_entry(call.heap, function, number).is_none() {
            return Err(call.argument_error(function_number + 1, "invalid upvalue index"));
        }
        Ok((function, number))
    };
    let ((to, to_number), (from, from_number)) = (checked(1)?, checked(3)?);
    let Some(closure) = to.cast::<Closure>() else {
        return Err(call.argument_error(1, "Lua function expected"));
    };
    let Some(upvalue) = find_upvalue(from, from_number) else {
        return Err(call.argument_error(3, "Lua function expected"));
    };
    closure.tail_set(call.heap, to_number as usize - 1, Some(upvalue));
    call.reply_none()
}

// ---- Local variables.

/// Returns name and register of a local variable of a level: a negative number is one of a variable argument.
fn find_local<'h>(call: &Call<'_, 'h>, stack: Stack<'_, 'h>, level: Level, number: i64) -> Option<(&'h [u8], usize)> {
    if number < 0 {
        let register = stack.vararg_register(level, usize::try_from(number.checked_neg()?).ok()?)?;
        return Some((b"(vararg)", register));
    }
    let number = usize::try_from(number).ok().filter(|&number| number > 0)?;
    let (base, end) = stack.extent(level, call.vm.top.max(call.base + call.count()));
    let register = base + number - 1;
    let position = stack.position(level);
    if let Some(name) = position.and_then(|(proto, pc)| proto.local_name(number, pc)) {
        return Some((name, register));
    }
    let unnamed: &[u8] = if position.is_some() {
        b"(temporary)"
    } else {
        b"(C temporary)"
    };
    (register < end).then_some((unnamed, register))
}

fn get_local(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (thread, skipped) = thread_argument(call);
    let number = call.check_integer(skipped + 2)?;
    let function = call.argument(skipped + 1);
    if function.is_function() {
        let proto = function.cast::<Closure>().map(|closure| closure.proto());
        let name = usize::try_from(number)
            .ok()
            .and_then(|number| proto?.local_name(number, 0));
        let name = match name {
            Some(name) => symbol(call.heap, name)?.into(),
            None => Value::nil(),
        };
        return call.reply(name);
    }
    let Some(level) = find_level(call, thread, skipped + 1)? else {
        return Err(call.argument_error(skipped + 1, "level out of range"));
    };
    let stack = stack_of(call, thread);
    let Some((name, register)) = find_local(call, stack, level, number) else {
        return call.reply(Value::nil());
    };
    let value = stack.read(register);
    let name = symbol(call.heap, name)?;
    call.reply_all(&[name.into(), value])
}

fn set_local(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (thread, skipped) = thread_argument(call);
    let Some(level) = find_level(call, thread, skipped + 1)? else {
        return Err(call.argument_error(skipped + 1, "level out of range"));
    };
    let number = call.check_integer(skipped + 2)?;
    let value = call.check_any(skipped + 3)?;
    let stack = stack_of(call, thread);
    let Some((name, register)) = find_local(call, stack, level, number) else {
        return call.reply(Value::nil());
    };
    let name = symbol(call.heap, name)?;
    stack.write(call.heap, register, value);
    call.reply(name.into())
}

// ---- Functions and calls.

/// What `getinfo` is about.
#[derive(Clone, Copy)]
struct Subject<'h> {
    function: Val<'h>,
    level: Option<Level>,
    thread: Option<Gc<'h, Thread>>,
}

fn get_info(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (thread, skipped) = thread_argument(call);
    let options = call.optional_bytes(skipped + 2, b"flnSrtu")?;
    if options.first() == Some(&b'>') {
        return Err(call.argument_error(skipped + 2, "invalid option '>'"));
    }
    let function = call.argument(skipped + 1);
    let subject = if function.is_function() {
        Subject {
            function,
            level: None,
            thread,
        }
    } else {
        let Some(level) = find_level(call, thread, skipped + 1)? else {
            return call.reply(Value::nil());
        };
        Subject {
            function: stack_of(call, thread).function(level),
            level: Some(level),
            thread,
        }
    };
    if options.iter().any(|option| !b"SlnrutLf".contains(option)) {
        return Err(call.argument_error(skipped + 2, "invalid option"));
    }
    let info = new_table(call.heap, 0, 16).map_err(Throw::of_set)?;
    for option in options {
        add_info(call, info, subject, *option)?;
    }
    call.reply(info.into())
}

fn add_info<'h>(call: &mut Call<'_, 'h>, info: Gc<'h, Table>, subject: Subject<'h>, option: u8) -> Result<(), Throw> {
    let h = call.heap;
    let stack = stack_of(call, subject.thread);
    let proto: Option<Gc<'h, Proto>> = subject.function.cast::<Closure>().map(|closure| closure.proto());
    let position = subject.level.and_then(|level| stack.position(level));
    let string = |bytes: &[u8]| symbol(h, bytes).map(Val::from);
    match option {
        b'S' => {
            let (source, short, what): (&[u8], Vec<u8>, &[u8]) = match proto {
                None => (b"=[C]", b"[C]".to_vec(), b"C"),
                Some(proto) => {
                    let what: &[u8] = if proto.line_defined() == 0 { b"main" } else { b"Lua" };
                    let source = proto.debug().source().map_or(&b"=?"[..], |source| source.tail());
                    (source, message::chunk_id(proto.debug()), what)
                }
            };
            set_field(h, info, "source", string(source)?)?;
            set_field(h, info, "short_src", string(&short)?)?;
            set_field(h, info, "what", string(what)?)?;
            let line = |line: Option<u32>| line.map_or(Value::int(-1), |line| Value::int(i64::from(line)));
            set_field(h, info, "linedefined", line(proto.map(|proto| proto.line_defined())))?;
            set_field(
                h,
                info,
                "lastlinedefined",
                line(proto.map(|proto| proto.last_line_defined())),
            )
        }
        b'l' => {
            let line = position.and_then(|(proto, pc)| proto.line(pc));
            let line = line.map_or(-1, i64::from);
            set_field(h, info, "currentline", Value::int(line))
        }
        b'u' => {
            let upvalues = match proto {
                Some(proto) => proto.upvalues().tail_len(),
                None => subject.function.cast::<Native>().map_or(0, Gc::tail_len),
            };
            let parameters = proto.map_or(0, |proto| i64::from(proto.parameter_count()));
            set_field(h, info, "nups", Value::int(upvalues as i64))?;
            set_field(h, info, "nparams", Value::int(parameters))?;
            set_field(
                h,
                info,
                "isvararg",
                Value::bool(proto.is_none_or(|proto| proto.is_vararg())),
            )
        }
        b'n' => {
            let name = subject.level.and_then(|level| stack.name_of_call(level));
            if let Some(name) = name {
                set_field(h, info, "name", string(name.name)?)?;
            }
            let kind = name.map_or("", |name| name.kind);
            set_field(h, info, "namewhat", string(kind.as_bytes())?)
        }
        b'r' => {
            set_field(h, info, "ftransfer", Value::int(0))?;
            set_field(h, info, "ntransfer", Value::int(0))
        }
        b't' => {
            let is_tail_call = subject.level.is_some_and(|level| level.frame.is_tail_call);
            set_field(h, info, "istailcall", Value::bool(is_tail_call))
        }
        b'L' => {
            let Some(proto) = proto else { return Ok(()) };
            let lines = new_table(h, 0, 8).map_err(Throw::of_set)?;
            // The instruction that prepares variable arguments is on the line of the function, which has no code.
            let first = usize::from(proto.is_vararg());
            for line in proto.debug().lines().tail().iter().skip(first) {
                let set = lines.set_int(h, i64::from(*line), Value::bool(true));
                set.map_err(Throw::of_set)?;
            }
            set_field(h, info, "activelines", lines.into())
        }
        _ => set_field(h, info, "func", subject.function),
    }
}

fn traceback(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (thread, skipped) = thread_argument(call);
    let text = call.argument(skipped + 1);
    if !text.is_nil() && !matches!(text.type_of(), Type::String | Type::Number) {
        return call.reply(text);
    }
    let prefix = if text.is_nil() {
        Vec::new()
    } else {
        [call.check_bytes(skipped + 1)?, b"\n"].concat()
    };
    let level = call.optional_integer(skipped + 2, if thread.is_some() { 0 } else { 1 })?;
    let Ok(level) = usize::try_from(level) else {
        let error = LibraryError::argument(skipped + 2, "level out of range");
        return Err(call.library_error(&error));
    };
    let trace = message::traceback(call.heap, stack_of(call, thread), level);
    let result = call.string_of(&[&prefix, &trace])?;
    call.reply(result)
}
