//! Answers satisfy the official schema of their revision. (Every test checks that of refusals.)

use mcp_protocol::{
    Answer, Id, Revision, Route, capabilities, discover_result, initialize_result, route,
    tools::{self, CallResult},
};
use serde_json::{Value, json};

use crate::{
    notifications::every_notification,
    post::{Owed, claiming, request},
    revisions::{CACHE, all_content, everything, result, server, tool},
};

/// Returns a success of this method, as a client of this revision gets it.
fn accept(revision: Revision, method: &str, answer: &Answer) {
    let revision = revision.as_str();
    let body = parsed(answer);
    schemas::assert_valid(revision, "JSONRPCResponse", &body);
    schemas::validate_result(revision, method, &body["result"]);
}

fn parsed(answer: &Answer) -> Value {
    serde_json::from_slice(answer.body.as_deref().expect("an answer with a body"))
        .expect("an answer is JSON")
}

fn ids() -> [Id; 4] {
    [
        Id::String("a".to_owned()),
        Id::String(String::new()),
        Id::Number(0.into()),
        Id::Number((-1).into()),
    ]
}

#[test]
fn handshakes_satisfy_the_schema() {
    for revision in Revision::ALL {
        for (id, instructions) in ids()
            .iter()
            .zip([None, Some("Ask for a city."), None, None])
        {
            if revision.is_modern() {
                let result = discover_result(&server(), instructions, CACHE);
                let answer = Answer::success(id, &result);
                accept(revision, "server/discover", &answer);
                schemas::assert_valid(
                    revision.as_str(),
                    "DiscoverResultResponse",
                    &parsed(&answer),
                );
            } else {
                let result = initialize_result(revision, &server(), instructions);
                accept(revision, "initialize", &Answer::success(id, &result));
                let pong = Answer::success(id, &json!({}));
                accept(revision, "ping", &pong);
            }
        }
    }
}

#[test]
fn lists_satisfy_the_schema() {
    let bare = tool(json!({ "name": "bare", "inputSchema": { "type": "object" } }));
    let odd = |output: Value| {
        tool(json!({ "name": "odd", "inputSchema": { "type": "object" }, "outputSchema": output }))
    };
    for revision in Revision::ALL {
        for tools in [
            vec![],
            vec![bare.clone()],
            vec![everything(), bare.clone()],
            vec![odd(
                json!({ "type": "array", "items": { "type": "integer" } }),
            )],
            vec![odd(json!({ "type": ["object", "null"] }))],
            vec![odd(json!({}))],
        ] {
            for cursor in [None, Some(""), Some("after:everything")] {
                let list = tools::list_result(revision, &tools, cursor, &server(), CACHE);
                let answer = Answer::success(&Id::Number(1.into()), &list);
                accept(revision, "tools/list", &answer);
                assert_eq!(parsed(&answer)["result"]["nextCursor"].as_str(), cursor);
            }
        }
    }
}

#[test]
fn results_satisfy_the_schema() {
    for revision in Revision::ALL {
        for result in [
            result(None),
            result(Some(json!({ "celsius": 21.5 }))),
            result(Some(json!([1, 2]))),
            result(Some(Value::Null)),
            all_content(),
            CallResult::error("no such city"),
            CallResult {
                meta: json!({ "com.example/cost": 3 }).as_object().cloned(),
                ..result(None)
            },
        ] {
            let result = result.for_revision(revision, &server());
            let answer = Answer::success(&Id::Number(1.into()), &result);
            accept(revision, "tools/call", &answer);
        }
    }
}

fn refused(version: Option<&str>, body: &str) -> Answer {
    match route(Owed::by(body).with(version), body.as_bytes()) {
        Route::Reply(answer) | Route::ReplyIfSessionAlive { answer, .. } => answer,
        other => panic!("{body} was not refused: {other:?}"),
    }
}

#[test]
fn a_missing_capability_satisfies_the_schema() {
    let id = Id::Number(1.into());
    let answer =
        capabilities::missing_capabilities_error(&id, "words", &capabilities::CAPABILITIES);
    let definition = "MissingRequiredClientCapabilityError";
    schemas::assert_valid(schemas::MODERN, definition, &parsed(&answer));
}

#[test]
fn notifications_satisfy_the_schema() {
    for revision in Revision::ALL {
        for token in &ids() {
            for notification in every_notification() {
                let worded = notification.for_revision(revision, Some(token));
                let worded = worded.expect("a token was given");
                let worded = serde_json::from_str(worded.get()).expect("JSON");
                schemas::validate_notification(revision.as_str(), &worded);
            }
        }
    }
}

#[test]
fn an_unsupported_version_is_refused_with_the_supported_ones() {
    let body = request("tools/list", claiming(json!("2030-01-01"))).to_string();
    let answer = parsed(&refused(Some("2030-01-01"), &body));
    assert_eq!(
        answer["error"]["data"],
        json!({ "supported": ["2026-07-28"], "requested": "2030-01-01" })
    );
    let discovered = discover_result(&server(), None, CACHE);
    let discovered: Value = serde_json::from_str(discovered.get()).expect("JSON");
    assert_eq!(
        discovered["supportedVersions"],
        answer["error"]["data"]["supported"]
    );
}
