// refused: a pointer does not survive an allocation that may collect
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
    let (_, p) = h.alloc_with::<Pair>(|_| PairInit {
        car: Value::nil(),
        cdr: Value::nil(),
    });
    let (_, q) = h.alloc_with::<Pair>(|_| PairInit {
        car: Value::nil(),
        cdr: Value::nil(),
    });
    assert!(p != q);
}

fn main() {}
