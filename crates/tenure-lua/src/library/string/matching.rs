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

/// The captures of a match as values, without an allocation.
pub(super) struct Values<'h> {
    values: [Val<'h>; Values::CAPACITY],
    count: usize,
}

impl<'h> Values<'h> {
    /// The first and last position, and the captures.
    const CAPACITY: usize = MAX_CAPTURES + 2;

    /// The values in `first`, and behind them the first `count` captures of a match.
    #[inline(always)]
    fn new(
        call: &mut Call<'_, 'h>,
        first: &[Val<'h>],
        subject: &[u8],
        found: &Match,
        count: usize,
    ) -> Result<Values<'h>, Throw> {
        let mut values = [Value::nil(); Values::CAPACITY];
        values[..first.len()].copy_from_slice(first);
        for index in 0..count {
            values[first.len() + index] = capture_value(call, subject, found.capture(index))?;
        }
        let count = first.len() + count;
        Ok(Values { values, count })
    }

    pub(super) fn as_slice(&self) -> &[Val<'h>] {
        &self.values[..self.count]
    }
}

/// The values of a match: its captures, or all of it.
#[inline(always)]
pub(super) fn match_values<'h>(call: &mut Call<'_, 'h>, subject: &[u8], found: &Match) -> Result<Values<'h>, Throw> {
    Values::new(call, &[], subject, found, found.capture_count())
}

/// Returns the values of a match.
fn reply_match(call: &mut Call<'_, '_>, subject: &[u8], found: &Match) -> Result<Reply, Throw> {
    if found.capture_count() == 1 {
        let value = capture_value(call, subject, found.capture(0))?;
        return call.reply(value);
    }
    let values = match_values(call, subject, found)?;
    call.reply_all(values.as_slice())
}

/// The subject, the pattern, and the offset where the search starts.
#[inline]
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
    let range = [call.integer(range.start as i64 + 1)?, call.integer(range.end as i64)?];
    if found.explicit_count() == 0 {
        return call.reply_all(&range);
    }
    find_captures(call, &range, subject, &found)
}

/// Returns where a match is, and its captures.
#[inline(never)]
fn find_captures<'h>(
    call: &mut Call<'_, 'h>,
    range: &[Val<'h>],
    subject: &[u8],
    found: &Match,
) -> Result<Reply, Throw> {
    let values = Values::new(call, range, subject, found, found.explicit_count())?;
    call.reply_all(values.as_slice())
}

pub(super) fn first_match(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (subject, pattern, start) = search_arguments(call)?;
    let Some(found) = pattern::first_match(subject, pattern, start).or_throw(call)? else {
        return call.reply(Value::nil());
    };
    reply_match(call, subject, &found)
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
    let upvalues = call.upvalues();
    let reply = reply_match(call, subject, &found)?;
    // Not before: a call without room for the values is made again.
    if let Some(upvalues) = upvalues {
        let end = Value::int(search.position() as i64);
        upvalues.tail_set(call.heap, POSITION - 1, end);
        upvalues.tail_set(call.heap, LAST_END - 1, end);
    }
    Ok(reply)
}
