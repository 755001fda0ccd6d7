//! The `_meta` of a call: the client's description, and the notifications that it wants.

use mcp_protocol::{CallMeta, ClientRequest, Headers, LogLevel, Route, route};
use serde_json::{Value, json};

use crate::post::{CAPABILITIES, LOG_LEVEL, Owed, modern, request};

const CLIENT: &str = "io.modelcontextprotocol/clientInfo";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Passes the `_meta` of a call with these members, besides the required ones, to a function.
fn with_meta<T>(version: Option<&str>, members: Value, look: impl FnOnce(&CallMeta<'_>) -> T) -> T {
    let mut params = match version {
        Some("2026-07-28") => modern(),
        _ => json!({ "_meta": {} }),
    };
    params["name"] = json!("greet");
    for (key, value) in members.as_object().expect("members") {
        params["_meta"][key] = value.clone();
    }
    let body = request("tools/call", params).to_string();
    match route(Owed::by(&body).with(version), body.as_bytes()) {
        Route::Request(request) => match request.method {
            ClientRequest::CallTool { meta, .. } => look(&meta),
            other => panic!("not a call: {other:?}"),
        },
        other => panic!("{body} is refused: {other:?}"),
    }
}

const MODERN: Option<&str> = Some("2026-07-28");

#[test]
fn a_progress_token_keeps_its_type_and_an_invalid_one_is_ignored() {
    for (token, expected) in [
        (json!("t"), Some(json!("t"))),
        (json!(""), Some(json!(""))),
        (json!("7"), Some(json!("7"))),
        (json!(7), Some(json!(7))),
        (json!(-1), Some(json!(-1))),
        (json!(1.5), None),
        (json!(null), None),
        (json!([]), None),
    ] {
        for version in [MODERN, Some("2025-06-18"), None] {
            let seen = with_meta(version, json!({ "progressToken": token }), |meta| {
                let token = meta.progress_token.as_ref();
                token.map(|token| serde_json::to_value(token).expect("JSON"))
            });
            assert_eq!(seen, expected, "{version:?} {token}");
        }
    }
    assert!(with_meta(None, json!({}), |meta| meta
        .progress_token
        .is_none()));
}

#[test]
fn the_client_is_what_a_modern_request_says_and_a_legacy_one_cannot_say() {
    let members = json!({
        CLIENT: { "name": "some-client", "version": "1" },
        CAPABILITIES: { "elicitation": {} },
        LOG_LEVEL: "warning",
    });
    let seen = |version| {
        with_meta(version, members.clone(), |meta| {
            let json =
                |raw: Option<&serde_json::value::RawValue>| raw.map(|raw| raw.get().to_owned());
            (json(meta.client), json(meta.capabilities), meta.log_level)
        })
    };
    assert_eq!(
        seen(MODERN),
        (
            Some(r#"{"name":"some-client","version":"1"}"#.to_owned()),
            Some(r#"{"elicitation":{}}"#.to_owned()),
            Some(LogLevel::Warning)
        )
    );
    assert_eq!(seen(None), (None, None, None));
    for client in [json!("me"), json!(null), json!([])] {
        assert!(
            with_meta(MODERN, json!({ CLIENT: client }), |meta| meta
                .client
                .is_none()),
            "{client}"
        );
    }
}

#[test]
fn the_trace_is_read_in_both_eras() {
    let members = json!({ "traceparent": TRACEPARENT, "tracestate": "a=b", "baggage": 1 });
    for version in [MODERN, None] {
        with_meta(version, members.clone(), |meta| {
            assert_eq!(meta.trace.traceparent.as_deref(), Some(TRACEPARENT));
            assert_eq!(meta.trace.tracestate.as_deref(), Some("a=b"));
            assert_eq!(meta.trace.baggage, None);
        });
    }
}

#[test]
fn a_meta_that_is_no_object_is_ignored() {
    for meta in ["null", "[]", "1", r#""x""#] {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"greet","_meta":{meta}}}}}"#
        );
        let Route::Request(request) = route(Headers::default(), body.as_bytes()) else {
            panic!("{body} is refused");
        };
        let ClientRequest::CallTool { meta, .. } = request.method else {
            panic!("not a call");
        };
        assert!(meta.progress_token.is_none() && meta.trace.is_empty());
    }
}

#[test]
fn the_levels_are_ordered_and_known_by_their_names() {
    assert!(LogLevel::ALL.is_sorted());
    for level in LogLevel::ALL {
        assert_eq!(LogLevel::parse(level.as_str()), Some(level));
        assert_eq!(json!(level), json!(level.as_str()));
    }
    assert_eq!(LogLevel::parse("Debug"), None);
}
