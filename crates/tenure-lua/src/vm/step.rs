//! Calls, returns and continuations: everything but the execution of instructions.
//!
//! `advance` does what is pending until instructions are to be executed or the region must be left. Each step takes constant time beside
//! the values it moves. A step that finds no memory leaves what is pending as it was, so it is taken again after a collection.

use super::metamethod::of_value;
use super::{ALL, Catch, Exit, Frame, FrameKind, Pending, PendingCall, Return, Vm, message};
use crate::bytecode::Metamethod;
use crate::native::{Action, Call, NativeFunction, Reply, Throw, Thrown};
use crate::object::{Closure, ClosureFields, LuaValue, Native, NativeFields, Objects, Proto, ProtoFields, Val};
use tenure::prelude::*;

/// What a step comes to: nothing, or that the region must be left.
pub(crate) type Step = Result<Option<Exit>, Throw>;

impl Vm {
    /// Does what is pending until instructions are to be executed: then returns nothing.
    pub(crate) fn advance(&mut self, h: &Heap<Objects>) -> Option<Exit> {
        loop {
            let step = match self.pending {
                Pending::Run => return None,
                Pending::Call(call) => self.begin_call(h, call),
                Pending::Return { at, count } => self.finish_call(h, at, count),
                Pending::Continue { at, count, caught } => self.continue_native(h, at, count, caught),
                Pending::Throw => self.handle_error(h),
                Pending::Unwind => self.unwind(h),
                Pending::Resume { at, count } => self.resume(h, at, count),
                Pending::Yield { at, count } => self.suspend(h, at, count),
                Pending::CloseThread { at } => self.close_thread(h, at),
                Pending::Concat { first, count } => self.resume_concat(h, first, count),
            };
            match step {
                Ok(None) if h.safepoint_due() => return Some(Exit::Safepoint),
                Ok(None) => {}
                Ok(Some(exit)) => return Some(exit),
                Err(Throw(Thrown::Room(bytes))) => return Some(Exit::Room(bytes)),
                Err(Throw(Thrown::Error)) => self.pending = Pending::Throw,
            }
        }
    }

    pub(crate) fn register<'h>(&self, h: &'h Heap<Objects>, index: usize) -> Val<'h> {
        h.register_area().get(index).map_or(Value::nil(), RSlot::get)
    }

    pub(crate) fn set_register(&self, h: &Heap<Objects>, index: usize, value: Val<'_>) {
        if let Some(register) = h.register_area().get(index) {
            register.set(value);
        }
    }

    /// Moves `count` registers to a lower place, or, one by one from the last, to a higher one.
    pub(crate) fn move_registers(&self, h: &Heap<Objects>, from: usize, to: usize, count: usize) {
        let area = h.register_area();
        let (Some(source), Some(target)) = (area.get(from..from + count), area.get(to..to + count)) else {
            debug_assert!(false, "registers that are moved are in view");
            return;
        };
        if to <= from {
            for (target, source) in target.iter().zip(source) {
                target.set(source.get());
            }
        } else {
            for (target, source) in target.iter().zip(source).rev() {
                target.set(source.get());
            }
        }
    }

    /// Starts a call.
    fn begin_call(&mut self, h: &Heap<Objects>, call: PendingCall) -> Step {
        if self.is_interrupted() {
            return Err(self.interruption(h));
        }
        let mut call = call;
        self.make_callable(h, &mut call)?;
        let function = self.register(h, call.at);
        if let Some(closure) = function.cast::<Closure>() {
            self.enter(h, closure.proto(), call)?;
            self.hook_entry();
            self.pending = Pending::Run;
            return Ok(None);
        }
        match function.cast::<Native>() {
            Some(native) => self.enter_native(h, native.function(), call),
            None => Err(message::corrupt(self, h)),
        }
    }

    /// Puts `__call` metamethods before a value that is no function, until there is one. The value becomes the first
    /// argument, so a chain without end ends with the stack.
    pub(crate) fn make_callable(&mut self, h: &Heap<Objects>, call: &mut PendingCall) -> Result<(), Throw> {
        loop {
            let function = self.register(h, call.at);
            if function.is_function() {
                return Ok(());
            }
            let Some(method) = of_value(h, function, Metamethod::Call) else {
                let is_direct = matches!(call.how, Return::Plain | Return::Finish);
                return Err(message::call_error(self, h, function, is_direct));
            };
            self.reach(h, call.at + call.count + 2)?;
            self.move_registers(h, call.at, call.at + 1, call.count + 1);
            self.set_register(h, call.at, method);
            call.count += 1;
            self.top = self.top.max(call.at + call.count + 1);
            self.pending = Pending::Call(*call);
        }
    }

    /// Pushes the frame of a function of Lua; its first instruction is next.
    ///
    /// # Errors
    ///
    /// `stack overflow`.
    pub(crate) fn enter(&mut self, h: &Heap<Objects>, proto: Gc<'_, Proto>, call: PendingCall) -> Result<(), Throw> {
        self.reach(h, call.at + 1 + call.count)?;
        self.enter_reached(h, proto, call);
        Ok(())
    }

    /// The same, when the registers are in view.
    #[inline(always)]
    pub(crate) fn enter_reached(&mut self, h: &Heap<Objects>, proto: Gc<'_, Proto>, call: PendingCall) {
        let base = call.at + 1;
        for parameter in call.count..usize::from(proto.parameter_count()) {
            self.set_register(h, base + parameter, Value::nil());
        }
        self.top = base + call.count.max(usize::from(proto.parameter_count()));
        self.frames.push(Frame {
            then: None,
            delta: (base - self.base) as u32,
            dest: 1,
            pc: 0,
            wanted: call.wanted,
            kind: FrameKind::Lua,
            how: call.how,
            catch: Catch::No,
            is_tail_call: false,
            pending_top: 0,
        });
        self.base = base;
    }

    /// Ends the top frame if its caller is a function of Lua, which simply goes on. Returns where the results go, and how many.
    #[inline(always)]
    pub(crate) fn leave_plain(&mut self) -> Option<(usize, i16)> {
        let top = &self.frames.top;
        if top.how != Return::Plain {
            return None;
        }
        let (dest, delta, wanted) = (self.base - top.dest as usize, top.delta as usize, top.wanted);
        self.frames.drop_top();
        self.base -= delta;
        Some((dest, wanted))
    }

    /// Pushes the frame of a native function.
    #[inline(always)]
    pub(crate) fn push_native(&mut self, h: &Heap<Objects>, call: PendingCall) -> Result<(), Throw> {
        let base = call.at + 1;
        self.reach(h, base + call.count)?;
        self.frames.push(Frame {
            then: None,
            delta: (base - self.base) as u32,
            dest: 1,
            pc: call.count as u64,
            wanted: call.wanted,
            kind: FrameKind::Native,
            how: call.how,
            catch: Catch::No,
            is_tail_call: false,
            pending_top: 0,
        });
        self.base = base;
        self.top = base + call.count;
        Ok(())
    }

    /// Takes back the frame of a native function that is to be called again.
    pub(crate) fn pop_native(&mut self) {
        let frame = self.frames.pop();
        self.base -= frame.delta as usize;
    }

    /// Calls a native function.
    fn enter_native(&mut self, h: &Heap<Objects>, function: NativeFunction, call: PendingCall) -> Step {
        if self.hooks.is_on && self.hook_native_call(h, call)? {
            return Ok(Some(Exit::Hook));
        }
        let is_kept = self.hooks.is_on && self.keep_function(h, call)?;
        let at = call.at + usize::from(is_kept);
        self.push_native(h, PendingCall { at, ..call })?;
        if is_kept {
            self.frames.top.dest = 2;
        }
        let function = match function {
            NativeFunction::Region(function) | NativeFunction::Both(function, _) => function,
            NativeFunction::Reentrant(_) => return Ok(Some(Exit::Reentrant)),
        };
        let base = self.base;
        let reply = function(&mut Call::new(self, h, base, call.count));
        match reply {
            Ok(Reply(Action::Reentrant)) => Ok(Some(Exit::Reentrant)),
            Ok(Reply(action)) => {
                self.act(action);
                Ok(None)
            }
            Err(Throw(Thrown::Room(bytes))) => {
                self.pop_native();
                if is_kept {
                    self.move_registers(h, at, call.at, call.count + 1);
                }
                self.hooks.is_call_done = self.hooks.is_on;
                Err(Throw(Thrown::Room(bytes)))
            }
            Err(throw) => Err(throw),
        }
    }

    /// Makes what a native function asked for pending.
    pub(crate) fn act(&mut self, action: Action) {
        self.pending = match action {
            Action::Return(count) => Pending::Return {
                at: self.base - 1,
                count,
            },
            Action::ReturnFrom(at, count) => Pending::Return { at, count },
            Action::Call { at, count, then } => {
                self.wait(then, Catch::No);
                Pending::Call(PendingCall {
                    at,
                    count,
                    wanted: ALL,
                    how: Return::Continue,
                })
            }
            Action::ProtectedCall {
                at,
                count,
                then,
                handler,
            } => {
                self.wait(then, if handler { Catch::Handler } else { Catch::Yes });
                self.protected += 1;
                Pending::Call(PendingCall {
                    at,
                    count,
                    wanted: ALL,
                    how: Return::Continue,
                })
            }
            Action::GoOn(then) => {
                self.wait(then, Catch::No);
                let at = self.base + self.frames.top.pc as usize;
                Pending::Continue {
                    at,
                    count: 0,
                    caught: false,
                }
            }
            Action::Yield(at, count) => Pending::Yield { at, count },
            Action::Resume { at, count, then } => {
                self.wait(then, Catch::No);
                Pending::Resume { at, count }
            }
            Action::CloseThread { at, then } => {
                self.wait(then, Catch::No);
                Pending::CloseThread { at }
            }
            Action::Reentrant => Pending::Return {
                at: self.base - 1,
                count: 0,
            },
        };
    }

    /// Runs the continuation of the native function on top.
    fn continue_native(&mut self, h: &Heap<Objects>, at: usize, count: usize, caught: bool) -> Step {
        let Frame {
            then: Some(then), pc, ..
        } = self.frames.top
        else {
            return Err(message::corrupt(self, h));
        };
        if self.frames.top.catch != Catch::No {
            self.frames.top.catch = Catch::No;
            self.protected = self.protected.saturating_sub(1);
        }
        self.top = (at + count).max(self.base + pc as usize);
        let base = self.base;
        let mut call = Call::new(self, h, base, pc as usize);
        call.results = (at, count);
        call.caught = caught;
        let Reply(action) = then(&mut call)?;
        self.act(action);
        Ok(match action {
            Action::Reentrant => Some(Exit::Reentrant),
            _ => None,
        })
    }

    /// Ends the top frame, whose results stand in registers.
    fn finish_call(&mut self, h: &Heap<Objects>, at: usize, count: usize) -> Step {
        if self.hooks.is_on && self.hook_return(h, at, count)? {
            return Ok(Some(Exit::Hook));
        }
        let frame = self.frames.top;
        if frame.how == Return::Thread {
            return self.end_thread(h, at, count);
        }
        let dest = self.base - frame.dest as usize;
        self.frames.pop();
        self.base -= frame.delta as usize;
        if self.hooks.is_on {
            self.hook_returned(h);
        }
        match frame.how {
            Return::Plain => {
                self.deliver(h, at, count, dest, frame.wanted);
                self.pending = Pending::Run;
            }
            Return::Finish => {
                let result = if count > 0 { self.register(h, at) } else { Value::nil() };
                self.pending = Pending::Run;
                self.finish_instruction(h, result)?;
            }
            Return::Continue => {
                self.move_registers(h, at, dest, count);
                self.pending = Pending::Continue {
                    at: dest,
                    count,
                    caught: false,
                };
            }
            Return::Entry | Return::Hook => {
                self.move_registers(h, at, dest, count);
                self.top = dest + count;
                return Ok(Some(Exit::Done { count }));
            }
            Return::Handled => {
                let error = if count > 0 { self.register(h, at) } else { Value::nil() };
                h.roots().error.set(error);
                self.handlers = self.handlers.saturating_sub(1);
                self.pending = Pending::Unwind;
            }
            Return::Unwind => return self.close_caught(h),
            Return::Thread => {}
        }
        Ok(None)
    }

    /// Moves results to where a function of Lua expects them.
    #[inline]
    pub(crate) fn deliver(&mut self, h: &Heap<Objects>, at: usize, count: usize, dest: usize, wanted: i16) {
        match wanted {
            0 => {}
            1 => {
                let result = if count > 0 { self.register(h, at) } else { Value::nil() };
                self.set_register(h, dest, result);
            }
            ALL => {
                self.move_registers(h, at, dest, count);
                self.top = dest + count;
            }
            wanted => {
                let wanted = wanted as usize;
                self.move_registers(h, at, dest, count.min(wanted));
                for index in count..wanted {
                    self.set_register(h, dest + index, Value::nil());
                }
            }
        }
    }

    /// Calls a metamethod on behalf of the running instruction; its result completes the instruction.
    pub(crate) fn call_metamethod(
        &mut self,
        h: &Heap<Objects>,
        method: Val<'_>,
        arguments: &[Val<'_>],
    ) -> Result<(), Throw> {
        let at = self.free_register(h);
        self.call_at(h, at, method, arguments, 1, Return::Finish)
    }

    /// Puts a function and arguments into registers and makes the call pending.
    pub(crate) fn call_at(
        &mut self,
        h: &Heap<Objects>,
        at: usize,
        function: Val<'_>,
        arguments: &[Val<'_>],
        wanted: i16,
        how: Return,
    ) -> Result<(), Throw> {
        self.reach(h, at + arguments.len() + 1)?;
        self.set_register(h, at, function);
        for (index, argument) in arguments.iter().enumerate() {
            self.set_register(h, at + 1 + index, *argument);
        }
        self.pending = Pending::Call(PendingCall {
            at,
            count: arguments.len(),
            wanted,
            how,
        });
        Ok(())
    }

    /// Returns the first register that the running function of Lua does not use.
    pub(crate) fn free_register(&self, h: &Heap<Objects>) -> usize {
        let closure = self.register(h, self.base - 1).cast::<Closure>();
        self.base + closure.map_or(255, |closure| usize::from(closure.proto().max_stack_size()))
    }
}
