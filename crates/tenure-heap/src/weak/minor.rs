//! Watched objects in a minor collection: the young ones, and old ones that the remembered set names.
//!
//! Everything old is alive here. If passing the pairs has not come to an end after some passes, every young table and the
//! values of all its pairs are kept until the next collection, so that a chain of ephemerons costs no more than its length.

use std::ops::Range;

use tenure_barrier::CardEntry;
use tenure_nursery::Evacuation;
use tenure_object::{KindTable, ObjectRef, PairMode, PromotionTarget};

use super::collection::{Clearing, Collection, clear_pairs, clear_words, pass, visit_natives};
use super::{Finalizable, Watched, is_table, push_report};

/// Passes over the pairs before the rest is kept.
const PASSES_MAX: u32 = 8;

/// What of the remembered set is watched: an object, or a part of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remembered {
    object: ObjectRef,
    pairs: Range32,
    is_table: bool,
}

#[derive(Clone, Copy, Debug)]
struct Range32 {
    start: u32,
    end: u32,
}

impl Remembered {
    fn pairs(&self) -> Range<usize> {
        self.pairs.start as usize..self.pairs.end as usize
    }
}

impl<T: PromotionTarget> Collection for Evacuation<'_, T> {
    #[inline]
    fn resolve(&self, word: u64) -> Option<u64> {
        self.resolve_word(word)
    }

    #[inline]
    unsafe fn keep(&mut self, slot: *mut u64) {
        // SAFETY: SLOT-TYPED is the caller's obligation.
        unsafe { self.forward(slot) };
    }

    #[inline]
    fn settle(&mut self, owner: ObjectRef, slot: *const u64) {
        // SAFETY: OBJ-HEADER, a live object and its word.
        unsafe { self.remember_if_young(owner, slot) };
    }
}

impl Watched {
    /// Keeps room for what a minor collection finds in a remembered set of `entries` entries.
    pub(crate) fn reserve_remembered(&mut self, entries: usize) {
        if self.has_old() {
            self.remembered.reserve(entries);
        }
    }

    /// Does what is to be done once the closure of a minor collection is traced. If a `full` collection goes on to mark,
    /// finalizers are its business, which knows of all that is dead at the same time: what they need is kept until then.
    ///
    /// # Safety
    ///
    /// Everything that the roots and the remembered set reach must have been evacuated (NUR-SCAN), and `owners` and
    /// `cards` be what was in the set.
    pub(crate) unsafe fn finish_minor<T: PromotionTarget>(
        &mut self,
        evacuation: &mut Evacuation<'_, T>,
        kinds: &KindTable,
        owners: &[ObjectRef],
        cards: &[CardEntry],
        weak_words_keep: bool,
        full: bool,
    ) {
        let mut old = std::mem::take(&mut self.remembered);
        if self.has_old() {
            find_remembered(kinds, owners, cards, &mut old);
        }
        let nothing_young = self.objects.young.is_empty()
            && self.tables.young.is_empty()
            && self.finalizable.young.is_empty()
            && self.handles.young.is_empty();
        if nothing_young && old.is_empty() {
            self.remembered = old;
            return;
        }
        if full {
            self.keep_finalizable(evacuation);
        }
        if weak_words_keep {
            self.keep_weak_words(evacuation, kinds, &old);
        }
        self.pass_all(evacuation, kinds, &old);
        if self.has_dying(evacuation) {
            self.clear_all(evacuation, kinds, &old, Clearing::BeforeFinalizers);
            self.resurrect(evacuation);
            // SAFETY: ROOT-EXACT, what is ready is a root from here on.
            unsafe { evacuation.trace_closure() };
            self.pass_all(evacuation, kinds, &old);
        }
        self.clear_all(evacuation, kinds, &old, Clearing::Last);
        self.drop_dead_young(evacuation, kinds);
        old.clear();
        self.remembered = old;
    }

    /// Keeps everything that has a finalizer.
    fn keep_finalizable<T: PromotionTarget>(&mut self, evacuation: &mut Evacuation<'_, T>) {
        for entry in &self.finalizable.young {
            let mut word = entry.object.reference();
            // SAFETY: SLOT-TYPED, a reference to an object that has not moved or moved just now.
            unsafe { evacuation.forward(&raw mut word) };
        }
        // SAFETY: NUR-SCAN, more has been evacuated.
        unsafe { evacuation.trace_closure() };
    }

    /// Keeps what weak words and handles refer to, as V8 did before version 12.
    fn keep_weak_words<T: PromotionTarget>(
        &mut self,
        evacuation: &mut Evacuation<'_, T>,
        kinds: &KindTable,
        old: &[Remembered],
    ) {
        for position in 0..self.handles.young.len() {
            let index = self.handles.young[position];
            // SAFETY: SLOT-TYPED, a weak handle holds what a slot may hold.
            unsafe { evacuation.forward(self.handles.word_mut(index as usize)) };
        }
        let old = old.iter().filter(|entry| !entry.is_table).map(|entry| entry.object);
        let keep = |evacuation: &mut Evacuation<'_, T>, object: ObjectRef| {
            // SAFETY: OBJ-HEADER, a live object.
            let header = unsafe { object.header() };
            // SAFETY: KIND-LAYOUT, and SLOT-TYPED for each weak word.
            unsafe {
                object.visit_weak(header, kinds, |slot| {
                    evacuation.forward(slot);
                });
            }
        };
        for object in old {
            keep(evacuation, object);
        }
        // Those that are dead too: each may be kept by another's weak word, and finding out could take as many passes as
        // there are objects. Where there are natives only, nothing is kept by them.
        for object in &self.objects.young {
            let mut word = object.reference();
            if evacuation.resolve_word(word).is_none() {
                // SAFETY: OBJ-HEADER, dead so far, so that it has its header.
                let kind = unsafe { object.header() }.kind();
                if kinds.get(kind).weak_map.is_empty() {
                    continue;
                }
            }
            // SAFETY: SLOT-TYPED, a reference to a watched object.
            unsafe { evacuation.forward(&raw mut word) };
            keep(evacuation, ObjectRef::from_reference(word));
        }
        // SAFETY: ROOT-EXACT, everything that is kept has been forwarded.
        unsafe { evacuation.trace_closure() };
    }

    /// Passes all pairs until they keep nothing more.
    fn pass_all<T: PromotionTarget>(
        &mut self,
        evacuation: &mut Evacuation<'_, T>,
        kinds: &KindTable,
        old: &[Remembered],
    ) {
        for passes in 0.. {
            let mut kept = false;
            for entry in old.iter().filter(|entry| entry.is_table) {
                // SAFETY: KIND-LAYOUT, an old table.
                kept |= unsafe { pass(evacuation, kinds, entry.object, entry.pairs()) }.1;
            }
            for table in &self.tables.young {
                if let Some(word) = evacuation.resolve_word(table.reference()) {
                    // SAFETY: KIND-LAYOUT, a live table.
                    kept |= unsafe { pass(evacuation, kinds, ObjectRef::from_reference(word), 0..usize::MAX) }.1;
                }
            }
            if !kept {
                return;
            }
            // SAFETY: NUR-SCAN, more has been evacuated.
            unsafe { evacuation.trace_closure() };
            if passes == PASSES_MAX {
                break;
            }
        }
        self.keep_pairs(evacuation, kinds, old);
    }

    /// Keeps all young tables, and what each of their pairs would keep if its key were alive.
    fn keep_pairs<T: PromotionTarget>(
        &mut self,
        evacuation: &mut Evacuation<'_, T>,
        kinds: &KindTable,
        old: &[Remembered],
    ) {
        let keep = |evacuation: &mut Evacuation<'_, T>, table: ObjectRef, pairs: Range<usize>| {
            // SAFETY: OBJ-HEADER, a live table.
            let header = unsafe { table.header() };
            // SAFETY: KIND-LAYOUT, the header is the table's.
            let (first, count, mode) = unsafe { table.pairs(header, kinds) };
            // What a pair keeps for a live key; the keys that are dead in the end are cleared as ever.
            let word = match mode {
                PairMode::WeakKey | PairMode::Guard => 1,
                PairMode::WeakValue => 0,
                PairMode::WeakBoth => return,
            };
            for pair in pairs.start..pairs.end.min(count) {
                // SAFETY: KIND-LAYOUT and SLOT-TYPED, a word of a pair.
                unsafe { evacuation.forward(first.add(2 * pair + word)) };
            }
        };
        for entry in old.iter().filter(|entry| entry.is_table) {
            keep(evacuation, entry.object, entry.pairs());
        }
        for table in &self.tables.young {
            let mut word = table.reference();
            // SAFETY: SLOT-TYPED, a reference to a table.
            unsafe { evacuation.forward(&raw mut word) };
            keep(evacuation, ObjectRef::from_reference(word), 0..usize::MAX >> 1);
        }
        // SAFETY: NUR-SCAN, more has been evacuated.
        unsafe { evacuation.trace_closure() };
    }

    fn clear_all<T: PromotionTarget>(
        &mut self,
        evacuation: &mut Evacuation<'_, T>,
        kinds: &KindTable,
        old: &[Remembered],
        clearing: Clearing,
    ) {
        if clearing == Clearing::Last {
            self.reports.retain_mut(|word| match evacuation.resolve_word(*word) {
                Some(now) => {
                    *word = now;
                    true
                }
                None => false,
            });
        }
        for entry in old {
            if entry.is_table {
                // SAFETY: KIND-LAYOUT, an old table.
                if unsafe { clear_pairs(evacuation, kinds, entry.object, entry.pairs(), clearing) } {
                    push_report(&mut self.reports, entry.object);
                }
            } else {
                // SAFETY: OBJ-HEADER, an old object.
                unsafe { clear_words(evacuation, kinds, entry.object, clearing) };
            }
        }
        for table in &self.tables.young {
            if let Some(word) = evacuation.resolve_word(table.reference()) {
                let table = ObjectRef::from_reference(word);
                // SAFETY: KIND-LAYOUT, a live table.
                if unsafe { clear_pairs(evacuation, kinds, table, 0..usize::MAX, clearing) } {
                    push_report(&mut self.reports, table);
                }
            }
        }
        for object in &self.objects.young {
            if let Some(word) = evacuation.resolve_word(object.reference()) {
                // SAFETY: OBJ-HEADER, a live object.
                unsafe { clear_words(evacuation, kinds, ObjectRef::from_reference(word), clearing) };
            }
        }
        let mut young = std::mem::take(&mut self.handles.young);
        young.retain(|index| {
            let word = self.handles.word_mut(*index as usize);
            *word = evacuation.resolve_word(*word).unwrap_or(0);
            clearing == Clearing::BeforeFinalizers || evacuation.is_nursery(*word)
        });
        self.handles.young = young;
    }

    fn has_dying<T: PromotionTarget>(&self, evacuation: &Evacuation<'_, T>) -> bool {
        self.finalizable
            .young
            .iter()
            .any(|entry| evacuation.resolve_word(entry.object.reference()).is_none())
    }

    /// Makes the young objects ready whose finalizers are due.
    fn resurrect<T: PromotionTarget>(&mut self, evacuation: &mut Evacuation<'_, T>) {
        let mut young = std::mem::take(&mut self.finalizable.young);
        // All are found before the first is kept: one may keep another.
        let mut dying = 0;
        for index in 0..young.len() {
            if evacuation.resolve_word(young[index].object.reference()).is_none() {
                young.swap(dying, index);
                dying += 1;
            }
        }
        for entry in young.drain(..dying) {
            let mut word = entry.object.reference();
            // SAFETY: SLOT-TYPED, a reference to an object that has not moved or moved just now.
            unsafe { evacuation.forward(&raw mut word) };
            self.make_ready(entry, word);
        }
        self.finalizable.young = young;
    }

    /// Drops the entries of dead young objects, with their native resources, and moves those of objects that are old now.
    fn drop_dead_young<T: PromotionTarget>(&mut self, evacuation: &Evacuation<'_, T>, kinds: &KindTable) {
        let Watched {
            objects,
            tables,
            finalizable,
            natives,
            ..
        } = self;
        let old = &mut objects.old;
        objects.young.retain_mut(|object| {
            let Some(word) = evacuation.resolve_word(object.reference()) else {
                // SAFETY: OBJ-HEADER, dead and not overwritten yet.
                unsafe { visit_natives(kinds, *object, |number| natives.kill(number)) };
                return false;
            };
            *object = ObjectRef::from_reference(word);
            let young = evacuation.is_nursery(word);
            if !young {
                old.push(*object);
            }
            young
        });
        let old = &mut tables.old;
        tables.young.retain_mut(|table| {
            let Some(word) = evacuation.resolve_word(table.reference()) else {
                return false;
            };
            *table = ObjectRef::from_reference(word);
            let young = evacuation.is_nursery(word);
            if !young {
                old.push(*table);
            }
            young
        });
        let old = &mut finalizable.old;
        finalizable.young.retain_mut(|entry: &mut Finalizable| {
            let word = evacuation.resolve_word(entry.object.reference());
            debug_assert!(word.is_some(), "WATCH-LISTED: the dead have been made ready");
            let Some(word) = word else { return false };
            entry.object = ObjectRef::from_reference(word);
            let young = evacuation.is_nursery(word);
            if !young {
                old.push(*entry);
            }
            young
        });
    }
}

/// Enters what of the remembered set is watched into `found`, which has room.
fn find_remembered(kinds: &KindTable, owners: &[ObjectRef], cards: &[CardEntry], found: &mut Vec<Remembered>) {
    debug_assert!(found.is_empty() && found.capacity() >= owners.len() + cards.len());
    let watched = |object: ObjectRef| {
        // SAFETY: OBJ-HEADER, an entry of the set.
        unsafe { object.header() }.is_watched()
    };
    for owner in owners.iter().filter(|owner| watched(**owner)) {
        found.push(Remembered {
            object: *owner,
            pairs: Range32 {
                start: 0,
                end: u32::MAX,
            },
            // SAFETY: OBJ-HEADER, as above.
            is_table: unsafe { is_table(*owner, kinds) },
        });
    }
    for entry in cards.iter().filter(|entry| watched(entry.owner)) {
        // SAFETY: OBJ-HEADER, as above.
        let header = unsafe { entry.owner.header() };
        // SAFETY: KIND-LAYOUT, the header is the object's.
        let first = unsafe { entry.owner.pairs(header, kinds) }.0 as usize;
        let slots = entry.slots();
        found.push(Remembered {
            object: entry.owner,
            // A pair that the card holds in part counts.
            pairs: Range32 {
                start: (slots.start.saturating_sub(first) / 16) as u32,
                end: slots.end.saturating_sub(first).div_ceil(16) as u32,
            },
            // SAFETY: OBJ-HEADER, as above.
            is_table: unsafe { is_table(entry.owner, kinds) },
        });
    }
}
