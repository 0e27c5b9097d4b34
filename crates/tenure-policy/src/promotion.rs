//! Which survivors of a minor collection are promoted, and which are retained in the nursery.
//!
//! A policy is asked once per minor collection, before anything is copied, for a [`PromotionRule`]. Nearly every policy
//! answers with a [`PromotionRule::Threshold`], two numbers that the copying loop compares inline: an age, and a fill
//! of the to-space from which everything else is promoted. Only a policy that answers [`PromotionRule::PerObject`] pays
//! one virtual call for each survivor.
//!
//! A policy does not see objects, and its answer is a wish, not a command: when the to-space is full the collector
//! promotes a survivor that should be retained.

use std::fmt;
use std::str::FromStr;

/// What is known when a minor collection begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MinorInput {
    /// Number of minor collections before this one.
    pub collection: u64,
    /// Bytes that the to-space can hold.
    pub to_space_capacity_bytes: usize,
    /// Bytes of the nursery that this collection condemns, dead or alive.
    pub condemned_bytes: usize,
    /// How the previous minor collection ended; `None` before the first one.
    pub previous: Option<MinorOutcome>,
}

/// How a minor collection ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MinorOutcome {
    /// Bytes that were condemned.
    pub condemned_bytes: usize,
    /// Bytes that survived and stayed in the nursery.
    pub retained_bytes: usize,
    /// Bytes that survived and went to the old generation.
    pub promoted_bytes: usize,
}

impl MinorOutcome {
    /// Bytes that survived, retained or promoted.
    pub fn survived_bytes(&self) -> usize {
        self.retained_bytes.saturating_add(self.promoted_bytes)
    }
}

/// The rule of one minor collection, fixed for all of its survivors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromotionRule {
    /// Promote when the age is at least `age_collections`, or when the used part of the to-space plus the object's size
    /// is at least `fill_bytes`. Age is tested first.
    Threshold {
        /// The age from which a survivor is promoted: 0 promotes all, 255 ([`NEVER_BY_AGE`]) none.
        age_collections: u8,
        /// The to-space fill from which a survivor is promoted; `usize::MAX` ([`NEVER_BY_FILL`]) for never.
        fill_bytes: usize,
    },
    /// Ask [`PromotionPolicy::decide`] for each survivor.
    PerObject,
}

/// The `age_collections` that promotes nothing by age.
pub const NEVER_BY_AGE: u8 = u8::MAX;

/// The `fill_bytes` that promotes nothing by fill.
pub const NEVER_BY_FILL: usize = usize::MAX;

impl PromotionRule {
    /// Applies the rule to one survivor; `None` when the policy wants to be asked.
    #[inline]
    pub fn decide(&self, info: &SurvivorInfo) -> Option<Survivor> {
        match *self {
            Self::Threshold {
                age_collections,
                fill_bytes,
            } => {
                let by_age = age_collections != NEVER_BY_AGE && info.age_collections >= age_collections;
                let by_fill = fill_bytes != NEVER_BY_FILL
                    && info.to_space_used_bytes.saturating_add(info.size_bytes) >= fill_bytes;
                Some(if by_age || by_fill {
                    Survivor::Promote
                } else {
                    Survivor::Retain
                })
            }
            Self::PerObject => None,
        }
    }
}

/// One object that survives the minor collection under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SurvivorInfo {
    /// Minor collections that the object survived before this one; saturates at what the header can hold.
    pub age_collections: u8,
    /// Size of the object, header included.
    pub size_bytes: usize,
    /// Bytes copied to the to-space so far.
    pub to_space_used_bytes: usize,
    /// Bytes that the to-space can hold.
    pub to_space_capacity_bytes: usize,
    /// The object's kind, as the header stores it.
    pub kind: u8,
}

/// Where a survivor goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Survivor {
    /// It stays in the nursery, copied to the to-space.
    #[default]
    Retain,
    /// It goes to the old generation.
    Promote,
}

/// Decides which survivors are promoted. Called inside the pause: implementations must not allocate.
pub trait PromotionPolicy: fmt::Debug {
    /// The policy's name, as [`PromotionChoice`] spells it where it is one of those.
    fn name(&self) -> &str;

    /// The rule for the collection that begins.
    fn rule(&mut self, input: &MinorInput) -> PromotionRule;

    /// Decides for one survivor. Called only when [`rule`](Self::rule) answered [`PromotionRule::PerObject`].
    fn decide(&mut self, info: &SurvivorInfo) -> Survivor {
        let _ = info;
        Survivor::Retain
    }
}

/// The to-space fill, in percent, from which V8 3.11 promoted.
pub const DEFAULT_FILL_PERCENT: u8 = 25;

fn fill_bytes(capacity_bytes: usize, percent: u8) -> usize {
    // The quotient and the remainder apart: their product cannot overflow for any capacity.
    let percent = usize::from(percent);
    (capacity_bytes / 100)
        .saturating_mul(percent)
        .saturating_add(capacity_bytes % 100 * percent / 100)
}

/// Promote on the second survival. V8's age mark: an object is copied at most once inside the nursery.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AgeMark;

impl PromotionPolicy for AgeMark {
    fn name(&self) -> &str {
        "age-mark"
    }

    fn rule(&mut self, _input: &MinorInput) -> PromotionRule {
        PromotionRule::Threshold {
            age_collections: 1,
            fill_bytes: NEVER_BY_FILL,
        }
    }
}

/// Promote whatever no longer fits in the first `percent` of the to-space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToSpaceFill {
    /// Percent of the to-space that is filled before promotion begins.
    pub percent: u8,
}

impl Default for ToSpaceFill {
    fn default() -> Self {
        Self {
            percent: DEFAULT_FILL_PERCENT,
        }
    }
}

impl PromotionPolicy for ToSpaceFill {
    fn name(&self) -> &str {
        "fill"
    }

    fn rule(&mut self, input: &MinorInput) -> PromotionRule {
        PromotionRule::Threshold {
            age_collections: NEVER_BY_AGE,
            fill_bytes: fill_bytes(input.to_space_capacity_bytes, self.percent),
        }
    }
}

/// Promote on the second survival, or when the to-space is `percent` full: the rule of the modeled V8, and the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgeMarkOrFill {
    /// Percent of the to-space that is filled before everything is promoted.
    pub percent: u8,
}

impl Default for AgeMarkOrFill {
    fn default() -> Self {
        Self {
            percent: DEFAULT_FILL_PERCENT,
        }
    }
}

impl PromotionPolicy for AgeMarkOrFill {
    fn name(&self) -> &str {
        "v8"
    }

    fn rule(&mut self, input: &MinorInput) -> PromotionRule {
        PromotionRule::Threshold {
            age_collections: 1,
            fill_bytes: fill_bytes(input.to_space_capacity_bytes, self.percent),
        }
    }
}

/// Promote an object that survived this many collections before: 1 is [`AgeMark`], 0 is [`PromoteAll`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgeAtLeast(pub u8);

impl PromotionPolicy for AgeAtLeast {
    fn name(&self) -> &str {
        "age"
    }

    fn rule(&mut self, _input: &MinorInput) -> PromotionRule {
        PromotionRule::Threshold {
            age_collections: self.0,
            fill_bytes: NEVER_BY_FILL,
        }
    }
}

/// Promote every survivor: the nursery is empty after each minor collection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PromoteAll;

impl PromotionPolicy for PromoteAll {
    fn name(&self) -> &str {
        "all"
    }

    fn rule(&mut self, _input: &MinorInput) -> PromotionRule {
        PromotionRule::Threshold {
            age_collections: 0,
            fill_bytes: NEVER_BY_FILL,
        }
    }
}

/// Promote nothing by choice. Survivors still reach the old generation when the to-space cannot hold them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PromoteNever;

impl PromotionPolicy for PromoteNever {
    fn name(&self) -> &str {
        "never"
    }

    fn rule(&mut self, _input: &MinorInput) -> PromotionRule {
        PromotionRule::Threshold {
            age_collections: NEVER_BY_AGE,
            fill_bytes: NEVER_BY_FILL,
        }
    }
}

/// Moves the promotion age by feedback from the previous minor collection.
///
/// Retaining costs a copy in each pause; promoting costs old-generation memory if the object dies soon after. The
/// controller bounds the first and then minimizes the second, one step for each collection:
///
/// | the previous minor collection | the age |
/// | --- | --- |
/// | survival of at least 85 % of the condemned bytes | becomes 0: a second copy would buy little |
/// | retained more than 20 % of the to-space | falls by one, not below 1 |
/// | retained less than 10 % of it, and promoted more than 2 % of the condemned bytes | rises by one, up to 7 |
/// | anything else, or nothing was condemned | stays |
///
/// The gap between 10 % and 20 % keeps it from swinging between two ages. A fill of 50 % of the to-space promotes
/// whatever the age, so that a sudden phase of high survival costs at most one such pause before the age reacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adaptive {
    age_collections: u8,
}

impl Adaptive {
    /// The highest age that the controller chooses.
    pub const MAX_AGE_COLLECTIONS: u8 = 7;
    /// Survival, in percent of the condemned bytes, from which everything is promoted.
    pub const PROMOTE_ALL_SURVIVAL_PERCENT: u8 = 85;
    /// Retained percent of the to-space above which the age falls.
    pub const HIGH_RETAINED_PERCENT: u8 = 20;
    /// Retained percent of the to-space below which the age may rise.
    pub const LOW_RETAINED_PERCENT: u8 = 10;
    /// Promoted percent of the condemned bytes above which the age may rise.
    pub const HIGH_PROMOTED_PERCENT: u8 = 2;
    /// To-space fill, in percent, above which everything is promoted.
    pub const FILL_PERCENT: u8 = 50;

    /// A controller that starts with V8's age mark, age 1.
    pub fn new() -> Self {
        Self { age_collections: 1 }
    }

    /// The age that the last rule used.
    pub fn age_collections(&self) -> u8 {
        self.age_collections
    }
}

impl Default for Adaptive {
    fn default() -> Self {
        Self::new()
    }
}

impl PromotionPolicy for Adaptive {
    fn name(&self) -> &str {
        "adaptive"
    }

    fn rule(&mut self, input: &MinorInput) -> PromotionRule {
        let capacity_bytes = input.to_space_capacity_bytes;
        if let Some(previous) = input.previous.filter(|previous| previous.condemned_bytes > 0) {
            let condemned_bytes = previous.condemned_bytes;
            if previous.survived_bytes() >= fill_bytes(condemned_bytes, Self::PROMOTE_ALL_SURVIVAL_PERCENT) {
                self.age_collections = 0;
            } else if previous.retained_bytes > fill_bytes(capacity_bytes, Self::HIGH_RETAINED_PERCENT) {
                self.age_collections = self.age_collections.saturating_sub(1).max(1);
            } else if previous.retained_bytes < fill_bytes(capacity_bytes, Self::LOW_RETAINED_PERCENT)
                && previous.promoted_bytes > fill_bytes(condemned_bytes, Self::HIGH_PROMOTED_PERCENT)
            {
                self.age_collections = (self.age_collections + 1).min(Self::MAX_AGE_COLLECTIONS);
            }
        }
        PromotionRule::Threshold {
            age_collections: self.age_collections,
            fill_bytes: fill_bytes(capacity_bytes, Self::FILL_PERCENT),
        }
    }
}

/// Promotes each survivor with probability one half, from a seeded generator (xorshift64*): a stress policy that
/// reaches the mixtures of young and old objects that no sensible policy produces. Same seed, same decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomPolicy {
    state: u64,
}

impl RandomPolicy {
    /// A policy whose decisions follow from `seed` alone. Every seed is accepted.
    pub fn new(seed: u64) -> Self {
        // Xorshift never leaves the state 0. Scrambling (a bijection) also sets close seeds apart.
        let mixed = (seed ^ (seed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ 0x9e37_79b9_7f4a_7c15;
        Self {
            state: if mixed == 0 { 0x9e37_79b9_7f4a_7c15 } else { mixed },
        }
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

impl PromotionPolicy for RandomPolicy {
    fn name(&self) -> &str {
        "random"
    }

    fn rule(&mut self, _input: &MinorInput) -> PromotionRule {
        PromotionRule::PerObject
    }

    fn decide(&mut self, _info: &SurvivorInfo) -> Survivor {
        if self.next() >> 63 == 1 {
            Survivor::Promote
        } else {
            Survivor::Retain
        }
    }
}

/// The provided policies by name, for configurations and command lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromotionChoice {
    /// `age-mark`: [`AgeMark`].
    AgeMark,
    /// `fill` or `fill=PERCENT`: [`ToSpaceFill`].
    ToSpaceFill {
        /// Percent of the to-space, 0 to 100.
        percent: u8,
    },
    /// `v8` or `v8=PERCENT`: [`AgeMarkOrFill`].
    AgeMarkOrFill {
        /// Percent of the to-space, 0 to 100.
        percent: u8,
    },
    /// `age=N`: [`AgeAtLeast`].
    AgeAtLeast(u8),
    /// `all`: [`PromoteAll`].
    All,
    /// `never`: [`PromoteNever`].
    Never,
    /// `adaptive`: [`Adaptive`].
    Adaptive,
    /// `random=SEED`: [`RandomPolicy`].
    Random {
        /// The seed that all decisions follow from.
        seed: u64,
    },
}

impl Default for PromotionChoice {
    fn default() -> Self {
        Self::AgeMarkOrFill {
            percent: DEFAULT_FILL_PERCENT,
        }
    }
}

impl PromotionChoice {
    /// Makes the policy. This allocates, so it belongs to the heap's creation and not to a pause.
    pub fn build(self) -> Box<dyn PromotionPolicy> {
        match self {
            Self::AgeMark => Box::new(AgeMark),
            Self::ToSpaceFill { percent } => Box::new(ToSpaceFill { percent }),
            Self::AgeMarkOrFill { percent } => Box::new(AgeMarkOrFill { percent }),
            Self::AgeAtLeast(age_collections) => Box::new(AgeAtLeast(age_collections)),
            Self::All => Box::new(PromoteAll),
            Self::Never => Box::new(PromoteNever),
            Self::Adaptive => Box::new(Adaptive::new()),
            Self::Random { seed } => Box::new(RandomPolicy::new(seed)),
        }
    }
}

impl fmt::Display for PromotionChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::AgeMark => f.write_str("age-mark"),
            Self::ToSpaceFill {
                percent: DEFAULT_FILL_PERCENT,
            } => f.write_str("fill"),
            Self::ToSpaceFill { percent } => write!(f, "fill={percent}"),
            Self::AgeMarkOrFill {
                percent: DEFAULT_FILL_PERCENT,
            } => f.write_str("v8"),
            Self::AgeMarkOrFill { percent } => write!(f, "v8={percent}"),
            Self::AgeAtLeast(age_collections) => write!(f, "age={age_collections}"),
            Self::All => f.write_str("all"),
            Self::Never => f.write_str("never"),
            Self::Adaptive => f.write_str("adaptive"),
            Self::Random { seed } => write!(f, "random={seed}"),
        }
    }
}

/// A promotion policy that was named wrongly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsePromotionError {
    given: String,
}

impl fmt::Display for ParsePromotionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "unknown promotion policy {:?}; use one of: age-mark, fill, fill=PERCENT (0 to 100), v8, \
             v8=PERCENT (0 to 100), age=N (0 to 254 collections), all, never, adaptive, random=SEED (a 64-bit number)",
            self.given
        )
    }
}

impl std::error::Error for ParsePromotionError {}

impl FromStr for PromotionChoice {
    type Err = ParsePromotionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParsePromotionError { given: text.to_owned() };
        let percent = |value: &str| match value.parse::<u8>() {
            Ok(percent @ 0..=100) => Ok(percent),
            _ => Err(error()),
        };
        match text.split_once('=') {
            None => match text {
                "age-mark" => Ok(Self::AgeMark),
                "fill" => Ok(Self::ToSpaceFill {
                    percent: DEFAULT_FILL_PERCENT,
                }),
                "v8" => Ok(Self::AgeMarkOrFill {
                    percent: DEFAULT_FILL_PERCENT,
                }),
                "all" => Ok(Self::All),
                "never" => Ok(Self::Never),
                "adaptive" => Ok(Self::Adaptive),
                _ => Err(error()),
            },
            Some(("fill", value)) => Ok(Self::ToSpaceFill {
                percent: percent(value)?,
            }),
            Some(("v8", value)) => Ok(Self::AgeMarkOrFill {
                percent: percent(value)?,
            }),
            Some(("age", value)) => match value.parse::<u8>() {
                Ok(age_collections) if age_collections != NEVER_BY_AGE => Ok(Self::AgeAtLeast(age_collections)),
                _ => Err(error()),
            },
            Some(("random", value)) => value.parse().map(|seed| Self::Random { seed }).map_err(|_| error()),
            Some(_) => Err(error()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CAPACITY_BYTES: usize = 1 << 20;

    fn infos() -> impl Strategy<Value = SurvivorInfo> {
        let capacity = prop_oneof![Just(0), 1..200usize, Just(CAPACITY_BYTES), any::<usize>()];
        (
            any::<u8>(),
            prop_oneof![0..300usize, any::<usize>()],
            0.0..=1.0f64,
            capacity,
            any::<u8>(),
        )
            .prop_map(
                |(age_collections, size_bytes, used, to_space_capacity_bytes, kind)| SurvivorInfo {
                    age_collections,
                    size_bytes,
                    to_space_used_bytes: (to_space_capacity_bytes as f64 * used) as usize,
                    to_space_capacity_bytes,
                    kind,
                },
            )
    }

    fn input(info: &SurvivorInfo) -> MinorInput {
        MinorInput {
            to_space_capacity_bytes: info.to_space_capacity_bytes,
            ..MinorInput::default()
        }
    }

    fn promotes(policy: &mut dyn PromotionPolicy, info: &SurvivorInfo) -> bool {
        let rule = policy.rule(&input(info));
        rule.decide(info).unwrap_or_else(|| policy.decide(info)) == Survivor::Promote
    }

    /// Used plus size at least `percent` of the capacity rounded down, computed where nothing overflows.
    fn fills(info: &SurvivorInfo, percent: u8) -> bool {
        let bytes = info.to_space_used_bytes as u128 + info.size_bytes as u128;
        bytes >= info.to_space_capacity_bytes as u128 * u128::from(percent) / 100
    }

    fn previous(condemned_bytes: usize, retained_bytes: usize, promoted_bytes: usize) -> MinorInput {
        MinorInput {
            collection: 1,
            to_space_capacity_bytes: CAPACITY_BYTES,
            condemned_bytes: CAPACITY_BYTES,
            previous: Some(MinorOutcome {
                condemned_bytes,
                retained_bytes,
                promoted_bytes,
            }),
        }
    }

    proptest! {
        #[test]
        fn age_mark_promotes_on_the_second_survival(info in infos()) {
            prop_assert_eq!(promotes(&mut AgeMark, &info), info.age_collections >= 1);
        }

        #[test]
        fn fill_promotes_what_leaves_the_filled_part(info in infos(), percent in 0..=100u8) {
            prop_assert_eq!(promotes(&mut ToSpaceFill { percent }, &info), fills(&info, percent));
        }

        #[test]
        fn age_mark_or_fill_is_the_union(info in infos(), percent in 0..=100u8) {
            let expected = info.age_collections >= 1 || fills(&info, percent);
            prop_assert_eq!(promotes(&mut AgeMarkOrFill { percent }, &info), expected);
        }

        #[test]
        fn age_at_least_compares_the_age(info in infos(), age in 0..255u8) {
            prop_assert_eq!(promotes(&mut AgeAtLeast(age), &info), info.age_collections >= age);
        }

        #[test]
        fn all_and_never(info in infos()) {
            prop_assert!(promotes(&mut PromoteAll, &info));
            prop_assert!(!promotes(&mut PromoteNever, &info));
        }

        #[test]
        fn random_depends_on_the_seed_alone_and_is_fair(seed in any::<u64>(), info in infos()) {
            let (mut first, mut second) = (RandomPolicy::new(seed), RandomPolicy::new(seed));
            let decisions: Vec<_> = (0..1000).map(|_| promotes(&mut first, &info)).collect();
            let other = SurvivorInfo::default();
            let again: Vec<_> = (0..1000).map(|_| promotes(&mut second, &other)).collect();
            prop_assert_eq!(&decisions, &again);
            let promoted = decisions.iter().filter(|&&promoted| promoted).count();
            // Six standard deviations.
            prop_assert!((405..=595).contains(&promoted), "{} of 1000 promoted", promoted);
        }

        #[test]
        fn adaptive_moves_by_one_or_to_zero_and_stays_in_range(
            steps in prop::collection::vec((0..2 * CAPACITY_BYTES, 0.0..=1.0f64, 0.0..=1.0f64), 1..50),
        ) {
            let mut policy = Adaptive::new();
            for (condemned_bytes, survival, retained) in steps {
                let survived_bytes = (condemned_bytes as f64 * survival) as usize;
                let retained_bytes = (survived_bytes as f64 * retained) as usize;
                let age_before = policy.age_collections();
                let rule = policy.rule(&previous(condemned_bytes, retained_bytes, survived_bytes - retained_bytes));
                let age = policy.age_collections();
                let fill_bytes = CAPACITY_BYTES / 2;
                prop_assert_eq!(rule, PromotionRule::Threshold { age_collections: age, fill_bytes });
                prop_assert!(age <= Adaptive::MAX_AGE_COLLECTIONS);
                if condemned_bytes == 0 {
                    prop_assert_eq!(age, age_before);
                } else if age == 0 {
                    prop_assert!(age_before == 0 || survived_bytes as f64 >= 0.85 * condemned_bytes as f64 - 1.0);
                } else {
                    prop_assert!(age.abs_diff(age_before) <= 1);
                }
                if age > age_before {
                    prop_assert!(retained_bytes * 5 <= CAPACITY_BYTES || age == 1, "rose while retaining much");
                }
            }
        }

        #[test]
        fn every_choice_prints_what_it_is_parsed_from(choice in choices()) {
            prop_assert_eq!(choice.to_string().parse(), Ok(choice));
            let policy = choice.build();
            let text = choice.to_string();
            prop_assert_eq!(policy.name(), text.split('=').next().unwrap_or_default());
        }

        #[test]
        fn no_text_panics_the_parser(text in ".{0,12}") {
            if let Err(error) = text.parse::<PromotionChoice>() {
                let shown = format!("{text:?}");
                prop_assert!(error.to_string().contains(&shown));
            }
        }
    }

    fn choices() -> impl Strategy<Value = PromotionChoice> {
        prop_oneof![
            Just(PromotionChoice::AgeMark),
            (0..=100u8).prop_map(|percent| PromotionChoice::ToSpaceFill { percent }),
            (0..=100u8).prop_map(|percent| PromotionChoice::AgeMarkOrFill { percent }),
            Just(PromotionChoice::default()),
            (0..255u8).prop_map(PromotionChoice::AgeAtLeast),
            Just(PromotionChoice::All),
            Just(PromotionChoice::Never),
            Just(PromotionChoice::Adaptive),
            any::<u64>().prop_map(|seed| PromotionChoice::Random { seed }),
        ]
    }

    #[test]
    fn the_default_is_the_rule_of_the_modeled_v8() {
        let mut policy = PromotionChoice::default().build();
        assert_eq!(policy.name(), "v8");
        let at = |age_collections, to_space_used_bytes, size_bytes| SurvivorInfo {
            age_collections,
            size_bytes,
            to_space_used_bytes,
            to_space_capacity_bytes: CAPACITY_BYTES,
            kind: 0,
        };
        let quarter_bytes = CAPACITY_BYTES / 4;
        assert!(!promotes(&mut *policy, &at(0, 0, 64)));
        assert!(promotes(&mut *policy, &at(1, 0, 64)));
        assert!(!promotes(&mut *policy, &at(0, quarter_bytes - 65, 64)));
        assert!(promotes(&mut *policy, &at(0, quarter_bytes - 64, 64)));
    }

    #[test]
    fn thresholds_answer_alone_and_only_per_object_asks() {
        let info = SurvivorInfo {
            age_collections: 255,
            size_bytes: usize::MAX,
            ..SurvivorInfo::default()
        };
        let rule = PromotionRule::Threshold {
            age_collections: NEVER_BY_AGE,
            fill_bytes: NEVER_BY_FILL,
        };
        assert_eq!(rule.decide(&info), Some(Survivor::Retain));
        let rule = PromotionRule::Threshold {
            age_collections: NEVER_BY_AGE,
            fill_bytes: 0,
        };
        assert_eq!(rule.decide(&info), Some(Survivor::Promote));
        assert_eq!(PromotionRule::PerObject.decide(&info), None);
    }

    #[test]
    fn the_adaptive_age_follows_survival() {
        let mut policy = Adaptive::new();
        let mut age_after = |condemned_bytes, retained_bytes, promoted_bytes| {
            policy.rule(&previous(condemned_bytes, retained_bytes, promoted_bytes));
            policy.age_collections()
        };
        let percent = CAPACITY_BYTES / 100;
        // Little retained, much promoted: objects get more time to die.
        assert_eq!(age_after(CAPACITY_BYTES, 5 * percent, 10 * percent), 2);
        assert_eq!(age_after(CAPACITY_BYTES, 5 * percent, 10 * percent), 3);
        // Little of either, or an amount between the bounds: it stays.
        assert_eq!(age_after(CAPACITY_BYTES, 5 * percent, percent), 3);
        assert_eq!(age_after(CAPACITY_BYTES, 15 * percent, 10 * percent), 3);
        // Much retained: the copies cost too much.
        assert_eq!(age_after(CAPACITY_BYTES, 30 * percent, 0), 2);
        assert_eq!(age_after(CAPACITY_BYTES, 30 * percent, 0), 1);
        assert_eq!(age_after(CAPACITY_BYTES, 30 * percent, 0), 1);
        // Nearly everything survives: everything is promoted, until less survives.
        assert_eq!(age_after(CAPACITY_BYTES, 30 * percent, 60 * percent), 0);
        assert_eq!(age_after(CAPACITY_BYTES, 0, 90 * percent), 0);
        assert_eq!(age_after(CAPACITY_BYTES, 0, 40 * percent), 1);
    }

    #[test]
    fn close_seeds_decide_differently() {
        let info = SurvivorInfo::default();
        let decisions = |seed| {
            let mut policy = RandomPolicy::new(seed);
            (0..64).map(|_| policy.decide(&info)).collect::<Vec<_>>()
        };
        assert_ne!(decisions(0), decisions(1));
        assert_ne!(decisions(1), decisions(2));
    }

    #[test]
    fn a_wrong_name_is_answered_with_all_names() {
        for text in [
            "", "v9", "age", "age=", "age=255", "age=-1", "fill=101", "v8=", "all=1", "random", "random=x", "V8",
        ] {
            let error = text.parse::<PromotionChoice>().expect_err(text);
            let message = error.to_string();
            assert!(message.contains(&format!("{text:?}")), "{message}");
            for name in [
                "age-mark",
                "fill",
                "v8",
                "age=N",
                "all",
                "never",
                "adaptive",
                "random=SEED",
            ] {
                assert!(message.contains(name), "{message} does not name {name}");
            }
        }
    }
}
