//! Between the end of marking and the last candidate block: what the program, minor collections and full ones do
//! meanwhile. Every block is a candidate, and each slice evacuates one.

use super::*;
use std::rc::Rc;
use tenure::events::{Clock, RecordingListener};

const BARRIERS: [&str; 3] = ["owner", "insertion", "deletion"];

/// Arrays that the world consists of: they fill four blocks.
const COUNT: usize = 1600;

/// Slots of each.
const LENGTH: usize = 60;

/// Registers of the world: the directory of all arrays, an old node, a pinned one, a long array beside the directory,
/// and a large array.
const DIRECTORY: usize = 0;
const NODE: usize = 1;
const PINNED: usize = 2;
const LONG: usize = 3;
const LARGE: usize = 4;

/// A clock that moves on by a tick with each reading.
#[derive(Clone, Debug, Default)]
struct Ticking(Rc<Cell<u64>>);

const TICK_NS: u64 = 1000;

impl Clock for Ticking {
    fn now_ns(&self) -> u64 {
        self.0.set(self.0.get() + TICK_NS);
        self.0.get()
    }
}

fn evacuating(barrier: &str) -> (HeapConfig, RecordingListener) {
    let listener = RecordingListener::new();
    let config = with(with(small(), "compact", "evacuate"), "barrier", barrier)
        .semi_space_bytes(1 << 20)
        .max_spill_bytes(1 << 20)
        .initial_old_limit_bytes(12 << 20)
        .mark_step_bytes(1 << 30)
        .stress_compaction(true)
        .stress_phases(true)
        .incremental_marking(true)
        .poison(true)
        .clock(Ticking::default())
        .listener(listener.clone());
    (config, listener)
}

fn moved(listener: &RecordingListener) -> u64 {
    listener.records().iter().map(|record| record.moved_objects).sum()
}

/// Runs one slice.
fn one_slice(h: &mut Heap<Lab>) {
    let now_ns = h.now_ns();
    h.step(now_ns + 2 * TICK_NS);
}

/// Runs slices until nothing is left.
fn finish(h: &mut Heap<Lab>) {
    assert_eq!(h.step(u64::MAX), tenure::Progress::Done);
    check(h);
}

/// Marks, and evacuates `blocks` blocks.
fn begin(h: &mut Heap<Lab>, blocks: usize) {
    let majors = h.statistics().major_collections;
    h.start_marking();
    for _ in 0..10_000 {
        one_slice(h);
        if h.statistics().major_collections > majors {
            for _ in 0..blocks {
                one_slice(h);
            }
            check(h);
            return;
        }
    }
    panic!("marking does not end");
}

fn entry(h: &Heap<Lab>, index: usize) -> Gc<'_, Array> {
    array(h, DIRECTORY)
        .tail_get(index)
        .cast::<Array>()
        .expect("an array of the world")
}

/// The array that the one at `index` refers to.
fn linked(index: usize) -> usize {
    (index * 7 + 3) % COUNT
}

/// Builds arrays that refer to one another across blocks, and the objects in the other registers.
fn build(h: &mut Heap<Lab>) {
    put_array(h, DIRECTORY, 0, COUNT);
    for i in 0..COUNT {
        put_array(h, 200, i as u64, LENGTH);
        array(h, DIRECTORY).tail_set(h, i, reg(h, 200));
    }
    clear(h, 200);
    let region = &*h;
    for i in 0..COUNT {
        entry(region, i).tail_set(region, 0, entry(region, linked(i)).to_value());
    }
    put_node(h, NODE, 1, 201);
    put_array(h, LONG, 3, 1000);
    put_array(h, LARGE, 4, 20_000);
    h.collect();
    let region = &*h;
    let any = Value::nil();
    let pinned = region.alloc::<Pinned>(PinnedInit { id: 2, any });
    region.regs()[PINNED].set(pinned.to_value());
    check(h);
}

#[track_caller]
fn check_world(h: &mut Heap<Lab>) {
    check(h);
    for i in 0..COUNT {
        let here = entry(h, i);
        assert_eq!((here.id(), here.len()), (i as u64, LENGTH));
        assert_eq!(here.tail_get(0), entry(h, linked(i)).to_value(), "array {i}");
    }
}

/// Runs `scenario` under each barrier, after 0 to 4 blocks were evacuated; finishes the evacuation, and checks that it
/// moved something.
fn each(scenario: impl Fn(&mut Heap<Lab>), afterwards: impl Fn(&Heap<Lab>)) {
    for barrier in BARRIERS {
        for blocks in 0..5 {
            let (config, listener) = evacuating(barrier);
            isolate(config).enter(|h| {
                build(h);
                let before = moved(&listener);
                begin(h, blocks);
                scenario(h);
                check(h);
                for _ in 0..8 {
                    one_slice(h);
                    check(h);
                }
                finish(h);
                assert!(moved(&listener) > before + 1000, "{barrier}, {blocks}: nothing moved");
                check_world(h);
                afterwards(h);
                h.collect();
                check_world(h);
                afterwards(h);
            });
        }
    }
}

/// Indices of arrays in all blocks.
fn some() -> impl Iterator<Item = usize> {
    (0..COUNT).step_by(COUNT / 40).take(40)
}

#[test]
fn slots_that_are_stored_to_while_blocks_are_evacuated_are_corrected() {
    for by_address in [false, true] {
        for minors in 0..3 {
            each(
                |h| {
                    let region = &*h;
                    for (k, i) in some().enumerate() {
                        let value = entry(region, i).to_value();
                        // Into a candidate, a block with pinned objects, a long array, a large one.
                        if by_address {
                            entry(region, (i + 1) % COUNT).tail()[5].set(region, value);
                            array(region, LONG).tail()[k * 20].set(region, value);
                            array(region, LARGE).tail()[k * 500].set(region, value);
                        } else {
                            entry(region, (i + 1) % COUNT).tail_set(region, 5, value);
                            array(region, LONG).tail_set(region, k * 20, value);
                            array(region, LARGE).tail_set(region, k * 500, value);
                        }
                    }
                    let value = entry(region, COUNT - 1).to_value();
                    let pinned = reg(region, PINNED).cast::<Pinned>().expect("a pinned object");
                    if by_address {
                        node(reg(region, NODE)).get().any.set(region, value);
                        pinned.get().any.set(region, value);
                    } else {
                        node(reg(region, NODE)).set_any(region, value);
                        pinned.set_any(region, value);
                    }
                    for _ in 0..minors {
                        h.collect_minor();
                        check(h);
                    }
                },
                |h| {
                    for (k, i) in some().enumerate() {
                        let value = entry(h, i).to_value();
                        assert_eq!(entry(h, (i + 1) % COUNT).tail_get(5), value);
                        assert_eq!(array(h, LONG).tail_get(k * 20), value);
                        assert_eq!(array(h, LARGE).tail_get(k * 500), value);
                    }
                    let value = entry(h, COUNT - 1).to_value();
                    assert_eq!(node(reg(h, NODE)).any(), value);
                    assert_eq!(reg(h, PINNED).cast::<Pinned>().expect("a pinned object").any(), value);
                },
            );
        }
    }
}

/// How references get into a long array.
#[derive(Clone, Copy, Debug)]
enum How {
    Owner,
    Address,
    Bulk(usize),
}

const WAYS: [How; 5] = [How::Owner, How::Address, How::Bulk(10), How::Bulk(200), How::Bulk(5000)];

/// Fills `to` with the nodes of the array in register 10, of which there are 40, in a circle.
fn fill(h: &Heap<Lab>, to: usize, how: How) {
    match how {
        How::Owner => (0..40).for_each(|i| array(h, to).tail_set(h, i, array(h, 10).tail_get(i))),
        How::Address => (0..40).for_each(|i| array(h, to).tail()[i].set(h, array(h, 10).tail_get(i))),
        How::Bulk(count) => {
            let start = array(h, 11).len() - count;
            array(h, to).tail_copy_from(h, 0, array(h, 11), start..start + count);
        }
    }
}

/// An old array of 40 old nodes in register 10, and an old one of 5000 slots in register 11 that repeats them.
fn build_nodes(h: &mut Heap<Lab>) {
    put_array(h, 10, 0, 40);
    put_array(h, 11, 0, 5000);
    for i in 0..40 {
        put_node(h, 200, i as u64, 201);
        array(h, 10).tail_set(h, i, reg(h, 200));
        (i..5000)
            .step_by(40)
            .for_each(|k| array(h, 11).tail_set(h, k, reg(h, 200)));
    }
    clear(h, 200);
    h.collect();
}

#[test]
fn old_objects_that_only_a_young_long_array_refers_to_are_found_without_a_minor_collection() {
    for barrier in BARRIERS {
        for how in WAYS {
            // Before the cycle, in the middle of marking, when marking has ended, and when a block is done.
            for when in 0..5 {
                let (config, listener) = evacuating(barrier);
                isolate(config).enter(|h| {
                    let what = format!("{barrier}, {how:?}, {when}");
                    build_nodes(h);
                    // Marked last.
                    for i in 0..1000 {
                        put_node(h, 12, i, 12);
                    }
                    h.collect();
                    let before = moved(&listener);
                    let region = &*h;
                    let young = region.alloc_tail_zeroed::<Array>(20_000, ArrayInit { id: 5 });
                    region.regs()[13].set(young.to_value());
                    match when {
                        0 => {}
                        1 => h.start_marking(),
                        2 => {
                            h.start_marking();
                            one_slice(h);
                        }
                        _ => begin(h, when - 3),
                    }
                    fill(h, 13, how);
                    let region = &*h;
                    array(region, 10).tail_fill(region, 0..40, Value::nil());
                    array(region, 11).tail_fill(region, 0..5000, Value::nil());
                    check(h);
                    let minors = h.statistics().minor_collections;
                    finish(h);
                    if when == 0 {
                        h.start_marking();
                        finish(h);
                    }
                    assert_eq!(h.statistics().minor_collections, minors, "{what}");
                    assert!(moved(&listener) > before + 500, "{what}");
                    for i in 0..40.min(if let How::Bulk(count) = how { count } else { 40 }) {
                        let expected = if let How::Bulk(count) = how {
                            (5000 - count + i) % 40
                        } else {
                            i
                        };
                        assert_eq!(node(array(h, 13).tail_get(i)).id(), expected as u64, "{what}");
                    }
                    h.collect();
                    check(h);
                });
            }
        }
    }
}

/// A model with slots first in its objects, numbers after them, and roots of its own.
mod ward {
    use tenure::prelude::*;

    #[derive(Kind)]
    pub(super) struct Cons {
        pub(super) first: Slot<Dyn<Ward>>,
        pub(super) rest: Slot<Dyn<Ward>>,
    }
    #[derive(Kind)]
    #[kind(pinned)]
    pub(super) struct Stone {
        pub(super) any: Slot<Dyn<Ward>>,
        pub(super) next: Slot<Dyn<Ward>>,
    }
    #[derive(Kind)]
    #[tail(u64)]
    pub(super) struct Numbers {
        pub(super) any: Slot<Dyn<Ward>>,
    }
    #[derive(Kind)]
    #[tail(Slot<Dyn<Ward>>)]
    pub(super) struct Table {
        pub(super) any: Slot<Dyn<Ward>>,
    }
    #[derive(Roots)]
    pub(super) struct Roots {
        pub(super) count: u64,
        pub(super) first: Root<Dyn<Ward>>,
        pub(super) second: Root<Opt<Cons>>,
    }
    object_model! { pub(super) model Ward { roots: Roots, kinds: [Cons, Stone, Numbers, Table] } }
}

use ward::{
    Cons, ConsFields, ConsInit, Numbers, NumbersFields, NumbersInit, Stone, StoneFields, StoneInit, Table, TableInit, Ward,
};

fn ward(config: HeapConfig) -> Isolate<Ward> {
    let roots = ward::RootsInit {
        count: 0,
        first: Value::nil(),
        second: None,
    };
    Isolate::new(config, roots).expect("a heap")
}

fn ward_slice(h: &mut Heap<Ward>) {
    let now_ns = h.now_ns();
    h.step(now_ns + 2 * TICK_NS);
}

/// Marks until only evacuation and sweeping are left.
fn ward_mark(h: &mut Heap<Ward>) {
    let majors = h.statistics().major_collections;
    h.start_marking();
    for _ in 0..10_000 {
        if h.statistics().major_collections > majors {
            return;
        }
        ward_slice(h);
    }
    panic!("marking does not end");
}

/// Makes a list of `count` conses and promotes it: it is in the root `first` then.
fn ward_list(h: &mut Heap<Ward>, count: i64) {
    for i in 0..count {
        let (h, cons) = h.alloc_with::<Cons>(|h| ConsInit {
            first: Value::int(i),
            rest: h.roots().first.get(),
        });
        h.roots().first.set(cons.to_value());
    }
    h.collect();
}

fn cons(value: Value<'_, Ward>) -> Gc<'_, Cons> {
    value.cast::<Cons>().expect("a cons")
}

/// What an object's word would be.
fn address(value: Value<'_, Ward>) -> u64 {
    let text = format!("{value:?}");
    let (_, digits) = text.split_once("@0x").expect("an address");
    u64::from_str_radix(digits, 16).expect("a hexadecimal number")
}

#[test]
fn numbers_where_a_dead_owner_was_are_not_taken_for_references() {
    for barrier in BARRIERS {
        let (config, listener) = evacuating(barrier);
        ward(with(config, "promotion", "all")).enter(|h| {
            let region = &*h;
            for _ in 0..9000 {
                let (any, next) = (Value::nil(), region.regs()[0].get());
                let stone = region.alloc::<Stone>(StoneInit { any, next });
                region.regs()[0].set(stone.to_value());
            }
            ward_list(h, 40_000);
            let region = &*h;
            let mut words = Vec::new();
            let (mut stone, mut list) = (region.regs()[0].get(), region.roots().first.get());
            while let Some(here) = stone.cast::<Stone>() {
                here.set_any(region, list);
                words.push(address(list));
                stone = here.next();
                list = cons(cons(list).rest()).rest();
            }
            h.regs()[0].set(Value::nil());
            let before = moved(&listener);
            h.start_marking();
            h.collect_minor();
            ward_mark(h);
            h.verify().expect("a sound heap");
            // Where the stones were. Each number is the address of something that moves.
            for i in 0..1200 {
                let (h, numbers) = h.alloc_tail_with::<Numbers>(
                    30,
                    |h| NumbersInit {
                        any: h.regs()[0].get(),
                    },
                    |_, k| words[(i * 30 + k) % words.len()],
                );
                h.regs()[0].set(numbers.to_value());
            }
            h.collect_minor();
            while h.step(u64::MAX) == tenure::Progress::More {}
            assert!(moved(&listener) > before + 10_000);
            h.verify().expect("a sound heap");
            let mut next = h.regs()[0].get();
            for i in (0..1200).rev() {
                let numbers = next.cast::<Numbers>().expect("numbers");
                for (k, word) in numbers.tail().iter().enumerate() {
                    assert_eq!(word.get(), words[(i * 30 + k) % words.len()], "{barrier}: number {k} of {i}");
                }
                next = numbers.any();
            }
        });
    }
}

#[test]
fn pages_of_a_dead_owner_are_not_looked_at() {
    // Without incremental marking, what is dead and large is given back by the next minor collection.
    for barrier in BARRIERS {
        let (config, listener) = evacuating(barrier);
        ward(config.incremental_marking(false)).enter(|h| {
            ward_list(h, 40_000);
            let region = &*h;
            let table = region.alloc_tail_zeroed::<Table>(30_000, TableInit { any: Value::nil() });
            region.regs()[0].set(table.to_value());
            h.collect_minor();
            let before = moved(&listener);
            let region = &*h;
            let table = region.regs()[0].get().cast::<Table>().expect("a table");
            let mut list = region.roots().first.get();
            // Not so many for each block that it is given up.
            for i in 0..10_000 {
                table.tail_set(region, i * 3, list);
                list = cons(cons(cons(list).rest()).rest()).rest();
            }
            region.regs()[0].set(Value::nil());
            h.start_marking();
            h.collect_minor();
            let majors = h.statistics().major_collections;
            while h.statistics().major_collections == majors {
                h.idle_step(u64::MAX);
            }
            h.collect_minor();
            assert_eq!(h.statistics().sizes.large_committed_bytes, 0, "{barrier}");
            h.collect();
            assert!(moved(&listener) > before + 10_000);
            h.verify().expect("a sound heap");
        });
    }
}
