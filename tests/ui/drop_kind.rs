// refused: a kind has no destructor, for objects die without being visited
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Kind)]
struct File {
    descriptor: u32,
}
impl Drop for File {
    fn drop(&mut self) {}
}
object_model! { model Lox { kinds: [File] } }

fn main() {}
