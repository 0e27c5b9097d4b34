//! Programs of cache operations against a model: a list of entries, and rules said as simply as possible.
//!
//! Numbers in an operation are taken modulo what there is, so that every sequence is a valid program. After each operation
//! the statistics and every row of the report must be those of the model, number by number, and exactly the values of
//! resources that are ready may exist.

#![forbid(unsafe_code)]

mod model;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use model::{Act, Model, Phase, Policy};
use proptest::prelude::*;
use tenure::events::ManualClock;
use tenure_resource::counted_cache::{
    CacheConfig, CountedCache, Handle, LoadError, LoadOutcome, LoadState, LoadTicket, Loaded, Priority, RefusedReason,
};
use tenure_resource::pressure::{PressureLevel, Relieve, Relieved};

const KEYS: u8 = 6;
const HOLDERS: [&str; 3] = ["game", "menu", "scene"];

#[derive(Debug, Clone, Copy)]
enum Op {
    Get(u8, usize),
    Request(u8, i32, usize),
    Prefetch(u8, i32),
    GetOrLoad(u8, usize, Act, usize),
    LoadNext(Act, usize),
    NextTicket,
    Complete(usize, usize),
    Fail(usize),
    Abandon(usize),
    Clone(usize),
    HoldAs(usize, usize),
    Drop(usize),
    Touch(usize),
    Resize(usize, usize),
    Raise(u8, i32),
    SetPriority(u8, i32),
    Retry(u8, i32),
    Cancel(u8),
    CancelPrefetches,
    Release(u8),
    ReleaseUnused,
    Maintain,
    Pressure(PressureLevel),
    SetBudget(usize),
    Advance(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let key = || 0..KEYS;
    let urgency = || -2..3i32;
    let holder = || 0..HOLDERS.len();
    let bytes = || 0..50usize;
    let any = any::<usize>;
    let act = || prop_oneof![5 => Just(Act::Succeed), 1 => Just(Act::Fail), 1 => Just(Act::Panic)];
    prop_oneof![
        4 => (key(), holder()).prop_map(|(key, holder)| Op::Get(key, holder)),
        8 => (key(), urgency(), holder()).prop_map(|(key, urgency, holder)| Op::Request(key, urgency, holder)),
        3 => (key(), urgency()).prop_map(|(key, urgency)| Op::Prefetch(key, urgency)),
        5 => (key(), holder(), act(), bytes()).prop_map(|(k, h, a, b)| Op::GetOrLoad(k, h, a, b)),
        6 => (act(), bytes()).prop_map(|(act, bytes)| Op::LoadNext(act, bytes)),
        4 => Just(Op::NextTicket),
        3 => (any(), bytes()).prop_map(|(which, bytes)| Op::Complete(which, bytes)),
        1 => any().prop_map(Op::Fail),
        1 => any().prop_map(Op::Abandon),
        2 => any().prop_map(Op::Clone),
        2 => (any(), holder()).prop_map(|(which, holder)| Op::HoldAs(which, holder)),
        12 => any().prop_map(Op::Drop),
        1 => any().prop_map(Op::Touch),
        1 => (any(), bytes()).prop_map(|(which, bytes)| Op::Resize(which, bytes)),
        2 => (key(), urgency()).prop_map(|(key, urgency)| Op::Raise(key, urgency)),
        1 => (key(), urgency()).prop_map(|(key, urgency)| Op::SetPriority(key, urgency)),
        2 => (key(), urgency()).prop_map(|(key, urgency)| Op::Retry(key, urgency)),
        2 => key().prop_map(Op::Cancel),
        1 => Just(Op::CancelPrefetches),
        1 => key().prop_map(Op::Release),
        1 => Just(Op::ReleaseUnused),
        2 => Just(Op::Maintain),
        1 => prop_oneof![Just(PressureLevel::Moderate), Just(PressureLevel::Critical)].prop_map(Op::Pressure),
        1 => prop_oneof![Just(usize::MAX), 0..150usize].prop_map(Op::SetBudget),
        6 => (0..15u64).prop_map(Op::Advance),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    prop_oneof![
        Just(Policy::KeepAll),
        Just(Policy::AtOnce),
        (0..30u64).prop_map(Policy::AfterDelay),
        (0..4usize, 0..100usize).prop_map(|(count, bytes)| Policy::KeepAtMost(count, bytes)),
        (0..30u64, 0..4usize).prop_map(|(delay_ns, count)| Policy::Either(delay_ns, count)),
    ]
}

type Cache = CountedCache<u8, Value, Act>;

/// Counts how many of its kind exist.
struct Value(Rc<Cell<usize>>);

impl Value {
    fn new(live: &Rc<Cell<usize>>) -> Self {
        live.set(live.get() + 1);
        Self(Rc::clone(live))
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// What a scripted panic carries: no message, and no output.
struct Scripted;

/// Runs `f`; `None` for a scripted panic.
fn catch<R>(f: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(result) => Some(result),
        Err(payload) if payload.is::<Scripted>() => None,
        Err(payload) => resume_unwind(payload),
    }
}

struct Twin {
    clock: Rc<ManualClock>,
    cache: Cache,
    handles: Vec<(Handle<u8, Value, Act>, u8, &'static str)>,
    tickets: Vec<(LoadTicket<u8, Value, Act>, u8, u64)>,
    live: Rc<Cell<usize>>,
    model: Model,
}

impl Twin {
    fn new(policy: Policy) -> Self {
        let clock = Rc::new(ManualClock::new());
        let config = CacheConfig::new(policy.real()).clock(Rc::clone(&clock));
        Self {
            clock,
            cache: CountedCache::new(config),
            handles: Vec::new(),
            tickets: Vec::new(),
            live: Rc::default(),
            model: Model::new(policy),
        }
    }

    fn load(live: &Rc<Cell<usize>>, act: Act, bytes: usize) -> Result<Loaded<Value>, Act> {
        match act {
            Act::Succeed => Ok(Loaded::new(Value::new(live), bytes)),
            Act::Fail => Err(Act::Fail),
            Act::Panic => resume_unwind(Box::new(Scripted)),
        }
    }

    fn step(&mut self, op: Op) {
        let Self {
            clock,
            cache,
            handles,
            tickets,
            live,
            model,
        } = self;
        match op {
            Op::Get(key, holder) => {
                let holder = HOLDERS[holder];
                let got = cache.get(&key, holder);
                let is_ready = model.entries.get(&key).is_some_and(|entry| entry.phase == Phase::Ready);
                assert_eq!(got.is_some(), is_ready);
                if is_ready {
                    model.counts.hits += 1;
                    model.hold(key, holder);
                } else {
                    model.counts.missed += 1;
                }
                handles.extend(got.map(|handle| (handle, key, holder)));
            }
            Op::Request(key, urgency, holder) => {
                let holder = HOLDERS[holder];
                handles.push((cache.request(key, Priority(urgency), holder), key, holder));
                model.demand(key, urgency, Some(holder));
            }
            Op::Prefetch(key, urgency) => {
                cache.prefetch(key, Priority(urgency));
                model.demand(key, urgency, None);
            }
            Op::GetOrLoad(key, holder, act, bytes) => {
                let holder = HOLDERS[holder];
                let got = catch(|| cache.get_or_load(key, holder, |_| Self::load(live, act, bytes)));
                model.demand(key, i32::MIN, Some(holder));
                model.note_peaks();
                match model.entries[&key].phase {
                    Phase::Ready => assert!(matches!(got, Some(Ok(_)))),
                    Phase::Loading { .. } => {
                        assert!(matches!(got, Some(Err(LoadError::UnderWay))));
                        model.count_down(key, holder);
                    }
                    phase => {
                        if matches!(phase, Phase::Failed | Phase::Canceled) {
                            model.counts.retried += 1;
                        }
                        let ticket = model.start(key);
                        assert!(model.finish(key, ticket, act, bytes));
                        match act {
                            Act::Succeed => assert!(matches!(got, Some(Ok(_)))),
                            Act::Fail => assert!(matches!(got, Some(Err(LoadError::Failed(_))))),
                            Act::Panic => assert!(got.is_none()),
                        }
                        if act != Act::Succeed {
                            model.count_down(key, holder);
                        }
                    }
                }
                handles.extend(got.and_then(Result::ok).map(|handle| (handle, key, holder)));
            }
            Op::LoadNext(act, bytes) => {
                let done = catch(|| cache.load_next(|_| Self::load(live, act, bytes)));
                let Some(key) = model.first() else {
                    assert!(matches!(done, Some(None)));
                    return;
                };
                let ticket = model.start(key);
                assert!(model.finish(key, ticket, act, bytes));
                match (act, done) {
                    (Act::Succeed, Some(Some((loaded, LoadOutcome::Loaded)))) => assert_eq!(loaded, key),
                    (Act::Fail, Some(Some((failed, LoadOutcome::Failed(_))))) => assert_eq!(failed, key),
                    (Act::Panic, None) => {}
                    (act, done) => panic!("{act:?} came to {done:?}"),
                }
            }
            Op::NextTicket => {
                let ticket = cache.next_ticket();
                let key = model.first();
                assert_eq!(ticket.as_ref().map(LoadTicket::key), key.as_ref());
                if let (Some(ticket), Some(key)) = (ticket, key) {
                    tickets.push((ticket, key, model.start(key)));
                }
            }
            Op::Complete(which, bytes) if !tickets.is_empty() => {
                let (ticket, key, number) = tickets.swap_remove(which % tickets.len());
                let wanted = model.is_loading(key, number)
                    && (model.entries[&key].count() > 0 || model.entries[&key].is_prefetch);
                assert_eq!(ticket.is_wanted(), wanted);
                let done = ticket.complete(Loaded::new(Value::new(live), bytes));
                let is_taken = model.finish(key, number, Act::Succeed, bytes);
                assert_eq!(
                    done.err().map(|refused| refused.reason),
                    (!is_taken).then_some(RefusedReason::Canceled)
                );
            }
            Op::Fail(which) if !tickets.is_empty() => {
                let (ticket, key, number) = tickets.swap_remove(which % tickets.len());
                assert_eq!(ticket.fail(Act::Fail).is_ok(), model.finish(key, number, Act::Fail, 0));
            }
            Op::Abandon(which) if !tickets.is_empty() => {
                let (ticket, key, number) = tickets.swap_remove(which % tickets.len());
                drop(ticket);
                model.finish(key, number, Act::Panic, 0);
            }
            Op::Clone(which) if !handles.is_empty() => {
                let (handle, key, holder) = &handles[which % handles.len()];
                let copy = (handle.clone(), *key, *holder);
                model.hold(copy.1, copy.2);
                handles.push(copy);
            }
            Op::HoldAs(which, holder) if !handles.is_empty() => {
                let holder = HOLDERS[holder];
                let (handle, key, _) = &handles[which % handles.len()];
                let other = (handle.hold_as(holder), *key, holder);
                model.hold(other.1, holder);
                handles.push(other);
            }
            Op::Drop(which) if !handles.is_empty() => {
                let (handle, key, holder) = handles.swap_remove(which % handles.len());
                drop(handle);
                model.count_down(key, holder);
            }
            Op::Touch(which) if !handles.is_empty() => {
                let (handle, key, _) = &handles[which % handles.len()];
                handle.touch();
                model.entries.get_mut(key).expect("held").last_use_ns = model.now_ns;
            }
            Op::Resize(which, bytes) if !handles.is_empty() => {
                let (handle, key, _) = &handles[which % handles.len()];
                let entry = model.entries.get_mut(key).expect("held");
                let is_ready = entry.phase == Phase::Ready;
                assert_eq!(handle.resize(bytes), is_ready);
                if is_ready {
                    entry.bytes = bytes;
                    model.note_peaks();
                    model.settle();
                }
            }
            Op::Raise(key, urgency) => {
                let raised = cache.raise(&key, Priority(urgency));
                let mut waits = false;
                if let Some(Phase::Queued { urgency: own, .. }) = model.entries.get_mut(&key).map(|e| &mut e.phase) {
                    *own = urgency.max(*own);
                    waits = true;
                }
                assert_eq!(raised, waits);
            }
            Op::SetPriority(key, urgency) => {
                let former = cache.set_priority(&key, Priority(urgency)).map(|former| former.0);
                match model.entries.get_mut(&key).map(|entry| &mut entry.phase) {
                    Some(Phase::Queued { urgency: own, .. }) => {
                        assert_eq!(former, Some(std::mem::replace(own, urgency)))
                    }
                    _ => assert_eq!(former, None),
                }
            }
            Op::Retry(key, urgency) => {
                let serial = model.serial();
                let retried = cache.retry(&key, Priority(urgency));
                let gone = model
                    .entries
                    .get_mut(&key)
                    .filter(|e| matches!(e.phase, Phase::Failed | Phase::Canceled));
                assert_eq!(retried, gone.is_some());
                if let Some(entry) = gone {
                    entry.phase = Phase::Queued { urgency, serial };
                    model.counts.retried += 1;
                }
            }
            Op::Cancel(key) => assert_eq!(cache.cancel(&key), model.cancel(key)),
            Op::CancelPrefetches => assert_eq!(cache.cancel_prefetches(), model.cancel_prefetches()),
            Op::Release(key) => {
                let is_unused = model.entries.get(&key).is_some_and(|entry| entry.unused.is_some());
                assert_eq!(cache.release(&key), is_unused);
                if is_unused {
                    model.take_out(key, &mut Relieved::default());
                    model.counts.released.request += 1;
                }
            }
            Op::ReleaseUnused => {
                let relieved = cache.release_unused();
                assert_eq!(relieved, model.release_unused_to(None));
                model.counts.released.request += relieved.count as u64;
            }
            Op::Maintain => assert_eq!(cache.maintain(), model.settle()),
            Op::Pressure(level) => {
                let relieved = cache.relieve(level);
                let keep_bytes = match level {
                    PressureLevel::Moderate => Some(model.unused_bytes() / 2),
                    PressureLevel::Critical => {
                        model.cancel_prefetches();
                        None
                    }
                };
                assert_eq!(relieved, model.release_unused_to(keep_bytes));
                model.counts.released.pressure += relieved.count as u64;
            }
            Op::SetBudget(bytes) => {
                cache.set_budget_bytes(bytes);
                model.counts.budget_bytes = bytes;
                model.settle();
            }
            Op::Advance(ns) => {
                clock.advance_ns(ns);
                model.now_ns += ns;
            }
            // Nothing there to choose from.
            Op::Complete(..) | Op::Fail(_) | Op::Abandon(_) => {}
            Op::Clone(_) | Op::HoldAs(..) | Op::Drop(_) | Op::Touch(_) | Op::Resize(..) => {}
        }
    }

    fn compare(&mut self) {
        let statistics = self.cache.statistics();
        assert_eq!(statistics, self.model.statistics());
        assert_eq!(
            statistics.loaded,
            statistics.resident as u64 + statistics.released.total()
        );
        assert_eq!(self.live.get(), statistics.resident);
        let delta = self.cache.take_resident_delta_bytes();
        assert_eq!(
            delta,
            statistics.resident_bytes as isize - self.model.told_bytes as isize
        );
        self.model.told_bytes = statistics.resident_bytes;

        let now_ns = self.model.now_ns;
        let report = self.cache.report();
        assert_eq!(report.rows.len(), self.model.entries.len());
        for (row, (&key, entry)) in report.rows.iter().zip(&self.model.entries) {
            assert_eq!(row.key, key);
            let state = match entry.phase {
                Phase::Queued { urgency, .. } => LoadState::Queued {
                    priority: Priority(urgency),
                },
                Phase::Loading { .. } => LoadState::Loading,
                Phase::Ready => LoadState::Ready,
                Phase::Failed => LoadState::Failed,
                Phase::Canceled => LoadState::Canceled,
            };
            assert_eq!((row.state, self.cache.state(&key)), (state, Some(state)));
            assert_eq!((row.count, self.cache.count(&key)), (entry.count(), entry.count()));
            assert_eq!(
                (row.bytes, row.attempts, row.is_prefetch),
                (entry.bytes, entry.attempts, entry.is_prefetch)
            );
            assert_eq!(
                (row.age_ns, row.since_use_ns),
                (now_ns - entry.requested_ns, now_ns - entry.last_use_ns)
            );
            assert_eq!(row.unused_ns, entry.unused.map(|(_, since_ns)| now_ns - since_ns));
            assert_eq!(row.error.is_some(), state == LoadState::Failed);
            let holders: Vec<_> = row.holders.iter().map(|own| (own.holder.name(), own.count)).collect();
            assert_eq!(
                holders,
                entry
                    .holders
                    .iter()
                    .map(|(&name, &count)| (name, count))
                    .collect::<Vec<_>>()
            );
        }
        for (handle, key, holder) in &self.handles {
            assert_eq!((handle.key(), handle.holder().name()), (key, *holder));
            assert_eq!(handle.value().is_some(), handle.state() == LoadState::Ready);
        }
    }
}

fn run(ops: &[Op], policy: Policy) {
    let mut twin = Twin::new(policy);
    for &op in ops {
        twin.step(op);
        twin.compare();
    }
    // Half of the handles and tickets go before the cache, the others after it.
    twin.handles.truncate(twin.handles.len() / 2);
    twin.tickets.truncate(twin.tickets.len() / 2);
    let ready = RefCell::new(BTreeMap::new());
    let Twin {
        cache,
        handles,
        tickets,
        live,
        ..
    } = twin;
    drop(cache);
    for (handle, key, _) in &handles {
        assert!(!handle.state().is_pending());
        ready.borrow_mut().insert(*key, handle.value().is_some());
    }
    assert_eq!(
        live.get(),
        ready.borrow().values().filter(|&&is_ready| is_ready).count()
    );
    for (ticket, ..) in tickets {
        let refused = ticket
            .complete(Loaded::new(Value::new(&live), 1))
            .expect_err("the cache is gone");
        assert_eq!(refused.reason, RefusedReason::CacheGone);
    }
    drop(handles);
    assert_eq!(live.get(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn cache_agrees_with_model(ops in proptest::collection::vec(op(), 1..200), policy in policy()) {
        run(&ops, policy);
    }
}
