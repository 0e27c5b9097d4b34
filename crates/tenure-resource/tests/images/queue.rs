//! Reading and decoding in a queue: order, threads, failures, and what nobody wants any longer.

use std::cell::RefCell;
use std::io;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tenure_resource::image_cache::{
    DecodeLimits, DecodeQueue, EncodedSource, ExternalLedger, ImageCache, ImageStream, LoadError,
};

fn png(side_px: u32) -> Vec<u8> {
    let mut encoded = io::Cursor::new(Vec::new());
    image::RgbaImage::from_fn(side_px, side_px, |x, y| image::Rgba([x as u8, y as u8, 7, 255]))
        .write_to(&mut encoded, image::ImageFormat::Png)
        .expect("encoding into memory");
    encoded.into_inner()
}

fn stepped(ledger: &ExternalLedger) -> DecodeQueue {
    DecodeQueue::stepped(DecodeLimits::default(), ledger)
}

fn threaded(threads: usize, ledger: &ExternalLedger) -> DecodeQueue {
    let threads = NonZeroUsize::new(threads).expect("at least one");
    DecodeQueue::threaded(threads, DecodeLimits::default(), ledger).expect("threads")
}

#[test]
fn without_threads_each_poll_runs_as_many_jobs_as_it_is_told_in_their_order() {
    let cache = ImageCache::<u32>::new();
    let queue = stepped(cache.ledger());
    let order = Rc::new(RefCell::new(Vec::new()));
    let subscriptions: Vec<_> = (1..=5)
        .map(|key| {
            let order = Rc::clone(&order);
            (cache.put_if_absent(key, |completer| queue.submit(png(key), completer)))
                .listen(move |result| order.borrow_mut().push(result.unwrap().width_px()))
        })
        .collect();
    assert_eq!(queue.poll(0), 0);
    assert_eq!(queue.poll(2), 2);
    assert_eq!((order.borrow().clone(), queue.outstanding_count()), (vec![1, 2], 3));
    assert_eq!(queue.wait(), 1);
    assert_eq!(queue.poll(usize::MAX), 2);
    assert_eq!(order.take(), [1, 2, 3, 4, 5]);
    assert_eq!((queue.wait(), queue.poll(1)), (0, 0));
    assert_eq!(queue.statistics().decoded_bytes, 4 * (1 + 4 + 9 + 16 + 25));
    drop(subscriptions);
}

#[test]
fn threads_give_the_same_images() {
    let cache = ImageCache::<u32>::new();
    let queue = threaded(3, cache.ledger());
    let streams: Vec<ImageStream> = (1..=40)
        .map(|key| cache.put_if_absent(key, |completer| queue.submit(png(key), completer)))
        .collect();
    let mut delivered = 0;
    while queue.outstanding_count() > 0 {
        delivered += queue.wait();
    }
    assert_eq!(delivered, 40);
    for (key, stream) in (1..).zip(&streams) {
        let image = stream.image().expect("decoded");
        assert_eq!(
            (image.width_px(), image.rgba()[4 * key as usize - 4]),
            (key, key as u8 - 1)
        );
    }
    drop(streams);
    assert_eq!(cache.ledger().held_bytes(), cache.kept_bytes());
}

#[test]
fn errors_and_panics_of_sources_become_results() {
    for threads in [0, 2] {
        let cache = ImageCache::<u32>::new();
        let queue = if threads == 0 {
            stepped(cache.ledger())
        } else {
            threaded(threads, cache.ledger())
        };
        let fails = || -> io::Result<Vec<u8>> { Err(io::Error::other("unplugged")) };
        let panics = || -> io::Result<Vec<u8>> { panic!("bad source") };
        let rubbish = || Ok(vec![0; 100]);
        let streams = [
            cache.put_if_absent(1, |completer| queue.submit(fails, completer)),
            cache.put_if_absent(2, |completer| queue.submit(panics, completer)),
            cache.put_if_absent(3, |completer| queue.submit(rubbish, completer)),
            cache.put_if_absent(4, |completer| queue.submit(png(2), completer)),
        ];
        while queue.wait() > 0 {}
        let errors = streams.map(|stream| stream.result().unwrap().err());
        assert!(matches!(errors[0].as_deref(), Some(LoadError::Source(_))));
        assert!(matches!(errors[1].as_deref(), Some(LoadError::Panicked(message)) if message == "bad source"));
        assert!(matches!(errors[2].as_deref(), Some(LoadError::UnsupportedFormat)));
        assert!(errors[3].is_none(), "the workers go on");
        assert_eq!(queue.statistics().failed, 3);
        assert_eq!((cache.kept_count(), cache.pending_count()), (1, 0));
    }
}

/// Reads an image, and panics when it is dropped.
struct BadDrop;

impl EncodedSource for BadDrop {
    fn read(&mut self, _max_bytes: usize) -> Result<Vec<u8>, LoadError> {
        Ok(png(1))
    }
}

impl Drop for BadDrop {
    fn drop(&mut self) {
        panic!("bad drop");
    }
}

#[test]
fn a_source_that_panics_in_its_drop_ends_its_load_and_no_worker() {
    let cache = ImageCache::<u32>::new();
    let queue = threaded(1, cache.ledger());
    let bad = cache.put_if_absent(1, |completer| queue.submit(BadDrop, completer));
    let good = cache.put_if_absent(2, |completer| queue.submit(png(2), completer));
    while queue.outstanding_count() > 0 && queue.wait() > 0 {}
    assert!(matches!(&*bad.result().unwrap().unwrap_err(), LoadError::Panicked(message) if message == "bad drop"));
    assert!(good.image().is_some());
}

#[test]
fn what_nobody_wants_is_not_read() {
    let cache = ImageCache::<u32>::new();
    let queue = stepped(cache.ledger());
    let reads = Arc::new(AtomicUsize::new(0));
    let source = || {
        let reads = Arc::clone(&reads);
        move || {
            reads.fetch_add(1, Ordering::Relaxed);
            Ok(png(1))
        }
    };
    drop(cache.put_if_absent(1, |completer| queue.submit(source(), completer)));
    drop(cache.put_if_absent(2, |completer| queue.submit(source(), completer)));
    let held = cache.put_if_absent(3, |completer| queue.submit(source(), completer));
    cache.evict(&2, false);
    cache.evict(&3, true);
    assert_eq!(queue.poll(usize::MAX), 2, "the first is pending, the third is held");
    assert_eq!((reads.load(Ordering::Relaxed), queue.statistics().skipped), (2, 1));
    assert!(held.image().is_some());
    assert!(cache.contains(&1) && !cache.contains(&3));
}

#[test]
fn a_delivery_that_makes_the_next_job_unwanted_saves_it() {
    let cache = ImageCache::<u32>::new();
    let queue = stepped(cache.ledger());
    let first = cache.put_if_absent(1, |completer| queue.submit(png(1), completer));
    drop(cache.put_if_absent(2, |completer| queue.submit(png(1), completer)));
    let attacker = cache.clone();
    let _subscription = first.listen(move |_| attacker.clear());
    assert_eq!(queue.poll(usize::MAX), 1);
    assert_eq!((queue.statistics().decoded, queue.statistics().skipped), (1, 1));
}

#[test]
fn a_queue_that_is_dropped_ends_its_loads() {
    for threads in [0, 1] {
        let cache = ImageCache::<u32>::new();
        let queue = if threads == 0 {
            stepped(cache.ledger())
        } else {
            threaded(threads, cache.ledger())
        };
        let streams: Vec<ImageStream> = (0..20)
            .map(|key| cache.put_if_absent(key, |completer| queue.submit(png(20), completer)))
            .collect();
        drop(queue);
        for stream in &streams {
            assert!(matches!(*stream.result().unwrap().unwrap_err(), LoadError::Abandoned));
        }
        assert_eq!((cache.pending_count(), cache.ledger().held_bytes()), (0, 0));
    }
}

#[test]
fn listeners_may_submit_and_poll() {
    let cache = ImageCache::<u32>::new();
    let queue = stepped(cache.ledger());
    let (inner_cache, inner_queue, inner) = (cache.clone(), queue.clone(), Rc::new(RefCell::new(None)));
    let slot = Rc::clone(&inner);
    let _subscription = (cache.put_if_absent(1, |completer| queue.submit(png(1), completer))).listen(move |_| {
        let stream = inner_cache.put_if_absent(2, |completer| inner_queue.submit(png(2), completer));
        assert_eq!(inner_queue.poll(usize::MAX), 1);
        *slot.borrow_mut() = stream.image();
    });
    assert_eq!(queue.poll(usize::MAX), 1);
    assert_eq!(inner.take().map(|image| image.width_px()), Some(2));
}

/// Gives rubbish as often as told, and an image afterwards.
struct Stale {
    rubbish: usize,
    accepted: Arc<AtomicUsize>,
}

impl EncodedSource for Stale {
    fn read(&mut self, _max_bytes: usize) -> Result<Vec<u8>, LoadError> {
        Ok(if self.rubbish > 0 { vec![1, 2, 3] } else { png(3) })
    }

    fn accept(&mut self, encoded: &[u8]) {
        self.accepted.fetch_add(encoded.len(), Ordering::Relaxed);
    }

    fn reject(&mut self) -> bool {
        self.rubbish -= 1;
        true
    }
}

#[test]
fn a_source_that_has_other_bytes_is_read_again() {
    let cache = ImageCache::<u32>::new();
    let queue = stepped(cache.ledger());
    let accepted = Arc::new(AtomicUsize::new(0));
    let source = Stale {
        rubbish: 2,
        accepted: Arc::clone(&accepted),
    };
    let stream = cache.put_if_absent(1, |completer| queue.submit(source, completer));
    queue.wait();
    assert_eq!(stream.image().map(|image| image.width_px()), Some(3));
    assert_eq!(accepted.load(Ordering::Relaxed), png(3).len());
}
