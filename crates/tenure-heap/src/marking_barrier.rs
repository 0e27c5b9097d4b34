//! The barrier of a cycle: what the mutator's stores, minor collections and the last pause do so that marking loses
//! nothing.
//!
//! The slices of a cycle take an object for done once they scanned it, while the mutator goes on storing. Three barriers
//! keep a white object from being lost behind a black one; [`MarkingBarrier`] says which one runs. All hang on the slow
//! path of the generational barrier, which is called before the store, so the fast path is the same for all.
//!
//! - Owner: the remembered set counts as gray. The first store into an old object puts it there; each minor collection
//!   and the last pause list the black objects of the set again. Costs the mutator nothing, and collections a scan of
//!   what was stored to.
//! - Insertion: what is stored into an old object is shaded. For the unlogged bit not to hide the second store, it stays
//!   set while the cycle marks, and every store into an old object takes the slow path. Nothing is scanned twice.
//! - Deletion: what an old object referred to when the cycle started is shaded before the first store into it. So what
//!   was reachable then gets marked, and everything newer is young or was born black: the last pause needs neither roots
//!   nor young objects. What dies during the cycle is kept until the next.
//!
//! Young objects have no barrier. The last pause walks the nursery from end to end, under owner and insertion, and marks
//! what the objects there refer to, dead ones included: that costs less than to find out which are live. Under deletion,
//! those that are there when the cycle starts are walked then.
//!
//! Invariant (MARK-OWNER): while a cycle marks under the owner barrier, a black old object that refers to a white old
//! one is listed or remembered; the reference of a carded one lies in a remembered card, or in slots still to be visited.
//! Invariant (MARK-INSERTION): while a cycle marks under the insertion barrier, a black old object that refers to a
//! white old one is listed, and the reference lies in slots still to be visited.
//! Invariant (MARK-SNAPSHOT): while a cycle marks under the deletion barrier, every old object that was reachable when
//! it started is black, or reachable from a listed or gray object through white ones; every other old object that can
//! be reached was born black.
//!
//! Why the last one holds: when the cycle starts, a path from a root to an old object leads to it from the root itself,
//! from a young object, or from an old one. What the first two refer to is listed at once. The slots of an old object
//! keep what they held until a store; before the first one everything in it is listed, which restores the invariant for
//! what was reached through it. That store finds the unlogged bit set but in objects that were remembered when the cycle
//! started, the slots of which are shaded then, and in those that a minor collection or an allocation remembers later:
//! they were scanned by this barrier before, were young when the cycle started, or did not exist. A long array keeps its
//! unlogged bit, so there the overwritten slot alone is shaded, each time. Minor collections set unlogged bits anew; then
//! the next store shades objects that are newer than the snapshot, which is superfluous.
//!
//! Weak words and ephemerons are no part of the snapshot: a table that is stored to in each cycle would never lose a key.
//! What is read out of one is shaded when it is read, which makes it part of the snapshot, and the last pause passes what
//! is in pairs then.

use tenure_barrier::CardEntry;
use tenure_events::{CollectionRecord, Phase};
use tenure_memory::{CARD_BYTES, Range, round_down};
use tenure_object::{FLAG_CARDED, ObjectRef, PairMode, ReferenceRange};

use crate::config::MarkingBarrier;
use crate::core::{Core, Inner};

/// Slots of a bulk store from which on a cycle looks through the array again instead of through its cards.
const RELISTED_SLOTS: usize = 4096;

/// The part of a pause goal that one entry of the remembered set is allowed for: with so many, looking at them takes about
/// half of the goal.
const REMEMBERED_ENTRY_NS: u64 = 200;

/// Entries that the remembered set may have whatever the goal is.
const REMEMBERED_MIN: u64 = 64;

impl Core {
    /// Asks for a minor collection when the remembered set has become as large as a pause goal permits.
    pub(crate) fn bound_remembered(&self) {
        let inner = self.inner();
        let goal_ns = inner.config.settings.pause_goal_ns;
        if goal_ns == 0 || inner.minor_requested {
            return;
        }
        let entries = (inner.remembered.owners().len() + inner.remembered.cards().len()) as u64;
        if entries > (goal_ns / REMEMBERED_ENTRY_NS).max(REMEMBERED_MIN) {
            inner.minor_requested = true;
            self.request_safepoint();
        }
    }

    /// Prepares the barrier of the cycle that starts, right after the roots were shaded.
    pub(crate) fn begin_barrier(&mut self) {
        let inner = self.inner();
        match inner.config.settings.marking_barrier {
            MarkingBarrier::Owner => {}
            MarkingBarrier::Insertion => inner.remembered.set_logs_every_store(true),
            MarkingBarrier::Deletion => {
                for i in 0..inner.remembered.owners().len() {
                    let owner = inner.remembered.owners()[i];
                    inner.shade_held(owner);
                }
                self.shade_young();
            }
        }
    }

    /// Marks what the last pause of a cycle has to look at: what the barrier left, roots, and what is young.
    pub(crate) fn shade_last(&mut self, record: &mut CollectionRecord) {
        let start = self.now_ns();
        let barrier = self.inner().config.settings.marking_barrier;
        // The cycle may be ended before its first slice.
        let begun = self.inner().cycle.is_some_and(|cycle| cycle.roots_shaded);
        if barrier == MarkingBarrier::Deletion && begun {
            return;
        }
        self.shade_roots();
        let now = self.lap(record, Phase::Roots, start);
        if barrier == MarkingBarrier::Owner {
            self.inner().relist_remembered();
        }
        self.shade_young();
        self.lap(record, Phase::Remembered, now);
    }

    /// Marks what young objects refer to in the old generation, those that are dead already included: they lie one
    /// after the other, and cost less to walk than to mark.
    fn shade_young(&mut self) {
        let top = self.window.top.get();
        let inner = self.inner();
        let snapshot = inner.config.settings.marking_barrier == MarkingBarrier::Deletion;
        let mut address = inner.nursery.active(&inner.cage).start;
        while address < top {
            let object = ObjectRef::from_address(address);
            inner.shade_held(object);
            // SAFETY: KIND-LAYOUT and NUR-BUMP, objects lie without gaps from the start of the active half to the top.
            address += unsafe { ObjectRef::words(Inner::header_of(object), &inner.kinds) } * 8;
        }
        for index in 0..inner.large.young_count() {
            // Those that are carded have had their stores logged from birth, but cards tell of slots only.
            if let Some(object) = inner.large.young_object(index)
                && (!Inner::header_of(object).has(FLAG_CARDED) || snapshot && Inner::header_of(object).is_watched())
            {
                inner.shade_held(object);
            }
        }
        if inner.large.young_count() > 0 {
            for i in 0..inner.remembered.cards().len() {
                let entry = inner.remembered.cards()[i];
                if inner.large.is_young_object(&inner.cage, entry.owner) {
                    inner.shade_card(entry);
                }
            }
        }
    }
}

impl Inner {
    /// Returns whether what a store overwrites matters: a cycle marks what was there when it started.
    pub(crate) fn guards_overwritten(&self) -> bool {
        self.cycle.is_some() && self.config.settings.marking_barrier == MarkingBarrier::Deletion
    }

    /// The slow path of every store: `value` is about to be written to `slot` of the old object `owner`, whose unlogged
    /// bit is set.
    ///
    /// # Safety
    ///
    /// `owner` must be such an object of this heap and `slot` one of its slots (OBJ-HEADER); `value` must be what a slot
    /// may hold (SLOT-TYPED).
    pub(crate) unsafe fn log(&mut self, owner: ObjectRef, slot: *const u64, value: u64) {
        if self.cycle.is_some() {
            // SAFETY: OBJ-HEADER and SLOT-TYPED are the caller's obligation.
            unsafe { self.guard(owner, std::ptr::slice_from_raw_parts(slot, 1), &[value]) };
        }
        // SAFETY: OBJ-HEADER is the caller's obligation.
        unsafe { self.remembered.log(&self.cage, owner, slot) };
    }

    /// The same for all of `slots`, which are about to be overwritten with `values`: the object is remembered at once,
    /// or each card of it.
    ///
    /// # Safety
    ///
    /// As for [`Inner::log`]; `slots` must be adjacent slots of `owner`.
    pub(crate) unsafe fn log_range(&mut self, owner: ObjectRef, slots: *const [u64], values: &[u64]) {
        if self.cycle.is_some() {
            // SAFETY: OBJ-HEADER and SLOT-TYPED are the caller's obligation.
            unsafe { self.guard(owner, slots, values) };
        }
        let first = slots.cast::<u64>();
        if slots.len() < 2 || !Inner::header_of(owner).has(FLAG_CARDED) {
            if !slots.is_empty() {
                // SAFETY: OBJ-HEADER, a slot of the owner.
                unsafe { self.remembered.log(&self.cage, owner, first) };
            }
            return;
        }
        // Cards that get no reference to young objects need not be looked at by the next minor collection; a cycle that
        // relies on the set looks at a long range through the array itself, in chunks. Of a young array, the set is all
        // that a last pause or an evacuation looks at, in this cycle or one that starts before the next minor collection.
        let young_owner = self.large.is_young_object(&self.cage, owner);
        let relisted = slots.len() >= RELISTED_SLOTS;
        if self.cycle.is_some() && relisted {
            self.marker.relist(&self.cage, &self.kinds, owner);
        }
        let all = self.tracks_old_stores() && !(self.cycle.is_some() && relisted);
        let wanted = ReferenceRange::new(if young_owner {
            self.cage.heap()
        } else {
            Range {
                start: self.cage.nursery().start,
                end: self.cage.large().end,
            }
        });
        let mut done = 0;
        while done < slots.len() {
            let address = first as usize + done * 8;
            let next_card = round_down(address, CARD_BYTES) + CARD_BYTES;
            let count = ((next_card - address) / 8).min(slots.len() - done);
            // What fills the slots may be fewer words, each for many.
            let part = values.get(done..done + count).unwrap_or(values);
            if all || part.iter().any(|word| wanted.contains(*word)) {
                let range = Range {
                    start: address,
                    end: address + count * 8,
                };
                // SAFETY: OBJ-HEADER, slots of the owner.
                unsafe { self.remembered.remember_range(&self.cage, owner, range) };
            }
            done += count;
        }
    }

    /// Keeps a store from hiding an object from the slices of the cycle in progress.
    ///
    /// # Safety
    ///
    /// As for [`Inner::log_range`].
    #[inline(never)]
    unsafe fn guard(&mut self, owner: ObjectRef, slots: *const [u64], values: &[u64]) {
        match self.config.settings.marking_barrier {
            MarkingBarrier::Owner => {}
            MarkingBarrier::Insertion => self.shade_words(values),
            MarkingBarrier::Deletion if Inner::header_of(owner).has(FLAG_CARDED) => {
                // SAFETY: KIND-LAYOUT, the slots are the owner's, and nothing is stored while this runs.
                self.shade_words(unsafe { &*slots });
            }
            MarkingBarrier::Deletion => self.shade_held(owner),
        }
    }

    /// Looks at what the remembered set names after a minor collection has taken it: `owners` and `cards`.
    pub(crate) fn relist_taken(&mut self, owners: &[ObjectRef], cards: &[CardEntry]) {
        if self.cycle.is_none() || self.config.settings.marking_barrier != MarkingBarrier::Owner {
            return;
        }
        for owner in owners {
            self.marker.relist(&self.cage, &self.kinds, *owner);
        }
        for entry in cards {
            self.shade_card(*entry);
        }
    }

    /// Returns to stores that are logged once between two minor collections.
    pub(crate) fn end_barrier(&mut self) {
        self.remembered.set_logs_every_store(false);
    }

    /// Lists again what the remembered set names: its objects and cards count as gray while a cycle is in progress.
    fn relist_remembered(&mut self) {
        for i in 0..self.remembered.owners().len() {
            let owner = self.remembered.owners()[i];
            self.marker.relist(&self.cage, &self.kinds, owner);
        }
        for i in 0..self.remembered.cards().len() {
            let entry = self.remembered.cards()[i];
            self.shade_card(entry);
        }
    }

    /// Marks what `object` holds: what its slots refer to, and those words of pairs that do not depend on others. What is
    /// in weak words, and what an ephemeron keeps for its key, is left to the end of marking: before the program can hide
    /// it elsewhere, it has to read it ([`Inner::guard_weak_read`]).
    fn shade_held(&mut self, object: ObjectRef) {
        let (header, kinds) = (Inner::header_of(object), self.kinds);
        let (marker, cage) = (&mut self.marker, &self.cage);
        // SAFETY: KIND-LAYOUT, an object's header; SLOT-TYPED for each slot.
        unsafe { object.visit_slots(header, &kinds, |slot| marker.shade(cage, &kinds, *slot)) };
        // SAFETY: KIND-LAYOUT, as above.
        let (first, count, mode) = unsafe { object.pairs(header, &kinds) };
        let held = match mode {
            PairMode::WeakValue => 0,
            PairMode::Guard => 1,
            PairMode::WeakKey | PairMode::WeakBoth => return,
        };
        for pair in 0..count {
            // SAFETY: KIND-LAYOUT, the tail has `count` pairs; SLOT-TYPED, a word of one.
            unsafe { marker.shade(cage, &kinds, *first.add(2 * pair + held)) };
        }
    }

    fn shade_words(&mut self, words: &[u64]) {
        for word in words {
            // SAFETY: SLOT-TYPED, words that are or will be in slots of an object.
            unsafe { self.marker.shade(&self.cage, &self.kinds, *word) };
        }
    }

    /// Marks what the slots of an entry of the remembered set refer to, if its array is black, or young and so not marked
    /// itself.
    fn shade_card(&mut self, entry: CardEntry) {
        let owner = entry.owner;
        let black = self.cage.color().get(self.cage.bit(owner.address()));
        if !black && !self.large.is_young_object(&self.cage, owner) {
            return;
        }
        let (header, inside) = (Inner::header_of(owner), entry.slots());
        let (marker, cage, kinds) = (&mut self.marker, &self.cage, &self.kinds);
        // SAFETY: OBJ-HEADER and KIND-LAYOUT, an array of the remembered set; SLOT-TYPED for each slot.
        unsafe { owner.visit_slots_in(header, kinds, inside, |slot| marker.shade(cage, kinds, *slot)) };
    }
}
