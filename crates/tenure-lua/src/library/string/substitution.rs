//! `gsub`.
//!
//! A replacement string, and a table that is looked up without calls, are worked on in one region; a function, and a table whose
//! metamethod is one, at safepoints: subject and pattern are read anew for each match, as they may have moved.

use super::super::OrThrow;
use super::matching::{capture_value, match_values};
use crate::native::{Call, Reentrant, Reply, Throw};
use crate::object::{LuaValue, Type, Val};
use crate::pure::number::number_text;
use crate::pure::pattern::{Match, Substitution, expand};
use crate::vm::access::{Found, Operand, index};
use tenure::prelude::*;

/// What replaces a match.
enum Replacement<'h> {
    /// A string, which may refer to captures.
    Text(&'h [u8]),
    /// What a table has under the first capture.
    Table(Val<'h>),
    /// What a function returns for the captures.
    Function(Val<'h>),
}

/// Arguments of `gsub`, in the order in which the reference implementation checks them.
struct Arguments<'h> {
    subject: &'h [u8],
    pattern: &'h [u8],
    replacement: Replacement<'h>,
    limit: i64,
}

impl<'h> Arguments<'h> {
    fn check(call: &mut Call<'_, 'h>) -> Result<Self, Throw> {
        let subject = call.check_bytes(1)?;
        let pattern = call.check_bytes(2)?;
        let limit = call.optional_integer(4, i64::MAX)?;
        let value = call.argument(3);
        let replacement = match value.type_of() {
            Type::Number | Type::String => Replacement::Text(call.check_bytes(3)?),
            Type::Table => Replacement::Table(value),
            Type::Function => Replacement::Function(value),
            _ => return Err(call.type_error(3, "string/function/table")),
        };
        Ok(Arguments {
            subject,
            pattern,
            replacement,
            limit,
        })
    }
}

/// Replaces the last match by a value, or keeps it if the value is false.
fn replace_by_value(call: &mut Call<'_, '_>, substitution: &mut Substitution, value: Val<'_>) -> Result<(), Throw> {
    if let Some(bytes) = value.bytes() {
        substitution.replacement().extend_from_slice(bytes);
    } else if let Some(number) = value.number() {
        substitution.replacement().extend_from_slice(&number_text(number));
    } else if !value.is_falsy() {
        let message = format!("invalid replacement value (a {})", value.type_of().name());
        return Err(call.error(message.as_bytes()));
    }
    Ok(())
}

pub(super) fn gsub(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let Arguments {
        subject,
        pattern,
        replacement,
        limit,
    } = Arguments::check(call)?;
    let mut substitution = Substitution::new(pattern, limit);
    while let Some(found) = substitution.next_match(subject, pattern).or_throw(call)? {
        match replacement {
            Replacement::Text(text) => expand(text, subject, &found, substitution.replacement()).or_throw(call)?,
            Replacement::Table(table) => {
                let key = capture_value(call, subject, found.capture(0))?;
                match index(call.vm, call.heap, table, key, Operand::Unknown)? {
                    Found::Done(value) => replace_by_value(call, &mut substitution, value)?,
                    Found::Call(..) => return Ok(Reply::reentrant()),
                }
            }
            Replacement::Function(_) => return Ok(Reply::reentrant()),
        }
    }
    finish(call, substitution)
}

/// The same where functions are called.
pub(super) fn gsub_with_calls(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let mut substitution = native.allocate(|call| {
        let arguments = Arguments::check(call)?;
        Ok(Substitution::new(arguments.pattern, arguments.limit))
    })?;
    loop {
        let mut call = native.region();
        let (subject, pattern) = (call.check_bytes(1)?, call.check_bytes(2)?);
        let Some(found) = substitution.next_match(subject, pattern).or_throw(&mut call)? else {
            break;
        };
        let pushed = native.allocate(|call| push_replacement_call(call, &found))?;
        match pushed {
            Pushed::Call(at, count) => native.call(
                |_| Ok((at, count)),
                |call| {
                    let value = call.result(1);
                    replace_by_value(call, &mut substitution, value)
                },
            )??,
            Pushed::Value(register) => {
                let mut call = native.region();
                let value = call.register(register);
                replace_by_value(&mut call, &mut substitution, value)?;
            }
        }
    }
    native.allocate(|call| finish(call, substitution.clone()))
}

/// What was put above the arguments.
enum Pushed {
    /// A function with arguments.
    Call(usize, usize),
    /// A value.
    Value(usize),
}

fn push_replacement_call(call: &mut Call<'_, '_>, found: &Match) -> Result<Pushed, Throw> {
    let Arguments {
        subject, replacement, ..
    } = Arguments::check(call)?;
    let (at, count) = match replacement {
        Replacement::Function(function) => {
            let captures = match_values(call, subject, found)?;
            call.push_call(function, captures.as_slice())?
        }
        Replacement::Table(table) => {
            let key = capture_value(call, subject, found.capture(0))?;
            match index(call.vm, call.heap, table, key, Operand::Unknown)? {
                Found::Done(value) => return Ok(Pushed::Value(call.push_call(value, &[])?.0)),
                Found::Call(method, object) => call.push_call(method, &[object, key])?,
            }
        }
        // Not reached: such replacements are made in one region.
        Replacement::Text(_) => return Ok(Pushed::Value(call.push_call(Value::nil(), &[])?.0)),
    };
    Ok(Pushed::Call(at, count))
}

fn finish(call: &mut Call<'_, '_>, substitution: Substitution) -> Result<Reply, Throw> {
    let (result, count) = substitution.finish(call.check_bytes(1)?);
    let result = match result {
        Some(bytes) => call.string(&bytes)?,
        None => call.argument(1),
    };
    let count = call.integer(count)?;
    call.reply_all(&[result, count])
}
