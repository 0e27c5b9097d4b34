//! What a pool counts.
//!
//! Every object that a pool ever had is in one place: in use, idle, dropped for a stated reason, or detached. So the
//! counters balance, and the tests check that they do after every operation. Counting costs an addition each; there is no
//! history, only totals and high-water marks.

use std::fmt;

/// How many objects a pool has dropped, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Returned when the pool held as many idle objects as its capacity.
    pub full: u64,
    /// Refused by the reset hook, or the hook panicked.
    pub reset_failed: u64,
    /// Returned while the thread was unwinding from a panic, when their state could not be trusted.
    pub unwinding: u64,
    /// Released by a call.
    pub released: u64,
    /// Released under memory pressure.
    pub pressure: u64,
    /// Idle when the pool was dropped, or returned afterwards.
    pub closed: u64,
}

impl Dropped {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.full + self.reset_failed + self.unwinding + self.released + self.pressure + self.closed
    }
}

/// Counters of a pool since it was made.
///
/// `created + adopted == outstanding + idle + detached + dropped.total()` at all times, and
/// `created - prefilled + reused == outstanding + returned + detached`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolStatistics {
    /// Objects made, on demand or beforehand.
    pub created: u64,
    /// Of these, objects made beforehand.
    pub prefilled: u64,
    /// Requests that an idle object answered.
    pub reused: u64,
    /// Requests that found no idle object, whether or not one could be made.
    pub missed: u64,
    /// Objects that could not be made: an error or a panic of the manager, on demand or beforehand.
    pub create_failed: u64,
    /// Requests refused before an object was made: the limit was reached, or creations were nested too deeply.
    pub refused: u64,
    /// Objects from outside that were put into the pool.
    pub adopted: u64,
    /// Objects that came back from use, whether they were kept or dropped.
    pub returned: u64,
    /// Objects taken out of the pool for good.
    pub detached: u64,
    /// Objects that the pool dropped.
    pub dropped: Dropped,
    /// Objects in use now, those that are being reset included.
    pub outstanding: usize,
    /// Objects idle now.
    pub idle: usize,
    /// The most objects that were in use at a time.
    pub peak_outstanding: usize,
    /// The most objects that were idle at a time.
    pub peak_idle: usize,
    /// The most objects that existed at a time.
    pub peak_alive: usize,
}

impl PoolStatistics {
    /// Objects that exist now, in use or idle.
    #[must_use]
    pub fn alive(&self) -> usize {
        self.outstanding + self.idle
    }

    /// Which fraction of the requests an idle object answered, from 0 to 1; `None` before the first request.
    #[must_use]
    pub fn hit_rate(&self) -> Option<f64> {
        let requests = self.reused + self.missed;
        (requests > 0).then(|| self.reused as f64 / requests as f64)
    }

    pub(crate) fn note_peaks(&mut self) {
        self.peak_outstanding = self.peak_outstanding.max(self.outstanding);
        self.peak_idle = self.peak_idle.max(self.idle);
        self.peak_alive = self.peak_alive.max(self.alive());
    }
}

/// One line: `12 in use (peak 40), 8 idle (peak 20); 1000 gets, 96.0 % reused; 40 made, 20 dropped`.
impl fmt::Display for PoolStatistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} in use (peak {}), {} idle (peak {}); {} gets",
            self.outstanding,
            self.peak_outstanding,
            self.idle,
            self.peak_idle,
            self.reused + self.missed
        )?;
        if let Some(rate) = self.hit_rate() {
            write!(f, ", {:.1} % reused", rate * 100.0)?;
        }
        write!(f, "; {} made, {} dropped", self.created, self.dropped.total())
    }
}
