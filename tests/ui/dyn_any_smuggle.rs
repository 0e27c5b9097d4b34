// refused: a pointer does not hide its lifetime in a `dyn Any`
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
    let hidden: Box<dyn std::any::Any> = Box::new(h.alloc::<Pair>(PairInit {
        car: Value::nil(),
        cdr: Value::nil(),
    }));
    h.collect();
    drop(hidden);
}

fn main() {}
