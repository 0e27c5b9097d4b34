// refused: slots of another model, even if that model is called like a generic parameter of the derives
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Roots)]
struct Roots {
    list: Root<Dyn<__ModelOfRoots>>,
}
#[derive(Kind)]
struct Pair {
    both: [Slot<Dyn<__ModelOfPair>>; 2],
}
#[derive(Kind)]
#[tail(Slot<Dyn<__M>>)]
struct Array {}
#[derive(Field)]
struct Part {
    value: Slot<Dyn<__ModelOfPart>>,
}
#[derive(Kind)]
struct Whole {
    part: Part,
}
object_model! { model One { roots: Roots, kinds: [Pair, Array, Whole] } }

object_model! { model __M { kinds: [] } }
object_model! { model __ModelOfRoots { kinds: [] } }
object_model! { model __ModelOfPair { kinds: [] } }
object_model! { model __ModelOfPart { kinds: [] } }

fn main() {}
