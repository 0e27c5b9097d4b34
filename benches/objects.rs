//! The objects that several benchmarks build their heaps of: six words each, with four links.
//!
//! They hang from one array. A kind costs nothing until objects of it are made; what the links mean is the benchmark's.

use tenure::prelude::*;

/// Bytes of an object, header included.
#[allow(dead_code, reason = "only the programs that are given a size in bytes need it")]
pub(crate) const OBJECT_BYTES: usize = 48;

#[derive(Kind)]
pub(crate) struct Object {
    pub(crate) id: u64,
    pub(crate) links: [Slot<Opt<Object>>; 4],
}

#[derive(Kind)]
#[tail(Slot<Opt<Object>>)]
pub(crate) struct Array {}

#[derive(Roots)]
pub(crate) struct Roots {
    pub(crate) array: Root<Opt<Array>>,
}

object_model! { pub(crate) model Objects { roots: Roots, kinds: [Object, Array] } }

/// Returns the array that everything hangs from.
pub(crate) fn array(h: &Heap<Objects>) -> Gc<'_, Array> {
    h.roots().array.get().expect("set before anything is built")
}
