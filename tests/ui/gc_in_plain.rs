// refused: a pointer is not plain data: it has a lifetime, and plain data has none
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Kind)]
struct Number {
    number: u64,
}
object_model! { model Lox { kinds: [Number] } }

struct Holder<'h> {
    value: Plain<Gc<'h, Number>>,
}

fn main() {}
