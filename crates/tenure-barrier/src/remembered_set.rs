//! Old objects and cards that may hold references into the nursery.
//!
//! Logging is a push onto a vector, and one bit or byte that keeps the entry unique. A minor collection takes the
//! entries, rescans them and puts back those that still refer to young objects. Entries are never searched for.

use tenure_memory::{CARD_BYTES, Cage, round_down};
use tenure_object::{CARDED_SLOTS_MIN, FLAG_CARDED, FLAG_UNLOGGED, ObjectRef};

/// A card of a long array that may hold references into the nursery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CardEntry {
    /// The array.
    pub owner: ObjectRef,
    /// The first address of the card.
    pub card: usize,
}

impl CardEntry {
    /// Returns the bit of the card's byte that stands for this entry: one for the array that reaches into the card from
    /// below, one for the array that begins in it.
    #[must_use]
    pub fn bit(&self) -> u8 {
        if self.owner.address() < self.card { 1 } else { 2 }
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
/// Invariant (REM-UNIQUE): an object is in the set at most once, and exactly if it is old, not carded, and its unlogged
/// bit is clear; a card of an array exactly if its bit is set. A card has two bits, because it can hold the end of one
/// long array and the beginning of another; more of them it cannot hold, as each is longer than a card.
#[derive(Debug, Default)]
pub struct RememberedSet {
    owners: Vec<ObjectRef>,
    cards: Vec<CardEntry>,
    spare_owners: Vec<ObjectRef>,
    spare_cards: Vec<CardEntry>,
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
        } else {
            // SAFETY: OBJ-HEADER, as above.
            unsafe { self.remember(owner) };
        }
    }

    /// Adds an old, uncarded object and clears its unlogged bit.
    ///
    /// # Safety
    ///
    /// `owner` must be an old object that is not in the set (OBJ-HEADER, REM-UNIQUE).
    #[inline]
    pub unsafe fn remember(&mut self, owner: ObjectRef) {
        // SAFETY: OBJ-HEADER is the caller's obligation.
        let header = unsafe { owner.header() };
        debug_assert!(header.has(FLAG_UNLOGGED) && !header.has(FLAG_CARDED), "REM-UNIQUE");
        // SAFETY: REM-UNIQUE, as above.
        unsafe { owner.set_header(header.without(FLAG_UNLOGGED)) };
        self.owners.push(owner);
    }

    /// Adds the card of `slot`, unless it is there.
    ///
    /// # Safety
    ///
    /// `slot` must be a slot of the carded old object `owner` of this cage (OBJ-HEADER).
    #[inline]
    pub unsafe fn remember_card(&mut self, cage: &Cage, owner: ObjectRef, slot: *const u64) {
        let entry = CardEntry {
            owner,
            card: round_down(slot as usize, CARD_BYTES),
        };
        let byte = cage.card(slot as usize);
        // SAFETY: BITMAP-COMMITTED, the card table is committed wherever an object lies.
        let bits = unsafe { *byte };
        if bits & entry.bit() == 0 {
            // SAFETY: BITMAP-COMMITTED, as above.
            unsafe { *byte = bits | entry.bit() };
            self.cards.push(entry);
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
            unsafe { owner.set_header(header.with(FLAG_UNLOGGED)) };
        }
        for entry in &cards {
            // SAFETY: BITMAP-COMMITTED, the card belongs to an object of the cage.
            unsafe { *cage.card(entry.card) = 0 };
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
                unsafe { *cage.card(entry.card) &= !entry.bit() };
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
            unsafe { *cage.card(entry.card) = 0 };
        }
        for entry in cards.drain(..) {
            let from = entry.owner.address();
            let owner = forward(entry.owner);
            let first = entry.card.max(from);
            let last = (entry.card + CARD_BYTES).min(from + bytes_of(entry.owner)) - 8;
            debug_assert!(first <= last, "REM-UNIQUE: a card of an array that does not reach it");
            for word in [first, last] {
                let slot = owner.address() + (word - from);
                // SAFETY: OBJ-HEADER, an object will lie there, and its words of this card with it.
                unsafe { self.remember_card(cage, owner, slot as *const u64) };
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
