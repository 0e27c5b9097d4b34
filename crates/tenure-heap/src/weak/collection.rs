//! What the two kinds of collection have in common: passing pairs and clearing what is dead.

use std::ops::Range;

use tenure_object::{KindTable, ObjectRef, PairMode};

/// A collection that knows what is alive so far, and can keep more.
pub(super) trait Collection {
    /// Returns where what `word` refers to is now, or `word` itself if it refers to nothing; nothing if that is dead so
    /// far.
    fn resolve(&self, word: u64) -> Option<u64>;

    /// Keeps what `slot` refers to, and stores where it is now.
    ///
    /// # Safety
    ///
    /// `slot` must hold what a slot may hold (SLOT-TYPED).
    unsafe fn keep(&mut self, slot: *mut u64);

    /// Called for each word of the live `owner` that a collection leaves in place, after its last change.
    fn settle(&mut self, owner: ObjectRef, slot: *const u64);
}

/// When words are cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clearing {
    /// Before finalizers keep what they need.
    BeforeFinalizers,
    /// Afterwards: for good.
    Last,
}

/// Keeps what the pairs of a live table keep now. Returns how many wait for their keys, and whether anything was kept
/// that was dead so far.
///
/// # Safety
///
/// `table` must be a live object with so many pairs (KIND-LAYOUT).
pub(super) unsafe fn pass(
    collection: &mut impl Collection,
    kinds: &KindTable,
    table: ObjectRef,
    pairs: Range<usize>,
) -> (usize, bool) {
    // SAFETY: OBJ-HEADER is the caller's obligation.
    let header = unsafe { table.header() };
    // SAFETY: KIND-LAYOUT, as above.
    let (first, count, mode) = unsafe { table.pairs(header, kinds) };
    let (mut waiting, mut kept) = (0, false);
    for pair in pairs.start..pairs.end.min(count) {
        let key = first.wrapping_add(2 * pair);
        let slot = match mode {
            // SAFETY: KIND-LAYOUT, the tail has `count` pairs.
            PairMode::WeakKey if collection.resolve(unsafe { *key }).is_none() => {
                waiting += 1;
                continue;
            }
            PairMode::WeakKey | PairMode::Guard => key.wrapping_add(1),
            PairMode::WeakValue => key,
            PairMode::WeakBoth => break,
        };
        // SAFETY: KIND-LAYOUT and SLOT-TYPED, a word of the pair.
        kept |= collection.resolve(unsafe { *slot }).is_none();
        // SAFETY: SLOT-TYPED, as above.
        unsafe { collection.keep(slot) };
    }
    (waiting, kept)
}

/// Clears the pairs of a live table whose objects are dead. Returns whether the table has to be put into the queue of
/// those that have something to report, and notes in the table that it is.
///
/// # Safety
///
/// As for [`pass`].
pub(super) unsafe fn clear_pairs(
    collection: &mut impl Collection,
    kinds: &KindTable,
    table: ObjectRef,
    pairs: Range<usize>,
    clearing: Clearing,
) -> bool {
    // SAFETY: OBJ-HEADER is the caller's obligation.
    let header = unsafe { table.header() };
    // SAFETY: KIND-LAYOUT, as above.
    let (first, count, mode) = unsafe { table.pairs(header, kinds) };
    let last = clearing == Clearing::Last;
    let (mut emptied, mut first_emptied) = (0, u64::MAX);
    for pair in pairs.start..pairs.end.min(count) {
        let (key, value) = (first.wrapping_add(2 * pair), first.wrapping_add(2 * pair + 1));
        // SAFETY: KIND-LAYOUT, the tail has `count` pairs.
        let (key_word, value_word) = unsafe { (*key, *value) };
        if key_word == 0 {
            if mode == PairMode::Guard && last {
                collection.settle(table, value);
            }
            continue;
        }
        let (key_now, value_now) = (collection.resolve(key_word), collection.resolve(value_word));
        let (key_word, value_word) = match (mode, key_now, value_now) {
            (PairMode::WeakKey | PairMode::Guard, None, _) | (PairMode::WeakBoth, None, Some(_)) if !last => continue,
            (PairMode::Guard, None, _) => {
                emptied += 1;
                first_emptied = first_emptied.min(pair as u64);
                (0, value_now.unwrap_or(value_word))
            }
            (_, Some(key_word), Some(value_word)) => (key_word, value_word),
            _ => {
                emptied += 1;
                (0, 0)
            }
        };
        // SAFETY: KIND-LAYOUT and SLOT-TYPED, the pair with its objects where they are now, or emptied.
        unsafe {
            *key = key_word;
            *value = value_word;
        }
        if last {
            collection.settle(table, key);
            collection.settle(table, value);
        }
    }
    if emptied == 0 {
        return false;
    }
    let prefix = table.payload() as *mut u64;
    // SAFETY: KIND-LAYOUT, the first word of a table counts the emptied pairs.
    unsafe { *prefix += emptied };
    if mode != PairMode::Guard {
        return false;
    }
    // SAFETY: KIND-LAYOUT, so do the second and third of one with guards say where they begin, and that it is queued.
    unsafe {
        *prefix.add(1) = first_emptied.min(*prefix.add(1));
        std::ptr::replace(prefix.add(2), 1) == 0
    }
}

/// Clears the weak words of a live object whose objects are dead.
///
/// # Safety
///
/// `object` must be a live object (OBJ-HEADER, KIND-LAYOUT).
#[inline(always)]
pub(super) unsafe fn clear_words(
    collection: &mut impl Collection,
    kinds: &KindTable,
    object: ObjectRef,
    clearing: Clearing,
) {
    // SAFETY: OBJ-HEADER is the caller's obligation.
    let header = unsafe { object.header() };
    // SAFETY: KIND-LAYOUT, as above; SLOT-TYPED for each word.
    unsafe {
        object.visit_weak(header, kinds, |slot| {
            let (before, now) = (*slot, collection.resolve(*slot).unwrap_or(0));
            if now != before {
                *slot = now;
            }
            if clearing == Clearing::Last {
                collection.settle(object, slot);
            }
        });
    }
}

/// Calls `visit` with the numbers of the native resources of a dead object, whose words are still in place.
///
/// # Safety
///
/// As for [`clear_words`].
pub(super) unsafe fn visit_natives(kinds: &KindTable, object: ObjectRef, mut visit: impl FnMut(u64)) {
    // SAFETY: OBJ-HEADER is the caller's obligation.
    let header = unsafe { object.header() };
    // SAFETY: KIND-LAYOUT, as above.
    unsafe {
        object.visit_natives(header, kinds, |word| {
            if *word != 0 {
                visit(*word);
            }
        });
    }
}
