//! How long sliding a large half-live heap takes, beside a collection that moves nothing.
//!
//! Builds a heap of objects of six words twice, lets half of them die, and collects: once sweeping, once sliding. Prints
//! the phases of both, their ratio, and the speed of moving. The objects are named by an array and link to others; which
//! die is drawn at random, or alternates in runs. Arguments: MiB of heap (default 1024), rounds (default 3), and `cpu` to
//! count the time on the processor as Linux reports it, for machines that do other work too; it has the resolution of the
//! scheduler's tick.
//!
//! ```text
//! cargo run --release -p tenure-benches --example sliding -- 1024 3 cpu
//! ```
#![forbid(unsafe_code)]

mod objects;
mod random;

use objects::*;
use random::Random;
use std::cell::RefCell;
use std::rc::Rc;
use tenure::events::{Clock, CollectionKind, CollectionRecord, Event, MonotonicClock, Phase};
use tenure::policy::promotion::PromotionChoice;
use tenure::prelude::*;

/// Time on the processor, or on the wall.
#[derive(Debug)]
struct Timer {
    cpu: bool,
    wall: MonotonicClock,
}

impl Clock for Timer {
    fn now_ns(&self) -> u64 {
        if !self.cpu {
            return self.wall.now_ns();
        }
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        text.split(' ')
            .next()
            .and_then(|ns| ns.parse().ok())
            .expect("Linux with scheduler statistics, for `cpu`")
    }
}

/// How objects refer to each other.
#[derive(Clone, Copy, Debug)]
enum Links {
    /// To one that lies near and to one drawn at random.
    Mixed,
    /// To two drawn at random.
    Scattered,
    /// To two that lie near.
    Near,
}

fn build(h: &mut Heap<Objects>, objects: usize, links: Links, run: usize) {
    let (region, new) = h.alloc_tail_zeroed_with::<Array>(objects, |_| ArrayInit {});
    region.roots().array.set(Some(new));
    for first in (0..objects).step_by(4096) {
        h.safepoint();
        let h = &*h;
        let array = array(h);
        for i in first..objects.min(first + 4096) {
            let object = h.alloc::<Object>(ObjectInit {
                id: i as u64,
                links: [None; 4],
            });
            array.tail_set(h, i, Some(object));
        }
    }
    h.collect_minor();
    let mut random = Random::new(7);
    let h = &*h;
    let array = array(h);
    // Runs of objects die, or with a run of 0 any; a live one refers to live ones.
    let dead: Vec<bool> = (0..objects)
        .map(|i| match i.checked_div(run) {
            Some(index) => index.is_multiple_of(2),
            None => random.below(2) == 0,
        })
        .collect();
    let alive: Vec<u32> = (0..objects as u32).filter(|i| !dead[*i as usize]).collect();
    for (at, i) in alive.iter().enumerate() {
        let from = array.tail_get(*i as usize).expect("built above");
        let mut far = || alive[random.below(alive.len())];
        let near = |distance: usize| alive[(at + distance) % alive.len()];
        let targets = match links {
            Links::Mixed => [near(1), far()],
            Links::Scattered => [far(), far()],
            Links::Near => [near(1), near(17)],
        };
        for (link, target) in from.links().iter().zip(targets) {
            link.set(h, array.tail_get(target as usize));
        }
    }
    for i in (0..objects).filter(|i| dead[*i]) {
        array.tail_set(h, i, None);
    }
}

fn check(h: &Heap<Objects>) -> usize {
    let mut live = 0;
    for (i, object) in array(h).tail().iter().enumerate() {
        if let Some(object) = object.get() {
            assert_eq!(object.id(), i as u64, "an object was lost");
            live += 1;
        }
    }
    live
}

fn main() {
    let cpu = std::env::args().any(|a| a == "cpu");
    let mut arguments = std::env::args().skip(1).map_while(|a| a.parse::<usize>().ok());
    let heap_bytes = arguments.next().unwrap_or(1024).max(1) << 20;
    let rounds = arguments.next().unwrap_or(3).max(1);
    let objects = heap_bytes / OBJECT_BYTES;
    for (name, links, run) in [
        ("mixed links, dead at random", Links::Mixed, 0),
        ("scattered links, dead at random", Links::Scattered, 0),
        ("near links, dead at random", Links::Near, 0),
        ("mixed links, dead in runs of 64", Links::Mixed, 64),
    ] {
        println!("{name}: {objects} objects, {} MiB", heap_bytes >> 20);
        let mut best = [f64::MAX; 2];
        let mut moved = 0.0f64;
        for _ in 0..rounds {
            for (which, slides) in [false, true].into_iter().enumerate() {
                let records = Rc::new(RefCell::new(None::<CollectionRecord>));
                let seen = Rc::clone(&records);
                let config = HeapConfig::new()
                    .max_old_bytes(4 * heap_bytes)
                    .initial_old_limit_bytes(3 * heap_bytes)
                    .promotion(PromotionChoice::All)
                    .clock(Timer {
                        cpu,
                        wall: MonotonicClock::new(),
                    })
                    .listener(move |event: &Event<'_>| {
                        if let Event::CollectionEnd(record) = event
                            && record.kind == CollectionKind::Major
                        {
                            *seen.borrow_mut() = Some((*record).clone());
                        }
                    });
                let mut isolate =
                    Isolate::<Objects>::new(config, RootsInit { array: None }).expect("memory for the heap");
                isolate.enter(|h| {
                    build(h, objects, links, run);
                    h.collect_minor();
                    *records.borrow_mut() = None;
                    if slides {
                        h.compact();
                    } else {
                        h.collect();
                    }
                    let live = check(h);
                    assert!(live > objects / 3 && live < objects * 2 / 3, "half of the objects live");
                });
                let record = records.borrow_mut().take().expect("a collection");
                let pause_ms = record.pause_ns as f64 / 1e6;
                let phases: Vec<String> = record
                    .phases
                    .iter()
                    .filter(|(_, ns)| *ns > 100_000)
                    .map(|(phase, ns)| format!("{phase} {:.1}", ns as f64 / 1e6))
                    .collect();
                let what = if slides { "slide" } else { "sweep" };
                println!("  {what} {pause_ms:7.1} ms: {}", phases.join(", "));
                best[which] = best[which].min(pause_ms);
                if slides {
                    let ns = record.phases.get(Phase::Compact).max(1);
                    moved = moved.max(record.moved_bytes as f64 / ns as f64);
                }
            }
        }
        println!("  ratio {:.2}, {moved:.2} GB/s moved", best[1] / best[0]);
    }
}
