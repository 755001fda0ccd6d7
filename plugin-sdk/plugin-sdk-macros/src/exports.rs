//! The expansion of `export_tools!`: a static with the header of the root module, under the symbol that the host looks
//! up.

use std::collections::HashSet;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    Ident, LitStr, Path, Token,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
    spanned::Spanned,
    token::Paren,
};

use crate::{errors::Errors, name};

/// `export_tools!(names = "as_written", prefix = "text_", state = connect, greet, math::multiply)`
struct ExportTools {
    as_written: bool,
    prefix: Option<LitStr>,
    state: Option<Path>,
    tools: Punctuated<Path, Token![,]>,
}

impl Parse for ExportTools {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let (mut names, mut prefix, mut state) = (None, None, None);
        while input.peek(Ident) && input.peek2(Token![=]) {
            let option: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            let given_before = match option.to_string().as_str() {
                "names" => names.replace(parse_names(input)?).is_some(),
                "prefix" => prefix.replace(parse_prefix(input)?).is_some(),
                "state" => state.replace(input.parse()?).is_some(),
                _ => {
                    return Err(syn::Error::new(
                        option.span(),
                        "unknown option; the options are `names = \"as_written\"`, `prefix = \"...\"` and `state = function`",
                    ));
                }
            };
            if given_before {
                return Err(syn::Error::new(
                    option.span(),
                    "this is given twice; remove one of the two",
                ));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let tools = Punctuated::parse_terminated_with(input, parse_tool)?;
        if tools.is_empty() {
            return Err(syn::Error::new(
                Span::call_site(),
                "`export_tools!` exports nothing; name at least one function that has `#[tool]`: `export_tools!(greet);`",
            ));
        }
        Ok(Self {
            as_written: names.unwrap_or_default(),
            prefix,
            state,
            tools,
        })
    }
}

/// Parses the value of `names`. `true` means that tools have the names of their functions.
fn parse_names(input: ParseStream<'_>) -> syn::Result<bool> {
    let value: LitStr = input.parse()?;
    match value.value().as_str() {
        "as_written" => Ok(true),
        "camel_case" => Ok(false),
        _ => Err(syn::Error::new(
            value.span(),
            "not a value of `names`; write \"camel_case\" (the default) or \"as_written\"",
        )),
    }
}

fn parse_prefix(input: ParseStream<'_>) -> syn::Result<LitStr> {
    let prefix: LitStr = input.parse()?;
    match name::prefix_problem(&prefix.value()) {
        Some(problem) => Err(syn::Error::new(prefix.span(), problem)),
        None => Ok(prefix),
    }
}

fn parse_tool(input: ParseStream<'_>) -> syn::Result<Path> {
    let path: Path = input.parse()?;
    let problem = if input.peek(Token![=]) {
        "an option cannot follow a tool; write all options before the tools"
    } else if input.peek(Paren) {
        "`export_tools!` takes the name of a tool, not a call; remove the parentheses"
    } else {
        return Ok(path);
    };
    Err(syn::Error::new_spanned(path, problem))
}

/// Checks that no function is exported twice.
fn check(tools: &Punctuated<Path, Token![,]>) -> Errors {
    let mut errors = Errors::default();
    let mut seen = HashSet::new();
    for tool in tools {
        if !seen.insert(tool.to_token_stream().to_string()) {
            errors.add(tool, "this tool is exported twice; remove one of the two");
        }
    }
    errors
}

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let exports: ExportTools = match syn::parse2(input) {
        Ok(exports) => exports,
        Err(error) => return error.to_compile_error(),
    };
    let errors = check(&exports.tools);
    if !errors.is_empty() {
        return errors.to_compile_error();
    }
    let ExportTools {
        as_written,
        prefix,
        state,
        tools,
    } = exports;
    let prefix = prefix.map_or_else(String::new, |prefix| prefix.value());
    let checks = tools.iter().enumerate().map(|(position, path)| {
        quote_spanned! { span_of(path) =>
            const _: () = ::plugin_sdk::__private::check_name(
                <Plugin as ::plugin_sdk::__private::Exports>::TOOLS,
                <Plugin as ::plugin_sdk::__private::Exports>::NAMES,
                #position,
            );
        }
    });
    let exported = tools.iter().map(|path| exported(path, state.as_ref()));
    quote! {
        const _: () = {
            struct Plugin;

            static STATE: ::plugin_sdk::__private::StateCell =
                ::plugin_sdk::__private::StateCell::new();

            impl ::plugin_sdk::__private::Exports for Plugin {
                const CRATE_NAME: &'static str = ::core::env!("CARGO_PKG_NAME");
                const CRATE_VERSION: &'static str = ::core::env!("CARGO_PKG_VERSION");
                const NAMES: ::plugin_sdk::__private::Names = ::plugin_sdk::__private::Names {
                    prefix: #prefix,
                    as_written: #as_written,
                };
                const TOOLS: &'static [::plugin_sdk::__private::ExportedTool] = &[#(#exported),*];

                fn state() -> &'static ::plugin_sdk::__private::StateCell {
                    &STATE
                }
            }

            #(#checks)*

            #[unsafe(no_mangle)]
            #[allow(non_upper_case_globals)]
            pub static _1as_0lib_1header_0root_bmodule_bloader: ::plugin_sdk::__private::LibHeader =
                ::plugin_sdk::__private::header::<Plugin>();
        };
    }
}

fn span_of(path: &Path) -> Span {
    let last = path.segments.last();
    last.map_or(Span::call_site(), |segment| segment.ident.span())
}

/// Returns the expression for the tool at a path. If a function has no `#[tool]`, there is no type of its name, and the
/// compiler's own error would not say why. So a type in an outer scope is found instead, which does not implement
/// `ToolFn`, and the error message of that trait tells the author what to do.
fn exported(path: &Path, state: Option<&Path>) -> TokenStream {
    let name = Ident::new("__Tool", span_of(path));
    let taken = quote_spanned!(span_of(path) => <#name as ::plugin_sdk::__private::ToolFn>::State);
    let build = match state {
        Some(state) => {
            let build = quote_spanned! { state.span() =>
                ::plugin_sdk::__private::Build::<#taken, _>::build
            };
            quote!(|| #build(#state))
        }
        None => quote_spanned! { span_of(path) => ::plugin_sdk::__private::no_state::<#taken> },
    };
    quote! {{
        #[allow(unused_imports)]
        use ::plugin_sdk::__private::NoTool as __Tool;
        // Each tool is in a separate constant, because the compiler reports a mistake that is repeated in one constant
        // only once.
        const EXPORTED: ::plugin_sdk::__private::ExportedTool = {
            #[allow(unused_imports)]
            use #path as #name;
            ::plugin_sdk::__private::ExportedTool {
                tool: <#name as ::plugin_sdk::__private::ToolFn>::TOOL,
                state: #build,
            }
        };
        EXPORTED
    }}
}
