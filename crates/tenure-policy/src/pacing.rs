//! When a cycle starts, how much each of its slices does, and how large a nursery a pause goal allows.
//!
//! A cycle has a window of growth, `[start_bytes, deadline_bytes]` around the old generation's limit, to do its marking
//! in ([`window`]). After each slice, [`pace`] divides the marking that is left by the growth that is left, which gives
//! the words to mark for each byte allocated, and from that the distance to the next slice and its length. When a slice
//! of the longest permitted length is not enough, slices come more often and not longer. [`nursery_for_goal`] bounds a
//! half of the nursery twice: by the pause that a byte cost lately, and by the pause that it would cost if everything
//! survived and were promoted ([`SurvivorPrice`]). All functions are a handful of arithmetic operations. None reads a clock: speeds are inputs, and where
//! they are missing the results depend on the program alone.
//!
//! # When marking ends
//!
//! Let `W` be the words that there really are to mark and `E` the expected ones, `g` the growth that slices are paced
//! by (a sixteenth at least), `n` the bytes allocated between two minor collections, and `old` the old generation at
//! the start of the cycle: up to a lump above `start_bytes`, a lump being what one minor collection promotes. Let there
//! be room for promotion until the deadline, `deadline_bytes + n <= max_bytes`.
//!
//! 1. Marking ends before the old generation reaches `aim_bytes`, three quarters into the window, and no slice is
//!    [`PaceReason::Behind`], if
//!
//!    `cap_words / min_step_bytes >= 2 * E * g / (aim_bytes - old)`,
//!
//!    and besides no minor collection promotes more than `Q = g * n`, `aim_bytes - old >= 2 * Q + g * max_step_bytes`,
//!    and `W <= 7/8 * E`.
//! 2. It ends before `deadline_bytes`, the last quarter being left for what was not foreseen, if
//!
//!    `G * (ceil(W / cap_words) * min_step_bytes + max_step_bytes) + 2 * L <= deadline_bytes - max(aim_bytes, old)`,
//!
//!    where `L` is the largest lump that there really is, large objects included, and `G = L / n`. If not, the deadline
//!    may be reached: then [`pace`] has said [`PaceReason::Behind`], and the rest is marked in one pause, below the
//!    hard limit.
//!
//! The first follows from how `pace` looks ahead. `old` stays the same while the nursery fills, though the growth that
//! this fill will cause is already spent. So with `m = (aim_bytes - old) / Q` lumps left, marking is spread over
//! `m - 1` fills, or over `m / 2` if that is more. While `m >= 2`, slices of one fill leave
//! `exp(-1 / (m - 1)) <= 1 - 1/m` of the work: no more than a straight line to the aim would, which has `E * m / M`
//! left if there were `M` lumps at the start. Divided by `m - 1 >= m / 2` fills, this is never faster than twice the
//! line's `E / M` for each fill, hence the factor of two. Over the last two lumps, spreading over `m / 2` leaves
//! `exp(-2 / m)` after each, less than an eighth of `E` after both: hence the eighth that must be dead, as it is at
//! limits above 1.15 times what lives. The bound holds from two lumps on; `g * max_step_bytes` is for a slice that was
//! planned before a minor collection and comes after it. A test runs cycles at exactly the rate demanded, for `M` from
//! 2 to 50.
//!
//! The second holds whatever was believed before: once the aim has been reached, slices are as long and as frequent as
//! is permitted. At most one lump was promoted in reaching it and one is promoted before the fill ends, the slice
//! planned before is at most `max_step_bytes` away, and `ceil(W / cap_words)` slices of `min_step_bytes` each follow.
//!
//! Growth that comes at once, a table that doubles, would leave no window at all: then the window moves up with it
//! ([`Window::moved`]), as far as the hard limit permits.
//!
//! # How often cycles run
//!
//! At most a quarter of the growth up to the limit is still to come when a cycle starts. So even if marking took no
//! time, there would be at most 4/3 as many cycles as collections in one pause at the limit. What is promoted during a
//! cycle and dies in it stays until the next; it raises the next limit too, so that cycles of programs that promote
//! much are rarer. Simulated programs have between 0.8 and 1.3 times as many in the mean of a family, and at most 1.5
//! times in one program. "Pacing, simulated" in `docs/pauses.md` has the figures.
//!
//! # Pauses of minor collections
//!
//! With `p` the price of a nursery byte and `s` that of a surviving byte, both the worst lately, the capacity is at
//! most `goal / 2 / p` and `0.9 * goal / s`. It is left alone until it is a sixteenth too large or an eighth too small,
//! so predicted pauses are at most `0.5 * 16/15` of the goal, or `0.96` if everything survives; only the least
//! permitted capacity may cost more. From any start it settles after one collection if it shrinks, and after
//! `log(max / min) / log(1.25)` if it grows: 25 from 64 KiB to 16 MiB. With prices that vary by 20 % up and down, it is
//! changed at most once in 30 collections; without the eighth, that was once in 20.
//!
//! When the price jumps by any factor `J`, one collection is too long. [`WorstLately`] then goes half of the way, to
//! `(1 + J) / 2`, and the next takes `1/2 * 16/15 * J / ((1 + J) / 2) < 16/15` of the goal, the one after that
//! `2/3 * 16/15`.
//!
//! A price for each byte cannot tell the costs that a collection has whatever the nursery's size, like a deep stack,
//! from those of copying. If they exceed half of the goal, the nursery shrinks to its minimum without reaching the
//! goal.

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
    /// Bytes allocated between two minor collections: the old generation grows by what they promote, and not between.
    pub lump_bytes: usize,
}

/// A cycle starts when at most one part of so many is left of the growth up to the limit. Simulated heaps near the hard
/// limit are marked 1.13 times as often as in one pause; with 2, it was 1.27 times, and with 6, five times as many of
/// their cycles ended behind the aim.
const START_ROOM_PART: usize = 4;

/// Returns when a cycle starts and until when it has time.
///
/// The window is an eighth of the limit (or the nursery's capacity, if that is more), centered on it: cycles are about
/// as frequent as collections in one pause would be. It starts later where less than a quarter of the growth up to the
/// limit would be left then. It ends below the hard limit by what two minor collections may promote, or by half of the
/// room that is left at all, if that is less: so it never ends below a limit that is halfway to the hard one.
///
/// ```
/// use tenure_policy::pacing::{WindowInput, window};
///
/// const MIB: usize = 1 << 20;
/// let heap = WindowInput {
///     live_bytes: 80 * MIB,
///     limit_bytes: 160 * MIB,
///     max_bytes: 1400 * MIB,
///     nursery_bytes: MIB,
/// };
/// let around = window(&heap);
/// assert_eq!((around.start_bytes, around.deadline_bytes), (150 * MIB, 170 * MIB));
/// assert_eq!(around.aim_bytes, 165 * MIB);
///
/// // Little room: 20 MiB up to the limit, a quarter of which is left; and at most 164 - 2 * 1 MiB.
/// let near = window(&WindowInput { live_bytes: 140 * MIB, max_bytes: 164 * MIB, ..heap });
/// assert_eq!((near.start_bytes, near.deadline_bytes), (155 * MIB, 162 * MIB));
/// ```
#[must_use]
pub fn window(input: &WindowInput) -> Window {
    let half = (input.limit_bytes / 8).max(input.nursery_bytes) / 2;
    // What minor collections promote must still fit when the deadline has just not been reached.
    let usable = last_start_bytes(input);
    let limit_bytes = input.limit_bytes.min(usable);
    let deadline_bytes = input.limit_bytes.saturating_add(half).min(usable);
    let lead = half.min(limit_bytes.saturating_sub(input.live_bytes) / START_ROOM_PART);
    let start_bytes = limit_bytes - lead;
    let width = deadline_bytes - start_bytes;
    Window {
        start_bytes,
        aim_bytes: start_bytes + width / 4 * 3,
        deadline_bytes,
        lump_bytes: input.nursery_bytes,
    }
}

/// What large objects may add to a small heap while a cycle marks: V8's `kMarginForSmallHeaps`.
const OVERSHOOT_BYTES: usize = 32 << 20;

/// Returns the size up to which a cycle can still start: below the hard limit by what two minor collections may promote,
/// or by half of the room that is left at all. Above it, everything is marked in one pause.
#[must_use]
pub fn last_start_bytes(input: &WindowInput) -> usize {
    let room = input.max_bytes.saturating_sub(input.live_bytes);
    input.max_bytes - (room / 2).min(input.nursery_bytes.saturating_mul(2))
}

impl Window {
    /// Moves the window of a running cycle up by growth that came at once: by how late the cycle started, if it is more
    /// than what a minor collection promotes, and by the large objects that were allocated since. A table that doubles
    /// jumps over the window; marking takes no longer for it, and is to have its time. Large objects move it by half of
    /// the limit at most, or 32 MiB if that is more, as V8 lets a heap overshoot its limit while it marks; and nothing
    /// moves it beyond [`last_start_bytes`].
    ///
    /// ```
    /// use tenure_policy::pacing::{WindowInput, window};
    ///
    /// const MIB: usize = 1 << 20;
    /// let input = WindowInput {
    ///     live_bytes: 80 * MIB,
    ///     limit_bytes: 160 * MIB,
    ///     max_bytes: 1400 * MIB,
    ///     nursery_bytes: MIB,
    /// };
    /// let moved = window(&input).moved(&input, 190 * MIB, 10 * MIB);
    /// assert_eq!((moved.start_bytes, moved.deadline_bytes), (200 * MIB, 220 * MIB));
    /// assert_eq!(window(&input).moved(&input, 151 * MIB, 0), window(&input));
    /// ```
    #[must_use]
    pub fn moved(self, input: &WindowInput, started_bytes: usize, large_bytes: usize) -> Window {
        let late_bytes = started_bytes.saturating_sub(self.start_bytes);
        let late_bytes = if late_bytes > self.lump_bytes { late_bytes } else { 0 };
        let by_bytes = late_bytes
            .saturating_add(large_bytes.min(OVERSHOOT_BYTES.max(input.limit_bytes / 2)))
            .min(last_start_bytes(input).saturating_sub(self.deadline_bytes));
        Window {
            start_bytes: self.start_bytes + by_bytes,
            aim_bytes: self.aim_bytes + by_bytes,
            deadline_bytes: self.deadline_bytes + by_bytes,
            lump_bytes: self.lump_bytes,
        }
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

/// The fewest words worth a slice, about ten microseconds: less would be spent on getting there.
pub const MIN_SLICE_WORDS: usize = 1024;

/// The least growth that is assumed for a byte allocated: a program that promotes nothing for a while may begin to. A
/// sixteenth spreads a cycle over at most 16 windows of allocation; with less, garbage waits longer for its end.
const MIN_GROWTH: f64 = 1.0 / 16.0;

/// Returns how far away the next slice is and how much it marks.
///
/// The step is within `[min_step_bytes, max_step_bytes]`, or `min_step_bytes` if that is the larger one. The slice is
/// at most `cap_words`, and at least [`MIN_SLICE_WORDS`] unless that is more.
///
/// ```
/// use tenure_policy::pacing::{PaceInput, PaceReason, Window, pace};
///
/// const MIB: usize = 1 << 20;
/// let window = Window {
///     start_bytes: 150 * MIB,
///     aim_bytes: 165 * MIB,
///     deadline_bytes: 170 * MIB,
///     lump_bytes: MIB,
/// };
/// let mut cycle = PaceInput {
///     expected_words: 150 * MIB / 8,
///     marked_words: 0,
///     old_bytes: 150 * MIB,
///     window,
///     growth_per_allocated: 0.25,
///     cap_words: 32768,
///     max_step_bytes: 64 << 10,
///     min_step_bytes: 4 << 10,
/// };
/// // 15 MiB of growth are 60 of allocation, one of which may be under way: a word for each 59 * 8 / 150 bytes.
/// let first = pace(&cycle);
/// assert_eq!((first.step_bytes, first.slice_words), (64 << 10, 20_828));
/// assert_eq!(first.reason, PaceReason::OnSchedule);
///
/// // Half as long slices come more often.
/// cycle.cap_words = 16384;
/// let shorter = pace(&cycle);
/// assert_eq!((shorter.step_bytes, shorter.slice_words), (51_554, 16384));
/// assert_eq!(shorter.reason, PaceReason::MoreOften);
///
/// // Behind the aim, they come as often as is permitted.
/// cycle.old_bytes = 165 * MIB;
/// let late = pace(&cycle);
/// assert_eq!((late.step_bytes, late.slice_words, late.reason), (4 << 10, 16384, PaceReason::Behind));
/// ```
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
    // The old generation has its size since the last minor collection: what the next promotes is already allocated, or
    // will be before the size changes.
    let stale_left = growth_left / input.growth_per_allocated.max(MIN_GROWTH);
    let allocation_left = (stale_left - input.window.lump_bytes as f64).max(stale_left / 2.0);
    if allocation_left < min_step as f64 {
        return Pace {
            step_bytes: min_step,
            slice_words: cap_words,
            reason: PaceReason::Behind,
        };
    }
    let words_per_byte = remaining_words / allocation_left;
    let wanted_step = cap_words as f64 / words_per_byte;
    // No slice lies behind the aim, however long it may be.
    let step_bytes = (wanted_step.min(allocation_left) as usize).clamp(min_step, max_step.max(min_step));
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
    /// What it cost for each byte that survived, as [`SurvivorPrice`] has it. 0 if none was measured.
    pub survivor_ns_per_byte: f64,
    /// The capacity of a half now.
    pub capacity_bytes: usize,
    /// The most that the settings permit.
    pub max_bytes: usize,
    /// The least.
    pub min_bytes: usize,
}

/// What a surviving byte is taken to cost before any was measured: half a gigabyte a second. The first collections of a
/// run touch memory for the first time, which is slower than later ones.
const UNMEASURED_SURVIVOR_NS_PER_BYTE: f64 = 2.0;

/// What a surviving byte is taken to cost at least: old objects may get memory that was never touched before, and a page
/// fault takes about 2 us.
const FRESH_SURVIVOR_NS_PER_BYTE: f64 = 0.6;

/// The share of the goal that an ordinary minor collection is to take: the machine is not always as fast as lately.
/// With a half, the collection after a jump of any size keeps the goal but for a fifteenth.
const ORDINARY_SHARE: f64 = 0.5;

/// The share that one is to take in which everything survives. A sixteenth more, which is not worth a resize, still
/// fits.
const WORST_SHARE: f64 = 0.9;

/// Returns the capacity of a half of the nursery with which minor collections keep the goal: half of it as things were
/// lately, nearly all of it if everything survives. It grows by a quarter at a time, and shrinks at once.
///
/// ```
/// use tenure_policy::pacing::{GoalInput, nursery_for_goal};
///
/// const MIB: usize = 1 << 20;
/// let mut goal = GoalInput {
///     goal_ns: 1_000_000,
///     pause_ns_per_byte: 0.1,
///     survivor_ns_per_byte: 0.6,
///     capacity_bytes: MIB,
///     max_bytes: 16 * MIB,
///     min_bytes: 64 << 10,
/// };
/// // It may grow: half a millisecond pays for 5 MB, and 0.9 ms for 1.5 MB that survive.
/// assert_eq!(nursery_for_goal(&goal), MIB + MIB / 4);
/// goal.capacity_bytes = 4 * MIB;
/// assert_eq!(nursery_for_goal(&goal), 1_500_000);
///
/// // When survivors cost more, it shrinks at once.
/// goal.pause_ns_per_byte = 1.0;
/// assert_eq!(nursery_for_goal(&goal), 500_000);
/// ```
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
    let growth = input
        .capacity_bytes
        .saturating_add(input.capacity_bytes / 4)
        .max(input.min_bytes);
    let wanted = worst.min(ordinary).min(growth as f64) as usize;
    // Not for a few bytes: changing the size costs a system call, and prices differ by as much from one collection to
    // the next. Growing can wait for more than shrinking can.
    let (most, least) = (
        input.capacity_bytes.saturating_add(input.capacity_bytes / 8),
        input.capacity_bytes - input.capacity_bytes / 16,
    );
    let wanted = if wanted > least && wanted < most {
        input.capacity_bytes
    } else {
        wanted
    };
    wanted.clamp(input.min_bytes.min(input.max_bytes), input.max_bytes)
}

/// A price that follows the worst quickly and forgets it slowly, but does not believe a single outlier: the machine may
/// have given the processor to somebody else meanwhile.
///
/// ```
/// use tenure_policy::pacing::WorstLately;
///
/// let mut price = WorstLately::default();
/// price.add(2.0);
/// assert_eq!(price.get(), 2.0);
/// price.add(4.0);
/// assert_eq!(price.get(), 3.0);
/// price.add(2.0);
/// assert_eq!(price.get(), 2.99);
/// price.add(30.0);
/// assert_eq!(price.get(), 2.99);
/// price.add(30.0);
/// assert!(price.get() > 16.0);
/// ```
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
    /// is more raises it half of the way. What is negative or no number is left out: it would never be forgotten.
    pub fn add(&mut self, value: f64) {
        if !value.is_finite() || value < 0.0 {
            return;
        }
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
            self.worst = self.worst / 2.0 + value / 2.0;
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

/// The fewest surviving bytes from which a price is learned: less is mostly what a collection costs anyway.
const MEASURED_SURVIVORS_BYTES: usize = 16 << 10;

/// What a surviving byte costs, the worst lately: that of collections which promote, as those do in which much survives.
///
/// To promote costs more than to retain. A program that keeps nothing for a while, and then builds something that lives,
/// would find the nursery sized by what retaining costs, and that collection would be too long. So collections that
/// promote less than half of the survivors may raise the price, and never lower it.
///
/// ```
/// use tenure_policy::pacing::SurvivorPrice;
///
/// let mut price = SurvivorPrice::default();
/// price.add(300_000, 50_000, 150_000);
/// assert_eq!(price.ns_per_byte(), 1.5);
/// // However long nothing is promoted, the price is not forgotten.
/// for _ in 0..1000 {
///     price.add(50_000, 100_000, 0);
/// }
/// assert_eq!(price.ns_per_byte(), 1.5);
/// price.add(250_000, 100_000, 0);
/// assert_eq!(price.ns_per_byte(), 2.0);
/// price.add(200_000, 50_000, 150_000);
/// assert_eq!(price.ns_per_byte(), 1.99);
/// // Too few to tell.
/// price.add(40_000, 0, 10_000);
/// assert_eq!(price.ns_per_byte(), 1.99);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SurvivorPrice {
    ns_per_byte: WorstLately,
}

impl SurvivorPrice {
    /// Adds a collection: how long copying took, and the bytes copied within the nursery and out of it.
    pub fn add(&mut self, copying_ns: u64, retained_bytes: usize, promoted_bytes: usize) {
        let survived_bytes = retained_bytes.saturating_add(promoted_bytes);
        if survived_bytes < MEASURED_SURVIVORS_BYTES {
            return;
        }
        let price = copying_ns as f64 / survived_bytes as f64;
        if promoted_bytes >= survived_bytes / 2 || price > self.ns_per_byte.get() {
            self.ns_per_byte.add(price);
        }
    }

    /// Returns the price, or 0 if nothing was learned.
    #[must_use]
    pub fn ns_per_byte(self) -> f64 {
        self.ns_per_byte.get()
    }
}

#[cfg(test)]
mod tests;
