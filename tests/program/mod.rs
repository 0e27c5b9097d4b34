//! Programs of heap operations, run side by side on a heap and on a model of it.
//!
//! An operation names registers, slots and sizes by small numbers that are taken modulo what there is, so that every
//! sequence is a valid program and stays one when operations are removed. The model is a vector of objects that never
//! moves; after each collection, and at the end, the graphs below all roots are compared: ids, kinds, slots, bytes and
//! identity hashes. A program costs what its allocations cost, plus one walk per comparison.

use std::collections::HashMap;

use tenure::prelude::*;

/// An object with two slots, one of any type and one typed.
#[derive(Kind)]
pub(crate) struct Node {
    id: u64,
    any: Slot<Dyn<Model>>,
    next: Slot<Opt<Node>>,
}

/// An object without slots.
#[derive(Kind)]
pub(crate) struct Leaf {
    id: u64,
}

/// More slots than a header's bitmap describes, with numbers between them.
#[derive(Kind)]
pub(crate) struct Wide {
    id: u64,
    low: [Slot<Dyn<Model>>; 20],
    number: u64,
    high: [Slot<Dyn<Model>>; 30],
}

/// A tail of slots.
#[derive(Kind)]
#[tail(Slot<Dyn<Model>>)]
pub(crate) struct Array {
    id: u64,
}

/// A slot before a tail of slots.
#[derive(Kind)]
#[tail(Slot<Dyn<Model>>)]
pub(crate) struct Frame {
    id: u64,
    parent: Slot<Dyn<Model>>,
}

/// A tail of bytes.
#[derive(Kind)]
#[tail(u8)]
pub(crate) struct Bytes {
    id: u64,
}

/// A tail of plain data with a slot before it.
#[derive(Kind)]
#[tail(u16)]
pub(crate) struct Named {
    id: u64,
    owner: Slot<Dyn<Model>>,
}

/// An object that never moves.
#[derive(Kind)]
#[kind(pinned)]
pub(crate) struct Pinned {
    id: u64,
    any: Slot<Dyn<Model>>,
}

#[derive(Roots)]
pub(crate) struct Roots {
    first: Root<Dyn<Model>>,
    count: u64,
    second: Root<Opt<Node>>,
}

object_model! {
    pub(crate) model Model { roots: Roots, kinds: [Node, Leaf, Wide, Array, Frame, Bytes, Named, Pinned] }
}

const REGISTERS: usize = 12;

/// One operation. Registers, slots and positions are taken modulo what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Node {
        to: u8,
        any: u8,
        next: u8,
    },
    Leaf {
        to: u8,
    },
    Wide {
        to: u8,
        from: u8,
    },
    Array {
        to: u8,
        length: u16,
        from: u8,
    },
    Frame {
        to: u8,
        length: u8,
        from: u8,
    },
    Bytes {
        to: u8,
        length: u32,
        seed: u8,
    },
    Named {
        to: u8,
        length: u8,
        owner: u8,
    },
    Pinned {
        to: u8,
        any: u8,
    },
    Region {
        to: u8,
        count: u16,
        from: u8,
    },
    Store {
        object: u8,
        slot: u16,
        from: u8,
    },
    StoreByAddress {
        object: u8,
        slot: u16,
        from: u8,
    },
    Load {
        to: u8,
        object: u8,
        slot: u16,
    },
    Copy {
        object: u8,
        at: u16,
        from: u8,
        start: u16,
        length: u16,
    },
    Move {
        to: u8,
        from: u8,
    },
    Int {
        to: u8,
        value: i32,
    },
    Clear {
        to: u8,
    },
    Push {
        from: u8,
    },
    Pop {
        to: u8,
    },
    Frames {
        count: u8,
    },
    Unframe {
        count: u8,
    },
    Global {
        from: u8,
    },
    DropGlobal {
        index: u8,
    },
    RootFirst {
        from: u8,
    },
    Hash {
        of: u8,
    },
    Minor,
    Major,
    Safepoint,
    Compare,
}

impl Op {
    /// Decodes an operation from eight bytes; every value is one.
    pub(crate) fn decode(b: [u8; 8]) -> Op {
        let wide = u16::from_le_bytes([b[4], b[5]]);
        let long = u16::from_le_bytes([b[6], b[7]]);
        match b[0] % 64 {
            0..=9 => Op::Node {
                to: b[1],
                any: b[2],
                next: b[3],
            },
            10..=12 => Op::Leaf { to: b[1] },
            13..=14 => Op::Wide { to: b[1], from: b[2] },
            15..=18 => {
                // Short; long enough for cards; longer than a block.
                let length = match b[3] {
                    0..180 => wide % 40,
                    180..245 => 120 + wide % 300,
                    _ => wide % 20_000,
                };
                Op::Array {
                    to: b[1],
                    length,
                    from: b[2],
                }
            }
            19 => Op::Frame {
                to: b[1],
                length: b[4] % 12,
                from: b[2],
            },
            20..=22 => Op::Bytes {
                to: b[1],
                length: if b[3] < 240 {
                    u32::from(wide) % 200
                } else {
                    u32::from(wide) * 6
                },
                seed: b[2],
            },
            23 => Op::Named {
                to: b[1],
                length: b[4] % 40,
                owner: b[2],
            },
            24 => Op::Pinned { to: b[1], any: b[2] },
            25..=26 => Op::Region {
                to: b[1],
                count: if b[3] < 240 { wide % 20 } else { wide % 3000 },
                from: b[2],
            },
            27..=36 => Op::Store {
                object: b[1],
                slot: wide,
                from: b[2],
            },
            37..=39 => Op::StoreByAddress {
                object: b[1],
                slot: wide,
                from: b[2],
            },
            40..=45 => Op::Load {
                to: b[1],
                object: b[2],
                slot: wide,
            },
            46 => Op::Copy {
                object: b[1],
                at: wide,
                from: b[2],
                start: u16::from(b[3]),
                length: long % 64,
            },
            47..=48 => Op::Move { to: b[1], from: b[2] },
            49 => Op::Int {
                to: b[1],
                value: i32::from_le_bytes([b[2], b[3], b[4], b[5]]),
            },
            50 => Op::Clear { to: b[1] },
            51 => Op::Push { from: b[1] },
            52 => Op::Pop { to: b[1] },
            53 => Op::Frames { count: b[1] % 40 },
            54 => Op::Unframe { count: b[1] % 40 },
            55 => Op::Global { from: b[1] },
            56 => Op::DropGlobal { index: b[1] },
            57 => Op::RootFirst { from: b[1] },
            58 => Op::Hash { of: b[1] },
            59..=60 => Op::Minor,
            61 => Op::Major,
            62 => Op::Safepoint,
            _ => Op::Compare,
        }
    }
}

/// A value of the model: an object by index, an integer, or nil.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Val {
    Nil,
    Int(i64),
    Object(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Node,
    Leaf,
    Wide,
    Array,
    Frame,
    Bytes,
    Named,
    Pinned,
}

#[derive(Clone, Debug)]
struct Object {
    sort: Sort,
    slots: Vec<Val>,
    data: Vec<u16>,
    hash: Option<u64>,
}

/// The model and the handles that tie it to the heap.
#[derive(Debug, Default)]
struct Twin {
    objects: Vec<Object>,
    registers: Vec<Val>,
    operands: Vec<Val>,
    globals: Vec<(Global<Dyn<Model>>, Val)>,
    first: Option<Val>,
    second: Option<Val>,
    depth: usize,
    out_of_memory: u64,
}

/// What running a program did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Minor collections.
    pub(crate) minors: u64,
    /// Major collections.
    pub(crate) majors: u64,
    /// Allocations refused for want of memory.
    pub(crate) out_of_memory: u64,
    /// Mark-stack overflows.
    pub(crate) overflows: u64,
    /// A digest of everything compared.
    pub(crate) digest: u64,
}

/// Runs `ops` on a heap made with `config`, comparing it with the model.
///
/// # Panics
///
/// When heap and model differ, or the verifier finds a broken invariant.
pub(crate) fn run(config: HeapConfig, ops: &[Op]) -> Outcome {
    let roots = RootsInit {
        first: Value::nil(),
        count: 0,
        second: None,
    };
    // A heap whose first pages are refused is an error, not a program.
    let Ok(mut isolate) = Isolate::<Model>::new(config, roots) else {
        return Outcome::default();
    };
    isolate.enter(|h| {
        let mut twin = Twin {
            registers: vec![Val::Nil; REGISTERS],
            ..Twin::default()
        };
        let mut digest = 0;
        for op in ops {
            twin.step(h, *op);
            if matches!(op, Op::Minor | Op::Major | Op::Compare) {
                digest = twin.compare(h);
                if let Err(e) = h.verify() {
                    panic!("after {op:?}: {e}");
                }
            }
        }
        digest ^= twin.compare(h);
        h.collect();
        digest ^= twin.compare(h).rotate_left(1);
        if let Err(e) = h.verify() {
            panic!("at the end: {e}");
        }
        let statistics = h.statistics();
        Outcome {
            minors: statistics.minor_collections,
            majors: statistics.major_collections,
            out_of_memory: twin.out_of_memory,
            overflows: statistics.mark_stack_overflows,
            digest,
        }
    })
}

fn reg(h: &Heap<Model>, index: u8) -> Value<'_, Model> {
    h.regs()[index as usize % REGISTERS].get()
}

fn set_reg(h: &Heap<Model>, index: u8, value: Value<'_, Model>) {
    h.regs()[index as usize % REGISTERS].set(value);
}

impl Twin {
    fn val(&self, index: u8) -> Val {
        self.registers[self.base() + index as usize % REGISTERS]
    }

    fn set_val(&mut self, index: u8, value: Val) {
        let at = self.base() + index as usize % REGISTERS;
        self.registers[at] = value;
    }

    fn base(&self) -> usize {
        self.depth
    }

    fn add(&mut self, sort: Sort, slots: Vec<Val>, data: Vec<u16>) -> Val {
        self.objects.push(Object {
            sort,
            slots,
            data,
            hash: None,
        });
        Val::Object(self.objects.len() - 1)
    }

    /// The value, if it is a node: what a typed slot takes.
    fn node_only(&self, value: Val) -> Val {
        match value {
            Val::Object(i) if self.objects[i].sort == Sort::Node => value,
            _ => Val::Nil,
        }
    }

    #[allow(clippy::too_many_lines, reason = "one arm for each operation")]
    fn step(&mut self, h: &mut Heap<Model>, op: Op) {
        let id = self.objects.len() as u64;
        match op {
            Op::Node { to, any, next } => {
                let made = h.try_alloc_with::<Node, _>(|h| NodeInit {
                    id,
                    any: reg(h, any),
                    next: reg(h, next).cast(),
                });
                match made {
                    Ok((h, node)) => {
                        set_reg(h, to, node.to_value());
                        let slots = vec![self.val(any), self.node_only(self.val(next))];
                        let value = self.add(Sort::Node, slots, vec![]);
                        self.set_val(to, value);
                    }
                    Err(_) => self.out_of_memory += 1,
                }
            }
            Op::Leaf { to } => match h.try_alloc_with::<Leaf, _>(|_| LeafInit { id }) {
                Ok((h, leaf)) => {
                    set_reg(h, to, leaf.to_value());
                    let value = self.add(Sort::Leaf, vec![], vec![]);
                    self.set_val(to, value);
                }
                Err(_) => self.out_of_memory += 1,
            },
            Op::Wide { to, from } => {
                let made = h.try_alloc_with::<Wide, _>(|h| WideInit {
                    id,
                    low: [reg(h, from); 20],
                    number: id ^ 0x7000_0000_0008,
                    high: [reg(h, from.wrapping_add(1)); 30],
                });
                match made {
                    Ok((h, wide)) => {
                        set_reg(h, to, wide.to_value());
                        let mut slots = vec![self.val(from); 20];
                        slots.extend(vec![self.val(from.wrapping_add(1)); 30]);
                        let value = self.add(Sort::Wide, slots, vec![]);
                        self.set_val(to, value);
                    }
                    Err(_) => self.out_of_memory += 1,
                }
            }
            Op::Array { to, length, from } => {
                let length = length as usize;
                let made = h.try_alloc_tail_with::<Array, _, _>(
                    length,
                    |_| ArrayInit { id },
                    |h, i| {
                        if i % 3 == 0 { reg(h, from) } else { Value::int(i as i64) }
                    },
                );
                match made {
                    Ok((h, array)) => {
                        set_reg(h, to, array.to_value());
                        let value = self.val(from);
                        let slots = (0..length)
                            .map(|i| if i % 3 == 0 { value } else { Val::Int(i as i64) })
                            .collect();
                        let value = self.add(Sort::Array, slots, vec![]);
                        self.set_val(to, value);
                    }
                    Err(_) => self.out_of_memory += 1,
                }
            }
            Op::Frame { to, length, from } => {
                let length = length as usize;
                let made = h.try_alloc_tail_with::<Frame, _, _>(
                    length,
                    |h| FrameInit {
                        id,
                        parent: reg(h, from),
                    },
                    |h, i| reg(h, from.wrapping_add(i as u8)),
                );
                match made {
                    Ok((h, frame)) => {
                        set_reg(h, to, frame.to_value());
                        let mut slots = vec![self.val(from)];
                        slots.extend((0..length).map(|i| self.val(from.wrapping_add(i as u8))));
                        let value = self.add(Sort::Frame, slots, vec![]);
                        self.set_val(to, value);
                    }
                    Err(_) => self.out_of_memory += 1,
                }
            }
            Op::Bytes { to, length, seed } => {
                let length = length as usize;
                let made = h.try_alloc_tail_with::<Bytes, _, _>(
                    length,
                    |_| BytesInit { id },
                    |_, i| seed.wrapping_add(i as u8),
                );
                match made {
                    Ok((h, bytes)) => {
                        set_reg(h, to, bytes.to_value());
                        let data = (0..length).map(|i| u16::from(seed.wrapping_add(i as u8))).collect();
                        let value = self.add(Sort::Bytes, vec![], data);
                        self.set_val(to, value);
                    }
                    Err(_) => self.out_of_memory += 1,
                }
            }
            Op::Named { to, length, owner } => {
                let length = length as usize;
                let made = h.try_alloc_tail_with::<Named, _, _>(
                    length,
                    |h| NamedInit {
                        id,
                        owner: reg(h, owner),
                    },
                    |_, i| 300 + i as u16,
                );
                match made {
                    Ok((h, named)) => {
                        set_reg(h, to, named.to_value());
                        let slots = vec![self.val(owner)];
                        let value = self.add(Sort::Named, slots, (0..length).map(|i| 300 + i as u16).collect());
                        self.set_val(to, value);
                    }
                    Err(_) => self.out_of_memory += 1,
                }
            }
            Op::Pinned { to, any } => match h.try_alloc_with::<Pinned, _>(|h| PinnedInit { id, any: reg(h, any) }) {
                Ok((h, pinned)) => {
                    set_reg(h, to, pinned.to_value());
                    let slots = vec![self.val(any)];
                    let value = self.add(Sort::Pinned, slots, vec![]);
                    self.set_val(to, value);
                }
                Err(_) => self.out_of_memory += 1,
            },
            Op::Region { to, count, from } => {
                // A list built in a region: nothing may collect, the nursery spills.
                let h = &*h;
                let mut list = reg(h, from);
                let mut model = self.val(from);
                for _ in 0..count {
                    let id = self.objects.len() as u64;
                    match h.try_alloc::<Node>(NodeInit {
                        id,
                        any: list,
                        next: None,
                    }) {
                        Ok(node) => {
                            list = node.to_value();
                            model = self.add(Sort::Node, vec![model, Val::Nil], vec![]);
                        }
                        Err(_) => {
                            self.out_of_memory += 1;
                            break;
                        }
                    }
                }
                set_reg(h, to, list);
                self.set_val(to, model);
            }
            Op::Store { object, slot, from } => self.store(h, object, slot, from, false),
            Op::StoreByAddress { object, slot, from } => self.store(h, object, slot, from, true),
            Op::Load { to, object, slot } => {
                let Val::Object(i) = self.val(object) else { return };
                let count = self.objects[i].slots.len();
                if count == 0 {
                    return;
                }
                let slot = slot as usize % count;
                let value = load(reg(h, object), slot);
                set_reg(h, to, value);
                let model = self.objects[i].slots[slot];
                self.set_val(to, model);
            }
            Op::Copy {
                object,
                at,
                from,
                start,
                length,
            } => self.copy(h, object, at, from, start, length),
            Op::Move { to, from } => {
                set_reg(h, to, reg(h, from));
                let value = self.val(from);
                self.set_val(to, value);
            }
            Op::Int { to, value } => {
                set_reg(h, to, Value::int(i64::from(value)));
                self.set_val(to, Val::Int(i64::from(value)));
            }
            Op::Clear { to } => {
                set_reg(h, to, Value::nil());
                self.set_val(to, Val::Nil);
            }
            Op::Push { from } => {
                if h.push(reg(h, from)).is_ok() {
                    self.operands.push(self.val(from));
                }
            }
            Op::Pop { to } => {
                assert_eq!(h.stack_len(), self.operands.len());
                if let Some(value) = h.try_pop() {
                    set_reg(h, to, value);
                    let model = self.operands.pop().expect("the stacks have the same length");
                    self.set_val(to, model);
                }
            }
            Op::Frames { count } => self.push_frame(h, count as usize),
            Op::Unframe { count } => {
                let count = (count as usize).min(self.depth);
                h.pop_frame(count);
                self.depth -= count;
            }
            Op::Global { from } => {
                let value = self.val(from);
                self.globals.push((h.global::<Dyn<Model>>(reg(h, from)), value));
            }
            Op::DropGlobal { index } => {
                if !self.globals.is_empty() {
                    let index = index as usize % self.globals.len();
                    self.globals.swap_remove(index);
                }
            }
            Op::RootFirst { from } => {
                h.roots().first.set(reg(h, from));
                h.roots().second.set(reg(h, from).cast());
                self.first = Some(self.val(from));
                self.second = Some(self.node_only(self.val(from)));
            }
            Op::Hash { of } => self.hash(h, of),
            Op::Minor => h.collect_minor(),
            Op::Major => h.collect(),
            Op::Safepoint => h.safepoint(),
            Op::Compare => {}
        }
    }

    /// Slides the window up. What it then shows must be nil or a live value: it is compared with what was there.
    fn push_frame(&mut self, h: &Heap<Model>, count: usize) {
        if self.depth + count > 400 || h.push_frame(count).is_err() {
            return;
        }
        self.depth += count;
        let needed = self.depth + REGISTERS;
        if self.registers.len() < needed {
            self.registers.resize(needed, Val::Nil);
        }
        // A popped register may have been cleared by a collection or not; from here on it is nil in both.
        for i in 0..REGISTERS {
            let index = self.depth + i;
            h.regs()[i].set(Value::nil());
            self.registers[index] = Val::Nil;
        }
    }

    fn store(&mut self, h: &Heap<Model>, object: u8, slot: u16, from: u8, by_address: bool) {
        let Val::Object(i) = self.val(object) else { return };
        let count = self.objects[i].slots.len();
        if count == 0 {
            return;
        }
        let slot = slot as usize % count;
        let target = reg(h, object);
        let mut value = reg(h, from);
        let mut model = self.val(from);
        if self.objects[i].sort == Sort::Node && slot == 1 {
            model = self.node_only(model);
            let node = target.cast::<Node>().expect("a node");
            if by_address {
                node.get().next.set(h, value.cast());
            } else {
                node.set_next(h, value.cast());
            }
        } else {
            store(h, target, slot, value, by_address);
        }
        if self.objects[i].sort == Sort::Node && slot == 1 && model == Val::Nil {
            value = Value::nil();
        }
        let _ = value;
        self.objects[i].slots[slot] = model;
    }

    fn copy(&mut self, h: &Heap<Model>, object: u8, at: u16, from: u8, start: u16, length: u16) {
        let (Val::Object(i), Val::Object(j)) = (self.val(object), self.val(from)) else {
            return;
        };
        if self.objects[i].sort != Sort::Array || self.objects[j].sort != Sort::Array {
            return;
        }
        let (to_len, from_len) = (self.objects[i].slots.len(), self.objects[j].slots.len());
        if to_len == 0 || from_len == 0 {
            return;
        }
        let (at, start) = (at as usize % to_len, start as usize % from_len);
        let length = (length as usize).min(to_len - at).min(from_len - start);
        let target = reg(h, object).cast::<Array>().expect("an array");
        let source = reg(h, from).cast::<Array>().expect("an array");
        if i == j {
            target.tail_copy_within(h, start..start + length, at);
            self.objects[i].slots.copy_within(start..start + length, at);
        } else {
            target.tail_copy_from(h, at, source, start..start + length);
            let copied: Vec<Val> = self.objects[j].slots[start..start + length].to_vec();
            self.objects[i].slots[at..at + length].copy_from_slice(&copied);
        }
    }

    fn hash(&mut self, h: &Heap<Model>, of: u8) {
        let Val::Object(i) = self.val(of) else { return };
        let hash = identity_hash(h, reg(h, of));
        let known = *self.objects[i].hash.get_or_insert(hash);
        assert_eq!(hash, known, "the identity hash of object {i} changed");
    }

    /// Compares everything reachable. Returns a digest of it.
    fn compare(&self, h: &Heap<Model>) -> u64 {
        let mut walk = Walk {
            twin: self,
            seen: HashMap::new(),
            stack: Vec::new(),
            digest: 0xcbf2_9ce4_8422_2325,
        };
        for i in 0..REGISTERS {
            walk.pair(self.registers[self.base() + i], h.regs()[i].get());
        }
        for (i, value) in self.operands.iter().rev().enumerate() {
            walk.pair(*value, h.peek(i));
        }
        for (global, value) in &self.globals {
            walk.pair(*value, global.get(h));
        }
        if let (Some(first), Some(second)) = (self.first, self.second) {
            walk.pair(first, h.roots().first.get());
            walk.pair(second, Value::from(h.roots().second.get()));
        }
        walk.run(h);
        walk.digest
    }
}

struct Walk<'t, 'h> {
    twin: &'t Twin,
    seen: HashMap<usize, Value<'h, Model>>,
    stack: Vec<(usize, Value<'h, Model>)>,
    digest: u64,
}

impl<'h> Walk<'_, 'h> {
    fn mix(&mut self, word: u64) {
        self.digest = (self.digest ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(7);
    }

    fn pair(&mut self, model: Val, value: Value<'h, Model>) {
        match model {
            Val::Nil => assert!(value.is_nil(), "nil expected, found {value:?}"),
            Val::Int(i) => assert_eq!(value.as_int(), Some(i)),
            Val::Object(i) => match self.seen.get(&i) {
                Some(known) => assert!(*known == value, "object {i} is at two addresses"),
                None => {
                    self.seen.insert(i, value);
                    self.stack.push((i, value));
                }
            },
        }
        self.mix(match model {
            Val::Nil => 1,
            Val::Int(i) => i as u64,
            Val::Object(i) => i as u64 + 2,
        });
    }

    fn run(&mut self, h: &'h Heap<Model>) {
        while let Some((i, value)) = self.stack.pop() {
            let object = &self.twin.objects[i];
            let (id, data) = contents(object.sort, value);
            assert_eq!(id, i as u64, "another object where object {i} should be");
            assert_eq!(data, object.data, "the data of object {i} changed");
            if let Some(hash) = object.hash {
                assert_eq!(identity_hash(h, value), hash, "the identity hash of object {i} changed");
            }
            for (slot, model) in object.slots.iter().enumerate() {
                self.pair(*model, load(value, slot));
            }
        }
    }
}

fn expect<'h, T: tenure::Kind<Model = Model>>(sort: Sort, value: Value<'h, Model>) -> Gc<'h, T> {
    value
        .cast::<T>()
        .unwrap_or_else(|| panic!("a {sort:?} expected, found {value:?}"))
}

fn contents(sort: Sort, value: Value<'_, Model>) -> (u64, Vec<u16>) {
    match sort {
        Sort::Node => (expect::<Node>(sort, value).id(), vec![]),
        Sort::Leaf => (expect::<Leaf>(sort, value).id(), vec![]),
        Sort::Wide => {
            let wide = expect::<Wide>(sort, value);
            assert_eq!(wide.number(), wide.id() ^ 0x7000_0000_0008);
            (wide.id(), vec![])
        }
        Sort::Array => (expect::<Array>(sort, value).id(), vec![]),
        Sort::Frame => (expect::<Frame>(sort, value).id(), vec![]),
        Sort::Bytes => {
            let bytes = expect::<Bytes>(sort, value);
            (bytes.id(), bytes.tail().iter().map(|b| u16::from(b.get())).collect())
        }
        Sort::Named => {
            let named = expect::<Named>(sort, value);
            (named.id(), named.tail().iter().map(Cell::get).collect())
        }
        Sort::Pinned => (expect::<Pinned>(sort, value).id(), vec![]),
    }
}

fn load<'h>(object: Value<'h, Model>, slot: usize) -> Value<'h, Model> {
    if let Some(node) = object.cast::<Node>() {
        if slot == 0 {
            node.any()
        } else {
            Value::from(node.next())
        }
    } else if let Some(wide) = object.cast::<Wide>() {
        if slot < 20 {
            wide.low()[slot].get()
        } else {
            wide.high()[slot - 20].get()
        }
    } else if let Some(array) = object.cast::<Array>() {
        array.tail_get(slot)
    } else if let Some(frame) = object.cast::<Frame>() {
        if slot == 0 {
            frame.parent()
        } else {
            frame.tail_get(slot - 1)
        }
    } else if let Some(named) = object.cast::<Named>() {
        named.owner()
    } else if let Some(pinned) = object.cast::<Pinned>() {
        pinned.any()
    } else {
        panic!("{object:?} has no slots")
    }
}

fn store(h: &Heap<Model>, object: Value<'_, Model>, slot: usize, value: Value<'_, Model>, by_address: bool) {
    if let Some(node) = object.cast::<Node>() {
        if by_address {
            node.get().any.set(h, value)
        } else {
            node.set_any(h, value)
        }
    } else if let Some(wide) = object.cast::<Wide>() {
        let field = if slot < 20 {
            &wide.get().low[slot]
        } else {
            &wide.get().high[slot - 20]
        };
        if by_address || slot >= 20 {
            field.set(h, value);
        } else {
            wide.put(h, |w| &w.low[slot], value);
        }
    } else if let Some(array) = object.cast::<Array>() {
        if by_address {
            array.tail()[slot].set(h, value)
        } else {
            array.tail_set(h, slot, value)
        }
    } else if let Some(frame) = object.cast::<Frame>() {
        match (slot, by_address) {
            (0, false) => frame.set_parent(h, value),
            (0, true) => frame.get().parent.set(h, value),
            (_, false) => frame.tail_set(h, slot - 1, value),
            (_, true) => frame.tail()[slot - 1].set(h, value),
        }
    } else if let Some(named) = object.cast::<Named>() {
        named.set_owner(h, value);
    } else if let Some(pinned) = object.cast::<Pinned>() {
        if by_address {
            pinned.get().any.set(h, value)
        } else {
            pinned.set_any(h, value)
        }
    } else {
        panic!("{object:?} has no slots");
    }
}

fn identity_hash(h: &Heap<Model>, value: Value<'_, Model>) -> u64 {
    if let Some(o) = value.cast::<Node>() {
        o.identity_hash(h)
    } else if let Some(o) = value.cast::<Leaf>() {
        o.identity_hash(h)
    } else if let Some(o) = value.cast::<Wide>() {
        o.identity_hash(h)
    } else if let Some(o) = value.cast::<Array>() {
        o.identity_hash(h)
    } else if let Some(o) = value.cast::<Frame>() {
        o.identity_hash(h)
    } else if let Some(o) = value.cast::<Bytes>() {
        o.identity_hash(h)
    } else if let Some(o) = value.cast::<Named>() {
        o.identity_hash(h)
    } else if let Some(o) = value.cast::<Pinned>() {
        o.identity_hash(h)
    } else {
        panic!("{value:?} is no object")
    }
}

/// The configurations that programs run under, by name: every policy, and settings that make rare paths frequent.
pub(crate) fn configurations() -> Vec<(&'static str, fn() -> HeapConfig)> {
    fn tiny() -> HeapConfig {
        HeapConfig::new()
            .semi_space_bytes(4096)
            .max_spill_bytes(64 * 1024)
            .max_old_bytes(64 << 20)
            .handle_words(4096)
    }
    fn with(name: &str, value: &str) -> HeapConfig {
        let mut config = tiny();
        config.set_flag(name, value).expect("a flag of the table");
        config
    }
    vec![
        ("default", HeapConfig::new as fn() -> HeapConfig),
        ("tiny nursery", tiny),
        ("growing nursery", || tiny().max_semi_space_bytes(1 << 20)),
        ("promote by age mark", || with("promotion", "age-mark")),
        ("promote by fill", || with("promotion", "fill")),
        ("promote at age 3", || with("promotion", "age=3")),
        ("promote all", || with("promotion", "all")),
        ("promote none", || with("promotion", "never")),
        ("promote adaptively", || with("promotion", "adaptive")),
        ("promote at random", || with("promotion", "random=7")),
        ("mark stack of 1", || tiny().mark_stack_entries(1)),
        ("mark stack of 2, none promoted", || {
            with("promotion", "never").mark_stack_entries(2)
        }),
        ("mark stack of 7, prefetching", || {
            with("traversal", "prefetch").mark_stack_entries(7)
        }),
        ("depth first", || with("traversal", "depth-first")),
        ("collect at every allocation", || tiny().gc_interval(1).poison(true)),
        ("collect at every third allocation", || {
            tiny().gc_interval(3).protect(true).mark_stack_entries(1)
        }),
        ("random fills", || with("stress-scavenge", "60")),
        ("poison and protect", || tiny().poison(true).protect(true)),
        ("incremental", || {
            tiny()
                .incremental_marking(true)
                .mark_step_bytes(512)
                .initial_old_limit_bytes(1 << 16)
                .verify_heap(true)
        }),
        ("incremental, one object a slice", || {
            with("stress-incremental-marking", "").verify_heap(true)
        }),
        ("incremental, stack of 1, promote all", || {
            let mut config = with("stress-incremental-marking", "")
                .mark_stack_entries(1)
                .verify_heap(true);
            config.set_flag("promotion", "all").expect("a policy");
            config
        }),
        ("incremental, every allocation", || {
            with("stress-incremental-marking", "")
                .gc_interval(1)
                .mark_stack_entries(3)
        }),
        ("incremental, none promoted, small old", || {
            let mut config = with("stress-incremental-marking", "")
                .max_old_bytes(1 << 20)
                .verify_heap(true);
            config.set_flag("promotion", "never").expect("a policy");
            config
        }),
        ("no spill", || tiny().max_spill_bytes(0)),
        ("old generation of 1 MiB", || tiny().max_old_bytes(1 << 20)),
        ("old generation of 1 MiB, promote all", || {
            with("promotion", "all").max_old_bytes(1 << 20)
        }),
        ("pages fail at 30", || tiny().fail_pages_at(30)),
        ("pages fail at 45", || tiny().fail_pages_at(45).max_spill_bytes(0)),
        ("pages fail at 60, promote all", || {
            with("promotion", "all").fail_pages_at(60)
        }),
    ]
}
