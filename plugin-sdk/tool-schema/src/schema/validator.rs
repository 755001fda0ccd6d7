//! The validator of a schema.

use jsonschema::{Draft, ValidationError, Validator};
use serde_json::Value;

/// Compiles a schema (2020-12). References to other documents are errors, and `format` is not checked.
pub(crate) fn validator(schema: &Value) -> Result<Validator, ValidationError<'static>> {
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(false)
        .offline()
        .build(schema)
}
