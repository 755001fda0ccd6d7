//! What stands in the parentheses of `#[tool(...)]`.

use proc_macro2::TokenStream;
use syn::{Expr, LitBool, LitStr, Token, meta::ParseNestedMeta, parse::Parser, token::Paren};

use crate::{errors::Errors, name};

/// The attributes of a tool.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) name: Option<LitStr>,
    pub(crate) title: Option<LitStr>,
    pub(crate) description: Option<LitStr>,
    pub(crate) read_only: Option<bool>,
    pub(crate) destructive: Option<bool>,
    pub(crate) idempotent: Option<bool>,
    pub(crate) open_world: Option<bool>,
}

impl Args {
    /// The attributes that are right; those that are not become errors.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Self::default();
        let parser = syn::meta::parser(|meta| args.take(&meta, errors));
        if let Err(error) = parser.parse2(tokens) {
            errors.push(error);
        }
        args
    }

    /// `Err` where it is unclear how to read on.
    fn take(&mut self, meta: &ParseNestedMeta<'_>, errors: &mut Errors) -> syn::Result<()> {
        let taken = match word(meta).as_str() {
            "name" => put(&mut self.name, name(meta)?, meta),
            "title" => put(&mut self.title, text(meta)?, meta),
            "description" => put(&mut self.description, text(meta)?, meta),
            "read_only" => put(&mut self.read_only, flag(meta)?, meta),
            "destructive" => put(&mut self.destructive, flag(meta)?, meta),
            "idempotent" => put(&mut self.idempotent, flag(meta)?, meta),
            "open_world" => put(&mut self.open_world, flag(meta)?, meta),
            _ => {
                let error = meta.error(
                    "unknown attribute of a tool; there are name, title, description, read_only, destructive, idempotent and open_world",
                );
                skip_value(meta)?;
                Err(error)
            }
        };
        if let Err(error) = taken {
            errors.push(error);
        }
        Ok(())
    }
}

/// The inner `Err` is a mistake after which the next attribute can be read.
type Value<T> = syn::Result<syn::Result<T>>;

fn word(meta: &ParseNestedMeta<'_>) -> String {
    let word = meta.path.get_ident();
    word.map(ToString::to_string).unwrap_or_default()
}

fn put<T>(
    place: &mut Option<T>,
    value: syn::Result<T>,
    meta: &ParseNestedMeta<'_>,
) -> syn::Result<()> {
    if place.replace(value?).is_some() {
        Err(meta.error("given twice; leave one out"))
    } else {
        Ok(())
    }
}

fn name(meta: &ParseNestedMeta<'_>) -> Value<LitStr> {
    Ok(
        string(meta)?.and_then(|name| match name::problem(&name.value()) {
            Some(problem) => Err(syn::Error::new(name.span(), problem)),
            None => Ok(name),
        }),
    )
}

fn text(meta: &ParseNestedMeta<'_>) -> Value<LitStr> {
    Ok(string(meta)?.and_then(|text| {
        if text.value().trim().is_empty() {
            Err(syn::Error::new(
                text.span(),
                "is empty; write something, or leave the attribute out",
            ))
        } else {
            Ok(text)
        }
    }))
}

fn string(meta: &ParseNestedMeta<'_>) -> Value<LitStr> {
    if meta.input.peek(Token![=]) && meta.input.peek2(LitStr) {
        return Ok(Ok(meta.value()?.parse()?));
    }
    let error = meta.error(format!("write `{} = \"...\"`", word(meta)));
    skip_value(meta)?;
    Ok(Err(error))
}

/// `read_only` is `read_only = true`.
fn flag(meta: &ParseNestedMeta<'_>) -> Value<bool> {
    if meta.input.peek(Token![=]) && meta.input.peek2(LitBool) {
        return Ok(Ok(meta.value()?.parse::<LitBool>()?.value));
    }
    if meta.input.is_empty() || meta.input.peek(Token![,]) {
        return Ok(Ok(true));
    }
    let error = meta.error(format!("write `{0}` or `{0} = false`", word(meta)));
    skip_value(meta)?;
    Ok(Err(error))
}

fn skip_value(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<Expr>()?;
    } else if meta.input.peek(Paren) {
        let content;
        syn::parenthesized!(content in meta.input);
        content.parse::<TokenStream>()?;
    }
    Ok(())
}
