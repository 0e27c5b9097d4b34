//! Minor collections of a nursery full of lists, of which 0 to 90 % survive.
//!
//! The lists are those of workload W8: a cons cell and a boxed number for each element. An element is linked in or left
//! as garbage at random, so survivors and garbage lie mixed. The throughput is that of bytes that survive. `retain`
//! copies them within the nursery, `promote` into the old generation. A list is a chain, the worst shape for anything
//! that wants to look ahead; but this one lies in the order of its links, which is the best for caches.

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

/// Empties the nursery and fills it with `elements` elements, of which exactly `kept` stand in the list.
fn fill(h: &mut Heap<Lists>, elements: usize, kept: usize, random: &mut Random) {
    h.roots().list.set(None);
    // Promoted lists of the rounds before must go before they start a collection in the middle of one.
    if h.statistics().sizes.old_used_bytes > 64 * MIB {
        h.collect()
    } else {
        h.collect_minor()
    }
    let h = &*h;
    let mut list = None;
    let mut missing = kept;
    for i in 0..elements {
        let head = h.alloc::<Number>(NumberInit { value: i as i64 });
        let cons = h.alloc::<Cons>(ConsInit { head, rest: list });
        if random.below(elements - i) < missing {
            missing -= 1;
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

fn collections(isolate: &mut Isolate<Lists>, count: u64, elements: usize, kept: usize) -> Duration {
    let mut random = Random::new(1);
    isolate.enter(|h| {
        let mut time = Duration::ZERO;
        for _ in 0..count {
            fill(h, elements, kept, &mut random);
            let start = Instant::now();
            h.collect_minor();
            time += start.elapsed();
        }
        check(h, kept);
        time
    })
}

pub(crate) fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("scavenge/dead_nursery");
    for mib in [1, 16] {
        let mut isolate = isolate(mib * MIB, PromotionChoice::default());
        group.bench_function(BenchmarkId::from_parameter(format!("{mib}_mib")), |b| {
            b.iter_custom(|count| collections(&mut isolate, count, mib * MIB / ELEMENT_BYTES, 0));
        });
    }
    group.finish();

    let rules = [("retain", PromotionChoice::Never), ("promote", PromotionChoice::All)];
    for (name, promotion) in rules {
        let mut group = c.benchmark_group(format!("scavenge/{name}_16_mib"));
        group.sample_size(10);
        let elements = 16 * MIB / ELEMENT_BYTES;
        for percent in [10, 50, 90] {
            let kept = elements * percent / 100;
            let mut isolate = isolate(16 * MIB, promotion.clone());
            group.throughput(Throughput::BytesDecimal((kept * ELEMENT_BYTES) as u64));
            group.bench_function(BenchmarkId::new("survival", format!("{percent}%")), |b| {
                b.iter_custom(|count| collections(&mut isolate, count, elements, kept));
            });
        }
        group.finish();
    }
}
