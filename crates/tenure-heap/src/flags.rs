//! The settings by the names of the command line, from one table.
//!
//! Names and units are those that Node users know. Values are text; a value that is not accepted gives an error that
//! says what is.

use tenure_marking::Traversal;

use crate::config::{Compaction, HeapConfig, MarkingBarrier};
use crate::error::ConfigError;

/// One option of the command line.
#[derive(Clone, Copy, Debug)]
pub struct FlagSpec {
    /// The name, without dashes.
    pub name: &'static str,
    /// What stands for the value in a usage line; empty for a switch.
    pub value_name: &'static str,
    /// What it does, with the unit.
    pub help: &'static str,
    /// The value when it is not given.
    pub default: &'static str,
}

const fn flag(name: &'static str, value_name: &'static str, default: &'static str, help: &'static str) -> FlagSpec {
    FlagSpec {
        name,
        value_name,
        help,
        default,
    }
}

static FLAGS: [FlagSpec; 40] = [
    flag(
        "preset",
        "NAME",
        "v8-2012",
        "a named set of values: v8-2012, v8-modern, low-latency or throughput",
    ),
    flag("max-old-space-size", "MB", "1400", "hard limit of the old generation"),
    flag(
        "initial-old-space-size",
        "MB",
        "256",
        "old generation size that starts the first major collection",
    ),
    flag(
        "max-semi-space-size",
        "MB",
        "16",
        "largest capacity of one half of the nursery",
    ),
    flag(
        "min-semi-space-size",
        "MB",
        "1",
        "initial capacity of one half of the nursery",
    ),
    flag(
        "max-new-space-size",
        "KB",
        "32768",
        "largest capacity of both halves together; at least 8",
    ),
    flag(
        "semi-space-growth-factor",
        "N",
        "2",
        "by how much a half of the nursery grows at a time",
    ),
    flag(
        "heap-growing-percent",
        "P",
        "0",
        "growth of the old generation's limit over what is live; 0: by V8's controller",
    ),
    flag(
        "promotion",
        "POLICY",
        "v8",
        "which survivors are promoted: age-mark, fill, v8, age=N, all, never, adaptive, random=SEED",
    ),
    flag(
        "mark-stack-entries",
        "N",
        "524288",
        "capacity of the mark stack; 1 works too",
    ),
    flag(
        "traversal",
        "HOW",
        "auto",
        "how the marker walks: auto, depth-first or prefetch",
    ),
    flag(
        "incremental-marking",
        "",
        "true",
        "mark and sweep in slices between stretches of the program",
    ),
    flag("no-incremental", "", "false", "mark and sweep in one pause"),
    flag(
        "pause-goal",
        "TIME",
        "0",
        "the pause that no collection is to exceed, as 1ms or 500us; 0: none",
    ),
    flag(
        "slice-words",
        "N",
        "0",
        "words that a slice of marking scans at most; 0: by pacing and pause goal",
    ),
    flag(
        "barrier",
        "WHICH",
        "owner",
        "barrier of incremental marking: owner, insertion or deletion",
    ),
    flag(
        "compact",
        "HOW",
        "auto",
        "whether old objects move: never, slide, evacuate or auto",
    ),
    flag(
        "minor-weak-strong",
        "",
        "false",
        "let weak references keep their objects in minor collections, as V8 did before version 12",
    ),
    flag(
        "keep-during-job",
        "",
        "false",
        "keep what is read from a weak reference until the job ends, as JavaScript demands",
    ),
    flag(
        "release-delay",
        "MS",
        "250",
        "how long empty blocks are kept before the system gets them back",
    ),
    flag(
        "huge-pages-from",
        "MB",
        "0",
        "how much of each part of the heap comes before its huge pages; none with a pause goal",
    ),
    flag("cycle-interval", "N", "0", "start a cycle at every N-th allocation"),
    flag("stress-phases", "", "false", "end a slice at each phase of a cycle"),
    flag(
        "stress-compaction",
        "",
        "false",
        "compact at every opportunity, as --compact says",
    ),
    flag(
        "abort-evacuation-at",
        "N",
        "0",
        "abort each evacuation of blocks at its N-th object",
    ),
    flag(
        "stress-incremental-marking",
        "",
        "false",
        "keep a cycle in progress at all times, in slices of one object",
    ),
    flag(
        "measured-speeds",
        "",
        "false",
        "let measured speeds take part in limits and shrinking, as V8 does",
    ),
    flag("trace-gc", "", "false", "print one line for each collection"),
    flag(
        "trace-gc-nvp",
        "",
        "false",
        "print one line of keys and values for each collection",
    ),
    flag(
        "verify-heap",
        "",
        "false",
        "check every invariant after each collection",
    ),
    flag(
        "gc-interval",
        "N",
        "0",
        "collect at every N-th allocation, every eighth time a major collection",
    ),
    flag(
        "stress-scavenge",
        "PERCENT",
        "0",
        "start minor collections at random fills of up to PERCENT",
    ),
    flag("poison", "", "false", "fill dead memory with patterns"),
    flag(
        "protect",
        "",
        "false",
        "make the reserve half of the nursery inaccessible between collections",
    ),
    flag(
        "fail-pages-at",
        "N",
        "0",
        "let the N-th request for pages fail, and all later ones",
    ),
    flag("register-words", "N", "1048576", "size of the register stack"),
    flag("operand-words", "N", "1048576", "size of the operand stack"),
    flag("handle-words", "N", "262144", "size of the handle stack"),
    flag(
        "max-spill-size",
        "KB",
        "16384",
        "how far region allocation may run beyond the nursery's limit",
    ),
    flag("seed", "N", "1", "seed of the random stress settings"),
];

fn number(name: &str, value: &str, unit: usize) -> Result<usize, ConfigError> {
    value
        .parse::<usize>()
        .ok()
        .and_then(|n| n.checked_mul(unit))
        .ok_or_else(|| ConfigError::new(name, value, "a whole number, not negative and not too large"))
}

fn switch(name: &str, value: &str) -> Result<bool, ConfigError> {
    match value {
        "" | "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => Err(ConfigError::new(name, value, "true or false")),
    }
}

/// Reads a time with its unit: `1ms`, `500us`, `2s`; a bare number is milliseconds, as Node's options have it.
fn duration_ns(name: &str, value: &str) -> Result<u64, ConfigError> {
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_ns = match &value[digits.len()..] {
        "ns" => 1.0,
        "us" => 1e3,
        "ms" | "" => 1e6,
        "s" => 1e9,
        _ => f64::NAN,
    };
    match digits.parse::<f64>().map(|n| n * unit_ns) {
        Ok(ns) if (0.0..1e18).contains(&ns) => Ok(ns as u64),
        _ => Err(ConfigError::new(
            name,
            value,
            "a time with its unit, as 1ms, 500us or 0.5ms; 0 is none",
        )),
    }
}

fn choice<T: Copy>(name: &str, value: &str, all: &[(&str, T)]) -> Result<T, ConfigError> {
    all.iter().find(|c| c.0 == value).map(|c| c.1).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|c| c.0).collect();
        ConfigError::new(name, value, format!("one of {}", names.join(", ")))
    })
}

impl HeapConfig {
    /// Returns all options.
    #[must_use]
    pub fn flags() -> &'static [FlagSpec] {
        &FLAGS
    }

    /// Sets the option `name` (without dashes) from text. Sizes are in the unit of the option: MB and KB are binary.
    ///
    /// # Errors
    ///
    /// For an unknown name, and for a value that the option does not accept. Whether values fit together is checked
    /// when the heap is made.
    pub fn set_flag(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        const KB: usize = 1 << 10;
        const MB: usize = 1 << 20;
        let s = &mut self.settings;
        match name {
            "preset" => self.apply_preset(value)?,
            "max-old-space-size" => {
                s.max_old_bytes = number(name, value, MB)?;
                s.initial_old_limit_bytes = s.initial_old_limit_bytes.min(s.max_old_bytes);
            }
            "initial-old-space-size" => s.initial_old_limit_bytes = number(name, value, MB)?,
            "max-semi-space-size" => set_max_semi(s, number(name, value, MB)?),
            "max-new-space-size" => set_max_semi(s, number(name, value, KB)? / 2),
            "min-semi-space-size" => {
                s.initial_semi_space_bytes = number(name, value, MB)?;
                s.max_semi_space_bytes = s.max_semi_space_bytes.max(s.initial_semi_space_bytes);
            }
            "semi-space-growth-factor" => s.semi_space_growth_factor = number(name, value, 1)?,
            "heap-growing-percent" => {
                let percent = number(name, value, 1)?;
                let percent = u32::try_from(percent).map_err(|_| ConfigError::new(name, value, "at most 2^32"))?;
                s.growing_percent = (percent > 0).then_some(percent);
            }
            "promotion" => {
                s.promotion = value
                    .parse()
                    .map_err(|e| ConfigError::new(name, value, format!("{e}")))?;
            }
            "mark-stack-entries" => s.mark_stack_entries = number(name, value, 1)?,
            "traversal" => {
                s.traversal = match value {
                    "auto" => Traversal::Auto,
                    "depth-first" => Traversal::DepthFirst,
                    "prefetch" => Traversal::Prefetch,
                    _ => return Err(ConfigError::new(name, value, "auto, depth-first or prefetch")),
                };
            }
            "incremental-marking" => s.incremental_marking = switch(name, value)?,
            "stress-incremental-marking" => {
                s.stress_incremental = switch(name, value)?;
                s.incremental_marking |= s.stress_incremental;
            }
            "no-incremental" => s.incremental_marking = s.incremental_marking && !switch(name, value)?,
            "pause-goal" => s.pause_goal_ns = duration_ns(name, value)?,
            "slice-words" => s.slice_words = number(name, value, 1)?,
            "barrier" => s.marking_barrier = choice(name, value, &MarkingBarrier::ALL)?,
            "compact" => s.compaction = choice(name, value, &Compaction::ALL)?,
            "minor-weak-strong" => s.minor_weak_strong = switch(name, value)?,
            "keep-during-job" => s.keep_during_job = switch(name, value)?,
            "release-delay" => s.release_delay_ms = number(name, value, 1)? as u64,
            "huge-pages-from" => s.huge_pages_from_bytes = number(name, value, MB)?,
            "cycle-interval" => {
                s.cycle_interval = number(name, value, 1)? as u64;
                s.incremental_marking |= s.cycle_interval > 0;
            }
            "stress-phases" => s.stress_phases = switch(name, value)?,
            "stress-compaction" => s.stress_compaction = switch(name, value)?,
            "abort-evacuation-at" => s.abort_evacuation_at = number(name, value, 1)? as u64,
            "measured-speeds" => s.measured_speeds = switch(name, value)?,
            "trace-gc" => s.trace_gc = switch(name, value)?,
            "trace-gc-nvp" => s.trace_gc_nvp = switch(name, value)?,
            "verify-heap" => s.verify_heap = switch(name, value)?,
            "gc-interval" => s.gc_interval = number(name, value, 1)? as u64,
            "stress-scavenge" => {
                s.stress_scavenge_percent = number(name, value, 1)? as u64;
                if s.stress_scavenge_percent > 100 {
                    return Err(ConfigError::new(name, value, "0 to 100 percent"));
                }
            }
            "poison" => s.poison = switch(name, value)?,
            "protect" => s.protect = switch(name, value)?,
            "fail-pages-at" => s.fail_pages_at = number(name, value, 1)? as u64,
            "register-words" => s.register_words = number(name, value, 1)?,
            "operand-words" => s.operand_words = number(name, value, 1)?,
            "handle-words" => s.handle_words = number(name, value, 1)?,
            "max-spill-size" => s.max_spill_bytes = number(name, value, KB)?,
            "seed" => s.seed = number(name, value, 1)? as u64,
            _ => {
                let names: Vec<&str> = FLAGS.iter().map(|f| f.name).collect();
                return Err(ConfigError::new(
                    name,
                    value,
                    format!("there is no such option; there are {}", names.join(", ")),
                ));
            }
        }
        Ok(())
    }
}

/// V8 rounds a half up to a power of two.
fn set_max_semi(s: &mut crate::config::Settings, bytes: usize) {
    s.max_semi_space_bytes = bytes.max(1).checked_next_power_of_two().unwrap_or(usize::MAX);
    s.initial_semi_space_bytes = s.initial_semi_space_bytes.min(s.max_semi_space_bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_of_the_table_are_the_defaults() {
        for f in HeapConfig::flags() {
            let mut config = HeapConfig::new();
            config.set_flag(f.name, f.default).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(
                config.settings(),
                HeapConfig::new().settings(),
                "--{}={}",
                f.name,
                f.default
            );
        }
    }

    #[test]
    fn values_that_are_not_accepted_are_named() {
        let mut config = HeapConfig::new();
        for (name, value, says) in [
            ("max-old-space-size", "many", "whole number"),
            ("preset", "fast", "v8-2012"),
            ("promotion", "sometimes", "adaptive"),
            ("traversal", "bfs", "depth-first"),
            ("stress-scavenge", "101", "100"),
            ("pause-goal", "1 fortnight", "1ms"),
            ("pause-goal", "ms", "500us"),
            ("barrier", "none", "deletion"),
            ("compact", "always", "evacuate"),
            ("no-such", "1", "max-old-space-size"),
        ] {
            let error = config.set_flag(name, value).expect_err("not accepted").to_string();
            assert!(
                error.contains(says) && error.contains(value) && error.contains(name),
                "{error}"
            );
        }
    }
}
