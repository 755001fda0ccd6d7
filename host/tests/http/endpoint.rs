//! HTTP before MCP: paths, methods, content types, sizes.

use host::server::request::MAX_BODY;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::server::{Server, message, modern, post, with_body};

fn ping() -> String {
    message("ping", json!({}))
}

#[test]
fn the_endpoint_is_mcp_or_the_root_below_any_base_path() {
    let server = Server::greeting();
    for (path, found) in [
        ("/mcp", true),
        ("/mcp/", true),
        ("/", true),
        ("/base/mcp", true),
        ("/a/b/mcp", true),
        ("/mcp?x=1", true),
        ("/base", false),
        ("/mcpx", false),
        ("/xmcp", false),
        ("/mcp/x", false),
        ("/MCP", false),
        ("/.well-known/oauth-protected-resource", false),
        ("/favicon.ico", false),
    ] {
        for method in [Method::POST, Method::GET, Method::OPTIONS, Method::DELETE] {
            let request = Request::builder().method(&method).uri(path);
            let answered = server.answer(&with_body(request, &ping()));
            if found {
                assert_ne!(answered.status(), 404, "{method} {path}");
            } else {
                assert_eq!(answered.outcome(), "404 -32600", "{method} {path}");
                assert!(answered.error_text().contains(path), "{answered:?}");
                assert_eq!(answered.json().get("id"), None, "{method} {path}");
            }
        }
    }
}

#[test]
fn an_unsupported_http_method_is_refused_with_the_supported_ones() {
    let server = Server::greeting();
    for method in [Method::GET, Method::PUT, Method::PATCH, Method::HEAD] {
        let request = Request::builder().method(&method).uri("/mcp");
        let request = request.header("Accept", "text/event-stream");
        let answered = server.answer(&with_body(request, ""));
        assert_eq!(answered.status(), 405, "{method}");
        assert_eq!(answered.header("allow"), Some("POST, DELETE, OPTIONS"));
        if method == Method::HEAD {
            assert!(answered.body().is_empty());
            continue;
        }
        assert_eq!(answered.outcome(), "405 -32600", "{method}");
        assert_eq!(answered.json().get("id"), None);
    }
}

#[test]
fn the_body_is_json_by_its_content_type_or_by_none() {
    let server = Server::greeting();
    for (kind, accepted) in [
        (None, true),
        (Some("application/json"), true),
        (Some("application/json; charset=utf-8"), true),
        (Some("application/json;charset=UTF-8"), true),
        (Some(" Application/JSON "), true),
        (Some("text/plain"), false),
        (Some("text/plain; application/json"), false),
        (Some("application/jsonp"), false),
        (Some("application/x-www-form-urlencoded"), false),
        (Some(""), false),
    ] {
        let mut request = Request::post("/mcp");
        if let Some(kind) = kind {
            request = request.header("Content-Type", kind);
        }
        let answered = server.answer(&with_body(request, &ping()));
        let expected = if accepted { "200" } else { "415 -32600" };
        assert_eq!(answered.outcome(), expected, "Content-Type: {kind:?}");
    }
}

#[test]
fn accept_is_ignored_where_answers_are_json_alone() {
    let server = Server::greeting();
    for accept in [
        "application/json, text/event-stream",
        "application/json",
        "*/*",
        "text/html",
    ] {
        let request = post().header("Accept", accept);
        let answered = server.answer(&with_body(request, &ping()));
        assert_eq!(answered.outcome(), "200", "Accept: {accept}");
        assert_eq!(answered.json()["result"], json!({}));
    }
}

#[test]
fn a_body_may_have_six_megabytes_and_not_one_byte_more() {
    let server = Server::greeting();
    let frame = message("ping", json!({ "x": "" })).len();
    for (length, expected) in [(MAX_BODY, "200"), (MAX_BODY + 1, "413 -32600")] {
        let body = message("ping", json!({ "x": "x".repeat(length - frame) }));
        assert_eq!(body.len(), length);
        assert_eq!(
            server.answer(&with_body(post(), &body)).outcome(),
            expected,
            "{length} bytes"
        );
    }
}

#[test]
fn an_invalid_message_gets_an_error_without_id() {
    let server = Server::greeting();
    for (body, expected) in [
        ("", "400 -32700"),
        ("{", "400 -32700"),
        ("[]", "400 -32600"),
        ("{}", "400 -32600"),
        (
            r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
            "400 -32600",
        ),
    ] {
        let answered = server.answer(&with_body(post(), body));
        assert_eq!(answered.outcome(), expected, "body: {body}");
        assert_eq!(answered.json().get("id"), None, "body: {body}");
    }
}

#[test]
fn a_notification_and_a_response_are_accepted_without_a_body() {
    let server = Server::greeting();
    for body in [
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
    ] {
        let answered = server.answer(&with_body(post(), body));
        assert_eq!(answered.status(), 202, "body: {body}");
        assert_eq!(answered.body(), b"", "body: {body}");
        assert_eq!(answered.header("content-type"), None, "body: {body}");
    }
}

#[test]
fn a_repeated_header_with_another_value_matches_no_body() {
    let server = Server::greeting();
    for (header, value) in [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "greet"),
    ] {
        for second in ["x", "2026-07-28", "tools/call", "greet"] {
            let mut request = modern("tools/call", json!({ "name": "greet" }));
            let added = second.parse().expect("a value");
            request.headers_mut().append(header, added);
            let answered = server.answer(&request);
            // A gateway joins repeated headers, so that equal values count once.
            let is_mismatch = answered.outcome() == "400 -32020";
            assert_eq!(is_mismatch, second != value, "{request:?}: {answered:?}");
        }
    }
}

/// Returns a ping with this value of a header.
fn ping_with(header: &'static str, value: &str) -> Request<String> {
    let mut request = with_body(post(), &ping());
    let value = value.parse().expect("a value");
    request.headers_mut().insert(header, value);
    request
}

#[test]
fn a_content_coding_is_refused_by_its_name() {
    let server = Server::greeting();
    for (coding, status) in [
        ("gzip", 415),
        ("br, gzip", 415),
        ("identity", 200),
        ("Identity", 200),
    ] {
        let answered = server.answer(&ping_with("content-encoding", coding));
        assert_eq!(answered.status(), status, "{coding}");
        if status == 415 {
            assert!(answered.error_text().contains(coding), "{answered:?}");
            assert_eq!(answered.headers()["accept-encoding"], "identity");
        }
    }
}

#[test]
fn a_content_type_that_a_gateway_has_joined_counts_once() {
    let server = Server::greeting();
    for (kind, status) in [
        ("application/json,application/json", 200),
        ("application/json, text/plain", 415),
    ] {
        let answered = server.answer(&ping_with("content-type", kind));
        assert_eq!(answered.status(), status, "{kind}");
    }
}

#[test]
fn health_is_answered_to_head_without_a_body() {
    let server = Server::greeting();
    let get = server.answer(&with_body(Request::get("/health"), ""));
    let head = server.answer(&with_body(Request::head("/health"), ""));
    assert_eq!((get.status(), head.status()), (200, 200));
    assert_eq!(get.headers(), head.headers());
    assert!(head.body().is_empty() && !get.body().is_empty());
}

#[test]
fn null_params_are_no_params() {
    let server = Server::greeting();
    for method in ["ping", "tools/list"] {
        let answered = server.answer(&with_body(post(), &message(method, Value::Null)));
        assert_eq!(answered.outcome(), "200", "{method}");
    }
}

#[test]
fn a_header_of_foreign_bytes_is_a_mismatch_and_not_an_absent_one() {
    let server = Server::greeting();
    let foreign = || http::HeaderValue::from_bytes(b"\xfcber").expect("a value");
    for header in ["mcp-protocol-version", "mcp-method", "mcp-name"] {
        let mut request = modern("tools/call", json!({ "name": "greet" }));
        request.headers_mut().insert(header, foreign());
        let answered = server.answer(&request);
        assert_eq!(answered.outcome(), "400 -32020", "{header}");
        assert!(!answered.error_text().contains("missing"), "{answered:?}");
    }
    // A legacy request must not name an unknown version, either.
    let mut request = with_body(post(), &ping());
    request
        .headers_mut()
        .insert("mcp-protocol-version", foreign());
    assert_eq!(server.answer(&request).status(), 400);
}
