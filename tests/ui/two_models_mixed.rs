// refused: an object of one model is not stored into a heap of another
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Kind)]
struct Pair {
    car: Slot<Dyn<One>>,
}
object_model! { model One { kinds: [Pair] } }

#[derive(Kind)]
struct Box2 {
    value: Slot<Dyn<Two>>,
}
object_model! { model Two { kinds: [Box2] } }

fn run(h: &Heap<One>, pair: Gc<'_, Pair>, boxed: Gc<'_, Box2>) {
    pair.get().car.set(h, Value::from(boxed));
}

fn main() {}
