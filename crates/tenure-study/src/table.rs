//! The table of a study on the terminal: one row per run, runs of one input together.
//!
//! The idea: the columns and what they mean are one static list, which the terminal table, the table in the report and the
//! report's legend all read, so they cannot disagree. Rendering is linear in the number of runs; nothing is sorted.

use crate::result::MIB;
use crate::study::RunReport;
use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

/// One column: its heading, what it means, and how to get its text from a run.
pub struct Column {
    /// The heading: a line of words, and mostly a line with the unit.
    pub title: &'static str,
    /// One sentence for the legend.
    pub meaning: &'static str,
    /// Numbers stand at the right.
    pub is_number: bool,
    /// The text of a run in this column.
    pub text: fn(&RunReport) -> String,
}

impl Column {
    /// The heading in one line, for prose.
    pub fn name(&self) -> String {
        self.title.replace('\n', " ")
    }
}

impl std::fmt::Debug for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Column")
            .field("title", &self.title)
            .finish_non_exhaustive()
    }
}

fn ms(ns: u64) -> String {
    let ms = ns as f64 / 1e6;
    match ms {
        ms if ms >= 100.0 => format!("{ms:.0}"),
        ms if ms >= 10.0 => format!("{ms:.1}"),
        _ => format!("{ms:.2}"),
    }
}

fn pause(run: &RunReport, ns: u64) -> String {
    if run.summary.minor.count + run.summary.major.count == 0 {
        "-".to_owned()
    } else {
        ms(ns)
    }
}

fn percent(share: f64) -> String {
    format!("{:.1}", share * 100.0)
}

fn mib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / MIB)
}

/// All columns, in order.
pub const COLUMNS: &[Column] = &[
    Column {
        title: "input",
        meaning: "What ran: a workload with its sizes, or a heap snapshot that was loaded and churned.",
        is_number: false,
        text: |run| run.input.clone(),
    },
    Column {
        title: "preset",
        meaning: "The heap's settings before single flags: sizes of nursery and old generation, and how they grow.",
        is_number: false,
        text: |run| run.preset.clone(),
    },
    Column {
        title: "promotion",
        meaning: "The rule that decides which survivors of a minor collection move to the old generation.",
        is_number: false,
        text: |run| run.policy.clone(),
    },
    Column {
        title: "total\ns",
        meaning: "Wall time from the first allocation to the last operation, collections included, checking excluded.",
        is_number: true,
        text: |run| format!("{:.2}", run.summary.total_ns as f64 / 1e9),
    },
    Column {
        title: "mutator\n%",
        meaning: "The share of that time in which the program ran, outside of every pause.",
        is_number: true,
        text: |run| percent(run.summary.mutator_fraction),
    },
    Column {
        title: "minor\ncount",
        meaning: "Collections that condemned the nursery only.",
        is_number: true,
        text: |run| run.summary.minor.count.to_string(),
    },
    Column {
        title: "major\ncount",
        meaning: "Collections that condemned the whole heap.",
        is_number: true,
        text: |run| run.summary.major.count.to_string(),
    },
    Column {
        title: "pause\np50\nms",
        meaning: "Half of all pauses, minor and major together, are at most this long.",
        is_number: true,
        text: |run| pause(run, run.summary.pause_p50_ns),
    },
    Column {
        title: "pause\np99\nms",
        meaning: "99 of 100 pauses are at most this long.",
        is_number: true,
        text: |run| pause(run, run.summary.pause_p99_ns),
    },
    Column {
        title: "pause\nmax\nms",
        meaning: "The longest pause.",
        is_number: true,
        text: |run| pause(run, run.summary.pause_max_ns),
    },
    Column {
        title: "MMU\n1 ms\n%",
        meaning: "Minimum mutator utilization: the smallest share, in percent, that the program got of any 1 ms of the run. \
                  It is 0 as soon as one pause is that long.",
        is_number: true,
        text: |run| percent(run.summary.mmu[0]),
    },
    Column {
        title: "MMU\n10 ms\n%",
        meaning: "The same over any 10 ms.",
        is_number: true,
        text: |run| percent(run.summary.mmu[1]),
    },
    Column {
        title: "MMU\n100 ms\n%",
        meaning: "The same over any 100 ms.",
        is_number: true,
        text: |run| percent(run.summary.mmu[2]),
    },
    Column {
        title: "promoted\nMB",
        meaning: "Bytes that minor collections moved to the old generation.",
        is_number: true,
        text: |run| mib(run.summary.promoted_bytes),
    },
    Column {
        title: "peak\nheap\nMB",
        meaning: "The most memory the heap held from the system: both semispaces, the old generation, large objects, bookkeeping.",
        is_number: true,
        text: |run| mib(run.summary.peak_heap_bytes),
    },
];

/// No vertical lines: a table of all columns fits into 130 characters.
const STYLE: TableStyle = TableStyle::new()
    .top_border(LineStyle::none().fill('─').junction('─'))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));

/// The table as text. Lines are never broken: a figure in two halves helps nobody.
pub fn render(runs: &[RunReport]) -> String {
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(
        COLUMNS
            .iter()
            .map(|column| align(Cell::new(column.title).add_attribute(Attribute::Bold), column)),
    );
    let mut previous: Option<&str> = None;
    for run in runs {
        let repeats = previous == Some(run.input.as_str());
        if previous.is_some() && !repeats {
            table.add_row([""]);
        }
        previous = Some(&run.input);
        table.add_row(COLUMNS.iter().enumerate().map(|(index, column)| {
            let text = if index == 0 && repeats {
                String::new()
            } else {
                (column.text)(run)
            };
            align(Cell::new(text), column)
        }));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    table.trim_fmt()
}

fn align(cell: Cell, column: &Column) -> Cell {
    cell.set_alignment(if column.is_number {
        CellAlignment::Right
    } else {
        CellAlignment::Left
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::tests::sample_run;

    #[test]
    fn every_figure_stands_under_its_heading() {
        let text = render(&[sample_run("W1:10", "v8-2012"), sample_run("W1:10", "v8-modern")]);
        for line in COLUMNS.iter().flat_map(|column| column.title.lines()) {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        assert_eq!(
            text.matches("W1:10").count(),
            1,
            "the input is named once per group:\n{text}"
        );
        assert!(text.contains("v8-2012") && text.contains("v8-modern"), "{text}");
        assert!(text.contains("80.0"), "mutator share:\n{text}");
    }

    #[test]
    fn a_run_without_collections_has_no_pauses() {
        let mut run = sample_run("W7:10", "v8-2012");
        run.records.clear();
        run.summarize();
        let text = render(&[run]);
        assert!(text.contains('-') && text.contains("100.0"), "{text}");
    }
}
