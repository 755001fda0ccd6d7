//! The order of the checks of a modern request: requirements, section 2, steps 5 to 14. (Step 15, whether the tool
//! exists, is the host's.)
//!
//! Every row breaks one step in its way and every later step in that step's first way, and expects the answer of the
//! one step.

use mcp_protocol::Headers;
use serde_json::{Value, json};

use crate::post::{CAPABILITIES, LOG_LEVEL, VERSION, modern, seen};

/// A valid `tools/call`, to be broken.
struct Sent {
    version: Option<&'static str>,
    method: Option<&'static str>,
    name: Option<&'static str>,
    body: Value,
    /// A replacement for `body`.
    bytes: Option<&'static [u8]>,
}

impl Sent {
    fn good() -> Self {
        let mut params = modern();
        params["name"] = json!("greet");
        params["arguments"] = json!({ "name": "World" });
        Self {
            version: Some("2026-07-28"),
            method: Some("tools/call"),
            name: Some("greet"),
            body: json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params }),
            bytes: None,
        }
    }

    fn params(&mut self) -> &mut Value {
        &mut self.body["params"]
    }

    fn meta(&mut self) -> &mut Value {
        &mut self.params()["_meta"]
    }

    fn remove(&mut self, member: &str) {
        self.body
            .as_object_mut()
            .expect("the body is an object")
            .remove(member);
    }

    fn name_method(&mut self, method: &'static str) {
        self.body["method"] = json!(method);
        self.method = Some(method);
    }

    fn name_version(&mut self, version: &'static str) {
        self.meta()[VERSION] = json!(version);
        self.version = Some(version);
    }

    fn outcome(&self) -> String {
        let headers = Headers {
            protocol_version: self.version,
            method: self.method,
            name: self.name,
        };
        let body = self.body.to_string();
        seen(headers, self.bytes.unwrap_or(body.as_bytes()))
    }
}

type Way = (u32, &'static str, fn(&mut Sent), &'static str);

/// Step, broken part, way, and answer.
const WAYS: &[Way] = &[
    (
        5,
        "truncated",
        |sent| sent.bytes = Some(br#"{"jsonrpc":"2.0","id":7,"#),
        "400 -32700",
    ),
    (5, "empty", |sent| sent.bytes = Some(b""), "400 -32700"),
    (5, "blank", |sent| sent.bytes = Some(b" \n"), "400 -32700"),
    (
        5,
        "a word",
        |sent| sent.bytes = Some(b"hello"),
        "400 -32700",
    ),
    (
        5,
        "two messages",
        |sent| sent.bytes = Some(b"{} {}"),
        "400 -32700",
    ),
    (
        5,
        "an unfinished batch",
        |sent| sent.bytes = Some(b"[{}"),
        "400 -32700",
    ),
    (
        5,
        "a byte order mark",
        |sent| sent.bytes = Some(b"\xef\xbb\xbf{}"),
        "400 -32700",
    ),
    (
        5,
        "not UTF-8",
        |sent| {
            sent.bytes = Some(b"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\",\"x\":\"\xff\"}")
        },
        "400 -32700",
    ),
    (
        6,
        "id null",
        |sent| sent.body["id"] = Value::Null,
        "400 -32600",
    ),
    (
        6,
        "id a fraction",
        |sent| sent.body["id"] = json!(1.5),
        "400 -32600",
    ),
    (
        6,
        "id an array",
        |sent| sent.body["id"] = json!([7]),
        "400 -32600",
    ),
    (
        6,
        "no jsonrpc",
        |sent| sent.remove("jsonrpc"),
        "400 -32600 id 7",
    ),
    (
        6,
        "another jsonrpc",
        |sent| sent.body["jsonrpc"] = json!("1.0"),
        "400 -32600 id 7",
    ),
    (
        6,
        "jsonrpc a number",
        |sent| sent.body["jsonrpc"] = json!(2.0),
        "400 -32600 id 7",
    ),
    (
        6,
        "no method",
        |sent| sent.remove("method"),
        "400 -32600 id 7",
    ),
    (
        6,
        "method a number",
        |sent| sent.body["method"] = json!(1),
        "400 -32600 id 7",
    ),
    (
        6,
        "method null",
        |sent| sent.body["method"] = Value::Null,
        "400 -32600 id 7",
    ),
    (
        6,
        "a batch",
        |sent| sent.body = json!([sent.body]),
        "400 -32600",
    ),
    (
        6,
        "a string",
        |sent| sent.body = json!("tools/call"),
        "400 -32600",
    ),
    (6, "null", |sent| sent.body = Value::Null, "400 -32600"),
    (
        6,
        "an empty object",
        |sent| sent.body = json!({}),
        "400 -32600",
    ),
    (
        6,
        "one member twice",
        |sent| sent.bytes = Some(br#"{"jsonrpc":"2.0","id":7,"id":8,"method":"ping"}"#),
        "400 -32600",
    ),
    (
        7,
        "no capabilities",
        |sent| *sent.meta() = json!({ VERSION: "2030-01-01" }),
        "400 -32602 id 7",
    ),
    (
        7,
        "capabilities an array",
        |sent| sent.meta()[CAPABILITIES] = json!([]),
        "400 -32602 id 7",
    ),
    (
        7,
        "capabilities null",
        |sent| sent.meta()[CAPABILITIES] = Value::Null,
        "400 -32602 id 7",
    ),
    (
        7,
        "no version",
        |sent| *sent.meta() = json!({ CAPABILITIES: {} }),
        "400 -32602 id 7",
    ),
    (
        7,
        "version a number",
        |sent| sent.meta()[VERSION] = json!(1),
        "400 -32602 id 7",
    ),
    (
        7,
        "no meta",
        |sent| *sent.meta() = Value::Null,
        "400 -32602 id 7",
    ),
    (
        7,
        "meta a string",
        |sent| *sent.meta() = json!("2026-07-28"),
        "400 -32602 id 7",
    ),
    (
        7,
        "meta an array",
        |sent| *sent.meta() = json!(["2026-07-28", {}]),
        "400 -32602 id 7",
    ),
    (
        7,
        "no params",
        |sent| sent.remove("params"),
        "400 -32602 id 7",
    ),
    (
        7,
        "params an array",
        |sent| *sent.params() = json!([modern()["_meta"]]),
        "400 -32602 id 7",
    ),
    (
        8,
        "another version header",
        |sent| sent.version = Some("2026-07-28"),
        "400 -32020 id 7",
    ),
    (
        8,
        "no version header",
        |sent| sent.version = None,
        "400 -32020 id 7",
    ),
    (
        8,
        "a legacy version header",
        |sent| sent.version = Some("2025-11-25"),
        "400 -32020 id 7",
    ),
    (
        8,
        "an empty version header",
        |sent| sent.version = Some(""),
        "400 -32020 id 7",
    ),
    (
        9,
        "an unknown version",
        |sent| sent.name_version("2030-01-01"),
        "400 -32022 id 7",
    ),
    (
        9,
        "a legacy version",
        |sent| sent.name_version("2025-11-25"),
        "400 -32022 id 7",
    ),
    (
        9,
        "an empty version",
        |sent| sent.name_version(""),
        "400 -32022 id 7",
    ),
    (
        10,
        "another method header",
        |sent| sent.method = Some("tools/list"),
        "400 -32020 id 7",
    ),
    (
        10,
        "no method header",
        |sent| sent.method = None,
        "400 -32020 id 7",
    ),
    (
        10,
        "a method header in other case",
        |sent| sent.method = Some("Prompts/Get"),
        "400 -32020 id 7",
    ),
    (
        11,
        "another name header",
        |sent| sent.name = Some("greed"),
        "400 -32020 id 7",
    ),
    (
        11,
        "no name header",
        |sent| sent.name = None,
        "400 -32020 id 7",
    ),
    (
        11,
        "a name header in other case",
        |sent| sent.name = Some("Greet"),
        "400 -32020 id 7",
    ),
    (
        11,
        "a name header that is not base64",
        |sent| sent.name = Some("=?base64?!?="),
        "400 -32020 id 7",
    ),
    (
        12,
        "prompts/get",
        |sent| sent.name_method("prompts/get"),
        "404 -32601 id 7",
    ),
    (
        12,
        "ping",
        |sent| sent.name_method("ping"),
        "404 -32601 id 7",
    ),
    (
        12,
        "a method in other case",
        |sent| sent.name_method("Tools/Call"),
        "404 -32601 id 7",
    ),
    (
        13,
        "an unknown log level",
        |sent| sent.meta()[LOG_LEVEL] = json!("loud"),
        "400 -32602 id 7",
    ),
    (
        13,
        "a log level that is a number",
        |sent| sent.meta()[LOG_LEVEL] = json!(1),
        "400 -32602 id 7",
    ),
    (
        13,
        "a log level in other case",
        |sent| sent.meta()[LOG_LEVEL] = json!("Debug"),
        "400 -32602 id 7",
    ),
    (
        14,
        "arguments an array",
        |sent| sent.params()["arguments"] = json!([]),
        "200 -32602 id 7",
    ),
    (
        14,
        "arguments a string",
        |sent| sent.params()["arguments"] = json!("{}"),
        "200 -32602 id 7",
    ),
    (
        14,
        "no name",
        |sent| sent.params()["name"] = Value::Null,
        "200 -32602 id 7",
    ),
    (
        14,
        "name a number",
        |sent| sent.params()["name"] = json!(1),
        "200 -32602 id 7",
    ),
];

#[test]
fn the_good_message_passes() {
    assert_eq!(
        Sent::good().outcome(),
        r#"2026-07-28 tools/call greet {"name":"World"} id 7"#
    );
}

#[test]
fn the_earliest_failure_wins() {
    for &(step, what, breaks, expected) in WAYS {
        let mut sent = Sent::good();
        for later in (step + 1..=14).rev() {
            let (.., breaks, _) = WAYS
                .iter()
                .find(|(step, ..)| *step == later)
                .expect("every step can be broken");
            breaks(&mut sent);
        }
        breaks(&mut sent);
        assert_eq!(
            sent.outcome(),
            expected,
            "step {step}, {what}; body: {}, headers: {:?} {:?} {:?}",
            sent.body,
            sent.version,
            sent.method,
            sent.name
        );
    }
}

#[test]
fn one_broken_step_alone_is_found_as_well() {
    for &(step, what, breaks, expected) in WAYS {
        if what == "another version header" {
            // It differs only beside a `_meta` that names another version.
            continue;
        }
        let mut sent = Sent::good();
        breaks(&mut sent);
        assert_eq!(sent.outcome(), expected, "step {step}, {what}");
    }
}

#[test]
fn every_log_level_passes() {
    for level in [
        "debug",
        "info",
        "notice",
        "warning",
        "error",
        "critical",
        "alert",
        "emergency",
    ] {
        let mut sent = Sent::good();
        sent.meta()[LOG_LEVEL] = json!(level);
        assert!(
            sent.outcome().starts_with("2026-07-28 tools/call"),
            "level: {level}"
        );
    }
}
