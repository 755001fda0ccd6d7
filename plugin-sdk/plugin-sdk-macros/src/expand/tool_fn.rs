//! The description of a tool: an implementation of `ToolFn` for the type with the function's name.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, ItemFn, LitStr, ReturnType, Type, ext::IdentExt, spanned::Spanned};

use super::function::{conditions, declaration};
use crate::{
    args::{Args, Icon},
    doc::Doc,
    name,
    parameter::{Argument, Default, Parameter, is_text, needs_validation},
};

pub(crate) fn tool(
    function: &ItemFn,
    args: &Args,
    doc: &Doc,
    parameters: &[Parameter<'_>],
) -> TokenStream {
    let ident = &function.sig.ident;
    let conditions = conditions(function);
    let declaration = declaration(function);
    let arguments = Arguments::from_parameters(parameters);
    let description = Description {
        function,
        args,
        doc,
        arguments: &arguments,
    };
    let facts = description.facts();
    let input = input(args, &arguments);
    let output = output(args, function);
    let call = call(function, &arguments, parameters);
    let state = parameters.iter().find_map(|parameter| match parameter {
        Parameter::State(ty) => Some(ty.to_token_stream()),
        _ => None,
    });
    let state = state.unwrap_or_else(|| quote!(::plugin_sdk::__private::NoState));
    let items = arguments.items();
    quote! {
        #declaration

        #(#conditions)*
        const _: () = {
            #items

            impl ::plugin_sdk::__private::ToolFn for #ident {
                type State = #state;
                const TOOL: ::plugin_sdk::__private::Tool = ::plugin_sdk::__private::Tool {
                    #facts
                    input: #input,
                    output: #output,
                    call: #call,
                };
            }
        };
    }
}

/// The facts from the attributes and from the doc comment.
struct Description<'a> {
    function: &'a ItemFn,
    args: &'a Args,
    doc: &'a Doc,
    arguments: &'a Arguments<'a>,
}

impl Description<'_> {
    fn facts(&self) -> TokenStream {
        let args = self.args;
        let function_name = self.function.sig.ident.unraw().to_string();
        let camel_case = name::camel_case(&function_name);
        let name = option(args.name.as_ref());
        let title = option(args.title.as_ref());
        let description = args
            .description
            .as_ref()
            .map_or_else(|| self.doc.description.clone(), LitStr::value);
        let [read_only, destructive, idempotent, open_world] = [
            &args.read_only,
            &args.destructive,
            &args.idempotent,
            &args.open_world,
        ]
        .map(|hint| option(hint.as_ref()));
        let strict = args.strict.unwrap_or_default();
        let validate = args.validate.unwrap_or_default() || self.needs_validation();
        let timeout = option(args.timeout.as_ref());
        let requires = args.requires.iter().flatten();
        let icons = args.icons.iter().flatten().map(icon);
        let meta = option(
            args.meta
                .as_ref()
                .map(|facts| {
                    let (keys, values): (Vec<_>, Vec<_>) =
                        facts.iter().map(|fact| (&fact.key, &fact.value)).unzip();
                    quote! {
                        || ::core::iter::Iterator::collect(::core::iter::IntoIterator::into_iter([
                            #((
                                ::std::string::String::from(#keys),
                                ::plugin_sdk::__private::serde_json::json!(#values),
                            )),*
                        ]))
                    }
                })
                .as_ref(),
        );
        quote! {
            function: #function_name,
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
            strict: #strict,
            validate: #validate,
            timeout_ms: #timeout,
            requires: &[#(#requires),*],
            icons: &[#(#icons),*],
            meta: #meta,
        }
    }

    /// Reports whether the schema of an argument has constraints that decoding does not enforce.
    fn needs_validation(&self) -> bool {
        let Arguments::Named(named) = self.arguments else {
            return false;
        };
        let mut attributes = named.iter().flat_map(|named| &named.argument.schema);
        attributes.any(|attribute| needs_validation(attribute))
    }
}

fn icon(icon: &Icon) -> TokenStream {
    let Icon { src, sizes, .. } = icon;
    let mime_type = option(icon.mime_type.as_ref());
    let theme = option(icon.theme.as_ref());
    quote! {
        ::plugin_sdk::__private::Icon {
            src: #src,
            mime_type: #mime_type,
            sizes: &[#(#sizes),*],
            theme: #theme,
        }
    }
}

/// The arguments that the client sends.
enum Arguments<'a> {
    /// One parameter for each argument.
    Named(Vec<NamedArgument<'a>>),
    /// All arguments as one value of this type.
    Args(&'a Type),
}

/// An argument, and the function that returns its default.
struct NamedArgument<'a> {
    argument: &'a Argument<'a>,
    default: Option<Ident>,
}

impl<'a> Arguments<'a> {
    fn from_parameters(parameters: &'a [Parameter<'a>]) -> Self {
        let mut named = Vec::new();
        for parameter in parameters {
            match parameter {
                Parameter::Args(ty) => return Self::Args(ty),
                Parameter::Argument(argument) => {
                    let default = argument.default.as_ref();
                    named.push(NamedArgument {
                        argument,
                        default: default.map(|_| format_ident!("__default_{}", named.len())),
                    });
                }
                Parameter::Context(_) | Parameter::State(_) => {}
            }
        }
        Self::Named(named)
    }

    /// Returns the items that the description refers to: functions that return defaults, and a struct for the schema.
    fn items(&self) -> TokenStream {
        let Self::Named(named) = self else {
            return TokenStream::new();
        };
        let defaults = named.iter().filter_map(NamedArgument::default_function);
        let fields = named.iter().map(NamedArgument::field);
        quote! {
            #(#defaults)*

            #[derive(::plugin_sdk::__private::schemars::JsonSchema)]
            #[schemars(crate = "::plugin_sdk::__private::schemars", deny_unknown_fields)]
            #[allow(dead_code)]
            struct __Arguments { #(#fields),* }
        }
    }
}

impl NamedArgument<'_> {
    fn default_function(&self) -> Option<TokenStream> {
        let (ty, name) = (self.argument.ty, self.default.as_ref()?);
        let value = match self.argument.default.as_ref()? {
            Default::OfType => quote_spanned! { ty.span() => ::core::default::Default::default() },
            Default::Value(value) if is_text(value) => quote!(::core::convert::From::from(#value)),
            Default::Value(value) => value.to_token_stream(),
        };
        Some(quote! {
            fn #name() -> #ty {
                #value
            }
        })
    }

    /// Returns the field of the argument in the struct for the schema.
    fn field(&self) -> TokenStream {
        let Argument {
            ident,
            ty,
            description,
            header,
            schema,
            ..
        } = self.argument;
        let description = description.iter();
        let default = self.default.iter().map(ToString::to_string);
        let header = header.iter();
        let schema: &[&Attribute] = schema;
        quote! {
            #(#[doc = #description])*
            #(#[schemars(default = #default)])*
            #(#[schemars(extend("x-mcp-header" = #header))])*
            #(#schema)*
            #ident: #ty
        }
    }
}

fn input(args: &Args, arguments: &Arguments<'_>) -> TokenStream {
    match (&args.input_schema, arguments) {
        (Some(schema), _) => quote!(|| ::plugin_sdk::__private::custom_input_schema(#schema)),
        (None, Arguments::Named(_)) => {
            quote!(::plugin_sdk::__private::parameters_schema::<__Arguments>)
        }
        (None, Arguments::Args(ty)) => {
            quote_spanned! { ty.span() => ::plugin_sdk::__private::args_schema::<#ty> }
        }
    }
}

fn output(args: &Args, function: &ItemFn) -> TokenStream {
    let output = output_type(function);
    // This makes the compiler report a type that a tool cannot return, even if the tool has a custom schema.
    let schema = quote_spanned! { output.span() =>
        <#output as ::plugin_sdk::__private::IntoToolResult>::output_schema
    };
    match &args.output_schema {
        Some(schema_text) => quote! {{
            let _ = #schema;
            || ::plugin_sdk::__private::custom_output_schema(#schema_text)
        }},
        None => quote!(|| ::core::result::Result::Ok(#schema())),
    }
}

fn output_type(function: &ItemFn) -> TokenStream {
    match &function.sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => ty.to_token_stream(),
    }
}

/// Returns the closure that decodes arguments, calls the function, and encodes its result.
fn call(function: &ItemFn, arguments: &Arguments<'_>, parameters: &[Parameter<'_>]) -> TokenStream {
    // These variables have a different hygiene than names of the author's: a tool may be named `call`.
    let call = Ident::new("call", Span::mixed_site());
    let members = Ident::new("members", Span::mixed_site());
    let outcome = Ident::new("outcome", Span::mixed_site());
    let value = |position: usize| Ident::new(&format!("value_{position}"), Span::mixed_site());

    let parse = match arguments {
        Arguments::Named(named) => {
            let names = named
                .iter()
                .map(|named| named.argument.ident.unraw().to_string());
            // Without arguments, nothing changes `members`, and `mut` would cause a warning.
            let mutable = (!named.is_empty()).then(|| quote!(mut));
            let members = if named.is_empty() {
                quote!(_)
            } else {
                quote!(#members)
            };
            quote!(let #mutable #members = #call.arguments(&[#(#names),*])?;)
        }
        Arguments::Args(_) => TokenStream::new(),
    };
    let mut named = match arguments {
        Arguments::Named(named) => named.as_slice(),
        Arguments::Args(_) => &[],
    }
    .iter();
    let (mut decode, mut provide) = (Vec::new(), Vec::new());
    for (position, parameter) in parameters.iter().enumerate() {
        let value = value(position);
        match parameter {
            Parameter::Argument(argument) => {
                let (ty, name) = (argument.ty, argument.ident.unraw().to_string());
                let default = named.next().and_then(|named| named.default.as_ref());
                let taken = match default {
                    Some(default) => quote_spanned! { ty.span() =>
                        #members.take_or::<#ty>(#name, #default)?
                    },
                    None => quote_spanned! { ty.span() => #members.take::<#ty>(#name)? },
                };
                decode.push(quote!(let #value = #taken;));
            }
            Parameter::Args(ty) => {
                let args_value = quote_spanned! { ty.span() => #call.args::<#ty>()? };
                decode.push(quote!(let #value = ::plugin_sdk::Args(#args_value);));
            }
            Parameter::Context(ty) => {
                let context = quote_spanned! { ty.span() => #call.context() };
                provide.push(quote!(let #value = #context;));
            }
            Parameter::State(ty) => {
                let state = quote_spanned! { ty.span() => #call.state::<#ty>()? };
                provide.push(quote!(let #value = #state;));
            }
        }
    }
    let ident = &function.sig.ident;
    let values = (0..parameters.len()).map(value);
    let run = if function.sig.asyncness.is_some() {
        quote!(::plugin_sdk::__private::run_async(#call.cancel_token(), move || #ident(#(#values),*))?)
    } else {
        quote!(#ident(#(#values),*))
    };
    let output = output_type(function);
    let reply = quote_spanned! { output.span() =>
        ::plugin_sdk::__private::reply::<#output>
    };
    let take_error = quote!(::plugin_sdk::__private::ReturnType::<#output>::TYPE.error_fn());
    quote! {
        |#call| {
            #[allow(unused_imports)]
            use ::plugin_sdk::__private::{ErrorWithCauses as _, AnyOutput as _};
            #parse
            #(#decode)*
            #(#provide)*
            let #outcome = #run;
            #reply(#outcome, #take_error)
        }
    }
}

fn option<T: ToTokens + ?Sized>(value: Option<&T>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}
