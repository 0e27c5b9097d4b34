// refused: a destructor that can look at a pointer does not run after a collection
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

struct Guard<'h>(Gc<'h, Pair>);
impl Drop for Guard<'_> {
    fn drop(&mut self) {
        assert!(self.0.car().is_nil());
    }
}
fn run(h: &mut Heap<Lox>) {
    let _guard = Guard(h.alloc::<Pair>(PairInit {
        car: Value::nil(),
        cdr: Value::nil(),
    }));
    h.collect();
}

fn main() {}
