//! Writes what `export_tools!` stands for: the root module's header, under the symbol the host looks for.

use std::collections::HashSet;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Ident, LitStr, Path, Token,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

use crate::errors::Errors;

/// `export_tools!(names = "as_written", greet, math::multiply)`
struct ExportTools {
    names: Ident,
    tools: Punctuated<Path, Token![,]>,
}

impl Parse for ExportTools {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut names = Ident::new("CamelCase", Span::call_site());
        if input.peek(Ident) && input.peek2(Token![=]) {
            let option: Ident = input.parse()?;
            if option != "names" {
                return Err(syn::Error::new(
                    option.span(),
                    "unknown option; there is `names = \"as_written\"`",
                ));
            }
            input.parse::<Token![=]>()?;
            let value: LitStr = input.parse()?;
            names = match value.value().as_str() {
                "as_written" => Ident::new("AsWritten", value.span()),
                "camel_case" => names,
                _ => {
                    return Err(syn::Error::new(
                        value.span(),
                        "there are \"camel_case\" (the default) and \"as_written\"",
                    ));
                }
            };
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let tools = Punctuated::parse_terminated(input)?;
        if tools.is_empty() {
            return Err(syn::Error::new(
                Span::call_site(),
                "exports nothing; name at least one function that has #[tool]: `export_tools!(greet);`",
            ));
        }
        Ok(Self { names, tools })
    }
}

/// A function that is named twice would be one tool twice.
fn check(tools: &Punctuated<Path, Token![,]>) -> Errors {
    let mut errors = Errors::default();
    let mut seen = HashSet::new();
    for tool in tools {
        if !seen.insert(tool.to_token_stream().to_string()) {
            errors.add(tool, "exported twice; leave one out");
        }
    }
    errors
}

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let ExportTools { names, tools } = match syn::parse2(input) {
        Ok(exports) => exports,
        Err(error) => return error.to_compile_error(),
    };
    let errors = check(&tools);
    if !errors.is_empty() {
        return errors.to_compile_error();
    }
    let tools = tools.iter().map(tool);
    quote! {
        const _: () = {
            struct Plugin;

            impl ::plugin_sdk::__private::Exports for Plugin {
                const CRATE_NAME: &'static str = ::core::env!("CARGO_PKG_NAME");
                const CRATE_VERSION: &'static str = ::core::env!("CARGO_PKG_VERSION");
                const NAMES: ::plugin_sdk::__private::Names = ::plugin_sdk::__private::Names::#names;
                const TOOLS: &'static [::plugin_sdk::__private::Tool] =
                    &[#(#tools),*];
            }

            #[unsafe(no_mangle)]
            #[allow(non_upper_case_globals)]
            pub static _1as_0lib_1header_0root_bmodule_bloader: ::plugin_sdk::__private::LibHeader =
                ::plugin_sdk::__private::header::<Plugin>();
        };
    }
}

/// The tool behind a path. A function without `#[tool]` has no type of its name, of which the compiler would only say
/// that it expected one. Here it finds the type of the outer scope instead, and `ToolFn` tells the author what to do.
fn tool(path: &Path) -> TokenStream {
    let span = path
        .segments
        .last()
        .map_or(Span::call_site(), |segment| segment.ident.span());
    let name = Ident::new("__Tool", span);
    quote! {{
        #[allow(unused_imports)]
        use ::plugin_sdk::__private::NoTool as __Tool;
        // Each in a constant of its own, as the compiler reports the same mistake once in each.
        const TOOL: ::plugin_sdk::__private::Tool = {
            #[allow(unused_imports)]
            use #path as #name;
            <#name as ::plugin_sdk::__private::ToolFn>::TOOL
        };
        TOOL
    }}
}
