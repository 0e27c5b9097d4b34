// refused: the projection of `put` returns a field of its argument, not a captured slot
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

fn run(h: &Heap<Lox>, p: Gc<'_, Pair>, q: Gc<'_, Pair>) {
    let slot = &q.get().car;
    p.put(h, |_| slot, Value::nil());
}

fn main() {}
