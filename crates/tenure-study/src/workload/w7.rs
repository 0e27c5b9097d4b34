//! W7, allocation: pairs of two words, of which the last 1024 stay reachable.
//!
//! Every allocation may collect. The ring is part of the roots, where an interpreter keeps what its program holds on to.

use super::{Bench, Outcome, RunError};
use tenure::prelude::*;

const RING: usize = 1024;

#[derive(Kind)]
struct Pair {
    a: u64,
    b: u64,
}

#[derive(Roots)]
struct Roots {
    ring: [Root<Opt<Pair>>; RING],
}

object_model! { model Pairs { roots: Roots, kinds: [Pair] } }

pub(super) fn run(sizes: &[u64], bench: &mut Bench) -> Result<Outcome, RunError> {
    let objects = sizes[0];
    let mut isolate = Isolate::<Pairs>::new(bench.config(), RootsInit { ring: [None; RING] })?;
    isolate.enter(|h| {
        let watch = bench.start();
        for a in 0..objects {
            let (h, pair) =
                h.try_alloc_with::<Pair, _>(|_| PairInit { a, b: a + 1 })
                    .map_err(|_| RunError::OutOfMemory {
                        doing: "allocating a pair",
                    })?;
            h.roots().ring[a as usize % RING].set(Some(pair));
        }
        let span = watch.stop(h, 0);
        let sum: u64 = h
            .roots()
            .ring
            .iter()
            .filter_map(|root| root.get())
            .map(|pair| pair.a() + pair.b())
            .sum();
        let check = vec![format!("W7 n={objects} sum={sum}")];
        Ok(Outcome {
            check,
            span,
            objects: Some(objects),
            ..Outcome::default()
        })
    })
}
