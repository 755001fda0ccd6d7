//! Checks the function of a tool. Every mistake is reported, each at the token that causes it.

use std::collections::HashSet;

use quote::ToTokens;
use syn::{FnArg, ItemFn, Safety, ext::IdentExt};

use crate::{
    args::Args,
    doc::Doc,
    errors::Errors,
    name,
    parameter::{Parameter, name_of},
    tokens::{is_impl, is_self, mentions},
};

/// Checks `function`, and returns its parameters with their descriptions from `doc`.
pub(crate) fn check<'a>(
    function: &'a ItemFn,
    doc: &Doc,
    args: &Args,
    errors: &mut Errors,
) -> Vec<Parameter<'a>> {
    // If attributes are wrong, the signature is still checked, but without errors about a missing description or a
    // wrong name: the wrong attribute may have been meant to set it.
    let unclear = !errors.is_empty();
    let named = args.name.is_some() || unclear;
    let described = args.description.is_some() || unclear;
    check_form(function, errors);
    let signature = &function.sig;
    if !described && doc.description.is_empty() {
        errors.add(
            &signature.ident,
            "a tool needs a description, which the model reads: write a doc comment (`/// ...`) above it or `#[tool(description = \"...\")]`",
        );
    }
    if !named && let Some(problem) = name::problem(&signature.ident.unraw().to_string()) {
        errors.add(
            &signature.ident,
            &format!("{problem}; rename the function or write `#[tool(name = \"...\")]`"),
        );
    }
    let parameters: Vec<_> = signature
        .inputs
        .iter()
        .filter_map(|input| Parameter::parse(input, doc, errors))
        .collect();
    if mentions(signature.output.to_token_stream(), is_impl) {
        errors.add(
            &signature.output,
            "a tool cannot return an `impl` type; write a concrete type, such as `String`",
        );
    }
    check_combinations(&parameters, args, errors);
    check_descriptions(function, doc, &parameters, errors);
    parameters
}

/// Checks the keywords before the function's name, and the generics after it.
fn check_form(function: &ItemFn, errors: &mut Errors) {
    let signature = &function.sig;
    if let Some(token) = &signature.asyncness
        && !cfg!(feature = "async")
    {
        errors.add(
            token,
            "async tools need the feature `async` of plugin-sdk: write `features = [\"async\"]` at this dependency in Cargo.toml",
        );
    }
    if let Safety::Unsafe(token) = &signature.safety {
        errors.add(
            token,
            "a tool cannot be unsafe, because any client may call it with any arguments; remove `unsafe`",
        );
    }
    if let Some(token) = &signature.abi {
        errors.add(
            token,
            "a tool cannot be an `extern` function; remove `extern`",
        );
    }
    if mentions_self(function) {
        errors.add(
            &signature.ident,
            "a tool cannot be an associated function; move it out of the `impl`, and write the name of the type instead of `Self`",
        );
    }
    let generic = "a tool cannot be generic, because its schema needs concrete types; write these instead of the generic parameters";
    if !signature.generics.params.is_empty() {
        errors.add(&signature.generics, generic);
    } else if let Some(clause) = &signature.generics.where_clause {
        errors.add(clause, generic);
    }
}

/// Reports whether the signature mentions `Self`, so that the function must be an associated function. For an
/// associated function without `Self`, the compiler reports that a struct is not allowed in the `impl`.
pub(crate) fn mentions_self(function: &ItemFn) -> bool {
    let signature = &function.sig;
    let types = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(typed.ty.to_token_stream()),
        FnArg::Receiver(_) => None,
    });
    types
        .chain([signature.output.to_token_stream()])
        .any(|ty| mentions(ty, is_self))
}

/// Checks which parameters and attributes may be combined.
fn check_combinations(parameters: &[Parameter<'_>], args: &Args, errors: &mut Errors) {
    let args_parameters: Vec<_> = parameters
        .iter()
        .filter_map(|parameter| match parameter {
            Parameter::Args(ty) => Some(*ty),
            _ => None,
        })
        .collect();
    let mut arguments = parameters.iter().filter_map(|parameter| match parameter {
        Parameter::Argument(argument) => Some(argument.ident),
        _ => None,
    });
    if let (Some(_), Some(argument)) = (args_parameters.first(), arguments.next()) {
        errors.add(
            argument,
            "a tool takes either separate parameters or one `Args<T>`, not both; move this parameter into `T` as a field",
        );
    }
    for twice in args_parameters.iter().skip(1) {
        errors.add(
            twice,
            "a tool takes only one `Args<T>`; move the fields of this type into the first one",
        );
    }
    let states = parameters.iter().filter_map(|parameter| match parameter {
        Parameter::State(ty) => Some(*ty),
        _ => None,
    });
    for twice in states.skip(1) {
        errors.add(
            twice,
            "a tool takes only one `State<T>`, because a plugin has only one state; put both values into one struct",
        );
    }
    let mut headers = HashSet::new();
    for parameter in parameters {
        if let Parameter::Argument(argument) = parameter
            && let Some(header) = &argument.header
            && !headers.insert(header.value().to_ascii_lowercase())
        {
            errors.add(
                header,
                "another argument has a header of the same name (upper and lower case are equal); rename one of the two",
            );
        }
    }
    if let (Some(schema), []) = (&args.input_schema, args_parameters.as_slice()) {
        errors.add(
            schema,
            "a tool with `input_schema` must take its arguments as one value; write one parameter of type `Args<T>`, such as `Args<serde_json::Value>`",
        );
    }
}

/// Checks that every argument that the doc comment describes exists.
fn check_descriptions(
    function: &ItemFn,
    doc: &Doc,
    parameters: &[Parameter<'_>],
    errors: &mut Errors,
) {
    let takes_args = parameters
        .iter()
        .any(|parameter| matches!(parameter, Parameter::Args(_)));
    for described in &doc.arguments {
        let mut names = function.sig.inputs.iter().filter_map(name_of);
        if takes_args {
            errors.push(syn::Error::new(
                described.span,
                "a tool with `Args<T>` cannot describe its arguments here; write this description as a doc comment on the field of `T`",
            ));
        } else if !names.any(|name| name.unraw() == described.name) {
            errors.push(syn::Error::new(
                described.span,
                format!(
                    "this describes `{}`, but no parameter has this name; correct the name, or remove this line",
                    described.name
                ),
            ));
        }
    }
}
