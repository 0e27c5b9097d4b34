// refused: a pointer is not plain data: it has a lifetime, and kinds have none
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Kind)]
struct Sneaky {
    value: Plain<Gc<'_, Sneaky>>,
}
object_model! { model Lox { kinds: [Sneaky] } }



fn main() {}
