//! Between the end of marking and the last candidate block: new weak references to what is about to move.

use super::*;
use tenure::WeakGlobal;
use tenure::events::{Clock, RecordingListener};

/// A clock that moves on by a tick with each reading: a step does one slice.
#[derive(Clone, Debug, Default)]
struct Ticking(Rc<Cell<u64>>);

const TICK_NS: u64 = 1000;

impl Clock for Ticking {
    fn now_ns(&self) -> u64 {
        self.0.set(self.0.get() + TICK_NS);
        self.0.get()
    }
}

/// Every block is a candidate, and each slice evacuates one.
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
        .verify_heap(false)
        .clock(Ticking::default())
        .listener(listener.clone());
    (config, listener)
}

fn moved(listener: &RecordingListener) -> u64 {
    listener.records().iter().map(|record| record.moved_objects).sum()
}

fn one_slice(h: &mut Heap<Lab>) {
    let now_ns = h.now_ns();
    h.step(now_ns + 2 * TICK_NS);
}

/// Marks, and evacuates `blocks` blocks.
fn begin(h: &mut Heap<Lab>, blocks: usize) {
    let majors = h.statistics().major_collections;
    h.start_marking();
    for _ in 0..20_000 {
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

const COUNT: usize = 24_000;

/// Nodes that fill several blocks, in the array of register 0.
fn build(h: &mut Heap<Lab>) {
    put_array(h, 0, COUNT);
    for i in 0..COUNT {
        put_node(h, 1, i as u64, 201);
        array(h, 0).tail_set(h, i, reg(h, 1));
    }
    clear(h, 1);
    h.collect();
}

/// Runs `during` when marking has ended and some blocks are evacuated, and `after` when all are.
fn each<T>(during: impl Fn(&mut Heap<Lab>) -> T, after: impl Fn(&mut Heap<Lab>, &T)) {
    for barrier in BARRIERS {
        for blocks in 0..3 {
            for minors in 0..2 {
                let (config, listener) = evacuating(barrier);
                isolate(config).enter(|h| {
                    build(h);
                    begin(h, blocks);
                    let before = moved(&listener);
                    let made = during(h);
                    for _ in 0..minors {
                        h.collect_minor();
                        check(h);
                    }
                    assert_eq!(h.step(u64::MAX), tenure::Progress::Done);
                    assert!(moved(&listener) > before + 1000, "nothing moved afterwards");
                    check(h);
                    churn(h);
                    after(h, &made);
                    h.collect();
                    check(h);
                    after(h, &made);
                });
            }
        }
    }
}

#[test]
fn weak_handles_that_are_made_or_set_between_slices_follow() {
    each(
        |h| {
            let handles: Vec<WeakGlobal<Opt<Node>>> = (0..COUNT)
                .step_by(500)
                .map(|i| {
                    let value = array(h, 0).tail_get(i);
                    if i % 1000 == 0 {
                        h.weak_global(value.cast())
                    } else {
                        let handle = h.weak_global(None);
                        handle.set(h, value.cast());
                        handle
                    }
                })
                .collect();
            handles
        },
        |h, handles| {
            for (n, handle) in handles.iter().enumerate() {
                let node = handle.get(h).expect("alive");
                assert_eq!(node.id(), n as u64 * 500);
                assert!(node.to_value() == array(h, 0).tail_get(n * 500), "the same object");
            }
        },
    );
}

#[test]
fn finalizers_that_are_registered_between_slices_follow() {
    each(
        |h| {
            for i in (0..COUNT).step_by(500) {
                h.register_finalizer(node(array(h, 0).tail_get(i)), 0);
            }
        },
        |h, ()| {
            if h.unregister_finalizer(node(array(h, 0).tail_get(0))) == 0 {
                return;
            }
            for i in (500..COUNT).step_by(500) {
                array(h, 0).tail_set(h, i, Value::nil());
            }
            h.collect();
            let expected: Vec<u64> = (1..COUNT as u64 / 500).rev().map(|n| n * 500).collect();
            assert_eq!(drain(h), expected);
        },
    );
}

#[test]
fn finalizers_that_are_taken_back_between_slices_are_gone() {
    for barrier in BARRIERS {
        for blocks in 0..3 {
            for all in [false, true] {
                let (config, _) = evacuating(barrier);
                isolate(config).enter(|h| {
                    build(h);
                    for i in (0..COUNT).step_by(500) {
                        h.register_finalizer(node(array(h, 0).tail_get(i)), 0);
                    }
                    begin(h, blocks);
                    for i in (0..COUNT).step_by(1000) {
                        assert_eq!(h.unregister_finalizer(node(array(h, 0).tail_get(i))), 1);
                    }
                    if all {
                        h.finalize_all();
                    }
                    assert_eq!(h.step(u64::MAX), tenure::Progress::Done);
                    check(h);
                    let expected: Vec<u64> = (0..COUNT as u64 / 1000).rev().map(|n| n * 1000 + 500).collect();
                    if !all {
                        for i in (0..COUNT).step_by(500) {
                            array(h, 0).tail_set(h, i, Value::nil());
                        }
                        h.collect();
                    }
                    assert_eq!(drain(h), expected, "{barrier}, {blocks} blocks, all {all}");
                });
            }
        }
    }
}

#[test]
fn weak_words_and_pairs_of_old_and_young_objects_follow() {
    for barrier in BARRIERS {
        for blocks in 0..3 {
            let (config, listener) = evacuating(barrier);
            isolate(config).enter(|h| {
                build(h);
                put_array(h, 2, 60);
                put_table::<WeakKeys>(h, 3);
                put_table::<WeakBoth>(h, 4);
                let fill = |h: &mut Heap<Lab>, from: usize| {
                    for n in from..from + 30 {
                        let i = n * 300;
                        set_reg(h, 5, array(h, 0).tail_get(i));
                        put_watcher(h, 6, i as u64, 5);
                        array(h, 2).tail_set(h, n, reg(h, 6));
                        let other = array(h, 0).tail_get(i + 100);
                        keys(h, 3).insert(h, reg(h, 5), other).expect("room");
                        table::<WeakBoth>(h, 4).insert(h, reg(h, 5), other).expect("room");
                    }
                    clear(h, 5);
                    clear(h, 6);
                };
                fill(h, 0);
                h.collect();
                begin(h, blocks);
                let before = moved(&listener);
                fill(h, 30);
                // An old watcher that refers to another object from now on, and a large young table.
                let watcher = array(h, 2).tail_get(0).cast::<Watcher>().expect("a watcher");
                watcher.set_weak(h, array(h, 0).tail_get(23_999));
                put_table::<WeakKeys>(h, 7);
                for i in 0..9000 {
                    let key = array(h, 0).tail_get(i * 2);
                    keys(h, 7).insert(h, key, Value::int(i as i64)).expect("room");
                }
                check(h);
                assert_eq!(h.step(u64::MAX), tenure::Progress::Done);
                assert!(moved(&listener) > before + 1000);
                for _ in 0..2 {
                    check(h);
                    churn(h);
                    for n in 0..60 {
                        let (here, other) = (array(h, 0).tail_get(n * 300), array(h, 0).tail_get(n * 300 + 100));
                        let watcher = array(h, 2).tail_get(n).cast::<Watcher>().expect("a watcher");
                        let expected = if n == 0 { array(h, 0).tail_get(23_999) } else { here };
                        assert!(watcher.weak().get(h) == expected, "watcher {n}");
                        assert!(watcher.node().get(h).map(Gc::to_value) == Some(here), "watcher {n}");
                        assert!(keys(h, 3).find(h, here) == Some(other), "pair {n}");
                        assert!(table::<WeakBoth>(h, 4).find(h, here) == Some(other), "pair {n}");
                    }
                    for i in 0..9000 {
                        let key = array(h, 0).tail_get(i * 2);
                        assert_eq!(keys(h, 7).find(h, key), Some(Value::int(i as i64)));
                    }
                    h.collect();
                }
            });
        }
    }
}

#[test]
fn resources_and_finalizers_of_objects_that_move_are_theirs_still() {
    for barrier in BARRIERS {
        let (config, listener) = evacuating(barrier);
        let dropped = Rc::new(Cell::new(0));
        isolate(config).enter(|h| {
            put_array(h, 0, 3000);
            for i in 0..3000 {
                put_file(h, 1, i as u64, &dropped, 0);
                if i % 3 == 0 {
                    register(h, 1, (i % 7) as u8);
                }
                array(h, 0).tail_set(h, i, reg(h, 1));
            }
            clear(h, 1);
            h.collect();
            let before = moved(&listener);
            for _ in 0..2 {
                h.start_marking();
                assert_eq!(h.step(u64::MAX), tenure::Progress::Done);
                check(h);
            }
            assert!(moved(&listener) > before + 1000);
            for i in 0..3000 {
                if i % 2 == 0 {
                    array(h, 0).tail_set(h, i, Value::nil());
                }
            }
            h.start_marking();
            assert_eq!(h.step(u64::MAX), tenure::Progress::Done);
            h.collect();
            assert_eq!(dropped.get(), 1000, "{barrier}: of those that nobody finalizes");
            assert_eq!(drain(h).len(), 500);
            h.collect();
            assert_eq!(dropped.get(), 1500);
            for i in (1..3000).step_by(2) {
                let file = array(h, 0).tail_get(i).cast::<File>().expect("a file");
                assert_eq!((file.id(), file.ticket().get(h).0.get()), (i as u64, 1500));
            }
        });
    }
}
