// refused: a region that is returned on one path is borrowed on all (NLL problem case 3)
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

fn find(h: &Heap<Lox>) -> Option<Gc<'_, Pair>> {
    h.roots().list.get().cast::<Pair>()
}
fn find_or_make<'h>(h: &'h mut Heap<Lox>) -> Gc<'h, Pair> {
    if let Some(pair) = find(h) {
        return pair;
    }
    h.alloc_with::<Pair>(|_| PairInit {
        car: Value::nil(),
        cdr: Value::nil(),
    })
    .1
}

fn main() {}
