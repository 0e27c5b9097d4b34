// refused: a leaked isolate cannot be entered twice at once
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

fn run(isolate: &'static mut Isolate<Lox>) {
    isolate.enter(|outer| {
        isolate.enter(|inner| inner.collect());
        outer.collect();
    });
}

fn main() {}
