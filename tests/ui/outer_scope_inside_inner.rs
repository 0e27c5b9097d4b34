// refused: an outer scope makes no locals while an inner one is open
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
        outer.scope(|inner| {
            outer.empty::<Opt<Pair>>();
            inner.empty::<Opt<Pair>>();
        });
    });
}

fn main() {}
