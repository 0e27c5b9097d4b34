//! What keeps nothing alive, and what comes after death: weak slots and handles, tables of ephemerons, finalizers, native
//! resources, in situations that are rare or hostile.
//!
//! Every test checks contents against numbers that it knows and calls the verifier; each fails when a line of the collector
//! is changed. Random programs with the same operations are in `model.rs`.

#![forbid(unsafe_code)]

use std::rc::Rc;

use tenure::prelude::*;
use tenure::{WeakBoth, WeakKeys, WeakValues, Weakness};

#[path = "weak/chains.rs"]
mod chains;
#[path = "weak/cycles.rs"]
mod cycles;
#[path = "weak/evacuation.rs"]
mod evacuation;
#[path = "weak/finalizers.rs"]
mod finalizers;
#[path = "weak/natives.rs"]
mod natives;
#[path = "weak/slots.rs"]
mod slots;
#[path = "weak/tables.rs"]
mod tables;

#[derive(Kind)]
struct Node {
    id: u64,
    any: Slot<Dyn<Lab>>,
}
/// Holds no slots: lies among data.
#[derive(Kind)]
struct Leaf {
    id: u64,
}
#[derive(Kind)]
struct Watcher {
    id: u64,
    weak: WeakSlot<Dyn<Lab>>,
    any: Slot<Dyn<Lab>>,
    node: WeakSlot<Opt<Node>>,
}
#[derive(Kind)]
#[kind(pinned)]
struct PinnedWatcher {
    id: u64,
    weak: WeakSlot<Dyn<Lab>>,
}
/// A weak word before slots of any number: carded if there are many.
#[derive(Kind)]
#[tail(Slot<Dyn<Lab>>)]
struct Observers {
    id: u64,
    weak: WeakSlot<Dyn<Lab>>,
}
/// A weak word before bytes of any number: large without cards.
#[derive(Kind)]
#[tail(u8)]
struct Picture {
    id: u64,
    weak: WeakSlot<Dyn<Lab>>,
}
#[derive(Kind)]
#[tail(Slot<Dyn<Lab>>)]
struct Array {
    id: u64,
}
#[derive(Kind)]
struct File {
    id: u64,
    ticket: Native<Lab, Ticket>,
    any: Slot<Dyn<Lab>>,
}
object_model! {
    model Lab { kinds: [Node, Leaf, Watcher, PinnedWatcher, Observers, Picture, Array, File] }
}

/// A resource that counts how often it was dropped.
struct Ticket(Rc<Cell<u32>>);
impl NativeResource for Ticket {}
impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

const BARRIERS: [&str; 3] = ["owner", "insertion", "deletion"];

fn isolate(config: HeapConfig) -> Isolate<Lab> {
    Isolate::new(config, NoRootsInit {}).expect("a heap")
}

fn small() -> HeapConfig {
    HeapConfig::new()
        .semi_space_bytes(64 << 10)
        .max_spill_bytes(64 << 10)
        .max_old_bytes(64 << 20)
        .incremental_marking(false)
        .poison(true)
        .verify_heap(true)
}

/// The same without the verifier after each collection, for heaps of many objects.
fn roomy() -> HeapConfig {
    HeapConfig::new()
        .semi_space_bytes(1 << 20)
        .max_spill_bytes(1 << 20)
        .max_old_bytes(512 << 20)
        .incremental_marking(false)
}

fn with(config: HeapConfig, flag: &str, value: &str) -> HeapConfig {
    let mut config = config;
    config.set_flag(flag, value).expect("a flag of the table");
    config
}

/// One cycle after the other, in slices of one object, at every allocation: counting them brings each to the slow path.
fn slicing(barrier: &str) -> HeapConfig {
    with(with(small(), "barrier", barrier), "stress-incremental-marking", "true").gc_interval(u64::MAX)
}

fn reg(h: &Heap<Lab>, index: usize) -> Value<'_, Lab> {
    h.regs()[index].get()
}

fn set_reg(h: &Heap<Lab>, index: usize, value: Value<'_, Lab>) {
    h.regs()[index].set(value);
}

fn clear(h: &Heap<Lab>, index: usize) {
    h.regs()[index].set(Value::nil());
}

fn put_node(h: &mut Heap<Lab>, to: usize, id: u64, any: usize) {
    let (h, node) = h.alloc_with::<Node>(|h| NodeInit { id, any: reg(h, any) });
    set_reg(h, to, node.to_value());
}

fn put_leaf(h: &mut Heap<Lab>, to: usize, id: u64) {
    let (h, leaf) = h.alloc_with::<Leaf>(|_| LeafInit { id });
    set_reg(h, to, leaf.to_value());
}

fn put_array(h: &mut Heap<Lab>, to: usize, length: usize) {
    let (h, array) = h.alloc_tail_zeroed_with::<Array>(length, |_| ArrayInit { id: 0 });
    set_reg(h, to, array.to_value());
}

/// A watcher of what register `weak` holds.
fn put_watcher(h: &mut Heap<Lab>, to: usize, id: u64, weak: usize) {
    let (h, watcher) = h.alloc_with::<Watcher>(|h| WatcherInit {
        id,
        weak: reg(h, weak),
        any: Value::nil(),
        node: reg(h, weak).cast(),
    });
    set_reg(h, to, watcher.to_value());
}

fn put_file(h: &mut Heap<Lab>, to: usize, id: u64, dropped: &Rc<Cell<u32>>, bytes: usize) {
    let (h, file) = h.alloc_with::<File>(|h| FileInit {
        id,
        ticket: h.adopt(Ticket(Rc::clone(dropped)), bytes),
        any: Value::nil(),
    });
    set_reg(h, to, file.to_value());
}

fn put_table<W: Weakness>(h: &Heap<Lab>, to: usize) {
    let table = h.weak_table::<W>().expect("room for a table");
    set_reg(h, to, table.to_value());
}

fn table<W: Weakness>(h: &Heap<Lab>, index: usize) -> Gc<'_, WeakTable<Lab, W>> {
    reg(h, index).cast::<WeakTable<Lab, W>>().expect("a weak table")
}

fn keys(h: &Heap<Lab>, index: usize) -> Gc<'_, WeakTable<Lab, WeakKeys>> {
    table::<WeakKeys>(h, index)
}

fn array(h: &Heap<Lab>, index: usize) -> Gc<'_, Array> {
    reg(h, index).cast::<Array>().expect("an array")
}

fn node(value: Value<'_, Lab>) -> Gc<'_, Node> {
    value
        .cast::<Node>()
        .unwrap_or_else(|| panic!("a node expected, found {value:?}"))
}

fn watcher(h: &Heap<Lab>, index: usize) -> Gc<'_, Watcher> {
    reg(h, index).cast::<Watcher>().expect("a watcher")
}

fn id_of(value: Value<'_, Lab>) -> Option<u64> {
    if let Some(node) = value.cast::<Node>() {
        Some(node.id())
    } else if let Some(leaf) = value.cast::<Leaf>() {
        Some(leaf.id())
    } else if let Some(watcher) = value.cast::<Watcher>() {
        Some(watcher.id())
    } else {
        value.cast::<File>().map(|file| file.id())
    }
}

#[track_caller]
fn check(h: &mut Heap<Lab>) {
    if let Err(e) = h.verify() {
        panic!("{e}");
    }
}

/// Makes garbage where something dead may have lain: a stale reference then finds something else.
fn churn(h: &mut Heap<Lab>) {
    for id in 0..3000 {
        put_node(h, 200, u64::MAX - id, 201);
    }
    clear(h, 200);
}

/// What comes out of the queue, by id.
fn drain(h: &Heap<Lab>) -> Vec<u64> {
    std::iter::from_fn(|| h.next_finalizable())
        .map(|value| id_of(value).expect("an object with an id"))
        .collect()
}

fn register(h: &Heap<Lab>, index: usize, priority: u8) {
    let value = reg(h, index);
    if let Some(node) = value.cast::<Node>() {
        h.register_finalizer(node, priority);
    } else if let Some(leaf) = value.cast::<Leaf>() {
        h.register_finalizer(leaf, priority);
    } else if let Some(watcher) = value.cast::<Watcher>() {
        h.register_finalizer(watcher, priority);
    } else {
        h.register_finalizer(value.cast::<File>().expect("a file"), priority);
    }
}
