//! The verifier: a second trace with its own table, and every invariant by its name.
//!
//! It walks the graph from the roots breadth first, remembering for each object the edge that it was reached by, and all
//! old objects besides; it compares what it finds with the bitmaps, the remembered set and the byte counts. Time and
//! memory are proportional to the heap, several times those of a collection. It repairs nothing, and cannot see a
//! reference that the mutator hides from the roots.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;

use tenure_barrier::CardEntry;
use tenure_memory::CARD_BYTES;
use tenure_object::{
    FLAG_CARDED, FLAG_LARGE, FLAG_PINNED, FLAG_REMEMBERED, FLAG_UNLOGGED, Header, LayoutClass, ObjectRef,
};

use crate::config::MarkingBarrier;
use crate::core::{Core, Inner};
use crate::verify_watched::Waiting;

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    invariant: &'static str,
    message: String,
    path: Vec<String>,
}

impl VerifyError {
    pub(crate) fn new(invariant: &'static str, message: impl Into<String>) -> VerifyError {
        VerifyError {
            invariant,
            message: message.into(),
            path: Vec::new(),
        }
    }

    /// Returns the name of the invariant, as in ARCHITECTURE.md.
    #[must_use]
    pub fn invariant(&self) -> &str {
        self.invariant
    }

    /// Returns how the object is reached from a root, root first; empty when the error is not about a reachable object.
    #[must_use]
    pub fn path(&self) -> &[String] {
        &self.path
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the heap is broken: {}: {}", self.invariant, self.message)?;
        for step in &self.path {
            write!(f, "\n  from {step}")?;
        }
        Ok(())
    }
}

impl std::error::Error for VerifyError {}

/// Where an object was first seen: the object before it, or a root, and which of its slots.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    from: Option<ObjectRef>,
    slot: usize,
}

pub(crate) struct Verifier<'a> {
    pub(crate) core: &'a Core,
    pub(crate) inner: &'a Inner,
    pub(crate) seen: HashMap<ObjectRef, Edge>,
    pub(crate) owners: HashSet<ObjectRef>,
    pub(crate) cards: HashSet<CardEntry>,
}

impl Core {
    /// Checks every invariant of the heap.
    ///
    /// # Errors
    ///
    /// With the first that does not hold, and the path to the object from a root.
    pub fn verify(&self) -> Result<(), VerifyError> {
        let inner = &*self.inner();
        let mut verifier = Verifier::new(self);
        verifier.check_window()?;
        verifier.check_spaces()?;
        verifier.check_remembered_set()?;
        verifier.check_cards()?;
        if inner.cycle.is_none() {
            verifier.check_colors()?;
        }
        verifier.trace()?;
        verifier.check_watched()?;
        if inner.cycle.is_some_and(|cycle| cycle.roots_shaded) {
            verifier.check_cycle()?;
        }
        if inner.candidates.is_due() {
            verifier.check_candidates()?;
        }
        verifier.check_old_objects()
    }

    /// Checks, between marking and sweeping, that everything reachable is marked: what is young too, or only what is old.
    pub(crate) fn verify_marking(&self) -> Result<(), VerifyError> {
        let inner = &*self.inner();
        let mut verifier = Verifier::new(self);
        verifier.trace()?;
        for object in verifier.seen.keys() {
            if inner.marker.skips_nursery() && verifier.is_young(*object) {
                continue;
            }
            if !inner.cage.color().get(inner.cage.bit(object.address())) {
                let message = format!(
                    "{:#x} is reachable and white: {:?}",
                    object.address(),
                    Inner::header_of(*object)
                );
                return Err(verifier.with_path(VerifyError::new("MARK-STRONG", message), *object));
            }
        }
        Ok(())
    }
}

impl<'a> Verifier<'a> {
    fn new(core: &'a Core) -> Verifier<'a> {
        let inner = &*core.inner();
        Verifier {
            core,
            inner,
            seen: HashMap::new(),
            owners: inner.remembered.owners().iter().copied().collect(),
            cards: inner.remembered.cards().iter().copied().collect(),
        }
    }

    fn check_window(&self) -> Result<(), VerifyError> {
        let active = self.inner.nursery.active(&self.inner.cage);
        let window = &self.core.window;
        let hard = active.start + self.inner.nursery.capacity_bytes() + self.inner.nursery.spill_bytes();
        let (top, limit) = (window.top.get(), window.limit.get());
        if window.hard.get() != hard || limit > hard || top < active.start || top > hard + crate::WINDOW_SLACK_BYTES {
            return Err(VerifyError::new(
                "NUR-BUMP",
                format!(
                    "window {top:#x} / {limit:#x} / {:#x}, active half {active:x?}, hard {hard:#x}",
                    window.hard.get()
                ),
            ));
        }
        Ok(())
    }

    fn check_spaces(&self) -> Result<(), VerifyError> {
        let cage = &self.inner.cage;
        let words_of = |header: Header| {
            // SAFETY: KIND-LAYOUT; an unknown kind is reported by the trace, holes carry their size.
            unsafe { ObjectRef::words(header, &self.inner.kinds) }
        };
        for space in [&self.inner.pointer, &self.inner.data] {
            space
                .check_integrity(cage, words_of)
                .map_err(|m| VerifyError::new("OLD-COVERED", m))?;
        }
        self.inner
            .large
            .check_integrity(cage)
            .map_err(|m| VerifyError::new("LARGE-MAPPED", m))?;
        let held = self.inner.pointer.committed_bytes()
            + self.inner.data.committed_bytes()
            + self.inner.large.committed_bytes();
        if held != self.inner.budget.committed_bytes {
            let counted = self.inner.budget.committed_bytes;
            return Err(VerifyError::new(
                "OLD-BUDGET",
                format!("the spaces hold {held} bytes, counted {counted}"),
            ));
        }
        Ok(())
    }

    fn check_remembered_set(&self) -> Result<(), VerifyError> {
        let fail = |o: ObjectRef, what: &str| {
            Err(VerifyError::new(
                "REM-UNIQUE",
                format!("{what}: {:#x} {:?}", o.address(), Inner::header_of(o)),
            ))
        };
        if self.owners.len() != self.inner.remembered.owners().len()
            || self.cards.len() != self.inner.remembered.cards().len()
        {
            return Err(VerifyError::new(
                "REM-UNIQUE",
                "an entry is in the remembered set twice",
            ));
        }
        let barrier = self.inner.config.settings.marking_barrier;
        let marking = self.inner.cycle.is_some_and(|cycle| cycle.roots_shaded);
        let every_store = marking && barrier == MarkingBarrier::Insertion;
        if self.inner.remembered.logs_every_store() != every_store {
            let message = format!("every store is logged: not {every_store}, as the barrier and the cycle say");
            return Err(VerifyError::new("REM-UNIQUE", message));
        }
        for &owner in &self.owners {
            if self.is_nursery(owner) {
                return fail(owner, "a young object is remembered");
            }
            let header = Inner::header_of(owner);
            if !header.is_live()
                || header.kind() == 0
                || header.has(FLAG_CARDED)
                || !header.has(FLAG_REMEMBERED)
                || header.has(FLAG_UNLOGGED) != every_store
            {
                return fail(owner, "a remembered object has the wrong flags");
            }
        }
        for entry in self.inner.remembered.cards() {
            // SAFETY: BITMAP-COMMITTED, the card belongs to an object.
            if unsafe { *self.inner.cage.card(entry.card()) } & entry.bit() == 0
                || !Inner::header_of(entry.owner).has(FLAG_CARDED)
            {
                return fail(entry.owner, "a remembered card has no byte or no carded owner");
            }
        }
        Ok(())
    }

    /// Checks that nothing has a color between collections, and nothing in the nursery a start bit.
    fn check_colors(&self) -> Result<(), VerifyError> {
        let (inner, cage) = (self.inner, &self.inner.cage);
        let fail = |bit, what: &str| {
            Err(VerifyError::new(
                "MARK-CLEAR",
                format!("{:#x} has a {what} between collections", cage.address(bit)),
            ))
        };
        let start = inner.nursery.active(cage).start;
        let nursery = (start, self.core.window.top.get() - start);
        if let Some(bit) = cage
            .starts()
            .set_bits(cage.bit(start), cage.bit(start + nursery.1))
            .next()
        {
            return fail(bit, "start bit in the nursery");
        }
        let blocks = inner
            .pointer
            .blocks()
            .chain(inner.data.blocks())
            .filter(|b| !self.is_unswept(*b))
            .map(|b| (b, tenure_memory::BLOCK_BYTES));
        let large = inner
            .large
            .objects()
            .map(|(object, bytes, _)| (object.address(), bytes));
        for (start, bytes) in blocks.chain(large).chain([nursery]) {
            let first = cage.bit(start);
            if let Some(bit) = cage.color().set_bits(first, first + bytes / 8).next() {
                return fail(bit, "color");
            }
        }
        Ok(())
    }

    /// Checks that every bit of a card's byte stands for an entry.
    fn check_cards(&self) -> Result<(), VerifyError> {
        let (inner, cage) = (self.inner, &self.inner.cage);
        let mut known: HashMap<usize, u8> = HashMap::new();
        for entry in &self.cards {
            *known.entry(entry.card()).or_default() |= entry.bit();
        }
        let blocks = inner.pointer.blocks().map(|block| (block, tenure_memory::BLOCK_BYTES));
        let large = inner
            .large
            .objects()
            .map(|(object, bytes, _)| (object.address(), bytes));
        for (start, bytes) in blocks.chain(large) {
            for card in (start..start + bytes).step_by(CARD_BYTES) {
                // SAFETY: BITMAP-COMMITTED, the card belongs to memory in use.
                let bits = unsafe { *cage.card(card) };
                if bits != 0 && known.get(&card) != Some(&bits) {
                    return Err(VerifyError::new(
                        "REM-UNIQUE",
                        format!("card {card:#x} has a bit without an entry"),
                    ));
                }
            }
        }
        Ok(())
    }

    fn is_unswept(&self, block: usize) -> bool {
        let data = self.inner.cage.data().contains(block);
        if data {
            self.inner.data.is_unswept(block)
        } else {
            self.inner.pointer.is_unswept(block)
        }
    }

    fn is_nursery(&self, object: ObjectRef) -> bool {
        self.inner.cage.nursery().contains(object.address())
    }

    /// Returns whether the object is in the nursery or a large object that survived no collection yet.
    pub(crate) fn is_young(&self, object: ObjectRef) -> bool {
        self.is_nursery(object) || self.inner.large.is_young_object(&self.inner.cage, object)
    }

    fn trace(&mut self) -> Result<(), VerifyError> {
        let mut queue = VecDeque::new();
        let mut roots = Vec::new();
        self.core.visit_roots(|slot| {
            // SAFETY: ROOT-EXACT, a root word.
            roots.push(unsafe { *slot });
        });
        for (slot, word) in roots.into_iter().enumerate() {
            self.check_edge(word, Edge { from: None, slot }, &mut queue)?;
        }
        let mut waiting = Waiting::default();
        while let Some(object) = queue.pop_front() {
            for (table, value) in waiting.take(object) {
                self.check_pair(table, value, &mut queue)?;
            }
            let header = Inner::header_of(object);
            if header.is_watched() {
                let mut kept = Vec::new();
                waiting.enter(self, object, |key| self.seen.contains_key(&key), |word| kept.push(word));
                for word in kept {
                    self.check_pair(object, word, &mut queue)?;
                }
                self.check_weak_words(object).map_err(|e| self.with_path(e, object))?;
            }
            let mut words = Vec::new();
            // SAFETY: KIND-LAYOUT, checked when the object was reached.
            unsafe { object.visit_slots(header, &self.inner.kinds, |slot| words.push((slot as usize, *slot))) };
            for (slot, word) in words {
                let edge = Edge {
                    from: Some(object),
                    slot: (slot - object.payload()) / 8,
                };
                self.check_edge(word, edge, &mut queue)?;
                self.check_remembered(object, header, slot, word)
                    .map_err(|e| self.with_path(e, object))?;
            }
        }
        Ok(())
    }

    /// Goes on to a word that a pair of `table` keeps.
    fn check_pair(&mut self, table: ObjectRef, word: u64, queue: &mut VecDeque<ObjectRef>) -> Result<(), VerifyError> {
        let edge = Edge {
            from: Some(table),
            slot: 0,
        };
        self.check_edge(word, edge, queue)
    }

    fn check_edge(&mut self, word: u64, edge: Edge, queue: &mut VecDeque<ObjectRef>) -> Result<(), VerifyError> {
        if !word.is_multiple_of(8) || word == 0 || !self.inner.cage.heap().contains(word as usize - 8) {
            return Ok(());
        }
        let object = ObjectRef::from_reference(word);
        if self.seen.contains_key(&object) {
            return Ok(());
        }
        self.seen.insert(object, edge);
        self.check_object(object).map_err(|e| self.with_path(e, object))?;
        queue.push_back(object);
        Ok(())
    }

    pub(crate) fn check_object(&self, object: ObjectRef) -> Result<(), VerifyError> {
        let (inner, cage) = (self.inner, &self.inner.cage);
        let address = object.address();
        let fail = |invariant, what: &str| Err(VerifyError::new(invariant, format!("{address:#x} {what}")));
        let nursery = self.is_nursery(object);
        if nursery {
            let active = inner.nursery.active(cage);
            if address < active.start || address >= self.core.window.top.get() {
                return fail("NUR-EMPTY", "is in the nursery but outside of what is allocated");
            }
        } else if cage.large().contains(address) {
            if inner.large.find(address) != Some(object) {
                return fail("LARGE-MAPPED", "is no large object");
            }
        } else {
            let space = if cage.data().contains(address) {
                &inner.data
            } else {
                &inner.pointer
            };
            if space.find_start(cage, address) != Some(object) {
                return fail("OLD-COVERED", "is not where an object starts");
            }
        }
        let header = Inner::header_of(object);
        if !header.is_live() || header.class() == LayoutClass::Free {
            return fail("OBJ-HEADER", &format!("has no object's header: {header:?}"));
        }
        if !inner.kinds.contains(header.kind()) || header.class() != inner.kinds.get(header.kind()).class() {
            return fail("KIND-LAYOUT", &format!("has a header that fits no kind: {header:?}"));
        }
        if header.has(FLAG_LARGE) != cage.large().contains(address) {
            return fail("LARGE-MAPPED", "has the wrong large flag");
        }
        let old_flags = [FLAG_UNLOGGED, FLAG_CARDED, FLAG_PINNED, FLAG_REMEMBERED];
        if nursery && old_flags.iter().any(|flag| header.has(*flag)) {
            return fail(
                "REM-UNIQUE",
                &format!("is young and has an old object's flags: {header:?}"),
            );
        }
        if cage.data().contains(address) && ObjectRef::has_slots(header, &inner.kinds) {
            return fail("OLD-DATA", "holds slots but lies among data");
        }
        let remembered = self.owners.contains(&object);
        let unlogged = !remembered || inner.remembered.logs_every_store();
        if !self.is_young(object)
            && (header.has(FLAG_REMEMBERED) != remembered || header.has(FLAG_UNLOGGED) != unlogged)
        {
            return fail(
                "REM-UNIQUE",
                "is old, and its flags do not say whether it is remembered",
            );
        }
        Ok(())
    }

    /// Checks that the slot at `slot` of an old `object` is remembered if it refers to the nursery.
    pub(crate) fn check_remembered(
        &self,
        object: ObjectRef,
        header: Header,
        slot: usize,
        word: u64,
    ) -> Result<(), VerifyError> {
        let young = word.is_multiple_of(8) && word != 0 && self.inner.cage.nursery().contains(word as usize - 8);
        let young_large = self.inner.large.is_young_object(&self.inner.cage, object);
        // A young large object is looked through whole if it survives, unless its stores are logged from birth.
        if !young || self.is_nursery(object) || (young_large && !header.has(FLAG_CARDED)) {
            return Ok(());
        }
        let known = if header.has(FLAG_CARDED) {
            self.cards.contains(&CardEntry::slot(object, slot)) || self.cards.contains(&CardEntry::whole(object, slot))
        } else {
            self.owners.contains(&object)
        };
        if known {
            return Ok(());
        }
        let (owner, index) = (object.address(), (slot - object.payload()) / 8);
        Err(VerifyError::new(
            "REM-COMPLETE",
            format!("slot {index} of {owner:#x} refers to the nursery unremembered"),
        ))
    }

    /// Checks the old objects that no root reaches, too: their slots must refer to objects still.
    fn check_old_objects(&mut self) -> Result<(), VerifyError> {
        let cage = &self.inner.cage;
        let mut objects = Vec::new();
        for space in [&self.inner.pointer, &self.inner.data] {
            let open = space.open_hole();
            for block in space.blocks() {
                for bit in cage
                    .starts()
                    .set_bits(cage.bit(block), cage.bit(block) + tenure_memory::BLOCK_WORDS)
                {
                    let address = cage.address(bit);
                    let object = ObjectRef::from_address(address);
                    if self.is_unswept(block) && !cage.color().get(bit) {
                        // Dead, and what it referred to may be gone.
                        continue;
                    }
                    if !(open.start < open.end && open.contains(address)) && Inner::header_of(object).kind() != 0 {
                        objects.push(object);
                    }
                }
            }
        }
        for object in objects {
            self.check_object(object)?;
            self.check_weak_words(object)?;
            let header = Inner::header_of(object);
            let mut words = Vec::new();
            // SAFETY: KIND-LAYOUT, checked just above.
            unsafe { object.visit_slots(header, &self.inner.kinds, |slot| words.push((slot as usize, *slot))) };
            for (slot, word) in words {
                self.check_remembered(object, header, slot, word)?;
                if word.is_multiple_of(8) && word != 0 && self.inner.cage.heap().contains(word as usize - 8) {
                    self.check_object(ObjectRef::from_reference(word)).map_err(|mut e| {
                        e.path.push(format!(
                            "slot {} of {:#x}",
                            (slot - object.payload()) / 8,
                            object.address()
                        ));
                        e
                    })?;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn with_path(&self, mut error: VerifyError, object: ObjectRef) -> VerifyError {
        let mut at = Some(object);
        while let Some(object) = at {
            let Some(edge) = self.seen.get(&object) else { break };
            match edge.from {
                Some(from) => {
                    let kind = Inner::header_of(from).kind();
                    let name = if self.inner.kinds.contains(kind) {
                        self.inner.kinds.get(kind).name
                    } else {
                        "unknown kind"
                    };
                    error
                        .path
                        .push(format!("slot {} of {name} {:#x}", edge.slot, from.address()));
                }
                None => error.path.push(format!("root {}", edge.slot)),
            }
            at = edge.from;
        }
        error.path.reverse();
        error
    }
}
