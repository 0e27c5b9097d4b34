//! W8, functional lists of boxed numbers: build, map, filter and reverse, each giving a new list.
//!
//! A pass keeps its two lists in local pointers for [`REGION_OBJECTS`] elements, then parks them in roots for a safepoint. Most of
//! what a minor collection finds is alive and soon dead.

use super::{Bench, Outcome, REGION_OBJECTS, RunError};
use tenure::prelude::*;

#[derive(Kind)]
struct Number {
    value: i64,
}

#[derive(Kind)]
struct Cons {
    head: Slot<Ref<Number>>,
    rest: Slot<Opt<Cons>>,
}

#[derive(Roots)]
struct Roots {
    list: Root<Opt<Cons>>,
    out: Root<Opt<Cons>>,
}

object_model! { model Lists { roots: Roots, kinds: [Number, Cons] } }

const OUT_OF_MEMORY: RunError = RunError::OutOfMemory {
    doing: "building a list",
};

/// The list 1..=length.
fn build(h: &mut Heap<Lists>, length: u64) -> Result<(), RunError> {
    h.roots().list.set(None);
    let mut value = length as i64;
    while value > 0 {
        h.safepoint();
        let h = &*h;
        let mut list = h.roots().list.get();
        for _ in 0..REGION_OBJECTS.min(value as u64) {
            let head = h.try_alloc::<Number>(NumberInit { value }).map_err(|_| OUT_OF_MEMORY)?;
            list = Some(
                h.try_alloc::<Cons>(ConsInit { head, rest: list })
                    .map_err(|_| OUT_OF_MEMORY)?,
            );
            value -= 1;
        }
        h.roots().list.set(list);
    }
    Ok(())
}

/// Replaces the list by what `element` makes of each of its heads, reversed; heads without a result are left out.
/// `element` is `None` when memory ran out.
fn pass(
    h: &mut Heap<Lists>,
    element: impl for<'h> Fn(&'h Heap<Lists>, Gc<'h, Number>) -> Option<Option<Gc<'h, Number>>>,
) -> Result<(), RunError> {
    h.roots().out.set(None);
    while h.roots().list.get().is_some() {
        h.safepoint();
        let h = &*h;
        let (mut list, mut out) = (h.roots().list.get(), h.roots().out.get());
        for _ in 0..REGION_OBJECTS {
            let Some(cons) = list else { break };
            if let Some(head) = element(h, cons.head()).ok_or(OUT_OF_MEMORY)? {
                out = Some(
                    h.try_alloc::<Cons>(ConsInit { head, rest: out })
                        .map_err(|_| OUT_OF_MEMORY)?,
                );
            }
            list = cons.rest();
        }
        h.roots().list.set(list);
        h.roots().out.set(out);
    }
    h.roots().list.set(h.roots().out.get());
    h.roots().out.set(None);
    Ok(())
}

pub(super) fn run(sizes: &[u64], bench: &mut Bench) -> Result<Outcome, RunError> {
    let (length, rounds) = (sizes[0], sizes[1]);
    let mut isolate = Isolate::<Lists>::new(bench.config(), RootsInit { list: None, out: None })?;
    isolate.enter(|h| {
        let watch = bench.start();
        let (mut count, mut sum, mut heads) = (0u64, 0i64, 0i64);
        for round in 0..rounds as i64 {
            build(h, length)?;
            pass(h, |h, head| {
                Some(Some(
                    h.try_alloc::<Number>(NumberInit {
                        value: head.value() + round,
                    })
                    .ok()?,
                ))
            })?;
            pass(h, |_, head| Some((head.value() % 2 == 0).then_some(head)))?;
            pass(h, |_, head| Some(Some(head)))?;
            let mut next = h.roots().list.get();
            heads += next.map_or(0, |cons| cons.head().value());
            while let Some(cons) = next {
                count += 1;
                sum += cons.head().value();
                next = cons.rest();
            }
        }
        let span = watch.stop(h, 0);
        let check = format!("W8 n={length} rounds={rounds} count={count} sum={sum} heads={heads}");
        Ok(Outcome {
            check: vec![check],
            span,
            objects: Some(5 * length * rounds),
            ..Outcome::default()
        })
    })
}
