//! Programs of registrations against a model that knows what can be reached.
//!
//! The model is a graph of nodes and registries. What a registry reports must be dead in it, in the order of
//! registration, and after a full collection everything dead must be reported. An object whose finalizer was not taken
//! counts as a root: it is not really dead. Costs a walk of the graph for each collection that is asked for.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use tenure::prelude::*;
use tenure::{RegisterError, WeakKeys};

use super::{Numbers, all_configurations};

#[derive(Kind)]
struct Node {
    id: u64,
    any: Slot<Dyn<Model>>,
}
const REGISTERS: usize = 8;
#[derive(Roots)]
struct Roots {
    registers: [Root<Dyn<Model>>; REGISTERS],
    /// What registries are called in the model.
    names: Root<Opt<WeakTable<Model, WeakKeys>>>,
}
object_model! { model Model { roots: Roots, kinds: [Node] } }

type Registry<'h> = Gc<'h, FinalizationRegistry<Model>>;

/// One operation. Registers are taken modulo their number; one that holds nothing fitting makes it do nothing.
#[derive(Clone, Copy, Debug)]
enum Op {
    Node {
        to: u8,
        any: u8,
    },
    Registry {
        to: u8,
    },
    Move {
        to: u8,
        from: u8,
    },
    Clear {
        register: u8,
    },
    Store {
        node: u8,
        from: u8,
    },
    Load {
        to: u8,
        node: u8,
    },
    Register {
        registry: u8,
        target: u8,
        held: u8,
        token: u8,
    },
    RegisterMany {
        registry: u8,
        count: u8,
        token: u8,
    },
    Unregister {
        registry: u8,
        token: u8,
    },
    Drain {
        registry: u8,
        count: u8,
    },
    DrainQueue {
        count: u8,
    },
    Shrink {
        registry: u8,
    },
    Finalizer {
        object: u8,
    },
    TakeFinalizable {
        to: u8,
    },
    Garbage {
        count: u8,
    },
    Minor,
    Major,
    Compact,
    StartMarking,
    Step,
    Safepoint,
}

impl Op {
    /// Decodes an operation from five bytes; every value is one.
    fn decode(b: [u8; 5]) -> Op {
        match b[0] % 64 {
            0..=8 => Op::Node { to: b[1], any: b[2] },
            9 => Op::Registry { to: b[1] },
            10..=12 => Op::Move { to: b[1], from: b[2] },
            13..=18 => Op::Clear { register: b[1] },
            19..=22 => Op::Store { node: b[1], from: b[2] },
            23..=25 => Op::Load { to: b[1], node: b[2] },
            26..=37 => Op::Register {
                registry: b[1],
                target: b[2],
                held: b[3],
                token: b[4],
            },
            38..=39 => Op::RegisterMany {
                registry: b[1],
                count: b[2] % 64,
                token: b[4],
            },
            40..=43 => Op::Unregister {
                registry: b[1],
                token: b[2],
            },
            44..=47 => Op::Drain {
                registry: b[1],
                count: b[2],
            },
            48 => Op::DrainQueue { count: b[1] },
            49 => Op::Shrink { registry: b[1] },
            50..=51 => Op::Finalizer { object: b[1] },
            52..=53 => Op::TakeFinalizable { to: b[1] },
            54..=55 => Op::Garbage { count: b[1] },
            56..=57 => Op::Minor,
            58..=59 => Op::Major,
            60 => Op::Compact,
            61 => Op::StartMarking,
            62 => Op::Step,
            _ => Op::Safepoint,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Val {
    Nil,
    Int(i64),
    Object(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ModelCell {
    /// Ascends with the registrations.
    serial: u64,
    target: usize,
    held: Val,
    token: Val,
}

#[derive(Debug)]
enum Object {
    Node { any: Val },
    Registry { cells: Vec<ModelCell> },
}

#[derive(Default)]
struct Twin {
    objects: Vec<Object>,
    registers: [Option<Val>; REGISTERS],
    /// With an entry for each registration.
    finalizers: Vec<usize>,
    serial: u64,
    /// What each registry reported last since something was found dead.
    reported: HashMap<usize, u64>,
    refused: u64,
}

/// Returns the id of a registry, which has none of its own.
fn name(h: &Heap<Model>, registry: Registry<'_>) -> usize {
    let names = h.roots().names.get().expect("made at the start");
    let name = names.find(h, registry.into()).expect("each registry has a name");
    name.as_int().expect("names are integers") as usize
}

fn registry_in(h: &Heap<Model>, register: usize) -> Option<Registry<'_>> {
    h.roots().registers[register]
        .get()
        .cast::<FinalizationRegistry<Model>>()
}

impl Twin {
    fn value(&self, register: u8) -> Val {
        self.registers[register as usize % REGISTERS].unwrap_or(Val::Nil)
    }

    /// Sets a register of both.
    fn set(&mut self, h: &Heap<Model>, register: u8, value: Value<'_, Model>, model: Val) {
        let register = register as usize % REGISTERS;
        h.roots().registers[register].set(value);
        self.registers[register] = Some(model);
    }

    /// Returns the first register from `register` on that holds a registry, with its id.
    fn registry(&self, register: u8) -> Option<(usize, usize)> {
        (0..REGISTERS).find_map(|i| {
            let register = (register as usize + i) % REGISTERS;
            match self.registers[register] {
                Some(Val::Object(id)) if matches!(self.objects[id], Object::Registry { .. }) => Some((register, id)),
                _ => None,
            }
        })
    }

    fn cells(&mut self, id: usize) -> &mut Vec<ModelCell> {
        match &mut self.objects[id] {
            Object::Registry { cells } => cells,
            Object::Node { .. } => panic!("{id} is no registry"),
        }
    }

    fn reachable(&self) -> HashSet<usize> {
        let mut found = HashSet::new();
        let mut list: Vec<Val> = self.registers.iter().flatten().copied().collect();
        list.extend(self.finalizers.iter().map(|id| Val::Object(*id)));
        while let Some(value) = list.pop() {
            let Val::Object(id) = value else { continue };
            if !found.insert(id) {
                continue;
            }
            match &self.objects[id] {
                Object::Node { any } => list.push(*any),
                Object::Registry { cells } => list.extend(cells.iter().map(|cell| cell.held)),
            }
        }
        found
    }

    /// Returns what a value of the heap is in the model.
    fn identify(&self, h: &Heap<Model>, value: Value<'_, Model>) -> Val {
        if let Some(node) = value.cast::<Node>() {
            return Val::Object(node.id() as usize);
        }
        if let Some(registry) = value.cast::<FinalizationRegistry<Model>>() {
            return Val::Object(name(h, registry));
        }
        match value.as_int() {
            Some(int) => Val::Int(int),
            None => Val::Nil,
        }
    }

    /// A token: an object of a register, or one of a few numbers.
    fn token<'h>(&self, h: &'h Heap<Model>, token: u8) -> (Value<'h, Model>, Val) {
        let register = token as usize % (REGISTERS + 4);
        match register.checked_sub(REGISTERS) {
            Some(number) => (Value::int(number as i64), Val::Int(number as i64)),
            None => (h.roots().registers[register].get(), self.value(token % 12)),
        }
    }

    fn register(
        &mut self,
        h: &Heap<Model>,
        registry: (usize, usize),
        target: (Value<'_, Model>, Val),
        held: (Value<'_, Model>, Val),
        token: Option<(Value<'_, Model>, Val)>,
    ) {
        let (register, id) = registry;
        let Some(real) = registry_in(h, register) else {
            panic!("register {register} holds no registry")
        };
        let before = (real.count(), real.ready_count());
        match real.register(h, target.0, held.0, token.map(|token| token.0)) {
            Ok(()) => {
                let Val::Object(target) = target.1 else {
                    panic!("{target:?} was registered")
                };
                self.serial += 1;
                let cell = ModelCell {
                    serial: self.serial,
                    target,
                    held: held.1,
                    token: token.map_or(Val::Nil, |token| token.1),
                };
                self.cells(id).push(cell);
            }
            Err(RegisterError::NoObject(_)) => assert!(!matches!(target.1, Val::Object(_))),
            Err(RegisterError::HeldIsTarget) => assert_eq!(target.1, held.1),
            Err(RegisterError::NilToken) => assert_eq!(token.map(|token| token.1), Some(Val::Nil)),
            Err(RegisterError::OutOfMemory(_)) => {
                assert_eq!((real.count(), real.ready_count()), before);
                self.refused += 1;
            }
        }
    }

    /// Takes what a registry reports next, if it does, and checks that it may.
    fn drain_one(&mut self, h: &Heap<Model>, real: Registry<'_>) -> bool {
        let id = name(h, real);
        let waiting = real.ready_count();
        let Some(held) = real.next_held(h) else {
            assert_eq!(waiting, 0);
            return false;
        };
        assert_eq!(real.ready_count(), waiting - 1);
        let held = self.identify(h, held);
        let live = self.reachable();
        let last = self.reported.get(&id).copied().unwrap_or(0);
        let place = self
            .cells(id)
            .iter()
            .position(|cell| cell.held == held && cell.serial > last && !live.contains(&cell.target));
        let Some(place) = place else {
            panic!("{held:?} was reported by {id}, after {last}: {:?}", self.objects[id])
        };
        let cell = self.cells(id).remove(place);
        self.reported.insert(id, cell.serial);
        true
    }

    /// After a full collection: what is dead is ready, and nothing else is. Looks at the registries in registers.
    fn compare(&mut self, h: &Heap<Model>, is_exact: bool) {
        let live = self.reachable();
        let mut any_ready = false;
        for register in 0..REGISTERS {
            let Some((at, id)) = self.registry(register as u8) else {
                return;
            };
            let real = registry_in(h, at).expect("the model says so");
            let cells = self.cells(id);
            let dead = cells.iter().filter(|cell| !live.contains(&cell.target)).count();
            let ready = real.ready_count();
            assert_eq!(real.count() + ready, cells.len(), "of {id}");
            assert!(
                if is_exact { ready == dead } else { ready <= dead },
                "{ready} of {dead} dead targets of {id} are ready"
            );
            any_ready |= ready > 0;
        }
        if any_ready {
            let first = h.ready_registry().expect("there is one in a register");
            assert!(first.ready_count() > 0);
        }
        // The graph below the registers is the same.
        let mut seen = HashSet::new();
        let mut list: Vec<_> = (0..REGISTERS)
            .map(|i| (h.roots().registers[i].get(), self.value(i as u8)))
            .collect();
        while let Some((value, model)) = list.pop() {
            assert_eq!(self.identify(h, value), model);
            if let (Some(node), Val::Object(id)) = (value.cast::<Node>(), model)
                && seen.insert(id)
            {
                let Object::Node { any } = &self.objects[id] else {
                    panic!("{id} is a node in the heap only")
                };
                list.push((node.any(), *any));
            }
        }
    }

    fn step(&mut self, h: &mut Heap<Model>, op: Op) {
        match op {
            Op::Node { to, any } => {
                let id = self.objects.len();
                let from = any as usize % REGISTERS;
                let made = h.try_alloc_with::<Node, _>(|h| NodeInit {
                    id: id as u64,
                    any: h.roots().registers[from].get(),
                });
                match made {
                    Ok((h, node)) => {
                        self.objects.push(Object::Node { any: self.value(any) });
                        self.set(h, to, node.into(), Val::Object(id));
                    }
                    Err(_) => self.refused += 1,
                }
            }
            Op::Registry { to } => {
                let id = self.objects.len();
                let named = h.finalization_registry().ok().filter(|registry| {
                    let names = h.roots().names.get().expect("made at the start");
                    names.insert(h, (*registry).into(), Value::int(id as i64)).is_ok()
                });
                match named {
                    Some(registry) => {
                        self.objects.push(Object::Registry { cells: Vec::new() });
                        self.set(h, to, registry.into(), Val::Object(id));
                    }
                    None => self.refused += 1,
                }
            }
            Op::Move { to, from } => {
                let value = h.roots().registers[from as usize % REGISTERS].get();
                self.set(h, to, value, self.value(from));
            }
            Op::Clear { register } => self.set(h, register, Value::nil(), Val::Nil),
            Op::Store { node, from } => {
                let value = h.roots().registers[from as usize % REGISTERS].get();
                if let Some(real) = h.roots().registers[node as usize % REGISTERS].get().cast::<Node>()
                    && let Val::Object(id) = self.value(node)
                {
                    real.set_any(h, value);
                    self.objects[id] = Object::Node { any: self.value(from) };
                }
            }
            Op::Load { to, node } => {
                if let Some(real) = h.roots().registers[node as usize % REGISTERS].get().cast::<Node>()
                    && let Val::Object(id) = self.value(node)
                    && let Object::Node { any } = self.objects[id]
                {
                    self.set(h, to, real.any(), any);
                }
            }
            Op::Register {
                registry,
                target,
                held,
                token,
            } => {
                let Some(registry) = self.registry(registry) else {
                    return;
                };
                let of = |register: u8| {
                    let value = h.roots().registers[register as usize % REGISTERS].get();
                    (value, self.value(register))
                };
                let held = if held < 128 {
                    (Value::int(self.serial as i64), Val::Int(self.serial as i64))
                } else {
                    of(held)
                };
                let token = (token >= 64).then(|| self.token(h, token));
                self.register(h, registry, of(target), held, token);
            }
            Op::RegisterMany { registry, count, token } => {
                let Some(registry) = self.registry(registry) else {
                    return;
                };
                for _ in 0..count {
                    let id = self.objects.len();
                    let init = NodeInit {
                        id: id as u64,
                        any: Value::nil(),
                    };
                    let Ok(node) = h.try_alloc::<Node>(init) else { return };
                    self.objects.push(Object::Node { any: Val::Nil });
                    let held = (Value::int(id as i64), Val::Int(id as i64));
                    let token = (token >= 64).then(|| self.token(h, token));
                    self.register(h, registry, (node.into(), Val::Object(id)), held, token);
                }
            }
            Op::Unregister { registry, token } => {
                let Some((register, id)) = self.registry(registry) else {
                    return;
                };
                let (token, model) = self.token(h, token);
                let taken = registry_in(h, register).map_or(0, |real| real.unregister(h, token));
                let cells = self.cells(id);
                let before = cells.len();
                cells.retain(|cell| model == Val::Nil || cell.token != model);
                assert_eq!(taken, before - cells.len(), "with token {model:?} by {id}");
            }
            Op::Drain { registry, count } => {
                let Some((register, _)) = self.registry(registry) else {
                    return;
                };
                for _ in 0..count {
                    if !registry_in(h, register).is_some_and(|real| self.drain_one(h, real)) {
                        break;
                    }
                }
            }
            Op::DrainQueue { count } => {
                for _ in 0..count {
                    let Some(real) = h.ready_registry() else { break };
                    assert!(self.drain_one(h, real), "it was ready");
                }
            }
            Op::Shrink { registry } => {
                if let Some((register, _)) = self.registry(registry)
                    && let Some(real) = registry_in(h, register)
                    && real.shrink_to_fit(h).is_err()
                {
                    self.refused += 1;
                }
            }
            Op::Finalizer { object } => {
                let value = h.roots().registers[object as usize % REGISTERS].get();
                if let Some(node) = value.cast::<Node>() {
                    h.register_finalizer(node, object);
                    self.finalizers.push(node.id() as usize);
                }
            }
            Op::TakeFinalizable { to } => {
                if let Some(value) = h.next_finalizable() {
                    let Val::Object(id) = self.identify(h, value) else {
                        panic!("{value:?} has a finalizer")
                    };
                    let place = self.finalizers.iter().position(|other| *other == id);
                    self.finalizers.swap_remove(place.expect("it was registered"));
                    self.set(h, to, value, Val::Object(id));
                }
            }
            Op::Garbage { count } => {
                for _ in 0..count {
                    let made = h.try_alloc_with::<Node, _>(|_| NodeInit {
                        id: u64::MAX,
                        any: Value::nil(),
                    });
                    self.refused += u64::from(made.is_err());
                }
            }
            Op::Minor => h.collect_minor(),
            Op::Major => h.collect(),
            Op::Compact => h.compact(),
            Op::StartMarking => h.start_marking(),
            Op::Step => _ = h.step(h.now_ns() + 20_000),
            Op::Safepoint => h.safepoint(),
        }
        // Anything that allocates at a safepoint may have collected.
        if !matches!(op, Op::Drain { .. } | Op::DrainQueue { .. }) {
            self.reported.clear();
        }
        match op {
            Op::Major | Op::Compact => {
                // What the job looked at, and what a cycle in progress had marked already, was kept by this one.
                h.end_job();
                h.collect();
                self.compare(h, true);
            }
            Op::Minor | Op::Step | Op::Garbage { .. } => self.compare(h, false),
            _ => {}
        }
    }
}

/// Runs a program; returns how often there was no memory, and how many registrations there were.
fn run(config: HeapConfig, ops: &[Op]) -> (u64, u64) {
    let roots = RootsInit {
        registers: [Value::nil(); REGISTERS],
        names: None,
    };
    // A heap whose first pages are refused is an error, not a program.
    let Ok(mut isolate) = Isolate::<Model>::new(config, roots) else {
        return (1, 0);
    };
    isolate.enter(|h| {
        let Ok(names) = h.weak_table::<WeakKeys>() else {
            return (1, 0);
        };
        h.roots().names.set(Some(names));
        let mut twin = Twin::default();
        for op in ops {
            twin.step(h, *op);
            if matches!(op, Op::Minor | Op::Major | Op::Compact)
                && let Err(error) = h.verify()
            {
                panic!("after {op:?}: {error}");
            }
        }
        while let Some(value) = h.next_finalizable() {
            let Val::Object(id) = twin.identify(h, value) else {
                panic!("{value:?} has a finalizer")
            };
            let place = twin.finalizers.iter().position(|other| *other == id);
            twin.finalizers.swap_remove(place.expect("it was registered"));
        }
        twin.step(h, Op::Major);
        twin.reported.clear();
        for register in 0..REGISTERS {
            if let Some((register, _)) = twin.registry(register as u8) {
                while registry_in(h, register).is_some_and(|real| twin.drain_one(h, real)) {}
            }
        }
        // What is left in the queue are registries in no register.
        twin.reported.clear();
        while let Some(real) = h.ready_registry() {
            assert!(twin.drain_one(h, real), "it was ready");
        }
        if let Err(error) = h.verify() {
            panic!("at the end: {error}");
        }
        (twin.refused, twin.serial)
    })
}

fn zeal() -> bool {
    std::env::var_os("TENURE_ZEAL").is_some()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if zeal() { 400 } else { 80 },
        ..ProptestConfig::default()
    })]

    #[test]
    fn registries_agree_with_the_model(
        ops in proptest::collection::vec(any::<[u8; 5]>().prop_map(Op::decode), 1..300),
        which in any::<proptest::sample::Index>(),
    ) {
        let all = all_configurations();
        let (name, config) = all[which.index(all.len())];
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(config(), &ops)));
        prop_assert!(outcome.is_ok(), "under {name}");
    }
}

#[test]
fn each_configuration_agrees_over_a_long_program() {
    let length = if zeal() { 30_000 } else { 3_000 };
    let mut refused = 0;
    for (which, (name, config)) in all_configurations().into_iter().enumerate() {
        let mut numbers = Numbers(88_172_645_463_325_252 + which as u64);
        let ops: Vec<Op> = (0..length)
            .map(|_| {
                let bytes = numbers.next().to_le_bytes();
                Op::decode([bytes[7], bytes[6], bytes[5], bytes[4], bytes[3]])
            })
            .collect();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(config(), &ops)));
        let Ok((missed, registered)) = outcome else {
            panic!("under {name}")
        };
        assert!(registered > 0 || missed > 0, "{name} did nothing");
        refused += missed;
    }
    assert!(refused > 0, "no allocation was ever refused");
}
