//! Bytes, JSON and damaged messages by the hundred thousand, the same ones in every run.
//!
//! There must be no panic, no call that never ends, and always a valid answer or an accepted message: the judge in
//! `Server::answer` decides. `PROPTEST_CASES=10000000` tries more of them.

use std::{cell::RefCell, collections::BTreeMap, env, fmt, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};
use serde_json::{Value, json};

use crate::{
    plugin::Caller,
    server::{
        record::RequestRecord,
        request::{Exposure, IncomingRequest},
        tests::server::Server,
    },
};

/// The number of cases if `PROPTEST_CASES` is not set.
const CASES: u32 = 100_000;

/// The time limit for one answer.
const NEVER: Duration = Duration::from_secs(60);

/// A request with any content.
#[derive(Clone)]
struct Sent {
    method: Method,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.method)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {}", value.escape_ascii())?;
        }
        write!(f, "{}", self.body.escape_ascii())
    }
}

#[test]
fn every_input_is_answered_or_accepted() {
    let server = Server::start(&[("MCP_LIST_PAGE_SIZE", "2")]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let session = runtime.block_on(server.session(json!({ "protocolVersion": "2025-03-26" })));
    let cases = env::var("PROPTEST_CASES").ok();
    let cases = cases.and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let config = Config {
        cases,
        // The default strategy would take most of the time.
        rng_algorithm: RngAlgorithm::XorShift,
        failure_persistence: None,
        ..Config::default()
    };
    let seen = RefCell::new(BTreeMap::<String, u32>::new());
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    let outcome = TestRunner::new_with_rng(config, rng).run(&anything(session), |sent| {
        let mut headers = HeaderMap::new();
        for (name, value) in &sent.headers {
            // A value that no header can have does not reach the host.
            if let Ok(value) = HeaderValue::from_bytes(value) {
                headers.append(HeaderName::from_static(name), value);
            }
        }
        let incoming = IncomingRequest {
            method: sent.method.clone(),
            path: "/mcp",
            headers: &headers,
            body: &sent.body,
            exposure: Exposure::Network,
            caller: Caller::default(),
            request_id: "request-1",
            deadline: None,
            gateway_timeout: None,
            notifications: None,
            record: RequestRecord::default(),
            response_limit: None,
        };
        let answered = runtime
            .block_on(async { tokio::time::timeout(NEVER, server.answer_to(&incoming)).await });
        let answered = answered.map_err(|_| TestCaseError::fail("there is no answer"))?;
        let kind = answered.header("content-type").unwrap_or("nothing");
        let what = format!("{} {kind}", answered.status());
        *seen.borrow_mut().entry(what).or_default() += 1;
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    // There are some of every kind.
    let seen = seen.into_inner();
    for what in [
        "200 application/json",
        "200 text/event-stream",
        "202 nothing",
        "204 nothing",
        "400 application/json",
        "404 application/json",
        "405 application/json",
        "415 application/json",
    ] {
        let count = seen.get(what).copied().unwrap_or_default();
        assert!(
            count > cases / 2000,
            "{what}: {count} of {cases}\n{seen:#?}"
        );
    }
}

fn anything(session: String) -> impl Strategy<Value = Sent> {
    let message = prop_oneof![
        1 => vec(any::<u8>(), 0..200).prop_map(|body| (Vec::new(), body)),
        1 => value().prop_map(|body| (Vec::new(), body.to_string().into_bytes())),
        8 => changed(),
    ];
    let method = prop_oneof![
        40 => Just(Method::POST),
        1 => Just(Method::GET),
        1 => Just(Method::DELETE),
        1 => Just(Method::OPTIONS),
        1 => Just(Method::PUT),
    ];
    (method, message, headers(session)).prop_map(|(method, (owed, body), others)| Sent {
        method,
        headers: owed.into_iter().chain(others).collect(),
        body,
    })
}

/// Headers that no message requires.
fn headers(session: String) -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let sessions = vec![
        session,
        "5c2f8c4e-6f7e-4c39-9d0e-0b8f2f6f0c11".to_owned(),
        "x".to_owned(),
        String::new(),
    ];
    let versions = [
        "2024-11-05",
        "2025-03-26",
        "2025-06-18",
        "2025-11-25",
        "2026-07-28",
        "2030-01-01",
        "",
    ];
    let some = |name: &'static str, values: Vec<String>| {
        let value = prop_oneof![
            9 => select(values).prop_map(String::into_bytes),
            1 => vec(any::<u8>(), 0..20),
        ];
        option::weighted(0.2, value.prop_map(move |value| (name, value)))
    };
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    (
        some("mcp-session-id", sessions),
        some("mcp-protocol-version", texts(&versions)),
        some(
            "accept",
            texts(&["application/json", "text/event-stream", "*/*;q=0", "x"]),
        ),
        some(
            "content-type",
            texts(&[
                "application/json; charset=utf-8",
                "application/json",
                "text/plain",
            ]),
        ),
        some("mcp-param-region", texts(&["eu", "=?base64?ZXU=?="])),
        some(
            "mcp-name",
            texts(&["ask", "=?base64?YXNr?=", "=?base64?!?="]),
        ),
        some("mcp-method", texts(&["tools/call", "tools/list"])),
    )
        .prop_map(|(a, b, c, d, e, f, g)| [a, b, c, d, e, f, g].into_iter().flatten().collect())
}

/// A valid message with some changed values and then some changed bytes, and the headers that it required before.
fn changed() -> impl Strategy<Value = (Vec<(&'static str, Vec<u8>)>, Vec<u8>)> {
    let values = vec((any::<Index>(), value()), 0..3);
    let bytes = prop_oneof![
        2 => Just(Vec::new()),
        1 => vec((any::<Index>(), 0..6_u8, any::<Index>(), select(&SCRAPS)), 1..4),
    ];
    (select(messages()), values, bytes).prop_map(|(mut message, values, bytes)| {
        let owed = owed(&message);
        for (index, value) in values {
            let mut places = Vec::new();
            pointers(&message, String::new(), &mut places);
            let place = index.get(&places);
            *message
                .pointer_mut(place)
                .expect("it points into the message") = value;
        }
        let mut body = message.to_string().into_bytes();
        for (at, kind, length, scrap) in bytes {
            damage(&mut body, at, kind, length, scrap);
        }
        (owed, body)
    })
}

/// Scraps that often leave a body JSON.
const SCRAPS: [&str; 16] = [
    "null",
    "1e999",
    "-0.0",
    "18446744073709551616",
    r#""\ud800""#,
    r#""\u0000""#,
    "[[[[[[[[[[[[[[[[[[[[",
    r#"{"a":"#,
    ",",
    ":",
    "\"",
    "\\",
    "}",
    r#","id":2"#,
    r#","name":"ask""#,
    "\n",
];

fn damage(body: &mut Vec<u8>, at: Index, kind: u8, length: Index, scrap: &str) {
    let at = at.index(body.len() + 1);
    let end = (at + length.index(24)).min(body.len());
    match kind {
        0 => drop(body.drain(at..end)),
        1 => body.truncate(at),
        2 => {
            let piece = body[at..end].to_vec();
            body.splice(end..end, piece);
        }
        3 | 4 => drop(body.splice(at..at, scrap.bytes())),
        _ => {
            if let Some(byte) = body.get_mut(at) {
                *byte ^= 1 << length.index(8);
            }
        }
    }
}

/// Returns the places of all parts of a value.
fn pointers(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                pointers(member, format!("{place}/{name}"), places);
            }
        }
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                pointers(item, format!("{place}/{position}"), places);
            }
        }
        _ => {}
    }
    places.push(place);
}

/// Returns the headers that a modern message requires.
fn owed(message: &Value) -> Vec<(&'static str, Vec<u8>)> {
    let mut headers = Vec::new();
    if message["params"]["_meta"].get(VERSION).is_some() {
        headers.push(("mcp-protocol-version", b"2026-07-28".to_vec()));
        for (header, member) in [
            ("mcp-method", &message["method"]),
            ("mcp-name", &message["params"]["name"]),
        ] {
            if let Some(text) = member.as_str() {
                headers.push((header, text.as_bytes().to_vec()));
            }
        }
    }
    headers
}

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// Returns a call with a tool that asks for a form, with the members of a repeated call.
fn asking(retry: Value) -> Value {
    let schema = json!({ "type": "object", "properties": { "x": { "type": "string" } } });
    let form = json!({ "message": "?", "requestedSchema": schema });
    let questions = json!({ "a": { "method": "elicitation/create", "params": form } });
    let mut params =
        json!({ "name": "ask", "arguments": { "ops": [[6, { "requests": questions }]] } });
    for (member, value) in retry.as_object().into_iter().flatten() {
        params[member] = value.clone();
    }
    params
}

/// Returns valid messages of both eras.
fn messages() -> Vec<Value> {
    let call = |tool: &str, arguments: Value| json!({ "name": tool, "arguments": arguments });
    let talk = json!({ "ops": [[2, { "progress": 1 }], [4, { "level": "error", "data": 1 }]] });
    let asked = [
        ("tools/list", json!({})),
        ("tools/list", json!({ "cursor": "after:fail" })),
        ("tools/call", call("ask", talk)),
        ("tools/call", call("needy", json!({}))),
        (
            "tools/call",
            call("fail", json!({ "kind": "protocol", "code": 42 })),
        ),
        (
            "tools/call",
            call(
                "reply",
                json!({ "structuredContent": { "x": 1 }, "_meta": { "y": 2 } }),
            ),
        ),
        (
            "tools/call",
            call("typed", json!({ "structuredContent": { "celsius": 1 } })),
        ),
        (
            "tools/call",
            call("counted", json!({ "structuredContent": [1, 2] })),
        ),
        ("tools/call", asking(json!({}))),
        (
            "tools/call",
            asking(
                json!({ "inputResponses": { "a": { "action": "accept", "content": { "x": "y" } } } }),
            ),
        ),
        (
            "tools/call",
            asking(json!({ "inputResponses": { "a": 1 }, "requestState": "AAAA" })),
        ),
        ("prompts/get", json!({ "name": "x" })),
        ("ping", json!({})),
        ("logging/setLevel", json!({ "level": "debug" })),
    ];
    let request = |method: &str, params: Value| json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let mut messages = vec![
        request(
            "initialize",
            json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "x", "version": "1" } }),
        ),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } }),
        json!({ "jsonrpc": "2.0", "id": "a", "result": {} }),
    ];
    for (method, params) in asked.into_iter().chain([("server/discover", json!({}))]) {
        let mut legacy = request(method, params);
        legacy["params"]["_meta"] = json!({ "progressToken": "t" });
        let mut modern = legacy.clone();
        for (key, value) in [
            (VERSION, json!("2026-07-28")),
            (
                "io.modelcontextprotocol/clientCapabilities",
                json!({ "elicitation": {}, "roots": {} }),
            ),
            ("io.modelcontextprotocol/logLevel", json!("info")),
        ] {
            modern["params"]["_meta"][key] = value;
        }
        messages.extend([legacy, modern]);
    }
    for (id, message) in messages.iter_mut().enumerate() {
        if message.get("id").is_some() {
            message["id"] = json!(id);
        }
    }
    let batch = json!([messages[1], messages[4], messages[8], messages[12]]);
    messages.push(batch);
    messages
}

/// Generates any JSON, with known names now and then.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text(8).prop_map(Value::from),
        select(&NAMES).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let name = prop_oneof![select(&NAMES).prop_map(str::to_owned), text(4)];
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((name, inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn text(length: usize) -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..length).prop_map(String::from_iter)
}

/// Names and texts of the protocol.
const NAMES: [&str; 20] = [
    "jsonrpc",
    "2.0",
    "id",
    "method",
    "params",
    "result",
    "error",
    "_meta",
    VERSION,
    "2026-07-28",
    "2025-03-26",
    "name",
    "arguments",
    "cursor",
    "tools/call",
    "tools/list",
    "initialize",
    "ask",
    "typed",
    "",
];
