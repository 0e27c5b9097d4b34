//! What was measured: medians, ratios and their geometric means, as a table and as JSON.

use crate::child::Measure;
use crate::programs::{Group, Program};
use comfy_table::{CellAlignment, Table, TableStyle};
use serde::Serialize;

/// The median of some numbers; of an even number of them the smaller middle one.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
        .get(sorted.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or(f64::NAN)
}

/// The geometric mean of some ratios.
fn geometric_mean(ratios: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = ratios.fold((0_u32, 0.0), |(count, sum), ratio| (count + 1, sum + ratio.ln()));
    (sum / f64::from(count)).exp()
}

/// One program's medians, in seconds of processor time or in milliards of instructions.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    group: &'static str,
    program: &'static str,
    tenure_cost: f64,
    /// Without the reference implementation there is nothing to compare with.
    incremental_cost: Option<f64>,
    generational_cost: Option<f64>,
    /// Against the better mode.
    ratio: Option<f64>,
}

impl Row {
    pub(crate) fn new(program: &Program, tenure: &[f64], incremental: &[f64], generational: &[f64]) -> Row {
        let tenure_cost = median(tenure);
        let of = |costs: &[f64]| (!costs.is_empty()).then(|| median(costs));
        let (incremental_cost, generational_cost) = (of(incremental), of(generational));
        let better = incremental_cost.into_iter().chain(generational_cost).reduce(f64::min);
        Row {
            group: program.group.name(),
            program: program.name,
            tenure_cost,
            incremental_cost,
            generational_cost,
            ratio: better.map(|better| tenure_cost / better),
        }
    }
}

/// What a group's ratios come to.
#[derive(Clone, Debug, Serialize)]
struct Mean {
    group: &'static str,
    geometric_mean: f64,
    at_most: f64,
    worst: f64,
}

/// Everything.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    rounds: usize,
    measure: Measure,
    rows: Vec<Row>,
    means: Vec<Mean>,
}

impl Report {
    pub(crate) fn new(rounds: usize, measure: Measure, rows: Vec<Row>) -> Report {
        let means = Group::ALL.iter().filter_map(|group| {
            let ratios = || {
                rows.iter()
                    .filter(|row| row.group == group.name())
                    .filter_map(|row| row.ratio)
            };
            Some(Mean {
                group: group.name(),
                worst: ratios().reduce(f64::max)?,
                geometric_mean: geometric_mean(ratios()),
                at_most: group.target(),
            })
        });
        let means = means.collect();
        Report {
            rounds,
            measure,
            rows,
            means,
        }
    }

    pub(crate) fn table(&self) -> String {
        let (unit, what) = match self.measure {
            Measure::Time => ("s", format!("CPU time, medians of {}", self.rounds)),
            Measure::Instructions => ("G", "Milliards of instructions".to_owned()),
        };
        let column = |name: &str| format!("{name}\n{unit}");
        let (tenure, incremental, generational) = (column("tenure"), column("incremental"), column("generational"));
        let header = ["group", "program", &tenure, &incremental, &generational, "ratio"];
        let mut table = table(&header, 2);
        let cost = |cost: Option<f64>| cost.map_or_else(|| "-".to_owned(), |cost| format!("{cost:.3}"));
        for row in &self.rows {
            table.add_row([
                row.group.to_owned(),
                row.program.to_owned(),
                cost(Some(row.tenure_cost)),
                cost(row.incremental_cost),
                cost(row.generational_cost),
                row.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
            ]);
        }
        let mut text = format!("{table}\n\n{what}; the ratio is to the better mode of the reference.\n");
        for mean in &self.means {
            text += &format!(
                "{}: geometric mean {:.2} (at most {:.1}), worst {:.2}\n",
                mean.group, mean.geometric_mean, mean.at_most, mean.worst
            );
        }
        text
    }
}

/// A table with numbers from column `first_number` on.
pub(crate) fn table(header: &[&str], first_number: usize) -> Table {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_header(header.to_vec());
    for column in table.column_iter_mut().skip(first_number) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::PROGRAMS;

    #[test]
    fn the_better_mode_counts_and_means_are_geometric() {
        let row = |tenure: &[f64]| Row::new(&PROGRAMS[0], tenure, &[4.0, 2.0, 3.0], &[5.0]);
        let report = Report::new(3, Measure::Time, vec![row(&[1.5, 9.0, 0.1]), row(&[6.0])]);
        assert_eq!(report.rows[0].ratio, Some(0.5));
        assert!((report.means[0].geometric_mean - 1.0).abs() < 1e-9);
        assert_eq!(report.means[0].worst, 2.0);
    }
}
