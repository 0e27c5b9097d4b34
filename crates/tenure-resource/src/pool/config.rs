//! What a pool is told when it is made, and what it is told to release.
//!
//! Numbers only, and a clock. A configuration costs nothing until a pool is made of it. It does not hold the functions
//! that make objects; those are the [`Manager`](crate::pool::Manager)'s.

use std::fmt;
use std::rc::Rc;

use tenure::events::{Clock, ManualClock};

use crate::pressure::PressureLevel;

/// Which of the idle objects is used again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ReuseOrder {
    /// The one that was returned last. Its memory is probably still in the processor's caches, and objects that are
    /// not needed stay idle long enough to be found and released.
    #[default]
    Lifo,
    /// The one that has been idle longest: for objects that wear, or that go stale when they are not used. With this
    /// order a pool in steady use never has objects that were idle for long.
    Fifo,
}

/// Which idle objects to release: those idle longest, as many as this says. Objects in use are never released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// So many.
    Count(usize),
    /// As many as it takes for at most so many to stay.
    KeepCount(usize),
    /// As many as make up this share of the pool's capacity, in percent, rounded up. Above 100 means 100.
    SharePercent(u32),
    /// As many as it takes for at most this share of the pool's capacity to stay, in percent, rounded down. Above 100
    /// means 100.
    KeepSharePercent(u32),
    /// Those that have been idle for so many nanoseconds or longer, on the pool's clock.
    IdleNs(u64),
    /// Everything idle.
    All,
}

impl Release {
    /// How many of `idle` objects that is, without regard to time; `None` if time decides.
    pub(crate) fn count(self, idle: usize, capacity: usize) -> Option<usize> {
        Some(match self {
            Self::Count(count) => count.min(idle),
            Self::KeepCount(keep) => idle.saturating_sub(keep),
            Self::SharePercent(percent) => {
                let kept_share = share(capacity, 100 - percent.min(100));
                (capacity - kept_share).min(idle)
            }
            Self::KeepSharePercent(percent) => idle.saturating_sub(share(capacity, percent.min(100))),
            Self::IdleNs(_) => return None,
            Self::All => idle,
        })
    }
}

/// `percent` of `whole`, rounded down, without overflow.
fn share(whole: usize, percent: u32) -> usize {
    let percent = percent as usize;
    whole / 100 * percent + whole % 100 * percent / 100
}

/// How a pool behaves. Made with [`new`](Self::new) and changed with the functions of the same names as the settings.
///
/// ```
/// use std::rc::Rc;
/// use tenure::events::ManualClock;
/// use tenure_resource::pool::{FromFns, Pool, PoolConfig, Release, ReuseOrder};
/// use tenure_resource::pressure::PressureLevel;
///
/// let frame_clock = Rc::new(ManualClock::new()); // moved once per frame
/// let config = PoolConfig::new(32)
///     .limit(100)
///     .order(ReuseOrder::Lifo)
///     .clock(Rc::clone(&frame_clock))
///     .on_pressure(PressureLevel::Moderate, Release::IdleNs(1_000_000_000));
/// let pool = Pool::new(config, FromFns::new(Vec::<u8>::new, Vec::clear));
/// assert_eq!(pool.capacity(), 32);
/// ```
#[derive(Clone)]
pub struct PoolConfig {
    pub(crate) capacity: usize,
    pub(crate) limit: usize,
    pub(crate) order: ReuseOrder,
    pub(crate) moderate: Release,
    pub(crate) critical: Release,
    pub(crate) clock: Rc<dyn Clock>,
}

impl PoolConfig {
    /// A pool that keeps at most `capacity` idle objects; what is returned beyond that is dropped. 0 keeps none.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            limit: usize::MAX,
            order: ReuseOrder::Lifo,
            moderate: Release::KeepSharePercent(50),
            critical: Release::All,
            clock: Rc::new(ManualClock::new()),
        }
    }

    /// At most so many objects exist at a time, in use and idle together; `get` fails beyond that. There is no limit by
    /// default.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Which idle object is used again. The default is the one returned last.
    #[must_use]
    pub fn order(mut self, order: ReuseOrder) -> Self {
        self.order = order;
        self
    }

    /// What is released at a level of memory pressure. By default moderate pressure leaves half of the capacity and
    /// critical pressure leaves nothing idle.
    #[must_use]
    pub fn on_pressure(mut self, level: PressureLevel, release: Release) -> Self {
        match level {
            PressureLevel::Moderate => self.moderate = release,
            PressureLevel::Critical => self.critical = release,
        }
        self
    }

    /// Where the pool reads since when an object is idle, once per returned object. The default is a clock that stands
    /// still, so that [`Release::IdleNs`] releases nothing but with 0.
    ///
    /// A `ManualClock` that the embedder moves once per frame costs a load per returned object; the system's clock costs
    /// a system call's fast path, which is more than everything else that a pool does.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Rc::new(clock);
        self
    }
}

impl fmt::Debug for PoolConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolConfig")
            .field("capacity", &self.capacity)
            .field("limit", &self.limit)
            .field("order", &self.order)
            .field("moderate", &self.moderate)
            .field("critical", &self.critical)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Release, share};

    #[test]
    fn shares_neither_overflow_nor_exceed() {
        assert_eq!(share(usize::MAX, 100), usize::MAX);
        assert_eq!(share(usize::MAX, 50), usize::MAX / 2);
        assert_eq!((share(10, 25), share(3, 50), share(0, 100)), (2, 1, 0));
    }

    #[test]
    fn counts_of_each_release() {
        let count = |release: Release| release.count(8, 10).unwrap();
        assert_eq!(count(Release::Count(3)), 3);
        assert_eq!(count(Release::Count(30)), 8);
        assert_eq!(count(Release::KeepCount(3)), 5);
        assert_eq!(count(Release::KeepCount(30)), 0);
        assert_eq!(count(Release::SharePercent(25)), 3, "2.5 rounded up");
        assert_eq!(count(Release::SharePercent(0)), 0);
        assert_eq!(count(Release::SharePercent(1000)), 8);
        assert_eq!(count(Release::KeepSharePercent(25)), 6, "2.5 stay, rounded down");
        assert_eq!(count(Release::KeepSharePercent(1000)), 0);
        assert_eq!(count(Release::All), 8);
        assert_eq!(Release::IdleNs(1).count(8, 10), None);
    }
}
