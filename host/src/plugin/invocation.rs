//! The only interface between the host and a running tool: it passes bytes to the tool and receives its reply.

pub(crate) mod active_calls;
pub(crate) mod arguments;
pub(crate) mod context;
pub(crate) mod host_api;
pub(crate) mod input_requests;
mod notification_buffer;
pub(crate) mod quarantine;
mod result_check;

use std::time::{SystemTime, UNIX_EPOCH};

use mcp_protocol::tools::CallResult;
use plugin_abi::{Host, op};

use crate::{
    plugin::{
        ActiveCall, Plugin,
        invocation::host_api::request,
        wire::{CallReply, PluginFailure},
    },
    process::crash_handler,
};

/// The reason why a call produced no result.
#[derive(Debug)]
pub struct CallFailure {
    /// The kind of the failure.
    pub kind: FailureKind,
    /// A text that the model may see.
    pub public: Option<String>,
    /// A text that only the operator may see.
    pub detail: Option<String>,
}

/// The kinds of failures. Source: `plugin-abi/PAYLOADS.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The arguments could not be decoded. The tool's own code has not run.
    InvalidArguments,
    /// The tool panicked.
    Panic,
    /// The tool reports that the call must fail with a JSON-RPC error.
    Protocol {
        /// The code of the error, as the tool set it.
        code: Option<i64>,
    },
    /// The call was cancelled.
    Cancelled,
    /// The plugin cannot execute calls.
    Unavailable,
}

/// Calls a tool of a plugin.
pub(crate) fn call(
    plugin: &Plugin,
    tool: &str,
    arguments: &[u8],
    call: &ActiveCall,
) -> Result<CallResult, CallFailure> {
    let reply = crash_handler::with_call(&call.context.request_id, tool, || {
        plugin.ensure_open()?;
        if call.is_cancelled() {
            // The client disconnected while the call waited for a thread or for the library to be opened.
            return Err(CallFailure {
                kind: FailureKind::Cancelled,
                public: None,
                detail: Some("cancelled before it began".to_owned()),
            });
        }
        let host = Host {
            call: call.number,
            deadline_unix_ms: unix_ms(call.deadline),
            request,
        };
        plugin
            .invoke(op::CALL, tool, arguments, host)
            .map_err(|mut failure| {
                call.set_failure_kind(failure.cause.take());
                failure.into()
            })
    })?;
    let unreadable = |what: String| CallFailure {
        kind: FailureKind::Unavailable,
        public: None,
        detail: Some(format!("the plugin's result cannot be read: {what}")),
    };
    let reply: CallReply =
        serde_json::from_slice(&reply).map_err(|error| unreadable(error.to_string()))?;
    if reply.r#type != "complete" {
        return Err(unreadable(format!("its type is {:?}", reply.r#type)));
    }
    call.set_failure_kind(reply.cause);
    Ok(CallResult {
        content: reply.content,
        structured_content: reply.structured_content,
        is_error: reply.is_error,
        meta: reply.meta,
    })
}

fn unix_ms(time: Option<SystemTime>) -> u64 {
    let since_epoch = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since_epoch.map_or(0, |duration| {
        duration.as_millis().try_into().unwrap_or(u64::MAX)
    })
}

impl From<PluginFailure> for CallFailure {
    fn from(failure: PluginFailure) -> Self {
        let kind = match failure.kind.as_str() {
            "invalid_arguments" => FailureKind::InvalidArguments,
            "panic" => FailureKind::Panic,
            "protocol" => FailureKind::Protocol { code: failure.code },
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
