//! A compiled JSON Schema (2020-12) and what it says of a value.

use jsonschema::{Draft, ValidationError, Validator, error::ValidationErrorKind};
use serde_json::Value;

/// The most problems that are worded for one value: a model mends the first few and tries again.
const MAX_PROBLEMS: usize = 10;

/// The most values in a value of which all problems are looked for. Source: ours; people and models write fewer.
const SMALL: usize = 10_000;

/// A compiled schema. References that lead out of it are not followed but refused.
#[derive(Debug)]
pub struct Schema {
    value: Value,
    validator: Validator,
}

/// Why a schema cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// Not JSON at all.
    #[error("not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// JSON, but not a valid schema.
    #[error("not a valid JSON Schema (2020-12): {0}")]
    Invalid(String),
}

/// One place where a value does not satisfy a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer into the value; empty for the value itself.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
    /// Says only that none of several alternatives fits: whoever decodes the value may know better what was meant.
    pub vague: bool,
}

impl Schema {
    /// Compile a schema.
    ///
    /// # Errors
    /// [`SchemaError`], when it is not JSON, not a schema, or refers to something outside itself.
    pub fn compile(text: &str) -> Result<Self, SchemaError> {
        let value: Value = serde_json::from_str(text)?;
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(false)
            .offline()
            .build(&value)
            .map_err(|error| SchemaError::Invalid(error.to_string()))?;
        Ok(Self { value, validator })
    }

    /// The schema itself.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Does `value` satisfy the schema?
    #[must_use]
    pub fn accepts(&self, value: &Value) -> bool {
        self.validator.is_valid(value)
    }

    /// Where `value` does not satisfy the schema: at most ten places, of a large value only the first.
    #[must_use]
    pub fn problems(&self, value: &Value) -> Vec<Problem> {
        if !is_small(value) {
            // The validator would gather all problems before it gives out one: of a list of millions, gigabytes.
            let first = self.validator.validate(value).err();
            return first.iter().map(|error| self.problem(error)).collect();
        }
        let errors = self.validator.iter_errors(value).take(MAX_PROBLEMS);
        errors.map(|error| self.problem(&error)).collect()
    }

    fn problem(&self, error: &ValidationError<'_>) -> Problem {
        let mut message = error.to_string();
        if let ValidationErrorKind::AdditionalProperties { .. } = error.kind()
            && let Some(Value::Object(properties)) = self.value.get("properties")
            && error.instance_path().as_str().is_empty()
        {
            let known: Vec<_> = properties.keys().map(String::as_str).collect();
            message.push_str(&if known.is_empty() {
                "; there are no arguments".to_owned()
            } else {
                format!("; there are {}", known.join(", "))
            });
        }
        Problem {
            pointer: error.instance_path().as_str().to_owned(),
            message,
            vague: matches!(
                error.kind(),
                ValidationErrorKind::OneOfNotValid { .. } | ValidationErrorKind::AnyOf { .. }
            ),
        }
    }
}

/// Has it at most [`SMALL`] values in it?
fn is_small(value: &Value) -> bool {
    let mut left = SMALL;
    let mut values = vec![value];
    while let Some(value) = values.pop() {
        let inside = match value {
            Value::Array(items) => items.len(),
            Value::Object(members) => members.len(),
            _ => 0,
        };
        let Some(rest) = left.checked_sub(inside) else {
            return false;
        };
        left = rest;
        match value {
            Value::Array(items) => values.extend(items),
            Value::Object(members) => values.extend(members.values()),
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn problems_say_where_and_what() {
        let schema = r#"{"type":"object","properties":{"x":{"type":"integer"}},"required":["x"],"additionalProperties":false}"#;
        let schema = Schema::compile(schema).expect("a valid schema");
        for (value, pointer, message) in [
            (json!({}), "", r#""x" is a required property"#),
            (
                json!({"x": "five"}),
                "/x",
                r#""five" is not of type "integer""#,
            ),
            (
                json!({"x": 1, "z": 2}),
                "",
                "Additional properties are not allowed ('z' was unexpected); there are x",
            ),
        ] {
            let problem = Problem {
                pointer: pointer.to_owned(),
                message: message.to_owned(),
                vague: false,
            };
            assert_eq!(schema.problems(&value), [problem], "value: {value}");
        }
    }

    #[test]
    fn alternatives_of_which_none_fits_say_so_and_no_more() {
        let schema = Schema::compile(r#"{"oneOf":[{"const":"walk"},{"const":"drive"}]}"#);
        let problems = schema.expect("a valid schema").problems(&json!("fly"));
        assert!(problems.iter().all(|problem| problem.vague), "{problems:?}");
    }

    #[test]
    fn of_a_large_value_one_problem_is_named() {
        let schema = Schema::compile(r#"{"items":{"type":"string"}}"#).expect("a valid schema");
        assert_eq!(schema.problems(&json!(vec![1; 20])).len(), MAX_PROBLEMS);
        assert_eq!(schema.problems(&json!(vec![1; SMALL + 1])).len(), 1);
    }

    #[test]
    fn references_out_of_the_schema_are_refused() {
        let error = Schema::compile(r#"{"$ref":"https://example.com/schema.json"}"#)
            .expect_err("an external reference");
        assert!(error.to_string().contains("example.com"), "{error}");
    }
}
