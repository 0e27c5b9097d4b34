//! The two lines that a workload prints: `CHECK`, equal byte for byte in every implementation, and `RESULT`.
//!
//! The idea: a result is a flat list of `key=value` pairs, so that one line of `awk` reads it. A key that does not apply is
//! left out, never printed as zero. Formatting costs nothing that is measured: it happens after the run.

use crate::analysis::{KindSummary, Summary};
use crate::hiccup::{self, Hiccups};
use crate::measure::Laps;
use crate::pauses::{Miss, own_misses};
use std::fmt::{self, Display, Write as _};

/// A `RESULT` line under construction.
#[derive(Debug, Clone)]
pub struct ResultLine(String);

impl ResultLine {
    /// `RESULT name=W1 peer=tenure`.
    pub fn new(name: &str) -> Self {
        ResultLine(format!(
            "RESULT name={} peer=tenure",
            name.replace(char::is_whitespace, "_")
        ))
    }

    /// Adds a pair as it displays.
    pub fn pair(&mut self, key: &str, value: impl Display) {
        let text = value.to_string();
        // Writing into a String cannot fail.
        let _ = write!(self.0, " {key}={}", text.replace(char::is_whitespace, "_"));
    }

    /// Adds a number with as many digits as its size deserves.
    pub fn number(&mut self, key: &str, value: f64) {
        let digits = match value.abs() {
            v if v >= 1000.0 => 1,
            v if v >= 1.0 => 3,
            _ => 5,
        };
        let _ = write!(self.0, " {key}={value:.digits$}");
    }

    /// Adds the five figures of operation latencies, in microseconds.
    pub fn operations(&mut self, laps: &Laps) {
        for (key, quantile) in [
            ("op_p50_us", 0.5),
            ("op_p99_us", 0.99),
            ("op_p999_us", 0.999),
            ("op_p9999_us", 0.9999),
        ] {
            self.number(key, laps.quantile_ns(quantile) as f64 / 1e3);
        }
        self.number("op_max_us", laps.max_ns() as f64 / 1e3);
    }

    /// Adds what a pause goal is about: all pauses, those of the old generation, those of the user; with a goal, what missed it.
    pub fn pauses(&mut self, summary: &Summary, goal: Option<(u64, &[Miss])>) {
        let Summary { old, merged, .. } = summary;
        if merged.count > 0 {
            self.number("pause_p999_ms", summary.pause_p999_ns as f64 / 1e6);
            self.number("pause_max_ms", summary.pause_max_ns as f64 / 1e6);
            self.number("merged_pause_max_ms", merged.max_ns as f64 / 1e6);
        }
        if old.count > 0 {
            self.number("old_pause_max_ms", old.max_ns as f64 / 1e6);
        }
        if let Some((goal_ns, misses)) = goal {
            self.number("goal_ms", goal_ns as f64 / 1e6);
            self.pair("pauses_above_goal", misses.len());
        }
    }

    /// Adds the machine's hiccups; with a goal, how many of its misses overlap one, and how many they do not explain.
    pub fn hiccups(&mut self, hiccups: &Hiccups, goal: Option<(u64, &[Miss])>) {
        self.number("hiccup_max_ms", hiccups.longest_ns() as f64 / 1e6);
        self.pair("hiccups_above_500us", hiccups.above(hiccup::LONG_NS));
        if let Some((goal_ns, misses)) = goal {
            let in_hiccup = misses.iter().filter(|miss| miss.hiccup_ns > 0).count();
            self.pair("misses_in_hiccup", in_hiccup);
            self.pair("misses_without_hiccups", own_misses(misses, goal_ns));
        }
    }

    /// Adds counts, pauses and sizes of the collections.
    pub fn collections(&mut self, summary: &Summary) {
        self.pair("minors", summary.minor.count);
        self.pair("majors", summary.major.count);
        self.pair("slices", summary.slice.count);
        for (name, kind) in [
            ("minor", &summary.minor),
            ("major", &summary.major),
            ("slice", &summary.slice),
        ] {
            let KindSummary {
                count,
                p50_ns,
                p99_ns,
                max_ns,
                ..
            } = *kind;
            if count > 0 {
                self.number(&format!("{name}_p50_ms"), p50_ns as f64 / 1e6);
                self.number(&format!("{name}_p99_ms"), p99_ns as f64 / 1e6);
                self.number(&format!("{name}_max_ms"), max_ns as f64 / 1e6);
            }
        }
        self.number("promoted_mb", summary.promoted_bytes as f64 / MIB);
        self.number("peak_heap_mb", summary.peak_heap_bytes as f64 / MIB);
    }
}

/// Bytes in a MiB, as a float for figures.
pub const MIB: f64 = 1024.0 * 1024.0;

impl Display for ResultLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_pairs_without_blanks_in_them() {
        let mut line = ResultLine::new("s worker.heapsnapshot");
        line.pair("size", "1 2");
        line.number("total_s", 0.123_456_7);
        line.number("ns_per_object", 12.5);
        line.number("op_max_us", 12_345.67);
        assert_eq!(
            line.to_string(),
            "RESULT name=s_worker.heapsnapshot peer=tenure size=1_2 total_s=0.12346 ns_per_object=12.500 op_max_us=12345.7"
        );
    }

    #[test]
    fn kinds_of_collection_that_did_not_happen_have_no_pauses() {
        let mut line = ResultLine::new("W7");
        line.collections(&Summary {
            minor: KindSummary {
                count: 2,
                p50_ns: 1_000_000,
                p99_ns: 2_000_000,
                p999_ns: 2_000_000,
                max_ns: 2_000_000,
            },
            ..Summary::default()
        });
        let text = line.to_string();
        assert!(
            text.contains("minors=2 majors=0 slices=0 minor_p50_ms=1.000 minor_p99_ms=2.000 minor_max_ms=2.000"),
            "{text}"
        );
        assert!(!text.contains("major_p50"), "{text}");
    }

    #[test]
    fn what_does_not_apply_is_left_out() {
        let mut line = ResultLine::new("W7");
        line.pauses(&Summary::default(), None);
        assert_eq!(line.to_string(), "RESULT name=W7 peer=tenure");
        let pauses = |max_ns| KindSummary {
            count: 3,
            max_ns,
            ..KindSummary::default()
        };
        let summary = Summary {
            pause_p999_ns: 1_500_000,
            pause_max_ns: 2_000_000,
            merged: pauses(2_500_000),
            ..Summary::default()
        };
        line.pauses(&summary, None);
        let text = " pause_p999_ms=1.500 pause_max_ms=2.000 merged_pause_max_ms=2.500";
        assert!(line.to_string().ends_with(text), "{line}");
        let summary = Summary {
            old: pauses(1_000_000),
            ..Summary::default()
        };
        line.pauses(&summary, Some((1_000_000, &[])));
        let text = " old_pause_max_ms=1.000 goal_ms=1.000 pauses_above_goal=0";
        assert!(line.to_string().ends_with(text), "{line}");
        line.hiccups(&Hiccups::default(), None);
        let text = " hiccup_max_ms=0.00000 hiccups_above_500us=0";
        assert!(line.to_string().ends_with(text), "{line}");
    }
}
