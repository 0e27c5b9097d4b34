//! Old objects and cards that may hold references into the nursery.
//!
//! Logging is a push onto a vector, and one bit or byte that keeps the entry unique. A minor collection takes the
//! entries, rescans them and puts back those that still refer to young objects. Entries are never searched for. An
//! entry's unlogged bit is clear, so that only the first store is logged, unless the set was told to leave it.

use tenure_memory::{CARD_BYTES, Cage, Range, round_down};
use tenure_object::{CARDED_SLOTS_MIN, FLAG_CARDED, FLAG_REMEMBERED, FLAG_UNLOGGED, ObjectRef};

/// A part of a long array that may hold references into the nursery: one slot, or the whole card once a second of its
/// slots was stored to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CardEntry {
    /// The array.
    pub owner: ObjectRef,
    /// The address of the slot, with bit 0 set, or of the card.
    place: usize,
}

impl CardEntry {
    /// Makes the entry of one slot.
    #[must_use]
    pub fn slot(owner: ObjectRef, slot: usize) -> CardEntry {
        CardEntry { owner, place: slot | 1 }
    }

    /// Makes the entry of the whole card that `address` lies in.
    #[must_use]
    pub fn whole(owner: ObjectRef, address: usize) -> CardEntry {
        CardEntry {
            owner,
            place: round_down(address, CARD_BYTES),
        }
    }

    /// Returns the address of the card.
    #[must_use]
    pub fn card(&self) -> usize {
        round_down(self.place, CARD_BYTES)
    }

    /// Returns the addresses whose slots the entry stands for.
    #[must_use]
    pub fn slots(&self) -> Range {
        if self.is_whole() {
            Range {
                start: self.place,
                end: self.place + CARD_BYTES,
            }
        } else {
            Range {
                start: self.place - 1,
                end: self.place + 7,
            }
        }
    }

    /// Returns whether the entry stands for all slots of its card.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.place & 1 == 0
    }

    /// Returns the bit of the card's byte that stands for this entry. There are two for the array that reaches into the
    /// card from below, and two for the array that begins in it: one says that a slot is in the set, the other that the
    /// whole card is.
    #[must_use]
    pub fn bit(&self) -> u8 {
        let first = if self.owner.address() < self.card() { 1 } else { 4 };
        if self.is_whole() { first << 1 } else { first }
    }
}

const _: () = assert!(
    CARDED_SLOTS_MIN * 8 >= 2 * CARD_BYTES,
    "REM-UNIQUE: a long array is longer than a card"
);

/// The remembered set.
///
/// Invariant (REM-COMPLETE): between collections, every old slot that refers to a nursery object lies in an object or
/// a card of the set.
/// Invariant (REM-UNIQUE): an object is in the set at most once, and exactly if it is old, not carded, and its remembered
/// bit is set; its unlogged bit is clear exactly then, or in no old object while every store is to be logged. A card of
/// an array, or one slot of it, is in the set at most once, and exactly if its bit is set. A card has two bits for each
/// of two arrays, because it can hold the end of one long array and the beginning of another; more of them it cannot
/// hold, as each is longer than a card.
#[derive(Debug, Default)]
pub struct RememberedSet {
    owners: Vec<ObjectRef>,
    cards: Vec<CardEntry>,
    spare_owners: Vec<ObjectRef>,
    spare_cards: Vec<CardEntry>,
    logs_every_store: bool,
}

impl RememberedSet {
    /// Makes an empty set.
    #[must_use]
    pub fn new() -> RememberedSet {
        RememberedSet::default()
    }

    /// Keeps room for `entries` more objects, so that a collection that adds no more allocates nothing.
    pub fn reserve(&mut self, entries: usize) {
        self.owners.reserve(entries);
        self.spare_owners.reserve(entries);
    }

    /// Returns the bytes that the set itself holds.
    #[must_use]
    pub fn footprint_bytes(&self) -> usize {
        (self.owners.capacity() + self.spare_owners.capacity()) * size_of::<ObjectRef>()
            + (self.cards.capacity() + self.spare_cards.capacity()) * size_of::<CardEntry>()
    }

    /// Records that `slot` of `owner` was stored to. The owner's unlogged bit must be set.
    ///
    /// # Safety
    ///
    /// `owner` must be an old object of this cage (OBJ-HEADER) and `slot` one of its slots.
    pub unsafe fn log(&mut self, cage: &Cage, owner: ObjectRef, slot: *const u64) {
        // SAFETY: OBJ-HEADER is the caller's obligation.
        let header = unsafe { owner.header() };
        debug_assert!(header.has(FLAG_UNLOGGED), "REM-UNIQUE");
        debug_assert!(
            !cage.nursery().contains(owner.address()),
            "REM-UNIQUE: a young object needs no logging"
        );
        if header.has(FLAG_CARDED) {
            // SAFETY: OBJ-HEADER is the caller's obligation.
            unsafe { self.remember_card(cage, owner, slot) };
        } else if !header.has(FLAG_REMEMBERED) {
            // SAFETY: OBJ-HEADER, as above.
            unsafe { self.remember(owner) };
        }
    }

    /// Leaves the unlogged bits of the objects in the set as they would be outside of it, or clears them again: a store
    /// into an old object is to be seen each time, and not only the first time since a minor collection.
    pub fn set_logs_every_store(&mut self, logs: bool) {
        if self.logs_every_store == logs {
            return;
        }
        self.logs_every_store = logs;
        for &owner in &self.owners {
            // SAFETY: OBJ-HEADER, entries of the set are old objects.
            let header = unsafe { owner.header() };
            debug_assert!(header.has(FLAG_REMEMBERED), "REM-UNIQUE");
            let header = if logs {
                header.with(FLAG_UNLOGGED)
            } else {
                header.without(FLAG_UNLOGGED)
            };
            // SAFETY: OBJ-HEADER, as above.
            unsafe { owner.set_header(header) };
        }
    }

    /// Returns whether every store into an old object is logged.
    #[must_use]
    pub fn logs_every_store(&self) -> bool {
        self.logs_every_store
    }

    /// Adds an old, uncarded object, and clears its unlogged bit unless every store is to be logged.
    ///
    /// # Safety
    ///
    /// `owner` must be an old object that is not in the set (OBJ-HEADER, REM-UNIQUE).
    #[inline]
    pub unsafe fn remember(&mut self, owner: ObjectRef) {
        // SAFETY: OBJ-HEADER is the caller's obligation.
        let header = unsafe { owner.header() };
        debug_assert!(header.has(FLAG_UNLOGGED) && !header.has(FLAG_CARDED), "REM-UNIQUE");
        debug_assert!(!header.has(FLAG_REMEMBERED), "REM-UNIQUE");
        let hidden = if self.logs_every_store { 0 } else { FLAG_UNLOGGED };
        // SAFETY: REM-UNIQUE, as above.
        unsafe { owner.set_header(header.without(hidden).with(FLAG_REMEMBERED)) };
        self.owners.push(owner);
    }

    /// Adds `slot`, if it is the first of its card, or else the card, unless that is there. Most cards of a large table
    /// have one store between two collections, and looking through the others' slots would be most of their cost.
    ///
    /// # Safety
    ///
    /// `slot` must be a slot of the carded old object `owner` of this cage (OBJ-HEADER).
    #[inline]
    pub unsafe fn remember_card(&mut self, cage: &Cage, owner: ObjectRef, slot: *const u64) {
        let mut entry = CardEntry::slot(owner, slot as usize);
        let byte = cage.card(slot as usize);
        // SAFETY: BITMAP-COMMITTED, the card table is committed wherever an object lies.
        let bits = unsafe { *byte };
        if bits & entry.bit() != 0 {
            entry = CardEntry::whole(owner, slot as usize);
        }
        if bits & entry.bit() == 0 {
            // SAFETY: BITMAP-COMMITTED, as above.
            unsafe { *byte = bits | entry.bit() };
            self.cards.push(entry);
        }
    }

    /// Adds every card of `range`, whole.
    ///
    /// # Safety
    ///
    /// `range` must lie in the carded object `owner` of this cage (OBJ-HEADER).
    pub unsafe fn remember_range(&mut self, cage: &Cage, owner: ObjectRef, range: Range) {
        let mut card = round_down(range.start, CARD_BYTES);
        while card < range.end {
            let entry = CardEntry::whole(owner, card);
            let byte = cage.card(card);
            // SAFETY: BITMAP-COMMITTED, the card table is committed wherever an object lies.
            let bits = unsafe { *byte };
            if bits & entry.bit() == 0 {
                // SAFETY: BITMAP-COMMITTED, as above.
                unsafe { *byte = bits | entry.bit() };
                self.cards.push(entry);
            }
            card += CARD_BYTES;
        }
    }

    /// Takes all entries out, with the unlogged bits set and the card bytes cleared, for a minor collection to rescan.
    /// Give the emptied lists back with [`RememberedSet::give_back`].
    pub fn take(&mut self, cage: &Cage) -> (Vec<ObjectRef>, Vec<CardEntry>) {
        let owners = std::mem::replace(&mut self.owners, std::mem::take(&mut self.spare_owners));
        let cards = std::mem::replace(&mut self.cards, std::mem::take(&mut self.spare_cards));
        for owner in &owners {
            // SAFETY: OBJ-HEADER, entries of the set are old objects; dead ones are dropped before they are swept.
            let header = unsafe { owner.header() };
            // SAFETY: OBJ-HEADER, as above.
            unsafe { owner.set_header(header.with(FLAG_UNLOGGED).without(FLAG_REMEMBERED)) };
        }
        for entry in &cards {
            // SAFETY: BITMAP-COMMITTED, the card belongs to an object of the cage.
            unsafe { *cage.card(entry.card()) = 0 };
        }
        (owners, cards)
    }

    /// Takes back the lists that [`RememberedSet::take`] handed out, for their room.
    pub fn give_back(&mut self, mut owners: Vec<ObjectRef>, mut cards: Vec<CardEntry>) {
        owners.clear();
        cards.clear();
        self.spare_owners = owners;
        self.spare_cards = cards;
    }

    /// Drops the entries whose object is not `live`, before its memory is swept.
    pub fn retain(&mut self, cage: &Cage, mut live: impl FnMut(ObjectRef) -> bool) {
        self.owners.retain(|owner| live(*owner));
        self.cards.retain(|entry| {
            let keep = live(entry.owner);
            if !keep {
                // SAFETY: BITMAP-COMMITTED, the card belongs to an object of the cage.
                unsafe { *cage.card(entry.card()) &= !entry.bit() };
            }
            keep
        });
    }

    /// Makes sure that [`RememberedSet::forward`] has room for the cards: an array that moves may put each of them onto
    /// two. Returns whether there is memory for that.
    #[must_use]
    pub fn reserve_forwarding(&mut self) -> bool {
        self.spare_cards.try_reserve(2 * self.cards.len()).is_ok()
    }

    /// Renames what is about to move: owners by where they will be, cards by where their slots will be. `forward` says
    /// where an object goes, `bytes_of` how long it is. Costs two look-ups for each card.
    ///
    /// The bits of all cards are cleared before the first is set again (REM-UNIQUE): a card that one array leaves may be
    /// the card that another comes to.
    pub fn forward(
        &mut self,
        cage: &Cage,
        bytes_of: impl Fn(ObjectRef) -> usize,
        forward: impl Fn(ObjectRef) -> ObjectRef,
    ) {
        for owner in &mut self.owners {
            *owner = forward(*owner);
        }
        let mut cards = std::mem::replace(&mut self.cards, std::mem::take(&mut self.spare_cards));
        for entry in &cards {
            // SAFETY: BITMAP-COMMITTED, the card belongs to an object of the cage.
            unsafe { *cage.card(entry.card()) = 0 };
        }
        for entry in cards.drain(..) {
            let from = entry.owner.address();
            let owner = forward(entry.owner);
            let slots = entry.slots();
            let range = Range {
                start: slots.start.max(from) - from + owner.address(),
                end: slots.end.min(from + bytes_of(entry.owner)) - from + owner.address(),
            };
            debug_assert!(
                range.start < range.end,
                "REM-UNIQUE: a card of an array that does not reach it"
            );
            if entry.is_whole() {
                // SAFETY: OBJ-HEADER, an object will lie there, and its words of this card with it.
                unsafe { self.remember_range(cage, owner, range) };
            } else {
                // SAFETY: OBJ-HEADER, as above.
                unsafe { self.remember_card(cage, owner, range.start as *const u64) };
            }
        }
        self.spare_cards = cards;
    }

    /// Returns the objects in the set.
    #[must_use]
    pub fn owners(&self) -> &[ObjectRef] {
        &self.owners
    }

    /// Returns the cards in the set.
    #[must_use]
    pub fn cards(&self) -> &[CardEntry] {
        &self.cards
    }
}
