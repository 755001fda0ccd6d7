//! What tool declarations and arguments must satisfy: one rule for everyone who has to say whether a tool is well
//! declared ([`check_name`], [`header_problems`], [`default_problems`], [`Schema::compile`]), give arguments to it ([`ArgumentRules::call_with`]), or
//! say whether a value fits a schema and why not ([`Schema::problems`]), which headers repeat arguments ([`argument_headers`]), or whether a client can show a form and
//! what fills it in ([`Form`], [`check_url`]). It knows neither hosts nor plugins.
//!
//! # What a tool can rely on
//!
//! | | not `validate` | `validate` |
//! |---|---|---|
//! | what the tool decodes as it is | is what the tool gets | is what the tool gets, if the schema accepts it |
//! | else | what [`coerce`] makes of it, unless the tool is `strict` | the same, if the schema accepts it |
//! | who has the last word | the tool's decoder | the schema and the decoder, both |
//! | the schema is compiled | when decoding fails | at the first call |
//!
//! `validate` is for schemas with constraints that decoding does not see, such as `minimum` or `pattern`. `format` is
//! never checked. Coercion's own rules stand at [`coerce`], the order of attempts at [`ArgumentRules::call_with`].
//!
//! What the schema accepts and the tool gets is what was sent, and never another value in its place: an integer that its
//! type does not hold, or a whole float from 2^53 on for an integer, is refused. Without `validate` the tool also gets
//! what only its decoder accepts: serde takes an array for a struct, its fields in order.

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

/// Check the name of a tool.
///
/// # Errors
/// What is wrong with it, as the end of a sentence that began with the name.
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
