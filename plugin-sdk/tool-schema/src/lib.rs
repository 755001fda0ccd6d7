//! What tool declarations and arguments must satisfy: one rule for everyone who has to say whether a tool is well
//! declared ([`check_name`], [`Schema::compile`]) and whether arguments fit it ([`Schema::problems`], [`coerce`]).

mod coerce;
mod schema;

pub use coerce::coerce;
pub use schema::{Problem, Schema, SchemaError};

/// The longest name of a tool. Unit: characters.
/// Source: the official conformance suite (scenario `tools-list`); the specification's text says 128.
pub const MAX_NAME_LENGTH: usize = 64;

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
