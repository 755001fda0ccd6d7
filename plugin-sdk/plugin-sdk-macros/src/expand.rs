//! The expansion of `#[tool]`: the function unchanged, and a type of the same name that describes it.

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
    // Attributes of parameters are for this macro; the compiler would refuse them.
    for input in &mut function.sig.inputs {
        match input {
            FnArg::Receiver(receiver) => receiver.attrs.clear(),
            FnArg::Typed(typed) => typed.attrs.retain(is_lint),
        }
    }
    quote!(#function #description)
}

/// Returns the type without its description, so that `export_tools!` adds no second error to the first.
fn stub(function: &ItemFn) -> TokenStream {
    if function.sig.receiver().is_some() || signature::mentions_self(function) {
        // A method is in a place where no type can be declared.
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
