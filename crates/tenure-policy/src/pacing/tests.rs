//! Pacing, tested by itself (`formulas`), in simulated heaps (`cycles`), and the nursery under a goal (`nursery`).

use super::*;

mod cycles;
mod families;
mod formulas;
mod nursery;
mod simulator;

#[test]
fn the_window_lies_around_the_limit_and_below_the_maximum() {
    const MB: usize = 1 << 20;
    let w = window(&WindowInput {
        live_bytes: 100 * MB,
        limit_bytes: 200 * MB,
        max_bytes: 1400 * MB,
        nursery_bytes: MB,
    });
    assert!(w.start_bytes < 200 * MB && w.deadline_bytes > 200 * MB, "{w:?}");
    let w = window(&WindowInput {
        live_bytes: 1300 * MB,
        limit_bytes: 1400 * MB,
        max_bytes: 1400 * MB,
        nursery_bytes: MB,
    });
    assert!(w.start_bytes >= 1300 * MB && w.deadline_bytes <= 1398 * MB, "{w:?}");
}
