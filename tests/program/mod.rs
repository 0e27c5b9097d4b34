//! Programs of heap operations, run side by side on a heap and on a model of it.
//!
//! An operation names registers, slots and sizes by small numbers that are taken modulo what there is, so that every
//! sequence is a valid program and stays one when operations are removed. The model is a vector of objects that never
//! moves; after each collection, and at the end, the graphs below all roots are compared: ids, kinds, slots, bytes and
//! identity hashes. A program costs what its allocations cost, plus one walk per comparison.
//!
//! Operations with weak references, finalizers and native resources are in `weak`; what the model knows of life and death
//! is in `reach`, and that the heap agrees in `agree`.

mod agree;
mod reach;
mod twin;
mod walk;
mod weak;
mod weak_op;

use tenure::prelude::*;

use twin::{Twin, Val};
use weak::Ticket;
use weak_op::WeakOp;

/// An object with two slots, one of any type and one typed.
#[derive(Kind)]
pub(crate) struct Node {
    id: u64,
    any: Slot<Dyn<Model>>,
    next: Slot<Opt<Node>>,
}

/// An object without slots.
#[derive(Kind)]
pub(crate) struct Leaf {
    id: u64,
}

/// More slots than a header's bitmap describes, with numbers between them.
#[derive(Kind)]
pub(crate) struct Wide {
    id: u64,
    low: [Slot<Dyn<Model>>; 20],
    number: u64,
    high: [Slot<Dyn<Model>>; 30],
}

/// A tail of slots.
#[derive(Kind)]
#[tail(Slot<Dyn<Model>>)]
pub(crate) struct Array {
    id: u64,
}

/// A slot before a tail of slots.
#[derive(Kind)]
#[tail(Slot<Dyn<Model>>)]
pub(crate) struct Frame {
    id: u64,
    parent: Slot<Dyn<Model>>,
}

/// A tail of bytes.
#[derive(Kind)]
#[tail(u8)]
pub(crate) struct Bytes {
    id: u64,
}

/// A tail of plain data with a slot before it.
#[derive(Kind)]
#[tail(u16)]
pub(crate) struct Named {
    id: u64,
    owner: Slot<Dyn<Model>>,
}

/// An object that never moves.
#[derive(Kind)]
#[kind(pinned)]
pub(crate) struct Pinned {
    id: u64,
    any: Slot<Dyn<Model>>,
}

/// Weak words and slots.
#[derive(Kind)]
pub(crate) struct Watcher {
    id: u64,
    weak: WeakSlot<Dyn<Model>>,
    any: Slot<Dyn<Model>>,
    node: WeakSlot<Opt<Node>>,
}

/// A weak word before a tail of slots.
#[derive(Kind)]
#[tail(Slot<Dyn<Model>>)]
pub(crate) struct Observers {
    id: u64,
    weak: WeakSlot<Dyn<Model>>,
}

/// An object with a native resource.
#[derive(Kind)]
pub(crate) struct Owner {
    id: u64,
    ticket: Native<Model, Ticket>,
    any: Slot<Dyn<Model>>,
}

#[derive(Roots)]
pub(crate) struct Roots {
    first: Root<Dyn<Model>>,
    count: u64,
    second: Root<Opt<Node>>,
}

object_model! {
    pub(crate) model Model {
        roots: Roots,
        kinds: [Node, Leaf, Wide, Array, Frame, Bytes, Named, Pinned, Watcher, Observers, Owner],
    }
}

const REGISTERS: usize = 12;

/// One operation. Registers, slots and positions are taken modulo what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Node {
        to: u8,
        any: u8,
        next: u8,
    },
    Leaf {
        to: u8,
    },
    Wide {
        to: u8,
        from: u8,
    },
    Array {
        to: u8,
        length: u16,
        from: u8,
    },
    Frame {
        to: u8,
        length: u8,
        from: u8,
    },
    Bytes {
        to: u8,
        length: u32,
        seed: u8,
    },
    Named {
        to: u8,
        length: u8,
        owner: u8,
    },
    Pinned {
        to: u8,
        any: u8,
    },
    Region {
        to: u8,
        count: u16,
        from: u8,
    },
    Store {
        object: u8,
        slot: u16,
        from: u8,
    },
    StoreByAddress {
        object: u8,
        slot: u16,
        from: u8,
    },
    Load {
        to: u8,
        object: u8,
        slot: u16,
    },
    Copy {
        object: u8,
        at: u16,
        from: u8,
        start: u16,
        length: u16,
    },
    Move {
        to: u8,
        from: u8,
    },
    Int {
        to: u8,
        value: i32,
    },
    Clear {
        to: u8,
    },
    Push {
        from: u8,
    },
    Pop {
        to: u8,
    },
    Frames {
        count: u8,
    },
    Unframe {
        count: u8,
    },
    Global {
        from: u8,
    },
    DropGlobal {
        index: u8,
    },
    RootFirst {
        from: u8,
    },
    Hash {
        of: u8,
    },
    Minor,
    Major,
    Safepoint,
    /// Works for so many ticks of the clock.
    Step {
        ticks: u8,
    },
    IdleStep {
        ticks: u8,
    },
    StartMarking,
    Compact,
    Compare,
    Weak(WeakOp),
}

/// A clock that moves on with each reading: what fits in a step does not depend on the machine.
#[derive(Debug, Default)]
struct Ticking(Cell<u64>);

impl tenure::events::Clock for Ticking {
    fn now_ns(&self) -> u64 {
        self.0.set(self.0.get() + TICK_NS);
        self.0.get()
    }
}

pub(crate) const TICK_NS: u64 = 100;

impl Op {
    /// Decodes an operation from eight bytes; every value is one. A quarter of them have to do with weak references.
    pub(crate) fn decode(b: [u8; 8]) -> Op {
        let [first, rest @ ..] = b;
        if first >= 192 {
            Op::Weak(WeakOp::decode(rest))
        } else {
            Op::decode_strong(b)
        }
    }

    /// Decodes an operation that has nothing to do with weak references, so that what a program computes does not depend
    /// on when the heap collects.
    pub(crate) fn decode_strong(b: [u8; 8]) -> Op {
        let wide = u16::from_le_bytes([b[4], b[5]]);
        let long = u16::from_le_bytes([b[6], b[7]]);
        match b[0] % 64 {
            0..=9 => Op::Node {
                to: b[1],
                any: b[2],
                next: b[3],
            },
            10..=12 => Op::Leaf { to: b[1] },
            13..=14 => Op::Wide { to: b[1], from: b[2] },
            15..=18 => {
                // Short; long enough for cards; longer than a block.
                let length = match b[3] {
                    0..180 => wide % 40,
                    180..245 => 120 + wide % 300,
                    _ => wide % 20_000,
                };
                Op::Array {
                    to: b[1],
                    length,
                    from: b[2],
                }
            }
            19 => Op::Frame {
                to: b[1],
                length: b[4] % 12,
                from: b[2],
            },
            20..=22 => Op::Bytes {
                to: b[1],
                length: if b[3] < 240 {
                    u32::from(wide) % 200
                } else {
                    u32::from(wide) * 6
                },
                seed: b[2],
            },
            23 => Op::Named {
                to: b[1],
                length: b[4] % 40,
                owner: b[2],
            },
            24 => Op::Pinned { to: b[1], any: b[2] },
            25..=26 => Op::Region {
                to: b[1],
                count: if b[3] < 240 { wide % 20 } else { wide % 3000 },
                from: b[2],
            },
            27..=36 => Op::Store {
                object: b[1],
                slot: wide,
                from: b[2],
            },
            37..=39 => Op::StoreByAddress {
                object: b[1],
                slot: wide,
                from: b[2],
            },
            40..=45 => Op::Load {
                to: b[1],
                object: b[2],
                slot: wide,
            },
            46 => Op::Copy {
                object: b[1],
                at: wide,
                from: b[2],
                start: u16::from(b[3]),
                length: long % 64,
            },
            47..=48 => Op::Move { to: b[1], from: b[2] },
            49 => Op::Int {
                to: b[1],
                value: i32::from_le_bytes([b[2], b[3], b[4], b[5]]),
            },
            50 => Op::Clear { to: b[1] },
            51 => Op::Push { from: b[1] },
            52 => Op::Pop { to: b[1] },
            53 => Op::Frames { count: b[1] % 40 },
            54 => Op::Unframe { count: b[1] % 40 },
            55 => Op::Global { from: b[1] },
            56 => Op::DropGlobal { index: b[1] },
            57 => Op::RootFirst { from: b[1] },
            58 => Op::Hash { of: b[1] },
            59..=60 => Op::Minor,
            61 => Op::Major,
            62 if b[1] < 128 => Op::Safepoint,
            62 => Op::Step { ticks: b[2] % 8 },
            // What came later shares a number, so that programs found before mean the same.
            _ => match b[1] % 8 {
                4 => Op::Step { ticks: b[2] },
                5 => Op::IdleStep { ticks: b[2] % 32 },
                6 => Op::StartMarking,
                7 => Op::Compact,
                _ => Op::Compare,
            },
        }
    }
}

/// What running a program did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Minor collections.
    pub(crate) minors: u64,
    /// Major collections.
    pub(crate) majors: u64,
    /// Allocations refused for want of memory.
    pub(crate) out_of_memory: u64,
    /// Mark-stack overflows.
    pub(crate) overflows: u64,
    /// A digest of everything compared.
    pub(crate) digest: u64,
}

/// Runs `ops` on a heap made with `config`, comparing it with the model.
///
/// # Panics
///
/// When heap and model differ, or the verifier finds a broken invariant.
pub(crate) fn run(config: HeapConfig, ops: &[Op]) -> Outcome {
    let roots = RootsInit {
        first: Value::nil(),
        count: 0,
        second: None,
    };
    // A heap whose first pages are refused is an error, not a program.
    let Ok(mut isolate) = Isolate::<Model>::new(config.clock(Ticking::default()), roots) else {
        return Outcome::default();
    };
    let mut twin = Twin {
        registers: vec![Val::Nil; REGISTERS],
        ..Twin::default()
    };
    let drops = twin.tickets.drops();
    let outcome = isolate.enter(|h| {
        twin.keeps_reads = h.config().settings().keep_during_job;
        twin.weak_is_strong = h.config().settings().minor_weak_strong;
        let mut digest = 0;
        let mut compared = 0;
        for op in ops {
            twin.run(h, *op);
            if matches!(
                op,
                Op::Minor | Op::Major | Op::Compact | Op::Compare | Op::Weak(WeakOp::Exact { .. })
            ) {
                compared += 1;
                // Looking into weak places keeps what is there from being found dead in the cycle in progress.
                let weak = compared % 4 == 0 || matches!(op, Op::Weak(_));
                digest = twin.compare(h, weak);
                twin.check_external(h);
                if let Err(e) = h.verify() {
                    panic!("after {op:?}: {e}");
                }
            }
        }
        digest ^= twin.compare(h, true);
        twin.exact(h, false);
        digest ^= twin.compare(h, true).rotate_left(1);
        if let Err(e) = h.verify() {
            panic!("at the end: {e}");
        }
        let statistics = h.statistics();
        Outcome {
            minors: statistics.minor_collections,
            majors: statistics.major_collections,
            out_of_memory: twin.out_of_memory,
            overflows: statistics.mark_stack_overflows,
            digest,
        }
    });
    drop(isolate);
    assert!(
        drops.borrow().iter().all(|count| *count == 1),
        "a resource outlived its isolate"
    );
    outcome
}

/// Makes a configuration anew: a heap takes it.
pub(crate) type MakeConfig = fn() -> HeapConfig;

/// The configurations that programs run under, by name: every policy, and settings that make rare paths frequent.
pub(crate) fn configurations() -> Vec<(&'static str, MakeConfig)> {
    fn tiny() -> HeapConfig {
        HeapConfig::new()
            .incremental_marking(false)
            .semi_space_bytes(4096)
            .max_spill_bytes(64 * 1024)
            .max_old_bytes(64 << 20)
            .handle_words(4096)
    }
    /// Evacuates every block at each opportunity.
    fn evacuating(mut config: HeapConfig) -> HeapConfig {
        config.set_flag("compact", "evacuate").expect("a compactor");
        config.stress_compaction(true)
    }

    fn sliding() -> HeapConfig {
        with("compact", "slide").stress_compaction(true)
    }
    fn with(name: &str, value: &str) -> HeapConfig {
        let mut config = tiny();
        config.set_flag(name, value).expect("a flag of the table");
        config
    }
    fn barrier(config: HeapConfig, name: &str) -> HeapConfig {
        let mut config = config;
        config.set_flag("barrier", name).expect("a barrier");
        config
    }
    fn paced() -> HeapConfig {
        tiny()
            .incremental_marking(true)
            .mark_step_bytes(512)
            .initial_old_limit_bytes(1 << 16)
            .release_delay_ms(0)
            .verify_heap(true)
    }
    fn sliced() -> HeapConfig {
        with("stress-incremental-marking", "").verify_heap(true)
    }
    fn sliced_small_stack() -> HeapConfig {
        let mut config = sliced().mark_stack_entries(1);
        config.set_flag("promotion", "all").expect("a policy");
        config
    }
    fn sliced_always() -> HeapConfig {
        with("stress-incremental-marking", "")
            .gc_interval(1)
            .mark_stack_entries(3)
    }
    fn sliced_full() -> HeapConfig {
        let mut config = sliced().max_old_bytes(1 << 20);
        config.set_flag("promotion", "never").expect("a policy");
        config
    }
    fn keeping(config: HeapConfig) -> HeapConfig {
        config.keep_during_job(true)
    }
    fn strong(config: HeapConfig) -> HeapConfig {
        config.minor_weak_strong(true)
    }
    vec![
        ("default", HeapConfig::new as fn() -> HeapConfig),
        ("tiny nursery", tiny),
        ("growing nursery", || tiny().max_semi_space_bytes(1 << 20)),
        ("promote by age mark", || with("promotion", "age-mark")),
        ("promote by fill", || with("promotion", "fill")),
        ("promote at age 3", || with("promotion", "age=3")),
        ("promote all", || with("promotion", "all")),
        ("promote none", || with("promotion", "never")),
        ("promote adaptively", || with("promotion", "adaptive")),
        ("promote at random", || with("promotion", "random=7")),
        ("mark stack of 1", || tiny().mark_stack_entries(1)),
        ("mark stack of 2, none promoted", || {
            with("promotion", "never").mark_stack_entries(2)
        }),
        ("mark stack of 7, prefetching", || {
            with("traversal", "prefetch").mark_stack_entries(7)
        }),
        ("depth first", || with("traversal", "depth-first")),
        ("collect at every allocation", || tiny().gc_interval(1).poison(true)),
        ("collect at every third allocation", || {
            tiny().gc_interval(3).protect(true).mark_stack_entries(1)
        }),
        ("random fills", || with("stress-scavenge", "60")),
        ("poison and protect", || tiny().poison(true).protect(true)),
        ("incremental", paced),
        ("incremental, insertion", || barrier(paced(), "insertion")),
        ("incremental, deletion", || barrier(paced(), "deletion")),
        ("incremental, one object a slice", sliced),
        ("incremental, one object a slice, insertion", || {
            barrier(sliced(), "insertion")
        }),
        ("incremental, one object a slice, deletion", || {
            barrier(sliced(), "deletion")
        }),
        ("incremental, stack of 1, promote all", sliced_small_stack),
        ("incremental, stack of 1, promote all, insertion", || {
            barrier(sliced_small_stack(), "insertion")
        }),
        ("incremental, stack of 1, promote all, deletion", || {
            barrier(sliced_small_stack(), "deletion")
        }),
        ("incremental, every allocation", sliced_always),
        ("incremental, every allocation, insertion", || {
            barrier(sliced_always(), "insertion")
        }),
        ("incremental, every allocation, deletion", || {
            barrier(sliced_always(), "deletion")
        }),
        ("incremental, none promoted, small old", sliced_full),
        ("incremental, none promoted, small old, insertion", || {
            barrier(sliced_full(), "insertion")
        }),
        ("incremental, none promoted, small old, deletion", || {
            barrier(sliced_full(), "deletion")
        }),
        ("slide always", || sliding().poison(true).verify_heap(true)),
        ("slide always, collect at every allocation", || {
            sliding().gc_interval(1).poison(true)
        }),
        ("slide always, mark stack of 1, protect", || {
            sliding().mark_stack_entries(1).protect(true).gc_interval(5)
        }),
        ("slide always, none promoted, small old", || {
            let mut config = sliding().max_old_bytes(1 << 20).verify_heap(true).gc_interval(7);
            config.set_flag("promotion", "never").expect("a policy");
            config
        }),
        ("slide always, promote all, small old", || {
            let mut config = sliding().max_old_bytes(1 << 20).poison(true).verify_heap(true);
            config.set_flag("promotion", "all").expect("a policy");
            config
        }),
        ("slide always, incremental", || {
            sliding()
                .incremental_marking(true)
                .mark_step_bytes(512)
                .initial_old_limit_bytes(1 << 16)
                .verify_heap(true)
        }),
        ("slide when fragmented", || {
            with("compact", "slide").verify_heap(true).poison(true)
        }),
        ("compaction off, old generation of 1 MiB", || {
            with("compact", "never").max_old_bytes(1 << 20)
        }),
        ("evacuate always", || evacuating(tiny()).poison(true).verify_heap(true)),
        ("evacuate always, stack of 1, protect", || {
            evacuating(tiny()).mark_stack_entries(1).protect(true).gc_interval(5)
        }),
        ("evacuate always, incremental", || evacuating(paced())),
        ("evacuate always, one object a slice", || {
            evacuating(sliced()).poison(true)
        }),
        ("evacuate always, one object a slice, insertion", || {
            barrier(evacuating(sliced()), "insertion")
        }),
        ("evacuate always, one object a slice, deletion", || {
            barrier(evacuating(sliced()), "deletion")
        }),
        ("evacuate always, stack of 1, promote all", || {
            evacuating(sliced_small_stack())
        }),
        ("evacuate always, stack of 1, promote all, insertion", || {
            barrier(evacuating(sliced_small_stack()), "insertion")
        }),
        ("evacuate always, every allocation, deletion", || {
            barrier(evacuating(sliced_always()), "deletion")
        }),
        ("evacuation aborted, none promoted, small old", || {
            evacuating(sliced_full()).abort_evacuation_at(3)
        }),
        ("evacuation aborted at once", || {
            evacuating(sliced()).abort_evacuation_at(1).poison(true)
        }),
        ("a cycle at every 20th allocation, phases apart", || {
            let mut config = evacuating(paced()).cycle_interval(20).stress_phases(true);
            config.set_flag("slice-words", "64").expect("a number");
            config
        }),
        ("a cycle at every 3rd allocation, phases apart, deletion", || {
            barrier(
                evacuating(paced())
                    .cycle_interval(3)
                    .stress_phases(true)
                    .slice_words(16),
                "deletion",
            )
        }),
        ("a cycle at every 7th allocation, phases apart, insertion", || {
            barrier(
                paced().cycle_interval(7).stress_phases(true).slice_words(8),
                "insertion",
            )
        }),
        ("weak words strong in minor collections", || {
            strong(with("promotion", "age=3")).poison(true).verify_heap(true)
        }),
        ("weak words strong, evacuate, one object a slice", || {
            strong(evacuating(sliced())).mark_stack_entries(1)
        }),
        ("kept during jobs", || keeping(tiny()).poison(true).gc_interval(3)),
        ("kept during jobs, one object a slice, deletion", || {
            barrier(keeping(sliced()), "deletion").poison(true)
        }),
        ("a pause goal", || {
            paced().pause_goal(std::time::Duration::from_micros(50))
        }),
        ("a pause goal, promote all, pages fail at 30", || {
            with("promotion", "all")
                .pause_goal(std::time::Duration::from_micros(50))
                .fail_pages_at(30)
        }),
        ("no spill", || tiny().max_spill_bytes(0)),
        ("old generation of 1 MiB", || tiny().max_old_bytes(1 << 20)),
        ("old generation of 1 MiB, promote all", || {
            with("promotion", "all").max_old_bytes(1 << 20)
        }),
        ("pages fail at 30", || tiny().fail_pages_at(30)),
        ("pages fail at 45", || tiny().fail_pages_at(45).max_spill_bytes(0)),
        ("pages fail at 60, promote all", || {
            with("promotion", "all").fail_pages_at(60)
        }),
    ]
}
