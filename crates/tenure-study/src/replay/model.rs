//! How a node of a snapshot lies in the heap: its slots first, then as many bytes of data as its self size leaves.
//!
//! The idea: V8's own sizes are kept. A node's self size counts V8's map word, which stands for the header here; what is left
//! after header, ordinal and slots becomes plain data, which a collector copies but never scans. Nodes with up to four
//! edges (nine in ten of those that hold data) have a kind of their own per number of edges with a tail of data; those with
//! more are a tail of slots whose surplus stays nil, as in a large array that is not full. A node whose self size is less
//! than its slots take (V8 counts elements in a backing store, and lists them at the object too) gets larger than in V8;
//! [`Layout::bytes`] says how large.

use tenure::prelude::*;

macro_rules! data_kinds {
    ($($kind:ident $edges:literal,)*) => {
        $(
            #[derive(Kind)]
            #[tail(Frozen<u64>)]
            pub(super) struct $kind {
                pub(super) ordinal: u64,
                pub(super) edges: [Slot<Dyn<Replay>>; $edges],
            }
        )*
    };
}

data_kinds! { Data1 1, Data2 2, Data3 3, Data4 4, }

/// A node without edges.
#[derive(Kind)]
#[tail(Frozen<u64>)]
pub(super) struct Data0 {
    ordinal: u64,
}

/// A node with more than four edges; the slots after the edges are nil.
#[derive(Kind)]
#[tail(Slot<Dyn<Replay>>)]
pub(super) struct Slots {
    ordinal: u64,
}

/// A piece of the table that finds nodes by ordinal while a snapshot is being loaded.
#[derive(Kind)]
#[tail(Slot<Dyn<Replay>>)]
pub(super) struct TablePart {}

/// All pieces of the table.
#[derive(Kind)]
#[tail(Slot<Opt<TablePart>>)]
pub(super) struct Table {}

#[derive(Roots)]
pub(super) struct Roots {
    /// The snapshot's root.
    pub(super) top: Root<Dyn<Replay>>,
    /// Every node loaded so far; gone after loading.
    pub(super) table: Root<Opt<Table>>,
}

object_model! {
    pub(super) model Replay {
        roots: Roots,
        kinds: [Data0, Data1, Data2, Data3, Data4, Slots, TablePart, Table],
    }
}

/// Most edges of a node with a data tail.
const MAX_DATA_EDGES: usize = 4;
const WORD_BYTES: u64 = 8;
/// Header and ordinal.
const FIXED_WORDS: u64 = 2;

/// Words of a node after its fixed ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) edges: usize,
    /// Words after the edges: data, or nil slots.
    pub(super) surplus_words: usize,
}

impl Layout {
    pub(super) fn new(self_size: u64, edges: usize) -> Self {
        let words = self_size.div_ceil(WORD_BYTES);
        Layout {
            edges,
            surplus_words: words.saturating_sub(FIXED_WORDS + edges as u64) as usize,
        }
    }

    /// Bytes in the heap, header included.
    pub(super) fn bytes(self) -> u64 {
        (FIXED_WORDS + self.edges as u64 + self.surplus_words as u64) * WORD_BYTES
    }
}

/// The data word that a node holds at a place: nothing else in the heap looks like it.
pub(super) fn data_word(ordinal: u32, index: usize) -> u64 {
    (u64::from(ordinal) << 32 | index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// Runs the expression with the node's pointer, whatever its kind; otherwise the last one.
macro_rules! by_kind {
    ($node:expr, data $data:ident => $data_result:expr, slots $slots:ident => $slots_result:expr, other => $other:expr) => {{
        let node = $node;
        if let Some($data) = node.cast::<Data1>() {
            $data_result
        } else if let Some($data) = node.cast::<Data2>() {
            $data_result
        } else if let Some($data) = node.cast::<Data3>() {
            $data_result
        } else if let Some($data) = node.cast::<Data4>() {
            $data_result
        } else if let Some($slots) = node.cast::<Slots>() {
            $slots_result
        } else {
            $other
        }
    }};
}

/// The ordinal of a node; `None` for what is no node.
pub(super) fn ordinal(node: Value<'_, Replay>) -> Option<u32> {
    let word = by_kind!(node,
        data data => data.ordinal(),
        slots slots => slots.ordinal(),
        other => node.cast::<Data0>()?.ordinal());
    Some(word as u32)
}

/// The slots of a node, the unused ones included.
pub(super) fn slots<'h>(node: Value<'h, Replay>) -> &'h [Slot<Dyn<Replay>>] {
    by_kind!(node,
        data data => data.edges().as_slice(),
        slots slots => slots.tail(),
        other => &[])
}

/// The data words of a node.
pub(super) fn data<'h>(node: Value<'h, Replay>) -> &'h [u64] {
    by_kind!(node,
        data data => data.tail(),
        slots _slots => &[],
        other => node.cast::<Data0>().map_or(&[], |data| data.tail()))
}

/// Stores an edge.
pub(super) fn set_edge(h: &Heap<Replay>, node: Value<'_, Replay>, index: usize, target: Value<'_, Replay>) {
    by_kind!(node,
        data data => data.put(h, |data| &data.edges[index], target),
        slots slots => slots.tail_set(h, index, target),
        other => debug_assert!(false, "a node without slots has no edge {index}"));
}

/// Allocates a node in a region. `edge` gives the targets by index.
pub(super) fn allocate<'h>(
    h: &'h Heap<Replay>,
    ordinal: u32,
    layout: Layout,
    mut edge: impl FnMut(usize) -> Value<'h, Replay>,
) -> Option<Value<'h, Replay>> {
    let word = |index| data_word(ordinal, index);
    let surplus = layout.surplus_words;
    let ordinal = u64::from(ordinal);
    macro_rules! data_node {
        ($kind:ident, $init:ident) => {{
            let edges = std::array::from_fn(&mut edge);
            h.try_alloc_tail::<$kind, _>(surplus, $init { ordinal, edges }, word)
                .ok()?
                .to_value()
        }};
    }
    Some(match layout.edges {
        0 => h
            .try_alloc_tail::<Data0, _>(surplus, Data0Init { ordinal }, word)
            .ok()?
            .to_value(),
        1 => data_node!(Data1, Data1Init),
        2 => data_node!(Data2, Data2Init),
        3 => data_node!(Data3, Data3Init),
        MAX_DATA_EDGES => data_node!(Data4, Data4Init),
        edges => {
            let element = |index| if index < edges { edge(index) } else { Value::nil() };
            h.try_alloc_tail::<Slots, _>(edges + surplus, SlotsInit { ordinal }, element)
                .ok()?
                .to_value()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn self_sizes_are_kept_where_the_slots_fit() {
        assert_eq!(Layout::new(0, 0).bytes(), 16);
        assert_eq!(
            Layout::new(24, 1),
            Layout {
                edges: 1,
                surplus_words: 0
            }
        );
        assert_eq!(Layout::new(24, 1).bytes(), 24);
        assert_eq!(Layout::new(25, 1).bytes(), 32, "rounded up to words");
        assert_eq!(Layout::new(1_000_000, 3).bytes(), 1_000_000);
        assert_eq!(Layout::new(8, 7).bytes(), 72, "larger than in V8");
    }
}
