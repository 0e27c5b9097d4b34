// refused: a kind belongs to one model
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Kind)]
struct Number {
    value: u64,
}
object_model! { model One { kinds: [Number] } }
object_model! { model Two { kinds: [Number] } }

fn main() {}
