// refused: a slot is not plain data
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Kind)]
struct Sneaky {
    value: Plain<Slot<Dyn<Lox>>>,
}
object_model! { model Lox { kinds: [Sneaky] } }

fn main() {}
