//! How arguments reach a tool: as they are, and where it cannot take them so, once more with their spelling mended.

use serde_json::Value;

use crate::{LazySchema, Problem, Schema, SchemaError, coerce, schema::describe::integer_range};

/// The longest list of problems that a model is told. Unit: bytes.
const MAX_MESSAGE: usize = 2000;

/// How the arguments of one tool are taken; see [`Self::call_with`].
#[derive(Clone, Copy, Debug)]
pub struct ArgumentRules<'a> {
    /// The tool's name.
    pub tool: &'a str,
    /// The text of its `inputSchema`.
    pub schema_text: &'a str,
    /// The same, compiled when it is first needed.
    pub schema: &'a LazySchema,
    /// The schema says more than decoding can see: the tool gets only what it accepts.
    pub validate: bool,
    /// Arguments are never coerced.
    pub strict: bool,
}

/// What came of delivering arguments to a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt<T> {
    /// It took them.
    Accepted(T),
    /// It could not decode them, and its body has not run.
    DecodeFailed {
        /// The decoder's message.
        message: String,
    },
}

/// Why a tool did not take its arguments.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentsError<'a> {
    /// They do not fit. The text is for the model, which can mend them.
    #[error("{0}")]
    Invalid(String),
    /// Nothing can be said of them: the schema itself is wrong, which only the tool's author can mend.
    #[error("the inputSchema is {0}")]
    Schema(&'a SchemaError),
}

impl<'a> ArgumentRules<'a> {
    /// Give `arguments`, the text of a JSON object, to `tool`, as it is or coerced, and hand back what came of it.
    ///
    /// | | the tool gets |
    /// |---|---|
    /// | first | the text as it is; with `validate` only if the schema accepts it |
    /// | if that failed, and not `strict` | the text of the [coerced](crate::coerce) arguments, if coercion changes anything; with `validate` only if the schema accepts them |
    /// | if that failed | nothing more: the refusal names what is wrong with what was tried last |
    ///
    /// Without `validate` the tool's decoder has the last word, and the schema is compiled only if it objects. What the
    /// schema accepts and the decoder does not is refused as well. Arguments in which an object has a name twice are
    /// never coerced: which of its values was meant is not known.
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
    /// [`ArgumentsError`], when the tool has not taken them.
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

/// What to mend: in the schema's words where it objects, else in those of its integers, else in the decoder's.
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

/// The decoder of a Rust type says which type it expected: names that mean nothing to who writes JSON.
fn in_json_terms(message: &str) -> String {
    let message = without_position(message);
    let Some((start, expected)) = message.rsplit_once(", expected ") else {
        return message.to_owned();
    };
    // Told of the value, it has the right type; else the type is all there is to say.
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

/// The `format` of a Rust type of integers, as schemars writes it.
fn schemars_format(rust: &str) -> String {
    let (sign, bits) = match rust.strip_prefix('u') {
        Some(bits) => ("uint", bits),
        None => ("int", rust.strip_prefix('i').unwrap_or("-")),
    };
    // On what runs plugins, these have 64 bits.
    let bits = bits.strip_prefix("size").unwrap_or(bits);
    format!("{sign}{bits}")
}

/// Not JSON, or more than can be read of it.
fn parse_error_message(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match without_position(&message) {
        "recursion limit exceeded" => "they are nested more than 127 deep".to_owned(),
        "number out of range" => "they have a number that is too large for 64 bits".to_owned(),
        message => format!("they are not JSON: {message}"),
    }
}

/// Without "at line 1 column 9", as serde_json says it: the model did not write lines.
fn without_position(message: &str) -> &str {
    match message.rsplit_once(" at line ") {
        Some((message, _)) => message,
        None => message,
    }
}

/// Does an object in the text, which was read as `value`, have two members of one name? Then one of them got lost.
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
