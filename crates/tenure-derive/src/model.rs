//! `object_model!`: kind ids, the layout table, and the checks that need the whole model.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Ident, Result, Token, Type, Visibility, braced, bracketed};

use crate::layout::{own, own_span};

/// Most kinds that a model can have.
const KINDS_MAX: usize = 239;

/// The parsed macro input.
pub(crate) struct Model {
    attributes: Vec<Attribute>,
    vis: Visibility,
    name: Ident,
    values: Option<Type>,
    roots: Option<Type>,
    kinds: Vec<Type>,
}

impl Parse for Model {
    fn parse(input: ParseStream<'_>) -> Result<Model> {
        const SHAPE: &str =
            "expected `pub model Name { values: LowTag, roots: Roots, kinds: [A, B] }` (values and roots are optional)";
        let attributes = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let keyword: Ident = input.parse().map_err(|e| Error::new(e.span(), SHAPE))?;
        if keyword != "model" {
            return Err(Error::new(keyword.span(), SHAPE));
        }
        let name: Ident = input.parse()?;
        let body;
        braced!(body in input);
        let (mut values, mut roots, mut kinds) = (None, None, None);
        while !body.is_empty() {
            let key: Ident = body.parse()?;
            body.parse::<Token![:]>()?;
            let repeated = match key.to_string().as_str() {
                "values" => values.replace(body.parse()?).is_some(),
                "roots" => roots.replace(body.parse()?).is_some(),
                "kinds" => {
                    let list;
                    bracketed!(list in body);
                    let list = Punctuated::<Type, Token![,]>::parse_terminated(&list)?;
                    kinds.replace(list.into_iter().collect::<Vec<_>>()).is_some()
                }
                other => {
                    return Err(Error::new(
                        key.span(),
                        format!("unknown key `{other}`: use values, roots or kinds"),
                    ));
                }
            };
            if repeated {
                return Err(Error::new(key.span(), format!("`{key}` is given twice")));
            }
            if !body.is_empty() {
                body.parse::<Token![,]>()?;
            }
        }
        let Some(kinds) = kinds else {
            return Err(Error::new(name.span(), "the model has no `kinds: [..]`"));
        };
        if kinds.len() > KINDS_MAX {
            return Err(Error::new(
                kinds[KINDS_MAX].span(),
                format!("a model has at most {KINDS_MAX} kinds, {} are given", kinds.len()),
            ));
        }
        Ok(Model {
            attributes,
            vis,
            name,
            values,
            roots,
            kinds,
        })
    }
}

impl Model {
    pub(crate) fn expand(&self) -> TokenStream {
        let Model {
            attributes,
            vis,
            name,
            kinds,
            ..
        } = self;
        let model = own(&name.to_string(), name.span());
        let values = self
            .values
            .as_ref()
            .map_or_else(|| quote!(::tenure::LowTag), |ty| quote!(#ty));
        let roots = self
            .roots
            .as_ref()
            .map_or_else(|| quote!(::tenure::NoRoots), |ty| quote!(#ty));
        let doc = format!("The model `{name}`: a type that tells its heap, objects and values from those of others.");
        let impls = kinds.iter().zip(1u8..).map(|(kind, id)| {
            quote_spanned! {own_span(kind.span())=>
                // SAFETY: KIND-LAYOUT, the id is the kind's place in the table below.
                unsafe impl ::tenure::Kind for #kind {
                    type Model = #name;
                    const ID: u8 = #id;
                }
            }
        });
        let checks = kinds
            .iter()
            .map(|kind| quote_spanned! {own_span(kind.span())=> ::tenure::__private::check_fields::<#kind, #name>(); });
        quote! {
            #[doc = #doc]
            #(#attributes)*
            #[derive(Clone, Copy, Debug)]
            #vis enum #model {}
            // SAFETY: KIND-LAYOUT and HEAP-BRAND, the table lists the kinds by id, the flag is this model's alone.
            unsafe impl ::tenure::ObjectModel for #name {
                type Roots = #roots;
                type Values = #values;
                const KINDS: &'static [::tenure::__private::KindLayout] =
                    &[#(::tenure::__private::layout_of::<#kinds>()),*];
                fn with_entered<R>(f: impl ::core::ops::FnOnce(&::tenure::__private::EnteredFlag) -> R) -> R {
                    ::std::thread_local! {
                        static ENTERED: ::tenure::__private::EnteredFlag = const { ::tenure::__private::EnteredFlag::new() };
                    }
                    ENTERED.with(f)
                }
            }
            #(#impls)*
            const _: () = {
                #(#checks)*
                let _: &[::tenure::__private::KindLayout] = <#name as ::tenure::ObjectModel>::KINDS;
                ::tenure::__private::check_roots::<#roots>();
            };
        }
    }
}
