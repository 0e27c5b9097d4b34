//! A call of a native function that calls Lua in its turn.
//!
//! The heap is a safepoint here, so values live in registers across calls; everything else is done in regions in between, through
//! [`Reentrant::region`]. Each level is one of the interpreter's recursions, which are limited.

use super::{Call, Throw, to_number};
use crate::bytecode::Metamethod;
use crate::object::{LuaValue, Objects, Table, TableFields, TableMethods, border, symbol};
use crate::pure::number::Number;
use crate::services::Services;
use crate::vm::access::{Found, Operand, index, set_index};
use crate::vm::arithmetic::Outcome;
use crate::vm::compare::{compare, equals};
use crate::vm::metamethod::of_value;
use crate::vm::{Vm, message};
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

    /// Returns what programs reach outside.
    pub(crate) fn services(&mut self) -> &mut Services {
        &mut self.vm.services
    }

    // ---- Operations with metamethods, on arguments.

    /// Reads a field of an argument into another argument.
    pub(crate) fn get_field(&mut self, object: usize, name: &str, into: usize) -> Result<(), Throw> {
        let handler = self.allocate(|call| {
            let (object, key) = (call.argument(object), symbol(call.heap, name.as_bytes())?);
            match index(call.vm, call.heap, object, key.into(), Operand::Unknown)? {
                Found::Done(value) => {
                    call.set_argument(into, value);
                    Ok(None)
                }
                Found::Call(method, object) => call.push_call(method, &[object, key.into()]).map(Some),
            }
        })?;
        let Some((at, count)) = handler else { return Ok(()) };
        self.call(
            |_| Ok((at, count)),
            |call| {
                let value = call.result(1);
                call.set_argument(into, value);
            },
        )
    }

    /// Assigns an argument to a field of another argument.
    pub(crate) fn set_field(&mut self, object: usize, name: &str, from: usize) -> Result<(), Throw> {
        let handler = self.allocate(|call| {
            let (object, value) = (call.argument(object), call.argument(from));
            let key = symbol(call.heap, name.as_bytes())?.into();
            match set_index(call.vm, call.heap, object, key, value, Operand::Unknown)? {
                Found::Done(_) => Ok(None),
                Found::Call(method, object) => call.push_call(method, &[object, key, value]).map(Some),
            }
        })?;
        let Some((at, count)) = handler else { return Ok(()) };
        self.call(|_| Ok((at, count)), |_| ())
    }

    /// Reads the field of an argument whose name is another argument.
    pub(crate) fn get_named(&mut self, object: usize, name: usize, into: usize) -> Result<(), Throw> {
        let handler = self.allocate(|call| {
            let (object, key) = (call.argument(object), call.argument(name));
            match index(call.vm, call.heap, object, key, Operand::Unknown)? {
                Found::Done(value) => {
                    call.set_argument(into, value);
                    Ok(None)
                }
                Found::Call(method, object) => call.push_call(method, &[object, key]).map(Some),
            }
        })?;
        let Some((at, count)) = handler else { return Ok(()) };
        self.call(
            |_| Ok((at, count)),
            |call| {
                let value = call.result(1);
                call.set_argument(into, value);
            },
        )
    }

    /// Assigns an argument to the field of another argument whose name is a third one.
    pub(crate) fn set_named(&mut self, object: usize, name: usize, from: usize) -> Result<(), Throw> {
        let handler = self.allocate(|call| {
            let (object, key, value) = (call.argument(object), call.argument(name), call.argument(from));
            match set_index(call.vm, call.heap, object, key, value, Operand::Unknown)? {
                Found::Done(_) => Ok(None),
                Found::Call(method, object) => call.push_call(method, &[object, key, value]).map(Some),
            }
        })?;
        let Some((at, count)) = handler else { return Ok(()) };
        self.call(|_| Ok((at, count)), |_| ())
    }

    /// Reads `argument[key]` into another argument.
    pub(crate) fn get(&mut self, object: usize, key: i64, into: usize) -> Result<(), Throw> {
        let mut call = self.region();
        if let Some(table) = call.argument(object).cast::<Table>() {
            let value = table.get_int(key);
            if !value.is_nil() || table.meta().is_none() {
                call.set_argument(into, value);
                return Ok(());
            }
        }
        let handler = self.allocate(|call| {
            let (object, key) = (call.argument(object), call.integer(key)?);
            match index(call.vm, call.heap, object, key, Operand::Unknown)? {
                Found::Done(value) => {
                    call.set_argument(into, value);
                    Ok(None)
                }
                Found::Call(method, object) => call.push_call(method, &[object, key]).map(Some),
            }
        })?;
        let Some((at, count)) = handler else { return Ok(()) };
        self.call(
            |_| Ok((at, count)),
            |call| {
                let value = call.result(1);
                call.set_argument(into, value);
            },
        )
    }

    /// Assigns an argument to `argument[key]`.
    pub(crate) fn set(&mut self, object: usize, key: i64, from: usize) -> Result<(), Throw> {
        let handler = self.allocate(|call| {
            let (object, value) = (call.argument(object), call.argument(from));
            if let Some(table) = object.cast::<Table>()
                && table.replace_int(call.heap, key, value)
            {
                return Ok(None);
            }
            let key = call.integer(key)?;
            match set_index(call.vm, call.heap, object, key, value, Operand::Unknown)? {
                Found::Done(_) => Ok(None),
                Found::Call(method, object) => call.push_call(method, &[object, key, value]).map(Some),
            }
        })?;
        let Some((at, count)) = handler else { return Ok(()) };
        self.call(|_| Ok((at, count)), |_| ())
    }

    /// Returns the length of an argument, which must be an integer.
    pub(crate) fn length(&mut self, object: usize) -> Result<i64, Throw> {
        let call = self.region();
        let value = call.argument(object);
        let method = of_value(call.heap, value, Metamethod::Len);
        if method.is_none() {
            if let Some(table) = value.cast::<Table>() {
                return Ok(border(table));
            }
            if let Some(bytes) = value.bytes() {
                return Ok(bytes.len() as i64);
            }
            return Err(message::operand_error(
                call.vm,
                call.heap,
                "get length of",
                value,
                Operand::Unknown,
            ));
        }
        let length = self.call(
            |call| {
                let value = call.argument(object);
                let method = of_value(call.heap, value, Metamethod::Len).unwrap_or(Value::nil());
                call.push_call(method, &[value, value])
            },
            |call| to_number(call.result(1)).and_then(Number::to_integer),
        )?;
        length.ok_or_else(|| self.region().error(b"object length is not an integer"))
    }

    /// Returns whether one argument is less than another.
    pub(crate) fn less_than(&mut self, a: usize, b: usize) -> Result<bool, Throw> {
        let call = self.region();
        let (x, y) = (call.argument(a), call.argument(b));
        if let Outcome::Value(result) = compare(call.vm, call.heap, x, y, false)? {
            return Ok(!result.is_falsy());
        }
        self.call(
            |call| {
                let (x, y) = (call.argument(a), call.argument(b));
                match compare(call.vm, call.heap, x, y, false)? {
                    Outcome::Call(method) => call.push_call(method, &[x, y]),
                    Outcome::Value(_) => call.push_call(Value::nil(), &[]),
                }
            },
            |call| !call.result(1).is_falsy(),
        )
    }

    /// Returns whether one argument equals another.
    pub(crate) fn equal(&mut self, a: usize, b: usize) -> Result<bool, Throw> {
        let call = self.region();
        if let Outcome::Value(result) = equals(call.heap, call.argument(a), call.argument(b)) {
            return Ok(!result.is_falsy());
        }
        self.call(
            |call| {
                let (x, y) = (call.argument(a), call.argument(b));
                match equals(call.heap, x, y) {
                    Outcome::Call(method) => call.push_call(method, &[x, y]),
                    Outcome::Value(_) => call.push_call(Value::nil(), &[]),
                }
            },
            |call| !call.result(1).is_falsy(),
        )
    }
}
