// refused: a kind owns nothing, for objects die without being visited
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Kind)]
struct Text {
    bytes: Vec<u8>,
}
object_model! { model Lox { kinds: [Text] } }

fn main() {}
