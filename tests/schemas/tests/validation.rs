//! The validator refuses invalid answers: one that does not would prove nothing.

use std::panic::catch_unwind;

use schemas::{Exchange, MODERN, REVISIONS, assert_valid, validate_line, validate_notification};
use serde_json::{Value, json};

const SERVER: &str = "io.modelcontextprotocol/serverInfo";

fn request(method: &str, modern: bool) -> Value {
    let mut request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": {} });
    if modern {
        request["params"]["_meta"] = json!({ "io.modelcontextprotocol/protocolVersion": MODERN });
    }
    request
}

fn success(result: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "result": result })
}

fn error(code: i64, id: Option<Value>) -> Value {
    let mut error = json!({ "jsonrpc": "2.0", "error": { "code": code, "message": "words" } });
    if let Some(id) = id {
        error["id"] = id;
    }
    error
}

fn list() -> Value {
    json!({ "tools": [{ "name": "x", "inputSchema": { "type": "object" } }] })
}

fn modern_list() -> Value {
    let mut list = list();
    list["resultType"] = json!("complete");
    list["ttlMs"] = json!(0);
    list["cacheScope"] = json!("public");
    list["_meta"] = json!({ SERVER: { "name": "s", "version": "1" } });
    list
}

/// Reports whether the validator accepts this exchange.
fn passes(
    sent: &str,
    version: Option<&str>,
    status: u16,
    kind: Option<&str>,
    answer: &str,
) -> bool {
    let exchange = Exchange {
        method: "POST",
        protocol_version: version,
        body: sent.as_bytes(),
        status,
        content_type: kind,
        answer: answer.as_bytes(),
        ..Exchange::default()
    };
    catch_unwind(|| exchange.validate()).is_ok()
}

fn without(mut value: Value, member: &str) -> Value {
    value.as_object_mut().expect("an object").remove(member);
    value
}

#[test]
fn json_answers_are_validated_by_their_request() {
    let id = || Some(json!(1));
    let modern = |method: &str| request(method, true).to_string();
    let legacy = |method: &str| request(method, false).to_string();
    for (sent, version, status, answer, good) in [
        (
            modern("tools/list"),
            Some(MODERN),
            200,
            success(modern_list()),
            true,
        ),
        (
            modern("tools/list"),
            Some(MODERN),
            200,
            success(list()),
            false,
        ),
        (
            modern("tools/list"),
            Some(MODERN),
            200,
            success(without(modern_list(), "ttlMs")),
            false,
        ),
        (
            modern("tools/list"),
            Some(MODERN),
            200,
            success(without(modern_list(), "resultType")),
            false,
        ),
        (
            modern("tools/list"),
            Some(MODERN),
            200,
            success(without(modern_list(), "_meta")),
            false,
        ),
        (
            modern("tools/list"),
            Some(MODERN),
            201,
            success(modern_list()),
            false,
        ),
        (
            modern("tools/call"),
            Some(MODERN),
            200,
            success(modern_list()),
            false,
        ),
        (legacy("tools/list"), None, 200, success(list()), true),
        (
            legacy("tools/list"),
            Some("2025-11-25"),
            200,
            success(list()),
            true,
        ),
        (
            legacy("tools/list"),
            Some("2025-11-25"),
            200,
            success(modern_list()),
            false,
        ),
        (
            legacy("tools/list"),
            None,
            200,
            without(success(list()), "id"),
            false,
        ),
        (
            legacy("tools/list"),
            None,
            200,
            without(success(list()), "jsonrpc"),
            false,
        ),
        (
            legacy("tools/list"),
            None,
            200,
            success(json!({ "tools": [{ "name": "x" }] })),
            false,
        ),
        (legacy("smell"), None, 200, success(json!({})), false),
        (legacy("ping"), None, 200, success(json!({})), true),
        (
            legacy("initialize"),
            None,
            200,
            success(json!({ "protocolVersion": "2025-06-18" })),
            false,
        ),
        ("{}".to_owned(), None, 200, success(json!({})), false),
        // Errors: their ids, codes and statuses.
        (modern("x"), Some(MODERN), 404, error(-32601, id()), true),
        (modern("x"), Some(MODERN), 200, error(-32601, id()), false),
        (modern("x"), Some(MODERN), 404, error(-32601, None), false),
        (
            modern("x"),
            Some(MODERN),
            404,
            error(-32601, Some(json!("1"))),
            false,
        ),
        (
            modern("x"),
            Some(MODERN),
            404,
            error(-32601, Some(Value::Null)),
            false,
        ),
        (modern("x"), Some(MODERN), 400, error(-32020, id()), true),
        (modern("x"), Some(MODERN), 200, error(-32020, id()), false),
        // Without its data.
        (modern("x"), Some(MODERN), 400, error(-32022, id()), false),
        (modern("x"), Some(MODERN), 400, error(-32021, id()), false),
        (modern("x"), Some(MODERN), 200, error(-32000, id()), false),
        (
            modern("tools/call"),
            Some(MODERN),
            200,
            error(7, id()),
            true,
        ),
        (legacy("x"), None, 200, error(-32601, id()), true),
        (legacy("x"), None, 404, error(-32601, id()), false),
        (legacy("x"), None, 404, error(-32600, id()), true),
        (legacy("x"), None, 200, error(-32600, id()), false),
        ("{".to_owned(), None, 400, error(-32700, None), true),
        ("{".to_owned(), None, 200, error(-32700, None), false),
        (
            "{".to_owned(),
            None,
            400,
            error(-32700, Some(Value::Null)),
            false,
        ),
        // Batches.
        (
            json!([request("ping", false)]).to_string(),
            None,
            200,
            json!([success(json!({}))]),
            true,
        ),
        (
            json!([request("ping", false)]).to_string(),
            None,
            200,
            json!([]),
            false,
        ),
        (
            json!([request("ping", false)]).to_string(),
            None,
            200,
            json!([success(list()), error(-32601, id())]),
            false,
        ),
    ] {
        let answer = answer.to_string();
        let passed = passes(&sent, version, status, Some("application/json"), &answer);
        assert_eq!(passed, good, "{sent} {version:?}: {status} {answer}");
    }
}

#[test]
fn empty_answers_and_event_streams_are_validated() {
    let sent = request("tools/call", false).to_string();
    let result = success(json!({ "content": [] }));
    let progress = |token: Value| json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": { "progressToken": token, "progress": 1 } });
    let stream = |messages: &[Value]| -> String {
        let events = messages
            .iter()
            .map(|message| format!("event: message\ndata: {message}\n\n"));
        events.collect()
    };
    for (status, kind, answer, good) in [
        (202, None, String::new(), true),
        (200, None, String::new(), false),
        (200, Some("text/plain"), "hello".to_owned(), false),
        (200, Some("application/json"), "{".to_owned(), false),
        (
            200,
            Some("text/event-stream"),
            stream(std::slice::from_ref(&result)),
            true,
        ),
        (
            200,
            Some("text/event-stream"),
            stream(&[progress(json!(7)), result.clone()]),
            true,
        ),
        (
            200,
            Some("text/event-stream"),
            stream(&[progress(json!(null)), result.clone()]),
            false,
        ),
        (
            200,
            Some("text/event-stream"),
            stream(&[result.clone(), result.clone()]),
            false,
        ),
        (
            200,
            Some("text/event-stream"),
            stream(&[progress(json!(7))]),
            false,
        ),
        (
            200,
            Some("text/event-stream"),
            format!("data: {result}\n"),
            false,
        ),
        (
            404,
            Some("text/event-stream"),
            stream(std::slice::from_ref(&result)),
            false,
        ),
    ] {
        let passed = passes(&sent, None, status, kind, &answer);
        assert_eq!(passed, good, "{status} {kind:?} {answer:?}");
    }
}

#[test]
fn a_session_keeps_its_negotiated_revision() {
    let exchange = |sent: &Value, session, new_session, answer: &Value| {
        let (sent, answer) = (sent.to_string(), answer.to_string());
        catch_unwind(|| {
            let exchange = Exchange {
                method: "POST",
                session,
                body: sent.as_bytes(),
                status: 200,
                content_type: Some("application/json"),
                new_session,
                answer: answer.as_bytes(),
                ..Exchange::default()
            };
            exchange.validate();
        })
        .is_ok()
    };
    let agreed = |revision: &str| {
        success(json!({
            "protocolVersion": revision, "capabilities": {}, "serverInfo": { "name": "s", "version": "1" },
        }))
    };
    let audio =
        success(json!({ "content": [{ "type": "audio", "data": "", "mimeType": "audio/wav" }] }));
    for (session, revision, good) in [("old", "2024-11-05", false), ("new", "2025-06-18", true)] {
        let begin = request("initialize", false);
        assert!(exchange(&begin, None, Some(session), &agreed(revision)));
        let call = request("tools/call", false);
        assert_eq!(
            exchange(&call, Some(session), None, &audio),
            good,
            "{revision}"
        );
    }
    // No other answer begins a session.
    assert!(!exchange(
        &request("ping", false),
        None,
        Some("x"),
        &success(json!({}))
    ));
}

#[test]
fn lines_and_notifications_are_validated() {
    let ping = request("ping", false);
    validate_line(Some("2025-06-18"), Some(&ping), &success(json!({})));
    let message = json!({ "jsonrpc": "2.0", "method": "notifications/message", "params": { "level": "info", "data": 1 } });
    validate_line(Some("2025-06-18"), Some(&ping), &message);
    for bad in [
        success(list()),
        json!({ "jsonrpc": "2.0", "id": 2, "result": {} }),
        json!({ "jsonrpc": "2.0", "method": "x" }),
    ] {
        assert!(
            catch_unwind(|| validate_line(Some("2025-06-18"), Some(&ping), &bad)).is_err(),
            "{bad}"
        );
    }
    for revision in REVISIONS {
        validate_notification(revision, &message);
        let bad = json!({ "content": [{ "type": "smell" }] });
        assert!(
            catch_unwind(|| assert_valid(revision, "CallToolResult", &bad)).is_err(),
            "{revision}"
        );
        assert!(
            catch_unwind(|| assert_valid(revision, "NoSuchThing", &bad)).is_err(),
            "{revision}"
        );
    }
}
