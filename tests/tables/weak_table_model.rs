//! Programs of table operations against a hash map that keeps the order of insertion.
//!
//! Keys are integers and nodes; values are integers. Nodes are kept by registers, or by nothing: after a full collection
//! the table has lost exactly the pairs of those, and before it has lost none that are kept. Chains of ephemerons and
//! values that refer to keys are tested elsewhere.

use proptest::prelude::*;
use tenure::prelude::*;
use tenure::{TableError, WeakKeys};

use super::{Numbers, all_configurations};

#[derive(Kind)]
struct Node {
    id: u64,
}
const REGISTERS: usize = 24;
#[derive(Roots)]
struct Roots {
    table: Root<Opt<WeakTable<Model, WeakKeys>>>,
    registers: [Root<Opt<Node>>; REGISTERS],
}
object_model! { model Model { roots: Roots, kinds: [Node] } }

/// One operation; keys are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
enum Op {
    Node { to: u8 },
    Clear { register: u8 },
    Insert { key: u8, value: u16 },
    InsertDead { count: u8 },
    InsertMany { first: u8, count: u8 },
    Remove { key: u8 },
    RemoveMany { first: u8, count: u8 },
    Find { key: u8 },
    Retain { modulus: u8 },
    ClearTable,
    Shrink,
    Minor,
    Major,
    Compact,
    Safepoint,
}

impl Op {
    /// Decodes an operation from three bytes; every value is one.
    fn decode(b: [u8; 3]) -> Op {
        match b[0] % 48 {
            0..=7 => Op::Node { to: b[1] },
            8..=10 => Op::Clear { register: b[1] },
            11..=19 => Op::Insert {
                key: b[1],
                value: u16::from(b[2]),
            },
            20..=22 => Op::InsertDead { count: b[1] % 32 },
            23..=24 => Op::InsertMany {
                first: b[1],
                count: b[2],
            },
            25..=30 => Op::Remove { key: b[1] },
            31..=33 => Op::RemoveMany {
                first: b[1],
                count: b[2],
            },
            34..=37 => Op::Find { key: b[1] },
            38..=39 => Op::Retain { modulus: b[1] % 7 + 1 },
            40 if b[1] < 64 => Op::ClearTable,
            40..=41 => Op::Shrink,
            42..=43 => Op::Minor,
            44 => Op::Major,
            45 => Op::Compact,
            _ => Op::Safepoint,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Int(i64),
    Node(u64),
}

#[derive(Default)]
struct Twin {
    /// In the order of insertion; those of dead nodes stay until a full collection.
    pairs: Vec<(Key, i64)>,
    registers: [Option<u64>; REGISTERS],
    nodes: u64,
    refused: u64,
}

fn table(h: &Heap<Model>) -> Gc<'_, WeakTable<Model, WeakKeys>> {
    h.roots().table.get().expect("made at the start")
}

impl Twin {
    /// A key: the node in a register, or an integer.
    fn key<'h>(&self, h: &'h Heap<Model>, key: u8) -> (Value<'h, Model>, Key) {
        let register = key as usize % (2 * REGISTERS);
        if let Some(root) = h.roots().registers.get(register)
            && let (Some(node), Some(id)) = (root.get(), self.registers[register])
        {
            return (node.into(), Key::Node(id));
        }
        (Value::int(i64::from(key)), Key::Int(i64::from(key)))
    }

    fn insert(&mut self, h: &Heap<Model>, key: (Value<'_, Model>, Key), value: i64) {
        let before = table(h).count();
        match table(h).insert(h, key.0, Value::int(value)) {
            Ok(found) => match self.pairs.iter_mut().find(|pair| pair.0 == key.1) {
                Some(pair) => {
                    assert_eq!(found.and_then(Value::as_int), Some(pair.1));
                    pair.1 = value;
                }
                None => {
                    assert_eq!(found, None);
                    self.pairs.push((key.1, value));
                }
            },
            Err(TableError::OutOfMemory(_)) => {
                assert_eq!(table(h).count(), before);
                self.refused += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn remove(&mut self, h: &Heap<Model>, key: (Value<'_, Model>, Key)) {
        let expected = self.pairs.iter().position(|pair| pair.0 == key.1);
        let expected = expected.map(|place| self.pairs.remove(place).1);
        assert_eq!(table(h).remove(h, key.0).and_then(Value::as_int), expected);
    }

    fn is_live(&self, key: Key) -> bool {
        match key {
            Key::Int(_) => true,
            Key::Node(id) => self.registers.contains(&Some(id)),
        }
    }

    /// Compares the table with the model, and forgets what it has lost with reason.
    fn compare(&mut self, h: &Heap<Model>, is_exact: bool) {
        let found: Vec<(Key, i64)> = table(h)
            .entries(h)
            .map(|(key, value)| {
                let key = match key.cast::<Node>() {
                    Some(node) => Key::Node(node.id()),
                    None => Key::Int(key.as_int().expect("no other keys")),
                };
                (key, value.as_int().expect("no other values"))
            })
            .collect();
        assert_eq!(table(h).count(), found.len());
        let mut pairs = std::mem::take(&mut self.pairs);
        pairs.retain(|pair| self.is_live(pair.0) || !is_exact && found.contains(pair));
        assert_eq!(found, pairs);
        self.pairs = pairs;
        assert!(table(h).count() <= table(h).capacity());
    }

    fn step(&mut self, h: &mut Heap<Model>, op: Op) {
        match op {
            Op::Node { to } => {
                let id = self.nodes;
                self.nodes += 1;
                match h.try_alloc_with::<Node, _>(|_| NodeInit { id }) {
                    Ok((h, node)) => {
                        h.roots().registers[to as usize % REGISTERS].set(Some(node));
                        self.registers[to as usize % REGISTERS] = Some(id);
                    }
                    Err(_) => self.refused += 1,
                }
            }
            Op::Clear { register } => {
                h.roots().registers[register as usize % REGISTERS].set(None);
                self.registers[register as usize % REGISTERS] = None;
            }
            Op::Insert { key, value } => {
                let key = self.key(h, key);
                self.insert(h, key, i64::from(value));
            }
            Op::InsertDead { count } => {
                for _ in 0..count {
                    let id = self.nodes;
                    let Ok(node) = h.try_alloc::<Node>(NodeInit { id }) else {
                        return;
                    };
                    self.nodes += 1;
                    self.insert(h, (node.into(), Key::Node(id)), id as i64);
                }
            }
            Op::InsertMany { first, count } => {
                for i in 0..i64::from(count) {
                    let key = i64::from(first) * 100 + i;
                    self.insert(h, (Value::int(key), Key::Int(key)), i);
                }
            }
            Op::Remove { key } => {
                let key = self.key(h, key);
                self.remove(h, key);
            }
            Op::RemoveMany { first, count } => {
                for i in 0..i64::from(count) {
                    let key = i64::from(first) * 100 + i;
                    self.remove(h, (Value::int(key), Key::Int(key)));
                }
            }
            Op::Find { key } => {
                let (key, model) = self.key(h, key);
                let expected = self.pairs.iter().find(|pair| pair.0 == model).map(|pair| pair.1);
                assert_eq!(table(h).find(h, key).and_then(Value::as_int), expected);
                assert_eq!(table(h).contains(h, key), expected.is_some());
            }
            Op::Retain { modulus } => {
                let is_kept = |value: i64| value % i64::from(modulus) != 0;
                table(h).retain(h, |_, value| is_kept(value.as_int().expect("no other values")));
                self.pairs.retain(|pair| is_kept(pair.1));
            }
            Op::ClearTable => {
                table(h).clear(h);
                self.pairs.clear();
            }
            Op::Shrink => self.refused += u64::from(table(h).shrink_to_fit(h).is_err()),
            Op::Minor => h.collect_minor(),
            Op::Major => h.collect(),
            Op::Compact => h.compact(),
            Op::Safepoint => h.safepoint(),
        }
        match op {
            Op::Major | Op::Compact => {
                h.end_job();
                h.collect();
                self.compare(h, true);
            }
            // Whatever may have collected: what was lost must not be looked for.
            _ => self.compare(h, false),
        }
    }
}

/// Runs a program; returns how often there was no memory, and how many pairs there were in the end.
fn run(config: HeapConfig, ops: &[Op]) -> (u64, usize) {
    let roots = RootsInit {
        table: None,
        registers: [None; REGISTERS],
    };
    // A heap whose first pages are refused is an error, not a program.
    let Ok(mut isolate) = Isolate::<Model>::new(config, roots) else {
        return (1, 0);
    };
    isolate.enter(|h| {
        let Ok(table) = h.weak_table() else { return (1, 0) };
        h.roots().table.set(Some(table));
        let mut twin = Twin::default();
        for op in ops {
            twin.step(h, *op);
        }
        twin.step(h, Op::Major);
        if let Err(error) = h.verify() {
            panic!("at the end: {error}");
        }
        (twin.refused, twin.pairs.len())
    })
}

fn zeal() -> bool {
    std::env::var_os("TENURE_ZEAL").is_some()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if zeal() { 400 } else { 60 },
        ..ProptestConfig::default()
    })]

    #[test]
    fn tables_agree_with_the_model(
        ops in proptest::collection::vec(any::<[u8; 3]>().prop_map(Op::decode), 1..200),
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
    let length = if zeal() { 10_000 } else { 600 };
    let mut left = 0;
    for (which, (name, config)) in all_configurations().into_iter().enumerate() {
        let mut numbers = Numbers(7_777_777_777_777_777 + which as u64);
        let ops: Vec<Op> = (0..length)
            .map(|_| {
                let bytes = numbers.next().to_le_bytes();
                Op::decode([bytes[7], bytes[6], bytes[5]])
            })
            .collect();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(config(), &ops)));
        let Ok((_, pairs)) = outcome else {
            panic!("under {name}")
        };
        left += pairs;
    }
    assert!(left > 0, "every table was empty in the end");
}
