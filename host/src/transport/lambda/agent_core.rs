//! Invocations by an Amazon Bedrock AgentCore Gateway that has the function as a Lambda target: the payload is a tool's
//! arguments, and the client context contains the tool's name.
//!
//! Sources: Amazon Bedrock AgentCore Developer Guide, "AWS Lambda function targets" and "Understand how AgentCore
//! Gateway tools are named". They require only that an answer is valid JSON, and leave open what the gateway does with
//! it. So the answer is the unchanged result of `tools/call`, with its `isError`, like that of AWS's own adapter
//! (`run-mcp-servers-with-aws-lambda`, `BedrockAgentCoreGatewayTargetHandler`). The gateway would report a failed
//! invocation as "internal error" (Developer Guide, "Turn on debugging messages"). So every error is a result, too,
//! which the model can read.

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

/// The key in the client context for the tool's name, as `TARGET___TOOL`.
const TOOL_NAME: &str = "bedrockAgentCoreToolName";

/// The separator between the names of target and tool. (A target's name has no underscores.)
const SEPARATOR: &str = "___";

/// Returns the name of the called tool, with that of the target, if a gateway invokes.
pub(super) fn tool_name(invocation: &Invocation) -> Option<&str> {
    // The gateway's guide has the key in several spellings.
    let mut custom = invocation.client.custom.iter();
    let (_, name) = custom.find(|(key, _)| key.eq_ignore_ascii_case(TOOL_NAME))?;
    name.as_str()
}

/// Calls the tool.
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

/// Returns the tool's own name without that of the target. A tool may have a name that looks like one with a target.
fn without_target<'a>(server: &McpServer, name: &'a str) -> &'a str {
    if server.tool_names().any(|tool| tool == name) {
        return name;
    }
    name.split_once(SEPARATOR).map_or(name, |(_, tool)| tool)
}

/// Returns the result of an answer, or its error as a result.
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
