// refused: no pointer lives forever, even if its isolate does
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

fn run(isolate: Isolate<Lox>) {
    let isolate: &'static mut Isolate<Lox> = Box::leak(Box::new(isolate));
    let p: Gc<'static, Pair> = isolate.enter(|h| {
        h.alloc_with::<Pair>(|_| PairInit {
            car: Value::nil(),
            cdr: Value::nil(),
        })
        .1
    });
    assert!(p.car().is_nil());
}

fn main() {}
