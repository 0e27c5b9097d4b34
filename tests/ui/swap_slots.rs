// refused: slots cannot be exchanged without the barrier
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

fn run(p: Gc<'_, Pair>, q: Gc<'_, Pair>) {
    std::mem::swap(&mut p.get().car, &mut q.get().cdr);
}

fn main() {}
