//! A call of a native function: arguments in, results out.
//!
//! Arguments are numbered from 1, as in error messages. Reading one is a bounds test and a load. The `check_` functions convert as the
//! reference implementation's auxiliary library does and raise its errors; a value that is not there reads as nil, and is told from nil
//! only by [`Call::count`].

use super::{Action, Continuation, Reply, Throw};
use crate::object::{
    LuaValue, Native, Objects, Str, Table, Type, Userdata, Val, new_integer, new_string, new_string_of, short_string,
};
use crate::pure::LibraryError;
use crate::pure::number::{Number, number_text, parse_number};
use crate::vm::{Vm, message};
use std::fmt;
use tenure::prelude::*;

/// A call of a native function, during one region.
pub struct Call<'a, 'h> {
    pub(crate) vm: &'a mut Vm,
    pub(crate) heap: &'h Heap<Objects>,
    /// Register of the first argument.
    pub(crate) base: usize,
    pub(crate) count: usize,
    /// Register of the first result of the call that a continuation waited for, and their number.
    pub(crate) results: (usize, usize),
    /// Whether that call failed.
    pub(crate) caught: bool,
}

impl fmt::Debug for Call<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

impl<'a, 'h> Call<'a, 'h> {
    pub(crate) fn new(vm: &'a mut Vm, heap: &'h Heap<Objects>, base: usize, count: usize) -> Call<'a, 'h> {
        Call {
            vm,
            heap,
            base,
            count,
            results: (0, 0),
            caught: false,
        }
    }

    /// Returns the heap of this region.
    #[must_use]
    pub fn heap(&self) -> &'h Heap<Objects> {
        self.heap
    }

    // ---- Arguments.

    /// Returns the number of arguments.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns argument `number`, or nil if there are not so many.
    #[must_use]
    #[inline]
    pub fn argument(&self, number: usize) -> Val<'h> {
        if number.wrapping_sub(1) >= self.count {
            return Value::nil();
        }
        self.register(self.base + number - 1)
    }

    /// Replaces argument `number`: where a function with a continuation keeps its state. Does nothing if there are not so many.
    pub fn set_argument(&mut self, number: usize, value: Val<'_>) {
        if number.wrapping_sub(1) < self.count {
            self.set_register(self.base + number - 1, value);
        }
    }

    /// Makes the number of arguments `count`, with nil for those that are missing.
    ///
    /// # Errors
    ///
    /// When the stack is used up.
    pub fn set_count(&mut self, count: usize) -> Result<(), Throw> {
        self.vm.reach(self.heap, self.base + count)?;
        for index in self.count..count {
            self.set_register(self.base + index, Value::nil());
        }
        self.count = count;
        self.vm.set_native_count(count);
        Ok(())
    }

    /// Returns value `number`, from 1, of those that the function was made with, or nil if there are not so many.
    #[must_use]
    pub fn upvalue(&self, number: usize) -> Val<'h> {
        let native = self.register(self.base - 1).cast::<Native>();
        let slot = native.and_then(|native| native.tail().get(number.wrapping_sub(1)));
        slot.map_or(Value::nil(), Slot::get)
    }

    /// Returns the number of values that the function was made with.
    #[must_use]
    pub fn upvalue_count(&self) -> usize {
        self.register(self.base - 1).cast::<Native>().map_or(0, Gc::tail_len)
    }

    /// Returns the function itself, whose tail are the values that it was made with.
    pub(crate) fn upvalues(&self) -> Option<Gc<'h, Native>> {
        self.register(self.base - 1).cast::<Native>()
    }

    /// Replaces value `number` of those that the function was made with. Does nothing if there are not so many.
    pub fn set_upvalue(&mut self, number: usize, value: Val<'_>) {
        let native = self.register(self.base - 1).cast::<Native>();
        if let Some(native) = native.filter(|native| number.wrapping_sub(1) < native.tail_len()) {
            native.tail_set(self.heap, number - 1, value);
        }
    }

    #[inline]
    pub(crate) fn register(&self, index: usize) -> Val<'h> {
        self.heap.register_area().get(index).map_or(Value::nil(), RSlot::get)
    }

    #[inline]
    pub(crate) fn set_register(&self, index: usize, value: Val<'_>) {
        if let Some(register) = self.heap.register_area().get(index) {
            register.set(value);
        }
    }

    /// Returns argument `number`, which must be there, even if it is nil.
    ///
    /// # Errors
    ///
    /// `value expected`.
    pub fn check_any(&mut self, number: usize) -> Result<Val<'h>, Throw> {
        if number > self.count {
            return Err(self.argument_error(number, "value expected"));
        }
        Ok(self.argument(number))
    }

    /// Returns a number, to which a string is converted.
    ///
    /// # Errors
    ///
    /// `number expected`.
    pub fn check_number(&mut self, number: usize) -> Result<Number, Throw> {
        match to_number(self.argument(number)) {
            Some(value) => Ok(value),
            None => Err(self.type_error(number, "number")),
        }
    }

    /// Returns a number as a float.
    ///
    /// # Errors
    ///
    /// `number expected`.
    pub fn check_float(&mut self, number: usize) -> Result<f64, Throw> {
        if let Some(float) = self.argument(number).as_float() {
            return Ok(float);
        }
        self.check_number(number).map(Number::to_float)
    }

    /// Returns an integer, to which a float with an integral value and a string are converted.
    ///
    /// # Errors
    ///
    /// `number expected` or `number has no integer representation`.
    #[inline]
    pub fn check_integer(&mut self, number: usize) -> Result<i64, Throw> {
        match self.argument(number).as_int() {
            Some(int) => Ok(int),
            None => self.convert_to_integer(number),
        }
    }

    #[cold]
    #[inline(never)]
    fn convert_to_integer(&mut self, number: usize) -> Result<i64, Throw> {
        match self.check_number(number)?.to_integer() {
            Some(int) => Ok(int),
            None => Err(self.argument_error(number, "number has no integer representation")),
        }
    }

    /// Returns an integer, or `default` if the argument is nil or not there.
    ///
    /// # Errors
    ///
    /// As [`Call::check_integer`].
    #[inline]
    pub fn optional_integer(&mut self, number: usize, default: i64) -> Result<i64, Throw> {
        let value = self.argument(number);
        match value.as_int() {
            Some(int) => Ok(int),
            None if value.is_nil() => Ok(default),
            None => self.convert_to_integer(number),
        }
    }

    /// Returns the bytes of a string, to which a number is converted.
    ///
    /// # Errors
    ///
    /// `string expected`; no memory for the converted number.
    #[inline]
    pub fn check_bytes(&mut self, number: usize) -> Result<&'h [u8], Throw> {
        match self.argument(number).cast::<Str>() {
            Some(string) => Ok(string.tail()),
            None => self.convert_to_string(number).map(Gc::tail),
        }
    }

    /// Returns the string that a number is converted to; that takes the argument's place.
    #[cold]
    #[inline(never)]
    fn convert_to_string(&mut self, number: usize) -> Result<Gc<'h, Str>, Throw> {
        let value = self.argument(number);
        let Some(numeric) = value.number() else {
            return Err(self.type_error(number, "string"));
        };
        let string = new_string(self.heap, &number_text(numeric))?;
        self.set_argument(number, string.into());
        Ok(string)
    }

    /// Returns the bytes of a string, or `default` if the argument is nil or not there.
    ///
    /// # Errors
    ///
    /// As [`Call::check_bytes`].
    pub fn optional_bytes(&mut self, number: usize, default: &'h [u8]) -> Result<&'h [u8], Throw> {
        if self.argument(number).is_nil() {
            return Ok(default);
        }
        self.check_bytes(number)
    }

    pub(crate) fn check_table(&mut self, number: usize) -> Result<Gc<'h, Table>, Throw> {
        match self.argument(number).cast::<Table>() {
            Some(table) => Ok(table),
            None => Err(self.type_error(number, "table")),
        }
    }

    /// Returns a value of a type.
    ///
    /// # Errors
    ///
    /// `<type> expected`.
    pub fn check_type(&mut self, number: usize, expected: Type) -> Result<Val<'h>, Throw> {
        let value = self.argument(number);
        if number <= self.count && value.type_of() == expected {
            return Ok(value);
        }
        Err(self.type_error(number, expected.name()))
    }

    /// Returns the index of a string among `options`; the argument is optional if there is a default.
    ///
    /// # Errors
    ///
    /// `invalid option '…'`.
    pub fn check_option(
        &mut self,
        number: usize,
        default: Option<&'static str>,
        options: &[&str],
    ) -> Result<usize, Throw> {
        let name = match default {
            Some(default) => self.optional_bytes(number, default.as_bytes())?,
            None => self.check_bytes(number)?,
        };
        match options.iter().position(|option| option.as_bytes() == name) {
            Some(index) => Ok(index),
            None => {
                let message = [b"invalid option '", name, b"'"].concat();
                Err(self.library_error(&LibraryError::owned_argument(number, message)))
            }
        }
    }

    // ---- Results.

    /// Returns nothing.
    ///
    /// # Errors
    ///
    /// Never; the type is that of native functions.
    pub fn reply_none(&mut self) -> Result<Reply, Throw> {
        Ok(Reply(Action::Return(0)))
    }

    /// Returns one value.
    ///
    /// # Errors
    ///
    /// Never; the type is that of native functions.
    #[inline]
    pub fn reply(&mut self, value: Val<'h>) -> Result<Reply, Throw> {
        self.set_register(self.base - 1, value);
        Ok(Reply(Action::Return(1)))
    }

    /// Returns several values.
    ///
    /// # Errors
    ///
    /// When the stack has no room for them.
    pub fn reply_all(&mut self, values: &[Val<'h>]) -> Result<Reply, Throw> {
        self.vm.reach(self.heap, self.base + values.len())?;
        let registers = self.heap.register_area().get(self.base - 1..).unwrap_or(&[]);
        for (register, value) in registers.iter().zip(values) {
            register.set(*value);
        }
        Ok(Reply(Action::Return(values.len())))
    }

    /// Returns the arguments from `number` on.
    ///
    /// # Errors
    ///
    /// Never; the type is that of native functions.
    pub fn reply_arguments(&mut self, number: usize) -> Result<Reply, Throw> {
        let skipped = (number - 1).min(self.count);
        Ok(Reply(Action::ReturnFrom(self.base + skipped, self.count - skipped)))
    }

    /// Makes a string.
    ///
    /// # Errors
    ///
    /// When the region has no memory left; the function is called again then.
    #[inline]
    pub fn string(&self, bytes: &[u8]) -> Result<Val<'h>, Throw> {
        match short_string(self.heap, bytes) {
            Some(string) => Ok(string.into()),
            None => Ok(new_string(self.heap, bytes)?.into()),
        }
    }

    /// Makes a string of several pieces.
    ///
    /// # Errors
    ///
    /// As [`Call::string`].
    pub fn string_of(&self, pieces: &[&[u8]]) -> Result<Val<'h>, Throw> {
        Ok(new_string_of(self.heap, pieces)?.into())
    }

    /// Makes the value of an integer.
    ///
    /// # Errors
    ///
    /// As [`Call::string`], for integers of more than 50 bits.
    pub fn integer(&self, int: i64) -> Result<Val<'h>, Throw> {
        Ok(new_integer(self.heap, int)?)
    }

    /// Makes the value of a number.
    ///
    /// # Errors
    ///
    /// As [`Call::integer`].
    pub fn number(&self, number: Number) -> Result<Val<'h>, Throw> {
        match number {
            Number::Integer(int) => self.integer(int),
            Number::Float(float) => Ok(Value::float(float)),
        }
    }

    // ---- Calls.

    /// Calls `function` with `arguments`, and then `then`, which finds the results in [`Call::result`]. The arguments of this call stay
    /// as they are, but for those set by [`Call::set_argument`].
    ///
    /// # Errors
    ///
    /// When the stack has no room.
    pub fn call_then(&mut self, function: Val<'h>, arguments: &[Val<'h>], then: Continuation) -> Result<Reply, Throw> {
        let (at, count) = self.push_call(function, arguments)?;
        Ok(Reply(Action::Call { at, count, then }))
    }

    /// Puts a function and arguments above those of this call.
    pub(crate) fn push_call(&mut self, function: Val<'h>, arguments: &[Val<'h>]) -> Result<(usize, usize), Throw> {
        let at = self.base + self.count;
        self.vm.reach(self.heap, at + arguments.len() + 1)?;
        self.set_register(at, function);
        for (index, argument) in arguments.iter().enumerate() {
            self.set_register(at + 1 + index, *argument);
        }
        Ok((at, arguments.len()))
    }

    /// Returns the number of results of the call that this continuation waited for.
    #[must_use]
    pub fn result_count(&self) -> usize {
        self.results.1
    }

    /// Returns result `number`, from 1, of the call that this continuation waited for, or nil if there are not so many.
    #[must_use]
    pub fn result(&self, number: usize) -> Val<'h> {
        if number.wrapping_sub(1) >= self.results.1 {
            return Value::nil();
        }
        self.register(self.results.0 + number - 1)
    }

    /// Returns all results of that call.
    ///
    /// # Errors
    ///
    /// Never; the type is that of native functions.
    pub fn reply_results(&mut self) -> Result<Reply, Throw> {
        Ok(Reply(Action::ReturnFrom(self.results.0, self.results.1)))
    }

    // ---- Errors.

    /// Raises a value.
    pub fn throw(&mut self, value: Val<'h>) -> Throw {
        self.heap.roots().error.set(value);
        Throw::ERROR
    }

    /// Raises an error with a message, with the position of the caller before it.
    pub fn error(&mut self, text: &[u8]) -> Throw {
        message::raise_at(self.vm, self.heap, 1, text)
    }

    /// Raises an error about an argument.
    pub fn argument_error(&mut self, number: usize, text: &'static str) -> Throw {
        self.library_error(&LibraryError::argument(number, text))
    }

    /// Raises an error about the type of an argument.
    pub fn type_error(&mut self, number: usize, expected: &str) -> Throw {
        let found = if number > self.count {
            b"no value".to_vec()
        } else if self.argument(number).type_of().name() == "userdata" && !self.argument(number).is::<Userdata>() {
            b"light userdata".to_vec()
        } else {
            message::type_name(self.heap, self.argument(number)).to_vec()
        };
        let text = [expected.as_bytes(), b" expected, got ", &found].concat();
        self.library_error(&LibraryError::owned_argument(number, text))
    }

    /// Raises the error of a library's algorithm: with the name of the function and the position of its caller.
    pub fn library_error(&mut self, error: &LibraryError) -> Throw {
        let (name, is_method) = message::called_as(self.vm, self.heap);
        self.error(&error.describe(&name, is_method))
    }
}

/// Converts a value to a number as the reference implementation's `lua_tonumber` does: strings are numerals.
pub(crate) fn to_number(value: Val<'_>) -> Option<Number> {
    match value.number() {
        Some(number) => Some(number),
        None => value.bytes().and_then(parse_number),
    }
}
