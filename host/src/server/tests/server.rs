//! An `McpServer` of the handwritten plugin, and requests to it.

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Response};
use schemas::Exchange;
use serde_json::{Value, json};

use crate::{
    config::Config,
    plugin::{Caller, Catalog},
    server::{
        McpServer,
        call::deadline::GatewayTimeout,
        http::response_limit::ResponseLimit,
        record::RequestRecord,
        request::{Exposure, IncomingRequest},
        tests::plugin,
    },
};

pub(super) struct Server(McpServer);

/// A request, to be changed before it is sent.
pub(super) struct Sent {
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
    pub(super) caller: Caller,
    pub(super) request_id: &'static str,
    pub(super) deadline: Option<SystemTime>,
    pub(super) gateway_timeout: Option<GatewayTimeout>,
    pub(super) response_limit: Option<ResponseLimit>,
}

/// The response.
pub(super) struct Answered(pub(super) Response<Bytes>);

/// Returns a modern call.
pub(super) fn modern(tool: &str, arguments: Value) -> Sent {
    let mut sent = legacy(tool, arguments);
    sent.body["params"]["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    sent.header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool)
}

/// Returns a legacy call without session.
pub(super) fn legacy(tool: &str, arguments: Value) -> Sent {
    let params = json!({ "name": tool, "arguments": arguments });
    Sent {
        headers: HeaderMap::new(),
        body: json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }),
        caller: Caller::default(),
        request_id: "request-1",
        deadline: None,
        gateway_timeout: None,
        response_limit: None,
    }
}

impl Sent {
    /// Returns a message with another method.
    pub(super) fn asking(mut self, method: &str, params: Value) -> Self {
        self.body["method"] = json!(method);
        self.body["params"] = params;
        self
    }

    /// Returns `tools/list`, of the same era.
    pub(super) fn listing(mut self) -> Self {
        self.body["method"] = json!("tools/list");
        self.header("mcp-method", "tools/list")
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a name");
        self.headers.insert(name, value.parse().expect("a value"));
        self
    }

    pub(super) fn meta(mut self, key: &str, value: Value) -> Self {
        self.body["params"]["_meta"][key] = value;
        self
    }

    pub(super) fn named(mut self, request_id: &'static str) -> Self {
        self.request_id = request_id;
        self
    }

    pub(super) fn due(mut self, deadline: SystemTime) -> Self {
        self.deadline = Some(deadline);
        self
    }
}

impl Server {
    pub(super) fn start(variables: &[(&str, &str)]) -> Self {
        let config = Config::from_env(|name| {
            // Deadlines apply without reserve.
            let variables = variables.iter().chain(&[("MCP_CALL_RESERVE_MS", "0")]);
            let set = variables
                .into_iter()
                .find(|(variable, _)| *variable == name);
            set.map(|(_, value)| (*value).to_owned())
        });
        assert_eq!(config.problems, Vec::<String>::new());
        let catalog = Catalog::linked(plugin::module()).expect("a catalogue");
        Self(McpServer::with_catalog(&config, catalog))
    }

    pub(super) async fn answer(&self, sent: &Sent) -> Answered {
        let body = sent.body.to_string();
        let incoming = IncomingRequest {
            method: Method::POST,
            path: "/mcp",
            headers: &sent.headers,
            body: body.as_bytes(),
            exposure: Exposure::Network,
            caller: sent.caller.clone(),
            request_id: sent.request_id,
            deadline: sent.deadline,
            gateway_timeout: sent.gateway_timeout,
            notifications: None,
            record: RequestRecord::default(),
            response_limit: sent.response_limit,
        };
        self.answer_to(&incoming).await
    }

    pub(super) async fn answer_to(&self, incoming: &IncomingRequest<'_>) -> Answered {
        let answered = Answered(self.0.handle(incoming).await);
        answered.judge(incoming);
        answered
    }

    /// Begins a session with these parameters of `initialize`.
    pub(super) async fn session(&self, params: Value) -> String {
        let sent = legacy("", json!({})).asking("initialize", params);
        let answered = self.answer(&sent).await;
        answered
            .header("mcp-session-id")
            .expect("a session")
            .to_owned()
    }
}

impl Answered {
    /// Checks that an answer satisfies the schema of its revision.
    fn judge(&self, incoming: &IncomingRequest<'_>) {
        // A value that is no text is unknown to the protocol.
        let sent = |name| Some(incoming.headers.get(name)?.to_str().unwrap_or("?"));
        let exchange = Exchange {
            method: incoming.method.as_str(),
            protocol_version: sent("mcp-protocol-version"),
            session: sent("mcp-session-id"),
            body: incoming.body,
            status: self.status(),
            content_type: self.header("content-type"),
            new_session: self.header("mcp-session-id"),
            answer: self.0.body(),
        };
        exchange.validate();
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let value = self.0.headers().get(name)?;
        Some(value.to_str().expect("a header is text"))
    }

    pub(super) fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    pub(super) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_slice(self.0.body()).expect("an answer is JSON")
    }

    /// Returns the messages of an event stream, the response as the last.
    pub(super) fn events(&self) -> Vec<Value> {
        assert_eq!(self.header("content-type"), Some("text/event-stream"));
        let text = str::from_utf8(self.0.body()).expect("UTF-8");
        let events = text.strip_suffix("\n\n").expect("the last event is ended");
        let data = |event: &str| {
            let lines = event.lines().filter_map(|line| line.strip_prefix("data: "));
            lines.collect::<Vec<_>>().join("\n")
        };
        let events = events.split("\n\n").map(|event| {
            assert!(
                event.starts_with("event: message\ndata: "),
                "event: {event}"
            );
            serde_json::from_str(&data(event)).expect("a message is JSON")
        });
        events.collect()
    }

    /// Returns the text of a result in JSON.
    pub(super) fn text(&self) -> String {
        let body = self.json();
        let text = body["result"]["content"][0]["text"].as_str();
        text.unwrap_or_else(|| panic!("no text: {body}")).to_owned()
    }

    /// Returns what the tool `ask` saw.
    pub(super) fn seen(&self) -> Value {
        serde_json::from_str(&self.text()).expect("the tool answers in JSON")
    }
}
