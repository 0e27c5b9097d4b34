//! Stopped against incremental: the same input collected in one pause and in slices, side by side.
//!
//! The idea: each incremental run is compared with the stopped run of the same input, preset and policy, if the study has one; both
//! are judged by the same goal, the incremental run's. The rows below are one static list, read by the terminal and the page.
//! One run each is compared, so a ratio near one says nothing: runs differ by some percent anyway.

use crate::cycle::{Work, cost};
use crate::hiccup;
use crate::pauses::{
    Judged, MERGE_GAP_NS, Miss, REFERENCE_GOAL_NS, group_misses, interval, merge_close, misses, own_misses,
};
use crate::study::RunReport;
use crate::table;
use tenure_events::{Phase, PhaseTimes};

/// An incremental run and its stopped twin.
#[derive(Debug, Clone, Copy)]
pub struct Comparison<'r> {
    /// The run in which the old generation was collected in one pause; `None` if the study has none.
    pub stopped: Option<&'r RunReport>,
    /// The run in which it was collected in slices.
    pub incremental: &'r RunReport,
}

/// The comparisons that the runs allow, in order: those with a stopped twin, and for inputs that have none, the first run.
pub fn comparisons(runs: &[RunReport]) -> Vec<Comparison<'_>> {
    let of = |run: &RunReport| (run.input.clone(), run.preset.clone(), run.policy.clone());
    let incremental = runs.iter().filter(|run| run.is_incremental);
    let mut all: Vec<Comparison<'_>> = incremental
        .map(|incremental| Comparison {
            stopped: runs
                .iter()
                .find(|run| !run.is_incremental && of(run) == of(incremental)),
            incremental,
        })
        .collect();
    let compared: Vec<String> = all
        .iter()
        .filter(|comparison| comparison.stopped.is_some())
        .map(|comparison| comparison.incremental.input.clone())
        .collect();
    let mut shown: Vec<String> = Vec::new();
    all.retain(|comparison| {
        let input = &comparison.incremental.input;
        let is_first = !shown.contains(input);
        shown.push(input.clone());
        comparison.stopped.is_some() || (is_first && !compared.contains(input))
    });
    all
}

/// A run's figures against the goal.
#[derive(Debug, Clone)]
pub struct Side<'r> {
    /// The run.
    pub run: &'r RunReport,
    /// What it is judged by.
    pub goal_ns: u64,
    /// All pauses.
    pub pauses: Judged,
    /// The same as the program's user meets them.
    pub merged: Judged,
    /// Pauses of the old generation.
    pub old: Judged,
    /// Those above the goal.
    pub misses: Vec<Miss>,
    /// The collector's time by phase.
    pub phases: PhaseTimes,
    /// The collector's time in no phase.
    pub unaccounted_ns: u64,
}

impl<'r> Side<'r> {
    /// Judges a run.
    pub fn new(run: &'r RunReport, goal_ns: u64) -> Self {
        let lengths = |records: &mut dyn Iterator<Item = &'r _>| -> Vec<u64> {
            records.map(|r: &tenure_events::CollectionRecord| r.pause_ns).collect()
        };
        let merged = merge_close(run.own_records().map(interval), MERGE_GAP_NS);
        let (phases, unaccounted_ns) = cost(run.own_records());
        Side {
            run,
            goal_ns,
            pauses: Judged::new(lengths(&mut run.own_records()), goal_ns),
            merged: Judged::new(merged.iter().map(|pause| pause.length_ns), goal_ns),
            old: Judged::new(
                lengths(&mut run.own_records().filter(|r| crate::cycle::is_old(r))),
                goal_ns,
            ),
            misses: misses(run, goal_ns),
            phases,
            unaccounted_ns,
        }
    }

    /// Its name: `stopped` or `incremental`.
    pub fn name(&self) -> &'static str {
        marking_name(self.run)
    }

    /// Time in pauses.
    pub fn collector_ns(&self) -> u64 {
        self.phases.total_ns().saturating_add(self.unaccounted_ns)
    }

    /// The collector's time, phase by phase, in no phase last.
    pub fn cost_rows(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let rest = ("in no phase", self.unaccounted_ns);
        self.phases
            .iter()
            .map(|(phase, ns)| (Phase::name(phase), ns))
            .chain([rest])
    }
}

/// `stopped` or `incremental`.
pub fn marking_name(run: &RunReport) -> &'static str {
    if run.is_incremental { "incremental" } else { "stopped" }
}

/// The first divided by the second, if both are there.
fn ratio(a: u64, b: u64) -> Option<f64> {
    (a > 0 && b > 0).then(|| a as f64 / b as f64)
}

impl<'r> Comparison<'r> {
    /// What both runs are judged by.
    pub fn goal_ns(&self) -> u64 {
        match self.incremental.goal_ns {
            0 => REFERENCE_GOAL_NS,
            goal_ns => goal_ns,
        }
    }

    /// Stopped, if it is there, and incremental.
    pub fn sides(&self) -> Vec<Side<'r>> {
        let runs = self.stopped.into_iter().chain([self.incremental]);
        runs.map(|run| Side::new(run, self.goal_ns())).collect()
    }

    /// By how much the longest old-generation pause of the stopped run is longer.
    pub fn old_pause_ratio(&self) -> Option<f64> {
        ratio(self.stopped?.summary.old.max_ns, self.incremental.summary.old.max_ns)
    }

    /// Collector time, incremental for stopped.
    pub fn collector_ratio(&self) -> Option<f64> {
        ratio(self.incremental.summary.paused_ns, self.stopped?.summary.paused_ns)
    }

    /// Processor time of the program's thread, incremental for stopped.
    pub fn cpu_ratio(&self) -> Option<f64> {
        ratio(self.incremental.span.cpu_ns, self.stopped?.span.cpu_ns)
    }

    /// The finding in a sentence.
    pub fn verdict(&self) -> String {
        let Some(stopped) = self.stopped else {
            return "There is no stopped run to compare with.".to_owned();
        };
        let (before, after) = (stopped.summary.old.max_ns, self.incremental.summary.old.max_ns);
        let pause = match self.old_pause_ratio() {
            Some(ratio) => {
                let change = if ratio >= 1.0 {
                    format!("cut to 1/{}", round(ratio))
                } else {
                    format!("{} times as long", round(1.0 / ratio))
                };
                let (before, after) = (table::ms(before), table::ms(after));
                format!("Longest old-generation pause: {before} ms stopped, {after} ms incremental: {change}.")
            }
            None if before == 0 && after == 0 => "Neither run collected its old generation.".to_owned(),
            None => "Only one of the runs collected its old generation.".to_owned(),
        };
        let times = |what, ratio: Option<f64>| ratio.map(|ratio| format!(" {what} × {ratio:.2}."));
        let collector = times("Collector time", self.collector_ratio()).unwrap_or_default();
        let cpu = times("Processor time of the program", self.cpu_ratio()).unwrap_or_default();
        format!("{pause}{collector}{cpu}")
    }
}

fn round(ratio: f64) -> String {
    if ratio < 10.0 {
        format!("{ratio:.1}")
    } else {
        format!("{ratio:.0}")
    }
}

/// One figure of a comparison.
pub struct Row {
    /// The heading.
    pub title: &'static str,
    /// One sentence for the legend.
    pub meaning: &'static str,
    /// The text of a side.
    pub text: fn(&Side<'_>) -> String,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Row")
            .field("title", &self.title)
            .finish_non_exhaustive()
    }
}

fn judged(judged: &Judged, ns: u64) -> String {
    if judged.count == 0 {
        "-".to_owned()
    } else {
        table::ms(ns)
    }
}

/// All figures of a comparison, in order.
pub const ROWS: &[Row] = &[
    Row {
        title: "pauses",
        meaning: "Minor and major collections and slices.",
        text: |side| side.pauses.count.to_string(),
    },
    Row {
        title: "within\ngoal\n%",
        meaning: "The share of pauses that are no longer than the goal.",
        text: |side| format!("{:.2}", side.pauses.share_within() * 100.0),
    },
    Row {
        title: "misses",
        meaning: "Pauses longer than the goal.",
        text: |side| side.misses.len().to_string(),
    },
    Row {
        title: "in\nhiccups",
        meaning: "Misses during which the machine also kept an idle thread waiting; - where that was not watched.",
        text: |side| match side.run.hiccups {
            Some(_) => side.misses.iter().filter(|miss| miss.hiccup_ns > 0).count().to_string(),
            None => "-".to_owned(),
        },
    },
    Row {
        title: "without\nhiccups",
        meaning: "Misses that stay misses when the time in hiccups of the machine is subtracted; - where that was not watched.",
        text: |side| match side.run.hiccups {
            Some(_) => own_misses(&side.misses, side.goal_ns).to_string(),
            None => "-".to_owned(),
        },
    },
    Row {
        title: "p99.9\nms",
        meaning: "999 of 1000 pauses are at most this long.",
        text: |side| judged(&side.pauses, side.pauses.p999_ns),
    },
    Row {
        title: "longest\nms",
        meaning: "The longest pause.",
        text: |side| judged(&side.pauses, side.pauses.max_ns),
    },
    Row {
        title: "old\nlongest\nms",
        meaning: "The longest pause of the old generation: major collections and slices.",
        text: |side| judged(&side.old, side.old.max_ns),
    },
    Row {
        title: "merged\np99.9\nms",
        meaning: "999 of 1000 merged pauses are at most this long. Pauses with less than 5 µs of program between them are one: \
                  so the program's user meets them.",
        text: |side| judged(&side.merged, side.merged.p999_ns),
    },
    Row {
        title: "merged\nlongest\nms",
        meaning: "The longest merged pause.",
        text: |side| judged(&side.merged, side.merged.max_ns),
    },
    Row {
        title: "collector\nms",
        meaning: "Time in all pauses together.",
        text: |side| table::ms(side.collector_ns()),
    },
    Row {
        title: "CPU\ns",
        meaning: "Processor time of the program's thread, collector included.",
        text: |side| format!("{:.2}", side.run.span.cpu_ns as f64 / 1e9),
    },
    Row {
        title: "longest\nhiccup\nms",
        meaning: "The longest time that the machine kept an idle thread waiting; - where that was not watched.",
        text: |side| match &side.run.hiccups {
            Some(hiccups) => table::ms(hiccups.longest_ns()),
            None => "-".to_owned(),
        },
    },
    Row {
        title: "hiccups\n> 0.5 ms",
        meaning: "How often that was more than half a millisecond.",
        text: |side| match &side.run.hiccups {
            Some(hiccups) => hiccups.above(hiccup::LONG_NS).to_string(),
            None => "-".to_owned(),
        },
    },
];

/// Groups of misses that the terminal shows of a run.
const SHOWN_GROUPS: usize = 5;

/// The comparisons as text: a table, the findings, and what missed the goal. Empty without an incremental run.
pub fn render(runs: &[RunReport]) -> String {
    let comparisons = comparisons(runs);
    let Some(first) = comparisons.first() else {
        return String::new();
    };
    let header = ["input", "marking"].into_iter().map(|title| (title, false));
    let header: Vec<_> = header.chain(ROWS.iter().map(|row| (row.title, true))).collect();
    let mut table = table::Text::new(&header);
    let mut notes = String::new();
    for (number, comparison) in comparisons.iter().enumerate() {
        if number > 0 {
            table.blank();
        }
        let sides = comparison.sides();
        for (index, side) in sides.iter().enumerate() {
            let input = if index == 0 { side.run.input.as_str() } else { "" };
            let own = [input.to_owned(), side.name().to_owned()];
            table.row(own.into_iter().chain(ROWS.iter().map(|row| (row.text)(side))).collect());
        }
        notes.push_str(&format!("{}: {}\n", comparison.incremental.input, comparison.verdict()));
        notes.push_str(&misses_text(&sides));
    }
    let goal_ms = table::ms(first.goal_ns());
    format!(
        "Stopped against incremental, goal {goal_ms} ms ({})\n{}\n{notes}",
        first.incremental.preset,
        table.render()
    )
}

/// What missed the goal in the incremental run, the most frequent first.
fn misses_text(sides: &[Side<'_>]) -> String {
    let Some(side) = sides.last() else { return String::new() };
    let groups = group_misses(&side.misses);
    let mut text = String::new();
    for group in groups.iter().take(SHOWN_GROUPS) {
        let reason = group
            .reason
            .as_ref()
            .map_or(String::new(), |reason| format!(": {reason}"));
        let in_hiccup = match group.in_hiccup {
            0 => String::new(),
            count => format!("; {count} in hiccups of the machine"),
        };
        text.push_str(&format!(
            "  {:>6} above the goal, up to {} ms: {} ({}), mostly {}{reason}{in_hiccup}\n",
            group.count,
            table::ms(group.max_ns),
            Work::name(group.work),
            group.cause,
            group.phase
        ));
    }
    if groups.len() > SHOWN_GROUPS {
        text.push_str(&format!(
            "  and {} more kinds; the page lists all\n",
            groups.len() - SHOWN_GROUPS
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::tests::{sample_incremental, sample_run};

    #[test]
    fn twins_are_found_by_input_preset_and_policy() {
        let runs = [
            sample_run("a", "x"),
            sample_incremental("a", "x"),
            sample_run("b", "x"),
            sample_incremental("b", "y"),
        ];
        let found = comparisons(&runs);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].stopped.map(|run| run.input.as_str()), Some("a"));
        assert!(found[1].stopped.is_none(), "another preset");
        assert!(comparisons(&runs[..1]).is_empty());
        assert_eq!(found[1].verdict(), "There is no stopped run to compare with.");
    }

    #[test]
    fn the_old_pause_is_cut_and_the_cost_is_a_ratio() {
        let mut runs = [sample_run("a", "x"), sample_incremental("a", "x")];
        (runs[0].span.cpu_ns, runs[1].span.cpu_ns) = (1_000_000_000, 1_100_000_000);
        let [comparison] = comparisons(&runs)[..] else {
            panic!("one comparison")
        };
        // The longest stopped major pause is 1.5 ms, the longest slice or last pause 0.09 ms.
        assert_eq!(comparison.old_pause_ratio().map(|ratio| ratio.round()), Some(17.0));
        assert!(
            comparison
                .verdict()
                .contains("1.50 ms stopped, 0.09 ms incremental: cut to 1/17.")
        );
        assert!(
            comparison.verdict().contains("Processor time of the program × 1.10."),
            "{}",
            comparison.verdict()
        );
        assert!(comparison.collector_ratio().is_some_and(|ratio| ratio < 1.0));

        let swapped = Comparison {
            stopped: Some(&runs[1]),
            incremental: &runs[0],
        };
        assert!(swapped.verdict().contains("17 times as long"), "{}", swapped.verdict());
        assert_eq!(swapped.goal_ns(), REFERENCE_GOAL_NS);
        let mut idle = runs.clone();
        for run in &mut idle {
            run.records.clear();
            run.summarize();
        }
        assert!(comparisons(&idle)[0].verdict().starts_with("Neither run collected"));
    }

    #[test]
    fn both_sides_are_judged_by_the_goal_of_the_incremental_run() {
        let runs = [sample_run("a", "x"), sample_incremental("a", "x")];
        let sides = comparisons(&runs)[0].sides();
        assert_eq!((sides[0].name(), sides[1].name()), ("stopped", "incremental"));
        // Every third of 200 is 1.5 ms; of those every tenth is a major one, which slices made short.
        assert_eq!(sides[0].misses.len(), 66);
        assert_eq!(
            sides[1].misses.len(),
            66 - runs[0]
                .records
                .iter()
                .filter(|r| crate::cycle::is_old(r) && r.pause_ns > 1_200_000)
                .count()
        );
        for side in &sides {
            assert_eq!(side.pauses.above as usize, side.misses.len());
            let total_ns: u64 = side.cost_rows().map(|(_, ns)| ns).sum();
            assert_eq!(total_ns, side.run.summary.paused_ns);
        }
        let text = render(&runs);
        for line in ROWS.iter().flat_map(|row| row.title.lines()) {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        assert!(
            text.contains("cut to 1/17") && text.contains("minor (allocation-failure), mostly evacuate"),
            "{text}"
        );
        assert_eq!(render(&runs[..1]), "");
    }
}
