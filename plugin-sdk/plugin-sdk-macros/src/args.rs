//! The attributes in `#[tool(...)]`.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{
    Expr, LitBool, LitStr, Token,
    meta::ParseNestedMeta,
    parse::{Parse, ParseStream, Parser},
    punctuated::Punctuated,
    token::Paren,
};

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
    pub(crate) strict: Option<bool>,
    pub(crate) validate: Option<bool>,
    /// The time limit. Unit: milliseconds.
    pub(crate) timeout: Option<u64>,
    pub(crate) requires: Option<Vec<LitStr>>,
    pub(crate) icons: Option<Vec<Icon>>,
    pub(crate) meta: Option<Vec<Fact>>,
    pub(crate) input_schema: Option<Expr>,
    pub(crate) output_schema: Option<Expr>,
}

/// `"https://example.com/icon.png"(mime_type = "image/png", sizes = "48x48 96x96", theme = "dark")`
pub(crate) struct Icon {
    pub(crate) src: LitStr,
    pub(crate) mime_type: Option<LitStr>,
    pub(crate) sizes: Vec<String>,
    pub(crate) theme: Option<LitStr>,
}

/// `"example.com/team" = "weather"`
pub(crate) struct Fact {
    pub(crate) key: LitStr,
    pub(crate) value: Expr,
}

/// The names of all attributes of `#[tool]`, for messages.
const KNOWN: &str = "name, title, description, read_only, destructive, idempotent, open_world, strict, validate, timeout, requires, icons, meta, input_schema and output_schema";

/// The client capabilities that a tool can require. Source: MCP 2026-07-28, `ClientCapabilities`.
const CAPABILITIES: [&str; 7] = [
    "elicitation",
    "elicitation.form",
    "elicitation.url",
    "roots",
    "sampling",
    "sampling.context",
    "sampling.tools",
];

impl Args {
    /// Parses the attributes. Mistakes are added to `errors`.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Self::default();
        let parser = syn::meta::parser(|meta| args.take(&meta, errors));
        if let Err(error) = parser.parse2(tokens) {
            errors.push(error);
        }
        args
    }

    /// Parses one attribute. It returns `Err` after a mistake that makes it impossible to find the next attribute.
    fn take(&mut self, meta: &ParseNestedMeta<'_>, errors: &mut Errors) -> syn::Result<()> {
        let taken = match option_name(meta).as_str() {
            "name" => set_once(&mut self.name, name(meta)?, meta),
            "title" => set_once(&mut self.title, text(meta)?, meta),
            "description" => set_once(&mut self.description, text(meta)?, meta),
            "read_only" => set_once(&mut self.read_only, flag(meta)?, meta),
            "destructive" => set_once(&mut self.destructive, flag(meta)?, meta),
            "idempotent" => set_once(&mut self.idempotent, flag(meta)?, meta),
            "open_world" => set_once(&mut self.open_world, flag(meta)?, meta),
            "strict" => set_once(&mut self.strict, flag(meta)?, meta),
            "validate" => set_once(&mut self.validate, flag(meta)?, meta),
            "timeout" => set_once(&mut self.timeout, timeout(meta)?, meta),
            "requires" => set_once(&mut self.requires, requires(meta)?, meta),
            "icons" => set_once(&mut self.icons, icons(meta)?, meta),
            "meta" => set_once(&mut self.meta, facts(meta)?, meta),
            "input_schema" => set_once(&mut self.input_schema, expression(meta)?, meta),
            "output_schema" => set_once(&mut self.output_schema, expression(meta)?, meta),
            _ => {
                let error = meta.error(format!(
                    "unknown attribute of a tool; the attributes are {KNOWN}"
                ));
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

/// The result of parsing the value of an attribute. After an inner `Err`, the next attribute can still be parsed; after
/// an outer `Err` it cannot.
pub(crate) type Value<T> = syn::Result<syn::Result<T>>;

/// Returns the name of an attribute.
pub(crate) fn option_name(meta: &ParseNestedMeta<'_>) -> String {
    let ident = meta.path.get_ident();
    ident.map(ToString::to_string).unwrap_or_default()
}

/// Sets an attribute. It is an error if it was set before.
pub(crate) fn set_once<T>(
    place: &mut Option<T>,
    value: syn::Result<T>,
    meta: &ParseNestedMeta<'_>,
) -> syn::Result<()> {
    if place.replace(value?).is_some() {
        Err(meta.error("this is given twice; remove one of the two"))
    } else {
        Ok(())
    }
}

fn name(meta: &ParseNestedMeta<'_>) -> Value<LitStr> {
    Ok(
        string(meta)?.and_then(|name| match name::problem(&name.value()) {
            Some(problem) => Err(error_at(&name, problem)),
            None => Ok(name),
        }),
    )
}

fn text(meta: &ParseNestedMeta<'_>) -> Value<LitStr> {
    Ok(string(meta)?.and_then(|text| {
        if text.value().trim().is_empty() {
            Err(error_at(
                &text,
                "this text is empty; write something, or remove the attribute",
            ))
        } else {
            Ok(text)
        }
    }))
}

pub(crate) fn string(meta: &ParseNestedMeta<'_>) -> Value<LitStr> {
    if meta.input.peek(Token![=]) && meta.input.peek2(LitStr) {
        return Ok(Ok(meta.value()?.parse()?));
    }
    let error = meta.error(format!(
        "`{0}` needs a string; write `{0} = \"...\"`",
        option_name(meta)
    ));
    skip_value(meta)?;
    Ok(Err(error))
}

/// Parses a flag. `read_only` means `read_only = true`.
fn flag(meta: &ParseNestedMeta<'_>) -> Value<bool> {
    if meta.input.peek(Token![=]) && meta.input.peek2(LitBool) {
        return Ok(Ok(meta.value()?.parse::<LitBool>()?.value));
    }
    if meta.input.is_empty() || meta.input.peek(Token![,]) {
        return Ok(Ok(true));
    }
    let error = meta.error(format!(
        "`{0}` is a flag; write `{0}` or `{0} = false`",
        option_name(meta)
    ));
    skip_value(meta)?;
    Ok(Err(error))
}

/// Parses an expression of type `&'static str`: a literal, `include_str!`, or a constant.
fn expression(meta: &ParseNestedMeta<'_>) -> Value<Expr> {
    if meta.input.peek(Token![=]) {
        return Ok(Ok(meta.value()?.parse()?));
    }
    let error = meta.error(format!(
        "`{0}` needs a text; write `{0} = r#\"...\"#` or `{0} = include_str!(\"...\")`",
        option_name(meta)
    ));
    skip_value(meta)?;
    Ok(Err(error))
}

/// Parses `"1500ms"`, `"10s"` or `"2m"` to milliseconds.
fn timeout(meta: &ParseNestedMeta<'_>) -> Value<u64> {
    Ok(string(meta)?.and_then(|text| {
        let value = text.value();
        let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match &value[digits.len()..] {
            "ms" => Some(1),
            "s" => Some(1000),
            "m" => Some(60_000),
            _ => None,
        };
        let millis = unit.and_then(|unit| digits.parse::<u64>().ok()?.checked_mul(unit));
        millis.filter(|millis| *millis > 0).ok_or_else(|| {
            error_at(
                &text,
                "not a time limit; write a whole number above 0 and `ms`, `s` or `m`, such as \"10s\"",
            )
        })
    }))
}

fn requires(meta: &ParseNestedMeta<'_>) -> Value<Vec<LitStr>> {
    let names = match list::<LitStr>(meta, "requires(\"elicitation\")")? {
        Ok(names) => names,
        Err(error) => return Ok(Err(error)),
    };
    let unknown = names
        .iter()
        .find(|name| !CAPABILITIES.contains(&name.value().as_str()));
    Ok(match unknown {
        None => Ok(names),
        Some(name) => Err(error_at(
            name,
            format!(
                "not a capability of MCP clients; the capabilities are {}",
                CAPABILITIES.join(", ")
            ),
        )),
    })
}

fn icons(meta: &ParseNestedMeta<'_>) -> Value<Vec<Icon>> {
    list(
        meta,
        "icons(\"https://example.com/icon.png\"(mime_type = \"image/png\", sizes = \"48x48\", theme = \"light\"))",
    )
}

impl Parse for Icon {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let src: LitStr = input.parse()?;
        let uri = src.value();
        if !["https://", "data:"]
            .iter()
            .any(|scheme| uri.starts_with(scheme))
        {
            return Err(error_at(
                &src,
                "not the URI of an icon; write an `https:` or `data:` URI",
            ));
        }
        let mut icon = Self {
            src,
            mime_type: None,
            sizes: Vec::new(),
            theme: None,
        };
        if !input.peek(Paren) {
            return Ok(icon);
        }
        let details;
        syn::parenthesized!(details in input);
        let mut sizes = None;
        let parser = syn::meta::parser(|meta| match option_name(&meta).as_str() {
            "mime_type" => set_once(&mut icon.mime_type, text(&meta)?, &meta),
            "sizes" => set_once(&mut sizes, text(&meta)?, &meta),
            "theme" => set_once(&mut icon.theme, text(&meta)?, &meta),
            _ => {
                Err(meta
                    .error("unknown detail of an icon; the details are mime_type, sizes and theme"))
            }
        });
        parser.parse2(details.parse()?)?;
        if let Some(theme) = &icon.theme
            && !matches!(theme.value().as_str(), "light" | "dark")
        {
            return Err(error_at(
                theme,
                "not a theme; write \"light\" or \"dark\", the background that the icon is designed for",
            ));
        }
        if let Some(sizes) = sizes {
            icon.sizes = sizes
                .value()
                .split_whitespace()
                .map(str::to_owned)
                .collect();
            if !icon.sizes.iter().all(|size| is_size(size)) {
                return Err(error_at(
                    &sizes,
                    "not sizes of an icon; write for example \"48x48 96x96\", or \"any\"",
                ));
            }
        }
        Ok(icon)
    }
}

fn is_size(size: &str) -> bool {
    let number = |text: &str| text.parse::<u32>().is_ok_and(|number| number > 0);
    size == "any"
        || size
            .split_once('x')
            .is_some_and(|(width, height)| number(width) && number(height))
}

fn facts(meta: &ParseNestedMeta<'_>) -> Value<Vec<Fact>> {
    list(meta, "meta(\"example.com/key\" = \"value\")")
}

impl Parse for Fact {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key: LitStr = input.parse()?;
        if let Some(problem) = name::meta_key_problem(&key.value()) {
            return Err(error_at(&key, problem));
        }
        if !input.peek(Token![=]) {
            return Err(error_at(
                &key,
                "this key has no value; write `\"key\" = \"value\"`",
            ));
        }
        input.parse::<Token![=]>()?;
        let value = input.parse()?;
        Ok(Self { key, value })
    }
}

/// Parses `name(item, item)`.
fn list<T: Parse>(meta: &ParseNestedMeta<'_>, example: &str) -> Value<Vec<T>> {
    if !meta.input.peek(Paren) {
        let error = meta.error(format!(
            "`{}` needs a list in parentheses; write `{example}`",
            option_name(meta)
        ));
        skip_value(meta)?;
        return Ok(Err(error));
    }
    let content;
    syn::parenthesized!(content in meta.input);
    let tokens: TokenStream = content.parse()?;
    let items = Punctuated::<T, Token![,]>::parse_terminated.parse2(tokens);
    Ok(items.and_then(|items| {
        if items.is_empty() {
            Err(meta.error(format!(
                "this list is empty; write `{example}`, or remove it"
            )))
        } else {
            Ok(items.into_iter().collect())
        }
    }))
}

/// Creates an error at these tokens.
pub(crate) fn error_at(tokens: &impl ToTokens, message: impl std::fmt::Display) -> syn::Error {
    syn::Error::new_spanned(tokens, message)
}

/// Skips the value of an attribute.
pub(crate) fn skip_value(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<Expr>()?;
    } else if meta.input.peek(Paren) {
        let content;
        syn::parenthesized!(content in meta.input);
        content.parse::<TokenStream>()?;
    }
    Ok(())
}
