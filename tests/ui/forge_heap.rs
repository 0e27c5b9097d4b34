// refused: a heap is made by an isolate only
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

fn run() {
    let _heap = Heap::<Lox>::new(HeapConfig::new(), RootsInit { list: Value::nil() });
}

fn main() {}
