//! Ephemerons: notes about objects that come and go, in one weak-keyed table.
//!
//! A ring keeps some keys; each has an entry in a table of ephemerons, whose value refers back to the key, so that an
//! ordinary weak map would never let go of it. An operation replaces a random key by a new one with an entry of its own,
//! and looks another one up. In the end a chain is hung onto the table in which each value is the next key, and only its
//! first key is kept. Checks how many entries are left, and every value that was looked up.

use super::{Bench, Outcome, RunError, seconds};
use crate::measure::Laps;
use tenure::WeakKeys;
use tenure::prelude::*;

#[derive(Kind)]
struct Key {
    id: u64,
}

#[derive(Kind)]
struct Note {
    id: u64,
    about: Slot<Ref<Key>>,
}

#[derive(Kind)]
#[tail(Slot<Opt<Key>>)]
struct Keys {}

#[derive(Roots)]
struct Roots {
    keys: Root<Opt<Keys>>,
    notes: Root<Opt<WeakTable<Notes, WeakKeys>>>,
    chain: Root<Opt<Key>>,
    last: Root<Opt<Key>>,
}

object_model! { model Notes { roots: Roots, kinds: [Key, Note, Keys] } }

const NO_MEMORY: RunError = RunError::OutOfMemory {
    doing: "noting about keys",
};

/// Makes the key with number `id`, with its note, in place `place` of the ring.
fn note(h: &mut Heap<Notes>, place: usize, id: u64) -> Result<(), RunError> {
    h.safepoint();
    let h = &*h;
    let (Some(keys), Some(notes)) = (h.roots().keys.get(), h.roots().notes.get()) else {
        return Err(NO_MEMORY);
    };
    let key = h.try_alloc::<Key>(KeyInit { id }).map_err(|_| NO_MEMORY)?;
    let note = h
        .try_alloc::<Note>(NoteInit { id, about: key })
        .map_err(|_| NO_MEMORY)?;
    notes.insert(h, key.into(), note.into()).map_err(|_| NO_MEMORY)?;
    keys.tail_set(h, place, Some(key));
    Ok(())
}

/// Returns what is noted about the key in a place of the ring.
fn look_up(h: &Heap<Notes>, place: usize) -> Option<u64> {
    let key = h.roots().keys.get()?.tail_get(place)?;
    let note = h.roots().notes.get()?.find(h, key.into())?.cast::<Note>()?;
    (note.about() == key && note.id() == key.id()).then(|| note.id())
}

/// Hangs a chain of `length` keys onto the table: each is the value of the one before.
fn hang_chain(h: &mut Heap<Notes>, length: u64) -> Result<(), RunError> {
    for id in 0..length {
        h.safepoint();
        let h = &*h;
        let key = h.try_alloc::<Key>(KeyInit { id }).map_err(|_| NO_MEMORY)?;
        match (h.roots().last.get(), h.roots().notes.get()) {
            (Some(last), Some(notes)) => {
                notes.insert(h, last.into(), key.into()).map_err(|_| NO_MEMORY)?;
            }
            _ => h.roots().chain.set(Some(key)),
        }
        h.roots().last.set(Some(key));
    }
    h.roots().last.set(None);
    Ok(())
}

pub(super) fn run(sizes: &[u64], bench: &mut Bench) -> Result<Outcome, RunError> {
    let (count, operations, chain) = (sizes[0], sizes[1], sizes[2]);
    let mut rng = bench.rng();
    let roots = RootsInit {
        keys: None,
        notes: None,
        chain: None,
        last: None,
    };
    let mut isolate = Isolate::<Notes>::new(bench.config(), roots)?;
    isolate.enter(|h| {
        let watch = bench.start();
        let (region, keys) = h
            .try_alloc_tail_zeroed_with::<Keys, _>(count as usize, |_| KeysInit {})
            .map_err(|_| NO_MEMORY)?;
        region.roots().keys.set(Some(keys));
        let notes = h.weak_table::<WeakKeys>().map_err(|_| NO_MEMORY)?;
        h.roots().notes.set(Some(notes));
        for id in 0..count {
            note(h, id as usize, id)?;
        }
        let fill_s = seconds(watch.elapsed_ns());
        let mut sum = 0u64;
        let mut laps = Laps::new();
        laps.start();
        for op in 0..operations {
            note(h, rng.index(count) as usize, count + op)?;
            let place = rng.index(count) as usize;
            sum = sum.wrapping_add(look_up(h, place).ok_or_else(|| {
                RunError::Wrong(format!(
                    "the key in place {place} has lost its note after {op} operations"
                ))
            })?);
            laps.lap();
        }
        hang_chain(h, chain)?;
        let started = watch.elapsed_ns();
        h.collect();
        let full_ns = vec![watch.elapsed_ns() - started];
        let span = watch.stop(h, 0);
        let left = h.roots().notes.get().map_or(0, |notes| notes.count());
        let expected = count + chain.saturating_sub(1);
        if left as u64 != expected {
            return Err(RunError::Wrong(format!(
                "{left} notes are left, of {expected} whose keys are alive"
            )));
        }
        let check = format!(
            "ephemerons keys={count} ops={operations} chain={chain} rng={} sum={sum} left={left}",
            bench.rng_kind()
        );
        Ok(Outcome {
            check: vec![check],
            span,
            parts: vec![("fill_s", fill_s)],
            laps: Some(laps),
            full_ns,
            full_objects: 2 * count + chain,
            ..Outcome::default()
        })
    })
}
