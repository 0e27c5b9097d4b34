// refused: the region that an initializer sees ends with the initializer
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
    let mut region = None;
    h.alloc_with::<Pair>(|h| {
        region = Some(h);
        PairInit {
            car: Value::nil(),
            cdr: Value::nil(),
        }
    });
    assert!(region.unwrap().roots().list.get().is_nil());
}

fn main() {}
