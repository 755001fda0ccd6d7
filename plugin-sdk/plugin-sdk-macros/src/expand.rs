//! Writes what `#[tool]` stands for: the function as it is, and beside it a type of the same name that describes it.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{ItemFn, ReturnType, ext::IdentExt};

use crate::{args::Args, doc::Doc, name, signature};

pub(crate) fn tool(args: TokenStream, item: TokenStream) -> TokenStream {
    let function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(_) => {
            let error = syn::Error::new_spanned(item.clone(), "#[tool] stands on a function")
                .to_compile_error();
            return quote!(#item #error);
        }
    };
    let doc = Doc::of(&function.attrs);
    let (args, mut error) = match Args::parse(args) {
        Ok(args) => (args, None),
        Err(error) => (Args::default(), Some(error)),
    };
    // Wrong attributes must not hide mistakes in the signature, nor bring up a missing description they may have held.
    let unknown = error.is_some();
    let parameters = signature::check(
        &function,
        &doc,
        args.name.is_some(),
        args.description.is_some() || unknown,
    );
    let parameters = match parameters {
        Ok(parameters) => parameters,
        Err(more) => {
            match &mut error {
                Some(error) => error.combine(more),
                None => error = Some(more),
            }
            Vec::new()
        }
    };
    let implementation = match error {
        Some(error) => {
            let error = error.to_compile_error();
            let stub = stub(&function);
            quote!(#error #stub)
        }
        None => implementation(&function, &args, &doc, &parameters),
    };
    quote!(#function #implementation)
}

/// The type without its description, so that `export_tools!` adds no second error to the first.
fn stub(function: &ItemFn) -> TokenStream {
    let (visibility, ident) = (&function.vis, &function.sig.ident);
    quote! {
        #[doc(hidden)]
        #[allow(non_camel_case_types)]
        #visibility struct #ident {}
        impl ::plugin_sdk::__private::ToolFn for #ident {
            const TOOL: ::plugin_sdk::__private::Tool = ::core::panic!("the tool has errors");
        }
    }
}

fn implementation(
    function: &ItemFn,
    args: &Args,
    doc: &Doc,
    parameters: &[signature::Parameter<'_>],
) -> TokenStream {
    let (visibility, ident) = (&function.vis, &function.sig.ident);
    let written = ident.unraw().to_string();
    let camel_case = name::camel_case(&written);
    let description = args
        .description
        .as_ref()
        .map_or_else(|| doc.description.clone(), syn::LitStr::value);
    let name = option(args.name.as_ref());
    let title = option(args.title.as_ref());
    let read_only = option(args.read_only.as_ref());
    let destructive = option(args.destructive.as_ref());
    let idempotent = option(args.idempotent.as_ref());
    let open_world = option(args.open_world.as_ref());
    let output = match &function.sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => ty.to_token_stream(),
    };
    let fields = parameters.iter().map(|parameter| {
        let (ident, ty) = (parameter.ident, parameter.ty);
        let doc = parameter
            .description
            .as_ref()
            .map(|text| quote!(#[doc = #text]));
        quote!(#doc #ident: #ty)
    });
    let arguments = parameters.iter().map(|parameter| {
        let ident = parameter.ident;
        quote!(arguments.#ident)
    });
    // Spanned at the return type, so that a type that cannot be a result is reported there.
    let output_check = quote::quote_spanned! { syn::spanned::Spanned::span(&output) =>
        <#output as ::plugin_sdk::__private::IntoToolResult>::output_schema
    };
    let binding = if parameters.is_empty() {
        format_ident!("_arguments")
    } else {
        format_ident!("arguments")
    };
    quote! {
        #[doc(hidden)]
        #[allow(non_camel_case_types)]
        #visibility struct #ident {}

        const _: () = {
            #[derive(
                ::plugin_sdk::__private::serde::Deserialize,
                ::plugin_sdk::__private::schemars::JsonSchema,
            )]
            #[serde(crate = "::plugin_sdk::__private::serde", deny_unknown_fields)]
            #[schemars(crate = "::plugin_sdk::__private::schemars")]
            struct Arguments { #(#fields),* }

            impl ::plugin_sdk::__private::ToolFn for #ident {
                const TOOL: ::plugin_sdk::__private::Tool = ::plugin_sdk::__private::Tool {
                    function: #written,
                    camel_case: #camel_case,
                    name: #name,
                    title: #title,
                    description: #description,
                    hints: ::plugin_sdk::__private::Hints {
                        read_only: #read_only,
                        destructive: #destructive,
                        idempotent: #idempotent,
                        open_world: #open_world,
                    },
                    input: ::plugin_sdk::__private::input::<Arguments>,
                    output: #output_check,
                    call: |body| {
                        let #binding: Arguments = ::plugin_sdk::__private::decode(body)?;
                        ::plugin_sdk::__private::reply(#ident(#(#arguments),*))
                    },
                };
            }
        };
    }
}

fn option(value: Option<&impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}
