//! A call of a native function that calls Lua in its turn.
//!
//! The heap is a safepoint here, so values live in registers across calls; everything else is done in regions in between, through
//! [`Reentrant::region`]. Each level is one of the interpreter's recursions, which are limited.

use super::{Call, Throw};
use crate::object::Objects;
use crate::vm::Vm;
use std::fmt;
use tenure::prelude::*;

/// A call of a native function at a safepoint.
pub struct Reentrant<'a> {
    pub(crate) vm: &'a mut Vm,
    pub(crate) heap: &'a mut Heap<Objects>,
    /// Register of the first argument.
    pub(crate) base: usize,
    pub(crate) count: usize,
}

impl fmt::Debug for Reentrant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reentrant")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

impl Reentrant<'_> {
    /// Returns the call in a region, for everything but calls of Lua.
    pub fn region(&mut self) -> Call<'_, '_> {
        Call::new(self.vm, self.heap, self.base, self.count)
    }

    /// Does something in a region that allocates; when no memory is left, collects and does it again.
    ///
    /// # Errors
    ///
    /// What `f` raises; `not enough memory`.
    pub fn allocate<R>(&mut self, mut f: impl FnMut(&mut Call<'_, '_>) -> Result<R, Throw>) -> Result<R, Throw> {
        loop {
            let mut call = Call::new(self.vm, self.heap, self.base, self.count);
            let result = f(&mut call);
            self.count = call.count;
            match result {
                Ok(result) => {
                    self.vm.safepoint(self.heap);
                    return Ok(result);
                }
                Err(throw) => self.vm.make_room(self.heap, throw)?,
            }
        }
    }

    /// Makes the number of arguments `count`, with nil for those that are missing: registers for values that live across calls.
    ///
    /// # Errors
    ///
    /// When the stack is used up.
    pub fn set_count(&mut self, count: usize) -> Result<(), Throw> {
        let mut call = self.region();
        call.set_count(count)?;
        self.count = count;
        Ok(())
    }

    /// Calls a function with arguments, which `push` gives in a region, and reads the results with `read`: first result and number of
    /// results.
    ///
    /// # Errors
    ///
    /// What the function raises.
    pub fn call<R>(
        &mut self,
        push: impl FnOnce(&mut Call<'_, '_>) -> Result<(usize, usize), Throw>,
        read: impl FnOnce(&mut Call<'_, '_>) -> R,
    ) -> Result<R, Throw> {
        let (at, count) = push(&mut self.region())?;
        let results = self.vm.call(self.heap, at, count)?;
        let mut call = self.region();
        call.results = (at, results);
        Ok(read(&mut call))
    }
}
