// refused: initial values cannot be kept for a later allocation
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
    let mut stash = None;
    h.alloc_with::<Pair>(|h| {
        stash = Some(PairInit {
            car: h.roots().list.get(),
            cdr: Value::nil(),
        });
        PairInit {
            car: Value::nil(),
            cdr: Value::nil(),
        }
    });
    h.alloc_with::<Pair>(|_| stash.unwrap());
}

fn main() {}
