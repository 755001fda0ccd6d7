//! The rules for tool declarations and arguments, each defined once:
//!
//! - whether a tool is declared correctly: [`check_name`], [`header_problems`], [`default_problems`], [`Schema::compile`]
//! - how a tool gets its arguments: [`ArgumentRules::call_with`]
//! - why a value does not satisfy a schema: [`Schema::problems`]
//! - which headers repeat arguments: [`argument_headers`]
//! - whether clients can show a form, and whether an answer satisfies it: [`Form`], [`check_url`]
//!
//! The crate depends on neither the host nor the SDK.
//!
//! # Guarantees for a tool
//!
//! | | without `validate` | with `validate` |
//! |---|---|---|
//! | arguments that the tool can decode | are passed unchanged | are passed unchanged, if the schema accepts them |
//! | other arguments | are passed as [`coerce`] changes them, unless the tool is `strict` | the same, if the schema accepts the result |
//! | final decision | the tool's decoder | the schema and the decoder |
//! | compilation of the schema | when decoding fails | at the first call |
//!
//! `validate` is for schemas with constraints that decoding does not check, such as `minimum` or `pattern`. `format` is
//! never checked. The rules of coercion are at [`coerce`], the order of attempts is at [`ArgumentRules::call_with`].
//!
//! Coercion does not change the meaning of a value that the schema accepts. An integer that does not fit into the Rust
//! type is rejected, and so is a whole float of 2^53 or more for an integer. Without `validate` the tool also gets
//! values that its decoder accepts but the schema does not: serde, for example, can decode an array as a struct.

mod arguments;
mod coerce;
mod defaults;
mod form;
mod headers;
mod schema;
mod spelling;

pub use arguments::{ArgumentRules, ArgumentsError, Attempt};
pub use coerce::coerce;
pub use defaults::default_problems;
pub use form::{Form, FormError, InvalidAnswer, check_url, form_problems};
pub use headers::{argument_headers, header_problems};
pub use schema::{LazySchema, Schema, SchemaError, describe::similarity, problems::Problem};

use tool_rules::MAX_NAME_LENGTH;

/// Checks the name of a tool.
///
/// # Errors
/// The problem, as the end of a sentence that begins with the name.
pub fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > MAX_NAME_LENGTH {
        return Err(format!(
            "has {} characters, a tool's name has 1 to {MAX_NAME_LENGTH}",
            name.chars().count()
        ));
    }
    match name
        .chars()
        .find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-' | '.'))
    {
        Some(c) => Err(format!(
            "has the character {c:?}, a tool's name has only A-Z, a-z, 0-9, `_`, `-` and `.`"
        )),
        None => Ok(()),
    }
}
