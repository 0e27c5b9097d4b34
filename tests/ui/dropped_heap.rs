// refused: a pointer does not outlive its heap
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

fn run(mut isolate: Isolate<Lox>) {
    let mut out: Option<Value<'_, Lox>> = None;
    isolate.enter(|h| out = Some(h.roots().list.get()));
    drop(isolate);
    assert!(out.is_some());
}

fn main() {}
