//! Sessions of the handshake era: `lenient`, the only mode there is.

use http::Request;
use serde_json::{Value, json};

use crate::{
    folder::{Folder, plugin_with},
    server::{Server, message, modern, post, with_body},
};

#[test]
fn initialize_gives_out_a_random_uuid() {
    let server = Server::greeting();
    let sessions: Vec<_> = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
        .map(|revision| server.session(revision))
        .into();
    for session in &sessions {
        let id = uuid::Uuid::parse_str(session).expect("a UUID");
        assert_eq!(id.get_version_num(), 4);
        assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(id.hyphenated().to_string(), *session);
        assert_eq!(sessions.iter().filter(|other| *other == session).count(), 1);
    }
}

#[test]
fn nothing_but_a_successful_initialize_gives_out_a_session() {
    let server = Server::greeting();
    let session = server.session("2025-06-18");
    let bad_version = server.legacy(None, "initialize", json!({ "protocolVersion": 1 }));
    assert_eq!(bad_version.outcome(), "200 -32602");
    let modern_header = with_body(
        post().header("MCP-Protocol-Version", "2026-07-28"),
        &message("initialize", json!({ "protocolVersion": "2025-06-18" })),
    );
    for answered in [
        bad_version,
        server.answer(&modern_header),
        server.legacy(Some(&session), "ping", json!({})),
        server.legacy(None, "tools/list", json!({})),
        server.legacy(None, "prompts/list", json!({})),
        server.answer(&with_body(post(), "{")),
        server.delete(Some(&session)),
    ] {
        assert_eq!(answered.header("mcp-session-id"), None, "{answered:?}");
    }
}

#[test]
fn a_modern_request_has_no_session_whatever_it_sends() {
    let server = Server::greeting();
    let ended = server.session("2025-06-18");
    assert_eq!(server.delete(Some(&ended)).status(), 204);
    for session in [ended.as_str(), "not-an-id", &server.session("2025-06-18")] {
        for (method, params, expected) in [
            ("server/discover", json!({}), "200"),
            ("tools/list", json!({}), "200"),
            ("tools/call", json!({ "name": "nope" }), "200 -32602"),
            ("initialize", json!({}), "404 -32601"),
        ] {
            let mut request = modern(method, params);
            request
                .headers_mut()
                .insert("mcp-session-id", session.parse().expect("a value"));
            let answered = server.answer(&request);
            assert_eq!(answered.outcome(), expected, "{method} with {session}");
            assert_eq!(answered.header("mcp-session-id"), None, "{method}");
        }
    }
}

#[test]
fn a_session_ends_once_and_stays_gone() {
    let server = Server::greeting();
    let session = server.session("2025-06-18");
    assert_eq!(
        server.legacy(Some(&session), "ping", json!({})).outcome(),
        "200"
    );
    let ended = server.delete(Some(&session));
    assert_eq!((ended.status(), ended.body()), (204, &b""[..]));
    assert_eq!(server.delete(Some(&session)).outcome(), "404 -32600");
    // A client starts over at a 404, for any request, and at nothing else.
    for (method, params) in [
        ("ping", json!({})),
        ("tools/list", json!({})),
        ("tools/list", json!({ "cursor": "x" })),
        ("tools/call", json!({ "name": "greet" })),
        ("tools/call", json!({ "name": 1 })),
        ("prompts/list", json!({})),
    ] {
        let answered = server.legacy(Some(&session), method, params);
        assert_eq!(answered.outcome(), "404 -32600", "{method}");
        assert_eq!(answered.json()["id"], 1, "{method}");
    }
    for body in [
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
    ] {
        let request = post().header("Mcp-Session-Id", &session);
        let answered = server.answer(&with_body(request, body));
        assert_eq!(answered.outcome(), "404 -32600", "body: {body}");
        assert_eq!(answered.json().get("id"), None, "body: {body}");
    }
    // The client starts over, even when it still sends the old id.
    let again = server.legacy(Some(&session), "initialize", json!({}));
    assert_eq!(again.outcome(), "200");
    assert_ne!(again.header("mcp-session-id"), Some(session.as_str()));
}

#[test]
fn an_unknown_session_is_served_and_can_be_ended() {
    let server = Server::greeting();
    let unknown = uuid::Uuid::new_v4().to_string();
    for method in ["ping", "tools/list"] {
        let answered = server.legacy(Some(&unknown), method, json!({}));
        assert_eq!(answered.outcome(), "200", "{method}");
    }
    assert_eq!(server.delete(Some(&unknown)).status(), 204);
    assert_eq!(
        server.legacy(Some(&unknown), "ping", json!({})).outcome(),
        "404 -32600"
    );
}

#[test]
fn an_id_that_no_host_issued_is_an_ended_session() {
    let server = Server::greeting();
    let known = server.session("2025-06-18");
    for malformed in [
        "",
        "1",
        "../../etc/passwd",
        "00000000-0000-0000-0000-000000000000",
        "c232ab00-9414-11ec-b3c8-9f6bdeced846",
        // The same number, but not the same id.
        &known.to_uppercase(),
        &known.replace('-', ""),
        &format!("{{{known}}}"),
        &format!("urn:uuid:{known}"),
        &format!("{known}, x"),
    ] {
        let answered = server.legacy(Some(malformed), "ping", json!({}));
        assert_eq!(answered.outcome(), "404 -32600", "id: {malformed:?}");
        let answered = server.delete(Some(malformed));
        assert_eq!(
            answered.outcome(),
            "404 -32600",
            "DELETE, id: {malformed:?}"
        );
    }
    assert_eq!(
        server.legacy(Some(&known), "ping", json!({})).outcome(),
        "200"
    );
}

#[test]
fn ending_no_session_is_a_bad_request() {
    assert_eq!(Server::greeting().delete(None).outcome(), "400 -32600");
}

#[test]
fn a_session_sets_the_revision_unless_the_header_names_one() {
    let tool = json!({
        "tool": {
            "name": "greet",
            "title": "Greet",
            "description": "Greets.",
            "inputSchema": { "type": "object" },
            "annotations": { "readOnlyHint": true },
            "icons": [{ "src": "https://example.com/i.png" }],
        },
        "function": "greet",
    });
    let folder = Folder::empty().with("a-layer", &[plugin_with("libtools.so", &[tool])]);
    let server = Server::of(folder, &[]);
    let listed = |session: Option<&str>, header: Option<&str>| {
        let mut request = post();
        for (name, value) in [
            ("Mcp-Session-Id", session),
            ("MCP-Protocol-Version", header),
        ] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let answered = server.answer(&with_body(request, &message("tools/list", json!({}))));
        let tool = &answered.json()["result"]["tools"][0];
        ["annotations", "title", "icons"].map(|member| tool.get(member).is_some())
    };
    for (revision, expected) in [
        ("2024-11-05", [false, false, false]),
        ("2025-03-26", [true, false, false]),
        ("2025-06-18", [true, true, false]),
        ("2025-11-25", [true, true, true]),
    ] {
        let session = server.session(revision);
        assert_eq!(listed(Some(&session), None), expected, "{revision}");
        assert_eq!(
            listed(Some(&session), Some(revision)),
            expected,
            "{revision}"
        );
        assert_eq!(listed(None, Some(revision)), expected, "header {revision}");
        assert_eq!(
            listed(Some(&session), Some("2025-03-26")),
            [true, false, false]
        );
    }
    // Without session and header, or in a session that this host does not know: 2025-03-26.
    let unknown = uuid::Uuid::new_v4().to_string();
    assert_eq!(listed(None, None), [true, false, false]);
    assert_eq!(listed(Some(&unknown), None), [true, false, false]);
}

#[test]
fn a_session_may_live_forever_or_for_a_second() {
    for ttl in ["18446744073709551615", "1"] {
        let server = Server::of(Folder::of(&["greet"]), &[("MCP_SESSION_TTL_SECONDS", ttl)]);
        let session = server.session("2025-06-18");
        assert_eq!(
            server.legacy(Some(&session), "ping", json!({})).outcome(),
            "200",
            "{ttl}"
        );
        assert_eq!(server.delete(Some(&session)).status(), 204, "{ttl}");
    }
}

#[test]
fn the_handshake_says_who_serves_and_how_to_use_it() {
    let mut manifest = crate::folder::manifest(
        "a-layer",
        &[crate::folder::plugin("libtools.so", &["greet"])],
    );
    manifest["layer"]["instructions"] = json!("Greet first.");
    let folder = || Folder::empty().with_manifest("a-layer", &manifest);
    let server = Server::of(folder(), &[]);
    let named = Server::of(
        folder(),
        &[("MCP_SERVER_NAME", "mine"), ("MCP_SERVER_VERSION", "9")],
    );
    for (server, expected) in [
        (server, json!({ "name": "a-layer", "version": "1.2.3" })),
        (named, json!({ "name": "mine", "version": "9" })),
    ] {
        let legacy = server.legacy(
            None,
            "initialize",
            json!({ "protocolVersion": "2025-06-18" }),
        );
        let expected_result = json!({
            "protocolVersion": "2025-06-18",
            "capabilities": { "tools": {}, "logging": {} },
            "serverInfo": expected,
            "instructions": "Greet first.",
        });
        assert_eq!(legacy.json()["result"], expected_result);
        let modern = server.modern("server/discover", json!({})).json();
        assert_eq!(
            modern["result"]["capabilities"],
            json!({ "tools": {}, "logging": {} })
        );
        assert_eq!(modern["result"]["instructions"], "Greet first.");
        assert_eq!(
            modern["result"]["_meta"]["io.modelcontextprotocol/serverInfo"],
            expected
        );
    }
}

#[test]
fn a_client_may_describe_itself_at_length() {
    let server = Server::greeting();
    let params =
        json!({ "protocolVersion": "2025-06-18", "clientInfo": { "name": "x".repeat(1_000_000) } });
    let answered = server.legacy(None, "initialize", params);
    assert_eq!(answered.outcome(), "200");
    assert_ne!(answered.json()["result"], Value::Null);
}

#[test]
fn a_session_belongs_to_the_principal_that_began_it() {
    let server = Server::greeting();
    let begun = |principal: Option<&str>| {
        let request = with_body(post(), &message("initialize", json!({})));
        let answered = server.answer_as(principal, &request);
        answered
            .header("mcp-session-id")
            .expect("a session")
            .to_owned()
    };
    for (owner, other) in [
        (Some("alice"), Some("bob")),
        (Some("alice"), None),
        (None, Some("bob")),
    ] {
        let session = begun(owner);
        let ping = with_body(
            post().header("Mcp-Session-Id", &session),
            &message("ping", json!({})),
        );
        let delete = with_body(
            Request::delete("/mcp").header("Mcp-Session-Id", &session),
            "",
        );
        for request in [&ping, &delete] {
            let answered = server.answer_as(other, request);
            assert_eq!(answered.outcome(), "404 -32600", "{owner:?}, {other:?}");
        }
        assert_eq!(server.answer_as(owner, &ping).outcome(), "200", "{owner:?}");
        assert_eq!(server.answer_as(owner, &delete).status(), 204, "{owner:?}");
    }
}

#[test]
fn a_log_level_is_set_in_any_session_that_is_not_gone_and_without_one() {
    let server = Server::greeting();
    let known = server.session("2025-06-18");
    let unknown = uuid::Uuid::new_v4().to_string();
    let level = |session, level: &str| {
        server.legacy(session, "logging/setLevel", json!({ "level": level }))
    };
    for session in [Some(known.as_str()), Some(&unknown), None] {
        let answered = level(session, "warning");
        assert_eq!(answered.json()["result"], json!({}), "{session:?}");
        assert_eq!(level(session, "loud").outcome(), "200 -32602");
    }
    // The negotiated revision stays.
    let listed = server.legacy(Some(&known), "tools/list", json!({}));
    assert_eq!(listed.outcome(), "200");
    for session in [&known, &unknown] {
        assert_eq!(server.delete(Some(session)).status(), 204);
        assert_eq!(level(Some(session), "warning").outcome(), "404 -32600");
        // It has not brought the session back.
        let ping = server.legacy(Some(session), "ping", json!({}));
        assert_eq!(ping.outcome(), "404 -32600");
    }
    // The modern era has no such method.
    let modern = server.modern("logging/setLevel", json!({ "level": "warning" }));
    assert_eq!(modern.outcome(), "404 -32601");
}
