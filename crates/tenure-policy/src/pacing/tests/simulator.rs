//! A heap in numbers, which runs cycles as a real one does.
//!
//! A program fills the nursery again and again; a share of each fill is promoted, old objects die, now and then a large
//! object is allocated. Slices come `step_bytes` of allocation apart, mark as many words as [`pace`] says (fewer where
//! a clock stops them), and what is promoted meanwhile is black. A cycle starts by its [`window`], is ripe when nothing
//! is left to mark, and ends after the minor collection that follows, or in one pause when [`decide`] calls for one.
//! The next limit is [`old_limit`]'s. Objects, barriers and roots are left out: a slice costs its words.

use crate::pacing::{Pace, PaceInput, PaceReason, Window, WindowInput, pace, window};
use crate::sizing::{OldLimitInput, old_limit};
use crate::trigger::{TriggerInput, Verdict, decide};

pub(super) const MIN_STEP_BYTES: usize = 4096;
pub(super) const MAX_STEP_BYTES: usize = 64 << 10;

/// A slice sweeps so much.
const SWEPT_BYTES: usize = 2 << 20;

/// Words between two looks at the clock.
const BITE_WORDS: usize = 2048;

/// Uniform numbers from a seed (SplitMix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * ((self.next() >> 11) as f64 / (1u64 << 53) as f64)
    }

    pub(super) fn one_of(&mut self, values: &[usize]) -> usize {
        values[(self.next() % values.len() as u64) as usize]
    }
}

/// How long a slice may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cap {
    /// So many words.
    Words(usize),
    /// As many as are marked in this time.
    Time { ns: f64 },
}

/// What the program does during one fill of the nursery.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fill {
    /// The share of the nursery that is promoted.
    pub(super) promoted: f64,
    /// Bytes of the old generation that live afterwards, if there are as many.
    pub(super) live_bytes: f64,
    /// A large object, allocated old; 0 for none.
    pub(super) large_bytes: usize,
}

/// A program and its heap.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) fills: Vec<Fill>,
    pub(super) live_bytes: usize,
    pub(super) max_bytes: usize,
    pub(super) nursery_bytes: usize,
    pub(super) growing_percent: Option<u32>,
    pub(super) cap: Cap,
    pub(super) words_per_ns: f64,
    /// Speeds of slices differ by up to this share.
    pub(super) noise: f64,
    /// Words of marking for each word that is live.
    pub(super) work: f64,
    pub(super) seed: u64,
}

/// How a cycle ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing was left to mark.
    Marked,
    /// The rest was marked in one pause at the deadline.
    Stopped,
    /// The same before the deadline, as something might not have had room.
    NoRoom,
    /// The program ended.
    Unfinished,
}

/// A cycle that was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cycle {
    pub(super) window: Window,
    pub(super) start_old_bytes: usize,
    pub(super) end: End,
    /// The old generation when marking, or the cycle, ended.
    pub(super) end_old_bytes: usize,
    pub(super) expected_words: usize,
    pub(super) work_words: usize,
    pub(super) marked_words: usize,
    pub(super) sliced_words: usize,
    pub(super) slices: usize,
    pub(super) said_behind: bool,
    /// The fewest words that a slice as long as permitted marked.
    pub(super) cap_words: usize,
    /// The most by which the old generation grew during a fill of the nursery.
    pub(super) lump_bytes: usize,
    /// The least growth per byte that slices were paced by.
    pub(super) paced_growth_least: f64,
    /// The most.
    pub(super) paced_growth_most: f64,
    fill_bytes: usize,
    allocated_bytes: usize,
    ripe: bool,
}

impl Cycle {
    /// The share of the window that was used: 0 at its start, 1 at the deadline.
    pub(super) fn share(&self) -> f64 {
        let width = (self.window.deadline_bytes - self.window.start_bytes).max(1) as f64;
        self.end_old_bytes.saturating_sub(self.window.start_bytes) as f64 / width
    }
}

/// What happened to a heap.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub(super) cycles: Vec<Cycle>,
    /// Collections in one pause without a cycle.
    pub(super) stops: usize,
    pub(super) out_of_memory: bool,
}

impl Outcome {
    /// Returns how often everything was marked.
    pub(super) fn collections(&self) -> usize {
        self.stops + self.cycles.iter().filter(|cycle| cycle.end != End::Unfinished).count()
    }
}

struct Heap<'a> {
    scenario: &'a Scenario,
    incremental: bool,
    random: Random,
    old_bytes: usize,
    live_bytes: f64,
    /// Dead when the cycle in progress began, or to be swept.
    condemned_bytes: usize,
    live_after_major_bytes: usize,
    limit_bytes: usize,
    unswept_bytes: usize,
    cycle: Option<Cycle>,
    ripe_fill: bool,
    pace: Pace,
    since_slice_bytes: usize,
    growth_per_allocated: f64,
    learned_words_per_ns: f64,
    outcome: Outcome,
}

/// Runs a scenario with cycles, or with collections in one pause at the limit.
pub(super) fn run(scenario: &Scenario, incremental: bool) -> Outcome {
    let mut heap = Heap {
        scenario,
        incremental,
        random: Random(scenario.seed),
        old_bytes: scenario.live_bytes,
        live_bytes: scenario.live_bytes as f64,
        condemned_bytes: 0,
        live_after_major_bytes: scenario.live_bytes,
        limit_bytes: 0,
        unswept_bytes: 0,
        cycle: None,
        ripe_fill: false,
        pace: Pace {
            step_bytes: MAX_STEP_BYTES,
            slice_words: 1,
            reason: PaceReason::OnSchedule,
        },
        since_slice_bytes: 0,
        growth_per_allocated: 1.0,
        learned_words_per_ns: scenario.words_per_ns,
        outcome: Outcome::default(),
    };
    heap.set_limit();
    for fill in &scenario.fills {
        heap.fill(fill);
        if heap.old_bytes > scenario.max_bytes {
            heap.outcome.out_of_memory = true;
            break;
        }
    }
    if let Some(cycle) = heap.cycle.take() {
        heap.close(cycle, End::Unfinished);
    }
    heap.outcome
}

impl Heap<'_> {
    fn window(&self) -> Window {
        window(&WindowInput {
            live_bytes: self.live_after_major_bytes,
            limit_bytes: self.limit_bytes,
            max_bytes: self.scenario.max_bytes,
            nursery_bytes: self.scenario.nursery_bytes,
        })
    }

    fn set_limit(&mut self) {
        self.limit_bytes = old_limit(&OldLimitInput {
            live_bytes: self.old_bytes,
            max_bytes: self.scenario.max_bytes,
            nursery_capacity_bytes: self.scenario.nursery_bytes,
            growing_percent: self.scenario.growing_percent,
            ..OldLimitInput::default()
        })
        .limit_bytes;
    }

    /// Fills the nursery, with the slices that are due meanwhile, and collects it.
    fn fill(&mut self, fill: &Fill) {
        let nursery_bytes = self.scenario.nursery_bytes;
        let mut used = 0;
        let mut large_bytes = fill.large_bytes;
        while used < nursery_bytes {
            let mut next = nursery_bytes;
            if self.has_slices() {
                let step = self.pace.step_bytes.saturating_sub(self.since_slice_bytes);
                next = next.min(used + step.max(MIN_STEP_BYTES.min(nursery_bytes / 4)));
            }
            if large_bytes > 0 && used >= nursery_bytes / 2 {
                self.allocate_large(used, std::mem::take(&mut large_bytes));
            }
            self.since_slice_bytes += next - used;
            if let Some(cycle) = &mut self.cycle {
                cycle.allocated_bytes += next - used;
            }
            used = next;
            if used < nursery_bytes && self.has_slices() {
                self.slice();
                self.start_cycle_if_due();
            }
        }
        if let Verdict::Major(_) = self.verdict(nursery_bytes, 0) {
            self.stop();
        }
        self.minor(fill);
        self.start_cycle_if_due();
    }

    fn verdict(&self, used_bytes: usize, request_bytes: usize) -> Verdict {
        decide(&TriggerInput {
            old_bytes: self.old_bytes,
            old_limit_bytes: self.stop_bytes(),
            max_bytes: self.scenario.max_bytes,
            nursery_used_bytes: used_bytes,
            request_bytes,
            request_is_large: request_bytes > 0,
            external_soft_bytes: usize::MAX,
            external_hard_bytes: usize::MAX,
            ..TriggerInput::default()
        })
    }

    fn stop_bytes(&self) -> usize {
        if self.incremental {
            self.window().deadline_bytes
        } else {
            self.limit_bytes
        }
    }

    fn allocate_large(&mut self, used_bytes: usize, bytes: usize) {
        // What stops a cycle because it has no room counts as its growth too.
        if let Some(cycle) = &mut self.cycle {
            cycle.lump_bytes = cycle.lump_bytes.max(cycle.fill_bytes + bytes);
        }
        if let Verdict::Major(_) = self.verdict(used_bytes, bytes) {
            self.stop();
        }
        self.grow(bytes);
        if self.incremental && self.has_slices() {
            self.slice();
        }
        self.start_cycle_if_due();
    }

    fn grow(&mut self, bytes: usize) {
        self.old_bytes += bytes;
        self.live_bytes += bytes as f64;
        if let Some(cycle) = &mut self.cycle {
            cycle.fill_bytes += bytes;
            cycle.lump_bytes = cycle.lump_bytes.max(cycle.fill_bytes);
        }
    }

    fn minor(&mut self, fill: &Fill) {
        self.grow((self.scenario.nursery_bytes as f64 * fill.promoted) as usize);
        self.live_bytes = self.live_bytes.min(fill.live_bytes);
        self.ripe_fill = true;
        if let Some(cycle) = &mut self.cycle {
            cycle.fill_bytes = 0;
        }
    }

    fn dead_bytes(&self) -> usize {
        self.old_bytes.saturating_sub(self.live_bytes as usize)
    }

    /// Collects everything in one pause, or what a cycle in progress has left.
    fn stop(&mut self) {
        if let Some(cycle) = self.cycle.take() {
            let end = if cycle.ripe {
                End::Marked
            } else if self.old_bytes > cycle.window.deadline_bytes {
                End::Stopped
            } else {
                End::NoRoom
            };
            self.close(cycle, end);
            self.begin_sweeping();
            return;
        }
        if self.unswept_bytes > 0 {
            self.unswept_bytes = 1;
            self.sweep_slice();
        }
        self.outcome.stops += 1;
        self.old_bytes -= self.dead_bytes();
        self.live_after_major_bytes = self.old_bytes;
        self.set_limit();
    }

    /// What was live when the cycle began, and what was promoted since, is left.
    fn begin_sweeping(&mut self) {
        self.unswept_bytes = self.old_bytes.max(1);
        self.set_limit();
    }

    fn close(&mut self, mut cycle: Cycle, end: End) {
        if !cycle.ripe {
            cycle.end_old_bytes = self.old_bytes;
        }
        cycle.end = end;
        self.outcome.cycles.push(cycle);
    }

    fn has_slices(&self) -> bool {
        match self.cycle {
            Some(Cycle { ripe: true, .. }) => self.ripe_fill,
            Some(_) => true,
            None => self.unswept_bytes > 0,
        }
    }

    fn start_cycle_if_due(&mut self) {
        if !self.incremental || self.cycle.is_some() || self.unswept_bytes > 0 {
            return;
        }
        let window = self.window();
        if self.old_bytes < window.start_bytes {
            return;
        }
        self.condemned_bytes = self.dead_bytes();
        let live = self.old_bytes - self.condemned_bytes;
        self.cycle = Some(Cycle {
            window,
            start_old_bytes: self.old_bytes,
            end: End::Unfinished,
            end_old_bytes: self.old_bytes,
            expected_words: self.old_bytes / 8,
            work_words: (live as f64 / 8.0 * self.scenario.work) as usize,
            marked_words: 0,
            sliced_words: 0,
            slices: 0,
            said_behind: false,
            cap_words: usize::MAX,
            lump_bytes: 0,
            paced_growth_least: f64::INFINITY,
            paced_growth_most: 0.0,
            fill_bytes: 0,
            allocated_bytes: 0,
            ripe: false,
        });
        self.set_pace();
    }

    fn cap_words(&self) -> usize {
        match self.scenario.cap {
            Cap::Words(words) => words,
            Cap::Time { ns } => (self.learned_words_per_ns.max(0.03) * ns) as usize,
        }
    }

    fn set_pace(&mut self) {
        let cap_words = self.cap_words();
        let Some(cycle) = &mut self.cycle else {
            self.pace = Pace {
                step_bytes: MAX_STEP_BYTES,
                slice_words: cap_words,
                reason: PaceReason::OnSchedule,
            };
            return;
        };
        if cycle.allocated_bytes > 2 * self.scenario.nursery_bytes {
            let grown = self.old_bytes - cycle.start_old_bytes;
            self.growth_per_allocated = grown as f64 / cycle.allocated_bytes as f64;
        }
        cycle.paced_growth_least = cycle.paced_growth_least.min(self.growth_per_allocated);
        cycle.paced_growth_most = cycle.paced_growth_most.max(self.growth_per_allocated);
        self.pace = pace(&PaceInput {
            expected_words: cycle.expected_words,
            marked_words: cycle.marked_words,
            old_bytes: self.old_bytes,
            window: cycle.window,
            growth_per_allocated: self.growth_per_allocated,
            cap_words,
            max_step_bytes: MAX_STEP_BYTES,
            min_step_bytes: MIN_STEP_BYTES,
        });
        cycle.said_behind |= !cycle.ripe && self.pace.reason == PaceReason::Behind;
        let Pace {
            step_bytes,
            slice_words,
            ..
        } = self.pace;
        assert!(slice_words >= 1 && slice_words <= cap_words.max(1), "{:?}", self.pace);
        assert!(
            (MIN_STEP_BYTES..=MAX_STEP_BYTES).contains(&step_bytes),
            "{:?}",
            self.pace
        );
    }

    fn slice(&mut self) {
        let Some(mut cycle) = self.cycle.take() else {
            self.sweep_slice();
            self.end_slice();
            return;
        };
        if cycle.ripe {
            self.close(cycle, End::Marked);
            self.begin_sweeping();
        } else {
            let noise = self
                .random
                .between(1.0 - self.scenario.noise, 1.0 + self.scenario.noise);
            let speed = self.scenario.words_per_ns * noise;
            let can_words = match self.scenario.cap {
                Cap::Words(_) => usize::MAX,
                // At least one bite, and the one in which time runs out.
                Cap::Time { ns } => ((speed * ns) as usize / BITE_WORDS + 1) * BITE_WORDS,
            };
            let words = self.pace.slice_words.min(can_words);
            let left = cycle.work_words - cycle.marked_words;
            cycle.cap_words = cycle.cap_words.min(can_words.min(self.cap_words()));
            cycle.slices += 1;
            cycle.sliced_words += words.min(left);
            cycle.marked_words += words.min(left);
            self.learned_words_per_ns = self.learned_words_per_ns * 0.8 + speed * 0.2;
            if words >= left {
                cycle.ripe = true;
                cycle.end_old_bytes = self.old_bytes;
                self.ripe_fill = false;
            }
            self.cycle = Some(cycle);
        }
        self.end_slice();
    }

    fn end_slice(&mut self) {
        self.since_slice_bytes = 0;
        self.set_pace();
    }

    fn sweep_slice(&mut self) {
        self.unswept_bytes = self.unswept_bytes.saturating_sub(SWEPT_BYTES);
        if self.unswept_bytes == 0 {
            self.old_bytes -= self.condemned_bytes;
            self.live_after_major_bytes = self.old_bytes;
            self.set_limit();
        }
    }
}
