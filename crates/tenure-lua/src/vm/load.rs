//! Taking compiled chunks into the heap.
//!
//! Linear in the size of the chunk. Everything is made in one region, and anew if memory is short; nothing refers to it before it is
//! complete.

use crate::bytecode::{self, Constant};
use crate::object::{
    Array, CLOSED, Closure, ClosureInit, Code, CodeInit, Debug, DebugInit, Lines, LinesInit, NoRoom, Objects, Proto,
    ProtoInit, Ranges, RangesInit, SetError, UpVal, UpValInit, UpvalueDescs, UpvalueDescsInit, Val, new_array,
    new_integer, symbol,
};
use tenure::prelude::*;

/// What a table refuses is memory here: keys are fine.
fn no_room(error: SetError) -> NoRoom {
    match error {
        SetError::NoRoom(no_room) => no_room,
        _ => NoRoom { bytes: usize::MAX / 4 },
    }
}

/// Makes the objects of a prototype and of those inside.
pub(crate) fn load_proto<'h>(h: &'h Heap<Objects>, proto: &bytecode::Proto) -> Result<Gc<'h, Proto>, NoRoom> {
    let code: Vec<u64> = proto
        .code
        .iter()
        .map(|instruction| u64::from(instruction.bits()))
        .collect();
    let bytes = 8 * code.len() + 64;
    let code = h
        .try_alloc_slice::<Code>(CodeInit {}, &code)
        .map_err(|_| NoRoom { bytes })?;
    let constants = array(h, proto.constants.len(), |i| load_constant(h, &proto.constants[i]))?;
    let protos = array(h, proto.protos.len(), |i| Ok(load_proto(h, &proto.protos[i])?.into()))?;
    let places: Vec<_> = proto
        .upvalues
        .iter()
        .map(|upvalue| (upvalue.in_stack, upvalue.index, upvalue.kind as u8))
        .collect();
    let upvalues = h
        .try_alloc_slice::<UpvalueDescs>(UpvalueDescsInit {}, &places)
        .map_err(|_| NoRoom { bytes: 1024 })?;
    let debug = load_debug(h, proto)?;
    h.try_alloc::<Proto>(ProtoInit {
        code,
        constants,
        protos,
        upvalues,
        debug,
        parameter_count: proto.parameter_count,
        max_stack_size: proto.max_stack_size,
        is_vararg: proto.is_vararg,
        line_defined: proto.line_defined,
        last_line_defined: proto.last_line_defined,
    })
    .map_err(|_| NoRoom { bytes: 128 })
}

fn array<'h>(
    h: &'h Heap<Objects>,
    length: usize,
    element: impl Fn(usize) -> Result<Val<'h>, NoRoom>,
) -> Result<Gc<'h, Array>, NoRoom> {
    let array = new_array(h, length).map_err(no_room)?;
    for i in 0..length {
        array.tail_set(h, i, element(i)?);
    }
    Ok(array)
}

fn load_constant<'h>(h: &'h Heap<Objects>, constant: &Constant) -> Result<Val<'h>, NoRoom> {
    Ok(match constant {
        Constant::Nil => Value::nil(),
        Constant::True => Value::bool(true),
        Constant::False => Value::bool(false),
        Constant::Integer(int) => new_integer(h, *int)?,
        Constant::Float(float) => Value::float(*float),
        Constant::String(bytes) => symbol(h, bytes)?.into(),
    })
}

fn load_debug<'h>(h: &'h Heap<Objects>, proto: &bytecode::Proto) -> Result<Gc<'h, Debug>, NoRoom> {
    let name = |bytes: &Option<bytecode::Bytes>| match bytes {
        Some(bytes) => symbol(h, bytes).map(Val::from),
        None => Ok(Value::nil()),
    };
    let lines: Vec<u32> = (0..proto.code.len()).map_while(|pc| proto.line(pc)).collect();
    let bytes = 4 * lines.len() + 64;
    let lines = h
        .try_alloc_slice::<Lines>(LinesInit {}, &lines)
        .map_err(|_| NoRoom { bytes })?;
    let locals = &proto.local_variables;
    let ranges: Vec<_> = locals.iter().map(|local| (local.start_pc, local.end_pc)).collect();
    let bytes = 8 * ranges.len() + 64;
    let local_ranges = h
        .try_alloc_slice::<Ranges>(RangesInit {}, &ranges)
        .map_err(|_| NoRoom { bytes })?;
    let local_names = array(h, locals.len(), |i| name(&locals[i].name))?;
    let upvalue_names = array(h, proto.upvalues.len(), |i| name(&proto.upvalues[i].name))?;
    let source = match &proto.source {
        Some(source) => Some(symbol(h, source)?),
        None => None,
    };
    h.try_alloc::<Debug>(DebugInit {
        source,
        lines,
        local_names,
        local_ranges,
        upvalue_names,
    })
    .map_err(|_| NoRoom { bytes: 128 })
}

/// Makes the function of a chunk. Its first upvalue, if it has one, is `environment`.
pub(crate) fn load_chunk<'h>(
    h: &'h Heap<Objects>,
    proto: &bytecode::Proto,
    environment: Val<'h>,
) -> Result<Gc<'h, Closure>, NoRoom> {
    let loaded = load_proto(h, proto)?;
    let upvalues = array(h, proto.upvalues.len(), |i| {
        let value = if i == 0 { environment } else { Value::nil() };
        let upvalue = h.try_alloc::<UpVal>(UpValInit {
            value,
            place: CLOSED,
            offset: 0,
            next: None,
        });
        upvalue.map(Val::from).map_err(|_| NoRoom { bytes: 64 })
    })?;
    h.try_alloc_tail::<Closure, _>(proto.upvalues.len(), ClosureInit { proto: loaded }, |i| {
        upvalues.tail_get(i).cast::<UpVal>()
    })
    .map_err(|_| NoRoom {
        bytes: 16 + 8 * proto.upvalues.len(),
    })
}
