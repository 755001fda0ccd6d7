//! The event of an invocation: a request through a gateway, a bare message, or a tool's arguments. Any other event
//! fails the invocation by an error that describes it and lists the valid ones.

use std::{borrow::Cow, collections::BTreeMap};

use bytes::Bytes;
use lambda_http::{aws_lambda_events::apigw::ApiGatewayV2httpRequest, request::LambdaRequest};
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::value::RawValue;

use crate::{
    server::{McpServer, access_log::AccessLogEntry},
    transport::lambda::{
        agent_core,
        direct_invoke::{self, DirectInvocation},
        invocation::Invocation,
        malformed::MalformedRequest,
        runtime_api::InvocationFailure,
    },
};

/// The maximum number of an event's members in an error, and of bytes of each name.
/// Source: ours. The events of AWS have fewer and shorter ones.
const MAX_LISTED_MEMBERS: (usize, usize) = (12, 40);

/// The event of an invocation.
#[derive(Debug)]
pub(super) enum LambdaEvent<'a> {
    /// A request through a gateway.
    Request(Box<LambdaRequest>),
    Direct(Direct<'a>),
}

/// An event that came through no gateway.
#[derive(Debug)]
pub(super) enum Direct<'a> {
    /// A JSON-RPC message, or several.
    JsonRpc(&'a str),
    /// A tool's arguments.
    Arguments {
        /// The tool's name, with that of an AgentCore Gateway's target.
        tool: &'a str,
        arguments: &'a RawValue,
    },
}

impl Direct<'_> {
    /// Returns the invocation's response.
    pub(super) async fn respond(
        &self,
        server: &McpServer,
        invocation: &Invocation,
    ) -> (Bytes, AccessLogEntry) {
        let direct = DirectInvocation::new(invocation);
        let (answer, entry) = match self {
            Self::JsonRpc(message) => direct_invoke::answer(server, &direct, message).await,
            Self::Arguments { tool, arguments } => {
                agent_core::call(server, &direct, tool, arguments).await
            }
        };
        (String::from(Box::<str>::from(answer)).into(), entry)
    }
}

impl<'a> LambdaEvent<'a> {
    pub(super) fn parse(invocation: &'a Invocation) -> Result<Self, EventError> {
        let no_json =
            |error: &dyn std::error::Error| UnknownEvent::new(&format!("not JSON: {error}"));
        let text = str::from_utf8(&invocation.event).map_err(|error| no_json(&error))?;
        // A tool may have arguments of any names.
        if let Some(tool) = agent_core::tool_name(invocation) {
            let arguments = serde_json::from_str(text).map_err(|error| no_json(&error))?;
            return Ok(Self::Direct(Direct::Arguments { tool, arguments }));
        }
        if let Some(request) = parse_http_api(text) {
            return Ok(Self::Request(Box::new(request)));
        }
        let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text) else {
            return match serde_json::from_str::<Vec<&RawValue>>(text).as_deref() {
                Ok([first, ..]) if is_message(first.get()) => {
                    Ok(Self::Direct(Direct::JsonRpc(text)))
                }
                Ok([]) => Err(UnknownEvent("an empty array".to_owned()).into()),
                Ok(_) => Err(UnknownEvent("an array".to_owned()).into()),
                Err(_) => match serde_json::from_str::<&RawValue>(text) {
                    Ok(value) => Err(UnknownEvent(json_kind(value.get()).to_owned()).into()),
                    Err(error) => Err(no_json(&error).into()),
                },
            };
        };
        if members.contains_key("jsonrpc") {
            return Ok(Self::Direct(Direct::JsonRpc(text)));
        }
        if let Some(source) = foreign_source(&members) {
            return Err(UnknownEvent(source.to_owned()).into());
        }
        if members.contains_key("requestContext") {
            if let Ok(request) = serde_json::from_str(text) {
                return Ok(Self::Request(Box::new(request)));
            }
            if let Some(malformed) = MalformedRequest::from_event(&members) {
                return Err(malformed.into());
            }
        }
        Err(UnknownEvent(describe_members(members.keys())).into())
    }
}

/// Parses the request of an HTTP API or a Function URL (payload format 2.0), the most frequent event. (`lambda_http`
/// would try one kind after the other.)
fn parse_http_api(text: &str) -> Option<LambdaRequest> {
    /// The members that distinguish it from other events with a version or a context.
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct HttpApiMarkers<'a> {
        #[serde(borrow)]
        version: Cow<'a, str>,
        request_context: Context,
        #[serde(default, deserialize_with = "is_present")]
        jsonrpc: bool,
        method_arn: Option<IgnoredAny>,
        route_arn: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Context {
        connection_id: Option<IgnoredAny>,
        service_network_arn: Option<IgnoredAny>,
    }
    let markers: HttpApiMarkers<'_> = serde_json::from_str(text).ok()?;
    let Context {
        connection_id,
        service_network_arn,
    } = markers.request_context;
    let others = [
        markers.method_arn,
        markers.route_arn,
        connection_id,
        service_network_arn,
    ];
    let is_other = markers.jsonrpc || others.iter().any(Option::is_some);
    if markers.version != "2.0" || is_other {
        return None;
    }
    let request = serde_json::from_str::<ApiGatewayV2httpRequest>(text).ok()?;
    Some(LambdaRequest::ApiGatewayV2(request))
}

/// Accepts a member of any value.
fn is_present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

fn is_message(text: &str) -> bool {
    serde_json::from_str::<BTreeMap<String, &RawValue>>(text)
        .is_ok_and(|members| members.contains_key("jsonrpc"))
}

/// Returns the kind of another AWS event, as far as the names of its members show it.
fn foreign_source(members: &BTreeMap<String, &RawValue>) -> Option<&'static str> {
    // Some emulators write null for a missing member.
    let present = |it: &&RawValue| it.get() != "null";
    let has = |name: &str| members.get(name).is_some_and(present);
    let member = |name: &str| {
        let member = members.get(name)?;
        serde_json::from_str::<BTreeMap<String, &RawValue>>(member.get()).ok()
    };
    if has("methodArn") || has("routeArn") {
        return Some("a request for a Lambda authorizer");
    }
    if let Some(context) = member("requestContext") {
        let has = |name: &str| context.get(name).is_some_and(present);
        return if has("connectionId") {
            Some("an event of a WebSocket API")
        } else if has("serviceNetworkArn") {
            Some("an event of VPC Lattice")
        } else {
            None
        };
    }
    if has("raw_path") {
        return Some("an event of VPC Lattice");
    }
    if has("detail-type") {
        return Some("an event of EventBridge");
    }
    if has("Records") || has("records") {
        return Some("records of a queue, a topic, a stream or a bucket");
    }
    if has("triggerSource") {
        return Some("an event of a Cognito user pool");
    }
    None
}

/// Returns the kind of a payload that is neither object nor array.
fn json_kind(text: &str) -> &'static str {
    match text.trim_start().as_bytes() {
        [b'n', ..] => "null",
        [b'"', ..] => "a string",
        [b't' | b'f', ..] => "a boolean",
        _ => "a number",
    }
}

/// Describes an object by the names of its members. Its values may be confidential.
fn describe_members<'a>(names: impl ExactSizeIterator<Item = &'a String>) -> String {
    let (max_members, max_length) = MAX_LISTED_MEMBERS;
    let more = names.len().saturating_sub(max_members);
    let names: Vec<_> = names
        .take(max_members)
        .map(|name| name.chars().take(max_length).collect::<String>())
        .map(|name| format!("{name:?}"))
        .collect();
    match (names.as_slice(), more) {
        ([], _) => "an empty object".to_owned(),
        (names, 0) => format!("an object with {}", names.join(", ")),
        (names, more) => format!("an object with {} and {more} more", names.join(", ")),
    }
}

/// The reason why an event is not served.
#[derive(Debug)]
pub(super) enum EventError {
    /// The invocation fails.
    Unknown(UnknownEvent),
    /// The client of a gateway gets the error.
    Malformed(Box<MalformedRequest>),
}

impl From<UnknownEvent> for EventError {
    fn from(unknown: UnknownEvent) -> Self {
        Self::Unknown(unknown)
    }
}

impl From<MalformedRequest> for EventError {
    fn from(malformed: MalformedRequest) -> Self {
        Self::Malformed(Box::new(malformed))
    }
}

/// An event that the host cannot answer, with its description.
#[derive(Debug, thiserror::Error)]
#[error(
    "the event is {0}, but this function accepts HTTP requests through an API Gateway REST or HTTP API, a Function URL or a load balancer, JSON-RPC messages of MCP (`jsonrpc` and `method`), and calls of an AgentCore Gateway (which name their tool in the client context)"
)]
pub(super) struct UnknownEvent(String);

impl UnknownEvent {
    /// Returns the error for this description, which is the end of a sentence.
    pub(super) fn new(what: &str) -> Self {
        Self(what.to_owned())
    }
}

impl From<UnknownEvent> for InvocationFailure {
    fn from(unknown: UnknownEvent) -> Self {
        Self {
            code: "EVENT_UNKNOWN".to_owned(),
            message: unknown.to_string(),
        }
    }
}
