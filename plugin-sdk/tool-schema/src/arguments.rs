//! Delivers arguments to a tool: first unchanged, then, if the tool cannot decode them, coerced.

use serde_json::Value;

use crate::{LazySchema, Problem, Schema, SchemaError, coerce, schema::describe::integer_range};

/// The maximum length of the list of problems in a message. Unit: bytes.
const MAX_MESSAGE: usize = 2000;

/// The settings that decide how one tool gets its arguments; see [`Self::call_with`].
#[derive(Clone, Copy, Debug)]
pub struct ArgumentRules<'a> {
    /// The tool's name.
    pub tool: &'a str,
    /// The text of its `inputSchema`.
    pub schema_text: &'a str,
    /// The compiled `inputSchema`.
    pub schema: &'a LazySchema,
    /// Whether the schema has constraints that decoding does not check. If so, the tool gets only arguments that
    /// satisfy the schema.
    pub validate: bool,
    /// Whether arguments are never coerced.
    pub strict: bool,
}

/// The outcome of one attempt to call a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt<T> {
    /// The tool accepted the arguments; this is its result.
    Accepted(T),
    /// The tool could not decode the arguments. Its body has not run.
    DecodeFailed {
        /// The decoder's message.
        message: String,
    },
}

/// The reason why a tool did not accept its arguments.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentsError<'a> {
    /// The arguments are wrong. The message tells the model what to correct.
    #[error("{0}")]
    Invalid(String),
    /// The schema itself is wrong, so the arguments cannot be checked against it. Only the tool's author can correct
    /// it.
    #[error("the inputSchema is {0}")]
    Schema(&'a SchemaError),
}

impl<'a> ArgumentRules<'a> {
    /// Calls `tool` with `arguments`, the text of a JSON object, unchanged or coerced, and returns its result.
    ///
    /// | attempt | the tool gets |
    /// |---|---|
    /// | first | the text unchanged; with `validate` only if the schema accepts it |
    /// | second, if the first failed and the tool is not `strict` | the text of the [coerced](crate::coerce) arguments, if coercion changes anything; with `validate` only if the schema accepts them |
    /// | none, if both failed | the error describes the problems of the last attempt |
    ///
    /// Without `validate` the tool's decoder decides, and the schema is compiled only if decoding fails. Arguments that
    /// the decoder rejects are an error even if the schema accepts them. If an object in the arguments has two members
    /// of the same name, nothing is coerced, because it is unknown which value was meant.
    ///
    /// ```
    /// use tool_schema::{ArgumentRules, Attempt, LazySchema};
    ///
    /// let arguments = ArgumentRules {
    ///     tool: "square",
    ///     schema_text: r#"{"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}"#,
    ///     schema: &LazySchema::default(),
    ///     validate: false,
    ///     strict: false,
    /// };
    /// let square = |text: &str| match text.strip_prefix(r#"{"x":"#).and_then(|x| x.strip_suffix('}')?.parse().ok()) {
    ///     Some(x) => Attempt::Accepted(i64::pow(x, 2)),
    ///     None => Attempt::DecodeFailed { message: "x is not an integer".to_owned() },
    /// };
    /// assert_eq!(arguments.call_with(r#"{"x":5}"#, square).unwrap(), 25);
    /// assert_eq!(arguments.call_with(r#"{"x":"5"}"#, square).unwrap(), 25);
    /// assert_eq!(
    ///     arguments.call_with(r#"{"x":"five"}"#, square).unwrap_err().to_string(),
    ///     r#"Invalid arguments for tool square: /x must be an integer, not the string "five""#
    /// );
    /// ```
    ///
    /// # Errors
    /// [`ArgumentsError`] if the tool did not accept the arguments.
    pub fn call_with<T>(
        &self,
        arguments: &str,
        mut tool: impl FnMut(&str) -> Attempt<T>,
    ) -> Result<T, ArgumentsError<'a>> {
        let mut decoder_message = None;
        if !self.validate || self.accepts(arguments)? {
            match tool(arguments) {
                Attempt::Accepted(outcome) => return Ok(outcome),
                Attempt::DecodeFailed { message } => decoder_message = Some(message),
            }
        }
        let mut value = match serde_json::from_str(arguments) {
            Ok(value) => value,
            Err(error) => return Err(self.invalid(&parse_error_message(&error))),
        };
        let schema = self.compiled()?;
        let is_coerced = !self.strict
            && !has_duplicate_name(arguments, &value)
            && coerce(schema.value(), &mut value);
        if is_coerced {
            decoder_message = None;
            if !self.validate || schema.accepts(&value) {
                match tool(&value.to_string()) {
                    Attempt::Accepted(outcome) => return Ok(outcome),
                    Attempt::DecodeFailed { message } => decoder_message = Some(message),
                }
            }
        }
        Err(self.invalid(&problem_message(schema, &value, decoder_message)))
    }

    fn accepts(&self, arguments: &str) -> Result<bool, ArgumentsError<'a>> {
        let schema = self.compiled()?;
        let value = serde_json::from_str::<Value>(arguments);
        Ok(value.is_ok_and(|value| schema.accepts(&value)))
    }

    fn compiled(&self) -> Result<&'a Schema, ArgumentsError<'a>> {
        self.schema
            .get(self.schema_text)
            .map_err(ArgumentsError::Schema)
    }

    fn invalid(&self, message: &str) -> ArgumentsError<'a> {
        ArgumentsError::Invalid(format!(
            "Invalid arguments for tool {}: {message}",
            self.tool
        ))
    }
}

/// Describes why the arguments were rejected: violations of the schema; else integers that satisfy the schema but
/// cannot be decoded; else the message of the decoder.
fn problem_message(schema: &Schema, value: &Value, decoder: Option<String>) -> String {
    let mut problems = schema.problems(value);
    if problems.is_empty() {
        problems = schema.decoding_problems(value);
    }
    if !problems.is_empty() {
        return join_problems(&problems);
    }
    match decoder {
        Some(message) => in_json_terms(&truncate(message)),
        None => "they do not satisfy the tool's inputSchema".to_owned(),
    }
}

/// Joins problems into one message of limited length.
pub(crate) fn join_problems(problems: &[Problem]) -> String {
    let mut message = String::new();
    for problem in problems {
        let problem = problem.to_string();
        if message.is_empty() {
            message = truncate(problem);
        } else if message.len() + problem.len() <= MAX_MESSAGE {
            message = format!("{message}; {problem}");
        } else {
            return format!("{message}; and more");
        }
    }
    message
}

fn truncate(mut message: String) -> String {
    if message.len() > MAX_MESSAGE {
        let boundary = (0..=MAX_MESSAGE).rfind(|end| message.is_char_boundary(*end));
        message.truncate(boundary.unwrap_or(0));
        message.push('…');
    }
    message
}

/// Replaces names of Rust types in the message of a decoder by names of JSON types, which a model understands.
fn in_json_terms(message: &str) -> String {
    let message = without_position(message);
    let Some((start, expected)) = message.rsplit_once(", expected ") else {
        return message.to_owned();
    };
    // A message with "invalid value" is about a value of the right type that is out of range; any other message is
    // about the type.
    if start.contains("invalid value: ")
        && let Some([least, most]) = integer_range(&schemars_format(expected))
    {
        return format!("{start}, expected an integer from {least} to {most}");
    }
    let expected = match expected {
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "an integer",
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "an integer of at least 0",
        "f32" | "f64" => "a number",
        "unit" => "null",
        named if named.starts_with("struct ") || named == "a map" => "an object",
        "a sequence" => "an array",
        other => other,
    };
    format!("{start}, expected {expected}")
}

/// Returns the keyword `format` that schemars writes for a Rust integer type.
fn schemars_format(rust: &str) -> String {
    let (sign, bits) = match rust.strip_prefix('u') {
        Some(bits) => ("uint", bits),
        None => ("int", rust.strip_prefix('i').unwrap_or("-")),
    };
    // `usize` and `isize` have 64 bits on every platform that plugins support.
    let bits = bits.strip_prefix("size").unwrap_or(bits);
    format!("{sign}{bits}")
}

/// Describes why arguments cannot be parsed.
fn parse_error_message(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match without_position(&message) {
        "recursion limit exceeded" => "they are nested more than 127 deep".to_owned(),
        "number out of range" => "they have a number that is too large for 64 bits".to_owned(),
        message => format!("they are not JSON: {message}"),
    }
}

/// Removes "at line 1 column 9", which serde_json appends and which does not help a model.
fn without_position(message: &str) -> &str {
    match message.rsplit_once(" at line ") {
        Some((message, _)) => message,
        None => message,
    }
}

/// Reports whether an object in the text has two members of the same name. `value` is the parsed text, in which only
/// one of them is left.
fn has_duplicate_name(text: &str, value: &Value) -> bool {
    let mut written = 0_usize;
    let (mut quoted, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b':' if !quoted => written += 1,
            _ => {}
        }
    }
    let mut read = 0;
    let mut values = vec![value];
    while let Some(value) = values.pop() {
        match value {
            Value::Array(items) => values.extend(items),
            Value::Object(members) => {
                read += members.len();
                values.extend(members.values());
            }
            _ => {}
        }
    }
    written > read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_types_are_described_in_json_terms() {
        for (message, expected_message) in [
            (
                "invalid type: null, expected u8",
                "invalid type: null, expected an integer of at least 0",
            ),
            (
                "invalid type: map, expected i64",
                "invalid type: map, expected an integer",
            ),
            (
                "/m: invalid value: integer `4294967296`, expected u32 at line 1 column 15",
                "/m: invalid value: integer `4294967296`, expected an integer from 0 to 4294967295",
            ),
            (
                "invalid value: integer `300`, expected i8",
                "invalid value: integer `300`, expected an integer from -128 to 127",
            ),
            (
                "invalid value: integer `-1`, expected usize",
                "invalid value: integer `-1`, expected an integer from 0 to 18446744073709551615",
            ),
            (
                "invalid value: integer `-1`, expected u128",
                "invalid value: integer `-1`, expected an integer of at least 0",
            ),
            (
                "invalid type: null, expected f64",
                "invalid type: null, expected a number",
            ),
            (
                "invalid value: string \"x\", expected a date",
                "invalid value: string \"x\", expected a date",
            ),
            ("missing field `a`", "missing field `a`"),
        ] {
            assert_eq!(in_json_terms(message), expected_message, "words: {message}");
        }
    }
}
