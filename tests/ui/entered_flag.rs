// refused: only an isolate says whether it is entered
#![forbid(unsafe_code)]
use tenure::ObjectModel;
use tenure::prelude::*;

object_model! { model Lox { kinds: [] } }

fn enter_both(one: &mut Isolate<Lox>, two: &mut Isolate<Lox>) {
    one.enter(|a| {
        Lox::with_entered(|flag| flag.replace(false));
        two.enter(|b| std::mem::swap(a, b));
    });
}

fn main() {}
