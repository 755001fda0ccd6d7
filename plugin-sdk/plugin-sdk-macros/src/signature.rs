//! What a tool's function must look like. Every mistake is reported, each at its own token.

use syn::{FnArg, Ident, ItemFn, Pat, Safety, Type, ext::IdentExt};

use crate::{doc::Doc, name};

/// One parameter of a tool.
pub(crate) struct Parameter<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) ty: &'a Type,
    pub(crate) description: Option<String>,
}

/// The parameters of `function`, documented by `doc`.
pub(crate) fn check<'a>(
    function: &'a ItemFn,
    doc: &Doc,
    named: bool,
    described: bool,
) -> syn::Result<Vec<Parameter<'a>>> {
    let mut errors = Errors::default();
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
    if !signature.generics.params.is_empty() || signature.generics.where_clause.is_some() {
        errors.add(
            &signature.generics,
            "a tool cannot be generic: its schema needs concrete types",
        );
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
        .filter_map(|input| parameter(input, doc, &mut errors))
        .collect();
    for name in doc.arguments.keys() {
        if !parameters
            .iter()
            .any(|parameter| parameter.ident.unraw() == name)
        {
            errors.add(
                &signature.ident,
                &format!("`# Arguments` describes `{name}`, but there is no such parameter"),
            );
        }
    }
    errors.into_result(parameters)
}

fn parameter<'a>(input: &'a FnArg, doc: &Doc, errors: &mut Errors) -> Option<Parameter<'a>> {
    let FnArg::Typed(typed) = input else {
        errors.add(input, "a tool is a free function; remove `self`");
        return None;
    };
    let Pat::Ident(pattern) = typed.pat.as_ref() else {
        errors.add(
            &typed.pat,
            "a tool's parameter needs a plain name, which becomes the argument's name",
        );
        return None;
    };
    for attribute in &typed.attrs {
        errors.add(
            attribute,
            "parameters of a tool take no attributes; describe them in the `# Arguments` list",
        );
    }
    match typed.ty.as_ref() {
        Type::Reference(reference) => {
            errors.add(reference, "a tool owns its arguments: take `String` for `&str`, `Vec<T>` for `&[T]`, `T` for `&T`");
            None
        }
        Type::ImplTrait(ty) => {
            errors.add(
                ty,
                "a tool's parameter needs a concrete type, from which its schema is made",
            );
            None
        }
        ty => Some(Parameter {
            ident: &pattern.ident,
            ty,
            description: doc
                .arguments
                .get(&pattern.ident.unraw().to_string())
                .cloned(),
        }),
    }
}

/// Errors collected, so that the author sees all at once.
#[derive(Default)]
struct Errors(Option<syn::Error>);

impl Errors {
    fn add(&mut self, tokens: &impl quote::ToTokens, message: &str) {
        let error = syn::Error::new_spanned(tokens, message);
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    fn into_result<T>(self, value: T) -> syn::Result<T> {
        self.0.map_or(Ok(value), Err)
    }
}
