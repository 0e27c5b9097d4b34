// refused: a kind has no slots of another model
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Kind)]
struct Pair {
    car: Slot<Dyn<Two>>,
}
object_model! { model One { kinds: [Pair] } }

object_model! { model Two { kinds: [] } }

fn main() {}
