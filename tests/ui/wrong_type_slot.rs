// refused: a slot takes what its family says
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Kind)]
struct Node {
    next: Slot<Opt<Node>>,
}
#[derive(Kind)]
struct Other {
    number: u32,
}
object_model! { model Lox { kinds: [Node, Other] } }

fn run(h: &Heap<Lox>, node: Gc<'_, Node>, other: Gc<'_, Other>) {
    node.get().next.set(h, Some(other));
}

fn main() {}
