//! Programs of pool operations against a model: a list of idle objects, a list of objects in use, and counters.
//!
//! Numbers in an operation are taken modulo what there is, so that every sequence is a valid program. After each
//! operation the pool's statistics must be those of the model, number by number, and no object may exist that the model
//! does not know.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use proptest::prelude::*;
use tenure::events::ManualClock;
use tenure_resource::pool::{GetError, Manager, Pool, PoolConfig, PoolStatistics, Pooled, Put, Release, ReuseOrder};
use tenure_resource::pressure::{PressureLevel, Relieve};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Succeed,
    Fail,
    Panic,
}

#[derive(Debug, Clone)]
enum Op {
    Get(Act),
    GetIdle,
    Return(usize, Act),
    /// Dropped by a panic of the program.
    Unwind(usize),
    Detach(usize),
    PutBack(usize, Act),
    Prefill(usize, Act),
    Release(Release),
    Pressure(PressureLevel),
    SetCapacity(usize),
    Advance(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![6 => Just(Act::Succeed), 1 => Just(Act::Fail), 1 => Just(Act::Panic)]
}

fn release() -> impl Strategy<Value = Release> {
    prop_oneof![
        (0..6usize).prop_map(Release::Count),
        (0..6usize).prop_map(Release::KeepCount),
        (0..130u32).prop_map(Release::SharePercent),
        (0..130u32).prop_map(Release::KeepSharePercent),
        (0..60u64).prop_map(Release::IdleNs),
        Just(Release::All),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let level = prop_oneof![Just(PressureLevel::Moderate), Just(PressureLevel::Critical)];
    prop_oneof![
        8 => act().prop_map(Op::Get),
        1 => Just(Op::GetIdle),
        8 => (any::<usize>(), act()).prop_map(|(which, act)| Op::Return(which, act)),
        1 => any::<usize>().prop_map(Op::Unwind),
        1 => any::<usize>().prop_map(Op::Detach),
        1 => (any::<usize>(), act()).prop_map(|(which, act)| Op::PutBack(which, act)),
        2 => (0..12usize, act()).prop_map(|(count, act)| Op::Prefill(count, act)),
        2 => release().prop_map(Op::Release),
        1 => level.prop_map(Op::Pressure),
        1 => (0..10usize).prop_map(Op::SetCapacity),
        4 => (0..30u64).prop_map(Op::Advance),
    ]
}

struct Thing {
    id: u32,
    live: Rc<RefCell<BTreeSet<u32>>>,
}

impl Drop for Thing {
    fn drop(&mut self) {
        assert!(self.live.borrow_mut().remove(&self.id), "dropped once");
    }
}

struct Script {
    act: Cell<Act>,
    made: Cell<u32>,
    live: Rc<RefCell<BTreeSet<u32>>>,
}

/// What a scripted panic carries: no message, and no output.
struct Scripted;

impl Script {
    fn act<T>(&self, result: impl FnOnce() -> T) -> Result<T, Act> {
        match self.act.get() {
            Act::Succeed => Ok(result()),
            Act::Fail => Err(Act::Fail),
            Act::Panic => resume_unwind(Box::new(Scripted)),
        }
    }
}

impl Manager for Script {
    type Object = Thing;
    type Error = Act;

    fn create(&self) -> Result<Thing, Act> {
        self.act(|| {
            self.made.set(self.made.get() + 1);
            self.live.borrow_mut().insert(self.made.get());
            Thing {
                id: self.made.get(),
                live: Rc::clone(&self.live),
            }
        })
    }

    fn reset(&self, _: &mut Thing) -> Result<(), Act> {
        self.act(|| ())
    }
}

/// What a pool is, said as simply as possible.
struct Model {
    idle: Vec<(u32, u64)>,
    used: Vec<u32>,
    outside: Vec<u32>,
    made: u32,
    now_ns: u64,
    capacity: usize,
    limit: usize,
    order: ReuseOrder,
    counts: PoolStatistics,
}

impl Model {
    fn alive(&self) -> usize {
        self.idle.len() + self.used.len()
    }

    fn note(&mut self) {
        self.counts.idle = self.idle.len();
        self.counts.outstanding = self.used.len();
        self.counts.peak_idle = self.counts.peak_idle.max(self.idle.len());
        self.counts.peak_outstanding = self.counts.peak_outstanding.max(self.used.len());
        self.counts.peak_alive = self.counts.peak_alive.max(self.alive());
    }

    fn take_idle(&mut self) -> Option<u32> {
        let (id, _) = match self.order {
            ReuseOrder::Lifo => self.idle.pop()?,
            ReuseOrder::Fifo if self.idle.is_empty() => return None,
            ReuseOrder::Fifo => self.idle.remove(0),
        };
        self.counts.reused += 1;
        self.used.push(id);
        Some(id)
    }

    /// What making an object should come to: its number, an error, or `None` for a panic.
    fn make(&mut self, act: Act) -> Option<Result<u32, GetError<Act>>> {
        if self.alive() >= self.limit {
            self.counts.refused += 1;
            return Some(Err(GetError::Exhausted { limit: self.limit }));
        }
        if act != Act::Succeed {
            self.counts.create_failed += 1;
            return (act == Act::Fail).then_some(Err(GetError::Create(Act::Fail)));
        }
        self.counts.created += 1;
        self.made += 1;
        Some(Ok(self.made))
    }

    /// What returning an object should come to, `None` for a panic. The object is in neither list when this is called.
    fn arrive(&mut self, id: u32, act: Act, is_foreign: bool) -> Option<Put<Act>> {
        if self.idle.len() >= self.capacity || is_foreign && self.alive() >= self.limit {
            self.counts.dropped.full += 1;
            return Some(Put::Full);
        }
        if act != Act::Succeed {
            self.counts.dropped.reset_failed += 1;
            return (act == Act::Fail).then_some(Put::ResetFailed(Act::Fail));
        }
        self.idle.push((id, self.now_ns));
        Some(Put::Kept)
    }

    fn due(&self, release: Release) -> usize {
        let (idle, capacity) = (self.idle.len(), self.capacity);
        let percent = |percent: u32| percent.min(100) as usize;
        match release {
            Release::Count(count) => count.min(idle),
            Release::KeepCount(keep) => idle - keep.min(idle),
            Release::SharePercent(p) => (capacity * percent(p)).div_ceil(100).min(idle),
            Release::KeepSharePercent(p) => idle - (capacity * percent(p) / 100).min(idle),
            Release::IdleNs(ns) => self
                .idle
                .iter()
                .filter(|(_, since_ns)| self.now_ns - since_ns >= ns)
                .count(),
            Release::All => idle,
        }
    }

    fn release(&mut self, release: Release) -> usize {
        let due = self.due(release);
        self.idle.drain(..due);
        due
    }

    /// Who must exist.
    fn live(&self) -> BTreeSet<u32> {
        let idle = self.idle.iter().map(|&(id, _)| id);
        idle.chain(self.used.iter().copied())
            .chain(self.outside.iter().copied())
            .collect()
    }
}

/// Runs `f`; `None` for a scripted panic.
fn catch<R>(f: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(result) => Some(result),
        Err(payload) if payload.is::<Scripted>() => None,
        Err(payload) => resume_unwind(payload),
    }
}

fn run(ops: &[Op], capacity: usize, limit: usize, order: ReuseOrder) {
    let clock = Rc::new(ManualClock::new());
    let live = Rc::new(RefCell::new(BTreeSet::new()));
    let manager = Script {
        act: Cell::new(Act::Succeed),
        made: Cell::new(0),
        live: Rc::clone(&live),
    };
    let config = PoolConfig::new(capacity)
        .limit(limit)
        .order(order)
        .clock(Rc::clone(&clock));
    let pool = Pool::new(config, manager);
    let mut model = Model {
        idle: Vec::new(),
        used: Vec::new(),
        outside: Vec::new(),
        made: 0,
        now_ns: 0,
        capacity,
        limit,
        order,
        counts: PoolStatistics::default(),
    };
    let mut used: Vec<Pooled<Script>> = Vec::new();
    let mut outside: Vec<Thing> = Vec::new();

    for op in ops {
        pool.manager().act.set(Act::Succeed);
        match *op {
            Op::Get(act) => {
                pool.manager().act.set(act);
                let got = catch(|| pool.get());
                let expected = match model.take_idle() {
                    Some(id) => Some(Ok(id)),
                    None => {
                        model.counts.missed += 1;
                        let made = model.make(act);
                        model.used.extend(made.and_then(Result::ok));
                        made
                    }
                };
                assert_eq!(
                    got.as_ref()
                        .map(|got| got.as_ref().map(|thing| thing.id).map_err(|e| *e)),
                    expected
                );
                used.extend(got.and_then(Result::ok));
            }
            Op::GetIdle => {
                let got = pool.get_idle();
                let expected = model.take_idle();
                model.counts.missed += u64::from(expected.is_none());
                assert_eq!(got.as_ref().map(|thing| thing.id), expected);
                used.extend(got);
            }
            Op::Return(which, act) if !used.is_empty() => {
                let at = which % used.len();
                let (guard, id) = (used.remove(at), model.used.remove(at));
                assert_eq!(guard.id, id);
                pool.manager().act.set(act);
                let put = catch(|| Pooled::put(guard));
                model.counts.returned += 1;
                assert_eq!(put, model.arrive(id, act, false));
            }
            Op::Unwind(which) if !used.is_empty() => {
                let at = which % used.len();
                let guard = used.remove(at);
                model.used.remove(at);
                let outcome: Option<()> = catch(move || {
                    let _guard = guard;
                    resume_unwind(Box::new(Scripted))
                });
                assert!(outcome.is_none());
                model.counts.returned += 1;
                model.counts.dropped.unwinding += 1;
            }
            Op::Detach(which) if !used.is_empty() => {
                let at = which % used.len();
                outside.push(Pooled::detach(used.remove(at)));
                model.outside.push(model.used.remove(at));
                model.counts.detached += 1;
            }
            Op::PutBack(which, act) if !outside.is_empty() => {
                let at = which % outside.len();
                let (thing, id) = (outside.remove(at), model.outside.remove(at));
                pool.manager().act.set(act);
                let put = catch(|| pool.put(thing));
                model.counts.adopted += 1;
                assert_eq!(put, model.arrive(id, act, true));
            }
            Op::Prefill(count, act) => {
                pool.manager().act.set(act);
                let made = catch(|| pool.prefill(count));
                let missing = count.min(model.capacity).saturating_sub(model.idle.len());
                let mut expected = Some((missing, None));
                for made in 0..missing {
                    match model.make(act) {
                        Some(Ok(id)) => {
                            model.counts.prefilled += 1;
                            model.idle.push((id, model.now_ns));
                            model.note();
                        }
                        Some(Err(error)) => expected = Some((made, Some(error))),
                        None => expected = None,
                    }
                    if expected != Some((missing, None)) {
                        break;
                    }
                }
                let made = made.map(|made| match made {
                    Ok(made) => (made, None),
                    Err(error) => (error.made, Some(error.error)),
                });
                assert_eq!(made, expected);
            }
            Op::Release(release) => {
                let released = pool.release(release);
                assert_eq!(released, model.release(release), "{release:?}");
                model.counts.dropped.released += released as u64;
            }
            Op::Pressure(level) => {
                let relieved = pool.relieve(level);
                let release = match level {
                    PressureLevel::Moderate => Release::KeepSharePercent(50),
                    PressureLevel::Critical => Release::All,
                };
                assert_eq!(relieved.count, model.release(release));
                model.counts.dropped.pressure += relieved.count as u64;
            }
            Op::SetCapacity(capacity) => {
                let released = pool.set_capacity(capacity);
                model.capacity = capacity;
                assert_eq!(released, model.release(Release::KeepCount(capacity)));
                model.counts.dropped.released += released as u64;
            }
            Op::Advance(ns) => {
                clock.advance_ns(ns);
                model.now_ns += ns;
            }
            Op::Return(..) | Op::Unwind(_) | Op::Detach(_) | Op::PutBack(..) => {}
        }
        model.note();
        let counts = pool.statistics();
        assert_eq!(counts, model.counts, "after {op:?}");
        assert_eq!(
            counts.created + counts.adopted,
            counts.alive() as u64 + counts.detached + counts.dropped.total()
        );
        assert_eq!(
            counts.created - counts.prefilled + counts.reused,
            counts.outstanding as u64 + counts.returned + counts.detached
        );
        assert!(counts.idle <= pool.capacity() && counts.alive() <= limit);
        assert_eq!(pool.idle_since_ns(), model.idle.first().map(|&(_, since_ns)| since_ns));
        assert_eq!(*live.borrow(), model.live(), "after {op:?}");
    }

    // Half of the guards return before the pool is dropped, the others after it.
    pool.manager().act.set(Act::Succeed);
    used.truncate(used.len() / 2);
    drop(pool);
    assert_eq!(live.borrow().len(), used.len() + outside.len());
    drop((used, outside));
    assert!(live.borrow().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn pool_agrees_with_model(
        ops in proptest::collection::vec(op(), 1..200),
        capacity in 0..8usize,
        limit in prop_oneof![Just(usize::MAX), 0..12usize],
        order in prop_oneof![Just(ReuseOrder::Lifo), Just(ReuseOrder::Fifo)],
    ) {
        run(&ops, capacity, limit, order);
    }
}
