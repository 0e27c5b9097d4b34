//! Sweeping full blocks in which half of the objects are dead.
//!
//! The time is that of the sweep phase of a major collection, for half a million objects of six words: 92 blocks. In
//! `every_other` each hole is one object, as many holes as there can be; in `runs_of_64` the dead lie together. Between
//! two collections the holes are filled by promotion again, outside of the time.

use crate::objects::*;
use crate::phases::PhaseClock;
use criterion::{Criterion, Throughput};
use tenure::events::Phase;
use tenure::policy::promotion::PromotionChoice;
use tenure::prelude::*;

const OBJECTS: usize = 500_000;

/// Puts an old object into each empty place.
fn refill(h: &mut Heap<Objects>) {
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
}

pub(crate) fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("sweep/half_dead");
    group.sample_size(10);
    group.throughput(Throughput::Elements(OBJECTS as u64));
    for (name, run) in [("every_other", 1), ("runs_of_64", 64)] {
        let clock = PhaseClock::new(&[Phase::Sweep]);
        let config = clock.listen(HeapConfig::new().promotion(PromotionChoice::All));
        let mut isolate =
            Isolate::<Objects>::new(config, RootsInit { array: None }).expect("a heap of the default size");
        group.bench_function(name, |b| {
            b.iter_custom(|count| {
                isolate.enter(|h| {
                    if h.roots().array.get().is_none() {
                        let (h, array) = h.alloc_tail_zeroed_with::<Array>(OBJECTS, |_| ArrayInit {});
                        h.roots().array.set(Some(array));
                    }
                    let mut time = std::time::Duration::ZERO;
                    for round in 0..count as usize {
                        refill(h);
                        for i in (0..OBJECTS).filter(|i| i / run % 2 == round % 2) {
                            array(h).tail_set(h, i, None);
                        }
                        clock.take();
                        h.collect();
                        time += clock.take();
                    }
                    let ids: usize = array(h)
                        .tail()
                        .iter()
                        .filter_map(Slot::get)
                        .map(|o| o.id() as usize)
                        .sum();
                    assert!(ids > 0, "half of the objects live");
                    time
                })
            });
        });
    }
    group.finish();
}
