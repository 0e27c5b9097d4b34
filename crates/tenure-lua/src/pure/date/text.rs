//! Dates as texts: the conversion specifications of C99's `strftime`, in the locale "C".
//!
//! Those with `E` and `O` are checked, and do what they do without. Appends to bytes; linear in the result.

use super::Date;
use crate::pure::LibraryError;
use std::io::Write;

const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Letters that may follow a percent sign, and those that may follow `%E` and `%O`.
const PLAIN: &[u8] = b"aAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyYzZ%";
const AFTER_E: &[u8] = b"cCxXyY";
const AFTER_O: &[u8] = b"deHImMSuUVwWy";

/// Appends a date as a format says.
///
/// ```
/// use tenure_lua::pure::date::{Date, Zone, date_text};
/// let mut out = Vec::new();
/// date_text(b"%F %T %Z", &Date::at(1_000_000_000, &Zone::UTC).unwrap(), &mut out).unwrap();
/// assert_eq!(out, b"2001-09-09 01:46:40 GMT");
/// ```
///
/// # Errors
/// `invalid conversion specifier`, of argument 1.
pub fn date_text(format: &[u8], date: &Date, out: &mut Vec<u8>) -> Result<(), LibraryError> {
    let mut rest = format;
    while let Some(offset) = memchr::memchr(b'%', rest) {
        out.extend_from_slice(&rest[..offset]);
        rest = &rest[offset + 1..];
        let (letter, length) = match rest {
            [b'E', letter, ..] if AFTER_E.contains(letter) => (*letter, 2),
            [b'O', letter, ..] if AFTER_O.contains(letter) => (*letter, 2),
            [letter, ..] if PLAIN.contains(letter) => (*letter, 1),
            _ => return Err(invalid_specifier(rest)),
        };
        push(letter, date, out);
        rest = &rest[length..];
    }
    out.extend_from_slice(rest);
    Ok(())
}

/// The error quotes everything from the specifier on, up to a zero byte.
fn invalid_specifier(rest: &[u8]) -> LibraryError {
    let quoted = rest.split(|&byte| byte == 0).next().unwrap_or_default();
    LibraryError::owned_argument(1, [b"invalid conversion specifier '%", quoted, b"'"].concat())
}

fn push(letter: u8, date: &Date, out: &mut Vec<u8>) {
    let weekday = WEEKDAYS[usize::from(date.weekday - 1) % 7];
    let month = MONTHS[usize::from(date.month - 1) % 12];
    let twelve_hour = (date.hour + 11) % 12 + 1;
    let half = if date.hour < 12 { "AM" } else { "PM" };
    let Date {
        year,
        day,
        hour,
        minute,
        second,
        ..
    } = *date;
    let all = |letters: &[u8], separator: u8, out: &mut Vec<u8>| {
        for (index, &letter) in letters.iter().enumerate() {
            if index > 0 {
                out.push(separator);
            }
            push(letter, date, out);
        }
    };
    // Infallible: a vector takes what is written.
    let _ = match letter {
        b'a' => write!(out, "{}", &weekday[..3]),
        b'A' => write!(out, "{weekday}"),
        b'b' | b'h' => write!(out, "{}", &month[..3]),
        b'B' => write!(out, "{month}"),
        b'c' => return all(b"abeTY", b' ', out),
        b'C' => write!(out, "{}", year.div_euclid(100)),
        b'd' => write!(out, "{day:02}"),
        b'D' | b'x' => return all(b"mdy", b'/', out),
        b'e' => write!(out, "{day:2}"),
        b'F' => return all(b"Ymd", b'-', out),
        b'g' => write!(out, "{:02}", iso_week(date).0.rem_euclid(100)),
        b'G' => write!(out, "{}", iso_week(date).0),
        b'H' => write!(out, "{hour:02}"),
        b'I' => write!(out, "{twelve_hour:02}"),
        b'j' => write!(out, "{:03}", date.year_day),
        b'm' => write!(out, "{:02}", date.month),
        b'M' => write!(out, "{minute:02}"),
        b'n' => writeln!(out),
        b'p' => write!(out, "{half}"),
        b'r' => write!(out, "{twelve_hour:02}:{minute:02}:{second:02} {half}"),
        b'R' => return all(b"HM", b':', out),
        b'S' => write!(out, "{second:02}"),
        b't' => write!(out, "\t"),
        b'T' | b'X' => return all(b"HMS", b':', out),
        b'u' => write!(out, "{}", (date.weekday + 5) % 7 + 1),
        b'U' => write!(out, "{:02}", week_of_year(date, 1)),
        b'V' => write!(out, "{:02}", iso_week(date).1),
        b'w' => write!(out, "{}", date.weekday - 1),
        b'W' => write!(out, "{:02}", week_of_year(date, 2)),
        b'y' => write!(out, "{:02}", year.rem_euclid(100)),
        b'Y' => write!(out, "{year}"),
        b'z' => {
            let (sign, minutes) = (
                if date.offset_seconds < 0 { '-' } else { '+' },
                date.offset_seconds.abs() / 60,
            );
            write!(out, "{sign}{:02}{:02}", minutes / 60, minutes % 60)
        }
        b'Z' => write!(out, "{}", date.abbreviation),
        _ => write!(out, "%"),
    };
}

/// The week of the year, where weeks start at a weekday and those before the first such day are week 0.
const fn week_of_year(date: &Date, first_weekday: u8) -> u16 {
    let days_into_week = (date.weekday + 7 - first_weekday) as u16 % 7;
    (date.year_day - 1 + 7 - days_into_week) / 7
}

/// The year and week of ISO 8601: weeks start on Monday, and belong to the year that has their Thursday.
fn iso_week(date: &Date) -> (i64, i64) {
    let days_from_monday = i64::from((date.weekday + 5) % 7);
    let thursday = i64::from(date.year_day) - 1 - days_from_monday + 3;
    let (year, thursday) = if thursday < 0 {
        (date.year - 1, thursday + days_of_year(date.year - 1))
    } else if thursday >= days_of_year(date.year) {
        (date.year + 1, thursday - days_of_year(date.year))
    } else {
        (date.year, thursday)
    };
    (year, thursday / 7 + 1)
}

const fn days_of_year(year: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    365 + is_leap as i64
}
