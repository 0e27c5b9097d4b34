//! What a collection reports: event vocabulary, listeners, pause histogram and log, trace-gc lines.
//!
//! The collector fills one [`CollectionRecord`] for each collection and hands it to a [`Listener`] as an [`Event`].
//! Everything else in this crate is a listener or serves one: [`PauseLog`] keeps pauses for exact percentiles and
//! minimum mutator utilization, [`PauseHistogram`] keeps them in fixed memory, [`TraceGc`] prints V8's `--trace-gc`
//! lines. Time comes from a [`Clock`] that is passed in, so that a run under [`ManualClock`] reports the same bytes
//! every time.
//!
//! A report costs one virtual call; nothing on the recording paths allocates once its capacity is there. The crate does
//! not write files and knows no serialization format.

#![forbid(unsafe_code)]

mod clock;
mod event;
mod histogram;
mod listener;
mod mmu;
mod pause_log;
mod trace_gc;

pub use clock::{Clock, ManualClock, MonotonicClock};
pub use event::{Cause, CollectionKind, CollectionRecord, Decision, Event, HeapSizes, Phase, PhaseTimes};
pub use histogram::PauseHistogram;
pub use listener::{Listener, ListenerPair, NullListener, RecordingListener};
pub use mmu::{Interval, minimum_mutator_utilization, utilization};
pub use pause_log::{Pause, PauseLog};
pub use trace_gc::{IncrementalSteps, TraceDetails, TraceFormat, TraceGc, TraceWriter};

#[cfg(test)]
mod test_random {
    /// A seeded xorshift64* generator: the crate has no dependencies, not even for tests.
    pub(crate) struct Random(pub(crate) u64);

    impl Random {
        pub(crate) fn next(&mut self) -> u64 {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
        }

        /// A number below `end`, 0 if `end` is 0.
        pub(crate) fn below(&mut self, end: u64) -> u64 {
            self.next().checked_rem(end).unwrap_or(0)
        }
    }
}
