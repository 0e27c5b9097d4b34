//! Progress on standard error, only when that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// How often a bar moves while a run is under way; often enough to see life, seldom enough not to disturb the run.
const TICK: Duration = Duration::from_millis(250);

/// A bar over a number of runs.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants; a wrong one would only look plain.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Progress {
    /// A bar over `runs` runs, or nothing at all.
    pub(crate) fn new(runs: u64, is_shown: bool) -> Self {
        let bar = if is_shown {
            ProgressBar::new(runs)
        } else {
            ProgressBar::hidden()
        };
        bar.set_style(style("{spinner} [{pos}/{len}] {wide_bar:.cyan/dim} {elapsed}  {msg}"));
        Progress { bar }
    }

    /// The next run begins.
    pub(crate) fn begin(&self, what: &str) {
        self.bar.set_message(what.to_owned());
        self.bar.enable_steady_tick(TICK);
    }

    /// A run ended.
    pub(crate) fn end(&self) {
        self.bar.inc(1);
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Shows the reading of a file while `read` runs.
pub(crate) fn reading<T>(label: &str, is_shown: bool, read: impl FnOnce(&mut dyn FnMut(u64, u64)) -> T) -> T {
    let bar = if is_shown {
        ProgressBar::new(1)
    } else {
        ProgressBar::hidden()
    };
    bar.set_style(style("reading {msg} {wide_bar:.cyan/dim} {bytes}/{total_bytes}"));
    bar.set_message(label.to_owned());
    let result = read(&mut |position, total| {
        bar.set_length(total);
        bar.set_position(position);
    });
    bar.finish_and_clear();
    result
}
