//! What a registration with a finalization registry costs: to make, to take back, to report, and in a full collection.
//!
//! Nanoseconds for each cell: registering targets in the order of allocation, without a token, with the target as token,
//! and with one token for all; taking back by token; draining after all targets have died; and the registry's share of a
//! full collection of live targets, beside the same heap without registrations. Medians. Arguments: cells (default
//! 1000000), rounds (default 5).
//!
//! ```text
//! cargo run --release -p tenure-benches --example registry -- 1000000 5
//! ```
#![forbid(unsafe_code)]

use std::time::Instant;
use tenure::prelude::*;

#[derive(Kind)]
struct Target {
    id: u64,
}

#[derive(Kind)]
#[tail(Slot<Opt<Target>>)]
struct Targets {}

#[derive(Roots)]
struct Roots {
    targets: Root<Opt<Targets>>,
    registry: Root<Opt<FinalizationRegistry<Bench>>>,
}

object_model! { model Bench { roots: Roots, kinds: [Target, Targets] } }

#[derive(Clone, Copy, PartialEq)]
enum Token {
    Nothing,
    Target,
    Shared,
}

/// Nanoseconds for each cell.
#[derive(Default)]
struct Costs {
    register: Vec<f64>,
    unregister: Vec<f64>,
    report: Vec<f64>,
    collect: Vec<f64>,
}

fn registry(h: &Heap<Bench>) -> Gc<'_, FinalizationRegistry<Bench>> {
    h.roots().registry.get().expect("set at the start")
}

fn target(h: &Heap<Bench>, i: usize) -> Gc<'_, Target> {
    let targets = h.roots().targets.get().expect("set at the start");
    targets.tail_get(i).expect("all were made")
}

/// Registers all targets, which lie in the old generation.
fn register(h: &mut Heap<Bench>, count: usize, token: Token) {
    for first in (0..count).step_by(256) {
        h.safepoint();
        for i in first..count.min(first + 256) {
            let target = target(h, i).to_value();
            let token = match token {
                Token::Nothing => None,
                Token::Target => Some(target),
                Token::Shared => Some(Value::symbol(1)),
            };
            registry(h)
                .register(h, target, Value::int(i as i64), token)
                .expect("room for a cell");
        }
    }
}

fn measure(costs: &mut Costs, count: usize, token: Token) {
    let roots = RootsInit {
        targets: None,
        registry: None,
    };
    let config = HeapConfig::new().incremental_marking(false);
    let mut isolate = Isolate::<Bench>::new(config, roots).expect("a heap");
    isolate.enter(|h| {
        h.roots().registry.set(h.finalization_registry().ok());
        let (region, targets) = h.alloc_tail_zeroed_with::<Targets>(count, |_| TargetsInit {});
        region.roots().targets.set(Some(targets));
        for i in 0..count {
            let (h, target) = h.alloc_with::<Target>(|_| TargetInit { id: i as u64 });
            let targets = h.roots().targets.get().expect("just set");
            targets.tail_set(h, i, Some(target));
        }
        let each = |start: Instant| start.elapsed().as_secs_f64() * 1e9 / count as f64;
        h.collect();
        h.collect();
        let start = Instant::now();
        h.collect();
        let without = each(start);
        let start = Instant::now();
        register(h, count, token);
        costs.register.push(each(start));
        h.collect();
        let start = Instant::now();
        h.collect();
        costs.collect.push(each(start) - without);
        if token != Token::Nothing {
            let start = Instant::now();
            let mut taken = 0;
            for i in 0..if token == Token::Target { count } else { 1 } {
                let token = match token {
                    Token::Target => target(h, i).to_value(),
                    _ => Value::symbol(1),
                };
                taken += registry(h).unregister(h, token);
            }
            assert_eq!(taken, count);
            costs.unregister.push(each(start));
            register(h, count, token);
        }
        h.roots().targets.set(None);
        h.collect();
        let start = Instant::now();
        let mut reported = 0;
        while let Some(registry) = h.ready_registry() {
            while registry.next_held(h).is_some() {
                reported += 1;
            }
        }
        assert_eq!(reported, count);
        costs.report.push(each(start));
    });
}

fn median(mut times: Vec<f64>) -> String {
    times.sort_by(f64::total_cmp);
    let middle = times.get(times.len() / 2);
    middle.map_or_else(|| "-".into(), |time| format!("{time:.1}"))
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| {
        text.parse::<usize>().unwrap_or_else(|_| {
            eprintln!("registry: `{text}` is no whole number; give cells and rounds, as in `registry 1000000 5`");
            std::process::exit(2)
        })
    });
    let (count, rounds) = (arguments.next().unwrap_or(1_000_000), arguments.next().unwrap_or(5));
    println!("{count} cells, ns for each   register  unregister  report  of a full collection");
    for (name, token) in [
        ("no token", Token::Nothing),
        ("target as token", Token::Target),
        ("one token for all", Token::Shared),
    ] {
        let mut costs = Costs::default();
        for _ in 0..rounds {
            measure(&mut costs, count, token);
        }
        let [register, unregister, report, collect] =
            [costs.register, costs.unregister, costs.report, costs.collect].map(median);
        println!("  {name:24} {register:>10} {unregister:>11} {report:>7} {collect:>10}");
    }
}
