// refused: a slot behind a cell would be invisible to the collector
#![forbid(unsafe_code)]
use std::cell::RefCell;
use tenure::prelude::*;

#[derive(Kind)]
struct Sneaky {
    value: RefCell<Slot<Dyn<Lox>>>,
}
object_model! { model Lox { kinds: [Sneaky] } }

fn main() {}
