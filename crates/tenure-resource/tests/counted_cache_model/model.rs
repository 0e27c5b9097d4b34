//! The model: what a counted cache is, without queues, orders and references.
//!
//! Everything is found by looking through all entries. It knows no handles and no values.

use std::collections::BTreeMap;

use tenure_resource::counted_cache::{AfterDelay, AtOnce, CacheStatistics, Either, KeepAll, KeepAtMost, ReleasePolicy};
use tenure_resource::pressure::Relieved;

/// How a load ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Succeed,
    Fail,
    Panic,
}

/// The given policies, and what each of them releases: the first unused entry of the model, or none.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Policy {
    KeepAll,
    AtOnce,
    AfterDelay(u64),
    KeepAtMost(usize, usize),
    Either(u64, usize),
}

impl Policy {
    pub(crate) fn real(self) -> Box<dyn ReleasePolicy<u8>> {
        match self {
            Self::KeepAll => Box::new(KeepAll),
            Self::AtOnce => Box::new(AtOnce),
            Self::AfterDelay(delay_ns) => Box::new(AfterDelay { delay_ns }),
            Self::KeepAtMost(count, bytes) => Box::new(KeepAtMost { count, bytes }),
            Self::Either(delay_ns, count) => Box::new(Either(AfterDelay { delay_ns }, KeepAtMost::count(count))),
        }
    }

    pub(crate) fn releases(self, unused_ns: u64, unused_count: usize, unused_bytes: usize) -> bool {
        match self {
            Self::KeepAll => false,
            Self::AtOnce => true,
            Self::AfterDelay(delay_ns) => unused_ns >= delay_ns,
            Self::KeepAtMost(count, bytes) => unused_count > count || unused_bytes > bytes,
            Self::Either(delay_ns, count) => unused_ns >= delay_ns || unused_count > count,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Queued { urgency: i32, serial: u64 },
    Loading { ticket: u64 },
    Ready,
    Failed,
    Canceled,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) phase: Phase,
    pub(crate) bytes: usize,
    pub(crate) holders: BTreeMap<&'static str, usize>,
    pub(crate) is_prefetch: bool,
    pub(crate) attempts: u32,
    pub(crate) requested_ns: u64,
    pub(crate) last_use_ns: u64,
    /// Number and time of becoming unused.
    pub(crate) unused: Option<(u64, u64)>,
}

impl Entry {
    pub(crate) fn count(&self) -> usize {
        self.holders.values().sum()
    }

    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.phase, Phase::Queued { .. } | Phase::Loading { .. })
    }
}

pub(crate) struct Model {
    pub(crate) entries: BTreeMap<u8, Entry>,
    pub(crate) policy: Policy,
    pub(crate) now_ns: u64,
    pub(crate) serial: u64,
    pub(crate) told_bytes: usize,
    pub(crate) counts: CacheStatistics,
}

impl Model {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            entries: BTreeMap::new(),
            policy,
            now_ns: 0,
            serial: 0,
            told_bytes: 0,
            counts: CacheStatistics {
                budget_bytes: usize::MAX,
                ..CacheStatistics::default()
            },
        }
    }

    pub(crate) fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    pub(crate) fn hold(&mut self, key: u8, holder: &'static str) {
        let now_ns = self.now_ns;
        if let Some(entry) = self.entries.get_mut(&key) {
            *entry.holders.entry(holder).or_default() += 1;
            entry.last_use_ns = now_ns;
            entry.unused = None;
        }
    }

    pub(crate) fn demand(&mut self, key: u8, urgency: i32, holder: Option<&'static str>) {
        let serial = self.serial();
        match self.entries.get_mut(&key) {
            None => {
                self.counts.missed += 1;
                let entry = Entry {
                    phase: Phase::Queued { urgency, serial },
                    bytes: 0,
                    holders: BTreeMap::new(),
                    is_prefetch: holder.is_none(),
                    attempts: 0,
                    requested_ns: self.now_ns,
                    last_use_ns: self.now_ns,
                    unused: None,
                };
                self.entries.insert(key, entry);
            }
            Some(entry) => {
                match &mut entry.phase {
                    Phase::Ready => self.counts.hits += 1,
                    Phase::Failed | Phase::Canceled => self.counts.refused += 1,
                    Phase::Loading { .. } => self.counts.coalesced += 1,
                    Phase::Queued { urgency: own, .. } => {
                        self.counts.coalesced += 1;
                        *own = urgency.max(*own);
                    }
                }
                entry.is_prefetch |= holder.is_none() && entry.is_pending();
            }
        }
        if let Some(holder) = holder {
            self.hold(key, holder);
        }
    }

    pub(crate) fn count_down(&mut self, key: u8, holder: &'static str) {
        let serial = self.serial();
        let now_ns = self.now_ns;
        let Some(entry) = self.entries.get_mut(&key) else {
            panic!("{key} is held and must exist")
        };
        let count = entry.holders.get_mut(holder).expect("held by this holder");
        *count -= 1;
        if *count == 0 {
            entry.holders.remove(holder);
        }
        entry.last_use_ns = now_ns;
        if entry.count() > 0 {
            return;
        }
        match entry.phase {
            Phase::Ready => entry.unused = Some((serial, now_ns)),
            Phase::Queued { .. } if !entry.is_prefetch => {
                self.counts.canceled += 1;
                self.entries.remove(&key);
            }
            Phase::Failed | Phase::Canceled => drop(self.entries.remove(&key)),
            Phase::Queued { .. } | Phase::Loading { .. } => {}
        }
        self.settle();
    }

    /// Unused entries, the longest unused first.
    pub(crate) fn unused(&self) -> Vec<u8> {
        let mut unused: Vec<_> = self
            .entries
            .iter()
            .filter_map(|(&key, e)| Some((e.unused?, key)))
            .collect();
        unused.sort_unstable();
        unused.into_iter().map(|(_, key)| key).collect()
    }

    pub(crate) fn bytes(&self, of: impl Fn(&Entry) -> bool) -> usize {
        self.entries
            .values()
            .filter(|entry| of(entry))
            .map(|entry| entry.bytes)
            .sum()
    }

    pub(crate) fn unused_bytes(&self) -> usize {
        self.bytes(|entry| entry.unused.is_some())
    }

    pub(crate) fn take_out(&mut self, key: u8, relieved: &mut Relieved) {
        let entry = self.entries.remove(&key).expect("an unused entry exists");
        *relieved += Relieved {
            count: 1,
            bytes: entry.bytes,
        };
    }

    pub(crate) fn settle(&mut self) -> Relieved {
        let mut relieved = Relieved::default();
        for key in self.unused() {
            let unused_ns = self.now_ns - self.entries[&key].unused.map_or(0, |(_, since_ns)| since_ns);
            if self
                .policy
                .releases(unused_ns, self.unused().len(), self.unused_bytes())
            {
                self.take_out(key, &mut relieved);
                self.counts.released.policy += 1;
            }
        }
        for key in self.unused() {
            if self.bytes(|_| true) > self.counts.budget_bytes {
                self.take_out(key, &mut relieved);
                self.counts.released.budget += 1;
            }
        }
        relieved
    }

    pub(crate) fn release_unused_to(&mut self, keep_bytes: Option<usize>) -> Relieved {
        let mut relieved = Relieved::default();
        for key in self.unused() {
            if keep_bytes.is_none_or(|keep_bytes| self.unused_bytes() > keep_bytes) {
                self.take_out(key, &mut relieved);
            }
        }
        relieved
    }

    /// The most urgent waiting entry.
    pub(crate) fn first(&self) -> Option<u8> {
        let waiting = self.entries.iter().filter_map(|(&key, entry)| match entry.phase {
            Phase::Queued { urgency, serial } => Some((-urgency, serial, key)),
            _ => None,
        });
        waiting.min().map(|(_, _, key)| key)
    }

    pub(crate) fn start(&mut self, key: u8) -> u64 {
        let ticket = self.serial();
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.attempts += 1;
            entry.phase = Phase::Loading { ticket };
        }
        self.counts.started += 1;
        ticket
    }

    pub(crate) fn is_loading(&self, key: u8, ticket: u64) -> bool {
        self.entries
            .get(&key)
            .is_some_and(|entry| entry.phase == Phase::Loading { ticket })
    }

    /// The result of a load; `false` if it is refused.
    pub(crate) fn finish(&mut self, key: u8, ticket: u64, act: Act, bytes: usize) -> bool {
        if !self.is_loading(key, ticket) {
            return false;
        }
        let serial = self.serial();
        let now_ns = self.now_ns;
        let Some(entry) = self.entries.get_mut(&key) else {
            return false;
        };
        entry.is_prefetch = false;
        let is_unused = entry.count() == 0;
        match act {
            Act::Succeed => {
                self.counts.loaded += 1;
                entry.phase = Phase::Ready;
                entry.bytes = bytes;
                entry.unused = is_unused.then_some((serial, now_ns));
                self.note_peaks();
                self.settle();
                return true;
            }
            Act::Fail => {
                self.counts.failed += 1;
                entry.phase = Phase::Failed;
            }
            Act::Panic => {
                self.counts.abandoned += 1;
                entry.phase = Phase::Canceled;
            }
        }
        if is_unused {
            self.entries.remove(&key);
        }
        true
    }

    pub(crate) fn cancel(&mut self, key: u8) -> bool {
        let Some(entry) = self.entries.get_mut(&key).filter(|entry| entry.is_pending()) else {
            return false;
        };
        self.counts.canceled += 1;
        entry.phase = Phase::Canceled;
        entry.is_prefetch = false;
        if entry.count() == 0 {
            self.entries.remove(&key);
        }
        true
    }

    pub(crate) fn cancel_prefetches(&mut self) -> usize {
        let unheld: Vec<u8> = self
            .entries
            .iter()
            .filter(|(_, entry)| matches!(entry.phase, Phase::Queued { .. }) && entry.count() == 0)
            .map(|(&key, _)| key)
            .collect();
        unheld.iter().filter(|&&key| self.cancel(key)).count()
    }

    pub(crate) fn note_peaks(&mut self) {
        self.counts.peak_entries = self.counts.peak_entries.max(self.entries.len());
        self.counts.peak_resident_bytes = self.counts.peak_resident_bytes.max(self.bytes(|_| true));
    }

    pub(crate) fn statistics(&mut self) -> CacheStatistics {
        self.note_peaks();
        let count = |of: fn(&Entry) -> bool| self.entries.values().filter(|entry| of(entry)).count();
        CacheStatistics {
            entries: self.entries.len(),
            resident: count(|entry| entry.phase == Phase::Ready),
            unused: count(|entry| entry.unused.is_some()),
            queued: count(|entry| matches!(entry.phase, Phase::Queued { .. })),
            loading: count(|entry| matches!(entry.phase, Phase::Loading { .. })),
            resident_bytes: self.bytes(|_| true),
            unused_bytes: self.unused_bytes(),
            ..self.counts
        }
    }
}
