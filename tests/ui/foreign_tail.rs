// refused: the tail of a kind has no slots of another model
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Kind)]
#[tail(Slot<Dyn<Two>>)]
struct Array {}
object_model! { model One { kinds: [Array] } }

object_model! { model Two { kinds: [] } }

fn main() {}
