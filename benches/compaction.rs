//! A full collection of a half-live heap that moves nothing, and one that slides.
//!
//! Half a million objects of six words, each referring to the next two that live, held by one array. Before each
//! collection every other object dies, outside of the time; after it the empty places are filled again by promotion, so
//! that each round starts from a full heap. The time is that of the whole pause.

use std::time::{Duration, Instant};

use crate::objects::*;
use criterion::{Criterion, Throughput};
use tenure::Compaction;
use tenure::policy::promotion::PromotionChoice;
use tenure::prelude::*;

const OBJECTS: usize = 500_000;

/// Puts an old object into each empty place, and lets every other one refer to the next two of its half.
fn refill(h: &mut Heap<Objects>, round: usize) {
    for first in (0..OBJECTS).step_by(4096) {
        h.safepoint();
        let h = &*h;
        let array = array(h);
        for i in first..OBJECTS.min(first + 4096) {
            if array.tail_get(i).is_none() {
                let object = h.alloc::<Object>(ObjectInit {
                    id: i as u64,
                    links: [None; 4],
                });
                array.tail_set(h, i, Some(object));
            }
        }
    }
    h.collect_minor();
    let h = &*h;
    let array = array(h);
    for i in (0..OBJECTS).filter(|i| i % 2 == round % 2) {
        let object = array.tail_get(i).expect("filled above");
        for (link, distance) in object.links().iter().zip([2, 4]) {
            link.set(h, array.tail_get((i + distance) % OBJECTS));
        }
    }
    for i in (0..OBJECTS).filter(|i| i % 2 != round % 2) {
        array.tail_set(h, i, None);
    }
}

pub(crate) fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("compaction/half_dead");
    group.sample_size(10);
    group.throughput(Throughput::Elements(OBJECTS as u64 / 2));
    for (name, compaction) in [("never", Compaction::Never), ("slide", Compaction::Slide)] {
        let config = HeapConfig::new().promotion(PromotionChoice::All).compaction(compaction);
        let mut isolate =
            Isolate::<Objects>::new(config, RootsInit { array: None }).expect("a heap of the default size");
        group.bench_function(name, |b| {
            b.iter_custom(|count| {
                isolate.enter(|h| {
                    if h.roots().array.get().is_none() {
                        let (h, array) = h.alloc_tail_zeroed_with::<Array>(OBJECTS, |_| ArrayInit {});
                        h.roots().array.set(Some(array));
                    }
                    let mut time = Duration::ZERO;
                    for round in 0..count as usize {
                        refill(h, round);
                        let start = Instant::now();
                        // With `Never` this is a plain collection.
                        h.compact();
                        time += start.elapsed();
                    }
                    let live = array(h).tail().iter().filter_map(Slot::get).count();
                    assert_eq!(live, OBJECTS / 2);
                    time
                })
            });
        });
    }
    group.finish();
}
