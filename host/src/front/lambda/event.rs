//! What an invocation brings, and who answers it: a request through a gateway, a bare message, a tool's arguments. What is
//! none of these fails the invocation, by an error that says what came and what could have.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::Arc,
    task::{Context as Task, Poll},
};

use lambda_http::{
    Context, LambdaEvent, Service, lambda_runtime::Diagnostic, request::LambdaRequest,
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    agent_core,
    direct::{self, Invoked},
    door,
};
use crate::app::App;

/// The most of an event's members that an error names, and the most bytes of each name.
/// Source: ours. The events of AWS have fewer and shorter ones.
const MOST_NAMED: (usize, usize) = (12, 40);

/// Answers whatever invokes the function. `H` answers what comes through a gateway.
#[derive(Clone)]
pub(super) struct Doors<H> {
    http: H,
    app: Arc<App>,
}

/// An answer.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Answered<T> {
    /// As the gateway wants it.
    Http(T),
    /// The invocation's own.
    Direct(Box<RawValue>),
}

impl<H> Doors<H> {
    pub(super) fn new(app: Arc<App>, http: H) -> Self {
        Self { http, app }
    }
}

impl<H> Service<LambdaEvent<Box<RawValue>>> for Doors<H>
where
    H: Service<LambdaEvent<LambdaRequest>, Error: Into<Diagnostic>>,
    H::Future: Send + 'static,
{
    type Response = Answered<H::Response>;
    type Error = Diagnostic;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Diagnostic>> + Send>>;

    fn poll_ready(&mut self, task: &mut Task<'_>) -> Poll<Result<(), Diagnostic>> {
        self.http.poll_ready(task).map_err(Into::into)
    }

    fn call(&mut self, event: LambdaEvent<Box<RawValue>>) -> Self::Future {
        let LambdaEvent { payload, context } = event;
        let app = Arc::clone(&self.app);
        match Brought::by(&payload, &context) {
            Ok(Brought::Request(mut request)) => {
                if let Err(unknown) = door::settle(&mut request) {
                    return Box::pin(async move { Err(unknown.into()) });
                }
                let answered = self.http.call(LambdaEvent::new(*request, context));
                Box::pin(async move {
                    let answered = answered.await.map_err(Into::into)?;
                    Ok(Answered::Http(answered))
                })
            }
            Ok(Brought::Direct(direct)) => Box::pin(async move {
                let answer = direct.answer(&app, &context, &payload).await;
                Ok(Answered::Direct(answer))
            }),
            Err(unknown) => Box::pin(async move { Err(unknown.into()) }),
        }
    }
}

/// What an invocation brings.
#[derive(Debug)]
pub(super) enum Brought {
    /// A request, through a gateway.
    Request(Box<LambdaRequest>),
    Direct(Direct),
}

/// What an invocation brings that came through no gateway.
#[derive(Debug)]
pub(super) enum Direct {
    /// A JSON-RPC message, or several.
    Message,
    /// A tool's arguments.
    Arguments {
        /// Its name, with that of an AgentCore Gateway's target.
        tool: String,
    },
}

impl Direct {
    /// The invocation's own answer.
    pub(super) async fn answer(
        &self,
        app: &App,
        context: &Context,
        payload: &RawValue,
    ) -> Box<RawValue> {
        let invoked = Invoked::of(context);
        match self {
            Self::Message => direct::answer(app, &invoked, payload.get()).await,
            Self::Arguments { tool } => agent_core::call(app, &invoked, tool, payload).await,
        }
    }
}

impl Brought {
    pub(super) fn by(payload: &RawValue, context: &Context) -> Result<Self, Unknown> {
        // A tool may have arguments of whatever names.
        if let Some(tool) = agent_core::tool_name(context) {
            let tool = tool.to_owned();
            return Ok(Self::Direct(Direct::Arguments { tool }));
        }
        let text = payload.get();
        let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text) else {
            return match serde_json::from_str::<Vec<&RawValue>>(text).as_deref() {
                Ok([first, ..]) if is_message(first.get()) => Ok(Self::Direct(Direct::Message)),
                Ok([]) => Err(Unknown("an empty array".to_owned())),
                Ok(_) => Err(Unknown("an array".to_owned())),
                Err(_) => Err(Unknown(kind(text).to_owned())),
            };
        };
        if members.contains_key("jsonrpc") {
            return Ok(Self::Direct(Direct::Message));
        }
        if let Some(source) = source(&members) {
            return Err(Unknown(source.to_owned()));
        }
        if members.contains_key("requestContext")
            && let Ok(request) = serde_json::from_str(text)
        {
            return Ok(Self::Request(Box::new(request)));
        }
        Err(Unknown(named(members.keys())))
    }
}

fn is_message(text: &str) -> bool {
    serde_json::from_str::<BTreeMap<String, &RawValue>>(text)
        .is_ok_and(|members| members.contains_key("jsonrpc"))
}

/// What else AWS invokes functions by, as far as it shows in the names of members.
fn source(members: &BTreeMap<String, &RawValue>) -> Option<&'static str> {
    // Some emulators write null for what is not there.
    let present = |it: &&RawValue| it.get() != "null";
    let has = |name: &str| members.get(name).is_some_and(present);
    let member = |name: &str| {
        let member = members.get(name)?;
        serde_json::from_str::<BTreeMap<String, &RawValue>>(member.get()).ok()
    };
    if has("methodArn") || has("routeArn") {
        return Some("a question to a Lambda authorizer");
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

/// What a payload is that is neither object nor array.
fn kind(text: &str) -> &'static str {
    match text.trim_start().as_bytes() {
        [b'n', ..] => "null",
        [b'"', ..] => "a string",
        [b't' | b'f', ..] => "a boolean",
        _ => "a number",
    }
}

/// An object by the names of its members. Its values may be nobody's business.
fn named<'a>(names: impl ExactSizeIterator<Item = &'a String>) -> String {
    let (most, longest) = MOST_NAMED;
    let more = names.len().saturating_sub(most);
    let names: Vec<_> = names
        .take(most)
        .map(|name| name.chars().take(longest).collect::<String>())
        .map(|name| format!("{name:?}"))
        .collect();
    match (names.as_slice(), more) {
        ([], _) => "an empty object".to_owned(),
        (names, 0) => format!("an object with {}", names.join(", ")),
        (names, more) => format!("an object with {} and {more} more", names.join(", ")),
    }
}

/// Nothing that the host could answer: what it is.
#[derive(Debug, thiserror::Error)]
#[error(
    "the event is {0}, but this function takes HTTP requests through an API Gateway REST or HTTP API, a Function URL or a load balancer, JSON-RPC messages of MCP (`jsonrpc` and `method`), and the calls of an AgentCore Gateway (which name their tool in the client context)"
)]
pub(super) struct Unknown(String);

impl Unknown {
    /// What it is, as the end of a sentence.
    pub(super) fn new(what: &str) -> Self {
        Self(what.to_owned())
    }
}

impl From<Unknown> for Diagnostic {
    fn from(unknown: Unknown) -> Self {
        Self {
            error_type: "EVENT_UNKNOWN".to_owned(),
            error_message: unknown.to_string(),
        }
    }
}
