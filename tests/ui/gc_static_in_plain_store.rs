// refused: plain data for pointers that live forever takes no other pointer
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Kind)]
struct Number {
    number: u64,
}
#[derive(Kind)]
struct Sneaky {
    value: Plain<Option<Gc<'static, Number>>>,
}
object_model! { model Lox { kinds: [Number, Sneaky] } }

fn run(h: &Heap<Lox>) {
    let first = h.alloc::<Number>(NumberInit { number: 1 });
    h.alloc::<Sneaky>(SneakyInit { value: Some(first) });
}

fn main() {}
