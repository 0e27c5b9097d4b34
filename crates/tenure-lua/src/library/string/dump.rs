//! `dump`: a function as a binary chunk.
//!
//! The prototype is copied out of the heap and written from there; linear in its size. Upvalues are not written, as their values belong to
//! the closure.

use crate::bytecode::{Bytes, Constant, LocalVariable, Proto, UpvalueDesc, VariableKind};
use crate::chunk;
use crate::compiler::LineRecorder;
use crate::native::{Call, Reply, Throw};
use crate::object::{self, Closure, ClosureFields, DebugFields, LuaValue, ProtoFields, Str, Type, Val};
use crate::pure::number::Number;
use std::sync::Arc;
use tenure::prelude::*;

pub(super) fn dump(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let strip = !call.argument(2).is_falsy();
    let function = call.check_type(1, Type::Function)?;
    let Some(closure) = function.cast::<Closure>() else {
        return Err(call.error(b"unable to dump given function"));
    };
    let bytes = chunk::dump(&copy(closure.proto()), strip);
    let string = call.string(&bytes)?;
    call.reply(string)
}

fn name(value: Val<'_>) -> Option<Bytes> {
    value.bytes().map(Arc::from)
}

fn constant(value: Val<'_>) -> Constant {
    match (value.number(), value.bytes(), value.as_bool()) {
        (Some(Number::Integer(int)), ..) => Constant::Integer(int),
        (Some(Number::Float(float)), ..) => Constant::Float(float),
        (_, Some(bytes), _) => Constant::String(bytes.into()),
        (.., Some(true)) => Constant::True,
        (.., Some(false)) => Constant::False,
        _ => Constant::Nil,
    }
}

/// A prototype outside of the heap.
fn copy(proto: Gc<'_, object::Proto>) -> Proto {
    let debug = proto.debug();
    let upvalue_names = debug.upvalue_names();
    let upvalue = |(index, &(in_stack, place, kind)): (usize, &(bool, u8, u8))| UpvalueDesc {
        name: upvalue_names.tail().get(index).and_then(|slot| name(slot.get())),
        in_stack,
        index: place,
        kind: VariableKind::from_number(kind).unwrap_or_default(),
    };
    let local = |(slot, &(start_pc, end_pc)): (&Slot<Dyn<object::Objects>>, &(u32, u32))| LocalVariable {
        name: name(slot.get()),
        start_pc,
        end_pc,
    };
    let mut lines = LineRecorder::new(proto.line_defined());
    debug.lines().tail().iter().for_each(|&line| lines.push(line));
    let nested = proto.protos();
    let nested = nested
        .tail()
        .iter()
        .filter_map(|slot| slot.get().cast::<object::Proto>());
    Proto {
        parameter_count: proto.parameter_count(),
        is_vararg: proto.is_vararg(),
        max_stack_size: proto.max_stack_size(),
        line_defined: proto.line_defined(),
        last_line_defined: proto.last_line_defined(),
        code: proto.code().tail().iter().map(object::instruction).collect(),
        constants: proto
            .constants()
            .tail()
            .iter()
            .map(|slot| constant(slot.get()))
            .collect(),
        upvalues: proto.upvalues().tail().iter().enumerate().map(upvalue).collect(),
        protos: nested.map(|proto| Arc::new(copy(proto))).collect(),
        line_info: lines.finish(),
        local_variables: debug
            .local_names()
            .tail()
            .iter()
            .zip(debug.local_ranges().tail())
            .map(local)
            .collect(),
        source: debug.source().map(|source: Gc<'_, Str>| source.tail().into()),
    }
}
