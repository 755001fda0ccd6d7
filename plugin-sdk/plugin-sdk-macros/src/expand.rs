//! Writes what `#[tool]` stands for: the function as it is, and beside it a type of the same name that describes it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Attribute, FnArg, ItemFn, ReturnType, ext::IdentExt, spanned::Spanned};

use crate::{
    args::Args,
    doc::Doc,
    errors::Errors,
    name,
    signature::{self, Parameter},
};

pub(crate) fn tool(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(_) => {
            let error = syn::Error::new(
                Span::call_site(),
                "`#[tool]` makes a function a tool, and this is none; remove it or write a function",
            )
            .to_compile_error();
            return quote!(#item #error);
        }
    };
    let doc = Doc::of(&function.attrs);
    let mut errors = Errors::default();
    let args = Args::parse(args, &mut errors);
    // Wrong attributes must not hide mistakes in the signature, nor bring up what they may have been meant to hold.
    let unclear = !errors.is_empty();
    let parameters = signature::check(
        &function,
        &doc,
        args.name.is_some() || unclear,
        args.description.is_some() || unclear,
        &mut errors,
    );
    if errors.is_empty() {
        let implementation = implementation(&function, &args, &doc, &parameters);
        return quote!(#function #implementation);
    }
    let (errors, stub) = (errors.to_compile_error(), stub(&function));
    // The compiler would refuse these once more.
    for input in &mut function.sig.inputs {
        match input {
            FnArg::Receiver(receiver) => receiver.attrs.clear(),
            FnArg::Typed(typed) => typed.attrs.clear(),
        }
    }
    quote!(#function #errors #stub)
}

/// The type without its description, so that `export_tools!` adds no second error to the first.
fn stub(function: &ItemFn) -> TokenStream {
    if function.sig.receiver().is_some() {
        // A method stands where no type can be declared.
        return TokenStream::new();
    }
    let ident = &function.sig.ident;
    let conditions = conditions(function);
    let declaration = declaration(function);
    quote! {
        #declaration
        #(#conditions)*
        impl ::plugin_sdk::__private::ToolFn for #ident {
            const TOOL: ::plugin_sdk::__private::Tool = ::plugin_sdk::__private::Tool::MISTAKEN;
        }
    }
}

/// The type of the function's name.
fn declaration(function: &ItemFn) -> TokenStream {
    let (visibility, ident) = (&function.vis, &function.sig.ident);
    let conditions = conditions(function);
    quote! {
        #(#conditions)*
        #[doc(hidden)]
        #[allow(non_camel_case_types)]
        #visibility struct #ident {}
    }
}

/// `#[cfg(...)]` below `#[tool]`: what describes the function is there when the function is.
fn conditions(function: &ItemFn) -> Vec<&Attribute> {
    let attributes = function.attrs.iter();
    attributes
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .collect()
}

fn implementation(
    function: &ItemFn,
    args: &Args,
    doc: &Doc,
    parameters: &[Parameter<'_>],
) -> TokenStream {
    let ident = &function.sig.ident;
    let conditions = conditions(function);
    let declaration = declaration(function);
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
        let doc = parameter.description.map(|text| quote!(#[doc = #text]));
        quote!(#doc #ident: #ty)
    });
    // Variables of another hygiene than the author's names: a tool may be called `body`.
    let body = Ident::new("body", Span::mixed_site());
    let arguments = Ident::new("_arguments", Span::mixed_site());
    let values = parameters.iter().map(|parameter| {
        let ident = parameter.ident;
        quote!(#arguments.#ident)
    });
    // Both spanned at the return type, so that a type that cannot be a result is reported there, and once.
    let output_schema = quote_spanned! { output.span() =>
        <#output as ::plugin_sdk::__private::IntoToolResult>::output_schema
    };
    let reply = quote_spanned! { output.span() => ::plugin_sdk::__private::reply::<#output> };
    quote! {
        #declaration

        #(#conditions)*
        const _: () = {
            #[derive(
                ::plugin_sdk::__private::serde::Deserialize,
                ::plugin_sdk::__private::schemars::JsonSchema,
            )]
            #[serde(
                crate = "::plugin_sdk::__private::serde",
                deny_unknown_fields,
                expecting = "an object of the tool's arguments",
            )]
            #[schemars(crate = "::plugin_sdk::__private::schemars")]
            struct __Arguments { #(#fields),* }

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
                    input: ::plugin_sdk::__private::input::<__Arguments>,
                    output: #output_schema,
                    call: |#body| {
                        let #arguments: __Arguments = ::plugin_sdk::__private::decode(#body)?;
                        #reply(#ident(#(#values),*))
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
