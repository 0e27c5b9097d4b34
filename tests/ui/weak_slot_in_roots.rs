// refused: roots keep what they refer to; a weak one is a handle, or a field of an object
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Kind)]
struct Node {
    id: u64,
}
#[derive(Roots)]
struct Roots {
    node: WeakSlot<Opt<Node>>,
}
object_model! { model Lox { roots: Roots, kinds: [Node] } }

fn main() {}
