//! Pauses, as the heap's events tell them.
//!
//! A recorder keeps the length of each pause and the size of what each major collection left. Memory is a word for each pause. Pauses are
//! in time of day, or in processor time where others use the processor too.

use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::rc::Rc;
use tenure::events::{Clock, CollectionKind, Event, Listener};

/// Time on the processor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProcessorClock;

impl Clock for ProcessorClock {
    fn now_ns(&self) -> u64 {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
    }
}

/// The pauses of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Pauses {
    pub(crate) count: usize,
    pub(crate) longest_ns: u64,
    pub(crate) p999_ns: u64,
    /// Bytes of objects after the last major collection, and when the last pause ended.
    pub(crate) after_major_bytes: usize,
    pub(crate) at_end_bytes: usize,
    /// The longest pause by phases that took time.
    pub(crate) longest: String,
}

#[derive(Debug, Default)]
struct Kept {
    pause_ns: Vec<u64>,
    summary: Pauses,
}

/// Keeps what a listener hears.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Rc<RefCell<Kept>>);

impl Recorder {
    /// Returns the listener of a heap whose pauses are to be kept.
    pub(crate) fn listener(&self) -> impl Listener + 'static {
        let kept = Rc::clone(&self.0);
        move |event: &Event<'_>| {
            let Event::CollectionEnd(record) = event else { return };
            let mut kept = kept.borrow_mut();
            kept.pause_ns.push(record.pause_ns);
            let summary = &mut kept.summary;
            summary.at_end_bytes = record.after.used_bytes();
            if record.kind == CollectionKind::Major {
                summary.after_major_bytes = record.after.used_bytes();
            }
            if record.pause_ns > summary.longest_ns {
                summary.longest_ns = record.pause_ns;
                let phases = record.phases.iter().filter(|(_, ns)| *ns > 50_000);
                let phases = phases.map(|(phase, ns)| format!(" {} {:.2}", phase.name(), ns as f64 / 1e6));
                summary.longest = record.kind.name().to_owned() + &phases.collect::<String>();
            }
        }
    }

    /// Returns what was heard so far.
    pub(crate) fn pauses(&self) -> Pauses {
        let kept = self.0.borrow();
        let mut pause_ns = kept.pause_ns.clone();
        pause_ns.sort_unstable();
        let count = pause_ns.len();
        let rank = (count * 999).div_ceil(1000).saturating_sub(1);
        Pauses {
            count,
            p999_ns: pause_ns.get(rank).copied().unwrap_or(0),
            ..kept.summary.clone()
        }
    }
}
