//! Where heap and model agree on what is gone: after a look at weak places, and exactly after a full collection.
//!
//! A look costs the size of both. It does not tell when something was found dead, but that it was not too early.

use std::collections::HashMap;

use tenure::prelude::*;

use super::twin::{Sort, Twin, Val};
use super::weak::{AnyTable, cleared_words};
use super::*;

impl Twin {
    /// Makes heap and model agree on what a table has lost, each pair for a reason.
    pub(super) fn align(&mut self, h: &Heap<Model>, i: usize, table: AnyTable<'_>) {
        let entries = table.entries(h);
        let mut next = entries
            .iter()
            .map(|(key, value)| (self.model_of(h, *key), self.model_of(h, *value)))
            .peekable();
        let (mut kept, mut lost) = (Vec::new(), Vec::new());
        for pair in &self.objects[i].pairs {
            match next.next_if(|entry| entry.0 == pair.key) {
                Some((key, value)) => {
                    assert_eq!(value, pair.value, "of the key {key:?} in table {i}");
                    kept.push(*pair);
                }
                None => lost.push(*pair),
            }
        }
        assert_eq!(
            next.next(),
            None,
            "table {i} has a pair that was never inserted, or in another place"
        );
        assert_eq!(table.count(), kept.len(), "pairs of table {i}");
        if lost.is_empty() {
            return;
        }
        let reach = self.reach();
        for pair in lost {
            assert!(
                Self::may_be_emptied(&reach, self.objects[i].sort, &pair),
                "table {i} lost {pair:?}, which is alive"
            );
        }
        self.objects[i].pairs = kept;
    }

    /// Compares all weak places with the model, which learns what is gone. `seen` is all that can be read.
    pub(super) fn align_all(&mut self, h: &Heap<Model>, seen: &HashMap<usize, Value<'_, Model>>) {
        for (i, value) in seen {
            if let Some(table) = AnyTable::of(*value) {
                self.align(h, *i, table);
            }
        }
        let reach = self.reach();
        let mut gone = Vec::new();
        for (i, value) in seen {
            for (slot, is_cleared) in cleared_words(*value).into_iter().enumerate() {
                let weak = self.objects[*i].weak[slot];
                if is_cleared && weak.target != Val::Nil {
                    assert!(
                        Self::may_be_gone(&reach, weak.target, weak.since),
                        "weak word {slot} of object {i} lost {:?}, which is alive",
                        weak.target
                    );
                    gone.push((*i, slot));
                }
            }
        }
        let mut handles_gone = Vec::new();
        for (index, (handle, weak)) in self.handles.iter().enumerate() {
            if handle.get(h).is_nil() && weak.target != Val::Nil {
                assert!(
                    Self::may_be_gone(&reach, weak.target, weak.since),
                    "handle {index} lost {:?}, which is alive",
                    weak.target
                );
                handles_gone.push(index);
            }
        }
        for (i, slot) in gone {
            self.objects[i].weak[slot].target = Val::Nil;
        }
        for index in handles_gone {
            self.handles[index].1.target = Val::Nil;
        }
        if self.keeps_reads {
            // Everything was read.
            h.end_job();
            self.kept.clear();
        }
    }

    /// Collects everything, after which heap and model must agree exactly.
    pub(super) fn exact(&mut self, h: &mut Heap<Model>, slide: bool) {
        self.drain_all(h);
        // What tables have lost is to be known: what they keep depends on it.
        self.compare(h, true);
        let alive = self.reach_by(false);
        let dying: Vec<usize> = (self.registrations.iter().map(|registration| registration.object))
            .filter(|object| !alive.has(*object))
            .collect();
        let mut kept = self.reach_by(false);
        kept.extend(dying.iter().copied());
        let alive: Vec<bool> = (0..self.objects.len()).map(|i| alive.has(i)).collect();
        let kept: Vec<bool> = (0..self.objects.len()).map(|i| kept.has(i)).collect();
        if slide {
            h.compact();
        } else {
            h.collect();
        }
        // Registers beyond the window are no roots.
        self.registers.truncate(self.depth + tenure::REGISTERS);
        let is = |which: &[bool], value: Val| !matches!(value, Val::Object(i) if !which[i]);
        for (i, object) in self.objects.iter_mut().enumerate() {
            // What came back with a finalizer is looked at once it is known to have come back.
            let values = if alive[i] { &alive } else { &kept };
            for weak in &mut object.weak {
                if !is(values, weak.target) {
                    weak.target = Val::Nil;
                }
            }
            let sort = object.sort;
            object.pairs.retain(|pair| match sort {
                Sort::Keys => is(&kept, pair.key),
                Sort::Values => is(values, pair.value),
                _ => is(values, pair.value) && is(&kept, pair.key),
            });
            if kept[i] && !alive[i] {
                object.lapsed = self.time;
            }
            if let Some(number) = object.ticket {
                let dropped = self.tickets.is_dropped(number);
                assert_eq!(dropped, !kept[i], "the resource of object {i}, after a full collection");
            }
        }
        for (_, weak) in &mut self.handles {
            if !is(&alive, weak.target) {
                weak.target = Val::Nil;
            }
        }
        self.make_due(|object| dying.contains(&object));
        let due = self
            .registrations
            .iter()
            .filter(|registration| registration.due)
            .count();
        assert_eq!(
            h.finalizable_count(),
            due,
            "objects that are due after a full collection"
        );
        self.check_external(h);
    }

    /// Checks that external memory is what the program said and the resources hold.
    pub(super) fn check_external(&self, h: &Heap<Model>) {
        let expected = self.external_bytes + self.tickets.held_bytes();
        assert_eq!(h.statistics().sizes.external_bytes, expected, "external bytes");
    }

    /// Does a minor collection, and checks that it finds dead what is young and must be.
    pub(super) fn minor(&mut self, h: &mut Heap<Model>) {
        let dead = self.dead_newborns();
        let ready = h.finalizable_count();
        h.collect_minor();
        if dead.is_empty() {
            return;
        }
        let registered = self.registrations.iter().filter(|registration| !registration.due);
        let dying: Vec<usize> = registered
            .map(|r| r.object)
            .filter(|object| dead.contains(object))
            .collect();
        assert!(
            h.finalizable_count() >= ready + dying.len(),
            "objects that died young are not due: {dying:?}"
        );
        for (handle, weak) in &self.handles {
            if let Val::Object(i) = weak.target
                && dead.contains(&i)
            {
                assert!(
                    handle.get(h).is_nil(),
                    "object {i} died young, and a handle refers to it"
                );
            }
        }
        // What comes back with a finalizer keeps its resources.
        if dying.is_empty() {
            for i in &dead {
                if let Some(number) = self.objects[*i].ticket {
                    assert!(
                        self.tickets.is_dropped(number),
                        "object {i} died young, and its resource lives"
                    );
                }
            }
        }
        self.dead_young = dead;
    }
}
