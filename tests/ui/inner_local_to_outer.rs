// refused: a local of an inner scope is not kept as one of an outer scope
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Kind)]
struct Pair {
    car: Slot<Dyn<Lox>>,
    cdr: Slot<Dyn<Lox>>,
}
#[derive(Roots)]
struct Roots {
    list: Root<Dyn<Lox>>,
}
object_model! { model Lox { roots: Roots, kinds: [Pair] } }

fn run(h: &mut Heap<Lox>) {
    h.scope(|outer| {
        let mut kept = outer.empty::<Opt<Pair>>();
        outer.scope(|inner| kept = inner.empty::<Opt<Pair>>());
        assert!(kept.get(outer).is_none());
    });
}

fn main() {}
