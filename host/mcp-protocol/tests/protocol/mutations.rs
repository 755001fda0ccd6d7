//! Damaged messages by the thousand, the same ones in every run. Each must have a valid outcome.

use mcp_protocol::{Answer, ClientRequest, Headers, Id, Revision, Route, route, route_stdio};
use serde_json::{Value, json};

use crate::post::{VERSION, judge, judge_line, modern, request};

const ROUNDS: usize = 20_000;

/// Marsaglia's xorshift64: random enough for a test, and always the same.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Returns a number below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("it is below a usize")
    }

    fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

/// Scraps that a damaged message may contain.
const SCRAPS: [&str; 24] = [
    "null",
    "true",
    "1e999",
    "-0",
    "1.0",
    "18446744073709551616",
    r#""\ud800""#,
    r#""\u0000""#,
    "{}",
    "[]",
    "[[[[[[[[",
    "{\"a\":",
    ",",
    ":",
    "\"",
    "\\",
    "}",
    "]",
    r#""id":"#,
    r#""method":"tools/call""#,
    r#""_meta":{}"#,
    r#""io.modelcontextprotocol/protocolVersion":"2025-11-25""#,
    "\u{fffd}",
    "\n",
];

const VERSIONS: [Option<&str>; 8] = [
    None,
    Some("2024-11-05"),
    Some("2025-03-26"),
    Some("2025-06-18"),
    Some("2025-11-25"),
    Some("2026-07-28"),
    Some("2030-01-01"),
    Some(""),
];

const METHODS: [Option<&str>; 4] = [None, Some("tools/list"), Some("tools/call"), Some("x")];

const NAMES: [Option<&str>; 5] = [
    None,
    Some("greet"),
    Some("=?base64?Z3JlZXQ=?="),
    Some("=?base64?Z?="),
    Some("\u{fffd}"),
];

fn messages() -> Vec<String> {
    let mut call = modern();
    call["name"] = json!("greet");
    call["arguments"] =
        json!({ "name": "World", "list": [1, 2.5, "x", null, true, { "deep": [] }] });
    [
        request("server/discover", modern()),
        request("tools/list", modern()),
        request("tools/call", call),
        request("prompts/get", modern()),
        request("ping", json!({})),
        request("tools/list", json!({ "cursor": "x" })),
        request("tools/call", json!({ "name": "greet", "arguments": {}, "_meta": { "progressToken": 1 } })),
        request("initialize", json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "x", "version": "1" } })),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "id": "a", "result": {} }),
        json!([request("ping", json!({})), request("tools/list", json!({}))]),
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } }),
    ]
    .iter()
    .map(Value::to_string)
    .collect()
}

fn damaged(chance: &mut Chance, messages: &[String]) -> Vec<u8> {
    if chance.below(20) == 0 {
        let length = chance.below(64);
        return (0..length).map(|_| chance.next() as u8).collect();
    }
    let mut bytes = chance.of(messages).clone().into_bytes();
    for _ in 0..chance.below(4) {
        let at = chance.below(bytes.len() + 1);
        let end = (at + chance.below(24)).min(bytes.len());
        match chance.below(6) {
            0 => drop(bytes.drain(at..end)),
            1 => bytes.truncate(at),
            2 => {
                let piece = bytes[at..end].to_vec();
                let to = chance.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            3 => {
                bytes.splice(at..at, chance.of(&SCRAPS).bytes());
            }
            4 => replace_value(chance, &mut bytes),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << chance.below(8);
                }
            }
        }
    }
    bytes
}

/// Puts a scrap in the place of a value, so that the message often stays JSON.
fn replace_value(chance: &mut Chance, bytes: &mut Vec<u8>) {
    let colons: Vec<_> = (0..bytes.len()).filter(|&at| bytes[at] == b':').collect();
    if colons.is_empty() {
        return;
    }
    let start = chance.of(&colons) + 1;
    let length = bytes[start..]
        .iter()
        .position(|byte| b",}]".contains(byte))
        .unwrap_or_default();
    bytes.splice(start..start + length, chance.of(&SCRAPS).bytes());
}

/// The outcomes of the messages.
#[derive(Default)]
struct Seen {
    refused: usize,
    accepted: usize,
    requests: usize,
    batches: usize,
}

impl Seen {
    fn look(&mut self, route: &Route<'_>, sent: Option<&Value>, context: &str) {
        match route {
            Route::Reply(answer) | Route::ReplyIfSessionAlive { answer, .. }
                if answer.body.is_none() =>
            {
                assert_eq!(answer.status, 202, "{context}");
                self.accepted += 1;
            }
            Route::Reply(answer) | Route::ReplyIfSessionAlive { answer, .. } => {
                is_an_error(answer, sent, context);
                self.refused += 1;
            }
            Route::Cancel { .. } => self.accepted += 1,
            Route::Batch(batch) => {
                let sent = sent.and_then(Value::as_array);
                for (position, route) in batch.routes.iter().enumerate() {
                    assert!(!matches!(route, Route::Batch(_)), "{context}");
                    self.look(route, sent.map(|sent| &sent[position]), context);
                }
                self.batches += 1;
            }
            Route::Request(request) => {
                is_sound(request, context);
                let claims = sent
                    .and_then(|body| body["params"]["_meta"].as_object())
                    .is_some_and(|meta| meta.contains_key(VERSION));
                if claims && !matches!(request.method, ClientRequest::Initialize { .. }) {
                    assert_eq!(request.revision, Some(Revision::MODERN), "{context}");
                }
                self.requests += 1;
            }
        }
    }
}

#[test]
fn every_input_is_refused_accepted_or_a_request() {
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    let messages = messages();
    let mut seen = Seen::default();
    for round in 0..ROUNDS {
        let body = damaged(&mut chance, &messages);
        let headers = Headers {
            protocol_version: *chance.of(&VERSIONS),
            method: *chance.of(&METHODS),
            name: *chance.of(&NAMES),
        };
        let context = format!(
            "round {round}, {headers:?}, body: {}",
            String::from_utf8_lossy(&body)
        );
        let parsed: Option<Value> = serde_json::from_slice(&body).ok();
        let over_http = route(headers, &body);
        seen.look(&over_http, parsed.as_ref(), &context);
        if let Route::Reply(answer) | Route::ReplyIfSessionAlive { answer, .. } = &over_http {
            judge(headers, &body, answer);
        }
        let over_stdio = route_stdio(&body);
        seen.look(&over_stdio, parsed.as_ref(), &context);
        if let Route::Reply(answer) | Route::ReplyIfSessionAlive { answer, .. } = &over_stdio {
            judge_line(&body, answer);
        }
    }
    // The damage leaves some messages of every kind.
    for (what, count) in [
        ("refused", seen.refused),
        ("accepted", seen.accepted),
        ("requests", seen.requests),
        ("batches", seen.batches),
    ] {
        assert!(count > ROUNDS / 50, "{what}: {count} of {ROUNDS}");
    }
}

fn is_an_error(answer: &Answer, sent: Option<&Value>, context: &str) {
    let body = answer.body.as_deref().expect("an error has a body");
    let body: Value = serde_json::from_slice(body).expect("an answer is JSON");
    assert_eq!(body["jsonrpc"], "2.0", "{context}");
    let code = body["error"]["code"].as_i64();
    assert!(
        code.is_some_and(|code| [-32700, -32600, -32601, -32602, -32020, -32022].contains(&code)),
        "{code:?}: {context}"
    );
    assert!(body["error"]["message"].is_string(), "{context}");
    assert!(
        [200, 400, 404].contains(&answer.status),
        "{}: {context}",
        answer.status
    );
    match body.get("id") {
        None => {}
        Some(id @ (Value::String(_) | Value::Number(_))) => {
            if let Some(sent) = sent {
                assert_eq!(sent.get("id"), Some(id), "{context}");
            }
        }
        Some(id) => panic!("the id is {id}: {context}"),
    }
    // From step 7 on the id was parsed, and is repeated.
    if code.is_some_and(|code| code != -32700 && code != -32600) {
        assert!(body.get("id").is_some(), "{context}");
    }
}

fn is_sound(request: &mcp_protocol::Request<'_>, context: &str) {
    if let Id::Number(number) = &request.id {
        assert!(!number.is_f64(), "{context}");
    }
    match &request.method {
        ClientRequest::CallTool {
            arguments: Some(arguments),
            ..
        } => {
            assert!(arguments.get().starts_with('{'), "{context}");
        }
        ClientRequest::Initialize { negotiated, .. } => {
            assert!(!negotiated.is_modern(), "{context}")
        }
        _ => {}
    }
}
