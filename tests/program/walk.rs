//! The comparison: one walk over heap and model from all roots, in step.
//!
//! Costs time proportional to what is reachable. It compares ids, kinds, data, slots, sharing and identity hashes, and
//! nothing that no root reaches.

use std::collections::HashMap;

use tenure::prelude::*;

use super::twin::{Sort, Twin, Val};
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
    } else {
        panic!("{value:?} is no object")
    }
}
