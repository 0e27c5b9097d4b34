//! Prints what the heap's own tables take, beside the memory that holds objects.
//!
//! The tables are the allocation and color bitmaps, the mark stack, the remembered set and the root areas. The first two
//! grow with the heap, 1/64 each; the others have a size of their own, so small heaps have the larger share.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use tenure::prelude::*;

#[derive(Kind)]
struct Node {
    left: Slot<Opt<Node>>,
    right: Slot<Opt<Node>>,
}

#[derive(Kind)]
#[tail(u8)]
struct Bytes {}

#[derive(Kind)]
#[tail(Slot<Dyn<Mixed>>)]
struct Array {}

#[derive(Roots)]
struct Roots {
    array: Root<Opt<Array>>,
}

object_model! { model Mixed { roots: Roots, kinds: [Node, Bytes, Array] } }

/// What an element of the array is.
#[derive(Clone, Copy)]
enum Element {
    Pair,
    Bytes(usize),
}

impl Element {
    /// Its size, with the header.
    fn bytes(self) -> usize {
        match self {
            Element::Pair => 24,
            Element::Bytes(length) => 8 + length,
        }
    }
}

/// Fills a heap with about `target_bytes` of elements, collects, and prints a row.
fn measure(name: &str, target_bytes: usize, element: Element) -> Result<(), HeapError> {
    let mut isolate = Isolate::<Mixed>::new(HeapConfig::new(), RootsInit { array: None })?;
    let count = target_bytes / (element.bytes() + 8);
    isolate.enter(|h| {
        let (region, array) = h.alloc_tail_zeroed_with::<Array>(count, |_| ArrayInit {});
        region.roots().array.set(Some(array));
        for i in 0..count {
            h.safepoint();
            let h = &*h;
            let value = match element {
                Element::Pair => h
                    .alloc::<Node>(NodeInit {
                        left: None,
                        right: None,
                    })
                    .to_value(),
                Element::Bytes(length) => h.alloc_tail_zeroed::<Bytes>(length, BytesInit {}).to_value(),
            };
            if let Some(array) = h.roots().array.get() {
                array.tail_set(h, i, value);
            }
        }
        h.collect();
    });
    let sizes = isolate.statistics().sizes;
    let heap_bytes = sizes.committed_bytes() - sizes.bookkeeping_bytes;
    println!(
        "{name:<28} {:>9.2} {:>9.2} {:>12.3} {:>8.2} %",
        sizes.used_bytes() as f64 / 1e6,
        heap_bytes as f64 / 1e6,
        sizes.bookkeeping_bytes as f64 / 1e6,
        100.0 * sizes.bookkeeping_bytes as f64 / heap_bytes as f64
    );
    Ok(())
}

fn main() -> ExitCode {
    println!(
        "{:<28} {:>9} {:>9} {:>12} {:>10}",
        "heap", "used MB", "heap MB", "tables MB", "tables"
    );
    let rows = [
        ("1 MB of pairs of slots", 1 << 20, Element::Pair),
        ("16 MB of pairs of slots", 16 << 20, Element::Pair),
        ("128 MB of pairs of slots", 128 << 20, Element::Pair),
        ("1 GB of pairs of slots", 1 << 30, Element::Pair),
        ("128 MB of 1 KiB of bytes", 128 << 20, Element::Bytes(1024)),
        ("128 MB of 1 MiB of bytes", 128 << 20, Element::Bytes(1 << 20)),
    ];
    for (name, bytes, element) in rows {
        if let Err(error) = measure(name, bytes, element) {
            eprintln!("bookkeeping: {name}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
