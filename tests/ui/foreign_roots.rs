// refused: the roots of a model are of that model
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Roots)]
struct Roots {
    list: Root<Dyn<Two>>,
}
object_model! { model One { roots: Roots, kinds: [] } }

object_model! { model Two { kinds: [] } }

fn main() {}
