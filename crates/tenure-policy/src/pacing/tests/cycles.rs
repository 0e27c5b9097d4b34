//! What holds for each cycle of each simulated program, and the table of them.

use std::sync::LazyLock;

use super::families::Family;
use super::simulator::{Cycle, End, MAX_STEP_BYTES, MIN_STEP_BYTES, Outcome, Scenario, run};

const RUNS: u64 = 200;

/// Collections in one pause that a program must have for its frequencies to be compared.
const COMPARED: usize = 6;

struct Run {
    family: Family,
    scenario: Scenario,
    incremental: Outcome,
    stopped: Outcome,
}

impl Run {
    /// Cycles that had ended before the program did.
    fn cycles(&self) -> impl Iterator<Item = &Cycle> {
        self.incremental
            .cycles
            .iter()
            .filter(|cycle| cycle.end != End::Unfinished)
    }

    /// Returns whether enough was collected to compare frequencies.
    fn is_compared(&self) -> bool {
        self.stopped.collections() >= COMPARED
    }

    fn describe(&self, cycle: &Cycle) -> String {
        let Scenario {
            seed,
            nursery_bytes,
            max_bytes,
            cap,
            ..
        } = &self.scenario;
        format!(
            "{:?} {seed}: nursery {nursery_bytes}, maximum {max_bytes}, {cap:?}: {cycle:?}",
            self.family
        )
    }
}

static ALL: LazyLock<Vec<Run>> = LazyLock::new(|| {
    let programs = Family::ALL
        .iter()
        .flat_map(|family| (0..RUNS).map(|seed| (*family, seed)));
    programs
        .map(|(family, seed)| {
            let scenario = family.scenario(seed);
            Run {
                family,
                incremental: run(&scenario, true),
                stopped: run(&scenario, false),
                scenario,
            }
        })
        .collect()
});

/// Checks all cycles for which `check` returns something, and returns how many there were.
fn check_all(check: impl Fn(&Run, &Cycle) -> Option<bool>) -> usize {
    let mut checked = 0;
    for run in ALL.iter() {
        for cycle in run.cycles() {
            if let Some(holds) = check(run, cycle) {
                assert!(holds, "{}", run.describe(cycle));
                checked += 1;
            }
        }
    }
    checked
}

/// The growth for each byte allocated, at most.
fn growth(run: &Run, cycle: &Cycle) -> f64 {
    cycle.lump_bytes as f64 / run.scenario.nursery_bytes as f64
}

/// Returns whether promotion has room until the deadline.
fn has_room(run: &Run, cycle: &Cycle) -> bool {
    cycle.window.deadline_bytes + run.scenario.nursery_bytes <= run.scenario.max_bytes
}

/// The first inequality of the module's documentation.
fn ends_before_aim(run: &Run, cycle: &Cycle) -> bool {
    let g = cycle.paced_growth_most.max(1.0 / 16.0);
    let left = cycle.window.aim_bytes.saturating_sub(cycle.start_old_bytes) as f64;
    let rate = cycle.cap_words as f64 / MIN_STEP_BYTES as f64;
    rate * left >= 2.0 * cycle.expected_words as f64 * g
        && cycle.work_words <= cycle.expected_words / 8 * 7
        && left >= g * (2 * run.scenario.nursery_bytes + MAX_STEP_BYTES) as f64
        && growth(run, cycle) <= cycle.paced_growth_least.max(1.0 / 16.0)
        && has_room(run, cycle)
}

/// The second.
fn ends_before_deadline(run: &Run, cycle: &Cycle) -> bool {
    let slices = cycle.work_words.div_ceil(cycle.cap_words.max(1));
    let allocated = (slices * MIN_STEP_BYTES + MAX_STEP_BYTES) as f64;
    let left = cycle.window.deadline_bytes as f64 - cycle.window.aim_bytes.max(cycle.start_old_bytes) as f64;
    growth(run, cycle) * allocated + 2.0 * cycle.lump_bytes as f64 <= left && has_room(run, cycle)
}

#[test]
fn where_the_first_inequality_holds_marking_ends_before_the_aim() {
    let checked = check_all(|run, cycle| {
        ends_before_aim(run, cycle)
            .then(|| cycle.end == End::Marked && cycle.end_old_bytes < cycle.window.aim_bytes && !cycle.said_behind)
    });
    assert!(checked > 1000, "{checked}");
}

#[test]
fn where_the_second_inequality_holds_marking_ends_before_the_deadline() {
    let checked = check_all(|run, cycle| {
        ends_before_deadline(run, cycle)
            .then(|| cycle.end == End::Marked && cycle.end_old_bytes < cycle.window.deadline_bytes)
    });
    assert!(checked > 1000, "{checked}");
}

#[test]
fn a_cycle_that_reaches_its_deadline_said_so_before_and_is_below_the_maximum() {
    let late = check_all(|run, cycle| {
        let late = cycle.end == End::Stopped || cycle.end_old_bytes >= cycle.window.deadline_bytes;
        late.then(|| {
            cycle.said_behind && cycle.end_old_bytes <= run.scenario.max_bytes && !ends_before_deadline(run, cycle)
        })
    });
    assert!(late > 0);
    for run in ALL.iter() {
        assert!(
            !run.incremental.out_of_memory || run.stopped.out_of_memory,
            "{:?}",
            run.family
        );
    }
}

#[test]
fn slices_mark_everything_and_nothing_twice() {
    check_all(|_, cycle| {
        let all = cycle.sliced_words == cycle.work_words;
        Some(cycle.sliced_words == cycle.marked_words && (all || cycle.end != End::Marked))
    });
}

#[test]
fn no_cycle_starts_before_its_window() {
    check_all(|run, cycle| {
        let Cycle {
            window,
            start_old_bytes,
            ..
        } = cycle;
        Some(*start_old_bytes >= window.start_bytes && window.deadline_bytes <= run.scenario.max_bytes)
    });
}

#[test]
fn cycles_are_about_as_frequent_as_collections_in_one_pause() {
    for family in Family::ALL {
        let (mut cycles, mut reference) = (0, 0);
        for run in ALL.iter().filter(|run| run.family == family && run.is_compared()) {
            let (here, there) = (run.incremental.collections(), run.stopped.collections());
            assert!(
                here * 2 <= there * 3,
                "{family:?} {}: {here} for {there}",
                run.scenario.seed
            );
            cycles += here;
            reference += there;
        }
        assert!(reference > 100, "{family:?}: {reference}");
        let ratio = cycles as f64 / reference as f64;
        assert!((0.8..=1.3).contains(&ratio), "{family:?}: {ratio}");
    }
}

/// Returns the table of `docs/pauses.md`.
fn table() -> String {
    let mut lines = String::from(
        "| programs | runs | cycles | ended before aim | before deadline | stopped | window used, median | most \
         | cycles for each collection in one pause |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for family in Family::ALL {
        let runs: Vec<&Run> = ALL.iter().filter(|run| run.family == family).collect();
        let cycles: Vec<&Cycle> = runs.iter().flat_map(|run| run.cycles()).collect();
        let count = |holds: &dyn Fn(&Cycle) -> bool| cycles.iter().filter(|cycle| holds(cycle)).count();
        let before_aim = count(&|c| c.end == End::Marked && c.end_old_bytes < c.window.aim_bytes);
        let marked = count(&|c| c.end == End::Marked);
        let mut shares: Vec<f64> = cycles.iter().map(|cycle| cycle.share()).collect();
        shares.sort_by(f64::total_cmp);
        let sum = |of: &dyn Fn(&Run) -> usize| {
            runs.iter()
                .filter(|run| run.is_compared())
                .map(|run| of(run))
                .sum::<usize>()
        };
        let ratio = sum(&|run| run.incremental.collections()) as f64 / sum(&|run| run.stopped.collections()) as f64;
        lines += &format!(
            "| {} | {RUNS} | {} | {before_aim} | {} | {} | {:.2} | {:.2} | {ratio:.2} |\n",
            family.name(),
            cycles.len(),
            marked - before_aim,
            cycles.len() - marked,
            shares[shares.len() / 2],
            shares[shares.len() - 1],
        );
    }
    lines
}

#[test]
fn the_table_in_the_documentation_is_what_simulation_gives() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/pauses.md");
    let text = std::fs::read_to_string(path).expect("docs/pauses.md can be read");
    let table = table();
    assert!(text.contains(&table), "docs/pauses.md should contain\n{table}");
}
