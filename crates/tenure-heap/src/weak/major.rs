//! Watched objects at the end of marking.
//!
//! Slices of a cycle pass the pairs once nothing else is left to mark, a piece at a time; the last pause passes them all
//! again, and puts itself off if that finds more to mark than it may. Passes go on while each settles a good part of the
//! pairs that wait; then an index finishes them. Clearing looks at every old entry, in the last pause.

use tenure_marking::{Liveness, Marker, PairIndex, Passed};
use tenure_memory::Cage;
use tenure_object::{KindTable, ObjectRef};

use super::collection::{Clearing, Collection, clear_pairs, clear_words, visit_natives};
use super::{Finalizable, Generations, List, Watched, push_report};
use crate::core::{Core, Inner};
use crate::cycle::Budget;

/// Pairs passed between two looks at the clock.
const PAIRS_PER_BITE: usize = 1024;

/// Passes are repeated while at least one in so many waiting pairs was settled by the last.
const SETTLED_SHARE: usize = 4;

/// How far the slices of a cycle have passed the pairs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PairCursor {
    table: usize,
    pair: usize,
    waiting: usize,
    /// Those that waited in the pass before, at the end of it.
    waited: Option<usize>,
}

/// A major collection whose marking has ended so far.
struct Marked<'a> {
    marker: &'a mut Marker,
    cage: &'a Cage,
    kinds: &'a KindTable,
    live: Liveness,
    recording: bool,
}

impl Collection for Marked<'_> {
    #[inline]
    fn resolve(&self, word: u64) -> Option<u64> {
        self.live.keeps(word).then_some(word)
    }

    #[inline]
    unsafe fn keep(&mut self, slot: *mut u64) {
        // SAFETY: SLOT-TYPED is the caller's obligation.
        unsafe { self.marker.shade(self.cage, self.kinds, *slot) };
    }

    #[inline]
    fn settle(&mut self, owner: ObjectRef, slot: *const u64) {
        if self.recording && !self.cage.nursery().contains(owner.address()) {
            // SAFETY: SLOT-TYPED, a word of a live object.
            self.marker.record_slot(self.cage, slot, unsafe { *slot });
        }
    }
}

impl Core {
    /// Passes the pairs for one slice of a cycle. Returns whether the last pause may be tried: another pass would not
    /// settle much.
    pub(crate) fn pass_slice(&mut self, budget: &Budget) -> bool {
        let inner = self.inner();
        let mut left = budget.words / 2;
        loop {
            let cursor = &mut inner.watched.cursor;
            let Some(table) = inner.watched.tables.old.get(cursor.table).copied() else {
                let (waiting, waited) = (cursor.waiting, cursor.waited);
                *cursor = PairCursor {
                    waited: Some(waiting),
                    ..PairCursor::default()
                };
                return waiting == 0 || waited.is_some_and(|waited| !settles_much(waited, waiting));
            };
            if !inner.marker.liveness(&inner.cage).keeps(table.reference()) {
                cursor.table += 1;
                continue;
            }
            // SAFETY: OBJ-HEADER, an entry of the list.
            let header = unsafe { table.header() };
            // SAFETY: KIND-LAYOUT, the header is the table's.
            let count = unsafe { table.pairs(header, &inner.kinds) }.1;
            let end = count.min(cursor.pair + PAIRS_PER_BITE);
            // SAFETY: KIND-LAYOUT, a live table.
            let passed = unsafe {
                inner
                    .marker
                    .pass_pairs(&inner.cage, &inner.kinds, table, cursor.pair..end)
            };
            left = left.saturating_sub(end - cursor.pair + 4);
            cursor.waiting += passed.waiting;
            cursor.pair = end;
            if end == count {
                (cursor.table, cursor.pair) = (cursor.table + 1, 0);
            }
            if passed.reached > 0
                || left == 0
                || (budget.deadline_ns < u64::MAX && inner.clock.now_ns() >= budget.deadline_ns)
            {
                return false;
            }
        }
    }

    /// Passes all pairs until they keep nothing more. Returns false if the budget was used up before.
    pub(crate) fn pass_all(&mut self, budget: &Budget) -> bool {
        loop {
            let Passed { waiting, reached } = self.inner().pass_tables();
            if reached == 0 {
                return true;
            }
            if !self.mark_until(budget) {
                return false;
            }
            if !settles_much(waiting + reached, waiting) && self.inner().resolve_pairs() {
                return true;
            }
        }
    }

    /// Clears what is dead, and makes ready what has a finalizer, with the marking that this takes. Returns false if
    /// the budget was used up before that was marked: the cycle goes on then.
    pub(crate) fn finish_watched(&mut self, budget: &Budget) -> bool {
        let inner = self.inner();
        if inner.watched.is_empty() {
            return true;
        }
        if inner.has_dying() {
            inner.clear_all(Clearing::BeforeFinalizers);
            inner.resurrect();
            if !self.mark_until(budget) || !self.pass_all(budget) {
                return false;
            }
        }
        true
    }

    /// Clears for good what is dead, after everything alive was marked.
    pub(crate) fn clear_watched(&mut self) {
        let inner = self.inner();
        if inner.watched.is_empty() {
            return;
        }
        inner.clear_all(Clearing::Last);
        inner.drop_dead();
        inner.note_all_at_risk();
    }
}

fn settles_much(waited: usize, waiting: usize) -> bool {
    let settled = waited.saturating_sub(waiting);
    settled > 0 && settled >= waited / SETTLED_SHARE
}

impl Inner {
    /// Keeps what the program read from a weak word from being lost to a cycle that marks a snapshot: it may have been
    /// out of reach when the cycle began, and be stored to where nothing looks again.
    pub(crate) fn guard_weak_read(&mut self, word: u64) {
        let begun = self.cycle.is_some_and(|cycle| cycle.roots_shaded);
        if begun && self.config.settings.marking_barrier == crate::config::MarkingBarrier::Deletion {
            // SAFETY: SLOT-TYPED, the word is from a weak word, pair or handle.
            unsafe { self.marker.shade(&self.cage, &self.kinds, word) };
        }
    }

    /// Passes the pairs of all live tables once.
    fn pass_tables(&mut self) -> Passed {
        let mut all = Passed::default();
        let live = self.marker.liveness(&self.cage);
        let tables = &self.watched.tables;
        for table in tables.old.iter().chain(&tables.young) {
            if live.keeps(table.reference()) {
                // SAFETY: KIND-LAYOUT, a live table.
                let passed = unsafe { self.marker.pass_pairs(&self.cage, &self.kinds, *table, 0..usize::MAX) };
                all.waiting += passed.waiting;
                all.reached += passed.reached;
            }
        }
        self.watched.none_waiting = all == Passed::default();
        all
    }

    /// Settles all pairs that wait, in time proportional to them. Returns false if there is no memory for the index.
    fn resolve_pairs(&mut self) -> bool {
        let Inner {
            marker,
            cage,
            kinds,
            watched,
            ..
        } = self;
        let all = || watched.tables.old.iter().chain(&watched.tables.young);
        let live = marker.liveness(cage);
        let Some(mut index) = PairIndex::new(cage) else {
            return false;
        };
        for table in all() {
            // One that is reached while others are entered may enter its pairs twice.
            let times = if live.keeps(table.reference()) { 1 } else { 2 };
            for _ in 0..times {
                // SAFETY: KIND-LAYOUT, a table that is not swept yet.
                unsafe { marker.count_pairs(cage, kinds, *table, &mut index) };
            }
        }
        let roomy = index.make_room(cage);
        if roomy {
            for table in all() {
                if live.keeps(table.reference()) {
                    // SAFETY: KIND-LAYOUT, a live table.
                    unsafe { marker.index_pairs(cage, kinds, *table, &mut index) };
                }
            }
            // SAFETY: MARK-LISTED, only live objects are listed.
            unsafe { marker.resolve_pairs(cage, kinds, &mut index) };
        }
        let settled = index.is_settled();
        index.give_back(cage);
        watched.none_waiting = roomy && settled;
        roomy
    }

    fn has_dying(&self) -> bool {
        let live = self.marker.liveness(&self.cage);
        let Generations { young, old } = &self.watched.finalizable;
        old.iter().chain(young).any(|entry| is_dying(&live, entry))
    }

    /// Makes objects ready whose finalizers are due, and marks them.
    fn resurrect(&mut self) {
        let live = self.marker.liveness(&self.cage);
        let watched = &mut self.watched;
        let Generations { mut young, mut old } = std::mem::take(&mut watched.finalizable);
        for list in [&mut old, &mut young] {
            // Marking has to wait until all are found: one may keep another.
            list.retain(|entry| {
                if is_dying(&live, entry) {
                    watched.make_ready(*entry, entry.object.reference());
                    return false;
                }
                true
            });
        }
        watched.finalizable = Generations { young, old };
        for ready in &watched.ready {
            // SAFETY: SLOT-TYPED, a reference to an object that is not swept yet.
            unsafe { self.marker.shade(&self.cage, &self.kinds, ready.word) };
        }
    }

    /// Clears what is dead; at last, drops the entries of dead old objects, with their native resources.
    fn clear_all(&mut self, clearing: Clearing) {
        let Inner {
            marker,
            cage,
            kinds,
            watched,
            ..
        } = self;
        let live = marker.liveness(cage);
        if clearing == Clearing::Last {
            watched.reports.retain(|word| live.keeps(*word));
        }
        let recording = marker.recorder().is_recording();
        let mut marked = Marked {
            marker,
            cage,
            kinds,
            live,
            recording,
        };
        // The last pass found every object of every pair alive: there is nothing to clear, and nothing to record.
        let pairs_are_whole = watched.none_waiting && !recording;
        for table in watched.tables.old.iter().chain(&watched.tables.young) {
            if !pairs_are_whole && live.keeps(table.reference()) {
                // SAFETY: KIND-LAYOUT, a live table.
                if unsafe { clear_pairs(&mut marked, kinds, *table, 0..usize::MAX, clearing) } {
                    push_report(&mut watched.reports, *table);
                }
            }
        }
        for object in &watched.objects.young {
            if live.keeps(object.reference()) {
                // SAFETY: OBJ-HEADER, a live object.
                unsafe { clear_words(&mut marked, kinds, *object, clearing) };
            }
        }
        let (old, natives) = (&mut watched.objects.old, &mut watched.natives);
        let mut kept = 0;
        for index in 0..old.len() {
            let object = old[index];
            if live.keeps(object.reference()) {
                // SAFETY: OBJ-HEADER, a live object.
                unsafe { clear_words(&mut marked, kinds, object, clearing) };
            } else if clearing == Clearing::Last {
                // SAFETY: OBJ-HEADER, dead and not swept yet.
                unsafe { visit_natives(kinds, object, |number| natives.kill(number)) };
                continue;
            }
            old[kept] = object;
            kept += 1;
        }
        old.truncate(kept);
        for word in watched.handles.words_mut() {
            if !live.keeps(*word) {
                *word = 0;
            }
        }
    }

    /// Drops the entries of dead tables, and of dead young objects with their native resources. Young ones are dead here if
    /// they were marked, which is when they were retained for want of room.
    fn drop_dead(&mut self) {
        let live = self.marker.liveness(&self.cage);
        let kinds = &self.kinds;
        let Watched {
            objects,
            tables,
            natives,
            ..
        } = &mut self.watched;
        objects.young.retain(|object| {
            let keep = live.keeps(object.reference());
            if !keep {
                // SAFETY: OBJ-HEADER, dead and not overwritten yet.
                unsafe { visit_natives(kinds, *object, |number| natives.kill(number)) };
            }
            keep
        });
        for list in [&mut tables.old, &mut tables.young] {
            list.retain(|table| live.keeps(table.reference()));
        }
    }

    /// Notes which entries of old objects lie in blocks that are to be evacuated.
    fn note_all_at_risk(&mut self) {
        debug_assert!(self.watched.at_risk.is_empty(), "WATCH-LISTED");
        if !self.marker.recorder().is_recording() {
            return;
        }
        let mut at_risk = std::mem::take(&mut self.watched.at_risk);
        let watched = &self.watched;
        let objects = watched.objects.old.iter().map(|object| object.reference());
        let tables = watched.tables.old.iter().map(|table| table.reference());
        let finalizable = watched.finalizable.old.iter().map(|entry| entry.object.reference());
        let handles = watched.handles.words().iter().copied();
        let all = (objects.enumerate().map(|(index, word)| (List::Objects, index, word)))
            .chain(tables.enumerate().map(|(index, word)| (List::Tables, index, word)))
            .chain(
                finalizable
                    .enumerate()
                    .map(|(index, word)| (List::Finalizable, index, word)),
            )
            .chain(handles.enumerate().map(|(index, word)| (List::Handles, index, word)));
        let mut all_noted = true;
        for (list, index, _) in all.filter(|(_, _, word)| self.moves(*word)) {
            all_noted = at_risk.try_reserve(1).is_ok();
            if !all_noted {
                break;
            }
            at_risk.push((list, index as u32));
        }
        self.watched.at_risk = at_risk;
        if !all_noted {
            self.end_candidates();
        }
    }
}

fn is_dying(live: &Liveness, entry: &Finalizable) -> bool {
    debug_assert!(
        entry.object.address() != 0,
        "WATCH-LISTED: empty during evacuation only"
    );
    !live.keeps(entry.object.reference())
}
