//! The one seam between the host and a running tool: bytes in, a reply out.

pub(crate) mod active_calls;
pub(crate) mod arguments;
pub(crate) mod context;
mod host_api;
pub(crate) mod input_requests;
mod notification_buffer;
pub(crate) mod quarantine;
mod result_check;

use std::time::{SystemTime, UNIX_EPOCH};

use mcp_protocol::{
    jsonrpc::{INTERNAL_ERROR, INVALID_PARAMS},
    tools::CallResult,
};
use plugin_abi::{Host, op};

use crate::{
    plugin::{
        Call, Plugin,
        invocation::host_api::request,
        wire::{Failure, Reply},
    },
    process::crash_handler,
};

/// Why a call gave no result.
#[derive(Debug)]
pub struct CallFailure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// Text that may reach the model.
    pub public: Option<String>,
    /// Text for the operator only.
    pub detail: Option<String>,
}

/// The kinds of failures. Source: `plugin-abi/PAYLOADS.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The arguments could not be decoded; the tool's body has not run.
    InvalidArguments,
    /// The tool panicked.
    Panic,
    /// The call is to fail as a JSON-RPC error.
    Protocol {
        /// The error's code.
        code: i32,
    },
    /// The call was given up.
    Cancelled,
    /// The plugin cannot serve.
    Unavailable,
}

/// Call a tool of a plugin.
pub(crate) fn call(
    plugin: &Plugin,
    tool: &str,
    arguments: &[u8],
    call: &Call,
) -> Result<CallResult, CallFailure> {
    let reply = crash_handler::during(&call.context.request_id, tool, || {
        plugin.ready()?;
        if call.is_cancelled() {
            // It waited for a thread, or for its library to open, until nobody waited for it.
            return Err(CallFailure {
                kind: FailureKind::Cancelled,
                public: None,
                detail: Some("given up before it began".to_owned()),
            });
        }
        let host = Host {
            call: call.number,
            deadline_unix_ms: unix_ms(call.deadline),
            request,
        };
        Ok(plugin.invoke(op::CALL, tool, arguments, host)?)
    })?;
    let unreadable = |what: String| CallFailure {
        kind: FailureKind::Unavailable,
        public: None,
        detail: Some(format!("the plugin's result cannot be read: {what}")),
    };
    let reply: Reply =
        serde_json::from_slice(&reply).map_err(|error| unreadable(error.to_string()))?;
    if reply.r#type != "complete" {
        return Err(unreadable(format!("its type is {:?}", reply.r#type)));
    }
    Ok(CallResult {
        content: reply.content,
        structured_content: reply.structured_content,
        is_error: reply.is_error,
        meta: reply.meta,
    })
}

/// The host's side of what happens outside of calls.
pub(crate) fn outside_of_calls() -> Host {
    Host {
        call: 0,
        deadline_unix_ms: 0,
        request,
    }
}

fn unix_ms(time: Option<SystemTime>) -> u64 {
    let since_epoch = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since_epoch.map_or(0, |duration| {
        duration.as_millis().try_into().unwrap_or(u64::MAX)
    })
}

impl From<Failure> for CallFailure {
    fn from(failure: Failure) -> Self {
        let kind = match failure.kind.as_str() {
            "invalid_arguments" => FailureKind::InvalidArguments,
            "panic" => FailureKind::Panic,
            "protocol" => FailureKind::Protocol {
                code: error_code(failure.code),
            },
            "cancelled" => FailureKind::Cancelled,
            _ => FailureKind::Unavailable,
        };
        Self {
            kind,
            public: failure.public,
            detail: failure.detail,
        }
    }
}

/// The code of a tool's own JSON-RPC error. From -32768 to -32000 all codes are reserved (JSON-RPC 2.0, section 5.1), and
/// clients act on what MCP makes of them; only two of them are a tool's to give.
fn error_code(code: Option<i64>) -> i32 {
    let code = code.and_then(|code| i32::try_from(code).ok());
    let free = |code: &i32| {
        !(-32768..=-32000).contains(code) || [INVALID_PARAMS, INTERNAL_ERROR].contains(code)
    };
    code.filter(free).unwrap_or(INTERNAL_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_gives_its_own_codes_and_no_reserved_ones() {
        for (given, expected) in [
            (None, -32603),
            (Some(-32603), -32603),
            (Some(-32602), -32602),
            (Some(-32601), -32603),
            (Some(-32021), -32603),
            (Some(-32000), -32603),
            (Some(-32768), -32603),
            (Some(-31999), -31999),
            (Some(-32769), -32769),
            (Some(0), 0),
            (Some(42), 42),
            (Some(i64::MAX), -32603),
        ] {
            assert_eq!(error_code(given), expected, "code: {given:?}");
        }
    }
}
