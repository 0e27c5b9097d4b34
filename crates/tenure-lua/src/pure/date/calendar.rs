//! Days as years, months and days of them, and dates as `struct tm` has them.
//!
//! Years are counted from March on, so that the leap day is the last one, in eras of 400 years, after which the calendar repeats.

use super::Zone;

pub(super) const DAY_SECONDS: i64 = 86_400;

/// Days of 400 years; whole weeks.
pub(super) const ERA_DAYS: i64 = 146_097;

/// Days from the first of March of the year 0 to the first of January 1970.
const EPOCH_DAYS: i64 = 719_468;

/// What `struct tm` counts years from.
const YEAR_BASE: i64 = 1900;

/// A date and time of day in a time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Date {
    /// The year.
    pub year: i64,
    /// From 1 to 12.
    pub month: u8,
    /// From 1 to 31.
    pub day: u8,
    /// From 0 to 23.
    pub hour: u8,
    /// From 0 to 59.
    pub minute: u8,
    /// From 0 to 59.
    pub second: u8,
    /// From 1, Sunday, to 7.
    pub weekday: u8,
    /// From 1 to 366.
    pub year_day: u16,
    /// Whether daylight saving is in effect.
    pub daylight_saving: bool,
    /// Seconds that local time is ahead of UTC.
    pub offset_seconds: i64,
    /// What the zone is called then.
    pub abbreviation: String,
}

impl Date {
    /// The date at an instant; nothing if the year does not fit in a `struct tm`.
    #[must_use]
    pub fn at(timestamp: i64, zone: &Zone) -> Option<Self> {
        let rule = zone.rule_at(timestamp);
        let local = timestamp.checked_add(rule.offset_seconds)?;
        let (days, seconds) = (local.div_euclid(DAY_SECONDS), local.rem_euclid(DAY_SECONDS));
        let (year, month, day) = date_of_days(days);
        i32::try_from(year - YEAR_BASE).ok()?;
        Some(Self {
            year,
            month,
            day,
            hour: (seconds / 3600) as u8,
            minute: (seconds / 60 % 60) as u8,
            second: (seconds % 60) as u8,
            // The first day was a Thursday.
            weekday: ((days + 4).rem_euclid(7) + 1) as u8,
            year_day: (days - days_of_date(year, 1, 1) + 1) as u16,
            daylight_saving: rule.daylight_saving,
            offset_seconds: rule.offset_seconds,
            abbreviation: rule.abbreviation,
        })
    }
}

/// The days from 1970 on to a date; the day of the month can be any number.
pub(super) const fn days_of_date(year: i64, month: u8, day: i64) -> i64 {
    let march_year = if month > 2 { year } else { year - 1 };
    let march_month = (month as i64 + 9) % 12;
    let (era, year_of_era) = (march_year.div_euclid(400), march_year.rem_euclid(400));
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    era * ERA_DAYS + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - EPOCH_DAYS
}

/// The year, month and day of a number of days from 1970 on.
pub(super) const fn date_of_days(days: i64) -> (i64, u8, u8) {
    let days = days + EPOCH_DAYS;
    let (era, day_of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * march_month + 2) / 5 + 1) as u8;
    let month = ((march_month + 2) % 12 + 1) as u8;
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}
