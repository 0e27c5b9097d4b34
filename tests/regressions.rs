//! Rare situations, one test for each: sizes at a threshold, objects that share a card, memory that runs out in the
//! middle of something.
//!
//! Every test checks contents against numbers that it knows and calls the verifier; most failed once, or fail when one
//! line of the collector is changed. What random programs find is in `model.rs`; what was found by them and reduced is
//! here.

#![forbid(unsafe_code)]

use tenure::prelude::*;

#[path = "regressions/barrier.rs"]
mod barrier;
#[path = "regressions/cycle.rs"]
mod cycle;
#[path = "regressions/evacuation.rs"]
mod evacuation;
#[path = "regressions/evacuation_owners.rs"]
mod evacuation_owners;
#[path = "regressions/hashes.rs"]
mod hashes;
#[path = "regressions/isolates.rs"]
mod isolates;
#[path = "regressions/limits.rs"]
mod limits;
#[path = "regressions/marking.rs"]
mod marking;
#[path = "regressions/marking_barrier.rs"]
mod marking_barrier;
#[path = "regressions/nursery.rs"]
mod nursery;
#[path = "regressions/slide.rs"]
mod slide;
#[path = "regressions/steps.rs"]
mod steps;

#[derive(Kind)]
struct Node {
    id: u64,
    any: Slot<Dyn<Lab>>,
}
#[derive(Kind)]
#[tail(Slot<Dyn<Lab>>)]
struct Array {
    id: u64,
}
/// Slots before the tail, which can lie in another card.
#[derive(Kind)]
#[tail(Slot<Dyn<Lab>>)]
struct Frame {
    id: u64,
    saved: [Slot<Dyn<Lab>>; 70],
}
#[derive(Kind)]
#[tail(u8)]
struct Bytes {
    id: u64,
}
#[derive(Kind)]
#[kind(pinned)]
struct Pinned {
    id: u64,
    any: Slot<Dyn<Lab>>,
}
/// Fills the old generation with few objects.
#[derive(Kind)]
#[kind(pinned)]
#[tail(Slot<Dyn<Lab>>)]
struct PinnedArray {
    id: u64,
}
object_model! { model Lab { kinds: [Node, Array, Frame, Bytes, Pinned, PinnedArray] } }

fn isolate(config: HeapConfig) -> Isolate<Lab> {
    Isolate::new(config, NoRootsInit {}).expect("a heap")
}

fn small() -> HeapConfig {
    HeapConfig::new()
        .semi_space_bytes(64 << 10)
        .max_spill_bytes(64 << 10)
        .max_old_bytes(16 << 20)
}

fn with(config: HeapConfig, flag: &str, value: &str) -> HeapConfig {
    let mut config = config;
    config.set_flag(flag, value).expect("a flag of the table");
    config
}

/// A heap on which survivors stay in the nursery until a major collection, and what is dead is overwritten.
fn retaining() -> HeapConfig {
    with(small(), "promotion", "never").poison(true)
}

fn reg(h: &Heap<Lab>, index: usize) -> Value<'_, Lab> {
    h.regs()[index].get()
}

fn clear(h: &Heap<Lab>, index: usize) {
    h.regs()[index].set(Value::nil());
}

/// Allocates a node in the nursery, into a register.
fn put_node(h: &mut Heap<Lab>, to: usize, id: u64, any: usize) {
    let (h, node) = h.alloc_with::<Node>(|h| NodeInit { id, any: reg(h, any) });
    h.regs()[to].set(node.to_value());
}

/// Allocates an array of nil, into a register.
fn put_array(h: &mut Heap<Lab>, to: usize, id: u64, length: usize) {
    let (h, array) = h.alloc_tail_zeroed_with::<Array>(length, |_| ArrayInit { id });
    h.regs()[to].set(array.to_value());
}

/// Allocates counting bytes, into a register.
fn put_bytes(h: &mut Heap<Lab>, to: usize, id: u64, length: usize) {
    let (h, bytes) = h.alloc_tail_with::<Bytes>(length, |_| BytesInit { id }, |_, i| i as u8);
    h.regs()[to].set(bytes.to_value());
}

fn array(h: &Heap<Lab>, index: usize) -> Gc<'_, Array> {
    reg(h, index).cast::<Array>().expect("an array")
}

fn node(value: Value<'_, Lab>) -> Gc<'_, Node> {
    value
        .cast::<Node>()
        .unwrap_or_else(|| panic!("a node expected, found {value:?}"))
}

fn check_bytes(value: Value<'_, Lab>, id: u64, length: usize) {
    let bytes = value.cast::<Bytes>().expect("bytes");
    assert_eq!((bytes.id(), bytes.len()), (id, length));
    assert!(
        bytes.tail().iter().enumerate().all(|(i, b)| b.get() == i as u8),
        "the bytes changed"
    );
}

#[track_caller]
fn check(h: &mut Heap<Lab>) {
    if let Err(e) = h.verify() {
        panic!("{e}");
    }
}

/// Fills memory below everything that lives with nodes that die at once: a stale reference then finds something else.
fn churn(h: &mut Heap<Lab>) {
    for id in 0..3000 {
        put_node(h, 200, u64::MAX - id, 201);
    }
    clear(h, 200);
}

/// Builds a list until nothing has room any more, nodes of the nursery first: `to` is the newest node, which is old,
/// `to + 1` the last one in the nursery.
fn fill_up(h: &Heap<Lab>, to: usize) {
    let mut list = Value::nil();
    let mut id = 0;
    h.regs()[to + 1].set(Value::nil());
    while let Ok(new) = h.try_alloc::<Node>(NodeInit { id, any: list }) {
        list = new.to_value();
        if id == 500 {
            h.regs()[to + 1].set(list);
        }
        id += 1;
    }
    h.regs()[to].set(list);
    assert!(id > 10_000, "{id} nodes");
}
