//! The verifier of what is watched: lists, weak words, pairs, natives.
//!
//! Pairs take part in the trace by what they mean, whatever the collector did: a value is reachable through a pair if
//! its table and its key are. Weak words must refer to objects that are there still, reachable or not. Costs time
//! proportional to the watched objects. It does not check that a word was cleared as soon as it could be.

use std::collections::{HashMap, HashSet};

use tenure_object::{ObjectRef, PairMode};

use crate::core::Inner;
use crate::verify::{Verifier, VerifyError};

/// Pairs whose keys have not been reached.
#[derive(Debug, Default)]
pub(crate) struct Waiting(HashMap<ObjectRef, Vec<(ObjectRef, u64)>>);

impl Waiting {
    /// Calls `visit` with each word that the pairs of a reached `table` keep; those that wait for keys are noted.
    pub(crate) fn enter(
        &mut self,
        verifier: &Verifier<'_>,
        table: ObjectRef,
        mut is_reached: impl FnMut(ObjectRef) -> bool,
        mut visit: impl FnMut(u64),
    ) {
        let (pairs, mode) = verifier.pairs(table);
        for (key, value) in pairs {
            match mode {
                PairMode::WeakKey => match verifier.target(key) {
                    Some(object) if !is_reached(object) => self.0.entry(object).or_default().push((table, value)),
                    _ => visit(value),
                },
                PairMode::WeakValue => visit(key),
                PairMode::Guard => visit(value),
                PairMode::WeakBoth => {}
            }
        }
    }

    /// Takes what waited for `key`, which was reached: tables and values.
    pub(crate) fn take(&mut self, key: ObjectRef) -> Vec<(ObjectRef, u64)> {
        self.0.remove(&key).unwrap_or_default()
    }
}

impl Verifier<'_> {
    /// Returns the pairs of an object, if it has any.
    pub(crate) fn pairs(&self, object: ObjectRef) -> (Vec<(u64, u64)>, PairMode) {
        let header = Inner::header_of(object);
        // SAFETY: KIND-LAYOUT, checked by the trace.
        let (first, count, mode) = unsafe { object.pairs(header, &self.inner.kinds) };
        let word = |index: usize| {
            // SAFETY: KIND-LAYOUT, the tail has `count` pairs.
            unsafe { *first.add(index) }
        };
        (
            (0..count).map(|pair| (word(2 * pair), word(2 * pair + 1))).collect(),
            mode,
        )
    }

    /// Checks that every watched object is listed once, in the list of its generation, and what it holds.
    pub(crate) fn check_watched(&self) -> Result<(), VerifyError> {
        let watched = &self.inner.watched;
        let mut listed = HashMap::new();
        // Entries of objects that a cycle found dead are dropped before those are swept.
        for (list, young) in [
            (&watched.objects.young, true),
            (&watched.tables.young, true),
            (&watched.objects.old, false),
            (&watched.tables.old, false),
        ] {
            for object in list {
                if listed.insert(*object, young).is_some() {
                    return fail(*object, "is listed twice");
                }
                if self.is_young(*object) != young {
                    return fail(*object, "is listed in the wrong generation");
                }
            }
        }
        for entry in &watched.finalizable.old {
            if entry.object.address() != 0 && self.is_young(entry.object) {
                return fail(entry.object, "has a finalizer that is listed in the wrong generation");
            }
        }
        let reports: HashSet<u64> = watched.reports.iter().copied().collect();
        for word in &watched.reports {
            let table = ObjectRef::from_reference(*word);
            if !listed.contains_key(&table) || !self.is_queued(table) {
                return fail(table, "waits to report, and is no table that says so");
            }
        }
        if reports.len() < watched.reports.len() {
            return Err(VerifyError::new("WATCH-LISTED", "a table waits to report twice"));
        }
        let mut natives = HashSet::new();
        for object in self.seen.keys() {
            let header = Inner::header_of(*object);
            if !header.is_watched() {
                continue;
            }
            if !listed.contains_key(object) {
                return Err(self.with_path(broken(*object, "is watched and not listed"), *object));
            }
            let (pairs, mode) = self.pairs(*object);
            if mode == PairMode::Guard {
                let emptied = self.prefix_word(*object, 0) > 0;
                if self.is_queued(*object) != reports.contains(&object.reference())
                    || emptied && !self.is_queued(*object)
                {
                    let error = broken(
                        *object,
                        "has something to report and does not wait for it, or the reverse",
                    );
                    return Err(self.with_path(error, *object));
                }
                let before = pairs.iter().take(self.prefix_word(*object, 1) as usize);
                if emptied && before.into_iter().any(|(key, _)| *key == 0) {
                    let error = broken(*object, "has an emptied pair before the first of them");
                    return Err(self.with_path(error, *object));
                }
            }
            let mut error = None;
            // SAFETY: KIND-LAYOUT, checked by the trace.
            unsafe {
                object.visit_natives(header, &self.inner.kinds, |word| {
                    let number = *word;
                    if number != 0 && (!natives.insert(number) || !watched.natives.is_held(number)) {
                        error = Some(broken(*object, "has a native that is another's, or not there"));
                    }
                });
            }
            if let Some(error) = error {
                return Err(self.with_path(error, *object));
            }
        }
        Ok(())
    }

    /// Returns a word of the prefix of a table of guards.
    fn prefix_word(&self, table: ObjectRef, index: usize) -> u64 {
        // SAFETY: KIND-LAYOUT, checked by the trace: such a table has three words before its pairs.
        unsafe { *(table.payload() as *const u64).add(index) }
    }

    fn is_queued(&self, table: ObjectRef) -> bool {
        self.prefix_word(table, 2) == 1
    }

    /// Checks the words of a watched object that are no slots: each refers to an object that is not dead for the
    /// collector, and is remembered if that is young.
    pub(crate) fn check_weak_words(&self, object: ObjectRef) -> Result<(), VerifyError> {
        let header = Inner::header_of(object);
        if !header.is_watched() {
            return Ok(());
        }
        let slots: HashSet<usize> = self.slots(object).into_iter().map(|(slot, _)| slot).collect();
        for (slot, word) in self.references(object) {
            if slots.contains(&slot) {
                continue;
            }
            self.check_remembered(object, header, slot, word)?;
            let Some(target) = self.target(word) else { continue };
            self.check_object(target).map_err(|error| {
                VerifyError::new(
                    "WATCH-LISTED",
                    format!(
                        "weak word {} of {:#x}: {error}",
                        (slot - object.payload()) / 8,
                        object.address()
                    ),
                )
            })?;
            if self.is_dead(target) {
                return fail(object, "has a weak word that refers to a dead object");
            }
        }
        Ok(())
    }

    /// Returns whether the collector has found an object dead that is there still.
    fn is_dead(&self, object: ObjectRef) -> bool {
        let (inner, cage) = (self.inner, &self.inner.cage);
        let (address, bit) = (object.address(), cage.bit(object.address()));
        if cage.large().contains(address) {
            return !cage.starts().get(bit) && !self.is_young(object);
        }
        let unswept = if cage.data().contains(address) {
            inner.data.is_unswept(address)
        } else {
            cage.pointer().contains(address) && inner.pointer.is_unswept(address)
        };
        unswept && !cage.color().get(bit)
    }
}

fn broken(object: ObjectRef, what: &str) -> VerifyError {
    VerifyError::new(
        "WATCH-LISTED",
        format!("{:#x} {what}: {:?}", object.address(), Inner::header_of(object)),
    )
}

fn fail(object: ObjectRef, what: &str) -> Result<(), VerifyError> {
    Err(broken(object, what))
}
