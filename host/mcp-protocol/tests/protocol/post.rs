//! One POST, and a description of its outcome in one line, for tables.

use mcp_protocol::{
    Answer, Batch, ClientRequest, Headers, Id, Revision, Route, route, route_stdio,
};
use schemas::Exchange;
use serde_json::{Value, json};

pub(crate) const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
pub(crate) const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
pub(crate) const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

/// Returns the `params` of a modern request.
pub(crate) fn modern() -> Value {
    claiming(json!("2026-07-28"))
}

/// Returns `params` that declare this version, which may be any JSON.
pub(crate) fn claiming(version: Value) -> Value {
    json!({ "_meta": { VERSION: version, CAPABILITIES: {} } })
}

pub(crate) fn request(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

/// Returns the headers that this body requires, without the version.
pub(crate) struct Owed {
    method: Option<String>,
    name: Option<String>,
}

impl Owed {
    pub(crate) fn by(body: &str) -> Self {
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let text = |pointer| body.pointer(pointer)?.as_str().map(str::to_owned);
        Self {
            method: text("/method"),
            name: text("/params/name").or_else(|| text("/params/uri")),
        }
    }

    pub(crate) fn with<'a>(&'a self, protocol_version: Option<&'a str>) -> Headers<'a> {
        Headers {
            protocol_version,
            method: self.method.as_deref(),
            name: self.name.as_deref(),
        }
    }
}

/// Describes the outcome of a body with the headers that it requires.
pub(crate) fn post(version: Option<&str>, body: &str) -> String {
    seen(Owed::by(body).with(version), body.as_bytes())
}

/// Describes the outcome of a POST:
///
/// - `2026-07-28 tools/list id 1`, `legacy ping id 1`: a request, with its revision, or `legacy` if the session decides
///   it
/// - `400 -32600`, `400 -32602 id 1`, `202`: an answer
/// - `in session 202`: an answer that waits for the session to be looked up
/// - `cancel 1`: the cancellation of an earlier request
/// - `legacy [legacy ping id 1, 400 -32600]`: a batch
pub(crate) fn seen(headers: Headers<'_>, body: &[u8]) -> String {
    let route = route(headers, body);
    if let Route::Reply(answer) | Route::ReplyIfSessionAlive { answer, .. } = &route {
        judge(headers, body, answer);
    }
    of_route(&route)
}

/// Checks that an answer satisfies the schema of its revision.
pub(crate) fn judge(headers: Headers<'_>, body: &[u8], answer: &Answer) {
    let exchange = Exchange {
        method: "POST",
        protocol_version: headers.protocol_version,
        body,
        status: answer.status,
        content_type: answer.body.as_ref().map(|_| "application/json"),
        answer: answer.body.as_deref().unwrap_or_default(),
        ..Exchange::default()
    };
    exchange.validate();
}

/// Describes the outcome of a message that came over stdio.
pub(crate) fn line(message: &str) -> String {
    let route = route_stdio(message.as_bytes());
    if let Route::Reply(answer) | Route::ReplyIfSessionAlive { answer, .. } = &route {
        judge_line(message.as_bytes(), answer);
    }
    of_route(&route)
}

/// Describes the same over stdio, where no revision was negotiated.
pub(crate) fn judge_line(message: &[u8], answer: &Answer) {
    let Some(body) = &answer.body else {
        return;
    };
    let sent: Option<Value> = serde_json::from_slice(message).ok();
    let body = serde_json::from_slice(body).expect("an answer is JSON");
    schemas::validate_line(None, sent.as_ref(), &body);
}

fn of_route(route: &Route<'_>) -> String {
    match route {
        Route::Reply(answer) => of_answer(answer),
        Route::ReplyIfSessionAlive { answer, .. } => format!("in session {}", of_answer(answer)),
        Route::Cancel { id } => format!("cancel {}", of_id(id)),
        Route::Batch(Batch { revision, routes }) => {
            let revision = revision.map_or("legacy", Revision::as_str);
            let routes: Vec<_> = routes.iter().map(of_route).collect();
            format!("{revision} [{}]", routes.join(", "))
        }
        Route::Request(request) => {
            let revision = request.revision.map_or("legacy", Revision::as_str);
            let method = match &request.method {
                ClientRequest::Discover => "server/discover".to_owned(),
                ClientRequest::Initialize { negotiated, .. } => {
                    return format!("initialize {negotiated} id {}", of_id(&request.id));
                }
                ClientRequest::Ping => "ping".to_owned(),
                ClientRequest::SetLogLevel(level) => format!("logging/setLevel {level}"),
                ClientRequest::ListTools { cursor: None } => "tools/list".to_owned(),
                ClientRequest::ListTools {
                    cursor: Some(cursor),
                } => format!("tools/list {cursor:?}"),
                ClientRequest::CallTool {
                    name, arguments, ..
                } => match arguments {
                    None => format!("tools/call {name}"),
                    Some(arguments) => format!("tools/call {name} {}", arguments.get()),
                },
            };
            format!("{revision} {method} id {}", of_id(&request.id))
        }
    }
}

pub(crate) fn of_answer(answer: &Answer) -> String {
    let Some(body) = &answer.body else {
        return answer.status.to_string();
    };
    let body: Value = serde_json::from_slice(body).expect("an answer is JSON");
    let outcome = match body.pointer("/error/code") {
        Some(code) => code.to_string(),
        None => body["result"].to_string(),
    };
    match body.get("id") {
        None => format!("{} {outcome}", answer.status),
        Some(id) => format!("{} {outcome} id {id}", answer.status),
    }
}

fn of_id(id: &Id) -> String {
    serde_json::to_string(id).expect("an id is JSON")
}

#[test]
fn the_tables_read_as_described() {
    let list = request("tools/list", modern()).to_string();
    assert_eq!(
        post(Some("2026-07-28"), &list),
        "2026-07-28 tools/list id 1"
    );
    assert_eq!(post(None, "{"), "400 -32700");
}
