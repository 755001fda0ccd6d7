//! The order of all checks of a modern request: requirements, section 2, steps 1 to 18. (Step 2, authorization, is the
//! gateway's. mcp-protocol has a table of its own for the ways of steps 5 to 14.)
//!
//! Every row breaks one step, and every later step in its first way as well, and expects the answer of the one step.

use host::server::request::MAX_BODY;
use http::Method;
use serde_json::{Value, json};

use crate::{
    folder::{Folder, plugin_with},
    server::{Answered, Server},
};

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

/// A valid `tools/call`, to be broken.
struct Sent {
    method: Method,
    headers: Vec<(&'static str, &'static str)>,
    body: Value,
    /// A replacement for `body`.
    text: Option<String>,
}

impl Sent {
    fn good() -> Self {
        Self {
            method: Method::POST,
            headers: vec![
                ("content-type", "application/json"),
                ("origin", "http://localhost:5173"),
                ("mcp-protocol-version", "2026-07-28"),
                ("mcp-method", "tools/call"),
                ("mcp-name", "book"),
                ("mcp-param-region", "eu"),
            ],
            body: json!({
                "jsonrpc": "2.0",
                "id": 1,
                "method": "tools/call",
                "params": {
                    "name": "book",
                    "arguments": { "region": "eu", "days": 1 },
                    "_meta": { VERSION: "2026-07-28", CAPABILITIES: { "elicitation": {} } },
                },
            }),
            text: None,
        }
    }

    fn set(&mut self, name: &'static str, value: &'static str) {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value));
    }

    fn meta(&mut self) -> &mut Value {
        &mut self.body["params"]["_meta"]
    }

    fn answered(&self, server: &Server) -> Answered {
        let mut request = http::Request::builder()
            .method(self.method.clone())
            .uri("/mcp");
        for (name, value) in &self.headers {
            request = request.header(*name, *value);
        }
        let body = self.text.clone().unwrap_or_else(|| self.body.to_string());
        server.answer(&request.body(body).expect("a request"))
    }
}

/// A tool that needs everything that can be checked before its call.
fn server() -> Server {
    let tool = json!({
        "tool": {
            "name": "book",
            "description": "Books.",
            "inputSchema": {
                "type": "object",
                "properties": {
                    "region": { "type": "string", "x-mcp-header": "Region" },
                    "days": { "type": "integer", "minimum": 1 },
                },
                "required": ["days"],
            },
        },
        "function": "book",
        "validate": true,
        "requires": ["elicitation"],
        "headers": { "Region": "/region" },
    });
    let folder = Folder::empty().with("a-layer", &[plugin_with("libtools.so", &[tool])]);
    Server::of(folder, &[])
}

type Way = (u32, fn(&mut Sent), &'static str, &'static str);

/// Step, way, and answer: status and code, and a part of its message.
const WAYS: &[Way] = &[
    (
        1,
        |sent| sent.set("origin", "https://evil.example.com"),
        "403 -32600",
        "evil.example.com",
    ),
    (1, |sent| sent.set("origin", "null"), "403 -32600", "null"),
    (
        3,
        |sent| sent.method = Method::PUT,
        "405 -32600",
        "the method PUT is not supported",
    ),
    (
        4,
        |sent| sent.set("content-type", "text/plain"),
        "415 -32600",
        "text/plain",
    ),
    (
        4,
        |sent| sent.text = Some("x".repeat(MAX_BODY + 1)),
        "413 -32600",
        "6291456 bytes",
    ),
    (
        5,
        |sent| sent.text = Some("{".to_owned()),
        "400 -32700",
        "not JSON",
    ),
    (
        6,
        |sent| sent.body["id"] = Value::Null,
        "400 -32600",
        "`id`",
    ),
    (
        7,
        |sent| *sent.meta() = json!({ VERSION: "2030-01-01" }),
        "400 -32602",
        CAPABILITIES,
    ),
    (
        8,
        |sent| {
            sent.headers
                .retain(|(name, _)| *name != "mcp-protocol-version")
        },
        "400 -32020",
        "MCP-Protocol-Version",
    ),
    (
        9,
        |sent| {
            sent.meta()[VERSION] = json!("2030-01-01");
            sent.set("mcp-protocol-version", "2030-01-01");
        },
        "400 -32022",
        "2030-01-01",
    ),
    (
        10,
        |sent| sent.set("mcp-method", "tools/list"),
        "400 -32020",
        "Mcp-Method",
    ),
    (
        11,
        |sent| sent.set("mcp-name", "look"),
        "400 -32020",
        "Mcp-Name",
    ),
    (
        12,
        |sent| {
            sent.body["method"] = json!("prompts/get");
            sent.set("mcp-method", "prompts/get");
        },
        "404 -32601",
        "prompts/get",
    ),
    (
        13,
        |sent| sent.meta()[LOG_LEVEL] = json!("loud"),
        "400 -32602",
        LOG_LEVEL,
    ),
    (
        14,
        |sent| sent.body["params"]["arguments"] = json!([]),
        "200 -32602",
        "`params.arguments`",
    ),
    (
        15,
        |sent| {
            sent.body["params"]["name"] = json!("cook");
            sent.set("mcp-name", "cook");
        },
        "200 -32602",
        "unknown tool: cook",
    ),
    (
        16,
        |sent| sent.set("mcp-param-region", "us"),
        "400 -32020",
        "Mcp-Param-Region",
    ),
    (
        17,
        |sent| sent.meta()[CAPABILITIES] = json!({}),
        "400 -32021",
        "elicitation",
    ),
    (
        18,
        |sent| sent.body["params"]["arguments"]["days"] = json!(0),
        "200",
        "Invalid arguments for tool book: /days",
    ),
];

/// Returns status and code of an answer, and the message of its error, or of a result that is one.
fn told(answered: &Answered) -> (String, String) {
    let body = answered.json();
    let words = match body.pointer("/result/content/0/text") {
        Some(text) => {
            assert_eq!(body["result"]["isError"], true);
            text
        }
        None => &body["error"]["message"],
    };
    let words = words.as_str().expect("words").to_owned();
    (answered.outcome(), words)
}

#[test]
fn the_earliest_failure_wins() {
    let server = server();
    for (step, breaks, outcome, words) in WAYS {
        let mut sent = Sent::good();
        for later in (step + 1..=18).rev() {
            if let Some((_, breaks, ..)) = WAYS.iter().find(|(known, ..)| *known == later) {
                breaks(&mut sent);
            }
        }
        breaks(&mut sent);
        let answered = sent.answered(&server);
        let (seen, said) = told(&answered);
        assert_eq!(seen, *outcome, "step {step}: {said}");
        assert!(said.contains(words), "step {step}: {said}");
        // From here on the message has the request id.
        let id = answered.json().get("id").cloned();
        assert_eq!(id, (*step > 6).then(|| json!(1)), "step {step}");
    }
}

#[test]
fn one_broken_step_alone_is_found_as_well() {
    let server = server();
    let good = told(&Sent::good().answered(&server));
    assert!(good.1.contains("failed unexpectedly"), "{good:?}");
    for (step, breaks, outcome, words) in WAYS {
        let mut sent = Sent::good();
        breaks(&mut sent);
        let (seen, said) = told(&sent.answered(&server));
        assert_eq!(seen, *outcome, "step {step}: {said}");
        assert!(said.contains(words), "step {step}: {said}");
    }
}
