// refused: objects are never borrowed mutably
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

fn run(mut p: Gc<'_, Pair>) {
    let pair: &mut Pair = &mut p;
    let _ = pair;
}

fn main() {}
