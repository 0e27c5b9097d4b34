//! The four charts of an input, drawn with plotters into SVG.
//!
//! The idea: charts are drawn with placeholder colors, which are then replaced by CSS variables, so that one drawing serves
//! light and dark pages. Long runs are thinned to what can be seen: of each of [`BINS`] stretches of time the extremes stay.
//! A chart without anything in it is `None`.

use super::Group;
use crate::analysis::mmu_curve;
use crate::cycle::Work;
use crate::result::MIB;
use crate::study::RunReport;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::prelude::*;
use std::fmt;
use std::ops::Range;
use tenure_events::CollectionKind;

const SIZE: (u32, u32) = (640, 320);
/// Stretches of time of which a thinned run keeps the extremes: about two per pixel column.
pub(super) const BINS: usize = 600;

const INK: RGBColor = RGBColor(250, 0, 1);
const GRID: RGBColor = RGBColor(250, 0, 2);
const MUTED: RGBColor = RGBColor(250, 0, 3);

pub(super) fn series_color(color: usize) -> RGBColor {
    RGBColor(250, 1, color as u8 + 1)
}

pub(super) fn work_color(work: Work) -> RGBColor {
    RGBColor(250, 2, work as u8 + 1)
}

pub(super) const GOAL: RGBColor = RGBColor(250, 3, 1);

/// A chart that could not be drawn.
#[derive(Debug)]
pub struct ChartError(String);

impl fmt::Display for ChartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a chart could not be drawn: {}", self.0)
    }
}

impl std::error::Error for ChartError {}

impl<E: std::error::Error + Send + Sync> From<DrawingAreaErrorKind<E>> for ChartError {
    fn from(error: DrawingAreaErrorKind<E>) -> Self {
        ChartError(error.to_string())
    }
}

/// An axis whose ticks are powers of ten with 2 and 5 between them where there is room.
pub(super) struct LogAxis(pub(super) Range<f64>);

impl Ranged for LogAxis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let place = (value.max(self.0.start).ln() - self.0.start.ln()) / (self.0.end.ln() - self.0.start.ln());
        limit.0 + (place * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let (first, last) = (self.0.start.log10().floor() as i32, self.0.end.log10().ceil() as i32);
        let ticks = |steps: &[f64]| -> Vec<f64> {
            let all = (first..=last).flat_map(|power| steps.iter().map(move |step| step * 10f64.powi(power)));
            // A little slack, because powers of ten are not exact.
            all.filter(|tick| (self.0.start * 0.999..=self.0.end * 1.001).contains(tick))
                .collect()
        };
        let fine = ticks(&[1.0, 2.0, 5.0]);
        if fine.len() <= hint.max_num_points().min(9) {
            fine
        } else {
            ticks(&[1.0])
        }
    }

    fn range(&self) -> Range<f64> {
        self.0.clone()
    }
}

impl ValueFormatter<f64> for LogAxis {
    fn format_ext(&self, value: &f64) -> String {
        short(*value)
    }
}

/// An axis of shares of a population: 0 %, 90 %, 99 %, ... at equal distances. Its values are -log10(1 - share).
pub(super) struct NinesAxis(pub(super) f64);

impl Ranged for NinesAxis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        limit.0 + (value / self.0 * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        let halves = [0.0, 0.5, 0.75].map(|share: f64| -(1.0 - share).log10());
        halves
            .into_iter()
            .chain((1..=self.0.floor() as i32).map(f64::from))
            .filter(|tick| *tick <= self.0)
            .collect()
    }

    fn range(&self) -> Range<f64> {
        0.0..self.0
    }
}

impl ValueFormatter<f64> for NinesAxis {
    fn format_ext(&self, value: &f64) -> String {
        let percent = 100.0 * (1.0 - 10f64.powf(-value));
        let decimals = (value.round() as usize).saturating_sub(2);
        format!("{percent:.decimals$} %")
    }
}

/// A linear axis from zero.
pub(super) struct LinearAxis(pub(super) f64);

impl Ranged for LinearAxis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        limit.0 + (value / self.0 * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let rough = self.0 / hint.max_num_points().clamp(2, 7) as f64;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|step| step * power)
            .into_iter()
            .find(|step| *step >= rough)
            .unwrap_or(rough);
        (0..)
            .map(|index| f64::from(index) * step)
            .take_while(|tick| *tick <= self.0 * 1.001)
            .collect()
    }

    fn range(&self) -> Range<f64> {
        0.0..self.0
    }
}

impl ValueFormatter<f64> for LinearAxis {
    fn format_ext(&self, value: &f64) -> String {
        short(*value)
    }
}

/// At most three significant digits, no trailing zeros.
fn short(value: f64) -> String {
    let decimals = match value.abs() {
        v if v >= 100.0 || v == 0.0 => 0,
        v => (2 - v.log10().floor() as i32).clamp(0, 6) as usize,
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

pub(super) type Chart<'a, X, Y> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>;

/// Draws one chart and makes it fit for the page.
pub(super) fn chart<X, Y>(
    name: &str,
    (x, x_title): (X, &str),
    (y, y_title): (Y, &str),
    series: impl FnOnce(&mut Chart<'_, X, Y>) -> Result<(), ChartError>,
) -> Result<String, ChartError>
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let mut context = ChartBuilder::on(&area)
            .margin_top(8)
            .margin_right(18)
            .x_label_area_size(44)
            .y_label_area_size(58)
            .build_cartesian_2d(x, y)?;
        let text = ("sans-serif", 12).into_font().color(&MUTED);
        context
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(MUTED)
            .label_style(text.clone())
            .axis_desc_style(("sans-serif", 13).into_font().color(&INK))
            .x_desc(x_title)
            .y_desc(y_title)
            .draw()?;
        series(&mut context)?;
        area.present()?;
    }
    Ok(themed(&svg, name))
}

/// Replaces the placeholder colors, and the fixed size by one that follows the page.
fn themed(svg: &str, name: &str) -> String {
    let mut names = vec![
        (INK, "ink".to_owned()),
        (GRID, "grid".to_owned()),
        (MUTED, "muted".to_owned()),
        (GOAL, "goal".to_owned()),
    ];
    names.extend(Work::ALL.map(|work| (work_color(work), format!("work-{}", work as usize + 1))));
    names.extend((0..super::COLORS).map(|color| (series_color(color), format!("series-{}", color + 1))));
    let mut text = svg.to_owned();
    for (RGBColor(red, green, blue), name) in names {
        let hex = format!("#{red:02X}{green:02X}{blue:02X}");
        for property in ["fill", "stroke"] {
            text = text.replace(
                &format!("{property}=\"{hex}\""),
                &format!("style=\"{property}:var(--{name})\""),
            );
        }
    }
    let (width, height) = SIZE;
    text.replacen(
        &format!("<svg width=\"{width}\" height=\"{height}\""),
        &format!(
            "<svg class=\"chart\" role=\"img\" aria-label=\"{}\"",
            super::escape(name)
        ),
        1,
    )
}

fn seconds(run: &RunReport, at_ns: u64) -> f64 {
    at_ns.saturating_sub(run.span.started_ns) as f64 / 1e9
}

fn longest_s(group: &Group<'_>) -> f64 {
    group
        .runs
        .iter()
        .map(|(_, run)| seconds(run, run.span.finished_ns))
        .fold(1e-6, f64::max)
}

/// Shortest and longest pause of all runs in milliseconds, with room around them.
fn pause_range(group: &Group<'_>) -> Option<Range<f64>> {
    let pauses = || {
        group
            .runs
            .iter()
            .flat_map(|(_, run)| run.own_records())
            .map(|record| record.pause_ns.max(1) as f64 / 1e6)
    };
    let longest = pauses().fold(f64::NAN, f64::max);
    let shortest = pauses().fold(f64::NAN, f64::min);
    // Without pauses both are still not a number.
    (longest >= shortest).then(|| shortest / 1.6..longest * 1.6)
}

/// Of the points in each stretch of x keeps the lowest and the highest, in order.
fn thin(points: Vec<(f64, f64)>, end: f64) -> Vec<(f64, f64)> {
    if points.len() <= 2 * BINS {
        return points;
    }
    let bin = |x: f64| (x / end * BINS as f64) as usize;
    let mut kept = Vec::with_capacity(2 * BINS);
    for chunk in points.chunk_by(|a, b| bin(a.0) == bin(b.0)) {
        let lowest = (0..chunk.len())
            .min_by(|&a, &b| chunk[a].1.total_cmp(&chunk[b].1))
            .unwrap_or(0);
        let highest = (0..chunk.len())
            .max_by(|&a, &b| chunk[a].1.total_cmp(&chunk[b].1))
            .unwrap_or(0);
        kept.push(chunk[lowest.min(highest)]);
        if lowest != highest {
            kept.push(chunk[lowest.max(highest)]);
        }
    }
    kept
}

pub(super) fn pauses_over_time(group: &Group<'_>) -> Result<Option<String>, ChartError> {
    let Some(range) = pause_range(group) else {
        return Ok(None);
    };
    let end = longest_s(group);
    let draw = |context: &mut Chart<'_, LinearAxis, LogAxis>| {
        for (color, run) in &group.runs {
            let style = series_color(*color);
            let points = |kind: CollectionKind| -> Vec<(f64, f64)> {
                let of_kind = run.own_records().filter(|record| record.kind == kind);
                thin(
                    of_kind
                        .map(|record| (seconds(run, record.start_ns), record.pause_ns.max(1) as f64 / 1e6))
                        .collect(),
                    end,
                )
            };
            context.draw_series(
                points(CollectionKind::Minor)
                    .into_iter()
                    .map(|point| Circle::new(point, 2, style.mix(0.7).filled())),
            )?;
            context.draw_series(
                points(CollectionKind::Major)
                    .into_iter()
                    .map(|point| Circle::new(point, 5, style.stroke_width(2))),
            )?;
            context.draw_series(
                points(CollectionKind::Slice)
                    .into_iter()
                    .map(|point| Circle::new(point, 1, style.filled())),
            )?;
        }
        Ok(())
    };
    chart(
        "pauses over time",
        (LinearAxis(end), "time, s"),
        (LogAxis(range), "pause, ms"),
        draw,
    )
    .map(Some)
}

pub(super) fn pause_distribution(group: &Group<'_>) -> Result<Option<String>, ChartError> {
    let Some(range) = pause_range(group) else {
        return Ok(None);
    };
    let curves: Vec<(usize, Vec<(f64, f64)>)> = group
        .runs
        .iter()
        .map(|(color, run)| (*color, distribution(run.own_records().map(|record| record.pause_ns))))
        .collect();
    let nines = curves
        .iter()
        .filter_map(|(_, points)| points.last())
        .map(|point| point.0)
        .fold(1.0, f64::max);
    let draw = |context: &mut Chart<'_, NinesAxis, LogAxis>| {
        for (color, points) in curves {
            let style = series_color(color);
            if let Some(&last) = points.last() {
                context.draw_series([Circle::new(last, 3, style.filled())])?;
            }
            context.draw_series(LineSeries::new(points, style.stroke_width(2)))?;
        }
        Ok(())
    };
    chart(
        "pause distribution",
        (NinesAxis(nines * 1.03), "share of pauses"),
        (LogAxis(range), "pause, ms"),
        draw,
    )
    .map(Some)
}

/// Steps from the shortest to the longest pause: -log10 of the share above, and milliseconds.
pub(super) fn distribution(pauses_ns: impl Iterator<Item = u64>) -> Vec<(f64, f64)> {
    let mut sorted: Vec<u64> = pauses_ns.collect();
    sorted.sort_unstable();
    let count = sorted.len() as f64;
    let mut points: Vec<(f64, f64)> = Vec::new();
    for (below, pause_ns) in sorted.iter().enumerate() {
        let nines = -(1.0 - below as f64 / count).log10();
        let ms = (*pause_ns).max(1) as f64 / 1e6;
        match points.last() {
            // Closer than a pixel: the height still has to be right at the next step.
            Some(last) if nines - last.0 < 0.003 && below + 1 < sorted.len() => {}
            Some(&last) => points.extend([(nines, last.1), (nines, ms)]),
            None => points.push((nines, ms)),
        }
    }
    // The longest pause stands for the last of the population.
    if let Some(&(nines, ms)) = points.last() {
        points.push((nines.max(count.log10()) + 0.02, ms));
    }
    points
}

pub(super) fn heap_over_time(group: &Group<'_>) -> Result<Option<String>, ChartError> {
    let end = longest_s(group);
    let curves: Vec<(usize, Vec<(f64, f64)>)> = group
        .runs
        .iter()
        .map(|(color, run)| {
            let mut points = vec![(0.0, 0.0)];
            for record in run.own_records() {
                points.push((seconds(run, record.start_ns), record.before.used_bytes() as f64 / MIB));
                points.push((seconds(run, record.end_ns()), record.after.used_bytes() as f64 / MIB));
            }
            let last = run.span.final_sizes.used_bytes() as f64 / MIB;
            points.push((seconds(run, run.span.finished_ns), last));
            (*color, thin(points, end))
        })
        .collect();
    let top = curves
        .iter()
        .flat_map(|(_, points)| points)
        .map(|point| point.1)
        .fold(1e-3, f64::max);
    let draw = |context: &mut Chart<'_, LinearAxis, LinearAxis>| {
        for (color, points) in curves {
            context.draw_series(LineSeries::new(points, series_color(color).stroke_width(1)))?;
        }
        Ok(())
    };
    chart(
        "heap size over time",
        (LinearAxis(end), "time, s"),
        (LinearAxis(top * 1.05), "in use, MB"),
        draw,
    )
    .map(Some)
}

pub(super) fn mmu(group: &Group<'_>) -> Result<Option<String>, ChartError> {
    mmu_of(&group.runs)
}

/// The MMU of runs, each in its color.
pub(super) fn mmu_of(runs: &[(usize, &RunReport)]) -> Result<Option<String>, ChartError> {
    if runs.iter().all(|(_, run)| run.own_records().next().is_none()) {
        return Ok(None);
    }
    let curves: Vec<(usize, Vec<(f64, f64)>)> = runs
        .iter()
        .map(|(color, run)| {
            let curve = mmu_curve(&run.records, &run.span).into_iter();
            let percent = |(window_ns, share): (u64, f64)| (window_ns as f64 / 1e6, share * 100.0);
            (*color, curve.map(percent).collect())
        })
        .collect();
    let ends = || {
        curves
            .iter()
            .filter_map(|(_, points)| points.first().zip(points.last()))
    };
    let longest = ends().map(|(_, last)| last.0).fold(1e-3, f64::max);
    let shortest = ends().map(|(first, _)| first.0).fold(longest / 2.0, f64::min);
    let draw = |context: &mut Chart<'_, LogAxis, LinearAxis>| {
        for (color, points) in &curves {
            context.draw_series(LineSeries::new(points.clone(), series_color(*color).stroke_width(2)))?;
        }
        Ok(())
    };
    chart(
        "minimum mutator utilization",
        (LogAxis(shortest..longest), "window, ms"),
        (LinearAxis(100.0), "utilization, %"),
        draw,
    )
    .map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (0.05, "0.05"),
            (0.2, "0.2"),
            (1.0, "1"),
            (2.5, "2.5"),
            (12.34, "12.3"),
            (1500.0, "1500"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!(NinesAxis(4.0).format_ext(&3.0), "99.9 %");
        assert_eq!(NinesAxis(4.0).format_ext(&1.0), "90 %");
        assert_eq!(NinesAxis(4.0).format_ext(&0.0), "0 %");
    }

    #[test]
    fn a_distribution_rises_to_the_longest_pause() {
        let points = distribution((1..=1000).map(|ms| ms * 1_000_000));
        assert_eq!(points[0], (0.0, 1.0));
        assert!(
            points
                .windows(2)
                .all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1)
        );
        let last = points.last().unwrap();
        assert_eq!(last.1, 1000.0);
        let at = |share: f64| {
            points
                .iter()
                .rev()
                .find(|point| point.0 <= -(1.0 - share).log10())
                .unwrap()
                .1
        };
        assert!((at(0.9) - 900.0).abs() < 12.0, "{}", at(0.9));
        assert!(distribution([].into_iter()).is_empty());
    }

    #[test]
    fn thinning_keeps_the_extremes() {
        let points: Vec<(f64, f64)> = (0..100_000)
            .map(|index| (f64::from(index), f64::from(index * 7919 % 1000)))
            .collect();
        let kept = thin(points, 100_000.0);
        assert!(kept.len() <= 2 * BINS + 2);
        assert!(kept.iter().any(|point| point.1 == 999.0) && kept.iter().any(|point| point.1 == 0.0));
        assert!(kept.is_sorted_by(|a, b| a.0 <= b.0));
    }
}
