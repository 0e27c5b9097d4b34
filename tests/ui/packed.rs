// refused: a kind is not packed: slots are aligned
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Kind)]
#[repr(C, packed)]
struct Pair {
    flag: u8,
    car: Slot<Dyn<Lox>>,
}
object_model! { model Lox { kinds: [Pair] } }



fn main() {}
