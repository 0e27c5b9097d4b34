// refused: a reference to an object does not survive an allocation that may collect
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
    let pair: &Pair = h
        .alloc::<Pair>(PairInit {
            car: Value::nil(),
            cdr: Value::nil(),
        })
        .get();
    h.alloc_with::<Pair>(|_| PairInit {
        car: Value::nil(),
        cdr: Value::nil(),
    });
    assert!(pair.car.get().is_nil());
}

fn main() {}
