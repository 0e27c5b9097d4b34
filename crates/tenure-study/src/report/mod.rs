//! The report: one HTML file with everything in it, readable by someone who was not there.
//!
//! The idea: the table comes first, then for each input the same four charts with all its runs in them, so that runs are
//! compared by eye on common axes. A configuration has one color throughout. Charts are inline SVG, colors are CSS
//! variables, so light and dark follow the reader's system; nothing is fetched and no script runs. It shows no raw events;
//! those are in the log.

mod charts;
mod cycle_charts;
mod incremental;

use crate::comparison::{ROWS, Side, comparisons};
use crate::hiccup;
use crate::study::RunReport;
use crate::table::COLUMNS;
use std::fmt::Write as _;

pub use charts::ChartError;

const STYLE: &str = include_str!("page.css");
/// Colors there are; runs beyond them share.
const COLORS: usize = 8;

/// A text as HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// The runs of one input, with the color of each.
pub(crate) struct Group<'r> {
    input: &'r str,
    runs: Vec<(usize, &'r RunReport)>,
}

impl Group<'_> {
    /// The color of a run.
    fn color(&self, side: &Side<'_>) -> usize {
        let mut runs = self.runs.iter();
        runs.find(|(_, run)| std::ptr::eq(*run, side.run))
            .map_or(0, |(color, _)| *color)
    }
}

/// Runs in the order of their inputs; a configuration has the same color in each group.
fn groups(runs: &[RunReport]) -> Vec<Group<'_>> {
    let mut configurations: Vec<String> = Vec::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for run in runs {
        let name = run.configuration();
        let color = configurations
            .iter()
            .position(|known| *known == name)
            .unwrap_or_else(|| {
                configurations.push(name);
                configurations.len() - 1
            });
        let entry = (color % COLORS, run);
        match groups.iter_mut().find(|group| group.input == run.input) {
            Some(group) => group.runs.push(entry),
            None => groups.push(Group {
                input: &run.input,
                runs: vec![entry],
            }),
        }
    }
    groups
}

/// What a report says about where it comes from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The command that made it.
    pub command: String,
    /// Name of the event log beside it.
    pub log_name: String,
}

/// The whole page.
pub fn render(runs: &[RunReport], origin: &Origin) -> Result<String, ChartError> {
    let mut page = String::with_capacity(1 << 20);
    // Writing into a String cannot fail, so results of write! are dropped here and below.
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>tenure study</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>Pauses of a generational heap</h1>\n\
         <p>{} of {}, one row and one line in each chart per configuration. Made by <code>{}</code>; \
         the raw events are in <code>{}</code>. {}</p>\n</header>\n<main>\n",
        plural(runs.len(), "run"),
        plural(groups(runs).len(), "input"),
        escape(&origin.command),
        escape(&origin.log_name),
        hiccups(runs)
    );
    table(&mut page, runs);
    let comparisons = comparisons(runs);
    column_legend(&mut page, !comparisons.is_empty());
    for group in groups(runs) {
        section(&mut page, &group)?;
        for comparison in comparisons
            .iter()
            .filter(|found| found.incremental.input == group.input)
        {
            incremental::section(&mut page, comparison, |side| group.color(side))?;
        }
        page.push_str("</section>\n");
    }
    page.push_str("</main>\n</body>\n</html>\n");
    Ok(page)
}

/// What the machine did meanwhile, in a sentence.
fn hiccups(runs: &[RunReport]) -> String {
    let watched: Vec<_> = runs.iter().filter_map(|run| run.hiccups.as_ref()).collect();
    if watched.is_empty() {
        return "The machine's own hiccups were not watched.".to_owned();
    }
    let longest_ns = watched.iter().map(|hiccups| hiccups.longest_ns()).max().unwrap_or(0);
    let long: u64 = watched.iter().map(|hiccups| hiccups.above(hiccup::LONG_NS)).sum();
    format!(
        "The machine kept an idle thread beside the runs waiting: {} for more than 0.5 ms, at most {} ms.",
        match long {
            0 => "never".to_owned(),
            1 => "once".to_owned(),
            count => format!("{count} times"),
        },
        crate::table::ms(longest_ns)
    )
}

fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn table(page: &mut String, runs: &[RunReport]) {
    page.push_str("<section>\n<h2>All runs</h2>\n<div class=\"scroll\"><table>\n<thead><tr>");
    for column in COLUMNS {
        let _ = write!(
            page,
            "<th{} title=\"{}\">{}</th>",
            if column.is_number { " class=\"n\"" } else { "" },
            escape(column.meaning),
            escape(column.title).replace('\n', "<br>")
        );
    }
    page.push_str("</tr></thead>\n");
    for group in groups(runs) {
        page.push_str("<tbody>\n");
        for (position, (color, run)) in group.runs.iter().enumerate() {
            page.push_str("<tr>");
            for (index, column) in COLUMNS.iter().enumerate() {
                match index {
                    0 if position > 0 => {}
                    0 => {
                        let _ = write!(
                            page,
                            "<th scope=\"rowgroup\" rowspan=\"{}\">{}</th>",
                            group.runs.len(),
                            escape(&(column.text)(run))
                        );
                    }
                    1 => {
                        let _ = write!(page, "<td>{}{}</td>", swatch(*color), escape(&(column.text)(run)));
                    }
                    _ => {
                        let class = if column.is_number { " class=\"n\"" } else { "" };
                        let _ = write!(page, "<td{class}>{}</td>", escape(&(column.text)(run)));
                    }
                }
            }
            page.push_str("</tr>\n");
        }
        page.push_str("</tbody>\n");
    }
    page.push_str("</table></div>\n");
}

fn swatch(color: usize) -> String {
    format!(
        "<i class=\"swatch\" style=\"background:var(--series-{})\"></i>",
        color + 1
    )
}

fn column_legend(page: &mut String, has_comparison: bool) {
    page.push_str("<details open>\n<summary>What the columns mean</summary>\n<dl>\n");
    for column in COLUMNS {
        let _ = writeln!(
            page,
            "<dt>{}</dt><dd>{}</dd>",
            escape(&column.name()),
            escape(column.meaning)
        );
    }
    page.push_str("</dl>\n</details>\n");
    if !has_comparison {
        return page.push_str("</section>\n");
    }
    page.push_str("<details>\n<summary>What the columns of stopped against incremental mean</summary>\n<dl>\n");
    for row in ROWS {
        let _ = writeln!(
            page,
            "<dt>{}</dt><dd>{}</dd>",
            escape(&row.title.replace('\n', " ")),
            escape(row.meaning)
        );
    }
    page.push_str("</dl>\n</details>\n</section>\n");
}

fn section(page: &mut String, group: &Group<'_>) -> Result<(), ChartError> {
    let _ = write!(
        page,
        "<section>\n<h2>{}</h2>\n<ul class=\"legend\">\n",
        escape(group.input)
    );
    for (color, run) in &group.runs {
        let _ = writeln!(page, "<li>{}{}</li>", swatch(*color), escape(&run.configuration()));
    }
    page.push_str("</ul>\n<div class=\"charts\">\n");
    figure(
        page,
        charts::pauses_over_time(group)?,
        "Pauses over time",
        "Each mark is a collection: a dot a minor one, a ring a major one, a speck a slice of marking.",
    );
    figure(
        page,
        charts::pause_distribution(group)?,
        "Pause distribution",
        "The share of pauses below is at most this long. The right end of a line is its longest pause.",
    );
    figure(
        page,
        charts::heap_over_time(group)?,
        "Heap size over time",
        "Bytes in use. A line rises while the program allocates and falls at each collection.",
    );
    figure(
        page,
        charts::mmu(group)?,
        "Minimum mutator utilization",
        "The smallest share that the program got of any stretch of this length. The right end is the mutator share of the whole run.",
    );
    page.push_str("</div>\n");
    operations(page, group);
    checks(page, group);
    Ok(())
}

fn figure(page: &mut String, svg: Option<String>, title: &str, caption: &str) {
    let _ = write!(page, "<figure>\n<figcaption><b>{title}.</b> {caption}</figcaption>\n");
    match svg {
        Some(svg) => page.push_str(&svg),
        None => page.push_str("<p class=\"none\">There was no collection in any of these runs.</p>"),
    }
    page.push_str("\n</figure>\n");
}

fn operations(page: &mut String, group: &Group<'_>) {
    let with_laps: Vec<_> = group
        .runs
        .iter()
        .filter_map(|(color, run)| Some((*color, *run, run.laps.as_ref()?)))
        .collect();
    if with_laps.is_empty() {
        return;
    }
    page.push_str(
        "<details>\n<summary>Latency of single operations, in microseconds</summary>\n<div class=\"scroll\"><table>\n\
         <thead><tr><th>preset</th><th>promotion</th><th class=\"n\">operations</th><th class=\"n\">p50</th>\
         <th class=\"n\">p99</th><th class=\"n\">p99.9</th><th class=\"n\">p99.99</th><th class=\"n\">max</th></tr></thead>\n<tbody>\n",
    );
    for (color, run, laps) in with_laps {
        let _ = write!(
            page,
            "<tr><td>{}{}</td><td>{}</td><td class=\"n\">{}</td>",
            swatch(color),
            escape(&run.preset),
            escape(&run.policy),
            laps.count()
        );
        let quantiles = [0.5, 0.99, 0.999, 0.9999].map(|quantile| laps.quantile_ns(quantile));
        for ns in quantiles.into_iter().chain([laps.max_ns()]) {
            let _ = write!(page, "<td class=\"n\">{:.2}</td>", ns as f64 / 1e3);
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div>\n</details>\n");
}

fn checks(page: &mut String, group: &Group<'_>) {
    page.push_str("<details>\n<summary>What was checked</summary>\n<pre>");
    for (_, run) in &group.runs {
        for line in &run.check {
            let _ = writeln!(page, "{}: {}", escape(&run.configuration()), escape(line));
        }
    }
    page.push_str("</pre>\n</details>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hiccup::Hiccups;
    use crate::log::LogLine;
    use crate::study::tests::{sample_incremental, sample_run};
    use tenure_events::Interval;

    fn sample_page() -> String {
        let mut odd = sample_run("<odd> & \"quoted\"", "v8-2012");
        odd.records.clear();
        odd.summarize();
        let runs = [sample_run("W1:10", "v8-2012"), sample_run("W1:10", "v8-modern"), odd];
        render(
            &runs,
            &Origin {
                command: "tenure study".into(),
                log_name: "events.jsonl".into(),
            },
        )
        .unwrap()
    }

    #[test]
    fn the_page_has_the_table_and_four_charts_per_input_that_collected() {
        let page = sample_page();
        for column in COLUMNS {
            assert!(page.contains(&escape(column.meaning)), "{}", column.title);
        }
        assert_eq!(page.matches("<figure>").count(), 8);
        // The heap size and the whole-run utilization exist without collections too.
        assert_eq!(page.matches("<svg").count(), 4 + 1);
        assert_eq!(page.matches("There was no collection").count(), 3);
        assert!(page.contains("Pauses over time") && page.contains("Minimum mutator utilization"));
        assert!(page.contains("<polyline"), "lines are drawn");
        assert!(page.contains("<circle"), "pauses are drawn");
    }

    #[test]
    fn an_incremental_run_has_its_cycle_cost_and_misses_beside_those_of_its_twin() {
        let mut runs = [sample_run("W1:10", "v8-2012"), sample_incremental("W1:10", "v8-2012")];
        runs[1].others.push((
            2,
            LogLine::PauseGoalMissed {
                run: 0,
                goal_ns: 1_200_000,
                pause_ns: 1_500_000,
                kind: "minor".into(),
                phase: "evacuate".into(),
                reason: "<more> survived".into(),
            },
        ));
        runs[1].hiccups = Some(Hiccups {
            intervals: vec![Interval {
                start_ns: runs[1].records[2].start_ns,
                length_ns: 1_000_000,
            }],
            ..Hiccups::default()
        });
        let page = render(&runs, &Origin::default()).unwrap();
        assert_eq!(page.matches("<figure>").count(), 8);
        for text in [
            "cut to 1/17",
            "One cycle.",
            "Collector time by phase",
            "What missed the goal",
            "&lt;more&gt; survived",
            "without, the goal was kept",
            "once for more than 0.5 ms",
        ] {
            assert!(page.contains(text), "{text}");
        }
        assert!(page.contains("v8-2012, promotion v8, incremental"));
        let alone = render(&runs[1..], &Origin::default()).unwrap();
        assert!(alone.contains("no stopped run") && alone.contains("One cycle."));
        let stopped = render(&runs[..1], &Origin::default()).unwrap();
        assert!(!stopped.contains("One cycle.") && stopped.contains("were not watched"));
    }

    #[test]
    fn the_page_stands_alone_and_is_escaped() {
        let page = sample_page();
        for outside in ["http-equiv", "<script", "<link", "@import", "url(", "src="] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(
            !page.replace("http://www.w3.org/2000/svg", "").contains("http"),
            "no address but the SVG namespace"
        );
        assert!(page.contains("&lt;odd&gt; &amp; &quot;quoted&quot;") && !page.contains("<odd>"));
    }

    #[test]
    fn colors_follow_configurations_and_leave_no_fixed_color() {
        let page = sample_page();
        assert!(page.contains("var(--series-1)") && page.contains("var(--series-2)"));
        let charts: String = page
            .split("<svg")
            .skip(1)
            .filter_map(|part| part.split("</svg>").next())
            .collect();
        assert!(!charts.contains("=\"#"), "every color of a chart is a variable");
    }
}
