//! Patterns: `find`, `match`, `gmatch`.
//!
//! An iterator of `gmatch` keeps subject, pattern and two offsets as its upvalues.

use super::super::{OrThrow, new_native};
use crate::native::{Call, NativeFunction, Reply, Throw};
use crate::object::{LuaValue, Val};
use crate::pure::pattern::{self, Capture, MAX_CAPTURES, Match, PatternError, Search};
use crate::pure::slice::start_offset;
use tenure::prelude::*;

/// Upvalues of an iterator of `gmatch`.
const SUBJECT: usize = 1;
const PATTERN: usize = 2;
const POSITION: usize = 3;
const LAST_END: usize = 4;

/// What a capture captured, as a value.
pub(super) fn capture_value<'h>(
    call: &mut Call<'_, 'h>,
    subject: &[u8],
    capture: Result<Capture, PatternError>,
) -> Result<Val<'h>, Throw> {
    match capture.or_throw(call)? {
        Capture::Bytes(start, end) => call.string(&subject[start..end]),
        Capture::Position(position) => call.integer(position as i64),
    }
}

/// Values of a match, without an allocation.
pub(super) struct Values<'h> {
    values: [Val<'h>; Values::CAPACITY],
    count: usize,
}

impl<'h> Values<'h> {
    /// The first and last position, and the captures.
    const CAPACITY: usize = MAX_CAPTURES + 2;

    #[inline(always)]
    fn new() -> Values<'h> {
        Values {
            values: [Value::nil(); Values::CAPACITY],
            count: 0,
        }
    }

    #[inline]
    fn push(&mut self, value: Val<'h>) {
        self.values[self.count] = value;
        self.count += 1;
    }

    /// Appends the first `count` captures of a match.
    fn push_captures(
        &mut self,
        call: &mut Call<'_, 'h>,
        subject: &[u8],
        found: &Match,
        count: usize,
    ) -> Result<(), Throw> {
        for index in 0..count {
            self.push(capture_value(call, subject, found.capture(index))?);
        }
        Ok(())
    }

    pub(super) fn as_slice(&self) -> &[Val<'h>] {
        &self.values[..self.count]
    }
}

/// The values of a match: its captures, or all of it.
#[inline]
pub(super) fn match_values<'h>(call: &mut Call<'_, 'h>, subject: &[u8], found: &Match) -> Result<Values<'h>, Throw> {
    let mut values = Values::new();
    values.push_captures(call, subject, found, found.capture_count())?;
    Ok(values)
}

/// The subject, the pattern, and the offset where the search starts.
fn search_arguments<'h>(call: &mut Call<'_, 'h>) -> Result<(&'h [u8], &'h [u8], usize), Throw> {
    let subject = call.check_bytes(1)?;
    let pattern = call.check_bytes(2)?;
    let start = call.optional_integer(3, 1)?;
    Ok((subject, pattern, start_offset(start, subject.len())))
}

pub(super) fn find(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (subject, pattern, start) = search_arguments(call)?;
    let plain = !call.argument(4).is_falsy();
    let Some(found) = pattern::find(subject, pattern, start, plain).or_throw(call)? else {
        return call.reply(Value::nil());
    };
    let range = found.range();
    let mut values = Values::new();
    values.push(call.integer(range.start as i64 + 1)?);
    values.push(call.integer(range.end as i64)?);
    values.push_captures(call, subject, &found, found.explicit_count())?;
    call.reply_all(values.as_slice())
}

pub(super) fn first_match(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (subject, pattern, start) = search_arguments(call)?;
    let Some(found) = pattern::first_match(subject, pattern, start).or_throw(call)? else {
        return call.reply(Value::nil());
    };
    let values = match_values(call, subject, &found)?;
    call.reply_all(values.as_slice())
}

pub(super) fn gmatch(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (subject, _, start) = search_arguments(call)?;
    // One beyond the end finds nothing; a position that no integer value holds is never needed.
    let position = Value::int(start.min(subject.len() + 1) as i64);
    let upvalues = [call.argument(SUBJECT), call.argument(PATTERN), position, Value::nil()];
    let iterator = new_native(call.heap, NativeFunction::Region(next_match), &upvalues)?;
    call.reply(iterator)
}

/// The iterator of `gmatch`.
fn next_match(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (subject, pattern) = (call.upvalue(SUBJECT).bytes(), call.upvalue(PATTERN).bytes());
    let (subject, pattern) = (subject.unwrap_or_default(), pattern.unwrap_or_default());
    let offset = |value: Val<'_>| value.integer().and_then(|offset| usize::try_from(offset).ok());
    let position = offset(call.upvalue(POSITION)).unwrap_or(0);
    let mut search = Search::resume(position, offset(call.upvalue(LAST_END)));
    let Some(found) = search.next_match(subject, pattern).or_throw(call)? else {
        return call.reply_none();
    };
    let values = match_values(call, subject, &found)?;
    let end = Value::int(search.position() as i64);
    call.set_upvalue(POSITION, end);
    call.set_upvalue(LAST_END, end);
    call.reply_all(values.as_slice())
}
