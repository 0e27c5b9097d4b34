//! How the objects of one kind are laid out, declared once and never computed by user code.
//!
//! A kind is a prefix of words, some of them slots, and optionally a tail of slots or of plain data whose length is
//! the object's own. Since every layout is data, the collector needs no callback into the embedder's crate and is
//! compiled once. Layouts whose slots depend on the contents of an object cannot be expressed.

use crate::header::{FLAG_PINNED, Header, LayoutClass};

/// What follows the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TailLayout {
    /// Nothing: all objects of the kind have the same size.
    None,
    /// Slots, one word each.
    Slots,
    /// Elements without slots.
    Plain {
        /// Bytes of one element.
        element_bytes: u32,
    },
    /// Pairs of a key and a value, two words each, not slots: how they are kept is said by the mode. The first prefix word
    /// counts the pairs that collections have emptied.
    Pairs(PairMode),
}

/// What keeps a pair, and what the collector does when nothing does. An empty pair has the key 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairMode {
    /// An ephemeron: the key, as long as it is alive, keeps the value; a pair whose key died is emptied.
    WeakKey,
    /// The pair keeps the key; a pair whose value died is emptied.
    WeakValue,
    /// The pair keeps neither; a pair of which either died is emptied.
    WeakBoth,
    /// The pair keeps the value; when the key died, the key is emptied and the value stays. The second prefix word is a
    /// place that no emptied pair lies before, and the third says whether the table waits in the queue of those that have
    /// emptied pairs.
    Guard,
}

/// The layout of one kind.
#[derive(Clone, Copy, Debug)]
pub struct KindLayout {
    /// The kind's name, for people.
    pub name: &'static str,
    /// Payload words before the tail, at most 255.
    pub prefix_words: u16,
    /// Bit `i % 64` of element `i / 64` says that prefix word `i` is a slot; missing elements are zero.
    pub slot_map: &'static [u64],
    /// The same for words that refer to an object without keeping it. No word is in both maps.
    pub weak_map: &'static [u64],
    /// The same for words that are the number of a native resource, or 0.
    pub native_map: &'static [u64],
    /// What follows the prefix.
    pub tail: TailLayout,
    /// Objects are allocated in the old generation and never move.
    pub pinned: bool,
}

const fn has_bits(map: &[u64]) -> bool {
    let mut i = 0;
    while i < map.len() {
        if map[i] != 0 {
            return true;
        }
        i += 1;
    }
    false
}

impl KindLayout {
    /// A kind without words and tail, to be completed.
    pub const EMPTY: KindLayout = KindLayout {
        name: "",
        prefix_words: 0,
        slot_map: &[],
        weak_map: &[],
        native_map: &[],
        tail: TailLayout::None,
        pinned: false,
    };

    const fn has_prefix_slots(&self) -> bool {
        has_bits(self.slot_map)
    }

    /// Returns whether objects of the kind are watched: whether they hold anything that a collection has to look at once
    /// it knows what is alive.
    #[must_use]
    pub const fn is_watched(&self) -> bool {
        has_bits(self.weak_map) || has_bits(self.native_map) || matches!(self.tail, TailLayout::Pairs(_))
    }

    /// Returns whether objects of the kind can hold references, weak ones included.
    #[must_use]
    pub const fn has_slots(&self) -> bool {
        self.has_prefix_slots() || matches!(self.tail, TailLayout::Slots) || self.is_watched()
    }

    /// Returns the layout class of the kind.
    #[must_use]
    pub const fn class(&self) -> LayoutClass {
        match self.tail {
            TailLayout::None if self.is_watched() && self.prefix_words <= 32 => LayoutClass::WatchedFixed,
            _ if self.is_watched() => LayoutClass::Watched,
            TailLayout::None => {
                if !self.has_prefix_slots() {
                    LayoutClass::DataFixed
                } else if self.prefix_words <= 32 && self.slot_map[0] == (1 << self.prefix_words) - 1 {
                    LayoutClass::SlotsFixed
                } else if self.prefix_words <= 32 {
                    LayoutClass::MapFixed
                } else {
                    LayoutClass::TableFixed
                }
            }
            TailLayout::Slots if !self.has_prefix_slots() => LayoutClass::SlotsTail,
            TailLayout::Plain { element_bytes: 1 } if !self.has_prefix_slots() => LayoutClass::BytesTail,
            _ => LayoutClass::OtherTail,
        }
    }

    /// Returns the header of a new object of this kind, with tail length 0.
    ///
    /// # Panics
    ///
    /// When the prefix has more than 255 words, the id is 0 or 255, or the bitmap names words beyond the prefix.
    #[must_use]
    pub const fn header(&self, kind: u8) -> u64 {
        assert!(
            self.prefix_words <= 255,
            "a kind has at most 255 words before its tail: move the rest into a tail"
        );
        assert!(kind != 0 && kind != 255, "kind ids are 1 to 254");
        if let TailLayout::Pairs(_) = self.tail {
            assert!(
                self.prefix_words > 0,
                "the first word of a kind with pairs counts the emptied ones"
            );
        }
        if let TailLayout::Pairs(PairMode::Guard) = self.tail {
            assert!(
                self.prefix_words > 2,
                "collections write the first three words of a kind with guards"
            );
        }
        let class = self.class();
        let high = match class {
            LayoutClass::MapFixed => self.slot_map[0] as u32,
            LayoutClass::WatchedFixed if self.has_prefix_slots() => self.slot_map[0] as u32,
            _ => 0,
        };
        // A fixed object has at least one payload word, so that its color has two bits to live in.
        let prefix = match self.tail {
            TailLayout::None if self.prefix_words == 0 => 1,
            _ => self.prefix_words as u8,
        };
        let header = Header::new(kind, class, prefix, high);
        if self.pinned {
            header.with(FLAG_PINNED).bits()
        } else {
            header.bits()
        }
    }

    /// Returns the words of an object with `tail_length` elements, header included.
    #[must_use]
    #[inline]
    pub const fn words(&self, tail_length: u32) -> usize {
        let prefix = self.prefix_words as usize;
        let payload = match self.tail {
            TailLayout::None => prefix,
            TailLayout::Slots => prefix + tail_length as usize,
            TailLayout::Pairs(_) => prefix + 2 * tail_length as usize,
            TailLayout::Plain { element_bytes } => prefix + (tail_length as usize * element_bytes as usize).div_ceil(8),
        };
        1 + if payload == 0 { 1 } else { payload }
    }
}

/// Returns the header word `template` with the tail length set.
#[must_use]
#[inline]
pub const fn header_with_length(template: u64, tail_length: u32) -> u64 {
    template & 0xffff_ffff | (tail_length as u64) << 32
}

/// The id of the first kind that every model has.
pub const FIRST_BUILT_IN: u8 = 240;

/// The kinds of a model, by id.
///
/// Invariant (KIND-LAYOUT): an object whose header says kind `k` was initialized as layout `k` says, and keeps slots
/// where the layout says slots.
#[derive(Clone, Copy, Debug)]
pub struct KindTable {
    layouts: &'static [KindLayout],
    built_in: &'static [KindLayout],
}

impl KindTable {
    /// Wraps the layouts of a model and those that every model has; the first of the model is kind 1, the first of the
    /// others [`FIRST_BUILT_IN`].
    ///
    /// # Panics
    ///
    /// With more than 239 kinds, or more than 15 others.
    #[must_use]
    pub const fn new(layouts: &'static [KindLayout], built_in: &'static [KindLayout]) -> KindTable {
        assert!(layouts.len() < FIRST_BUILT_IN as usize, "a model has at most 239 kinds");
        assert!(
            built_in.len() < 255 - FIRST_BUILT_IN as usize + 1,
            "kind ids are 1 to 254"
        );
        KindTable { layouts, built_in }
    }

    /// Returns the layout of kind `kind`.
    ///
    /// # Panics
    ///
    /// When there is no such kind.
    #[must_use]
    #[inline]
    pub const fn get(&self, kind: u8) -> &'static KindLayout {
        if kind >= FIRST_BUILT_IN {
            &self.built_in[(kind - FIRST_BUILT_IN) as usize]
        } else {
            &self.layouts[kind as usize - 1]
        }
    }

    /// Returns whether there is a kind `kind`.
    #[must_use]
    pub const fn contains(&self, kind: u8) -> bool {
        if kind >= FIRST_BUILT_IN {
            ((kind - FIRST_BUILT_IN) as usize) < self.built_in.len()
        } else {
            kind != 0 && kind as usize <= self.layouts.len()
        }
    }
}
