//! The header: one word before the payload.
//!
//! ```text
//! bits  0 live (0: the word is a forwarding address)   1 unlogged   2 pinned   3-4 hash state   5 carded   6 large
//!       7 remembered
//!       8-15 kind      16-19 age      20-23 layout class     24-31 payload words before the tail
//!      32-63 fixed kinds: bitmap of the slots among the first 32 payload words; others: tail length
//! ```
//!
//! Reading any property is a shift and a mask. The header does not say how long a tail element is; the kind does.

use std::fmt;

/// Bit 0: the header is a header and not a forwarding address.
pub const FLAG_LIVE: u64 = 1;
/// Bit 1: the next store into the object must be logged. Set in every old object that is not in the remembered set, and
/// in every old object while a cycle marks under the insertion barrier.
pub const FLAG_UNLOGGED: u64 = 1 << 1;
/// Bit 2: the object never moves.
pub const FLAG_PINNED: u64 = 1 << 2;
/// Bit 5: stores are logged by card and not by object.
pub const FLAG_CARDED: u64 = 1 << 5;
/// Bit 6: the object lies in the large-object space.
pub const FLAG_LARGE: u64 = 1 << 6;
/// Bit 7: the object is in the remembered set. Carded objects never have it: their cards are remembered.
pub const FLAG_REMEMBERED: u64 = 1 << 7;

const HASH_SHIFT: u32 = 3;
const KIND_SHIFT: u32 = 8;
const AGE_SHIFT: u32 = 16;
const CLASS_SHIFT: u32 = 20;
const PREFIX_SHIFT: u32 = 24;
const HIGH_SHIFT: u32 = 32;

/// Tails of at least this many slots are logged by card: two cards. Shorter arrays cost less when rescanned whole.
pub const CARDED_SLOTS_MIN: usize = 128;

/// How the payload of an object is laid out, as far as the header tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LayoutClass {
    /// Fixed size, no slots.
    DataFixed = 0,
    /// Fixed size, slots by the header's bitmap.
    MapFixed = 1,
    /// Watched, of fixed size, slots by the header's bitmap, everything else by the kind.
    WatchedFixed = 2,
    /// Fixed size, slots by the kind's bitmap.
    TableFixed = 3,
    /// No slots before the tail, a tail of slots.
    SlotsTail = 4,
    /// No slots, a tail of bytes.
    BytesTail = 5,
    /// A tail, everything else by the kind.
    OtherTail = 6,
    /// Fixed size, every payload word a slot. The high half is 0, so that the header is a short constant in code.
    SlotsFixed = 7,
    /// Watched, with a tail or many words: everything by the kind, and more than slots.
    Watched = 8,
    /// Not an object: a hole in a block. The high half is its size in words.
    Free = 15,
}

/// What is known of an object's identity hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashState {
    /// Never asked for.
    None,
    /// Asked for: it is computed from the address, and must be appended when the object moves.
    FromAddress,
    /// Appended: the last word of the object.
    Appended,
    /// A constant, because there was no room to append one.
    Constant,
}

/// The header word of an object.
///
/// Invariant (OBJ-HEADER): every [`crate::ObjectRef`] outside of an allocation in progress points at an initialized
/// header or, during a minor collection, at a forwarding address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header(u64);

impl Header {
    /// Wraps the bits of a header word.
    #[must_use]
    #[inline]
    pub const fn from_bits(bits: u64) -> Header {
        Header(bits)
    }

    /// Returns the word.
    #[must_use]
    #[inline]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Builds the header of an object in the nursery.
    #[must_use]
    pub const fn new(kind: u8, class: LayoutClass, prefix_words: u8, high: u32) -> Header {
        Header(
            FLAG_LIVE
                | (kind as u64) << KIND_SHIFT
                | (class as u64) << CLASS_SHIFT
                | (prefix_words as u64) << PREFIX_SHIFT
                | (high as u64) << HIGH_SHIFT,
        )
    }

    /// Builds the header of a hole of `words` words.
    #[must_use]
    #[inline]
    pub const fn free(words: usize) -> Header {
        Header::new(0, LayoutClass::Free, 0, words as u32)
    }

    /// Returns whether this is a header, and not a forwarding address.
    #[must_use]
    #[inline]
    pub const fn is_live(self) -> bool {
        self.0 & FLAG_LIVE != 0
    }

    /// Returns whether all bits of `flags` are set.
    #[must_use]
    #[inline]
    pub const fn has(self, flags: u64) -> bool {
        self.0 & flags == flags
    }

    /// Returns the header with `flags` set.
    #[must_use]
    #[inline]
    pub const fn with(self, flags: u64) -> Header {
        Header(self.0 | flags)
    }

    /// Returns the header with `flags` cleared.
    #[must_use]
    #[inline]
    pub const fn without(self, flags: u64) -> Header {
        Header(self.0 & !flags)
    }

    /// Returns the kind's id: 1 to 254, or 0 for a hole.
    #[must_use]
    #[inline]
    pub const fn kind(self) -> u8 {
        (self.0 >> KIND_SHIFT) as u8
    }

    /// Returns how many minor collections the object has survived in the nursery, at most 15.
    #[must_use]
    #[inline]
    pub const fn age_collections(self) -> u8 {
        (self.0 >> AGE_SHIFT & 0xf) as u8
    }

    /// Returns the header with the age one higher, at most 15.
    #[must_use]
    #[inline]
    pub const fn older(self) -> Header {
        if self.age_collections() < 15 {
            Header(self.0 + (1 << AGE_SHIFT))
        } else {
            self
        }
    }

    /// Returns the header with age 0.
    #[must_use]
    #[inline]
    pub const fn ageless(self) -> Header {
        Header(self.0 & !(0xf << AGE_SHIFT))
    }

    /// Returns the layout class.
    #[must_use]
    #[inline]
    pub const fn class(self) -> LayoutClass {
        match self.0 >> CLASS_SHIFT & 0xf {
            0 => LayoutClass::DataFixed,
            1 => LayoutClass::MapFixed,
            2 => LayoutClass::WatchedFixed,
            3 => LayoutClass::TableFixed,
            4 => LayoutClass::SlotsTail,
            5 => LayoutClass::BytesTail,
            6 => LayoutClass::OtherTail,
            7 => LayoutClass::SlotsFixed,
            8 => LayoutClass::Watched,
            _ => LayoutClass::Free,
        }
    }

    /// Returns the payload words before the tail.
    #[must_use]
    #[inline]
    pub const fn prefix_words(self) -> usize {
        (self.0 >> PREFIX_SHIFT & 0xff) as usize
    }

    /// Returns the high half: slot bitmap, tail length, or size of a hole in words.
    #[must_use]
    #[inline]
    pub const fn high(self) -> u32 {
        (self.0 >> HIGH_SHIFT) as u32
    }

    /// Returns the payload words of an object whose header tells them, or nothing for other layouts. One compare, since
    /// objects of different layouts follow each other when they are traced, and a jump by layout would be mispredicted.
    #[must_use]
    #[inline(always)]
    pub const fn payload_words(self) -> Option<usize> {
        const ELEMENT_BYTES: u64 = 8 << (4 * LayoutClass::SlotsTail as u64) | 1 << (4 * LayoutClass::BytesTail as u64);
        const BY_KIND: u32 = 1 << LayoutClass::OtherTail as u32
            | 1 << LayoutClass::Watched as u32
            | u32::MAX << (LayoutClass::Watched as u32 + 1);
        let class = self.0 >> CLASS_SHIFT & 0xf;
        if BY_KIND >> class & 1 == 1 {
            return None;
        }
        let element_bytes = ELEMENT_BYTES >> (4 * class) & 0xf;
        let tail_bytes = (self.0 >> HIGH_SHIFT) * element_bytes;
        let words = self.prefix_words() + (tail_bytes.div_ceil(8)) as usize;
        Some(if words == 0 { 1 } else { words })
    }

    /// Returns the bitmap of the slots of a fixed-size object whose header tells them, or nothing for other layouts.
    /// Two compares, and no look at the kind.
    #[must_use]
    #[inline(always)]
    pub const fn fixed_slot_map(self) -> Option<u32> {
        let class = self.0 >> CLASS_SHIFT & 0xf;
        if class == LayoutClass::SlotsFixed as u64 {
            Some(((1u64 << self.prefix_words()) - 1) as u32)
        } else if class <= LayoutClass::WatchedFixed as u64 {
            Some(self.high())
        } else {
            None
        }
    }

    /// Returns whether objects of this layout hold anything that a collection looks at once it knows what is alive.
    #[must_use]
    #[inline]
    pub const fn is_watched(self) -> bool {
        matches!(self.class(), LayoutClass::WatchedFixed | LayoutClass::Watched)
    }

    /// Returns what is known of the identity hash.
    #[must_use]
    #[inline]
    pub const fn hash_state(self) -> HashState {
        match self.0 >> HASH_SHIFT & 3 {
            0 => HashState::None,
            1 => HashState::FromAddress,
            2 => HashState::Appended,
            _ => HashState::Constant,
        }
    }

    /// Returns the header with another hash state.
    #[must_use]
    #[inline]
    pub const fn with_hash_state(self, state: HashState) -> Header {
        Header(self.0 & !(3 << HASH_SHIFT) | (state as u64) << HASH_SHIFT)
    }

    /// Returns 1 if a hash word is appended, else 0.
    #[must_use]
    #[inline]
    pub const fn hash_words(self) -> usize {
        // State 2 is the only one with a word: bit 1 of the state set and bit 0 clear.
        ((self.0 >> (HASH_SHIFT + 1)) & !(self.0 >> HASH_SHIFT) & 1) as usize
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_live() {
            return write!(f, "Header(forwarded to {:#x})", self.0);
        }
        f.debug_struct("Header")
            .field("kind", &self.kind())
            .field("class", &self.class())
            .field("prefix_words", &self.prefix_words())
            .field("high", &self.high())
            .field("age", &self.age_collections())
            .field("hash", &self.hash_state())
            .field("unlogged", &self.has(FLAG_UNLOGGED))
            .field("pinned", &self.has(FLAG_PINNED))
            .field("carded", &self.has(FLAG_CARDED))
            .field("large", &self.has(FLAG_LARGE))
            .field("remembered", &self.has(FLAG_REMEMBERED))
            .finish()
    }
}

const _: () = {
    assert!(size_of::<Header>() == 8, "the payload starts one word after the header");
    assert!(HashState::Constant as u64 == 3, "the hash state is two bits");
};
