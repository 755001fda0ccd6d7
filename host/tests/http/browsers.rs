//! Origins, hosts and CORS.

use host::server::request::Exposure;
use http::Request;
use serde_json::json;

use crate::{
    folder::Folder,
    server::{Answered, DOMAIN, Server, message, post, with_body},
};

fn server() -> Server {
    let variables = [
        (
            "MCP_ALLOWED_ORIGINS",
            "https://app.example.com, https://other.example/",
        ),
        ("MCP_ALLOWED_HOSTS", "devbox"),
    ];
    Server::of(Folder::of(&["greet"]), &variables)
}

fn from(origin: &str) -> Request<String> {
    with_body(post().header("Origin", origin), &message("ping", json!({})))
}

fn is_open_to(answered: &Answered, origin: &str) {
    assert_eq!(answered.header("access-control-allow-origin"), Some(origin));
    assert_eq!(
        answered.header("access-control-expose-headers"),
        Some("Mcp-Session-Id, Retry-After, WWW-Authenticate")
    );
    assert_eq!(answered.header("vary"), Some("Origin"));
}

#[test]
fn a_foreign_origin_is_refused_by_the_name_of_the_variable() {
    let server = server();
    for origin in [
        "https://evil.example",
        "https://app.example.com.evil.example",
        "http://app.example.com",
        "https://app.example.com:8443",
        "null",
        "",
    ] {
        let answered = server.answer(&from(origin));
        assert_eq!(answered.outcome(), "403 -32600", "origin: {origin}");
        assert_eq!(
            answered.error_text(),
            format!(
                "the origin {origin} is not allowed; the operator can add it to MCP_ALLOWED_ORIGINS"
            )
        );
        assert_eq!(answered.json().get("id"), None);
        assert_eq!(answered.header("access-control-allow-origin"), None);
    }
}

#[test]
fn an_allowed_origin_may_read_every_answer() {
    let server = server();
    for origin in [
        "https://app.example.com",
        "https://other.example",
        "http://localhost:6274",
        "http://127.0.0.1",
        "http://[::1]:6274",
        &format!("https://{DOMAIN}"),
    ] {
        let answered = server.answer(&from(origin));
        assert_eq!(answered.outcome(), "200", "origin: {origin}");
        is_open_to(&answered, origin);
    }
    let origin = "https://app.example.com";
    for (request, status) in [
        (Request::get("/mcp"), 405),
        (Request::post("/nothing"), 404),
        (
            Request::post("/mcp").header("Content-Type", "text/plain"),
            415,
        ),
        (Request::post("/mcp"), 400),
        (Request::delete("/mcp"), 400),
    ] {
        let answered = server.answer(&with_body(request.header("Origin", origin), ""));
        assert_eq!(answered.status(), status);
        is_open_to(&answered, origin);
    }
}

#[test]
fn without_an_origin_there_is_no_cors() {
    let answered = server().answer(&with_body(post(), &message("ping", json!({}))));
    assert_eq!(answered.outcome(), "200");
    for header in [
        "access-control-allow-origin",
        "access-control-expose-headers",
        "vary",
    ] {
        assert_eq!(answered.header(header), None, "{header}");
    }
}

#[test]
fn a_preflight_is_told_methods_and_headers() {
    let request = Request::options("/mcp")
        .header("Origin", "http://localhost:6274")
        .header("Access-Control-Request-Method", "POST")
        .header(
            "Access-Control-Request-Headers",
            "content-type, mcp-param-region, x-evil",
        );
    let answered = server().answer(&with_body(request, ""));
    assert_eq!(answered.status(), 204);
    assert_eq!(answered.body(), b"");
    is_open_to(&answered, "http://localhost:6274");
    for (header, value) in [
        ("access-control-allow-methods", "POST, DELETE, OPTIONS"),
        (
            "access-control-allow-headers",
            "accept, authorization, content-type, last-event-id, mcp-method, mcp-name, mcp-protocol-version, mcp-session-id, mcp-param-region",
        ),
        ("access-control-max-age", "7200"),
        ("allow", "POST, DELETE, OPTIONS"),
    ] {
        assert_eq!(answered.header(header), Some(value), "{header}");
    }
    let evil = Request::options("/mcp").header("Origin", "https://evil.example");
    assert_eq!(
        server().answer(&with_body(evil, "")).outcome(),
        "403 -32600"
    );
}

#[test]
fn on_loopback_the_host_must_be_this_machine() {
    let server = server();
    for (host, allowed) in [
        (None, true),
        (Some("localhost:3000"), true),
        (Some("127.0.0.1:3000"), true),
        (Some("[::1]:3000"), true),
        (Some("devbox:3000"), true),
        (Some("evil.example:3000"), false),
        (Some("localhost.evil.example"), false),
        (Some("localhost@evil.example"), false),
        (Some(""), false),
    ] {
        let mut request = post();
        if let Some(host) = host {
            request = request.header("Host", host);
        }
        let request = with_body(request, &message("ping", json!({})));
        let answered = server.answer_via(Exposure::Loopback, &request);
        if allowed {
            assert_eq!(answered.outcome(), "200", "host: {host:?}");
        } else {
            assert_eq!(answered.outcome(), "403 -32600", "host: {host:?}");
            assert!(
                answered.error_text().ends_with("MCP_ALLOWED_HOSTS"),
                "{answered:?}"
            );
        }
    }
}

#[test]
fn each_of_several_hosts_or_origins_must_be_known() {
    let server = server();
    for (header, known, foreign) in [
        ("Host", "localhost:3000", "evil.example"),
        ("Origin", "http://localhost:6274", "https://evil.example"),
    ] {
        for (values, outcome) in [
            ([known, known], "200"),
            ([known, foreign], "403 -32600"),
            ([foreign, known], "403 -32600"),
        ] {
            let request = post().header(header, values[0]).header(header, values[1]);
            let request = with_body(request, &message("ping", json!({})));
            let answered = server.answer_via(Exposure::Loopback, &request);
            assert_eq!(answered.outcome(), outcome, "{header}: {values:?}");
        }
    }
}

#[test]
fn a_private_network_is_open_to_the_origins_that_may_call() {
    for (origin, answer) in [
        ("https://app.example.com", Some("true")),
        ("https://evil.example", None),
    ] {
        let request = Request::options("/mcp")
            .header("Origin", origin)
            .header("Access-Control-Request-Private-Network", "true");
        let answered = server().answer(&with_body(request, ""));
        let allowed = answered.header("access-control-allow-private-network");
        assert_eq!(allowed, answer, "{origin}");
    }
}

#[test]
fn a_page_may_send_its_token_wherever_tokens_count() {
    for (path, status) in [("/mcp", 204), ("/health", 204), ("/nothing", 404)] {
        let request = Request::options(path)
            .header("Origin", "http://localhost:6274")
            .header("Access-Control-Request-Headers", "authorization");
        let answered = server().answer(&with_body(request, ""));
        assert_eq!(answered.status(), status, "{path}");
        is_open_to(&answered, "http://localhost:6274");
    }
}

#[test]
fn a_front_door_without_domain_allows_no_origin_of_its_own() {
    let server = server();
    for origin in ["http://:80", "https://", "//"] {
        let answered = server.answer_via(Exposure::Gateway(""), &from(origin));
        assert_eq!(answered.outcome(), "403 -32600", "origin: {origin}");
    }
}
