// refused: a pointer does not go to another thread
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

fn run(p: Gc<'_, Pair>) {
    std::thread::scope(|threads| {
        threads.spawn(move || p.car().is_nil());
    });
}

fn main() {}
