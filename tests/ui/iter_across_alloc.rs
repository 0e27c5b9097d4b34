// refused: the slots of a tail cannot be walked across allocations that may collect
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Kind)]
#[tail(Slot<Dyn<Lox>>)]
struct Array {}
object_model! { model Lox { kinds: [Array] } }

fn run(h: &mut Heap<Lox>) {
    let array = h.alloc_tail_zeroed::<Array>(10, ArrayInit {});
    for slot in array.tail() {
        h.alloc_with::<Array>(|_| ArrayInit {});
        assert!(slot.get().is_nil());
    }
}

fn main() {}
