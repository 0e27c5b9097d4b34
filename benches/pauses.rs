//! The longest pauses of a large heap under mutation, in one pause and incrementally, side by side.
//!
//! The heap is a table of lists of 16 objects of six words, with links between lists at random. Each operation builds a
//! new list in place of another and redirects two links of old objects. The table hangs from the roots struct, or from
//! the operand stack alone. The program runs until the old generation has been collected so many times, and prints the
//! longest pause of the old generation, the longest of all, the 99.9th percentile, how many were longer than 1 and 2 ms,
//! and the CPU time of an operation; then the longest pauses again of those after the first collection of the old
//! generation that comes once the heap is full, when its memory has been touched. Arguments: MiB of live heap (default
//! 1024), `roots` or `stack`, how many collections of the old generation (default 3), and options of the heap for the
//! incremental run (default `--pause-goal=1ms`). With `alone`, only the incremental run is made; with `cpu`, pauses are
//! measured in time on the processor, for machines that do other work too.
//!
//! ```text
//! cargo run --release -p tenure-benches --example pauses -- 1024 stack 3 cpu --pause-goal=1ms
//! ```
#![forbid(unsafe_code)]

mod objects;
mod random;

use objects::*;
use random::Random;
use tenure::events::{Clock, CollectionKind, MonotonicClock};
use tenure::prelude::*;

/// Objects in a list.
const LIST: usize = 16;

/// Time on the processor.
#[derive(Debug, Clone, Copy)]
struct ProcessorClock;

impl Clock for ProcessorClock {
    fn now_ns(&self) -> u64 {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
    }
}

struct Place {
    on_stack: bool,
}

impl Place {
    fn table<'h>(&self, h: &'h Heap<Objects>) -> Gc<'h, Array> {
        if self.on_stack {
            h.peek(0).cast::<Array>().expect("the table is pushed first")
        } else {
            array(h)
        }
    }
}

/// Builds a list with links into others and puts it at `index`.
fn put_list(h: &mut Heap<Objects>, place: &Place, index: usize, id: u64, random: &mut Random, lists: usize) {
    h.safepoint();
    let h = &*h;
    let table = place.table(h);
    let mut list = None;
    for i in 0..LIST {
        // Few links between lists, or those that were replaced would never die.
        let far = if i == 0 && random.below(4) == 0 {
            table.tail_get(random.below(lists))
        } else {
            None
        };
        list = Some(h.alloc::<Object>(ObjectInit {
            id: id * LIST as u64 + i as u64,
            links: [list, far, None, None],
        }));
    }
    table.tail_set(h, index, list);
}

fn redirect(h: &Heap<Objects>, place: &Place, random: &mut Random, lists: usize) {
    let table = place.table(h);
    let from = table.tail_get(random.below(lists));
    let to = table.tail_get(random.below(lists));
    if let Some(from) = from {
        from.put(h, |object| &object.links[2], to.filter(|_| random.below(4) == 0));
    }
}

struct Outcome {
    old_max_ns: u64,
    /// The same after the first collection of the old generation: all memory has been touched then.
    later_old_max_ns: u64,
    later_max_ns: u64,
    max_ns: u64,
    p999_ns: u64,
    above_1_ms: usize,
    above_2_ms: usize,
    operation_ns: f64,
    pauses: usize,
}

fn run(config: HeapConfig, place: &Place, live_bytes: usize, collections: u64) -> Outcome {
    let lists = live_bytes / (LIST * OBJECT_BYTES + 8);
    let mut isolate = Isolate::<Objects>::new(config, RootsInit { array: None }).expect("a heap");
    isolate.enter(|h| {
        let (region, table) = h.alloc_tail_zeroed_with::<Array>(lists, |_| ArrayInit {});
        if place.on_stack {
            region.push(table.into()).expect("an empty stack has room");
        } else {
            region.roots().array.set(Some(table));
        }
        let mut random = Random::new(7);
        for index in 0..lists {
            put_list(h, place, index, index as u64, &mut random, lists);
        }
        let before = h.statistics().major_collections;
        let started_ns = ProcessorClock.now_ns();
        let mut operations = 0u64;
        let mut first_pauses = 0;
        while h.statistics().major_collections < before + collections {
            for _ in 0..256 {
                let index = random.below(lists);
                put_list(h, place, index, operations, &mut random, lists);
                redirect(h, place, &mut random, lists);
                redirect(h, place, &mut random, lists);
                operations += 1;
            }
            if h.statistics().major_collections == before {
                first_pauses = h.pauses().len();
            }
        }
        let operation_ns = (ProcessorClock.now_ns() - started_ns) as f64 / operations as f64;
        let pauses = h.pauses();
        let longest = |old: bool, skipped: usize| {
            let of_kind = pauses
                .pauses()
                .skip(skipped)
                .filter(|pause| !old || pause.kind != CollectionKind::Minor)
                .map(|pause| pause.length_ns);
            of_kind.max().unwrap_or(0)
        };
        let above = |ns: u64| pauses.pauses().filter(|pause| pause.length_ns > ns).count();
        Outcome {
            old_max_ns: longest(true, 0),
            max_ns: longest(false, 0),
            later_old_max_ns: longest(true, first_pauses + 1),
            later_max_ns: longest(false, first_pauses + 1),
            p999_ns: pauses.percentile_ns(0.999).unwrap_or(0),
            above_1_ms: above(1_000_000),
            above_2_ms: above(2_000_000),
            operation_ns,
            pauses: pauses.len(),
        }
    })
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&String> = arguments.iter().filter(|a| !a.starts_with("--")).collect();
    let (mut numbers, mut on_stack, mut processor, mut alone) = (Vec::new(), false, false, false);
    for word in words {
        match (word.as_str(), word.parse::<u64>()) {
            ("roots", _) => on_stack = false,
            ("stack", _) => on_stack = true,
            ("cpu", _) => processor = true,
            ("alone", _) => alone = true,
            (_, Ok(number)) if number > 0 && numbers.len() < 2 => numbers.push(number),
            _ => {
                eprintln!(
                    "`{word}` is not accepted: MiB, collections, roots, stack, cpu, alone, and options of the heap are"
                );
                std::process::exit(2);
            }
        }
    }
    let mebibytes = numbers.first().map_or(1024, |n| *n as usize);
    let collections = numbers.get(1).copied().unwrap_or(3);
    let mut flags: Vec<&String> = arguments.iter().filter(|a| a.starts_with("--")).collect();
    let default = "--pause-goal=1ms".to_string();
    if flags.is_empty() {
        flags.push(&default);
    }
    let config = || {
        let config = HeapConfig::new()
            .max_old_bytes((mebibytes * 4) << 20)
            .initial_old_limit_bytes((mebibytes + mebibytes / 4) << 20);
        if processor {
            config.clock(ProcessorClock)
        } else {
            config.clock(MonotonicClock::new())
        }
    };
    let place = Place { on_stack };
    println!(
        "{mebibytes} MiB live, {collections} collections, hanging from the {}",
        if on_stack { "operand stack" } else { "roots struct" }
    );
    println!(
        "{:<12} {:>12} {:>10} {:>10} {:>7} {:>6} {:>6} {:>10} {:>14} {:>10}",
        "", "old max ms", "max ms", "p99.9 ms", "pauses", ">1 ms", ">2 ms", "ns/op cpu", "later: old max", "max ms"
    );
    let mut longest = Vec::new();
    for incremental in [false, true].into_iter().skip(usize::from(alone)) {
        let mut config = config().incremental_marking(incremental);
        if incremental {
            for flag in &flags {
                let (name, value) = flag[2..].split_once('=').unwrap_or((&flag[2..], ""));
                if let Err(error) = config.set_flag(name, value) {
                    eprintln!("{error}");
                    std::process::exit(2);
                }
            }
        }
        let outcome = run(config, &place, mebibytes << 20, collections);
        let ms = |ns: u64| ns as f64 / 1e6;
        println!(
            "{:<12} {:>12.3} {:>10.3} {:>10.3} {:>7} {:>6} {:>6} {:>10.0} {:>14.3} {:>10.3}",
            if incremental { "incremental" } else { "stopped" },
            ms(outcome.old_max_ns),
            ms(outcome.max_ns),
            ms(outcome.p999_ns),
            outcome.pauses,
            outcome.above_1_ms,
            outcome.above_2_ms,
            outcome.operation_ns,
            ms(outcome.later_old_max_ns),
            ms(outcome.later_max_ns),
        );
        longest.push(outcome.old_max_ns);
    }
    if let [stopped, incremental] = longest[..] {
        println!(
            "longest pause of the old generation: cut to 1/{:.0}",
            stopped as f64 / incremental.max(1) as f64
        );
    }
}
