//! The calls in progress of a thread, as error messages and the debug library see them.
//!
//! A running thread's frames and registers are the interpreter's own, a suspended one's lie in objects; here both look the same. Level 0
//! is the function on top. Frames of the interpreter's own do not count. Finding a level takes time proportional to its depth.

use super::names::{Name, called_name};
use super::{Frame, FrameKind, FrameStack, Return, Vm};
use crate::object::{Array, Closure, ClosureFields, FrameList, Native, Objects, Proto, Thread, ThreadFields, Val};
use tenure::prelude::*;

/// The name under which finalizers are called.
pub(crate) const FINALIZER: Name<'static> = Name {
    kind: "metamethod",
    name: b"__gc",
};

/// The calls of a thread.
#[derive(Clone, Copy)]
pub(crate) struct Stack<'a, 'h> {
    frames: Frames<'a, 'h>,
    registers: Registers<'h>,
    /// First register of the top frame.
    base: usize,
    /// The function that calls finalizers.
    guard: Option<Gc<'h, Native>>,
}

#[derive(Clone, Copy)]
enum Frames<'a, 'h> {
    /// From the first to before the second.
    Running(&'a FrameStack, usize, usize),
    Saved(Option<Gc<'h, FrameList>>, usize),
}

#[derive(Clone, Copy)]
enum Registers<'h> {
    Running(&'h [RSlot<Objects>]),
    Saved(Gc<'h, Array>),
}

/// A frame and where its registers begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    index: usize,
    base: usize,
    pub(crate) frame: Frame,
}

impl<'a, 'h> Stack<'a, 'h> {
    /// Returns the calls of the running thread.
    pub(crate) fn running(vm: &'a Vm, h: &'h Heap<Objects>) -> Stack<'a, 'h> {
        let bottom = vm.resumed.last().map_or(0, |resumed| resumed.frames);
        Stack {
            frames: Frames::Running(&vm.frames, bottom, vm.frames.len()),
            registers: Registers::Running(h.register_area()),
            base: vm.base,
            guard: h.roots().guard.get(),
        }
    }

    /// Returns the calls of any thread.
    pub(crate) fn of_thread(vm: &'a Vm, h: &'h Heap<Objects>, thread: Gc<'h, Thread>) -> Stack<'a, 'h> {
        let main = h.roots().main_thread.get();
        let mut current = h.roots().thread.get();
        let (mut end, mut base) = (vm.frames.len(), vm.base);
        // From the running thread down to the main one.
        for resumed in vm.resumed.iter().rev() {
            if current.is_some_and(|current| current.ptr_eq(thread)) {
                return Stack::in_use(h, Frames::Running(&vm.frames, resumed.frames, end), base);
            }
            let frames = (resumed.frames..end).filter_map(|index| vm.frames.get(index));
            base -= frames.map(|frame| frame.delta as usize).sum::<usize>();
            end = resumed.frames;
            current = current.and_then(|current| current.resumer());
        }
        if main.is_some_and(|main| main.ptr_eq(thread)) {
            return Stack::in_use(h, Frames::Running(&vm.frames, 0, end), base);
        }
        Stack {
            frames: Frames::Saved(thread.frames(), thread.frame_count.get() as usize),
            registers: Registers::Saved(thread.registers()),
            base: thread.base.get() as usize,
            guard: h.roots().guard.get(),
        }
    }

    fn in_use(h: &'h Heap<Objects>, frames: Frames<'a, 'h>, base: usize) -> Stack<'a, 'h> {
        Stack {
            frames,
            registers: Registers::Running(h.register_area()),
            base,
            guard: h.roots().guard.get(),
        }
    }

    fn frame(&self, index: usize) -> Option<Frame> {
        match self.frames {
            Frames::Running(frames, first, end) => frames.get(first + index).filter(|_| first + index < end),
            Frames::Saved(frames, _) => frames?.tail().get(index).map(Cell::get),
        }
    }

    fn frame_count(&self) -> usize {
        match self.frames {
            Frames::Running(_, first, end) => end - first,
            Frames::Saved(_, count) => count,
        }
    }

    /// Returns what stands in a register.
    fn register(&self, index: usize) -> Option<Val<'h>> {
        match self.registers {
            Registers::Running(registers) => registers.get(index).map(RSlot::get),
            Registers::Saved(registers) => registers.tail().get(index).map(Slot::get),
        }
    }

    /// Returns the levels from the top down.
    pub(crate) fn levels(self) -> impl Iterator<Item = Level> + use<'a, 'h> {
        let mut base = self.base;
        (0..self.frame_count())
            .rev()
            .filter_map(move |index| {
                let frame = self.frame(index)?;
                let level = Level { index, base, frame };
                base = base.saturating_sub(frame.delta as usize);
                Some(level)
            })
            .filter(|level| level.frame.kind != FrameKind::Bottom)
    }

    /// Returns a level.
    pub(crate) fn level(self, level: usize) -> Option<Level> {
        self.levels().nth(level)
    }

    /// Returns the number of a level's frame, counted from the bottom of the thread.
    pub(crate) fn frame_number(&self, level: Level) -> usize {
        level.index
    }

    /// Returns the function of a level.
    pub(crate) fn function(&self, level: Level) -> Val<'h> {
        self.register(level.base - 1).unwrap_or(Value::nil())
    }

    /// Returns prototype and current instruction of a level, if it is one of a function of Lua.
    pub(crate) fn position(&self, level: Level) -> Option<(Gc<'h, Proto>, usize)> {
        if level.frame.kind != FrameKind::Lua {
            return None;
        }
        let closure = self.function(level).cast::<Closure>()?;
        Some((closure.proto(), (level.frame.pc as usize).saturating_sub(1)))
    }

    /// Returns the level that called a level, even if it is none of a function.
    fn caller(&self, level: Level) -> Option<Level> {
        let index = level.index.checked_sub(1)?;
        Some(Level {
            index,
            base: level.base.saturating_sub(level.frame.delta as usize),
            frame: self.frame(index)?,
        })
    }

    /// Returns whether a level is the function that calls finalizers.
    pub(crate) fn calls_finalizers(&self, level: Level) -> bool {
        let function = level.base.checked_sub(1).and_then(|function| self.register(function));
        let native = function.and_then(|function| function.cast::<Native>());
        matches!((native, self.guard), (Some(native), Some(guard)) if native.ptr_eq(guard))
    }

    /// Returns the name under which the function of a level was called.
    pub(crate) fn name_of_call(&self, level: Level) -> Option<Name<'h>> {
        if level.frame.how == Return::Hook {
            return Some(Name {
                kind: "hook",
                name: b"?",
            });
        }
        if level.frame.how == Return::Continue && self.caller(level).is_some_and(|caller| self.calls_finalizers(caller))
        {
            return Some(FINALIZER);
        }
        if level.frame.is_tail_call || !matches!(level.frame.how, Return::Plain | Return::Finish) {
            return None;
        }
        let (proto, pc) = self.position(self.caller(level)?)?;
        called_name(proto, pc)
    }

    /// Returns the first register of a level, and where its values end: those of the function above begin there.
    pub(crate) fn extent(&self, level: Level, top: usize) -> (usize, usize) {
        let above = self.frame(level.index + 1);
        let end = match above {
            Some(above) => level.base + above.delta as usize - above.dest as usize,
            None => top,
        };
        (level.base, end)
    }

    /// Returns the register of variable argument `number` of a level, from 1, if there are so many.
    pub(crate) fn vararg_register(&self, level: Level, number: usize) -> Option<usize> {
        use crate::object::ProtoFields;
        let (proto, _) = self.position(level)?;
        let count = (level.frame.dest as usize).checked_sub(2 + usize::from(proto.parameter_count()))?;
        if !proto.is_vararg() || number > count {
            return None;
        }
        Some(level.base - 1 - count + number - 1)
    }

    /// Reads a register of the thread.
    pub(crate) fn read(&self, register: usize) -> Val<'h> {
        self.register(register).unwrap_or(Value::nil())
    }

    /// Writes a register of the thread.
    pub(crate) fn write(&self, h: &'h Heap<Objects>, register: usize, value: Val<'h>) {
        match self.registers {
            Registers::Running(registers) => {
                if let Some(register) = registers.get(register) {
                    register.set(value);
                }
            }
            Registers::Saved(registers) if register < registers.tail_len() => registers.tail_set(h, register, value),
            Registers::Saved(_) => {}
        }
    }
}
