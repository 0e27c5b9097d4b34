//! Forward, evacuate, scan, trace to the end.
//!
//! A slot is forwarded by evacuating its target, if that has not happened yet, and storing the new address. Each object
//! is copied once and scanned once. Whether a survivor is retained or promoted is asked once per object: two compares
//! for a threshold rule, a call for a policy that wants to see each object. Room always suffices (NUR-ROOM): a
//! promotion that finds none is a retention.

use tenure_memory::Range;
use tenure_object::{
    CARDED_SLOTS_MIN, FLAG_CARDED, FLAG_LIVE, FLAG_REMEMBERED, FLAG_UNLOGGED, Header, KindTable, ObjectRef,
    PromotionTarget, ReferenceRange,
};
use tenure_policy::promotion::{PromotionPolicy, PromotionRule, Survivor, SurvivorInfo};

/// How survivors are divided in one collection.
#[derive(Debug)]
pub struct Promotion<'a> {
    /// Asked for each object when the rule says so.
    pub policy: &'a mut dyn PromotionPolicy,
    /// The rule of this collection.
    pub rule: PromotionRule,
}

/// What an evacuation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EvacuationCounts {
    /// Objects copied within the nursery.
    pub retained_objects: u64,
    /// Their bytes.
    pub retained_bytes: u64,
    /// Objects moved to the old generation.
    pub promoted_objects: u64,
    /// Their bytes.
    pub promoted_bytes: u64,
    /// Objects that were to be promoted and for which the old generation had no room.
    pub promotion_failures: u64,
}

/// A minor collection in progress.
///
/// Invariant (NUR-SCAN): in to-space `[start, scan)` is black and `[scan, top)` is gray.
/// Invariant (FWD-ONCE): an object is evacuated at most once in a collection.
#[derive(Debug)]
pub struct Evacuation<'a, T: PromotionTarget> {
    from: ReferenceRange,
    to: ReferenceRange,
    young_or_large: ReferenceRange,
    age_collections: u64,
    fill_bytes: usize,
    start: usize,
    scan: usize,
    top: usize,
    queue: usize,
    end: usize,
    capacity_bytes: usize,
    kinds: KindTable,
    promotion: Promotion<'a>,
    hash_salt: u64,
    target: &'a mut T,
    promoted_objects: u64,
    promoted_bytes: u64,
    retained_objects: u64,
    failures: u64,
}

impl<'a, T: PromotionTarget> Evacuation<'a, T> {
    /// Starts an evacuation from `from` to the committed range `to`. `large` is where large objects lie, `hash_salt` that of
    /// hashes taken in `from`.
    #[allow(
        clippy::too_many_arguments,
        reason = "each is a fact about the two halves; a struct would only name them twice"
    )]
    ///
    /// # Safety
    ///
    /// `from` must hold the young objects and nothing else be referred to in the two halves (NUR-EMPTY); `to` must be
    /// writable and have room for all of them (NUR-ROOM). Until [`Evacuation::finish`], nothing else may touch objects.
    pub unsafe fn begin(
        from: Range,
        to: Range,
        large: Range,
        capacity_bytes: usize,
        kinds: KindTable,
        promotion: Promotion<'a>,
        hash_salt: u64,
        target: &'a mut T,
    ) -> Evacuation<'a, T> {
        let (age_collections, fill_bytes) = match promotion.rule {
            PromotionRule::Threshold {
                age_collections,
                fill_bytes,
            } => (u64::from(age_collections), fill_bytes),
            PromotionRule::PerObject => (PER_OBJECT, usize::MAX),
        };
        // One test tells references that matter from all others, since large objects lie behind both halves.
        debug_assert!(from.end.max(to.end) <= large.start, "CAGE-RANGES");
        let first = from.start.min(to.start);
        Evacuation {
            from: ReferenceRange::new(from),
            to: ReferenceRange::new(to),
            young_or_large: ReferenceRange::new(Range {
                start: first,
                end: large.end,
            }),
            age_collections,
            fill_bytes,
            start: to.start,
            scan: to.start,
            top: to.start,
            queue: to.end,
            end: to.end,
            capacity_bytes,
            kinds,
            promotion,
            hash_salt,
            target,
            promoted_objects: 0,
            promoted_bytes: 0,
            retained_objects: 0,
            failures: 0,
        }
    }

    /// Forwards one slot. Returns whether it refers to a nursery object afterwards.
    ///
    /// # Safety
    ///
    /// `slot` must be a live slot (SLOT-TYPED).
    #[inline(always)]
    pub unsafe fn forward(&mut self, slot: *mut u64) -> bool {
        // SAFETY: SLOT-TYPED is the caller's obligation.
        let word = unsafe { *slot };
        // Most slots hold immediates and old references: their test stands in every loop over slots, the rest in one place.
        if !self.young_or_large.contains(word) {
            return false;
        }
        // SAFETY: SLOT-TYPED, as above.
        unsafe { self.forward_young(slot, word) }
    }

    /// # Safety
    ///
    /// As for [`Evacuation::forward`]; `word` is what `slot` holds, a reference to an object that is no old one.
    #[inline(never)]
    unsafe fn forward_young(&mut self, slot: *mut u64, word: u64) -> bool {
        if !self.from.contains(word) {
            return self.visit_other(word);
        }
        let object = ObjectRef::from_reference(word);
        // SAFETY: OBJ-HEADER, a slot refers to a live object, and from-space holds only those of this collection.
        let header = unsafe { object.header() };
        if header.is_live() {
            // SAFETY: SLOT-TYPED as above; OBJ-HEADER, and FWD-ONCE since the header is one still.
            return unsafe { self.forward_first(slot, object, header) };
        }
        // SAFETY: SLOT-TYPED, the same object by its new address.
        unsafe { self.redirect(slot, ObjectRef::from_address(header.bits() as usize)) }
    }

    /// Forwards the first slot that refers to an object. On its own, so that the others cost no registers.
    ///
    /// # Safety
    ///
    /// As for [`Evacuation::forward`] and [`Evacuation::evacuate`].
    #[inline(never)]
    unsafe fn forward_first(&mut self, slot: *mut u64, object: ObjectRef, header: Header) -> bool {
        // SAFETY: OBJ-HEADER and FWD-ONCE are the caller's obligation.
        let target = unsafe { self.evacuate(object, header) };
        // SAFETY: SLOT-TYPED, the same object by its new address.
        unsafe { self.redirect(slot, target) }
    }

    /// # Safety
    ///
    /// `slot` must be a live slot (SLOT-TYPED) that refers to what is now at `target`.
    #[inline(always)]
    unsafe fn redirect(&self, slot: *mut u64, target: ObjectRef) -> bool {
        // SAFETY: SLOT-TYPED is the caller's obligation.
        unsafe { *slot = target.reference() };
        target.address().wrapping_sub(self.start) < self.end - self.start
    }

    #[cold]
    fn visit_other(&mut self, word: u64) -> bool {
        if self.to.contains(word) {
            return true;
        }
        self.target.visit_large(ObjectRef::from_reference(word));
        false
    }

    /// Returns where what `word` refers to is now, or `word` itself if it refers to no young object; nothing if it refers
    /// to a young one that nothing has reached yet.
    #[must_use]
    #[inline]
    pub fn resolve_word(&self, word: u64) -> Option<u64> {
        if self.from.contains(word) {
            // SAFETY: OBJ-HEADER, from-space holds objects of this collection, forwarded or not.
            let header = unsafe { ObjectRef::from_reference(word).header() };
            return (!header.is_live()).then(|| ObjectRef::from_address(header.bits() as usize).reference());
        }
        let large = self.young_or_large.contains(word) && !self.to.contains(word);
        (!large || !self.target.is_unreached(ObjectRef::from_reference(word))).then_some(word)
    }

    /// Returns whether `word` refers to a survivor in the nursery.
    #[must_use]
    #[inline]
    pub fn is_nursery(&self, word: u64) -> bool {
        self.to.contains(word)
    }

    /// Remembers the word at `slot` of the survivor `owner`, if the owner is old and the word refers to the nursery.
    ///
    /// # Safety
    ///
    /// `owner` must be a survivor or an old object and `slot` a word of it that may be a reference (OBJ-HEADER).
    pub unsafe fn remember_if_young(&mut self, owner: ObjectRef, slot: *const u64) {
        // SAFETY: SLOT-TYPED is the caller's obligation.
        let word = unsafe { *slot };
        if !self.to.contains(word) || self.to.contains(owner.reference()) {
            return;
        }
        // SAFETY: OBJ-HEADER is the caller's obligation.
        let header = unsafe { owner.header() };
        if header.has(FLAG_CARDED) {
            self.target.remember_card(owner, slot.cast_mut());
        } else if !header.has(FLAG_REMEMBERED) {
            self.target.remember(owner);
        }
    }

    /// Forwards `count` slots from `first`. Returns whether one of them refers to a nursery object afterwards.
    ///
    /// # Safety
    ///
    /// All must be live slots (SLOT-TYPED).
    pub unsafe fn forward_slots(&mut self, first: *mut u64, count: usize) -> bool {
        let mut young = false;
        for i in 0..count {
            // SAFETY: SLOT-TYPED is the caller's obligation.
            young |= unsafe { self.forward(first.add(i)) };
        }
        young
    }

    /// # Safety
    ///
    /// `object` must be an object of from-space that has not moved, with this header (FWD-ONCE).
    #[inline(always)]
    unsafe fn evacuate(&mut self, object: ObjectRef, header: Header) -> ObjectRef {
        // SAFETY: KIND-LAYOUT, the header is the object's.
        let words = unsafe { ObjectRef::words(header, &self.kinds) };
        let size = words * 8;
        let promote = u64::from(header.age_collections()) >= self.age_collections
            || self.top - self.start + size >= self.fill_bytes
            || (self.age_collections == PER_OBJECT && self.ask(header, size));
        if promote {
            // SAFETY: KIND-LAYOUT, as the caller's.
            if let Some(target) = unsafe { self.promote(object, header, words) } {
                return target;
            }
        }
        let target = ObjectRef::from_address(self.top);
        debug_assert!(self.top + size + 8 <= self.queue, "NUR-ROOM");
        // SAFETY: MEM-OWNED by NUR-ROOM, to-space has room for each survivor.
        let words = unsafe { object.copy_to(target, header.older(), words, self.hash_salt) };
        self.top += words * 8;
        self.retained_objects += 1;
        // SAFETY: FWD-ONCE, it had a header until now.
        unsafe { object.forward_to(target) };
        target
    }

    /// # Safety
    ///
    /// As for `evacuate`.
    #[inline(always)]
    unsafe fn promote(&mut self, object: ObjectRef, header: Header, words: usize) -> Option<ObjectRef> {
        let has_slots = ObjectRef::has_slots(header, &self.kinds);
        let room = words + usize::from(header.hash_state() == tenure_object::HashState::FromAddress);
        let Some(target) = self.target.allocate(room, has_slots) else {
            self.failures += 1;
            return None;
        };
        let mut old = header.ageless().with(FLAG_UNLOGGED);
        if has_slots && words > CARDED_SLOTS_MIN {
            // SAFETY: KIND-LAYOUT, the header is the object's.
            if unsafe { object.tail_references(header, &self.kinds) }.1 >= CARDED_SLOTS_MIN {
                old = old.with(FLAG_CARDED);
            }
        }
        // SAFETY: MEM-OWNED, the target handed out `room` words.
        let words = unsafe { object.copy_to(target, old, words, self.hash_salt) };
        self.promoted_objects += 1;
        self.promoted_bytes += (words * 8) as u64;
        // SAFETY: FWD-ONCE, it had a header until now.
        unsafe { object.forward_to(target) };
        if has_slots {
            self.queue -= 8;
            debug_assert!(self.top <= self.queue, "NUR-ROOM");
            // SAFETY: MEM-OWNED by NUR-ROOM: the promoted object left at least 16 bytes of to-space unused.
            unsafe { *(self.queue as *mut usize) = target.address() };
        }
        Some(target)
    }

    #[cold]
    fn ask(&mut self, header: Header, size_bytes: usize) -> bool {
        let info = SurvivorInfo {
            age_collections: header.age_collections(),
            size_bytes,
            to_space_used_bytes: self.top - self.start,
            to_space_capacity_bytes: self.capacity_bytes,
            kind: header.kind(),
        };
        self.promotion.policy.decide(&info) == Survivor::Promote
    }

    /// Forwards the slots of an old object, and remembers it if it refers to the nursery afterwards.
    ///
    /// # Safety
    ///
    /// `object` must be an old object outside of the remembered set (OBJ-HEADER, REM-UNIQUE).
    #[inline]
    pub unsafe fn scan_old(&mut self, object: ObjectRef) {
        // SAFETY: OBJ-HEADER is the caller's obligation.
        let header = unsafe { object.header() };
        debug_assert!(header.is_live() && header.has(FLAG_UNLOGGED), "REM-UNIQUE");
        let kinds = self.kinds;
        if header.has(FLAG_CARDED) {
            // SAFETY: OBJ-HEADER and KIND-LAYOUT.
            unsafe {
                object.visit_slots(header, &kinds, |slot| {
                    if self.forward(slot) {
                        self.target.remember_card(object, slot);
                    }
                });
            }
            return;
        }
        let mut young = false;
        // SAFETY: OBJ-HEADER and KIND-LAYOUT.
        unsafe { object.visit_slots(header, &kinds, |slot| young |= self.forward(slot)) };
        if young {
            self.target.remember(object);
        }
    }

    /// Forwards those slots of a carded object that lie in `inside`.
    ///
    /// # Safety
    ///
    /// As for [`Evacuation::scan_old`]; the object must be carded, and no bit be set in its cards' bytes but by this.
    pub unsafe fn scan_card(&mut self, object: ObjectRef, inside: Range) {
        // SAFETY: OBJ-HEADER is the caller's obligation.
        let header = unsafe { object.header() };
        debug_assert!(header.has(FLAG_LIVE | FLAG_CARDED), "REM-UNIQUE");
        let kinds = self.kinds;
        // SAFETY: OBJ-HEADER and KIND-LAYOUT; SLOT-TYPED for each slot.
        unsafe {
            object.visit_slots_in(header, &kinds, inside, |slot| {
                if self.forward(slot) {
                    self.target.remember_card(object, slot);
                }
            });
        }
    }

    /// Scans until nothing is gray.
    ///
    /// # Safety
    ///
    /// All roots must have been forwarded, or be forwarded afterwards with another call.
    pub unsafe fn trace_closure(&mut self) {
        let kinds = self.kinds;
        loop {
            while self.scan < self.top {
                let object = ObjectRef::from_address(self.scan);
                // SAFETY: NUR-SCAN, a retained object starts here.
                let header = unsafe { object.header() };
                debug_assert!(header.is_live(), "NUR-SCAN");
                // SAFETY: KIND-LAYOUT, the header is the object's.
                self.scan += unsafe { ObjectRef::words(header, &kinds) } * 8;
                // SAFETY: OBJ-HEADER and KIND-LAYOUT.
                unsafe {
                    object.visit_slots(header, &kinds, |slot| {
                        self.forward(slot);
                    });
                }
            }
            if self.queue < self.end {
                // SAFETY: MEM-OWNED, the queue's last entry.
                let address = unsafe { *(self.queue as *const usize) };
                self.queue += 8;
                // SAFETY: OBJ-HEADER, promoted in this collection and not remembered yet.
                unsafe { self.scan_old(ObjectRef::from_address(address)) };
                self.target.promoted(ObjectRef::from_address(address));
            } else if let Some((object, part)) = self.target.next_large() {
                match part {
                    // SAFETY: OBJ-HEADER, a large object that just became old.
                    Some(range) => unsafe { self.scan_card(object, range) },
                    // SAFETY: OBJ-HEADER, as above.
                    None => unsafe { self.scan_old(object) },
                }
            } else {
                return;
            }
        }
    }

    /// Ends the collection: returns where to-space is filled to, and what was done.
    pub fn finish(self) -> (usize, EvacuationCounts) {
        assert!(self.scan == self.top && self.queue == self.end, "NUR-SCAN");
        let counts = EvacuationCounts {
            retained_objects: self.retained_objects,
            retained_bytes: (self.top - self.start) as u64,
            promoted_objects: self.promoted_objects,
            promoted_bytes: self.promoted_bytes,
            promotion_failures: self.failures,
        };
        (self.top, counts)
    }
}

/// An age that no object reaches, and that is not "never by age" (255) either.
const PER_OBJECT: u64 = u64::MAX;
