//! Invocations by an Amazon Bedrock AgentCore Gateway that has this function as a Lambda target. The payload contains a
//! tool's arguments, and the client context contains the tool's name.
//!
//! Sources: Amazon Bedrock AgentCore Developer Guide, "AWS Lambda function targets" and "Understand how AgentCore
//! Gateway tools are named". They require only that the response is valid JSON, and do not say how the gateway uses it.
//! So the response is the unchanged result of `tools/call`, including `isError`. AWS's own adapter does the same
//! (`run-mcp-servers-with-aws-lambda`, `BedrockAgentCoreGatewayTargetHandler`). The gateway would report a failed
//! invocation only as "internal error" (Developer Guide, "Turn on debugging messages"), so errors are also sent as
//! results, which the model can read.

use mcp_protocol::{Answer, ClientRequest, Id, Request, Revision};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use crate::{
    server::{
        McpServer, access_log::AccessLogEntry, dispatch::Connection, outcome::RequestOutcome,
        session::SessionContext,
    },
    transport::lambda::{
        direct_invoke::{DirectInvocation, as_json},
        invocation::Invocation,
    },
};

/// The key in the client context under which the tool's name is, in the form `TARGET___TOOL`.
const TOOL_NAME: &str = "bedrockAgentCoreToolName";

/// The separator between the name of the target and that of the tool. (The name of a target contains no underscores.)
const SEPARATOR: &str = "___";

/// Returns the name of the called tool, including the target's name; `None` if the invocation is not from a gateway.
pub(super) fn tool_name(invocation: &Invocation) -> Option<&str> {
    // The gateway's guide spells the key in several ways.
    let mut custom = invocation.client.custom.iter();
    let (_, name) = custom.find(|(key, _)| key.eq_ignore_ascii_case(TOOL_NAME))?;
    name.as_str()
}

/// Calls the tool and returns its result.
pub(super) async fn call(
    server: &McpServer,
    direct: &DirectInvocation<'_>,
    name: &str,
    arguments: &RawValue,
) -> (Box<RawValue>, AccessLogEntry) {
    let incoming = direct.incoming();
    let mut entry = server.log_entry(&incoming, arguments.get().len());
    let limit = server.json_limit();
    if limit.check(arguments.get().as_bytes()).is_err() {
        incoming.record.set_outcome(RequestOutcome::Refused);
        entry.finish_with(&Answer::ACCEPTED);
        return (failed(&limit.problem()), entry);
    }
    let arguments = match arguments.get().trim_start().as_bytes() {
        [b'{', ..] => Some(arguments),
        b"null" => None,
        _ => {
            incoming.record.set_outcome(RequestOutcome::Refused);
            entry.finish_with(&Answer::ACCEPTED);
            let refusal = failed("the arguments of a tool must be an object");
            return (refusal, entry);
        }
    };
    let request = Request {
        id: Id::Number(1.into()),
        revision: Some(Revision::LATEST_LEGACY),
        method: ClientRequest::CallTool {
            name: without_target(server, name).to_owned(),
            arguments,
            meta: Box::default(),
            resume: Box::default(),
        },
    };
    incoming
        .record
        .set_method(&request.method, request.revision);
    let connection = Connection::Transport(&SessionContext::None);
    let outcome = server
        .request(&incoming, request, &SessionContext::None, connection)
        .await;
    entry.finish_with(&outcome.answer);
    (result(&outcome.answer.body.unwrap_or_default()), entry)
}

/// Removes the target's name from a tool's name. If the whole name is the name of a served tool, it is not changed.
fn without_target<'a>(server: &McpServer, name: &'a str) -> &'a str {
    if server.tool_names().any(|tool| tool == name) {
        return name;
    }
    name.split_once(SEPARATOR).map_or(name, |(_, tool)| tool)
}

/// Returns the result in a JSON-RPC response, or a result with `isError` if the response is an error.
fn result(answer: &[u8]) -> Box<RawValue> {
    #[derive(Deserialize)]
    struct JsonRpcResponse {
        result: Option<Box<RawValue>>,
        error: Option<Error>,
    }
    #[derive(Deserialize)]
    struct Error {
        message: String,
    }
    match serde_json::from_slice(answer) {
        Ok(JsonRpcResponse {
            result: Some(result),
            ..
        }) => result,
        Ok(JsonRpcResponse {
            error: Some(error), ..
        }) => failed(&error.message),
        Ok(_) | Err(_) => failed("the tool returned no result"),
    }
}

fn failed(message: &str) -> Box<RawValue> {
    let content = json!([{ "type": "text", "text": message }]);
    as_json(json!({ "content": content, "isError": true }).to_string())
}
