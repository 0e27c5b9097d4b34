// refused: a function that may collect takes no pointers: pass a place
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

fn cons(h: &mut Heap<Lox>, first: Gc<'_, Pair>) {
    h.safepoint();
    assert!(first.car().is_nil());
}
fn run(h: &mut Heap<Lox>) {
    let p = h.alloc::<Pair>(PairInit {
        car: Value::nil(),
        cdr: Value::nil(),
    });
    cons(h, p);
}

fn main() {}
