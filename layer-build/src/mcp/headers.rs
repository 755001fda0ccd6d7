//! The headers of requests: the token of a caller, and copies of parts of the body.

use mcp_protocol::encode_header;
use serde_json::{Map, Value};
use ureq::http::HeaderValue;

use crate::error::CliError;

/// Returns the value of the header `Authorization` with the token in this environment variable.
pub(crate) fn bearer(variable: &str) -> Result<String, CliError> {
    let token = std::env::var(variable).unwrap_or_default();
    let value = format!("Bearer {}", token.trim());
    if token.trim().is_empty() || HeaderValue::from_str(&value).is_err() {
        return Err(CliError::NoToken(variable.to_owned()));
    }
    Ok(value)
}

/// Returns the headers that repeat arguments, which the schema requests with `x-mcp-header`.
pub(crate) fn argument_headers(
    schema: &Value,
    arguments: &Map<String, Value>,
) -> Vec<(String, String)> {
    let arguments = Value::Object(arguments.clone());
    let header = |(name, pointer): (&str, String)| {
        let argument = arguments.pointer(&pointer);
        let text = match argument.filter(|argument| !argument.is_null())? {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let value = encode_header(&text).into_owned();
        Some((format!("Mcp-Param-{name}"), value))
    };
    let annotations = tool_schema::argument_headers(schema);
    annotations.into_iter().filter_map(header).collect()
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
        let mut headers = argument_headers(&schema, arguments.as_object().unwrap());
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
