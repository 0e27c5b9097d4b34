// refused: a kind is not packed: slots are aligned
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Kind)]
#[repr(C, packed)]
struct Number {
    flag: u8,
    value: u64,
}
object_model! { model Lox { kinds: [Number] } }

fn main() {}
