// refused: a kind cannot be built outside of the heap: a value is no slot
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

fn run() -> Pair {
    Pair {
        car: Value::nil(),
        cdr: Value::nil(),
    }
}

fn main() {}
