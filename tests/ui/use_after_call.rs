// refused: the register window does not survive a call that may collect
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

fn call(h: &mut Heap<Lox>) {
    h.safepoint();
}
fn run(h: &mut Heap<Lox>) {
    let r = h.regs();
    r[0].set(Value::int(1));
    call(h);
    r[1].set(Value::int(2));
}

fn main() {}
