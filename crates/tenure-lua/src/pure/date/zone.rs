//! Time zones: how far local time is ahead of UTC at an instant, and which instant a local time means.
//!
//! A local time that occurs twice means its first occurrence, and one that is skipped is as far behind the gap as it was behind its
//! start; unless the caller says whether daylight saving is in effect: then the nearest rule that agrees is applied, as glibc's `mktime`
//! does, searched for in steps of about a week, or an hour is assumed where no rule agrees.

use super::calendar::{DAY_SECONDS, ERA_DAYS};
use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

/// After so many seconds the calendar repeats, with its weekdays.
const ERA_SECONDS: i64 = ERA_DAYS * DAY_SECONDS;

/// How far from an instant another rule is searched for, and in which steps, in seconds: glibc's figures. The step is shorter than any
/// time of daylight saving has been.
const SEARCH_SECONDS: i64 = 457_243_209 / 2 + SEARCH_STEP_SECONDS;
const SEARCH_STEP_SECONDS: i64 = 601_200;

/// What daylight saving is assumed to be where no rule says.
const HOUR_SECONDS: i64 = 3600;

/// A time zone.
#[derive(Clone, Debug)]
pub struct Zone {
    rules: TimeZone,
    /// What the zone is called, instead of what its rules call it.
    name: Option<&'static str>,
}

/// What a zone says about an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) offset_seconds: i64,
    pub(super) daylight_saving: bool,
    pub(super) abbreviation: String,
}

impl Zone {
    /// Coordinated universal time, which C calls GMT.
    pub const UTC: Self = Self {
        rules: TimeZone::UTC,
        name: Some("GMT"),
    };

    /// The system's zone: the one that the environment variable `TZ` names, or else the one that is configured. Without either, UTC.
    #[must_use]
    pub fn system() -> Self {
        Self {
            rules: TimeZone::try_system().unwrap_or(TimeZone::UTC),
            name: None,
        }
    }

    /// A zone of the IANA database, or one of POSIX rules, such as `EST5EDT,M3.2.0,M11.1.0`; nothing if it is unknown.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TimeZone::get(name)
            .or_else(|_| TimeZone::posix(name))
            .ok()
            .map(|rules| Self { rules, name: None })
    }

    pub(super) fn rule_at(&self, timestamp: i64) -> Rule {
        let instant = fold(timestamp, Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        let info = self
            .rules
            .to_offset_info(Timestamp::from_second(instant).unwrap_or_default());
        Rule {
            offset_seconds: info.offset().seconds().into(),
            daylight_saving: info.dst().is_dst(),
            abbreviation: self.name.unwrap_or(info.abbreviation()).into(),
        }
    }

    /// The instant of a local time, which is given as the instant at which UTC shows it.
    pub(super) fn timestamp_of_local(&self, local: i64, daylight_saving: Option<bool>) -> i64 {
        // A day less than jiff has, so that the offset leaves no range.
        let (first, last) = (
            Timestamp::MIN.as_second() + DAY_SECONDS,
            Timestamp::MAX.as_second() - DAY_SECONDS,
        );
        let shown = Timestamp::from_second(fold(local, first, last)).unwrap_or_default();
        let ambiguous = self.rules.to_ambiguous_timestamp(Offset::UTC.to_datetime(shown));
        let (first, second) = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset } => (offset, offset),
            AmbiguousOffset::Fold { before, after } | AmbiguousOffset::Gap { before, after } => (before, after),
        };
        let candidates = [first, second].map(|offset| local - i64::from(offset.seconds()));
        let Some(wanted) = daylight_saving else {
            return candidates[0];
        };
        let agrees = |timestamp: &i64| self.rule_at(*timestamp).daylight_saving == wanted;
        candidates
            .into_iter()
            .find(agrees)
            .unwrap_or_else(|| self.by_nearest_rule(local, candidates[0], wanted))
    }

    /// The instant at which the nearest rule that has, or has not, daylight saving shows a local time. `timestamp` is the one by the other.
    fn by_nearest_rule(&self, local: i64, timestamp: i64, daylight_saving: bool) -> i64 {
        let mut distance = SEARCH_STEP_SECONDS;
        while distance < SEARCH_SECONDS {
            for other in [timestamp - distance, timestamp + distance] {
                let rule = self.rule_at(other);
                if rule.daylight_saving == daylight_saving {
                    return local - rule.offset_seconds;
                }
            }
            distance += SEARCH_STEP_SECONDS;
        }
        if daylight_saving {
            timestamp - HOUR_SECONDS
        } else {
            timestamp + HOUR_SECONDS
        }
    }
}

/// Moves an instant by whole eras into a range that is longer than one.
const fn fold(timestamp: i64, first: i64, last: i64) -> i64 {
    if timestamp < first {
        first + (timestamp - first).rem_euclid(ERA_SECONDS)
    } else if timestamp > last {
        last - (last - timestamp).rem_euclid(ERA_SECONDS)
    } else {
        timestamp
    }
}
