//! From a heap that runs short of memory to the pools and caches that can give some back.
//!
//! A heap says that memory is short in the middle of an allocation or a collection, where nothing may be dropped that
//! refers to it. So whoever notices only notes the level in a [`PressureSignal`], one store; at the next quiet moment
//! (a turn of the event loop, a frame) the embedder lets a [`PressureGroup`] answer it, which costs what the members
//! release. Nothing here measures memory by itself, and nothing is released between two calls of
//! [`PressureGroup::poll`].
//!
//! ```
//! use std::rc::Rc;
//! use tenure::prelude::*;
//! use tenure_resource::pool::{FromFns, Pool, PoolConfig};
//! use tenure_resource::pressure::{PressureGroup, PressureSignal};
//!
//! #[derive(Kind)]
//! struct Page { next: Slot<Opt<Page>>, text: [u64; 60] }
//! #[derive(Roots)]
//! struct Roots { first: Root<Opt<Page>> }
//! object_model! { model M { roots: Roots, kinds: [Page] } }
//!
//! let signal = PressureSignal::new();
//! let config = HeapConfig::new().max_old_bytes(8 << 20).listener(signal.listener());
//! let mut isolate = Isolate::<M>::new(config, RootsInit { first: None })?;
//!
//! let lines = Rc::new(Pool::new(PoolConfig::new(64), FromFns::new(String::new, String::clear)));
//! lines.prefill(64)?;
//! let group = PressureGroup::new();
//! group.add(&lines);
//!
//! // A program that keeps everything runs into the limit ...
//! isolate.enter(|h| {
//!     while let Ok((h, page)) = h.try_alloc_with::<Page, _>(|h| PageInit { next: h.roots().first.get(), text: [0; 60] }) {
//!         h.roots().first.set(Some(page));
//!     }
//!     h.roots().first.set(None);
//! });
//! // ... and at the next turn of the event loop the pool gives back what nobody uses.
//! assert_eq!(group.poll(&signal).count, 64);
//! assert_eq!(group.poll(&signal).count, 0, "answered once");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::AddAssign;
use std::rc::{Rc, Weak};

use tenure::HeapStatistics;
use tenure::events::{Event, Listener};

/// How short of memory a program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PressureLevel {
    /// Memory becomes scarce: give back what will probably not be needed soon.
    Moderate,
    /// Memory has run out or is about to: give back everything that is not in use.
    Critical,
}

impl PressureLevel {
    /// The level in lower case: `moderate` or `critical`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Moderate => "moderate",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for PressureLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What was given back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Relieved {
    /// Objects or entries.
    pub count: usize,
    /// Their bytes, as far as their owner knows them; a pool does not.
    pub bytes: usize,
}

impl AddAssign for Relieved {
    fn add_assign(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// Something that can give memory back when it is asked to: a pool, a cache, or a closure.
pub trait Relieve {
    /// Gives back what is not in use, as far as `level` asks for it, and says how much that was.
    fn relieve(&self, level: PressureLevel) -> Relieved;
}

impl<F: Fn(PressureLevel) -> Relieved> Relieve for F {
    fn relieve(&self, level: PressureLevel) -> Relieved {
        self(level)
    }
}

/// At which share of a limit pressure begins. Shares are in percent of the limit; above 100 a level is never reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PressureThresholds {
    /// From here on pressure is moderate.
    pub moderate_percent: u32,
    /// From here on it is critical.
    pub critical_percent: u32,
}

impl Default for PressureThresholds {
    /// 75 and 90 percent: the heap's last quarter is time enough to react, its last tenth is a few collections.
    fn default() -> Self {
        Self {
            moderate_percent: 75,
            critical_percent: 90,
        }
    }
}

impl PressureThresholds {
    /// The level at which `used_bytes` of `limit_bytes` stand, if any.
    ///
    /// ```
    /// use tenure_resource::pressure::{PressureLevel, PressureThresholds};
    ///
    /// let thresholds = PressureThresholds::default();
    /// assert_eq!(thresholds.level(70, 100), None);
    /// assert_eq!(thresholds.level(80, 100), Some(PressureLevel::Moderate));
    /// assert_eq!(thresholds.level(95, 100), Some(PressureLevel::Critical));
    /// ```
    #[must_use]
    pub fn level(&self, used_bytes: usize, limit_bytes: usize) -> Option<PressureLevel> {
        let reaches = |percent: u32| used_bytes as u128 * 100 >= limit_bytes as u128 * u128::from(percent);
        if reaches(self.critical_percent) {
            Some(PressureLevel::Critical)
        } else if reaches(self.moderate_percent) {
            Some(PressureLevel::Moderate)
        } else {
            None
        }
    }

    /// The level at which a heap's old generation stands to its hard limit.
    ///
    /// Used bytes include garbage that is not swept yet, so right after a cycle the answer is on the careful side.
    #[must_use]
    pub fn level_of(&self, statistics: &HeapStatistics) -> Option<PressureLevel> {
        let sizes = &statistics.sizes;
        let used_bytes = sizes.old_used_bytes.saturating_add(sizes.large_used_bytes);
        self.level(used_bytes, statistics.max_old_bytes)
    }
}

/// A note that memory is short, from whoever notices to whoever can act. Clones share the note.
///
/// Raising it is one store: that may be done in a listener, in a near-limit callback, and in the answer to it. It stays
/// on its thread.
///
/// ```
/// use tenure_resource::pressure::{PressureLevel, PressureSignal};
///
/// let signal = PressureSignal::new();
/// signal.raise(PressureLevel::Critical);
/// signal.raise(PressureLevel::Moderate);
/// assert_eq!(signal.take(), Some(PressureLevel::Critical), "the highest level counts");
/// assert_eq!(signal.take(), None);
/// ```
#[derive(Debug, Clone, Default)]
pub struct PressureSignal {
    level: Rc<Cell<Option<PressureLevel>>>,
}

impl PressureSignal {
    /// A signal that nobody has raised.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes `level`, unless a higher one is noted already.
    pub fn raise(&self, level: PressureLevel) {
        self.level.set(self.level.get().max(Some(level)));
    }

    /// Notes the level of a heap, if it has any: `signal.observe(thresholds.level_of(&heap.statistics()))`.
    pub fn observe(&self, level: Option<PressureLevel>) {
        if let Some(level) = level {
            self.raise(level);
        }
    }

    /// The level that is noted.
    #[must_use]
    pub fn level(&self) -> Option<PressureLevel> {
        self.level.get()
    }

    /// Takes the note away to act on it.
    #[must_use = "the note is gone afterwards"]
    pub fn take(&self) -> Option<PressureLevel> {
        self.level.take()
    }

    /// A listener for `HeapConfig::listener` that raises this signal to critical when the heap comes near its hard
    /// limit or fails an allocation. Moderate pressure is a matter of thresholds, see [`observe`](Self::observe).
    #[must_use]
    pub fn listener(&self) -> PressureListener {
        PressureListener { signal: self.clone() }
    }
}

/// Raises a [`PressureSignal`] from a heap's events. [`PressureSignal::listener`] makes one.
#[derive(Debug, Clone)]
pub struct PressureListener {
    signal: PressureSignal,
}

impl Listener for PressureListener {
    fn on_event(&mut self, event: &Event<'_>) {
        if matches!(event, Event::NearLimit { .. } | Event::OutOfMemory { .. }) {
            self.signal.raise(PressureLevel::Critical);
        }
    }
}

/// Everything that is asked to give memory back, in the order in which it was added.
///
/// Members are held weakly: a pool that is gone is forgotten at the next call. A member may add others, raise signals
/// and relieve the group again while it gives back.
#[derive(Default)]
pub struct PressureGroup {
    members: RefCell<Vec<Weak<dyn Relieve>>>,
}

impl PressureGroup {
    /// A group without members.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a member, at the end.
    pub fn add<R: Relieve + 'static>(&self, member: &Rc<R>) {
        let member: Weak<R> = Rc::downgrade(member);
        self.members.borrow_mut().push(member);
    }

    /// How many members there are that still exist.
    #[must_use]
    pub fn len(&self) -> usize {
        let members = self.members.borrow();
        members.iter().filter(|member| member.strong_count() > 0).count()
    }

    /// Whether no member exists.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Asks every member to give memory back, and says how much that was in all. Members added meanwhile are not asked.
    pub fn relieve(&self, level: PressureLevel) -> Relieved {
        let members = {
            let mut members = self.members.borrow_mut();
            members.retain(|member| member.strong_count() > 0);
            members.clone()
        };
        let mut total = Relieved::default();
        for member in members {
            if let Some(member) = member.upgrade() {
                total += member.relieve(level);
            }
        }
        total
    }

    /// Takes the note of `signal`, if there is one, and relieves the group accordingly.
    pub fn poll(&self, signal: &PressureSignal) -> Relieved {
        signal.take().map(|level| self.relieve(level)).unwrap_or_default()
    }
}

impl fmt::Debug for PressureGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PressureGroup").field("members", &self.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_hold_for_all_sizes() {
        let thresholds = PressureThresholds::default();
        let level = |used, limit| thresholds.level(used, limit);
        assert_eq!(level(0, 100), None);
        assert_eq!(level(74, 100), None);
        assert_eq!(level(75, 100), Some(PressureLevel::Moderate));
        assert_eq!(level(89, 100), Some(PressureLevel::Moderate));
        assert_eq!(level(90, 100), Some(PressureLevel::Critical));
        assert_eq!(level(usize::MAX, usize::MAX), Some(PressureLevel::Critical));
        assert_eq!(level(usize::MAX / 2, usize::MAX), None);
        let never = PressureThresholds {
            moderate_percent: 50,
            critical_percent: u32::MAX,
        };
        assert_eq!(never.level(usize::MAX, usize::MAX), Some(PressureLevel::Moderate));
    }

    #[test]
    fn a_listener_raises_at_the_limit_only() {
        let signal = PressureSignal::new();
        let mut listener = signal.listener();
        listener.on_event(&Event::PageSourceFailed { bytes: 1 });
        assert_eq!(signal.level(), None);
        listener.on_event(&Event::NearLimit {
            limit_bytes: 10,
            used_bytes: 9,
            raised_to_bytes: None,
        });
        assert_eq!(signal.take(), Some(PressureLevel::Critical));
        listener.on_event(&Event::OutOfMemory {
            requested_bytes: 1,
            limit_bytes: 10,
            reason: "test",
        });
        assert_eq!(signal.level(), Some(PressureLevel::Critical));
    }

    #[test]
    fn the_level_of_a_heap_is_that_of_its_old_generation() {
        let mut statistics = HeapStatistics {
            max_old_bytes: 1000,
            ..HeapStatistics::default()
        };
        statistics.sizes.old_used_bytes = 500;
        statistics.sizes.nursery_used_bytes = 500;
        let signal = PressureSignal::new();
        signal.observe(PressureThresholds::default().level_of(&statistics));
        assert_eq!(signal.level(), None);
        statistics.sizes.large_used_bytes = 300;
        signal.observe(PressureThresholds::default().level_of(&statistics));
        assert_eq!(signal.level(), Some(PressureLevel::Moderate));
    }

    #[test]
    fn a_group_asks_those_that_exist_and_may_be_changed_meanwhile() {
        let group = Rc::new(PressureGroup::new());
        let late = Rc::new(|_: PressureLevel| Relieved { count: 100, bytes: 0 });
        let first = {
            let (group, late) = (Rc::downgrade(&group), Rc::clone(&late));
            Rc::new(move |level: PressureLevel| {
                if let Some(group) = group.upgrade() {
                    group.add(&late);
                }
                Relieved {
                    count: 1,
                    bytes: if level == PressureLevel::Critical { 7 } else { 3 },
                }
            })
        };
        let gone = Rc::new(|_: PressureLevel| Relieved { count: 1000, bytes: 0 });
        group.add(&first);
        group.add(&gone);
        assert_eq!(group.len(), 2);
        drop(gone);
        assert_eq!(
            group.relieve(PressureLevel::Moderate),
            Relieved { count: 1, bytes: 3 },
            "the gone one is not asked, the late one only from now on"
        );
        let signal = PressureSignal::new();
        assert_eq!(group.poll(&signal), Relieved::default());
        signal.raise(PressureLevel::Critical);
        assert_eq!(group.poll(&signal), Relieved { count: 101, bytes: 7 });
        assert_eq!(group.poll(&signal), Relieved::default(), "the note was taken");
    }
}
