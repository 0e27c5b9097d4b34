//! The driver: regions of execution with safepoints in between.
//!
//! What lives across a safepoint stands in registers, and the heap is told up to where. When an allocation failed, the collector is asked
//! for room, and the same is tried again; what fails for want of room after that is `not enough memory`, an error of the program.

use super::execute::execute;
use super::window::BEYOND;
use super::{DEPTH_MAX, Exit, FrameKind, Pending, PendingCall, Return, Vm, message};
use crate::bytecode::Opcode;
use crate::native::{Call, NativeFunction, Reentrant, Reply, Throw, Thrown};
use crate::object::{Closure, ClosureFields, Native, NativeFields, Objects, ProtoFields, instruction};
use crate::vm::ALL;
use tenure::REGISTERS;
use tenure::prelude::*;

/// Attempts to make room for one instruction. An instruction makes few objects; each attempt makes room for one more.
const ATTEMPTS_MAX: u32 = 8;

/// Major collections one after the other that may leave less than one part in [`ROOM_SHARE`] of the heap's limit free. A program whose
/// objects fill the heap to the last byte would collect for each one that it still finds room for; its memory is used up before.
const VAIN_MAX: u32 = 6;
const ROOM_SHARE: usize = 32;

/// Registers above those in use that a native function may have written before a safepoint.
pub(super) const CALL_SLACK: usize = 32;

impl Vm {
    /// Calls the function in register `at` with the `count` arguments behind it; results stand from `at` on. Returns their number.
    ///
    /// # Errors
    ///
    /// What the function raises; the error's value stands in the roots.
    pub(crate) fn call(&mut self, h: &mut Heap<Objects>, at: usize, count: usize) -> Result<usize, Throw> {
        self.call_as(h, at, count, Return::Entry)
    }

    /// The same, saying what the call is for.
    pub(super) fn call_as(
        &mut self,
        h: &mut Heap<Objects>,
        at: usize,
        count: usize,
        how: Return,
    ) -> Result<usize, Throw> {
        if self.depth >= DEPTH_MAX {
            return Err(message::c_stack_overflow(self, h));
        }
        let (frames, base, top) = (self.frames.len(), self.base, self.top);
        let protected = self.protected;
        let entry_frames = std::mem::replace(&mut self.entry_frames, frames);
        let before = std::mem::replace(
            &mut self.pending,
            Pending::Call(PendingCall {
                at,
                count,
                wanted: ALL,
                how,
            }),
        );
        self.depth += 1;
        self.is_handled = false;
        let result = self.drive(h);
        self.depth -= 1;
        self.entry_frames = entry_frames;
        self.pending = before;
        self.protected = protected;
        if result.is_err() {
            self.frames.truncate(frames);
        }
        self.base = base;
        self.top = top.max(result.as_ref().map_or(0, |count| at + count));
        result
    }

    fn drive(&mut self, h: &mut Heap<Objects>) -> Result<usize, Throw> {
        loop {
            match execute(self, h) {
                Exit::Safepoint => {
                    self.safepoint_with(h, 0);
                    if !matches!(self.pending, Pending::Throw | Pending::Unwind) && self.is_exhausted() {
                        let throw = message::not_enough_memory(h);
                        self.raise(throw);
                    } else if self.services.collector.is_running {
                        self.finalize_at_safepoint(h);
                    }
                }
                Exit::Room(bytes) => {
                    if let Err(throw) = self.make_room(h, Throw(Thrown::Room(bytes))) {
                        self.raise(throw);
                    }
                }
                Exit::Reentrant => self.call_reentrant(h),
                Exit::Hook => {
                    if let Err(throw) = self.call_hooks(h) {
                        self.raise(throw);
                    }
                }
                Exit::Done { count } => return Ok(count),
                Exit::Failed => return Err(Throw::ERROR),
            }
        }
    }

    /// Makes an error of the roots, or of memory, what is to be done next.
    fn raise(&mut self, throw: Throw) {
        debug_assert!(throw.0 == Thrown::Error, "room was made or refused");
        self.pending = if std::mem::take(&mut self.is_handled) {
            Pending::Unwind
        } else {
            Pending::Throw
        };
    }

    /// Lets the collector work if it has something to do, while a native function may have written registers above its own.
    pub(crate) fn safepoint(&mut self, h: &mut Heap<Objects>) {
        self.safepoint_with(h, CALL_SLACK);
    }

    fn safepoint_with(&mut self, h: &mut Heap<Objects>, slack: usize) {
        if h.safepoint_due() && self.services.collector.is_running {
            self.show_registers(h, slack);
            self.watched(h, |h| h.safepoint());
        }
        self.attempts = 0;
    }

    /// Lets the collector work, and counts collections in vain.
    fn watched<R>(&mut self, h: &mut Heap<Objects>, work: impl FnOnce(&mut Heap<Objects>) -> R) -> R {
        let before = h.statistics().major_collections;
        let result = work(h);
        let after = h.statistics();
        if after.major_collections != before {
            let used_bytes = after.sizes.used_bytes();
            let is_vain = used_bytes >= after.max_old_bytes - after.max_old_bytes / ROOM_SHARE;
            self.vain_collections = if is_vain { self.vain_collections + 1 } else { 0 };
        }
        result
    }

    /// Returns whether so many collections were in vain that memory counts as used up, and begins to count anew.
    fn is_exhausted(&mut self) -> bool {
        let is_exhausted = self.vain_collections >= VAIN_MAX;
        if is_exhausted {
            self.vain_collections = 0;
        }
        is_exhausted
    }

    /// Makes room after an allocation failed; passes every other error on.
    ///
    /// # Errors
    ///
    /// `throw` itself when it is an error of the program; `not enough memory` when that is so.
    pub(crate) fn make_room(&mut self, h: &mut Heap<Objects>, throw: Throw) -> Result<(), Throw> {
        let Thrown::Room(bytes) = throw.0 else {
            return Err(throw);
        };
        self.show_registers(h, CALL_SLACK);
        self.attempts += 1;
        let made = self.watched(h, |h| {
            h.safepoint();
            h.try_reserve(bytes)
        });
        if self.attempts > ATTEMPTS_MAX || made.is_err() || self.is_exhausted() {
            self.attempts = 0;
            return Err(message::not_enough_memory(h));
        }
        Ok(())
    }

    /// Returns the first register above those in use.
    pub(super) fn live_registers(&self, h: &Heap<Objects>) -> usize {
        let pending_end = match self.pending {
            Pending::Call(PendingCall { at, count, .. })
            | Pending::Return { at, count }
            | Pending::Continue { at, count, .. }
            | Pending::Resume { at, count }
            | Pending::Yield { at, count } => at + count + 1,
            Pending::CloseThread { at } => at + 1,
            Pending::Run | Pending::Throw | Pending::Unwind | Pending::Concat { .. } => 0,
        };
        // Variables of functions that an error has left are closed one by one.
        let upvalue_end = h
            .roots()
            .open_upvalues
            .get()
            .map_or(0, |upvalue| upvalue.place.get() as usize + 1);
        let to_close_end = self.to_close.last().map_or(0, |register| *register as usize + 1);
        let end = self
            .temporaries_end(h)
            .unwrap_or_else(|| self.live_end(h))
            .max(pending_end);
        end.max(upvalue_end).max(to_close_end)
    }

    /// Returns the end of the registers in use behind an instruction that leaves nothing above its results. As in the reference
    /// implementation, what calls and constructors left further up is dead there.
    fn temporaries_end(&self, h: &Heap<Objects>) -> Option<usize> {
        let frame = self.frames.top;
        if frame.kind != FrameKind::Lua || !matches!(self.pending, Pending::Run) {
            return None;
        }
        let closure = self.register(h, self.base - 1).cast::<Closure>()?;
        let code = closure.proto().code().tail();
        let last = |back: usize| code.get((frame.pc as usize).checked_sub(back)?).map(instruction);
        let mut i = last(1)?;
        if i.opcode() == Opcode::ExtraArg {
            i = last(2)?;
        }
        let count = match (i.opcode(), i.c()) {
            (Opcode::NewTable | Opcode::Closure | Opcode::Concat, _) => 1,
            (Opcode::Call, 1..) => usize::from(i.c()) - 1,
            _ => return None,
        };
        Some(self.base + usize::from(i.a()) + count)
    }

    /// Tells the heap up to where registers are in use, `slack` more than known. Those behind are cleared as far as the heap looks, so
    /// that what was left there keeps nothing alive.
    pub(super) fn show_registers(&mut self, h: &Heap<Objects>, slack: usize) {
        let live = self.live_registers(h) + slack;
        let depth = (self.base + BEYOND).max(live.saturating_sub(REGISTERS));
        let area = h.register_area();
        let behind = live.min(area.len())..(depth + REGISTERS).min(area.len());
        for register in area.get(behind).unwrap_or(&[]) {
            register.set(Value::nil());
        }
        let shown = h.frame_depth();
        if depth < shown {
            h.pop_frame(shown - depth);
        } else if h.push_frame(depth - shown).is_err() {
            debug_assert!(false, "registers in use were in view");
        }
    }

    /// Runs the native function of the top frame with the heap as a safepoint.
    fn call_reentrant(&mut self, h: &mut Heap<Objects>) {
        let function = h
            .register_area()
            .get(self.base - 1)
            .and_then(|register| register.get().cast::<Native>())
            .map(|native| native.function());
        let count = match self.frames.top.kind {
            FrameKind::Native => self.frames.top.pc as usize,
            _ => 0,
        };
        let (depth, base) = (self.frames.len(), self.base);
        let reply = match function {
            Some(NativeFunction::Reentrant(function) | NativeFunction::Both(_, function)) => function(&mut Reentrant {
                vm: self,
                heap: h,
                base,
                count,
            }),
            _ => Err(message::corrupt(self, h)),
        };
        debug_assert!(self.frames.len() == depth && self.base == base, "calls are balanced");
        match reply {
            Ok(Reply(action)) => self.act(action),
            Err(throw) => match self.make_room(h, throw) {
                // What ran until there was no memory cannot be run again: it may have called anything.
                Ok(()) => {
                    let throw = message::not_enough_memory(h);
                    self.raise(throw);
                }
                Err(throw) => self.raise(throw),
            },
        }
    }

    /// Runs the native function `f` of the embedder's in a region on behalf of no function: between calls.
    pub(crate) fn region<R>(
        &mut self,
        h: &mut Heap<Objects>,
        mut f: impl FnMut(&mut Call<'_, '_>) -> Result<R, Throw>,
    ) -> Result<R, Throw> {
        loop {
            let (base, count) = (self.base, 0);
            match f(&mut Call::new(self, h, base, count)) {
                Ok(result) => return Ok(result),
                Err(throw) => self.make_room(h, throw)?,
            }
        }
    }
}
