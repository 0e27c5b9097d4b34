//! The interpreter's own stacks as roots: the register window and the operand stack.
//!
//! Both are arrays of words that the collector scans and updates, so an interpreter keeps its values there instead of
//! copying them into handles. A register is read and written with one load of the window's address and one access, and
//! no bounds check, because the window is 256 registers long and indices of type `u8` fit. Interpreters that stay in one
//! region over calls see all frames at once in [`Heap::register_area`], and move the window only when they leave the
//! region. The stacks have a fixed
//! capacity (see `HeapConfig`) and report an overflow instead of growing. They hold values only, no raw words.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use tenure_heap::RootArea;

use crate::error::StackOverflow;
use crate::heap::Heap;
use crate::layout::ObjectModel;
use crate::value::Value;

/// Registers in the window.
pub const REGISTERS: usize = 256;

/// A register: one word of the window.
#[repr(transparent)]
pub struct RSlot<M: ObjectModel>(Cell<u64>, PhantomData<(M, *mut ())>);

impl<M: ObjectModel> RSlot<M> {
    /// Returns the register's value. One load.
    #[must_use]
    #[inline(always)]
    pub fn get(&self) -> Value<'_, M> {
        // SAFETY: SLOT-TYPED: registers hold 0 or what `set` stored, updated by every collection (ROOT-EXACT);
        // NO-COLLECT: `&self` borrows a region.
        unsafe { Value::from_word(self.0.get()) }
    }

    /// Stores a value. One store, no barrier.
    #[inline(always)]
    pub fn set(&self, value: Value<'_, M>) {
        self.0.set(value.word());
    }
}

impl<M: ObjectModel> fmt::Debug for RSlot<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// Returns how many words lie between two addresses.
#[inline(always)]
fn words_between(low: *mut u64, high: *mut u64) -> usize {
    (high.addr() - low.addr()) / 8
}

fn capacity_words(area: &RootArea) -> usize {
    words_between(area.base, area.end)
}

#[cold]
#[inline(never)]
fn register_overflow(area: &RootArea) -> StackOverflow {
    StackOverflow {
        area: "register window",
        capacity_words: capacity_words(area),
    }
}

#[cold]
#[inline(never)]
fn operand_overflow(area: &RootArea) -> StackOverflow {
    StackOverflow {
        area: "operand stack",
        capacity_words: capacity_words(area),
    }
}

#[cold]
#[inline(never)]
fn no_frame(count: usize, depth: usize) -> ! {
    panic!("Heap::pop_frame: {count} registers given back, but only {depth} were pushed")
}

#[cold]
#[inline(never)]
fn no_operand(index: usize, length: usize) -> ! {
    panic!("operand {index} from the top is not there: the operand stack holds {length} values")
}

impl<M: ObjectModel> Heap<M> {
    /// Returns the 256 registers of the current frame. They are borrowed from the region: read them again after
    /// anything that may collect.
    #[must_use]
    #[inline(always)]
    pub fn regs(&self) -> &[RSlot<M>; REGISTERS] {
        // SAFETY: ROOT-EXACT: the area holds 256 words from its top on, all of them values: zero, stored by `set`, or
        // updated or cleared by the last collection. `RSlot` is a cell of one word.
        unsafe { &*self.core.registers.top.get().cast::<[RSlot<M>; REGISTERS]>() }
    }

    /// Moves the window up by `count` registers: register `count` becomes register 0.
    ///
    /// Registers that come into view hold whatever was left there: some value or nil.
    ///
    /// # Errors
    ///
    /// When the area is used up; the window stays where it is.
    #[inline]
    pub fn push_frame(&self, count: usize) -> Result<(), StackOverflow> {
        let area = &self.core.registers;
        let top = area.top.get();
        if count > words_between(top, area.end) - REGISTERS {
            return Err(register_overflow(area));
        }
        let top = top.wrapping_add(count);
        area.top.set(top);
        if top > area.high_water.get() {
            area.high_water.set(top);
        }
        Ok(())
    }

    /// Moves the window down by `count` registers.
    ///
    /// # Panics
    ///
    /// When fewer registers have been pushed.
    #[inline]
    pub fn pop_frame(&self, count: usize) {
        let area = &self.core.registers;
        let top = area.top.get();
        let depth = words_between(area.base, top);
        if count > depth {
            no_frame(count, depth);
        }
        area.top.set(top.wrapping_sub(count));
    }

    /// Returns all registers that have been in view since the last collection, from the first one ever pushed on: those
    /// below the window, the window, and those of frames that were popped.
    ///
    /// A collection keeps what stands below the end of the window and clears the rest, so before it the window must stand
    /// at the frame in use. [`Heap::push_frame`] brings more registers into view; what was borrowed before stays valid
    /// and has the length it had.
    ///
    /// ```
    /// # use tenure::prelude::*;
    /// # #[derive(Kind)] struct Pair { car: Slot<Opt<Pair>> }
    /// # object_model! { model Pairs { kinds: [Pair] } }
    /// # let mut isolate = Isolate::<Pairs>::new(HeapConfig::new(), NoRootsInit {})?;
    /// # isolate.enter(|h| {
    /// h.push_frame(1000)?;
    /// h.pop_frame(1000);
    /// let all = h.register_area();
    /// assert_eq!(all.len(), 1000 + tenure::REGISTERS);
    /// all[3].set(Value::int(7));
    /// assert_eq!(h.regs()[3].get(), Value::int(7));
    /// # Ok::<(), StackOverflow>(())
    /// # }).unwrap();
    /// # Ok::<(), HeapError>(())
    /// ```
    #[must_use]
    #[inline(always)]
    pub fn register_area(&self) -> &[RSlot<M>] {
        let area = &self.core.registers;
        let length = words_between(area.base, area.high_water.get()) + REGISTERS;
        // SAFETY: ROOT-EXACT: the area has a window's words above every top, and all words up to there above the highest
        // top since the last collection are values, as in `regs`: what the last collection did not update it cleared, or
        // nothing was ever stored there.
        unsafe { std::slice::from_raw_parts(area.base.cast::<RSlot<M>>(), length) }
    }

    /// Returns how many registers have been pushed; `pop_frame(frame_depth() - d)` unwinds to depth `d`.
    #[must_use]
    #[inline]
    pub fn frame_depth(&self) -> usize {
        words_between(self.core.registers.base, self.core.registers.top.get())
    }

    /// Pushes a value onto the operand stack.
    ///
    /// # Errors
    ///
    /// When the stack is full.
    #[inline(always)]
    pub fn push(&self, value: Value<'_, M>) -> Result<(), StackOverflow> {
        let area = &self.core.operands;
        let top = area.top.get();
        if top == area.end {
            return Err(operand_overflow(area));
        }
        // SAFETY: ROOT-EXACT: `top` is below the end of the area.
        unsafe { top.write(value.word()) };
        area.top.set(top.wrapping_add(1));
        Ok(())
    }

    /// Pops a value from the operand stack.
    ///
    /// # Panics
    ///
    /// When the stack is empty: see [`Heap::try_pop`].
    #[inline(always)]
    pub fn pop(&self) -> Value<'_, M> {
        match self.try_pop() {
            Some(value) => value,
            None => no_operand(0, 0),
        }
    }

    /// Pops a value from the operand stack, or returns `None` when it is empty.
    #[inline(always)]
    pub fn try_pop(&self) -> Option<Value<'_, M>> {
        let area = &self.core.operands;
        let top = area.top.get();
        if top == area.base {
            return None;
        }
        let top = top.wrapping_sub(1);
        area.top.set(top);
        // SAFETY: ROOT-EXACT: the word was pushed and updated by every collection since; NO-COLLECT: the value is
        // bound to this region, in which nothing moves.
        Some(unsafe { Value::from_word(top.read()) })
    }

    /// Returns the address of the operand that is `index` places below the top.
    #[inline(always)]
    fn operand(&self, index: usize) -> *mut u64 {
        let area = &self.core.operands;
        let top = area.top.get();
        let length = words_between(area.base, top);
        if index >= length {
            no_operand(index, length);
        }
        top.wrapping_sub(index + 1)
    }

    /// Returns the value `index` places below the top of the operand stack; 0 is the top.
    ///
    /// # Panics
    ///
    /// When the stack holds no more than `index` values.
    #[must_use]
    #[inline(always)]
    pub fn peek(&self, index: usize) -> Value<'_, M> {
        // SAFETY: ROOT-EXACT, NO-COLLECT: as in `try_pop`.
        unsafe { Value::from_word(self.operand(index).read()) }
    }

    /// Replaces the value `index` places below the top of the operand stack.
    ///
    /// # Panics
    ///
    /// When the stack holds no more than `index` values.
    #[inline(always)]
    pub fn poke(&self, index: usize, value: Value<'_, M>) {
        // SAFETY: ROOT-EXACT: within the stack.
        unsafe { self.operand(index).write(value.word()) }
    }

    /// Returns the number of values on the operand stack.
    #[must_use]
    #[inline]
    pub fn stack_len(&self) -> usize {
        words_between(self.core.operands.base, self.core.operands.top.get())
    }

    /// Pops values until `length` are left; does nothing if there are not more.
    #[inline]
    pub fn truncate(&self, length: usize) {
        if length < self.stack_len() {
            self.core.operands.top.set(self.core.operands.base.wrapping_add(length));
        }
    }
}
