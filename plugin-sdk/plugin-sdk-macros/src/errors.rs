//! Collects errors, so that the compiler reports all of them in one run.

use proc_macro2::TokenStream;
use quote::ToTokens;

/// A collection of errors, empty if there are none.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    /// Adds an error at these tokens.
    pub(crate) fn add(&mut self, tokens: &impl ToTokens, message: &str) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the tokens that make the compiler report the errors.
    pub(crate) fn to_compile_error(&self) -> TokenStream {
        self.0
            .as_ref()
            .map_or_else(TokenStream::new, syn::Error::to_compile_error)
    }
}
