//! Headers of requests: the token of a caller, and what repeats a part of the body.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};
use ureq::http::HeaderValue;

use crate::error::Failure;

/// The header that shows the token in a variable.
pub(crate) fn bearer(variable: &str) -> Result<String, Failure> {
    let token = std::env::var(variable).unwrap_or_default();
    let value = format!("Bearer {}", token.trim());
    if token.trim().is_empty() || HeaderValue::from_str(&value).is_err() {
        return Err(Failure::NoToken(variable.to_owned()));
    }
    Ok(value)
}

/// The headers that repeat arguments, as the schema asks for them by `x-mcp-header`.
pub(crate) fn repeat(
    schema: &Value,
    arguments: &Map<String, Value>,
    headers: &mut Vec<(String, String)>,
) {
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let Some(argument) = arguments.get(name).filter(|argument| !argument.is_null()) else {
            continue;
        };
        if let Some(header) = schema["x-mcp-header"].as_str() {
            let text = argument
                .as_str()
                .map_or_else(|| argument.to_string(), str::to_owned);
            headers.push((format!("Mcp-Param-{header}"), wrapped(&text).into_owned()));
        }
        if let Some(arguments) = argument.as_object() {
            repeat(schema, arguments, headers);
        }
    }
}

/// A value that a header can have: what is not plain is wrapped in base64.
pub(crate) fn wrapped(text: &str) -> Cow<'_, str> {
    let plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && text.trim() == text
        && !text.starts_with("=?base64?");
    if plain {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("=?base64?{}?=", BASE64_STANDARD.encode(text)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_repeated_in_the_headers_that_a_schema_names() {
        let schema = json!({ "properties": {
            "region": { "x-mcp-header": "Region" }, "count": { "x-mcp-header": "Count" },
            "city": { "x-mcp-header": "City" }, "none": { "x-mcp-header": "None" }, "plain": {},
            "inner": { "properties": { "deep": { "x-mcp-header": "Deep" } } },
        } });
        let arguments = json!({
            "region": "eu", "count": 3, "city": "Zürich", "none": null, "plain": "p", "inner": { "deep": true },
        });
        let mut headers = Vec::new();
        repeat(&schema, arguments.as_object().unwrap(), &mut headers);
        headers.sort();
        let headers: Vec<_> = headers
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        assert_eq!(
            headers,
            [
                ("Mcp-Param-City", "=?base64?WsO8cmljaA==?="),
                ("Mcp-Param-Count", "3"),
                ("Mcp-Param-Deep", "true"),
                ("Mcp-Param-Region", "eu"),
            ]
        );
    }
}
