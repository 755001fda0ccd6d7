//! A compiled JSON Schema (2020-12), and the reasons why a value does not satisfy it.

use std::sync::OnceLock;

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use serde_json::{Map, Value};

use self::{
    describe::shorten,
    document::{Keywords, parts, properties},
    problems::Problem,
    validator::validator,
};

mod alternatives;
pub(crate) mod describe;
pub(crate) mod diagnose;
pub(crate) mod document;
pub(crate) mod problems;
pub(crate) mod types;
pub(crate) mod validator;

/// A compiled schema. It must not refer to other documents.
#[derive(Debug)]
pub struct Schema {
    value: Value,
    validator: Validator,
}

/// The reason why a schema cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The text is not JSON.
    #[error("not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The JSON is not a valid schema.
    #[error("not a valid JSON Schema (2020-12): {0}")]
    Invalid(String),
}

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// [`SchemaError`] if the text is not JSON, not a schema, or refers to another document.
    pub fn compile(text: &str) -> Result<Self, SchemaError> {
        let value: Value = serde_json::from_str(text)?;
        let validator =
            validator(&value).map_err(|error| SchemaError::Invalid(error.to_string()))?;
        Ok(Self { value, validator })
    }

    /// Returns the schema as JSON.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Reports whether `value` satisfies the schema.
    #[must_use]
    pub fn accepts(&self, value: &Value) -> bool {
        self.validator.is_valid(value)
    }

    /// Returns the reasons why `value` does not satisfy the schema; none if it does. It returns at most ten, and at
    /// most three for the items of one array. Use it for arguments, and for results that have to satisfy an
    /// `outputSchema`.
    ///
    /// ```
    /// let schema = tool_schema::Schema::compile(
    ///     r#"{"type": "object", "properties": {"celsius": {"type": "number"}}, "required": ["celsius"]}"#,
    /// )?;
    /// let problems = schema.problems(&serde_json::json!({"celsius": null}));
    /// assert_eq!(problems[0].to_string(), "/celsius must be a number, not null");
    /// # Ok::<(), tool_schema::SchemaError>(())
    /// ```
    #[must_use]
    pub fn problems(&self, value: &Value) -> Vec<Problem> {
        if self.accepts(value) {
            return Vec::new();
        }
        let problems = diagnose::problems(&self.value, value, false);
        if !problems.is_empty() {
            return problems;
        }
        // For rare keywords, use the validator's message.
        let error = self.validator.validate(value).err();
        error.iter().map(|error| self.problem(error)).collect()
    }

    /// Returns the integers in a `value` that satisfy the schema, but that no Rust type can decode: those with a
    /// fraction or an exponent, and those beyond 64 bits.
    #[must_use]
    pub fn decoding_problems(&self, value: &Value) -> Vec<Problem> {
        diagnose::problems(&self.value, value, true)
    }

    fn problem(&self, error: &ValidationError<'_>) -> Problem {
        let pointer = error.instance_path().as_str();
        if let ValidationErrorKind::UnevaluatedProperties { unexpected } = error.kind()
            && let Some(name) = unexpected.first()
            && let Value::Object(given) = &**error.instance()
        {
            let keyword = error.schema_path().as_str();
            let schema = keyword
                .rsplit_once('/')
                .and_then(|(schema, _)| self.value.pointer(schema));
            let mut known = Vec::new();
            if let Some(schema) = schema.and_then(Value::as_object) {
                names(schema, 0, &mut known);
            }
            return Problem {
                pointer: format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")),
                message: problems::unknown_member(name, known.into_iter(), given, None),
            };
        }
        Problem {
            pointer: pointer.to_owned(),
            message: format!(
                "does not fit: {}",
                shorten(&error.masked_with("it").to_string())
            ),
        }
    }
}

/// Collects the names of all members that the schema or its alternatives list.
fn names<'a>(schema: &'a Keywords, depth: usize, known: &mut Vec<&'a str>) {
    for name in properties(schema).into_iter().flat_map(Map::keys) {
        if !known.contains(&name.as_str()) {
            known.push(name);
        }
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        for part in parts(schema, keyword).filter_map(Value::as_object) {
            if depth < 8 {
                names(part, depth + 1, known);
            }
        }
    }
}

/// A schema that is compiled at its first use, because the first compilation in a process takes longer than the whole
/// cold start of an empty Lambda function.
#[derive(Debug, Default)]
pub struct LazySchema(OnceLock<Result<Schema, SchemaError>>);

impl LazySchema {
    /// Returns the schema with this text. The text must be the same at every call.
    ///
    /// # Errors
    /// [`SchemaError`], the same at every call.
    pub fn get(&self, text: &str) -> Result<&Schema, &SchemaError> {
        self.0.get_or_init(|| Schema::compile(text)).as_ref()
    }

    /// Reports whether the schema has been used, and therefore compiled.
    #[must_use]
    pub fn is_compiled(&self) -> bool {
        self.0.get().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_out_of_the_schema_are_refused() {
        let error = Schema::compile(r#"{"$ref":"https://example.com/schema.json"}"#)
            .expect_err("an external reference");
        assert!(error.to_string().contains("example.com"), "{error}");
    }
}
