// refused: `.1` of an allocation keeps the heap borrowed mutably: take the region that is handed back
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
    let p = h
        .alloc_with::<Pair>(|_| PairInit {
            car: Value::nil(),
            cdr: Value::nil(),
        })
        .1;
    h.roots().list.set(p.into());
}

fn main() {}
