//! Symbols: names of which there is one object, so that comparing them ends with the first compare.
//!
//! Names in chunks are made symbols when the chunk is loaded. That is for speed alone: strings that programs make are none, and no result
//! depends on it. So the set of names need not be complete, and is begun anew when it has grown large. One probe for each name loaded.

use super::string::{new_string, short_string};
use super::table::{NodesMethods, TableFields, TableMethods, new_table};
use super::{NoRoom, Objects, Str};
use tenure::prelude::*;

/// Longer strings are no names.
const LENGTH_MAX: usize = 40;
/// Names of chunks after which the set is begun anew: enough for large programs, and little memory.
const SYMBOLS_MAX: u32 = 1 << 15;

/// Returns the string with these bytes, the same object for equal names if there is one.
pub(crate) fn symbol<'h>(h: &'h Heap<Objects>, bytes: &[u8]) -> Result<Gc<'h, Str>, NoRoom> {
    let found = |set: Option<Gc<'h, super::Table>>| set.and_then(|set| set.nodes().find_bytes(bytes));
    let roots = h.roots();
    if bytes.len() <= LENGTH_MAX
        && let Some(string) = found(roots.names.get()).or_else(|| found(roots.symbols.get()))
    {
        return Ok(string);
    }
    if let Some(string) = short_string(h, bytes) {
        return Ok(string);
    }
    let string = new_string(h, bytes)?;
    super::StrMethods::hash(string);
    if bytes.len() <= LENGTH_MAX {
        let set = match roots.symbols.get() {
            Some(set) if set.nodes().get().capacity < SYMBOLS_MAX => set,
            _ => {
                let set = new_table(h, 0, 64).map_err(|_| NoRoom { bytes: 4096 })?;
                roots.symbols.set(Some(set));
                set
            }
        };
        // Without memory for the set, the name is one that is no symbol.
        let _ = set.set_str(h, string, Value::bool(true));
    }
    Ok(string)
}

/// Keeps the symbols made so far for good.
pub(crate) fn keep_names(h: &Heap<Objects>) {
    h.roots().names.set(h.roots().symbols.get());
    h.roots().symbols.set(None);
}
