//! `os.time`: the instant that the fields of a table mean.
//!
//! Fields can be out of their range (the 35th of a month, the minute -1) and carry over; afterwards the table gets the date that they
//! mean. Each field must fit in a C `int`.

use super::calendar::{DAY_SECONDS, days_of_date};
use super::{Date, Zone};
use crate::pure::LibraryError;

/// A field of the table, in the order in which they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateField {
    /// Its name.
    pub name: &'static str,
    default: Option<i64>,
    /// What `struct tm` counts it from.
    base: i64,
}

/// The fields that `os.time` reads, before `isdst`.
pub const DATE_FIELDS: [DateField; 6] = [
    DateField {
        name: "year",
        default: None,
        base: 1900,
    },
    DateField {
        name: "month",
        default: None,
        base: 1,
    },
    DateField {
        name: "day",
        default: None,
        base: 0,
    },
    DateField {
        name: "hour",
        default: Some(12),
        base: 0,
    },
    DateField {
        name: "min",
        default: Some(0),
        base: 0,
    },
    DateField {
        name: "sec",
        default: Some(0),
        base: 0,
    },
];

/// What a field of a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldValue {
    /// Nothing.
    Missing,
    /// An integer, or what is converted to one.
    Integer(i64),
    /// Anything else.
    Other,
}

/// The value of a field.
///
/// # Errors
/// It is missing and has no default, is no integer, or out of bounds.
pub fn check_field(field: DateField, value: FieldValue) -> Result<i64, LibraryError> {
    let refuse = |reason| Err(LibraryError::owned(format!("field '{}' {reason}", field.name)));
    match (value, field.default) {
        (FieldValue::Missing, Some(default)) => Ok(default),
        (FieldValue::Missing, None) => refuse("missing in date table"),
        (FieldValue::Other, _) => refuse("is not an integer"),
        (FieldValue::Integer(value), _) => {
            let fits = value
                .checked_sub(field.base)
                .is_some_and(|value| i32::try_from(value).is_ok());
            if fits { Ok(value) } else { refuse("is out-of-bound") }
        }
    }
}

/// The instant that the fields of [`DATE_FIELDS`] mean, checked, and the date as it is to be put into the table.
///
/// ```
/// use tenure_lua::pure::date::{Zone, timestamp_of};
/// let (timestamp, date) = timestamp_of([2021, 14, 0, 12, 0, 0], None, &Zone::UTC).unwrap();
/// assert_eq!(timestamp, 1643630400);
/// assert_eq!((date.year, date.month, date.day), (2022, 1, 31));
/// ```
///
/// # Errors
/// The year does not fit, or the instant is the last second before 1970, which C cannot tell from an error.
pub fn timestamp_of(fields: [i64; 6], daylight_saving: Option<bool>, zone: &Zone) -> Result<(i64, Date), LibraryError> {
    const ERROR: LibraryError = LibraryError::new("time result cannot be represented in this installation");
    let [year, month, day, hour, minute, second] = fields;
    let (carried_years, month) = ((month - 1).div_euclid(12), (month - 1).rem_euclid(12) as u8 + 1);
    let days = days_of_date(year + carried_years, month, day);
    let local = days * DAY_SECONDS + hour * 3600 + minute * 60 + second;
    let timestamp = zone.timestamp_of_local(local, daylight_saving);
    match Date::at(timestamp, zone) {
        Some(date) if timestamp != -1 => Ok((timestamp, date)),
        _ => Err(ERROR),
    }
}
