//! What a tool's function must look like. Every mistake is reported, each at its own token.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{FnArg, Ident, ItemFn, Pat, PatType, Safety, Type, ext::IdentExt};

use crate::{doc::Doc, errors::Errors, name};

/// One parameter of a tool.
pub(crate) struct Parameter<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) ty: &'a Type,
    pub(crate) description: Option<&'a str>,
}

/// The parameters of `function`, documented by `doc`.
pub(crate) fn check<'a>(
    function: &'a ItemFn,
    doc: &'a Doc,
    named: bool,
    described: bool,
    errors: &mut Errors,
) -> Vec<Parameter<'a>> {
    let signature = &function.sig;
    if let Some(token) = &signature.asyncness {
        errors.add(
            token,
            "this version of plugin-sdk has no async tools; make the function synchronous",
        );
    }
    if let Safety::Unsafe(token) = &signature.safety {
        errors.add(
            token,
            "a tool cannot be unsafe: any client may call it with any arguments",
        );
    }
    if let Some(token) = &signature.abi {
        errors.add(
            token,
            "a tool is an ordinary Rust function; remove `extern`",
        );
    }
    let generic = "a tool cannot be generic: its schema needs concrete types";
    if !signature.generics.params.is_empty() {
        errors.add(&signature.generics, generic);
    } else if let Some(clause) = &signature.generics.where_clause {
        errors.add(clause, generic);
    }
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
        .filter_map(|input| parameter(input, doc, errors))
        .collect();
    if mentions(signature.output.to_token_stream(), is_impl) {
        errors.add(
            &signature.output,
            "a tool's result needs a concrete type, such as `String`",
        );
    }
    for argument in &doc.arguments {
        if !signature
            .inputs
            .iter()
            .filter_map(name_of)
            .any(|ident| ident.unraw() == argument.name)
        {
            errors.push(syn::Error::new(
                argument.span,
                format!(
                    "this describes `{}`, but there is no such parameter; rename it or leave it out",
                    argument.name
                ),
            ));
        }
    }
    parameters
}

/// A parameter that is as it must be.
fn parameter<'a>(input: &'a FnArg, doc: &'a Doc, errors: &mut Errors) -> Option<Parameter<'a>> {
    let FnArg::Typed(PatType { attrs, pat, ty, .. }) = input else {
        errors.add(input, "a tool is a free function; remove `self`");
        return None;
    };
    let ident = name_of(input);
    if ident.is_none() {
        errors.add(
            pat,
            "a tool's parameter needs a plain name, which becomes the argument's name",
        );
    }
    for attribute in attrs {
        errors.add(
            attribute,
            "parameters of a tool take no attributes; describe them in the `# Arguments` list",
        );
    }
    if mentions(ty.to_token_stream(), is_borrow) {
        errors.add(
            ty,
            "a tool owns its arguments: take `String` for `&str`, `Vec<T>` for `&[T]`, `T` for `&T`",
        );
    } else if mentions(ty.to_token_stream(), is_impl) {
        errors.add(
            ty,
            "a tool's parameter needs a concrete type, from which its schema is made",
        );
    }
    let ident = ident?;
    Some(Parameter {
        ident,
        ty,
        description: doc
            .arguments
            .iter()
            .find(|argument| ident.unraw() == argument.name)
            .map(|argument| argument.text.as_str()),
    })
}

fn name_of(input: &FnArg) -> Option<&Ident> {
    match input {
        FnArg::Typed(typed) => match typed.pat.as_ref() {
            Pat::Ident(pattern) => Some(&pattern.ident),
            _ => None,
        },
        FnArg::Receiver(_) => None,
    }
}

/// Is there such a token, at any depth, in a type? Each is judged with the one before it.
fn mentions(ty: TokenStream, what: fn(Option<&TokenTree>, &TokenTree) -> bool) -> bool {
    let tokens: Vec<_> = ty.into_iter().collect();
    tokens.iter().enumerate().any(|(position, token)| {
        let before = position.checked_sub(1).map(|before| &tokens[before]);
        match token {
            TokenTree::Group(group) => mentions(group.stream(), what),
            token => what(before, token),
        }
    })
}

/// `&` or a lifetime, except `'static` as in `Cow<'static, str>`.
fn is_borrow(before: Option<&TokenTree>, token: &TokenTree) -> bool {
    match (before, token) {
        (_, TokenTree::Punct(punct)) => punct.as_char() == '&',
        (Some(TokenTree::Punct(quote)), TokenTree::Ident(name)) => {
            quote.as_char() == '\'' && name != "static"
        }
        _ => false,
    }
}

fn is_impl(_before: Option<&TokenTree>, token: &TokenTree) -> bool {
    matches!(token, TokenTree::Ident(word) if word == "impl")
}
