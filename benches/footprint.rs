//! How fast a heap becomes small when its program has nothing to do.
//!
//! Builds lists of 20 objects of six words, cuts all but the first two off each, so that a tenth of every block is live,
//! and calls `idle_step` with short deadlines, as an event loop would. Prints how long it took until the old generation
//! held at most 1.3 times what is live, with the longest step and pause. Arguments: MiB of heap (default 1024), the
//! deadline of a step in milliseconds (default 2), and options of the heap.
//!
//! ```text
//! cargo run --release -p tenure-benches --example footprint -- 1024 2
//! ```
#![forbid(unsafe_code)]

mod objects;

use objects::*;
use std::time::{Duration, Instant};
use tenure::Progress;
use tenure::prelude::*;

/// Objects in a list, and how many of them stay.
const LIST: usize = 20;
const KEPT: usize = 2;

fn fill(h: &mut Heap<Objects>, lists: usize) {
    let (region, table) = h.alloc_tail_zeroed_with::<Array>(lists, |_| ArrayInit {});
    region.roots().array.set(Some(table));
    for index in 0..lists {
        h.safepoint();
        let h = &*h;
        let mut list = None;
        for id in 0..LIST as u64 {
            list = Some(h.alloc::<Object>(ObjectInit {
                id,
                links: [list, None, None, None],
            }));
        }
        array(h).tail_set(h, index, list);
    }
}

fn cut(h: &mut Heap<Objects>, lists: usize) {
    for index in 0..lists {
        h.safepoint();
        let h = &*h;
        let mut object = array(h).tail_get(index);
        for _ in 1..KEPT {
            object = object.and_then(|object| object.links()[0].get());
        }
        if let Some(last) = object {
            last.put(h, |object| &object.links[0], None);
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (flags, words): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|a| a.starts_with("--"));
    let number = |index: usize, default: u64| match words.get(index).map(|word| word.parse::<u64>()) {
        None => default,
        Some(Ok(number)) if number > 0 => number,
        _ => {
            eprintln!(
                "`{}` is not accepted: MiB of heap, milliseconds of a step, and options of the heap are",
                words[index]
            );
            std::process::exit(2);
        }
    };
    let (mebibytes, deadline_ms) = (number(0, 1024) as usize, number(1, 2));
    let mut config = HeapConfig::new()
        .max_old_bytes((mebibytes * 4) << 20)
        .initial_old_limit_bytes((mebibytes * 2) << 20)
        .pause_goal(Duration::from_millis(1));
    for flag in flags {
        let (name, value) = flag[2..].split_once('=').unwrap_or((&flag[2..], ""));
        if let Err(error) = config.set_flag(name, value) {
            eprintln!("{error}");
            std::process::exit(2);
        }
    }
    let lists = (mebibytes << 20) / (LIST * OBJECT_BYTES);
    let live_bytes = lists * (KEPT * OBJECT_BYTES + 8);
    let mut isolate = Isolate::<Objects>::new(config, RootsInit { array: None }).expect("a heap");
    isolate.enter(|h| {
        fill(h, lists);
        cut(h, lists);
        let held = |h: &Heap<Objects>| {
            let sizes = h.statistics().sizes;
            sizes.old_committed_bytes + sizes.large_committed_bytes
        };
        let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
        println!("held {:.0} MiB, live {:.0} MiB", mib(held(h)), mib(live_bytes));
        let before = h.pauses().len();
        let started = Instant::now();
        let mut reached = None;
        let mut longest_step = Duration::ZERO;
        let mut next_line = Duration::ZERO;
        loop {
            let step_started = Instant::now();
            let progress = h.idle_step(h.now_ns() + deadline_ms * 1_000_000);
            longest_step = longest_step.max(step_started.elapsed());
            let elapsed = started.elapsed();
            if held(h) as f64 <= 1.3 * live_bytes as f64 && reached.is_none() {
                reached = Some(elapsed);
            }
            if elapsed >= next_line {
                println!("{:>6} ms  held {:>6.0} MiB", elapsed.as_millis(), mib(held(h)));
                next_line += Duration::from_millis(100);
            }
            match progress {
                Progress::Done => break,
                Progress::More => {}
                Progress::Later { at_ns } => {
                    std::thread::sleep(Duration::from_nanos(at_ns.saturating_sub(h.now_ns()).min(10_000_000)));
                }
            }
        }
        let longest_ns = h.pauses().pauses().skip(before).map(|pause| pause.length_ns).max();
        println!(
            "{:>6} ms  held {:>6.0} MiB: {:.2} times what is live; at most 1.3 times after {}",
            started.elapsed().as_millis(),
            mib(held(h)),
            held(h) as f64 / live_bytes as f64,
            reached.map_or("never".to_string(), |time| format!("{} ms", time.as_millis())),
        );
        println!(
            "longest step {:.3} ms, longest pause in it {:.3} ms",
            longest_step.as_secs_f64() * 1e3,
            longest_ns.unwrap_or(0) as f64 / 1e6
        );
        if let Err(error) = h.verify() {
            eprintln!("{error}");
            std::process::exit(1);
        }
    });
}
