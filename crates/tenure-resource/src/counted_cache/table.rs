//! Text tables, and sizes and times that fit into their cells.
//!
//! Each column is as wide as its widest cell, counted in characters; numbers stand at the right. Rendering is linear in the
//! cells. It does not know how wide a terminal shows a character: columns after wide ones (CJK, emoji) shift.

use std::fmt;

/// On which side of its cell a column's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

pub(crate) struct Table {
    columns: Vec<(&'static str, Side)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: &[(&'static str, Side)]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, row: Vec<String>) {
        debug_assert_eq!(row.len(), self.columns.len());
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header: Vec<String> = self.columns.iter().map(|(title, _)| (*title).to_owned()).collect();
        let lines = || std::iter::once(&header).chain(&self.rows);
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|column| {
                let cells = lines().filter_map(|row| row.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        for row in lines() {
            let mut line = String::new();
            for ((cell, &width), (_, side)) in row.iter().zip(&widths).zip(&self.columns) {
                if !line.is_empty() {
                    line.push_str("  ");
                }
                match side {
                    Side::Left => line.push_str(&format!("{cell:<width$}")),
                    Side::Right => line.push_str(&format!("{cell:>width$}")),
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A size with three or more digits and its unit: `512 B`, `1.5 KiB`, `34.1 MiB`.
pub(crate) fn bytes(bytes: usize) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 would be shown as 1024.0.
    while size >= 1023.95 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// A time with its unit, from milliseconds to hours.
pub(crate) fn time(ns: u64) -> String {
    let seconds = ns as f64 / 1e9;
    match seconds {
        s if s >= 7200.0 => format!("{:.1} h", s / 3600.0),
        s if s >= 120.0 => format!("{:.1} min", s / 60.0),
        s if s >= 1.0 => format!("{s:.1} s"),
        s => format!("{:.1} ms", s * 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::{Side, Table, bytes, time};

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&[("name", Side::Left), ("count", Side::Right), ("note", Side::Left)]);
        table.push(vec!["ä long name".into(), "7".into(), String::new()]);
        table.push(vec!["b".into(), "123456".into(), "x".into()]);
        let expected = "name          count  note\nä long name       7\nb            123456  x\n";
        assert_eq!(table.to_string(), expected);
        assert_eq!(Table::new(&[("a", Side::Right)]).to_string(), "a\n");
    }

    #[test]
    fn units_change_where_numbers_become_long() {
        let sizes = [0, 1023, 1024, 1536, 1_048_575, 1 << 20, usize::MAX];
        let shown: Vec<String> = sizes.into_iter().map(bytes).collect();
        assert_eq!(
            shown,
            ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "1.0 MiB", "16.0 EiB"]
        );
        let times = [
            0,
            350_000,
            999_000_000,
            1_000_000_000,
            119_000_000_000,
            120_000_000_000,
            u64::MAX,
        ];
        let shown: Vec<String> = times.into_iter().map(time).collect();
        assert_eq!(
            shown,
            [
                "0.0 ms",
                "0.3 ms",
                "999.0 ms",
                "1.0 s",
                "119.0 s",
                "2.0 min",
                "5124095.6 h"
            ]
        );
    }
}
