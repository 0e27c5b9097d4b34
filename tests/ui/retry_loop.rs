// refused: a region that a loop returns is borrowed in the next turn (NLL problem case 4)
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

fn retry<'h>(h: &'h mut Heap<Lox>) -> (&'h Heap<Lox>, Gc<'h, Pair>) {
    loop {
        let (h, p) = h.alloc_with::<Pair>(|_| PairInit {
            car: Value::nil(),
            cdr: Value::nil(),
        });
        if p.car().is_nil() {
            return (h, p);
        }
    }
}

fn main() {}
