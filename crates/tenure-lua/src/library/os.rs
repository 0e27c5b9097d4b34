//! `os`.
//!
//! What the system does is in [`crate::system`], and dates are in [`crate::pure::date`]; here are arguments and results. What must not be
//! done twice when memory is short runs at a safepoint: commands, and the fields that `time` normalizes.

use super::io::{reply_ending, reply_outcome};
use super::{Functions, OrThrow, set_field};
use crate::native::{Call, NativeFunction, Reentrant, Reply, Throw, to_number};
use crate::object::{LuaValue, Type, new_table};
use crate::pure::date::{
    DATE_FIELDS, Date, DateRequest, FieldValue, Zone, check_field, date_at, date_text, timestamp_of,
};
use crate::pure::number::Number;
use crate::system::{self, FileId};
use tenure::prelude::*;

pub(super) const FUNCTIONS: &Functions = &[
    ("clock", NativeFunction::Region(clock)),
    ("date", NativeFunction::Region(date)),
    ("difftime", NativeFunction::Region(difftime)),
    ("execute", NativeFunction::Reentrant(execute)),
    ("exit", NativeFunction::Reentrant(exit)),
    ("getenv", NativeFunction::Region(getenv)),
    ("remove", NativeFunction::Region(remove)),
    ("rename", NativeFunction::Region(rename)),
    ("setlocale", NativeFunction::Region(setlocale)),
    ("time", NativeFunction::Both(time, time_of_table)),
    ("tmpname", NativeFunction::Reentrant(tmpname)),
];

/// The categories of `setlocale`. There is one locale, so they do not matter.
const CATEGORIES: [&str; 6] = ["all", "collate", "ctype", "monetary", "numeric", "time"];

/// The fields of a date's table, with their values.
fn date_fields(date: &Date) -> [(&'static str, i64); 8] {
    [
        ("year", date.year),
        ("month", date.month.into()),
        ("day", date.day.into()),
        ("hour", date.hour.into()),
        ("min", date.minute.into()),
        ("sec", date.second.into()),
        ("yday", date.year_day.into()),
        ("wday", date.weekday.into()),
    ]
}

fn clock(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    call.reply(Value::float(system::clock_seconds()))
}

fn date(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let request = DateRequest::of(call.optional_bytes(1, b"%c")?);
    let timestamp = if call.argument(2).is_nil() {
        (call.vm.services.now)()
    } else {
        call.check_integer(2)?
    };
    let zone = if request.utc {
        &Zone::UTC
    } else {
        &call.vm.services.zone
    };
    let date = date_at(timestamp, zone).or_throw(call)?;
    let Some(format) = request.text else {
        return reply_date(call, &date);
    };
    let mut text = Vec::new();
    date_text(format, &date, &mut text).or_throw(call)?;
    let text = call.string(&text)?;
    call.reply(text)
}

/// Returns a date as a table.
fn reply_date(call: &mut Call<'_, '_>, date: &Date) -> Result<Reply, Throw> {
    let table = new_table(call.heap, 0, 9).map_err(Throw::of_set)?;
    for (name, value) in date_fields(date) {
        set_field(call.heap, table, name, Value::int(value))?;
    }
    set_field(call.heap, table, "isdst", Value::bool(date.daylight_saving))?;
    call.reply(table.into())
}

fn difftime(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (a, b) = (call.check_integer(1)?, call.check_integer(2)?);
    call.reply(Value::float((i128::from(a) - i128::from(b)) as f64))
}

fn execute(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let command = native.allocate(|call| match call.argument(1) {
        nil if nil.is_nil() => Ok(None),
        _ => call.check_bytes(1).map(|command| Some(command.to_vec())),
    })?;
    let Some(command) = command else {
        return native.region().reply(Value::bool(system::has_shell()));
    };
    flush_output(native);
    let ending = system::execute(&command);
    native.allocate(|call| match &ending {
        Ok(ending) => reply_ending(call, *ending),
        Err(error) => reply_outcome(call, &Err(error), None),
    })
}

/// What was printed comes before what a command prints.
pub(super) fn flush_output(native: &mut Reentrant<'_>) {
    if let Some(output) = native.services().files.get(FileId::OUTPUT) {
        // Who writes next is told.
        let _ = output.flush();
    }
}

fn exit(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let mut call = native.region();
    let status = match call.argument(1).as_bool() {
        Some(success) => i32::from(!success),
        None => call.optional_integer(1, 0)? as i32,
    };
    if !call.argument(2).is_falsy() {
        native.vm.close_variables(native.heap);
        native.vm.close(native.heap);
    }
    let services = native.services();
    // Nobody is left who could be told.
    let _ = services.files.flush_all();
    (services.exit)(status);
    Err(native.region().error(b"the program cannot end its process"))
}

fn getenv(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let name = call.check_bytes(1)?;
    let value = match system::environment_variable(name) {
        Some(value) => call.string(&value)?,
        None => Value::nil(),
    };
    call.reply(value)
}

fn remove(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let name = call.check_bytes(1)?;
    let outcome = system::remove(name);
    reply_outcome(call, &outcome.as_ref().map(|&()| ()), Some(name))
}

fn rename(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let (from, to) = (call.check_bytes(1)?, call.check_bytes(2)?);
    let outcome = system::rename(from, to);
    reply_outcome(call, &outcome.as_ref().map(|&()| ()), None)
}

fn setlocale(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let wanted = if call.argument(1).is_nil() {
        None
    } else {
        Some(call.check_bytes(1)?)
    };
    call.check_option(2, Some("all"), &CATEGORIES)?;
    let name = match system::locale_name(wanted) {
        Some(name) => call.string(name.as_bytes())?,
        None => Value::nil(),
    };
    call.reply(name)
}

fn time(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    if !call.argument(1).is_nil() {
        return Ok(Reply::reentrant());
    }
    let now = (call.vm.services.now)();
    let now = call.integer(now)?;
    call.reply(now)
}

/// `time` of a table, whose fields may be metamethods' affair.
fn time_of_table(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    /// The argument that a field is read into.
    const FIELD: usize = 2;
    native.region().check_type(1, Type::Table)?;
    native.set_count(FIELD)?;
    let mut fields = [0; DATE_FIELDS.len()];
    for (field, value) in DATE_FIELDS.into_iter().zip(&mut fields) {
        native.get_field(1, field.name, FIELD)?;
        let mut call = native.region();
        let found = call.argument(FIELD);
        let found = match to_number(found).and_then(Number::to_integer) {
            Some(int) => FieldValue::Integer(int),
            None if found.is_nil() => FieldValue::Missing,
            None => FieldValue::Other,
        };
        *value = check_field(field, found).or_throw(&mut call)?;
    }
    native.get_field(1, "isdst", FIELD)?;
    let call = native.region();
    let daylight_saving = Some(call.argument(FIELD))
        .filter(|value| !value.is_nil())
        .map(|value| !value.is_falsy());
    let (timestamp, date) =
        timestamp_of(fields, daylight_saving, &native.services().zone).or_throw(&mut native.region())?;
    for (name, value) in date_fields(&date) {
        native.region().set_argument(FIELD, Value::int(value));
        native.set_field(1, name, FIELD)?;
    }
    native.region().set_argument(FIELD, Value::bool(date.daylight_saving));
    native.set_field(1, "isdst", FIELD)?;
    native.allocate(|call| {
        let timestamp = call.integer(timestamp)?;
        call.reply(timestamp)
    })
}

fn tmpname(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    let Ok(name) = system::temporary_name() else {
        return Err(native.region().error(b"unable to generate a unique filename"));
    };
    native.allocate(|call| {
        let name = call.string(&name)?;
        call.reply(name)
    })
}
