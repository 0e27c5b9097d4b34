//! Everything that can be chosen about a heap.
//!
//! [`Settings`] are plain values, also reachable by the names of the command line ([`HeapConfig::set_flag`]);
//! [`HeapConfig`] adds what is passed in as an object: clock, listener, promotion policy, page source. Nothing is read
//! from the environment.

use std::fmt;

use tenure_events::{Clock, Listener, MonotonicClock};
use tenure_marking::Traversal;
use tenure_memory::{FailingPages, PageSource, SystemPages};
use tenure_policy::promotion::{PromotionChoice, PromotionPolicy};

use tenure_policy::pacing::{GoalInput, nursery_for_goal};

use crate::error::ConfigError;
use crate::minor::GOAL_NURSERY_MIN_BYTES;

const MIB: usize = 1 << 20;

/// What keeps the slices of a cycle from losing an object while the program stores into old ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MarkingBarrier {
    /// An old object that was stored to is looked at again (backward, Steele 1975; V8 3.11). Costs the program nothing
    /// beyond the generational barrier.
    #[default]
    Owner,
    /// What is stored into an old object is marked (forward, Dijkstra et al. 1978). Every store into an old object takes
    /// the slow path while a cycle marks; nothing is scanned twice.
    Insertion,
    /// What an old object referred to before it is stored to is marked (snapshot at the beginning, Yuasa 1990). The last
    /// pause of a cycle is the shortest; what dies during a cycle is kept until the next.
    Deletion,
}

impl MarkingBarrier {
    /// Every barrier, with its name on the command line.
    pub const ALL: [(&'static str, MarkingBarrier); 3] = [
        ("owner", MarkingBarrier::Owner),
        ("insertion", MarkingBarrier::Insertion),
        ("deletion", MarkingBarrier::Deletion),
    ];

    /// Returns the name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// Whether objects of the old generation move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compaction {
    /// They never do.
    Never,
    /// A collection in one pause slides all of them together when fragmentation asks for it.
    Slide,
    /// Those in sparse blocks are evacuated, at the end of a cycle block by block.
    Evacuate,
    /// Evacuation, and sliding where an allocation would fail otherwise.
    #[default]
    Auto,
}

impl Compaction {
    /// Every choice, with its name on the command line.
    pub const ALL: [(&'static str, Compaction); 4] = [
        ("never", Compaction::Never),
        ("slide", Compaction::Slide),
        ("evacuate", Compaction::Evacuate),
        ("auto", Compaction::Auto),
    ];

    /// Returns the name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// The plain values of a configuration.
///
/// The default is the 64-bit V8 of 2012: semispaces of up to 16 MiB, 1400 MiB of old generation, promotion of what
/// survived once or once to-space is 25 % full.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Capacity of one half of the nursery at the start.
    pub initial_semi_space_bytes: usize,
    /// The most that one half of the nursery grows to.
    pub max_semi_space_bytes: usize,
    /// How much a half grows at a time.
    pub semi_space_growth_factor: usize,
    /// How far region allocation may run beyond the nursery's limit before it goes to the old generation.
    pub max_spill_bytes: usize,
    /// The hard limit of the old generation, large objects included.
    pub max_old_bytes: usize,
    /// Bytes in the old generation that start the first major collection.
    pub initial_old_limit_bytes: usize,
    /// Address space reserved for each part of the old generation: how far the hard limit can ever be raised.
    pub reserved_old_bytes: usize,
    /// Which survivors are promoted.
    pub promotion: PromotionChoice,
    /// Entries of the mark stack.
    pub mark_stack_entries: usize,
    /// How the marker walks.
    pub traversal: Traversal,
    /// Mark and sweep in slices between stretches of the mutator, instead of in one pause.
    pub incremental_marking: bool,
    /// Bytes allocated in the nursery between two slices.
    pub mark_step_bytes: usize,
    /// Words that a slice scans at most; 0 leaves it to the pacing, and to the clock where there is a pause goal.
    pub slice_words: usize,
    /// Which barrier protects a cycle.
    pub marking_barrier: MarkingBarrier,
    /// Whether objects of the old generation move.
    pub compaction: Compaction,
    /// The pause that no collection is to exceed, in nanoseconds; 0 is none.
    pub pause_goal_ns: u64,
    /// How long empty blocks are kept before they go back to the system, in milliseconds.
    pub release_delay_ms: u64,
    /// Let weak words and weak handles keep their objects in minor collections, as V8 did before version 12. Ephemerons
    /// and finalizers are not affected.
    pub minor_weak_strong: bool,
    /// Keep what the program reads from a weak word until it says that the job is over, as JavaScript demands.
    pub keep_during_job: bool,
    /// How much of each part of the heap comes before its huge pages; `usize::MAX` asks for none. With a pause goal there are none.
    pub huge_pages_from_bytes: usize,
    /// Growth of the old generation's limit over what is live, in percent; by V8's controller if not set.
    pub growing_percent: Option<u32>,
    /// Let measured speeds take part in limits and shrinking, as V8 does. Off, sizes depend on the program alone.
    pub measured_speeds: bool,
    /// Words of the register stack.
    pub register_words: usize,
    /// Words of the operand stack.
    pub operand_words: usize,
    /// Words of the handle stack.
    pub handle_words: usize,
    /// Print a line for each collection to standard output.
    pub trace_gc: bool,
    /// Print a line of keys and values for each collection to standard output.
    pub trace_gc_nvp: bool,
    /// Check every invariant after each collection; the process aborts when one is broken.
    pub verify_heap: bool,
    /// Collect at every n-th allocation, every eighth time a major collection; 0 is never.
    pub gc_interval: u64,
    /// Start minor collections at random fills of up to this percentage; 0 is at the limit.
    pub stress_scavenge_percent: u64,
    /// Fill dead memory with patterns.
    pub poison: bool,
    /// Make the reserve half of the nursery inaccessible between collections.
    pub protect: bool,
    /// Let the n-th request for pages fail, and all later ones; 0 is never.
    pub fail_pages_at: u64,
    /// Keep a cycle of marking in progress at all times, in slices of one object.
    pub stress_incremental: bool,
    /// Start a cycle at every n-th allocation; 0 is never.
    pub cycle_interval: u64,
    /// End a slice at each boundary between phases of a cycle.
    pub stress_phases: bool,
    /// Compact at every opportunity: slide at each full collection, or evacuate every block, as `compaction` says.
    pub stress_compaction: bool,
    /// Let each evacuation of blocks be aborted at its n-th object; 0 is never.
    pub abort_evacuation_at: u64,
    /// Seed of all random stress settings.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            initial_semi_space_bytes: MIB,
            max_semi_space_bytes: 16 * MIB,
            semi_space_growth_factor: 2,
            max_spill_bytes: 16 * MIB,
            max_old_bytes: 1400 * MIB,
            initial_old_limit_bytes: 256 * MIB,
            reserved_old_bytes: 0,
            promotion: PromotionChoice::default(),
            mark_stack_entries: 512 * 1024,
            traversal: Traversal::Auto,
            incremental_marking: true,
            mark_step_bytes: 64 * 1024,
            slice_words: 0,
            marking_barrier: MarkingBarrier::default(),
            compaction: Compaction::default(),
            pause_goal_ns: 0,
            release_delay_ms: 250,
            minor_weak_strong: false,
            keep_during_job: false,
            huge_pages_from_bytes: 0,
            growing_percent: None,
            measured_speeds: false,
            register_words: 1 << 20,
            operand_words: 1 << 20,
            handle_words: 1 << 18,
            trace_gc: false,
            trace_gc_nvp: false,
            verify_heap: false,
            gc_interval: 0,
            stress_scavenge_percent: 0,
            poison: false,
            protect: false,
            fail_pages_at: 0,
            stress_incremental: false,
            cycle_interval: 0,
            stress_phases: false,
            stress_compaction: false,
            abort_evacuation_at: 0,
            seed: 1,
        }
    }
}

/// The smallest half of a nursery.
pub(crate) const MIN_SEMI_SPACE_BYTES: usize = 4096;

/// The largest half of a nursery: the promotion queue and the remembered set are sized after it.
pub(crate) const MAX_SEMI_SPACE_BYTES: usize = 1 << 30;

impl Settings {
    /// Checks that the values fit together.
    ///
    /// # Errors
    ///
    /// With the option to change and what it accepts.
    pub fn check(&self) -> Result<(), ConfigError> {
        let semi = self.max_semi_space_bytes;
        if !(MIN_SEMI_SPACE_BYTES..=MAX_SEMI_SPACE_BYTES).contains(&semi) {
            return Err(ConfigError::new(
                "max-semi-space-size",
                semi,
                "a half has 4 KiB to 1 GiB",
            ));
        }
        let initial = self.initial_semi_space_bytes;
        if !(MIN_SEMI_SPACE_BYTES..=semi).contains(&initial) {
            return Err(ConfigError::new(
                "min-semi-space-size",
                initial,
                format!("a half starts with 4 KiB to its maximum of {semi} bytes"),
            ));
        }
        if !(2..=64).contains(&self.semi_space_growth_factor) {
            let given = self.semi_space_growth_factor;
            return Err(ConfigError::new(
                "semi-space-growth-factor",
                given,
                "the factor is 2 to 64",
            ));
        }
        if self.max_old_bytes < MIB || self.max_old_bytes > 1 << 42 {
            return Err(ConfigError::new(
                "max-old-space-size",
                self.max_old_bytes,
                "1 MB to 4 TB",
            ));
        }
        if !(1..=1 << 32).contains(&self.mark_stack_entries) {
            return Err(ConfigError::new(
                "mark-stack-entries",
                self.mark_stack_entries,
                "1 to 2^32 entries",
            ));
        }
        if self.max_spill_bytes > MAX_SEMI_SPACE_BYTES {
            return Err(ConfigError::new(
                "max-spill-size",
                self.max_spill_bytes,
                "at most 1 GiB",
            ));
        }
        if self.reserved_old_bytes > 1 << 44 {
            return Err(ConfigError::new(
                "reserved-old-bytes",
                self.reserved_old_bytes,
                "at most 16 TiB",
            ));
        }
        if self.stress_scavenge_percent > 100 {
            return Err(ConfigError::new(
                "stress-scavenge",
                self.stress_scavenge_percent,
                "0 to 100 percent",
            ));
        }
        for (name, words) in [
            ("register-words", self.register_words),
            ("operand-words", self.operand_words),
            ("handle-words", self.handle_words),
        ] {
            if !(1..=1 << 32).contains(&words) {
                return Err(ConfigError::new(name, words, "1 to 2^32 words"));
            }
        }
        Ok(())
    }

    /// Returns the capacity of one half of the nursery at the start: what is configured, or less for a pause goal.
    pub(crate) fn first_semi_space_bytes(&self) -> usize {
        if self.pause_goal_ns == 0 {
            return self.initial_semi_space_bytes;
        }
        let bytes = nursery_for_goal(&GoalInput {
            goal_ns: self.pause_goal_ns,
            pause_ns_per_byte: 0.0,
            survivor_ns_per_byte: 0.0,
            capacity_bytes: self.initial_semi_space_bytes,
            max_bytes: self.initial_semi_space_bytes,
            min_bytes: GOAL_NURSERY_MIN_BYTES,
        });
        tenure_memory::round_up(bytes, tenure_memory::PAGE_BYTES)
    }

    /// Returns whether every allocation takes the slow path, to be counted.
    pub(crate) fn counts_allocations(&self) -> bool {
        self.gc_interval > 0 || self.cycle_interval > 0
    }

    /// Returns the address space for each part of the old generation.
    pub(crate) fn reserved_bytes(&self) -> usize {
        self.reserved_old_bytes.max(4 * self.max_old_bytes).max(256 * MIB)
    }
}

/// A configuration: settings and the objects that are passed in.
///
/// ```ignore
/// let config = HeapConfig::new().max_old_bytes(64 << 20).mark_stack_entries(1);
/// ```
pub struct HeapConfig {
    pub(crate) settings: Settings,
    pub(crate) policy: Option<Box<dyn PromotionPolicy>>,
    pub(crate) clock: Option<Box<dyn Clock>>,
    pub(crate) listener: Option<Box<dyn Listener>>,
    pub(crate) source: Option<Box<dyn PageSource>>,
}

impl fmt::Debug for HeapConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeapConfig")
            .field("settings", &self.settings)
            .field("policy", &self.policy)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl Default for HeapConfig {
    fn default() -> HeapConfig {
        HeapConfig::new()
    }
}

impl From<Settings> for HeapConfig {
    fn from(settings: Settings) -> HeapConfig {
        HeapConfig {
            settings,
            policy: None,
            clock: None,
            listener: None,
            source: None,
        }
    }
}

/// The presets, with what each is for.
pub(crate) const PRESETS: [(&str, &str); 4] = [
    (
        "v8-2012",
        "semispaces of 1 to 16 MiB, 1400 MiB, promotion by age mark or 25 % fill (the default)",
    ),
    (
        "v8-modern",
        "semispaces of 1 to 16 MiB, 4096 MiB, promotion by age mark, as Node 20",
    ),
    (
        "low-latency",
        "semispaces of 256 KiB to 1 MiB, promotion by age mark or fill: short minor pauses",
    ),
    (
        "throughput",
        "semispaces of 16 to 64 MiB, 4096 MiB, adaptive promotion: few collections",
    ),
];

impl HeapConfig {
    /// Returns the default configuration: the modeled V8 of 2012.
    #[must_use]
    pub fn new() -> HeapConfig {
        HeapConfig::from(Settings::default())
    }

    /// Returns a named set of values.
    ///
    /// # Errors
    ///
    /// For a name that is none; the error lists those there are.
    pub fn preset(name: &str) -> Result<HeapConfig, ConfigError> {
        let mut config = HeapConfig::new();
        config.apply_preset(name)?;
        Ok(config)
    }

    pub(crate) fn apply_preset(&mut self, name: &str) -> Result<(), ConfigError> {
        let s = &mut self.settings;
        match name {
            "v8-2012" => {
                s.initial_semi_space_bytes = MIB;
                s.max_semi_space_bytes = 16 * MIB;
                s.max_old_bytes = 1400 * MIB;
                s.promotion = PromotionChoice::default();
            }
            "v8-modern" => {
                s.initial_semi_space_bytes = MIB;
                s.max_semi_space_bytes = 16 * MIB;
                s.max_old_bytes = 4096 * MIB;
                s.promotion = PromotionChoice::AgeMark;
            }
            "low-latency" => {
                s.initial_semi_space_bytes = MIB / 4;
                s.max_semi_space_bytes = MIB;
                s.promotion = PromotionChoice::default();
            }
            "throughput" => {
                s.initial_semi_space_bytes = 16 * MIB;
                s.max_semi_space_bytes = 64 * MIB;
                s.max_old_bytes = 4096 * MIB;
                s.initial_old_limit_bytes = 512 * MIB;
                s.promotion = PromotionChoice::Adaptive;
            }
            _ => {
                let names: Vec<String> = PRESETS.iter().map(|(n, what)| format!("{n} ({what})")).collect();
                return Err(ConfigError::new(
                    "preset",
                    name,
                    format!("the presets are {}", names.join("; ")),
                ));
            }
        }
        Ok(())
    }

    /// Returns the names of the presets and what each is for.
    #[must_use]
    pub fn presets() -> &'static [(&'static str, &'static str)] {
        &PRESETS
    }

    /// Returns the plain values.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the plain values, to be changed.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// Uses `clock` for all times. The default is the system's monotonic clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> HeapConfig {
        self.clock = Some(Box::new(clock));
        self
    }

    /// Reports every event to `listener`, from within pauses: it must not touch the heap and should not take long.
    #[must_use]
    pub fn listener(mut self, listener: impl Listener + 'static) -> HeapConfig {
        self.listener = Some(Box::new(listener));
        self
    }

    /// Divides survivors by a policy of the embedder's own.
    #[must_use]
    pub fn promotion_policy(mut self, policy: impl PromotionPolicy + 'static) -> HeapConfig {
        self.policy = Some(Box::new(policy));
        self
    }

    /// Takes pages from `source`.
    #[must_use]
    pub fn page_source(mut self, source: impl PageSource + 'static) -> HeapConfig {
        self.source = Some(Box::new(source));
        self
    }

    pub(crate) fn take_source(&mut self) -> Box<dyn PageSource> {
        match self.source.take() {
            Some(source) => source,
            None if self.settings.fail_pages_at > 0 => Box::new(FailingPages::new(self.settings.fail_pages_at, true)),
            None => Box::new(SystemPages),
        }
    }

    pub(crate) fn take_clock(&mut self) -> Box<dyn Clock> {
        self.clock.take().unwrap_or_else(|| Box::new(MonotonicClock::new()))
    }
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty),+ $(,)?) => {
        impl HeapConfig {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(mut self, value: $type) -> HeapConfig {
                    self.settings.$name = value;
                    self
                }
            )+
        }
    };
}

setters! {
    /// Sets the capacity of one half of the nursery at the start.
    initial_semi_space_bytes: usize,
    /// Sets the most that one half of the nursery grows to.
    max_semi_space_bytes: usize,
    /// Sets how far region allocation may run beyond the nursery's limit.
    max_spill_bytes: usize,
    /// Sets the hard limit of the old generation.
    max_old_bytes: usize,
    /// Sets how many bytes in the old generation start the first major collection.
    initial_old_limit_bytes: usize,
    /// Sets the address space reserved for each part of the old generation.
    reserved_old_bytes: usize,
    /// Sets which survivors are promoted.
    promotion: PromotionChoice,
    /// Sets the entries of the mark stack; one works too.
    mark_stack_entries: usize,
    /// Sets how the marker walks.
    traversal: Traversal,
    /// Sets whether marking happens in slices between stretches of the mutator.
    incremental_marking: bool,
    /// Sets the bytes allocated in the nursery between two slices.
    mark_step_bytes: usize,
    /// Sets how many words a slice scans at most: the deterministic alternative to a pause goal.
    slice_words: usize,
    /// Sets which barrier protects a cycle.
    marking_barrier: MarkingBarrier,
    /// Sets whether objects of the old generation move.
    compaction: Compaction,
    /// Sets how long empty blocks are kept before they go back to the system, in milliseconds.
    release_delay_ms: u64,
    /// Sets whether weak words keep their objects in minor collections.
    minor_weak_strong: bool,
    /// Sets whether what the program reads from a weak word is kept until the job is over.
    keep_during_job: bool,
    /// Keeps a cycle of marking in progress at all times, in slices of one object.
    stress_incremental: bool,
    /// Starts a cycle at every n-th allocation.
    cycle_interval: u64,
    /// Ends a slice at each boundary between phases of a cycle.
    stress_phases: bool,
    /// Compacts at every opportunity.
    stress_compaction: bool,
    /// Lets each evacuation of blocks be aborted at its n-th object.
    abort_evacuation_at: u64,
    /// Sets how much of each part of the heap comes before its huge pages; 0 asks for them everywhere, `usize::MAX` nowhere.
    huge_pages_from_bytes: usize,
    /// Sets the growth of the old generation's limit over what is live, in percent.
    growing_percent: Option<u32>,
    /// Sets whether measured speeds take part in decisions.
    measured_speeds: bool,
    /// Sets the words of the register stack.
    register_words: usize,
    /// Sets the words of the operand stack.
    operand_words: usize,
    /// Sets the words of the handle stack.
    handle_words: usize,
    /// Prints a line for each collection to standard output.
    trace_gc: bool,
    /// Checks every invariant after each collection.
    verify_heap: bool,
    /// Collects at every n-th allocation.
    gc_interval: u64,
    /// Starts minor collections at random fills of up to this percentage.
    stress_scavenge_percent: u64,
    /// Fills dead memory with patterns.
    poison: bool,
    /// Makes the reserve half inaccessible between collections.
    protect: bool,
    /// Lets the n-th request for pages fail, and all later ones.
    fail_pages_at: u64,
    /// Seeds all random stress settings.
    seed: u64,
}

impl HeapConfig {
    /// Sets the pause that no collection is to exceed. Sizes of the nursery and of slices follow from it and from the
    /// speeds measured; a pause that misses it leaves an event with the cause. Zero is no goal.
    #[must_use]
    pub fn pause_goal(mut self, goal: std::time::Duration) -> HeapConfig {
        self.settings.pause_goal_ns = u64::try_from(goal.as_nanos()).unwrap_or(u64::MAX);
        self
    }

    /// Sets both the initial and the maximal capacity of one half of the nursery.
    #[must_use]
    pub fn semi_space_bytes(self, value: usize) -> HeapConfig {
        self.initial_semi_space_bytes(value).max_semi_space_bytes(value)
    }
}
