//! Variables that go out of scope: upvalues are closed, and `__close` metamethods called.
//!
//! Open upvalues form a list that begins with the highest register, so closing those from a register up takes time proportional to their
//! number. Variables to be closed are closed from the last to the first; each call of a metamethod completes the instruction that leaves
//! the scope, which is then executed again for the next one.

use super::driver::CALL_SLACK;
use super::metamethod::of_value;
use super::names::register_name;
use super::stack::Stack;
use super::{Return, Vm, message};
use crate::bytecode::Metamethod;
use crate::native::Throw;
use crate::object::{CLOSED, LuaValue, NoRoom, Objects, UpVal, UpValFields, UpValInit, Val};
use tenure::prelude::*;

/// Closes all upvalues from a register up.
#[inline]
pub(crate) fn close_upvalues(h: &Heap<Objects>, from: usize) {
    while let Some(upvalue) = h.roots().open_upvalues.get() {
        let place = upvalue.place.get() as usize;
        if place < from {
            break;
        }
        let value = h.register_area().get(place).map_or(Value::nil(), RSlot::get);
        upvalue.set_value(h, value);
        upvalue.place.set(CLOSED);
        h.roots().open_upvalues.set(upvalue.next());
        upvalue.set_next(h, None);
    }
}

/// Returns the open upvalue of a register, made if there is none yet.
pub(crate) fn find_upvalue<'h>(h: &'h Heap<Objects>, register: usize) -> Result<Gc<'h, UpVal>, NoRoom> {
    let mut before: Option<Gc<'h, UpVal>> = None;
    let mut next = h.roots().open_upvalues.get();
    while let Some(upvalue) = next {
        let place = upvalue.place.get() as usize;
        if place == register {
            return Ok(upvalue);
        }
        if place < register {
            break;
        }
        before = next;
        next = upvalue.next();
    }
    let upvalue = h
        .try_alloc::<UpVal>(UpValInit {
            value: Value::nil(),
            place: register as u32,
            offset: 0,
            next,
        })
        .map_err(|_| NoRoom { bytes: 48 })?;
    match before {
        Some(before) => before.set_next(h, Some(upvalue)),
        None => h.roots().open_upvalues.set(Some(upvalue)),
    }
    Ok(upvalue)
}

impl Vm {
    /// Marks the variable in a register as one to be closed. Nil and false need not be.
    ///
    /// # Errors
    ///
    /// `variable '…' got a non-closable value`.
    pub(crate) fn mark_to_close(&mut self, h: &Heap<Objects>, register: usize) -> Result<(), Throw> {
        let value = self.register(h, register);
        if value.is_falsy() {
            return Ok(());
        }
        if of_value(h, value, Metamethod::Close).is_none() {
            let stack = Stack::running(self, h);
            let name = stack
                .level(0)
                .and_then(|level| stack.position(level))
                .and_then(|(proto, pc)| register_name(proto, pc + 1, register - self.base));
            let name = name.map_or(&b"?"[..], |name| name.name);
            let text = [b"variable '", name, b"' got a non-closable value"].concat();
            return Err(message::raise(self, h, &text));
        }
        self.to_close.push(register as u32);
        Ok(())
    }

    /// Takes the last variable to be closed from a register up, if there is one.
    pub(crate) fn take_to_close(&mut self, from: usize) -> Option<usize> {
        let register = *self.to_close.last()? as usize;
        if register < from || self.resumed.last().is_some_and(|resumed| register < resumed.bottom) {
            return None;
        }
        self.to_close.pop();
        Some(register)
    }

    /// Closes all variables of the main thread that are to be closed, for the end of the state. An error is given to those that are left,
    /// and then forgotten.
    pub(crate) fn close_variables(&mut self, h: &mut Heap<Objects>) {
        // The error, the metamethod and its arguments.
        const NEEDED: usize = 4;
        let at = self.live_registers(h) + CALL_SLACK;
        if self.reach(h, at + NEEDED).is_err() {
            return;
        }
        let top = self.top;
        self.set_register(h, at, Value::nil());
        while let Some(register) = self.take_of_main_thread() {
            let value = self.register(h, register);
            let method = of_value(h, value, Metamethod::Close).unwrap_or(Value::nil());
            let error = self.register(h, at);
            for (index, value) in [method, value, error].into_iter().enumerate() {
                self.set_register(h, at + 1 + index, value);
            }
            self.top = at + NEEDED;
            if self.call(h, at + 1, 2).is_err() {
                self.is_handled = false;
                self.set_register(h, at, h.roots().error.get());
            }
        }
        self.top = top;
    }

    /// Takes the last variable of the main thread to be closed, even if coroutines run on top of it.
    fn take_of_main_thread(&mut self) -> Option<usize> {
        let end = self
            .resumed
            .first()
            .map_or(self.to_close.len(), |resumed| resumed.to_close);
        let register = self.to_close.get(end.checked_sub(1)?).copied()?;
        self.to_close.remove(end - 1);
        for resumed in &mut self.resumed {
            resumed.to_close -= 1;
        }
        Some(register as usize)
    }

    /// Calls the `__close` metamethod of the variable in a register with an error, at a place where registers are free.
    pub(crate) fn call_close(
        &mut self,
        h: &Heap<Objects>,
        register: usize,
        error: Val<'_>,
        at: usize,
        how: Return,
    ) -> Result<(), Throw> {
        let value = self.register(h, register);
        // What lost its metamethod meanwhile is called itself, and that is the error.
        let method = of_value(h, value, Metamethod::Close).unwrap_or(Value::nil());
        let result = self.call_at(h, at, method, &[value, error], 0, how);
        if result.is_err() {
            self.to_close.push(register as u32);
        }
        result
    }

    /// Leaves the scope of registers from `from` up, while the results of the function, if any, end at `top`. Returns whether a
    /// metamethod is called first; then the instruction is executed again.
    pub(crate) fn leave_scope(&mut self, h: &Heap<Objects>, from: usize, top: usize) -> Result<bool, Throw> {
        if let Some(register) = self.take_to_close(from) {
            let at = self.free_register(h).max(top);
            self.frames.top.pending_top = (top - self.base) as u32;
            self.call_close(h, register, Value::nil(), at, Return::Finish)?;
            return Ok(true);
        }
        close_upvalues(h, from);
        Ok(false)
    }
}
