//! Micro-benchmarks: allocation, barrier, scavenge, marking, sweep and compaction.
//!
//! Each measures one mechanism of the heap with as little of the others as possible. The times of a whole program are
//! elsewhere: these say where such a time comes from.
#![forbid(unsafe_code)]

mod allocation;
mod barrier;
mod compaction;
mod marking;
mod objects;
mod phases;
mod random;
mod scavenge;
mod sweep;

use criterion::Criterion;
use std::time::Duration;

/// Short runs: the machine's noise is larger than what longer ones would gain.
fn criterion() -> Criterion {
    Criterion::default()
        .without_plots()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(15)
        .configure_from_args()
}

fn main() {
    let mut c = criterion();
    allocation::bench(&mut c);
    barrier::bench(&mut c);
    scavenge::bench(&mut c);
    marking::bench(&mut c);
    sweep::bench(&mut c);
    compaction::bench(&mut c);
    c.final_summary();
}
