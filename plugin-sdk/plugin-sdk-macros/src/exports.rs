//! Writes what `export_tools!` stands for: the root module's header, under the symbol the host looks for.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Ident, LitStr, Path, Token,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

/// `export_tools!(names = "as_written", greet, math::multiply)`
struct ExportTools {
    names: Ident,
    tools: Punctuated<Path, Token![,]>,
}

impl Parse for ExportTools {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut names = Ident::new("CamelCase", proc_macro2::Span::call_site());
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
            input.parse::<Token![,]>()?;
        }
        let tools = Punctuated::parse_terminated(input)?;
        if tools.is_empty() {
            return Err(input.error("name at least one function that has #[tool]"));
        }
        Ok(Self { names, tools })
    }
}

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let ExportTools { names, tools } = match syn::parse2(input) {
        Ok(exports) => exports,
        Err(error) => return error.to_compile_error(),
    };
    let tools = tools.iter();
    quote! {
        const _: () = {
            struct Plugin;

            impl ::plugin_sdk::__private::Exports for Plugin {
                const CRATE_NAME: &'static str = ::core::env!("CARGO_PKG_NAME");
                const CRATE_VERSION: &'static str = ::core::env!("CARGO_PKG_VERSION");
                const NAMES: ::plugin_sdk::__private::Names = ::plugin_sdk::__private::Names::#names;
                const TOOLS: &'static [::plugin_sdk::__private::Tool] =
                    &[#(<#tools as ::plugin_sdk::__private::ToolFn>::TOOL),*];
            }

            #[unsafe(no_mangle)]
            #[allow(non_upper_case_globals)]
            pub static _1as_0lib_1header_0root_bmodule_bloader: ::plugin_sdk::__private::LibHeader =
                ::plugin_sdk::__private::header::<Plugin>();
        };
    }
}
