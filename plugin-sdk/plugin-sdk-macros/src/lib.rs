//! The macros of plugin-sdk. The documentation of that crate describes them, with examples.

mod args;
mod data;
mod doc;
mod errors;
mod expand;
mod exports;
mod name;
mod parameter;
mod signature;
mod tokens;

use proc_macro::TokenStream;

/// Makes a typed function a tool. See the documentation of plugin-sdk.
#[proc_macro_attribute]
pub fn tool(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::tool(args.into(), item.into()).into()
}

/// Exports tools from a plugin, in the given order. See the documentation of plugin-sdk.
#[proc_macro]
pub fn export_tools(input: TokenStream) -> TokenStream {
    exports::expand(input.into()).into()
}

/// Derives the traits that a struct or enum needs in arguments and results. See the documentation of plugin-sdk.
#[proc_macro_attribute]
pub fn data(args: TokenStream, item: TokenStream) -> TokenStream {
    data::expand(args.into(), item.into()).into()
}
