//! A client with handwritten messages, so that a test controls the exact bytes on the wire.

use schemas::Exchange;
use serde_json::{Value, json};
use ureq::http::{HeaderMap, Request};

use crate::Host;

/// A legacy client without a session, unless it asks for one.
pub struct Client<'a> {
    host: &'a Host,
    agent: ureq::Agent,
}

/// An HTTP answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as text.
    pub body: String,
}

/// The state and the responses with which a client retries a call.
#[derive(Clone, Debug)]
pub struct Retry<'a> {
    /// The state that came with the questions.
    pub state: Option<&'a str>,
    /// The client's answers, by the keys of the questions.
    pub responses: Value,
}

/// The result of `tools/call`.
#[derive(Clone, Debug)]
pub struct CallOutcome(Value);

impl<'a> Client<'a> {
    pub(crate) fn new(host: &'a Host) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        Self { host, agent }
    }

    /// Sends one HTTP request.
    pub fn send(&self, method: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(self.host.url());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.to_owned()).expect("a request");
        let answer = self.agent.run(request);
        let mut answer = answer.unwrap_or_else(|error| {
            panic!("{method} {body}: {error}\n{}", self.host.failure_report())
        });
        let answer = Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.body_mut().read_to_string().expect("a readable body"),
        };
        if answer.is_from_host() {
            answer.validate(method, headers, body);
        }
        answer
    }

    /// POSTs a JSON value.
    pub fn post(&self, headers: &[(&str, &str)], message: &Value) -> Answer {
        let headers = [headers, &[("Content-Type", "application/json")]].concat();
        self.send("POST", &headers, &message.to_string())
    }

    /// Returns the names of the tools, by `tools/list`.
    pub fn list(&self) -> Vec<String> {
        let answer = self.post(
            &[],
            &json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }),
        );
        let listed = answer.json();
        let tools = listed["result"]["tools"].as_array();
        let tools =
            tools.unwrap_or_else(|| panic!("no tools in {listed}\n{}", self.host.failure_report()));
        tools
            .iter()
            .map(|tool| tool["name"].as_str().expect("a name").to_owned())
            .collect()
    }

    /// Calls a tool.
    pub fn call(&self, tool: &str, arguments: Value) -> CallOutcome {
        let params = json!({ "name": tool, "arguments": arguments });
        let answer = self.post(
            &[],
            &json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }),
        );
        assert_eq!(
            answer.status,
            200,
            "{}\n{}",
            answer.body,
            self.host.failure_report()
        );
        CallOutcome(answer.json())
    }

    /// Sends `server/discover`, as a client of revision 2026-07-28.
    pub fn discover(&self) -> Value {
        let method = "server/discover";
        self.post_modern(&[], method, json!({}), &json!({})).json()
    }

    /// Calls a tool as a client of revision 2026-07-28 that accepts answers of both kinds; `meta` is added to the
    /// members that every request of it has.
    pub fn call_modern(&self, tool: &str, arguments: &Value, meta: &Value) -> Answer {
        self.call_modern_with(&[], tool, arguments, meta)
    }

    /// Calls a tool in the same way with more headers.
    pub fn call_modern_with(
        &self,
        headers: &[(&str, &str)],
        tool: &str,
        arguments: &Value,
        meta: &Value,
    ) -> Answer {
        let headers = [&[("Mcp-Name", tool)], headers].concat();
        let params = json!({ "name": tool, "arguments": arguments });
        self.post_modern(&headers, "tools/call", params, meta)
    }

    /// Retries a call, as a client of revision 2026-07-28 with questions from its tool.
    pub fn call_again(
        &self,
        tool: &str,
        arguments: &Value,
        meta: &Value,
        retry: &Retry<'_>,
    ) -> Answer {
        let mut params = json!({ "name": tool, "arguments": arguments });
        params["inputResponses"] = retry.responses.clone();
        if let Some(state) = retry.state {
            params["requestState"] = state.into();
        }
        self.post_modern(&[("Mcp-Name", tool)], "tools/call", params, meta)
    }

    /// POSTs a request of revision 2026-07-28, with everything that it requires.
    fn post_modern(
        &self,
        headers: &[(&str, &str)],
        method: &str,
        mut params: Value,
        meta: &Value,
    ) -> Answer {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        for (key, value) in meta.as_object().into_iter().flatten() {
            params["_meta"][key] = value.clone();
        }
        let owed = [
            ("Accept", "application/json, text/event-stream"),
            ("MCP-Protocol-Version", MODERN),
            ("Mcp-Method", method),
        ];
        self.post(
            &[&owed, headers].concat(),
            &json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }),
        )
    }
}

/// The revision without handshake.
const MODERN: &str = "2026-07-28";

impl Answer {
    /// Checks that the answer satisfies the schema of its revision.
    fn validate(&self, method: &str, headers: &[(&str, &str)], body: &str) {
        let sent = |name: &str| {
            let mut headers = headers.iter();
            let (_, value) = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
            Some(*value)
        };
        let exchange = Exchange {
            method,
            protocol_version: sent("mcp-protocol-version"),
            session: sent("mcp-session-id"),
            body: body.as_bytes(),
            status: self.status,
            content_type: self.header("content-type"),
            new_session: self.header("mcp-session-id"),
            answer: self.body.as_bytes(),
        };
        exchange.validate();
    }

    /// Reports whether the answer is the host's own: gateways answer in their own format.
    fn is_from_host(&self) -> bool {
        !self.body.starts_with(r#"{"message":"#)
    }

    /// Returns the messages of a body of server-sent events, in their order.
    ///
    /// # Panics
    /// When the body is not of events.
    pub fn events(&self) -> Vec<Value> {
        assert_eq!(
            self.header("content-type"),
            Some("text/event-stream"),
            "{}",
            self.body
        );
        let events = self.body.split("\n\n").filter(|event| !event.is_empty());
        events
            .map(|event| {
                let data = event.lines().filter_map(|line| line.strip_prefix("data: "));
                let data = data.collect::<Vec<_>>().join("\n");
                serde_json::from_str(&data).unwrap_or_else(|error| panic!("{error}: {event:?}"))
            })
            .collect()
    }

    /// Parses the body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {:?}", self.status, self.body))
    }

    /// Returns a header, as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(name)
            .map(|value| value.to_str().expect("a header of text"))
    }
}

impl CallOutcome {
    /// Returns the text of a call that succeeded.
    pub fn text(&self) -> &str {
        assert_ne!(self.0["result"]["isError"], true, "{}", self.0);
        self.first_text()
    }

    /// Returns the text of a call with an error as its result.
    pub fn error_text(&self) -> &str {
        assert_eq!(self.0["result"]["isError"], true, "{}", self.0);
        self.first_text()
    }

    /// Returns the whole message.
    pub fn message(&self) -> &Value {
        &self.0
    }

    /// Returns the code of a JSON-RPC error.
    pub fn error_code(&self) -> i64 {
        self.0["error"]["code"]
            .as_i64()
            .unwrap_or_else(|| panic!("no error in {}", self.0))
    }

    fn first_text(&self) -> &str {
        self.0["result"]["content"][0]["text"]
            .as_str()
            .unwrap_or_else(|| panic!("no text in {}", self.0))
    }
}

/// POSTs a message without waiting for its answer: the host may end before it.
pub fn post_and_forget(url: &str, message: &Value) {
    let request = ureq::post(url).header("Content-Type", "application/json");
    let _ = request.send(message.to_string());
}
