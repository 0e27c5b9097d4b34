// refused: an initializer cannot use a pointer from before its allocation
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
    h.alloc_with::<Pair>(|_| PairInit {
        car: p.into(),
        cdr: Value::nil(),
    });
}

fn main() {}
