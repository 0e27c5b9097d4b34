//! What the loop borrows from the region for the running function.
//!
//! A few loads at each call and return; then code, constants and registers are slices until the next. A register's number needs no bounds
//! check, since there are 256 and it is a byte.

use super::Vm;
use crate::object::{Closure, ClosureFields, Objects, Proto, ProtoFields, Val};
use tenure::REGISTERS;
use tenure::prelude::*;

/// Registers in view beyond those that a byte can name, so that the last of several that belong together needs no check.
pub(super) const BEYOND: usize = 3;

/// The place of the running function, where its result goes, and its registers behind it.
#[derive(Clone, Copy)]
pub(super) struct Window<'h>(&'h [RSlot<Objects>; 1 + REGISTERS + BEYOND]);

impl<'h> Window<'h> {
    /// Returns the registers from `base` on, if all are in view.
    #[inline(always)]
    pub(super) fn at(h: &'h Heap<Objects>, base: usize) -> Option<Window<'h>> {
        Some(Window(h.register_area().get(base - 1..)?.first_chunk()?))
    }

    #[inline(always)]
    pub(super) fn get(self, register: u8) -> Val<'h> {
        self.0[1 + usize::from(register)].get()
    }

    /// Returns the four that belong to a loop.
    #[inline(always)]
    pub(super) fn four(self, first: u8) -> [&'h RSlot<Objects>; 4] {
        let first = 1 + usize::from(first);
        [
            &self.0[first],
            &self.0[first + 1],
            &self.0[first + 2],
            &self.0[first + 3],
        ]
    }

    #[inline(always)]
    pub(super) fn set(self, register: u8, value: Val<'_>) {
        self.0[1 + usize::from(register)].set(value);
    }

    #[inline(always)]
    fn function(self) -> Val<'h> {
        self.0[0].get()
    }

    /// Puts a result where the function stands that returns it.
    #[inline(always)]
    pub(super) fn set_result(self, value: Val<'_>) {
        self.0[0].set(value);
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
    let registers = Window::at(h, vm.base)?;
    let closure = registers.function().cast::<Closure>()?;
    let pc = vm.frames.top.pc as usize;
    Some(Here {
        pc,
        ..begin(closure, closure.proto(), registers)
    })
}

/// Borrows what belongs to a function at its first instruction.
#[inline(always)]
pub(super) fn begin<'h>(closure: Gc<'h, Closure>, proto: Gc<'h, Proto>, registers: Window<'h>) -> Here<'h> {
    Here {
        closure,
        code: proto.code().tail(),
        constants: proto.constants().tail(),
        registers,
        pc: 0,
    }
}
