//! The expansion of `#[data]`: the derives of serde and schemars, with the paths under which plugin-sdk re-exports
//! these crates.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Attribute, Data, DeriveInput, Fields, Ident};

/// The only option of `#[data]`.
const ALLOW_UNKNOWN: &str = "allow_unknown_fields";

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let input = match syn::parse2::<DeriveInput>(item.clone()) {
        Ok(input) if !matches!(input.data, Data::Union(_)) => input,
        _ => {
            return with_error(
                &item,
                syn::Error::new(
                    Span::call_site(),
                    "`#[data]` is only for a struct or an enum; remove it",
                ),
            );
        }
    };
    let open = match syn::parse2::<Ident>(args.clone()) {
        _ if args.is_empty() => false,
        Ok(option) if option == ALLOW_UNKNOWN => true,
        _ => {
            let message = format!(
                "unknown option; the only one is `#[data({ALLOW_UNKNOWN})]`, and serde's attributes go on the type: `#[serde(rename_all = \"camelCase\")]`"
            );
            return with_error(&item, syn::Error::new_spanned(args, message));
        }
    };
    let closed = (!open && can_deny_unknown(&input)).then(|| quote!(#[serde(deny_unknown_fields)]));
    quote! {
        #[derive(
            ::plugin_sdk::__private::serde::Deserialize,
            ::plugin_sdk::__private::serde::Serialize,
            ::plugin_sdk::__private::schemars::JsonSchema,
        )]
        #[serde(crate = "::plugin_sdk::__private::serde")]
        #[schemars(crate = "::plugin_sdk::__private::schemars")]
        #closed
        #item
    }
}

fn with_error(item: &TokenStream, error: syn::Error) -> TokenStream {
    let error = error.to_compile_error();
    quote!(#item #error)
}

/// Reports whether to add serde's `deny_unknown_fields`. Serde cannot detect unknown fields if several types share one
/// object, and nothing is added if an attribute of the author's decides about unknown fields.
fn can_deny_unknown(input: &DeriveInput) -> bool {
    let container_options = [
        "deny_unknown_fields",
        "from",
        "into",
        "tag",
        "transparent",
        "try_from",
        "untagged",
    ];
    if has_serde_option(&input.attrs, &container_options) {
        return false;
    }
    let named = |fields: &Fields| match fields {
        Fields::Named(fields) => Some(
            !fields
                .named
                .iter()
                .any(|field| has_serde_option(&field.attrs, &["flatten"])),
        ),
        Fields::Unnamed(_) | Fields::Unit => None,
    };
    match &input.data {
        Data::Struct(data) => named(&data.fields) == Some(true),
        Data::Enum(data) => {
            let variants: Vec<_> = data
                .variants
                .iter()
                .map(|variant| named(&variant.fields))
                .collect();
            variants.contains(&Some(true)) && !variants.contains(&Some(false))
        }
        Data::Union(_) => false,
    }
}

/// Reports whether serde's attributes have one of these options.
fn has_serde_option(attributes: &[Attribute], options: &[&str]) -> bool {
    let tokens = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("serde"))
        .map(|attribute| attribute.meta.to_token_stream());
    tokens.flatten().any(|token| mentions_any(token, options))
}

fn mentions_any(token: TokenTree, options: &[&str]) -> bool {
    match token {
        TokenTree::Ident(word) => options.iter().any(|known| word == known),
        TokenTree::Group(group) => group
            .stream()
            .into_iter()
            .any(|token| mentions_any(token, options)),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    }
}
