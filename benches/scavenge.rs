//! Minor collections of a nursery full of lists, of which 0 to 90 % survive.
//!
//! The lists are those of workload W8: a cons cell and a boxed number for each element. The throughput is that of bytes
//! that survive. `retain` copies them within the nursery, `promote` into the old generation. As in W8, runs of a hundred
//! elements live or die together. In `scattered` each element has a fate of its own: then a list is a chain through
//! memory in which each address is known only once the element before it has been read, and no collector that follows
//! it can be faster than memory answers.

use crate::random::Random;
use criterion::{BenchmarkId, Criterion, Throughput};
use std::time::{Duration, Instant};
use tenure::policy::promotion::PromotionChoice;
use tenure::prelude::*;

const MIB: usize = 1 << 20;

#[derive(Kind)]
struct Number {
    value: i64,
}

#[derive(Kind)]
struct Cons {
    head: Slot<Ref<Number>>,
    rest: Slot<Opt<Cons>>,
}

#[derive(Roots)]
struct Roots {
    list: Root<Opt<Cons>>,
}

object_model! { model Lists { roots: Roots, kinds: [Number, Cons] } }

/// A number of two words and a cons cell of three, headers included.
const ELEMENT_BYTES: usize = 40;

fn isolate(semi_space_bytes: usize, promotion: PromotionChoice) -> Isolate<Lists> {
    let config = HeapConfig::new()
        .semi_space_bytes(semi_space_bytes)
        .promotion(promotion);
    Isolate::<Lists>::new(config, RootsInit { list: None }).expect("a heap with a nursery of some MiB")
}

/// What a nursery is filled with: `elements` elements, of which `kept` survive in runs of `run`.
#[derive(Clone, Copy)]
struct Shape {
    elements: usize,
    kept: usize,
    run: usize,
}

impl Shape {
    /// A nursery of `semi_space_bytes` of which about `percent` % survive.
    fn new(semi_space_bytes: usize, percent: usize, run: usize) -> Shape {
        let runs = semi_space_bytes / ELEMENT_BYTES / run;
        Shape {
            elements: runs * run,
            kept: runs * percent / 100 * run,
            run,
        }
    }
}

/// Empties the nursery and fills it.
fn fill(h: &mut Heap<Lists>, shape: Shape, random: &mut Random) {
    h.roots().list.set(None);
    // Promoted lists of the rounds before must go before they start a collection in the middle of one.
    if h.statistics().sizes.old_used_bytes > 64 * MIB {
        h.collect()
    } else {
        h.collect_minor()
    }
    let h = &*h;
    let mut list = None;
    let (mut missing, mut keep) = (shape.kept / shape.run, false);
    for i in 0..shape.elements {
        if i % shape.run == 0 {
            // Of the runs that are left, so many must be kept.
            keep = random.below((shape.elements - i) / shape.run) < missing;
            missing -= usize::from(keep);
        }
        let head = h.alloc::<Number>(NumberInit { value: i as i64 });
        let cons = h.alloc::<Cons>(ConsInit { head, rest: list });
        if keep {
            list = Some(cons);
        }
    }
    h.roots().list.set(list);
}

/// Checks that the list has `kept` elements in descending order: a fast collector that loses objects is none.
fn check(h: &Heap<Lists>, kept: usize) {
    let (mut count, mut last, mut next) = (0, i64::MAX, h.roots().list.get());
    while let Some(cons) = next {
        let value = cons.head().value();
        assert!(value < last, "the list is out of order");
        (count, last, next) = (count + 1, value, cons.rest());
    }
    assert_eq!(count, kept, "elements of the list after a collection");
}

fn collections(isolate: &mut Isolate<Lists>, count: u64, shape: Shape) -> Duration {
    let mut random = Random::new(1);
    isolate.enter(|h| {
        let mut time = Duration::ZERO;
        for _ in 0..count {
            fill(h, shape, &mut random);
            let start = Instant::now();
            h.collect_minor();
            time += start.elapsed();
        }
        check(h, shape.kept);
        time
    })
}

pub(crate) fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("scavenge/dead_nursery");
    for mib in [1, 16] {
        let mut isolate = isolate(mib * MIB, PromotionChoice::default());
        let shape = Shape::new(mib * MIB, 0, 1);
        group.bench_function(BenchmarkId::from_parameter(format!("{mib}_mib")), |b| {
            b.iter_custom(|count| collections(&mut isolate, count, shape));
        });
    }
    group.finish();

    let rules = [("retain", PromotionChoice::Never), ("promote", PromotionChoice::All)];
    for (name, promotion) in rules {
        let mut group = c.benchmark_group(format!("scavenge/{name}_16_mib"));
        group.sample_size(10);
        for (percent, run) in [(10, 100), (50, 100), (90, 100), (10, 1), (50, 1)] {
            let shape = Shape::new(16 * MIB, percent, run);
            let mut isolate = isolate(16 * MIB, promotion);
            group.throughput(Throughput::BytesDecimal((shape.kept * ELEMENT_BYTES) as u64));
            let name = if run == 1 { "scattered" } else { "runs" };
            group.bench_function(BenchmarkId::new(name, format!("{percent}%")), |b| {
                b.iter_custom(|count| collections(&mut isolate, count, shape));
            });
        }
        group.finish();
    }
}
