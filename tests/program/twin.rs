//! The model beside the heap: each operation is done to both.
//!
//! Objects of the model are entries of a vector and never move. A step costs what the operation does. What the two hold
//! is compared elsewhere.

use std::collections::{HashMap, HashSet};

use tenure::prelude::*;

use super::reach::{Pair, Registration, Weak};
use super::walk::{Walk, identity_hash, load, store};
use super::weak::Tickets;
use super::*;

/// A value of the model: an object by index, an integer, or nil.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Val {
    Nil,
    Int(i64),
    Object(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Node,
    Leaf,
    Wide,
    Array,
    Frame,
    Bytes,
    Named,
    Pinned,
    Watcher,
    Observers,
    Owner,
    /// Weak tables: of ephemerons, of weak values, of both.
    Keys,
    Values,
    Both,
}

impl Sort {
    pub(super) fn is_table(self) -> bool {
        matches!(self, Sort::Keys | Sort::Values | Sort::Both)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) sort: Sort,
    pub(super) slots: Vec<Val>,
    pub(super) data: Vec<u16>,
    pub(super) hash: Option<u64>,
    pub(super) weak: Vec<Weak>,
    pub(super) pairs: Vec<Pair>,
    /// The number of its native resource.
    pub(super) ticket: Option<usize>,
    /// When it was last read from a weak place after nothing had reached it.
    pub(super) lapsed: u64,
}

/// The model and the handles that tie it to the heap.
#[derive(Debug, Default)]
pub(super) struct Twin {
    pub(super) objects: Vec<Object>,
    pub(super) registers: Vec<Val>,
    pub(super) operands: Vec<Val>,
    pub(super) globals: Vec<(Global<Dyn<Model>>, Val)>,
    pub(super) first: Option<Val>,
    pub(super) second: Option<Val>,
    pub(super) depth: usize,
    pub(super) out_of_memory: u64,
    /// Operations so far, from 1 on.
    pub(super) time: u64,
    pub(super) handles: Vec<(WeakGlobal<Dyn<Model>>, Weak)>,
    pub(super) registrations: Vec<Registration>,
    /// What is kept until the job ends.
    pub(super) kept: Vec<Val>,
    /// Reading from a weak place keeps what was read.
    pub(super) keeps_reads: bool,
    /// Minor collections keep what weak words refer to.
    pub(super) weak_is_strong: bool,
    pub(super) tickets: Tickets,
    pub(super) external_bytes: usize,
    /// Objects that are young and have survived no collection.
    pub(super) newborns: HashSet<usize>,
    /// Those of them that were stored into another object after that was made.
    pub(super) stored: HashSet<usize>,
    /// Those that the last minor collection must have found dead, until they are looked at.
    pub(super) dead_young: HashSet<usize>,
    pub(super) collections: u64,
}

pub(super) fn reg(h: &Heap<Model>, index: u8) -> Value<'_, Model> {
    h.regs()[index as usize % REGISTERS].get()
}

pub(super) fn set_reg(h: &Heap<Model>, index: u8, value: Value<'_, Model>) {
    h.regs()[index as usize % REGISTERS].set(value);
}

impl Twin {
    pub(super) fn val(&self, index: u8) -> Val {
        self.registers[self.base() + index as usize % REGISTERS]
    }

    pub(super) fn set_val(&mut self, index: u8, value: Val) {
        let at = self.base() + index as usize % REGISTERS;
        self.registers[at] = value;
    }

    fn base(&self) -> usize {
        self.depth
    }

    pub(super) fn add(&mut self, sort: Sort, slots: Vec<Val>, data: Vec<u16>) -> Val {
        self.objects.push(Object {
            sort,
            slots,
            data,
            hash: None,
            weak: vec![],
            pairs: vec![],
            ticket: None,
            lapsed: 0,
        });
        Val::Object(self.objects.len() - 1)
    }

    /// The value, if it is a node: what a typed slot takes.
    pub(super) fn node_only(&self, value: Val) -> Val {
        match value {
            Val::Object(i) if self.objects[i].sort == Sort::Node => value,
            _ => Val::Nil,
        }
    }

    #[allow(clippy::too_many_lines, reason = "one arm for each operation")]
    pub(super) fn step(&mut self, h: &mut Heap<Model>, op: Op) {
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
            Op::Minor => self.minor(h),
            Op::Major => h.collect(),
            Op::Safepoint => h.safepoint(),
            Op::Step { ticks } => {
                h.step(h.now_ns() + u64::from(ticks) * TICK_NS);
            }
            Op::IdleStep { ticks } => {
                h.idle_step(h.now_ns() + u64::from(ticks) * TICK_NS);
            }
            Op::StartMarking => h.start_marking(),
            Op::Compact => h.compact(),
            Op::Compare => {}
            Op::Weak(op) => self.weak_step(h, op),
        }
    }

    /// Does an operation, and keeps account of which objects are young.
    pub(super) fn run(&mut self, h: &mut Heap<Model>, op: Op) {
        let collections = |h: &Heap<Model>| {
            let statistics = h.statistics();
            statistics.minor_collections + statistics.major_collections
        };
        self.time += 1;
        // Between collections this is what was allocated as old. The size of the old generation would not tell: it is swept
        // meanwhile.
        let old_bytes = h.statistics().allocated_bytes;
        let before = self.objects.len();
        self.step(h, op);
        if collections(h) != self.collections {
            // What the operation allocated after it had collected may be young; it counts as old.
            self.collections = collections(h);
            self.newborns.clear();
            self.stored.clear();
        } else if h.statistics().allocated_bytes == old_bytes {
            self.newborns.extend(before..self.objects.len());
        }
    }

    /// Notes that a value was stored into an object.
    pub(super) fn note_stored(&mut self, value: Val) {
        if let Val::Object(i) = value {
            self.stored.insert(i);
        }
    }

    /// Slides the window up. What it will show has been popped, and cleared by a collection or not: it is made nil in
    /// heap and model.
    fn push_frame(&mut self, h: &Heap<Model>, count: usize) {
        if self.depth + count > 400 {
            return;
        }
        let needed = self.depth + count + REGISTERS;
        if self.registers.len() < needed {
            self.registers.resize(needed, Val::Nil);
        }
        for i in REGISTERS..count + REGISTERS {
            h.regs()[i].set(Value::nil());
            self.registers[self.depth + i] = Val::Nil;
        }
        if h.push_frame(count).is_ok() {
            self.depth += count;
            // What the window did not show before may have been cleared, or not.
            for i in (tenure::REGISTERS - count).max(REGISTERS)..tenure::REGISTERS {
                h.regs()[i].set(Value::nil());
                if let Some(value) = self.registers.get_mut(self.depth + i) {
                    *value = Val::Nil;
                }
            }
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
        self.note_stored(model);
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
            let copied: Vec<Val> = self.objects[i].slots[at..at + length].to_vec();
            copied.into_iter().for_each(|value| self.note_stored(value));
        } else {
            target.tail_copy_from(h, at, source, start..start + length);
            let copied: Vec<Val> = self.objects[j].slots[start..start + length].to_vec();
            self.objects[i].slots[at..at + length].copy_from_slice(&copied);
            copied.into_iter().for_each(|value| self.note_stored(value));
        }
    }

    fn hash(&mut self, h: &Heap<Model>, of: u8) {
        let Val::Object(i) = self.val(of) else { return };
        let hash = identity_hash(h, reg(h, of));
        let known = *self.objects[i].hash.get_or_insert(hash);
        assert_eq!(hash, known, "the identity hash of object {i} changed");
    }

    /// Compares everything reachable, and on demand everything in weak places. Returns a digest of the former.
    pub(super) fn compare(&mut self, h: &Heap<Model>, weak: bool) -> u64 {
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
        for due in self.registrations.iter().filter(|registration| registration.due) {
            // The queue cannot be looked at; what comes out of it is.
            assert!(h.finalizable_count() > 0, "object {} is due", due.object);
        }
        walk.run(h);
        let digest = walk.digest;
        walk.follow_pairs(h);
        walk.check_cleared();
        if weak {
            walk.follow_weak(h);
            let seen = std::mem::take(&mut walk.seen);
            self.align_all(h, &seen);
        }
        self.dead_young.clear();
        digest
    }
}
