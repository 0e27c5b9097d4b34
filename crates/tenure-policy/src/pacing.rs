//! When a cycle starts, how much each of its slices does, and how large a nursery a pause goal allows.
//!
//! A cycle has a window of growth, `[start_bytes, deadline_bytes]` around the old generation's limit, to do its marking
//! in ([`window`]). After each slice, [`pace`] divides the marking that is left by the growth that is left, which gives
//! the words to mark for each byte allocated, and from that the distance to the next slice and its length. When a slice
//! of the longest permitted length is not enough, slices come more often and not longer. Two inequalities hold:
//!
//! - while `mark rate >= remaining_words / (aim_bytes - old_bytes)`, marking ends before the old generation reaches
//!   `aim_bytes`, three quarters into the window;
//! - at the shortest distance, a slice of `cap_words` for every `min_step_bytes`, it ends before `deadline_bytes` if
//!   `remaining_words / cap_words * min_step_bytes <= deadline_bytes - aim_bytes`. If not, the rest is marked in one
//!   pause, and the reason says so.
//!
//! [`nursery_for_goal`] bounds a half of the nursery twice: by the pause that a byte cost lately, and by the pause that
//! it would cost if everything survived. All functions are a handful of arithmetic operations. None reads a clock:
//! speeds are inputs, and where they are missing the results depend on the program alone.

/// What [`window`] looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowInput {
    /// Bytes in the old generation after the last major collection.
    pub live_bytes: usize,
    /// The limit that growth was given then.
    pub limit_bytes: usize,
    /// The hard limit.
    pub max_bytes: usize,
    /// Bytes of one half of the nursery: what a minor collection may promote at once.
    pub nursery_bytes: usize,
}

/// The growth during which a cycle is to mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// A cycle starts when the old generation is this large.
    pub start_bytes: usize,
    /// Marking is paced to end at this size.
    pub aim_bytes: usize,
    /// At this size, the rest is marked in one pause.
    pub deadline_bytes: usize,
}

/// Returns when a cycle starts and until when it has time.
///
/// The window is an eighth of the limit, centered on it: cycles are about as frequent as collections in one pause would
/// be. Near the hard limit it lies below, but never takes more than half of the room that the program was given.
#[must_use]
pub fn window(input: &WindowInput) -> Window {
    let width = (input.limit_bytes / 8).max(input.nursery_bytes);
    // What a minor collection promotes must still fit when the deadline has just not been reached.
    let usable = input.max_bytes.saturating_sub(2 * input.nursery_bytes).max(1);
    let deadline_bytes = input.limit_bytes.saturating_add(width / 2).min(usable);
    let earliest = input.live_bytes.saturating_add(deadline_bytes) / 2;
    let start_bytes = deadline_bytes.saturating_sub(width).max(earliest.min(deadline_bytes));
    Window {
        start_bytes,
        aim_bytes: start_bytes + (deadline_bytes - start_bytes) / 4 * 3,
        deadline_bytes,
    }
}

/// What [`pace`] looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PaceInput {
    /// Words of the old generation when the cycle started: at most so many are live.
    pub expected_words: usize,
    /// Words marked so far.
    pub marked_words: usize,
    /// Bytes in the old generation now.
    pub old_bytes: usize,
    /// The window of the cycle.
    pub window: Window,
    /// Bytes that the old generation grew by for each byte allocated lately. 1 if nothing is known.
    pub growth_per_allocated: f64,
    /// The longest slice, in words.
    pub cap_words: usize,
    /// The longest distance between slices, in bytes allocated.
    pub max_step_bytes: usize,
    /// The shortest.
    pub min_step_bytes: usize,
}

/// Why slices are as long and as frequent as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaceReason {
    /// Marking ends in time with slices at the longest distance.
    OnSchedule,
    /// Slices come more often, because longer ones are not permitted.
    MoreOften,
    /// Slices of the greatest length at the shortest distance may not be enough.
    Behind,
}

impl PaceReason {
    /// Returns the reason as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnSchedule => "on schedule",
            Self::MoreOften => "slices as long as permitted, and more often",
            Self::Behind => "behind: slices as long and as frequent as permitted",
        }
    }
}

/// The next slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Bytes to be allocated before it.
    pub step_bytes: usize,
    /// Words that it marks.
    pub slice_words: usize,
    /// Why.
    pub reason: PaceReason,
}

/// The fewest words worth a slice: less would be spent on getting there.
pub const MIN_SLICE_WORDS: usize = 1024;

/// The least growth that is assumed for a byte allocated: a program that promotes nothing for a while may begin to.
const MIN_GROWTH: f64 = 1.0 / 16.0;

/// Returns how far away the next slice is and how much it marks.
#[must_use]
pub fn pace(input: &PaceInput) -> Pace {
    let cap_words = input.cap_words.max(1);
    let (min_step, max_step) = (input.min_step_bytes.max(1), input.max_step_bytes.max(1));
    // More may turn out to be live than was expected: large objects, what was promoted since.
    let remaining_words = input
        .expected_words
        .saturating_sub(input.marked_words)
        .max(input.expected_words / 32)
        .max(MIN_SLICE_WORDS) as f64;
    let growth_left = input.window.aim_bytes.saturating_sub(input.old_bytes) as f64;
    let allocation_left = growth_left / input.growth_per_allocated.max(MIN_GROWTH);
    if allocation_left < min_step as f64 {
        return Pace {
            step_bytes: min_step,
            slice_words: cap_words,
            reason: PaceReason::Behind,
        };
    }
    let words_per_byte = remaining_words / allocation_left;
    let wanted_step = cap_words as f64 / words_per_byte;
    let step_bytes = (wanted_step as usize).clamp(min_step, max_step.max(min_step));
    let slice_words = ((words_per_byte * step_bytes as f64).ceil() as usize)
        .max(MIN_SLICE_WORDS)
        .min(cap_words);
    let reason = if wanted_step < min_step as f64 {
        PaceReason::Behind
    } else if step_bytes < max_step {
        PaceReason::MoreOften
    } else {
        PaceReason::OnSchedule
    };
    Pace {
        step_bytes,
        slice_words,
        reason,
    }
}

/// What [`nursery_for_goal`] looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GoalInput {
    /// The pause goal.
    pub goal_ns: u64,
    /// What a minor collection cost for each byte of the nursery: the worst lately. 0 if none was measured.
    pub pause_ns_per_byte: f64,
    /// What it cost for each byte that survived: the worst lately. 0 if none was measured.
    pub survivor_ns_per_byte: f64,
    /// The capacity of a half now.
    pub capacity_bytes: usize,
    /// The most that the settings permit.
    pub max_bytes: usize,
    /// The least.
    pub min_bytes: usize,
}

/// What a surviving byte is taken to cost before any was measured: half a gigabyte a second.
const UNMEASURED_SURVIVOR_NS_PER_BYTE: f64 = 2.0;

/// What a surviving byte is taken to cost at least: old objects may get memory that was never touched before, and a page
/// fault takes about 2 us.
const FRESH_SURVIVOR_NS_PER_BYTE: f64 = 0.6;

/// The share of the goal that an ordinary minor collection is to take: the machine is not always as fast as lately.
const ORDINARY_SHARE: f64 = 0.5;

/// The share that one is to take in which everything survives.
const WORST_SHARE: f64 = 0.9;

/// Returns the capacity of a half of the nursery with which minor collections keep the goal: half of it as things were
/// lately, nearly all of it if everything survives. It grows by a quarter at a time, and shrinks at once.
#[must_use]
pub fn nursery_for_goal(input: &GoalInput) -> usize {
    let goal = input.goal_ns as f64;
    let survivor = if input.survivor_ns_per_byte > 0.0 {
        input.survivor_ns_per_byte.max(FRESH_SURVIVOR_NS_PER_BYTE)
    } else {
        UNMEASURED_SURVIVOR_NS_PER_BYTE
    };
    let worst = goal * WORST_SHARE / survivor;
    let ordinary = if input.pause_ns_per_byte > 0.0 {
        goal * ORDINARY_SHARE / input.pause_ns_per_byte
    } else {
        f64::INFINITY
    };
    let growth = (input.capacity_bytes + input.capacity_bytes / 4).max(input.min_bytes);
    let wanted = worst.min(ordinary).min(growth as f64) as usize;
    // Not for a few bytes: changing the size costs a system call.
    let wanted = if wanted.abs_diff(input.capacity_bytes) < input.capacity_bytes / 16 {
        input.capacity_bytes
    } else {
        wanted
    };
    wanted.clamp(input.min_bytes.min(input.max_bytes), input.max_bytes)
}

/// A price that follows the worst quickly and forgets it slowly, but does not believe a single outlier: the machine may
/// have given the processor to somebody else meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WorstLately {
    worst: f64,
    /// The last measurement, if it was an outlier.
    suspect: f64,
}

/// A measurement that is so many times as high as the worst so far is believed when it is repeated.
const OUTLIER_FACTOR: f64 = 2.0;

impl WorstLately {
    /// Adds a measurement. One that is less than what is remembered lowers it by a hundredth of the difference; one that
    /// is more raises it half of the way.
    pub fn add(&mut self, value: f64) {
        let mut value = value;
        if self.worst > 0.0 && value > OUTLIER_FACTOR * self.worst {
            let before = std::mem::replace(&mut self.suspect, value);
            if before == 0.0 {
                return;
            }
            value = value.min(before);
        } else {
            self.suspect = 0.0;
        }
        if self.worst == 0.0 {
            self.worst = value;
        } else if value > self.worst {
            self.worst = (self.worst + value) / 2.0;
        } else {
            self.worst -= (self.worst - value) / 100.0;
        }
    }

    /// Returns the worst lately, or 0 if nothing was added.
    #[must_use]
    pub fn get(self) -> f64 {
        self.worst
    }
}

#[cfg(test)]
mod tests;
