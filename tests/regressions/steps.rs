//! Work at times that the program chooses: `step`, `idle_step`, `start_marking`, and the goal for pauses. The clock moves
//! on by a tick with each reading, so that what fits in a step does not depend on the machine.

use super::*;
use std::cell::RefCell;
use std::rc::Rc;
use tenure::Progress;
use tenure::events::{Clock, CollectionKind, Event, Phase, RecordingListener};

const BARRIERS: [&str; 3] = ["owner", "insertion", "deletion"];

#[derive(Clone, Debug)]
struct Ticking {
    now_ns: Rc<Cell<u64>>,
    tick_ns: u64,
}

impl Ticking {
    fn new(tick_ns: u64) -> Ticking {
        Ticking {
            now_ns: Rc::default(),
            tick_ns,
        }
    }
}

impl Clock for Ticking {
    fn now_ns(&self) -> u64 {
        self.now_ns.set(self.now_ns.get() + self.tick_ns);
        self.now_ns.get()
    }
}

fn stepping(barrier: &str, clock: &Ticking) -> HeapConfig {
    with(small(), "barrier", barrier)
        .semi_space_bytes(1 << 20)
        .initial_old_limit_bytes(12 << 20)
        .incremental_marking(true)
        .clock(clock.clone())
}

/// A list of `count` nodes, in register 0.
fn put_list(h: &mut Heap<Lab>, count: u64) {
    for id in 0..count {
        put_node(h, 0, id, 0);
    }
}

/// Keeps one node of `of` in the list of register 0.
fn thin_out(h: &Heap<Lab>, of: usize) {
    let mut kept = node(reg(h, 0));
    loop {
        let mut next = kept.any();
        for _ in 1..of {
            next = if next.is_nil() { next } else { node(next).any() };
        }
        kept.set_any(h, next);
        if next.is_nil() {
            return;
        }
        kept = node(next);
    }
}

#[test]
fn a_loop_that_only_steps_finishes_a_cycle_and_overruns_by_little() {
    for barrier in BARRIERS {
        // Ticks that a step has; 2 are for the readings before its first piece of work.
        for ticks in [2, 3, 5, 20, 1000] {
            let clock = Ticking::new(1000);
            isolate(stepping(barrier, &clock)).enter(|h| {
                put_list(h, 20_000);
                put_array(h, 1, 1, 50_000);
                h.collect();
                thin_out(h, 10);
                clear(h, 1);
                let majors = h.statistics().major_collections;
                h.start_marking();
                let mut steps = 0;
                loop {
                    let deadline_ns = h.now_ns() + ticks * clock.tick_ns;
                    let progress = h.step(deadline_ns);
                    let overrun_ns = clock.now_ns.get().saturating_sub(deadline_ns);
                    assert!(
                        overrun_ns <= 16 * clock.tick_ns,
                        "{overrun_ns} ns over, {barrier}, {ticks}"
                    );
                    steps += 1;
                    if progress == Progress::Done {
                        break;
                    }
                    assert!(steps < 2000, "{barrier}, {ticks}: no end");
                }
                check(h);
                assert_eq!(h.statistics().major_collections, majors + 1);
                assert!(ticks > 3 || steps > 3, "{steps} steps");
                let sizes = h.statistics().sizes;
                assert_eq!((sizes.old_used_bytes, sizes.large_used_bytes), (2000 * 24, 0));
            });
        }
    }
}

#[test]
fn short_steps_finish_a_cycle_although_much_is_remembered() {
    for barrier in BARRIERS {
        let clock = Ticking::new(1000);
        isolate(with(stepping(barrier, &clock), "promotion", "never")).enter(|h| {
            put_list(h, 10_000);
            h.collect();
            put_node(h, 1, 7, 201);
            // All of them refer to a young object, and each attempt at the last pause looks through them.
            let region = &*h;
            let mut next = reg(region, 0);
            for _ in 0..3000 {
                let owner = node(next);
                next = owner.any();
                owner.set_any(region, reg(region, 1));
                region.push(owner.to_value()).expect("room");
            }
            clear(region, 0);
            let majors = h.statistics().major_collections;
            h.start_marking();
            let mut steps = 0;
            while h.step(clock.now_ns.get() + 2 * clock.tick_ns) == Progress::More {
                steps += 1;
                assert!(steps < 3000, "{barrier}: no end");
            }
            assert_eq!(h.statistics().major_collections, majors + 1);
            check(h);
        });
    }
}

#[test]
fn idle_steps_make_the_heap_small_and_then_rest() {
    for incremental in [true, false] {
        for compaction in ["auto", "evacuate"] {
            let clock = Ticking::new(200);
            let config = with(HeapConfig::new(), "compact", compaction)
                .max_old_bytes(256 << 20)
                .incremental_marking(incremental)
                .clock(clock.clone());
            isolate(config).enter(|h| {
                // 40 MB.
                put_list(h, 1_700_000);
                h.collect();
                thin_out(h, 10);
                let mut steps = 0;
                loop {
                    match h.idle_step(clock.now_ns.get() + 1_000_000) {
                        Progress::Done => break,
                        Progress::More => {}
                        Progress::Later { at_ns } => {
                            assert!(at_ns > clock.now_ns.get(), "not later");
                            clock.now_ns.set(at_ns);
                        }
                    }
                    steps += 1;
                    assert!(steps < 100_000, "no end");
                }
                let sizes = h.statistics().sizes;
                let live_bytes = 170_000 * 24;
                assert!(sizes.old_used_bytes >= live_bytes);
                assert!(
                    sizes.old_committed_bytes <= live_bytes * 13 / 10 + (2 << 20),
                    "{} bytes committed for {live_bytes}, {incremental}, {compaction}",
                    sizes.old_committed_bytes
                );
                let pauses = (
                    h.statistics().minor_collections,
                    h.statistics().major_collections,
                    h.pauses().count_of(CollectionKind::Slice),
                );
                assert_eq!(h.idle_step(clock.now_ns.get() + 1_000_000), Progress::Done);
                let again = (
                    h.statistics().minor_collections,
                    h.statistics().major_collections,
                    h.pauses().count_of(CollectionKind::Slice),
                );
                assert_eq!(pauses, again, "an idle step after the last did something");
                check(h);
                let mut next = reg(h, 0);
                for i in 0..170_000 {
                    assert_eq!(node(next).id(), 1_699_999 - i * 10);
                    next = node(next).any();
                }
            });
        }
    }
}

#[test]
fn marking_that_is_started_by_hand_starts_once() {
    for incremental in [true, false] {
        let clock = Ticking::new(1000);
        isolate(stepping("owner", &clock).incremental_marking(incremental)).enter(|h| {
            put_list(h, 5000);
            h.collect();
            let majors = h.statistics().major_collections;
            h.start_marking();
            h.step(clock.now_ns.get() + 2 * clock.tick_ns);
            let slices = h.pauses().count_of(CollectionKind::Slice);
            h.start_marking();
            check(h);
            assert_eq!(h.pauses().count_of(CollectionKind::Slice), slices);
            // Allocation carries on with it, whether or not cycles start by themselves.
            let mut ids = 0;
            while h.statistics().major_collections == majors {
                slices_of_work(h);
                ids += 1;
                assert!(ids < 1000, "{incremental}: no end");
            }
            assert_eq!(h.statistics().major_collections, majors + 1);
            check(h);
            let mut next = reg(h, 0);
            for i in 0..5000 {
                assert_eq!(node(next).id(), 4999 - i);
                next = node(next).any();
            }
        });
    }
}

/// Allocates 100 KB.
fn slices_of_work(h: &mut Heap<Lab>) {
    for id in 0..4000 {
        put_node(h, 200, id, 201);
    }
    clear(h, 200);
}

#[test]
fn a_pause_that_misses_its_goal_is_reported_with_phase_and_reason() {
    // A reading takes longer than the goal; as long as it; much less; and there is no goal.
    for (tick_ns, goal_us, misses) in [(1_000_000, 100, true), (10, 100_000, false), (1_000_000, 0, false)] {
        type Missed = (u64, u64, Phase, &'static str);
        let missed: Rc<RefCell<Vec<Missed>>> = Rc::default();
        let heard = Rc::clone(&missed);
        let records = RecordingListener::new();
        let mut recording = records.clone();
        let clock = Ticking::new(tick_ns);
        let config = stepping("owner", &clock)
            .pause_goal(std::time::Duration::from_micros(goal_us))
            .listener(move |event: &Event<'_>| {
                if let Event::PauseGoalMissed {
                    goal_ns,
                    record,
                    phase,
                    reason,
                } = *event
                {
                    assert!(record.pause_ns > goal_ns && record.missed_goal_ns == Some(goal_ns));
                    assert!(
                        record.phases.get(phase) * 12 >= record.pause_ns,
                        "{phase:?} is not the longest phase"
                    );
                    heard.borrow_mut().push((goal_ns, record.pause_ns, phase, reason));
                }
                tenure::events::Listener::on_event(&mut recording, event);
            });
        isolate(config).enter(|h| {
            put_list(h, 20_000);
            h.collect_minor();
            h.collect();
            h.start_marking();
            while h.step(h.now_ns() + 3 * tick_ns) == Progress::More {}
        });
        let all = records.records();
        let marked: Vec<u64> = all.iter().filter_map(|record| record.missed_goal_ns).collect();
        assert_eq!(marked.len(), missed.borrow().len());
        assert_eq!(!marked.is_empty(), misses, "{tick_ns} ns, goal {goal_us} us");
        if misses {
            assert!(marked.iter().all(|goal_ns| *goal_ns == goal_us * 1000));
            assert_eq!(marked.len(), all.len(), "every pause took longer than the goal");
            let reasons: Vec<&str> = missed.borrow().iter().map(|(_, _, _, reason)| *reason).collect();
            assert!(
                reasons.contains(&"a collection in one pause was asked for"),
                "{reasons:?}"
            );
            assert!(reasons.iter().all(|reason| !reason.is_empty()));
        }
    }
}

#[test]
fn with_a_goal_promotions_find_room_that_was_made_ready() {
    for (goal_us, barrier) in [(1000, "owner"), (200, "insertion"), (1000, "deletion"), (0, "owner")] {
        let records = RecordingListener::new();
        let clock = Ticking::new(10);
        let config = with(small(), "barrier", barrier)
            .semi_space_bytes(1 << 18)
            .incremental_marking(true)
            .clock(clock.clone())
            .pause_goal(std::time::Duration::from_micros(goal_us))
            .listener(records.clone());
        isolate(config).enter(|h| {
            for id in 0..200_000 {
                put_node(h, 0, id, 0);
            }
        });
        let all = records.records();
        let minors = || all.iter().filter(|record| record.kind == CollectionKind::Minor);
        let promoting = minors().filter(|record| record.promoted_bytes > 16 << 10).count();
        let growing = minors()
            .filter(|record| record.after.old_committed_bytes > record.before.old_committed_bytes)
            .count();
        let is_ready = |record: &&tenure::events::CollectionRecord| {
            record
                .decisions
                .iter()
                .any(|decision| decision.subject == "room for promotion")
        };
        let ready = all.iter().filter(is_ready).count();
        assert!(
            promoting > 10,
            "goal {goal_us} us, {barrier}: {promoting} minor collections promoted"
        );
        if goal_us == 0 {
            assert!(ready == 0 && growing > 5, "without a goal nothing is made ready");
            continue;
        }
        assert_eq!(growing, 0, "goal {goal_us} us, {barrier}: of {promoting} that promoted");
        assert!(ready > 5, "goal {goal_us} us, {barrier}");
        for record in all.iter().filter(is_ready) {
            assert_eq!(record.kind, CollectionKind::Slice);
            assert!(record.pause_ns <= goal_us * 1000 / 4 + 1000, "{} ns", record.pause_ns);
        }
    }
}
