//! The part of the page about incremental collection: the finding, one cycle, lengths against the goal, cost, misses.
//!
//! The idea: a comparison is read from the top: one sentence, the figures of both runs side by side, then the charts that explain
//! them, then every kind of miss, and the longest misses one by one. Only what the runs differ in is shown; the rest of each run is
//! in the charts above it.

use super::cycle_charts::{distributions, shown_cycle, timeline};
use super::{ChartError, charts, escape, figure, swatch};
use crate::comparison::{Comparison, ROWS, Side};
use crate::cycle::Work;
use crate::pauses::group_misses;
use crate::table::ms;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use tenure_events::CollectionRecord;

/// Misses that are shown one by one.
const SHOWN_MISSES: usize = 20;

fn work_swatch(work: Work) -> String {
    let number = work as usize + 1;
    format!("<i class=\"swatch\" style=\"background:var(--work-{number})\"></i>")
}

/// The part about one comparison; `color` gives the color of a run.
pub(super) fn section(
    page: &mut String,
    comparison: &Comparison<'_>,
    color: impl Fn(&Side<'_>) -> usize,
) -> Result<(), ChartError> {
    let sides = comparison.sides();
    let (run, goal_ns) = (comparison.incremental, comparison.goal_ns());
    let judged = if run.goal_ns > 0 {
        format!("Pause goal {} ms.", ms(goal_ns))
    } else {
        format!("The run had no pause goal; it is judged by {} ms.", ms(goal_ns))
    };
    let _ = write!(
        page,
        "<h3>Incremental collection: {}</h3>\n<p class=\"verdict\">{} {judged}</p>\n",
        escape(&run.preset),
        escape(&comparison.verdict())
    );
    figures(page, &sides, &color);
    page.push_str("<div class=\"charts\">\n");
    cycle(page, comparison)?;
    figure(
        page,
        distributions(run, goal_ns)?,
        "Lengths of pauses against the goal",
        &format!(
            "The incremental run, by what a pause did.{}",
            work_legend(run.own_records())
        ),
    );
    let runs: Vec<_> = sides.iter().map(|side| (color(side), side.run)).collect();
    figure(
        page,
        charts::mmu_of(&runs)?,
        "Minimum mutator utilization with and without slices",
        &format!(
            "The smallest share that the program got of any stretch of this length.{}",
            side_legend(&sides, &color)
        ),
    );
    cost(page, &sides, &color);
    page.push_str("</div>\n");
    misses(page, &sides, goal_ns);
    Ok(())
}

/// The kinds of pauses that there are.
fn work_legend<'r>(records: impl Iterator<Item = &'r CollectionRecord>) -> String {
    let shown: BTreeSet<Work> = records.map(Work::of).collect();
    let mut text = String::from("<ul class=\"work\">");
    for work in shown {
        let _ = write!(text, "<li>{}{}</li>", work_swatch(work), work.name());
    }
    text.push_str("<li><i class=\"dash\"></i>goal</li></ul>");
    text
}

fn side_legend(sides: &[Side<'_>], color: &impl Fn(&Side<'_>) -> usize) -> String {
    let mut text = String::from("<ul class=\"work\">");
    for side in sides {
        let _ = write!(text, "<li>{}{}</li>", swatch(color(side)), side.name());
    }
    text.push_str("</ul>");
    text
}

/// The figures of both runs.
fn figures(page: &mut String, sides: &[Side<'_>], color: &impl Fn(&Side<'_>) -> usize) {
    page.push_str("<div class=\"scroll\"><table>\n<thead><tr><th>marking</th>");
    for row in ROWS {
        let title = escape(row.title).replace('\n', "<br>");
        let _ = write!(page, "<th class=\"n\" title=\"{}\">{title}</th>", escape(row.meaning));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for side in sides {
        let _ = write!(page, "<tr><td>{}{}</td>", swatch(color(side)), side.name());
        for row in ROWS {
            let _ = write!(page, "<td class=\"n\">{}</td>", escape(&(row.text)(side)));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div>\n");
}

fn cycle(page: &mut String, comparison: &Comparison<'_>) -> Result<(), ChartError> {
    let Some(shown) = shown_cycle(comparison.incremental) else {
        page.push_str(
            "<figure>\n<figcaption><b>One cycle.</b></figcaption>\n\
             <p class=\"none\">The old generation never came near its limit, so no cycle began.</p>\n</figure>\n",
        );
        return Ok(());
    };
    let caption = format!(
        "The cycle with the longest old-generation pause, {:.2} s into the run: a stem for each pause. Between the stems the program \
         runs.{}",
        shown.at_s,
        work_legend(shown.records.iter().copied())
    );
    figure(page, timeline(&shown, comparison.goal_ns())?, "One cycle", &caption);
    Ok(())
}

/// The collector's time by phase as bars.
fn cost(page: &mut String, sides: &[Side<'_>], color: &impl Fn(&Side<'_>) -> usize) {
    let rows: Vec<Vec<(&str, u64)>> = sides.iter().map(|side| side.cost_rows().collect()).collect();
    let longest_ns = rows.iter().flatten().map(|row| row.1).max().unwrap_or(0).max(1);
    let _ = write!(
        page,
        "<figure>\n<figcaption><b>Collector time by phase.</b> All pauses of a run together, in milliseconds.{}</figcaption>\n\
         <table class=\"cost\"><thead><tr><th>phase</th>",
        side_legend(sides, color)
    );
    for side in sides {
        let _ = write!(page, "<th class=\"n\">{}</th>", side.name());
    }
    page.push_str("<th></th></tr></thead>\n<tbody>\n");
    for index in 0..rows.first().map_or(0, Vec::len) {
        let values: Vec<u64> = rows.iter().map(|rows| rows[index].1).collect();
        if values.iter().all(|&ns| ns == 0) {
            continue;
        }
        let _ = write!(page, "<tr><td>{}</td>", rows[0][index].0);
        for ns in &values {
            let _ = write!(page, "<td class=\"n\">{}</td>", ms(*ns));
        }
        page.push_str("<td class=\"bar\">");
        for (side, ns) in sides.iter().zip(&values) {
            let (width, color) = (*ns as f64 * 100.0 / longest_ns as f64, color(side) + 1);
            let _ = write!(
                page,
                "<i style=\"width:{width:.2}%;background:var(--series-{color})\"></i>"
            );
        }
        page.push_str("</td></tr>\n");
    }
    page.push_str("<tr><td>together</td>");
    for side in sides {
        let _ = write!(page, "<td class=\"n\">{}</td>", ms(side.collector_ns()));
    }
    page.push_str("<td></td></tr>\n<tr><td>% of the run</td>");
    for side in sides {
        let percent = side.collector_ns() as f64 * 100.0 / side.run.summary.total_ns.max(1) as f64;
        let _ = write!(page, "<td class=\"n\">{percent:.1}</td>");
    }
    page.push_str("<td></td></tr>\n</tbody></table>\n</figure>\n");
}

/// What missed the goal: by kind for both runs, and the longest of the incremental run.
fn misses(page: &mut String, sides: &[Side<'_>], goal_ns: u64) {
    if sides.iter().all(|side| side.misses.is_empty()) {
        let _ = writeln!(page, "<p>No pause was longer than {} ms.</p>", ms(goal_ns));
        return;
    }
    page.push_str(
        "<details open>\n<summary>What missed the goal</summary>\n<div class=\"scroll\"><table>\n<thead><tr><th>marking</th>\
         <th class=\"n\">misses</th><th class=\"n\">longest<br>ms</th><th class=\"n\">in hiccups<br>of the machine</th>\
         <th>pause</th><th>cause</th><th>longest phase</th><th>what the heap says</th></tr></thead>\n",
    );
    for side in sides {
        page.push_str("<tbody>\n");
        for group in group_misses(&side.misses) {
            let _ = writeln!(
                page,
                "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}{}</td><td>{}</td><td>{}</td>\
                 <td class=\"why\">{}</td></tr>",
                side.name(),
                group.count,
                ms(group.max_ns),
                hiccup_text(side, group.in_hiccup.to_string()),
                work_swatch(group.work),
                group.work.name(),
                group.cause,
                group.phase,
                escape(group.reason.as_deref().unwrap_or(""))
            );
        }
        page.push_str("</tbody>\n");
    }
    page.push_str("</table></div>\n</details>\n");
    if let Some(side) = sides.last() {
        longest_misses(page, side, goal_ns);
    }
}

fn hiccup_text(side: &Side<'_>, text: String) -> String {
    if side.run.hiccups.is_some() {
        text
    } else {
        "-".to_owned()
    }
}

fn longest_misses(page: &mut String, side: &Side<'_>, goal_ns: u64) {
    let mut longest: Vec<_> = side.misses.iter().collect();
    longest.sort_by_key(|miss| std::cmp::Reverse(miss.pause_ns));
    longest.truncate(SHOWN_MISSES);
    if longest.is_empty() {
        return;
    }
    let _ = write!(
        page,
        "<details>\n<summary>The {} longest misses of the {} run</summary>\n<div class=\"scroll\"><table>\n\
         <thead><tr><th class=\"n\">at, s</th><th class=\"n\">pause, ms</th><th>pause</th><th>cause</th><th>longest phase</th>\
         <th>hiccup of the machine</th><th>what the heap says</th></tr></thead>\n<tbody>\n",
        longest.len(),
        side.name()
    );
    for miss in longest {
        let hiccup = match miss.hiccup_ns {
            0 => hiccup_text(side, String::new()),
            ns if miss.is_by_hiccup(goal_ns) => format!("{} ms of it: without, the goal was kept", ms(ns)),
            ns => format!("{} ms of it", ms(ns)),
        };
        let _ = writeln!(
            page,
            "<tr><td class=\"n\">{:.3}</td><td class=\"n\">{}</td><td>{}{}</td><td>{}</td><td>{}</td><td>{hiccup}</td>\
             <td class=\"why\">{}</td></tr>",
            miss.at_ns as f64 / 1e9,
            ms(miss.pause_ns),
            work_swatch(miss.work),
            miss.work.name(),
            miss.cause,
            miss.phase,
            escape(miss.reason.as_deref().unwrap_or(""))
        );
    }
    page.push_str("</tbody></table></div>\n</details>\n");
}
