//! The length of a table: a border, that is n with t[n] ~= nil and t[n + 1] == nil.
//!
//! If the last element of the array part is nil, a border lies in it and is found by binary search, unless one is near where the last
//! search ended, as when elements are added or removed at the end. Otherwise the hash part is searched by doubling. Logarithmic at worst.

use super::{Table, TableFields, TableMethods, Val, WeakPartMethods};
use tenure::prelude::*;

/// Returns a border of the table.
pub(crate) fn border(table: Gc<'_, Table>) -> i64 {
    // A weak table has no array part of its own.
    if table.array().tail_len() == 0
        && let Some(weak) = table.weak()
    {
        return weak.border();
    }
    border_with(table, |value| value.is_nil())
}

/// Returns a border of the table as if all values of which `is_absent` holds were nil.
#[inline]
pub(super) fn border_with<'h>(table: Gc<'h, Table>, is_absent: impl Fn(Val<'h>) -> bool) -> i64 {
    let array = table.array().tail();
    let is_nil = |index: usize| array.get(index).is_none_or(|slot| is_absent(slot.get()));
    let length = array.len();
    if length == 0 || !is_nil(length - 1) {
        if table.nodes().get().capacity == 0 || is_absent(table.get_int(length as i64 + 1)) {
            return length as i64;
        }
        return search_nodes(|key| !is_absent(table.get_int(key as i64)), length as u64);
    }
    // A border lies below the last element. `t[i]` is at index i - 1.
    let hint = (table.border.get() as usize).min(length - 1);
    let found = if hint == 0 {
        search_below(&is_nil, length)
    } else if is_nil(hint - 1) {
        search_below(&is_nil, hint)
    } else if is_nil(hint) {
        hint
    } else if is_nil(hint + 1) {
        hint + 1
    } else {
        search_array(&is_nil, hint + 1, length)
    };
    table.border.set(found as u32);
    found as i64
}

/// Finds a border below `high`, which is absent.
fn search_below(is_nil: &impl Fn(usize) -> bool, high: usize) -> usize {
    if high >= 2 && !is_nil(high - 2) {
        high - 1
    } else {
        search_array(is_nil, 0, high)
    }
}

/// Finds a border between `low`, which is 0 or present, and `high`, which is absent.
fn search_array(is_nil: &impl Fn(usize) -> bool, mut low: usize, mut high: usize) -> usize {
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if is_nil(middle - 1) {
            high = middle;
        } else {
            low = middle;
        }
    }
    low
}

/// Finds a border above `low`, which is 0 or present, and whose successor is present.
fn search_nodes(present: impl Fn(u64) -> bool, mut low: u64) -> i64 {
    const MAX: u64 = i64::MAX as u64;
    let mut high = low + 1;
    while present(high) {
        low = high;
        if high > MAX / 2 {
            // A table made to look like this has an entry for each power of two.
            if present(MAX) {
                return MAX as i64;
            }
            high = MAX;
            break;
        }
        high *= 2;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if present(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low as i64
}
