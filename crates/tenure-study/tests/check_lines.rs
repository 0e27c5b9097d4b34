//! The check lines of small sizes are those that the other implementations of the same programs print.

#![forbid(unsafe_code)]

use tenure::HeapConfig;
use tenure_study::rng::RngKind;
use tenure_study::workload::{Bench, Workload};

/// Check lines of an OpenJDK 17 program, one per workload and generator.
const EXPECTED: &[(&str, RngKind, &str)] = &[
    (
        "W1:10",
        RngKind::Bits64,
        "W1 n=10 stretch=4095 d4=31744 d6=32512 d8=32704 d10=32752 long=2047",
    ),
    ("W2:1", RngKind::Bits64, "W2 reps=1 spines=506603 long=131071 array=1"),
    (
        "W3:20",
        RngKind::Bits32,
        "W3 iters=20 rng=32 size=8000 sorted=1 keys=4226476108215 leaves=256000 ints=11520000 chars=9462400",
    ),
    (
        "W3:20",
        RngKind::Bits64,
        "W3 iters=20 rng=64 size=8000 sorted=1 keys=4270322161896 leaves=256000 ints=11520000 chars=9462048",
    ),
    (
        "W4:1000,5000",
        RngKind::Bits64,
        "W4 w=1000 ops=5000 sum=254040 bytes=1024000",
    ),
    ("W5:20000,2", RngKind::Bits32, "W5 n=20000 rng=32 sum=3200121133 same=1"),
    (
        "W5:100000,2",
        RngKind::Bits64,
        "W5 n=100000 rng=64 sum=79998903636 same=1",
    ),
    (
        "W6:1000,20000",
        RngKind::Bits32,
        "W6 c=1000 ops=20000 rng=32 hits=4981 misses=15019 sum=54748430 size=1000",
    ),
    (
        "W6:1000,20000",
        RngKind::Bits64,
        "W6 c=1000 ops=20000 rng=64 hits=5024 misses=14976 sum=54970081 size=1000",
    ),
    ("W7:10000", RngKind::Bits64, "W7 n=10000 sum=19431424"),
    (
        "W8:1000,3",
        RngKind::Bits64,
        "W8 n=1000 rounds=3 count=1500 sum=752500 heads=3002",
    ),
];

/// Check lines of the workloads that other implementations do not have; they check themselves besides.
const OWN: &[&str] = &[
    "ephemerons:300,3000,2000",
    "finalizers:300,5000",
    "image-list:300,2",
    "buffers:50,9000,16",
];

fn check_all(config: impl Fn() -> HeapConfig) {
    for (name, rng, line) in EXPECTED {
        let workload: Workload = name.parse().expect("the workload is known");
        let mut bench = Bench::new(config(), *rng);
        let outcome = workload
            .run(&mut bench)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(outcome.check, [*line]);
        assert!(outcome.span.length_ns() > 0);
    }
    for name in OWN {
        let run = |config| {
            let workload: Workload = name.parse().expect("the workload is known");
            let outcome = workload.run(&mut Bench::new(config, RngKind::Bits64));
            outcome.unwrap_or_else(|error| panic!("{name}: {error}")).check
        };
        // What the collector does must not show.
        assert_eq!(run(config()), run(HeapConfig::new().incremental_marking(false)));
    }
}

#[test]
fn with_the_default_heap() {
    check_all(HeapConfig::new);
}

#[test]
fn with_a_tiny_nursery() {
    check_all(|| HeapConfig::new().semi_space_bytes(64 << 10));
}

#[test]
fn with_a_mark_stack_of_one_entry_and_early_major_collections() {
    check_all(|| HeapConfig::new().mark_stack_entries(1).initial_old_limit_bytes(1 << 20));
}
