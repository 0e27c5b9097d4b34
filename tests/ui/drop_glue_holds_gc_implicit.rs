// refused: the destructor of a boxed closure, which can look at a pointer, does not run after a collection
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
    let _boxed: Box<dyn Fn() -> bool + '_> = Box::new(move || p.car().is_nil());
    h.collect();
}

fn main() {}
