//! The time that single phases of collections take, taken from the heap's own events.
//!
//! A collection reports how long each of its phases was; [`PhaseClock`] adds those up that a benchmark asks for. It
//! trusts the heap's clock, which is read once at each border between phases.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use tenure::HeapConfig;
use tenure::events::{Event, Phase};

/// Adds up phases of all collections of a heap.
#[derive(Clone, Debug)]
pub(crate) struct PhaseClock {
    phases: &'static [Phase],
    total_ns: Rc<Cell<u64>>,
}

impl PhaseClock {
    /// Makes a clock for `phases`, at 0.
    pub(crate) fn new(phases: &'static [Phase]) -> PhaseClock {
        PhaseClock {
            phases,
            total_ns: Rc::new(Cell::new(0)),
        }
    }

    /// Returns a configuration that reports to this clock.
    pub(crate) fn listen(&self, config: HeapConfig) -> HeapConfig {
        let clock = self.clone();
        config.listener(move |event: &Event<'_>| {
            if let Event::CollectionEnd(record) = event {
                let sum: u64 = clock.phases.iter().map(|phase| record.phases.get(*phase)).sum();
                clock.total_ns.set(clock.total_ns.get() + sum);
            }
        })
    }

    /// Returns the time since the last call, and starts anew.
    pub(crate) fn take(&self) -> Duration {
        Duration::from_nanos(self.total_ns.take())
    }
}
