//! Strings: immutable bytes with a hash that is computed when it is first asked for.
//!
//! Strings are not interned: making one costs an allocation by moving a pointer and a copy, and no look-up, so programs that build
//! strings pay for the bytes alone. Equality is pointer equality at best, otherwise lengths, hashes if both are known, and bytes.
//! Strings of one byte are made once only. Names in programs are made one object each when a chunk is loaded, which lets table look-ups
//! end with the first compare. The hash is no defense against chosen collisions.

use super::{Array, NoRoom, Objects};
use tenure::prelude::*;

/// A string. The bytes are the tail.
#[derive(Kind)]
#[tail(Frozen<u8>)]
pub(crate) struct Str {
    /// The hash, or 0 as long as nobody asked.
    pub(crate) cached_hash: Cell<u32>,
}

/// What strings do.
pub(crate) trait StrMethods<'h>: Copy {
    /// Returns the hash. Linear in the length at the first call, then a load and a test.
    fn hash(self) -> u32;
    /// Returns whether both have the same bytes.
    fn same_bytes(self, other: Gc<'_, Str>) -> bool;
}

impl<'h> StrMethods<'h> for Gc<'h, Str> {
    #[inline(always)]
    fn hash(self) -> u32 {
        match self.cached_hash.get() {
            0 => compute_hash(self),
            hash => hash,
        }
    }

    #[inline]
    fn same_bytes(self, other: Gc<'_, Str>) -> bool {
        if self.ptr_eq(other) {
            return true;
        }
        let (a, b) = (self.cached_hash.get(), other.cached_hash.get());
        if self.tail_len() != other.tail_len() || (a != b && a != 0 && b != 0) {
            return false;
        }
        self.tail() == other.tail()
    }
}

#[cold]
#[inline(never)]
fn compute_hash(string: Gc<'_, Str>) -> u32 {
    let hash = hash_bytes(string.tail());
    string.cached_hash.set(hash);
    hash
}

/// Returns the hash of bytes; never 0. Eight bytes at a time by multiplication; both ends of the result are mixed.
pub(crate) fn hash_bytes(bytes: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = bytes.len() as u64;
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        hash = (hash.rotate_left(23) ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    }
    let mut word = [0; 8];
    word[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    hash = (hash.rotate_left(23) ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    ((hash ^ hash >> 32) as u32).max(1)
}

/// Number of strings that are made once only: those of one byte, and the empty one.
pub(crate) const SHORT_STRINGS: usize = 257;

/// Returns the string with these bytes if it is one of those that are made once only, and if it is there or there is room for it.
///
/// Programs that look at one byte after the other make many of them: they cost nothing then, and comparing them ends with the first
/// compare.
#[inline]
pub(crate) fn short_string<'h>(h: &'h Heap<Objects>, bytes: &[u8]) -> Option<Gc<'h, Str>> {
    let index = match *bytes {
        [byte] => usize::from(byte),
        [] => SHORT_STRINGS - 1,
        _ => return None,
    };
    let strings = h.roots().short_strings.get()?;
    match strings.tail().get(index)?.get().cast::<Str>() {
        Some(string) => Some(string),
        None => make_short_string(h, strings, index, bytes),
    }
}

#[cold]
#[inline(never)]
fn make_short_string<'h>(
    h: &'h Heap<Objects>,
    strings: Gc<'h, Array>,
    index: usize,
    bytes: &[u8],
) -> Option<Gc<'h, Str>> {
    let string = new_string(h, bytes).ok()?;
    string.hash();
    strings.tail_set(h, index, string.into());
    Some(string)
}

/// Allocates a string in a region.
#[inline]
pub(crate) fn new_string<'h>(h: &'h Heap<Objects>, bytes: &[u8]) -> Result<Gc<'h, Str>, NoRoom> {
    h.try_alloc_slice::<Str>(StrInit { cached_hash: 0 }, bytes)
        .map_err(|_| no_room(bytes.len()))
}

/// Allocates a string made of several pieces in a region.
#[inline]
pub(crate) fn new_string_of<'h>(h: &'h Heap<Objects>, pieces: &[&[u8]]) -> Result<Gc<'h, Str>, NoRoom> {
    h.try_alloc_pieces::<Str>(StrInit { cached_hash: 0 }, pieces)
        .map_err(|_| no_room(pieces.iter().fold(0, |sum, piece| piece.len().saturating_add(sum))))
}

#[cold]
fn no_room(length: usize) -> NoRoom {
    NoRoom {
        bytes: length.saturating_add(32),
    }
}
