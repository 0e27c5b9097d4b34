//! Making and entering functions: closures, upvalues, variable arguments, tail calls.
//!
//! Variable arguments stay where the caller put them; the function and its named parameters are copied above, so that registers are
//! numbered as without. A tail call moves the callee down to where the caller stood. All linear in the number of values moved.

use super::close::find_upvalue;
use super::{ALL, PendingCall, Vm, message};
use crate::native::Throw;
use crate::object::{
    CLOSED, Closure, ClosureFields, ClosureInit, NoRoom, Objects, Proto, ProtoFields, SUSPENDED, Thread, ThreadFields,
    UpVal, UpValFields, Val,
};
use tenure::prelude::*;

/// Returns the value of an upvalue.
#[inline(always)]
pub(crate) fn upvalue_value<'h>(h: &'h Heap<Objects>, upvalue: Gc<'h, UpVal>) -> Val<'h> {
    let place = upvalue.place.get();
    if place == CLOSED {
        return upvalue.value();
    }
    match h.register_area().get(place as usize) {
        Some(register) => register.get(),
        None => suspended_value(upvalue),
    }
}

#[cold]
#[inline(never)]
fn suspended_value(upvalue: Gc<'_, UpVal>) -> Val<'_> {
    debug_assert_eq!(upvalue.place.get(), SUSPENDED);
    let thread = upvalue.value().cast::<Thread>();
    let slot = thread.and_then(|thread| thread.registers().tail().get(upvalue.offset.get() as usize));
    slot.map_or(Value::nil(), Slot::get)
}

/// Assigns an upvalue.
#[inline(always)]
pub(crate) fn set_upvalue<'h>(h: &'h Heap<Objects>, upvalue: Gc<'h, UpVal>, value: Val<'h>) {
    let place = upvalue.place.get();
    if place == CLOSED {
        return upvalue.set_value(h, value);
    }
    match h.register_area().get(place as usize) {
        Some(register) => register.set(value),
        None => set_suspended(h, upvalue, value),
    }
}

#[cold]
#[inline(never)]
fn set_suspended<'h>(h: &'h Heap<Objects>, upvalue: Gc<'h, UpVal>, value: Val<'h>) {
    let offset = upvalue.offset.get() as usize;
    if let Some(thread) = upvalue.value().cast::<Thread>()
        && offset < thread.registers().tail_len()
    {
        thread.registers().tail_set(h, offset, value);
    }
}

/// Makes a closure of a nested prototype.
pub(crate) fn new_closure<'h>(
    vm: &Vm,
    h: &'h Heap<Objects>,
    outer: Gc<'h, Closure>,
    index: usize,
) -> Result<Gc<'h, Closure>, Throw> {
    let proto = outer.proto().protos().tail().get(index).map(Slot::get);
    let Some(proto) = proto.and_then(|proto| proto.cast::<Proto>()) else {
        return Err(message::corrupt(vm, h));
    };
    let places = proto.upvalues().tail();
    // Upvalues are found first: making one may fail.
    for &(in_stack, index, _) in places {
        if in_stack {
            find_upvalue(h, vm.base + usize::from(index))?;
        } else if usize::from(index) >= outer.tail_len() {
            return Err(message::corrupt(vm, h));
        }
    }
    h.try_alloc_tail::<Closure, _>(places.len(), ClosureInit { proto }, |i| {
        let (in_stack, index, _) = places[i];
        if in_stack {
            find_upvalue(h, vm.base + usize::from(index)).ok()
        } else {
            outer.tail_get(usize::from(index))
        }
    })
    .map_err(|_| {
        NoRoom {
            bytes: 16 + 8 * places.len(),
        }
        .into()
    })
}

/// Copies variable arguments to registers from `a` on: `wanted` of them, or all.
pub(crate) fn copy_varargs(
    vm: &mut Vm,
    h: &Heap<Objects>,
    proto: Gc<'_, Proto>,
    a: u8,
    wanted: i16,
) -> Result<(), Throw> {
    let frame = vm.frames.top;
    // The function, its parameters and the variable arguments lie between its first place and its second.
    let count = (frame.dest as usize).saturating_sub(2 + usize::from(proto.parameter_count()));
    let (from, to) = (vm.base - 1 - count, vm.base + usize::from(a));
    if wanted == ALL {
        vm.reach(h, to + count)?;
    }
    vm.deliver(h, from, count, to, wanted);
    Ok(())
}

/// Moves a function with variable arguments above them.
pub(crate) fn prepare_varargs(vm: &mut Vm, h: &Heap<Objects>, parameters: usize) -> Result<(), Throw> {
    let (base, count) = (vm.base, vm.top - vm.base);
    let shift = count + 1;
    vm.reach(h, base + shift + parameters)?;
    vm.move_registers(h, base - 1, base + count, 1);
    for parameter in 0..parameters {
        vm.move_registers(h, base + parameter, base + shift + parameter, 1);
        vm.set_register(h, base + parameter, Value::nil());
    }
    vm.frames.top.delta += shift as u32;
    vm.frames.top.dest += shift as u32;
    vm.base += shift;
    Ok(())
}

/// Replaces the running function by another one.
pub(crate) fn tail_call(vm: &mut Vm, h: &Heap<Objects>, proto: Gc<'_, Proto>, call: PendingCall) -> Result<(), Throw> {
    let frame = vm.frames.top;
    let dest = vm.base - frame.dest as usize;
    vm.move_registers(h, call.at, dest, call.count + 1);
    vm.frames.pop();
    vm.base -= frame.delta as usize;
    vm.enter(
        h,
        proto,
        PendingCall {
            at: dest,
            count: call.count,
            wanted: frame.wanted,
            how: frame.how,
        },
    )?;
    vm.frames.top.is_tail_call = true;
    Ok(())
}
