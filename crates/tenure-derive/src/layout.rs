//! The layout impls: initializer struct, slot bitmap, `write`, and the proof that all fields belong to one model.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Fields, Ident, Result, Type, Visibility};

use crate::accessors;

/// A struct that passed the checks common to all derives.
pub(crate) struct Struct<'a> {
    pub(crate) vis: &'a Visibility,
    pub(crate) name: &'a Ident,
    pub(crate) init: Ident,
    pub(crate) fields: Vec<StructField<'a>>,
    unit: bool,
}

pub(crate) struct StructField<'a> {
    pub(crate) vis: &'a Visibility,
    pub(crate) name: &'a Ident,
    pub(crate) ty: &'a Type,
}

/// Returns a span that counts as the macro's own for lints, but points at the user's code.
pub(crate) fn own_span(at: Span) -> Span {
    Span::call_site().located_at(at)
}

/// Makes an identifier that counts as the macro's own for lints, but points at the user's code.
pub(crate) fn own(name: &str, at: Span) -> Ident {
    let span = own_span(at);
    match name.strip_prefix("r#") {
        Some(raw) => Ident::new_raw(raw, span),
        None => Ident::new(name, span),
    }
}

impl<'a> Struct<'a> {
    fn new(input: &'a DeriveInput, derive: &str) -> Result<Struct<'a>> {
        let Data::Struct(data) = &input.data else {
            return Err(Error::new_spanned(
                &input.ident,
                format!("#[derive({derive})] accepts structs only: make each variant a kind of its own"),
            ));
        };
        if !input.generics.params.is_empty() {
            return Err(Error::new_spanned(
                &input.generics,
                format!(
                    "#[derive({derive})] accepts no generics: in-heap types have no lifetimes, and a kind is one type"
                ),
            ));
        }
        for attribute in &input.attrs {
            reject_packed(attribute)?;
        }
        let fields = match &data.fields {
            Fields::Named(fields) => fields
                .named
                .iter()
                .map(|f| StructField {
                    vis: &f.vis,
                    name: f.ident.as_ref().expect("a named field"),
                    ty: &f.ty,
                })
                .collect(),
            Fields::Unit => Vec::new(),
            Fields::Unnamed(fields) => {
                return Err(Error::new_spanned(
                    fields,
                    format!("#[derive({derive})] needs named fields: the accessors are called after them"),
                ));
            }
        };
        let init = own(&format!("{}Init", input.ident), input.ident.span());
        Ok(Struct {
            vis: &input.vis,
            name: &input.ident,
            init,
            fields,
            unit: matches!(data.fields, Fields::Unit),
        })
    }

    /// The struct `…Init<'a>`.
    fn init_struct(&self) -> TokenStream {
        let Struct { vis, name, init, .. } = self;
        let doc = format!("The values of all fields of a new [`{name}`].");
        let text = init.to_string();
        if self.fields.is_empty() {
            return quote! {
                #[doc = #doc]
                #[derive(Clone, Copy, Debug)]
                #vis struct #init {}
            };
        }
        let fields = self.fields.iter().map(|f| {
            let StructField { vis, name, ty } = f;
            let doc = format!("Initial value of `{name}`.");
            let name = own(&name.to_string(), name.span());
            quote_spanned! {own_span(ty.span())=> #[doc = #doc] #vis #name: <#ty as ::tenure::Field>::Init<'a> }
        });
        quote! {
            #[doc = #doc]
            #vis struct #init<'a> { #(#fields,)* }
            impl<'a> ::core::fmt::Debug for #init<'a> {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.debug_struct(#text).finish_non_exhaustive()
                }
            }
        }
    }

    fn init_type(&self) -> TokenStream {
        let init = &self.init;
        if self.fields.is_empty() {
            quote!(#init)
        } else {
            quote!(#init<'a>)
        }
    }

    /// The body of `write`.
    fn write_body(&self) -> TokenStream {
        let writes = self.fields.iter().map(|f| {
            let StructField { name, ty, .. } = f;
            let init_name = own(&name.to_string(), name.span());
            quote! { <#ty as ::tenure::Field>::write(&raw mut (*destination).#name, init.#init_name); }
        });
        // Nothing is read of an initializer without fields, and nothing written.
        let unused = self.fields.is_empty().then(|| quote! { let _ = (destination, init); });
        // SAFETY: KIND-LAYOUT, the caller of `write` owns the memory, and each field is written once.
        quote! { #unused #(unsafe { #writes })* }
    }

    /// A map of the whole struct, made of the constant `map` of each field.
    fn map_of(&self, map: &TokenStream) -> TokenStream {
        let fields = self.fields.iter().map(|f| {
            let StructField { name, ty, .. } = f;
            quote! { .with_field(<#ty as ::tenure::Field>::#map, ::core::mem::offset_of!(Self, #name)) }
        });
        quote! { ::tenure::SlotMap::NONE #(#fields)* }
    }

    /// The three maps of a layout.
    fn maps(&self) -> TokenStream {
        let maps = ["SLOTS", "WEAK", "NATIVES"].map(|name| {
            let name = Ident::new(name, Span::call_site());
            let map = self.map_of(&quote!(#name));
            quote! { const #name: ::tenure::SlotMap = #map; }
        });
        quote! { #(#maps)* }
    }

    fn has_roots(&self) -> TokenStream {
        let types = self.fields.iter().map(|f| f.ty);
        quote! { false #(|| <#types as ::tenure::Field>::HAS_ROOTS)* }
    }

    /// A pattern that names every field: an attribute macro that adds one after the derive is found out.
    fn exhaustive(&self) -> TokenStream {
        let Struct { name, .. } = self;
        let names = self.fields.iter().map(|f| f.name);
        let pattern = if self.unit {
            quote!(#name)
        } else {
            quote!(#name { #(#names: _,)* })
        };
        quote! {
            const _: fn(&#name) = |whole: &#name| { let #pattern = whole; };
        }
    }

    /// The impl that says in which models the struct may stand: those in which `types` may.
    ///
    /// A type that the user wrote must not be named where a generic parameter of the macro's is in scope: a type of the
    /// user's that has the parameter's name would be taken for it, and the bound would hold for every model. So each
    /// type gets an alias outside, called after the struct, and the struct's own name is not the parameter's either.
    fn model_impl<'t>(&self, of: &TokenStream, types: impl Iterator<Item = &'t Type>) -> TokenStream {
        let name = self.name;
        let model = format_ident!("__ModelOf{}", name, span = own_span(name.span()));
        let (mut aliases, mut bounds) = (TokenStream::new(), TokenStream::new());
        for (i, ty) in types.enumerate() {
            let span = own_span(ty.span());
            let alias = format_ident!("__{}Part{}", name, i, span = span);
            aliases.extend(quote_spanned! {span=> type #alias = #ty; });
            bounds.extend(quote_spanned! {span=> #alias: ::tenure::FieldIn<#model>, });
        }
        quote! {
            const _: () = {
                #aliases
                // SAFETY: HEAP-BRAND, each field type is bound to the model below.
                unsafe impl<#model> #of<#model> for #name
                where
                    #bounds
                {
                }
            };
        }
    }
}

fn reject_packed(attribute: &Attribute) -> Result<()> {
    if !attribute.path().is_ident("repr") {
        return Ok(());
    }
    let mut packed = None;
    attribute.parse_nested_meta(|meta| {
        if meta.path.is_ident("packed") {
            packed = Some(meta.path.span());
        }
        // Arguments of align(..) and packed(..) are of no interest.
        if meta.input.peek(syn::token::Paren) {
            let content;
            syn::parenthesized!(content in meta.input);
            content.parse::<TokenStream>()?;
        }
        Ok(())
    })?;
    match packed {
        Some(span) => Err(Error::new(span, "a heap layout cannot be packed: slots are 8-aligned")),
        None => Ok(()),
    }
}

/// What `#[tail(..)]` and `#[kind(..)]` say.
struct KindAttributes {
    tail: Option<Type>,
    pinned: bool,
}

impl KindAttributes {
    fn new(input: &DeriveInput) -> Result<KindAttributes> {
        let mut attributes = KindAttributes {
            tail: None,
            pinned: false,
        };
        for attribute in &input.attrs {
            if attribute.path().is_ident("tail") {
                if attributes.tail.is_some() {
                    return Err(Error::new_spanned(attribute, "a kind has one tail"));
                }
                attributes.tail = Some(attribute.parse_args()?);
            } else if attribute.path().is_ident("kind") {
                attribute.parse_nested_meta(|meta| {
                    if meta.path.is_ident("pinned") {
                        attributes.pinned = true;
                        Ok(())
                    } else {
                        Err(meta.error("unknown option: #[kind(..)] accepts `pinned`"))
                    }
                })?;
            }
        }
        Ok(attributes)
    }
}

fn layout_impl(item: &Struct<'_>, tail: Option<&Type>, pinned: bool) -> TokenStream {
    let Struct { name, .. } = item;
    let text = name.to_string();
    let (init_struct, init_type, exhaustive) = (item.init_struct(), item.init_type(), item.exhaustive());
    let (maps, has_roots, write) = (item.maps(), item.has_roots(), item.write_body());
    let types = item.fields.iter().map(|f| f.ty).chain(tail);
    let model_impl = item.model_impl(&quote!(::tenure::FieldsIn), types);
    let tail = tail.map_or_else(|| quote!(::tenure::NoTail), |ty| quote!(#ty));
    quote! {
        #init_struct
        #exhaustive
        // SAFETY: KIND-LAYOUT, the slot map is made from the offsets and maps of all fields, checked to be exhaustive.
        unsafe impl ::tenure::Layout for #name {
            type Init<'a> = #init_type;
            type Tail = #tail;
            const NAME: &'static str = #text;
            #maps
            const HAS_ROOTS: bool = #has_roots;
            const PINNED: bool = #pinned;
            #[inline(always)]
            unsafe fn write(destination: *mut Self, init: Self::Init<'_>) { #write }
        }
        #model_impl
    }
}

pub(crate) fn expand_kind(input: &DeriveInput) -> Result<TokenStream> {
    let item = Struct::new(input, "Kind")?;
    let attributes = KindAttributes::new(input)?;
    let accessors = accessors::expand(&item, attributes.tail.is_some())?;
    let layout = layout_impl(&item, attributes.tail.as_ref(), attributes.pinned);
    Ok(quote! { #layout #accessors })
}

pub(crate) fn expand_roots(input: &DeriveInput) -> Result<TokenStream> {
    let item = Struct::new(input, "Roots")?;
    Ok(layout_impl(&item, None, false))
}

pub(crate) fn expand_field(input: &DeriveInput) -> Result<TokenStream> {
    let item = Struct::new(input, "Field")?;
    let Struct { name, .. } = &item;
    let (init_struct, init_type, exhaustive) = (item.init_struct(), item.init_type(), item.exhaustive());
    let (maps, has_roots, write) = (item.maps(), item.has_roots(), item.write_body());
    let model_impl = item.model_impl(&quote!(::tenure::FieldIn), item.fields.iter().map(|f| f.ty));
    let drop_check = format_ident!("__NEEDS_DROP");
    Ok(quote! {
        #init_struct
        #exhaustive
        const _: () = {
            const #drop_check: bool = ::core::mem::needs_drop::<#name>();
            assert!(!#drop_check, "a struct in the heap must not implement Drop: objects die without being visited");
        };
        // SAFETY: KIND-LAYOUT, the slot map is made from the offsets and maps of all fields, checked to be exhaustive.
        unsafe impl ::tenure::Field for #name {
            type Init<'a> = #init_type;
            type Get<'h> = &'h #name;
            #maps
            const HAS_ROOTS: bool = #has_roots;
            #[inline(always)]
            unsafe fn write(destination: *mut Self, init: Self::Init<'_>) { #write }
            #[inline(always)]
            fn read(&self) -> &#name { self }
        }
        #model_impl
    })
}
