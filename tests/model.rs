//! Programs of heap operations against a model heap, under every policy and stress setting.
//!
//! `TENURE_ZEAL=1` runs more and longer programs and verifies after each collection; `TENURE_BRIEF=1` runs fewer, for
//! builds that take several times as long for each. Seeds that failed once stay in `tests/model.proptest-regressions`.

#![forbid(unsafe_code)]

mod program;

use program::{Op, configurations, run};
use proptest::prelude::*;

fn zeal() -> bool {
    std::env::var_os("TENURE_ZEAL").is_some()
}

/// Returns how many programs to run.
fn cases(usual: u32, zealous: u32) -> u32 {
    if zeal() {
        zealous
    } else if std::env::var_os("TENURE_BRIEF").is_some() {
        usual / 4
    } else {
        usual
    }
}

fn ops(decode: fn([u8; 8]) -> Op) -> impl Strategy<Value = Vec<Op>> {
    let length = if zeal() { 1500 } else { 400 };
    proptest::collection::vec(any::<[u8; 8]>().prop_map(decode), 1..length)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(400, 500),
        ..ProptestConfig::default()
    })]

    #[test]
    fn heap_agrees_with_model(ops in ops(Op::decode), which in any::<proptest::sample::Index>()) {
        let all = configurations();
        let (name, config) = all[which.index(all.len())];
        let mut config = config();
        if zeal() {
            config = config.verify_heap(true);
        }
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(config, &ops)));
        prop_assert!(outcome.is_ok(), "under {name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(60, 60),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_configuration_computes_the_same(ops in ops(Op::decode_strong)) {
        let reference = run(HeapConfig::new(), &ops);
        for (name, config) in configurations() {
            let outcome = run(config(), &ops);
            if outcome.out_of_memory == 0 && outcome.majors > 0 {
                prop_assert_eq!(outcome.digest, reference.digest, "under {}", name);
            }
        }
    }
}

use tenure::HeapConfig;

/// A long program from a fixed generator, so that each configuration is exercised well whatever proptest draws.
fn long_program(seed: u64, length: usize) -> Vec<Op> {
    let mut x = seed;
    let mut next = || {
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    };
    (0..length).map(|_| Op::decode(next().to_le_bytes())).collect()
}

#[test]
fn each_configuration_survives_a_long_program() {
    let length = if zeal() { 20_000 } else { 6_000 };
    let ops = long_program(88_172_645_463_325_252, length);
    let mut overflows = 0;
    let mut refused = 0;
    for (name, config) in configurations() {
        let outcome = run(config(), &ops);
        println!("{name}: {outcome:?}");
        overflows += outcome.overflows;
        refused += outcome.out_of_memory;
        assert!(
            outcome.majors > 0 || name.starts_with("pages"),
            "{name} never collected"
        );
    }
    assert!(overflows > 0, "no mark stack ever overflowed");
    assert!(refused > 0, "no allocation was ever refused");
}

#[test]
fn the_same_program_gives_the_same_events() {
    let ops = long_program(7, 3000);
    for (name, config) in configurations() {
        let record = || {
            let listener = tenure::events::RecordingListener::new();
            let outcome = run(config().listener(listener.clone()), &ops);
            (outcome, listener.records())
        };
        let (first, second) = (record(), record());
        assert_eq!(first.0, second.0, "under {name}");
        assert_eq!(first.1, second.1, "under {name}");
    }
}
