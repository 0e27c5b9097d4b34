//! Switching between threads.
//!
//! A resumed coroutine's registers and frames are put on top of its resumer's; a suspended one's are taken away into objects. Frames hold
//! distances, so only the first one is adjusted, and open upvalues, which hold register numbers, are renumbered. The cost is proportional
//! to what the coroutine holds. Everything is allocated before anything changes.

use super::close::close_upvalues;
use super::step::Step;
use super::{ALL, Catch, DEPTH_MAX, Frame, FrameKind, Pending, PendingCall, Resumed, Return, Vm, message};
use crate::native::Throw;
use crate::object::{
    Array, CLOSED, FrameList, FrameListInit, NoRoom, Objects, SUSPENDED, Status, Thread, ThreadFields, ThreadInit,
    UpValFields, new_array,
};
use tenure::prelude::*;

/// Makes a coroutine that will call `function`.
pub(crate) fn new_thread<'h>(h: &'h Heap<Objects>, function: crate::object::Val<'h>) -> Result<Gc<'h, Thread>, Throw> {
    let registers = new_array(h, 8).map_err(Throw::of_set)?;
    registers.tail_set(h, 0, function);
    h.try_alloc::<Thread>(ThreadInit {
        status: Status::Suspended,
        registers,
        register_count: 1,
        frames: None,
        frame_count: 0,
        open_upvalues: None,
        base: 0,
        error: Value::undefined(),
        resumer: None,
        to_close: None,
    })
    .map_err(|_| NoRoom { bytes: 128 }.into())
}

impl Vm {
    /// Returns whether the running function may yield.
    pub(crate) fn is_yieldable(&self) -> bool {
        self.resumed.last().is_some_and(|resumed| resumed.depth == self.depth)
    }

    /// Puts a suspended thread on top of the running one: its registers begin at `bottom`.
    fn switch_to(&mut self, h: &Heap<Objects>, thread: Gc<'_, Thread>, resumed: Resumed) {
        let current = h.roots().thread.get().or(h.roots().main_thread.get());
        if let Some(current) = current {
            current.set_open_upvalues(h, h.roots().open_upvalues.get());
            current.set_status(h, Status::Normal);
        }
        thread.set_resumer(h, h.roots().thread.get());
        thread.set_status(h, Status::Running);
        h.roots().thread.set(Some(thread));
        h.roots().open_upvalues.set(thread.open_upvalues());
        let bottom = resumed.bottom;
        let mut next = thread.open_upvalues();
        while let Some(upvalue) = next {
            upvalue.place.set(bottom as u32 + upvalue.offset.get());
            upvalue.set_value(h, Value::nil());
            next = upvalue.next();
        }
        let count = thread.register_count.get() as usize;
        if let Some(registers) = h.register_area().get(bottom..bottom + count) {
            thread.registers().tail_copy_to_registers(0, registers);
        }
        if let Some(to_close) = thread.to_close() {
            let offsets = to_close.tail().iter().filter_map(|slot| slot.get().as_int());
            self.to_close
                .extend(offsets.map(|offset| bottom as u32 + offset as u32));
            thread.set_to_close(h, None);
        }
        self.resumed.push(resumed);
    }

    /// Takes the running thread away; the one that resumed it is next.
    fn switch_back(&mut self, h: &Heap<Objects>, thread: Gc<'_, Thread>, resumed: Resumed) {
        if let Some(first) = self.frames.get(resumed.frames) {
            self.base = resumed.bottom + first.dest as usize - first.delta as usize;
        }
        self.frames.truncate(resumed.frames);
        self.to_close.truncate(resumed.to_close);
        self.resumed.pop();
        let resumer = thread.resumer();
        thread.set_resumer(h, None);
        h.roots().thread.set(resumer);
        if let Some(resumer) = resumer.or(h.roots().main_thread.get()) {
            h.roots().open_upvalues.set(resumer.open_upvalues());
            resumer.set_open_upvalues(h, None);
            resumer.set_status(h, Status::Running);
        }
    }

    /// Resumes the thread in register `at` with the values behind it.
    pub(crate) fn resume(&mut self, h: &Heap<Objects>, at: usize, count: usize) -> Step {
        let Some(thread) = self.register(h, at).cast::<Thread>() else {
            return Err(message::corrupt(self, h));
        };
        if self.resumed.len() + self.depth >= DEPTH_MAX {
            let text = crate::object::new_string(h, b"C stack overflow")?;
            self.set_register(h, at, text.into());
            self.pending = Pending::Continue {
                at,
                count: 1,
                caught: true,
            };
            return Ok(None);
        }
        let bottom = at + 1 + count;
        let register_count = thread.register_count.get() as usize;
        self.reach(h, bottom + register_count + count + 1)?;
        let frame_count = thread.frame_count.get() as usize;
        let resumed = Resumed {
            bottom,
            frames: self.frames.len(),
            to_close: self.to_close.len(),
            depth: self.depth,
            at,
        };
        self.switch_to(h, thread, resumed);
        self.move_registers(h, at + 1, bottom + register_count, count);
        match thread.frames() {
            Some(frames) if frame_count > 0 => {
                for (index, frame) in frames.tail().iter().take(frame_count).enumerate() {
                    let mut frame = frame.get();
                    if index == 0 {
                        frame.delta = (bottom + frame.dest as usize - self.base) as u32;
                    }
                    self.frames.push(frame);
                }
                self.base = bottom + thread.base.get() as usize;
                self.top = self.base;
                self.pending = Pending::Return {
                    at: bottom + register_count,
                    count,
                };
            }
            _ => {
                self.pending = Pending::Call(PendingCall {
                    at: bottom,
                    count,
                    wanted: ALL,
                    how: Return::Thread,
                });
            }
        }
        Ok(None)
    }

    /// Copies registers and frames of the running thread from `resumed` on, up to register `end`, into the thread.
    fn save(&mut self, h: &Heap<Objects>, thread: Gc<'_, Thread>, resumed: Resumed, end: usize) -> Result<(), Throw> {
        let count = end - resumed.bottom;
        let area = h.register_area();
        let Some(registers) = area.get(resumed.bottom..end) else {
            return Err(message::corrupt(self, h));
        };
        let mut saved: Gc<'_, Array> = thread.registers();
        if saved.tail_len() < count {
            saved = new_array(h, count.next_power_of_two()).map_err(Throw::of_set)?;
        }
        let frame_count = self.frames.len() - resumed.frames;
        let list = self.frames.with_slice(resumed.frames, |frames| match thread.frames() {
            Some(list) if list.tail_len() >= frames.len() => Ok(list),
            _ => h
                .try_alloc_slice::<FrameList>(FrameListInit {}, frames)
                .map_err(|_| NoRoom {
                    bytes: 16 + size_of_val(frames),
                }),
        })?;
        let closing = self.to_close.get(resumed.to_close..).unwrap_or(&[]);
        let to_close = if closing.is_empty() {
            None
        } else {
            let offsets = new_array(h, closing.len()).map_err(Throw::of_set)?;
            for (index, register) in closing.iter().enumerate() {
                offsets.tail_set(h, index, Value::int(i64::from(*register) - resumed.bottom as i64));
            }
            Some(offsets)
        };
        // Nothing fails from here on.
        saved.tail_copy_from_registers(h, 0, registers);
        let before = (thread.register_count.get() as usize).min(saved.tail_len());
        if before > count {
            saved.tail_fill(h, count..before, Value::nil());
        }
        thread.set_registers(h, saved);
        thread.register_count.set(count as u32);
        thread.set_frames(h, Some(list));
        thread.frame_count.set(frame_count as u32);
        thread.base.set((self.base - resumed.bottom) as u32);
        thread.set_to_close(h, to_close);
        let mut next = h.roots().open_upvalues.get();
        thread.set_open_upvalues(h, next);
        while let Some(upvalue) = next {
            upvalue.offset.set(upvalue.place.get() - resumed.bottom as u32);
            upvalue.place.set(SUSPENDED);
            upvalue.set_value(h, thread.into());
            next = upvalue.next();
        }
        Ok(())
    }

    /// Suspends the running coroutine, whose top frame is the native function that yields, and gives values to its resumer.
    pub(crate) fn suspend(&mut self, h: &Heap<Objects>, at: usize, count: usize) -> Step {
        let (Some(&resumed), Some(thread)) = (self.resumed.last(), h.roots().thread.get()) else {
            return Err(message::throw_text(h, b"attempt to yield from outside a coroutine"));
        };
        if !self.is_yieldable() {
            return Err(message::throw_text(h, b"attempt to yield across a C-call boundary"));
        }
        self.save(h, thread, resumed, self.base)?;
        thread.set_status(h, Status::Suspended);
        self.switch_back(h, thread, resumed);
        self.move_registers(h, at, resumed.at, count);
        self.pending = Pending::Continue {
            at: resumed.at,
            count,
            caught: false,
        };
        Ok(None)
    }

    /// Ends the running coroutine, whose bottom frame returned values or was closed.
    pub(crate) fn end_thread(&mut self, h: &Heap<Objects>, at: usize, count: usize) -> Step {
        let (Some(&resumed), Some(thread)) = (self.resumed.last(), h.roots().thread.get()) else {
            return Err(message::corrupt(self, h));
        };
        let empty = new_array(h, 0).map_err(Throw::of_set)?;
        close_upvalues(h, resumed.bottom);
        thread.set_registers(h, empty);
        thread.register_count.set(0);
        thread.set_frames(h, None);
        thread.frame_count.set(0);
        thread.set_open_upvalues(h, None);
        thread.set_status(h, Status::Dead);
        self.switch_back(h, thread, resumed);
        self.move_registers(h, at, resumed.at, count);
        self.pending = Pending::Continue {
            at: resumed.at,
            count,
            caught: false,
        };
        Ok(None)
    }

    /// Ends the running coroutine with the error in the roots. What it held is kept, for a traceback and to be closed.
    pub(crate) fn kill_thread(&mut self, h: &Heap<Objects>) -> Step {
        let (Some(&resumed), Some(thread)) = (self.resumed.last(), h.roots().thread.get()) else {
            return Err(message::corrupt(self, h));
        };
        let error = h.roots().error.get();
        let end = self.live_end(h).min(h.register_area().len());
        self.save(h, thread, resumed, end)?;
        thread.set_error(h, error);
        thread.set_status(h, Status::Dead);
        self.handlers = 0;
        self.switch_back(h, thread, resumed);
        self.set_register(h, resumed.at, error);
        self.pending = Pending::Continue {
            at: resumed.at,
            count: 1,
            caught: true,
        };
        Ok(None)
    }

    /// Closes the thread in register `at`, which is suspended or dead: the continuation gets the error, or undefined.
    pub(crate) fn close_thread(&mut self, h: &Heap<Objects>, at: usize) -> Step {
        let Some(thread) = self.register(h, at).cast::<Thread>() else {
            return Err(message::corrupt(self, h));
        };
        let error = thread.error();
        if thread.to_close().is_none() {
            let empty = new_array(h, 0).map_err(Throw::of_set)?;
            let saved = thread.registers();
            let mut next = thread.open_upvalues();
            while let Some(upvalue) = next {
                let value = saved.tail().get(upvalue.offset.get() as usize);
                upvalue.set_value(h, value.map_or(Value::nil(), Slot::get));
                upvalue.place.set(CLOSED);
                next = upvalue.next();
                upvalue.set_next(h, None);
            }
            thread.set_open_upvalues(h, None);
            thread.set_registers(h, empty);
            thread.register_count.set(0);
            thread.set_frames(h, None);
            thread.frame_count.set(0);
            thread.set_error(h, Value::undefined());
            thread.set_status(h, Status::Dead);
            self.set_register(h, at, error);
            self.pending = Pending::Continue {
                at,
                count: 1,
                caught: false,
            };
            return Ok(None);
        }
        // The variables are closed in the thread itself, by a frame at its bottom that catches errors.
        let bottom = at + 2;
        self.reach(h, bottom + thread.register_count.get() as usize)?;
        let resumed = Resumed {
            bottom,
            frames: self.frames.len(),
            to_close: self.to_close.len(),
            // No depth is like this, so nothing can yield.
            depth: usize::MAX,
            at,
        };
        let resumer_base = self.base;
        self.switch_to(h, thread, resumed);
        self.base = bottom - 1;
        self.frames.push(Frame {
            then: None,
            // One register more than there are, and none below: so `switch_back` finds the resumer.
            delta: (bottom - resumer_base) as u32,
            dest: 0,
            pc: 0,
            wanted: ALL,
            kind: FrameKind::Bottom,
            how: Return::Thread,
            catch: Catch::Yes,
            is_tail_call: false,
            pending_top: 0,
        });
        self.top = bottom + thread.register_count.get() as usize;
        thread.set_error(h, Value::undefined());
        self.set_register(h, self.base, error);
        self.close_caught(h)
    }
}
