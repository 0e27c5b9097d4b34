//! What the loop borrows from the region for the running function.
//!
//! A few loads at each call and return; then code, constants and registers are slices until the next. A register's number needs no bounds
//! check, since there are 256 and it is a byte.

use super::Vm;
use crate::object::{Closure, ClosureFields, Objects, ProtoFields, Val};
use tenure::REGISTERS;
use tenure::prelude::*;

/// The registers of the running function.
#[derive(Clone, Copy)]
pub(super) struct Window<'h>(&'h [RSlot<Objects>; REGISTERS]);

impl<'h> Window<'h> {
    #[inline(always)]
    pub(super) fn get(self, register: u8) -> Val<'h> {
        self.0[usize::from(register)].get()
    }

    #[inline(always)]
    pub(super) fn set(self, register: u8, value: Val<'_>) {
        self.0[usize::from(register)].set(value);
    }
}

/// What the loop borrows for the running function.
#[derive(Clone, Copy)]
pub(super) struct Here<'h> {
    pub(super) closure: Gc<'h, Closure>,
    pub(super) code: &'h [Cell<u64>],
    pub(super) constants: &'h [Slot<Dyn<Objects>>],
    pub(super) registers: Window<'h>,
    pub(super) pc: usize,
}

/// Borrows what belongs to the function on top, in the middle of it.
#[inline(always)]
pub(super) fn here<'h>(vm: &Vm, h: &'h Heap<Objects>) -> Option<Here<'h>> {
    let area = h.register_area();
    let closure = area.get(vm.base - 1)?.get().cast::<Closure>()?;
    let mut here = begin(vm, h, closure)?;
    here.pc = vm.frames.top.pc as usize;
    Some(here)
}

/// Borrows what belongs to the function on top, a call of `closure`, at its first instruction.
#[inline(always)]
pub(super) fn begin<'h>(vm: &Vm, h: &'h Heap<Objects>, closure: Gc<'h, Closure>) -> Option<Here<'h>> {
    let proto = closure.proto();
    Some(Here {
        closure,
        code: proto.code().tail(),
        constants: proto.constants().tail(),
        registers: Window(h.register_area().get(vm.base..)?.first_chunk()?),
        pc: 0,
    })
}
