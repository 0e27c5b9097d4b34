//! Errors on their way from where they are raised to the frame that catches them.
//!
//! First the error handler is called, on top of everything, so that it can look at all frames; then the frames above the catching one are
//! dropped, and variables in their registers closed one by one, from the last. The error waits in the catching frame's first register
//! meanwhile. An error in a `__close` metamethod takes the first one's place.

use super::close::close_upvalues;
use super::step::Step;
use super::{ALL, Catch, DEPTH_MAX, Exit, Frame, FrameKind, Pending, Return, Vm, message};
use crate::native::Throw;
use crate::object::{NoRoom, Objects, Val, new_string};
use tenure::prelude::*;

/// Handlers that fail and are called for their own error: as many as calls from Rust, and some more for the error that says so.
const HANDLERS_MAX: usize = DEPTH_MAX + 20;

impl Vm {
    /// Calls the error handler, if there is one.
    pub(crate) fn handle_error(&mut self, h: &Heap<Objects>) -> Step {
        let bottom = self.resumed.last().map_or(0, |resumed| resumed.frames);
        let catching = self
            .levels_with_bottom(bottom)
            .find(|(_, _, catch)| *catch != Catch::No);
        let Some((_, base, Catch::Handler)) = catching else {
            self.pending = Pending::Unwind;
            return Ok(None);
        };
        if self.handlers >= HANDLERS_MAX {
            let text =
                new_string(h, b"error in error handling").map_err(|NoRoom { .. }| message::not_enough_memory(h))?;
            h.roots().error.set(text.into());
            self.pending = Pending::Unwind;
            return Ok(None);
        }
        if self.handlers >= DEPTH_MAX {
            // The handler may make something of this error.
            let text = new_string(h, b"C stack overflow").map_err(|NoRoom { .. }| message::not_enough_memory(h))?;
            h.roots().error.set(text.into());
        }
        let error: Val<'_> = h.roots().error.get();
        let handler = self.register(h, base + 1);
        let at = self.live_end(h);
        self.handlers += 1;
        match self.call_at(h, at, handler, &[error], 1, Return::Handled) {
            Ok(()) => {}
            // No register is left, not even for the handler.
            Err(Throw { .. }) => self.pending = Pending::Unwind,
        }
        Ok(None)
    }

    /// Counts the handlers that still run, after frames were dropped.
    pub(crate) fn recount_handlers(&mut self) {
        if self.handlers > 0 {
            self.handlers = self
                .frames
                .iter_down()
                .filter(|frame| frame.how == Return::Handled)
                .count();
        }
    }

    /// Returns index, first register and catch of the frames from the top to `bottom`.
    fn levels_with_bottom(&self, bottom: usize) -> impl Iterator<Item = (usize, usize, Catch)> + '_ {
        let mut base = self.base;
        (bottom..self.frames.len()).rev().map(move |index| {
            let frame = self.frames.get(index).unwrap_or(self.frames.top);
            let level = (index, base, frame.catch);
            base = base.saturating_sub(frame.delta as usize);
            level
        })
    }

    /// Returns the first register above everything that lives.
    pub(crate) fn live_end(&self, h: &Heap<Objects>) -> usize {
        let frame = self.frames.top;
        if frame.kind == FrameKind::Lua {
            return self.free_register(h).max(self.top);
        }
        self.top.max(self.base + frame.pc as usize)
    }

    /// Drops frames down to the one that catches errors.
    pub(crate) fn unwind(&mut self, h: &Heap<Objects>) -> Step {
        if self.depth > 1 && self.frames.len() <= self.entry_frames {
            // The call from Rust failed before it had a frame.
            return self.fail_entry();
        }
        let catching = |frame: &Frame| {
            frame.catch != Catch::No
                || frame.kind == FrameKind::Bottom
                || frame.how == Return::Thread
                || matches!(frame.how, Return::Entry | Return::Hook) && self.depth > 1
        };
        let catching = self.frames.iter_down().find(catching);
        if catching.is_some_and(|frame| frame.how == Return::Thread && frame.catch == Catch::No) {
            return self.kill_thread(h);
        }
        loop {
            let frame = self.frames.top;
            if frame.catch != Catch::No || frame.kind == FrameKind::Bottom {
                break;
            }
            self.frames.pop();
            self.base -= frame.delta as usize;
            if matches!(frame.how, Return::Entry | Return::Hook) && self.depth > 1 {
                return self.fail_entry();
            }
        }
        self.recount_handlers();
        self.set_register(h, self.base, h.roots().error.get());
        self.close_caught(h)
    }

    /// Ends a call from Rust: the native function that called gets the error, and what is to be closed waits for whoever catches it.
    fn fail_entry(&mut self) -> Step {
        self.recount_handlers();
        self.is_handled = true;
        Ok(Some(Exit::Failed))
    }

    /// Closes the next variable above the top frame, which caught an error, or ends the catching.
    pub(crate) fn close_caught(&mut self, h: &Heap<Objects>) -> Step {
        let error = self.register(h, self.base);
        if let Some(register) = self.take_to_close(self.base) {
            // A suspended coroutine that is closed has no error.
            let error = if error.is_undefined() { Value::nil() } else { error };
            self.call_close(h, register, error, register + 1, Return::Unwind)?;
            return Ok(None);
        }
        close_upvalues(h, self.base);
        self.top = self.base + 1;
        match self.frames.top {
            frame if frame.kind != FrameKind::Bottom => {
                self.pending = Pending::Continue {
                    at: self.base,
                    count: 1,
                    caught: true,
                };
                Ok(None)
            }
            frame if frame.how == Return::Thread => self.end_thread(h, self.base, 1),
            _ => {
                h.roots().error.set(error);
                Ok(Some(Exit::Failed))
            }
        }
    }
}

const _: () = assert!(ALL < 0, "no number of results is the mark of all");
