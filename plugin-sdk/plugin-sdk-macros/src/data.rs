//! Writes what `#[data]` stands for: the derives, with the paths of the crates that plugin-sdk brings along.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Item;

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    if !args.is_empty() {
        let error = syn::Error::new_spanned(
            args,
            "`#[data]` takes no options; write serde's attributes at the type: `#[serde(rename_all = \"camelCase\")]`",
        );
        let error = error.to_compile_error();
        return quote!(#item #error);
    }
    match syn::parse2(item.clone()) {
        Ok(Item::Struct(_) | Item::Enum(_)) => quote! {
            #[derive(
                ::plugin_sdk::__private::serde::Deserialize,
                ::plugin_sdk::__private::serde::Serialize,
                ::plugin_sdk::__private::schemars::JsonSchema,
            )]
            #[serde(crate = "::plugin_sdk::__private::serde")]
            #[schemars(crate = "::plugin_sdk::__private::schemars")]
            #item
        },
        _ => {
            let error = syn::Error::new(
                proc_macro2::Span::call_site(),
                "`#[data]` is for a struct or an enum",
            )
            .to_compile_error();
            quote!(#item #error)
        }
    }
}
