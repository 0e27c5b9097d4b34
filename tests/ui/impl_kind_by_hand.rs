// refused: `Kind` is implemented by object_model!, or with `unsafe`
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

#[derive(Kind)]
struct Forged {
    bits: u64,
}
impl tenure::Kind for Forged {
    type Model = Lox;
    const ID: u8 = 1;
}

fn main() {}
