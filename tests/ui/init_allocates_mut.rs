// refused: an initializer cannot collect through the heap it is given
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
    h.alloc_with::<Pair>(|h| {
        h.collect();
        PairInit {
            car: Value::nil(),
            cdr: Value::nil(),
        }
    });
}

fn main() {}
