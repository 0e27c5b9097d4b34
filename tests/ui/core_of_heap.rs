// refused: the untyped heap, whose words are the allocator's and the roots' own, is not handed out
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Kind)]
struct Number {
    value: f64,
}
object_model! { model Lox { kinds: [Number] } }

fn forge(h: &Heap<Lox>) {
    h.core().window.top.set(0x1000);
    h.alloc::<Number>(NumberInit { value: 1.0 });
}

fn main() {}
