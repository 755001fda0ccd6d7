//! Permitted callers where tokens are required.

use host::{
    plugin::Caller,
    server::{http::bearer_tokens::NewToken, request::Exposure},
};
use http::{Method, Request};
use serde_json::{Map, json};

use crate::{
    folder::Folder,
    server::{Answered, DOMAIN, Server, message, modern, post, with_body},
};

const GATEWAY: Exposure<'static> = Exposure::Gateway(DOMAIN);

/// Starts a server with two callers, and returns their tokens.
fn server() -> (Server, [String; 2]) {
    let [ada, bob] = [NewToken::random(), NewToken::random()];
    let tokens = format!("ada:{},bob:{}", ada.hash, bob.hash);
    let variables = [("MCP_BEARER_TOKENS", tokens.as_str())];
    let server = Server::of(Folder::of(&["greet"]), &variables);
    (
        server,
        [ada.secret, bob.secret].map(|secret| format!("Bearer {secret}")),
    )
}

fn with(method: Method, path: &str, authorization: Option<&str>, body: &str) -> Request<String> {
    let mut request = Request::builder().method(method).uri(path);
    request = request.header("Content-Type", "application/json");
    if let Some(authorization) = authorization {
        request = request.header("Authorization", authorization);
    }
    with_body(request, body)
}

fn challenge(answered: &Answered) -> Option<&str> {
    answered.header("www-authenticate")
}

#[test]
fn a_request_without_token_is_challenged() {
    let (server, [ada, _]) = server();
    let ping = message("ping", json!({}));
    for (authorization, outcome, expected) in [
        (None, "401 -32600", Some(r#"Bearer realm="mcp""#)),
        (
            Some("Basic YTpi"),
            "401 -32600",
            Some(r#"Bearer realm="mcp""#),
        ),
        (
            Some("Bearer mcp_0"),
            "401 -32600",
            Some(r#"Bearer realm="mcp", error="invalid_token""#),
        ),
        (
            Some("Bearer a b"),
            "400 -32600",
            Some(r#"Bearer realm="mcp", error="invalid_request""#),
        ),
        (Some(ada.as_str()), "200", None),
    ] {
        let answered = server.answer(&with(Method::POST, "/mcp", authorization, &ping));
        assert_eq!(answered.outcome(), outcome, "{authorization:?}");
        assert_eq!(challenge(&answered), expected, "{authorization:?}");
        if outcome != "200" {
            assert_eq!(answered.json().get("id"), None);
            assert!(!answered.error_text().contains("mcp_0"), "{answered:?}");
        }
    }
}

#[test]
fn the_token_is_checked_before_all_but_the_origin() {
    let (server, _) = server();
    for (method, path, body, status) in [
        (Method::POST, "/mcp", "{", 401),
        (Method::POST, "/", "", 401),
        (Method::DELETE, "/mcp", "", 401),
        (Method::GET, "/mcp", "", 401),
        (Method::OPTIONS, "/mcp", "", 204),
        // There is nothing to hide, and clients look here for what there is not.
        (
            Method::GET,
            "/.well-known/oauth-protected-resource",
            "",
            404,
        ),
        (Method::POST, "/nothing", "", 404),
    ] {
        let answered = server.answer(&with(method.clone(), path, None, body));
        assert_eq!(answered.status(), status, "{method} {path}");
    }
    let mut foreign = with(Method::POST, "/mcp", None, "");
    let origin = "https://evil.example".parse().expect("a value");
    foreign.headers_mut().insert("origin", origin);
    assert_eq!(server.answer(&foreign).outcome(), "403 -32600");
}

#[test]
fn every_http_exposure_requires_a_token_and_stdio_does_not() {
    let (server, _) = server();
    let ping = with(Method::POST, "/mcp", None, &message("ping", json!({})));
    for (exposure, status) in [
        (GATEWAY, 401),
        (Exposure::Loopback, 401),
        (Exposure::Network, 401),
        (Exposure::Stdio, 200),
    ] {
        let answered = server.answer_via(exposure, &ping);
        assert_eq!(answered.status(), status, "{exposure:?}");
    }
}

#[test]
fn a_session_is_its_owners_alone_whatever_the_gateway_says() {
    let (server, [ada, bob]) = server();
    let initialize = message("initialize", json!({ "protocolVersion": "2025-11-25" }));
    let begun = server.answer(&with(Method::POST, "/mcp", Some(&ada), &initialize));
    let session = begun.header("mcp-session-id").expect("a session");
    let in_session = |authorization: &str, principal: Option<&str>| {
        let request = post()
            .header("Authorization", authorization)
            .header("Mcp-Session-Id", session);
        let caller = Caller {
            principal: principal.map(str::to_owned),
            claims: Map::new(),
        };
        let request = with_body(request, &message("ping", json!({})));
        server.answer_to(GATEWAY, caller, &request).status()
    };
    assert_eq!(in_session(&ada, None), 200);
    assert_eq!(in_session(&ada, Some("bob")), 200);
    assert_eq!(in_session(&bob, None), 404);
    assert_eq!(in_session(&bob, Some("ada")), 404);
}

#[test]
fn a_callers_list_is_private() {
    let (server, [ada, _]) = server();
    let mut request = modern("tools/list", json!({}));
    let authorization = ada.parse().expect("a value");
    request.headers_mut().insert("authorization", authorization);
    let listed = server.answer(&request).json();
    assert_eq!(listed["result"]["cacheScope"], "private");
}

#[test]
fn health_shows_strangers_only_the_status() {
    let (server, [ada, _]) = server();
    let health = |authorization| server.answer(&with(Method::GET, "/health", authorization, ""));
    assert_eq!(health(None).json(), json!({ "status": "ok" }));
    assert_eq!(health(Some("Basic YTpi")).json(), json!({ "status": "ok" }));
    assert_eq!(health(Some(&ada)).json()["tools"], json!(["greet"]));
    assert_eq!(health(Some("Bearer wrong")).outcome(), "401 -32600");
    let open = Server::greeting().answer(&with(Method::GET, "/health", None, ""));
    assert_eq!(open.json()["tools"], json!(["greet"]));
}

#[test]
fn an_allowed_page_can_read_why_its_request_was_refused() {
    let (server, _) = server();
    for (path, status) in [("/mcp", 401), ("/nothing", 404)] {
        let mut request = with(Method::POST, path, None, "");
        let origin = "http://localhost:6274".parse().expect("a value");
        request.headers_mut().insert("origin", origin);
        let answered = server.answer(&request);
        assert_eq!(answered.status(), status);
        let open = answered.header("access-control-allow-origin");
        assert_eq!(open, Some("http://localhost:6274"));
    }
}
