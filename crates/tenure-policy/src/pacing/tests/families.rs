//! Families of programs, made from a seed: what they promote, what of it lives, and how fast they are marked.

use super::simulator::{Cap, Fill, Random, Scenario};

const MIB: usize = 1 << 20;

/// What is common to the programs of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// As much dies as is promoted.
    Steady,
    /// Now and then everything survives for a while.
    Burst,
    /// Promotion and live size go up and down.
    Oscillating,
    /// What lives becomes eight times as much.
    Growing,
    /// What lives becomes an eighth.
    Shrinking,
    /// The hard limit is 3 to 30 % above what lives.
    HardLimit,
    /// Large objects of up to a sixteenth of what lives.
    Large,
    /// More than half of the nursery is promoted.
    ManySurvivors,
    /// Next to nothing is promoted.
    NoSurvivors,
    /// Short slices, and marking that is slower than was measured.
    SlowMarking,
    /// Marking takes up to 2.5 times the words that were expected: small objects count as a cache line each.
    MoreWork,
}

impl Family {
    pub(super) const ALL: [Family; 11] = [
        Family::Steady,
        Family::Burst,
        Family::Oscillating,
        Family::Growing,
        Family::Shrinking,
        Family::HardLimit,
        Family::Large,
        Family::ManySurvivors,
        Family::NoSurvivors,
        Family::SlowMarking,
        Family::MoreWork,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Family::Steady => "steady",
            Family::Burst => "bursts of survivors",
            Family::Oscillating => "oscillating",
            Family::Growing => "growing",
            Family::Shrinking => "shrinking",
            Family::HardLimit => "hard limit near",
            Family::Large => "large objects",
            Family::ManySurvivors => "many survivors",
            Family::NoSurvivors => "hardly any survivors",
            Family::SlowMarking => "slow marking",
            Family::MoreWork => "more work than expected",
        }
    }

    /// Makes a program of this family.
    pub(super) fn scenario(self, seed: u64) -> Scenario {
        let mut random = Random(seed.wrapping_mul(31).wrapping_add(self as u64));
        let live = random.one_of(&[2, 10, 40, 150, if self == Family::SlowMarking { 80 } else { 400 }]) * MIB;
        let live = (live as f64 * random.between(0.7, 1.4)) as usize;
        let nursery_bytes = random.one_of(&[MIB / 4, MIB, 4 * MIB, 16 * MIB]);
        let promoted = match self {
            Family::ManySurvivors => random.between(0.5, 1.0),
            Family::NoSurvivors => random.between(0.0, 0.01),
            _ => random.between(0.02, 0.3),
        };
        let max_bytes = match self {
            Family::HardLimit => (live as f64 * random.between(1.03, 1.3)) as usize + 3 * nursery_bytes,
            _ => 8192 * MIB,
        };
        let growing_percent = [None, Some(15), Some(50), Some(100)][(random.next() % 4) as usize];
        let cap = match (self, random.next() % 2) {
            (Family::SlowMarking, 0) => Cap::Words(random.one_of(&[512, 1024, 2048])),
            (Family::SlowMarking, _) => Cap::Time {
                ns: random.between(25e3, 100e3),
            },
            (_, 0) => Cap::Words(16384),
            _ => Cap::Time {
                ns: random.between(125e3, 500e3),
            },
        };
        let mut scenario = Scenario {
            fills: Vec::new(),
            live_bytes: live,
            max_bytes,
            nursery_bytes,
            growing_percent,
            cap,
            words_per_ns: match self {
                Family::SlowMarking => random.between(0.01, 0.03),
                _ => random.between(0.05, 0.3),
            },
            noise: 0.5,
            work: match self {
                Family::MoreWork => random.between(1.2, 2.5),
                _ => 1.0,
            },
            seed,
        };
        // About ten collections, if it grows by what a fixed factor gives.
        let room = live as f64 * f64::from(growing_percent.unwrap_or(300)) / 100.0 + (8 * MIB + nursery_bytes) as f64;
        let room = room.min((max_bytes - live) as f64 / 2.0);
        let lump = (nursery_bytes as f64 * promoted).max(1.0);
        let fills = (10.0 * room / lump).clamp(50.0, 6000.0) as usize;
        let period = (random.between(0.05, 0.4) * fills as f64).max(2.0);
        let burst = random.between(1.0, 9.0);
        let large_every = random.between(1.0, 20.0);
        for at in 0..fills {
            let phase = (at as f64 / period).fract();
            let wave = 1.0 - (2.0 * phase - 1.0).abs();
            let through = at as f64 / fills as f64;
            let (promoted, share) = match self {
                Family::Burst if phase * period < burst => (random.between(0.8, 1.0), 1.0),
                Family::Oscillating => (promoted * (0.2 + 1.6 * wave), 0.6 + 0.8 * wave),
                Family::Growing => (promoted, 1.0 + 7.0 * through),
                Family::Shrinking => (promoted, 1.0 - 0.875 * through),
                _ => (promoted, 1.0),
            };
            let is_large = self == Family::Large && random.between(0.0, large_every) < 1.0;
            scenario.fills.push(Fill {
                promoted: promoted.min(1.0),
                live_bytes: live as f64 * share,
                large_bytes: if is_large {
                    random.between(0.0, live as f64 / 16.0) as usize
                } else {
                    0
                },
            });
        }
        scenario
    }
}
