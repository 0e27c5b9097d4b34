//! Hooks: functions that are called when functions are called and return, at new lines, and every so many instructions.
//!
//! A thread's mask says which events its hook is called for. While a thread with a hook runs, a second copy of the loop executes its
//! instructions, which looks for events before each; the first copy, and so a program without hooks, pays nothing. What is hooked is left
//! as it was, the region ends, the hook is called at a safepoint as Rust calls Lua, and then what was left is done: so a hook cannot
//! yield. Hooks are not called inside of a hook of the same thread.

use super::close::close_upvalues;
use super::execute::Leave;
use super::functions::tail_call;
use super::{ALL, Exit, FrameKind, Pending, PendingCall, Return, Vm};
use crate::bytecode::{Instruction, Opcode};
use crate::native::Throw;
use crate::object::{
    Closure, ClosureFields, LuaValue, Objects, ProtoFields, ProtoMethods, Table, TableMethods, Thread, symbol,
};
use tenure::prelude::*;

/// Where the registry keeps the hooks of threads.
pub(crate) const HOOKS: &str = "_HOOKKEY";

pub(crate) const CALL: u8 = 1;
pub(crate) const RETURN: u8 = 2;
pub(crate) const LINE: u8 = 4;
pub(crate) const COUNT: u8 = 8;

/// What a thread remembers of its hook.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HookState {
    /// The events for which the hook is called; none if there is no hook.
    pub(crate) mask: u8,
    /// Instructions between two count events.
    pub(crate) interval: u32,
    /// Instructions to the next one.
    left: u32,
    /// The instruction that was executed last, in the function that runs.
    last_pc: u32,
    /// The hook itself is running.
    is_running: bool,
}

impl HookState {
    pub(crate) fn new(mask: u8, interval: u32) -> HookState {
        HookState {
            mask,
            interval,
            left: interval,
            ..HookState::default()
        }
    }

    /// A hook that was set while another one runs.
    pub(crate) fn instead_of(self, other: HookState) -> HookState {
        HookState {
            is_running: other.is_running,
            last_pc: other.last_pc,
            ..self
        }
    }
}

/// What a hook is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Call,
    TailCall,
    Return,
    Line(Option<u32>),
    Count,
}

impl Event {
    fn name(self) -> &'static str {
        match self {
            Event::Call => "call",
            Event::TailCall => "tail call",
            Event::Return => "return",
            Event::Line(_) => "line",
            Event::Count => "count",
        }
    }
}

/// What was left for a hook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Left {
    /// An instruction, whose frame is to point to it again.
    #[default]
    Instruction,
    /// The call of a native function, whose frame is to be pushed again.
    Native,
    /// A return.
    Return,
}

/// What the interpreter remembers of hooks. Its marks say that what is done next had its hooks, or is to have them.
#[derive(Debug, Default)]
pub(crate) struct Hooks {
    /// The running thread has a hook, and it is not the hook that runs.
    pub(super) is_on: bool,
    /// A function of Lua was entered.
    is_entered: bool,
    /// The instruction had its hooks.
    pub(super) is_traced: bool,
    /// The call of a native function had its hook.
    pub(super) is_call_done: bool,
    /// The return had its hook.
    is_return_done: bool,
    /// Events in order.
    events: [Option<Event>; 2],
    left: Left,
    /// While a hook runs for a call or a return: the number of frames with the function, the first of the values that go in or out,
    /// as a local variable of the function, and their number.
    transfer: Option<(usize, usize, usize)>,
}

fn current<'h>(h: &'h Heap<Objects>) -> Option<Gc<'h, Thread>> {
    h.roots().thread.get().or(h.roots().main_thread.get())
}

/// What is done before each instruction while there is a hook: looks for events, and leaves calls and returns to `step`, which looks for
/// theirs.
#[cold]
pub(super) fn before_instruction(vm: &mut Vm, h: &Heap<Objects>, i: Instruction, pc: usize) -> Option<Leave> {
    vm.frames.top.pc = pc as u64;
    if !std::mem::take(&mut vm.hooks.is_traced) && vm.trace(h, i) {
        return Some(Leave::Exit(Exit::Hook));
    }
    match vm.defer(h, i) {
        Ok(true) => Some(Leave::Pending),
        Ok(false) => None,
        Err(throw) => Some(Leave::Throw(throw)),
    }
}

impl Vm {
    /// Looks whether the running thread's hook is to be called from now on.
    pub(crate) fn refresh_hooks(&mut self, h: &Heap<Objects>) {
        let state = current(h).map(|thread| thread.hook.get()).unwrap_or_default();
        self.hooks.is_on = state.mask != 0 && !state.is_running;
        self.hooks.is_entered = false;
        self.hooks.is_traced = false;
        self.hooks.is_call_done = false;
        self.hooks.is_return_done = false;
    }

    /// A function of Lua was entered: its first instruction tells the hook.
    #[inline]
    pub(super) fn hook_entry(&mut self) {
        self.hooks.is_entered = self.hooks.is_on;
    }

    /// What is about to be done is done again, and had its hooks.
    #[inline]
    pub(super) fn repeat_instruction(&mut self) {
        self.hooks.is_traced = self.hooks.is_on;
    }

    /// Notes the events before an instruction; returns whether there are some.
    fn trace(&mut self, h: &Heap<Objects>, i: Instruction) -> bool {
        let closure = self.register(h, self.base - 1).cast::<Closure>();
        let (Some(thread), Some(closure)) = (current(h), closure) else {
            return false;
        };
        let frame = self.frames.top;
        let (proto, pc) = (closure.proto(), frame.pc.saturating_sub(1) as u32);
        let mut state = thread.hook.get();
        let mut events = [None; 2];
        if self.hooks.is_entered {
            if i.opcode() == Opcode::VarArgPrep {
                // Arguments are where they can be seen after this.
                return false;
            }
            self.hooks.is_entered = false;
            // So the first line is a new one.
            state.last_pc = pc;
            if state.mask & CALL != 0 {
                thread.hook.set(state);
                // The instruction is looked at again afterwards: the hook may have been changed.
                self.hooks.left = Left::Instruction;
                self.hooks.events[0] = Some(if frame.is_tail_call {
                    Event::TailCall
                } else {
                    Event::Call
                });
                self.hooks.transfer = Some((self.frames.len(), 1, usize::from(proto.parameter_count())));
                return true;
            }
        }
        if state.mask & COUNT != 0 {
            state.left = state.left.saturating_sub(1);
            if state.left == 0 {
                state.left = state.interval;
                events[0] = Some(Event::Count);
            }
        }
        if state.mask & LINE != 0 {
            let code = proto.code().tail().len();
            let last = if (state.last_pc as usize) < code {
                state.last_pc
            } else {
                0
            };
            let line = proto.line(pc as usize);
            if pc <= last || proto.line(last as usize) != line {
                events[1] = Some(Event::Line(line));
            }
            state.last_pc = pc;
        }
        thread.hook.set(state);
        self.hooks.events = events;
        self.hooks.left = Left::Instruction;
        self.hooks.is_traced = events.iter().any(Option::is_some);
        self.hooks.is_traced
    }

    /// Makes a call or a return pending that the loop would do by itself; returns whether the instruction is one.
    fn defer(&mut self, h: &Heap<Objects>, i: Instruction) -> Result<bool, Throw> {
        let at = self.base + usize::from(i.a());
        let count = match i.b() {
            0 => self.top.saturating_sub(at),
            b => usize::from(b) - 1 + usize::from(!matches!(i.opcode(), Opcode::Return)),
        };
        let call = |wanted| PendingCall {
            at,
            count: count.saturating_sub(1),
            wanted,
            how: Return::Plain,
        };
        self.pending = match i.opcode() {
            Opcode::Call => Pending::Call(call(i16::from(i.c()) - 1)),
            Opcode::TailCall => {
                let mut call = call(ALL);
                self.make_callable(h, &mut call)?;
                match self.register(h, at).cast::<Closure>() {
                    Some(callee) => {
                        if i.k() {
                            close_upvalues(h, self.base);
                        }
                        tail_call(self, h, callee.proto(), call)?;
                        self.hook_entry();
                        Pending::Run
                    }
                    None => Pending::Call(call),
                }
            }
            Opcode::TForCall => {
                self.move_registers(h, at, at + 4, 3);
                Pending::Call(PendingCall {
                    at: at + 4,
                    count: 2,
                    wanted: i16::from(i.c()),
                    how: Return::Plain,
                })
            }
            Opcode::Return => {
                if i.k() && self.leave_scope(h, self.base, at + count)? {
                    return Ok(true);
                }
                Pending::Return { at, count }
            }
            Opcode::Return0 => Pending::Return {
                at: self.base,
                count: 0,
            },
            Opcode::Return1 => Pending::Return { at, count: 1 },
            _ => return Ok(false),
        };
        Ok(true)
    }

    /// Before a native function runs: returns whether the hook is to be called first.
    pub(super) fn hook_native_call(&mut self, h: &Heap<Objects>, call: PendingCall) -> Result<bool, Throw> {
        let mask = current(h).map_or(0, |thread| thread.hook.get().mask);
        if std::mem::take(&mut self.hooks.is_call_done) || mask & CALL == 0 {
            return Ok(false);
        }
        self.pending = Pending::Call(call);
        self.push_native(h, call)?;
        self.hooks.is_call_done = true;
        self.hooks.events = [Some(Event::Call), None];
        self.hooks.left = Left::Native;
        self.hooks.transfer = Some((self.frames.len(), 1, call.count));
        Ok(true)
    }

    /// Moves a native function and its arguments up by one register if its return has a hook: results take the place of the function,
    /// which the hook may ask for. Returns whether that was done.
    pub(super) fn keep_function(&mut self, h: &Heap<Objects>, call: PendingCall) -> Result<bool, Throw> {
        let mask = current(h).map_or(0, |thread| thread.hook.get().mask);
        if mask & RETURN == 0 {
            return Ok(false);
        }
        self.reach(h, call.at + call.count + 2)?;
        self.move_registers(h, call.at, call.at + 1, call.count + 1);
        Ok(true)
    }

    /// Before a function returns: returns whether the hook is to be called first.
    pub(super) fn hook_return(&mut self, h: &Heap<Objects>, at: usize, count: usize) -> Result<bool, Throw> {
        let mask = current(h).map_or(0, |thread| thread.hook.get().mask);
        if std::mem::take(&mut self.hooks.is_return_done) || mask & RETURN == 0 {
            return Ok(false);
        }
        let mut at = at;
        if at < self.base {
            // Results in the place of the function cannot be seen as variables.
            self.reach(h, self.base + count)?;
            self.move_registers(h, at, self.base, count);
            at = self.base;
        }
        let frame = self.frames.top;
        if (frame.kind, frame.dest) == (FrameKind::Native, 2) {
            self.move_registers(h, self.base - 2, self.base - 1, 1);
        }
        self.pending = Pending::Return { at, count };
        self.hooks.is_return_done = true;
        self.hooks.events = [Some(Event::Return), None];
        self.hooks.left = Left::Return;
        self.hooks.transfer = Some((self.frames.len(), at + 1 - self.base, count));
        Ok(true)
    }

    /// After a return: the caller's line is not a new one.
    pub(super) fn hook_returned(&mut self, h: &Heap<Objects>) {
        let frame = self.frames.top;
        if let Some(thread) = current(h)
            && frame.kind == FrameKind::Lua
        {
            let mut state = thread.hook.get();
            state.last_pc = frame.pc.saturating_sub(1) as u32;
            thread.hook.set(state);
        }
    }

    /// Calls the hook for what was noted, and restores what was left for it.
    ///
    /// # Errors
    ///
    /// What the hook raises.
    pub(super) fn call_hooks(&mut self, h: &mut Heap<Objects>) -> Result<(), Throw> {
        let marks = (self.hooks.is_traced, self.hooks.is_call_done, self.hooks.is_return_done);
        let left = self.hooks.left;
        for event in std::mem::take(&mut self.hooks.events).into_iter().flatten() {
            self.call_hook(h, event)?;
        }
        self.hooks.transfer = None;
        (self.hooks.is_traced, self.hooks.is_call_done, self.hooks.is_return_done) = marks;
        match left {
            Left::Instruction => {
                let pc = &mut self.frames.top.pc;
                *pc = pc.saturating_sub(1);
            }
            Left::Native => self.pop_native(),
            Left::Return => {}
        }
        Ok(())
    }

    fn call_hook(&mut self, h: &mut Heap<Objects>, event: Event) -> Result<(), Throw> {
        let (top, transfer) = (self.top, self.hooks.transfer);
        if !matches!(event, Event::Call | Event::TailCall | Event::Return) {
            self.hooks.transfer = None;
        }
        let pending_end = match self.pending {
            Pending::Return { at, count } | Pending::Call(PendingCall { at, count, .. }) => at + count + 1,
            _ => 0,
        };
        let at = self.live_end(h).max(pending_end);
        self.reach(h, at + 3)?;
        let is_set = self.region(h, |call| {
            let h = call.heap();
            let registry = h.roots().registry.get();
            let hooks = registry.map(|registry| Ok::<_, Throw>(registry.get_str(symbol(h, HOOKS.as_bytes())?)));
            let hooks = hooks.transpose()?.and_then(|hooks| hooks.cast::<Table>());
            let (Some(hooks), Some(thread)) = (hooks, current(h)) else {
                return Ok(false);
            };
            let function = hooks.get_raw(h, thread.into());
            let line = match event {
                Event::Line(Some(line)) => Value::int(i64::from(line)),
                _ => Value::nil(),
            };
            let name = symbol(h, event.name().as_bytes())?;
            for (index, value) in [function, name.into(), line].into_iter().enumerate() {
                call.set_register(at + index, value);
            }
            Ok(function.is_function())
        })?;
        if is_set {
            set_running(h, true);
            self.refresh_hooks(h);
            let result = self.call_as(h, at, 2, Return::Hook);
            set_running(h, false);
            self.refresh_hooks(h);
            if let Err(throw) = result {
                self.hooks.transfer = None;
                return Err(throw);
            }
        }
        self.top = top;
        self.hooks.transfer = transfer;
        Ok(())
    }

    /// Returns which local variables of the frame with a number, counted from the bottom, are going in or out.
    pub(crate) fn transfer_of(&self, frame: usize) -> Option<(usize, usize)> {
        let (frames, first, count) = self.hooks.transfer?;
        (frames == frame + 1 && count > 0).then_some((first, count))
    }
}

fn set_running(h: &Heap<Objects>, is_running: bool) {
    if let Some(thread) = current(h) {
        let state = thread.hook.get();
        thread.hook.set(HookState { is_running, ..state });
    }
}

/// Sets the hook of a thread; the event mask of `state` says when it is called.
pub(crate) fn set_hook(vm: &mut Vm, h: &Heap<Objects>, thread: Gc<'_, Thread>, state: HookState) {
    thread.hook.set(state.instead_of(thread.hook.get()));
    vm.refresh_hooks(h);
}
