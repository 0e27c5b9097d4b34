//! Counts decoded bytes from the moment that they are allocated until they are freed, and reports the difference to a
//! heap.
//!
//! Each pixel buffer carries a [`Charge`]; its drop takes the bytes off again, wherever and on whichever thread that
//! happens. The difference since the last report is kept and handed to the heap by [`ExternalLedger::sync`], because a
//! heap belongs to one thread and is borrowed while it works. A charge, a release and a report cost one lock each, once
//! per image.
//!
//! It does not free anything: that is what the cache does under [pressure](super::Pressure).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tenure::{Heap, ObjectModel};

/// Who is told how many bytes objects hold outside of a heap.
///
/// A [`tenure::Heap`] is one. Implement it for anything else that paces itself by external memory, or to count in a
/// test.
pub trait ExternalBytesSink {
    /// Takes note that `delta` bytes more (or less) are held than at the call before.
    fn adjust_external_bytes(&self, delta: isize);
}

impl<M: ObjectModel> ExternalBytesSink for Heap<M> {
    fn adjust_external_bytes(&self, delta: isize) {
        Heap::adjust_external_bytes(self, delta);
    }
}

/// A count of bytes that are held outside of the heap. Clones share it, on all threads.
///
/// ```
/// use std::cell::Cell;
/// use tenure_resource::image_cache::{ExternalBytesSink, ExternalLedger};
///
/// struct Total(Cell<isize>);
/// impl ExternalBytesSink for Total {
///     fn adjust_external_bytes(&self, delta: isize) {
///         self.0.set(self.0.get() + delta);
///     }
/// }
///
/// let (ledger, total) = (ExternalLedger::new(), Total(Cell::new(0)));
/// let charge = ledger.charge(4096);
/// ledger.sync(&total);
/// assert_eq!(total.0.get(), 4096);
/// drop(charge); // on any thread
/// ledger.sync(&total);
/// assert_eq!((total.0.get(), ledger.peak_bytes()), (0, 4096));
/// ```
#[derive(Debug, Clone, Default)]
pub struct ExternalLedger(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    held_bytes: usize,
    peak_bytes: usize,
    /// Changes since the last report.
    unreported_bytes: isize,
}

impl ExternalLedger {
    /// Creates a ledger that counts nothing yet.
    #[must_use]
    pub fn new() -> ExternalLedger {
        ExternalLedger::default()
    }

    /// Counts `bytes` until the charge is dropped.
    #[must_use = "the bytes are taken off the ledger when the charge is dropped"]
    pub fn charge(&self, bytes: usize) -> Charge {
        let mut counts = self.counts();
        counts.held_bytes += bytes;
        counts.peak_bytes = counts.peak_bytes.max(counts.held_bytes);
        counts.unreported_bytes = counts.unreported_bytes.saturating_add_unsigned(bytes);
        drop(counts);
        Charge {
            ledger: self.clone(),
            bytes,
        }
    }

    /// Bytes that are held now.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.counts().held_bytes
    }

    /// The most bytes that were held at one time.
    #[must_use]
    pub fn peak_bytes(&self) -> usize {
        self.counts().peak_bytes
    }

    /// What the next [`sync`](ExternalLedger::sync) will report.
    #[must_use]
    pub fn unreported_bytes(&self) -> isize {
        self.counts().unreported_bytes
    }

    /// Reports the difference since the last report, if there is one, and returns it.
    pub fn sync(&self, sink: &(impl ExternalBytesSink + ?Sized)) -> isize {
        let delta = std::mem::take(&mut self.counts().unreported_bytes);
        report(sink, delta)
    }

    /// Reports everything that is held to a sink that knows nothing yet, such as a new heap after the old one is gone.
    /// From then on [`sync`](ExternalLedger::sync) reports to it what has changed.
    pub fn sync_all(&self, sink: &(impl ExternalBytesSink + ?Sized)) -> isize {
        let mut counts = self.counts();
        counts.unreported_bytes = 0;
        let held = isize::try_from(counts.held_bytes).unwrap_or(isize::MAX);
        drop(counts);
        report(sink, held)
    }

    /// The numbers stay consistent whatever panics: each change of them is complete before the lock is left.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sink is told outside of the lock: it may drop images.
fn report(sink: &(impl ExternalBytesSink + ?Sized), delta: isize) -> isize {
    if delta != 0 {
        sink.adjust_external_bytes(delta);
    }
    delta
}

/// Bytes on a ledger, for as long as it lives.
#[derive(Debug)]
pub struct Charge {
    ledger: ExternalLedger,
    bytes: usize,
}

impl Charge {
    /// The bytes that it counts.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let mut counts = self.ledger.counts();
        counts.held_bytes -= self.bytes;
        counts.unreported_bytes = counts.unreported_bytes.saturating_sub_unsigned(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[derive(Default)]
    struct Total {
        bytes: Cell<isize>,
        calls: Cell<usize>,
    }

    impl ExternalBytesSink for Total {
        fn adjust_external_bytes(&self, delta: isize) {
            self.bytes.set(self.bytes.get() + delta);
            self.calls.set(self.calls.get() + 1);
        }
    }

    #[test]
    fn what_comes_and_goes_between_two_reports_is_not_reported() {
        let (ledger, total) = (ExternalLedger::new(), Total::default());
        drop(ledger.charge(100));
        assert_eq!(ledger.sync(&total), 0);
        assert_eq!(total.calls.get(), 0);
        assert_eq!(ledger.peak_bytes(), 100);
    }

    #[test]
    fn a_new_heap_hears_of_everything_once() {
        let (ledger, old, new) = (ExternalLedger::new(), Total::default(), Total::default());
        let kept = ledger.charge(10);
        ledger.sync(&old);
        let young = ledger.charge(5);
        assert_eq!(ledger.sync_all(&new), 15);
        assert_eq!(ledger.sync(&new), 0);
        drop(kept);
        drop(young);
        ledger.sync(&new);
        assert_eq!((old.bytes.get(), new.bytes.get()), (10, 0));
    }

    #[test]
    fn charges_may_be_dropped_on_other_threads() {
        let (ledger, total) = (ExternalLedger::new(), Total::default());
        let charges: Vec<Charge> = (1..=8).map(|bytes| ledger.charge(bytes)).collect();
        ledger.sync(&total);
        std::thread::scope(|scope| {
            for charge in charges {
                scope.spawn(move || drop(charge));
            }
        });
        assert_eq!(ledger.sync(&total), -36);
        assert_eq!((ledger.held_bytes(), total.bytes.get()), (0, 0));
    }
}
