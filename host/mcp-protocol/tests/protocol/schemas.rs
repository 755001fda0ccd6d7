//! What is written satisfies the official schema of the revision it is written for.

use std::{collections::HashMap, fs, path::PathBuf};

use jsonschema::Validator;
use mcp_protocol::{
    Answer, Batch, Id, Notification, Revision, Route, capabilities, discover, initialize,
    jsonrpc::{INTERNAL_ERROR, INVALID_PARAMS},
    route,
    tools::{self, CallResult},
};
use serde_json::{Value, json};

use crate::{
    notifications::every_notification,
    post::{Owed, claiming, modern, request},
    words::{CACHE, all_content, everything, result, server, tool},
};

/// The definitions of one revision.
struct Definitions {
    revision: Revision,
    document: Value,
    /// `definitions` or `$defs`.
    place: &'static str,
    compiled: HashMap<String, Validator>,
}

impl Definitions {
    fn of(revision: Revision) -> Self {
        let file = format!("../../tests/schemas/schema-{revision}.json");
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file);
        let text =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let document: Value = serde_json::from_str(&text).expect("the schema is JSON");
        let place = if document.get("$defs").is_some() {
            "$defs"
        } else {
            "definitions"
        };
        Self {
            revision,
            document,
            place,
            compiled: HashMap::new(),
        }
    }

    fn accept(&mut self, definition: &str, value: &Value) {
        assert!(
            self.document[self.place].get(definition).is_some(),
            "{} defines no {definition}",
            self.revision
        );
        let validator = self
            .compiled
            .entry(definition.to_owned())
            .or_insert_with(|| {
                let mut document = self.document.clone();
                document["$ref"] = json!(format!("#/{}/{definition}", self.place));
                jsonschema::validator_for(&document).expect("the schema is one")
            });
        let problems: Vec<_> = validator
            .iter_errors(value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(
            problems.is_empty(),
            "{definition} of {}: {problems:#?}\n{value:#}",
            self.revision
        );
    }

    /// A success: its envelope, and its result by the definition of its kind.
    fn accept_success(&mut self, definition: &str, answer: &Answer) {
        let body = parsed(answer);
        self.accept("JSONRPCResponse", &body);
        self.accept(definition, &body["result"]);
    }

    fn accept_error(&mut self, answer: &Answer) {
        let body = parsed(answer);
        let has_id_only_if_read = self.revision >= Revision::V2025_11_25;
        if has_id_only_if_read {
            self.accept("JSONRPCErrorResponse", &body);
        } else if body.get("id").is_some() {
            self.accept("JSONRPCError", &body);
        } else {
            // These revisions demand an id that is not null, so an error without one has no valid form in them.
            let mut body = body;
            body["id"] = json!(0);
            self.accept("JSONRPCError", &body);
        }
    }
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
fn the_schemas_do_refuse_what_is_wrong() {
    for revision in Revision::ALL {
        let mut definitions = Definitions::of(revision);
        let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            definitions.accept(
                "CallToolResult",
                &json!({ "content": [{ "type": "smell" }] }),
            );
        }));
        assert!(refused.is_err(), "{revision}");
    }
}

#[test]
fn handshakes_satisfy_the_schema() {
    for revision in Revision::ALL {
        let mut definitions = Definitions::of(revision);
        for (id, instructions) in ids()
            .iter()
            .zip([None, Some("Ask for a city."), None, None])
        {
            if revision.is_modern() {
                let result = discover(&server(), instructions, CACHE);
                let answer = Answer::success(id, &result);
                definitions.accept_success("DiscoverResult", &answer);
                definitions.accept("DiscoverResultResponse", &parsed(&answer));
            } else {
                let result = initialize(revision, &server(), instructions);
                definitions.accept_success("InitializeResult", &Answer::success(id, &result));
                let pong = Answer::success(id, &json!({}));
                definitions.accept_success("EmptyResult", &pong);
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
        let mut definitions = Definitions::of(revision);
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
            let list = tools::list(revision, &tools, None, &server(), CACHE);
            let answer = Answer::success(&Id::Number(1.into()), &list);
            definitions.accept_success("ListToolsResult", &answer);
        }
    }
}

#[test]
fn results_satisfy_the_schema() {
    for revision in Revision::ALL {
        let mut definitions = Definitions::of(revision);
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
            let result = result.in_words_of(revision, &server());
            let answer = Answer::success(&Id::Number(1.into()), &result);
            definitions.accept_success("CallToolResult", &answer);
        }
    }
}

fn refused(version: Option<&str>, body: &str) -> Answer {
    match route(Owed::by(body).with(version), body.as_bytes()) {
        Route::Answered(answer) | Route::InSession { answer, .. } => answer,
        Route::Batch(_) => Batch::refused(),
        other => panic!("{body} was not refused: {other:?}"),
    }
}

#[test]
fn errors_satisfy_the_schema() {
    let response = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    for revision in Revision::ALL {
        let mut definitions = Definitions::of(revision);
        let version = Some(revision.as_str());
        let mut answers: Vec<_> = [
            "{",
            "[]",
            "1",
            "{}",
            r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
        ]
        .map(|body| refused(version, body))
        .into();
        let no_method = request(
            "prompts/list",
            if revision.is_modern() {
                modern()
            } else {
                json!({})
            },
        );
        answers.push(refused(version, &no_method.to_string()));
        for code in [INVALID_PARAMS, INTERNAL_ERROR] {
            answers.push(Answer::error(
                200,
                Some(&Id::Number(1.into())),
                code,
                "words",
            ));
        }
        if revision.is_modern() {
            answers.push(refused(version, response));
            answers.push(refused(
                version,
                &request("tools/list", json!({})).to_string(),
            ));
        }
        for answer in &answers {
            definitions.accept_error(answer);
        }
    }
}

#[test]
fn errors_of_the_modern_revision_have_the_form_of_their_code() {
    let mut definitions = Definitions::of(Revision::MODERN);
    let modern_version = Some("2026-07-28");
    for (definition, answer) in [
        (
            "MissingRequiredClientCapabilityError",
            capabilities::missing_error(
                &Id::Number(1.into()),
                "words",
                &capabilities::CAPABILITIES,
            ),
        ),
        (
            "HeaderMismatchError",
            refused(None, &request("tools/list", modern()).to_string()),
        ),
        (
            "UnsupportedProtocolVersionError",
            refused(
                Some("2030-01-01"),
                &request("tools/list", claiming(json!("2030-01-01"))).to_string(),
            ),
        ),
        (
            "UnsupportedProtocolVersionError",
            refused(
                Some("2025-11-25"),
                &request("tools/list", claiming(json!("2025-11-25"))).to_string(),
            ),
        ),
    ] {
        definitions.accept(definition, &parsed(&answer));
    }
    for (definition, answer) in [
        ("ParseError", refused(modern_version, "{")),
        ("InvalidRequestError", refused(modern_version, "[]")),
        (
            "MethodNotFoundError",
            refused(modern_version, &request("ping", modern()).to_string()),
        ),
        (
            "InvalidParamsError",
            refused(modern_version, &request("ping", json!({})).to_string()),
        ),
        (
            "InternalError",
            Answer::error(200, None, INTERNAL_ERROR, "words"),
        ),
    ] {
        definitions.accept(definition, &parsed(&answer)["error"]);
    }
}

#[test]
fn notifications_satisfy_the_schema() {
    for revision in Revision::ALL {
        let mut definitions = Definitions::of(revision);
        for token in &ids() {
            for notification in every_notification() {
                let definition = match notification {
                    Notification::Progress(_) => "ProgressNotification",
                    Notification::Message(_) => "LoggingMessageNotification",
                };
                let worded = notification.in_words_of(revision, Some(token));
                let worded = worded.expect("a token was given");
                let worded = serde_json::from_str(worded.get()).expect("JSON");
                definitions.accept("JSONRPCNotification", &worded);
                definitions.accept(definition, &worded);
            }
        }
    }
}

#[test]
fn a_version_that_is_not_offered_is_told_which_ones_are() {
    let body = request("tools/list", claiming(json!("2030-01-01"))).to_string();
    let answer = parsed(&refused(Some("2030-01-01"), &body));
    assert_eq!(
        answer["error"]["data"],
        json!({ "supported": ["2026-07-28"], "requested": "2030-01-01" })
    );
    let discovered = discover(&server(), None, CACHE);
    let discovered: Value = serde_json::from_str(discovered.get()).expect("JSON");
    assert_eq!(
        discovered["supportedVersions"],
        answer["error"]["data"]["supported"]
    );
}
