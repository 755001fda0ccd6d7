//! The parts that a tool takes from its function: a type of the same name, and its conditions.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, ItemFn};

/// Returns the type with the function's name.
pub(crate) fn declaration(function: &ItemFn) -> TokenStream {
    let (visibility, ident) = (&function.vis, &function.sig.ident);
    let conditions = conditions(function);
    quote! {
        #(#conditions)*
        #[doc(hidden)]
        #[allow(non_camel_case_types)]
        #visibility struct #ident {}
    }
}

/// Returns the `#[cfg(...)]` attributes below `#[tool]`: the description exists when the function exists.
pub(crate) fn conditions(function: &ItemFn) -> Vec<&Attribute> {
    let attributes = function.attrs.iter();
    attributes
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .collect()
}
