// refused: a closure does not carry a pointer over a collection
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
    let p = h.alloc::<Pair>(PairInit {
        car: Value::nil(),
        cdr: Value::nil(),
    });
    let read = || p.car().is_nil();
    h.collect();
    assert!(read());
}

fn main() {}
