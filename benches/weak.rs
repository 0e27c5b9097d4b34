//! What weak words, pairs and native resources cost a collection.
//!
//! Four questions, each measured against the same heap without the thing in question, in turn: what a weak slot and an
//! ephemeron's pair add to a full collection beside what a strong slot adds; what old ones that nobody touches add to a
//! minor collection; what the worst chain of ephemerons costs beside a list of that length; and what the death of many
//! large buffers adds to the longest pause and to the longest safepoint. Arguments: entries (default 1000000), rounds
//! (default 7), and the questions, if not all (`full`, `minor`, `chains`, `buffers`).
//!
//! ```text
//! cargo run --release -p tenure-benches --example weak -- 1000000 7
//! ```
#![forbid(unsafe_code)]

mod random;

use random::Random;
use std::time::Instant;
use tenure::prelude::*;
use tenure::{WeakKeys, Weakness};

#[derive(Kind)]
struct Target {
    id: u64,
}

/// A link of the list that chains are compared with.
#[derive(Kind)]
struct Link {
    next: Slot<Opt<Link>>,
}

#[derive(Kind)]
struct Plain1 {
    id: u64,
    other: u64,
}

#[derive(Kind)]
struct Strong1 {
    id: u64,
    target: Slot<Opt<Target>>,
}

#[derive(Kind)]
struct Weak1 {
    id: u64,
    target: WeakSlot<Opt<Target>>,
}

#[derive(Kind)]
#[tail(Slot<Dyn<Bench>>)]
struct Array {}

#[derive(Kind)]
struct Buffer {
    bytes: Native<Bench, Bytes>,
}

/// Bytes outside of the heap.
struct Bytes(Vec<u8>);

impl NativeResource for Bytes {
    fn release_some(&mut self, bytes: usize) -> bool {
        let left = self.0.len().saturating_sub(bytes);
        self.0.truncate(left);
        self.0.shrink_to_fit();
        left == 0
    }
}

#[derive(Roots)]
struct Roots {
    targets: Root<Opt<Array>>,
    holders: Root<Opt<Array>>,
    table: Root<Opt<WeakTable<Bench, WeakKeys>>>,
    link: Root<Opt<Link>>,
}

object_model! { model Bench { roots: Roots, kinds: [Target, Link, Plain1, Strong1, Weak1, Array, Buffer] } }

fn isolate() -> Isolate<Bench> {
    let roots = RootsInit {
        targets: None,
        holders: None,
        table: None,
        link: None,
    };
    Isolate::new(HeapConfig::new().incremental_marking(false), roots).expect("a heap")
}

/// Fills an array with `count` objects that `make` makes.
fn array_of(
    h: &mut Heap<Bench>,
    count: usize,
    root: impl Fn(&Heap<Bench>) -> &Root<Opt<Array>>,
    make: impl Fn(&Heap<Bench>, usize) -> Value<'_, Bench>,
) {
    let (region, array) = h.alloc_tail_zeroed_with::<Array>(count, |_| ArrayInit {});
    root(region).set(Some(array));
    for first in (0..count).step_by(256) {
        h.safepoint();
        let h = &*h;
        let array = root(h).get().expect("just set");
        for i in first..count.min(first + 256) {
            array.tail_set(h, i, make(h, i));
        }
    }
}

fn target(h: &Heap<Bench>, i: usize) -> Option<Gc<'_, Target>> {
    h.roots().targets.get()?.tail_get(i).cast::<Target>()
}

/// What holders of targets are made of.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Holding {
    Plain,
    Strong,
    Weak,
    /// In an array of slots, two words for each target.
    Slots,
    /// In an ephemeron table.
    Pairs,
    Nothing,
}

fn fill(h: &mut Heap<Bench>, count: usize, holding: Holding, scattered: bool) {
    array_of(
        h,
        count,
        |h| &h.roots().targets,
        |h, i| {
            let target = h.alloc::<Target>(TargetInit { id: i as u64 });
            // A table's keys are larger by a word for their hashes: so are the targets in the other heaps.
            let _ = target.identity_hash(h);
            target.into()
        },
    );
    let mut order: Vec<usize> = (0..count).collect();
    if scattered {
        let mut random = Random::new(5);
        for i in (1..count).rev() {
            order.swap(i, random.below(i + 1));
        }
    }
    let id = 1;
    match holding {
        Holding::Plain => array_of(
            h,
            count,
            |h| &h.roots().holders,
            |h, _| h.alloc::<Plain1>(Plain1Init { id, other: 0 }).into(),
        ),
        Holding::Strong => array_of(
            h,
            count,
            |h| &h.roots().holders,
            |h, i| {
                let target = target(h, order[i]);
                h.alloc::<Strong1>(Strong1Init { id, target }).into()
            },
        ),
        Holding::Weak => array_of(
            h,
            count,
            |h| &h.roots().holders,
            |h, i| {
                let target = target(h, order[i]);
                h.alloc::<Weak1>(Weak1Init { id, target }).into()
            },
        ),
        Holding::Slots => array_of(
            h,
            2 * count,
            |h| &h.roots().holders,
            |h, i| target(h, order[i / 2]).map_or(Value::default(), Value::from),
        ),
        Holding::Pairs => {
            let table = h.weak_table::<WeakKeys>().expect("memory");
            h.roots().table.set(Some(table));
            for first in (0..count).step_by(256) {
                h.safepoint();
                let h = &*h;
                let table = h.roots().table.get().expect("just set");
                for order in &order[first..count.min(first + 256)] {
                    let target = target(h, *order).expect("filled").to_value();
                    table.insert(h, target, target).expect("memory");
                }
            }
        }
        Holding::Nothing => {}
    }
    for _ in 0..3 {
        h.collect();
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Returns the median milliseconds of what `work` does in each of the heaps, in turn.
fn in_turn(
    rounds: usize,
    isolates: &mut [Isolate<Bench>],
    mut work: impl FnMut(usize, &mut Heap<Bench>) -> f64,
) -> Vec<f64> {
    let mut times = vec![Vec::new(); isolates.len()];
    for _ in 0..rounds {
        for (i, isolate) in isolates.iter_mut().enumerate() {
            times[i].push(isolate.enter(|h| work(i, h)));
        }
    }
    times.into_iter().map(median).collect()
}

fn full_collections(count: usize, rounds: usize) {
    for (name, scattered) in [("in order", false), ("scattered", true)] {
        let holdings = [
            Holding::Plain,
            Holding::Strong,
            Holding::Weak,
            Holding::Nothing,
            Holding::Slots,
            Holding::Pairs,
        ];
        let mut isolates: Vec<_> = holdings
            .iter()
            .map(|holding| {
                let mut isolate = isolate();
                isolate.enter(|h| fill(h, count, *holding, scattered));
                isolate
            })
            .collect();
        let ms = in_turn(rounds, &mut isolates, |_, h| {
            let start = Instant::now();
            h.collect();
            start.elapsed().as_secs_f64() * 1e3
        });
        println!("full collection, {count} targets {name}: ms for each kind of holder");
        for (holding, ms) in holdings.iter().zip(&ms) {
            println!("  {:10} {ms:8.2}", format!("{holding:?}"));
        }
        let (strong, weak) = (ms[1] - ms[0], ms[2] - ms[0]);
        println!(
            "  a strong slot adds {:.2} ns, a weak one {:.2}: {:.2} times",
            strong * 1e6 / count as f64,
            weak * 1e6 / count as f64,
            weak / strong
        );
        let (slots, pairs) = (ms[4] - ms[3], ms[5] - ms[3]);
        println!(
            "  two slots of an array add {:.2} ns, a pair {:.2}: {:.2} times",
            slots * 1e6 / count as f64,
            pairs * 1e6 / count as f64,
            pairs / slots
        );
    }
}

fn minor_collections(count: usize, rounds: usize) {
    let holdings = [Holding::Plain, Holding::Weak, Holding::Slots, Holding::Pairs];
    let mut isolates: Vec<_> = holdings
        .iter()
        .map(|holding| {
            let mut isolate = isolate();
            isolate.enter(|h| fill(h, count, *holding, false));
            isolate
        })
        .collect();
    let us = in_turn(rounds * 40, &mut isolates, |_, h| {
        for i in 0..2000 {
            let link = h.alloc::<Link>(LinkInit {
                next: h.roots().link.get().filter(|_| i % 500 != 0),
            });
            h.roots().link.set(Some(link));
        }
        let start = Instant::now();
        h.collect_minor();
        start.elapsed().as_secs_f64() * 1e6
    });
    println!("minor collection beside {count} old entries: us");
    for (holding, us) in holdings.iter().zip(&us) {
        println!("  {:10} {us:8.2}", format!("{holding:?}"));
    }
    println!(
        "  weak slots: {:+.1} %, pairs: {:+.1} %",
        100.0 * (us[1] / us[0] - 1.0),
        100.0 * (us[3] / us[2] - 1.0)
    );
}

fn chain_order(count: usize, name: &str) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    match name {
        "backward" => order.reverse(),
        "random" => {
            let mut random = Random::new(11);
            for i in (1..count).rev() {
                order.swap(i, random.below(i + 1));
            }
        }
        _ => {}
    }
    order
}

/// A chain of pairs: target `i` keeps target `i + 1`. The row has them in the order given; a root keeps the first.
fn build_chain<W: Weakness>(
    h: &mut Heap<Bench>,
    count: usize,
    order: &[usize],
    table: impl Fn(&Heap<Bench>) -> &Root<Opt<WeakTable<Bench, W>>>,
) {
    array_of(
        h,
        count,
        |h| &h.roots().targets,
        |h, i| h.alloc::<Target>(TargetInit { id: i as u64 }).into(),
    );
    let new = h.weak_table::<W>().expect("memory");
    table(h).set(Some(new));
    for part in order.chunks(256) {
        h.safepoint();
        let h = &*h;
        let table = table(h).get().expect("just set");
        for i in part.iter().copied().filter(|i| i + 1 < count) {
            let (key, value) = (target(h, i).expect("filled"), target(h, i + 1).expect("filled"));
            table.insert(h, key.into(), value.into()).expect("memory");
        }
    }
    let first = h.alloc_tail_zeroed::<Array>(1, ArrayInit {});
    first.tail_set(h, 0, target(h, 0).expect("filled").into());
    h.roots().holders.set(Some(first));
    h.roots().targets.set(None);
    h.collect();
}

fn build_list(h: &mut Heap<Bench>, count: usize) {
    for first in (0..count).step_by(256) {
        h.safepoint();
        let h = &*h;
        for _ in first..count.min(first + 256) {
            let link = h.alloc::<Link>(LinkInit {
                next: h.roots().link.get(),
            });
            h.roots().link.set(Some(link));
        }
    }
    h.collect();
}

fn chains(count: usize, rounds: usize) {
    let names = ["forward", "backward", "random"];
    let mut isolates = vec![isolate()];
    isolates[0].enter(|h| build_list(h, count));
    for name in names {
        let mut isolate = isolate();
        isolate.enter(|h| build_chain(h, count, &chain_order(count, name), |h| &h.roots().table));
        isolates.push(isolate);
    }
    let ms = in_turn(rounds, &mut isolates, |i, h| {
        let start = Instant::now();
        h.collect();
        let ms = start.elapsed().as_secs_f64() * 1e3;
        if i > 0 {
            let left = h.roots().table.get().expect("kept").count();
            assert_eq!(left, count - 1, "the chain is kept by its first key");
        }
        ms
    });
    println!("full collection of a list of {count}: {:.2} ms", ms[0]);
    for (name, time) in names.iter().zip(&ms[1..]) {
        println!(
            "  a chain of so many pairs, {name}: {time:.2} ms, {:.2} times",
            time / ms[0]
        );
    }
}

fn buffers(rounds: usize) {
    const BUFFERS: usize = 1024;
    const BYTES: usize = 1 << 20;
    let mut rows = Vec::new();
    for dying in [false, true] {
        let (mut pauses, mut safepoints) = (Vec::new(), Vec::new());
        for _ in 0..rounds.min(3) {
            let mut isolate = isolate();
            isolate.enter(|h| {
                array_of(
                    h,
                    BUFFERS,
                    |h| &h.roots().holders,
                    |h, _| {
                        // Touched, so that the system has to take the pages back.
                        let bytes = h.adopt(Bytes(vec![1; BYTES]), BYTES);
                        h.alloc::<Buffer>(BufferInit { bytes }).into()
                    },
                );
                h.collect();
                if dying {
                    h.roots().holders.set(None);
                }
                let before = h.pauses().pauses().count();
                h.collect_minor();
                let mut asked = false;
                let mut longest: f64 = 0.0;
                for i in 0..3_000_000 {
                    if !asked {
                        // What external memory asks for in a program.
                        h.start_marking();
                        asked = true;
                    }
                    let start = (i % 64 == 0).then(Instant::now);
                    let _ = h.alloc_with::<Target>(|_| TargetInit { id: i });
                    if let Some(start) = start {
                        longest = longest.max(start.elapsed().as_secs_f64() * 1e3);
                    }
                }
                let longest_pause = h
                    .pauses()
                    .pauses()
                    .skip(before)
                    .map(|pause| pause.length_ns as f64 / 1e6)
                    .fold(0.0, f64::max);
                pauses.push(longest_pause);
                safepoints.push(longest);
            });
        }
        rows.push((median(pauses), median(safepoints)));
    }
    println!(
        "{} MiB of buffers, alive and dying: longest pause and safepoint, ms",
        (BUFFERS * BYTES) >> 20
    );
    println!("  alive {:.3} {:.3}", rows[0].0, rows[0].1);
    println!("  dying {:.3} {:.3}", rows[1].0, rows[1].1);
}

fn main() {
    let questions = ["full", "minor", "chains", "buffers"];
    let (mut numbers, mut asked) = (Vec::new(), Vec::new());
    for text in std::env::args().skip(1) {
        match text.parse::<usize>() {
            Ok(number) => numbers.push(number),
            Err(_) if questions.contains(&text.as_str()) => asked.push(text),
            Err(_) => {
                eprintln!(
                    "weak: `{text}` is neither a whole number nor one of {questions:?}; give entries, rounds and questions, \
                     as in `weak 1000000 7 chains`"
                );
                std::process::exit(2)
            }
        }
    }
    let count = numbers.first().copied().unwrap_or(1_000_000);
    let rounds = numbers.get(1).copied().unwrap_or(7);
    let is_asked = |question: &str| asked.is_empty() || asked.iter().any(|text| text == question);
    if is_asked("full") {
        full_collections(count, rounds);
    }
    if is_asked("minor") {
        minor_collections(count, rounds);
    }
    if is_asked("chains") {
        chains(count, rounds);
    }
    if is_asked("buffers") {
        buffers(rounds);
    }
}
