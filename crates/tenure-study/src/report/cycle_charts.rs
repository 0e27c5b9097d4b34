//! The charts of an incremental run: one cycle drawn out in time, and how long slices are.
//!
//! The idea: a cycle is stems on a time line, one for each pause, colored by what it did, with the goal as a dashed line; the
//! distribution has a line for each kind of pause. Both have logarithmic lengths, since a slice and a stopped collection are a
//! factor of a thousand apart. Stems closer than can be seen are thinned to the longest. It draws one cycle, not all.

use super::charts::{BINS, Chart, ChartError, GOAL, LinearAxis, LogAxis, NinesAxis, chart, distribution, work_color};
use crate::cycle::{Work, worst_cycle};
use crate::study::RunReport;
use plotters::prelude::*;
use std::ops::Range;
use tenure_events::CollectionRecord;

fn ms(ns: u64) -> f64 {
    ns.max(1) as f64 / 1e6
}

/// From the shortest to the longest, the goal among them, with room around them.
fn length_range(lengths: impl Iterator<Item = f64>, goal: f64) -> Range<f64> {
    let (low, high) = lengths.fold((goal, goal), |(low, high), length| (low.min(length), high.max(length)));
    low / 1.6..high * 1.6
}

/// A cycle to draw, and how many there are.
pub(super) struct Shown<'r> {
    /// Its records.
    pub(super) records: Vec<&'r CollectionRecord>,
    /// When it began, in seconds from the start of the run.
    pub(super) at_s: f64,
}

/// The cycle of a run that is drawn.
pub(super) fn shown_cycle(run: &RunReport) -> Option<Shown<'_>> {
    let records: Vec<CollectionRecord> = run.own_records().cloned().collect();
    let range = worst_cycle(&records)?;
    let records: Vec<&CollectionRecord> = run.own_records().skip(range.start).take(range.len()).collect();
    let first = records.first()?;
    Some(Shown {
        at_s: first.start_ns.saturating_sub(run.span.started_ns) as f64 / 1e9,
        records,
    })
}

/// The longest pause in each of [`BINS`] stretches, of each kind of work.
fn stems(records: &[&CollectionRecord], start_ns: u64, length_ns: u64) -> Vec<(Work, f64, f64)> {
    let bin =
        |record: &CollectionRecord| (record.start_ns - start_ns) as u128 * BINS as u128 / u128::from(length_ns.max(1));
    let mut stems = Vec::new();
    for work in Work::ALL {
        let of_work: Vec<_> = records.iter().filter(|record| Work::of(record) == work).collect();
        for chunk in of_work.chunk_by(|a, b| bin(a) == bin(b)) {
            if let Some(longest) = chunk.iter().max_by_key(|record| record.pause_ns) {
                stems.push((work, ms(longest.start_ns - start_ns), ms(longest.pause_ns)));
            }
        }
    }
    stems
}

/// One cycle: a stem for each pause.
pub(super) fn timeline(shown: &Shown<'_>, goal_ns: u64) -> Result<Option<String>, ChartError> {
    let (Some(first), Some(last)) = (shown.records.first(), shown.records.last()) else {
        return Ok(None);
    };
    let (start_ns, length_ns) = (first.start_ns, last.end_ns().saturating_sub(first.start_ns));
    let (goal, end) = (ms(goal_ns), ms(length_ns) * 1.01);
    let stems = stems(&shown.records, start_ns, length_ns);
    let range = length_range(stems.iter().map(|stem| stem.2), goal);
    let bottom = range.start;
    let draw = |context: &mut Chart<'_, LinearAxis, LogAxis>| {
        // What is rare is drawn last, over what is frequent.
        for work in [
            Work::Minor,
            Work::Prepare,
            Work::Sweep,
            Work::Mark,
            Work::Evacuate,
            Work::Major,
        ] {
            let style = work_color(work);
            let of_work = || stems.iter().filter(|stem| stem.0 == work);
            let width = if work == Work::Major { 2 } else { 1 };
            context.draw_series(of_work().map(|&(_, at, length)| {
                PathElement::new(vec![(at, bottom), (at, length)], style.mix(0.45).stroke_width(width))
            }))?;
            let size = if work == Work::Major { 4 } else { 2 };
            context.draw_series(of_work().map(|&(_, at, length)| Circle::new((at, length), size, style.filled())))?;
        }
        goal_line(context, (0.0, end), goal)
    };
    chart(
        "one cycle",
        (LinearAxis(end), "time in the cycle, ms"),
        (LogAxis(range), "pause, ms"),
        draw,
    )
    .map(Some)
}

fn goal_line<X>(context: &mut Chart<'_, X, LogAxis>, ends: (f64, f64), goal: f64) -> Result<(), ChartError>
where
    X: plotters::coord::ranged1d::Ranged<ValueType = f64>,
{
    let points = [(ends.0, goal), (ends.1, goal)];
    context.draw_series(DashedLineSeries::new(points, 6, 4, GOAL.stroke_width(1)))?;
    Ok(())
}

/// How long the pauses of a run are, a line for each kind of work.
pub(super) fn distributions(run: &RunReport, goal_ns: u64) -> Result<Option<String>, ChartError> {
    let of_work = |work| {
        let records = run.own_records().filter(move |record| Work::of(record) == work);
        distribution(records.map(|record| record.pause_ns))
    };
    let curves: Vec<(Work, Vec<(f64, f64)>)> = Work::ALL.map(|work| (work, of_work(work))).into();
    let points = || curves.iter().flat_map(|(_, points)| points);
    if points().next().is_none() {
        return Ok(None);
    }
    let goal = ms(goal_ns);
    let nines = points().map(|point| point.0).fold(1.0, f64::max) * 1.03;
    let range = length_range(points().map(|point| point.1), goal);
    let draw = |context: &mut Chart<'_, NinesAxis, LogAxis>| {
        for (work, points) in &curves {
            let style = work_color(*work);
            if let Some(&last) = points.last() {
                context.draw_series([Circle::new(last, 3, style.filled())])?;
            }
            context.draw_series(LineSeries::new(points.clone(), style.stroke_width(2)))?;
        }
        goal_line(context, (0.0, nines), goal)
    };
    chart(
        "lengths of pauses by what they did",
        (NinesAxis(nines), "share of pauses of the kind"),
        (LogAxis(range), "pause, ms"),
        draw,
    )
    .map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cycle::tests::record;
    use crate::study::tests::{sample_incremental, sample_run};

    #[test]
    fn stems_are_thinned_to_the_longest_and_keep_what_is_rare() {
        let mut records: Vec<_> = (0..10_000)
            .map(|index| record('m', index * 100, 10 + index % 50))
            .collect();
        records[5000] = record('m', 500_000, 77);
        records.push(record('J', 1_000_000, 33));
        let records: Vec<_> = records.iter().collect();
        let stems = stems(&records, 0, 1_000_033);
        assert!(stems.len() <= BINS + 2, "{}", stems.len());
        assert!(stems.contains(&(Work::Mark, 0.5, 77e-6)));
        assert!(stems.contains(&(Work::Major, 1.0, 33e-6)));
        assert!(!stems.iter().any(|stem| stem.0 == Work::Minor));
    }

    #[test]
    fn a_cycle_has_its_goal_and_every_kind_of_pause_in_it() {
        let run = sample_incremental("x", "y");
        let shown = shown_cycle(&run).unwrap();
        assert_eq!(
            shown.records.len(),
            12,
            "ten slices, the last pause, a slice of sweeping"
        );
        let svg = timeline(&shown, run.goal_ns).unwrap().unwrap();
        for work in [Work::Mark, Work::Sweep, Work::Major] {
            assert!(
                svg.contains(&format!("var(--work-{})", work as usize + 1)),
                "{}",
                work.name()
            );
        }
        assert!(svg.contains("var(--goal)") && svg.contains("one cycle"));
        let svg = distributions(&run, run.goal_ns).unwrap().unwrap();
        assert!(svg.contains("var(--work-5)") && svg.contains("var(--goal)"));
        assert!(!svg.contains("=\"#"), "every color is a variable");
    }

    #[test]
    fn a_run_without_a_cycle_has_none_to_show() {
        assert!(shown_cycle(&sample_run("x", "y")).is_none());
        let mut run = sample_run("x", "y");
        run.records.clear();
        assert!(distributions(&run, 1).unwrap().is_none());
    }
}
