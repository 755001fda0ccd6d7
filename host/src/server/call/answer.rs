//! The responses to calls: a result for the model, a JSON-RPC error for the client, and a line in the log for the
//! operator.

use mcp_protocol::{
    Answer, Id, ServerInfo, capabilities,
    jsonrpc::{INTERNAL_ERROR, INVALID_PARAMS},
    tools::CallResult,
};

use crate::{
    plugin::{ActiveCall, CallFailure, FailureKind},
    server::{
        call::{context::ToolCall, run::CallError},
        outcome::McpReply,
        request::IncomingRequest,
        session::session_not_found,
    },
    store::tool_state::StoreFault,
};

/// Returns the response to a client that lacks a capability which the tool requires.
pub(crate) fn missing_capability(
    tool_call: &ToolCall<'_>,
    missing: &[&str],
    server: &ServerInfo,
) -> Answer {
    let message = format!(
        "tool {} needs the client capability {}, which this client has not declared; use a client that has it",
        tool_call.tool.mcp.name,
        missing.join(" and "),
    );
    if tool_call.revision.is_modern() {
        return capabilities::missing_capabilities_error(&tool_call.id, &message, missing);
    }
    let result = CallResult::error(&message).for_revision(tool_call.revision, server);
    Answer::success(&tool_call.id, &result)
}

/// Returns the response to a call that would exceed the limit of concurrent calls.
pub(crate) fn too_many_calls_answer(
    incoming: &IncomingRequest<'_>,
    tool_call: &ToolCall<'_>,
    why: &str,
) -> Answer {
    let (tool, request_id) = (&tool_call.tool.mcp.name, incoming.request_id);
    let message = format!("tool {tool} was not called: {why} (request id {request_id})");
    Answer::error(503, Some(&tool_call.id), INTERNAL_ERROR, &message)
}

/// Logs a call that produced no result. Returns the response: a result for the model, or a JSON-RPC error for the
/// client.
pub(crate) fn failure_answer(
    tool_call: &ToolCall<'_>,
    call: &ActiveCall,
    error: CallError,
    server: &ServerInfo,
) -> Answer {
    let (tool, request_id) = (&call.tool, &call.context.request_id);
    let library = tool_call.tool.plugin.path().display();
    let principal = call.context.principal.as_deref();
    let message = match error {
        CallError::TimedOut(deadline) => {
            let why = deadline.message();
            tracing::warn!(request_id, tool, %library, principal, "call timed out: {why}");
            format!("tool {tool} timed out: {why} (request id {request_id})")
        }
        CallError::Quarantined => {
            tracing::warn!(request_id, tool, %library, principal, "call rejected: a tool of its plugin still runs after its call timed out");
            format!(
                "tool {tool} is not available at the moment: an earlier call of its plugin timed out and still runs; try again later (request id {request_id})"
            )
        }
        CallError::NoThread(error) => {
            tracing::error!(request_id, tool, %library, principal, "no thread can be started: {error}; lower MCP_MAX_CONCURRENT_CALLS");
            let message = format!(
                "tool {tool} was not called: no more calls can run at the moment; try again later (request id {request_id})"
            );
            return Answer::error(503, Some(&tool_call.id), INTERNAL_ERROR, &message);
        }
        CallError::CommitFailed => {
            let message = format!(
                "tool {tool} did its work, but its state may be lost, because the state store is not available at the moment (request id {request_id})"
            );
            return Answer::error(503, Some(&tool_call.id), INTERNAL_ERROR, &message);
        }
        CallError::Failed(failure) => {
            log_failure(tool_call, call, &failure, "a call failed");
            if let FailureKind::Protocol { code } = failure.kind {
                let message = failure.public.as_deref().unwrap_or("the tool failed");
                return Answer::error(200, Some(&tool_call.id), error_code(code), message);
            }
            format!("tool {tool} failed unexpectedly (request id {request_id})")
        }
    };
    let result = CallResult::error(&message).for_revision(tool_call.revision, server);
    Answer::success(&tool_call.id, &result)
}

/// Returns the error response to a call that failed because of a store's fault, which the model cannot correct.
pub(crate) fn store_fault_answer(id: &Id, fault: StoreFault) -> Answer {
    match fault {
        StoreFault::Ended => session_not_found(Some(id)),
        StoreFault::Unavailable => {
            let message = "tool state is not available at the moment; try again";
            Answer::error(503, Some(id), INTERNAL_ERROR, message)
        }
    }
}

/// Returns the reply if it is within the front door's size limit. If it is not, the notifications are dropped. If the
/// result alone is still too large, it is replaced by a result with `isError` that says so.
pub(crate) fn enforce_limit(
    incoming: &IncomingRequest<'_>,
    tool_call: &ToolCall<'_>,
    outcome: McpReply,
    server: &ServerInfo,
) -> McpReply {
    let Some(limit) = incoming.response_limit else {
        return outcome;
    };
    if limit.excess(&outcome.bodies()).is_none() {
        return outcome;
    }
    let (tool, request_id) = (&tool_call.tool.mcp.name, incoming.request_id);
    let alone = McpReply::from(outcome.answer);
    let Some(bytes) = limit.excess(&alone.bodies()) else {
        tracing::warn!(
            request_id,
            tool,
            "a result leaves no room for its tool's notifications, which are dropped"
        );
        return alone;
    };
    let (door, most) = (limit.front_door, limit.bytes);
    tracing::warn!(
        request_id,
        tool,
        bytes,
        most,
        "a result is too large for {door}"
    );
    let message = format!(
        "tool {tool} did its work, but its result has {bytes} bytes as sent, and {door} accepts {most}; request less data in one call (request id {request_id})"
    );
    let result = CallResult::error(&message).for_revision(tool_call.revision, server);
    Answer::success(&tool_call.id, &result).into()
}

/// Logs a failed call with this message.
pub(crate) fn log_failure(
    tool_call: &ToolCall<'_>,
    call: &ActiveCall,
    failure: &CallFailure,
    message: &str,
) {
    let (tool, request_id) = (&call.tool, &call.context.request_id);
    let principal = call.context.principal.as_deref();
    let detail = failure.detail.as_deref().or(failure.public.as_deref());
    let kind = match failure.kind {
        FailureKind::Protocol { code } => format!("Protocol {{ code: {} }}", error_code(code)),
        kind => format!("{kind:?}"),
    };
    tracing::error!(
        request_id,
        tool,
        library = %tool_call.tool.plugin.path().display(),
        principal,
        %kind,
        detail = detail.unwrap_or_default(),
        "{message}"
    );
}

/// Returns the code of a JSON-RPC error that a tool returned. JSON-RPC reserves the codes from -32768 to -32000
/// (JSON-RPC 2.0, section 5.1), and clients act on their meaning in MCP. Tools may use only two of them.
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
