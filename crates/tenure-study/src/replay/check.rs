//! Whether the heap holds the graph of the snapshot: every node, every edge, every word of data.
//!
//! The idea: walk the heap from the root over its slots, and compare each object with the file by the ordinal it carries: its
//! kind and length, the ordinals that its edges lead to, its data. Count, bytes and the edge checksum are summed from what
//! the heap holds, not from the file. Linear in the graph, one bit and one stack entry per object outside of the heap.
//! It finds no object that is garbage and still there; the verifier and the live bytes of a full collection do.

use super::model::{self, Layout, Replay};
use super::shape::Shape;
use crate::workload::RunError;
use tenure::prelude::*;
use tenure_snapshot::{GraphTotals, mix_edge};

/// What the heap was found to hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) totals: GraphTotals,
    /// Bytes in the heap, headers included.
    pub(super) heap_bytes: u64,
}

/// Walks the heap; the first difference is an error that names the object.
pub(super) fn check(h: &Heap<Replay>, shape: &Shape<'_>) -> Result<Found, RunError> {
    let mut seen = vec![false; shape.snapshot.node_count() as usize];
    let mut found = Found::default();
    let top = h.roots().top.get();
    expect(shape, &"the root", top, shape.root)?;
    seen[shape.root as usize] = true;
    let mut open = vec![top];
    while let Some(object) = open.pop() {
        let Some(ordinal) = model::ordinal(object) else {
            continue;
        };
        let name = || shape.describe(ordinal);
        let expected = shape.layout(ordinal);
        let slots = model::slots(object);
        let data = model::data(object);
        let targets = shape.edges(ordinal);
        let edges = targets.len();
        let actual = Layout {
            edges,
            surplus_words: (slots.len() + data.len()).wrapping_sub(edges),
        };
        if slots.len() < edges || actual != expected {
            return Err(RunError::Wrong(format!(
                "{} has {} slots and {} data words instead of {edges} edges and {} more words",
                name(),
                slots.len(),
                data.len(),
                expected.surplus_words
            )));
        }
        if let Some(index) = (0..data.len()).find(|&index| data[index] != model::data_word(ordinal, index)) {
            return Err(RunError::Wrong(format!(
                "data word {index} of {} is {:#x}",
                name(),
                data[index]
            )));
        }
        for (index, (slot, &target)) in slots.iter().zip(targets).enumerate() {
            let value = slot.get();
            expect(shape, &format_args!("edge {index} of {}", name()), value, target)?;
            found.totals.edges += 1;
            found.totals.edge_checksum = found
                .totals
                .edge_checksum
                .wrapping_add(mix_edge(shape.id(ordinal), shape.id(target)));
            if !std::mem::replace(&mut seen[target as usize], true) {
                open.push(value);
            }
        }
        if let Some(index) = slots[edges..].iter().position(|slot| !slot.get().is_nil()) {
            return Err(RunError::Wrong(format!(
                "unused slot {} of {} is not nil",
                edges + index,
                name()
            )));
        }
        found.totals.nodes += 1;
        found.totals.self_size += shape.snapshot.node(ordinal).self_size;
        found.heap_bytes += actual.bytes();
    }
    Ok(found)
}

fn expect(
    shape: &Shape<'_>,
    place: &dyn std::fmt::Display,
    value: Value<'_, Replay>,
    target: u32,
) -> Result<(), RunError> {
    match model::ordinal(value) {
        Some(ordinal) if ordinal == target => Ok(()),
        Some(other) => Err(RunError::Wrong(format!(
            "{place} leads to {} instead of {}",
            shape.describe(other),
            shape.describe(target)
        ))),
        None => Err(RunError::Wrong(format!(
            "{place} leads to no node instead of {}",
            shape.describe(target)
        ))),
    }
}
