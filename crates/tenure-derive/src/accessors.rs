//! Accessor traits: `p.field()` and `p.set_field(h, v)` for `Gc<'h, T>`.
//!
//! An inherent impl on `Gc` is not possible in the embedder's crate, so the accessors are a trait's methods. Fields of
//! different visibility go to different traits, so that a private field stays private.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{Error, Ident, Result, Type, Visibility};

use crate::layout::{Struct, StructField, own, own_span};

/// Methods of `Gc` that would hide an accessor.
const RESERVED: [&str; 8] = [
    "get",
    "put",
    "tail",
    "ptr_eq",
    "identity_hash",
    "to_value",
    "into",
    "try_into",
];

/// Returns the part of the trait's name that says who sees it, and the trait's visibility.
fn group(item: &Struct<'_>, field: &StructField<'_>) -> (String, Visibility) {
    let text = |vis: &Visibility| vis.to_token_stream().to_string();
    match field.vis {
        Visibility::Public(_) => (String::new(), item.vis.clone()),
        vis if text(vis) == text(item.vis) => (String::new(), item.vis.clone()),
        Visibility::Inherited => ("Private".to_string(), Visibility::Inherited),
        Visibility::Restricted(restricted) => {
            let name = restricted.path.segments.last().map_or(String::new(), |segment| {
                let mut name = segment.ident.to_string();
                if let Some(first) = name.get_mut(..1) {
                    first.make_ascii_uppercase();
                }
                name
            });
            (name, field.vis.clone())
        }
    }
}

/// Returns whether the type is known never to be assignable, so that a setter would only be in the way.
fn is_fixed(ty: &Type) -> bool {
    const FIXED: [&str; 15] = [
        "u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "isize", "f32", "f64", "bool", "char", "Plain",
    ];
    match ty {
        Type::Array(_) => true,
        Type::Path(path) => path
            .path
            .segments
            .last()
            .is_some_and(|s| FIXED.iter().any(|fixed| s.ident == fixed)),
        _ => false,
    }
}

fn check_name(name: &Ident, has_tail: bool) -> Result<()> {
    let text = name.to_string();
    let reserved = RESERVED.contains(&text.as_str())
        || text.starts_with("tail_")
        || has_tail && (text == "len" || text == "is_empty");
    if reserved {
        return Err(Error::new(
            name.span(),
            format!("a field cannot be called `{text}`: its accessor would be hidden by the method of `Gc`"),
        ));
    }
    Ok(())
}

/// Makes the accessor traits of a kind.
pub(crate) fn expand(item: &Struct<'_>, has_tail: bool) -> Result<TokenStream> {
    let mut groups: Vec<(String, Visibility, Vec<&StructField<'_>>)> = Vec::new();
    if has_tail {
        groups.push((String::new(), item.vis.clone(), Vec::new()));
    }
    for field in &item.fields {
        check_name(field.name, has_tail)?;
        let (name, vis) = group(item, field);
        match groups.iter_mut().find(|(other, ..)| *other == name) {
            Some((_, _, fields)) => fields.push(field),
            None => groups.push((name, vis, vec![field])),
        }
    }
    Ok(groups
        .iter()
        .map(|(group, vis, fields)| expand_group(item, group, vis, fields, has_tail && group.is_empty()))
        .collect())
}

fn expand_group(
    item: &Struct<'_>,
    group: &str,
    vis: &Visibility,
    fields: &[&StructField<'_>],
    with_length: bool,
) -> TokenStream {
    let kind = item.name;
    // The setters name the user's field types beside it, so it is called after the kind, as nothing else is.
    let model = format_ident!("__ModelOf{}", kind, span = own_span(kind.span()));
    let trait_name = own(&format!("{kind}{group}Fields"), kind.span());
    let mut declarations = TokenStream::new();
    let mut definitions = TokenStream::new();
    for StructField { name, ty, .. } in fields.iter().copied() {
        let getter = own(&name.to_string(), name.span());
        let doc = format!("Reads field `{name}`. One load.");
        declarations.extend(quote! {
            #[doc = #doc]
            fn #getter(self) -> <#ty as ::tenure::Field>::Get<'h>;
        });
        definitions.extend(quote! {
            #[inline(always)]
            fn #getter(self) -> <#ty as ::tenure::Field>::Get<'h> {
                <#ty as ::tenure::Field>::read(&::tenure::Gc::get(self).#name)
            }
        });
        if is_fixed(ty) {
            continue;
        }
        let setter = own(
            &format!("set_{}", name.to_string().trim_start_matches("r#")),
            name.span(),
        );
        let doc = format!("Stores into field `{name}`. A slot costs a store, a byte test and a branch not taken.");
        let signature = quote! {
            fn #setter<#model: ::tenure::ObjectModel>(
                self,
                heap: &::tenure::Heap<#model>,
                value: <#ty as ::tenure::Assign<#model>>::Value<'_>,
            )
            where
                #ty: ::tenure::Assign<#model>
        };
        declarations.extend(quote! { #[doc = #doc] #signature; });
        definitions.extend(quote! {
            #[inline(always)]
            #signature
            {
                ::tenure::Gc::put(self, heap, |object| &object.#name, value);
            }
        });
    }
    if with_length {
        declarations.extend(quote! {
            /// Returns the number of elements in the tail. One load.
            fn len(self) -> usize;
            /// Returns whether the tail has no elements.
            fn is_empty(self) -> bool;
        });
        definitions.extend(quote! {
            #[inline(always)]
            fn len(self) -> usize {
                ::tenure::Gc::tail_len(self)
            }
            #[inline(always)]
            fn is_empty(self) -> bool {
                ::tenure::Gc::tail_len(self) == 0
            }
        });
    }
    let doc = format!("Accessors of [`{kind}`], for pointers to it.");
    quote! {
        #[doc = #doc]
        #[allow(dead_code, reason = "not every program uses every accessor")]
        #vis trait #trait_name<'h>: ::core::marker::Copy {
            #declarations
        }
        impl<'h> #trait_name<'h> for ::tenure::Gc<'h, #kind> {
            #definitions
        }
    }
}
