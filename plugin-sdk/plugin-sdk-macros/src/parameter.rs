//! Parses a parameter of a tool. It is an argument, all arguments as one value, the context of the call, or the state
//! of the plugin.

use quote::ToTokens;
use syn::{
    Attribute, Expr, ExprLit, FnArg, GenericArgument, Ident, Lit, LitStr, Meta, Pat, PatType,
    PathArguments, Token, Type, ext::IdentExt, meta::ParseNestedMeta,
};

use crate::{
    args::{Value, error_at, option_name, set_once, skip_value, string},
    doc::{self, Doc},
    errors::Errors,
    tokens::{is_borrow, is_impl, mentions},
};

/// A parameter of a tool.
pub(crate) enum Parameter<'a> {
    /// A member of the arguments.
    Argument(Box<Argument<'a>>),
    /// `Args<T>`
    Args(&'a Type),
    /// `Context`
    Context(&'a Type),
    /// `State<T>`; this is `T`
    State(&'a Type),
}

/// A member of the arguments.
pub(crate) struct Argument<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) ty: &'a Type,
    pub(crate) description: Option<String>,
    /// `#[arg(default)]` or `#[arg(default = ...)]`
    pub(crate) default: Option<Default>,
    /// `#[arg(header = "...")]`
    pub(crate) header: Option<LitStr>,
    /// The attributes `#[schemars(...)]`, which only the schema gets.
    pub(crate) schema: Vec<&'a Attribute>,
}

/// The value of a parameter whose argument the client omits.
pub(crate) enum Default {
    /// The default of its type.
    OfType,
    /// The value of this expression.
    Value(Box<Expr>),
}

impl<'a> Parameter<'a> {
    /// Parses a parameter. `None` means that it has mistakes, which have been added to `errors`.
    pub(crate) fn parse(input: &'a FnArg, doc: &Doc, errors: &mut Errors) -> Option<Self> {
        let FnArg::Typed(PatType { attrs, pat, ty, .. }) = input else {
            errors.add(
                input,
                "a tool cannot be a method; remove `self`, and move the function out of the `impl`",
            );
            return None;
        };
        if let Some(special_parameter) = special_parameter(ty) {
            for attribute in attrs {
                errors.add(
                    attribute,
                    "a parameter of type `Context`, `State<T>` or `Args<T>` cannot have attributes, because it is not an argument; remove this attribute",
                );
            }
            return Some(special_parameter);
        }
        let ident = name_of(input);
        if ident.is_none() {
            errors.add(
                pat,
                "a tool's parameter cannot be a pattern, because its name becomes the argument's name; write a plain name",
            );
        }
        if mentions(ty.to_token_stream(), is_borrow) {
            errors.add(
                ty,
                "a tool's parameter cannot borrow, because a tool owns its arguments; take `String` instead of `&str`, `Vec<T>` instead of `&[T]`, `T` instead of `&T`",
            );
        } else if mentions(ty.to_token_stream(), is_impl) {
            errors.add(
                ty,
                "a tool's parameter cannot have an `impl` type, because its schema is made from the type; write a concrete type",
            );
        }
        let mut attributes = Attributes::default();
        for attribute in attrs {
            attributes.take(attribute, errors);
        }
        let ident = ident?;
        let listed = doc
            .arguments
            .iter()
            .find(|argument| ident.unraw() == argument.name);
        let own = Doc::from_attributes(attrs).description;
        if let (Some(listed), false) = (listed, own.is_empty()) {
            errors.push(syn::Error::new(
                listed.span,
                format!("`{ident}` is described here and at the parameter itself; remove one"),
            ));
        }
        let description = match listed {
            Some(listed) => Some(listed.text.clone()),
            None => Some(own).filter(|own| !own.is_empty()),
        };
        Some(Self::Argument(Box::new(Argument {
            ident,
            ty,
            description,
            default: attributes.default,
            header: attributes.header,
            schema: attributes.schema,
        })))
    }
}

/// The attributes of an argument.
#[derive(std::default::Default)]
struct Attributes<'a> {
    default: Option<Default>,
    header: Option<LitStr>,
    schema: Vec<&'a Attribute>,
}

impl<'a> Attributes<'a> {
    fn take(&mut self, attribute: &'a Attribute, errors: &mut Errors) {
        let path = attribute.path();
        if path.is_ident("arg") {
            let parsed = attribute.parse_nested_meta(|meta| self.take_own(&meta, errors));
            if let Err(error) = parsed {
                errors.push(error);
            }
        } else if path.is_ident("schemars") {
            if let Some(problem) = misplaced_schemars(attribute) {
                errors.add(attribute, problem);
            }
            self.schema.push(attribute);
        } else if path.is_ident("serde") {
            errors.add(
                attribute,
                "a parameter cannot have attributes of serde; write `#[arg(default = ...)]` for a default, or take `Args<T>` and write the attribute on a field of `T`",
            );
        } else if path.is_ident("cfg") {
            errors.add(
                attribute,
                "an argument cannot have `#[cfg(...)]`; write two functions, each with its own `#[cfg(...)]`",
            );
        } else if !doc::is_comment(attribute) && !is_lint(attribute) {
            errors.add(
                attribute,
                "unknown attribute of an argument; the attributes are `#[arg(default = ..., header = \"...\")]` and `#[schemars(...)]`",
            );
        }
    }

    fn take_own(&mut self, meta: &ParseNestedMeta<'_>, errors: &mut Errors) -> syn::Result<()> {
        let taken = match option_name(meta).as_str() {
            "default" => set_once(&mut self.default, default(meta)?, meta),
            "header" => set_once(&mut self.header, header(meta)?, meta),
            _ => {
                let error = meta.error(
                    "unknown attribute of an argument; the attributes are default and header",
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

fn default(meta: &ParseNestedMeta<'_>) -> Value<Default> {
    if !meta.input.peek(Token![=]) {
        return Ok(Ok(Default::OfType));
    }
    Ok(Ok(Default::Value(meta.value()?.parse()?)))
}

/// Parses the name of a header. Source: MCP 2026-07-28, streamable HTTP, `x-mcp-header`: a token of RFC 9110.
fn header(meta: &ParseNestedMeta<'_>) -> Value<LitStr> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    Ok(string(meta)?.and_then(|name| {
        let value = name.value();
        if value.is_empty() || !value.chars().all(token) {
            Err(error_at(
                &name,
                "not a name of a header; write one or more letters, digits and characters of !#$%&'*+-.^_`|~",
            ))
        } else {
            Ok(name)
        }
    }))
}

/// Reports whether an attribute is `#[allow(...)]` or another lint level, which the function keeps.
pub(crate) fn is_lint(attribute: &Attribute) -> bool {
    let levels = ["allow", "deny", "expect", "forbid", "warn"];
    levels.iter().any(|level| attribute.path().is_ident(level))
}

/// Returns the reason why an attribute of schemars would make the schema differ from the function's arguments, if
/// there is one.
fn misplaced_schemars(attribute: &Attribute) -> Option<&'static str> {
    let Meta::List(list) = &attribute.meta else {
        return Some(
            "`#[schemars]` needs constraints in parentheses; write for example `#[schemars(range(min = 1))]`",
        );
    };
    let words: Vec<_> = list.tokens.clone().into_iter().collect();
    let mentions = |word: &str| words.iter().any(|token| token.to_string() == word);
    if mentions("rename") {
        Some(
            "an argument cannot be renamed: it always has the name of its parameter; remove this attribute and rename the parameter",
        )
    } else if mentions("default") {
        Some(
            "a default of schemars appears only in the schema, and calls do not use it; write `#[arg(default = ...)]` instead",
        )
    } else if ["flatten", "skip", "skip_deserializing", "crate"]
        .iter()
        .any(|word| mentions(word))
    {
        Some(
            "an argument of a tool cannot have this attribute of schemars; take `Args<T>` with a struct of your own, and write the attribute there",
        )
    } else {
        None
    }
}

/// Reports whether an attribute may add a constraint that decoding does not enforce, and that cannot be recognized in
/// the schema.
pub(crate) fn needs_validation(attribute: &Attribute) -> bool {
    mentions(attribute.meta.to_token_stream(), |_, token| {
        ["extend", "required", "schema_with", "with"]
            .iter()
            .any(|word| token.to_string() == *word)
    })
}

/// Returns the parameter if its type is a special one, such as `Context`, and `None` if it is an argument. Recognizes
/// special types by their names.
fn special_parameter(ty: &Type) -> Option<Parameter<'_>> {
    let Type::Path(path) = ty else {
        return None;
    };
    let last = path.path.segments.last()?;
    match &last.arguments {
        PathArguments::None if last.ident == "Context" => Some(Parameter::Context(ty)),
        PathArguments::AngleBracketed(arguments) => {
            let mut arguments = arguments.args.iter();
            let (Some(GenericArgument::Type(inner)), None) = (arguments.next(), arguments.next())
            else {
                return None;
            };
            if last.ident == "Args" {
                Some(Parameter::Args(inner))
            } else if last.ident == "State" {
                Some(Parameter::State(inner))
            } else {
                None
            }
        }
        _ => None,
    }
}

pub(crate) fn name_of(input: &FnArg) -> Option<&Ident> {
    match input {
        FnArg::Typed(typed) => match typed.pat.as_ref() {
            Pat::Ident(pattern) => Some(&pattern.ident),
            _ => None,
        },
        FnArg::Receiver(_) => None,
    }
}

/// Reports whether a default is a string literal, which must be converted to the type of the argument.
pub(crate) fn is_text(expression: &Expr) -> bool {
    matches!(
        expression,
        Expr::Lit(ExprLit {
            lit: Lit::Str(_),
            ..
        })
    )
}
