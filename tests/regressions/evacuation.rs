//! Between the end of marking and the last candidate block: what the program, minor collections and full ones do
//! meanwhile. Every block is a candidate, and each slice evacuates one.

use super::*;
use std::rc::Rc;
use tenure::events::{Clock, RecordingListener};

pub(super) const BARRIERS: [&str; 3] = ["owner", "insertion", "deletion"];

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

pub(super) const TICK_NS: u64 = 1000;

impl Clock for Ticking {
    fn now_ns(&self) -> u64 {
        self.0.set(self.0.get() + TICK_NS);
        self.0.get()
    }
}

pub(super) fn evacuating(barrier: &str) -> (HeapConfig, RecordingListener) {
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

pub(super) fn moved(listener: &RecordingListener) -> u64 {
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

/// Runs `scenario` under each barrier, after some slices of marking, or after 0 to 3 blocks were evacuated; finishes the
/// cycle, and checks that it moved something.
fn each(scenario: impl Fn(&mut Heap<Lab>), afterwards: impl Fn(&Heap<Lab>)) {
    for barrier in BARRIERS {
        for (slices, blocks) in [(0, 0), (1, 0), (25, 0), (45, 0), (0, 1), (0, 2), (0, 4)] {
            let (config, listener) = evacuating(barrier);
            let config = match barrier {
                "insertion" => with(config, "traversal", "prefetch"),
                "deletion" => config.mark_stack_entries(3),
                _ => config,
            };
            isolate(config).enter(|h| {
                build(h);
                let before = moved(&listener);
                let pinned = format!("{:?}", reg(h, PINNED));
                if blocks > 0 {
                    begin(h, blocks - 1);
                } else {
                    h.start_marking();
                    (0..slices).for_each(|_| one_slice(h));
                }
                scenario(h);
                check(h);
                for _ in 0..100 {
                    one_slice(h);
                }
                check(h);
                finish(h);
                assert!(moved(&listener) > before + 1000, "{barrier}, {blocks}: nothing moved");
                assert_eq!(pinned, format!("{:?}", reg(h, PINNED)));
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

/// Where they go: not into the first card, which is remembered from birth.
const FIRST: usize = 1000;

/// Fills `to` with the nodes of the array in register 10, of which there are 40, in a circle.
fn fill(h: &Heap<Lab>, to: usize, how: How) {
    match how {
        How::Owner => (0..40).for_each(|i| array(h, to).tail_set(h, FIRST + i, array(h, 10).tail_get(i))),
        How::Address => (0..40).for_each(|i| array(h, to).tail()[FIRST + i].set(h, array(h, 10).tail_get(i))),
        How::Bulk(count) => {
            let start = array(h, 11).len() - count;
            array(h, to).tail_copy_from(h, FIRST, array(h, 11), start..start + count);
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
                        assert_eq!(node(array(h, 13).tail_get(FIRST + i)).id(), expected as u64, "{what}");
                    }
                    h.collect();
                    check(h);
                });
            }
        }
    }
}

#[test]
fn objects_that_are_promoted_while_blocks_are_evacuated_refer_to_the_copies() {
    // A small array, one with cards, a large one; some kept by an old object, some by a root, and what dies.
    for minors in 0..3 {
        each(
            |h| {
                put_array(h, 30, 30, 40);
                put_array(h, 31, 31, 150);
                put_array(h, 32, 32, 5000);
                let region = &*h;
                let large = region.alloc_tail_zeroed::<Array>(20_000, ArrayInit { id: 33 });
                region.regs()[33].set(large.to_value());
                let dead = region.alloc_tail_zeroed::<Array>(20_000, ArrayInit { id: 34 });
                for (k, i) in some().enumerate() {
                    let value = entry(region, i).to_value();
                    array(region, 30).tail_set(region, k, value);
                    array(region, 31).tail_set(region, k * 3, value);
                    array(region, 32).tail_set(region, k * 100, value);
                    large.tail_set(region, k * 500, value);
                    dead.tail_set(region, k * 500, value);
                    dead.tail()[k].set(region, value);
                }
                large.tail_copy_from(region, 100, array(region, DIRECTORY), 0..10);
                large.tail_copy_from(region, 1000, array(region, DIRECTORY), 0..200);
                large.tail_copy_from(region, 10_001, array(region, 32), 0..5000);
                // Young: the old ones refer to them, as does a node that dies.
                node(reg(region, NODE)).set_any(region, reg(region, 30));
                array(region, LONG).tail_set(region, 999, reg(region, 31));
                array(region, LONG).tail_set(region, 500, large.to_value());
                clear(region, 30);
                for minor in 0..minors {
                    h.collect_minor();
                    check(h);
                    if minor == 0 {
                        one_slice(h);
                    }
                }
            },
            |h| {
                let small = node(reg(h, NODE)).any().cast::<Array>().expect("an array");
                for (k, i) in some().enumerate() {
                    let value = entry(h, i).to_value();
                    assert_eq!(small.tail_get(k), value);
                    assert_eq!(array(h, 31).tail_get(k * 3), value);
                    assert_eq!(array(h, 32).tail_get(k * 100), value);
                    assert_eq!(array(h, 33).tail_get(10_001 + k * 100), value);
                }
                for i in 0..10 {
                    assert_eq!(array(h, 33).tail_get(100 + i), entry(h, i).to_value());
                }
                for i in 0..200 {
                    assert_eq!(array(h, 33).tail_get(1000 + i), entry(h, i).to_value());
                }
                assert_eq!(array(h, LONG).tail_get(999), reg(h, 31));
                assert_eq!(array(h, LONG).tail_get(500), reg(h, 33));
            },
        );
    }
}

#[test]
fn slots_that_are_copied_in_bulk_while_blocks_are_evacuated_are_corrected() {
    for length in [10, 200, 1600] {
        for minors in 0..2 {
            each(
                |h| {
                    let region = &*h;
                    let directory = array(region, DIRECTORY);
                    array(region, LARGE).tail_copy_from(region, 3, directory, 0..length);
                    array(region, LARGE).tail_copy_within(region, 3..3 + length, 4100);
                    // 4096 slots and more are looked through in another way while a cycle marks.
                    array(region, LARGE).tail_copy_within(region, 3..5003, 10_001);
                    array(region, LONG).tail_copy_from(region, 7, directory, 100..100 + length.min(900));
                    array(region, LONG).tail_fill(region, 950..960, directory.tail_get(COUNT - 1));
                    entry(region, 5).tail_copy_from(region, 3, directory, 0..10);
                    for _ in 0..minors {
                        h.collect_minor();
                    }
                },
                |h| {
                    for i in 0..length {
                        let value = entry(h, i).to_value();
                        assert_eq!(array(h, LARGE).tail_get(3 + i), value);
                        assert_eq!(array(h, LARGE).tail_get(4100 + i), value);
                        assert_eq!(array(h, LARGE).tail_get(10_001 + i), value);
                    }
                    for i in 0..length.min(900) {
                        assert_eq!(array(h, LONG).tail_get(7 + i), entry(h, 100 + i).to_value());
                    }
                    assert_eq!(array(h, LONG).tail_get(955), entry(h, COUNT - 1).to_value());
                    for i in 0..10 {
                        assert_eq!(entry(h, 5).tail_get(3 + i), entry(h, i).to_value());
                    }
                },
            );
        }
    }
}

#[test]
fn roots_and_hashes_follow_the_copies() {
    for barrier in BARRIERS {
        for blocks in 0..4 {
            let (config, listener) = evacuating(barrier);
            isolate(config).enter(|h| {
                build(h);
                let before = moved(&listener);
                let mut hashes: Vec<u64> = (0..COUNT / 2).map(|i| entry(h, i).identity_hash(h)).collect();
                begin(h, blocks);
                hashes.extend((COUNT / 2..COUNT).map(|i| entry(h, i).identity_hash(h)));
                let global = h.global::<Dyn<Lab>>(entry(h, 7).to_value());
                h.push(entry(h, COUNT - 2).to_value()).expect("room");
                // Above the top of the register stack, and below it.
                h.regs()[255].set(entry(h, 900).to_value());
                h.regs()[90].set(entry(h, 901).to_value());
                h.push_frame(20).expect("room");
                h.regs()[0].set(Value::nil());
                h.scope(|s| {
                    let kept = s.local(entry_at(s, 20, 700));
                    for _ in 0..10 {
                        one_slice(s);
                        check(s);
                    }
                    assert_eq!(kept.get(s).to_value(), entry_at(s, 20, 700).to_value());
                });
                h.pop_frame(20);
                finish(h);
                assert!(moved(&listener) > before + 1000);
                assert_eq!(global.get(h), entry(h, 7).to_value());
                assert_eq!(h.pop(), entry(h, COUNT - 2).to_value());
                assert_eq!(reg(h, 255), entry(h, 900).to_value());
                assert_eq!(reg(h, 90), entry(h, 901).to_value());
                for _ in 0..2 {
                    for (i, hash) in hashes.iter().enumerate() {
                        assert_eq!(entry(h, i).identity_hash(h), *hash, "{barrier}: of array {i}");
                    }
                    check_world(h);
                    h.collect();
                }
            });
        }
    }
}

/// An entry of the directory, seen from a frame that lies `depth` registers higher.
fn entry_at<'h>(h: &'h Heap<Lab>, depth: usize, index: usize) -> Gc<'h, Array> {
    h.pop_frame(depth);
    let found = entry(h, index);
    h.push_frame(depth).expect("room");
    found
}

#[test]
fn remembered_slots_of_arrays_that_move_stay_remembered() {
    // Cards of young references: one slot of a card, several, and the whole; in arrays of many sizes that move.
    for barrier in BARRIERS {
        for blocks in 0..3 {
            for minor in [false, true] {
                let (config, listener) = evacuating(barrier);
                isolate(with(config, "promotion", "never").max_spill_bytes(2 << 20)).enter(|h| {
                    let lengths = [130, 190, 131, 700, 1000, 128, 16_000, 200, 5000, 300];
                    for (k, length) in lengths.into_iter().enumerate() {
                        put_array(h, 20 + k, k as u64, length);
                    }
                    h.collect();
                    let before = moved(&listener);
                    for k in 0..lengths.len() {
                        // Odd arrays have hashes, and grow when they move.
                        if k % 2 == 1 {
                            let _ = array(h, 20 + k).identity_hash(h);
                        }
                    }
                    begin(h, 0);
                    for (k, length) in lengths.into_iter().enumerate() {
                        for (n, at) in [0, 1, 64, length / 2, length - 1].into_iter().enumerate() {
                            put_node(h, 200, (k * 10 + n) as u64, 20 + (k + 1) % lengths.len());
                            array(h, 20 + k).tail_set(h, at, reg(h, 200));
                        }
                    }
                    clear(h, 200);
                    for _ in 0..blocks {
                        one_slice(h);
                        check(h);
                    }
                    if minor {
                        h.collect_minor();
                        check(h);
                    }
                    finish(h);
                    assert!(moved(&listener) >= before + lengths.len() as u64, "{barrier}");
                    for collections in 0..3 {
                        for (k, length) in lengths.into_iter().enumerate() {
                            for (n, at) in [0, 1, 64, length / 2, length - 1].into_iter().enumerate() {
                                let kept = node(array(h, 20 + k).tail_get(at));
                                let last = [0, 1, 64, length / 2, length - 1].iter().rposition(|a| *a == at);
                                assert_eq!(kept.id(), (k * 10 + last.unwrap_or(n)) as u64);
                                assert_eq!(kept.any(), reg(h, 20 + (k + 1) % lengths.len()));
                            }
                        }
                        if collections == 0 {
                            h.collect_minor();
                        } else {
                            h.collect();
                        }
                        check(h);
                    }
                });
            }
        }
    }
}

#[test]
fn a_block_with_too_many_incoming_slots_stays_and_the_others_move() {
    // Too many before marking, or only when blocks are evacuated already.
    for late in [false, true] {
        for blocks in 0..4 {
            let (config, listener) = evacuating("owner");
            isolate(config).enter(|h| {
                build(h);
                let many = |h: &Heap<Lab>| {
                    array(h, LARGE).tail_fill(h, 0..20_000, entry(h, 800).to_value());
                    array(h, LONG).tail_fill(h, 0..1000, entry(h, 3).to_value());
                };
                if !late {
                    many(h);
                }
                let before = moved(&listener);
                let address = format!("{:?}", entry(h, 800));
                begin(h, blocks);
                if late {
                    many(h);
                    h.collect_minor();
                }
                finish(h);
                let arrays = moved(&listener) - before;
                let stays = address == format!("{:?}", entry(h, 800));
                assert!(stays || late && blocks > 0, "a block with 20 000 incoming slots moved");
                assert!(arrays >= 500, "{arrays} moved");
                check_world(h);
                assert_eq!(array(h, LARGE).tail_get(19_999), entry(h, 800).to_value());
                assert_eq!(array(h, LONG).tail_get(999), entry(h, 3).to_value());
                h.collect();
                check_world(h);
            });
        }
    }
}

#[test]
fn an_evacuation_that_is_aborted_leaves_a_sound_heap() {
    for barrier in BARRIERS {
        for abort_at in [1, 2, 7, 500] {
            for blocks in 0..4 {
                let (config, listener) = evacuating(barrier);
                isolate(config.abort_evacuation_at(abort_at)).enter(|h| {
                    build(h);
                    let before = moved(&listener);
                    begin(h, blocks);
                    let region = &*h;
                    for i in some() {
                        entry(region, i).tail_set(region, 9, entry(region, COUNT - 1 - i).to_value());
                    }
                    if blocks % 2 == 0 {
                        h.collect_minor();
                    }
                    finish(h);
                    let count = moved(&listener) - before;
                    assert!(count <= 8 * (abort_at - 1), "{count} objects moved");
                    assert!(abort_at == 1 || count >= 2 * (abort_at - 1), "{count} objects moved");
                    for _ in 0..2 {
                        check_world(h);
                        for i in some() {
                            assert_eq!(entry(h, i).tail_get(9), entry(h, COUNT - 1 - i).to_value());
                        }
                        h.collect();
                    }
                });
            }
        }
    }
}

#[test]
fn collections_of_every_sort_may_come_before_the_next_block() {
    for barrier in BARRIERS {
        for blocks in 0..5 {
            for how in 0..7 {
                let (mut config, listener) = evacuating(barrier);
                if how == 5 {
                    config = config.max_old_bytes(3 << 20);
                }
                if how == 6 {
                    config = config.fail_pages_at(26 + blocks as u64);
                }
                isolate(config).enter(|h| {
                    build(h);
                    let before = moved(&listener);
                    begin(h, blocks);
                    let region = &*h;
                    for i in some() {
                        entry(region, i).tail_set(region, 9, entry(region, COUNT - 1 - i).to_value());
                    }
                    match how {
                        0 => h.collect(),
                        1 => h.compact(),
                        2 => h.start_marking(),
                        3 => {
                            h.idle_step(u64::MAX);
                        }
                        4 => {
                            h.collect_minor();
                            h.collect();
                            begin(h, blocks);
                        }
                        5 => {
                            // Until everything is full: the last resort, in the middle.
                            let mut failed = false;
                            for id in 0..200_000 {
                                let made = h.try_alloc_with::<Node, _>(|h| NodeInit { id, any: reg(h, 100) });
                                match made {
                                    Ok((h, node)) => h.regs()[100].set(node.to_value()),
                                    Err(_) => failed = true,
                                }
                                if failed {
                                    break;
                                }
                            }
                            assert!(failed);
                            check(h);
                            clear(h, 100);
                        }
                        _ => {
                            for id in 0..20_000 {
                                let made = h.try_alloc_with::<Node, _>(|h| NodeInit { id, any: reg(h, 100) });
                                if let Ok((h, node)) = made {
                                    h.regs()[100].set(node.to_value());
                                }
                            }
                            clear(h, 100);
                        }
                    }
                    check_world(h);
                    finish(h);
                    // Without memory to copy to, nothing needs to have been moved.
                    assert!(
                        how >= 5 || moved(&listener) > before + 1000,
                        "{barrier}, {blocks}, {how}"
                    );
                    for _ in 0..2 {
                        check_world(h);
                        for i in some() {
                            assert_eq!(entry(h, i).tail_get(9), entry(h, COUNT - 1 - i).to_value());
                        }
                        h.collect();
                    }
                });
            }
        }
    }
}

#[test]
fn an_object_that_is_pinned_after_the_choice_of_blocks_is_in_none_of_them() {
    for slices in 0..3 {
        let (config, listener) = evacuating("owner");
        isolate(config).enter(|h| {
            build_nodes(h);
            let before = moved(&listener);
            h.start_marking();
            (0..slices).for_each(|_| one_slice(h));
            let region = &*h;
            let pinned: Vec<String> = (0..100)
                .map(|i| {
                    let any = array(region, 10).tail_get(i % 40);
                    let pinned = region.alloc::<Pinned>(PinnedInit { id: i as u64, any });
                    region.regs()[100 + i].set(pinned.to_value());
                    format!("{pinned:?}")
                })
                .collect();
            check(h);
            finish(h);
            assert!(moved(&listener) > before + 40);
            for (i, address) in pinned.iter().enumerate() {
                let pinned = reg(h, 100 + i).cast::<Pinned>().expect("a pinned object");
                assert_eq!((format!("{pinned:?}"), pinned.id()), (address.clone(), i as u64));
                assert_eq!(pinned.any(), array(h, 10).tail_get(i % 40));
            }
        });
    }
}

#[test]
fn collections_of_every_sort_may_come_in_the_middle_of_marking() {
    for barrier in BARRIERS {
        for slices in [0, 1, 20, 45] {
            for how in 0..4 {
                let (config, listener) = evacuating(barrier);
                isolate(config).enter(|h| {
                    build(h);
                    let before = moved(&listener);
                    h.start_marking();
                    (0..slices).for_each(|_| one_slice(h));
                    let region = &*h;
                    for i in some() {
                        entry(region, i).tail_set(region, 9, entry(region, COUNT - 1 - i).to_value());
                    }
                    match how {
                        0 => h.collect(),
                        1 => h.compact(),
                        2 => {
                            h.collect_minor();
                            h.collect();
                        }
                        _ => {
                            h.idle_step(u64::MAX);
                        }
                    }
                    assert!(
                        how == 1 || moved(&listener) > before + 500,
                        "{barrier}, {slices}, {how}"
                    );
                    for _ in 0..2 {
                        check_world(h);
                        for i in some() {
                            assert_eq!(entry(h, i).tail_get(9), entry(h, COUNT - 1 - i).to_value());
                        }
                        h.start_marking();
                        finish(h);
                    }
                });
            }
        }
    }
}

#[test]
fn a_heap_can_be_dropped_before_the_next_block() {
    for blocks in 0..6 {
        let (config, _) = evacuating("owner");
        isolate(config).enter(|h| {
            build(h);
            begin(h, blocks);
            put_array(h, 20, 0, 20_000);
        });
    }
}
