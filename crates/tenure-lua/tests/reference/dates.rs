//! `os.date` and `os.time`, in several time zones.

use super::*;
use tenure_lua::pure::date::*;

const SPECIFIERS: [&str; 48] = [
    "%a", "%A", "%b", "%B", "%c", "%C", "%d", "%D", "%e", "%F", "%g", "%G", "%h", "%H", "%I", "%j", "%m", "%M", "%n",
    "%p", "%r", "%R", "%S", "%t", "%T", "%u", "%U", "%V", "%w", "%W", "%x", "%X", "%y", "%Y", "%z", "%Z", "%%", "%Ec",
    "%EY", "%Od", "%Oy", "%E", "%Ez", "%k", "%", "x", " ", "é",
];

fn texts(seed: i64, name: &str) {
    let Some(zone) = Zone::named(name) else {
        return eprintln!("skipped: no time zone {name}");
    };
    let (mut generator, mut questions) = (Generator::new(seed), Questions::default());
    for _ in 0..3000 {
        // Within some 1000 years, where the reference's year does not overflow when it is printed.
        let timestamp = generator
            .0
            .next_in(-40_000_000_000, 40_000_000_000)
            .expect("an interval");
        let (all, few) = (generator.below(3) > 0, generator.pieces(&SPECIFIERS, 4));
        let format = if all {
            "%c %G-%V %U %W %j %u %w %z %Z %p %I".to_owned()
        } else {
            few
        };
        let date = date_at(timestamp, &zone).expect("a date");
        let mut out = Vec::new();
        let answer = date_text(format.as_bytes(), &date, &mut out).map(|()| vec![Value::Bytes(out)]);
        questions.ask(
            "os.date",
            format!("os.date, {}, {timestamp}", literal(format.as_bytes())),
            answer,
        );
    }
    questions.compare(&[("TZ", name)]);
}

fn times(seed: i64, name: &str, is_constant: bool) {
    let Some(zone) = Zone::named(name) else {
        return eprintln!("skipped: no time zone {name}");
    };
    let (mut generator, mut questions) = (Generator::new(seed), Questions::default());
    for _ in 0..3000 {
        let mut field = |low, up| generator.0.next_in(low, up).expect("an interval");
        // glibc is an hour off for some fields far out of their range where rules change.
        let wide = is_constant && field(0, 3) == 0;
        let fields = if wide {
            [
                field(-1_000_000, 1_000_000),
                field(-99, 99),
                field(-999, 999),
                field(-999, 999),
                field(-9999, 9999),
                field(-99_999, 99_999),
            ]
        } else {
            [
                field(1971, 2037),
                field(1, 12),
                field(1, 28),
                field(4, 22),
                field(0, 59),
                field(0, 59),
            ]
        };
        let daylight_saving = [None, None, Some(false), Some(true)][field(0, 3) as usize];
        let answer = timestamp_of(fields, daylight_saving, &zone).map(|(timestamp, date)| {
            let parts = [
                date.year,
                date.month.into(),
                date.day.into(),
                date.hour.into(),
                date.minute.into(),
                date.second.into(),
            ];
            let more = [
                i64::from(date.weekday),
                i64::from(date.year_day),
                i64::from(date.daylight_saving),
            ];
            [timestamp]
                .into_iter()
                .chain(parts)
                .chain(more)
                .map(Value::from)
                .collect()
        });
        let [year, month, day, hour, minute, second] = fields;
        let isdst = daylight_saving.map_or("nil".to_owned(), |daylight_saving| daylight_saving.to_string());
        let table = format!(
            "{{year={year}, month={month}, day={day}, hour={hour}, min={minute}, sec={second}, isdst={isdst}}}"
        );
        let results = "time, t.year, t.month, t.day, t.hour, t.min, t.sec, t.wday, t.yday, t.isdst and 1 or 0";
        questions.ask(
            "os.time",
            format!("function() local t = {table} local time = os.time(t) return {results} end"),
            answer,
        );
    }
    questions.compare(&[("TZ", name)]);
}

macro_rules! zones {
    ($($test:ident: $name:expr, $is_constant:expr, $seed:expr;)*) => {
        $(mod $test {
            #[test]
            fn texts() {
                super::texts($seed, $name);
            }

            #[test]
            fn times() {
                super::times($seed, $name, $is_constant);
            }
        })*
    };
}

zones! {
    utc: "UTC", true, 51;
    new_york: "America/New_York", false, 52;
    berlin: "Europe/Berlin", false, 53;
    kolkata: "Asia/Kolkata", false, 54;
    lord_howe: "Australia/Lord_Howe", false, 55;
    sao_paulo: "America/Sao_Paulo", false, 56;
}
