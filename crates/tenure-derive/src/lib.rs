//! Derive macros of tenure: the only unsafe impls in an embedder's crate, generated.
//!
//! `#[derive(Kind)]`, `#[derive(Roots)]` and `#[derive(Field)]` turn a struct of fields into a heap layout: an
//! initializer struct, a slot bitmap computed from the field types, and for kinds a trait of accessors. `object_model!`
//! ties kinds, roots and the value scheme together. The macros look at syntax only; whether a type may be a field is
//! decided by the traits of `tenure`, so that type aliases work and errors point at the field.
//!
//! Generated code names the facade as `::tenure`. Like the derives of other crates these trust that path: a crate that
//! gives the name to something else (`extern crate self as tenure;`, a renamed dependency) answers for the impls itself.

#![forbid(unsafe_code)]

mod accessors;
mod layout;
mod model;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct a kind of object.
///
/// Generates `…Init<'a>` (the values of all fields), and the trait `…Fields<'h>` with an accessor per field,
/// implemented for `Gc<'h, …>`. `#[tail(T)]` adds a tail of variable length, `#[kind(pinned)]` keeps the objects where
/// they are. The kind must be listed in `object_model!`.
#[proc_macro_derive(Kind, attributes(tail, kind))]
pub fn derive_kind(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    layout::expand_kind(&input)
        .unwrap_or_else(|e| e.to_compile_error())
        .into()
}

/// Makes a struct the roots of a model: a struct of `Root<F>` fields and plain data.
///
/// Generates `…Init<'a>`, which `Isolate::new` takes.
#[proc_macro_derive(Roots)]
pub fn derive_roots(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    layout::expand_roots(&input)
        .unwrap_or_else(|e| e.to_compile_error())
        .into()
}

/// Makes a struct usable as a field of kinds.
///
/// Generates `…Init<'a>`. The accessor of such a field returns a reference to the struct.
#[proc_macro_derive(Field)]
pub fn derive_field(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    layout::expand_field(&input)
        .unwrap_or_else(|e| e.to_compile_error())
        .into()
}

/// Declares a model: `object_model! { pub model Lox { values: LowTag, roots: Roots, kinds: [Pair, Array] } }`.
///
/// `values` is `LowTag` if left out, and there are no roots if `roots` is left out.
#[proc_macro]
pub fn object_model(input: TokenStream) -> TokenStream {
    let model = parse_macro_input!(input as model::Model);
    model.expand().into()
}
