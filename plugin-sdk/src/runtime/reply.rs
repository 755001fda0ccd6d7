//! The payload that answers a call. See `plugin-abi/PAYLOADS.md`.

use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

use super::failure::Failure;
use crate::{
    StateErrorKind,
    content::Content,
    error::TakeError,
    result::{IntoToolResult, NoResult},
};

/// Returns the payload that answers a call, made from what the tool returned.
///
/// # Errors
/// `protocol` if the tool failed with a JSON-RPC error; `unavailable` if the result cannot be written as JSON.
pub fn reply<T: IntoToolResult>(outcome: T, take_error: TakeError<T>) -> Result<Vec<u8>, Failure> {
    let result = match take_error(outcome) {
        Ok(outcome) => outcome.into_tool_result(),
        Err(error) => error.into_tool_result(),
    };
    let cause = result.cause.map(StateErrorKind::as_str);
    match result.no_result {
        None => {}
        Some(NoResult::Protocol { code, message }) => {
            return Err(Failure {
                cause,
                ..Failure::protocol(code, message)
            });
        }
        Some(NoResult::NotJson(error)) => {
            let detail = format!("the result cannot be serialized as JSON: {error}");
            return Err(Failure::unavailable(detail));
        }
    }
    let complete = Complete {
        r#type: "complete",
        content: result.content,
        structured_content: result.structured,
        is_error: result.is_error,
        meta: result.meta,
        cause,
    };
    serde_json::to_vec(&complete).map_err(|error| Failure::unavailable(error.to_string()))
}

/// The answer to the operation `call`: `{"type": "complete", "content": [...], "isError": true}`.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use std::{error::Error, io};

    use serde_json::json;

    use super::*;
    use crate::{StateError, ToolError};

    #[test]
    fn the_kind_of_a_state_error_is_named_whatever_the_message_says() {
        let ended = || StateError::new(StateErrorKind::SessionEnded, "it has ended");
        let wrapped: Box<dyn Error> = io::Error::other(ended()).into();
        for (error, text, cause) in [
            (
                ToolError::from(ended()),
                "it has ended",
                Some("session_ended"),
            ),
            (
                ToolError::from(wrapped),
                "it has ended",
                Some("session_ended"),
            ),
            (
                ToolError::new("Die Sitzung ist beendet.").caused_by(&ended()),
                "Die Sitzung ist beendet.",
                Some("session_ended"),
            ),
            (ToolError::new("no such city"), "no such city", None),
        ] {
            let reply = reply(Err::<(), _>(error), Ok).expect("a result");
            let reply: Value = serde_json::from_slice(&reply).expect("JSON");
            assert_eq!(reply["content"][0]["text"], text);
            assert_eq!(reply.get("cause"), cause.map(|cause| json!(cause)).as_ref());
        }
        let protocol = ToolError::protocol(42, "no").caused_by(&ended());
        let failure = reply(Err::<(), _>(protocol), Ok).expect_err("a failure");
        assert_eq!(failure.cause, Some("session_ended"));
    }
}
