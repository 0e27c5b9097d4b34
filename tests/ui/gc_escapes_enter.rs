// refused: a pointer does not leave the isolate
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

fn run(isolate: &mut Isolate<Lox>) {
    let p = isolate.enter(|h| {
        h.alloc::<Pair>(PairInit {
            car: Value::nil(),
            cdr: Value::nil(),
        })
    });
    assert!(p.car().is_nil());
}

fn main() {}
