//! Releasing: who goes, and how what goes is dropped.
//!
//! A round asks the policy about unused entries, the longest unused first, then takes out more as long as the budget is
//! exceeded. What is taken out lies in a list that the outermost caller empties one by one, so that a chain of resources
//! that hold each other is a loop and not a recursion. A round costs one question to the policy beyond what it releases, if
//! the policy stops there.
//!
//! Destructors may use the cache, and what they let go is looked at in a further round. That ends: a further round follows
//! destructors only, and only what was there when the first one began is released. A destructor that loads its own value
//! again does not keep the cache busy for ever; what it loaded waits for the next occasion.

use std::cell::Cell;
use std::ops::Bound;
use std::rc::Rc;

use crate::counted_cache::policy::{UnusedEntry, Verdict};
use crate::counted_cache::shared::{Gone, Resource, Shared, State, clamped};
use crate::counted_cache::statistics::Released;
use crate::pressure::Relieved;

/// Ends the releasing that is under way, also when a destructor panics.
struct Ends<'a>(&'a Cell<Option<u64>>);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

/// Which counter a release goes to.
pub(crate) type Reason = fn(&mut Released) -> &mut u64;

impl<K: Ord, V, E> State<K, V, E> {
    /// Takes an unused entry out of all maps.
    fn take_out(&mut self, entry: &Resource<K, V, E>, reason: Reason) -> Option<Gone<K, V, E>> {
        let unused = entry.unused.take()?;
        self.unused.remove(&unused.serial);
        let bytes = entry.bytes.get();
        self.unused_bytes -= bytes as u128;
        self.resident_bytes -= bytes as u128;
        self.counts.resident -= 1;
        *reason(&mut self.counts.released) += 1;
        self.forget(entry)
    }

    /// The first entry that became unused after `serial`, up to and without `end`.
    fn unused_after(&self, serial: u64, end: u64) -> Option<(u64, Resource<K, V, E>)> {
        let range = (Bound::Excluded(serial), Bound::Excluded(end));
        let is_empty = serial.checked_add(1).is_none_or(|next| next >= end);
        let (&serial, entry) = (!is_empty).then(|| self.unused.range(range).next())??;
        Some((serial, Rc::clone(entry)))
    }
}

impl<K: Ord, V, E> Shared<K, V, E> {
    /// Releases what the policy and the budget say. Within another call of this it only makes that one go on.
    pub(crate) fn settle(&self) -> Relieved {
        self.release_rounds(true)
    }

    /// Drops what has left the maps, unless somebody up the stack is doing so.
    pub(crate) fn discard(&self, gone: impl IntoIterator<Item = Gone<K, V, E>>) {
        self.leaving.borrow_mut().extend(gone);
        if !self.leaving.borrow().is_empty() {
            self.release_rounds(false);
        }
    }

    fn release_rounds(&self, mut is_unsettled: bool) -> Relieved {
        let mut relieved = Relieved::default();
        if self.horizon.get().is_some() {
            self.is_unsettled.set(self.is_unsettled.get() || is_unsettled);
            return relieved;
        }
        let horizon = self.state.borrow_mut().serial();
        self.horizon.set(Some(horizon));
        let _end = Ends(&self.horizon);
        loop {
            if is_unsettled {
                relieved += self.ask_policy(horizon);
                relieved += self.keep_budget(horizon);
            }
            self.is_unsettled.set(false);
            loop {
                // On a line of its own: the list must not stay borrowed while what it held is dropped.
                let next = self.leaving.borrow_mut().pop_front();
                let Some(gone) = next else {
                    break;
                };
                drop(gone);
            }
            is_unsettled = self.is_unsettled.get();
            if !is_unsettled {
                return relieved;
            }
        }
    }

    fn ask_policy(&self, horizon: u64) -> Relieved {
        let mut relieved = Relieved::default();
        // What a policy makes unused while it is asked comes after the end.
        let end = self.state.borrow_mut().serial();
        let mut at = 0;
        loop {
            let mut state = self.state.borrow_mut();
            let Some((serial, entry)) = state.unused_after(at, end) else {
                return relieved;
            };
            at = serial;
            if entry.born >= horizon {
                continue;
            }
            let view = UnusedEntry {
                key: &entry.key,
                bytes: entry.bytes.get(),
                unused_ns: entry
                    .unused
                    .get()
                    .map_or(0, |unused| state.now_ns.saturating_sub(unused.since_ns)),
                unused_count: state.unused.len(),
                unused_bytes: clamped(state.unused_bytes),
                resident_bytes: clamped(state.resident_bytes),
            };
            drop(state);
            let verdict = self.config.policy.decide(&view);
            state = self.state.borrow_mut();
            match verdict {
                // The policy may have used the cache, and the entry with it.
                Verdict::Release if entry.unused.get().is_some_and(|unused| unused.serial == serial) => {
                    let gone = state.take_out(&entry, |released| &mut released.policy);
                    drop(state);
                    relieved += self.let_go(gone, &entry);
                }
                Verdict::Release | Verdict::Keep => {}
                Verdict::KeepRest => return relieved,
            }
        }
    }

    fn keep_budget(&self, horizon: u64) -> Relieved {
        let mut relieved = Relieved::default();
        let mut at = 0;
        loop {
            let mut state = self.state.borrow_mut();
            if clamped(state.resident_bytes) <= state.counts.budget_bytes {
                return relieved;
            }
            let Some((serial, entry)) = state.unused_after(at, u64::MAX) else {
                return relieved;
            };
            at = serial;
            if entry.born < horizon {
                let gone = state.take_out(&entry, |released| &mut released.budget);
                drop(state);
                relieved += self.let_go(gone, &entry);
            }
        }
    }

    fn let_go(&self, gone: Option<Gone<K, V, E>>, entry: &Resource<K, V, E>) -> Relieved {
        self.leaving.borrow_mut().extend(gone);
        Relieved {
            count: 1,
            bytes: entry.bytes.get(),
        }
    }

    /// Which part of the bytes of unused entries stays under moderate pressure.
    pub(crate) fn share_of_unused_bytes(&self) -> u128 {
        self.state.borrow().unused_bytes * u128::from(self.config.moderate_keep_percent) / 100
    }

    /// Releases unused entries, the longest unused first, until at most so many of their bytes are left, or all.
    pub(crate) fn release_unused_to(&self, keep_bytes: Option<u128>, reason: Reason) -> Relieved {
        let mut relieved = Relieved::default();
        let horizon = self.horizon.get().unwrap_or(u64::MAX);
        let mut state = self.state.borrow_mut();
        let mut at = 0;
        while keep_bytes.is_none_or(|keep_bytes| state.unused_bytes > keep_bytes) {
            let Some((serial, entry)) = state.unused_after(at, u64::MAX) else {
                break;
            };
            at = serial;
            if entry.born < horizon {
                let gone = state.take_out(&entry, reason);
                relieved += self.let_go(gone, &entry);
            }
        }
        drop(state);
        self.discard(None);
        relieved
    }

    /// Releases one entry if nobody holds it.
    pub(crate) fn release_one(&self, entry: &Resource<K, V, E>) -> bool {
        if entry.unused.get().is_none() || self.horizon.get().is_some_and(|horizon| entry.born >= horizon) {
            return false;
        }
        let gone = self
            .state
            .borrow_mut()
            .take_out(entry, |released| &mut released.request);
        self.discard(gone);
        true
    }
}
