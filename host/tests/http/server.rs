//! An `McpServer` on a folder, and requests to it.

use bytes::Bytes;
use host::{
    StartError,
    config::Config,
    plugin::Caller,
    server::{
        McpServer,
        record::RequestRecord,
        request::{Exposure, IncomingRequest},
    },
};
use http::{HeaderMap, Request, Response, request::Builder};
use schemas::Exchange;
use serde_json::{Value, json};

use crate::folder::Folder;

/// The domain of the gateway in front.
pub(crate) const DOMAIN: &str = "abc.execute-api.us-east-1.amazonaws.com";

/// A server, and a runtime for it.
pub(crate) struct Server {
    app: McpServer,
    runtime: tokio::runtime::Runtime,
    // The libraries are looked for at the first call.
    _folder: Folder,
}

/// Starts a server on a folder, under these environment variables.
pub(crate) fn start(folder: &Folder, variables: &[(&str, &str)]) -> Result<McpServer, StartError> {
    let config = Config::from_env(|name| {
        if name == "MCP_PLUGIN_DIR" {
            return Some(folder.path().display().to_string());
        }
        let set = variables.iter().find(|(variable, _)| *variable == name);
        let value = set.map(|(_, value)| (*value).to_owned());
        // An error of the start must have a message.
        value.or_else(|| (name == "MCP_ON_BAD_PLUGIN").then(|| "stop".to_owned()))
    });
    McpServer::start(&config)
}

impl Server {
    pub(crate) fn of(folder: Folder, variables: &[(&str, &str)]) -> Self {
        let app = start(&folder, variables).unwrap_or_else(|error| panic!("{error}"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        Self {
            app,
            runtime,
            _folder: folder,
        }
    }

    /// Starts a server with the one tool `greet`.
    pub(crate) fn greeting() -> Self {
        Self::of(Folder::of(&["greet"]), &[])
    }

    pub(crate) fn answer(&self, request: &Request<String>) -> Answered {
        self.answer_via(Exposure::Gateway(DOMAIN), request)
    }

    pub(crate) fn answer_via(&self, exposure: Exposure<'_>, request: &Request<String>) -> Answered {
        self.answer_to(exposure, Caller::default(), request)
    }

    /// Answers a request of this principal.
    pub(crate) fn answer_as(&self, principal: Option<&str>, request: &Request<String>) -> Answered {
        let caller = Caller {
            principal: principal.map(str::to_owned),
            ..Caller::default()
        };
        self.answer_to(Exposure::Gateway(DOMAIN), caller, request)
    }

    pub(crate) fn answer_to(
        &self,
        exposure: Exposure<'_>,
        caller: Caller,
        request: &Request<String>,
    ) -> Answered {
        let incoming = IncomingRequest {
            method: request.method().clone(),
            path: request.uri().path(),
            headers: request.headers(),
            body: request.body().as_bytes(),
            exposure,
            caller,
            request_id: "request-1",
            deadline: None,
            gateway_timeout: None,
            notifications: None,
            record: RequestRecord::default(),
            response_limit: None,
        };
        let answered = Answered(self.runtime.block_on(self.app.handle(&incoming)));
        answered.judge(request);
        answered
    }

    /// Posts a legacy request, in a session if one is given.
    pub(crate) fn legacy(&self, session: Option<&str>, method: &str, params: Value) -> Answered {
        let mut request = post();
        if let Some(session) = session {
            request = request.header("Mcp-Session-Id", session);
        }
        self.answer(&with_body(request, &message(method, params)))
    }

    /// Posts a modern request with everything that it requires.
    pub(crate) fn modern(&self, method: &str, params: Value) -> Answered {
        self.answer(&modern(method, params))
    }

    /// Begins a session of this revision.
    pub(crate) fn session(&self, revision: &str) -> String {
        let answered = self.legacy(None, "initialize", json!({ "protocolVersion": revision }));
        assert_eq!(answered.status(), 200);
        assert_eq!(answered.json()["result"]["protocolVersion"], revision);
        answered
            .header("mcp-session-id")
            .expect("a session")
            .to_owned()
    }

    pub(crate) fn delete(&self, session: Option<&str>) -> Answered {
        let mut request = Request::delete("/mcp");
        if let Some(session) = session {
            request = request.header("Mcp-Session-Id", session);
        }
        self.answer(&with_body(request, ""))
    }
}

pub(crate) fn post() -> Builder {
    Request::post("/mcp").header("Content-Type", "application/json")
}

pub(crate) fn with_body(request: Builder, body: &str) -> Request<String> {
    request.body(body.to_owned()).expect("a request")
}

pub(crate) fn message(method: &str, params: Value) -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string()
}

/// Returns a modern request with the headers and the `_meta` that it requires.
pub(crate) fn modern(method: &str, mut params: Value) -> Request<String> {
    let mut request = post()
        .header("MCP-Protocol-Version", "2026-07-28")
        .header("Mcp-Method", method);
    if let Some(name) = params["name"].as_str() {
        request = request.header("Mcp-Name", name);
    }
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    with_body(request, &message(method, params))
}

/// The response.
#[derive(Debug)]
pub(crate) struct Answered(Response<Bytes>);

impl Answered {
    /// Checks that an answer satisfies the schema of its revision.
    fn judge(&self, request: &Request<String>) {
        // A value that is no text is unknown to the protocol.
        let sent = |name| Some(request.headers().get(name)?.to_str().unwrap_or("?"));
        let exchange = Exchange {
            method: request.method().as_str(),
            protocol_version: sent("mcp-protocol-version"),
            session: sent("mcp-session-id"),
            body: request.body().as_bytes(),
            status: self.status(),
            content_type: self.header("content-type"),
            new_session: self.header("mcp-session-id"),
            answer: self.body(),
        };
        exchange.validate();
    }

    pub(crate) fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers()
            .get(name)
            .map(|value| value.to_str().expect("a header is text"))
    }

    pub(crate) fn body(&self) -> &[u8] {
        self.0.body()
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_slice(self.body()).expect("an answer is JSON")
    }

    /// Returns status and code in one, such as `200 -32602`; of a success the status alone.
    pub(crate) fn outcome(&self) -> String {
        if self.body().is_empty() {
            return self.status().to_string();
        }
        match self.json().pointer("/error/code") {
            Some(code) => format!("{} {code}", self.status()),
            None => self.status().to_string(),
        }
    }

    pub(crate) fn error_text(&self) -> String {
        let body = self.json();
        body["error"]["message"]
            .as_str()
            .unwrap_or_else(|| panic!("no error: {body}"))
            .to_owned()
    }
}
