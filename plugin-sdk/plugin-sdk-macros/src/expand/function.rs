//! The parts of the expansion that come from the function alone: the type with its name, and its `#[cfg(...)]`
//! attributes.

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

/// Returns the `#[cfg(...)]` attributes below `#[tool]`. The description gets them too, so that it exists only if the
/// function does.
pub(crate) fn conditions(function: &ItemFn) -> Vec<&Attribute> {
    let attributes = function.attrs.iter();
    attributes
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .collect()
}
