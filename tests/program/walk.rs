//! The comparison: one walk over heap and model from all roots, in step.
//!
//! Costs time proportional to what is reachable. It compares ids, kinds, data, slots, sharing and identity hashes; of
//! pairs, what their keys keep; on demand, what is in weak places, which must be whole as long as it can be read.

use std::collections::HashMap;

use tenure::prelude::*;
use tenure::{WeakBoth, WeakKeys, WeakValues};

use super::twin::{Sort, Twin, Val};
use super::weak::{AnyTable, cleared_words, weak_words};
use super::*;

pub(super) struct Walk<'t, 'h> {
    pub(super) twin: &'t Twin,
    pub(super) seen: HashMap<usize, Value<'h, Model>>,
    pub(super) stack: Vec<(usize, Value<'h, Model>)>,
    pub(super) digest: u64,
}

impl<'h> Walk<'_, 'h> {
    fn mix(&mut self, word: u64) {
        self.digest = (self.digest ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(7);
    }

    pub(super) fn pair(&mut self, model: Val, value: Value<'h, Model>) {
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

    pub(super) fn run(&mut self, h: &'h Heap<Model>) {
        while let Some((i, value)) = self.stack.pop() {
            let object = &self.twin.objects[i];
            if object.sort.is_table() {
                assert_eq!(self.twin.model_of(h, value), Val::Object(i), "another table");
            } else {
                let (id, data) = contents(object.sort, value);
                assert_eq!(id, i as u64, "another object where object {i} should be");
                assert_eq!(data, object.data, "the data of object {i} changed");
            }
            if let (Some(number), Some(owner)) = (object.ticket, value.cast::<Owner>()) {
                assert_eq!(owner.ticket().get(h).number, number, "another's resource");
            }
            if let Some(hash) = object.hash {
                assert_eq!(identity_hash(h, value), hash, "the identity hash of object {i} changed");
            }
            for (slot, model) in object.slots.iter().enumerate() {
                self.pair(*model, load(value, slot));
            }
        }
    }
}

impl<'h> Walk<'_, 'h> {
    /// Goes on to the values that ephemerons keep for the keys that were seen.
    pub(super) fn follow_pairs(&mut self, h: &'h Heap<Model>) {
        let is_keys = |i: &usize, twin: &Twin| twin.objects[*i].sort == Sort::Keys;
        loop {
            let before = self.seen.len();
            let tables: Vec<usize> = self.seen.keys().copied().filter(|i| is_keys(i, self.twin)).collect();
            for i in tables {
                let Some(table) = AnyTable::of(self.seen[&i]) else {
                    continue;
                };
                for pair in &self.twin.objects[i].pairs {
                    let key = match pair.key {
                        Val::Object(key) => match self.seen.get(&key) {
                            Some(value) if self.twin.objects[key].lapsed < pair.since => *value,
                            _ => continue,
                        },
                        Val::Int(key) => Value::int(key),
                        Val::Nil => panic!("a key is nil"),
                    };
                    let value = table.find(h, key);
                    let value = value.unwrap_or_else(|| panic!("table {i} lost {pair:?}, whose key is alive"));
                    self.pair(pair.value, value);
                }
            }
            self.run(h);
            if self.seen.len() == before {
                return;
            }
        }
    }

    /// Checks weak words without reading them: they are not cleared as long as their objects are alive, and are when
    /// these have died young.
    pub(super) fn check_cleared(&self) {
        for (i, value) in &self.seen {
            for (weak, is_cleared) in self.twin.objects[*i].weak.iter().zip(cleared_words(*value)) {
                let Val::Object(target) = weak.target else { continue };
                let is_alive = self.seen.contains_key(&target) && self.twin.objects[target].lapsed < weak.since;
                assert!(
                    !is_alive || !is_cleared,
                    "object {i} lost object {target}, which is alive"
                );
                let is_dead = self.twin.dead_young.contains(&target);
                assert!(
                    !is_dead || is_cleared,
                    "object {target} died young, and object {i} refers to it"
                );
            }
        }
    }

    /// Goes on to everything that can be read from weak places.
    pub(super) fn follow_weak(&mut self, h: &'h Heap<Model>) {
        for (handle, weak) in &self.twin.handles {
            let value = handle.get(h);
            if !value.is_nil() {
                self.pair(weak.target, value);
            }
        }
        let mut done = std::collections::HashSet::new();
        loop {
            self.run(h);
            let new: Vec<usize> = self.seen.keys().copied().filter(|i| done.insert(*i)).collect();
            if new.is_empty() {
                return;
            }
            for i in new {
                let (object, value) = (&self.twin.objects[i], self.seen[&i]);
                for (weak, word) in object.weak.iter().zip(weak_words(h, value)) {
                    if !word.is_nil() {
                        self.pair(weak.target, word);
                    }
                }
                let Some(table) = AnyTable::of(value) else { continue };
                for (key, value) in table.entries(h) {
                    let key_model = self.twin.model_of(h, key);
                    let pair = object.pairs.iter().find(|pair| pair.key == key_model);
                    let pair =
                        pair.unwrap_or_else(|| panic!("table {i} has a pair of {key_model:?} that was not inserted"));
                    self.pair(pair.key, key);
                    self.pair(pair.value, value);
                }
            }
        }
    }
}

pub(super) fn expect<'h, T: tenure::Kind<Model = Model>>(sort: Sort, value: Value<'h, Model>) -> Gc<'h, T> {
    value
        .cast::<T>()
        .unwrap_or_else(|| panic!("a {sort:?} expected, found {value:?}"))
}

pub(super) fn contents(sort: Sort, value: Value<'_, Model>) -> (u64, Vec<u16>) {
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
        Sort::Watcher => (expect::<Watcher>(sort, value).id(), vec![]),
        Sort::Observers => (expect::<Observers>(sort, value).id(), vec![]),
        Sort::Owner => (expect::<Owner>(sort, value).id(), vec![]),
        Sort::Keys | Sort::Values | Sort::Both => panic!("a table has no id"),
    }
}

pub(super) fn load<'h>(object: Value<'h, Model>, slot: usize) -> Value<'h, Model> {
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
    } else if let Some(watcher) = object.cast::<Watcher>() {
        watcher.any()
    } else if let Some(observers) = object.cast::<Observers>() {
        observers.tail_get(slot)
    } else if let Some(owner) = object.cast::<Owner>() {
        owner.any()
    } else {
        panic!("{object:?} has no slots")
    }
}

pub(super) fn store(h: &Heap<Model>, object: Value<'_, Model>, slot: usize, value: Value<'_, Model>, by_address: bool) {
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
    } else if let Some(watcher) = object.cast::<Watcher>() {
        watcher.set_any(h, value)
    } else if let Some(observers) = object.cast::<Observers>() {
        observers.tail_set(h, slot, value)
    } else if let Some(owner) = object.cast::<Owner>() {
        owner.set_any(h, value)
    } else {
        panic!("{object:?} has no slots");
    }
}

pub(super) fn identity_hash(h: &Heap<Model>, value: Value<'_, Model>) -> u64 {
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
    } else if let Some(o) = value.cast::<Watcher>() {
        o.identity_hash(h)
    } else if let Some(o) = value.cast::<Observers>() {
        o.identity_hash(h)
    } else if let Some(o) = value.cast::<Owner>() {
        o.identity_hash(h)
    } else if let Some(o) = value.cast::<WeakTable<Model, WeakKeys>>() {
        o.identity_hash(h)
    } else if let Some(o) = value.cast::<WeakTable<Model, WeakValues>>() {
        o.identity_hash(h)
    } else if let Some(o) = value.cast::<WeakTable<Model, WeakBoth>>() {
        o.identity_hash(h)
    } else {
        panic!("{value:?} is no object")
    }
}
