//! Objects by address: headers, sizes, slots, forwarding.
//!
//! [`ObjectRef`] is the address of a header. All methods take constant time but [`ObjectRef::visit_slots`], which takes
//! time proportional to the slots. Nothing here checks that there is an object; the callers' invariants say so.

use tenure_memory::{Range, WORD_BYTES};

use crate::header::{FLAG_LIVE, HashState, Header, LayoutClass};
use crate::kind::{KindTable, PairMode, TailLayout};

/// A word in a slot.
///
/// Invariant (SLOT-TYPED): a word in a slot is 0, or the address of the payload of a live object, or no multiple of 8
/// that lies inside the heap. So one rotate, subtract and compare tells references from everything else, whatever
/// tagging the model uses.
pub type Reference = u64;

/// A range of addresses, prepared for asking whether a slot's word refers into it.
#[derive(Clone, Copy, Debug)]
pub struct ReferenceRange {
    first: u64,
    count: u64,
}

impl ReferenceRange {
    /// Prepares the test for references to objects whose headers lie in `range`.
    #[must_use]
    pub fn new(range: Range) -> ReferenceRange {
        debug_assert!(range.start.is_multiple_of(WORD_BYTES) && range.end.is_multiple_of(WORD_BYTES));
        ReferenceRange {
            first: ((range.start + WORD_BYTES) >> 3) as u64,
            count: ((range.end - range.start) >> 3) as u64,
        }
    }

    /// Returns the index of the word that the referenced header is, or a number of at least [`ReferenceRange::count`]
    /// when `word` refers to no object of the range. A word with one of its low 3 bits set rotates them to the top and
    /// is thereby out of every range.
    #[must_use]
    #[inline(always)]
    pub fn index(&self, word: Reference) -> u64 {
        word.rotate_right(3).wrapping_sub(self.first)
    }

    /// Returns the number of words in the range.
    #[must_use]
    #[inline(always)]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns whether `word` refers to an object whose header lies in the range.
    #[must_use]
    #[inline(always)]
    pub fn contains(&self, word: Reference) -> bool {
        self.index(word) < self.count
    }
}

/// The address of an object's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef(usize);

impl ObjectRef {
    /// Wraps the address of a header.
    #[must_use]
    #[inline]
    pub const fn from_address(address: usize) -> ObjectRef {
        ObjectRef(address)
    }

    /// Returns the object whose payload is at `payload`.
    #[must_use]
    #[inline]
    pub const fn from_payload(payload: usize) -> ObjectRef {
        ObjectRef(payload - WORD_BYTES)
    }

    /// Returns the object that a slot's word refers to.
    #[must_use]
    #[inline]
    pub const fn from_reference(word: Reference) -> ObjectRef {
        ObjectRef(word as usize - WORD_BYTES)
    }

    /// Returns the address of the header.
    #[must_use]
    #[inline]
    pub const fn address(self) -> usize {
        self.0
    }

    /// Returns the address of the payload.
    #[must_use]
    #[inline]
    pub const fn payload(self) -> usize {
        self.0 + WORD_BYTES
    }

    /// Returns the word that refers to this object.
    #[must_use]
    #[inline]
    pub const fn reference(self) -> Reference {
        (self.0 + WORD_BYTES) as u64
    }

    /// Reads the header.
    ///
    /// # Safety
    ///
    /// There must be an object (OBJ-HEADER).
    #[must_use]
    #[inline]
    pub unsafe fn header(self) -> Header {
        // SAFETY: OBJ-HEADER is the caller's obligation.
        Header::from_bits(unsafe { *(self.0 as *const u64) })
    }

    /// Writes the header.
    ///
    /// # Safety
    ///
    /// The word must be owned by the caller or the header of this object (OBJ-HEADER).
    #[inline]
    pub unsafe fn set_header(self, header: Header) {
        // SAFETY: OBJ-HEADER is the caller's obligation.
        unsafe { *(self.0 as *mut u64) = header.bits() }
    }

    /// Leaves the address of the new copy in place of the header.
    ///
    /// # Safety
    ///
    /// The object must just have been evacuated, for the first time in this collection (FWD-ONCE).
    #[inline]
    pub unsafe fn forward_to(self, target: ObjectRef) {
        debug_assert!(
            target.0 as u64 & FLAG_LIVE == 0,
            "FWD-ONCE: an address looks like a header"
        );
        // SAFETY: FWD-ONCE, the old copy is dead but for this word.
        unsafe { *(self.0 as *mut u64) = target.0 as u64 }
    }

    /// Returns the words of the object, header and hash included.
    ///
    /// # Safety
    ///
    /// `header` must be this object's header, of a kind in `kinds` or a hole (KIND-LAYOUT).
    #[must_use]
    #[inline(always)]
    pub unsafe fn words(header: Header, kinds: &KindTable) -> usize {
        match header.payload_words() {
            Some(payload) => 1 + payload + header.hash_words(),
            // SAFETY: KIND-LAYOUT is the caller's obligation.
            None => unsafe { Self::words_by_kind(header, kinds) },
        }
    }

    /// # Safety
    ///
    /// As for [`ObjectRef::words`].
    #[inline(never)]
    unsafe fn words_by_kind(header: Header, kinds: &KindTable) -> usize {
        if header.class() == LayoutClass::Free {
            return header.high() as usize;
        }
        kinds.get(header.kind()).words(header.high()) + header.hash_words()
    }

    /// Returns whether an object with this header can hold references.
    #[must_use]
    #[inline]
    pub fn has_slots(header: Header, kinds: &KindTable) -> bool {
        match header.class() {
            LayoutClass::DataFixed | LayoutClass::BytesTail | LayoutClass::Free => false,
            LayoutClass::MapFixed
            | LayoutClass::SlotsFixed
            | LayoutClass::TableFixed
            | LayoutClass::SlotsTail
            | LayoutClass::WatchedFixed
            | LayoutClass::Watched => true,
            LayoutClass::OtherTail => kinds.get(header.kind()).has_slots(),
        }
    }

    /// Returns the slots of the tail as address of the first and count, or none.
    ///
    /// # Safety
    ///
    /// As for [`ObjectRef::words`].
    #[must_use]
    #[inline]
    pub unsafe fn tail_slots(self, header: Header, kinds: &KindTable) -> (*mut u64, usize) {
        let tail = (self.payload() + header.prefix_words() * WORD_BYTES) as *mut u64;
        match header.class() {
            LayoutClass::SlotsTail => (tail, header.high() as usize),
            LayoutClass::OtherTail | LayoutClass::Watched if kinds.get(header.kind()).tail == TailLayout::Slots => {
                (tail, header.high() as usize)
            }
            _ => (tail, 0),
        }
    }

    /// Returns the pairs of the tail as address of the first key, count and mode, or none.
    ///
    /// # Safety
    ///
    /// As for [`ObjectRef::words`].
    #[must_use]
    #[inline]
    pub unsafe fn pairs(self, header: Header, kinds: &KindTable) -> (*mut u64, usize, PairMode) {
        let tail = (self.payload() + header.prefix_words() * WORD_BYTES) as *mut u64;
        if header.class() == LayoutClass::Watched
            && let TailLayout::Pairs(mode) = kinds.get(header.kind()).tail
        {
            return (tail, header.high() as usize, mode);
        }
        (tail, 0, PairMode::WeakBoth)
    }

    /// Returns the words of the tail that can be references, those of pairs included, as address of the first and count.
    ///
    /// # Safety
    ///
    /// As for [`ObjectRef::words`].
    #[must_use]
    #[inline]
    pub unsafe fn tail_references(self, header: Header, kinds: &KindTable) -> (*mut u64, usize) {
        // SAFETY: KIND-LAYOUT is the caller's obligation.
        let (tail, count) = unsafe { self.tail_slots(header, kinds) };
        // SAFETY: KIND-LAYOUT, as above.
        (tail, count + 2 * unsafe { self.pairs(header, kinds) }.1)
    }

    /// Calls `visit` with the address of every slot before the tail.
    ///
    /// # Safety
    ///
    /// There must be an object with this header and layout (OBJ-HEADER, KIND-LAYOUT).
    #[inline(always)]
    pub unsafe fn visit_prefix_slots(self, header: Header, kinds: &KindTable, mut visit: impl FnMut(*mut u64)) {
        let payload = self.payload() as *mut u64;
        match header.class() {
            LayoutClass::SlotsFixed => {
                for i in 0..header.prefix_words() {
                    // SAFETY: KIND-LAYOUT, all payload words are slots.
                    visit(unsafe { payload.add(i) });
                }
            }
            LayoutClass::MapFixed | LayoutClass::WatchedFixed => {
                let mut map = header.high();
                while map != 0 {
                    // SAFETY: KIND-LAYOUT, the bitmap names words of the payload.
                    visit(unsafe { payload.add(map.trailing_zeros() as usize) });
                    map &= map - 1;
                }
            }
            LayoutClass::TableFixed | LayoutClass::OtherTail | LayoutClass::Watched => {
                // SAFETY: KIND-LAYOUT, the bitmap names words of the payload.
                unsafe { visit_map(payload, kinds.get(header.kind()).slot_map, visit) };
            }
            LayoutClass::DataFixed | LayoutClass::SlotsTail | LayoutClass::BytesTail | LayoutClass::Free => {}
        }
    }

    /// Calls `visit` with the address of every slot of the object.
    ///
    /// # Safety
    ///
    /// There must be an object with this header and layout (OBJ-HEADER, KIND-LAYOUT).
    #[inline(always)]
    pub unsafe fn visit_slots(self, header: Header, kinds: &KindTable, mut visit: impl FnMut(*mut u64)) {
        if let Some(map) = header.fixed_slot_map() {
            // SAFETY: KIND-LAYOUT, the bitmap names words of the payload.
            return unsafe { visit_map(self.payload() as *mut u64, &[u64::from(map)], visit) };
        }
        if header.class() != LayoutClass::SlotsTail {
            // SAFETY: OBJ-HEADER and KIND-LAYOUT are the caller's obligation.
            unsafe { self.visit_prefix_slots(header, kinds, &mut visit) };
        }
        // SAFETY: OBJ-HEADER, as above.
        let (tail, count) = unsafe { self.tail_slots(header, kinds) };
        for i in 0..count {
            // SAFETY: KIND-LAYOUT, the tail has `count` slots.
            visit(unsafe { tail.add(i) });
        }
    }

    /// Calls `visit` with the address of every slot of the object that lies in `inside`.
    ///
    /// # Safety
    ///
    /// There must be an object with this header and layout (OBJ-HEADER, KIND-LAYOUT).
    #[inline]
    pub unsafe fn visit_slots_in(
        self,
        header: Header,
        kinds: &KindTable,
        inside: Range,
        mut visit: impl FnMut(*mut u64),
    ) {
        // SAFETY: OBJ-HEADER, as the caller's.
        let (tail, count) = unsafe { self.tail_slots(header, kinds) };
        if inside.start < tail as usize {
            // SAFETY: OBJ-HEADER and KIND-LAYOUT are the caller's obligation.
            unsafe {
                self.visit_prefix_slots(header, kinds, |slot| {
                    if inside.contains(slot as usize) {
                        visit(slot);
                    }
                });
            }
        }
        let mut slot = inside.start.max(tail as usize);
        let end = inside.end.min(tail as usize + count * WORD_BYTES);
        while slot < end {
            visit(slot as *mut u64);
            slot += WORD_BYTES;
        }
    }

    /// Calls `visit` with the address of every weak word before the tail.
    ///
    /// # Safety
    ///
    /// There must be an object with this header and layout (OBJ-HEADER, KIND-LAYOUT).
    #[inline(always)]
    pub unsafe fn visit_weak(self, header: Header, kinds: &KindTable, visit: impl FnMut(*mut u64)) {
        if header.is_watched() {
            // SAFETY: KIND-LAYOUT, the bitmap names words of the payload.
            unsafe { visit_map(self.payload() as *mut u64, kinds.get(header.kind()).weak_map, visit) };
        }
    }

    /// Calls `visit` with the address of every word that is the number of a native resource.
    ///
    /// # Safety
    ///
    /// As for [`ObjectRef::visit_weak`].
    pub unsafe fn visit_natives(self, header: Header, kinds: &KindTable, visit: impl FnMut(*mut u64)) {
        if header.is_watched() {
            // SAFETY: KIND-LAYOUT, the bitmap names words of the payload.
            unsafe { visit_map(self.payload() as *mut u64, kinds.get(header.kind()).native_map, visit) };
        }
    }

    /// Calls `visit` with the address of every word that can be a reference: slots, weak words and words of pairs.
    ///
    /// # Safety
    ///
    /// As for [`ObjectRef::visit_slots`].
    #[inline]
    pub unsafe fn visit_references(self, header: Header, kinds: &KindTable, mut visit: impl FnMut(*mut u64)) {
        // SAFETY: OBJ-HEADER and KIND-LAYOUT are the caller's obligation.
        unsafe { self.visit_slots(header, kinds, &mut visit) };
        if header.is_watched() {
            // SAFETY: OBJ-HEADER and KIND-LAYOUT, as above.
            unsafe { self.visit_watched_in(header, kinds, ALL, visit) };
        }
    }

    /// Calls `visit` with the address of every word of the object in `inside` that can be a reference.
    ///
    /// # Safety
    ///
    /// As for [`ObjectRef::visit_slots`].
    #[inline]
    pub unsafe fn visit_references_in(
        self,
        header: Header,
        kinds: &KindTable,
        inside: Range,
        mut visit: impl FnMut(*mut u64),
    ) {
        // SAFETY: OBJ-HEADER and KIND-LAYOUT are the caller's obligation.
        unsafe { self.visit_slots_in(header, kinds, inside, &mut visit) };
        if header.is_watched() {
            // SAFETY: OBJ-HEADER and KIND-LAYOUT, as above.
            unsafe { self.visit_watched_in(header, kinds, inside, visit) };
        }
    }

    /// Calls `visit` with the weak words and words of pairs of a watched object that lie in `inside`.
    ///
    /// # Safety
    ///
    /// As for [`ObjectRef::visit_slots`].
    unsafe fn visit_watched_in(
        self,
        header: Header,
        kinds: &KindTable,
        inside: Range,
        mut visit: impl FnMut(*mut u64),
    ) {
        // SAFETY: OBJ-HEADER and KIND-LAYOUT are the caller's obligation.
        unsafe {
            self.visit_weak(header, kinds, |word| {
                if inside.contains(word as usize) {
                    visit(word);
                }
            });
        }
        // SAFETY: KIND-LAYOUT, as above.
        let (tail, count, _) = unsafe { self.pairs(header, kinds) };
        let mut word = inside.start.max(tail as usize);
        let end = inside.end.min(tail as usize + 2 * count * WORD_BYTES);
        while word < end {
            visit(word as *mut u64);
            word += WORD_BYTES;
        }
    }

    /// Returns the identity hash that belongs to this address, and to `salt`: a number that differs from one collection to
    /// the next where addresses are used again and again, and is 0 elsewhere.
    #[must_use]
    #[inline]
    pub const fn address_hash(self, salt: u64) -> u64 {
        // The finalizer of splitmix64: all bits of the address reach all bits of the hash.
        let mut z = (self.0 as u64 >> 3)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(salt.wrapping_mul(0xd1b5_4a32_d192_ed03));
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Copies the object to `target` with `header`, and appends the hash if it was asked for but not yet stored.
    /// `words` are those of the old object, `salt` that of its hash. Returns the words of the new one.
    ///
    /// # Safety
    ///
    /// `[target, target + words + 1)` must be owned, writable and apart from the object (MEM-OWNED); `header` must be
    /// this object's but for flags and age (OBJ-HEADER).
    #[inline(always)]
    pub unsafe fn copy_to(self, target: ObjectRef, header: Header, words: usize, salt: u64) -> usize {
        let source = self.0 as *const u64;
        let destination = target.0 as *mut u64;
        if words <= 16 {
            // Two words at a time, of which the last two may overlap those before: every object has a word behind its header.
            debug_assert!(words >= 2, "OBJ-HEADER");
            // SAFETY: MEM-OWNED, both ranges have `words` words and are disjoint.
            let copy_two = |i: usize| unsafe { std::ptr::copy_nonoverlapping(source.add(i), destination.add(i), 2) };
            let last = words - 2;
            let mut i = 0;
            while i < last {
                copy_two(i);
                i += 2;
                // Not unrolled: most objects have few words.
                std::hint::black_box(());
            }
            copy_two(last);
        } else {
            // SAFETY: MEM-OWNED, as above.
            unsafe { std::ptr::copy_nonoverlapping(source.add(1), destination.add(1), words - 1) };
        }
        if header.hash_state() == HashState::FromAddress {
            // SAFETY: MEM-OWNED, the caller keeps room for the hash word.
            unsafe { *destination.add(words) = self.address_hash(salt) };
            // SAFETY: MEM-OWNED, the first word of the copy.
            unsafe { target.set_header(header.with_hash_state(HashState::Appended)) };
            return words + 1;
        }
        // SAFETY: MEM-OWNED, the first word of the copy.
        unsafe { target.set_header(header) };
        words
    }
}

/// All addresses.
const ALL: Range = Range {
    start: 0,
    end: usize::MAX,
};

/// Calls `visit` with the address of each word that `map` names.
///
/// # Safety
///
/// The words must lie in one payload (KIND-LAYOUT).
#[inline(always)]
unsafe fn visit_map(payload: *mut u64, map: &[u64], mut visit: impl FnMut(*mut u64)) {
    for (i, &bits) in map.iter().enumerate() {
        let mut map = bits;
        while map != 0 {
            // SAFETY: KIND-LAYOUT is the caller's obligation.
            visit(unsafe { payload.add(i * 64 + map.trailing_zeros() as usize) });
            map &= map - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::FLAG_UNLOGGED;
    use crate::kind::{KindLayout, header_with_length};
    use proptest::prelude::*;

    static LAYOUTS: [KindLayout; 8] = [
        KindLayout {
            name: "pair",
            prefix_words: 2,
            slot_map: &[0b11],
            tail: TailLayout::None,
            ..KindLayout::EMPTY
        },
        KindLayout {
            name: "number",
            prefix_words: 1,
            slot_map: &[],
            tail: TailLayout::None,
            ..KindLayout::EMPTY
        },
        KindLayout {
            name: "array",
            prefix_words: 0,
            slot_map: &[],
            tail: TailLayout::Slots,
            ..KindLayout::EMPTY
        },
        KindLayout {
            name: "bytes",
            prefix_words: 1,
            slot_map: &[],
            tail: TailLayout::Plain { element_bytes: 1 },
            ..KindLayout::EMPTY
        },
        KindLayout {
            name: "mixed",
            prefix_words: 70,
            slot_map: &[1 << 63, 0b10_0001],
            tail: TailLayout::Slots,
            pinned: true,
            ..KindLayout::EMPTY
        },
        KindLayout {
            name: "rows",
            prefix_words: 2,
            slot_map: &[0b10],
            tail: TailLayout::Plain { element_bytes: 12 },
            ..KindLayout::EMPTY
        },
        KindLayout {
            name: "weak",
            prefix_words: 4,
            slot_map: &[0b1],
            weak_map: &[0b10],
            native_map: &[0b1000],
            ..KindLayout::EMPTY
        },
        KindLayout {
            name: "pairs",
            prefix_words: 2,
            slot_map: &[0b10],
            tail: TailLayout::Pairs(PairMode::WeakKey),
            ..KindLayout::EMPTY
        },
    ];

    fn slots(kind: u8, length: u32) -> (usize, Vec<usize>) {
        let kinds = KindTable::new(&LAYOUTS, &[]);
        let header = Header::from_bits(header_with_length(kinds.get(kind).header(kind), length));
        let header = if kinds.get(kind).tail == TailLayout::None {
            Header::from_bits(kinds.get(kind).header(kind))
        } else {
            header
        };
        // SAFETY: KIND-LAYOUT, the header was built from the table.
        let words = unsafe { ObjectRef::words(header, &kinds) };
        let mut memory = vec![0u64; words];
        let object = ObjectRef::from_address(memory.as_mut_ptr() as usize);
        let mut found = Vec::new();
        // SAFETY: KIND-LAYOUT, only addresses are computed, within the vector.
        unsafe {
            object.visit_slots(header, &kinds, |slot| {
                found.push((slot as usize - object.payload()) / 8)
            })
        };
        assert!(
            length == 0 || found.is_empty() != ObjectRef::has_slots(header, &kinds),
            "objects without slots are those that have none"
        );
        (words, found)
    }

    #[test]
    fn sizes_and_slots_follow_the_layout() {
        assert_eq!(slots(1, 0), (3, vec![0, 1]));
        assert_eq!(slots(2, 0), (2, vec![]));
        assert_eq!(slots(3, 0), (2, vec![]));
        assert_eq!(slots(3, 3), (4, vec![0, 1, 2]));
        assert_eq!(slots(4, 9), (4, vec![]));
        assert_eq!(slots(5, 2), (73, vec![63, 64, 69, 70, 71]));
        assert_eq!(slots(6, 3), (8, vec![1]));
    }

    fn words_of(kind: u8, length: u32, inside: std::ops::Range<usize>) -> (Vec<usize>, Vec<usize>, Vec<usize>) {
        let kinds = KindTable::new(&LAYOUTS, &[]);
        let layout = kinds.get(kind);
        let header = Header::from_bits(if layout.tail == TailLayout::None {
            layout.header(kind)
        } else {
            header_with_length(layout.header(kind), length)
        });
        assert!(header.is_watched());
        // SAFETY: KIND-LAYOUT, the header was built from the table.
        let words = unsafe { ObjectRef::words(header, &kinds) };
        let mut memory = vec![0u64; words];
        let object = ObjectRef::from_address(memory.as_mut_ptr() as usize);
        let index = |word: *mut u64| (word as usize - object.payload()) / 8;
        let range = Range {
            start: object.payload() + inside.start * 8,
            end: object.payload() + inside.end * 8,
        };
        let (mut all, mut part, mut natives) = (Vec::new(), Vec::new(), Vec::new());
        // SAFETY: OBJ-HEADER and KIND-LAYOUT, only addresses are computed, within the vector.
        unsafe { object.visit_references(header, &kinds, |word| all.push(index(word))) };
        // SAFETY: OBJ-HEADER and KIND-LAYOUT, as above.
        unsafe { object.visit_references_in(header, &kinds, range, |word| part.push(index(word))) };
        // SAFETY: OBJ-HEADER and KIND-LAYOUT, as above.
        unsafe { object.visit_natives(header, &kinds, |word| natives.push(index(word))) };
        (all, part, natives)
    }

    #[test]
    fn watched_objects_have_weak_words_natives_and_pairs() {
        assert_eq!(words_of(7, 0, 1..3), (vec![0, 1], vec![1], vec![3]));
        assert_eq!(words_of(8, 3, 2..5), (vec![1, 2, 3, 4, 5, 6, 7], vec![2, 3, 4], vec![]));
        assert_eq!(words_of(8, 0, 0..2), (vec![1], vec![1], vec![]));
        assert_eq!(slots(7, 0), (5, vec![0]));
        assert_eq!(slots(8, 3), (9, vec![1]));
    }

    #[test]
    fn hash_is_appended_once_and_stays() {
        let kinds = KindTable::new(&LAYOUTS, &[]);
        let header = Header::from_bits(kinds.get(1).header(1)).with_hash_state(HashState::FromAddress);
        let mut from = [header.bits(), 11, 12];
        let mut to = [0u64; 4];
        let source = ObjectRef::from_address(from.as_mut_ptr() as usize);
        let target = ObjectRef::from_address(to.as_mut_ptr() as usize);
        // SAFETY: MEM-OWNED, both arrays are large enough and apart.
        let words = unsafe { source.copy_to(target, header.older(), 3, 5) };
        assert_eq!((words, to[1], to[2], to[3]), (4, 11, 12, source.address_hash(5)));
        // SAFETY: OBJ-HEADER, the header was just written.
        let header = unsafe { target.header() };
        assert_eq!(
            (header.hash_state(), header.age_collections()),
            (HashState::Appended, 1)
        );
        // SAFETY: KIND-LAYOUT, the header is of kind 1.
        assert_eq!(unsafe { ObjectRef::words(header, &kinds) }, 4);
    }

    proptest! {
        #[test]
        fn a_header_tells_the_size_that_the_layout_says(kind in 1..=LAYOUTS.len() as u8, length in prop_oneof![0..20u32, any::<u32>()]) {
            let kinds = KindTable::new(&LAYOUTS, &[]);
            let layout = kinds.get(kind);
            let (template, length) = (layout.header(kind), if layout.tail == TailLayout::None { 0 } else { length });
            let fixed = Header::from_bits(template);
            let header = if length == 0 { fixed } else { Header::from_bits(header_with_length(template, length)) };
            for (header, hash_words) in [(header, 0), (header.with_hash_state(HashState::Appended), 1)] {
                // SAFETY: KIND-LAYOUT, the header was built from the table.
                let words = unsafe { ObjectRef::words(header, &kinds) };
                prop_assert_eq!(words, layout.words(length) + hash_words);
            }
            let by_kind = matches!(header.class(), LayoutClass::OtherTail | LayoutClass::Watched);
            prop_assert_eq!(header.payload_words().is_none(), by_kind);
        }

        #[test]
        fn header_fields_do_not_disturb_each_other(kind in 1u8..255, prefix in any::<u8>(), high in any::<u32>()) {
            let mut header = Header::new(kind, LayoutClass::SlotsTail, prefix, high).with(FLAG_UNLOGGED);
            for age in 1..20u8 {
                header = header.older().with_hash_state(HashState::Constant);
                prop_assert_eq!(header.age_collections(), age.min(15));
            }
            prop_assert_eq!((header.kind(), header.prefix_words(), header.high()), (kind, prefix as usize, high));
            prop_assert_eq!((header.class(), header.hash_words()), (LayoutClass::SlotsTail, 0));
            prop_assert!(header.is_live() && header.has(FLAG_UNLOGGED) && !header.without(FLAG_UNLOGGED).has(FLAG_UNLOGGED));
        }

        #[test]
        fn only_aligned_words_inside_are_references(word in any::<u64>(), offset in 0u64..4096) {
            let range = Range { start: 0x7000_0000_0000, end: 0x7000_0010_0000 };
            let test = ReferenceRange::new(range);
            for w in [word, 0x7000_0000_0000 + offset, 0x7000_0010_0000 - 2048 + offset] {
                let header = w.wrapping_sub(8) as usize;
                let expected = w.is_multiple_of(8) && w >= 8 && range.contains(header);
                prop_assert_eq!(test.contains(w), expected);
            }
        }
    }
}
