//! Texts, fields, zones, and arbitrary instants; expected values are the reference's.

use super::*;
use proptest::prelude::*;

fn text(format: &str, timestamp: i64, zone: &Zone) -> String {
    let mut out = Vec::new();
    date_text(format.as_bytes(), &date_at(timestamp, zone).unwrap(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn time(fields: [i64; 6], daylight_saving: Option<bool>, zone: &Zone) -> Result<i64, String> {
    timestamp_of(fields, daylight_saving, zone)
        .map(|(timestamp, _)| timestamp)
        .map_err(|error| error.to_string())
}

fn new_york() -> Zone {
    Zone::named("EST5EDT,M3.2.0,M11.1.0").unwrap()
}

#[test]
fn texts() {
    let everything = "%Y|%C|%y|%G|%g|%F|%D|%c|%j|%U|%W|%V|%u|%w|%x|%X|%p|%r|%I|%e|%z|%Z|%EY|%Oy|%h|%A|%B|%R|%%";
    for (timestamp, expected) in [
        (
            0,
            "1970|19|70|1970|70|1970-01-01|01/01/70|Thu Jan  1 00:00:00 1970|001|00|00|01|4|4|01/01/70|00:00:00|AM|12:00:00 AM|12| 1|+0000|GMT|1970|70|Jan|Thursday|January|00:00|%",
        ),
        (
            -62_201_779_200,
            "-2|-1|98|-2|98|-2-11-27|11/27/98|Fri Nov 27 00:00:00 -2|331|47|47|48|5|5|11/27/98|00:00:00|AM|12:00:00 AM|12|27|+0000|GMT|-2|98|Nov|Friday|November|00:00|%",
        ),
        (
            1 << 50,
            "35680317|356803|17|35680317|17|35680317-09-25|09/25/17|Tue Sep 25 18:57:04 35680317|268|38|39|39|2|2|09/25/17|18:57:04|PM|06:57:04 PM|06|25|+0000|GMT|35680317|17|Sep|Tuesday|September|18:57|%",
        ),
    ] {
        assert_eq!(text(everything, timestamp, &Zone::UTC), expected);
    }
    assert_eq!(text("a\0%n%t", 0, &Zone::UTC), "a\0\n\t");
}

#[test]
fn weeks_at_the_ends_of_years() {
    for (timestamp, expected) in [
        (1_230_768_000, "2009-W01 00 00"), // Thursday, 1 January 2009
        (1_262_304_000, "2009-W53 00 00"), // Friday, 1 January 2010
        (1_293_840_000, "2010-W52 00 00"), // Saturday, 1 January 2011
        (1_325_376_000, "2011-W52 01 00"), // Sunday, 1 January 2012
        (1_388_361_600, "2014-W01 52 52"), // Monday, 30 December 2013
    ] {
        assert_eq!(text("%G-W%V %U %W", timestamp, &Zone::UTC), expected);
    }
}

#[test]
fn invalid_specifiers() {
    let date = Date::at(0, &Zone::UTC).unwrap();
    for (format, quoted) in [
        ("%Ez abc", "%Ez abc"),
        ("%E", "%E"),
        ("%", "%"),
        ("x%Qy", "%Qy"),
        ("%O1", "%O1"),
        ("%k\0z", "%k"),
    ] {
        let error = date_text(format.as_bytes(), &date, &mut Vec::new()).unwrap_err();
        let expected = format!("bad argument #1 to 'date' (invalid conversion specifier '{quoted}')");
        assert_eq!(error.describe(b"date", false), expected.as_bytes());
    }
}

#[test]
fn requests() {
    assert_eq!(DateRequest::of(b"*t"), DateRequest { utc: false, text: None });
    assert_eq!(DateRequest::of(b"*t\0x"), DateRequest { utc: false, text: None });
    assert_eq!(
        DateRequest::of(b"!"),
        DateRequest {
            utc: true,
            text: Some(b"")
        }
    );
    assert_eq!(
        DateRequest::of(b"*tx"),
        DateRequest {
            utc: false,
            text: Some(b"*tx")
        }
    );
}

#[test]
fn years_that_do_not_fit() {
    for (last, beyond) in [
        (67_768_036_191_676_799, 67_768_036_191_676_800),
        (-67_768_040_609_740_800, -67_768_040_609_740_801),
    ] {
        assert!(date_at(last, &Zone::UTC).is_ok());
        let error = date_at(beyond, &Zone::UTC).unwrap_err();
        assert_eq!(
            error.message(),
            b"date result cannot be represented in this installation"
        );
    }
    assert!(date_at(i64::MAX, &new_york()).is_err() && date_at(i64::MIN, &new_york()).is_err());
}

#[test]
fn fields_are_checked() {
    let [year, month, day, hour, minute, second] = DATE_FIELDS;
    let message = |field, value| check_field(field, value).unwrap_err().to_string();
    assert_eq!(message(day, FieldValue::Missing), "field 'day' missing in date table");
    assert_eq!(message(month, FieldValue::Other), "field 'month' is not an integer");
    assert_eq!(
        message(year, FieldValue::Integer((1 << 31) + 1900)),
        "field 'year' is out-of-bound"
    );
    assert_eq!(
        message(year, FieldValue::Integer(-(1 << 31))),
        "field 'year' is out-of-bound"
    );
    assert_eq!(
        message(second, FieldValue::Integer(i64::MIN)),
        "field 'sec' is out-of-bound"
    );
    assert_eq!(
        check_field(year, FieldValue::Integer((1 << 31) + 1899)),
        Ok((1 << 31) + 1899)
    );
    assert_eq!(check_field(hour, FieldValue::Missing), Ok(12));
    assert_eq!(check_field(minute, FieldValue::Missing), Ok(0));
}

#[test]
fn times_are_normalized() {
    let utc = &Zone::UTC;
    assert_eq!(
        time([2020, -100, 500, -5000, 100_000, -1_000_000], None, utc),
        Ok(1_342_270_400)
    );
    assert_eq!(
        time([(1 << 31) + 1899, 1, 1, 12, 0, 0], None, utc),
        Ok(67_768_036_160_184_000)
    );
    assert_eq!(
        time([-(1 << 31) + 1900, 1, 1, 12, 0, 0], None, utc),
        Ok(-67_768_040_609_697_600)
    );
    let error = Err("time result cannot be represented in this installation".to_owned());
    assert_eq!(time([(1 << 31) + 1899, 13, 1, 12, 0, 0], None, utc), error);
    assert_eq!(time([1969, 12, 31, 23, 59, 59], None, utc), error);
    let (_, date) = timestamp_of([2021, 14, -3, 12, 0, 0], None, utc).unwrap();
    assert_eq!(
        (date.year, date.month, date.day, date.weekday, date.year_day),
        (2022, 1, 28, 6, 28)
    );
}

#[test]
fn local_times() {
    let zone = &new_york();
    assert_eq!(
        text("%F %T %Z %z", 1_700_000_000, zone),
        "2023-11-14 17:13:20 EST -0500"
    );
    assert_eq!(
        text("%F %T %Z %z", 1_690_000_000, zone),
        "2023-07-22 00:26:40 EDT -0400"
    );
    assert_eq!(time([2023, 11, 14, 17, 13, 20], None, zone), Ok(1_700_000_000));
    assert_eq!(time([2023, 7, 22, 0, 26, 40], None, zone), Ok(1_690_000_000));
    // Told otherwise, the clock is read by the other rule.
    assert_eq!(
        time([2023, 11, 14, 17, 13, 20], Some(true), zone),
        Ok(1_700_000_000 - 3600)
    );
    assert_eq!(
        time([2023, 7, 22, 0, 26, 40], Some(false), zone),
        Ok(1_690_000_000 + 3600)
    );
    // 5 November 2023, 1:30 occurs twice; 12 March 2023, 2:30 does not.
    assert_eq!(time([2023, 11, 5, 1, 30, 0], None, zone), Ok(1_699_162_200));
    assert_eq!(time([2023, 11, 5, 1, 30, 0], Some(true), zone), Ok(1_699_162_200));
    assert_eq!(time([2023, 11, 5, 1, 30, 0], Some(false), zone), Ok(1_699_165_800));
    assert_eq!(time([2023, 3, 12, 2, 30, 0], None, zone), Ok(1_678_606_200));
    // A zone without daylight saving takes it to be an hour.
    assert_eq!(
        time([2023, 7, 1, 0, 0, 0], Some(true), &Zone::UTC),
        Ok(1_688_169_600 - 3600)
    );
    assert_eq!(
        time([2023, 7, 1, 0, 0, 0], Some(true), &Zone::named("JST-9").unwrap()),
        Ok(1_688_137_200 - 3600)
    );
}

#[test]
fn rules_go_on_beyond_the_years_of_the_database() {
    let zone = &new_york();
    assert_eq!(text("%F %T %Z", 1 << 40, zone), "36812-02-19 19:36:16 EST");
    assert_eq!(
        text("%F %T %Z", (1 << 40) + 86_400 * 150, zone),
        "36812-07-18 20:36:16 EDT"
    );
    assert_eq!(
        time([36812, 7, 18, 20, 36, 16], None, zone),
        Ok((1 << 40) + 86_400 * 150)
    );
}

proptest! {
    #[test]
    fn dates_are_their_instants(timestamp in -67_768_040_609_740_800i64..67_768_036_191_676_800, daylight: bool) {
        prop_assume!(timestamp != -1);
        for zone in [Zone::UTC, new_york()] {
            if let Some(date) = Date::at(timestamp, &zone) {
                let fields = [date.year, date.month.into(), date.day.into(), date.hour.into(), date.minute.into(), date.second.into()];
                let again = timestamp_of(fields, Some(date.daylight_saving), &zone).unwrap();
                prop_assert_eq!(again, (timestamp, date));
                let _ = timestamp_of(fields, Some(daylight), &zone);
            }
        }
    }

    #[test]
    fn never_panics(timestamp: i64, format in "(%[EO]?[a-zA-Z%]|\\PC){0,8}", fields: [i32; 6], daylight: Option<bool>) {
        let zone = new_york();
        if let Ok(date) = date_at(timestamp >> 8, &zone) {
            let _ = date_text(format.as_bytes(), &date, &mut Vec::new());
        }
        let _ = date_at(timestamp, &zone);
        let _ = timestamp_of(fields.map(i64::from), daylight, &zone);
    }
}
