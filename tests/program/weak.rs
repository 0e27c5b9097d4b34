//! Operations with weak references, weak tables, finalizers and native resources, done to heap and model.
//!
//! A step costs what the operation does, and a look at the whole model where something was read from a weak place. The
//! model does not know when the heap collects: a weak place may be empty as soon as nothing reaches its object.

use std::cell::RefCell;
use std::rc::Rc;

use tenure::prelude::*;
use tenure::{WeakBoth, WeakKeys, WeakValues, Weakness};

use super::reach::{Pair, Registration, Weak};
use super::twin::{Object, Sort, Twin, Val, reg, set_reg};
use super::weak_op::WeakOp;
use super::*;

/// A native resource that counts how often it was dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(super) number: usize,
    drops: Rc<RefCell<Vec<u8>>>,
}

impl NativeResource for Ticket {}

impl Drop for Ticket {
    fn drop(&mut self) {
        let count = &mut self.drops.borrow_mut()[self.number];
        *count += 1;
        assert!(*count == 1, "resource {} was dropped twice", self.number);
    }
}

/// All native resources: how often each was dropped, and what it counts as.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    drops: Rc<RefCell<Vec<u8>>>,
    bytes: Vec<usize>,
}

impl Tickets {
    fn make(&mut self, bytes: usize) -> Ticket {
        self.drops.borrow_mut().push(0);
        self.bytes.push(bytes);
        Ticket {
            number: self.bytes.len() - 1,
            drops: Rc::clone(&self.drops),
        }
    }

    pub(super) fn is_dropped(&self, number: usize) -> bool {
        self.drops.borrow()[number] > 0
    }

    pub(super) fn drops(&self) -> Rc<RefCell<Vec<u8>>> {
        Rc::clone(&self.drops)
    }

    /// Returns what all that are left count as.
    pub(super) fn held_bytes(&self) -> usize {
        let drops = self.drops.borrow();
        (self.bytes.iter().zip(&*drops))
            .filter(|(_, dropped)| **dropped == 0)
            .map(|(bytes, _)| bytes)
            .sum()
    }
}

/// The first pair of a table has a key from here on: that of an object of the model. No integer of a program is as large.
const FIRST_NAME: i64 = 1 << 40;

/// A weak table of any mode.
#[derive(Clone, Copy)]
pub(super) enum AnyTable<'h> {
    Keys(Gc<'h, WeakTable<Model, WeakKeys>>),
    Values(Gc<'h, WeakTable<Model, WeakValues>>),
    Both(Gc<'h, WeakTable<Model, WeakBoth>>),
}

macro_rules! of_any {
    ($table:expr, $name:ident => $call:expr) => {
        match $table {
            AnyTable::Keys($name) => $call,
            AnyTable::Values($name) => $call,
            AnyTable::Both($name) => $call,
        }
    };
}

impl<'h> AnyTable<'h> {
    pub(super) fn of(value: Value<'h, Model>) -> Option<AnyTable<'h>> {
        (value.cast().map(AnyTable::Keys))
            .or_else(|| value.cast().map(AnyTable::Values))
            .or_else(|| value.cast().map(AnyTable::Both))
    }

    pub(super) fn find(self, h: &'h Heap<Model>, key: Value<'_, Model>) -> Option<Value<'h, Model>> {
        of_any!(self, table => table.find(h, key))
    }

    /// Returns which table of the model it is.
    fn index(self, h: &'h Heap<Model>) -> usize {
        let first = of_any!(self, table => table.entry_from(h, 0)).expect("the first pair");
        (first.1.as_int().expect("the name of the table") - FIRST_NAME) as usize
    }

    pub(super) fn count(self) -> usize {
        of_any!(self, table => table.count())
    }

    pub(super) fn entries(self, h: &'h Heap<Model>) -> Vec<(Value<'h, Model>, Value<'h, Model>)> {
        of_any!(self, table => table.entries(h).collect())
    }
}

/// Returns the weak words of an object, in order.
pub(super) fn weak_words<'h>(h: &'h Heap<Model>, object: Value<'h, Model>) -> Vec<Value<'h, Model>> {
    if let Some(watcher) = object.cast::<Watcher>() {
        vec![watcher.weak().get(h), Value::from(watcher.node().get(h))]
    } else if let Some(observers) = object.cast::<Observers>() {
        vec![observers.weak().get(h)]
    } else {
        vec![]
    }
}

/// Returns which of them are empty, without reading them.
pub(super) fn cleared_words(object: Value<'_, Model>) -> Vec<bool> {
    if let Some(watcher) = object.cast::<Watcher>() {
        vec![watcher.weak().is_cleared(), watcher.node().is_cleared()]
    } else if let Some(observers) = object.cast::<Observers>() {
        vec![observers.weak().is_cleared()]
    } else {
        vec![]
    }
}

impl Twin {
    /// Returns the first register from `start` on whose object will do.
    fn find_register(&self, start: u8, will_do: impl Fn(&Object) -> bool) -> Option<(u8, usize)> {
        (0..REGISTERS as u8)
            .map(|i| start.wrapping_add(i) % REGISTERS as u8)
            .find_map(|register| match self.val(register) {
                Val::Object(i) if will_do(&self.objects[i]) => Some((register, i)),
                _ => None,
            })
    }

    /// Returns the table in the first register from `start` on that holds one.
    fn table<'h>(&self, h: &'h Heap<Model>, start: u8) -> Option<(AnyTable<'h>, usize)> {
        let (register, i) = self.find_register(start, |object| object.sort.is_table())?;
        AnyTable::of(reg(h, register)).map(|table| (table, i))
    }

    /// Returns what a value of the heap is in the model.
    pub(super) fn model_of(&self, h: &Heap<Model>, value: Value<'_, Model>) -> Val {
        if value.is_nil() {
            return Val::Nil;
        }
        if let Some(int) = value.as_int() {
            return Val::Int(int);
        }
        if let Some(table) = AnyTable::of(value) {
            return Val::Object(table.index(h));
        }
        let id = if let Some(o) = value.cast::<Node>() {
            o.id()
        } else if let Some(o) = value.cast::<Leaf>() {
            o.id()
        } else if let Some(o) = value.cast::<Wide>() {
            o.id()
        } else if let Some(o) = value.cast::<Array>() {
            o.id()
        } else if let Some(o) = value.cast::<Frame>() {
            o.id()
        } else if let Some(o) = value.cast::<Bytes>() {
            o.id()
        } else if let Some(o) = value.cast::<Named>() {
            o.id()
        } else if let Some(o) = value.cast::<Pinned>() {
            o.id()
        } else if let Some(o) = value.cast::<Watcher>() {
            o.id()
        } else if let Some(o) = value.cast::<Observers>() {
            o.id()
        } else if let Some(o) = value.cast::<Owner>() {
            o.id()
        } else {
            panic!("{value:?} is no value of the model")
        };
        Val::Object(id as usize)
    }

    /// Notes that the program looked at what a weak place holds.
    fn note_read(&mut self, value: Val) {
        if self.keeps_reads {
            self.revive(value);
            self.kept.push(value);
        }
    }

    /// Puts what was read from a weak place into a register.
    fn take_read(&mut self, h: &Heap<Model>, to: u8, value: Value<'_, Model>) {
        let model = self.model_of(h, value);
        self.revive(model);
        self.note_read(model);
        set_reg(h, to, value);
        self.set_val(to, model);
    }

    /// Compares a weak place with the model, and returns what is in it. `cell` tells where the model has it.
    fn read_weak(&mut self, h: &Heap<Model>, to: u8, value: Value<'_, Model>, cell: impl Fn(&mut Twin) -> &mut Weak) {
        let expected = *cell(self);
        if value.is_nil() && expected.target != Val::Nil {
            let reach = self.reach();
            let gone = Self::may_be_gone(&reach, expected.target, expected.since);
            assert!(gone, "a weak place lost {:?}, which is alive", expected.target);
            cell(self).target = Val::Nil;
        } else {
            assert_eq!(self.model_of(h, value), expected.target, "in a weak place");
        }
        self.take_read(h, to, value);
    }

    #[allow(clippy::too_many_lines, reason = "one arm for each operation")]
    pub(super) fn weak_step(&mut self, h: &mut Heap<Model>, op: WeakOp) {
        let id = self.objects.len() as u64;
        match op {
            WeakOp::Watcher { to, weak, any } => {
                let made = h.try_alloc_with::<Watcher, _>(|h| WatcherInit {
                    id,
                    weak: reg(h, weak),
                    any: reg(h, any),
                    node: reg(h, weak).cast(),
                });
                let Ok((h, watcher)) = made else {
                    return self.out_of_memory += 1;
                };
                set_reg(h, to, watcher.to_value());
                let (target, node) = (self.val(weak), self.node_only(self.val(weak)));
                let value = self.add(Sort::Watcher, vec![self.val(any)], vec![]);
                self.add_weak(&[target, node]);
                self.set_val(to, value);
            }
            WeakOp::Observers { to, length, weak } => {
                let length = length as usize;
                let made = h.try_alloc_tail_with::<Observers, _, _>(
                    length,
                    |h| ObserversInit { id, weak: reg(h, weak) },
                    |_, i| Value::int(i as i64),
                );
                let Ok((h, observers)) = made else {
                    return self.out_of_memory += 1;
                };
                set_reg(h, to, observers.to_value());
                let target = self.val(weak);
                let slots = (0..length).map(|i| Val::Int(i as i64)).collect();
                let value = self.add(Sort::Observers, slots, vec![]);
                self.add_weak(&[target]);
                self.set_val(to, value);
            }
            WeakOp::Owner { to, any, bytes } => {
                let number = self.tickets.bytes.len();
                let tickets = &mut self.tickets;
                let made = h.try_alloc_with::<Owner, _>(|h| OwnerInit {
                    id,
                    ticket: h.adopt(tickets.make(bytes as usize), bytes as usize),
                    any: reg(h, any),
                });
                let Ok((h, owner)) = made else {
                    return self.out_of_memory += 1;
                };
                set_reg(h, to, owner.to_value());
                let value = self.add(Sort::Owner, vec![self.val(any)], vec![]);
                self.objects[id as usize].ticket = Some(number);
                self.set_val(to, value);
            }
            WeakOp::Table { to, mode } => match mode % 4 {
                0..=1 => self.make_table::<WeakKeys>(h, to, Sort::Keys),
                2 => self.make_table::<WeakValues>(h, to, Sort::Values),
                _ => self.make_table::<WeakBoth>(h, to, Sort::Both),
            },
            WeakOp::Set { object, slot, from } => {
                let Some((register, i)) = self.find_register(object, |object| !object.weak.is_empty()) else {
                    return;
                };
                let slot = slot as usize % self.objects[i].weak.len();
                let mut target = self.val(from);
                if let Some(observers) = reg(h, register).cast::<Observers>() {
                    observers.set_weak(h, reg(h, from));
                } else if let Some(watcher) = reg(h, register).cast::<Watcher>() {
                    if slot == 0 {
                        watcher.set_weak(h, reg(h, from));
                    } else {
                        watcher.set_node(h, reg(h, from).cast());
                        target = self.node_only(target);
                    }
                }
                self.objects[i].weak[slot] = Weak {
                    target,
                    since: self.time,
                };
                self.note_weak_store(target);
            }
            WeakOp::Load { to, object, slot } => {
                let Some((register, i)) = self.find_register(object, |object| !object.weak.is_empty()) else {
                    return;
                };
                let slot = slot as usize % self.objects[i].weak.len();
                let value = weak_words(h, reg(h, register))[slot];
                for other in 0..self.objects[i].weak.len() {
                    if other != slot {
                        // Looked at as well.
                        let value = weak_words(h, reg(h, register))[other];
                        let model = self.model_of(h, value);
                        self.note_read(model);
                    }
                }
                self.read_weak(h, to, value, |twin| &mut twin.objects[i].weak[slot]);
            }
            WeakOp::Handle { from } => {
                if self.handles.len() < 100 {
                    let weak = Weak {
                        target: self.val(from),
                        since: self.time,
                    };
                    self.handles.push((h.weak_global(reg(h, from)), weak));
                    self.note_weak_store(weak.target);
                }
            }
            WeakOp::SetHandle { index, from } => {
                if let Some(index) = (index as usize).checked_rem(self.handles.len()) {
                    self.handles[index].0.set(h, reg(h, from));
                    self.handles[index].1 = Weak {
                        target: self.val(from),
                        since: self.time,
                    };
                    self.note_weak_store(self.val(from));
                }
            }
            WeakOp::LoadHandle { to, index } => {
                if let Some(index) = (index as usize).checked_rem(self.handles.len()) {
                    let value = self.handles[index].0.get(h);
                    self.read_weak(h, to, value, |twin| &mut twin.handles[index].1);
                }
            }
            WeakOp::DropHandle { index } => {
                if let Some(index) = (index as usize).checked_rem(self.handles.len()) {
                    self.handles.swap_remove(index);
                }
            }
            WeakOp::Insert { table, key, value } => {
                self.insert(h, table, reg(h, key), self.val(key), reg(h, value), self.val(value));
            }
            WeakOp::Chain { table, to, count, from } => self.chain(h, table, to, count, from),
            WeakOp::Find { to, table, key } => {
                let Some((place, i)) = self.table(h, table) else { return };
                let found = place.find(h, reg(h, key));
                if let Some(position) = self.lookup(h, i, self.val(key), found) {
                    let value = found.unwrap_or_default();
                    assert_eq!(
                        self.model_of(h, value),
                        self.objects[i].pairs[position].value,
                        "of a pair"
                    );
                    self.take_read(h, to, value);
                }
            }
            WeakOp::Remove { to, table, key } => {
                let Some((place, i)) = self.table(h, table) else { return };
                let removed = of_any!(place, table => table.remove(h, reg(h, key)));
                if let Some(position) = self.lookup(h, i, self.val(key), removed) {
                    let value = removed.unwrap_or_default();
                    assert_eq!(
                        self.model_of(h, value),
                        self.objects[i].pairs[position].value,
                        "of a pair"
                    );
                    self.take_read(h, to, value);
                    self.objects[i].pairs.remove(position);
                }
            }
            WeakOp::Entry { to, table, place } => {
                let Some((table, i)) = self.table(h, table) else { return };
                let entries = table.entries(h);
                for (key, value) in &entries {
                    let (key, value) = (self.model_of(h, *key), self.model_of(h, *value));
                    self.note_read(key);
                    self.note_read(value);
                }
                self.align(h, i, table);
                if let Some(place) = (place as usize).checked_rem(entries.len() - 1) {
                    let (key, value) = entries[place + 1];
                    self.take_read(h, to, key);
                    self.take_read(h, to.wrapping_add(1), value);
                }
            }
            WeakOp::ClearTable { table } => {
                let Some((place, i)) = self.table(h, table) else { return };
                of_any!(place, table => table.clear(h));
                self.objects[i].pairs.clear();
                self.name_table(h, i, place);
            }
            WeakOp::Register { object, priority } => {
                let Some((register, i)) = self.find_register(object, |_| true) else {
                    return;
                };
                if self.registrations.len() >= 300 {
                    return;
                }
                self.with_object(h, register, |h, value| register_finalizer(h, value, priority));
                self.registrations.push(Registration {
                    object: i,
                    priority,
                    number: self.time,
                    since: self.time,
                    due: false,
                    exact: true,
                });
            }
            WeakOp::Unregister { object } => self.unregister(h, object),
            WeakOp::Drain { to, count } => {
                for _ in 0..count {
                    let Some(value) = h.next_finalizable() else { return };
                    self.pop_due(h, value);
                    set_reg(h, to, value);
                    let model = self.model_of(h, value);
                    self.set_val(to, model);
                }
            }
            WeakOp::FinalizeAll => {
                self.drain_all(h);
                h.finalize_all();
                self.make_due(|_| true);
                assert_eq!(h.finalizable_count(), self.registrations.len());
            }
            WeakOp::EndJob => {
                h.end_job();
                self.kept.clear();
            }
            WeakOp::Keep { from } => {
                h.keep_during_job(reg(h, from));
                self.kept.push(self.val(from));
            }
            WeakOp::NativeBytes { object, bytes } => {
                let Some((register, i)) = self.find_register(object, |object| object.ticket.is_some()) else {
                    return;
                };
                let owner = reg(h, register).cast::<Owner>().expect("an owner");
                owner.ticket().set_bytes(h, bytes as usize);
                if let Some(number) = self.objects[i].ticket {
                    self.tickets.bytes[number] = bytes as usize;
                }
            }
            WeakOp::External { bytes } => {
                let before = std::mem::replace(&mut self.external_bytes, bytes as usize);
                h.adjust_external_bytes(bytes as isize - before as isize);
            }
            WeakOp::Exact { slide } => self.exact(h, slide),
        }
    }

    fn note_weak_store(&mut self, value: Val) {
        if self.weak_is_strong {
            self.note_stored(value);
        }
    }

    fn add_weak(&mut self, targets: &[Val]) {
        let since = self.time;
        if self.weak_is_strong {
            self.note_stored(Val::Object(self.objects.len() - 1));
            targets.iter().for_each(|target| self.note_stored(*target));
        }
        if let Some(object) = self.objects.last_mut() {
            object.weak = targets.iter().map(|target| Weak { target: *target, since }).collect();
        }
    }

    fn make_table<W: Weakness>(&mut self, h: &mut Heap<Model>, to: u8, sort: Sort) {
        h.safepoint();
        let Ok(table) = h.weak_table::<W>() else {
            return self.out_of_memory += 1;
        };
        set_reg(h, to, table.to_value());
        let value = self.add(sort, vec![], vec![]);
        self.set_val(to, value);
        if let (Val::Object(i), Some(table)) = (value, AnyTable::of(reg(h, to))) {
            self.name_table(h, i, table);
        }
        // A long chain of ephemerons makes minor collections keep all young tables.
        self.note_stored(value);
    }

    /// Inserts the first pair of a table, which tells which one it is.
    fn name_table(&mut self, h: &Heap<Model>, i: usize, table: AnyTable<'_>) {
        let key = FIRST_NAME + i as i64;
        let inserted = of_any!(table, table => table.insert(h, Value::int(key), Value::int(0)));
        assert!(inserted.is_ok(), "a table has room for a pair");
        self.objects[i].pairs.push(Pair {
            key: Val::Int(key),
            value: Val::Int(0),
            since: self.time,
        });
    }

    fn with_object<R>(&self, h: &Heap<Model>, register: u8, f: impl FnOnce(&Heap<Model>, Value<'_, Model>) -> R) -> R {
        f(h, reg(h, register))
    }

    /// Returns the position of a key's pair in the model, if the heap found it. One that the heap did not find must have
    /// been emptied for a reason.
    fn lookup(&mut self, h: &Heap<Model>, i: usize, key: Val, found: Option<Value<'_, Model>>) -> Option<usize> {
        let position = self.objects[i].pairs.iter().position(|pair| pair.key == key);
        let Some(at) = position else {
            let found = found.map(|value| self.model_of(h, value));
            assert_eq!(found, None, "table {i} has a pair of {key:?} that was never inserted");
            return None;
        };
        if found.is_some() {
            return position;
        }
        let (sort, pair) = (self.objects[i].sort, self.objects[i].pairs[at]);
        let reach = self.reach();
        assert!(
            Self::may_be_emptied(&reach, sort, &pair),
            "table {i} lost {pair:?}, which is alive"
        );
        self.objects[i].pairs.remove(at);
        None
    }

    fn insert(
        &mut self,
        h: &Heap<Model>,
        table: u8,
        key: Value<'_, Model>,
        key_model: Val,
        value: Value<'_, Model>,
        value_model: Val,
    ) {
        let Some((place, i)) = self.table(h, table) else { return };
        let before = match of_any!(place, table => table.insert(h, key, value)) {
            Ok(before) => before,
            Err(tenure::TableError::NilKey(_)) => return assert_eq!(key_model, Val::Nil),
            Err(tenure::TableError::OutOfMemory(_)) => return self.out_of_memory += 1,
        };
        self.note_stored(key_model);
        self.note_stored(value_model);
        let pair = Pair {
            key: key_model,
            value: value_model,
            since: self.time,
        };
        match self.lookup(h, i, key_model, before) {
            Some(position) => {
                let before = self.model_of(h, before.unwrap_or_default());
                assert_eq!(
                    before, self.objects[i].pairs[position].value,
                    "of a pair that was changed"
                );
                self.note_read(before);
                self.objects[i].pairs[position] = pair;
            }
            None => self.objects[i].pairs.push(pair),
        }
    }

    fn chain(&mut self, h: &mut Heap<Model>, table: u8, to: u8, count: u16, from: u8) {
        if self.table(h, table).is_none() {
            return;
        }
        h.safepoint();
        // Each new node is the key of the one before, so that the newest keeps all of them, or the other way round.
        let region = &*h;
        let (mut last, mut model) = (reg(region, from), self.val(from));
        let forward = from.is_multiple_of(2) && model != Val::Nil;
        for _ in 0..count {
            let id = self.objects.len() as u64;
            let made = region.try_alloc::<Node>(NodeInit {
                id,
                any: Value::int(1),
                next: None,
            });
            let Ok(node) = made else {
                self.out_of_memory += 1;
                break;
            };
            let node_model = self.add(Sort::Node, vec![Val::Int(1), Val::Nil], vec![]);
            if forward {
                self.insert(region, table, last, model, node.to_value(), node_model);
            } else {
                self.insert(region, table, node.to_value(), node_model, last, model);
            }
            (last, model) = (node.to_value(), node_model);
        }
        if !forward {
            set_reg(h, to, last);
            self.set_val(to, model);
        }
    }

    fn unregister(&mut self, h: &Heap<Model>, object: u8) {
        let of = |registration: &Registration, i| registration.object == i && !registration.due;
        let found = self.find_register(object, |_| true);
        let Some((register, i)) = found else { return };
        let mut count = self.with_object(h, register, unregister_finalizer);
        let known: Vec<u64> = (self.registrations.iter())
            .filter(|r| of(r, i))
            .map(|r| r.since)
            .collect();
        let lapsed = self.objects[i].lapsed;
        let sure = known.iter().filter(|since| lapsed < **since).count();
        assert!(
            (sure..=known.len()).contains(&count),
            "{count} of {} finalizers of object {i} were taken back",
            known.len()
        );
        let exact = count == known.len();
        self.registrations.retain(|registration| {
            let taken = of(registration, i) && count > 0;
            count -= usize::from(taken);
            !taken
        });
        for registration in &mut self.registrations {
            if of(registration, i) {
                registration.exact &= exact;
            }
        }
    }

    /// Notes that `value` came out of the queue, and checks that it was its turn.
    fn pop_due(&mut self, h: &Heap<Model>, value: Value<'_, Model>) {
        let model = self.model_of(h, value);
        let Val::Object(i) = model else {
            panic!("{value:?} was due")
        };
        let first = (0..self.registrations.len())
            .filter(|n| self.registrations[*n].due)
            .min_by_key(|n| {
                (
                    self.registrations[*n].priority,
                    u64::MAX - self.registrations[*n].number,
                )
            });
        if let Some(n) = first
            && self.registrations[n].object == i
        {
            self.registrations.remove(n);
            self.revive(model);
            return;
        }
        // A collection has found it dead that the model does not know of: with a finalizer from before that.
        let reach = self.reach();
        let mine = (0..self.registrations.len())
            .filter(|n| self.registrations[*n].object == i && !self.registrations[*n].due)
            .filter(|n| Self::may_be_gone(&reach, model, self.registrations[*n].since))
            .min_by_key(|n| self.registrations[*n].priority);
        let n = mine.unwrap_or_else(|| panic!("object {i} was due, and is alive or was not registered"));
        let first = first.map(|n| self.registrations[n]);
        let registration = self.registrations.remove(n);
        if let Some(first) = first
            && registration.exact
        {
            assert!(
                registration.priority < first.priority,
                "object {i} was due before object {}, which was found before",
                first.object
            );
        }
        self.revive(model);
    }

    pub(super) fn drain_all(&mut self, h: &Heap<Model>) {
        while let Some(value) = h.next_finalizable() {
            self.pop_due(h, value);
        }
        let left = self
            .registrations
            .iter()
            .filter(|registration| registration.due)
            .count();
        assert_eq!(left, 0, "objects that were due did not come");
    }

    /// Makes those of the registered objects due that `are`.
    pub(super) fn make_due(&mut self, mut are: impl FnMut(usize) -> bool) {
        for registration in &mut self.registrations {
            registration.due |= are(registration.object);
        }
    }
}

/// Does the same with an object of any kind.
macro_rules! with_kind {
    ($value:expr, $object:ident => $call:expr; $($kind:ty),* $(,)?) => {
        $(if let Some($object) = $value.cast::<$kind>() { $call } else)* {
            panic!("{:?} is no object", $value)
        }
    };
    ($value:expr, $object:ident => $call:expr) => {
        with_kind!(
            $value, $object => $call;
            Node, Leaf, Wide, Array, Frame, Bytes, Named, Pinned, Watcher, Observers, Owner,
            WeakTable<Model, WeakKeys>, WeakTable<Model, WeakValues>, WeakTable<Model, WeakBoth>,
        )
    };
}

fn register_finalizer(h: &Heap<Model>, value: Value<'_, Model>, priority: u8) {
    with_kind!(value, object => h.register_finalizer(object, priority))
}

fn unregister_finalizer(h: &Heap<Model>, value: Value<'_, Model>) -> usize {
    with_kind!(value, object => h.unregister_finalizer(object))
}
