//! What stands in the parentheses of `#[tool(...)]`.

use proc_macro2::TokenStream;
use syn::{LitBool, LitStr, meta::ParseNestedMeta, parse::Parser};

use crate::name;

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
    pub(crate) fn parse(tokens: TokenStream) -> syn::Result<Self> {
        let mut args = Self::default();
        syn::meta::parser(|meta| args.take(&meta)).parse2(tokens)?;
        Ok(args)
    }

    fn take(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let word = meta
            .path
            .get_ident()
            .map(ToString::to_string)
            .unwrap_or_default();
        match word.as_str() {
            "name" => {
                let name: LitStr = meta.value()?.parse()?;
                if let Some(problem) = name::problem(&name.value()) {
                    return Err(syn::Error::new(name.span(), problem));
                }
                put(&mut self.name, name, meta)
            }
            "title" => put(&mut self.title, meta.value()?.parse()?, meta),
            "description" => put(&mut self.description, meta.value()?.parse()?, meta),
            "read_only" => put(&mut self.read_only, flag(meta)?, meta),
            "destructive" => put(&mut self.destructive, flag(meta)?, meta),
            "idempotent" => put(&mut self.idempotent, flag(meta)?, meta),
            "open_world" => put(&mut self.open_world, flag(meta)?, meta),
            _ => Err(meta.error(
                "unknown attribute of a tool; there are name, title, description, read_only, destructive, idempotent and open_world",
            )),
        }
    }
}

fn put<T>(place: &mut Option<T>, value: T, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if place.replace(value).is_some() {
        Err(meta.error("given twice; leave one out"))
    } else {
        Ok(())
    }
}

/// `read_only` is `read_only = true`.
fn flag(meta: &ParseNestedMeta<'_>) -> syn::Result<bool> {
    if meta.input.peek(syn::Token![=]) {
        Ok(meta.value()?.parse::<LitBool>()?.value)
    } else {
        Ok(true)
    }
}
