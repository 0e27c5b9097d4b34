//! Error messages, in the reference implementation's words.
//!
//! An error of the interpreter begins with the position of the running function, one of a library with that of the function that called
//! it. Making a message allocates; when the region has no memory left, what caused the error is tried again after a collection.

use super::Vm;
use super::access::Operand;
use super::metamethod::{Field, field};
use super::names::{Name, called_name, register_name, upvalue};
use super::stack::{FINALIZER, Level, Stack};
use crate::bytecode::Metamethod;
use crate::native::Throw;
use crate::object::{
    Debug, DebugFields, LuaValue, NodesMethods, Objects, ProtoFields, ProtoMethods, Str, Table, TableFields,
    TableMethods, Val, new_string, next,
};
use tenure::prelude::*;

/// Raises a string.
pub(crate) fn throw_text(h: &Heap<Objects>, text: &[u8]) -> Throw {
    match new_string(h, text) {
        Ok(string) => {
            h.roots().error.set(string.into());
            Throw::ERROR
        }
        Err(no_room) => no_room.into(),
    }
}

/// Raises an error of the running function.
#[cold]
#[inline(never)]
pub(crate) fn raise(vm: &Vm, h: &Heap<Objects>, text: &[u8]) -> Throw {
    raise_at(vm, h, 0, text)
}

/// Raises an error of the function `level` levels below the running one.
#[cold]
#[inline(never)]
pub(crate) fn raise_at(vm: &Vm, h: &Heap<Objects>, level: usize, text: &[u8]) -> Throw {
    let mut message = position(vm, h, level);
    message.extend_from_slice(text);
    throw_text(h, &message)
}

/// Returns `chunk:line: ` of the function `level` levels below the running one; nothing if that is native.
pub(crate) fn position(vm: &Vm, h: &Heap<Objects>, level: usize) -> Vec<u8> {
    let stack = Stack::running(vm, h);
    let Some((proto, pc)) = stack.level(level).and_then(|level| stack.position(level)) else {
        return Vec::new();
    };
    let mut text = chunk_id(proto.debug());
    match proto.line(pc) {
        Some(line) => text.extend_from_slice(format!(":{line}: ").as_bytes()),
        // Errors of instructions say that there is no line; those of native functions leave out the position then.
        None if level == 0 => text.extend_from_slice(b":-1: "),
        None => text.clear(),
    }
    text
}

/// Returns the name of a chunk as messages show it.
pub(crate) fn chunk_id(debug: Gc<'_, Debug>) -> Vec<u8> {
    debug
        .source()
        .map_or(b"?".to_vec(), |source| crate::compiler::chunk_id(source.tail()))
}

/// Returns the name of a value's type, or what its metatable says in `__name`.
pub(crate) fn type_name<'h>(h: &'h Heap<Objects>, value: Val<'h>) -> &'h [u8] {
    if matches!(
        value.type_of(),
        crate::object::Type::Table | crate::object::Type::Userdata
    ) && let Some(name) = field(h, value, Field::Name).and_then(|name| name.bytes())
    {
        return name;
    }
    value.type_of().name().as_bytes()
}

fn describe(name: Option<Name<'_>>) -> Vec<u8> {
    match name {
        Some(Name { kind, name }) => [b" (", kind.as_bytes(), b" '", name, b"')"].concat(),
        None => Vec::new(),
    }
}

/// Returns the name of an operand of the running instruction.
fn operand_name<'h>(vm: &Vm, h: &'h Heap<Objects>, operand: Operand) -> Option<Name<'h>> {
    let stack = Stack::running(vm, h);
    let (proto, pc) = stack.position(stack.level(0)?)?;
    match operand {
        Operand::Register(register) => register_name(proto, pc, usize::from(register)),
        Operand::Upvalue(index) => Some(upvalue(proto, usize::from(index))),
        Operand::Unknown => None,
    }
}

/// `attempt to … a … value (local 'x')`.
#[cold]
#[inline(never)]
pub(crate) fn operand_error<'h>(vm: &Vm, h: &'h Heap<Objects>, what: &str, value: Val<'h>, operand: Operand) -> Throw {
    let name = describe(operand_name(vm, h, operand));
    let text = [
        b"attempt to ",
        what.as_bytes(),
        b" a ",
        type_name(h, value),
        b" value",
        &name,
    ]
    .concat();
    raise(vm, h, &text)
}

/// `attempt to call a … value`.
#[cold]
#[inline(never)]
pub(crate) fn call_error<'h>(vm: &Vm, h: &'h Heap<Objects>, value: Val<'h>, is_direct: bool) -> Throw {
    let stack = Stack::running(vm, h);
    let name = stack.level(0).and_then(|level| {
        if stack.calls_finalizers(level) {
            return Some(FINALIZER);
        }
        let (proto, pc) = stack.position(level).filter(|_| is_direct)?;
        called_name(proto, pc)
    });
    let text = [b"attempt to call a ", type_name(h, value), b" value", &describe(name)].concat();
    raise(vm, h, &text)
}

/// The error of an arithmetic or bitwise operation or a concatenation without metamethod.
#[cold]
#[inline(never)]
pub(crate) fn arithmetic_error<'h>(
    vm: &Vm,
    h: &'h Heap<Objects>,
    event: Metamethod,
    x: (Val<'h>, Operand),
    y: (Val<'h>, Operand),
) -> Throw {
    let what = match event {
        Metamethod::Concat => {
            let is_text = x.0.is::<Str>() || x.0.number().is_some();
            let (value, operand) = if is_text { y } else { x };
            return operand_error(vm, h, "concatenate", value, operand);
        }
        Metamethod::BAnd
        | Metamethod::BOr
        | Metamethod::BXor
        | Metamethod::Shl
        | Metamethod::Shr
        | Metamethod::BNot => {
            if let (Some(a), Some(_)) = (x.0.number(), y.0.number()) {
                let (_, operand) = if a.to_integer().is_none() { x } else { y };
                let name = describe(operand_name(vm, h, operand));
                return raise(
                    vm,
                    h,
                    &[b"number", &name[..], b" has no integer representation"].concat(),
                );
            }
            "perform bitwise operation on"
        }
        _ => "perform arithmetic on",
    };
    let (value, operand) = if x.0.number().is_none() { x } else { y };
    operand_error(vm, h, what, value, operand)
}

/// `attempt to compare …`.
#[cold]
#[inline(never)]
pub(crate) fn compare_error<'h>(vm: &Vm, h: &'h Heap<Objects>, x: Val<'h>, y: Val<'h>) -> Throw {
    let (a, b) = (type_name(h, x), type_name(h, y));
    let text = if a == b {
        [b"attempt to compare two ", a, b" values"].concat()
    } else {
        [b"attempt to compare ", a, b" with ", b].concat()
    };
    raise(vm, h, &text)
}

/// `bad 'for' limit (number expected, got …)`.
#[cold]
#[inline(never)]
pub(crate) fn for_error<'h>(vm: &Vm, h: &'h Heap<Objects>, what: &str, value: Val<'h>) -> Throw {
    let what = what.as_bytes();
    let text = [
        b"bad 'for' ",
        what,
        b" (number expected, got ",
        type_name(h, value),
        b")",
    ]
    .concat();
    raise(vm, h, &text)
}

/// `stack overflow`; inside of the handler of that error there is nothing more to say.
#[cold]
#[inline(never)]
pub(crate) fn stack_overflow(vm: &Vm, h: &Heap<Objects>, in_handler: bool) -> Throw {
    if in_handler {
        return throw_text(h, b"error in error handling");
    }
    raise(vm, h, b"stack overflow")
}

/// `C stack overflow`: too many calls from Rust into Lua and back.
#[cold]
#[inline(never)]
pub(crate) fn c_stack_overflow(vm: &Vm, h: &Heap<Objects>) -> Throw {
    raise(vm, h, b"C stack overflow")
}

/// `not enough memory`, a string made beforehand.
#[cold]
#[inline(never)]
pub(crate) fn not_enough_memory(h: &Heap<Objects>) -> Throw {
    h.roots().error.set(h.roots().no_memory.get().into());
    Throw::ERROR
}

/// Code that no compiler makes.
#[cold]
#[inline(never)]
pub(crate) fn corrupt(vm: &Vm, h: &Heap<Objects>) -> Throw {
    let _ = vm;
    throw_text(h, b"bad binary format (corrupted code)")
}

/// Returns the name under which the running native function was called, and whether as a method: for messages about its arguments.
pub(crate) fn called_as(vm: &Vm, h: &Heap<Objects>) -> (Vec<u8>, bool) {
    let stack = Stack::running(vm, h);
    let Some(level) = stack.level(0) else {
        return (b"?".to_vec(), false);
    };
    match stack.name_of_call(level) {
        Some(Name { kind, name }) => (name.to_vec(), kind == "method"),
        None => (
            global_name(h, stack.function(level)).unwrap_or_else(|| b"?".to_vec()),
            false,
        ),
    }
}

/// Returns the name under which a function stands in a loaded library: `string.format`, or `print`.
pub(crate) fn global_name<'h>(h: &'h Heap<Objects>, function: Val<'h>) -> Option<Vec<u8>> {
    let registry = h.roots().registry.get()?;
    let key = registry.nodes().find_bytes(b"_LOADED")?;
    let loaded = registry.get_str(key).cast::<Table>()?;
    let mut key = Value::nil();
    while let Ok(Some((library, contents))) = next(loaded, h, key) {
        key = library;
        let (Some(library), Some(contents)) = (library.bytes(), contents.cast::<Table>()) else {
            continue;
        };
        let mut inner = Value::nil();
        while let Ok(Some((name, value))) = next(contents, h, inner) {
            inner = name;
            if let Some(name) = name.bytes()
                && value == function
            {
                return Some(match library {
                    b"_G" => name.to_vec(),
                    _ => [library, b".", name].concat(),
                });
            }
        }
    }
    None
}

/// Describes the function of a level for a traceback.
fn function_description(h: &Heap<Objects>, stack: Stack<'_, '_>, level: Level) -> Vec<u8> {
    if let Some(name) = global_name(h, stack.function(level)) {
        return [b"function '", &name[..], b"'"].concat();
    }
    if let Some(Name { kind, name }) = stack.name_of_call(level) {
        return [kind.as_bytes(), b" '", name, b"'"].concat();
    }
    let Some((proto, _)) = stack.position(level) else {
        return b"?".to_vec();
    };
    if proto.line_defined() == 0 {
        return b"main chunk".to_vec();
    }
    let position = format!(":{}>", proto.line_defined());
    [b"function <", &chunk_id(proto.debug())[..], position.as_bytes()].concat()
}

/// Returns the line of a traceback for one level.
fn traceback_line(h: &Heap<Objects>, stack: Stack<'_, '_>, level: Level) -> Vec<u8> {
    let mut line = b"\n\t".to_vec();
    match stack.position(level) {
        Some((proto, pc)) => {
            line.extend_from_slice(&chunk_id(proto.debug()));
            if let Some(number) = proto.line(pc) {
                line.extend_from_slice(format!(":{number}").as_bytes());
            }
        }
        None => line.extend_from_slice(b"[C]"),
    }
    line.extend_from_slice(b": in ");
    line.extend_from_slice(&function_description(h, stack, level));
    if level.frame.is_tail_call {
        line.extend_from_slice(b"\n\t(...tail calls...)");
    }
    line
}

/// Describes the calls of a thread from a level down; of many, the first and the last.
pub(crate) fn traceback(h: &Heap<Objects>, stack: Stack<'_, '_>, first: usize) -> Vec<u8> {
    const FIRST_SHOWN: usize = 10;
    const LAST_SHOWN: usize = 11;
    let levels: Vec<Level> = stack.levels().skip(first).collect();
    let mut text = b"stack traceback:".to_vec();
    let skipped = levels.len().saturating_sub(FIRST_SHOWN + LAST_SHOWN);
    for (index, level) in levels.iter().enumerate() {
        if skipped > 0 && index == FIRST_SHOWN {
            text.extend_from_slice(format!("\n\t...\t(skipping {skipped} levels)").as_bytes());
        }
        if skipped == 0 || index < FIRST_SHOWN || index >= FIRST_SHOWN + skipped {
            text.extend_from_slice(&traceback_line(h, stack, *level));
        }
    }
    text
}
