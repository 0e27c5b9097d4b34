//! Weak tables and finalization registries, method by method and as programs against models.
//!
//! The programs run under every configuration of `tests/program/mod.rs`, and under some of their own; every full
//! collection is followed by an exact comparison and the verifier.

#![forbid(unsafe_code)]

#[path = "program/mod.rs"]
#[allow(dead_code, reason = "only the configurations are used")]
mod program;

#[path = "tables/registry.rs"]
mod registry;
#[path = "tables/registry_model.rs"]
mod registry_model;
#[path = "tables/weak_table.rs"]
mod weak_table;
#[path = "tables/weak_table_model.rs"]
mod weak_table_model;

use program::{MakeConfig, configurations};
use tenure::prelude::*;

/// The configurations of the programs, and those that say what reading a weak word does.
fn all_configurations() -> Vec<(&'static str, MakeConfig)> {
    fn with(mut config: HeapConfig, name: &str) -> HeapConfig {
        config.set_flag(name, "").expect("a switch");
        config
    }
    fn tiny() -> HeapConfig {
        HeapConfig::new().semi_space_bytes(4096)
    }
    let mut all = configurations();
    all.push(("kept during the job", || with(tiny(), "keep-during-job")));
    all.push(("kept during the job, one object a slice, deletion", || {
        let mut config = with(with(tiny(), "keep-during-job"), "stress-incremental-marking");
        config.set_flag("barrier", "deletion").expect("a barrier");
        config.verify_heap(true)
    }));
    all.push(("little memory", || {
        tiny().max_old_bytes(256 << 10).max_spill_bytes(0).verify_heap(true)
    }));
    all.push(("weak words strong in minor collections", || {
        with(tiny(), "minor-weak-strong").verify_heap(true)
    }));
    all
}

/// Numbers from a fixed generator.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
