//! Where heap and model agree on what is gone: after a look at weak places, and exactly after a full collection.
//!
//! A look costs the size of both. It does not tell when something was found dead, but that it was not too early.

use std::collections::HashMap;

use tenure::prelude::*;

use super::reach::{Reach, Trust};
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

    /// Collects everything, after which heap and model must agree: what nothing reaches is gone, and what is reached for
    /// good is there. Between the two is what a table of weak values holds as the key of a dead value: a full collection
    /// begins with a minor one, which empties the pair if the value was young.
    pub(super) fn exact(&mut self, h: &mut Heap<Model>, slide: bool) {
        self.drain_all(h);
        // What tables have lost is to be known: what they keep depends on it.
        self.compare(h, true);
        let registered: Vec<usize> = (self.registrations.iter().map(|registration| registration.object)).collect();
        let flags = |reach: &Reach<'_>| -> Vec<bool> { (0..self.objects.len()).map(|i| reach.has(i)).collect() };
        let mut most = self.reach_by(Trust::Known);
        let may_live = flags(&most);
        most.extend(registered.iter().copied(), Trust::Known);
        let may_stay = flags(&most);
        let mut least = self.reach_by(Trust::Lasting);
        let must_live = flags(&least);
        // What comes back with a finalizer was not looked at: its tables may have lost pairs before.
        least.extend(registered, Trust::Certain);
        let must_stay = flags(&least);
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
            let values = if must_live[i] { &may_live } else { &may_stay };
            for weak in &mut object.weak {
                if !is(values, weak.target) {
                    weak.target = Val::Nil;
                }
            }
            let sort = object.sort;
            object.pairs.retain(|pair| match sort {
                Sort::Keys => is(&may_stay, pair.key),
                Sort::Values => is(values, pair.value),
                _ => is(values, pair.value) && is(&may_stay, pair.key),
            });
            if may_stay[i] && !must_live[i] {
                object.lapsed = self.time;
            }
            if let Some(number) = object.ticket {
                let dropped = self.tickets.is_dropped(number);
                assert!(
                    !dropped || !must_stay[i],
                    "the resource of object {i} was dropped, which is alive"
                );
                assert!(
                    dropped || may_stay[i],
                    "the resource of object {i} outlived a full collection"
                );
            }
        }
        for (_, weak) in &mut self.handles {
            if !is(&may_live, weak.target) {
                weak.target = Val::Nil;
            }
        }
        self.make_due(|object| !may_live[object]);
        let mut open = 0;
        for registration in self.registrations.iter_mut().filter(|registration| !registration.due) {
            if !must_live[registration.object] {
                // It may be due as well, among the others.
                registration.exact = false;
                open += 1;
            }
        }
        let due = self
            .registrations
            .iter()
            .filter(|registration| registration.due)
            .count();
        assert!(
            (due..=due + open).contains(&h.finalizable_count()),
            "{} objects are due after a full collection, and should be {due}, and {open} more at most",
            h.finalizable_count()
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
