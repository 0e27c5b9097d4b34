// refused: the size of a tail's elements is held in 32 bits
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Kind)]
#[tail(Plain<[u8; (1 << 32) + 1]>)]
struct Huge {}
object_model! { model Lox { kinds: [Huge] } }

fn main() {}
