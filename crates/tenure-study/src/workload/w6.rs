//! W6, cache churn: a map of resident entries, hit or replaced at random.
//!
//! Entries live in the heap, in one large array of slots. The index from key to slot number holds no references and lives
//! outside: open addressing with linear probing, deletion by shifting back, so it never fills with tombstones.

use super::{Bench, Outcome, RunError, seconds};
use crate::measure::Laps;
use tenure::prelude::*;

#[derive(Kind)]
struct Payload {
    a: u64,
    b: u64,
}

#[derive(Kind)]
#[tail(Frozen<u8>)]
struct Bytes {}

#[derive(Kind)]
struct Entry {
    key: u32,
    value: Slot<Ref<Payload>>,
    bytes: Slot<Ref<Bytes>>,
}

#[derive(Kind)]
#[tail(Slot<Opt<Entry>>)]
struct Entries {}

#[derive(Roots)]
struct Roots {
    entries: Root<Opt<Entries>>,
}

object_model! { model Cache { roots: Roots, kinds: [Payload, Bytes, Entry, Entries] } }

/// From key to slot number.
struct KeyIndex {
    mask: usize,
    /// Key and slot number, or [`KeyIndex::EMPTY`] as key.
    places: Vec<(u32, u32)>,
    len: u64,
}

impl KeyIndex {
    /// No key: keys are below four times the largest accepted number of entries.
    const EMPTY: u32 = u32::MAX;

    fn new(capacity: u64) -> Self {
        let size = (capacity as usize * 2).next_power_of_two();
        KeyIndex {
            mask: size - 1,
            places: vec![(Self::EMPTY, 0); size],
            len: 0,
        }
    }

    fn home(&self, key: u32) -> usize {
        (u64::from(key).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize & self.mask
    }

    /// The place of the key, or the empty one where it belongs.
    fn find(&self, key: u32) -> usize {
        let mut place = self.home(key);
        while self.places[place].0 != key && self.places[place].0 != Self::EMPTY {
            place = (place + 1) & self.mask;
        }
        place
    }

    fn get(&self, key: u32) -> Option<u32> {
        let (found, slot) = self.places[self.find(key)];
        (found == key).then_some(slot)
    }

    fn insert(&mut self, key: u32, slot: u32) {
        let place = self.find(key);
        self.len += u64::from(self.places[place].0 == Self::EMPTY);
        self.places[place] = (key, slot);
    }

    fn remove(&mut self, key: u32) {
        let mut hole = self.find(key);
        if self.places[hole].0 == Self::EMPTY {
            return;
        }
        self.len -= 1;
        let mut place = hole;
        loop {
            place = (place + 1) & self.mask;
            let (key, _) = self.places[place];
            if key == Self::EMPTY {
                break;
            }
            // A key may move to the hole only if its home does not lie between the two.
            let from_home = place.wrapping_sub(self.home(key)) & self.mask;
            if from_home >= place.wrapping_sub(hole) & self.mask {
                self.places[hole] = self.places[place];
                hole = place;
            }
        }
        self.places[hole].0 = Self::EMPTY;
    }
}

/// Allocates entry(key, op) and stores it in the slot.
fn store_entry(h: &mut Heap<Cache>, slot: u32, key: u32, op: u64) -> Result<(), RunError> {
    h.safepoint();
    let h = &*h;
    let make = || {
        let word = u64::from(key).to_le_bytes();
        let mut contents = [0; 32];
        for part in contents.chunks_exact_mut(8) {
            part.copy_from_slice(&word);
        }
        let value = h
            .try_alloc::<Payload>(PayloadInit {
                a: u64::from(key),
                b: op,
            })
            .ok()?;
        let bytes = h.try_alloc_slice::<Bytes>(BytesInit {}, &contents).ok()?;
        h.try_alloc::<Entry>(EntryInit { key, value, bytes }).ok()
    };
    let entry = make().ok_or(RunError::OutOfMemory {
        doing: "inserting into the cache",
    })?;
    if let Some(entries) = h.roots().entries.get() {
        entries.tail_set(h, slot as usize, Some(entry));
    }
    Ok(())
}

pub(super) fn run(sizes: &[u64], bench: &mut Bench) -> Result<Outcome, RunError> {
    let (capacity, operations) = (sizes[0], sizes[1]);
    let mut rng = bench.rng();
    let mut isolate = Isolate::<Cache>::new(bench.config(), RootsInit { entries: None })?;
    isolate.enter(|h| {
        let mut resident: Vec<u32> = (0..capacity as u32).map(|slot| 4 * slot).collect();
        let watch = bench.start();
        let mut index = KeyIndex::new(capacity);
        let (region, entries) = h
            .try_alloc_tail_zeroed_with::<Entries, _>(capacity as usize, |_| EntriesInit {})
            .map_err(|_| RunError::OutOfMemory {
                doing: "allocating the cache",
            })?;
        region.roots().entries.set(Some(entries));
        for slot in 0..capacity as u32 {
            store_entry(h, slot, 4 * slot, u64::from(slot))?;
            index.insert(4 * slot, slot);
        }
        let fill_s = seconds(watch.elapsed_ns());
        let (mut hits, mut misses, mut sum) = (0u64, 0u64, 0u64);
        let mut laps = Laps::new();
        laps.start();
        for op in 0..operations {
            let key = rng.index(4 * capacity) as u32;
            if let Some(slot) = index.get(key) {
                hits += 1;
                let entry = h
                    .roots()
                    .entries
                    .get()
                    .and_then(|entries| entries.tail_get(slot as usize));
                let Some(entry) = entry.filter(|entry| entry.key() == key) else {
                    return Err(RunError::Wrong(format!(
                        "slot {slot} of the cache does not hold key {key}"
                    )));
                };
                let byte = entry.bytes().tail()[(op as usize & 3) * 8];
                sum += entry.value().a() + entry.value().b() + u64::from(byte);
            } else {
                misses += 1;
                let slot = rng.index(capacity) as u32;
                index.remove(std::mem::replace(&mut resident[slot as usize], key));
                store_entry(h, slot, key, op)?;
                index.insert(key, slot);
            }
            laps.lap();
        }
        let span = watch.stop(h, 0);
        let check = format!(
            "W6 c={capacity} ops={operations} rng={} hits={hits} misses={misses} sum={sum} size={}",
            bench.rng_kind(),
            index.len
        );
        Ok(Outcome {
            check: vec![check],
            span,
            parts: vec![("fill_s", fill_s)],
            laps: Some(laps),
            ..Outcome::default()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Rng, RngKind};
    use std::collections::HashMap;

    #[test]
    fn the_index_agrees_with_a_hash_map() {
        let mut index = KeyIndex::new(64);
        let mut model = HashMap::new();
        let mut rng = Rng::new(RngKind::Bits64);
        for slot in 0..20_000 {
            let key = rng.index(200) as u32;
            if model.len() >= 64 || rng.index(2) == 0 {
                index.remove(key);
                model.remove(&key);
            } else {
                index.insert(key, slot);
                model.insert(key, slot);
            }
            assert_eq!(index.len, model.len() as u64);
            let probe = rng.index(200) as u32;
            assert_eq!(
                index.get(probe),
                model.get(&probe).copied(),
                "key {probe} after step {slot}"
            );
        }
    }
}
