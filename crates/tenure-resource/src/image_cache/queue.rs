//! Reads and decodes images, in worker threads or step by step, and delivers the results on the thread that asked.
//!
//! A job goes from [`DecodeQueue::submit`] to a worker through a channel; its result comes back through another and
//! waits until [`DecodeQueue::poll`] hands it to the [`Completer`], so all callbacks run on the one thread that owns the
//! cache. Jobs start in the order of submission. A job whose result nobody wants any longer is skipped, unless it has
//! started. Without workers, `poll` runs the jobs itself: the same order each time, which is what tests and simulations
//! need.
//!
//! The queue does not limit how many decoded images wait to be polled; their pixels are on the ledger already.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::decode::{DecodeLimits, decode};
use super::decoded::Image;
use super::error::LoadError;
use super::ledger::ExternalLedger;
use super::source::EncodedSource;
use super::stream::Completer;

/// A queue of images to be read and decoded. It is a handle: clones are the same queue.
///
/// ```
/// use tenure_resource::image_cache::{DecodeLimits, DecodeQueue, ImageCache, LoadError};
///
/// let cache = ImageCache::<u32>::new();
/// let queue = DecodeQueue::stepped(DecodeLimits::default(), cache.ledger());
/// let encoded = b"no image".to_vec();
/// let stream = cache.put_if_absent(7, |completer| queue.submit(encoded, completer));
/// assert!(stream.is_loading());
/// assert_eq!(queue.poll(usize::MAX), 1);
/// assert!(matches!(&*stream.result().unwrap().unwrap_err(), LoadError::UnsupportedFormat));
/// ```
#[derive(Clone)]
pub struct DecodeQueue(Rc<Queue>);

struct Queue {
    limits: DecodeLimits,
    ledger: ExternalLedger,
    /// Jobs whose result was not yet delivered, by number.
    outstanding: RefCell<BTreeMap<u64, Outstanding>>,
    next_job: Cell<u64>,
    counts: Cell<DecodeStatistics>,
    engine: Engine,
}

struct Outstanding {
    completer: Completer,
    is_unwanted: Arc<AtomicBool>,
}

enum Engine {
    Stepped(RefCell<VecDeque<Job>>),
    Threaded(Workers),
}

struct Job {
    number: u64,
    source: Box<dyn EncodedSource>,
    is_unwanted: Arc<AtomicBool>,
    limits: DecodeLimits,
    ledger: ExternalLedger,
}

struct JobResult {
    number: u64,
    result: Result<Image, LoadError>,
}

/// Counts of a queue since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DecodeStatistics {
    /// Jobs that were submitted.
    pub submitted: u64,
    /// Images that were decoded and delivered.
    pub decoded: u64,
    /// Bytes of their pixels.
    pub decoded_bytes: u64,
    /// Jobs that ended with an error.
    pub failed: u64,
    /// Jobs that were not run, as nobody wanted the result any longer.
    pub skipped: u64,
}

impl DecodeQueue {
    /// Makes a queue without threads: [`poll`](DecodeQueue::poll) runs the jobs.
    #[must_use]
    pub fn stepped(limits: DecodeLimits, ledger: &ExternalLedger) -> DecodeQueue {
        DecodeQueue::new(limits, ledger, Engine::Stepped(RefCell::new(VecDeque::new())))
    }

    /// Makes a queue with `threads` worker threads. Decoding keeps a core busy: leave one for the thread that polls.
    ///
    /// # Errors
    ///
    /// If the system starts no thread. Those that were started are ended.
    pub fn threaded(threads: NonZeroUsize, limits: DecodeLimits, ledger: &ExternalLedger) -> io::Result<DecodeQueue> {
        let workers = Workers::start(threads)?;
        Ok(DecodeQueue::new(limits, ledger, Engine::Threaded(workers)))
    }

    fn new(limits: DecodeLimits, ledger: &ExternalLedger, engine: Engine) -> DecodeQueue {
        DecodeQueue(Rc::new(Queue {
            limits,
            ledger: ledger.clone(),
            outstanding: RefCell::new(BTreeMap::new()),
            next_job: Cell::new(0),
            counts: Cell::new(DecodeStatistics::default()),
            engine,
        }))
    }

    /// Queues an image to be read from `source` and decoded. Its result is delivered by a later
    /// [`poll`](DecodeQueue::poll), never by this call. If the queue is dropped before, the load ends with
    /// [`LoadError::Abandoned`].
    pub fn submit(&self, source: impl EncodedSource + 'static, completer: Completer) {
        let queue = &*self.0;
        let number = queue.next_job.get();
        queue.next_job.set(number + 1);
        queue.count(|counts| counts.submitted += 1);
        let is_unwanted = Arc::new(AtomicBool::new(false));
        let job = Job {
            number,
            source: Box::new(source),
            is_unwanted: Arc::clone(&is_unwanted),
            limits: queue.limits,
            ledger: queue.ledger.clone(),
        };
        let outstanding = Outstanding { completer, is_unwanted };
        queue.outstanding.borrow_mut().insert(number, outstanding);
        match &queue.engine {
            Engine::Stepped(jobs) => jobs.borrow_mut().push_back(job),
            Engine::Threaded(workers) => workers.send(job),
        }
    }

    /// Delivers at most `max` results and returns how many it delivered, jobs that were skipped not counted. Without
    /// workers it first runs the job of each; with workers it takes what is finished and does not wait. Listeners run
    /// inside, and may submit, poll, or drop what they like.
    ///
    /// # Panics
    ///
    /// Continues a panic of a listener. The other listeners of the same load were called; results behind it are delivered
    /// by the next call.
    pub fn poll(&self, max: usize) -> usize {
        self.0.skip_unwanted();
        let mut delivered = 0;
        while delivered < max {
            let next = match &self.0.engine {
                Engine::Stepped(jobs) => {
                    let job = jobs.borrow_mut().pop_front();
                    job.map(|job| {
                        // What was delivered before may have made this one unwanted.
                        self.0.skip_unwanted();
                        job.run()
                    })
                }
                Engine::Threaded(workers) => workers.try_receive(),
            };
            let Some(result) = next else { break };
            if self.0.deliver(result) {
                delivered += 1;
            }
        }
        delivered
    }

    /// Waits until at least one result is there, delivers all that are, and returns how many. Returns 0 at once if
    /// nothing is outstanding. Without workers it runs one job.
    ///
    /// # Panics
    ///
    /// As [`poll`](DecodeQueue::poll).
    pub fn wait(&self) -> usize {
        loop {
            let delivered = match &self.0.engine {
                Engine::Stepped(_) => self.poll(1),
                Engine::Threaded(workers) => {
                    self.0.skip_unwanted();
                    if self.outstanding_count() == 0 {
                        return 0;
                    }
                    let Some(result) = workers.receive() else { return 0 };
                    usize::from(self.0.deliver(result)) + self.poll(usize::MAX)
                }
            };
            if delivered > 0 || self.outstanding_count() == 0 {
                return delivered;
            }
        }
    }

    /// How many jobs were submitted and neither delivered nor skipped.
    #[must_use]
    pub fn outstanding_count(&self) -> usize {
        self.0.outstanding.borrow().len()
    }

    /// Counts since the queue was made.
    #[must_use]
    pub fn statistics(&self) -> DecodeStatistics {
        self.0.counts.get()
    }
}

impl fmt::Debug for DecodeQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecodeQueue")
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}

impl Queue {
    fn count(&self, add: impl FnOnce(&mut DecodeStatistics)) {
        let mut counts = self.counts.get();
        add(&mut counts);
        self.counts.set(counts);
    }

    /// Tells workers which jobs not to start. Once unwanted, a load stays so.
    fn skip_unwanted(&self) {
        for outstanding in self.outstanding.borrow().values() {
            if !outstanding.completer.is_wanted() {
                outstanding.is_unwanted.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Ends the load, with nothing borrowed. Returns whether somebody may have seen it.
    fn deliver(&self, JobResult { number, result }: JobResult) -> bool {
        let Some(outstanding) = self.outstanding.borrow_mut().remove(&number) else {
            return false;
        };
        let skipped = matches!(result, Err(LoadError::Abandoned));
        self.count(|counts| match &result {
            Ok(image) => {
                counts.decoded += 1;
                counts.decoded_bytes += image.size_bytes() as u64;
            }
            Err(_) if skipped => counts.skipped += 1,
            Err(_) => counts.failed += 1,
        });
        outstanding.completer.finish(result.map_err(Arc::new));
        !skipped
    }
}

impl Job {
    fn run(self) -> JobResult {
        let number = self.number;
        // The source may panic in its drop, too, so that is inside. Nobody sees what a panic left behind.
        let ended = catch_unwind(AssertUnwindSafe(move || {
            let mut job = self;
            match job.is_unwanted.load(Ordering::Relaxed) {
                true => Err(LoadError::Abandoned),
                false => job.load(),
            }
        }));
        let result = ended.unwrap_or_else(|panic| {
            let message = (panic.downcast_ref::<&str>().map(ToString::to_string))
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "no message".to_owned());
            Err(LoadError::Panicked(message))
        });
        JobResult { number, result }
    }

    fn load(&mut self) -> Result<Image, LoadError> {
        loop {
            let encoded = self.source.read(self.limits.max_encoded_bytes)?;
            match decode(&encoded, &self.limits, &self.ledger) {
                Ok(image) => {
                    self.source.accept(&encoded);
                    return Ok(image);
                }
                Err(_) if self.source.reject() => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Threads that run jobs until the queue is dropped.
struct Workers {
    jobs: Option<Sender<Job>>,
    results: Receiver<JobResult>,
    is_stopping: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    fn start(threads: NonZeroUsize) -> io::Result<Workers> {
        let (job_sender, job_receiver) = unbounded::<Job>();
        let (result_sender, result_receiver) = unbounded();
        let mut workers = Workers {
            jobs: Some(job_sender),
            results: result_receiver,
            is_stopping: Arc::new(AtomicBool::new(false)),
            threads: Vec::with_capacity(threads.get()),
        };
        for number in 0..threads.get() {
            let (jobs, results) = (job_receiver.clone(), result_sender.clone());
            let is_stopping = Arc::clone(&workers.is_stopping);
            let thread = std::thread::Builder::new()
                .name(format!("tenure-decode-{number}"))
                .spawn(move || {
                    for job in jobs {
                        if is_stopping.load(Ordering::Relaxed) || results.send(job.run()).is_err() {
                            break;
                        }
                    }
                })?;
            workers.threads.push(thread);
        }
        Ok(workers)
    }

    fn send(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // Refused only when no worker lives, which a drop of this struct alone can bring about.
            let refused = jobs.send(job).is_err();
            debug_assert!(!refused);
        }
    }

    fn try_receive(&self) -> Option<JobResult> {
        self.results.try_recv().ok()
    }

    fn receive(&self) -> Option<JobResult> {
        self.results.recv().ok()
    }
}

impl Drop for Workers {
    /// Waits for the jobs that have started; the others are dropped.
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // Jobs catch their panics, so there is nothing to learn from the result.
            let _ = thread.join();
        }
    }
}
