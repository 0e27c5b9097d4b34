//! What pools and counted caches cost: `cargo run --release -p tenure-resource --example costs`.
//!
//! Each figure is the least of 15 rounds, in nanoseconds per operation: what the machine does beside it only makes a round
//! longer. Memory that is made anew is written to, one byte per page, since the system hands it out only then.

#![forbid(unsafe_code)]

use std::hint::black_box;
use std::rc::Rc;
use std::time::Instant;

use tenure::events::{ManualClock, MonotonicClock};
use tenure_resource::counted_cache::{CacheConfig, CountedCache, Holder, KeepAtMost, Loaded, Priority};
use tenure_resource::pool::{FromFns, Pool, PoolConfig};

/// Prints the least time of an operation.
fn measure(name: &str, operations: u32, mut run: impl FnMut(u32)) {
    let mut least_ns = f64::INFINITY;
    for _ in 0..15 {
        let start = Instant::now();
        for i in 0..operations {
            run(i);
        }
        least_ns = least_ns.min(start.elapsed().as_nanos() as f64 / f64::from(operations));
    }
    println!("{name:<64} {least_ns:>10.1} ns");
}

fn make(bytes: usize) -> Vec<u8> {
    let mut memory = Vec::with_capacity(bytes);
    memory.resize(1, 1);
    memory
}

fn make_written(bytes: usize) -> Vec<u8> {
    let mut memory = vec![0_u8; bytes];
    for page in memory.chunks_mut(4096) {
        page[0] = 1;
    }
    memory
}

fn pools() {
    for bytes in [64, 4096, 65_536, 1 << 20] {
        measure(&format!("make and drop {bytes} bytes, untouched"), 20_000, |_| {
            black_box(make(black_box(bytes)));
        });
    }
    for bytes in [65_536, 1 << 20] {
        measure(
            &format!("make and drop {bytes} bytes, zeroed, each page touched"),
            500,
            |_| {
                black_box(make_written(black_box(bytes)));
            },
        );
    }
    let reset = |memory: &mut Vec<u8>| memory.truncate(1);
    let pool = Pool::new(PoolConfig::new(16), FromFns::new(|| make_written(1 << 20), reset));
    measure("pool: get and return, clock moved by hand", 100_000, |_| {
        drop(black_box(pool.get()));
    });
    let config = PoolConfig::new(16).clock(MonotonicClock::new());
    let pool = Pool::new(config, FromFns::new(|| make_written(1 << 20), reset));
    measure("pool: get and return, system's clock", 100_000, |_| {
        drop(black_box(pool.get()));
    });
    let guard = pool.get().ok();
    measure("pool: read through a guard", 1_000_000, |_| {
        black_box(black_box(&guard).as_ref().map(|guard| guard.len()));
    });
}

fn caches(entries: u32) {
    println!("\n{entries} entries, keys are strings");
    let clock = Rc::new(ManualClock::new());
    let config = CacheConfig::new(KeepAtMost::count(usize::MAX)).clock(Rc::clone(&clock));
    let cache: CountedCache<String, u64> = CountedCache::new(config);
    let keys: Vec<String> = (0..entries).map(|i| format!("assets/sprites/{i:06}.png")).collect();
    let key = |i: u32| keys[(i.wrapping_mul(2_654_435_761) % entries) as usize].as_str();
    let holder = Holder::new("scene");
    for key in &keys {
        cache.prefetch(key.clone(), Priority::NORMAL);
    }
    cache.load_until(u64::MAX, |_| Ok(Loaded::new(1, 1000)));

    measure("get an unused one, and let it go", 100_000, |i| {
        black_box(cache.get(key(i), &holder));
    });
    let held: Vec<_> = keys.iter().filter_map(|key| cache.get(key.as_str(), &holder)).collect();
    measure("get a used one, and let it go", 100_000, |i| {
        black_box(cache.get(key(i), &holder));
    });
    measure("clone a handle, and drop it", 100_000, |i| {
        black_box(held[(i % entries) as usize].clone());
    });
    measure("read through a handle", 1_000_000, |_| {
        black_box(black_box(&held[0]).value());
    });
    drop(held);
    measure("maintain, nothing to release", 10_000, |_| {
        black_box(cache.maintain());
    });
    measure("request a new one, load it, let it go, release it", 10_000, |i| {
        let handle = cache.request(format!("new/{i}"), Priority::NORMAL, &holder);
        black_box(cache.load_next(|_| Ok(Loaded::new(1, 1))));
        drop(handle);
        cache.release(format!("new/{i}").as_str());
    });
    measure("report", 20, |_| {
        black_box(cache.report());
    });
    measure("report as a table", 20, |_| {
        black_box(cache.report().to_string());
    });
}

fn main() {
    pools();
    caches(1000);
    caches(100_000);
}
