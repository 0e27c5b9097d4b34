// refused: a field without a barrier is for the roots struct only
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Kind)]
struct Sneaky {
    value: Root<Dyn<Lox>>,
}
object_model! { model Lox { kinds: [Sneaky] } }

fn main() {}
