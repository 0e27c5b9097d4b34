//! The table of a study on the terminal: one row per run, runs of one input together.
//!
//! The idea: the columns and what they mean are one static list, which the terminal table, the table in the report and the
//! report's legend all read, so they cannot disagree. Rendering is linear in the number of runs; nothing is sorted.

use crate::comparison::marking_name;
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

/// Nanoseconds as milliseconds, with as many digits as the size deserves.
pub(crate) fn ms(ns: u64) -> String {
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
        title: "marking",
        meaning: "How the old generation is collected: stopped, in one pause, or incremental, in slices between stretches of the program.",
        is_number: false,
        text: |run| marking_name(run).to_owned(),
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
        meaning: "Half of all pauses, of minor and major collections and slices together, are at most this long.",
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

/// No vertical lines: a table of all columns fits into 140 characters.
const STYLE: TableStyle = TableStyle::new()
    .top_border(LineStyle::none().fill('─').junction('─'))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));

/// A table on the terminal. Lines are never broken: a figure in two halves helps nobody.
#[derive(Debug)]
pub(crate) struct Text {
    table: Table,
    are_numbers: Vec<bool>,
}

impl Text {
    /// An empty table with these headings; numbers stand at the right.
    pub(crate) fn new(header: &[(&str, bool)]) -> Self {
        let mut table = Table::new();
        table
            .load_style(STYLE)
            .set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(
            header
                .iter()
                .map(|&(title, is_number)| align(Cell::new(title).add_attribute(Attribute::Bold), is_number)),
        );
        Text {
            table,
            are_numbers: header.iter().map(|&(_, is_number)| is_number).collect(),
        }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        let cells = cells.into_iter().zip(&self.are_numbers);
        self.table
            .add_row(cells.map(|(text, &is_number)| align(Cell::new(text), is_number)));
    }

    /// Adds a row with nothing in it.
    pub(crate) fn blank(&mut self) {
        self.table.add_row([""]);
    }

    /// The text.
    pub(crate) fn render(mut self) -> String {
        for column in self.table.column_iter_mut() {
            column.set_padding((0, 1));
        }
        self.table.trim_fmt()
    }
}

/// The table as text.
pub fn render(runs: &[RunReport]) -> String {
    let header: Vec<_> = COLUMNS.iter().map(|column| (column.title, column.is_number)).collect();
    let mut table = Text::new(&header);
    let mut previous: Option<&str> = None;
    for run in runs {
        let repeats = previous == Some(run.input.as_str());
        if previous.is_some() && !repeats {
            table.blank();
        }
        previous = Some(&run.input);
        let cells = COLUMNS.iter().enumerate().map(|(index, column)| {
            if index == 0 && repeats {
                String::new()
            } else {
                (column.text)(run)
            }
        });
        table.row(cells.collect());
    }
    table.render()
}

fn align(cell: Cell, is_number: bool) -> Cell {
    cell.set_alignment(if is_number {
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
