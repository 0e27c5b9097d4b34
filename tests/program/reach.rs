//! What the model says is alive: reachability by brute force, and what may have been cleared.
//!
//! Pairs are passed until nothing changes, whatever the heap does. Each call costs the size of the live graph. An object
//! that nothing reached can come back, by being read from a weak place that was not cleared yet; the time of that is its
//! lapse: weak places that were set before may be empty since. The model learns what tables have lost when it looks at
//! them; until then a pair that may be gone keeps nothing for certain.

use std::collections::HashSet;

use super::twin::{Object, Sort, Twin, Val};

/// A word that keeps nothing alive, and when it was set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weak {
    pub(super) target: Val,
    pub(super) since: u64,
}

/// A pair of a weak table, and when it was inserted or changed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) key: Val,
    pub(super) value: Val,
    pub(super) since: u64,
}

/// A finalizer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Registration {
    pub(super) object: usize,
    pub(super) priority: u8,
    pub(super) number: u64,
    pub(super) since: u64,
    /// Known to be due: it was dead in a collection that found all that was.
    pub(super) due: bool,
    /// Whether its priority is known: when some of an object were taken back, it is not which.
    pub(super) exact: bool,
}

/// Which pairs of tables keep something alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Those that cannot have been emptied.
    Certain,
    /// Those that the model knows, as long as nothing in them is dead: no collection empties one.
    Lasting,
    /// All that the model knows: the next collection may empty one and keep what it held, or not.
    Known,
}

/// The objects that are reachable.
pub(super) struct Reach<'t> {
    objects: &'t [Object],
    marked: Vec<bool>,
    queue: Vec<usize>,
    tables: Vec<usize>,
    trust: Trust,
}

impl Reach<'_> {
    pub(super) fn has(&self, object: usize) -> bool {
        self.marked[object]
    }

    /// Adds a value, to be followed.
    fn add(&mut self, value: Val) {
        if let Val::Object(i) = value
            && !std::mem::replace(&mut self.marked[i], true)
        {
            self.queue.push(i);
        }
    }

    fn is_alive(&self, value: Val) -> bool {
        match value {
            Val::Object(i) => self.marked[i],
            Val::Nil | Val::Int(_) => true,
        }
    }

    /// Returns whether a weak place that was set to `value` at the time `since` is not empty for certain.
    fn is_there(&self, value: Val, since: u64) -> bool {
        match value {
            Val::Object(i) => self.marked[i] && self.objects[i].lapsed < since,
            Val::Nil | Val::Int(_) => true,
        }
    }

    /// Follows everything that was added.
    fn close(&mut self) {
        loop {
            while let Some(i) = self.queue.pop() {
                let object = &self.objects[i];
                for slot in &object.slots {
                    self.add(*slot);
                }
                if matches!(object.sort, Sort::Keys | Sort::Values) {
                    self.tables.push(i);
                }
            }
            let tables = std::mem::take(&mut self.tables);
            for table in tables.iter().map(|i| &self.objects[*i]) {
                for pair in &table.pairs {
                    let (weak, held) = match table.sort {
                        Sort::Values => (pair.value, pair.key),
                        _ => (pair.key, pair.value),
                    };
                    let keeps = match self.trust {
                        Trust::Certain => self.is_there(weak, pair.since),
                        Trust::Lasting => self.is_alive(weak),
                        Trust::Known => table.sort == Sort::Values || self.is_alive(weak),
                    };
                    if keeps {
                        self.add(held);
                    }
                }
            }
            self.tables = tables;
            if self.queue.is_empty() {
                return;
            }
        }
    }

    /// Adds objects that something else keeps, with all that they keep through the pairs that `trust` says.
    pub(super) fn extend(&mut self, objects: impl IntoIterator<Item = usize>, trust: Trust) {
        self.trust = trust;
        for object in objects {
            self.add(Val::Object(object));
        }
        self.close();
    }
}

impl Twin {
    /// Returns what the roots reach for certain.
    pub(super) fn reach(&self) -> Reach<'_> {
        self.reach_by(Trust::Certain)
    }

    /// Returns what the roots reach.
    pub(super) fn reach_by(&self, trust: Trust) -> Reach<'_> {
        let mut reach = Reach {
            objects: &self.objects,
            marked: vec![false; self.objects.len()],
            queue: Vec::new(),
            tables: Vec::new(),
            trust,
        };
        self.visit_roots(|value| reach.add(value));
        reach.close();
        reach
    }

    /// Calls `visit` with the value of each root.
    pub(super) fn visit_roots(&self, mut visit: impl FnMut(Val)) {
        let window = self.registers.len().min(self.depth + tenure::REGISTERS);
        let globals = self.globals.iter().map(|(_, value)| value);
        let due = self.registrations.iter().filter(|registration| registration.due);
        (self.registers[..window].iter().chain(&self.operands).chain(globals))
            .chain(&self.first)
            .chain(&self.second)
            .chain(&self.kept)
            .for_each(|value| visit(*value));
        due.for_each(|registration| visit(Val::Object(registration.object)));
    }

    /// Returns whether a weak place that was set to `value` at the time `since` may be empty.
    pub(super) fn may_be_gone(reach: &Reach<'_>, value: Val, since: u64) -> bool {
        !reach.is_there(value, since)
    }

    /// Returns whether a pair of a table may have been emptied.
    pub(super) fn may_be_emptied(reach: &Reach<'_>, sort: Sort, pair: &Pair) -> bool {
        let key = sort != Sort::Values && Self::may_be_gone(reach, pair.key, pair.since);
        let value = sort != Sort::Keys && Self::may_be_gone(reach, pair.value, pair.since);
        key || value
    }

    /// Notes that an object was read from a weak place: if nothing reached it, it lapsed, with all that it keeps.
    pub(super) fn revive(&mut self, value: Val) {
        let Val::Object(object) = value else { return };
        let before = self.reach();
        if before.has(object) {
            return;
        }
        let mut after = self.reach_by(Trust::Known);
        after.extend([object], Trust::Known);
        let lapsed: Vec<usize> = (0..self.objects.len())
            .filter(|i| after.has(*i) && !before.has(*i))
            .collect();
        for i in lapsed {
            self.objects[i].lapsed = self.time;
        }
    }

    /// Returns the objects that have survived no collection and that nothing refers to but what is as young: those that
    /// the next minor collection must find dead. What was stored anywhere counts as referred to, and so does what is in
    /// any pair.
    pub(super) fn dead_newborns(&self) -> HashSet<usize> {
        let Some(first) = self.newborns.iter().min().copied() else {
            return HashSet::new();
        };
        let mut alive = vec![false; self.objects.len() - first];
        let mut queue = Vec::new();
        let mut add = |value: Val, queue: &mut Vec<usize>| {
            if let Val::Object(i) = value
                && i >= first
                && !std::mem::replace(&mut alive[i - first], true)
            {
                queue.push(i);
            }
        };
        self.visit_roots(|value| add(value, &mut queue));
        for object in &self.stored {
            add(Val::Object(*object), &mut queue);
        }
        for i in first..self.objects.len() {
            if !self.newborns.contains(&i) {
                add(Val::Object(i), &mut queue);
            }
        }
        while let Some(i) = queue.pop() {
            for slot in &self.objects[i].slots {
                add(*slot, &mut queue);
            }
        }
        (self.newborns.iter().copied()).filter(|i| !alive[i - first]).collect()
    }
}
