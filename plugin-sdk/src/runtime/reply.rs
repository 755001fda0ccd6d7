//! The payload that answers a call. See `plugin-abi/PAYLOADS.md`.

use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

use super::failure::Failure;
use crate::{
    content::Content,
    error::How,
    result::{Failed, IntoToolResult},
};

/// The answer to a call, from what the tool gave back.
///
/// # Errors
/// `protocol`, when the tool failed so; `unavailable`, when the result has no form in JSON.
pub fn reply<T: IntoToolResult>(outcome: T, how: How<T>) -> Result<Vec<u8>, Failure> {
    let result = match how(outcome) {
        Ok(outcome) => outcome.into_tool_result(),
        Err(error) => error.into_tool_result(),
    };
    match result.failed {
        None => {}
        Some(Failed::Protocol { code, message }) => return Err(Failure::protocol(code, message)),
        Some(Failed::NoForm(error)) => {
            let detail = format!("the result has no form in JSON: {error}");
            return Err(Failure::unavailable(detail));
        }
    }
    let complete = Complete {
        r#type: "complete",
        content: result.content,
        structured_content: result.structured,
        is_error: result.is_error,
        meta: result.meta,
    };
    serde_json::to_vec(&complete).map_err(|error| Failure::unavailable(error.to_string()))
}

/// Answer to the operation `call`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Complete {
    r#type: &'static str,
    content: Vec<Content>,
    #[serde(skip_serializing_if = "Option::is_none")]
    structured_content: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_error: bool,
    #[serde(rename = "_meta", skip_serializing_if = "Map::is_empty")]
    meta: Map<String, Value>,
}
