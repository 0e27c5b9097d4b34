//! The verifier in the middle of a cycle: that marking will still find everything.
//!
//! It computes what the marker would visit if it went on from what is listed and gray now, through white objects, with
//! the further sources that the barrier names: the remembered set, the roots, what is young. Every reachable old object
//! must be black or among that; under two of the barriers each reference from a scanned black object is looked at
//! besides. Time and memory are proportional to the heap. It does not look at what the last pause really does: that
//! everything reachable is marked then is checked there.

use std::collections::{HashMap, HashSet};

use tenure_barrier::CardEntry;
use tenure_marking::{Color, Colors};
use tenure_memory::BLOCK_WORDS;
use tenure_object::{FLAG_CARDED, ObjectRef};

use crate::config::MarkingBarrier;
use crate::core::Inner;
use crate::verify::{Verifier, VerifyError};
use crate::verify_watched::Waiting;

/// What marking has still to visit.
struct Frontier<'a> {
    verifier: &'a Verifier<'a>,
    colors: Colors,
    through_young: bool,
    /// White and young objects that will be visited.
    found: HashSet<ObjectRef>,
    queue: Vec<ObjectRef>,
}

impl Frontier<'_> {
    fn visit(&mut self, word: u64) {
        let Some(object) = self.verifier.target(word) else {
            return;
        };
        let wanted = if self.verifier.is_young(object) {
            self.through_young
        } else {
            self.colors.get(self.verifier.bit(object)) == Color::White
        };
        if wanted && self.found.insert(object) {
            self.queue.push(object);
        }
    }

    fn visit_slots(&mut self, object: ObjectRef) {
        for (_, word) in self.verifier.slots(object) {
            self.visit(word);
        }
    }

    fn close(&mut self) {
        let mut waiting = Waiting::default();
        let seen = self.verifier.seen.keys().copied();
        let mut tables: Vec<ObjectRef> = seen
            .filter(|object| !self.verifier.pairs(*object).0.is_empty())
            .collect();
        loop {
            while let Some(object) = self.queue.pop() {
                self.visit_slots(object);
                for (_, value) in waiting.take(object) {
                    self.visit(value);
                }
            }
            // What the last pause does once nothing is listed: it passes the pairs of live tables.
            let Some(index) = tables.iter().position(|table| self.is_alive(*table)) else {
                return;
            };
            let table = tables.swap_remove(index);
            let mut kept = Vec::new();
            waiting.enter(self.verifier, table, |key| self.is_alive(key), |word| kept.push(word));
            for word in kept {
                self.visit(word);
            }
        }
    }

    /// Returns whether the last pause will take an object for alive, by what was found so far.
    fn is_alive(&self, object: ObjectRef) -> bool {
        self.verifier.is_young(object)
            || self.colors.get(self.verifier.bit(object)) != Color::White
            || self.found.contains(&object)
    }
}

impl<'a> Verifier<'a> {
    /// Checks the invariant of the barrier while a cycle is in progress. Everything reachable has been seen.
    pub(crate) fn check_cycle(&self) -> Result<(), VerifyError> {
        let inner = self.inner;
        let colors = Colors::new(inner.cage.color());
        let barrier = inner.config.settings.marking_barrier;
        let invariant = match barrier {
            MarkingBarrier::Owner => "MARK-OWNER",
            MarkingBarrier::Insertion => "MARK-INSERTION",
            MarkingBarrier::Deletion => "MARK-SNAPSHOT",
        };
        let listed = self.listed(&colors)?;
        let mut frontier = Frontier {
            verifier: self,
            colors,
            through_young: barrier != MarkingBarrier::Deletion,
            found: HashSet::new(),
            queue: Vec::new(),
        };
        for (object, next_slot) in &listed {
            for (slot, word) in self.slots(*object) {
                if slot >= *next_slot {
                    frontier.visit(word);
                }
            }
        }
        if barrier != MarkingBarrier::Deletion {
            self.visit_sources(&mut frontier, barrier);
        }
        frontier.close();
        for object in self.seen.keys() {
            if self.is_white(&colors, *object) && !frontier.found.contains(object) {
                let message = format!("marking will not find {:#x}", object.address());
                return Err(self.with_path(VerifyError::new(invariant, message), *object));
            }
        }
        if barrier != MarkingBarrier::Deletion {
            for object in self.old_objects(&colors, Color::Black) {
                self.check_black(invariant, &colors, object, listed.get(&object).copied(), barrier)?;
            }
        }
        Ok(())
    }

    /// Checks that evacuation will find every old slot that refers into a candidate, and every slot of a young large
    /// object, which is looked through only if it is not carded.
    pub(crate) fn check_candidates(&self) -> Result<(), VerifyError> {
        let recorder = self.inner.marker.recorded();
        let mut recorded: HashSet<(u16, usize)> = HashSet::new();
        for object in self.seen.keys() {
            let header = Inner::header_of(*object);
            if self.inner.cage.nursery().contains(object.address())
                || (self.is_young(*object) && !header.has(FLAG_CARDED))
            {
                continue;
            }
            for (slot, word) in self.references(*object) {
                let Some(target) = self.target(word) else { continue };
                let number = recorder.number(self.bit(target));
                if number == 0 || !self.inner.candidates.is_left(number) || recorder.is_given_up(number) {
                    continue;
                }
                if recorded.insert((number, 0)) {
                    recorded.extend(recorder.slots(number).iter().map(|slot| (number, *slot)));
                }
                let found = !self.is_young(*object) && recorded.contains(&(number, slot));
                if !found && !self.is_remembered(*object, slot) {
                    let message = format!(
                        "slot {} of {:#x} refers to {:#x} in candidate {number} and is not recorded",
                        (slot - object.payload()) / 8,
                        object.address(),
                        target.address()
                    );
                    return Err(self.with_path(VerifyError::new("EVAC-RECORDED", message), *object));
                }
            }
        }
        Ok(())
    }

    /// Returns the objects that the marker has listed, and those that are gray, with the address from which on their
    /// slots are still to be visited.
    fn listed(&self, colors: &Colors) -> Result<HashMap<ObjectRef, usize>, VerifyError> {
        let (marker, cage) = (&self.inner.marker, &self.inner.cage);
        let mut listed = HashMap::new();
        for (bit, next_slot) in marker.half_scanned() {
            let object = ObjectRef::from_address(cage.address(bit as usize));
            let header = Inner::header_of(object);
            // SAFETY: KIND-LAYOUT, the header is the object's.
            let tail = unsafe { object.tail_slots(header, &self.inner.kinds) }.0;
            listed.insert(object, tail as usize + next_slot * 8);
        }
        for bit in marker.stack().entries() {
            listed.insert(ObjectRef::from_address(cage.address(*bit as usize)), 0);
        }
        for object in listed.keys() {
            if self.is_young(*object) || self.is_white(colors, *object) {
                let message = format!("{:#x} is listed, and young or white", object.address());
                return Err(VerifyError::new("MARK-LISTED", message));
            }
        }
        for object in self.old_objects(colors, Color::Gray) {
            if !marker.finds_gray(self.bit(object)) {
                let message = format!("{:#x} is gray, and its block is not noted", object.address());
                return Err(VerifyError::new("MARK-LISTED", message));
            }
            listed.insert(object, 0);
        }
        Ok(listed)
    }

    /// Visits what the last pause looks at again: the roots, and what the remembered set names.
    fn visit_sources(&self, frontier: &mut Frontier<'_>, barrier: MarkingBarrier) {
        self.core.visit_roots(|slot| {
            // SAFETY: ROOT-EXACT, a root word.
            frontier.visit(unsafe { *slot });
        });
        let owners: HashSet<ObjectRef> = self.cards.iter().map(|entry| entry.owner).collect();
        for owner in owners.union(&self.owners) {
            if self.is_white(&frontier.colors, *owner) {
                continue;
            }
            for (slot, word) in self.slots(*owner) {
                let young = self.target(word).is_some_and(|target| self.is_young(target));
                if self.is_remembered(*owner, slot) && (young || barrier == MarkingBarrier::Owner) {
                    frontier.visit(word);
                }
            }
        }
    }

    /// Checks that a black object refers to no white one from a slot that nothing looks at any more: those from `listed`
    /// on, if any, and under the owner barrier those that are remembered, are looked at.
    fn check_black(
        &self,
        invariant: &'static str,
        colors: &Colors,
        object: ObjectRef,
        listed: Option<usize>,
        barrier: MarkingBarrier,
    ) -> Result<(), VerifyError> {
        for (slot, word) in self.slots(object) {
            let seen_again = listed.is_some_and(|next_slot| slot >= next_slot)
                || (barrier == MarkingBarrier::Owner && self.is_remembered(object, slot));
            if let Some(target) = self.target(word)
                && self.is_white(colors, target)
                && !seen_again
            {
                let message = format!(
                    "slot {} of the black {:#x} refers to the white {:#x}",
                    (slot - object.payload()) / 8,
                    object.address(),
                    target.address()
                );
                return Err(VerifyError::new(invariant, message));
            }
        }
        Ok(())
    }

    fn bit(&self, object: ObjectRef) -> usize {
        self.inner.cage.bit(object.address())
    }

    fn is_white(&self, colors: &Colors, object: ObjectRef) -> bool {
        !self.is_young(object) && colors.get(self.bit(object)) == Color::White
    }

    /// Returns whether `slot` of the old `object` lies in a remembered object or card.
    fn is_remembered(&self, object: ObjectRef, slot: usize) -> bool {
        self.owners.contains(&object)
            || self.cards.contains(&CardEntry::slot(object, slot))
            || self.cards.contains(&CardEntry::whole(object, slot))
    }

    /// Returns the object that a slot's word refers to.
    pub(crate) fn target(&self, word: u64) -> Option<ObjectRef> {
        let refers = word.is_multiple_of(8) && word != 0 && self.inner.cage.heap().contains(word as usize - 8);
        refers.then(|| ObjectRef::from_reference(word))
    }

    /// Returns the slots of an object: addresses and words.
    pub(crate) fn slots(&self, object: ObjectRef) -> Vec<(usize, u64)> {
        let mut words = Vec::new();
        // SAFETY: OBJ-HEADER and KIND-LAYOUT, checked by the trace; SLOT-TYPED for each slot.
        unsafe {
            object.visit_slots(Inner::header_of(object), &self.inner.kinds, |slot| {
                words.push((slot as usize, *slot));
            });
        }
        words
    }

    /// Returns all words of an object that may be references, weak ones and pairs included.
    pub(crate) fn references(&self, object: ObjectRef) -> Vec<(usize, u64)> {
        let mut words = Vec::new();
        // SAFETY: OBJ-HEADER and KIND-LAYOUT, checked by the trace; SLOT-TYPED for each word.
        unsafe {
            object.visit_references(Inner::header_of(object), &self.inner.kinds, |slot| {
                words.push((slot as usize, *slot));
            });
        }
        words
    }

    /// Returns the old objects that may hold slots and have a color, reachable or not.
    fn old_objects(&self, colors: &Colors, color: Color) -> Vec<ObjectRef> {
        let (inner, cage) = (self.inner, &self.inner.cage);
        let open = inner.pointer.open_hole();
        let mut objects = Vec::new();
        for block in inner.pointer.blocks() {
            let first = cage.bit(block);
            for bit in cage.starts().set_bits(first, first + BLOCK_WORDS) {
                let address = cage.address(bit);
                let object = ObjectRef::from_address(address);
                let in_hole = open.start < open.end && open.contains(address);
                if !in_hole && Inner::header_of(object).kind() != 0 && colors.get(bit) == color {
                    objects.push(object);
                }
            }
        }
        let large = inner.large.objects().filter(|(_, _, young)| !young);
        objects.extend(
            large
                .map(|(object, _, _)| object)
                .filter(|object| colors.get(self.bit(*object)) == color),
        );
        objects
    }
}
