//! Around the loop: what is pending is done, the loop runs, and what it was left for is seen to.
//!
//! Also the parts of instructions that are the same for several, or rare. Costs nothing in the loop itself.

use super::access::Operand;
use super::interpreter::run;
use super::metamethod::of_value;
use super::{Exit, Pending, PendingCall, Return, Vm, message};
use crate::bytecode::{Instruction, Metamethod};
use crate::native::{Action, Call, NativeFunction, Reply, Throw, Thrown};
use crate::object::{Objects, Table, Val, border, instruction};
use tenure::prelude::*;

/// Why the loop is left.
pub(super) enum Leave {
    /// Something is pending.
    Pending,
    /// The region must be left.
    Exit(Exit),
    /// An error was raised.
    Throw(Throw),
}

/// Executes until the region must be left.
pub(super) fn execute(vm: &mut Vm, h: &Heap<Objects>) -> Exit {
    loop {
        if let Some(exit) = vm.advance(h) {
            return exit;
        }
        let leave = if vm.hooks.is_on {
            run::<true>(vm, h)
        } else {
            run::<false>(vm, h)
        };
        match leave {
            Leave::Pending => {}
            Leave::Exit(exit) => return exit,
            Leave::Throw(Throw(Thrown::Error)) => vm.pending = Pending::Throw,
            Leave::Throw(Throw(Thrown::Room(bytes))) => {
                // The instruction is executed again.
                vm.frames.top.pc -= 1;
                vm.repeat_instruction();
                return Exit::Room(bytes);
            }
        }
    }
}

/// Calls a native function in this region; nothing when it has returned and its results are in place.
#[inline(always)]
pub(super) fn call_native(
    vm: &mut Vm,
    h: &Heap<Objects>,
    function: NativeFunction,
    call: PendingCall,
) -> Option<Leave> {
    let (NativeFunction::Region(function) | NativeFunction::Both(function, _)) = function else {
        vm.pending = Pending::Call(call);
        return Some(Leave::Pending);
    };
    if let Err(throw) = vm.push_native(h, call) {
        return Some(Leave::Throw(throw));
    }
    let base = vm.base;
    match function(&mut Call::new(vm, h, base, call.count)) {
        Ok(Reply(Action::Return(count))) => {
            vm.pop_native();
            // Results stand where they are expected: only too few, or an unknown number, are worth a call.
            if count != call.wanted as usize {
                vm.deliver(h, call.at, count, call.at, call.wanted);
            }
            None
        }
        Ok(Reply(Action::Reentrant)) => Some(Leave::Exit(Exit::Reentrant)),
        Ok(Reply(action)) => {
            vm.act(action);
            Some(Leave::Pending)
        }
        Err(Throw(Thrown::Room(bytes))) => {
            vm.pop_native();
            Some(Leave::Throw(Throw(Thrown::Room(bytes))))
        }
        Err(throw) => Some(Leave::Throw(throw)),
    }
}

/// Returns the call that the instruction makes of the function in `A`, with its arguments behind it.
#[inline(always)]
pub(super) fn call_of(vm: &Vm, i: Instruction, wanted: i16) -> PendingCall {
    let at = vm.base + usize::from(i.a());
    let count = match i.b() {
        0 => vm.top - at - 1,
        b => usize::from(b) - 1,
    };
    PendingCall {
        at,
        count,
        wanted,
        how: Return::Plain,
    }
}

/// Returns the call of an iterator whose function and arguments are in place.
#[inline(always)]
pub(super) fn iteration_of(vm: &Vm, i: Instruction) -> PendingCall {
    PendingCall {
        at: vm.base + usize::from(i.a()) + 4,
        count: 2,
        wanted: i16::from(i.c()),
        how: Return::Plain,
    }
}

/// Returns the number in `C` and, if there is one, the extra argument behind the instruction.
pub(super) fn count_of(i: Instruction, extra: Option<&Cell<u64>>) -> usize {
    let high = match extra {
        Some(word) if i.k() => instruction(word).ax() as usize,
        _ => 0,
    };
    usize::from(i.c()) + high * 256
}

/// Returns the length of what is no string, or nothing when a metamethod is pending that says it.
pub(super) fn length(vm: &mut Vm, h: &Heap<Objects>, x: Val<'_>, operand: Operand) -> Result<Option<i64>, Throw> {
    match (of_value(h, x, Metamethod::Len), x.cast::<Table>()) {
        (Some(method), _) => {
            vm.call_metamethod(h, method, &[x, x])?;
            Ok(None)
        }
        (None, Some(table)) => Ok(Some(border(table))),
        (None, None) => Err(message::operand_error(vm, h, "get length of", x, operand)),
    }
}
