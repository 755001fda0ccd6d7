//! The expansion of `#[tool]`: the function itself, and a type of the same name that describes the tool.

mod function;
mod tool_fn;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{FnArg, ItemFn};

use self::function::{conditions, declaration};
use crate::{args::Args, doc::Doc, errors::Errors, parameter::is_lint, signature};

pub(crate) fn tool(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(_) => {
            let error = syn::Error::new(
                Span::call_site(),
                "`#[tool]` is only for functions; remove it or write a function",
            )
            .to_compile_error();
            return quote!(#item #error);
        }
    };
    let doc = Doc::from_attributes(&function.attrs);
    let mut errors = Errors::default();
    let args = Args::parse(args, &mut errors);
    let parameters = signature::check(&function, &doc, &args, &mut errors);
    let description = if errors.is_empty() {
        tool_fn::tool(&function, &args, &doc, &parameters)
    } else {
        let (errors, stub) = (errors.to_compile_error(), stub(&function));
        quote!(#errors #stub)
    };
    // Remove the attributes of parameters, which only this macro understands: the compiler would reject them.
    for input in &mut function.sig.inputs {
        match input {
            FnArg::Receiver(receiver) => receiver.attrs.clear(),
            FnArg::Typed(typed) => typed.attrs.retain(is_lint),
        }
    }
    quote!(#function #description)
}

/// Returns the type with a placeholder for its description, so that a mistake in the tool does not cause a second error
/// at `export_tools!`.
fn stub(function: &ItemFn) -> TokenStream {
    if function.sig.receiver().is_some() || signature::mentions_self(function) {
        // A type cannot be declared inside an `impl`.
        return TokenStream::new();
    }
    let ident = &function.sig.ident;
    let conditions = conditions(function);
    let declaration = declaration(function);
    quote! {
        #declaration
        #(#conditions)*
        impl ::plugin_sdk::__private::ToolFn for #ident {
            type State = ::plugin_sdk::__private::NoState;
            const TOOL: ::plugin_sdk::__private::Tool = ::plugin_sdk::__private::Tool::INVALID;
        }
    }
}
