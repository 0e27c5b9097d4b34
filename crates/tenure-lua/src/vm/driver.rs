//! The driver: regions of execution with safepoints in between.
//!
//! What lives across a safepoint stands in registers, and the heap is told up to where. When an allocation failed, the collector is asked
//! for room, and the same is tried again; what fails three times is `not enough memory`, an error of the program.

use super::execute::execute;
use super::{DEPTH_MAX, Exit, FrameKind, Pending, PendingCall, Return, Vm, message};
use crate::native::{Call, Collect, NativeFunction, Reentrant, Reply, Throw, Thrown};
use crate::object::{Native, NativeFields, Objects};
use crate::vm::ALL;
use tenure::REGISTERS;
use tenure::prelude::*;

/// Attempts to make room for one instruction. An instruction makes few objects; each attempt makes room for one more.
const ATTEMPTS_MAX: u32 = 8;

/// Registers above those in use that a native function may have written before a safepoint.
const CALL_SLACK: usize = 32;

impl Vm {
    /// Calls the function in register `at` with the `count` arguments behind it; results stand from `at` on. Returns their number.
    ///
    /// # Errors
    ///
    /// What the function raises; the error's value stands in the roots.
    pub(crate) fn call(&mut self, h: &mut Heap<Objects>, at: usize, count: usize) -> Result<usize, Throw> {
        if self.depth >= DEPTH_MAX {
            return Err(message::c_stack_overflow(self, h));
        }
        let (frames, base, top) = (self.frames.len(), self.base, self.top);
        let before = std::mem::replace(
            &mut self.pending,
            Pending::Call(PendingCall {
                at,
                count,
                wanted: ALL,
                how: Return::Entry,
            }),
        );
        self.depth += 1;
        self.is_handled = false;
        let result = self.drive(h);
        self.depth -= 1;
        self.pending = before;
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
                Exit::Safepoint => self.safepoint(h),
                Exit::Room(bytes) => {
                    if let Err(throw) = self.make_room(h, Throw(Thrown::Room(bytes))) {
                        self.raise(throw);
                    }
                }
                Exit::Reentrant => self.call_reentrant(h),
                Exit::Collect(how) => {
                    self.show_registers(h);
                    match how {
                        Collect::Full => h.collect(),
                        Collect::Step => {
                            h.start_marking();
                            let _ = h.step(h.now_ns() + 1_000_000);
                        }
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

    /// Lets the collector work if it has something to do.
    pub(crate) fn safepoint(&mut self, h: &mut Heap<Objects>) {
        if h.safepoint_due() {
            self.show_registers(h);
            h.safepoint();
        }
        self.attempts = 0;
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
        self.show_registers(h);
        self.attempts += 1;
        h.safepoint();
        if self.attempts > ATTEMPTS_MAX || h.try_reserve(bytes).is_err() {
            self.attempts = 0;
            return Err(message::not_enough_memory(h));
        }
        Ok(())
    }

    /// Tells the heap up to where registers are in use. Those that are shown and not in use hold what was left there.
    fn show_registers(&mut self, h: &Heap<Objects>) {
        let pending_end = match self.pending {
            Pending::Call(PendingCall { at, count, .. })
            | Pending::Return { at, count }
            | Pending::Continue { at, count, .. }
            | Pending::Resume { at, count }
            | Pending::Yield { at, count } => at + count + 1,
            Pending::CloseThread { at } => at + 1,
            Pending::Run | Pending::Throw | Pending::Unwind | Pending::Concat { .. } => 0,
        };
        // A native function may have put a function and its arguments above its own.
        let end = (self.top.max(pending_end) + CALL_SLACK).saturating_sub(REGISTERS);
        let depth = self.base.max(end);
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
