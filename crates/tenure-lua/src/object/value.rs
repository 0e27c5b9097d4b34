//! What a value is: its type, its truth, its number.
//!
//! Each question is a few compares on the word, and for objects one load of the header. Conversions between strings and numbers are not
//! here: they allocate or parse.

use super::{Closure, Native, NoRoom, Objects, Str, StrMethods, Table, Thread, UpVal, Userdata, Val};
use crate::pure::number::{Number, compare_numbers};
use std::cmp::Ordering;
use tenure::prelude::*;

/// An integer that needs more than 50 bits. Immutable; two of them are equal when their values are.
#[derive(Kind)]
pub(crate) struct Integer {
    pub(crate) value: i64,
}

/// The basic types, as `type` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Type {
    /// `nil`
    Nil,
    /// `boolean`
    Boolean,
    /// `userdata`, a plain number from the embedder.
    LightUserdata,
    /// `number`
    Number,
    /// `string`
    String,
    /// `table`
    Table,
    /// `function`
    Function,
    /// `userdata`
    Userdata,
    /// `thread`
    Thread,
}

impl Type {
    /// All types, in order.
    pub(crate) const ALL: [Type; 9] = [
        Type::Nil,
        Type::Boolean,
        Type::LightUserdata,
        Type::Number,
        Type::String,
        Type::Table,
        Type::Function,
        Type::Userdata,
        Type::Thread,
    ];

    /// The type's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Type::Nil => "nil",
            Type::Boolean => "boolean",
            Type::LightUserdata | Type::Userdata => "userdata",
            Type::Number => "number",
            Type::String => "string",
            Type::Table => "table",
            Type::Function => "function",
            Type::Thread => "thread",
        }
    }
}

/// Lua's view of a value.
pub trait LuaValue<'h>: Copy {
    /// Returns whether the value counts as false: nil or false. Two instructions.
    fn is_falsy(self) -> bool;
    /// Returns the integer, if the value is of that subtype. Floats with integral values are not.
    fn integer(self) -> Option<i64>;
    /// Returns the number, if the value is one. Strings are not converted.
    fn number(self) -> Option<Number>;
    /// Returns the string's bytes, if the value is one.
    fn bytes(self) -> Option<&'h [u8]>;
    /// Returns the basic type.
    fn type_of(self) -> Type;
    /// Returns whether the value is a function, of Lua or native.
    fn is_function(self) -> bool;
    /// Primitive equality, without metamethods.
    fn raw_equals(self, other: Val<'_>) -> bool;
}

impl<'h> LuaValue<'h> for Val<'h> {
    #[inline(always)]
    fn is_falsy(self) -> bool {
        self.is_nil() || self == Value::bool(false)
    }

    #[inline(always)]
    fn integer(self) -> Option<i64> {
        match self.as_int() {
            Some(int) => Some(int),
            None => self.cast::<Integer>().map(|boxed| boxed.get().value),
        }
    }

    #[inline]
    fn number(self) -> Option<Number> {
        if let Some(int) = self.as_int() {
            Some(Number::Integer(int))
        } else if let Some(float) = self.as_float() {
            Some(Number::Float(float))
        } else {
            self.cast::<Integer>().map(|boxed| Number::Integer(boxed.get().value))
        }
    }

    #[inline]
    fn bytes(self) -> Option<&'h [u8]> {
        self.cast::<Str>().map(Gc::tail)
    }

    fn type_of(self) -> Type {
        match self.kind_id() {
            Some(Table::ID) => Type::Table,
            Some(Str::ID) => Type::String,
            Some(Closure::ID | Native::ID) => Type::Function,
            Some(Userdata::ID) => Type::Userdata,
            Some(Thread::ID) => Type::Thread,
            // The identity of an upvalue, which the debug library shows.
            Some(UpVal::ID) => Type::LightUserdata,
            // No object of another kind but a boxed integer is ever a value of a program.
            Some(_) => Type::Number,
            None if self.is_nil() => Type::Nil,
            None if self.as_bool().is_some() => Type::Boolean,
            None if self.as_symbol().is_some() => Type::LightUserdata,
            None => Type::Number,
        }
    }

    fn is_function(self) -> bool {
        self.is::<Closure>() || self.is::<Native>()
    }

    #[inline]
    fn raw_equals(self, other: Val<'_>) -> bool {
        if self == other {
            // The only word that is not equal to itself.
            return !self.as_float().is_some_and(f64::is_nan);
        }
        if let (Some(a), Some(b)) = (self.cast::<Str>(), other.cast::<Str>()) {
            return a.same_bytes(b);
        }
        match (self.number(), other.number()) {
            (Some(a), Some(b)) => compare_numbers(a, b) == Some(Ordering::Equal),
            _ => false,
        }
    }
}

/// Makes the value of an integer, which is boxed when it needs more than 50 bits.
#[inline(always)]
pub(crate) fn new_integer(h: &Heap<Objects>, int: i64) -> Result<Val<'_>, NoRoom> {
    match Value::try_int(int) {
        Some(value) => Ok(value),
        None => new_box(h, int),
    }
}

#[cold]
#[inline(never)]
fn new_box(h: &Heap<Objects>, value: i64) -> Result<Val<'_>, NoRoom> {
    match h.try_alloc::<Integer>(IntegerInit { value }) {
        Ok(boxed) => Ok(boxed.into()),
        Err(_) => Err(NoRoom { bytes: 16 }),
    }
}
