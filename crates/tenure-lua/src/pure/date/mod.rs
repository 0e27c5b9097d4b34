//! `os.date` and `os.time`: instants as calendar dates and back, in the system's time zone or in UTC.
//!
//! Instants are seconds since 1970; the calendar is the Gregorian one, without end in either direction, but years must fit in C's
//! `struct tm`. Time zones are [`jiff`]'s; beyond the years that it knows, their rules go on as they do in the 400 years at the border.
//! Texts are those of the locale "C". Constant work but for a search of the zone's rules. What the time is now is the caller's to know.

mod calendar;
mod fields;
mod text;
mod zone;

pub use calendar::Date;
pub use fields::{DATE_FIELDS, DateField, FieldValue, check_field, timestamp_of};
pub use text::date_text;
pub use zone::Zone;

use super::LibraryError;

/// What a format asks `os.date` for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateRequest<'a> {
    /// `!`: in UTC.
    pub utc: bool,
    /// The conversion specifications, for [`date_text`]; nothing if a table is asked for.
    pub text: Option<&'a [u8]>,
}

impl<'a> DateRequest<'a> {
    /// Reads a format.
    ///
    /// ```
    /// use tenure_lua::pure::date::DateRequest;
    /// assert_eq!(DateRequest::of(b"!*t"), DateRequest { utc: true, text: None });
    /// assert_eq!(DateRequest::of(b"%c"), DateRequest { utc: false, text: Some(b"%c") });
    /// ```
    #[must_use]
    pub fn of(format: &'a [u8]) -> Self {
        let (utc, rest) = match format {
            [b'!', rest @ ..] => (true, rest),
            _ => (false, format),
        };
        // Behind a zero byte, C sees nothing.
        let is_table = rest == b"*t" || rest.starts_with(b"*t\0");
        Self {
            utc,
            text: (!is_table).then_some(rest),
        }
    }
}

/// The date at an instant, as a format asks for it.
///
/// # Errors
/// The year does not fit.
pub fn date_at(timestamp: i64, zone: &Zone) -> Result<Date, LibraryError> {
    const ERROR: LibraryError = LibraryError::new("date result cannot be represented in this installation");
    Date::at(timestamp, zone).ok_or(ERROR)
}

#[cfg(test)]
mod tests;
